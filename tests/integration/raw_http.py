"""HTTP as bytes: what a server really sent, fields in their order, none merged."""
import json
import re
import socket


class Reply:
    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        self.text = self.body.decode()

    def all(self, name):
        return [value for field, value in self.fields if field.lower() == name.lower()]

    def get(self, name):
        """The field that stands there once; None if it does not."""
        found = self.all(name)
        if len(found) > 1:
            raise AssertionError(f"{name} stands there {len(found)} times: {found}")
        return found[0] if found else None

    def list(self, name):
        return {item.strip() for item in (self.get(name) or "").split(",")}

    def json(self):
        return json.loads(self.body)

    def links(self, rel):
        """Targets and parameters of the Link fields of that relation (RFC 8288)."""
        found = []
        for value in self.all("Link"):
            target, rest = re.fullmatch(r"<([^<>]*)>(.*)", value).groups()
            parameters = dict(re.findall(r';\s*([a-z-]+)="([^"]*)"', rest))
            if parameters.get("rel") == rel:
                found.append((target, parameters))
        return found


class RawHttp:
    """One request a connection."""

    def __init__(self, host, port):
        self.host, self.port = host.strip("[]"), port

    def begin(self, method, path, body="", fields=(), token=None):
        """A connection on which all but the body was sent, and that body."""
        data = body.encode() if isinstance(body, str) else body
        lines = [f"{method} {path} HTTP/1.1", "Host: souk.example", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in fields]
        if token:
            lines.append(f"Authorization: Bearer {token}")
        if data or method in ("POST", "PATCH", "PUT"):
            lines.append(f"Content-Length: {len(data)}")
        connection = socket.create_connection((self.host, self.port), timeout=15)
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        return connection, data

    def end(self, connection, data):
        with connection:
            connection.sendall(data)
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        return Reply(answer)

    def request(self, method, path, body="", fields=(), token=None):
        return self.end(*self.begin(method, path, body, fields, token))


class EventReader:
    """A reader of Server-Sent Events: (name, data) of each, None at the end."""

    def __init__(self, http, path, token=None):
        connection, data = http.begin("GET", path, "", [("Accept", "text/event-stream")], token)
        connection.sendall(data)
        self.connection = connection
        self.file = connection.makefile("rb")
        self.status = int(self.file.readline().split(b" ")[1])
        self.fields = {}
        while (line := self.file.readline().strip()):
            name, value = line.decode().split(":", 1)
            self.fields[name.lower()] = value.strip()
        self.text = b""

    def chunk(self):
        """More of the text (RFC 9112 §7.1); False at its end."""
        size = self.file.readline().strip()
        length = int(size, 16) if size else 0
        self.text += self.file.read(length)
        if size:
            self.file.readline()
        return length > 0

    def next(self):
        while True:
            while b"\n\n" not in self.text:
                if not self.chunk():
                    return None
            block, self.text = self.text.split(b"\n\n", 1)
            lines = [line.split(": ", 1) for line in block.decode().split("\n") if not line.startswith(":")]
            if lines:
                names = [name for name, _ in lines]
                if names != ["event", "data"]:
                    raise AssertionError(f"not one event line and one data line: {block}")
                return lines[0][1], json.loads(lines[1][1])

    def until(self, name, wanted=lambda data: True):
        """Data of the next such event, past all others."""
        while event := self.next():
            if event[0] == name and wanted(event[1]):
                return event[1]
        raise AssertionError(f"ended without {name}")

    def close(self):
        self.file.close()
        self.connection.close()
