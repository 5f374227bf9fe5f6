"""Live messages over the real server's WebSocket (docs/api.md section 5)."""
import json
import os
import unittest

from souk import RoomTest, until
from websocket import WebSocket

SCHEMAS = os.path.join(os.path.dirname(__file__), "../../docs/schema")


class Live(RoomTest):
    def open(self, token=None, **options):
        path = "/ws/demo" + (f"?token={token}" if token else "")
        socket = WebSocket(self.server, path, **options)
        self.addCleanup(socket.close)
        return socket

    def test_greets_with_hello_and_state(self):
        socket = self.open(self.viewer)
        self.assertEqual(socket.status, 101)
        hello = socket.message()
        self.assertEqual((hello["type"], hello["data"]["room"], hello["data"]["role"]), ("hello", "demo", "viewer"))
        state = socket.until("state")["data"]
        self.assertEqual(state["products"][0]["sku"], "A1")

    def test_events_reach_everybody_in_order_and_once(self):
        sockets = [self.open(), self.open(self.viewer)]
        seqs = [socket.until("state")["data"]["seq"] for socket in sockets]
        for _ in range(3):
            self.server.request("POST", "/api/rooms/demo/pin", {"sku": "A1"}, self.host)
            self.server.request("DELETE", "/api/rooms/demo/pin", token=self.host)
        for socket, seq in zip(sockets, seqs):
            for expected in ("product.pin", "product.unpin") * 3:
                seq += 1
                event = socket.until(expected)
                self.assertEqual((event["seq"], event["room"]), (seq, "demo"))

    def test_an_order_by_socket_is_answered_to_all_sessions_of_its_buyer(self):
        buyer, second, other = self.open(self.viewer), self.open(self.viewer), self.open(self.host)
        for socket in (buyer, second, other):
            socket.until("state")
        buyer.send("order.place", key="w1", sku="A1", qty=1)
        for socket in (buyer, second):
            result = socket.until("order.result")["data"]
            self.assertEqual((result["key"], result["status"], result["body"]["state"]), ("w1", 201, "reserved"))
        self.assertEqual(other.until("stock")["data"]["left"], 99)
        status, _, order = self.order("w1")
        self.assertEqual((status, order["id"]), (201, result["body"]["id"]), "one key, whatever carries it")

    def test_bad_orders_by_socket_get_a_result_while_the_key_can_be_read(self):
        socket = self.open(self.viewer)
        socket.send("order.place", key="w2", sku="A1", qty=0)
        result = socket.until("order.result")["data"]
        self.assertEqual((result["status"], result["body"]["member"]), (400, "qty"))
        anonymous = self.open()
        anonymous.send("order.place", key="w3", sku="A1", qty=1)
        self.assertEqual(anonymous.until("order.result")["data"]["status"], 401)

    def test_auth_gives_an_anonymous_session_its_identity(self):
        socket = self.open()
        self.assertIsNone(socket.until("hello")["data"]["role"])
        socket.send("auth", token=self.viewer)
        self.assertEqual(socket.until("hello")["data"]["role"], "viewer")
        socket.send("auth", token="nonsense")
        self.assertEqual(socket.close_code(), 4401)

    def test_join_replays_what_was_missed(self):
        socket = self.open()
        seq = socket.until("state")["data"]["seq"]
        self.server.request("POST", "/api/rooms/demo/pin", {"sku": "A1"}, self.host)
        socket.until("product.pin")
        late = self.open()
        late.until("state")
        late.send("join", after=seq)
        self.assertEqual(late.until("product.pin")["seq"], seq + 1)

    def test_chat_needs_a_token_and_has_a_rate(self):
        reader, writer, anonymous = self.open(), self.open(self.viewer), self.open()
        reader.until("state")
        writer.send("chat", text="hello 你好")
        message = reader.until("chat")["data"]
        self.assertEqual((message["text"], message["sub"]), ("hello 你好", "bob"))
        anonymous.send("chat", text="x")
        self.assertEqual(anonymous.until("error")["data"]["code"], "bad_token")
        for _ in range(8):
            writer.send("chat", text="again")
        self.assertEqual(writer.until("error")["data"]["code"], "rate_limited")

    def test_ping_and_likes(self):
        socket = self.open()
        for t in (7, 1795263354794.7002):  # a browser's clock has fractions of a millisecond
            socket.send("ping", t=t)
            self.assertEqual(socket.until("pong")["data"]["t"], t)
        socket.send("like", n=3)
        self.assertEqual(socket.until("like.sum")["data"]["n"], 3)

    def test_what_is_no_message_closes_with_4400(self):
        for text in (b"x", b"{}", b'{"v":2,"type":"ping","data":{"t":1}}',
                     b'{"v":1,"type":"ping","data":{"t":"1"}}', b'{"v":1,"type":"like","data":{"n":0}}',
                     b'{"v":1,"type":"chat","data":{"text":7}}', b"[" * 40 + b"]" * 40):
            socket = self.open(self.viewer)
            socket.until("state")
            socket.send_frame(1, text)
            self.assertEqual(socket.close_code(), 4400, text)

    def test_broken_frames_close_by_the_protocol_s_codes(self):
        for opcode, payload, code in ((1, b"\xff\xfe", 1007), (2, b"\0", 1003), (1, b"a" * 20000, 1009),
                                      (3, b"", 1002)):
            socket = self.open()
            socket.send_frame(opcode, payload)
            self.assertEqual(socket.close_code(), code)

    def test_a_flood_of_messages_is_ended(self):
        socket = self.open()
        socket.until("state")
        for _ in range(300):
            try:
                socket.send("ping", t=1)
            except OSError:
                break
        self.assertEqual(socket.close_code(), 4429)

    def test_origins_tokens_and_subprotocols_are_judged_before_the_upgrade(self):
        own = f"http://{self.server.host}:{self.server.port}"
        self.assertEqual(self.open(headers={"Origin": own}).status, 101)
        for origin in ("null", "http://evil.example", own + "0", own.replace("http", "https")):
            self.assertEqual(self.open(headers={"Origin": origin}).status, 403, origin)
        self.assertEqual(self.open("bad").status, 401)
        self.assertEqual(self.open(protocols=None).status, 400)
        self.assertEqual(self.open(protocols="chat, souk.v1").status, 101)

    def test_a_deleted_room_says_goodbye(self):
        socket = self.open()
        socket.until("state")
        self.server.request("DELETE", "/api/rooms/demo", token=self.admin)
        self.assertEqual(socket.close_code(), 4404)

    def test_draining_says_1001(self):
        socket = self.open()
        socket.until("state")
        self.server.process.terminate()
        self.assertEqual(socket.close_code(), 1001)

    def test_clock_comes_with_media_and_follows_the_stream(self):
        self.publish(seconds=20)
        socket = self.open()
        clock = socket.until("clock")["data"]
        self.assertGreater(clock["capture_us"], 1_600_000_000_000_000)
        self.assertLess(abs(clock["rate_ppm"]), 5001)

    def test_messages_fit_their_schemas(self):
        import jsonschema
        store = {}
        for name in os.listdir(SCHEMAS):
            with open(os.path.join(SCHEMAS, name)) as file:
                schema = json.load(file)
            store[schema.get("$id", name)] = schema
            store[name] = schema
        socket = self.open(self.viewer)
        self.server.request("POST", "/api/rooms/demo/pin", {"sku": "A1"}, self.host)
        socket.send("order.place", key="w1", sku="A1", qty=1)
        seen = set()
        while not {"hello", "state", "product.pin", "order.result", "stock"} <= seen:
            message = socket.message()
            seen.add(message["type"])
            schema = store[f"live-{message['type']}.schema.json"]
            resolver = jsonschema.RefResolver(schema.get("$id", ""), schema, store=store)
            jsonschema.Draft202012Validator(schema, resolver=resolver).validate(message)


if __name__ == "__main__":
    unittest.main()
