"""RTMP in by ffmpeg, FLV out: what a player sees, and what happens when the host goes away."""
import json
import signal
import subprocess
import time
import unittest

from flv import FlvReader, time_sei
from souk import Publisher, RoomTest, until
from websocket import WebSocket


class RtmpFlv(RoomTest):
    def reader(self, path="/live/demo.flv"):
        reader = FlvReader(self.server, path)
        self.addCleanup(reader.close)
        return reader

    def test_ffprobe_sees_h264_and_aac_with_monotonic_times(self):
        self.publish(seconds=30)
        out = subprocess.run(
            ["ffprobe", "-loglevel", "error", "-read_intervals", "%+4", "-show_entries",
             "stream=codec_name,width:packet=codec_type,dts_time,flags", "-of", "json",
             f"http://{self.server.ready['http']}/live/demo.flv"],
            capture_output=True, text=True, timeout=40)
        probe = json.loads(out.stdout)
        codecs = {stream.get("codec_name") for stream in probe["streams"]}
        self.assertLessEqual({"h264", "aac"}, codecs)
        for kind in ("video", "audio"):
            times = [float(p["dts_time"]) for p in probe["packets"] if p["codec_type"] == kind]
            self.assertGreater(len(times), 50)
            self.assertEqual(times, sorted(set(times)), f"{kind} goes backwards")
        first = next(p for p in probe["packets"] if p["codec_type"] == "video")
        self.assertIn("K", first["flags"])

    def test_starts_at_a_keyframe_at_once_and_keeps_the_room_s_time(self):
        self.publish(seconds=30)
        pictures = self.reader().pictures()
        first = newest = next(pictures)
        while newest[0] < first[0] + 2000 or not newest[1]:  # the room grows older
            newest = next(pictures)
        late = next(self.reader().pictures())
        self.assertTrue(first[1])
        self.assertEqual(late, newest, "the keyframe that was, not the next one")

    def test_events_and_time_travel_in_the_stream(self):
        self.publish(seconds=30)
        reader = self.reader()
        messages = reader.messages()
        seen = {next(messages)["type"] for _ in range(3)}  # perhaps with a room.live of this moment
        self.assertLessEqual({"state"}, seen)
        while "clock" not in seen:
            seen.add(next(messages)["type"])
        self.server.request("POST", "/api/rooms/demo/pin", {"sku": "A1"}, self.host)
        while next(messages)["type"] != "product.pin":
            pass
        stamps = []
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            kind, _, body = reader.tag()
            if kind == 9 and body[1] == 1 and time_sei(body):
                stamps.append(time_sei(body))
        self.assertGreaterEqual(len(stamps), 2)
        self.assertLess(abs(stamps[-1] - time.time() * 1000), 3000)

    def test_flv_over_websocket_is_the_same_bytes(self):
        self.publish(seconds=30)
        socket = WebSocket(self.server, "/live/demo.flv", protocols=None)
        self.addCleanup(socket.close)
        self.assertEqual(socket.status, 101)
        opcode, payload = socket.frame()
        self.assertEqual((opcode, payload[:4]), (2, b"FLV\x01"))

    def test_sound_alone_is_a_rendition(self):
        self.publish(seconds=30)
        path = "/live/demo.flv?rendition=audio"
        until(lambda: self.server.request("HEAD", path)[0] == 200, "there is sound")
        reader = self.reader(path)
        kinds = {reader.tag()[0] for _ in range(30)}
        self.assertEqual(kinds, {8, 18})

    def test_a_killed_host_comes_back_and_viewers_play_on(self):
        first = self.publish(seconds=30)
        pictures = self.reader().pictures()
        before = [next(pictures) for _ in range(20)]
        first.stop(signal.SIGKILL)
        until(lambda: self.state()["state"] == "lost", "lost")
        time.sleep(2)
        self.publish(seconds=30)
        after = [next(pictures) for _ in range(50)]
        times = [at for at, _ in before + after]
        self.assertEqual(times, sorted(times), "FLV time goes backwards")
        self.assertTrue(next(key for at, key in after if at > before[-1][0] + 500 or key))
        gaps = [b - a for a, b in zip(times, times[1:])]
        self.assertLess(max(gaps), 500, "the hole is closed to about one frame")
        self.assertEqual(self.server.request("GET", "/api/rooms/demo")[2]["epoch"], 2)

    def test_a_second_publisher_is_refused_and_the_same_one_takes_over(self):
        first = self.publish(seconds=40)
        rival = self.server.token("demo", "host", "rival")
        refused = Publisher(self.server, "demo", rival, seconds=5)
        self.addCleanup(refused.stop)
        self.assertNotEqual(refused.process.wait(15), 0)
        self.assertIsNone(first.process.poll(), "the host is not disturbed")
        again = Publisher(self.server, "demo", self.host, seconds=40)
        self.addCleanup(again.stop)
        first.process.wait(15)
        self.assertIsNone(again.process.poll())
        until(lambda: self.server.request("GET", "/api/rooms/demo")[2]["epoch"] == 2, "second epoch")

    def test_bad_tokens_and_rooms_are_refused(self):
        viewer = self.server.token("demo", "viewer", "bob")
        other = self.server.token("other", "host", "anna")
        for room, token in (("demo", "bad"), ("demo", viewer), ("demo", other), ("none", self.admin)):
            publisher = Publisher(self.server, room, token, seconds=5)
            self.addCleanup(publisher.stop)
            self.assertNotEqual(publisher.process.wait(15), 0, room)
        self.assertEqual(self.state()["state"], "idle")

    def test_ending_the_show_ends_viewers_and_publisher(self):
        publisher = self.publish(seconds=40)
        reader = self.reader()
        pictures = reader.pictures()
        next(pictures)
        self.assertEqual(self.server.request("POST", "/api/rooms/demo/end", {}, self.host)[2]["state"], "ended")
        with self.assertRaises(ConnectionError):
            while next(pictures):
                pass
        publisher.process.wait(15)
        self.assert_problem(self.server.request("GET", "/live/demo.flv"), 404, "not_live")

    def test_media_of_a_room_that_is_not_live(self):
        answer = self.server.request("GET", "/live/demo.flv")
        self.assert_problem(answer, 404, "not_live")
        self.assertGreater(int(answer[1]["Retry-After"]), 0)
        self.assert_problem(self.server.request("GET", "/live/none.flv"), 404, "not_found")


class Batched(RoomTest):
    """Six readers of one worker: most are sent pages that all of them share."""
    OPTIONS = ("--flv-batch-ms", "100", "--workers", "1")

    def test_readers_of_shared_pages_get_the_same_tags(self):
        self.publish(seconds=30, extra=("-vf", "noise=alls=80:allf=t", "-b:v", "2500k"))
        readers = [FlvReader(self.server) for _ in range(6)]
        seen = [{} for _ in readers]
        for reader in readers:
            self.addCleanup(reader.close)
        begin = next(readers[-1].pictures())[0]
        for until_ms in range(begin, begin + 4000, 200):  # by turns, so that nobody falls behind
            for reader, tags in zip(readers, seen):
                at_ms = 0
                while at_ms < until_ms:
                    kind, at_ms, body = reader.tag()
                    if kind != 18 and body[1] == 1:
                        tags[kind, at_ms] = body
        both = set(seen[0]).intersection(*seen[1:])
        self.assertGreater(len(both), 80)
        for key in both:
            self.assertEqual(len({tags[key] for tags in seen}), 1, key)


if __name__ == "__main__":
    unittest.main()
