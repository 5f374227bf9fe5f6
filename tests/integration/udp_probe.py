"""Numbered UDP packets from one namespace to another, each with the time it took by the kernel's clock."""
import socket
import struct
import threading
import time

SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33
HEADER = struct.Struct("!Iq")
TIMESPEC = struct.Struct("@qq")
PORT = 4000
IP_UDP_BYTES = 28
QUIET_S = 1.0


class Arrival:
    def __init__(self, number, sent_ns, came_ns):
        self.number, self.came_ns = number, came_ns
        self.took_ms = (came_ns - sent_ns) / 1e6


class Receiver:
    """Collects until nothing has come for a second after the sender has ended."""

    def __init__(self, place):
        self.socket = place.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.socket.bind((place.address, PORT))
        self.socket.settimeout(0.1)
        self.arrivals, self.sent_all_s = [], None
        self.thread = threading.Thread(target=self.collect)
        self.thread.start()

    def quiet(self, last_s):
        now = time.monotonic()
        return self.sent_all_s is not None and now - max(self.sent_all_s, last_s) > QUIET_S

    def collect(self):
        last_s = 0
        while not self.quiet(last_s):
            try:
                data, extra, _, _ = self.socket.recvmsg(2048, 64)
            except TimeoutError:
                continue
            last_s = time.monotonic()
            number, sent_ns = HEADER.unpack_from(data)
            came_s, came_ns = TIMESPEC.unpack_from(extra[0][2])
            self.arrivals.append(Arrival(number, sent_ns, came_s * 10**9 + came_ns))

    def finish(self):
        self.sent_all_s = time.monotonic()
        self.thread.join()
        self.socket.close()
        return self.arrivals


def probe(sender, receiver, *, count, per_s, ip_bytes=128):
    """Sends `count` packets at an even pace; what came, in the order of its coming."""
    target = (receiver.address, PORT)
    fill = bytes(ip_bytes - IP_UDP_BYTES - HEADER.size)
    collecting = Receiver(receiver)
    with sender.socket() as out:
        start = time.monotonic()
        for number in range(count):
            wait_s = start + number / per_s - time.monotonic()
            if wait_s > 0:
                time.sleep(wait_s)
            out.sendto(HEADER.pack(number, time.time_ns()) + fill, target)
    return collecting.finish()
