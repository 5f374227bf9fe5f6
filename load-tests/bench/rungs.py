"""What a ladder costs: souk-transcoder beside the same pipeline under gst-launch, in turn, each fed
in real time with the same clip: 720p30, plain and with strong noise, into 720p + 540p + 360p. And
how long a picture takes through souk-transcoder."""
import json
import multiprocessing
import os
import pathlib
import select
import socket
import struct
import subprocess
import time

from processes import busy_s, machine
from souk_server import OUT

RATE, GOP = 30, 60
ALONE_S = 5
CLIPS = {"plain": (f"testsrc2=size=1280x720:rate={RATE}", "noise=alls=12:allf=t", 2),
         "strong noise": (f"mandelbrot=size=1280x720:rate={RATE}", "scroll=h=0.002,noise=alls=25:allf=t", 4)}
LADDER = [(1280, 720, 2000), (960, 540, 1200), (640, 360, 600)]
ENCODER = ("x264enc tune=zerolatency threads=1 sliced-threads=false speed-preset={preset} "
           "key-int-max=60 vbv-buf-capacity=250 option-string=scenecut=0 bitrate={kbps}")
CODED = "video/x-h264,profile=constrained-baseline,stream-format=avc"
HELLO, PROGRESS, VIDEO, RUNGS, PICTURE, RUNG_CONFIG, RUNG_FRAME = 1, 4, 5, 6, 7, 8, 9


def make_clip(name, seconds):
    path = OUT / f"{name.replace(' ', '-')}-{seconds}.flv"
    if not path.exists():
        source, filters, mbps = CLIPS[name]
        print(f"making the clip: {name} ...", flush=True)
        subprocess.run(
            ["ffmpeg", "-y", "-loglevel", "error", "-f", "lavfi", "-i", source, "-vf",
             f"{filters},format=yuv420p", "-t", str(seconds), "-c:v",
             "libx264", "-preset", "superfast", "-profile:v", "high", "-bf", "0", "-g", str(GOP),
             "-keyint_min", str(GOP), "-sc_threshold", "0", "-b:v", f"{mbps}M", "-maxrate", f"{mbps}M",
             "-bufsize", f"{mbps / 2}M", path], check=True)
    return path


def read_clip(path):
    """The AVCDecoderConfigurationRecord and [(media_us, is keyframe, access unit)]."""
    data, at, avcc, pictures = path.read_bytes(), 13, None, []
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1:at + 4], "big")
        ms = int.from_bytes(bytes([data[at + 7]]) + data[at + 4:at + 7], "big")
        body = data[at + 11:at + 11 + size]
        if data[at] == 9 and body[1] == 0:
            avcc = body[5:]
        elif data[at] == 9 and body[1] == 1:
            offset = int.from_bytes(body[2:5], "big", signed=True)
            pictures.append(((ms + offset) * 1000, body[0] >> 4 == 1, body[5:]))
        at += 11 + size + 4
    return avcc, pictures


class Transcoder:
    """souk-transcoder, spoken to as soukd does (media/transcoder/protocol.h)."""

    def __init__(self, program, preset):
        self.socket, other = socket.socketpair()
        number = other.fileno()
        self.process = subprocess.Popen(
            ["sh", "-c", f"exec 3<&{number} {number}<&-; exec {program} --preset {preset}"],
            pass_fds=[number], stdin=subprocess.DEVNULL)
        other.close()
        self.input = b""
        kind, body = self.message()
        if kind != HELLO or body[1] != 1:
            raise RuntimeError("souk-transcoder cannot encode")

    def send(self, kind, body):
        """Reads meanwhile: it does not take more while nobody takes what it gives."""
        left = struct.pack(">BI", kind, len(body)) + body
        while left:
            readable, writable, _ = select.select([self.socket], [self.socket], [])
            if readable:
                self.read()
            if writable:
                left = left[self.socket.send(left, socket.MSG_DONTWAIT):]

    def read(self):
        data = self.socket.recv(1 << 20)
        if not data:
            raise RuntimeError("souk-transcoder has ended")
        self.input += data

    def parse(self):
        if len(self.input) < 5:
            return None
        kind, size = struct.unpack(">BI", self.input[:5])
        if len(self.input) < 5 + size:
            return None
        body, self.input = self.input[5:5 + size], self.input[5 + size:]
        return kind, body

    def message(self):
        while not (message := self.parse()):
            self.read()
        return message

    def messages(self, until):
        """What comes up to that time."""
        while True:
            while message := self.parse():
                yield message
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return
            self.read()

    def end(self):
        self.socket.close()
        self.process.wait(10)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0


