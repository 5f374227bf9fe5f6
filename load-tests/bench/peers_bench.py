"""`run peers`: the same crowd, growing, before one server after the other; table, ratios, plots."""
import json
import shutil
import time

import peers
import plot
import private_net
import processes
from processes import Children
from souk_server import OUT, ROOT

RAMP = 100
SETTLE_S, FIRST_S = 4, 3
STEPS = [50, 100, 200, 400, 800, 1600, 2400]
LOSS_PERCENT, FULL_PERCENT = 1, 97
OTHERS_PERCENT = 20  # of a core
PICTURES = ROOT / "docs" / "pictures"
NAMES = ["souk", "souk-gro", "janus-1", "janus", "srs"]
COLUMNS = [  # title, width, format, of a row
    ("viewers", 8, "d", "viewers"), ("cpu %", 7, ".1f", "cpu_percent"),
    ("ms/v·s", 7, ".3f", "cpu_ms_per_viewer_second"), ("KiB/v", 6, ".0f", "rss_kib_per_viewer"),
    ("loss %", 7, ".2f", "loss_percent"), ("frozen %", 9, ".1f", "frozen_percent"),
    ("spread50", 9, ".1f", "spread_p50_ms"), ("spread99", 9, ".1f", "spread_p99_ms"),
    ("whole99", 8, ".1f", "whole_p99_ms"),
    ("join50", 7, ".0f", "join_p50_ms"), ("join99", 7, ".0f", "join_p99_ms"),
    ("joined", 7, "d", "joined"), ("swarm %", 8, ".0f", "swarm_percent"),
    ("others %", 9, ".0f", "others_percent"),
]


def contenders(options):
    """name: (how to start it, what the swarm does besides). A server that is not here says so."""
    found = {
        "souk": (lambda children: peers.Souk(children, options["bin"]), ["--gro", "off"]),
        "souk-gro": (lambda children: peers.Souk(children, options["bin"]), ["--gro", "on"]),
    }
    missing = peers.Janus.missing()
    if missing:
        print(f"skipped: {missing}")
    else:
        found["janus-1"] = (lambda children: peers.Janus(children, 1), [])
        found["janus"] = (lambda children: peers.Janus(children, 0), [])
    if options["srs"]:
        found["srs"] = (lambda children: peers.Srs(children, options["srs"]), [])
    else:
        print("skipped: srs (no --srs PATH)")
    only = options["only"]
    return {name: how for name, how in found.items() if not only or name in only}


def measure(children, options, name, how, viewers):
    start, extra = how
    server = start(children)
    seconds, joined_s = options["seconds"], viewers / RAMP + SETTLE_S
    try:
        # What a server makes once, for the first viewer (Souk: a transcoder), is no viewer's memory.
        first, _ = peers.swarm(children, options, "first", [*server.crowd(1), *extra],
                               int(FIRST_S + joined_s + seconds + 4))
        time.sleep(FIRST_S)
        rss_before = processes.rss_kib(server.family())
        child, result = peers.swarm(
            children, options, f"{name}-{viewers}",
            [*server.crowd(viewers - 1), "--ramp", RAMP, *extra], int(joined_s + seconds + 2))
        time.sleep(joined_s)
        family = server.family()
        ours = family + [running.pid for running in children.running]
        before, all_before, busy_before = (processes.cpu_s(family), processes.cpu_s(ours),
                                           processes.busy_s())
        begun = time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - begun
        used = processes.cpu_s(family) - before
        others = processes.busy_s() - busy_before - (processes.cpu_s(ours) - all_before)
        rss = processes.rss_kib(family)
        report, said = peers.finish(children, child, result)
        children.end(first)
    finally:
        server.end()
    row = row_of(name, viewers, report, said, used / took, (rss - rss_before) / (viewers - 1))
    return row | {"others_percent": max(0.0, 100 * others / took)}


def row_of(name, viewers, report, said, cpu, rss_kib):
    """The crowd's figures; the one who came before it is only counted."""
    crowd, seen = report["whep"], report["measures"].get("whep", {})
    spread, pictures = seen.get("frame_spread_ms", {}), seen.get("whole_spread_ms", {})
    whole = crowd["packets"] + crowd["lost"]
    return {
        "server": name, "viewers": viewers, "cpu_percent": 100 * cpu,
        "cpu_ms_per_viewer_second": 1000 * cpu / viewers, "rss_kib_per_viewer": rss_kib,
        "loss_percent": 100 * crowd["lost"] / whole if whole else 100.0,
        "frozen_percent": 100 * crowd["frozen_s"] / max(1, crowd["watched_s"]),
        "spread_p50_ms": spread.get("p50", 0.0), "spread_p99_ms": spread.get("p99", 0.0),
        "whole_p99_ms": pictures.get("p99", 0.0),
        "join_p50_ms": crowd["join_ms"]["p50"], "join_p99_ms": crowd["join_ms"]["p99"],
        "joined": crowd["joined"] + 1, "failed": crowd["failed"], "said": said[:3],
        "mbit_per_viewer": crowd["bytes"] * 8e-6 / max(1, crowd["watched_s"]),
        "swarm_percent": report["swarm"]["cpu_percent"], "bottleneck": report["swarm"]["bottleneck"],
    }


def overloaded(row):
    return (row["loss_percent"] >= LOSS_PERCENT or row["joined"] < 0.99 * row["viewers"]
            or row["cpu_percent"] >= FULL_PERCENT)


def disturbed(row):
    """Something else ran on the machine: times mean little, CPU times less than they could."""
    return row["bottleneck"] or row["others_percent"] > OTHERS_PERCENT


