"""A strict reader of LL-HLS playlists (RFC 8216bis), written apart from the code under test."""
import datetime
import gzip
import http.client
import json
import re
import select
import struct
import subprocess
import time

from souk import RoomTest

ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"]*"|[^,"]+)(?:,|$)')


def attributes(text):
    found = {}
    at = 0
    while at < len(text):
        match = ATTRIBUTE.match(text, at)
        assert match, f"bad attribute list: {text[at:]!r}"
        name, value = match.groups()
        assert name not in found, f"{name} twice"
        found[name] = value.strip('"')
        at = match.end()
    return found


def utc(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Segment:
    def __init__(self, msn):
        self.msn, self.parts, self.uri, self.duration, self.map, self.date = msn, [], None, None, None, None
        self.discontinuity = 0


class Playlist:
    """A media playlist: `segments` (the last without `uri` while it grows), `ranges` by id, `tags`."""

    def __init__(self, text):
        lines = text.split("\n")
        assert lines[0] == "#EXTM3U" and lines[-1] == "", lines[:1]
        self.tags, self.ranges, self.reports, self.hints = {}, {}, [], []
        self.segments, self.skipped, self.ended = [], 0, False
        self.text = text
        current, seen_map, duration = None, None, None

        def segment():
            nonlocal current
            if current is None:
                number = int(self.tags["MEDIA-SEQUENCE"]) + self.skipped + len(self.segments)
                current = Segment(number)
                current.map = seen_map
                self.segments.append(current)
            return current

        for line in lines[1:-1]:
            assert line, "an empty line"
            if not line.startswith("#"):
                segment().uri, segment().duration = line, duration
                current = None
                continue
            name, _, value = line.removeprefix("#").removeprefix("EXT-X-").partition(":")
            if name == "EXTINF":
                duration = float(value.rstrip(","))
            elif name == "DISCONTINUITY":
                segment().discontinuity += 1
            elif name == "MAP":
                seen_map = attributes(value)["URI"]
                segment().map = seen_map
            elif name == "PROGRAM-DATE-TIME":
                segment().date = utc(value)
            elif name == "PART":
                segment().parts.append(attributes(value))
            elif name == "SKIP":
                self.skipped = int(attributes(value)["SKIPPED-SEGMENTS"])
            elif name == "DATERANGE":
                entry = attributes(value)
                assert entry["ID"] not in self.ranges, "an id twice"
                self.ranges[entry["ID"]] = entry
            elif name == "PRELOAD-HINT":
                self.hints.append(attributes(value))
            elif name == "RENDITION-REPORT":
                self.reports.append(attributes(value))
            elif name == "ENDLIST":
                self.ended = True
            else:
                assert name not in self.tags, f"{name} twice"
                self.tags[name] = value
        self.control = attributes(self.tags["SERVER-CONTROL"])
        self.part_target = float(attributes(self.tags["PART-INF"])["PART-TARGET"])
        self.target = int(self.tags["TARGETDURATION"])
        self.msn = int(self.tags["MEDIA-SEQUENCE"])

    def last_whole(self):
        return max((s.msn for s in self.segments if s.uri), default=self.msn - 1)

    def edge(self):
        """(msn, part) of the part to come."""
        last = self.segments[-1]
        return (last.msn + 1, 0) if last.uri else (last.msn, len(last.parts))


class Reader:
    """One HTTP connection, kept, to the files of a room."""

    def __init__(self, server, base="/hls/demo/"):
        self.connection = http.client.HTTPConnection(server.host, server.port, timeout=20)
        self.base = base

    def get(self, name, method="GET", headers=None):
        self.connection.request(method, self.base + name, headers=headers or {})
        reply = self.connection.getresponse()
        body = reply.read()
        if reply.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        return reply.status, reply.headers, body

    def playlist(self, query="", name="source.m3u8"):
        status, _, body = self.get(name + query)
        assert status == 200, (status, body)
        return Playlist(body.decode())

    def close(self):
        self.connection.close()


def boxes(data):
    """(type, content) of the boxes in a row."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        assert size >= 8 and at + size <= len(data), "a box beyond the end"
        yield kind.decode(), data[at + 8:at + size]
        at += size


class HlsTest(RoomTest):
    def reader(self, base="/hls/demo/"):
        reader = Reader(self.server, base)
        self.addCleanup(reader.close)
        return reader

    def pictures(self, command, wanted=30):
        """So many buffers come out of GStreamer, whose sinks say `chain` for each."""
        player = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        count, said, end = 0, [], time.monotonic() + 20
        try:
            while count < wanted and time.monotonic() < end:
                if not select.select([player.stdout], [], [], 0.5)[0]:
                    continue
                line = player.stdout.readline()
                said.append(line)
                count += "chain" in line
                if not line:
                    break
        finally:
            player.kill()
            player.wait()
            player.stdout.close()
        self.assertGreaterEqual(count, wanted, "".join(said[-20:]))

    def check_times(self, path, least, *options):
        """ffprobe finds both kinds, at least so many packets of each track, and no time that goes back."""
        out = subprocess.run(["ffprobe", "-v", "error", *options, "-show_entries", "stream=codec_name:packet=stream_index,dts_time",
                              "-of", "json", path], capture_output=True, text=True, timeout=40)
        self.assertEqual(out.stderr, "")
        probe = json.loads(out.stdout)
        self.assertLessEqual({"h264", "aac"}, {stream.get("codec_name") for stream in probe["streams"]})
        for stream in range(len(probe["streams"])):
            times = [float(p["dts_time"]) for p in probe["packets"] if p["stream_index"] == stream]
            self.assertGreater(len(times), least, stream)
            self.assertEqual(times, sorted(set(times)), f"{stream} goes backwards")

    def pin(self, sku="A1"):
        status, _, body = self.server.request("POST", "/api/rooms/demo/pin", {"sku": sku}, self.host)
        self.assertEqual(status, 200, body)
        return body
