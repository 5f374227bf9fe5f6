"""What a host with three layers sends, made once: 720p, 360p and 180p of 2 Mbit/s, 600 and 200 kbit/s, a keyframe every
2 s; with the largest goes the sound, Opus of 32 kbit/s as browsers send it."""
import subprocess

import scene  # noqa: F401  (makes the tests' modules known)
from rtmp import AUDIO, flv_tags, opus

LAYERS = ((1280, 720, 2000), (640, 360, 600), (320, 180, 200))
SECONDS = 40


def picture(path, width, height, kbps):
    subprocess.run(
        ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size={width}x{height}:rate=25",
         "-vf", "noise=alls=20:allf=t", "-t", str(SECONDS), "-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency",
         "-profile:v", "baseline", "-g", "50", "-sc_threshold", "0", "-b:v", f"{kbps}k", "-maxrate", f"{kbps}k", "-bufsize",
         f"{kbps // 2}k", "-pix_fmt", "yuv420p", "-f", "flv", path], check=True)


def add_sound(path, sound):
    """Opus between the pictures, by the tags of Enhanced RTMP v2."""
    head, packets = sound
    tags = [*flv_tags(path), (AUDIO, 0, b"\x90Opus" + head)]
    tags += [(AUDIO, index * 20, b"\x91Opus" + packet) for index, packet in enumerate(packets)]
    with open(path, "wb") as file:
        file.write(b"FLV\1\5\0\0\0\x09" + bytes(4))
        for kind, at_ms, body in sorted(tags, key=lambda tag: tag[1]):
            at = (at_ms & 0xffffff) << 8 | at_ms >> 24
            file.write(bytes([kind]) + len(body).to_bytes(3, "big") + at.to_bytes(4, "big") + bytes(3) + body
                       + (len(body) + 11).to_bytes(4, "big"))


def files(folder):
    """Their paths, the largest first."""
    paths = [folder / f"layer-{height}.flv" for _, height, _ in LAYERS]
    if not all(path.exists() for path in paths):
        folder.mkdir(parents=True, exist_ok=True)
        parts = [path.with_suffix(".part.flv") for path in paths]
        for part, layer in zip(parts, LAYERS):
            picture(part, *layer)
        add_sound(parts[0], opus(folder / "layers.ogg", SECONDS, ("-b:a", "32k", "-ac", "1")))
        for part, path in zip(parts, paths):
            part.rename(path)
    return paths
