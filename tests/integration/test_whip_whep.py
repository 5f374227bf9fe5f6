"""WHIP (RFC 9725) and WHEP over HTTP on the real server: statuses, header fields, bodies."""
import pathlib
import re
import unittest

from souk import Publisher, RoomTest, until

SDP_DIR = pathlib.Path(__file__).resolve().parents[1] / "data" / "sdp"
SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"
PUBLISHER_OFFER = (SDP_DIR / "chromium156-offer-publisher.sdp").read_text()
VIEWER_OFFER = (SDP_DIR / "chromium156-offer-viewer_datachannel.sdp").read_text()


def fragment(offer, *, ufrag=None, pwd=None):
    """What a client would trickle; with other credentials it is an ICE restart."""
    ufrag = ufrag or re.search(r"a=ice-ufrag:(\S+)", offer)[1]
    pwd = pwd or re.search(r"a=ice-pwd:(\S+)", offer)[1]
    mid = re.search(r"a=mid:(\S+)", offer)[1]
    return (f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\na=group:BUNDLE {mid}\r\n"
            f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:{mid}\r\n"
            "a=candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host\r\na=end-of-candidates\r\n")


class WhipWhep(RoomTest):
    def post(self, path, body, token=None, content_type=SDP):
        headers = {"Content-Type": content_type} if content_type else {}
        return self.server.request("POST", path, body, token, headers)

    def patch(self, location, body, token=None, if_match=None, content_type=FRAGMENT):
        headers = {"Content-Type": content_type}
        if if_match:
            headers["If-Match"] = if_match
        return self.server.request("PATCH", location, body, token, headers)

    def publish_by_whip(self, token=None):
        status, fields, answer = self.post("/whip/demo", PUBLISHER_OFFER, token or self.host)
        self.assertEqual(status, 201, answer)
        return fields, answer.decode()

    def watch(self):
        status, fields, answer = self.post("/whep/demo", VIEWER_OFFER)
        self.assertEqual(status, 201, answer)
        return fields, answer.decode()

    def test_a_publisher_gets_201_with_location_etag_and_an_answer(self):
        fields, answer = self.publish_by_whip()
        self.assertRegex(fields["Location"], r"^/whip/demo/[A-Za-z0-9_-]{20,}$")
        self.assertRegex(fields["ETag"], r'^"[^"]+"$')
        self.assertEqual(fields["Content-Type"], SDP)
        self.assertEqual(fields["Access-Control-Allow-Origin"], "*")
        self.assertIn("Location", fields["Access-Control-Expose-Headers"])
        self.assertIn("ETag", fields["Access-Control-Expose-Headers"])
        self.assertIn("a=ice-lite", answer)
        self.assertIn("a=setup:passive", answer)
        port = self.server.ready["udp"][0].rsplit(":", 1)[1]
        self.assertIn(f" 127.0.0.1 {port} typ host", answer)
        directions = re.findall(r"^a=(sendrecv|sendonly|recvonly|inactive)\r$", answer, re.M)
        self.assertEqual(directions, ["recvonly", "recvonly"])

    def test_the_life_of_a_publisher_s_session(self):
        fields, _ = self.publish_by_whip()
        location, etag = fields["Location"], fields["ETag"]
        same = fragment(PUBLISHER_OFFER)
        self.assert_problem(self.patch(location, same, self.host), 428, "precondition_required")
        self.assert_problem(self.patch(location, same, self.host, '"other"'), 412, "precondition_failed")
        self.assert_problem(self.patch(location, same, self.host, etag, "text/plain"), 415,
                            "unsupported_media_type")
        self.assert_problem(self.patch(location, "nonsense", self.host, etag), 400, "bad_request")
        status, fields, body = self.patch(location, same, self.host, etag)
        self.assertEqual((status, body), (204, b""))
        new = fragment(PUBLISHER_OFFER, ufrag="Nufr", pwd="p" * 24)
        half = fragment(PUBLISHER_OFFER, ufrag="Nufr")
        self.assert_problem(self.patch(location, half, self.host, etag), 422, "bad_sdp")
        status, fields, body = self.patch(location, new, self.host, "*")
        self.assertEqual((status, fields["Content-Type"]), (200, FRAGMENT))
        self.assertNotEqual(fields["ETag"], etag)
        self.assertRegex(body.decode(), r"a=ice-ufrag:\S+")
        self.assert_problem(self.patch(location, new, self.host, etag), 412, "precondition_failed")
        self.assertEqual(self.patch(location, new, self.host, fields["ETag"])[0], 204)
        self.assertEqual(self.server.request("DELETE", location, token=self.host)[0], 200)
        self.assert_problem(self.server.request("DELETE", location, token=self.host), 404, "not_found")
        self.assert_problem(self.patch(location, new, self.host, "*"), 404, "not_found")

    def test_the_life_of_a_viewer_s_session(self):
        self.publish(seconds=30)
        fields, answer = self.watch()
        self.assertIn("a=sctp-port:5000", answer)
        self.assertIn("a=sendonly", answer)
        location, etag = fields["Location"], fields["ETag"]
        self.assertTrue(location.startswith("/whep/demo/"))
        until(lambda: self.state()["viewers"] == 1, "one viewer")
        same = fragment(VIEWER_OFFER)
        self.assert_problem(self.patch(location, same), 428, "precondition_required")
        self.assertEqual(self.patch(location, same, if_match=etag)[0], 204)
        restart = fragment(VIEWER_OFFER, ufrag="Nufr", pwd="p" * 24)
        self.assertEqual(self.patch(location, restart, if_match="*")[0], 200)
        wrong_room = location.replace("/demo/", "/none/")
        self.assert_problem(self.server.request("DELETE", wrong_room), 404, "not_found")
        as_publisher = location.replace("/whep/", "/whip/")
        self.assert_problem(self.server.request("DELETE", as_publisher, token=self.host), 404, "not_found")
        self.assertEqual(self.server.request("DELETE", location)[0], 200)
        self.assert_problem(self.server.request("DELETE", location), 404, "not_found")
        until(lambda: self.state()["viewers"] == 0, "no viewer")

    def test_options_and_get_say_what_there_is(self):
        for path in ("/whip/demo", "/whep/demo"):
            status, fields, _ = self.server.request("OPTIONS", path)
            self.assertIn(status, (200, 204))
            self.assertEqual(fields["Accept-Post"], SDP)
            self.assertEqual(fields["Access-Control-Allow-Origin"], "*")
            self.assertIn("POST", fields["Access-Control-Allow-Methods"])
            for name in ("Authorization", "Content-Type", "If-Match"):
                self.assertIn(name, fields["Access-Control-Allow-Headers"])
            for method in ("GET", "HEAD"):
                self.assertEqual(self.server.request(method, path)[0], 204 if "whip" in path else 200)
            status, fields, _ = self.server.request("PUT", path)
            self.assertEqual(status, 405)
            self.assertIn("POST", fields["Allow"])
        location = self.publish_by_whip()[0]["Location"]
        status, fields, _ = self.server.request("OPTIONS", location)
        self.assertEqual(fields["Accept-Patch"], FRAGMENT)
        self.assertIn("PATCH", fields["Access-Control-Allow-Methods"])
        self.assertEqual(self.server.request("GET", location, token=self.host)[0], 204)

    def test_what_is_no_offer_is_refused(self):
        self.publish(seconds=30)
        for path, token in (("/whip/demo", self.host), ("/whep/demo", None)):
            answer = self.post(path, PUBLISHER_OFFER, token, "application/json")
            self.assert_problem(answer, 415, "unsupported_media_type")
            self.assertEqual(answer[1]["Accept-Post"], SDP)
            self.assertEqual(answer[1]["Access-Control-Allow-Origin"], "*")
            for text in ("", "nonsense", "v=0\r\n", "v=0\r\no=- 1 1 IN IP4 0\r\ns=-\r\nt=0 0\r\nm=video\r\n"):
                self.assert_problem(self.post(path, text, token), 400, "bad_request")
            self.assert_problem(self.post(path, "v=0\r\n" + "a=x\r\n" * 8000, token), 413, "too_large")
        self.assert_problem(self.post("/whep/demo", PUBLISHER_OFFER), 422, "bad_sdp")
        no_codec = VIEWER_OFFER.replace("H264/90000", "H266/90000")
        self.assertEqual(self.post("/whep/demo", no_codec)[0], 406)
        no_codec = PUBLISHER_OFFER.replace("H264/90000", "H266/90000")
        self.assert_problem(self.post("/whip/demo", no_codec, self.host), 422, "bad_sdp")

    def test_checks_come_in_the_contract_s_order(self):
        other = self.server.token("other", "host", "carl")
        self.assert_problem(self.post("/whip/none", "", "not.a.token"), 401, "bad_token")
        self.assert_problem(self.post("/whip/none", ""), 404, "not_found")
        answer = self.post("/whip/demo", "")
        self.assert_problem(answer, 401, "bad_token")
        self.assertEqual(answer[1]["WWW-Authenticate"], "Bearer")
        self.assert_problem(self.post("/whip/demo", "", other), 403, "forbidden")
        self.assert_problem(self.post("/whip/demo", "", self.viewer), 403, "forbidden")
        self.assert_problem(self.post("/whip/demo", "", self.host), 400, "bad_request")
        self.assert_problem(self.post("/whep/demo", VIEWER_OFFER, "not.a.token"), 401, "bad_token")
        self.assert_problem(self.post("/whep/none", VIEWER_OFFER), 404, "not_found")
        self.assert_problem(self.post("/whep/demo", VIEWER_OFFER, other), 403, "forbidden")
        self.assert_problem(self.post("/whep/demo", "nonsense"), 400, "bad_request")
        self.make_room("shut", access="token")
        self.assert_problem(self.post("/whep/shut", VIEWER_OFFER), 401, "bad_token")

    def test_a_room_that_is_not_live_is_409_and_says_when_to_come_again(self):
        answer = self.post("/whep/demo", VIEWER_OFFER)
        self.assert_problem(answer, 409, "not_live")
        self.assertGreaterEqual(int(answer[1]["Retry-After"]), 1)
        self.assertIn("Retry-After", answer[1]["Access-Control-Expose-Headers"])

    def test_one_publisher_a_room(self):
        location = self.publish_by_whip()[0]["Location"]
        rival = self.server.token("demo", "host", "carl")
        self.assert_problem(self.post("/whip/demo", PUBLISHER_OFFER, rival), 409, "publishing")
        taken_over = self.publish_by_whip()[0]["Location"]  # the same subject
        self.assertNotEqual(location, taken_over)
        until(lambda: self.server.request("DELETE", location, token=self.host)[0] == 404, "the first is gone")
        self.assertEqual(self.server.request("DELETE", taken_over, token=self.host)[0], 200)
        self.publish_by_whip(rival)

    def test_a_source_with_b_frames_is_made_fit_for_webrtc_viewers(self):
        publisher = Publisher(self.server, "demo", self.host, seconds=30, extra=("-profile:v", "main", "-bf", "2"))
        self.addCleanup(publisher.stop)
        until(lambda: self.state()["state"] == "live", "live")
        until(lambda: self.post("/whep/demo", VIEWER_OFFER)[0] == 201, "let in")
        self.assertEqual(self.server.request("GET", "/api/rooms/demo/play")[2]["live"], True)

    def test_a_client_that_goes_before_the_answer_leaves_nothing(self):
        connection = f"POST /whip/demo HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.host}\r\n" \
                     f"Content-Type: {SDP}\r\nContent-Length: {len(PUBLISHER_OFFER)}\r\n\r\n"
        for _ in range(5):
            self.server.raw((connection + PUBLISHER_OFFER).encode(), wait_s=0.01)
        fields, _ = self.publish_by_whip()
        self.assertEqual(self.server.request("DELETE", fields["Location"], token=self.host)[0], 200)


if __name__ == "__main__":
    unittest.main()
