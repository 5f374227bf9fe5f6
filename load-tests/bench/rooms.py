"""Rooms that are live at the same time on all cores, as a whole: soukd, hosts by RTMP (720p30 with strong noise, High, so that the
ladder has all its rungs), a reader of every rung by FLV. Whether all pictures come, how evenly, and what it costs."""
import http.client
import json
import multiprocessing
import select
import time

import processes
import rungs
from processes import Children, machine
from souk_server import LIVE_S, OUT, Server, ffmpeg

NAMES = ("720p", "540p", "360p")
SETTLE_S = 4
LATE_MS, MISSED = 1000, 0.01  # at the end, behind the beginning; of the pictures


class Pictures:
    """When the pictures of one FLV stream came."""

    def __init__(self, address, room, rendition):
        self.connection = http.client.HTTPConnection(address, timeout=LIVE_S)
        self.connection.request("GET", f"/live/{room}.flv?rendition={rendition}")
        self.answer = self.connection.getresponse()
        if self.answer.status != 200:
            raise RuntimeError(f"{room} {rendition}: {self.answer.status}")
        self.socket = self.connection.sock or self.answer.fp.raw._sock
        self.input, self.came, self.begun = b"", [], False

    def fileno(self):
        return self.socket.fileno()

    def read(self):
        self.input += self.answer.read1(1 << 20)
        now = time.monotonic()
        at = 0
        if not self.begun and len(self.input) >= 13:
            at, self.begun = 13, True
        while self.begun and len(self.input) - at >= 15:
            head = self.input[at:at + 13]
            size = int.from_bytes(head[1:4], "big")
            if len(self.input) - at < size + 15:
                break
            if head[0] == 9 and head[12] == 1:
                self.came.append((now, int.from_bytes(head[7:8] + head[4:7], "big") / 1000))
            at += size + 15
        self.input = self.input[at:]


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def judge(came, begin, end):
    """How late each picture is beside the earliest, by their own times; the last ones less the first ones; the longest gap."""
    came = [(now, at) for now, at in came if begin <= now < end]
    if len(came) < 2:
        return {"pictures": len(came), "late_ms": {"p50": 0, "p99": 0}, "behind_ms": 1000 * (end - begin), "gap_ms": 1000 * (end - begin)}
    late = [now - at for now, at in came]
    first = min(late)
    tenth = max(1, len(late) // 10)
    return {"pictures": len(came),
            "late_ms": {name: 1000 * (percentile(late, share) - first) for name, share in (("p50", 0.5), ("p99", 0.99))},
            "behind_ms": 1000 * (percentile(late[-tenth:], 0.5) - percentile(late[:tenth], 0.5)),
            "gap_ms": 1000 * max(b - a for (a, _), (b, _) in zip(came, came[1:]))}


def watch(address, room, begin, seconds):
    """Every rung of a room up to `begin` + `seconds`."""
    streams = {name: Pictures(address, room, name) for name in NAMES}
    end = begin + seconds
    while time.monotonic() < end:
        for stream in select.select(list(streams.values()), [], [], 0.2)[0]:
            stream.read()
    return {name: judge(stream.came, begin, end) for name, stream in streams.items()}


def measure(children, server, options):
    rooms = [f"room{index}" for index in range(options["rooms"])]
    clip, seconds = rungs.make_clip("strong noise", 20), options["seconds"]
    hosts = []
    for room in rooms:
        server.post("/api/rooms", {"id": room})
        hosts.append(children.start(
            ffmpeg("-i", clip, "-c", "copy", "-f", "flv",
                   f"rtmp://{server.at['rtmp']}/live/{room}?token={server.token(room, 'host')}"), server.core))
    for room in rooms:
        server.wait_live(room)
    time.sleep(1)  # the rungs are known
    begin = time.monotonic() + SETTLE_S
    with multiprocessing.Pool(len(rooms)) as pool:
        watching = pool.starmap_async(watch, [(server.at["http"], room, begin, seconds) for room in rooms])
        time.sleep(begin - time.monotonic())
        family = processes.with_children(server.process.pid)
        used, everybody = processes.cpu_s(family), processes.busy_s()
        time.sleep(begin + seconds - time.monotonic())
        used, everybody = processes.cpu_s(family) - used, processes.busy_s() - everybody
        watched = watching.get(seconds + LIVE_S)
    for host in hosts:
        children.end(host)
    return {"rooms": dict(zip(rooms, watched)), "cpu_percent": 100 * used / seconds, "all_cpu_percent": 100 * everybody / seconds}


def bench(options):
    found = machine()
    OUT.mkdir(parents=True, exist_ok=True)
    children = Children(options["nice"])
    ladder = ",".join(f"{height}p:{kbps}" for _, height, kbps in rungs.LADDER)
    try:
        server = Server(children, options["bin"], live=False, core="0,1", options=("--ladder", ladder))
        row = measure(children, server, options)
        server.end()
    finally:
        children.end_all()
    wanted = rungs.RATE * options["seconds"]
    print(f"{'':8} {'':5} {'pictures':>9} {'late p50':>9} {'p99 ms':>7} {'behind ms':>9} {'gap ms':>7}   of {wanted}")
    held = True
    for room, streams in row["rooms"].items():
        for name, stream in streams.items():
            print(f"{room:8} {name:5} {stream['pictures']:9} {stream['late_ms']['p50']:9.0f} {stream['late_ms']['p99']:7.0f} "
                  f"{stream['behind_ms']:9.0f} {stream['gap_ms']:7.0f}")
            held = held and stream["pictures"] >= (1 - MISSED) * wanted - 1 and stream["behind_ms"] < LATE_MS
    print(f"cpu of soukd and its transcoders {row['cpu_percent']:.0f} %, of the whole machine {row['all_cpu_percent']:.0f} %: "
          f"{'held' if held else 'NOT HELD'}")
    (OUT / "rooms.json").write_text(json.dumps({"machine": found, **row}, indent=2) + "\n")
    return 0 if held else 1
