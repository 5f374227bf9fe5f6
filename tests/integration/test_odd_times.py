"""A host whose times wrap at 32 bits, pause for 2 s, jump forward and back, also by a second, and whose picture changes its
size: no output may show a time that goes backwards. A host whose sound or picture comes late, or whose picture stands. ffprobe judges."""
import json
import subprocess
import threading
import time
import unittest

from recording import RecordTest, spans
from rtmp_host import AUDIO, VIDEO, RtmpHost, is_header, make_tags
from souk import until

WRAP = 1 << 32


class OddTimes(RecordTest):
    OPTIONS = ("--ladder", "none")

    def setUp(self):
        super().setUp()
        self.outputs = {}

    def probe(self, name, url):
        """Reads an output from now until its end."""
        out = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=width:packet=codec_type,dts_time,pts_time",
                              "-of", "json", url], capture_output=True, text=True, timeout=90)
        self.outputs[name] = (json.loads(out.stdout or "{}"), out.stderr)

    def watch(self, path, name):
        thread = threading.Thread(target=self.probe, args=(name, f"http://{self.server.ready['http']}{path}"))
        thread.start()
        return thread

    def check(self, name, seconds):
        probe, said = self.outputs[name]
        for kind in ("video", "audio"):
            times = [float(p["dts_time"]) for p in probe["packets"] if p["codec_type"] == kind]
            back = [(a, b) for a, b in zip(times, times[1:]) if b <= a]
            self.assertEqual(back, [], f"{name}: {kind} goes backwards ({said})")
            self.assertGreater(len(times), seconds * (25 if kind == "video" else 43) * 0.85, f"{name}: {kind}: {said}")
            self.assertLess(times[-1] - times[0], seconds + 9, f"{name}: no jump of the host's clock is shown")

    def test_no_output_shows_a_time_that_goes_backwards(self):
        small, large = make_tags("240x136", 3), make_tags("320x180", 10)
        host = RtmpHost(self.server, "demo", self.host)
        self.addCleanup(host.close)
        shift = WRAP - 4000
        player = threading.Thread(target=self.play_all, args=(host, large, small, shift))
        player.start()
        until(lambda: self.state()["state"] == "live", "live")
        until(lambda: self.reader().get("index.m3u8")[0] == 200, "HLS")
        until(lambda: self.reader().get("index-ts.m3u8")[0] == 200, "HLS as transport stream")
        threads = [self.watch("/live/demo.flv", "FLV"), self.watch("/hls/demo/source.m3u8", "LL-HLS"),
                   self.watch("/hls/demo/source-ts.m3u8", "HLS-TS")]
        player.join()
        time.sleep(0.5)
        self.server.request("POST", "/api/rooms/demo/end", {}, self.host)
        for thread in threads:
            thread.join()
        [show] = until(lambda: [s for s in self.recordings() if s["over"]], "the recording")
        self.probe("recording", f"http://{self.server.ready['http']}{show['url']}")
        for name, seconds in (("FLV", 8.5), ("LL-HLS", 10), ("HLS-TS", 8.5), ("recording", 12.5)):
            self.check(name, seconds)

    def play_all(self, host, large, small, shift):
        host.play(large, 0, 5000, shift)  # over 2^32
        time.sleep(2)
        host.play(large, 5000, 7000, shift + 2000)  # a pause
        host.play(large, 7000, 8000, shift + 2000 + 3600000)  # an hour ahead
        host.play(large, 8000, 9000, 50000)  # and back
        host.play(large, 9000, 10000, 49000)  # by a second
        host.play(small, 0, 3000, 59000)  # another size

    def record_without_first(self, kind):
        """Seconds of pictures and of sound in the recording of a host whose track `kind` begins after 2.5 s."""
        tags = [tag for tag in make_tags("320x180", 6) if is_header(tag) or tag[0] != kind or tag[1] >= 2500]
        host = RtmpHost(self.server, "demo", self.host)
        self.addCleanup(host.close)
        host.play(tags, 0, 6000, 0)
        self.server.request("POST", "/api/rooms/demo/end", {}, self.host)
        [show] = until(lambda: [s for s in self.recordings() if s["over"]], "the recording")
        self.assertNotIn("DISCONTINUITY", self.replay(show))
        [path] = self.files()
        return spans(path)

    def test_sound_that_comes_late_is_recorded_with_the_picture(self):
        found = self.record_without_first(AUDIO)
        self.assertGreater(found["v"], 5.5)
        self.assertGreater(found["a"], 5.5)  # silence first

    def test_a_picture_that_comes_late_is_recorded_with_its_sound(self):
        found = self.record_without_first(VIDEO)
        self.assertGreater(found["v"], 2.3)
        self.assertGreater(found["a"], 2.3)

    def test_sound_goes_on_beside_a_picture_that_stands(self):
        tags = [tag for tag in make_tags("320x180", 20, extra=("-bf", "0"))
                if is_header(tag) or tag[0] == AUDIO or not 4000 <= tag[1] < 16000]
        host = RtmpHost(self.server, "demo", self.host)
        self.addCleanup(host.close)
        player = threading.Thread(target=host.play, args=(tags, 0, 20000, 0))
        player.start()
        until(lambda: self.state()["state"] == "live", "live")
        until(lambda: self.reader().get("index.m3u8")[0] == 200, "HLS")
        until(lambda: self.reader().get("index-ts.m3u8")[0] == 200, "HLS as transport stream")
        threads = [self.watch("/hls/demo/source.m3u8", "LL-HLS"), self.watch("/hls/demo/source-ts.m3u8", "HLS-TS")]
        player.join()
        self.server.request("POST", "/api/rooms/demo/end", {}, self.host)
        for thread in threads:
            thread.join()
        [show] = until(lambda: [s for s in self.recordings() if s["over"]], "the recording")
        url = f"http://{self.server.ready['http']}{show['url']}"
        self.probe("recording", url)
        self.assertNotIn("DISCONTINUITY", self.replay(show))
        for name, (probe, said) in self.outputs.items():
            for kind in ("video", "audio"):
                times = [float(p["dts_time"]) for p in probe["packets"] if p["codec_type"] == kind]
                holes = [(a, b) for a, b in zip(times, times[1:]) if not 0 < b - a < 0.4]
                self.assertEqual(holes, [], f"{name}: {kind} ({said})")
                self.assertGreater(times[-1] - times[0], 15, f"{name}: {kind} ({said})")
        decoded = subprocess.run(["ffmpeg", "-v", "error", "-xerror", "-i", url, "-f", "null", "-"], capture_output=True,
                                 text=True, timeout=90)
        self.assertEqual((decoded.returncode, decoded.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
