"""aiortc as a foreign WebRTC client: a viewer by WHEP with a data channel, a publisher by WHIP."""
import asyncio
import json
import sys
import time
from fractions import Fraction

try:
    from aiortc import RTCPeerConnection, RTCSessionDescription
    from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
    from av import VideoFrame
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

WAIT_S = 15


async def negotiate(server, pc, path, token=None):
    """POSTs the offer; returns the session's location."""
    await pc.setLocalDescription(await pc.createOffer())
    status, fields, answer = await asyncio.to_thread(
        server.request, "POST", path, pc.localDescription.sdp, token, {"Content-Type": "application/sdp"})
    if status != 201:
        raise AssertionError((status, answer))
    await pc.setRemoteDescription(RTCSessionDescription(answer.decode(), "answer"))
    return fields["Location"]


class Viewer:
    """Decodes everything that it asks for; keeps when each picture and each sound came, and all messages."""

    def __init__(self, server, room="demo", token=None, kinds=("audio", "video"), query=""):
        self.server, self.path, self.token = server, f"/whep/{room}{query}", token
        self.kinds = kinds
        self.pc = RTCPeerConnection()
        self.pictures = []  # (arrival, seconds of its timestamp)
        self.sounds = []
        self.messages = []
        self.dropped = set()
        self.numbers = {}  # RTP numbers of the video that came, and how often
        self.tasks = []

    async def start(self):
        for kind in self.kinds:
            self.pc.addTransceiver(kind, direction="recvonly")
        self.channel = self.pc.createDataChannel("souk")
        self.channel.on("message", self.on_message)
        self.pc.on("track", lambda track: self.tasks.append(asyncio.ensure_future(self.read(track))))
        self.location = await negotiate(self.server, self.pc, self.path, self.token)
        return self

    def on_message(self, text):
        value = json.loads(text)
        self.messages.extend(value if isinstance(value, list) else [value])

    async def read(self, track):
        frames = self.pictures if track.kind == "video" else self.sounds
        try:
            while True:
                frame = await track.recv()
                frames.append((time.monotonic(), frame.time))
        except MediaStreamError:
            pass

    def send(self, kind, **data):
        self.channel.send(json.dumps({"v": 1, "type": kind, "data": data}))

    async def until(self, condition, what, wait_s=WAIT_S):
        end = time.monotonic() + wait_s
        while not (value := condition()):
            if time.monotonic() > end:
                raise AssertionError(f"not within {wait_s} s: {what}")
            await asyncio.sleep(0.02)
        return value

    async def message(self, kind, wait_s=WAIT_S):
        """The first message of that type, taken out."""
        found = await self.until(lambda: [m for m in self.messages if m["type"] == kind], kind, wait_s)
        self.messages.remove(found[0])
        return found[0]["data"]

    async def frames(self, count, wait_s=WAIT_S):
        """Waits until so many more pictures have come."""
        until = len(self.pictures) + count
        await self.until(lambda: len(self.pictures) >= until, f"{count} pictures", wait_s)

    def tap_video(self, drop=lambda number: False):
        """Counts the packets of the video, repairs too, and loses those that `drop` names, once each:
        below SRTP, which takes no number twice."""
        receiver = next(t.receiver for t in self.pc.getTransceivers() if t.kind == "video")
        codecs = receiver._RTCRtpReceiver__codecs
        types = {kind for kind, codec in codecs.items() if codec.name.lower() != "rtx"}
        transport = receiver.transport.transport
        receive, handle = transport._recv, receiver._handle_rtp_packet

        async def tapped():
            while True:
                data = await receive()
                number = int.from_bytes(data[2:4], "big")
                if data[0] >> 6 != 2 or data[1] & 0x7f not in types or not drop(number) or number in self.dropped:
                    return data
                self.dropped.add(number)

        async def counted(packet, arrival_time_ms):
            number = packet.sequence_number
            if packet.payload_type not in types:  # a repair names its number first (RFC 4588); else it is a probe
                number = int.from_bytes(packet.payload[:2], "big") if packet.payload else None
            if number is not None:
                self.numbers[number] = self.numbers.get(number, 0) + 1
            await handle(packet, arrival_time_ms)

        transport._recv = tapped
        receiver._handle_rtp_packet = counted

    def holes(self):
        """Numbers between the first and the last that never came (no turn of the counter)."""
        return [n for n in range(min(self.numbers), max(self.numbers)) if n not in self.numbers]

    async def close(self):
        for task in self.tasks:
            task.cancel()
        await self.pc.close()


class Camera(VideoStreamTrack):
    """A small moving picture, 30 a second."""

    async def recv(self):
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame(320, 180, "yuv420p")
        for i, plane in enumerate(frame.planes):
            plane.update(bytes([(pts // 3000 * (i + 1)) % 256]) * plane.buffer_size)
        frame.pts, frame.time_base = pts, Fraction(time_base)
        return frame


class Host:
    """A publisher by WHIP: H.264 and Opus."""

    def __init__(self, server, token, room="demo"):
        self.server, self.token, self.path = server, token, f"/whip/{room}"
        self.pc = RTCPeerConnection()

    async def start(self):
        self.pc.addTransceiver(AudioStreamTrack(), direction="sendonly")
        self.pc.addTransceiver(Camera(), direction="sendonly")
        self.location = await negotiate(self.server, self.pc, self.path, self.token)
        return self

    async def close(self):
        await self.pc.close()
