"""What the samples of a soak mean. Pure: lists in, verdicts out."""
from statistics import median

SETTLING_JOINS = 2000
GROWTH_KIB = 5 * 1024
SETTLING_S = 600
SLOPE_KIB_PER_HOUR = 1024
SLOPE_S = 600  # less time than this says nothing of an hour
WINDOW = 20  # samples whose median is the memory at one time; of a short run a tenth
SPARE = 1  # a descriptor or thread that a log file or a timer may have taken meanwhile


def slope_per_hour(points):
    """Least squares of (seconds, value)."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return 3600 * sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def verdict(name, figure, bound, text, long_enough=True):
    word = "too short" if not long_enough else "held" if figure <= bound else "BROKEN"
    return {"name": name, "figure": figure, "bound": bound, "verdict": word, "text": text}


def growth(samples, joins):
    """Memory at the end of the churn against that after the first joins, which come evenly."""
    enough = joins >= 2 * SETTLING_JOINS
    settled = SETTLING_JOINS / joins if enough else 1 / 3
    at = int(len(samples) * settled)
    window = max(1, min(WINDOW, len(samples) // 10))
    early = median(sample["rss_kib"] for sample in samples[at:at + window])
    late = median(sample["rss_kib"] for sample in samples[-window:])
    text = (f"memory {early / 1024:.1f} -> {late / 1024:.1f} MiB from join {int(joins * settled)} to "
            f"{joins} (at most {GROWTH_KIB / 1024:.0f} MiB more)")
    return verdict("growth_kib", late - early, GROWTH_KIB, text, enough)


def slope(samples):
    length = samples[-1]["s"] - samples[0]["s"]
    enough = length >= SETTLING_S + SLOPE_S
    begin = samples[0]["s"] + (SETTLING_S if enough else length / 3)
    points = [(sample["s"], sample["rss_kib"]) for sample in samples if sample["s"] >= begin]
    per_hour = slope_per_hour(points)
    text = (f"memory {per_hour / 1024:+.2f} MiB an hour over {(points[-1][0] - points[0][0]) / 60:.1f} "
            f"minutes (at most {SLOPE_KIB_PER_HOUR / 1024:.0f})")
    return verdict("slope_kib_per_hour", per_hour, SLOPE_KIB_PER_HOUR, text, enough)


def flat(samples, what):
    """While nobody comes or goes, it stays where it is."""
    third = samples[len(samples) // 3:]
    values = [sample[what] for sample in third]
    spread = max(values) - min(values)
    return verdict(f"{what}_spread", spread, SPARE,
                   f"{what} of a crowd that stays: {min(values)} to {max(values)}")


def back(before, after, what, phase):
    return verdict(f"{what}_{phase}", after[what] - before[what], SPARE,
                   f"{what} before the crowd {before[what]}, after it has {phase} {after[what]}")


def judge(samples, phases, joins):
    by_name = {phase["name"]: samples[phase["first"]:phase["last"] + 1] for phase in phases}
    before = by_name["empty"][-1]
    found = []
    if "churn" in by_name:
        found.append(growth(by_name["churn"], joins))
        found += [back(before, by_name["gone"][-1], what, "gone") for what in ("descriptors", "threads")]
    if "steady" in by_name:
        found.append(slope(by_name["steady"]))
        found += [flat(by_name["steady"], what) for what in ("descriptors", "threads")]
        found += [back(before, by_name["left"][-1], what, "left") for what in ("descriptors", "threads")]
    return found
