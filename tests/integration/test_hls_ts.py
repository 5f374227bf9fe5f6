"""HLS as transport streams, for players that know nothing else: what foreign readers make of it, that it costs nothing
while nobody asks, and who counts as a viewer by HLS."""
import json
import re
import subprocess
import tempfile
import time
import unittest

from hls import HlsTest
from souk import Publisher, until


def packets(data):
    """(pid, continuity counter) of each packet."""
    assert len(data) % 188 == 0 and set(data[::188]) == {0x47}, "whole packets"
    for at in range(0, len(data), 188):
        yield (data[at + 1] & 0x1f) << 8 | data[at + 2], data[at + 3] & 0xf


class TransportStream(HlsTest):
    def lines(self, reader, name="source-ts.m3u8"):
        status, fields, body = reader.get(name)
        self.assertEqual((status, fields["Content-Type"]), (200, "application/vnd.apple.mpegurl"), body)
        return body.decode().split("\n")

    def segments(self, reader, count, name="source-ts.m3u8"):
        uris = until(lambda: next((u for u in [[line for line in self.lines(reader, name) if line.endswith(".ts")]]
                                   if len(u) >= count), None), f"{count} segments")
        found = []
        for uri in uris:
            status, fields, body = reader.get(uri)
            self.assertEqual((status, fields["Content-Type"]), (200, "video/mp2t"))
            self.assertEqual(fields["Cache-Control"], "public, max-age=3600, immutable")
            found.append(body)
        return found

    def test_it_is_made_on_demand_and_read_by_others(self):
        self.publish(seconds=60)
        reader = self.reader()
        reader.playlist()
        newest = next(s for s in reader.playlist().segments if s.uri)
        self.assertEqual(reader.get(newest.uri.replace(".m4s", ".ts"))[0], 404, "nobody asked for it")
        index = reader.get("index-ts.m3u8")[2].decode()
        self.assertRegex(index, r"\nsource-ts\.m3u8\?sid=\S+\n")
        self.assertIn("RESOLUTION=320x180", index)
        parts = self.segments(reader, 3)
        counters = {}
        for pid, counter in (entry for part in parts for entry in packets(part)):
            self.assertEqual(counter, (counters.get(pid, counter - 1) + 1) % 16, f"pid {pid}")
            counters[pid] = counter
        self.assertEqual(set(counters), {0, 0x1000, 0x100, 0x101})
        with tempfile.NamedTemporaryFile(suffix=".ts") as file:
            file.write(b"".join(parts))
            file.flush()
            self.check_times(file.name, 100)
            alone = subprocess.run(["ffmpeg", "-v", "error", "-i", file.name, "-f", "null", "-"], capture_output=True)
            self.assertEqual(alone.stderr, b"")
        self.assertEqual(self.lines(reader)[1], "#EXT-X-VERSION:3")
        url = f"http://{self.server.ready['http']}/hls/demo/index-ts.m3u8"
        self.gstreamer(f"souphttpsrc location={url} ! hlsdemux ! tsdemux ! h264parse ! avdec_h264")
        self.check_times(url, 40, "-read_intervals", "%+5")
        self.assertEqual(reader.get("360p-ts.m3u8")[0], 404)
        self.assertEqual(reader.get("source-1.ts")[0], 404)

    def gstreamer(self, pipeline):
        self.pictures(["gst-launch-1.0", "-v", *pipeline.split(), "!", "fakesink", "silent=false", "sync=false"])

    def test_sound_alone_pictures_alone_and_the_end(self):
        for room, options, pids in (("sound", ("-vn",), {0, 0x1000, 0x101}), ("picture", ("-an",), {0, 0x1000, 0x100})):
            self.make_room(room)
            host = self.server.token(room, "host", "anna")
            publisher = Publisher(self.server, room, host, seconds=30, extra=options)
            self.addCleanup(publisher.stop)
            until(lambda: self.server.request("GET", f"/api/rooms/{room}")[2]["state"] == "live", "live")
            reader = self.reader(f"/hls/{room}/")
            self.assertEqual(reader.get("index-ts.m3u8")[0], 200)
            self.assertEqual({pid for pid, _ in packets(self.segments(reader, 1)[0])}, pids)
            self.server.request("POST", f"/api/rooms/{room}/end", {}, host)
            until(lambda: "#EXT-X-ENDLIST" in self.lines(reader), "the end")
            self.assertEqual(reader.get("index-ts.m3u8")[0], 404)


class Viewers(HlsTest):
    def viewers(self):
        return self.server.request("GET", "/api/rooms/demo")[2]["viewers"]

    def metric(self):
        port = int(self.server.ready["admin"].rsplit(":", 1)[1])
        text = self.server.request("GET", "/metrics", port=port)[2].decode()
        return sum(int(value) for value in re.findall(r"(?m)^souk_viewers\{.*\} (\d+)$", text))

    def test_players_count_as_viewers_while_they_ask(self):
        self.publish(seconds=60)
        readers = [self.reader() for _ in range(3)]
        uris = [re.findall(r"\n(source\S+)\n", reader.get("index.m3u8")[2].decode())[0] for reader in readers[:2]]
        uris.append("source.m3u8?sid=chosen-by-me")
        self.assertEqual(len(set(uris)), 3)
        end = time.monotonic() + 6
        while time.monotonic() < end and self.viewers() != 3:
            for reader, uri in zip(readers, uris):  # whichever worker has the connection
                self.assertEqual(reader.get(uri)[0], 200)
                again = self.reader()
                again.get(uri)
                again.close()
            time.sleep(0.2)
        self.assertEqual(self.viewers(), 3)
        until(self.metric, "players in the metrics")
        self.assertEqual(self.metric(), 3)
        self.assertEqual(self.server.request("GET", "/hls/demo/index.m3u8?sid=x")[0], 400)


if __name__ == "__main__":
    unittest.main()
