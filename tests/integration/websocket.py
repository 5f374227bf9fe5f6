"""A WebSocket client of a few lines (RFC 6455), so that a test decides about every byte."""
import base64
import json
import os
import socket
import struct


class WebSocket:
    def __init__(self, server, path, *, protocols="souk.v1", headers=None, timeout=10):
        self.socket = socket.create_connection((server.host, server.port), timeout=timeout)
        fields = {"Host": f"{server.host}:{server.port}", "Upgrade": "websocket", "Connection": "Upgrade",
                  "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode()}
        if protocols:
            fields["Sec-WebSocket-Protocol"] = protocols
        fields.update(headers or {})
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.socket.sendall(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        self.input = b""
        while b"\r\n\r\n" not in self.input:
            chunk = self.socket.recv(65536)
            if not chunk:
                break
            self.input += chunk
        head, _, self.input = self.input.partition(b"\r\n\r\n")
        self.status = int(head.split(b" ")[1])
        self.head = head.decode()
        self.waiting = []

    def send_frame(self, opcode, payload, fin=True):
        mask = os.urandom(4)
        head = bytes([(0x80 if fin else 0) | opcode])
        if len(payload) < 126:
            head += bytes([0x80 | len(payload)])
        elif len(payload) < 65536:
            head += bytes([0x80 | 126]) + struct.pack("!H", len(payload))
        else:
            head += bytes([0x80 | 127]) + struct.pack("!Q", len(payload))
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.socket.sendall(head + mask + masked)

    def send(self, type_, **data):
        self.send_frame(1, json.dumps({"v": 1, "type": type_, "data": data}).encode())

    def take(self, count):
        while len(self.input) < count:
            chunk = self.socket.recv(65536)
            if not chunk:
                raise ConnectionError("closed without a close frame")
            self.input += chunk
        taken, self.input = self.input[:count], self.input[count:]
        return taken

    def frame(self):
        first, second = self.take(2)
        length = second & 127
        if length == 126:
            length, = struct.unpack("!H", self.take(2))
        elif length == 127:
            length, = struct.unpack("!Q", self.take(8))
        return first & 15, self.take(length)

    def message(self):
        """The next live message; transport messages that are arrays are taken apart."""
        while not self.waiting:
            opcode, payload = self.frame()
            if opcode == 8:
                raise ConnectionError(struct.unpack("!H", payload[:2])[0])
            if opcode == 1:
                value = json.loads(payload)
                self.waiting = value if isinstance(value, list) else [value]
        return self.waiting.pop(0)

    def until(self, type_, **data):
        """The next message of a type whose data hold these members."""
        while True:
            message = self.message()
            if message["type"] == type_ and all(message["data"].get(k) == v for k, v in data.items()):
                return message

    def close_code(self):
        """Reads on until the server closes; its code, or None when it just ends."""
        try:
            while True:
                opcode, payload = self.frame()
                if opcode == 8:
                    return struct.unpack("!H", payload[:2])[0]
        except (ConnectionError, socket.timeout):
            return None

    def close(self):
        self.socket.close()
