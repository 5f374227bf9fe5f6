"""Twenty viewers behind a link that loses packets: does the swarm's cheap counting by headers still say what
decrypting and reading H.264 says, and do its NACKs bring back what was lost?"""
import json
import pathlib
import subprocess
import tempfile
import unittest

import netns
from netns import Link
from souk import BIN, until

ADDRESS = "10.99.0.1"
VIEWERS = 20


class SwarmOverALossyLink(unittest.TestCase):
    def setUp(self):
        self.link = Link("both delay=10").__enter__()
        self.addCleanup(self.link.close)
        folder = tempfile.TemporaryDirectory(prefix="souk-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        server = self.link.host.popen(
            [f"{BIN}/soukd", "--data", self.folder / "data", "--http", f"{ADDRESS}:0", "--rtmp",
             f"{ADDRESS}:0", "--udp", f"{ADDRESS}:0", "--admin", "127.0.0.1:0",
             "--admit-load", "100"], bufsize=0,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(netns.end, server)
        self.ready = json.loads(netns.line_of(server, 20).removeprefix("ready "))
        self.token = subprocess.run(
            [f"{BIN}/soukd", "token", "--data", self.folder / "data", "--room", "*", "--role",
             "admin", "--sub", "anna", "--ttl", "1h"], check=True, capture_output=True,
            text=True).stdout.strip()
        self.publish()

    def publish(self):
        """A host on the server's side of the link."""
        media = self.folder / "media.flv"
        subprocess.run(
            ["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i",
             "testsrc2=size=640x360:rate=25", "-t", "8", "-c:v", "libx264", "-preset", "ultrafast",
             "-tune", "zerolatency", "-profile:v", "baseline", "-g", "50", "-b:v", "1M", "-pix_fmt",
             "yuv420p", media], check=True)
        host = self.link.host.popen(
            [f"{BIN}/souk-swarm", "--server", f"http://{self.ready['http']}", "--rtmp",
             self.ready["rtmp"], "--admin-token", self.token, "--rtmp-hosts", "1", "--media", media,
             "--duration", "5m", "--json", "/dev/null"], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.addCleanup(netns.end, host)
        until(self.is_live, "live")

    def is_live(self):
        answer = self.link.host.run(["curl", "-s", f"http://{self.ready['http']}/api/rooms/demo"],
                                    stdout=subprocess.PIPE, text=True)
        return '"state":"live"' in answer.stdout

    def watch(self, loss):
        self.link.set(f"a->b loss={loss}")
        result = self.folder / "result.json"
        self.link.viewer.run(
            [f"{BIN}/souk-swarm", "--server", f"http://{self.ready['http']}", "--whep", str(VIEWERS),
             "--decrypt", str(VIEWERS), "--ramp", "20", "--duration", "20s", "--json", result],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=90)
        report = json.loads(result.read_text())
        print(f"  loss {loss}:", {name: value for name, value in report["proof"].items()
                                  if name != "each"},
              {name: report["whep"][name] for name in ("nacked", "repaired", "freezes")}, flush=True)
        return report

    def metric(self, name):
        text = self.link.host.run(["curl", "-s", f"http://{self.ready['admin']}/metrics"], stdout=subprocess.PIPE, text=True).stdout
        return sum(int(line.split()[-1]) for line in text.splitlines() if line.startswith(name + "{"))

    def check(self, report):
        self.assertEqual(report["whep"]["joined"], VIEWERS)
        self.assertEqual(report["proof"]["viewers"], VIEWERS)
        for name in ("loss_differs", "frames_differ", "freeze_differs"):
            self.assertLess(report["proof"][f"{name}_percent"], 1)

    def test_cheap_counting_agrees_with_full_where_repair_works(self):
        report = self.watch(0.02)
        self.check(report)
        self.assertGreater(report["whep"]["nacked"], VIEWERS * 5)
        self.assertGreater(report["whep"]["repaired"], report["whep"]["nacked"] * 0.8)
        # Some of what was asked for and repeated is lost itself; what was asked for twice counts twice.
        asked = report["whep"]["nacked"]
        until(lambda: self.metric("souk_viewers") == 0, "all have left")
        self.assertGreater(self.metric("souk_whep_missed_total"), asked * 0.8)
        self.assertLess(self.metric("souk_whep_missed_total"), asked * 1.5)
        self.assertGreaterEqual(self.metric("souk_whep_repairs_total"), report["whep"]["repaired"])
        self.assertEqual(self.metric("souk_whep_lossy"), 0)

    def test_cheap_counting_agrees_with_full_where_frames_are_lost(self):
        report = self.watch(0.15)
        self.check(report)
        self.assertGreater(report["whep"]["nacked"], VIEWERS * 50)


if __name__ == "__main__":
    netns.need_privilege()
    netns.need_tools("curl", "ffmpeg")
    unittest.main()
