"""What the impairer's trace like 5G leaves to nobody: the times at which it carries nothing."""
import subprocess

SLOT_S = 0.02
SHORTEST_S = 0.1  # what is shorter is within the reserve of a player


def of_trace(binaries, seed, seconds):
    """(begins, ends) in seconds of the trace, within its first `seconds`."""
    text = subprocess.run([f"{binaries}/souk-netimp", "--print-trace", "--seed", str(seed)],
                          capture_output=True, text=True, check=True).stdout
    found, at, since = [], 0.0, None
    for line in text.splitlines():
        kbps, slots = (line.split("#")[0].split() + ["1"])[:2]
        if int(kbps) == 0 and since is None:
            since = at
        if int(kbps) and since is not None:
            found.append((since, at))
            since = None
        at += int(slots) * SLOT_S
        if at >= seconds:
            break
    if since is not None:
        found.append((since, at))
    return [(begin, end) for begin, end in found if end - begin >= SHORTEST_S - SLOT_S / 2]
