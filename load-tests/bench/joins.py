"""How many WebRTC viewers can join in a second, and what the server does when there is no more room."""
import json
import pathlib
import statistics
import subprocess
import time

import processes
from souk_server import LOAD_CORE, OUT, SERVER_CORE, Server, thin_source

RATES = [500, 1000, 1500, 2000]
BURST_S = 1
AFTER_S = 1.5  # the last ones have their picture
STEADY_S = 2
OVERLOAD_SEATS, OVERLOAD_RAMP, OVERLOAD_STAY_S = 3200, 200, 8
KNOCKS, KNOCK_PAUSE_S = (1, 100, 300, 600), 0.7  # at once
KNOCK = pathlib.Path(__file__).with_name("knock.py")


def start_swarm(children, options, server, name, seats, ramp, seconds):
    result = OUT / f"swarm-{name}.json"
    result.unlink(missing_ok=True)
    child = children.start(
        [options["bin"] / "souk-swarm", "--server", f"http://{server.at['http']}", "--room", "bench",
         "--whep", seats, "--ramp", ramp, "--duration", f"{seconds}s", "--gro", options["gro"],
         "--limit.joined", "off", "--json", result], LOAD_CORE,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return child, result


def cost_of(looks, joins, burst_s):
    """CPU time of one join, in s: all that was used until the last had come, less what those who were in
    meanwhile cost for being there. `looks`: (time, CPU time) before, when all are in, and later."""
    (t0, used0), (t1, used1), (t2, used2) = looks
    steady = (used2 - used1) / (t2 - t1)
    there_s = t1 - t0 - burst_s / 2
    return (used1 - used0 - steady * there_s) / joins


def burst(children, options, rate):
    seats = rate * BURST_S
    server = Server(children, options["bin"], media=thin_source())
    child, result = start_swarm(children, options, server, f"joins-{rate}", seats, rate,
                                int(BURST_S + AFTER_S + STEADY_S + 2))
    looks, own = [], []
    for wait_s in (0, BURST_S + AFTER_S, STEADY_S):
        recording = options["perf"] and wait_s > STEADY_S and f"{options['perf']}.joins-{rate}"
        processes.pass_time(server.process.pid, wait_s, recording)
        looks.append((time.monotonic(), server.cpu_s()))
        own.append((time.monotonic(), processes.cpu_s([child.pid])))
    report = children.report(child, result)
    server.end()
    door = report["whep"]["door"]
    return {"rate": rate, "asked": report["whep"]["asked"], "door": door,
            "server_ms_per_join": 1000 * cost_of(looks, seats, BURST_S),
            "swarm_ms_per_join": 1000 * cost_of(own, seats, BURST_S),
            "lost": report["whep"]["lost"], "failed": report["whep"]["failed"], "swarm": report["swarm"],
            "first_frame_is_key": report["whep"]["join_keyframe_ms"]["count"]}


def print_burst(row):
    door = row["door"]
    print(f"{row['rate']:8} {door['connected_per_second']:8.0f} {door['connected']:9} "
          f"{100 * door['frame_within_1s'] / max(1, row['asked']):7.2f} "
          f"{door['connect_ms']['p50']:7.0f} {door['connect_ms']['p99']:7.0f} "
          f"{door['first_frame_ms']['p50']:7.0f} {door['first_frame_ms']['p99']:7.0f} "
          f"{door['refused']:7} {row['lost']:6} {row['server_ms_per_join']:8.3f} "
          f"{1000 / row['server_ms_per_join']:8.0f} {row['swarm_ms_per_join']:8.3f} "
          f"{row['swarm']['busiest_second_percent']:7.0f}"
          + ("  SWARM TOO SLOW" if row["swarm"]["bottleneck"] else ""), flush=True)


def floor_ms(children, options):
    """CPU of one handshake on the server's core, ms: its operations of public keys alone, the whole of it."""
    part = OUT / "dtls.json"
    child = children.start([options["bin"] / "souk-micro", "--only", "dtls", "--json", part], SERVER_CORE,
                           stdout=subprocess.DEVNULL)
    child.wait()
    children.running.remove(child)
    ns = {row["name"]: row["ns"] for row in json.loads(part.read_text())}
    return ns["all three, what a handshake needs"] / 1e6, ns["a handshake, signaling/dtls"] / 1e6


def bench_joins(children, options):
    rows = []
    before = floor_ms(children, options)
    print(f"{'asked/s':>8} {'joined/s':>8} {'connected':>9} {'in 1s %':>7} {'dtls50':>7} {'dtls99':>7} {'frame50':>7} "
          f"{'frame99':>7} {'refused':>7} {'lost':>6} {'ms/join':>8} {'=join/s':>8} {'swarm ms':>8} {'swarm%':>7}")
    for rate in options["rates"] or RATES:
        for _ in range(options["repeat"]):
            rows.append(burst(children, options, rate))
            print_burst(rows[-1])
    costs = [row["server_ms_per_join"] for row in rows]
    print(f"server: {statistics.median(costs):.3f} ms of CPU a join, {1000 / statistics.median(costs):.0f} joins a second "
          "on a core that does nothing else")
    keys, handshake = (statistics.mean(pair) for pair in zip(before, floor_ms(children, options)))
    print(f"floor: {keys:.3f} ms are a handshake's operations of public keys by OpenSSL, {1000 / keys:.0f} a second; all of it by "
          f"signaling/dtls is {handshake:.3f}; a join is {statistics.median(costs) / keys:.1f} times the former")
    return rows


def knock(children, server, count):
    """How soon so many who ask at once have their answer, by a program that goes before the crowd, which is slow itself."""
    child = children.start(["nice", "-n", "-15", KNOCK, server.at["http"], "bench", count], LOAD_CORE,
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    said, _ = child.communicate(timeout=30)
    children.running.remove(child)
    time.sleep(KNOCK_PAUSE_S)
    return {"at_once": count, "answers": json.loads(said)}


def overload(children, options, seats, ramp):
    server = Server(children, options["bin"], media=thin_source() if options["thin"] else None,
                    options=("--admit-load", options["admit-load"]))
    asking_s = seats / ramp
    child, result = start_swarm(children, options, server, f"overload-{seats}", seats, ramp,
                                int(asking_s + OVERLOAD_STAY_S))
    time.sleep(asking_s + 1)
    before, began = server.cpu_s(), time.monotonic()
    time.sleep(2)
    cpu_percent = 100 * (server.cpu_s() - before) / (time.monotonic() - began)
    knocks = [knock(children, server, count) for count in KNOCKS]
    report = children.report(child, result)
    server.end()
    part = report["whep"]
    return {"ramp": ramp, "asked": part["asked"], "door": part["door"], "lost": part["lost"],
            "packets": part["packets"], "freezes": part["freezes"], "frozen_s": part["frozen_s"],
            "ended": part["ended"], "longest_silence_ms": part["longest_silence_ms"],
            "cpu_percent_then": cpu_percent, "knocks": knocks, "swarm": report["swarm"],
            "spread_ms": report["measures"].get("whep", {}).get("frame_spread_ms")}


def print_overload(row):
    door = row["door"]
    print(f"{row['ramp']:6} {row['asked']:6} {door['admitted_before_refusal']:8} {door['admitted']:8} {door['refused']:7} "
          f"{door['refused'] - door['refused_without_retry_after']:7} {door['refusal_ms']['p50']:6.1f} "
          f"{door['refusal_ms']['p99']:6.1f} {door['refusal_ms']['max']:6.1f} {row['lost']:6} {row['ended']:5} "
          f"{row['freezes']:7} {row['longest_silence_ms']['p99']:8.0f} {row['cpu_percent_then']:6.1f} "
          f"{row['swarm']['busiest_second_percent']:7.0f}"
          + ("  SWARM TOO SLOW" if row["swarm"]["bottleneck"] else ""), flush=True)
    for step in row["knocks"]:
        for status, seen in step["answers"].items():
            print(f"    {step['at_once']} at once, alone: {status} to {seen['count']}, Retry-After to {seen['retry_after']}, "
                  f"{seen['p50']:.1f} / {seen['p99']:.1f} / {seen['max']:.1f} ms (p50, p99, max)", flush=True)


def bench_overload(children, options):
    rows = []
    print(f"{'asked/s':>6} {'asked':>6} {'before':>8} {'admitted':>8} {'503':>7} {'retry':>7} {'p50':>6} {'p99':>6} {'max':>6} "
          f"{'lost':>6} {'ended':>5} {'freezes':>7} {'silence':>8} {'cpu %':>6} {'swarm%':>7}")
    for seats in options["viewers"] or [OVERLOAD_SEATS]:
        for ramp in options["rates"] or [OVERLOAD_RAMP]:
            for _ in range(options["repeat"]):
                rows.append(overload(children, options, seats, ramp))
                print_overload(rows[-1])
    return rows
