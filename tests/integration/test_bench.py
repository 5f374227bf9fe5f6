"""The programs that measure: that they run, say what they cannot do, and end what they started."""
import json
import pathlib
import subprocess
import tempfile
import unittest

from souk import BIN

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(tool, *options, timeout=240):
    return subprocess.run([ROOT / "load-tests" / tool / "run", *map(str, options)], capture_output=True, text=True,
                          timeout=timeout, check=False)


class Usage(unittest.TestCase):
    def test_help_is_no_error_and_nonsense_is(self):
        for tool in ("micro",):
            done = run(tool, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""), tool)
            self.assertIn(f"usage: load-tests/{tool}/run", done.stdout)
            done = run(tool, "--bogus")
            self.assertEqual((done.returncode, done.stdout), (2, ""), tool)
            self.assertIn("--bogus", done.stderr)


class Micro(unittest.TestCase):
    def test_every_row_has_a_price_or_a_reason(self):
        with tempfile.TemporaryDirectory(prefix="souk-micro-") as folder:
            out = pathlib.Path(folder) / "micro.json"
            done = run("micro", "--quick", "--bin", BIN, "--json", out)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            rows = json.loads(out.read_text())["rows"]
        self.assertEqual(len({row["group"] for row in rows}), 6)
        for row in rows:
            self.assertNotIn("failed", row)
            if "skipped" in row:
                self.assertIn("ipsec-mb", row["name"], row)
            else:
                self.assertGreater(row["ns"], 0, row)
                self.assertLessEqual(row["ns_min"], row["ns"])


if __name__ == "__main__":
    unittest.main()
