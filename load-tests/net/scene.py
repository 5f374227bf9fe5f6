"""What run and nat have in common: a server command at one end, a client command at the other, changes by the clock."""
import os
import pathlib
import shlex
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))
import netns  # noqa: E402  (the topologies are shared with the tests)

USAGE = 2
WAIT_S = 20
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Usage(Exception):
    pass


def take_arguments(argv, valued, flags=()):
    """--name VALUE options (their last value; --at: all of them) up to "--", and the command behind it."""
    options, changes = {}, []
    argv = list(argv)
    while argv and argv[0] != "--":
        name = argv.pop(0)
        if name == "--at" and len(argv) >= 2:
            changes.append((seconds(argv.pop(0)), argv.pop(0)))
        elif name.startswith("--") and name[2:] in flags:
            options[name[2:]] = True
        elif name.startswith("--") and name[2:] in valued and argv:
            options[name[2:]] = argv.pop(0)
        else:
            raise Usage(f"unknown option, or one without its value: {name}")
    if len(argv) < 2:
        raise Usage("no command: it stands behind --")
    return options, sorted(changes, key=lambda change: change[0]), argv[1:]


def seconds(text):
    try:
        return float(text)
    except ValueError:
        raise Usage(f"--at {text}: not a number of seconds") from None


def number(options, name, fallback):
    text = options.get(name, str(fallback))
    if not text.isdecimal():
        raise Usage(f"--{name} {text}: not a number")
    return int(text)


def end_on_signals():
    def leave(number, _):
        for other in ENDING:  # a second one must not disturb the cleaning up
            signal.signal(other, signal.SIG_IGN)
        sys.exit(128 + number)

    for number_of in ENDING:
        signal.signal(number_of, leave)


def wait_for_port(place, port):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        with place.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            if probe.connect_ex((place.address, port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens on port {port} within {WAIT_S} s")


def play(topology, server, client, options, changes, command):
    """Runs the command at the client, with the changes at their times. Its exit status."""
    environment = os.environ | {"SOUK_SERVER": server.address, "SOUK_CLIENT": client.address}
    if "server" in options:
        server.popen(shlex.split(options["server"]), env=environment, stdin=subprocess.DEVNULL)
    if "wait" in options:
        wait_for_port(server, number(options, "wait", 0))
    process = client.popen(command, env=environment)
    start = time.monotonic()
    for at_s, change in changes:
        try:
            process.wait(max(0, start + at_s - time.monotonic()))
            break
        except subprocess.TimeoutExpired:
            topology.change(change)
    status = process.wait()
    if options.get("stats"):
        print(topology.impairer.say("stats"), file=sys.stderr)
    return status if status >= 0 else 128 - status


def main(usage, start):
    """`start` makes the topology and plays on it; what it raises becomes an exit status."""
    if "--help" in sys.argv[1:] and "--" not in sys.argv[1:sys.argv.index("--help")]:
        print(usage)
        return 0
    end_on_signals()
    netns.BIN = os.environ.get("SOUK_BIN", str(ROOT / "build" / "release" / "bin"))
    try:
        return start(sys.argv[1:])
    except (Usage, netns.BadSettings) as error:
        print(f"{pathlib.Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        return USAGE
    except netns.Unprivileged as why:
        print(f"{netns.NEEDS} ({why})")
        return netns.SKIPPED
    except (RuntimeError, OSError) as error:
        print(f"{pathlib.Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        return 1
