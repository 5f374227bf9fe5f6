"""A real soukd for a test: started on free ports with an empty data directory, ended with the test."""
import http.client
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BIN = os.environ.get("SOUK_BIN", "build/release/bin")
WAIT_S = 15
FORBIDDEN = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "ThreadSanitizer")


class Server:
    def __init__(self, *options, data=None):
        self.data = data or tempfile.mkdtemp(prefix="souk-test-")
        self.own_data = data is None
        self.options = options
        self.process = None

    def start(self):
        self.log = tempfile.NamedTemporaryFile("w+", prefix="souk-log-")
        self.process = subprocess.Popen(
            [f"{BIN}/soukd", "--data", self.data, "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0",
             "--udp", "127.0.0.1:0", "--admin", "127.0.0.1:0",
             # The machine has other tests to do, which say nothing of how many viewers it could bear.
             "--admit-load", "100", *self.options],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], WAIT_S)
        line = self.process.stdout.readline() if ready else ""
        if not line.startswith("ready "):
            raise RuntimeError(f"soukd is not ready: {line!r} {self.errors()}")
        self.ready = json.loads(line[len("ready "):])
        self.host, port = self.ready["http"].rsplit(":", 1)
        self.host = self.host.strip("[]")  # of an IPv6 address
        self.port = int(port)
        return self

    def errors(self):
        with open(self.log.name) as log:
            return log.read()

    def stop(self, sig=signal.SIGTERM):
        """Ends the server and returns its exit status; what a sanitizer said fails the test."""
        if not self.process:
            return None
        self.process.send_signal(sig)
        status = self.process.wait(WAIT_S + 20)
        self.process.stdout.close()
        errors = self.errors()
        self.log.close()
        self.process = None
        for text in FORBIDDEN:
            if text in errors:
                raise AssertionError(errors)
        return status

    def close(self):
        status = self.stop()
        if self.own_data:
            shutil.rmtree(self.data, ignore_errors=True)
        return status

    def token(self, room="*", role="admin", sub="root", ttl="1h"):
        return subprocess.run(
            [f"{BIN}/soukd", "token", "--data", self.data, "--room", room, "--role", role, "--sub", sub,
             "--ttl", ttl], check=True, capture_output=True, text=True).stdout.strip()

    def request(self, method, path, body=None, token=None, headers=None, port=None):
        """One request on a connection of its own: status, header fields, body (JSON where it is)."""
        connection = http.client.HTTPConnection(self.host, port or self.port, timeout=WAIT_S)
        fields = dict(headers or {})
        if token:
            fields["Authorization"] = f"Bearer {token}"
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            fields.setdefault("Content-Type", "application/json")
        connection.request(method, path, body, fields)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        if "json" in reply.headers.get("Content-Type", ""):
            content = json.loads(content) if content else None
        return reply.status, reply.headers, content

    def raw(self, data, port=None, wait_s=WAIT_S):
        """Bytes over TCP and everything that comes back until the server closes."""
        with socket.create_connection((self.host, port or self.port), timeout=wait_s) as connection:
            connection.sendall(data)
            answer = b""
            try:
                while chunk := connection.recv(65536):
                    answer += chunk
            except (socket.timeout, ConnectionResetError):
                pass
            return answer


class Publisher:
    """ffmpeg as a host: a moving picture and a tone over RTMP, in real time."""

    def __init__(self, server, room, token, *, seconds=60, extra=()):
        url = f"rtmp://{server.ready['rtmp']}/live/{room}?token={token}"
        self.process = subprocess.Popen(
            ["ffmpeg", "-loglevel", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
             "-f", "lavfi", "-i", "sine=sample_rate=44100", "-t", str(seconds), "-c:v", "libx264",
             "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-g", "25",
             "-pix_fmt", "yuv420p", "-c:a", "aac", "-ar", "44100", *extra, "-f", "flv", url],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def stop(self, sig=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        self.process.wait(WAIT_S)
        self.process.stderr.close()


def until(condition, what, wait_s=WAIT_S):
    """Polls a condition of the outside world; returns its first true value."""
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {wait_s} s: {what}")


class RoomTest(unittest.TestCase):
    """A server with a room `demo` that sells A1."""

    OPTIONS = ()

    def setUp(self):
        self.server = Server(*self.OPTIONS).start()
        self.addCleanup(self.check_end)
        self.admin = self.server.token()
        self.host = self.server.token("demo", "host", "anna")
        self.viewer = self.server.token("demo", "viewer", "bob")
        self.make_room("demo", guest_orders=True)
        self.make_product("A1", stock=100)

    def check_end(self):
        self.assertIn(self.server.close(), (0, None), "exit status of soukd")

    def make_room(self, room, **members):
        status, _, body = self.server.request("POST", "/api/rooms", {"id": room, **members}, self.admin)
        self.assertEqual(status, 201, body)
        return body

    def make_product(self, sku, stock, minor=19900, **members):
        status, _, body = self.server.request(
            "POST", "/api/rooms/demo/products",
            {"sku": sku, "title": sku, "price": {"minor": minor, "cur": "CNY"}, "stock": stock, **members},
            self.host)
        self.assertEqual(status, 201, body)
        return body

    def order(self, key, token=None, **members):
        return self.server.request("POST", "/api/rooms/demo/orders", {"sku": "A1", "qty": 1, **members},
                                   token or self.viewer, {"Idempotency-Key": key})

    def state(self):
        return self.server.request("GET", "/api/rooms/demo/state")[2]

    def publish(self, room="demo", **options):
        publisher = Publisher(self.server, room, self.host, **options)
        self.addCleanup(publisher.stop)
        until(lambda: self.server.request("GET", f"/api/rooms/{room}")[2]["state"] == "live", "live")
        return publisher

    def assert_problem(self, answer, status, code, member=None):
        self.assertEqual((answer[0], answer[2].get("code")), (status, code), answer[2])
        self.assertEqual(answer[1]["Content-Type"], "application/problem+json")
        if member:
            self.assertEqual(answer[2].get("member"), member)
