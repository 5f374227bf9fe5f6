"""Recordings: replay with chapters, clips, what goes when, a full disk."""
import base64
import glob
import json
import os
import re
import socket
import subprocess
import tempfile
import time
import unittest

from hls import HlsTest, utc
from recording import RecordTest, probe, spans
from souk import WAIT_S, until


class Recording(RecordTest):
    def test_a_show_is_replayed_with_its_cards_and_cut_into_clips(self):
        self.make_product("B1", stock=5)
        self.publish(seconds=60)
        path = until(self.files, "a file")[0]
        until(lambda: len(self.parts(path)) > 3, "a second")
        pins = [self.pin("A1")]
        time.sleep(2)
        pins.append(self.pin("B1"))
        time.sleep(2)
        [show] = self.recordings()
        self.assertFalse(show["over"])
        live = self.replay(show)
        self.assertIn("#EXT-X-PLAYLIST-TYPE:EVENT\n", live)
        self.assertNotIn("ENDLIST", live)
        self.server.request("POST", "/api/rooms/demo/end", {}, self.host)
        [show] = until(lambda: [s for s in self.recordings() if s["over"]], "the end")
        text = self.replay(show)
        self.assertIn("#EXT-X-PLAYLIST-TYPE:VOD\n", text)
        self.assertTrue(text.endswith("#EXT-X-ENDLIST\n"))
        sent = [json.loads(base64.b64decode(m)) for m in re.findall(r'X-SOUK-MESSAGE="([^"]*)"', text)]
        self.assertLessEqual({p["id"] for p in pins}, {m["id"] for m in sent})
        url = f"http://{self.server.ready['http']}{show['url']}"
        seen = spans(url)
        duration = sum(float(d) for d in re.findall(r"#EXTINF:([\d.]+)", text))
        self.assertGreater(duration, 4.5)
        self.assertAlmostEqual(seen["v"], duration, delta=0.1)
        self.assertAlmostEqual(seen["a"], duration, delta=0.3)
        self.assertEqual(probe(url, "-show_entries", "format=duration")[1], "")
        self.check_chapters(show, pins, text)
        self.check_clip(show, pins)

    def check_chapters(self, show, pins, text):
        status, fields, body = self.server.request("GET", show["chapters"])
        self.assertEqual((status, fields["Content-Type"]), (200, "text/vtt"))
        cues = re.findall(r"(\d+):(\d+):([\d.]+) --> (\d+):(\d+):([\d.]+)\n(.*)\n", body.decode())
        self.assertEqual([cue[6] for cue in cues], ["A1", "B1"])
        begin = utc(re.search(r"PROGRAM-DATE-TIME:(\S+)", text)[1])
        for cue, pin in zip(cues, pins):
            at = int(cue[0]) * 3600 + int(cue[1]) * 60 + float(cue[2])
            self.assertAlmostEqual(at, pin["at_us"] / 1e6 - begin, delta=0.04, msg="a chapter begins with its pin")
        self.assertEqual(cues[0][3:6], cues[1][0:3], "and ends with the next")

    def check_clip(self, show, pins):
        from_us, to_us = pins[0]["at_us"], pins[0]["at_us"] + 1500000
        path = f"/api/rooms/demo/clip.mp4?from_us={from_us}&to_us={to_us}"
        status, fields, body = self.server.request("GET", path)
        self.assertEqual((status, fields["Content-Type"]), (200, "video/mp4"))
        with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
            file.write(body)
            file.flush()
            clip = spans(file.name)
            info, errors = probe(file.name, "-show_entries", "format=start_time,duration")
            decoded = subprocess.run(["ffmpeg", "-v", "error", "-i", file.name, "-f", "null", "-"], capture_output=True)
        self.assertEqual((errors, decoded.stderr), ("", b""))
        self.assertLess(abs(float(info["format"]["start_time"])), 0.1, "it begins at its own zero")
        self.assertGreaterEqual(clip["v"], 1.45)
        self.assertLess(clip["v"], 1.5 + 2 + 0.4, "the keyframe before and the part after")
        # Its pictures say when they were captured: the first keyframe lies at or before from_us.
        stamps = [int(stamp) for stamp in re.findall(rb'\{"t":(\d+)\}', body)]
        self.assertLessEqual(stamps[0] * 1000, from_us)
        self.assertGreater(stamps[0] * 1000, from_us - 2200000)
        for query, status, member in ((f"from_us={from_us}", 400, "to_us"), (f"from_us=x&to_us={to_us}", 400, "from_us"),
                                      (f"from_us={to_us}&to_us={from_us}", 400, "to_us"),
                                      (f"from_us={from_us}&to_us={from_us + 200000000}", 400, "to_us"),
                                      ("from_us=1000&to_us=2000", 404, None)):
            answer = self.server.request("GET", f"/api/rooms/demo/clip.mp4?{query}")
            self.assertEqual((answer[0], answer[2].get("member")), (status, member), query)

    def test_what_is_old_goes_and_nobody_reads_other_files(self):
        self.publish(seconds=30)
        path = until(self.files, "a file")[0]
        until(lambda: len(self.parts(path)) > 3, "a second")
        self.server.request("POST", "/api/rooms/demo/end", {}, self.host)
        [show] = until(lambda: [s for s in self.recordings() if s["over"]], "the end")
        name, begin = re.search(r"(replay-\d+)", show["url"])[1], os.path.basename(path)[:-4]
        size = os.path.getsize(path)
        for uri, status in ((f"{name}-{begin}-0-100.mp4", 200), (f"{name}-{begin}-0-{size + 1}.mp4", 404),
                            (f"{name}-{begin}-{size}-1.m4s", 404), (f"{name}-1-0-100.mp4", 404), (f"{name}-{begin}-0-0.mp4", 404),
                            (f"replay-1-{begin}-0-100.mp4", 404), (f"{name}-..-0-100.mp4", 404), ("replay-x.m3u8", 404)):
            self.assertEqual(self.server.request("GET", f"/hls/demo/{uri}")[0], status, uri)
        self.server.stop()
        for file in (path, path.replace(".mp4", ".idx")):
            os.utime(file, (time.time() - 8 * 86400,) * 2)
        self.server.start()
        until(lambda: not self.files() and not self.files("idx"), "the old recording is deleted")
        self.assertEqual(self.recordings(), [])

    def test_a_room_that_is_not_to_be_recorded_is_not(self):
        self.server.request("PATCH", "/api/rooms/demo", {"record": False}, self.host)
        self.publish(seconds=30)
        self.reader().playlist()
        self.assertEqual(self.files(), [])
        self.server.request("PATCH", "/api/rooms/demo", {"record": True}, self.host)
        until(self.files, "recorded from now on")
        self.server.request("PATCH", "/api/rooms/demo", {"record": False}, self.host)
        path = self.files()[0]
        until(lambda: self.parts(path), "its index")
        self.assertGreater(spans(path)["v"], 0)


