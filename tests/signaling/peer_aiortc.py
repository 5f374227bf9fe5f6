"""Our transport against aiortc's: ICE, DTLS, SRTP both ways, data channels. peer_aiortc.py PEER_TOOL.
Exit 77 where aiortc is missing."""
import asyncio
import sys

try:
    from aiortc import RTCPeerConnection, RTCSessionDescription
    from aiortc.mediastreams import AudioStreamTrack
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

TOOL = sys.argv[1]
WAIT_S = 15


class Tool:
    """peer_tool as a child: its answer, then its lines."""

    async def start(self, verb, offer):
        self.process = await asyncio.create_subprocess_exec(
            TOOL, verb, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        self.process.stdin.write(offer.encode())
        self.process.stdin.write_eof()
        lines = []
        while (line := await self.line()) != "end":
            lines.append(line)
        return "\r\n".join(lines) + "\r\n"

    async def line(self):
        line = await asyncio.wait_for(self.process.stdout.readline(), WAIT_S)
        assert line, "peer_tool ended"
        return line.decode().rstrip("\r\n")

    async def until(self, start):
        while not (line := await self.line()).startswith(start):
            pass
        return line

    async def end(self):
        assert await asyncio.wait_for(self.process.wait(), WAIT_S) == 0


async def connect(verb, pc, tamper=lambda offer: offer):
    tool = Tool()
    await pc.setLocalDescription(await pc.createOffer())
    answer = await tool.start(verb, tamper(pc.localDescription.sdp))
    await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    return tool


async def viewer():
    pc = RTCPeerConnection()
    pc.addTransceiver("audio", direction="recvonly")
    pc.addTransceiver("video", direction="recvonly")
    channel = pc.createDataChannel("souk")
    texts = asyncio.Queue()
    channel.on("message", texts.put_nowait)
    tracks = []
    pc.on("track", tracks.append)
    tool = await connect("whep", pc)
    profile = (await tool.until("connected")).split()[1]
    assert await tool.until("open") == "open souk"
    for text in ["hello", "grüezi 你好", "x" * 15000]:
        channel.send(text)
        assert await asyncio.wait_for(texts.get(), WAIT_S) == "echo " + text
    audio = next(track for track in tracks if track.kind == "audio")
    for _ in range(25):
        frame = await asyncio.wait_for(audio.recv(), WAIT_S)
        assert frame.sample_rate == 48000
    channel.close()
    await tool.until("channel closed")
    await pc.close()
    assert await tool.until("closed") == "closed remote_closed"
    await tool.end()
    print(f"ok viewer {profile}")


async def publisher():
    pc = RTCPeerConnection()
    pc.addTransceiver(AudioStreamTrack(), direction="sendonly")
    tool = await connect("whip", pc)
    await tool.until("rtp 75")
    await pc.close()
    await tool.until("closed remote_closed")
    await tool.end()
    print("ok publisher")


def other_fingerprint(offer):
    lines = offer.split("\r\n")
    for i, line in enumerate(lines):
        if line.startswith("a=fingerprint:sha-256"):
            last = "0" if line[-1] != "0" else "1"
            lines[i] = line[:-1] + last
    return "\r\n".join(lines)


async def stranger():
    pc = RTCPeerConnection()
    pc.addTransceiver("audio", direction="recvonly")
    tool = await connect("whep", pc, other_fingerprint)
    assert await tool.until("closed") == "closed bad_fingerprint"
    await tool.end()
    await pc.close()
    print("ok wrong fingerprint")


async def main():
    await viewer()
    await publisher()
    await stranger()


asyncio.run(main())
