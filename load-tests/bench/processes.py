"""Processes of a measurement: started on a core, looked at through /proc, ended by their ids."""
import json
import os
import pathlib
import platform
import signal
import subprocess
import sys
import time


def machine():
    """What a figure is worth nothing without; printed, and for the JSON."""
    model = next((line.split(":", 1)[1].strip()
                  for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith(("model name", "CPU part"))), platform.machine())
    found = {"processor": model, "cores": os.cpu_count(), "kernel": platform.release(),
             "load_before": round(os.getloadavg()[0], 2)}
    print(f"{model}, {found['cores']} cores, kernel {found['kernel']}, load before "
          f"{found['load_before']}", flush=True)
    return found


class Children:
    """Ends what it started, by its process ids. `nice`: below 0 they go before what else runs on the
    machine."""

    def __init__(self, nice=0):
        self.running = []
        self.prefix = ["nice", "-n", str(nice)] if nice else []

    def start(self, args, core, **kwargs):
        child = subprocess.Popen([*self.prefix, "taskset", "-c", core, *map(str, args)],
                                 stdin=subprocess.DEVNULL, **kwargs)
        self.running.append(child)
        return child

    def end(self, child):
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if child in self.running:
            self.running.remove(child)

    def report(self, swarm, result):
        """Of a souk-swarm that ends by itself, with stderr a pipe; what it said about failures is passed on."""
        _, said = swarm.communicate(timeout=120)
        self.running.remove(swarm)
        for line in said.splitlines():
            if line.startswith("souk-swarm:"):
                print("   ", line, file=sys.stderr)
        return json.loads(pathlib.Path(result).read_text())

    def end_all(self):
        for child in reversed(list(self.running)):
            self.end(child)


def pass_time(pid, seconds, recording=None):
    """While perf records the process into a file, if one is named."""
    if not recording:
        time.sleep(seconds)
        return
    subprocess.run(["perf", "record", "-q", "-F", "999", "-g", "-p", str(pid), "-o", recording, "--", "sleep", str(seconds)],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def with_children(pid):
    """The process and all that came from it and live now."""
    parents = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has just ended
            pass
    family = [pid]
    for member in family:
        family += [child for child, parent in parents.items() if parent == member]
    return family


def cpu_s(pids):
    """Of all threads, to the nanosecond; /proc/PID/stat counts in ticks of 10 ms. Threads that have
    ended are missing, so measure while none end."""
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
            try:
                total += int(task.read_text().split()[0])
            except OSError:
                pass
    return total / 1e9


def busy_s():
    """Of all cores since the start of the machine, whoever it was; in ticks of 10 ms."""
    words = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, softirq = map(int, words[:7])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def status(pid):
    """{'VmRSS': KiB, 'Threads': n, ...} of /proc/PID/status; empty when it has ended."""
    found = {}
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        name, _, value = line.partition(":")
        words = value.split()
        if words and words[0].isdecimal():
            found[name] = int(words[0])
    return found


def rss_kib(pids):
    return sum(status(pid).get("VmRSS", 0) for pid in pids)


def descriptors(pid):
    try:
        return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return 0
