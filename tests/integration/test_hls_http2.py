"""deploy/nginx-hls.conf in front of soukd: LL-HLS over HTTP/2, and one request to soukd for many viewers."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from hls import HlsTest, Playlist, Reader
from souk import until

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "nginx-hls.conf"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Http2(HlsTest):
    def setUp(self):
        super().setUp()
        self.dir = tempfile.mkdtemp(prefix="souk-nginx-")
        self.addCleanup(shutil.rmtree, self.dir, True)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=live.example.com", "-keyout", f"{self.dir}/key", "-out", f"{self.dir}/cert"],
            check=True, capture_output=True)
        self.port = free_port()
        site = EXAMPLE.read_text()
        for pattern, text in ((r"listen 443", f"listen 127.0.0.1:{self.port}"), (r"127\.0\.0\.1:8080", self.server.ready["http"]),
                              (r"/etc/ssl/live.example.com.pem", f"{self.dir}/cert"),
                              (r"/etc/ssl/live.example.com.key", f"{self.dir}/key"),
                              (r"/var/cache/nginx/souk", f"{self.dir}/cache")):
            site, count = re.subn(pattern, text, site)
            self.assertEqual(count, 1, pattern)
        temporary = "".join(f"{name}_temp_path {self.dir}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        pathlib.Path(self.dir, "nginx.conf").write_text(
            f"{'user root; ' if os.geteuid() == 0 else ''}pid {self.dir}/pid; error_log {self.dir}/errors; daemon off; worker_processes 1; events {{}}\n"
            f"http {{ access_log off; {temporary}\n{site}\n}}\n")
        nginx = subprocess.Popen([NGINX, "-e", f"{self.dir}/errors", "-c", f"{self.dir}/nginx.conf"],
                                 stderr=subprocess.DEVNULL)
        self.addCleanup(nginx.wait)
        self.addCleanup(nginx.terminate)
        until(self.answers, "nginx")

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def get(self, path):
        """HTTP version, status and text, by curl."""
        out = subprocess.run(
            ["curl", "-sk", "--http2", "--max-time", "20", "-w", "\n%{http_version} %{http_code}",
             f"https://127.0.0.1:{self.port}{path}"], capture_output=True, check=True)
        body, _, tail = out.stdout.rpartition(b"\n")
        return (*tail.decode().split(), body)

    def test_blocking_reloads_of_many_viewers_over_http_2(self):
        self.publish(seconds=30)
        version, status, body = self.get("/hls/demo/index.m3u8")
        self.assertEqual((version, status), ("2", "200"), body)
        direct = Reader(self.server)
        self.addCleanup(direct.close)
        msn, part = direct.playlist().edge()
        answers = []
        threads = [threading.Thread(
            target=lambda: answers.append(self.get(f"/hls/demo/source.m3u8?_HLS_msn={msn}&_HLS_part={part + 1}")))
            for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([answer[:2] for answer in answers], [("2", "200")] * 8)
        self.assertEqual(len({answer[2] for answer in answers}), 1, "one answer of soukd for all")
        playlist = Playlist(answers[0][2].decode())
        self.assertEqual(self.get("/hls/demo/" + playlist.hints[0]["URI"])[:2], ("2", "200"))
        self.assertEqual(self.get("/hls/demo/source-1.m4s")[1], "404")


if __name__ == "__main__":
    if not NGINX:
        print("skipped: nginx is not installed")
        sys.exit(77)
    unittest.main()