def show(row):
    print(f"{row['server']:9}" + "".join(f"{row[key]:>{width}{form}}" for _, width, form, key in COLUMNS)
          + ("  OVERLOADED" if overloaded(row) else "")
          + ("  SWARM TOO SLOW" if row["bottleneck"] else "  DISTURBED" if disturbed(row) else ""),
          flush=True)
    for line in row["said"] if overloaded(row) else ():
        print("   ", line)


def climb(children, options, name, how):
    """Ever more viewers until the server, or the swarm, has enough. Disturbed steps are repeated."""
    rows = []
    for viewers in options["viewers"] or STEPS:
        for _ in range(options["tries"]):
            rows.append(measure(children, options, name, how, viewers))
            show(rows[-1])
            if not disturbed(rows[-1]) or rows[-1]["cpu_percent"] >= FULL_PERCENT:
                break
        if overloaded(rows[-1]) or rows[-1]["bottleneck"]:
            break
    return rows


# ---- what it says ----

def middle(values):
    values = sorted(values)
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


def good(rows, name, viewers):
    """Rows that count: those that nothing disturbed, where there are any."""
    found = [row for row in rows if (row["server"], row["viewers"]) == (name, viewers)
             and not row["bottleneck"]]
    return [row for row in found if not disturbed(row)] or found


def ratios(rows, names):
    """Of each server to Souk, with as many viewers, where neither was overloaded."""
    found = []
    for viewers in sorted({row["viewers"] for row in rows}):
        ours = [row for row in good(rows, "souk", viewers) if not overloaded(row)]
        for name in names:
            theirs = [row for row in good(rows, name, viewers) if not overloaded(row)]
            if not ours or not theirs or name == "souk":
                continue
            entry = {"server": name, "viewers": viewers}
            for key in ("cpu_ms_per_viewer_second", "rss_kib_per_viewer", "spread_p99_ms", "join_p50_ms"):
                base = middle([row[key] for row in ours])
                entry[key] = middle([row[key] for row in theirs]) / base if base else None
            found.append(entry)
    return found


def repeated(rows):
    """How far apart the CPU times of the same measurement are, in percent of the smaller."""
    found = {}
    for row in rows:
        if not overloaded(row) and not disturbed(row):
            found.setdefault((row["server"], row["viewers"]), []).append(row["cpu_ms_per_viewer_second"])
    return [{"server": name, "viewers": viewers, "percent": 100 * (max(times) / min(times) - 1)}
            for (name, viewers), times in found.items() if len(times) > 1]


def maxima(rows, names):
    """The most viewers that a server served without being overloaded in any round."""
    found = {}
    for name in names:
        counts = {row["viewers"] for row in rows if row["server"] == name}
        held = [viewers for viewers in counts
                if good(rows, name, viewers) and not any(map(overloaded, good(rows, name, viewers)))]
        found[name] = max(held, default=0)
    return found


def summarize(rows, names):
    print(f"\nas many times Souk's   {'viewers':>8} {'cpu':>6} {'memory':>7} {'spread99':>9} {'join50':>7}")
    for entry in ratios(rows, names):
        values = [entry[key] for key in ("cpu_ms_per_viewer_second", "rss_kib_per_viewer", "spread_p99_ms",
                                         "join_p50_ms")]
        print(f"{entry['server']:22} {entry['viewers']:8}" + "".join(
            f" {'-' if value is None else f'{value:.2f}':>{width}}" for value, width in zip(values, (6, 7, 9, 7))))
    print("\nmost viewers without overload: " + ", ".join(f"{name} {count}" for name, count in
                                                           maxima(rows, names).items()))
    for entry in repeated(rows):
        print(f"repeated: {entry['server']}, {entry['viewers']} viewers: cpu per viewer-second differs by "
              f"{entry['percent']:.1f} %")


def draw(rows, names, folder):
    def of(key):
        return {name: [(viewers, middle([row[key] for row in good(rows, name, viewers)]))
                       for viewers in sorted({row["viewers"] for row in rows})
                       if good(rows, name, viewers)] for name in names}
    pictures = {
        "peers-cpu": ("CPU of the server, % of a core", "cpu_percent"),
        "peers-memory": ("Memory, KiB a viewer", "rss_kib_per_viewer"),
        "peers-spread": ("First to last viewer of a frame, p99, ms", "spread_p99_ms"),
        "peers-join": ("Request to first picture, p50, ms", "join_p50_ms"),
        "peers-loss": ("Packets that never came, %", "loss_percent"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, (title, key) in pictures.items():
        (folder / f"{name}.svg").write_text(plot.lines(title, "viewers", of(key)))


def bench(options):
    if not shutil.which("ip"):
        private_net.skip("there is no ip command")
    private_net.enter()
    OUT.mkdir(parents=True, exist_ok=True)
    peers.opus_source()
    machine = processes.machine()
    servers = contenders(options)
    rows = []
    children = Children(options["nice"])
    try:
        print(f"{'':9}" + "".join(f"{title:>{width}}" for title, width, _, _ in COLUMNS))
        for _ in range(options["repeat"]):
            for name, how in servers.items():
                rows += climb(children, options, name, how)
    finally:
        children.end_all()
    names = list(servers)
    summarize(rows, names)
    (OUT / "peers.json").write_text(json.dumps(
        {"machine": machine, "rows": rows, "ratios": ratios(rows, names), "repeated": repeated(rows),
         "maxima": maxima(rows, names)}, indent=1) + "\n")
    draw(rows, names, OUT)
    if options["pictures"]:
        draw(rows, names, PICTURES)
    return 0
