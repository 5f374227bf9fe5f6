"""Hosts as people have them: ffmpeg that copies a file, GStreamer, OBS. Each is watched, killed and started again."""
import asyncio
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from flv import FlvReader
from rtc import Viewer
from souk import RoomTest, until

OFFER = Path(__file__).parents[1] / "data/sdp/chromium156-offer-viewer.sdp"
FILM = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=sample_rate=44100"]
START_S = 30  # OBS on a busy machine without a GPU takes its time


class Host:
    """A publishing program with all its children."""

    def __init__(self, command, **env):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        start_new_session=True, env={**os.environ, **env})

    def said(self):
        self.log.seek(0)
        return self.log.read()[-4000:]

    def stop(self):
        """As when the machine loses its power: no goodbye."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.log.close()


def slices(nals):
    """What pictures are made of: NAL units of types 1 and 5."""
    return [nal for nal in nals if nal[0] & 31 in (1, 5)]


def slices_of_file(path):
    """All of a recorded or published film, in the order of decoding."""
    out = subprocess.run(["ffmpeg", "-loglevel", "error", "-i", path, "-map", "0:v", "-c", "copy", "-bsf:v",
                          "h264_mp4toannexb", "-f", "h264", "-"], capture_output=True, check=False).stdout
    return slices([nal.rstrip(b"\0") for nal in out.split(b"\0\0\1")[1:]])


def slices_of_tag(body):
    nals, at = [], 5
    while at < len(body):
        size = int.from_bytes(body[at:at + 4], "big")
        nals.append(body[at + 4:at + 4 + size].rstrip(b"\0"))
        at += 4 + size
    return slices(nals)


class Hosts(RoomTest):
    def setUp(self):
        super().setUp()
        self.home = Path(tempfile.mkdtemp(prefix="souk-host-"))
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.url = f"rtmp://{self.server.ready['rtmp']}/live"
        self.key = f"demo?token={self.host}"

    def start(self, command, **env):
        epoch = self.server.request("GET", "/api/rooms/demo")[2]["epoch"]
        host = Host(command, **env)
        self.addCleanup(host.stop)

        def is_live():
            room = self.server.request("GET", "/api/rooms/demo")[2]
            return room["state"] == "live" and room["epoch"] > epoch

        try:
            until(is_live, f"live: {command[0]}", START_S)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{host.said()}") from None
        return host

    def probe(self):
        out = subprocess.run(
            ["ffprobe", "-loglevel", "error", "-show_entries", "stream=codec_name,profile,has_b_frames,width", "-of",
             "json", f"http://{self.server.ready['http']}/live/demo.flv"], capture_output=True, text=True, timeout=40)
        return {stream["codec_name"]: stream for stream in json.loads(out.stdout)["streams"] if "codec_name" in stream}

    def whep(self):
        return self.server.request("POST", "/whep/demo", OFFER.read_bytes(), headers={"Content-Type": "application/sdp"})

    def check_is_watched_over_a_crash(self, host, command, **env):
        streams = self.probe()
        self.assertLessEqual({"h264", "aac"}, set(streams))
        reader = FlvReader(self.server, timeout=START_S)
        self.addCleanup(reader.close)
        pictures = reader.pictures()
        before = [next(pictures) for _ in range(20)]
        self.assertTrue(before[0][1], "starts with a keyframe")
        host.stop()
        until(lambda: self.state()["state"] == "lost", "lost")
        time.sleep(1)
        self.start(command, **env)
        after = [next(pictures) for _ in range(40)]
        times = [at for at, _ in before + after]
        self.assertEqual(times, sorted(times), "FLV time goes backwards")
        return streams

    def read_slices(self, pictures):
        """Of so many pictures that a viewer of FLV gets."""
        reader = FlvReader(self.server, timeout=START_S)
        self.addCleanup(reader.close)
        found = []
        while pictures:
            kind, _, body = reader.tag()
            if kind == 9 and body[1] == 1:
                found += slices_of_tag(body)
                pictures -= 1
        return found

    def check_is_the_same(self, seen, film):
        """Not a bit is another one; the film may begin anew, and have the same picture twice."""
        film = film + film
        starts = [at for at, nal in enumerate(film) if nal == seen[0]]
        self.assertTrue(any(film[at:at + len(seen)] == seen for at in starts), f"{len(starts)} starts")

    def check_thirty_a_second(self):
        """A foreign viewer by WebRTC sees each picture, in order, by the times that they carry."""
        async def watch():
            viewer = await Viewer(self.server).start()
            try:
                await viewer.frames(100)
                return [at for _, at in viewer.pictures][-60:]
            finally:
                await viewer.close()

        times = asyncio.run(watch())
        steps = sorted(b - a for a, b in zip(times, times[1:]))
        self.assertGreater(steps[0], 0, "in the order of display")
        self.assertAlmostEqual(steps[len(steps) // 2], 1 / 30, delta=0.004)
        self.assertGreater(len(steps) / (times[-1] - times[0]), 27)

    def ffmpeg_copy(self):
        """A file as x264 makes it when nobody asks for anything: High, B-frames."""
        film = self.home / "film.mp4"
        subprocess.run(["ffmpeg", "-loglevel", "error", *FILM, "-t", "6", "-c:v", "libx264", "-preset", "veryfast",
                        "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac", film], check=True)
        return ["ffmpeg", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i", str(film), "-c", "copy", "-f", "flv",
                f"{self.url}/{self.key}"]

    def ffmpeg_encode(self):
        return ["ffmpeg", "-loglevel", "error", "-re", *FILM, "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0",
                "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "flv", f"{self.url}/{self.key}"]

    def test_ffmpeg_that_copies_a_file_with_b_frames(self):
        command = self.ffmpeg_copy()
        streams = self.check_is_watched_over_a_crash(self.start(command), command)
        self.assertGreater(streams["h264"]["has_b_frames"], 0)
        self.check_is_the_same(self.read_slices(120), slices_of_file(self.home / "film.mp4"))
        until(lambda: self.whep()[0] == 201, "there is a rung without them")

    def test_viewers_by_webrtc_stay_when_the_picture_gets_b_frames(self):
        copy = self.ffmpeg_copy()
        self.start(self.ffmpeg_encode())
        status, headers, _ = self.whep()
        self.assertEqual(status, 201)
        self.start(copy)  # of the same name: takes over
        reader = FlvReader(self.server, timeout=START_S)
        self.addCleanup(reader.close)
        pictures = reader.pictures()
        while next(pictures)[0] < 3000:
            pass
        fields = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": '"other"'}
        self.assertEqual(self.server.request("PATCH", headers["Location"], b"", headers=fields)[0], 412)
        self.assertEqual(self.whep()[0], 201)

    @unittest.skipUnless(shutil.which("gst-launch-1.0"), "gst-launch-1.0 is not installed")
    def test_gstreamer(self):
        command = ["gst-launch-1.0", "-q", "videotestsrc", "is-live=true", "!",
                   "video/x-raw,format=I420,width=320,height=180,framerate=25/1", "!", "x264enc", "tune=zerolatency",
                   "speed-preset=ultrafast", "key-int-max=50", "!", "h264parse", "!", "flvmux", "name=mux",
                   "streamable=true", "!", "rtmp2sink", f"location={self.url}/{self.key}", "audiotestsrc",
                   "is-live=true", "!", "audio/x-raw,rate=44100,channels=2", "!", "voaacenc", "!", "aacparse", "!",
                   "mux."]
        self.check_is_watched_over_a_crash(self.start(command), command)
        self.assertEqual(self.whep()[0], 201)

    @unittest.skipUnless(shutil.which("obs"), "skipped: obs-studio is not installed")
    @unittest.skipUnless(shutil.which("xvfb-run"), "skipped: xvfb is not installed")
    def test_obs(self):
        command, env = self.obs()
        streams = self.check_is_watched_over_a_crash(self.start(command, **env), command, **env)
        self.assertEqual(streams["h264"]["profile"], "High")
        until(lambda: self.whep()[0] == 201, "a rung shows it to WebRTC viewers")
        self.server.request("PATCH", "/api/rooms/demo", {"high_profile": True}, self.host)
        self.assertEqual(self.whep()[0], 201)

    @unittest.skipUnless(shutil.which("obs"), "skipped: obs-studio is not installed")
    @unittest.skipUnless(shutil.which("xvfb-run"), "skipped: xvfb is not installed")
    def test_obs_with_b_frames(self):
        """What OBS records while it streams is what viewers of FLV get; viewers by WebRTC see all of it."""
        command, env = self.obs("keyint=60 bframes=2 b-adapt=0", ("--startrecording",))
        host = self.start(command, **env)
        self.assertEqual(self.probe()["h264"]["has_b_frames"], 2)
        until(lambda: self.whep()[0] == 201, "a rung shows it to WebRTC viewers")
        self.check_thirty_a_second()
        seen = self.read_slices(90)
        time.sleep(2)  # the recording is behind
        host.stop()
        self.check_is_the_same(seen, slices_of_file(next(self.home.glob("*.mkv"))))

    def obs(self, x264="keyint=60 bframes=0", more=()):
        self.write_obs_settings(x264)
        return (["xvfb-run", "-a", "-s", "-screen 0 1280x800x24", "obs", "--startstreaming", "--multi", *more],
                {"HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / ".config"),
                 "LIBGL_ALWAYS_SOFTWARE": "1", "QT_QPA_PLATFORM": "xcb"})

    def write_obs_settings(self, x264):
        items = {"id_counter": 1, "items": [{"id": 1, "name": "Colour", "visible": True}]}
        scenes = {"name": "Live", "current_scene": "Scene", "current_program_scene": "Scene",
                  "scene_order": [{"name": "Scene"}],
                  "sources": [{"id": "scene", "name": "Scene", "settings": items},
                              {"id": "color_source_v3", "name": "Colour", "settings": {"width": 640, "height": 360}}]}
        service = {"type": "rtmp_custom", "settings": {"server": self.url, "key": self.key, "use_auth": False}}
        files = {
            "global.ini": "[General]\nFirstRun=true\nLastVersion=486539266\nEnableAutoUpdates=false\n"
                          "[Basic]\nProfile=Live\nProfileDir=Live\nSceneCollection=Live\nSceneCollectionFile=Live\n"
                          "[BasicWindow]\nWarnBeforeStartingStream=false\nSysTrayEnabled=false\n",
            "basic/profiles/Live/basic.ini":
                "[General]\nName=Live\n[Video]\nBaseCX=640\nBaseCY=360\nOutputCX=640\nOutputCY=360\nFPSType=0\n"
                "FPSCommon=30\n[Output]\nMode=Simple\n[SimpleOutput]\nVBitrate=1000\nABitrate=128\nStreamEncoder=x264\n"
                f"Preset=veryfast\nUseAdvanced=true\nx264Settings={x264}\n"
                f"RecQuality=Stream\nRecFormat=mkv\nFilePath={self.home}\n",
            "basic/profiles/Live/service.json": json.dumps(service),
            "basic/scenes/Live.json": json.dumps(scenes),
        }
        for name, content in files.items():
            path = self.home / ".config/obs-studio" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)


if __name__ == "__main__":
    unittest.main()
