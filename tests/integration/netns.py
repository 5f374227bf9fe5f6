"""Networks of a test's own: two namespaces with souk-netimp between, and a client behind a NAT router.

    with Link("delay=25 loss=0.01") as link:
        link.host.popen([...]); link.viewer.run(["ping", "-c", "1", link.host.address])
        link.set("both down=1"); link.stats()["a->b"]["lost"]       # a: host, b: viewer

    with Nat() as nat:
        nat.client.run([...]); nat.change_port(); nat.change_address()

The namespaces have no name: each is held by a process that reads our pipe. When the pipe ends, however
this process has ended, the holder kills what still runs in its namespace, and that is the end of both.
Nothing of the machine's own network is touched.
"""
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

BIN = os.environ.get("SOUK_BIN", "build/release/bin")
WAIT_S = 10
USAGE, SKIPPED = 2, 77
CLONE_NEWNET = 0x40000000
NEEDS = "skipped: needs CAP_NET_ADMIN"
HOLD = """
import os, signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
own = os.readlink("/proc/self/ns/net")
assert own != sys.argv[1]
os.write(1, b"ready\\n")
while os.read(0, 4096):
    pass
found = True
while found:
    found = False
    time.sleep(0.005)
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if int(name) != os.getpid() and os.readlink(f"/proc/{name}/ns/net") == own:
                os.kill(int(name), signal.SIGKILL)
                found = True
        except OSError:
            pass
"""


class Unprivileged(Exception):
    """Namespaces cannot be made here."""


class BadSettings(ValueError):
    """The impairer does not understand; it has said why on stderr, or in its answer."""


def need_privilege():
    """Ends the program with status 77 where namespaces cannot be made."""
    try:
        Namespace("probe").close()
    except Unprivileged as why:
        print(f"{NEEDS} ({why})", flush=True)
        sys.exit(SKIPPED)


def need_tools(*names):
    for name in names:
        if not shutil.which(name):
            print(f"skipped: needs {name} (deploy/deps)", flush=True)
            sys.exit(SKIPPED)


def tool(*argv, **options):
    done = subprocess.run(argv, capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def line_of(process, wait_s=WAIT_S):
    """A line of a process' standard output (unbuffered pipe), or an error."""
    end, line = time.monotonic() + wait_s, b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0, end - time.monotonic()))
        byte = os.read(process.stdout.fileno(), 1) if ready else b""
        if not byte:
            raise RuntimeError(f"{process.args[0]}: no line within {wait_s} s, or it has ended: {line!r}")
        line += byte
    return line.decode().rstrip("\n")


