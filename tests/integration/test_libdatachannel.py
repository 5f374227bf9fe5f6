"""libdatachannel, by npm's node-datachannel: a viewer by WHEP with a data channel, a host by WHIP."""
import asyncio
import json
import pathlib
import subprocess
import unittest

from rtc import Viewer
from souk import RoomTest, until

HERE = pathlib.Path(__file__).parent
SECONDS = 15


class Libdatachannel(RoomTest):
    def start(self, *args):
        child = subprocess.Popen(args, stdout=subprocess.PIPE, text=True)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        self.addCleanup(child.stdout.close)
        return child

    def client(self, role, path, token):
        return self.start("node", HERE / "libdatachannel.mjs", role, f"http://{self.server.ready['http']}{path}", token)

    def test_views(self):
        self.publish(seconds=60)
        client = self.client("view", "/whep/demo", self.viewer)
        count = None
        for _, line in zip(range(SECONDS), client.stdout):
            count = json.loads(line)
            if count["video"] > 100 and count["audio"] > 100 and count["messages"] > 0:
                return
        self.fail(f"not seen and heard after {SECONDS} s: {count}")

    def test_hosts(self):
        port = json.loads(self.client("host", "/whip/demo", self.host).stdout.readline())

        def rtp(kind, payload_type, ssrc):
            return ("-payload_type", payload_type, "-ssrc", ssrc, "-f", "rtp",
                    f"rtp://127.0.0.1:{port[kind]}?pkt_size=1200")

        self.start(
            "ffmpeg", "-nostdin", "-loglevel", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
            "-re", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-map", "0:v", "-c:v", "libx264", "-preset",
            "ultrafast", "-tune", "zerolatency", "-profile:v", "baseline", "-pix_fmt", "yuv420p", "-g", "25",
            "-bsf:v", "dump_extra", *rtp("video", "102", "1111"), "-map", "1:a", "-c:a", "libopus",
            *rtp("audio", "111", "2222"))

        async def watch():
            viewer = await Viewer(self.server).start()
            try:
                await viewer.frames(50)
                await viewer.until(lambda: len(viewer.sounds) > 100, "sound")
            finally:
                await viewer.close()

        until(lambda: self.server.request("GET", "/api/rooms/demo")[2]["state"] == "live", "live")
        asyncio.run(watch())


if __name__ == "__main__":
    unittest.main()
