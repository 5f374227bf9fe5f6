"""souk-publish as a process of a test's, and what it says about itself."""
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

from souk import BIN, FORBIDDEN

SUPPRESSIONS = pathlib.Path(__file__).resolve().parents[1] / "lsan.supp"
WAIT_S = 20
PICTURE = ("videotestsrc is-live=true pattern=smpte ! video/x-raw,width={width},height={height},framerate=25/1 ! "
           "x264enc name=video tune=zerolatency speed-preset=ultrafast key-int-max=50 ! "
           "video/x-h264,profile=constrained-baseline ! appsink name=picture ")
SOUND = "audiotestsrc is-live=true ! audioconvert ! opusenc ! appsink name=sound"


def pipeline(width=320, height=180):
    return PICTURE.format(width=width, height=height) + SOUND


def make_file(path, seconds, size="320x180"):
    subprocess.run(
        ["ffmpeg", "-loglevel", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25", "-f", "lavfi",
         "-i", "sine=sample_rate=44100", "-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt",
         "yuv420p", "-c:a", "aac", str(path)], check=True, stdin=subprocess.DEVNULL)


class Publish:
    def __init__(self, url, *options, token=None, wrap=lambda argv: argv):
        argv = [f"{BIN}/souk-publish", "--url", url, "--stats", "--control", *options]
        if token:
            argv += ["--token", token]
        self.lines, self.errors = [], []
        env = {**os.environ, "LSAN_OPTIONS": f"suppressions={SUPPRESSIONS}:print_suppressions=0"}
        self.process = subprocess.Popen(wrap(argv), text=True, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.readers = [threading.Thread(target=self.read_figures), threading.Thread(target=self.read_errors)]
        for reader in self.readers:
            reader.start()

    def read_figures(self):
        for line in self.process.stdout:
            self.lines.append({**json.loads(line), "at": time.monotonic()})

    def read_errors(self):
        self.errors.extend(self.process.stderr)

    def last(self):
        return self.lines[-1] if self.lines else {}

    def live(self):
        return self.last().get("state") == "live"

    def say(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def wait(self, wait_s=WAIT_S):
        """Its exit status; what a sanitizer said is an error."""
        status = self.process.wait(wait_s)
        for reader in self.readers:
            reader.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        text = "".join(self.errors)
        if any(word in text for word in FORBIDDEN):
            raise AssertionError(text)
        return status

    def stop(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        if not self.process.stdin.closed:
            return self.wait()
        return self.process.returncode

    def text(self):
        return "".join(self.errors)
