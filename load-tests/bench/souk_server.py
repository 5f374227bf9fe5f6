"""soukd on its core with a room `bench`, and ffmpeg as its host."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

import processes

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "load-tests"))
import clips  # noqa: E402

OUT = ROOT / "build" / "bench"
SERVER_CORE, LOAD_CORE = "0", "1"
LIVE_S = 20  # a room is live by then


def thin_source():
    """320x180 at 5 pictures a second, 100 kbit/s, a keyframe every second, no sound: joins weigh more than it."""
    return clips.made(OUT / "thin.flv", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=5", "-t", "60", *clips.h264(100, 110, 5))


def source():
    """2 Mbit/s, noisy."""
    return clips.show(OUT / "source.flv", 60, 1900, 2000, "-vf", "noise=alls=12:allf=t")


def ffmpeg(*arguments):
    return ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-re", "-stream_loop", "-1",
            *arguments]


class Server:
    """`host`: the address that it listens on and that its clients use; `media`: what is published; `core`: one or several."""

    def __init__(self, children, bindir, live=True, host="127.0.0.1", options=(), media=None, core=SERVER_CORE):
        self.children, self.bindir, self.media, self.core = children, bindir, media, core
        self.data = tempfile.mkdtemp(prefix="souk-bench-")
        ports = [word for port in ("http", "rtmp", "udp", "admin")
                 for word in (f"--{port}", f"{host}:0")]
        self.process = children.start(
            [bindir / "soukd", "--data", self.data, "--workers", "1", *ports,
             # The peers make no rungs; what those cost is measured by themselves (run rungs).
             "--ladder", "none", "--log-level", "warn", *options], core, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            sys.exit("bench: soukd did not start")
        self.at = json.loads(line[6:])
        self.admin = self.token("*", "admin")
        self.post("/api/rooms", {"id": "bench", "guest_orders": True})
        self.post("/api/rooms/bench/products",
                  {"sku": "A1", "title": "Tea", "price": {"minor": 100, "cur": "CNY"},
                   "stock": 10**9})
        self.picture = self.publish() if live else None

    def token(self, room, role):
        return subprocess.check_output(
            [self.bindir / "soukd", "token", "--data", self.data, "--room", room, "--role", role,
             "--sub", "bench", "--ttl", "6h"], text=True).strip()

    def post(self, path, body):
        request = urllib.request.Request(
            f"http://{self.at['http']}{path}", json.dumps(body).encode(),
            {"Authorization": "Bearer " + self.admin, "Content-Type": "application/json"})
        urllib.request.urlopen(request).read()

    def publish(self):
        key = self.token("bench", "host")
        child = self.children.start(
            ffmpeg("-i", self.media or source(), "-c", "copy", "-f", "flv",
                   f"rtmp://{self.at['rtmp']}/live/bench?token={key}"), LOAD_CORE)
        self.wait_live("bench")
        time.sleep(2)  # the first group of pictures is whole
        return child

    def wait_live(self, room):
        for _ in range(10 * LIVE_S):
            with urllib.request.urlopen(f"http://{self.at['http']}/api/rooms/{room}") as answer:
                if json.load(answer)["state"] == "live":
                    return
            time.sleep(0.1)
        sys.exit(f"bench: the room {room} did not go live")

    def cpu_s(self):
        return processes.cpu_s([self.process.pid])

    def rss_kib(self):
        return processes.rss_kib([self.process.pid])

    def end(self):
        if self.picture:
            self.children.end(self.picture)
        self.children.end(self.process)
        shutil.rmtree(self.data, ignore_errors=True)
