"""What strangers send: each gets its answer from the contract, and the room goes on."""
import os
import resource
import socket
import struct
import time
import unittest

from flv import FlvReader
from souk import RoomTest, until


RTMP_CONNECTIONS = 1000  # of a worker


def request(*lines, body=b""):
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class BadInput(RoomTest):
    OPTIONS = ("--workers", "1")

    """A bystander watches during every attack and must not lose a picture."""

    def setUp(self):
        super().setUp()
        self.publish(seconds=60)
        self.bystander = FlvReader(self.server)
        self.addCleanup(self.bystander.close)
        self.pictures = self.bystander.pictures()
        self.last_ms = next(self.pictures)[0]

    def still_served(self):
        """The bystander's pictures follow each other without a hole; the API answers."""
        gaps = []
        for _ in range(20):
            at_ms, _ = next(self.pictures)
            gaps.append(at_ms - self.last_ms)
            self.last_ms = at_ms
        self.assertLess(max(gaps), 200)
        self.assertEqual(self.state()["state"], "live")

    def assert_refused(self, data, status):
        answer = self.server.raw(data)
        self.assertTrue(answer.startswith(f"HTTP/1.1 {status} ".encode()), (data[:60], answer[:80]))
        self.assertEqual(answer.count(b"HTTP/1.1 "), 1, "the smuggled request was served")

    def test_ambiguous_framing_is_400_and_closes(self):
        second = request("GET /api/rooms/demo HTTP/1.1", "Host: x")
        host = "Host: x"
        for lines in (("Content-Length: 3", "Content-Length: 3"), ("Content-Length: 3", "Content-Length: 4"),
                      ("Content-Length: +3",), ("Content-Length: 0x3",), ("Content-Length: 3", "Transfer-Encoding: chunked"),
                      ("Transfer-Encoding: gzip, chunked",), ("Transfer-Encoding : chunked",), ("X: a\0b",),
                      ("Transfer-Encoding: chunked\n",), (" folded",)):
            self.assert_refused(request("POST /api/guest HTTP/1.1", host, *lines, body=b"abc") + second, 400)
        self.assert_refused(request("GET /api/rooms/demo HTTP/1.1") + second, 400)
        self.assert_refused(request("GET /api/rooms/demo HTTP/1.1", host, host) + second, 400)
        self.assert_refused(request("GET /api/..%2frooms HTTP/1.1", host) + second, 400)
        self.assert_refused(b"GET /api/rooms/demo HTTP/1.1\nHost: x\n\n" + second, 400)
        self.still_served()

    def test_giants_are_refused_by_size(self):
        self.assert_refused(request("GET / HTTP/1.1", "Host: x", "X: " + "a" * 9000), 431)
        self.assert_refused(request("POST /api/guest HTTP/1.1", "Host: x", "Content-Length: 2147483648"), 413)
        self.assert_refused(request("POST /whep/demo HTTP/1.1", "Host: x", "Content-Type: application/sdp",
                                    "Content-Length: 40000"), 413)
        self.still_served()

    def test_malformed_bodies_are_400(self):
        for body in ("{", "[]", "x" * 100, "{\"sku\":" * 100, "{\"a\":1,\"a\":2}", "{\"a\":1e999}"):
            answer = self.server.request("POST", "/api/rooms/demo/pin", body, self.host)
            self.assert_problem(answer, 400, "bad_request")
        for body in ("x", "v=0\r\n", "v=0\r\nm=video 9 X 96\r\n" * 1000):
            answer = self.server.request("POST", "/whep/demo", body, None, {"Content-Type": "application/sdp"})
            self.assert_problem(answer, 400, "bad_request")
        answer = self.server.request("POST", "/whep/demo", "{}", None, {"Content-Type": "application/json"})
        self.assertEqual((answer[0], answer[1]["Accept-Post"]), (415, "application/sdp"))
        self.still_served()

    def test_garbage_on_the_rtmp_port(self):
        port = int(self.server.ready["rtmp"].rsplit(":", 1)[1])
        chunk_bomb = b"\x03" + os.urandom(1536) + os.urandom(1536) + b"\x02\0\0\0\xff\xff\xff\x14\0\0\0\0" + b"\0" * 4096
        for data in (os.urandom(4096), b"GET / HTTP/1.1\r\n\r\n", b"\x03" + b"\0" * 1536, b"\xff", chunk_bomb,
                     b"\x03" + os.urandom(1536) + os.urandom(1536) + os.urandom(100000)):
            self.server.raw(data, port, wait_s=1)
        self.still_served()

    def test_idle_rtmp_connections_keep_no_host_out(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        address = (self.server.host, int(self.server.ready["rtmp"].rsplit(":", 1)[1]))
        idle = [socket.create_connection(address) for _ in range(RTMP_CONNECTIONS - 1)]
        for connection in idle:
            self.addCleanup(connection.close)

        def host_gets_in():
            with socket.create_connection(address, timeout=1) as host:
                try:
                    host.sendall(b"\3" + bytes(1536))
                    return host.recv(1) == b"\3"
                except ConnectionError:
                    return False

        until(host_gets_in, "a host's handshake is answered")
        self.assertEqual(idle[0].recv(1), b"", "the oldest went")
        idle[-1].setblocking(False)
        with self.assertRaises(BlockingIOError):  # the place was not that of all whose time was over
            idle[-1].recv(1)
        self.still_served()

    def test_garbage_on_the_udp_port(self):
        ip, port = self.server.ready["udp"][0].rsplit(":", 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(0.3)
            stun = struct.pack("!HHI", 1, 8, 0x2112A442) + os.urandom(12) + struct.pack("!HH", 6, 4) + b"a:bc"
            for i in range(2000):
                data = (os.urandom(i % 1400 + 1), stun, b"\x16\xfe\xfd" + os.urandom(200), b"\x80\x60" + os.urandom(100))[i % 4]
                udp.sendto(data, (ip, int(port)))
            with self.assertRaises(socket.timeout):
                udp.recv(2048)  # strangers get no answer
        self.still_served()

    def test_a_reader_that_stops_reading_is_closed_and_nobody_notices(self):
        stuck = [FlvReader(self.server) for _ in range(20)]
        for reader in stuck:
            self.addCleanup(reader.close)
            reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.still_served()
        viewers = lambda: self.server.request("GET", "/api/rooms/demo")[2]["viewers"]
        until(lambda: viewers() == 21, "all are counted")
        self.still_served()
        pictures = iter(self.pictures)
        until(lambda: next(pictures) and viewers() == 1, "the stuck ones are closed", wait_s=50)

    def test_half_sent_requests_are_closed_after_ten_seconds(self):
        begin = time.monotonic()
        with socket.create_connection((self.server.host, self.server.port), timeout=20) as slow:
            slow.sendall(b"POST /api/guest HTTP/1.1\r\nHost: x\r\nContent-Le")
            answer = b""
            while chunk := slow.recv(4096):
                answer += chunk
        self.assertLess(time.monotonic() - begin, 15)
        self.still_served()


if __name__ == "__main__":
    unittest.main()