class SlowReaders(RecordTest):
    OPTIONS = ("--workers", "1")

    def ask(self, path, source):
        """Asks, and takes no more of the answer than its first line and what the sockets hold."""
        reader = socket.socket()
        self.addCleanup(reader.close)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(WAIT_S)
        reader.bind((source, 0))
        reader.connect((self.server.host, self.server.port))
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return reader, int(reader.recv(100).split()[1])

    def test_who_does_not_read_leaves_clips_to_others(self):
        self.publish(seconds=30)
        path = until(self.files, "a file")[0]
        until(lambda: self.parts(path), "its index")
        self.server.request("POST", "/api/rooms/demo/end", {}, self.host)
        [show] = until(lambda: [s for s in self.recordings() if s["over"]], "the end")
        os.truncate(path, 64 << 20)
        show, begin = re.search(r"(replay-\d+)", show["url"])[1], os.path.basename(path)[:-4]
        clip = f"/hls/demo/{show}-{begin}-0-{40 << 20}.mp4"
        slow, status = self.ask(clip, "127.0.0.1")
        self.assertEqual(status, 200)
        self.assertEqual(self.ask(clip, "127.0.0.1")[1], 503, "64 MiB a client")
        self.assertEqual(self.ask(clip, "127.0.0.2")[1], 200)
        slow.close()
        until(lambda: self.ask(clip, "127.0.0.1")[1] == 200, "what it held is free again")


class FullDisk(HlsTest):
    OPTIONS = ("--record-reserve-mb", "1000000000")

    def test_a_full_disk_stops_the_recording_and_never_the_show(self):
        self.server.request("PATCH", "/api/rooms/demo", {"record": True}, self.host)
        self.publish(seconds=30)
        admin_port = int(self.server.ready["admin"].rsplit(":", 1)[1])
        until(lambda: b"souk_recordings_failed_total 1" in self.server.request("GET", "/metrics", port=admin_port)[2],
              "the failure is counted")
        reader = self.reader()
        before = reader.playlist().edge()
        self.assertGreater(reader.playlist(f"?_HLS_msn={before[0] + 1}").edge(), before)
        self.assertEqual(glob.glob(f"{self.server.data}/recordings/**/*.mp4", recursive=True), [])
        self.assertEqual(self.order("k1")[0], 201)


if __name__ == "__main__":
    unittest.main()
