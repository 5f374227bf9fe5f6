"""How much later than the fastest packet from the host a picture is whole at its viewers."""
import subprocess
import time

from souk_server import LOAD_CORE, OUT, Server, source

VIEWERS = [1, 100, 500]
RAMP, AFTER_JOINS_S = 100, 2
CLOCK_S = 15  # until the server's idea of the host's clock is no longer that of the first picture, which was late


def publish(children, options, server):
    """souk-swarm by WHIP, which stamps each picture with the moment that it is due (abs-capture-time)."""
    host = children.start(
        [options["bin"] / "souk-swarm", "--server", f"http://{server.at['http']}", "--room", "bench", "--admin-token",
         server.admin, "--whip-hosts", 1, "--media", source(), "--duration", "6h", "--json", "/dev/null"],
        LOAD_CORE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server.wait_live("bench")
    time.sleep(CLOCK_S)
    return host


def watch(children, options, viewers):
    server = Server(children, options["bin"], live=False)
    host = publish(children, options, server)
    result = OUT / f"swarm-latency-{viewers}.json"
    crowd = children.start(
        [options["bin"] / "souk-swarm", "--server", f"http://{server.at['http']}", "--room", "bench", "--whep", viewers,
         "--ramp", RAMP, "--duration", f"{int(viewers / RAMP + AFTER_JOINS_S + options['seconds'])}s", "--gro",
         options["gro"], "--json", result], LOAD_CORE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    report = children.report(crowd, result)
    children.end(host)
    server.end()
    seen = report["measures"]["whep"]
    return {"viewers": viewers, "joined": report["whep"]["joined"], "lost": report["whep"]["lost"],
            "age_ms": seen["frame_age_ms"], "spread_ms": seen.get("frame_spread_ms"), "swarm": report["swarm"]}


def bench(children, options):
    rows = []
    print(f"{'viewers':>7} {'age50':>7} {'age90':>7} {'age99':>7} {'spread50':>8} {'spread99':>8} {'lost':>6} {'joined':>6} {'swarm%':>6}   ms")
    for viewers in options["viewers"] or VIEWERS:
        for _ in range(options["repeat"]):
            row = watch(children, options, viewers)
            spread = row["spread_ms"] or {"p50": 0, "p99": 0}
            rows.append(row)
            print(f"{viewers:7} {row['age_ms']['p50']:7.2f} {row['age_ms']['p90']:7.2f} {row['age_ms']['p99']:7.2f} {spread['p50']:8.2f} {spread['p99']:8.2f} "
                  f"{row['lost']:6} {row['joined']:6} {row['swarm']['cpu_percent']:6.0f}"
                  + ("  SWARM TOO SLOW" if row["swarm"]["bottleneck"] else ""), flush=True)
    return rows
