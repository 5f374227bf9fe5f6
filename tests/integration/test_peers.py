"""The bench with other servers: it measures those that are there, and names those that are not."""
import json
import pathlib
import subprocess
import unittest

import netns
from souk import BIN

ROOT = pathlib.Path(__file__).resolve().parents[2]
NO_PRIVILEGE = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"]
RUN = [ROOT / "load-tests" / "bench" / "run", "peers", "--bin", BIN]


def run(*argv):
    return subprocess.run([*map(str, argv)], capture_output=True, text=True, timeout=280, check=False)


class Peers(unittest.TestCase):
    def test_without_privilege_it_is_skipped_and_says_so(self):
        done = run(*NO_PRIVILEGE, *RUN)
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertIn("skipped: needs CAP_NET_ADMIN", done.stdout)

    def test_every_server_that_is_there_has_a_row(self):
        # Neighbours may disturb it: that is a reason to measure again, not to fail.
        done = run(*RUN, "--viewers", 4, "--seconds", 2, "--tries", 1)
        self.assertEqual(done.returncode, 0, done.stderr)
        print(done.stdout)
        rows = json.loads((ROOT / "build" / "bench" / "peers.json").read_text())["rows"]
        wanted = ["souk", "souk-gro"]
        if "skipped: janus is not installed" not in done.stdout:
            wanted += ["janus-1", "janus"]
        self.assertEqual([row["server"] for row in rows], wanted)
        for row in rows:
            self.assertEqual(row["joined"], 4, row)
            self.assertGreater(row["mbit_per_viewer"], 1, row)
            self.assertGreater(row["cpu_ms_per_viewer_second"], 0, row)
        self.assertIn("skipped: srs", done.stdout)


if __name__ == "__main__":
    netns.need_privilege()
    netns.need_tools("ip", "setpriv", "ffmpeg")
    unittest.main()
