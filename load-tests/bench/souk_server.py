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
OUT = ROOT / "build" / "bench"
SERVER_CORE, LOAD_CORE = "0", "1"


def made(name, *arguments):
    """The same input for each run, made once."""
    path, part = OUT / f"{name}.flv", OUT / f"{name}.part.flv"
    if not path.exists():
        OUT.mkdir(parents=True, exist_ok=True)
        subprocess.run(["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *arguments, str(part)], check=True)
        part.rename(path)
    return path


def thin_source():
    """320x180 at 5 pictures a second, 100 kbit/s, a keyframe every second, no sound: joins weigh more than it."""
    return made("thin", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=5", "-t", "60", "-c:v", "libx264", "-preset",
                "superfast", "-profile:v", "baseline", "-bf", "0", "-g", "5", "-keyint_min", "5", "-sc_threshold", "0",
                "-b:v", "100k", "-maxrate", "110k", "-bufsize", "50k", "-pix_fmt", "yuv420p")


def source():
    """720p25 H.264 baseline of 2 Mbit/s, AAC."""
    return made("source", "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25",
                "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "60",
                "-vf", "noise=alls=12:allf=t", "-c:v", "libx264", "-preset", "superfast",
                "-profile:v", "baseline", "-bf", "0", "-g", "50", "-keyint_min", "50",
                "-sc_threshold", "0", "-b:v", "1900k", "-maxrate", "2000k", "-bufsize", "1000k",
                "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k")


def ffmpeg(*arguments):
    return ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-re", "-stream_loop", "-1",
            *arguments]


class Server:
    """`host`: the address that it listens on and that its clients use; `media`: what is published."""

    def __init__(self, children, bindir, live=True, host="127.0.0.1", options=(), media=None):
        self.children, self.bindir, self.media = children, bindir, media
        self.data = tempfile.mkdtemp(prefix="souk-bench-")
        ports = [word for port in ("http", "rtmp", "udp", "admin")
                 for word in (f"--{port}", f"{host}:0")]
        self.process = children.start(
            [bindir / "soukd", "--data", self.data, "--workers", "1", *ports,
             # The peers make no rungs; what those cost is measured by themselves (run rungs).
             "--ladder", "none", "--log-level", "warn", *options], SERVER_CORE, stdout=subprocess.PIPE, text=True)
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
        for _ in range(100):
            with urllib.request.urlopen(f"http://{self.at['http']}/api/rooms/bench") as answer:
                if json.load(answer)["state"] == "live":
                    time.sleep(2)  # the first group of pictures is whole
                    return child
            time.sleep(0.1)
        sys.exit("bench: the room did not go live")

    def cpu_s(self):
        return processes.cpu_s([self.process.pid])

    def rss_kib(self):
        return processes.rss_kib([self.process.pid])

    def end(self):
        if self.picture:
            self.children.end(self.picture)
        self.children.end(self.process)
        shutil.rmtree(self.data, ignore_errors=True)
