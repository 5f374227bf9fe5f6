"""Reads FLV from the server's own socket, tag by tag."""
import json
import socket
import struct


class FlvReader:
    def __init__(self, server, path="/live/demo.flv", timeout=10, begin=True):
        self.socket = socket.create_connection((server.host, server.port), timeout=timeout)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        self.input = b""
        if begin:
            self.begin()

    def begin(self):
        """Waits for the answer and the file's header, which comes with the first picture."""
        while b"\r\n\r\n" not in self.input:
            self.input += self.socket.recv(65536) or self.fail()
        head, _, self.input = self.input.partition(b"\r\n\r\n")
        self.status = int(head.split(b" ")[1])
        if self.status == 200:
            self.header = self.take(13)

    def fail(self):
        raise ConnectionError("closed")

    def take(self, count):
        while len(self.input) < count:
            self.input += self.socket.recv(1 << 20) or self.fail()
        taken, self.input = self.input[:count], self.input[count:]
        return taken

    def tag(self):
        """(type, milliseconds, body); checks the tag's own framing."""
        head = self.take(11)
        size = int.from_bytes(head[1:4], "big")
        at_ms = int.from_bytes(bytes([head[7]]) + head[4:7], "big")
        body = self.take(size)
        if int.from_bytes(self.take(4), "big") != size + 11:
            raise AssertionError("previous tag size is wrong")
        return head[0], at_ms, body

    def pictures(self):
        """(milliseconds, is keyframe) of each picture."""
        while True:
            kind, at_ms, body = self.tag()
            if kind == 9 and body[1] == 1:
                yield at_ms, body[0] >> 4 == 1

    def messages(self):
        """Live messages out of onSouk tags."""
        name = b"\x02\x00\x06onSouk"
        while True:
            kind, _, body = self.tag()
            if kind != 18 or not body.startswith(name):
                continue
            at = len(name)
            width = 2 if body[at] == 2 else 4
            size = int.from_bytes(body[at + 1:at + 1 + width], "big")
            value = json.loads(body[at + 1 + width:at + 1 + width + size])
            yield from value if isinstance(value, list) else [value]

    def close(self):
        self.socket.close()


def time_sei(body):
    """Capture time in ms of the user_data_unregistered SEI of a video tag, or None."""
    uuid = bytes.fromhex("736f756b6c69497685636c6f636b3031")
    at = body.find(uuid)
    if at < 0:
        return None
    text = body[at + 16:body.index(b"}", at) + 1]
    return json.loads(text)["t"]


def avc_config(body):
    return struct.unpack("!BBBB", body[5:9])
