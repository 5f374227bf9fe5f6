"""The programs that measure: that they run, say what they cannot do, and end what they started."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
from xml.etree import ElementTree

from souk import BIN

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "load-tests" / tool) for tool in ("bench", "soak")]
import lipsync  # noqa: E402
import opus_hour  # noqa: E402
import peers_bench  # noqa: E402
import plot  # noqa: E402
from judge import judge  # noqa: E402


def run(tool, *options, timeout=240):
    return subprocess.run([ROOT / "load-tests" / tool / "run", *map(str, options)], capture_output=True, text=True,
                          timeout=timeout, check=False)


class Usage(unittest.TestCase):
    def test_help_is_no_error_and_nonsense_is(self):
        for tool in ("bench", "micro", "soak"):
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
        self.assertEqual(len({row["group"] for row in rows}), 10)
        for row in rows:
            self.assertNotIn("failed", row)
            if "skipped" in row:
                self.assertIn("ipsec-mb", row["name"], row)
            else:
                self.assertGreater(row["ns"], 0, row)
                self.assertLessEqual(row["ns_min"], row["ns"])


def samples(rss_of, *, seconds=1200, descriptors=lambda second: 30):
    return [{"s": second, "rss_kib": rss_of(second), "descriptors": descriptors(second), "threads": 6}
            for second in range(seconds)]


def phases(*names_and_ends):
    found, begin = [], 0
    for name, end in names_and_ends:
        found.append({"name": name, "first": begin, "last": end - 1})
        begin = end
    return found


class Clock(unittest.TestCase):
    def test_a_skew_and_a_drift_that_are_known_are_found(self):
        for skew, drift, held in ((30, 4, True), (-45, 0, False), (10, 8, False)):
            pairs = [(second, skew + drift * second / 3600 + 3 * (-1) ** second) for second in range(1200)]
            row = lipsync.judge("room", "flv", "ffmpeg", pairs)
            self.assertAlmostEqual(row["drift_ms_per_hour"], drift, delta=0.1)
            self.assertAlmostEqual(row["begin_ms"], skew, delta=4)
            self.assertEqual(row["held"], held)

    def test_flashes_and_beeps_are_told_to_the_millisecond_after_hours_too(self):
        said = ("[Parsed_metadata_2 @ 0x1] frame:5 pts:7200000000 pts_time:7200\n"
                "[Parsed_ametadata_3 @ 0x2] frame:9 pts:7200012345 pts_time:7200.01\n")
        [(at, skew)] = lipsync.pairs_of(said)
        self.assertEqual(at, 0)
        self.assertAlmostEqual(skew, 12.345, places=3)

    def test_a_minute_of_aac_at_44100_keeps_its_place_as_opus(self):
        row = opus_hour.bench({"bin": pathlib.Path(BIN)}, minutes=1)
        self.assertTrue(row["held"], row)
        self.assertLess(abs(row["first_ms"]), 1)


class Judge(unittest.TestCase):
    """What a soak makes of figures that are known."""

    CHURN = (("empty", 10), ("churn", 1100), ("gone", 1200))
    STEADY = (("empty", 10), ("steady", 1390), ("left", 1400))

    def verdicts(self, rows, spans, joins=0):
        return {row["name"]: row["verdict"] for row in judge(rows, phases(*spans), joins)}

    def test_a_leak_of_100_bytes_a_join_is_found_and_a_high_but_level_memory_is_not(self):
        # 100,000 joins in 1,090 s: 100 bytes each are 9 KiB a second
        for rss, word in ((lambda second: 50000 + 9 * second, "BROKEN"), (lambda _: 500000, "held")):
            self.assertEqual(self.verdicts(samples(rss), self.CHURN, 100000)["growth_kib"], word)

    def test_memory_before_the_two_thousandth_join_does_not_count(self):
        rows = samples(lambda second: 50000 + 300 * min(second, 25))
        self.assertEqual(self.verdicts(rows, self.CHURN, 100000)["growth_kib"], "held")

    def test_a_short_run_is_never_held(self):
        self.assertEqual(self.verdicts(samples(lambda _: 50000), self.CHURN, 3000)["growth_kib"], "too short")
        spans = (("empty", 10), ("steady", 900), ("left", 950))
        self.assertEqual(self.verdicts(samples(lambda _: 50000), spans)["slope_kib_per_hour"], "too short")

    def test_two_mebibytes_an_hour_are_found_in_the_noise_of_an_allocator(self):
        def noisy(per_hour):
            return samples(lambda second: 50000 + per_hour * second / 3600 + second * 7919 % 64, seconds=1400)
        self.assertEqual(self.verdicts(noisy(2048), self.STEADY)["slope_kib_per_hour"], "BROKEN")
        self.assertEqual(self.verdicts(noisy(0), self.STEADY)["slope_kib_per_hour"], "held")

    def test_descriptors_that_stay_behind_are_found(self):
        rows = samples(lambda _: 50000, descriptors=lambda second: 30 if second < 10 else 33)
        self.assertEqual(self.verdicts(rows, self.CHURN, 100000)["descriptors_gone"], "BROKEN")


def row(server, viewers, cpu_ms, **members):
    return {"server": server, "viewers": viewers, "joined": viewers, "cpu_ms_per_viewer_second": cpu_ms,
            "cpu_percent": cpu_ms * viewers / 10, "loss_percent": 0.0, "rss_kib_per_viewer": 100.0,
            "spread_p99_ms": 5.0, "join_p50_ms": 4.0, "others_percent": 0.0, "bottleneck": False, **members}


class Comparison(unittest.TestCase):
    ROWS = [row("souk", 50, 1.0), row("souk", 50, 1.1), row("souk", 400, 1.0), row("janus", 50, 4.2),
            row("janus", 400, 2.0, loss_percent=23.0), row("souk", 800, 1.0, bottleneck=True)]

    def test_ratios_are_of_medians_and_only_where_neither_is_overloaded(self):
        found = peers_bench.ratios(self.ROWS, ["souk", "janus"])
        self.assertEqual([(entry["server"], entry["viewers"]) for entry in found], [("janus", 50)])
        self.assertAlmostEqual(found[0]["cpu_ms_per_viewer_second"], 4.0)

    def test_rounds_are_compared_with_one_another(self):
        found = peers_bench.repeated(self.ROWS)
        self.assertEqual([(entry["server"], entry["viewers"]) for entry in found], [("souk", 50)])
        self.assertAlmostEqual(found[0]["percent"], 10.0)

    def test_a_disturbed_row_counts_only_where_there_is_no_better_one(self):
        noisy = row("souk", 50, 9.0, others_percent=80.0)
        self.assertEqual(len(peers_bench.good([*self.ROWS, noisy], "souk", 50)), 2)
        self.assertEqual(peers_bench.good([noisy], "souk", 50), [noisy])

    def test_neither_an_overloaded_server_nor_a_slow_swarm_makes_a_maximum(self):
        self.assertEqual(peers_bench.maxima(self.ROWS, ["souk", "janus"]), {"souk": 400, "janus": 50})

    def test_pictures_are_well_formed_whatever_is_missing(self):
        with tempfile.TemporaryDirectory(prefix="souk-plots-") as folder:
            peers_bench.draw(self.ROWS, ["souk", "janus", "srs"], pathlib.Path(folder))
            drawn = sorted(pathlib.Path(folder).iterdir())
            self.assertEqual(len(drawn), 5)
            for picture in drawn:
                ElementTree.parse(picture)

    def test_axes_have_round_numbers_that_cover_the_data(self):
        for low, high in ((0, 1), (0, 97.3), (-3, 12), (5, 5), (0, 0.004), (0, 123456)):
            marks = plot.ticks(low, high)
            self.assertLessEqual(marks[0], low)
            self.assertGreaterEqual(marks[-1], high)
            self.assertLessEqual(len(marks), 8)


class Soak(unittest.TestCase):
    def test_a_short_one_runs_and_says_that_it_was_too_short(self):
        with tempfile.TemporaryDirectory(prefix="souk-soak-") as folder:
            done = run("soak", "--joins", 200, "--minutes", 0, "--seats", 60, "--vanish", 0, "--bin", BIN, "--out",
                       folder)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            report = json.loads((pathlib.Path(folder) / "soak.json").read_text())
            ElementTree.parse(pathlib.Path(folder) / "soak.svg")
        words = {row["name"]: row["verdict"] for row in report["verdicts"]}
        self.assertEqual(words, {"growth_kib": "too short", "descriptors_gone": "held", "threads_gone": "held"})
        churn = report["crowd"]["churn"]
        self.assertGreaterEqual(churn["joins"], 200)
        for kind in ("whep", "flv", "ws"):
            self.assertGreater(churn[kind]["joined"], 0, kind)


if __name__ == "__main__":
    unittest.main()