def cpu_s(pid):
    words = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def run_souk(program, preset, clip, ladder=tuple(LADDER), at_most=None):
    """Slots as soukd has them: the first rung is slot 1."""
    avcc, pictures = read_clip(clip)
    pictures = pictures[:at_most]
    child = Transcoder(program, preset)
    child.send(VIDEO, avcc)
    child.send(RUNGS, struct.pack(">IB", 1000000 // RATE, len(ladder)) + b"".join(
        struct.pack(">BHHI", slot, width, height, kbps * 1000)
        for slot, (width, height, kbps) in enumerate(ladder, 1)))
    slots = range(1, len(ladder) + 1)
    sent, delays, sizes = {}, {slot: [] for slot in slots}, {slot: 0 for slot in slots}

    def take(until):
        for kind, body in child.messages(until):
            if kind == RUNG_FRAME:
                slot, _, media_us, _ = struct.unpack(">BBqI", body[:14])
                delays[slot].append(1000 * (time.monotonic() - sent[media_us]))
                sizes[slot] += len(body) - 14

    before, started = cpu_s(child.process.pid), time.monotonic()
    others, ours = busy_s(), time.process_time()
    for index, (media_us, key, data) in enumerate(pictures):
        take(started + index / RATE)
        sent[media_us] = time.monotonic()
        child.send(PICTURE, struct.pack(">qIBB", media_us, 1, key, 0) + data)
    take(time.monotonic() + 0.3)
    used = cpu_s(child.process.pid) - before
    others = busy_s() - others - used - (time.process_time() - ours)
    child.end()
    seconds = len(pictures) / RATE
    return {
        "cpu_percent": 100 * used / seconds,
        "others_percent": max(0, 100 * others / seconds),
        "frames": {ladder[slot - 1][1]: len(values) for slot, values in delays.items()},
        "of": len(pictures),
        "late_ms": max(values[-1] if values else 1000 * seconds for values in delays.values()),
        "kbps": {ladder[slot - 1][1]: 8e-3 * size / seconds for slot, size in sizes.items()},
        "delay_ms": {name: {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99),
                            "max": max(values, default=0)}
                     for name, values in [*((ladder[slot - 1][1], delays[slot]) for slot in delays),
                                          ("all", sum(delays.values(), []))]},
    }


def run_rooms(program, preset, clip, rooms):
    """So many ladders at a time, in real time: what each one's run_souk() says."""
    with multiprocessing.Pool(rooms) as pool:
        return pool.starmap(run_souk, [(program, preset, clip)] * rooms)


def scaling(width, height):
    return f"videoscale ! video/x-raw,width={width},height={height} ! " if height != 720 else ""


