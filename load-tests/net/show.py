"""A show on a test's network: soukd in one namespace, and the host that publishes to it."""
import http.client
import json
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "load-tests"))
import clips  # noqa: E402

OUT = ROOT / "build" / "net"
LIVE_S = 20


def source(group_s=2):
    """What the host sends: 1.2 Mbit/s."""
    name = "source.flv" if group_s == 2 else f"source-{group_s}.flv"
    return clips.show(OUT / name, 40, 1150, 1200, "-tune", "zerolatency", group=group_s * 25)


class Show:
    """soukd in `place` with a room `demo` that sells A1."""

    def __init__(self, place, binaries, *options):
        self.place, self.binaries = place, binaries
        self.data = tempfile.mkdtemp(prefix="souk-net-")
        self.host = None
        self.log = tempfile.NamedTemporaryFile("w+", prefix="souk-net-log-")
        ports = [word for port in ("http", "rtmp", "udp", "admin") if f"--{port}" not in options
                 for word in (f"--{port}", f"{place.address}:0")]
        self.process = place.popen([f"{binaries}/soukd", "--data", self.data, "--admit-load", "100",
                                    *ports, *options], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            self.close()
            raise RuntimeError(f"soukd is not ready: {self.errors()[-800:]}")
        self.at = json.loads(line[6:])
        self.base = f"http://{self.at['http']}"
        self.admin = self.token("*", "admin")
        self.make_room("demo")

    def make_room(self, room):
        self.api("POST", "/api/rooms", {"id": room, "guest_orders": True})
        self.api("POST", f"/api/rooms/{room}/products",
                 {"sku": "A1", "title": "Tea", "price": {"minor": 100, "cur": "CNY"}, "stock": 10**9})

    def errors(self):
        return pathlib.Path(self.log.name).read_text()

    def token(self, room, role):
        return subprocess.check_output([f"{self.binaries}/soukd", "token", "--data", self.data, "--room", room, "--role",
                                        role, "--sub", "anna", "--ttl", "6h"], text=True).strip()

    def fetch(self, where, method, path, body=None, headers=None):
        """One request from inside the server's namespace: status and body."""
        ip, port = where.rsplit(":", 1)
        connection = http.client.HTTPConnection(ip, int(port), timeout=10)
        connection.sock = self.place.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.sock.settimeout(10)
        try:
            connection.sock.connect((ip, int(port)))
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def api(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.admin}", "Content-Type": "application/json"}
        status, content = self.fetch(self.at["http"], method, path, body and json.dumps(body), headers)
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {content[:200]}")
        return json.loads(content) if content else None

    def room(self, room="demo"):
        return self.api("GET", f"/api/rooms/{room}")

    def metrics(self):
        """{name: value}, labels left out and their values added up."""
        found = {}
        for line in self.fetch(self.at["admin"], "GET", "/metrics")[1].decode().splitlines():
            if line and line[0] != "#":
                name, value = line.rsplit(" ", 1)
                name = name.split("{")[0]
                found[name] = found.get(name, 0) + float(value)
        return found

    def publish(self, place=None, kind="rtmp", media=()):
        """souk-swarm as the host, from here or from `place`; waits until the room is live. `media`: files, each a layer."""
        layers = [word for path in media or [source()] for word in ("--media", path)]
        self.host = (place or self.place).popen(
            [f"{self.binaries}/souk-swarm", "--server", self.base, "--rtmp", self.at["rtmp"], "--admin-token", self.admin,
             f"--{kind}-hosts", "1", *layers, "--duration", "6h", "--json", "/dev/null"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_live()

    def wait_live(self, room="demo"):
        end = time.monotonic() + LIVE_S
        while self.room(room)["state"] != "live":
            if time.monotonic() > end:
                raise RuntimeError(f"the room is not live within {LIVE_S} s: {self.errors()[-800:]}")
            time.sleep(0.1)

    def unpublish(self):
        if self.host:
            self.host.terminate()
            self.host.wait(10)
            self.host = None

    def close(self):
        """Ends what it started; soukd's exit status."""
        self.unpublish()
        self.process.terminate()
        try:
            status = self.process.wait(25)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.data, ignore_errors=True)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
