"""Rungs of the video ladder against real sources and a foreign viewer: B-frames, 60 pictures a second, 4:3, upright,
children that are killed, streams that are broken."""
import asyncio
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from flv import FlvReader
from rtc import MediaStreamError, Viewer
from souk import RoomTest, until
from test_whep_aiortc import children_of

OFFER = Path(__file__).parents[1] / "data/sdp/chromium156-offer-viewer.sdp"


class SizedViewer(Viewer):
    """Knows how large each decoded picture was."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.sizes = []

    async def read(self, track):
        if track.kind != "video":
            await super().read(track)
            return
        try:
            while True:
                frame = await track.recv()
                self.sizes.append((frame.width, frame.height))
                self.pictures.append((time.monotonic(), frame.time))
        except MediaStreamError:
            pass

    async def shown(self, size, count=10, wait_s=30):
        """Waits until so many pictures in a row had that size."""
        await self.until(lambda: self.sizes[-count:] == [size] * count, f"{size}, not {self.sizes[-1:]}", wait_s)


class Rungs(RoomTest):
    OPTIONS = ("--ladder", "180p:300,90p:100")

    def host_of(self, size, rate=30, extra=("-bf", "0"), room="demo", source=None):
        """ffmpeg in real time; returns when the room is live with this epoch."""
        before = self.server.request("GET", f"/api/rooms/{room}")[2]["epoch"]
        pictures = source or ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}", "-f", "lavfi", "-i",
                              "sine=sample_rate=44100", "-c:v", "libx264", "-preset", "ultrafast", "-threads", "1",
                              "-pix_fmt", "yuv420p", "-g", str(rate), "-keyint_min", str(rate), *extra, "-c:a", "aac",
                              "-t", "60"]
        url = f"rtmp://{self.server.ready['rtmp']}/live/{room}?token={self.server.token(room, 'host', 'anna')}"
        host = subprocess.Popen(["ffmpeg", "-loglevel", "error", "-re", *pictures, "-f", "flv", url],
                                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(host.wait)
        self.addCleanup(host.kill)

        def is_live():
            state = self.server.request("GET", f"/api/rooms/{room}")[2]
            return state["state"] == "live" and state["epoch"] > before

        until(is_live, "live")
        return host

    def metric(self, name, room="demo"):
        port = int(self.server.ready["admin"].rsplit(":", 1)[1])
        text = self.server.request("GET", "/metrics", port=port)[2].decode()
        return sum(int(value) for value in
                   re.findall(rf'^{name}{{worker="\d+",room="{room}"[^}}]*}} (\d+)$', text, re.M))

    def whep(self):
        return self.server.request("POST", "/whep/demo", OFFER.read_bytes(),
                                   headers={"Content-Type": "application/sdp"})

    def choose(self, viewer, **layer):
        return self.server.request("POST", viewer.location + "/layer", layer)

    def play(self, scenario):
        async def run():
            viewer = await SizedViewer(self.server).start()
            try:
                await scenario(viewer)
            finally:
                await viewer.close()

        asyncio.run(run())

    def test_a_source_with_b_frames_is_shown_to_webrtc_and_passes_untouched_to_flv(self):
        self.host_of("320x180", rate=60, extra=("-bf", "2", "-profile:v", "high"))
        until(lambda: self.whep()[0] == 201, "viewers are let in")

        async def scenario(viewer):
            await viewer.shown((320, 180), 20)
            viewer.tap_video()
            first, start = len(viewer.pictures), time.monotonic()
            await viewer.frames(90)
            rate = (len(viewer.pictures) - first) / (time.monotonic() - start)
            self.assertGreater(rate, 33, "all 60 a second come, whoever else is on the machine")
            times = [at for _, at in viewer.pictures]
            self.assertEqual(times, sorted(set(times)), "in the order of display")
            self.assertEqual(viewer.holes(), [])

        self.play(scenario)
        probe = subprocess.run(
            ["ffprobe", "-loglevel", "error", "-select_streams", "v", "-show_entries", "stream=has_b_frames,profile",
             "-of", "csv=p=0", f"http://{self.server.ready['http']}/live/demo.flv"],
            capture_output=True, text=True, timeout=40)
        self.assertTrue(probe.stdout.strip().endswith(",2"), probe.stdout)

    def test_rungs_run_while_somebody_is_shown_them_and_the_lowest_is_kept_warm(self):
        self.host_of("480x360")  # 4:3
        self.assertEqual(self.metric("souk_rungs"), 0)

        async def scenario(viewer):
            await viewer.shown((480, 360))
            until(lambda: self.metric("souk_rungs") == 1, "the lowest is warm")
            for rid, size in (("180p", (240, 180)), ("90p", (120, 90)), ("source", (480, 360))):
                status, _, body = await asyncio.to_thread(self.choose, viewer, mediaId="1", rid=rid)
                self.assertEqual(status, 200, body)
                await viewer.shown(size)
            times = [at for _, at in viewer.pictures]
            self.assertEqual(times, sorted(set(times)))

        self.play(scenario)
        until(lambda: self.metric("souk_rungs") == 0, "nobody is left")
        self.assertGreater(self.metric("souk_rung_frames_total"), 20)
        self.assertGreater(self.metric("souk_transcode_cpu_us_total"), 0)

    def test_another_shape_of_the_picture_is_followed(self):
        """A phone that comes back upright."""
        self.host_of("480x270")

        async def scenario(viewer):
            await viewer.shown((480, 270))
            self.choose(viewer, mediaId="1", rid="180p")
            await viewer.shown((320, 180))
            await asyncio.to_thread(self.host_of, "270x480", 25)
            await viewer.until(lambda: viewer.sizes[-1][0] < viewer.sizes[-1][1], "upright", 30)
            self.choose(viewer, mediaId="1", rid="180p")
            await viewer.shown((180, 320))

        self.play(scenario)

    def test_children_that_are_killed_are_replaced_and_the_picture_goes_on(self):
        self.host_of("320x180", extra=("-bf", "2"))
        until(lambda: self.whep()[0] == 201, "viewers are let in")

        async def scenario(viewer):
            await viewer.shown((320, 180))
            before = children_of(self.server.process.pid, "souk-transcoder")
            for child in before:
                os.kill(child, signal.SIGKILL)
            killed = time.monotonic()
            # Up to a second to the next keyframe, and the spares are gone as well.
            await viewer.until(lambda: viewer.pictures[-1][0] > killed + 1.5, "pictures again", 20)
            await viewer.frames(20)
            times = [at for _, at in viewer.pictures]
            self.assertEqual(times, sorted(set(times)))
            after = children_of(self.server.process.pid, "souk-transcoder")
            self.assertEqual(set(before) & set(after), set())

        self.play(scenario)

    def test_a_broken_stream_disturbs_no_other_room(self):
        self.make_room("other")
        self.host_of("320x180", extra=("-bf", "2"))
        until(lambda: self.whep()[0] == 201, "viewers are let in")
        with tempfile.TemporaryDirectory(prefix="souk-broken-") as folder:
            self.host_of("320x180", room="other",
                         source=["-i", break_film(folder), "-c", "copy"])

            async def scenario(viewer):
                broken = await Viewer(self.server, room="other").start()
                try:
                    await viewer.shown((320, 180), 60)
                    self.assertGreater(self.metric("souk_rungs", "other"), 0)
                finally:
                    await broken.close()

            self.play(scenario)
        self.assertIsNone(self.server.process.poll())


def break_film(folder):
    """Slices of nonsense, behind headers that are right; every fourth keyframe is whole."""
    film = Path(folder) / "film.flv"
    subprocess.run(["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-t", "20",
                    "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "30", "-pix_fmt", "yuv420p", film],
                   check=True)
    data, at, pictures = bytearray(film.read_bytes()), 13, 0
    while at + 11 < len(data):
        size = int.from_bytes(data[at + 1:at + 4], "big")
        if data[at] == 9 and data[at + 12] == 1 and size > 200:
            pictures += 1
            if pictures % 4:
                for i in range(at + 11 + 60, at + 11 + size - 8, 7):
                    data[i] ^= i * 37 & 0xff
        at += 11 + size + 4
    film.write_bytes(data)
    return film


class NoLadder(RoomTest):
    OPTIONS = ("--ladder", "none")

    def test_without_rungs_webrtc_viewers_are_refused_b_frames_and_sent_away_from_them(self):
        self.publish(seconds=60)
        fields = {"Content-Type": "application/sdp"}
        answer = self.server.request("POST", "/whep/demo", OFFER.read_bytes(), headers=fields)
        self.assertEqual(answer[0], 201)
        self.publish(seconds=60, extra=("-profile:v", "main", "-bf", "2"))

        def is_gone():
            trickle = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": '"other"'}
            return self.server.request("PATCH", answer[1]["Location"], b"", headers=trickle)[0] == 404

        until(is_gone, "the session is gone")
        again = self.server.request("POST", "/whep/demo", OFFER.read_bytes(), headers=fields)
        self.assert_problem(again, 409, "unsupported_source")
        reader = FlvReader(self.server)
        self.addCleanup(reader.socket.close)
        self.assertTrue(next(reader.pictures())[1])


if __name__ == "__main__":
    unittest.main()
