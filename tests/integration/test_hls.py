"""LL-HLS: what a server MUST do by RFC 8216bis, a check each; who may watch."""
import base64
import json
import threading
import time
import unittest

from hls import HlsTest, Playlist, Reader, boxes, utc
from souk import Publisher, until


class Musts(HlsTest):
    """One show of some seconds; each rule in turn."""

    def test_a_show_keeps_every_must(self):
        self.publish(seconds=60)
        reader = self.reader()
        status, fields, body = reader.get("index.m3u8")
        self.assertEqual((status, fields["Content-Type"]), (200, "application/vnd.apple.mpegurl"))
        self.assertIn('CODECS="avc1.42', body.decode())
        self.assertIn("RESOLUTION=320x180", body.decode())
        event = self.pin()
        self.first = reader.playlist()
        self.second_reader = self.reader()
        self.seen = self.follow(reader, 5.5)
        for check in (self.tags_that_never_change, self.parts_and_segments_fit_their_targets, self.hints_hold,
                      self.parts_come_in_time, self.numbers_never_decrease, self.bytes_are_what_was_named,
                      lambda: self.events_are_there(event)):
            check()
        for check in (self.directives_that_are_wrong, self.directives_that_block, self.old_directives_are_answered_at_once,
                      self.blocking_wakes_every_reader, self.a_hint_is_answered_when_it_is_there, self.what_is_not_there_is_404,
                      self.headers_are_right, self.gzip_is_the_same_text, self.head_has_no_body):
            check()

    def follow(self, reader, for_s):
        """Each playlist as it comes, by blocking reloads, with the time of its arrival."""
        playlist, seen = self.first, []
        end = time.monotonic() + for_s
        while time.monotonic() < end:
            msn, part = playlist.edge()
            playlist = reader.playlist(f"?_HLS_msn={msn}&_HLS_part={part}")
            seen.append((time.monotonic(), playlist))
        return seen

    def newest(self):
        return self.second_reader.playlist()

    def tags_that_never_change(self):
        for _, playlist in self.seen:
            self.assertEqual(playlist.target, self.first.target, "TARGETDURATION MUST NOT change")
            self.assertEqual(playlist.part_target, self.first.part_target)
            self.assertEqual(playlist.control["CAN-BLOCK-RELOAD"], "YES")
            self.assertGreaterEqual(float(playlist.control["PART-HOLD-BACK"]), 3 * playlist.part_target)
            self.assertGreaterEqual(float(playlist.control["CAN-SKIP-UNTIL"]), 6 * playlist.target)
            self.assertGreaterEqual(int(playlist.tags["VERSION"]), 9)
            self.assertTrue(all(s.map for s in playlist.segments))
            self.assertTrue(all(s.date for s in playlist.segments), "PROGRAM-DATE-TIME")

    def parts_and_segments_fit_their_targets(self):
        playlist = self.seen[-1][1]
        for segment in playlist.segments:
            if segment.uri:
                self.assertLessEqual(round(segment.duration), playlist.target)
                self.assertAlmostEqual(sum(float(p["DURATION"]) for p in segment.parts), segment.duration, places=2)
            for i, part in enumerate(segment.parts):
                duration = float(part["DURATION"])
                self.assertLessEqual(duration, playlist.part_target)
                if i + 1 < len(segment.parts):
                    self.assertGreaterEqual(duration, 0.85 * playlist.part_target)
            if segment.msn > self.first.msn + 3:  # the first three were cut short for the first reader
                self.assertEqual(segment.parts[0].get("INDEPENDENT"), "YES")
        whole = [s for s in playlist.segments if s.uri]
        self.assertGreaterEqual(len(whole), 2)
        for before, after in zip(whole, whole[1:]):
            self.assertAlmostEqual(after.date - before.date, before.duration, delta=0.1)
        self.assertAlmostEqual(playlist.segments[-1].date, time.time(), delta=6, msg="capture time is the server's UTC")

    def hints_hold(self):
        for (_, before), (_, after) in zip(self.seen, self.seen[1:]):
            self.assertEqual([h["TYPE"] for h in before.hints], ["PART"], "one hint of a type")
            uris = {p["URI"] for s in after.segments for p in s.parts}
            self.assertIn(before.hints[0]["URI"], uris, "what was hinted came")

    def parts_come_in_time(self):
        times = [at for at, _ in self.seen]
        gaps = sorted(b - a for a, b in zip(times, times[1:]))
        # A busy machine may be late once; the rule is for the server's clock.
        self.assertLess(gaps[len(gaps) * 3 // 4], 2 * self.first.part_target, "a part within a target of the last")
        self.assertGreaterEqual(len(self.seen), 10)

    def numbers_never_decrease(self):
        names = {}
        for (_, before), (_, after) in zip(self.seen, self.seen[1:]):
            self.assertGreaterEqual(after.msn, before.msn)
            self.assertGreater(after.edge(), before.edge())
        for _, playlist in self.seen:
            for segment in playlist.segments:
                if segment.uri:
                    self.assertEqual(names.setdefault(segment.msn, segment.uri), segment.uri)

    def bytes_are_what_was_named(self):
        reader, playlist = self.second_reader, self.seen[-1][1]
        header = reader.get(playlist.segments[0].map)
        self.assertEqual((header[0], header[1]["Content-Type"]), (200, "video/mp4"))
        self.assertEqual([kind for kind, _ in boxes(header[2])], ["ftyp", "moov"])
        segment = next(s for s in playlist.segments if s.uri)
        whole = reader.get(segment.uri)[2]
        parts = b"".join(reader.get(part["URI"])[2] for part in segment.parts)
        self.assertEqual(whole, parts)
        kinds = [kind for kind, _ in boxes(whole) if kind != "emsg"]
        self.assertEqual(kinds, ["styp"] + ["moof", "mdat"] * len(segment.parts))

    def events_are_there(self, event):
        entry = self.seen[-1][1].ranges[event["id"]]
        self.assertAlmostEqual(utc(entry["START-DATE"]), event["at_us"] / 1e6, delta=0.002)
        self.assertEqual(json.loads(base64.b64decode(entry["X-SOUK-MESSAGE"])), event)
        sent = b""
        for segment in self.seen[-1][1].segments:
            sent += b"".join(self.second_reader.get(part["URI"])[2] for part in segment.parts)
        messages = [content for kind, content in boxes(sent) if kind == "emsg"]
        self.assertTrue(any(json.loads(m.split(b"\0")[-1])["id"] == event["id"]
                            for m in messages if m.endswith(b"}")), "an emsg in the part")
        for (_, before), (_, after) in zip(self.seen, self.seen[1:]):
            for name, known in before.ranges.items():
                if utc(known["START-DATE"]) >= after.segments[0].date:
                    self.assertEqual(after.ranges.get(name), known, "a date in the playlist stays, as it was")

    def directives_that_are_wrong(self):
        last = self.newest().last_whole()
        for query, member in (("?_HLS_part=0", "_HLS_part"), ("?_HLS_msn=x", "_HLS_msn"), ("?_HLS_msn=", "_HLS_msn"),
                              ("?_HLS_msn=-1", "_HLS_msn"), (f"?_HLS_msn={last}&_HLS_part=1.5", "_HLS_part"),
                              ("?_HLS_skip=NO", "_HLS_skip"), (f"?_HLS_msn={last + 5}", "_HLS_msn"),
                              (f"?_HLS_msn={last + 1}&_HLS_part=40", "_HLS_msn")):
            status, _, body = self.second_reader.get("source.m3u8" + query)
            self.assertEqual((status, json.loads(body)["member"]), (400, member), query)

    def directives_that_block(self):
        playlist = self.newest()
        last = playlist.last_whole()
        whole = self.second_reader.playlist(f"?_HLS_msn={last + 1}")
        self.assertGreaterEqual(whole.last_whole(), last + 1, "answered before the segment was whole")
        edge = whole.edge()
        # A part that a whole segment does not have is the first of the next one.
        after = self.second_reader.playlist(f"?_HLS_msn={last + 1}&_HLS_part=60")
        self.assertGreater(after.edge(), (last + 2, 0))
        self.assertGreaterEqual(after.edge(), edge)

    def old_directives_are_answered_at_once(self):
        begin = time.monotonic()
        for query in ("?_HLS_msn=1", "?_HLS_msn=1&_HLS_part=3", f"?_HLS_msn={self.first.msn}"):
            playlist = self.second_reader.playlist(query)
            self.assertEqual(playlist.skipped, 0, "the whole playlist")
            self.assertGreaterEqual(playlist.edge(), self.seen[-1][1].edge())
        self.assertLess(time.monotonic() - begin, 3, "none of them was held for a part to come")

    def blocking_wakes_every_reader(self):
        """Also readers whose connection another worker has."""
        msn, part = self.newest().edge()
        answers = []

        def wait():
            reader = Reader(self.server)
            answers.append(reader.get(f"source.m3u8?_HLS_msn={msn}&_HLS_part={part + 1}")[0])
            reader.close()

        threads = [threading.Thread(target=wait) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, [200] * 12)

    def a_hint_is_answered_when_it_is_there(self):
        hint = self.newest().hints[0]["URI"]
        status, fields, body = self.second_reader.get(hint)
        self.assertEqual(status, 200)
        self.assertEqual(int(fields["Content-Length"]), len(body), "whole, at line speed")
        self.assertIn(hint, {p["URI"] for s in self.newest().segments for p in s.parts})

    def what_is_not_there_is_404(self):
        edge = self.newest().edge()
        for name in ("source-1.m4s", "source-1.0.m4s", "source-i1.mp4", f"source-{edge[0] + 9}.m4s",
                     f"source-{edge[0]}.{edge[1] + 9}.m4s", "720p.m3u8", "nothing", "source.ts"):
            status, _, body = self.second_reader.get(name)
            self.assertEqual((status, json.loads(body)["code"]), (404, "not_found"), name)
        status, fields, _ = self.server.request("POST", "/hls/demo/index.m3u8")
        self.assertEqual((status, fields["Allow"]), (405, "GET, HEAD"))

    def headers_are_right(self):
        playlist = self.newest()
        segment = next(s for s in playlist.segments if s.uri)
        for name, cache in (("index.m3u8", "no-cache"), ("source.m3u8", "no-cache"),
                            (f"source.m3u8?_HLS_msn={segment.msn}", "public, max-age=24"),
                            (segment.uri, "public, max-age=3600, immutable"),
                            (segment.parts[0]["URI"], "public, max-age=3600, immutable"),
                            (segment.map, "public, max-age=3600, immutable")):
            fields = self.second_reader.get(name)[1]
            self.assertEqual(fields["Cache-Control"], cache, name)
            self.assertEqual(fields["Access-Control-Allow-Origin"], "*")
            self.assertEqual(fields.get("Vary"), "Accept-Encoding" if ".m3u8" in name else None)

    def gzip_is_the_same_text(self):
        for name in (f"source.m3u8?_HLS_msn={self.first.msn}", f"source.m3u8?_HLS_msn={self.first.msn}&_HLS_skip=YES"):
            status, fields, body = self.second_reader.get(name, headers={"Accept-Encoding": "br, gzip"})
            self.assertEqual((status, fields["Content-Encoding"]), (200, "gzip"))
            self.assertEqual(Playlist(body.decode()).target, self.first.target)
        self.assertIsNone(self.second_reader.get("source.m3u8")[1]["Content-Encoding"])

    def head_has_no_body(self):
        for name in ("index.m3u8", "source.m3u8", self.first.segments[0].parts[0]["URI"]):
            status, fields, body = self.second_reader.get(name, "HEAD")
            self.assertEqual((status, body), (200, b""), name)
            self.assertGreater(int(fields["Content-Length"]), 0)


class Access(HlsTest):
    def test_who_may_watch_a_closed_room(self):
        self.make_room("closed", access="token")
        host = self.server.token("closed", "host", "anna")
        viewer = self.server.token("closed", "viewer", "bob")
        publisher = Publisher(self.server, "closed", host, seconds=30)
        self.addCleanup(publisher.stop)
        until(lambda: self.server.request("GET", "/api/rooms/closed", token=viewer)[2]["state"] == "live", "live")
        reader = self.reader("/hls/closed/")
        self.assertEqual(reader.get("index.m3u8")[0], 401)
        self.assertEqual(reader.get("source.m3u8")[0], 401)
        self.assertEqual(reader.get(f"index.m3u8?token={self.viewer}")[0], 403, "a token of another room")
        for status, _, body in (reader.get(f"index.m3u8?token={viewer}"),
                                reader.get("index.m3u8", headers={"Authorization": f"Bearer {viewer}"})):
            self.assertEqual(status, 200)
            uri = next(line for line in body.decode().split("\n") if "source.m3u8" in line)
        ticket, name = uri.split("/")
        self.assertRegex(name, r"^source\.m3u8\?sid=[A-Za-z0-9_-]{12}$")
        inside = self.reader(f"/hls/closed/{ticket}/")
        playlist = inside.playlist()
        part = inside.get(playlist.segments[0].parts[0]["URI"])
        self.assertEqual((part[0], part[1]["Cache-Control"]), (200, "private, max-age=3600, immutable"))
        wrong = ("0" if ticket[-1] != "0" else "1")
        self.assertEqual(self.reader(f"/hls/closed/{ticket[:-1]}{wrong}/").get("source.m3u8")[0], 401)
        self.assertEqual(self.reader(f"/hls/demo/{ticket}/").get("source.m3u8")[0], 401, "a ticket of another room")

    def test_not_live_and_unknown(self):
        reader = self.reader()
        for name in ("index.m3u8", "source.m3u8", "source-1.m4s"):
            status, fields, body = reader.get(name)
            self.assertEqual((status, json.loads(body)["code"]), (404, "not_live"), name)
            self.assertEqual(fields["Retry-After"], "2")
        self.assertEqual(self.reader("/hls/none/").get("index.m3u8")[0], 404)

    def test_who_waits_is_answered_when_the_room_is_removed(self):
        publisher = self.publish(seconds=30)
        reader = self.reader()
        playlist = reader.playlist()
        answers = []
        thread = threading.Thread(target=lambda: answers.append(
            reader.get(f"source.m3u8?_HLS_msn={playlist.last_whole() + 2}")[0]))
        thread.start()
        publisher.stop()
        until(lambda: self.state()["state"] == "lost", "lost")
        self.server.request("DELETE", "/api/rooms/demo", token=self.admin)
        thread.join(5)
        self.assertEqual(len(answers), 1)
        self.assertIn(answers[0], (200, 404))


if __name__ == "__main__":
    unittest.main()
