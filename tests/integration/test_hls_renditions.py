"""Several renditions in one multivariant playlist: what RFC 8216bis says of them together, made while somebody watches."""
import re
import subprocess
import tempfile
import time
import unittest

from hls import HlsTest
from souk import until

HLS_STOPS_S = 38  # nobody asked for a rendition for so long


class Renditions(HlsTest):
    OPTIONS = ("--ladder", "120p:300,90p:150")

    def test_they_run_on_demand_and_agree_with_each_other(self):
        publisher = self.publish(seconds=60)
        reader = self.reader()
        index = until(lambda: next((t for t in [reader.get("index.m3u8")[2].decode()] if "90p.m3u8?" in t), None), "the rungs")
        variants = re.findall(r"#EXT-X-STREAM-INF:BANDWIDTH=(\d+),CODECS=\"(.*)\",RESOLUTION=(\d+)x(\d+)\n(\S+)\n", index)
        self.assertEqual([v[4].split("?")[0] for v in variants], ["source.m3u8", "120p.m3u8", "90p.m3u8"])
        self.assertEqual(len({v[4].split("?")[1] for v in variants}), 1, "one player")
        self.assertEqual([v[3] for v in variants], ["180", "120", "90"])
        self.assertTrue(all(re.fullmatch(r"avc1\.42[0-9a-f]{4},mp4a\.40\.2", v[1]) for v in variants), variants)
        pin = self.server.request("POST", "/api/rooms/demo/pin", {"sku": "A1"}, self.host)[2]
        small = reader.playlist(name="90p.m3u8")
        self.check_tracks(reader, small, ["h264,90", "aac"])
        self.assertIn('CODECS="mp4a.40.2"\naudio.m3u8?sid=', index)
        sound = reader.playlist(name="audio.m3u8")
        self.check_tracks(reader, sound, ["aac"])
        self.assertTrue(all(p.get("INDEPENDENT") for s in sound.segments for p in s.parts))
        source, small = until(lambda: self.both(reader, pin["id"]), "both with a report of the other")
        sound = reader.playlist(name="audio.m3u8")
        for tag in ("TARGETDURATION", "SERVER-CONTROL", "PART-INF", "VERSION", "DISCONTINUITY-SEQUENCE"):
            self.assertEqual({source.tags[tag]}, {small.tags[tag], sound.tags[tag]}, tag)
        self.assertEqual([source.ranges[pin["id"]]] * 2, [small.ranges[pin["id"]], sound.ranges[pin["id"]]], "the same dates in all")
        self.assertTrue(all(s.date for s in source.segments + small.segments + sound.segments))
        report = next(r for r in small.reports if r["URI"] == "source.m3u8")
        # What the report says can be asked for as it is.
        reader.playlist(f"?_HLS_msn={report['LAST-MSN']}&_HLS_part={report['LAST-PART']}")
        publisher.stop()
        until(lambda: self.state()["state"] == "lost", "lost")
        self.publish(seconds=60)
        until(lambda: self.discontinuous(reader), "all behind the same discontinuity")

    def test_one_that_starts_later_has_the_same_numbers_for_the_same_time(self):
        self.publish(seconds=60)
        reader = self.reader()
        until(lambda: "90p.m3u8?" in reader.get("index.m3u8")[2].decode(), "the rungs")
        first = reader.playlist().last_whole()
        until(lambda: reader.playlist().last_whole() >= first + 4, "four segments later")
        small = until(lambda: next((p for p in [reader.playlist(name="90p.m3u8")] if p.last_whole() > p.msn + 5), None), "more than the short ones")
        source = reader.playlist()
        pairs = [(a, b) for a in source.segments for b in small.segments if a.msn == b.msn and a.uri and b.uri and b.msn >= small.msn + 4]
        self.assertGreater(len(pairs), 0)
        for a, b in pairs:
            self.assertLess(abs(a.date - b.date), 1.1 * source.target, f"{a.uri} and {b.uri}")

    def test_one_goes_on_while_who_has_read_it_watches_another(self):
        self.publish(seconds=80)
        reader = self.reader()
        until(lambda: "90p.m3u8?" in reader.get("index.m3u8")[2].decode(), "the rungs")
        for name in ("90p", "120p"):
            reader.playlist("?sid=comesback", name=f"{name}.m3u8")
        left = reader.playlist("?sid=comesback", name="90p.m3u8").last_whole()
        begun = time.monotonic()
        while time.monotonic() - begun < HLS_STOPS_S:
            msn, part = reader.playlist("?sid=comesback").edge()
            reader.playlist(f"?sid=comesback&_HLS_msn={msn}&_HLS_part={part}")
        known, looked_at = (reader.playlist(name=f"{name}.m3u8") for name in ("90p", "120p"))
        self.assertGreater(sum(s.duration for s in known.segments if s.uri), 20, "it went on")
        self.assertLess(known.msn, left + HLS_STOPS_S / 2, "so did its numbers")
        self.assertLess(sum(s.duration for s in looked_at.segments if s.uri), 5, "it had stopped, and begins")

    def both(self, reader, event):
        lists = [reader.playlist(name=f"{name}.m3u8") for name in ("source", "90p")]
        return lists if all(p.reports and event in p.ranges for p in lists) else None

    def discontinuous(self, reader):
        lists = [reader.playlist(name=f"{name}.m3u8") for name in ("source", "90p", "audio")]
        numbers = {self.newest_discontinuity(p) for p in lists}
        return len(numbers) == 1 and all(any(s.discontinuity for s in p.segments) for p in lists)

    def newest_discontinuity(self, playlist):
        return int(playlist.tags["DISCONTINUITY-SEQUENCE"]) + sum(s.discontinuity for s in playlist.segments)

    def check_tracks(self, reader, playlist, tracks):
        segment = playlist.segments[0]
        with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
            file.write(reader.get(segment.map)[2] + b"".join(reader.get(p["URI"])[2] for p in segment.parts))
            file.flush()
            out = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,height", "-of", "csv=p=0", file.name],
                                 capture_output=True, text=True, check=True)
        self.assertEqual(out.stdout.split(), tracks)
        self.assertEqual(out.stderr, "")


if __name__ == "__main__":
    unittest.main()
