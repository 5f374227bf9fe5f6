"""Sound behind the picture at every output: hosts that show a flash and play a beep at the same
instant once a second; what Chromium plays of it, and what ffmpeg finds in the streams."""
import json
import os
import pathlib
import re
import statistics
import subprocess
import time
import urllib.request

from souk_server import LOAD_CORE, OUT, ROOT, Server

RATE = 30
PERIOD_S = 1
BEGIN_S, END_S = 20, 30  # of what the first and the last figure are made
JOIN_S = 5  # players find their place; not counted
START_S = 60  # what Chromium's starts and the reference take, at most
EACH_S = 30  # of an output in Chromium
MUST_MS, MUST_DRIFT = 40, 5
HOSTS = {"aac44": 44100, "aac48": 48000, "opus": 48000}


def flashes_and_beeps(sample_rate):
    """Inputs for ffmpeg; the first picture and the first sample of a second begin them."""
    flash = (f"color=black:s=640x360:r={RATE},"
             f"drawbox=t=fill:c=white:enable='lt(mod(n,{RATE}),{RATE // 10})'")
    beep = (f"aevalsrc='0.6*sin(2*PI*1000*t)*lt(mod(n,{sample_rate}),{sample_rate // 10})'"
            f":s={sample_rate}")
    return flash, beep


def encoder(sound):
    return ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-profile:v",
            "baseline", "-g", str(2 * RATE), "-pix_fmt", "yuv420p", "-b:v", "800k", *sound]


def make_clip(path, seconds, sound):
    if not path.exists():
        flash, beep = flashes_and_beeps(48000)
        part = path.with_suffix(".part" + path.suffix)
        subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", flash,
                        "-f", "lavfi", "-i", beep, "-t", str(seconds), *encoder(sound), part],
                       check=True)
        part.rename(path)
    return path


def start_host(children, server, bindir, name, seconds):
    """RTMP from ffmpeg with AAC of this rate, or WHIP with Opus."""
    server.post("/api/rooms", {"id": name, "record": True})
    token = server.token(name, "host")
    if name == "opus":
        clip = make_clip(OUT / f"marks-{seconds}.mkv", seconds, ["-c:a", "pcm_s16le"])
        return children.start(
            [bindir / "souk-publish", "--url", f"http://{server.at['http']}/whip/{name}", "--token",
             token, "--file", clip], LOAD_CORE, stdout=subprocess.DEVNULL)
    live = ["-re", "-f", "lavfi", "-i"]
    flash, beep = flashes_and_beeps(HOSTS[name])
    return children.start(
        ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", *live, flash, *live, beep,
         "-t", str(seconds), *encoder(["-c:a", "aac", "-b:a", "96k"]), "-f", "flv",
         f"rtmp://{server.at['rtmp']}/live/{name}?token={token}"], LOAD_CORE)


def get(server, path):
    with urllib.request.urlopen(f"http://{server.at['http']}{path}") as answer:
        return json.load(answer)


def wait_live(server, room):
    for _ in range(150):
        if get(server, f"/api/rooms/{room}")["state"] == "live":
            time.sleep(3)  # there is a segment
            return
        time.sleep(0.1)
    raise RuntimeError(f"the room {room} did not go live")


# The filters' own texts have six digits; a frame's pts has all. 16 samples are less than 0.4 ms.
SEE = "blackdetect=d=0.3:pix_th=0.5,settb=1/1000000,metadata=print:key=lavfi.black_end"
HEAR = ("asetnsamples=n=16:p=0,silencedetect=noise=0.2:d=0.3,asettb=1/1000000,"
        "ametadata=print:key=lavfi.silence_end")


def finder(url, *filters, seconds=None):
    """ffmpeg that tells on stderr when the picture stops being black and the sound silent."""
    return ["ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-loglevel", "info", "-i", str(url),
            *(["-t", str(seconds)] if seconds else []),
            *(filters or ("-vf", SEE, "-af", HEAR)), "-f", "null", "-"]


def times_of(said, name):
    """Seconds at which a filter `metadata` (flashes) or `ametadata` (beeps) spoke."""
    return [int(at) / 1e6 for at in re.findall(rf"\[Parsed_{name}_.*?pts:(\d+)", said)]


def pairs_of(said):
    """[(seconds, ms that the beep came after the flash)] of what the finder said."""
    flashes, beeps = times_of(said, "metadata"), times_of(said, "ametadata")
    found = []
    for flash in flashes:
        beep = min(beeps, key=lambda at: abs(at - flash), default=None)
        if beep is not None and abs(beep - flash) < PERIOD_S / 2:
            found.append((flash - flashes[0], 1000 * (beep - flash)))
    return found


def drift(pairs):
    """ms an hour, by least squares."""
    if len(pairs) < 3:
        return 0
    mean_x = statistics.fmean(x for x, _ in pairs)
    mean_y = statistics.fmean(y for _, y in pairs)
    over = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
    return 3600 * over / sum((x - mean_x) ** 2 for x, _ in pairs)