def run_gst(preset, clip, seconds):
    branches = ""
    for width, height, kbps in LADDER:
        branches += (f"t. ! queue max-size-buffers=3 ! {scaling(width, height)}"
                     f"{ENCODER.format(preset=preset, kbps=kbps)} ! {CODED} ! fakesink sync=true ")
    text = (f"filesrc location={clip} ! flvdemux ! h264parse ! "
            f"avdec_h264 max-threads=1 ! tee name=t {branches}")
    child = subprocess.Popen(["gst-launch-1.0", "-q", *text.split()], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    # Without what its start takes: loading plugins is not the pipeline.
    return {"cpu_percent": 100 * (usage.ru_utime + usage.ru_stime - start_s()) / seconds}


def start_s():
    child = subprocess.Popen(["gst-launch-1.0", "-q", "fakesrc", "num-buffers=1", "!", "fakesink"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    return usage.ru_utime + usage.ru_stime


def run_floor(preset, clip, seconds):
    """{height or "all": {"p50": ms, "p99": ms}} of plain GStreamer; None where its Python is missing."""
    child = subprocess.run(["/usr/bin/python3", pathlib.Path(__file__).with_name("rung_floor.py"), clip, str(seconds), preset],
                           stdout=subprocess.PIPE, check=False)
    if child.returncode:
        return None
    delays = {int(height): values for height, values in json.loads(child.stdout).items()}
    delays["all"] = sum(delays.values(), [])
    return {name: {"p50": percentile(values, 0.5), "p99": percentile(values, 0.99)} for name, values in delays.items()}


def show_delays(rows):
    """Of souk-transcoder and of the floor, by turns measured; and how many times the floor that is."""
    for name in ("all", *(height for _, height, _ in LADDER)):
        print(f"{name:>8}{'p' if name != 'all' else ' '} "
              + "  ".join(f"p50 {row['souk']['delay_ms'][name]['p50']:5.1f} "
                          f"p99 {row['souk']['delay_ms'][name]['p99']:5.1f}" for row in rows))
    floors = [row["floor"] for row in rows if row["floor"]]
    if not floors:
        print("floor: skipped, needs python3-gst-1.0")
    for name in ("all", *(height for _, height, _ in LADDER)) if floors else ():
        ratios = [f"{row['souk']['delay_ms'][name]['p50'] / row['floor'][name]['p50']:.2f}, "
                  f"{row['souk']['delay_ms'][name]['p99'] / row['floor'][name]['p99']:.2f}" for row in rows if row["floor"]]
        print(f"{name:>8}{'p' if name != 'all' else ' '} "
              + "  ".join(f"p50 {floor[name]['p50']:5.1f} p99 {floor[name]['p99']:5.1f}" for floor in floors)
              + f"   plain GStreamer; times it: {'; '.join(ratios)}")


def compare(program, clip, seconds, times):
    """Prints and returns what each of so many turns took."""
    rows = []
    for _ in range(times):
        gst = run_gst("superfast", clip, seconds)
        print(f"{'gst':8} {gst['cpu_percent']:7.1f}", flush=True)
        souk = run_souk(program, "superfast", clip)
        delay = souk["delay_ms"]["all"]
        print(f"{'souk':8} {souk['cpu_percent']:7.1f}   {delay['p50']:7.1f} {delay['p99']:7.1f} "
              f"{delay['max']:7.1f} {souk['others_percent']:9.0f}   "
              + ", ".join(f"{name}p {souk['frames'][name]}/{souk['of']} {souk['kbps'][name]:.0f}"
                          for name in souk["frames"]), flush=True)
        rows.append({"gst": gst, "souk": souk, "floor": run_floor("superfast", clip, seconds)})
    ratios = [row["souk"]["cpu_percent"] / row["gst"]["cpu_percent"] for row in rows]
    print(f"cost beside gst-launch: {sum(ratios) / len(ratios):.3f}  (each: "
          f"{', '.join(f'{ratio:.3f}' for ratio in ratios)})")
    show_delays(rows)
    return rows


def bench(options):
    os.nice(options["nice"])
    found = machine()
    OUT.mkdir(parents=True, exist_ok=True)
    seconds = options["seconds"]
    program = options["bin"] / "souk-transcoder"
    rows = {}
    print(f"{'':8} {'cpu %':>7}   {'p50 ms':>7} {'p99 ms':>7} {'max ms':>7} {'others %':>9}   "
          "frames, kbit/s")
    for name in CLIPS:
        print(f"-- {name}", flush=True)
        rows[name] = compare(program, make_clip(name, seconds), seconds, max(2, options["repeat"]))
    clip = make_clip("strong noise", seconds)
    alone = [run_souk(program, "superfast", clip, (rung,), ALONE_S * RATE)["delay_ms"]["all"] for rung in LADDER]
    print("each rung alone, nothing beside it: " + ", ".join(
        f"{height}p p50 {delay['p50']:.1f} p99 {delay['p99']:.1f}" for (_, height, _), delay in zip(LADDER, alone)))
    together = run_rooms(program, "superfast", clip, options["rooms"])
    print(f"{options['rooms']} rooms at a time: cpu {sum(row['cpu_percent'] for row in together):.0f} %, "
          f"of each p99 {', '.join(format(row['delay_ms']['all']['p99'], '.0f') for row in together)} ms, "
          f"after {seconds} s {max(row['late_ms'] for row in together):.0f} ms late")
    (OUT / "rungs.json").write_text(
        json.dumps({"machine": found, "rows": rows, "alone": alone, "together": together}, indent=2) + "\n")
    return 0
