"""A host by RTMP that says exactly what a test wants said: tags of FLV files at times of the test's own."""
import os
import socket
import struct
import subprocess
import threading
import time

from rtmp import amf

CHUNK = 60000
AUDIO, VIDEO, SCRIPT = 8, 9, 18


def make_tags(size, seconds, rate=25, extra=()):
    """ffmpeg's FLV of a moving picture and a tone: (type, milliseconds, body)."""
    data = subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}", "-f", "lavfi", "-i",
         "sine=sample_rate=44100", "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
         "-g", str(rate), "-keyint_min", str(rate), *extra, "-c:a", "aac", "-f", "flv", "-"], check=True,
        stdin=subprocess.DEVNULL, capture_output=True).stdout
    tags, at = [], 13
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1:at + 4], "big")
        ms = int.from_bytes(bytes([data[at + 7]]) + data[at + 4:at + 7], "big")
        if data[at] in (AUDIO, VIDEO):
            tags.append((data[at], ms, data[at + 11:at + 11 + size]))
        at += 11 + size + 4
    return tags


def is_header(tag):
    """AVC or AAC sequence header."""
    return tag[2][1] == 0


class RtmpHost:
    def __init__(self, server, room, token):
        host, port = server.ready["rtmp"].rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        self.socket.sendall(b"\x03" + b"\0" * 8 + os.urandom(1528))
        answer = b""
        while len(answer) < 1 + 2 * 1536:
            answer += self.socket.recv(65536)
        self.socket.sendall(answer[1:1537])
        self.send(2, 1, 0, struct.pack(">I", CHUNK))
        url = f"rtmp://{host}:{port}/live"
        self.send(3, 20, 0, amf("connect") + amf(1) + amf({"app": "live", "tcUrl": url, "type": "nonprivate"}))
        self.send(3, 20, 0, amf("createStream") + amf(2) + amf(None))
        self.send(3, 20, 0, amf("publish") + amf(3) + amf(None) + amf(f"{room}?token={token}") + amf("live"), stream=1)
        answer = answer[2 * 1536 + 1:]
        while b"NetStream.Publish.Start" not in answer:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("publish refused")
            answer += more
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        try:
            while self.socket.recv(65536):
                pass
        except OSError:
            pass

    def send(self, chunk_stream, kind, ms, body, stream=0):
        """One message; its time modulo 2^32."""
        ms %= 1 << 32
        extended = struct.pack(">I", ms) if ms >= 0xffffff else b""
        head = struct.pack(">B", chunk_stream) + min(ms, 0xffffff).to_bytes(3, "big") + len(body).to_bytes(3, "big") + \
            bytes([kind]) + struct.pack("<I", stream)
        data = head + extended + body[:CHUNK]
        for at in range(CHUNK, len(body), CHUNK):
            data += bytes([0xc0 | chunk_stream]) + extended + body[at:at + CHUNK]
        self.socket.sendall(data)

    def play(self, tags, from_ms, to_ms, shift_ms):
        """The tags of [from_ms, to_ms) in real time, told as `shift_ms` later; sequence headers first."""
        begin = time.monotonic() - from_ms / 1000
        for tag in tags:
            if is_header(tag):
                self.tag(tag, from_ms + shift_ms)
        for tag in tags:
            if is_header(tag) or not from_ms <= tag[1] < to_ms:
                continue
            wait = begin + tag[1] / 1000 - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            self.tag(tag, tag[1] + shift_ms)

    def tag(self, tag, ms):
        self.send(4 if tag[0] == AUDIO else 6, tag[0], ms, tag[2], stream=1)

    def close(self):
        self.socket.close()
