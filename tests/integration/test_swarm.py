#!/usr/bin/env python3
"""souk-swarm with all its roles against a soukd: what it reports, and what its exit status says."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

import souk

SWARM = f"{souk.BIN}/souk-swarm"
HELD, BROKEN, USAGE, BOTTLENECK = 0, 1, 2, 3
TRIES = 4  # a run in which the machine left the swarm no time does not count

SCENARIO = """\
# everybody, for a moment
room = stage
rtmp-hosts = 1
whip-hosts = 1
whep = 8
flv = 8
ws = 4
data-channel = true
decrypt = 8
buyers = 3
buyers-ws = 3
buyers-dc = 2
orders-per-s = 20
pin-every = 1s
ramp = 20
duration = 9s
limit.event-gaps = 0
limit.join-p99-ms = 5000
"""


class SwarmTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="souk-swarm-"))
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", self.folder], check=True))
        self.server = souk.Server().start()
        self.addCleanup(self.server.close)
        self.media = self.folder / "media.flv"
        subprocess.run(
            ["ffmpeg", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i",
             "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=sample_rate=44100", "-t", "4",
             "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v",
             "baseline", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac", "-ar", "44100", self.media],
            check=True)
        self.scenario = self.folder / "all.scenario"
        self.scenario.write_text(SCENARIO)

    def swarm(self, *options):
        """Exit status, what it said, and the report."""
        for _ in range(TRIES):
            result = subprocess.run(
                [SWARM, "--scenario", self.scenario, "--server",
                 f"http://{self.server.ready['http']}", "--rtmp", self.server.ready["rtmp"],
                 "--admin-token", self.server.token(), "--media", self.media, "--json",
                 self.folder / "result.json", "--html", self.folder / "result.html", *options],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
            for text in souk.FORBIDDEN:
                self.assertNotIn(text, result.stderr)
            if result.returncode != BOTTLENECK:
                break
        report = json.loads((self.folder / "result.json").read_text())
        return result.returncode, result.stderr, report

    def check_viewers(self, report, kind, count):
        part = report[kind]
        self.assertEqual((part["wanted"], part["joined"], part["ended"]), (count, count, 0))
        self.assertEqual(part["event_gaps"], 0)
        self.assertGreater(part["events"], count * 3)
        self.assertEqual(part["join_ms"]["count"], count)

    def test_every_role_is_in_the_report(self):
        status, said, report = self.swarm()
        self.assertEqual(status, HELD, said)
        self.assertTrue(report["good"])
        for kind, count in (("whep", 8), ("flv", 8), ("ws", 4)):
            self.check_viewers(report, kind, count)
        self.assertEqual(report["hosts"]["wanted"], report["hosts"]["live"])
        # 12 s of 25 fps by two hosts, three times round the file
        self.assertGreater(report["hosts"]["frames"], 2 * 10 * 25)
        orders = report["orders"]
        self.assertEqual(orders["buyers"], 8)
        self.assertGreater(orders["issued"], 100)
        self.assertEqual(orders["issued"], orders["acknowledged"])
        self.assertEqual(orders["latency_ms"]["count"], orders["acknowledged"])
        for kind, measures in (
                ("whep", ("join_ms", "loss_percent", "freeze_percent", "frame_spread_ms",
                          "frame_age_ms", "event_error_ms", "event_delay_ms")),
                ("flv", ("join_ms", "loss_percent", "freeze_percent", "frame_spread_ms",
                         "frame_age_ms", "event_error_ms")),
                ("ws", ("join_ms", "event_delay_ms")), ("buyers", ("order_latency_ms",))):
            for name in measures:
                measure = report["measures"][kind][name]
                self.assertGreater(measure["count"], 0, name)
                self.assertGreater(len(measure["seconds"]), 0, name)
                self.assertLessEqual(measure["p50"], measure["max"], name)
        self.assertIn("held   limit.event-gaps: 0", said)
        self.check_proof(report["proof"], 8)
        self.check_page()

    def check_proof(self, proof, viewers):
        """Cheap counting by headers is what decrypting and reading H.264 says, within 1 %."""
        self.assertEqual(proof["viewers"], viewers)
        for name in ("loss", "freeze"):
            self.assertLess(proof[f"{name}_differs_percent"], 1)
        self.assertLess(proof["frames_differ_percent"], 1)
        for each in proof["each"]:
            self.assertGreater(each["full"]["frames"], 100)
            self.assertGreater(each["full"]["keyframes"], 3)
            self.assertEqual(each["full"]["malformed"], 0)

    def check_page(self):
        text = (self.folder / "result.html").read_text()
        page = xml.dom.minidom.parseString(text)
        self.assertGreater(len(page.getElementsByTagName("svg")), 10)
        self.assertFalse(page.getElementsByTagName("script"))
        for name in ("link", "img", "iframe"):
            self.assertFalse(page.getElementsByTagName(name))
        self.assertEqual(text.count("http"), text.count("http://www.w3.org"))

    def test_a_limit_that_breaks_is_named_and_is_the_exit_status(self):
        status, said, report = self.swarm("--limit.order-p99-ms=0", "--duration=4s")
        self.assertEqual(status, BROKEN, said)
        self.assertFalse(report["good"])
        self.assertIn("BROKEN limit.order-p99-ms", said)
        broken = [limit["name"] for limit in report["limits"] if not limit["held"]]
        self.assertEqual(broken, ["limit.order-p99-ms"])

    def test_viewers_come_and_go(self):
        status, said, report = self.swarm(
            "--stay=2s", "--rejoin=1s", "--vanish=50", "--decrypt=2", "--duration=10s",
            "--pin-every=0", "--buyers=0", "--buyers-ws=0", "--buyers-dc=0", "--limit.joined=99")
        self.assertEqual(status, HELD, said)
        for kind in ("whep", "flv", "ws"):
            part = report[kind]
            self.assertGreater(part["left"], 2)
            self.assertGreater(part["asked"], part["wanted"])
            self.assertGreaterEqual(part["left"], part["vanished"])
        self.assertGreater(sum(report[kind]["vanished"] for kind in ("whep", "flv")), 0)

    def test_two_nodes_share_the_crowd(self):
        folder = self.folder / "second"
        folder.mkdir()
        shutil.copy(pathlib.Path(self.server.data) / "jwt.key", folder)
        second = souk.Server(data=str(folder)).start()
        self.addCleanup(second.close)
        status, said, report = self.swarm("--server", f"http://{second.ready['http']}", "--rtmp",
                                          second.ready["rtmp"], "--duration=6s")
        self.assertEqual(status, HELD, said)
        self.assertEqual((report["whep"]["joined"], report["flv"]["joined"]), (8, 8))
        for server in (self.server, second):
            status, _, room = server.request("GET", "/api/rooms/stage")
            self.assertEqual((status, room["epoch"]), (200, 1))

    def test_a_room_that_is_not_live_breaks_the_run(self):
        status, said, report = self.swarm(
            "--room=empty", "--rtmp-hosts=0", "--whip-hosts=0", "--buyers=0", "--buyers-ws=0",
            "--buyers-dc=0", "--pin-every=0", "--duration=3s")
        self.assertEqual(status, BROKEN, said)
        self.assertEqual(report["whep"]["joined"], 0)
        self.assertIn("BROKEN limit.joined", said)

    def test_bad_usage_is_status_2_and_help_0(self):
        for words in (["--scenario", "/nowhere"], ["--whep", "many"], ["--limit.loss", "x"]):
            result = subprocess.run([SWARM, *words], capture_output=True, text=True, timeout=20)
            self.assertEqual(result.returncode, USAGE)
            self.assertTrue(result.stderr.startswith("souk-swarm: --"), result.stderr)
        result = subprocess.run([SWARM, "--help"], capture_output=True, text=True, timeout=20)
        self.assertEqual(result.returncode, 0)
        self.assertIn("--scenario FILE", result.stdout)


if __name__ == "__main__":
    if not os.path.exists(SWARM):
        sys.exit(f"no {SWARM}")
    unittest.main(verbosity=2)
