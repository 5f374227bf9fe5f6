"""Who watches and who publishes on a test's network: Chromium, souk-swarm, and a reader of FLV that only looks at its
watch."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BROWSER = ROOT / "load-tests" / "net" / "browser.mjs"
READY_S = 40
SKIPPED = 77
FREEZE_EXTRA_S = 0.15  # W3C webrtc-stats, totalFreezesDuration: max(3 x mean, mean + 150 ms)
FREEZE_GAPS = 30


def need_chromium():
    """Ends the program with status 77 where Chromium cannot be driven."""
    for needed in (os.environ.get("CHROMIUM", "/usr/bin/chromium"), ROOT / "web" / "node_modules" / "playwright-core"):
        if not os.path.exists(needed):
            print(f"skipped: no {needed}", flush=True)
            sys.exit(SKIPPED)


class Browser:
    """Chromium in a namespace: `frames` are the times at which each viewer's page showed a picture."""

    def __init__(self, place, role, server, room, *options, token="", viewers=1):
        argv = ["node", BROWSER, role, "--server", server, "--room", room, "--viewers", viewers, *options]
        if token:
            argv += ["--token", token]
        self.frames = [[] for _ in range(viewers)]
        self.stats = [[] for _ in range(viewers)]  # each with its time, `at`
        self.errors = []
        self.ready = threading.Event()
        self.process = place.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env=os.environ | {"TMPDIR": os.environ.get("TMPDIR", "/tmp")})
        self.readers = [threading.Thread(target=self.read), threading.Thread(target=self.read_errors)]
        for reader in self.readers:
            reader.start()

    def read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if "frames" in said:
                self.frames[said["viewer"]] += [at / 1000 for at in said["frames"]]
            elif "stats" in said:
                self.stats[said["viewer"]].append({**said["stats"], "at": said["at"] / 1000})
            else:
                self.ready.set()
        self.ready.set()

    def read_errors(self):
        self.errors += self.process.stderr

    def wait(self):
        """Until it is connected."""
        if not self.ready.wait(READY_S) or self.process.poll() is not None:
            raise RuntimeError(f"Chromium did not connect: {''.join(self.errors)[-800:]}")
        return self

    def states(self):
        """Of all its connections, now."""
        return {stats[-1]["state"] for stats in self.stats if stats}

    def close(self):
        if self.process.stdin.closed:
            return
        self.process.stdin.close()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for reader in self.readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()


class FlvTimes:
    """A viewer by FLV: the times (UTC) at which pictures came."""

    def __init__(self, show, room="demo"):
        ip, port = show.at["http"].rsplit(":", 1)
        self.socket = show.place.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(20)
        self.socket.connect((ip, int(port)))
        self.socket.sendall(f"GET /live/{room}.flv HTTP/1.1\r\nHost: souk\r\n\r\n".encode())
        self.input, self.frames = self.socket.makefile("rb"), []
        while self.input.readline().strip():
            pass
        self.input.read(13)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            while len(head := self.input.read(11)) == 11:
                body = self.input.read(int.from_bytes(head[1:4], "big") + 4)
                if head[0] == 9 and body[1] == 1:
                    self.frames.append(time.time())
        except OSError:
            pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.reader.join()
        self.input.close()
        self.socket.close()


def longest_gap(times, begin, end):
    """Seconds without a picture, at most, of begin..end."""
    within = [begin, *(at for at in times if begin < at < end), end]
    return max(later - earlier for earlier, later in zip(within, within[1:]))


def resumed_after(times, at, steady=3):
    """Seconds from `at` until a picture that others follow: `steady` of them, none later than 0.3 s. None: never."""
    after = [time_of for time_of in times if time_of >= at]
    for index in range(len(after) - steady):
        run = after[index:index + steady + 1]
        if all(later - earlier < 0.3 for earlier, later in zip(run, run[1:])):
            return run[0] - at
    return None


def frozen(times, begin, end, silences=()):
    """Seconds of begin..end that the picture stood still, by the rule of W3C webrtc-stats, but for those of a silent link."""
    total, gaps, before = 0, [], None
    for at in [*times, end]:
        if before is not None:
            gap = at - before
            mean = sum(gaps) / len(gaps) if gaps else gap
            if at > begin and before < end and gap >= max(3 * mean, mean + FREEZE_EXTRA_S):
                since, until = max(before, begin), min(at, end)
                silent = sum(max(0, min(until, ends) - max(since, begins)) for begins, ends in silences)
                total += until - since - silent
            gaps = [*gaps, gap][-FREEZE_GAPS:]
        before = at
    return total


class Swarm:
    """souk-swarm in a namespace, and its report."""

    def __init__(self, place, binaries, server, result, *options):
        self.result = pathlib.Path(result)
        self.result.unlink(missing_ok=True)
        self.process = place.popen([f"{binaries}/souk-swarm", "--server", server, "--json", self.result, *options],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def report(self, wait_s):
        """What it counted, when it has ended."""
        try:
            said = self.process.communicate(timeout=wait_s)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            said = self.process.communicate()[1]
        if not self.result.exists():
            raise RuntimeError(f"souk-swarm: {said[-400:]}")
        return json.loads(self.result.read_text())


def sleep_until(moment):
    time.sleep(max(0, moment - time.monotonic()))
