"""A WHIP server (RFC 9725) of aiortc's parts: decodes what it gets, takes trickle, restarts ICE.

aiortc knows no ICE restart. Here a second aioice connection with credentials of its own is put beside
the first, under aiortc's unchanged DTLS transport: pumps carry what either receives into one queue,
and what is sent leaves by the newest that is connected. That is what RFC 8445 section 9 asks for, and
nothing above ICE notices.
"""
import asyncio
import json
import re
import secrets
import sys

try:
    import aioice.ice
    from aiortc import RTCPeerConnection, RTCSessionDescription
    from aiortc.mediastreams import MediaStreamError
    from aiortc.sdp import candidate_from_sdp
    from aiortc.rtcicetransport import candidate_to_aioice
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

FRAGMENT = "application/trickle-ice-sdpfrag"
# The test's media stays on the loopback, which aioice leaves out by itself.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class IceSwitch:
    """aiortc's RTCIceTransport, with room for a second aioice connection."""

    def __init__(self, transport):
        self.transport, self.queue = transport, asyncio.Queue()
        self.current = transport._connection
        self.deaf = set()  # connections whose packets are lost, both ways
        transport._recv, transport._send = self.queue.get, self.send
        self.pumps, self.extra = [], []
        transport.on("statechange", self.on_state)

    def on_state(self):
        if self.transport.state == "completed":
            self.pumps.append(asyncio.ensure_future(self.pump(self.current)))

    async def pump(self, connection):
        try:
            while True:
                data = await connection.recv()
                if connection not in self.deaf:
                    self.queue.put_nowait(data)
        except ConnectionError:
            pass

    async def send(self, data):
        if self.current not in self.deaf:
            await self.current.send(data)

    async def restart(self, ufrag, pwd, candidates):
        """A connection that waits for the checks of the new generation."""
        connection = aioice.ice.Connection(ice_controlling=False)
        connection.remote_username, connection.remote_password = ufrag, pwd
        await connection.gather_candidates()
        for candidate in candidates:
            await connection.add_remote_candidate(candidate)
        await connection.add_remote_candidate(None)
        self.extra.append(asyncio.ensure_future(self.take_over(connection)))
        return connection

    async def take_over(self, connection):
        await connection.connect()
        self.pumps.append(asyncio.ensure_future(self.pump(connection)))
        self.current = connection

    async def close(self):
        for task in self.pumps + self.extra:
            task.cancel()
        if self.current is not self.transport._connection:
            await self.current.close()


class WhipServer:
    """`refuse`: (status, problem) for each POST; `redirects`: how often a POST is sent elsewhere."""

    def __init__(self, *, token=None, patch=True, refuse=None, redirects=0, links=()):
        self.token, self.patch, self.refuse, self.redirects, self.links = token, patch, refuse, redirects, links
        self.requests = []  # (method, path, fields, body, status)
        self.pc = self.switch = None
        self.etag, self.ended = f'"{secrets.token_hex(4)}"', False
        self.pictures, self.sounds = [], 0
        self.handshakes = 0
        self.tasks = []

    async def start(self):
        self.server = await asyncio.start_server(self.on_connection, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/whip"
        return self

    async def close(self):
        self.server.close()
        for task in self.tasks:
            task.cancel()
        if self.switch:
            await self.switch.close()
        if self.pc:
            await self.pc.close()

    # HTTP

    async def on_connection(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            writer.close()
            return
        method, path, _ = head.split("\r\n")[0].split()
        fields = {name.lower(): value.strip() for name, value in
                  (line.split(":", 1) for line in head.split("\r\n")[1:] if ":" in line)}
        body = (await reader.readexactly(int(fields.get("content-length", 0)))).decode()
        status, answer, text = await self.judge(method, path, fields, body)
        self.requests.append((method, path, fields, body, status))
        lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(text)}", "Connection: close",
                 *(f"{name}: {value}" for name, value in answer)]
        writer.write(("\r\n".join(lines) + "\r\n\r\n" + text).encode())
        await writer.drain()
        writer.close()

    async def judge(self, method, path, fields, body):
        if self.token and fields.get("authorization") != f"Bearer {self.token}":
            return self.problem(401, "bad_token", "no or a bad token")
        if method == "POST" and self.redirects:
            self.redirects -= 1
            return 307, [("Location", f"/elsewhere{self.redirects}")], ""
        if method == "POST":
            return self.problem(*self.refuse) if self.refuse else await self.publish(body)
        if path != "/session/1" or self.ended:
            return self.problem(404, "not_found", "no such session")
        if method == "DELETE":
            self.ended = True
            return 200, [], ""
        if method != "PATCH" or not self.patch:
            return 405, [("Allow", "DELETE")], ""
        return await self.judge_patch(fields, body)

    @staticmethod
    def problem(status, code, detail):
        return status, [("Content-Type", "application/problem+json")], json.dumps({"code": code, "detail": detail})

    async def judge_patch(self, fields, body):
        if fields.get("content-type") != FRAGMENT:
            return self.problem(415, "unsupported_media_type", "")
        match = fields.get("if-match")
        if not match:
            return self.problem(428, "precondition_required", "")
        ufrag = re.search(r"a=ice-ufrag:(\S+)", body)[1]
        pwd = re.search(r"a=ice-pwd:(\S+)", body)[1]
        candidates = [candidate_to_aioice(candidate_from_sdp(line))
                      for line in re.findall(r"a=candidate:(.+)\r\n", body)]
        if match == "*":
            return await self.restart(ufrag, pwd, candidates)
        if match != self.etag:
            return self.problem(412, "precondition_failed", "")
        if ufrag != self.switch.current.remote_username:
            return self.problem(422, "bad_sdp", "not these credentials")
        for candidate in candidates:
            await self.switch.current.add_remote_candidate(candidate)
        return 204, [], ""

    # WebRTC

    async def publish(self, offer):
        self.pc = RTCPeerConnection()
        self.pc.on("track", lambda track: self.tasks.append(asyncio.ensure_future(self.read(track))))
        await self.pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        self.switch = IceSwitch(self.pc.getTransceivers()[0].receiver.transport.transport)
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        fields = [("Location", "session/1"), ("Content-Type", "application/sdp"), *(("Link", x) for x in self.links)]
        if self.patch:
            fields.append(("ETag", self.etag))
        return 201, fields, self.pc.localDescription.sdp

    async def restart(self, ufrag, pwd, candidates):
        connection = await self.switch.restart(ufrag, pwd, candidates)
        self.etag = f'"{secrets.token_hex(4)}"'
        lines = [f"a=ice-ufrag:{connection.local_username}", f"a=ice-pwd:{connection.local_password}",
                 "m=audio 9 UDP/TLS/RTP/SAVPF 0", "a=mid:0",
                 *(f"a=candidate:{x.to_sdp()}" for x in connection.local_candidates), "a=end-of-candidates"]
        return 200, [("ETag", self.etag), ("Content-Type", FRAGMENT)], "\r\n".join(lines) + "\r\n"

    def cut(self):
        """From now on the path in use carries nothing."""
        self.switch.deaf.add(self.switch.current)

    async def read(self, track):
        try:
            while True:
                frame = await track.recv()
                if track.kind == "video":
                    self.pictures.append((frame.width, frame.height, frame.time))
                else:
                    self.sounds += 1
        except MediaStreamError:
            pass

    def seen(self, method, status=None):
        return [r for r in self.requests if r[0] == method and status in (None, r[4])]
