"""Readers that stop reading, 500 by FLV and 500 by HLS: what each costs, when it is closed, and that nobody else notices."""
import re
import resource
import socket
import subprocess
import threading
import time
import unittest

from flv import FlvReader
from hls import HlsTest
from souk import until

READERS = 500
COST_MAX = 512 * 1024
CLOSED_S = 10
NOISE = ("-vf", "noise=alls=80:allf=t", "-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "2500k")


class Stalled(HlsTest):
    def setUp(self):
        super().setUp()
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        self.publish(seconds=120, extra=NOISE)

    def stalled(self, text):
        """A connection whose far end takes a few kilobytes and no more."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((self.server.host, self.server.port))
        connection.sendall(text.encode())
        self.addCleanup(connection.close)
        return connection

    def memory(self):
        """Bytes that soukd and its sockets' send queues hold."""
        with open(f"/proc/{self.server.process.pid}/status") as status:
            resident = int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) * 1024
        out = subprocess.run(["ss", "-tmnH", f"sport = :{self.server.port}"], capture_output=True, text=True, check=True)
        return resident + sum(int(queued) for queued in re.findall(r"skmem:\(\S*?,w(\d+)", out.stdout))

    def is_sanitized(self):
        with open(f"/proc/{self.server.process.pid}/maps") as maps:
            return "libasan" in maps.read()

    def open_connections(self):
        out = subprocess.run(["ss", "-tnH", "state", "established", f"sport = :{self.server.port}"],
                             capture_output=True, text=True, check=True)
        return len(out.stdout.splitlines())

    def watch(self):
        """The rest: the longest time without a picture by FLV and without a part by HLS."""
        self.longest, self.stop = {"flv": 0, "hls": 0}, False

        def note(kind, steps):
            last = None
            for _ in steps:
                now = time.monotonic()
                if last:
                    self.longest[kind] = max(self.longest[kind], now - last)
                last = now
                if self.stop:
                    return

        def parts():
            reader = self.reader()
            playlist = reader.playlist()
            while True:
                msn, part = playlist.edge()
                playlist = reader.playlist(f"?_HLS_msn={msn}&_HLS_part={part}")
                yield playlist

        flv = FlvReader(self.server)
        self.addCleanup(flv.close)
        threads = [threading.Thread(target=note, args=("flv", flv.pictures())),
                   threading.Thread(target=note, args=("hls", parts()))]
        for thread in threads:
            thread.start()
        return threads

    def test_they_cost_little_and_are_closed_and_nobody_notices(self):
        threads = self.watch()
        reader = self.reader()
        playlist = until(lambda: next((p for p in [reader.playlist()] if len(p.segments) > 2), None), "segments")
        segment = next(s for s in playlist.segments if s.uri)
        requests = ("GET /live/demo.flv HTTP/1.1\r\nHost: x\r\n\r\n",
                    f"GET /hls/demo/{segment.uri} HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        before, connected = self.memory(), self.open_connections()
        for _ in range(READERS):
            for request in requests:
                self.stalled(request)
        begin, peak = time.monotonic(), 0
        while self.open_connections() > connected + 5 and time.monotonic() - begin < 40:
            peak = max(peak, self.memory())
            time.sleep(0.5)
        took = time.monotonic() - begin
        self.stop = True
        for thread in threads:
            thread.join()
        cost = (peak - before) // (READERS * len(requests))
        print(f"\n{cost // 1024} KiB each, all closed after {took:.1f} s, the rest waited at most "
              f"{self.longest['flv'] * 1000:.0f} ms for a picture, {self.longest['hls'] * 1000:.0f} ms for a part")
        self.assertLess(took, 40, "closed")
        self.assertGreater(took, CLOSED_S - 2, "not before its time")
        self.assertLess(cost, COST_MAX)
        if not self.is_sanitized():  # several times slower
            self.assertLess(took, CLOSED_S + 8)
        self.assertLess(self.longest["flv"], 1.5, "pictures for the rest")
        self.assertLess(self.longest["hls"], 2, "parts for the rest")


if __name__ == "__main__":
    unittest.main()
