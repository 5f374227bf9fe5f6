"""HLS as foreign readers take it, and how a show's life appears in it."""
import json
import unittest

from flv import FlvReader
from hls import HlsTest, boxes
from souk import Publisher, until


class Readers(HlsTest):
    def test_ffmpeg_and_gstreamer_play_it(self):
        self.publish(seconds=60)
        url = f"http://{self.server.ready['http']}/hls/demo/index.m3u8"
        until(lambda: len(self.reader().playlist().segments) > 2, "two segments")
        # GStreamer's old and new demultiplexers: a line for each decoded picture.
        for source in (f"souphttpsrc location={url} ! hlsdemux ! qtdemux name=d d.video_0 ! queue ! h264parse ! avdec_h264",
                       f"uridecodebin3 uri={url}"):
            self.pictures(["gst-launch-1.0", "-v", *source.split(), "!", "fakesink", "silent=false", "sync=false"])
        self.check_times(url, 40, "-read_intervals", "%+3")


class Life(HlsTest):
    def test_a_republished_show_goes_on_behind_a_discontinuity_and_ends_with_the_show(self):
        first = self.publish(seconds=60)
        reader = self.reader()
        before = reader.playlist()
        first.stop()
        until(lambda: self.state()["state"] == "lost", "lost")
        self.publish(seconds=60, extra=("-r", "20"))
        playlist = until(lambda: next((p for p in [reader.playlist()] if any(s.discontinuity for s in p.segments)), None),
                         "the discontinuity")
        self.assertEqual(playlist.msn, before.msn)
        at = next(i for i, s in enumerate(playlist.segments) if s.discontinuity)
        self.assertNotEqual(playlist.segments[at].map, playlist.segments[at - 1].map)
        self.assertGreater(playlist.segments[at].date, playlist.segments[at - 1].date)
        self.assertEqual(playlist.tags["DISCONTINUITY-SEQUENCE"], before.tags["DISCONTINUITY-SEQUENCE"])
        self.server.request("POST", "/api/rooms/demo/end", {}, self.host)
        ended = until(lambda: next((p for p in [reader.playlist()] if p.ended), None), "the end")
        self.assertEqual(ended.hints, [])
        self.assertEqual(reader.playlist(f"?_HLS_msn={ended.msn + 99}").text, ended.text, "directives mean nothing any more")
        self.assertEqual(reader.get(ended.segments[-1].uri)[0], 200)
        status, fields, body = reader.get("index.m3u8")
        self.assertEqual((status, json.loads(body)["code"], fields["Retry-After"]), (404, "not_live", "2"))
        # The next show has numbers of its own.
        self.publish(seconds=30)
        self.assertEqual(reader.get("index.m3u8")[0], 200)
        again = until(lambda: next((p for p in [reader.playlist()] if not p.ended), None), "the next show")
        self.assertGreater(again.msn, ended.segments[-1].msn)
        self.assertGreater(int(again.tags["DISCONTINUITY-SEQUENCE"]), int(ended.tags["DISCONTINUITY-SEQUENCE"]))

    def test_sound_alone_and_pictures_alone(self):
        for room, options, codecs, kind in (
                ("sound", ("-vn",), 'CODECS="mp4a.40.2"\n', "audio/mp4"),
                ("picture", ("-an",), ',RESOLUTION=320x180\n', "video/mp4")):
            self.make_room(room)
            host = self.server.token(room, "host", "anna")
            publisher = Publisher(self.server, room, host, seconds=30, extra=options)
            self.addCleanup(publisher.stop)
            until(lambda: self.server.request("GET", f"/api/rooms/{room}")[2]["state"] == "live", "live")
            reader = self.reader(f"/hls/{room}/")
            text = reader.get("index.m3u8")[2].decode()
            self.assertIn(codecs, text)
            playlist = reader.playlist()
            part = reader.get(playlist.segments[0].parts[0]["URI"])
            self.assertEqual((part[0], part[1]["Content-Type"]), (200, kind))
            self.assertEqual(playlist.segments[0].parts[0]["INDEPENDENT"], "YES")

    def test_flv_and_hls_show_one_time(self):
        """Decode times of HLS are the room's media time plus 10 s, FLV's the same in milliseconds."""
        self.publish(seconds=30)
        hls = self.reader()
        hls.playlist()
        flv = FlvReader(self.server, "/live/demo.flv")
        self.addCleanup(flv.close)
        keys = []
        for at_ms, key in flv.pictures():
            if key:
                keys.append(at_ms)
            if len(keys) == 3:
                break
        playlist = until(lambda: next((p for p in [hls.playlist()] if len(p.segments) > 1 and p.segments[1].parts), None),
                         "a second segment")
        starts = set()
        for segment in playlist.segments:
            data = hls.get(segment.parts[0]["URI"])[2]
            moof = next(content for kind, content in boxes(data) if kind == "moof")
            traf = next(content for kind, content in boxes(moof) if kind == "traf")
            tfdt = next(content for kind, content in boxes(traf) if kind == "tfdt")
            starts.add(int.from_bytes(tfdt[4:12], "big") // 90 - 10000)
        self.assertTrue(starts & set(keys), (starts, keys))


if __name__ == "__main__":
    unittest.main()