def judge(room, output, by, pairs, zero=0):
    pairs = [(at, skew - zero) for at, skew in pairs if at >= JOIN_S or by != "Chromium"]
    if len(pairs) < 5:
        return {"room": room, "output": output, "by": by, "pairs": len(pairs), "held": False}
    first, last = pairs[0][0], pairs[-1][0]
    begin = statistics.median(skew for at, skew in pairs if at <= first + BEGIN_S)
    end = statistics.median(skew for at, skew in pairs if at >= last - END_S)
    skews = sorted(skew for _, skew in pairs)
    long = last - first >= 600
    slope = drift(pairs) if long else None
    return {"room": room, "output": output, "by": by, "pairs": len(pairs), "begin_ms": begin,
            "end_ms": end, "p5_ms": skews[len(skews) // 20], "p95_ms": skews[-1 - len(skews) // 20],
            "drift_ms_per_hour": slope,
            "held": max(abs(begin), abs(end)) <= MUST_MS and abs(slope or 0) <= MUST_DRIFT}


def show(row):
    figures = ("too few" if "begin_ms" not in row else
               f"{row['begin_ms']:7.1f} {row['end_ms']:7.1f} {row['p5_ms']:7.1f} {row['p95_ms']:7.1f} "
               + ("      –" if row["drift_ms_per_hour"] is None else f"{row['drift_ms_per_hour']:7.2f}"))
    print(f"{row['room']:8} {row['output']:9} {row['by']:9} {row['pairs']:5} {figures}   "
          f"{'held' if row['held'] else 'NOT HELD'}", flush=True)


def watch_in_browser(server, room, seconds, reference):
    child = subprocess.run(
        ["node", ROOT / "load-tests" / "bench" / "lipsync.mjs", "--base",
         f"http://{server.at['http']}", "--room", room, "--reference", reference, "--first",
         str(seconds), "--seconds", str(EACH_S)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(child.stdout)


def judge_played(room, played):
    """Chromium's own players keep sound and picture of a file together: what is measured of it is
    taken off. What WebRTC plays is late by what it says of the way to the speaker, which the two
    differ in."""
    zero = statistics.median(skew for _, skew in played.pop("reference")["pairs"])
    device = played["whep"]["buffers"][-1]["device"]
    print(f"{'':6} of a file {zero:.1f} ms; WebRTC: the speaker {device:.1f} ms; buffers, then what Chromium "
          "thinks of the skew: " + "; ".join(
              f"sound {at['sound']:.0f} ms (wants {at['soundWanted']:.0f}), picture {at['picture']:.0f}, "
              f"{at['behind']:.0f}" for at in played["whep"]["buffers"]), flush=True)
    return [judge(room, output, "Chromium", found["pairs"], -device if output == "whep" else zero)
            for output, found in played.items()]


def measure_between_browsers(server):
    """A host in Chromium, its viewer in the same one: without Souk, and with it between. What the host's sound is
    behind its picture when WebRTC gets them is nobody's who carries them."""
    room = "chromium"
    server.post("/api/rooms", {"id": room})
    child = subprocess.run(
        ["node", ROOT / "load-tests" / "bench" / "skew.mjs", "--base", f"http://{server.at['http']}", "--room", room,
         "--token", server.token(room, "host"), "--seconds", str(EACH_S)], stdout=subprocess.PIPE, text=True, check=True)
    host, *turns = json.loads(child.stdout)
    own = statistics.median(skew for _, skew in host["pairs"])
    rows = []
    for turn in turns:
        device = turn["buffers"][-1]["device"]
        row = judge(room, {"souk": "whep"}.get(turn["how"], turn["how"]), "Chromium", turn["pairs"], own - device)
        row["picture_age_ms"], row["sound_age_ms"] = (statistics.median(turn[name]) for name in ("pictures", "sounds"))
        row["held"] = row["held"] or turn["how"] == "direct"  # which is not ours
        rows.append(row)
        show(row)
        print(f"{'':8} the host's own {own:.1f} ms; picture {row['picture_age_ms']:.0f} ms old, sound "
              f"{row['sound_age_ms'] + device:.0f}", flush=True)
    return rows


def recording_of(server, room):
    return sorted((path for path in pathlib.Path(server.data).glob(f"recordings/{room}/*/*.mp4")),
                  key=lambda path: path.stat().st_size)[-1]


def measure(children, server, bindir, room, seconds, reference):
    host = start_host(children, server, bindir, room, seconds + 2 * EACH_S + START_S)
    wait_live(server, room)
    base = f"http://{server.at['http']}"
    readers = {}
    for name, path in (("flv", f"/live/{room}.flv"), ("ll-hls", f"/hls/{room}/index.m3u8")):
        said = open(OUT / f"marks-{name}.log", "w+")  # not a pipe: nobody reads it meanwhile
        readers[name] = said, children.start(finder(f"{base}{path}", seconds=seconds), LOAD_CORE,
                                             stdout=subprocess.DEVNULL, stderr=said)
    played = watch_in_browser(server, room, seconds, reference)
    rows = judge_played(room, played)
    for name, (said, reader) in readers.items():
        reader.wait(seconds)
        said.seek(0)
        rows.append(judge(room, name, "ffmpeg", pairs_of(said.read())))
        said.close()
        children.running.remove(reader)
    children.end(host)
    time.sleep(2)  # the newest part is on the disk
    said = subprocess.run(finder(recording_of(server, room)), stderr=subprocess.PIPE, text=True,
                          check=True).stderr
    rows.append(judge(room, "recording", "ffmpeg", pairs_of(said)))
    for row in rows:
        show(row)
    return rows


def bench(children, options):
    """Each host in turn, or the one of 44.1 kHz for so many minutes."""
    minutes = options["minutes"]
    web = os.environ.get("SOUK_WEB", ROOT / "web" / "dist")
    reference = make_clip(OUT / "marks-reference.mp4", 20, ["-c:a", "aac", "-b:a", "96k"])
    server = Server(children, options["bin"], live=False, options=("--web", web))
    rows = []
    print(f"{'host':8} {'output':9} {'by':9} {'pairs':>5} {'begin':>7} {'end':>7} {'p5':>7} {'p95':>7} "
          f"{'ms/h':>7}   ms that the sound is behind the picture")
    try:
        for room in ["aac44"] if minutes else HOSTS:
            rows += measure(children, server, options["bin"], room,
                            60 * minutes or EACH_S, reference)
        if not minutes:
            rows += measure_between_browsers(server)
    finally:
        server.end()
    return rows
