"""What hosts send in these tests: clips that ffmpeg makes, once for all runs."""
import subprocess


def made(path, *arguments):
    """The file, made by ffmpeg with these arguments if it is not there."""
    part = path.with_suffix(".part" + path.suffix)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *arguments, str(part)], check=True)
        part.rename(path)
    return path


def h264(kbps, peak_kbps, group, *options):
    """Baseline without B-frames, a keyframe every so many pictures, bursts of half a second at most."""
    return ["-c:v", "libx264", "-preset", "superfast", "-profile:v", "baseline", "-bf", "0", "-g", str(group), "-keyint_min",
            str(group), "-sc_threshold", "0", "-b:v", f"{kbps}k", "-maxrate", f"{peak_kbps}k", "-bufsize", f"{peak_kbps // 2}k",
            "-pix_fmt", "yuv420p", *options]


def show(path, seconds, kbps, peak_kbps, *options, group=50):
    """720p25, a keyframe every `group` pictures, with AAC."""
    return made(path, "-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25", "-f", "lavfi", "-i", "sine=sample_rate=48000",
                "-t", str(seconds), *h264(kbps, peak_kbps, group, *options), "-c:a", "aac", "-b:a", "64k")