class Namespace:
    """A network namespace with its loopback up, and the ways to run things in it."""

    def __init__(self, name, address=None):
        self.name, self.address = name, address
        self.started = []
        home = os.readlink("/proc/self/ns/net")
        self.holder = subprocess.Popen(["unshare", "--net", sys.executable, "-IS", "-c", HOLD, home], bufsize=0,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            line_of(self.holder)
        except RuntimeError:
            why = self.holder.stderr.read().decode().strip()
            end(self.holder)
            raise Unprivileged(why) from None
        self.path = f"/proc/{self.holder.pid}/ns/net"
        try:
            self.tool("ip", "link", "set", "lo", "up")
        except RuntimeError as error:
            self.close()
            raise Unprivileged(str(error)) from None

    def command(self, argv):
        """The same command, run in here. It is exec'd: the process id is the command's own."""
        return ["nsenter", f"--net={self.path}", "--", *map(str, argv)]

    def popen(self, argv, **options):
        """A process in here that ends with the namespace at the latest."""
        process = subprocess.Popen(self.command(argv), **options)
        self.started.append(process)
        return process

    def run(self, argv, **options):
        return subprocess.run(self.command(argv), **options)

    def tool(self, *argv, **options):
        return tool(*self.command(argv), **options)

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_DGRAM):
        """A socket of this process that lives in here."""
        made = []

        def make():
            # Only this thread moves, and it ends.
            with open(self.path, "rb") as netns:
                if ctypes.CDLL(None, use_errno=True).setns(netns.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(socket.socket(family, kind))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        if not made:
            raise RuntimeError(f"no socket in namespace {self.name}")
        return made[0]

    def signal(self, number):
        """To all that runs in here."""
        own = os.readlink(self.path)
        for name in filter(str.isdecimal, os.listdir("/proc")):
            try:
                if int(name) != self.holder.pid and os.readlink(f"/proc/{name}/ns/net") == own:
                    os.kill(int(name), number)
            except OSError:
                pass

    def close(self):
        for process in self.started:
            end(process)
        self.holder.stdin.close()
        end(self.holder)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def end(process):
    """Asks, then forces; closes what we hold of it. One whose input has ended gets time to leave."""
    if process.poll() is None:
        if not (process.stdin and process.stdin.closed):
            process.terminate()
        try:
            process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()


def directed(settings):
    """Both directions where none is named."""
    named = settings.split()[:1] in (["both"], ["a->b"], ["b->a"])
    return settings if named else f"both {settings}"


class Impairer:
    """souk-netimp between two namespaces."""

    def __init__(self, a, b, settings="", *, seed=1, mtu=1500, device="souk0"):
        argv = [f"{BIN}/souk-netimp", "--a", a.path, "--b", b.path, "--a-addr", a.address, "--b-addr", b.address,
                "--seed", str(seed), "--mtu", str(mtu), "--device", device]
        if settings:
            argv += ["--set", directed(settings)]
        self.process = subprocess.Popen(argv, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            line = line_of(self.process)
        except RuntimeError:
            if self.close() == USAGE:
                raise BadSettings(settings) from None
            raise
        if line.startswith(NEEDS):
            self.close()
            raise Unprivileged("souk-netimp")
        self.ready = json.loads(line.removeprefix("ready "))

    def say(self, line):
        """A line of control, and its answer."""
        self.process.stdin.write(f"{line}\n".encode())
        return line_of(self.process)

    def close(self):
        """Ends it and returns its exit status."""
        self.process.stdin.close()
        end(self.process)
        return self.process.returncode


class Topology:
    """Things that are closed in the opposite order of their making."""

    def __init__(self):
        self.parts = []

    def own(self, part):
        self.parts.append(part)
        return part

    def close(self):
        while self.parts:
            self.parts.pop().close()

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def set(self, settings):
        """Changes the impairer: "both loss=0.1", "a->b rate=1000 q=64", "both down=1"."""
        self.order(f"set {settings}")

    def clear(self):
        self.order("clear both")

    def change(self, what):
        self.set(directed(what))

    def order(self, line):
        answer = self.impairer.say(line)
        if answer != "ok":
            raise BadSettings(f"{line}: {answer}")

    def stats(self):
        return json.loads(self.impairer.say("stats"))


class Link(Topology):
    """host (a) - impairer - viewer (b), which can fall asleep or get behind a firewall that lets no UDP through."""

    def __init__(self, netimp="", *, seed=1, mtu=1500):
        super().__init__()
        self.netimp, self.options = netimp, {"seed": seed, "mtu": mtu}
        self.walled = False

    def build(self):
        self.host = self.own(Namespace("host", "10.99.0.1"))
        self.viewer = self.own(Namespace("viewer", "10.99.0.2"))
        self.impairer = self.own(Impairer(self.host, self.viewer, self.netimp, **self.options))

    def change(self, what):
        if what in ("asleep", "awake"):
            self.viewer.signal(signal.SIGSTOP if what == "asleep" else signal.SIGCONT)
        elif what == "no udp":
            self.wall(True)
        else:
            super().change(what)

    def wall(self, stands):
        rules = "add table ip wall\ndelete table ip wall\n"
        if stands:
            rules += ("table ip wall {\n chain in {\n  type filter hook input priority 0\n  meta l4proto udp drop\n }\n"
                      " chain out {\n  type filter hook output priority 0\n  meta l4proto udp drop\n }\n}\n")
        self.viewer.tool("nft", "-f", "-", input=rules)
        self.walled = stands

    def clear(self):
        if self.walled:
            self.wall(False)
        super().clear()


class Nat(Topology):
    """client - NAT router - server; with `netimp` the impairer is the client's link (client a, router b).

    The server sees the client at `outside`, from one of the ports of the range in force. A change
    forgets all connections, as a router does that restarts or gets another address.
    """

    SERVER = "10.2.0.1"
    OUTSIDE = [f"10.2.0.{last}" for last in range(2, 12)]
    PORTS = [(first, first + 999) for first in range(20000, 60000, 1000)]

    def __init__(self, netimp=None, *, seed=1):
        super().__init__()
        self.netimp, self.seed = netimp, seed
        self.address_index = self.ports_index = 0

    @property
    def outside(self):
        return self.OUTSIDE[self.address_index % len(self.OUTSIDE)]

    @property
    def ports(self):
        return self.PORTS[self.ports_index % len(self.PORTS)]

    def build(self):
        need_tools("nft", "conntrack")
        self.client = self.own(Namespace("client", "10.1.0.2"))
        self.router = self.own(Namespace("router", "10.1.0.1"))
        self.server = self.own(Namespace("server", self.SERVER))
        if self.netimp is None:
            self.wire(self.client, self.router, "inside", self.client.address, self.router.address)
        else:
            self.impairer = self.own(Impairer(self.client, self.router, self.netimp, seed=self.seed, device="inside"))
        self.wire(self.router, self.server, "outside", self.OUTSIDE[0], self.SERVER)
        for address in self.OUTSIDE[1:]:
            self.router.tool("ip", "address", "add", f"{address}/24", "dev", "outside")
        self.client.tool("ip", "route", "add", "default", "dev", "inside", "via", self.router.address)
        self.router.tool("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
        self.router.tool("nft", "-f", "-", input="table ip souk {\n chain out {\n"
                         "  type nat hook postrouting priority 100\n }\n}\n")
        self.translate()

    @staticmethod
    def wire(one, other, device, address, peer):
        one.tool("ip", "link", "add", device, "type", "veth", "peer", "name", device, "netns", other.holder.pid)
        for end_of, own in ((one, address), (other, peer)):
            end_of.tool("ip", "address", "add", f"{own}/24", "dev", device)
            end_of.tool("ip", "link", "set", device, "up")

    def translate(self):
        first, last = self.ports
        self.router.tool("nft", "-f", "-", input="flush chain ip souk out\ntable ip souk {\n chain out {\n"
                         f'  oifname "outside" meta l4proto {{ tcp, udp }} snat to {self.outside}:{first}-{last}\n'
                         f'  oifname "outside" snat to {self.outside}\n }}\n}}\n')
        self.router.tool("conntrack", "-F")

    def change(self, what):
        changes = {"port": self.change_port, "address": self.change_address}
        if what in changes:
            changes[what]()
        else:
            super().change(what)

    def change_port(self):
        """The next packet of each connection leaves from another port."""
        self.ports_index += 1
        self.translate()

    def change_address(self):
        """... from another address."""
        self.address_index += 1
        self.translate()
