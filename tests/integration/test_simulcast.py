#!/usr/bin/env python3
"""A simulcast host (souk-swarm, three layers by rid): each layer becomes a rendition without transcoding. aiortc
chooses among them, FLV shows the largest."""
import asyncio
import json
import pathlib
import subprocess
import tempfile
import time
import unittest

from raw_http import EventReader, RawHttp
from rtc import Viewer
from souk import BIN, RoomTest, until

SIZES = ((640, 360), (320, 180), (160, 90))
NAMES = ("source", "180p", "90p")


def make_layers(folder):
    """One picture in three sizes, a keyframe every second in all."""
    paths = []
    for width, height in SIZES:
        paths.append(f"{folder}/{height}.flv")
        subprocess.run(
            ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size={width}x{height}:rate=25",
             "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "4", "-c:v", "libx264", "-profile:v", "baseline",
             "-tune", "zerolatency", "-preset", "ultrafast", "-b:v", f"{height}k", "-g", "25", "-keyint_min", "25",
             "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest", paths[-1]], check=True, timeout=60)
    return paths


class Sized(Viewer):
    """Also keeps how wide each picture is."""

    def __init__(self, *args):
        super().__init__(*args)
        self.widths = []

    async def read(self, track):
        if track.kind != "video":
            return await super().read(track)
        receive = track.recv

        async def kept():
            frame = await receive()
            self.widths.append(frame.width)
            return frame

        track.recv = kept
        return await super().read(track)


class Simulcast(RoomTest):
    OPTIONS = ("--workers", "2")

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.http = RawHttp(self.server.host, self.server.port)
        self.base = f"http://{self.server.host}:{self.server.port}"
        media = [word for path in make_layers(folder.name) for word in ("--media", path)]
        self.host_process = subprocess.Popen(
            [f"{BIN}/souk-swarm", "--server", self.base, "--room", "demo", "--admin-token", self.admin,
             "--whip-hosts", "1", "--duration", "60s", *media], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end_host)
        until(lambda: self.server.request("GET", "/api/rooms/demo")[2]["state"] == "live", "live")

    def end_host(self):
        self.host_process.terminate()
        self.host_process.wait(10)

    def post(self, path, body):
        reply = self.http.request("POST", path, json.dumps(body), [("Content-Type", "application/json")])
        return reply.status, reply.json()

    def play(self, scenario):
        async def run():
            viewer = await Sized(self.server).start()
            try:
                await scenario(viewer)
            finally:
                await viewer.close()

        asyncio.run(run())

    async def shows(self, viewer, width):
        await viewer.until(lambda: viewer.widths and viewer.widths[-1] == width, f"{width} wide: {viewer.widths[-5:]}")

    def test_a_viewer_ends_up_with_the_largest_and_may_choose(self):
        async def scenario(viewer):
            layer = viewer.location + "/layer"
            await self.shows(viewer, 640)
            for (width, _), name in list(zip(SIZES, NAMES))[::-1]:
                self.assertEqual(await asyncio.to_thread(self.post, layer, {"rid": name}), (200, {"mediaId": "1", "rid": name}))
                await self.shows(viewer, width)
            answer = await asyncio.to_thread(self.post, layer, {"maxWidth": 400})
            self.assertEqual(answer, (200, {"mediaId": "1", "rid": "180p"}))
            await self.shows(viewer, 320)
            status, problem = await asyncio.to_thread(self.post, layer, {"rid": "1080p"})
            self.assertEqual((status, problem["member"]), (404, "rid"))
            await asyncio.to_thread(self.post, layer, {})
            await self.shows(viewer, 640)
            # Each change came at a keyframe: no picture is missing and none came twice.
            times = [at for _, at in viewer.pictures]
            self.assertEqual(times, sorted(set(times)))
            gaps = [round(b - a, 2) for a, b in zip(times, times[1:])]
            self.assertLessEqual(max(gaps), 0.12, gaps)

        self.play(scenario)

    def test_the_layers_are_told(self):
        async def scenario(viewer):
            await self.shows(viewer, 640)
            reply = await asyncio.to_thread(
                self.http.request, "POST", viewer.location + "/events", '["layers"]', [("Content-Type", "application/json")])
            self.assertEqual(reply.status, 201)
            reader = EventReader(self.http, reply.get("Location"))
            self.addCleanup(reader.close)

            def told():
                end = time.monotonic() + 20
                while time.monotonic() < end:
                    (line, layers), = reader.until("layers").items()
                    if len(layers) == 3:
                        return line, layers
                raise AssertionError("never three layers")

            line, layers = await asyncio.to_thread(told)
            self.assertEqual(line, "1")
            self.assertEqual([(one["rid"], one["width"], one["height"]) for one in layers],
                             [(name, *size) for name, size in zip(NAMES, SIZES)])
            self.assertGreater(layers[0]["bitrate"], layers[2]["bitrate"])

        self.play(scenario)

    def test_flv_shows_the_largest_or_the_one_that_is_named(self):
        async def wait(viewer):
            await self.shows(viewer, 640)

        self.play(wait)
        for query, size in (("", "640,360"), ("?rendition=source", "640,360"), ("?rendition=90p", "160,90")):
            probe = subprocess.run(
                ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=width,height", "-of", "csv=p=0",
                 "-analyzeduration", "2000000", f"{self.base}/live/demo.flv{query}"], capture_output=True, text=True, timeout=30)
            self.assertEqual(probe.stdout.strip().splitlines()[0], size, probe.stderr)
        reply = self.http.request("GET", "/live/demo.flv?rendition=1080p", "")
        self.assertEqual((reply.status, reply.json()["code"], reply.json()["member"]), (404, "not_found", "rendition"))


if __name__ == "__main__":
    unittest.main()
