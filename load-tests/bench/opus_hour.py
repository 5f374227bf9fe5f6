"""An hour of AAC at 44.1 kHz through souk-transcoder as fast as it goes: whether the Opus that comes
out keeps its place on the room's time. Beeps are looked for by ffmpeg."""
import struct
import subprocess
import time

from lipsync import HEAR, finder, times_of
from rungs import Transcoder
from souk_server import OUT

CONFIG, FRAME = 2, 3
AAC, OPUS = 1, 2
RATE, STEP = 44100, 1024
BEEP_S = 10  # one every so many seconds
ASC = bytes([0x12, 0x08])  # ISO 14496-3 §1.6.2.1: AAC-LC, 44.1 kHz, one channel
MUST_MS = 5


def make_sound(minutes):
    path = OUT / f"beeps-{minutes}.adts"
    if not path.exists():
        beep = (f"aevalsrc='0.6*sin(2*PI*1000*t)*lt(mod(n,{BEEP_S * RATE}),{RATE // 10})':s={RATE}"
                f":d={60 * minutes}")
        part = path.with_suffix(".part.adts")
        subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", beep,
                        "-c:a", "aac", "-b:a", "64k", part], check=True)
        part.rename(path)
    return path


def adts_frames(data):
    """The raw frames (ISO 13818-7 §6.2)."""
    at = 0
    while at + 7 <= len(data):
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        yield data[at + (7 if data[at + 1] & 1 else 9):at + size]
        at += size


def crc_table():
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = value << 1 ^ (0x04c11db7 if value & 1 << 31 else 0)
        table.append(value & 0xffffffff)
    return table


class Ogg:
    """Opus in Ogg (RFC 3533, RFC 7845), a page for each second."""

    def __init__(self, file):
        self.file, self.table, self.number, self.granule = file, crc_table(), 0, 0
        self.waiting = []
        self.page([b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 0, 48000, 0, 0)], 2)
        self.page([b"OpusTags" + struct.pack("<I", 4) + b"souk" + struct.pack("<I", 0)], 0)

    def page(self, packets, kind):
        lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
                          for packet in packets)
        page = bytearray(b"OggS" + struct.pack("<BBqIIIB", 0, kind, self.granule, 1, self.number, 0,
                                               len(lacing)) + lacing + b"".join(packets))
        crc = 0
        for byte in page:
            crc = (crc << 8 & 0xffffffff) ^ self.table[crc >> 24 ^ byte]
        page[22:26] = struct.pack("<I", crc)
        self.file.write(page)
        self.number += 1

    def add(self, packet):
        self.granule += 960
        self.waiting.append(packet)
        if len(self.waiting) == 50:
            self.flush()

    def flush(self):
        if self.waiting:
            self.page(self.waiting, 0)
        self.waiting = []


def transcode(program, sound, out):
    """Writes what comes out; the times (media_us, duration) that it was given, and seconds taken."""
    times = []
    child = Transcoder(program, "superfast")

    def take(until):
        for kind, body in child.messages(until):
            if kind == FRAME:
                media_us, duration_us, _ = struct.unpack(">qII", body[:16])
                times.append((media_us, duration_us))
                out.add(body[16:])

    started = time.monotonic()
    child.send(CONFIG, struct.pack(">BBBqIBB", AAC, OPUS, 0, 0, RATE, 1, len(ASC)) + ASC)
    for index, data in enumerate(adts_frames(sound.read_bytes())):
        at_us = index * STEP * 1000000 // RATE
        child.send(FRAME, struct.pack(">qII", at_us, STEP * 1000000 // RATE, 1) + data)
        if index % 32 == 0:
            take(0)
    take(time.monotonic() + 1)
    child.end()
    out.flush()
    return times, time.monotonic() - started - 1


def bench(options, minutes=60):
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / "beeps.opus"
    with open(path, "wb") as file:
        times, seconds = transcode(options["bin"] / "souk-transcoder", make_sound(minutes), Ogg(file))
    holes = [(at, later) for (at, length), (later, _) in zip(times, times[1:]) if later != at + length]
    said = subprocess.run(finder(path, "-af", HEAR), stderr=subprocess.PIPE, text=True,
                          check=True).stderr
    # The encoder that made the AAC puts 1024 samples before the first one of the source.
    late_ms = [1000 * (at - STEP / RATE) + times[0][0] / 1000
               for at in times_of(said, "ametadata")]
    skews = [late - 1000 * BEEP_S * round(late / 1000 / BEEP_S) for late in late_ms]
    held = len(skews) >= 6 * minutes - 1 and not holes and abs(skews[-1] - skews[0]) <= MUST_MS * minutes / 60
    print(f"AAC 44.1 kHz to Opus, {minutes} minutes in {seconds:.0f} s ({60 * minutes / max(seconds, 1):.0f}x): "
          f"{len(skews)} beeps, {skews[0]:.2f} ms late at the start, {skews[-1]:.2f} at the end, "
          f"from {min(skews):.2f} to {max(skews):.2f}, {len(holes)} holes   {'held' if held else 'NOT HELD'}",
          flush=True)
    return {"beeps": len(skews), "first_ms": skews[0], "last_ms": skews[-1], "holes": len(holes), "held": held}
