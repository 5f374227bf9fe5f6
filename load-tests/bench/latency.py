"""How soon a picture is at its viewers: behind its last packet from the host, and behind its capture."""
import subprocess

from souk_server import LOAD_CORE, OUT, Server, source

VIEWERS = [1, 100, 500]
RAMP, AFTER_JOINS_S = 100, 5
CLOCK_S = 15  # until the server's idea of the host's clock is no longer that of the first picture, which was late


def watch(children, options, viewers):
    """Host (by WHIP; stamps each picture with the moment that it is due) and viewers are one souk-swarm, by one clock."""
    server = Server(children, options["bin"], live=False)
    result = OUT / f"swarm-latency-{viewers}.json"
    crowd = children.start(
        [options["bin"] / "souk-swarm", "--server", f"http://{server.at['http']}", "--room", "bench", "--admin-token",
         server.admin, "--whip-hosts", 1, "--media", source(), "--lead", f"{CLOCK_S}s", "--whep", viewers, "--ramp", RAMP,
         "--duration", f"{int(viewers / RAMP + AFTER_JOINS_S + options['seconds'])}s", "--gro", options["gro"],
         "--decrypt", 0, "--json", result], LOAD_CORE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    report = children.report(crowd, result)
    server.end()
    seen = report["measures"]["whep"]
    return {"viewers": viewers, "joined": report["whep"]["joined"], "lost": report["whep"]["lost"],
            "added_ms": seen["added_ms"], "age_ms": seen["frame_age_ms"], "spread_ms": seen.get("whole_spread_ms"),
            "swarm": report["swarm"]}


def bench(children, options):
    rows = []
    print(f"{'viewers':>7} {'added50':>7} {'added90':>7} {'added99':>7} {'age50':>7} {'age99':>7} {'spread50':>8} {'spread99':>8} "
          f"{'pictures':>8} {'lost':>6} {'joined':>6} {'swarm%':>6}   ms")
    for viewers in options["viewers"] or VIEWERS:
        for _ in range(options["repeat"]):
            row = watch(children, options, viewers)
            added, age, spread = row["added_ms"], row["age_ms"], row["spread_ms"] or {"p50": 0, "p99": 0}
            rows.append(row)
            print(f"{viewers:7} {added['p50']:7.2f} {added['p90']:7.2f} {added['p99']:7.2f} {age['p50']:7.2f} {age['p99']:7.2f} "
                  f"{spread['p50']:8.2f} {spread['p99']:8.2f} {added['count'] // viewers:8} {row['lost']:6} {row['joined']:6} "
                  f"{row['swarm']['cpu_percent']:6.0f}"
                  + ("  SWARM TOO SLOW" if row["swarm"]["bottleneck"] else ""), flush=True)
    return rows
