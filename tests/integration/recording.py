"""What recordings share: files of a room, looked at by ffprobe."""
import glob
import json
import subprocess

from hls import HlsTest


def probe(path, *options):
    out = subprocess.run(["ffprobe", "-v", "error", *options, "-of", "json", path], capture_output=True, text=True,
                         timeout=30)
    return json.loads(out.stdout or "{}"), out.stderr


def spans(path):
    """Seconds of pictures and of sound that can be decoded, and whether their times go up."""
    found = {}
    for kind in "va":
        packets = probe(path, "-select_streams", kind, "-show_entries", "packet=dts_time")[0].get("packets", [])
        times = [float(p["dts_time"]) for p in packets]
        assert times == sorted(set(times)), f"{kind} goes backwards"
        found[kind] = times[-1] - times[0] if times else 0
    return found


class RecordTest(HlsTest):
    """A room that is recorded, and its files."""

    def setUp(self):
        super().setUp()
        self.server.request("PATCH", "/api/rooms/demo", {"record": True}, self.host)

    def files(self, suffix="mp4"):
        return sorted(glob.glob(f"{self.server.data}/recordings/demo/*/*.{suffix}"))

    def parts(self, path):
        """Of a file that has just begun the index may not be there yet."""
        try:
            with open(path.replace(".mp4", ".idx")) as index:
                return [line.split() for line in index if line.startswith("P ")]
        except FileNotFoundError:
            return []

    def recordings(self):
        return self.server.request("GET", "/api/rooms/demo/recordings")[2]["items"]

    def pin(self, sku="A1"):
        return self.server.request("POST", "/api/rooms/demo/pin", {"sku": sku}, self.host)[2]

    def replay(self, show):
        status, fields, body = self.server.request("GET", show["url"])
        self.assertEqual((status, fields["Content-Type"]), (200, "application/vnd.apple.mpegurl"))
        return body.decode()
