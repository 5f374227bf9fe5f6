"""load-tests/net/matrix and moves: usage, and one row from end to end."""
import json
import pathlib
import subprocess
import tempfile
import unittest

import netns
from souk import BIN

NET = pathlib.Path(__file__).resolve().parents[2] / "load-tests" / "net"


def run(tool, *options):
    return subprocess.run([NET / tool, *map(str, options)], capture_output=True, text=True, timeout=120, check=False)


class Usage(unittest.TestCase):
    def test_help_is_no_error_and_nonsense_is(self):
        for tool in ("matrix", "moves"):
            done = run(tool, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""), tool)
            self.assertIn(f"usage: load-tests/net/{tool}", done.stdout)
            for nonsense in (("--bogus",), ("--rows", "N99"), ("--seconds", "x"), ("--every",)):
                done = run(tool, *nonsense)
                self.assertEqual((done.returncode, done.stdout), (2, ""), (tool, nonsense))
                self.assertIn(nonsense[0], done.stderr)

    def test_every_row_is_listed_with_its_limits(self):
        rows = run("matrix", "--list").stdout.splitlines()
        self.assertEqual(len({row.split()[0] for row in rows}), len(rows))
        self.assertTrue(all("<=" in row for row in rows))


class Matrix(unittest.TestCase):
    def test_a_row_is_played_measured_and_judged(self):
        with tempfile.TemporaryDirectory(prefix="souk-matrix-") as folder:
            out = pathlib.Path(folder) / "rows.json"
            done = run("matrix", "--bin", BIN, "--rows", "N1", "--seconds", 3, "--viewers", 3, "--json", out)
            self.assertIn("of 1 rows held", done.stdout, done.stderr)
            (row,) = json.loads(out.read_text())
        self.assertEqual((row["row"], row["swarm"]["joined"]), ("N1", 3))
        self.assertGreater(row["swarm"]["asked"], 0.1, "packets were lost")
        self.assertGreater(row["swarm"]["orders"], 5)
        self.assertEqual(done.returncode, 1 if row["broken"] else 0)


if __name__ == "__main__":
    netns.need_privilege()
    netns.need_tools("ffmpeg")
    unittest.main()
