"""Our descriptions against aiortc's own: sdp_aiortc.py SDP_TOOL. Exit 77 where aiortc is missing."""
import asyncio
import os
import subprocess
import sys

try:
    from aiortc import RTCPeerConnection, RTCSessionDescription
    from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
    from aiortc.rtcrtpsender import RTCRtpSender
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

TOOL = sys.argv[1]


def tool(verb, text=""):
    done = subprocess.run([TOOL, verb], input=text.encode(), capture_output=True)
    if done.returncode:
        sys.exit(f"{verb}: {done.stderr.decode()}\n{text}")
    return done.stdout.decode()



async def offer_to_us(verb, data):
    """A real offer, our answer, and what aiortc makes of it."""
    pc = RTCPeerConnection()
    if verb == "whep":
        pc.addTransceiver("audio", direction="recvonly")
        pc.addTransceiver("video", direction="recvonly")
    else:
        pc.addTrack(AudioStreamTrack())
        pc.addTrack(VideoStreamTrack())
        for transceiver in pc.getTransceivers():
            transceiver.direction = "sendonly"
    if data:
        pc.createDataChannel("souk")
    await pc.setLocalDescription(await pc.createOffer())
    answer = tool(verb, pc.localDescription.sdp)
    await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    expected = "recvonly" if verb == "whep" else "sendonly"
    for transceiver in pc.getTransceivers():
        assert transceiver.currentDirection == expected, transceiver.currentDirection
        names = {codec.mimeType for codec in transceiver._codecs}
        names.discard("video/rtx")  # repairs of the picture, where they are offered
        assert names == {"audio/opus"} or names == {"video/H264"}, names
    assert not data or pc.sctp is not None
    print(f"ok {verb} data={data}")


async def offer_from_us(role, direction):
    """Our offer, aiortc's answer, and what we make of it."""
    pc = RTCPeerConnection()
    await pc.setRemoteDescription(RTCSessionDescription(tool(f"offer-{role}"), "offer"))
    if role == "viewer":
        for transceiver in pc.getTransceivers():
            transceiver.direction = "sendonly"
    await pc.setLocalDescription(await pc.createAnswer())
    accepted = tool(f"accept-{role}", pc.localDescription.sdp)
    assert accepted.startswith("ok audio=1 video=1"), accepted
    assert role == "publisher" or "data=1" in accepted, accepted
    assert direction in pc.localDescription.sdp
    print(f"{role}: {accepted.strip()}")


async def main():
    await offer_to_us("whep", False)
    await offer_to_us("whep", True)
    await offer_to_us("whip", False)
    await offer_to_us("whip", True)
    await offer_from_us("viewer", "a=sendonly")
    await offer_from_us("publisher", "a=recvonly")
    await offer_from_us("server", "a=recvonly")
    sys.stdout.flush()
    os._exit(0)  # the connections are still trying


asyncio.run(main())
