"""An encoder of Enhanced RTMP v2, which no program of Debian 12 is: bytes as the text has them."""
import os
import socket
import struct
import subprocess

AUDIO, VIDEO, COMMAND = 8, 9, 20


def amf(value):
    if value is None:
        return b"\x05"
    if isinstance(value, (int, float)):
        return b"\0" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"\x02" + struct.pack(">H", len(value)) + value.encode()
    if isinstance(value, list):
        return b"\x0a" + struct.pack(">I", len(value)) + b"".join(map(amf, value))
    pairs = b"".join(struct.pack(">H", len(key)) + key.encode() + amf(item) for key, item in value.items())
    return b"\x03" + pairs + b"\0\0\x09"


def read_amf(data, at=0):
    """(value, where the next one begins)"""
    kind, at = data[at], at + 1
    if kind == 0:
        return struct.unpack_from(">d", data, at)[0], at + 8
    if kind == 2:
        size = struct.unpack_from(">H", data, at)[0]
        return data[at + 2:at + 2 + size].decode(), at + 2 + size
    if kind == 5:
        return None, at
    if kind == 10:
        count, at = struct.unpack_from(">I", data, at)[0], at + 4
        items = []
        for _ in range(count):
            item, at = read_amf(data, at)
            items.append(item)
        return items, at
    if kind != 3:
        raise ValueError(kind)
    found = {}
    while data[at:at + 3] != b"\0\0\x09":
        size = struct.unpack_from(">H", data, at)[0]
        key, at = data[at + 2:at + 2 + size].decode(), at + 2 + size
        found[key], at = read_amf(data, at)
    return found, at + 3


def film(path, seconds=30, extra=("-bf", "0")):
    """Tags (type, ms, body) of a film with a keyframe each second."""
    subprocess.run(["ffmpeg", "-loglevel", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi",
                    "-i", "sine=sample_rate=44100", "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-g", "25",
                    "-pix_fmt", "yuv420p", *extra, "-c:a", "aac", "-f", "flv", path], check=True)
    return flv_tags(path)


def flv_tags(path):
    with open(path, "rb") as file:
        data = file.read()
    at, tags = 13, []
    while at < len(data):
        size = int.from_bytes(data[at + 1:at + 4], "big")
        at_ms = int.from_bytes(data[at + 7:at + 8] + data[at + 4:at + 7], "big")
        tags.append((data[at], at_ms, data[at + 11:at + 11 + size]))
        at += size + 15
    return tags


def opus(path, seconds=30, extra=()):
    """The identification header and the packets (20 ms each) of a tone."""
    subprocess.run(["ffmpeg", "-loglevel", "error", "-y", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-ac", "2", "-t",
                    str(seconds), "-c:a", "libopus", *extra, path], check=True)
    with open(path, "rb") as file:
        data = file.read()
    at, packets, half = 0, [], b""
    while data[at:at + 4] == b"OggS":  # RFC 3533 section 6
        sizes = data[at + 27:at + 27 + data[at + 26]]
        at += 27 + len(sizes)
        for size in sizes:
            half += data[at:at + size]
            at += size
            if size < 255:
                packets.append(half)
                half = b""
    return packets[0], packets[2:]


def extended(kind, body):
    """The same tag with the header of Enhanced RTMP."""
    if kind == VIDEO:
        frame = body[0] & 0x70
        if body[1] == 1 and body[2:5] == b"\0\0\0":
            return bytes([0x83 | frame]) + b"avc1" + body[5:]
        return bytes([0x80 | frame | body[1]]) + b"avc1" + body[2 if body[1] == 1 else 5:]
    return bytes([0x90 | body[1]]) + b"mp4a" + body[2:]


class Encoder:
    def __init__(self, server, room, token, caps=1):
        host, port = server.ready["rtmp"].rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.input, self.chunk, self.half = b"", 128, {}
        self.socket.sendall(b"\x03" + bytes(8) + os.urandom(1528))
        shake = self.take(1 + 2 * 1536)
        self.socket.sendall(shake[1:1537])
        self.command("connect", 1, {"app": "live", "tcUrl": "rtmp://there/live", "flashVer": "test", "objectEncoding": 3,
                                    "fourCcList": ["av01", "hvc1"], "videoFourCcInfoMap": {"*": 2}, "capsEx": caps})
        self.answer = self.wait("_result")
        self.command("createStream", 2, None)
        self.wait("_result")
        self.command("publish", 3, None, f"{room}?token={token}", "live", stream=1)
        self.status = self.wait("onStatus")[2]

    def take(self, count):
        while len(self.input) < count:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("closed")
            self.input += more
        taken, self.input = self.input[:count], self.input[count:]
        return taken

    def message(self):
        """(type, body); messages of the server have whole headers or none."""
        while True:
            first = self.take(1)[0]
            if first >> 6 == 0:
                head = self.take(11)
                self.half[first & 63] = [head[6], int.from_bytes(head[3:6], "big"), b""]
            kind, size, body = self.half[first & 63]
            body += self.take(min(self.chunk, size - len(body)))
            self.half[first & 63][2] = body
            if len(body) < size:
                continue
            if kind == 1:
                self.chunk = int.from_bytes(body, "big")
            return kind, body

    def wait(self, name):
        """The values of the next command of that name, after the name and the transaction."""
        while True:
            kind, body = self.message()
            if kind != COMMAND:
                continue
            values, at = [], 0
            while at < len(body):
                value, at = read_amf(body, at)
                values.append(value)
            if values[0] == name:
                return values[1:]

    def send(self, kind, body, at_ms=0, stream=1):
        out = bytes([4]) + at_ms.to_bytes(3, "big") + len(body).to_bytes(3, "big") + bytes([kind]) + stream.to_bytes(4, "little")
        out += b"\xc4".join(body[at:at + 128] for at in range(0, len(body), 128))
        self.socket.sendall(out)

    def command(self, name, transaction, *values, stream=0):
        self.send(COMMAND, amf(name) + amf(transaction) + b"".join(map(amf, values)), stream=stream)

    def close(self):
        self.socket.close()
