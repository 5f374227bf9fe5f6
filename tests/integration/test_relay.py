"""A room's show pushed to other RTMP servers: nginx's module, ffmpeg, and a soukd over TLS."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import jsonschema

from flv import FlvReader
from souk import RoomTest, Server, until

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def probe(path):
    """(codecs, video and audio decoding times in ms) of a file."""
    out = subprocess.run(["ffprobe", "-loglevel", "error", "-show_entries",
                          "stream=codec_name,width:packet=codec_type,dts_time,flags", "-of", "json", path],
                         capture_output=True, text=True, timeout=30, check=True)
    found = json.loads(out.stdout)
    times = {kind: [round(float(p["dts_time"]) * 1000) for p in found["packets"] if p["codec_type"] == kind]
             for kind in ("video", "audio")}
    return {stream["codec_name"] for stream in found["streams"]}, times, found["packets"]


class RelayTest(RoomTest):
    OPTIONS = ("--relay-private",)

    def setUp(self):
        super().setUp()
        self.dir = tempfile.mkdtemp(prefix="souk-relay-")
        self.addCleanup(shutil.rmtree, self.dir, True)

    def put(self, *urls, token=None):
        return self.server.request("PUT", "/api/rooms/demo/relays", {"relay_to": list(urls)}, token or self.admin)

    def relay(self, token=None):
        return self.server.request("GET", "/api/rooms/demo/relays", token=token or self.admin)[2]["items"][0]

    def until_state(self, state):
        return until(lambda: (lambda item: item if item["state"] == state else None)(self.relay()), state)

    def metric(self, name):
        address = self.server.ready["admin"].rsplit(":", 1)[1]
        text = self.server.request("GET", "/metrics", port=int(address))[2].decode()
        return int(next(line.split()[-1] for line in text.splitlines() if line.startswith(name)))

    def check_times(self, times):
        for kind in ("video", "audio"):
            self.assertGreater(len(times[kind]), 25, kind)
            self.assertEqual(times[kind], sorted(times[kind]), f"{kind} goes backwards")
        self.assertLess(min(times["video"] + times["audio"]), 100, "begins at 0")


class Settings(RelayTest):
    def test_hosts_may_choose_only_what_was_allowed_and_never_see_a_key(self):
        url = "rtmp://127.0.0.1:9/live/secret?sign=x"
        self.assert_problem(self.put(url, token=self.host), 403, "forbidden", "relay_to.0")
        self.assert_problem(self.put(url, token=self.viewer), 403, "forbidden")
        status, _, body = self.put(url)
        self.assertEqual(status, 200)
        schema = json.loads((ROOT / "docs/schema/relays.schema.json").read_text())
        jsonschema.Draft202012Validator(schema).validate(body)
        self.assertEqual(self.relay()["url"], url)
        self.assertEqual(self.relay(self.host)["url"], "rtmp://127.0.0.1:9/live/***")
        self.assertNotIn("relay", json.dumps(self.server.request("GET", "/api/rooms/demo")[2]))
        for bad in ("http://x/live/k", "rtmp://x/k", "rtmp://u:p@x/live/k", "rtmp://x:0/live/k", 7):
            self.assert_problem(self.put(bad), 400, "bad_request", "relay_to.0")
        self.assert_problem(self.put(*[url] * 5), 400, "bad_request", "relay_to")
        self.publish(seconds=30)
        self.assertIn("refused", self.until_state("waiting")["error"].lower())
        self.assertNotIn("secret", self.server.errors())
        self.assertEqual(oct(os.stat(f"{self.server.data}/relays.json").st_mode & 0o777), "0o600")

    def test_they_outlive_the_server_but_not_the_room(self):
        url = "rtmp://127.0.0.1:9/live/secret"
        self.assertEqual(self.put(url)[0], 200)
        self.server.stop()
        self.server.start()
        self.assertEqual(until(lambda: self.server.request(
            "GET", "/api/rooms/demo/relays", token=self.admin)[2]["items"], "relays")[0]["url"], url)
        self.server.request("DELETE", "/api/rooms/demo", token=self.admin)
        self.make_room("demo")
        self.assertEqual(self.server.request("GET", "/api/rooms/demo/relays", token=self.admin)[2], {"items": []})


class Private(RelayTest):
    OPTIONS = ("--relay-host", "localhost", "--relay-host", "*.example.com")

    def test_names_that_lead_inside_lead_nowhere(self):
        self.assertEqual(self.put("rtmp://localhost/live/key", token=self.host)[0], 200)
        self.assert_problem(self.put("rtmp://127.0.0.1/live/key", token=self.host), 403, "forbidden")
        self.assert_problem(self.put("rtmp://example.com/live/key", token=self.host), 403, "forbidden")
        self.publish(seconds=20)
        self.assertEqual(self.until_state("waiting")["error"], "a private address")


class Ffmpeg(RelayTest):
    def test_takes_the_show_from_a_keyframe_with_times_from_zero(self):
        port = free_port()
        taker = subprocess.Popen(["ffmpeg", "-loglevel", "error", "-listen", "1", "-i",
                                  f"rtmp://127.0.0.1:{port}/live/key", "-c", "copy", "-t", "4", "-f", "flv",
                                  f"{self.dir}/out.flv"], stdin=subprocess.DEVNULL)
        self.addCleanup(taker.wait)
        self.addCleanup(taker.kill)
        self.publish(seconds=30)
        time.sleep(1.5)  # the room is older than the relay
        self.put(f"rtmp://127.0.0.1:{port}/live/key")
        taker.wait(30)
        codecs, times, packets = probe(f"{self.dir}/out.flv")
        self.assertEqual(codecs, {"h264", "aac"})
        self.check_times(times)
        self.assertIn("K", next(p["flags"] for p in packets if p["codec_type"] == "video"))


@unittest.skipUnless(NGINX and os.path.exists(MODULE), "skipped: needs nginx with libnginx-mod-rtmp")
class Nginx(RelayTest):
    def start_nginx(self):
        pathlib.Path(self.dir, "nginx.conf").write_text(
            f"load_module {MODULE}; {'user root; ' if os.geteuid() == 0 else ''}pid {self.dir}/pid; error_log {self.dir}/errors; "
            f"daemon off; master_process off; events {{}}\n"
            f"rtmp {{ server {{ listen 127.0.0.1:{self.port}; application live {{ live on; "
            f"record all; record_path {self.dir}; record_unique on; }} }} }}\n")
        nginx = subprocess.Popen([NGINX, "-e", f"{self.dir}/errors", "-c", f"{self.dir}/nginx.conf"],
                                 stderr=subprocess.DEVNULL)
        self.addCleanup(nginx.wait)
        self.addCleanup(nginx.kill)
        return nginx

    def test_takes_the_show_and_gets_it_again_when_it_returns(self):
        self.port = free_port()
        nginx = self.start_nginx()
        self.put(f"rtmp://localhost:{self.port}/live/key?a=b")
        self.assertEqual(self.relay()["state"], "off")
        self.publish(seconds=40)
        self.until_state("connected")
        time.sleep(2)
        nginx.send_signal(signal.SIGKILL)
        nginx.wait()
        item = self.until_state("waiting")
        self.assertTrue(item["error"])
        self.start_nginx()
        again = self.until_state("connected")
        self.assertGreaterEqual(again["reconnects"], 1)
        self.assertEqual(self.metric("souk_relays_connected"), 1)
        self.assertGreater(self.metric("souk_relay_bytes_total"), 50000)
        time.sleep(2)
        self.server.request("POST", "/api/rooms/demo/end", {}, self.host)
        self.until_state("off")
        self.assertEqual(self.metric("souk_relays_connected"), 0)
        files = sorted(pathlib.Path(self.dir).glob("key-*.flv"))
        self.assertEqual(len(files), 2)
        for file in files:
            codecs, times, _ = probe(file)
            self.assertEqual(codecs, {"h264", "aac"})
            self.check_times(times)

    def test_a_peer_that_stops_reading_costs_little_and_harms_nobody(self):
        self.port = free_port()
        nginx = self.start_nginx()
        self.put(f"rtmp://127.0.0.1:{self.port}/live/key")
        self.publish(seconds=40, extra=("-b:v", "8M", "-minrate", "8M", "-maxrate", "8M", "-bufsize", "1M"))
        self.until_state("connected")
        nginx.send_signal(signal.SIGSTOP)
        reader = FlvReader(self.server)
        self.addCleanup(reader.close)
        pictures = reader.pictures()
        before = time.monotonic()
        seen = 0
        while time.monotonic() < before + 3:
            next(pictures)
            seen += 1
        self.assertGreater(seen, 60)
        nginx.send_signal(signal.SIGCONT)


class OverTls(RelayTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="souk-tls-")
        self.addCleanup(folder.cleanup)
        for name in ("one", "two"):
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                 "2", "-keyout", f"{folder.name}/{name}.key", "-out", f"{folder.name}/{name}.pem", "-subj", f"/CN={name}",
                 "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        self.OPTIONS = ("--relay-private", "--relay-ca", f"{folder.name}/one.pem")
        super().setUp()
        self.other = {}
        for name in ("one", "two"):
            server = Server("--rtmps", "127.0.0.1:0", "--tls-cert", f"{folder.name}/{name}.pem",
                            "--tls-key", f"{folder.name}/{name}.key").start()
            self.addCleanup(server.close)
            server.request("POST", "/api/rooms", {"id": "copy"}, server.token())
            self.other[name] = server

    def url(self, name, host="localhost"):
        server = self.other[name]
        port = server.ready["rtmps"].rsplit(":", 1)[1]
        return f"rtmps://{host}:{port}/live/copy?token={server.token('copy', 'host', 'relay')}"

    def test_another_soukd_shows_it(self):
        self.put(self.url("one"))
        self.publish(seconds=30)
        self.until_state("connected")
        there = self.other["one"]
        until(lambda: there.request("GET", "/api/rooms/copy")[2]["state"] == "live", "live there")
        reader = FlvReader(there, "/live/copy.flv")
        self.addCleanup(reader.close)
        pictures = reader.pictures()
        times = [next(pictures)[0] for _ in range(50)]
        self.assertEqual(times, sorted(times))
        self.server.request("POST", "/api/rooms/demo/end", {}, self.host)
        until(lambda: there.request("GET", "/api/rooms/copy")[2]["state"] in ("lost", "ended"), "over there")

    def test_a_certificate_of_somebody_else_is_refused(self):
        self.publish(seconds=30)
        for url in (self.url("two"), self.url("one", "127.0.0.1")):
            self.put(url)
            self.assertIn("tls", until(lambda: self.relay()["error"], "error"))
            self.put()


if __name__ == "__main__":
    sys.exit(unittest.main())
