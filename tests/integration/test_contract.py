"""Statuses and bodies of the HTTP contract (docs/api.md) on the real server."""
import unittest

from souk import RoomTest, until


class Contract(RoomTest):
    def test_checks_come_in_the_contract_s_order(self):
        request = self.server.request
        bad, other = "not.a.token", self.server.token("other", "host", "carl")
        self.assert_problem(request("GET", "/api/rooms/demo", token=bad), 401, "bad_token")
        self.assert_problem(request("GET", "/api/rooms/none", token=bad), 401, "bad_token")
        self.assert_problem(request("POST", "/api/rooms/none/pin", {}), 404, "not_found")
        self.assert_problem(request("POST", "/api/rooms/demo/pin", {}), 401, "bad_token")
        self.assert_problem(request("POST", "/api/rooms/demo/pin", {}, other), 403, "forbidden")
        self.assert_problem(request("POST", "/api/rooms/demo/pin", {}, self.viewer), 403, "forbidden")
        self.assert_problem(request("POST", "/api/rooms/demo/pin", {}, self.host), 400, "bad_request", "sku")
        self.assert_problem(request("POST", "/api/rooms/demo/pin", {"sku": "Z"}, self.host), 404, "not_found",
                            "sku")

    def test_a_401_says_how_to_ask_and_a_405_what_is_allowed(self):
        _, fields, _ = self.server.request("POST", "/api/rooms/demo/end")
        self.assertEqual(fields["WWW-Authenticate"], "Bearer")
        status, fields, _ = self.server.request("PUT", "/api/rooms/demo")
        self.assertEqual(status, 405)
        self.assertEqual({m.strip() for m in fields["Allow"].split(",")}, {"GET", "HEAD", "PATCH", "DELETE"})

    def test_rooms_are_made_read_changed_and_deleted(self):
        request = self.server.request
        status, fields, body = request("POST", "/api/rooms", {"id": "r2", "title": "Two"}, self.admin)
        self.assertEqual((status, fields["Location"], body["state"]), (201, "/api/rooms/r2", "idle"))
        self.assert_problem(request("POST", "/api/rooms", {"id": "r2"}, self.admin), 409, "exists")
        self.assert_problem(request("POST", "/api/rooms", {"id": "../x"}, self.admin), 400, "bad_request", "id")
        _, _, listed = request("GET", "/api/rooms?limit=1", token=self.admin)
        self.assertEqual((len(listed["items"]), listed["next"] is not None), (1, True))
        status, _, body = request("PATCH", "/api/rooms/r2", {"title": "Three"}, self.admin)
        self.assertEqual((status, body["title"]), (200, "Three"))
        self.assertEqual(request("DELETE", "/api/rooms/r2", token=self.admin)[0], 204)
        self.assert_problem(request("GET", "/api/rooms/r2"), 404, "not_found")

    def test_a_number_that_nobody_can_hold_is_the_fault_of_its_member(self):
        for number in ("1" + 30 * "0", "9223372036854775808", "1e999"):
            body = f'{{"id":"r9","hold_s":{number}}}'
            self.assert_problem(self.server.request("POST", "/api/rooms", body, self.admin), 400, "bad_request", "hold_s")
            body = f'{{"room":"demo","unknown":{number}}}'
            self.assertEqual(self.server.request("POST", "/api/guest", body)[0], 201)

    def test_whip_and_whep_endpoints_are_those_of_rooms(self):
        other = self.server.token("other", "viewer", "carl")
        for endpoint in ("/whip/", "/whep/"):
            self.assert_problem(self.server.request("GET", endpoint + "none"), 404, "not_found")
            self.assert_problem(self.server.request("GET", endpoint + "demo?token=bad"), 401, "bad_token")
            self.assert_problem(self.server.request("GET", endpoint + "demo", token=other), 403, "forbidden")
            self.assertLess(self.server.request("GET", endpoint + "demo")[0], 300)

    def test_ids_in_bodies_and_urls_have_their_form(self):
        for room in ("a b", "", "x" * 65, 7):
            self.assert_problem(self.server.request("POST", "/api/guest", {"room": room}), 400, "bad_request", "room")
        for sid in ("short", "x" * 33, "a%20bcdefgh"):
            answer = self.server.request("POST", f"/whep/demo?sid={sid}", "v=0", None, {"Content-Type": "application/sdp"})
            self.assert_problem(answer, 400, "bad_request", "sid")

    def test_a_stock_has_an_end(self):
        def restock(by):
            return self.server.request("PATCH", "/api/rooms/demo/products/A1", {"restock": by}, self.host)

        self.assertEqual(restock(10**9 - 100)[0], 200)
        self.assert_problem(restock(1), 409, "bad_state", "restock")
        self.assertEqual(restock(-1)[0], 200)

    def test_who_buys_now_and_then_reads_at_once_what_came_of_it(self):
        for i in range(5):
            self.assertEqual(self.order(f"k{i}")[0], 201)
            self.assertEqual(self.state()["products"][0]["left"], 99 - i)

    def test_a_token_room_is_closed_to_strangers(self):
        self.make_room("shut", access="token")
        for path in ("/api/rooms/shut", "/api/rooms/shut/state", "/live/shut.flv", "/api/rooms/shut/play"):
            self.assert_problem(self.server.request("GET", path), 401, "bad_token")
        token = self.server.token("shut", "viewer", "dora")
        self.assertEqual(self.server.request("GET", "/api/rooms/shut", token=token)[0], 200)
        self.assert_problem(self.server.request("POST", "/api/guest", {"room": "shut"}), 403, "forbidden")

    def test_an_order_is_placed_once_and_replayed(self):
        status, fields, order = self.order("k1")
        self.assertEqual((status, order["state"], order["total"]["minor"]), (201, "reserved", 19900))
        self.assertEqual(fields["Location"], f"/api/orders/{order['id']}")
        status, fields, again = self.order("k1")
        self.assertEqual((status, again, fields["Idempotency-Replayed"]), (201, order, "true"))
        self.assert_problem(self.order("k1", qty=2), 409, "key_reused")
        until(lambda: self.state()["products"][0]["left"] == 99, "one piece is held")

    def test_stock_never_goes_below_zero_and_comes_back(self):
        self.make_product("B2", stock=3)
        orders = [self.order(f"b{i}", sku="B2", qty=1) for i in range(5)]
        self.assertEqual([status for status, _, _ in orders], [201, 201, 201, 409, 409])
        self.assertEqual(orders[3][2]["code"], "sold_out")
        path = f"/api/orders/{orders[0][2]['id']}/cancel"
        status, _, body = self.server.request("POST", path, {}, self.viewer, {"Idempotency-Key": "c1"})
        self.assertEqual((status, body["state"]), (200, "cancelled"))
        self.assertEqual(self.order("b9", sku="B2")[0], 201)

    def test_an_order_is_seen_by_its_buyer_and_the_host_alone(self):
        _, _, order = self.order("k1")
        path = f"/api/orders/{order['id']}"
        stranger = self.server.token("demo", "viewer", "eve")
        self.assertEqual(self.server.request("GET", path, token=self.viewer)[0], 200)
        self.assertEqual(self.server.request("GET", path, token=self.host)[0], 200)
        self.assert_problem(self.server.request("GET", path, token=stranger), 404, "not_found")
        self.assert_problem(self.server.request("GET", path), 401, "bad_token")

    def test_bad_orders_name_their_member(self):
        for body, member in (({"sku": "A1", "qty": 0}, "qty"), ({"sku": "A1", "qty": 1.5}, "qty"),
                             ({"sku": "A1", "qty": 1000}, "qty"), ({"qty": 1}, "sku")):
            answer = self.server.request("POST", "/api/rooms/demo/orders", body, self.viewer,
                                         {"Idempotency-Key": "x"})
            self.assert_problem(answer, 400, "bad_request", member)
        answer = self.server.request("POST", "/api/rooms/demo/orders", {"sku": "A1", "qty": 1}, self.viewer)
        self.assert_problem(answer, 400, "bad_request", "Idempotency-Key")
        self.assert_problem(self.order("x", sku="NONE"), 404, "not_found", "sku")

    def test_you_pay_what_you_saw(self):
        rev = self.state()["products"][0]["price"]["rev"]
        patch = {"price": {"minor": 29900, "cur": "CNY"}}
        self.assertEqual(self.server.request("PATCH", "/api/rooms/demo/products/A1", patch, self.host)[0], 200)
        status, _, order = self.order("in-grace", price_rev=rev)
        self.assertEqual((status, order["total"]["minor"]), (201, 19900))
        self.assert_problem(self.order("unknown", price_rev=rev + 50), 409, "price_changed")
        self.server.request("PATCH", "/api/rooms/demo", {"price_grace_ms": 0}, self.host)
        answer = self.order("late", price_rev=rev)
        self.assert_problem(answer, 409, "price_changed")
        self.assertEqual(answer[2]["price"]["minor"], 29900)

    def test_guests_order_only_where_they_may(self):
        _, _, guest = self.server.request("POST", "/api/guest", {"room": "demo"})
        self.assertEqual(self.order("g1", token=guest["token"])[0], 201)
        self.server.request("PATCH", "/api/rooms/demo", {"guest_orders": False}, self.host)
        until(lambda: self.order("g2", token=guest["token"])[0] == 403, "guests are refused")

    def test_orders_of_one_buyer_are_limited_in_rate(self):
        statuses = [self.order(f"r{i}")[0] for i in range(40)]
        self.assertIn(429, statuses)
        self.assertGreaterEqual(statuses.count(201), 20)

    def test_the_timeline_has_no_gap(self):
        self.server.request("POST", "/api/rooms/demo/pin", {"sku": "A1"}, self.host)
        self.order("k1")
        events = until(lambda: self.complete_events(3), "three events")
        self.assertEqual([event["seq"] for event in events], list(range(1, len(events) + 1)))
        self.assertIn("product.pin", [event["type"] for event in events])

    def complete_events(self, count):
        _, _, page = self.server.request("GET", "/api/rooms/demo/events?after=0")
        return page["items"] if len(page["items"]) >= count else None

    def test_preflights_and_exposed_headers(self):
        status, fields, _ = self.server.request("OPTIONS", "/api/rooms/demo")
        self.assertEqual((status, fields["Access-Control-Allow-Origin"]), (204, "*"))
        _, fields, _ = self.server.request("GET", "/api/rooms/demo")
        for name in ("Location", "ETag", "Retry-After", "Idempotency-Replayed"):
            self.assertIn(name, fields["Access-Control-Expose-Headers"])

    def test_play_ranks_by_platform(self):
        _, _, play = self.server.request("GET", "/api/rooms/demo/play")
        self.assertEqual(([item["kind"] for item in play["items"]][0], play["live"]), ("whep", False))
        _, _, play = self.server.request("GET", "/api/rooms/demo/play?platform=weixin")
        self.assertEqual(play["items"][0]["kind"], "flv")
        for platform, kinds in (("h5", ["whep", "flv", "ws-flv", "ll-hls", "hls-ts"]),
                                ("douyin", ["flv", "ws-flv", "hls-ts", "ll-hls"]),
                                ("alipay", ["hls-ts", "ll-hls", "flv", "ws-flv"])):
            _, _, play = self.server.request("GET", f"/api/rooms/demo/play?platform={platform}")
            self.assertEqual([item["kind"] for item in play["items"]], kinds, platform)
        self.assert_problem(self.server.request("GET", "/api/rooms/demo/play?platform=x"), 400, "bad_request",
                            "platform")


class OneOwner(RoomTest):
    def test_a_data_directory_has_one_server(self):
        from souk import Server
        second = Server(data=self.server.data)
        with self.assertRaises(RuntimeError):
            second.start()
        self.assertEqual(second.process.wait(10), 1)
        self.assertIn(f"pid={self.server.process.pid}", second.errors())
        second.process.stdout.close()
        second.log.close()


if __name__ == "__main__":
    unittest.main()
