"""souk-netimp against what it was told, by ping, iperf3 and a UDP probe; the NAT router; the scripts."""
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import time
import unittest

import netns
from netns import Link, Nat, Namespace
from souk import until
from udp_probe import probe

ROOT = pathlib.Path(__file__).resolve().parents[2]
NO_PRIVILEGE = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"]
PACKETS = 10000
PORT = 5201


def note(text):
    print(f"  {text}", flush=True)


def ping(link, *options):
    """Round trips in ms, in their order, and the share that was lost."""
    done = link.viewer.run(["ping", "-n", *options, link.host.address], capture_output=True, text=True)
    return [float(took) for took in re.findall(r"time=([\d.]+)", done.stdout)]


def dropped_at_the_ends(link):
    """Packets that a busy processor let overflow: before the impairer, which did not read, and behind it."""
    devices = json.loads(link.viewer.tool("ip", "-s", "-j", "link"))
    waiting = sum(device["stats64"]["tx"]["dropped"] for device in devices)
    names, values = (line.split() for line in link.host.tool("cat", "/proc/net/snmp").splitlines()
                     if line.startswith("Udp:"))
    return waiting + int(dict(zip(names, values))["RcvbufErrors"])


def iperf(link, *options):
    """The client sends to the host (b -> a). iperf3's own account."""
    server = link.host.popen(["iperf3", "-s", "-1"], stdout=subprocess.DEVNULL)
    until(lambda: str(PORT) in link.host.tool("ss", "-Hltn"), "iperf3 listens")
    done = link.viewer.run(["iperf3", "-J", "-c", link.host.address, *options], capture_output=True, text=True)
    server.wait(netns.WAIT_S)
    report = json.loads(done.stdout)
    if "error" in report:
        raise AssertionError(report["error"])
    return report["end"]


class LinkTest(unittest.TestCase):
    def link(self, settings="", **options):
        link = Link(settings, **options).__enter__()
        self.addCleanup(link.close)
        return link


class Delay(LinkTest):
    def test_a_clean_link_adds_less_than_a_millisecond(self):
        took = ping(self.link(), "-c", "100", "-i", "0.01")
        note(f"clean round trip: median {statistics.median(took):.3f} ms, worst {max(took):.3f} ms")
        self.assertEqual(len(took), 100)
        self.assertLess(statistics.median(took), 1)

    def test_ping_sees_twice_the_delay(self):
        link = self.link()
        for delay in (10, 25, 75):
            link.set(f"both delay={delay}")
            took = ping(link, "-c", "60", "-i", "0.02")
            note(f"delay {delay} ms each way: round trip median {statistics.median(took):.3f} ms, "
                 f"worst {max(took):.3f} ms")
            self.assertEqual(len(took), 60)
            self.assertGreaterEqual(min(took), 2 * delay)
            self.assertLess(statistics.median(took), 2 * delay + 1)

    def test_each_of_10000_packets_takes_the_delay_within_a_millisecond(self):
        link = self.link("a->b delay=40")
        arrivals = probe(link.host, link.viewer, count=PACKETS, per_s=1500)
        error = sorted(arrival.took_ms - 40 for arrival in arrivals)
        late = link.stats()["a->b"]["late"]
        note(f"one way, 40 ms: error median {statistics.median(error):.3f}, 99 % {error[PACKETS * 99 // 100]:.3f}, "
             f"worst {error[-1]:.3f} ms; {late} left late")
        self.assertEqual(len(arrivals), PACKETS)
        self.assertGreater(error[0], -0.1)
        self.assertLess(statistics.median(error), 1)
        # A busy processor makes packets late. The impairer counts those it sent late itself.
        self.assertLess(sum(1 for ms in error if ms >= 1), late + PACKETS // 10)

    def test_jitter_spreads_and_keeps_the_order(self):
        link = self.link("a->b delay=20 jitter=30")
        arrivals = probe(link.host, link.viewer, count=2000, per_s=500)
        took = sorted(arrival.took_ms for arrival in arrivals)
        numbers = [arrival.number for arrival in arrivals]
        note(f"delay 20, jitter 30: {took[0]:.2f}..{took[-1]:.2f} ms, mean {statistics.mean(took):.2f}")
        self.assertEqual(numbers, sorted(numbers))
        self.assertEqual(len(numbers), 2000)
        self.assertGreater(took[0], 19.9)
        self.assertLess(took[1950 - link.stats()["a->b"]["late"]], 51)
        self.assertGreater(took[-1] - took[0], 25)

    def test_reordered_and_doubled_packets_are_as_many_as_asked_for(self):
        link = self.link("a->b delay=20 reorder=0.05 duplicate=0.02")
        arrivals = probe(link.host, link.viewer, count=PACKETS, per_s=2000)
        early = sum(1 for arrival in arrivals if arrival.took_ms < 10)
        note(f"of {len(arrivals)}: {early} past the delay, {len(arrivals) - PACKETS} doubled")
        self.assertAlmostEqual(early / PACKETS, 0.05, delta=0.01)
        self.assertAlmostEqual((len(arrivals) - PACKETS) / PACKETS, 0.02, delta=0.006)
        self.assertEqual(len({arrival.number for arrival in arrivals}), PACKETS)


class Loss(LinkTest):
    def test_of_10000_packets_the_share_within_half_a_point(self):
        for seed, loss in ((1, 0.01), (2, 0.05), (3, 0.1), (4, 0.3)):
            with self.subTest(loss=loss), Link(f"a->b loss={loss}", seed=seed) as link:
                arrivals = probe(link.host, link.viewer, count=PACKETS, per_s=5000)
                lost = 1 - len(arrivals) / PACKETS
                note(f"loss {loss:.0%}: {lost:.2%} of {PACKETS}")
                self.assertAlmostEqual(lost, loss, delta=0.005)

    def test_burst_loss_comes_in_bursts(self):
        link = self.link("a->b p=0.02 r=0.25")
        came = {arrival.number for arrival in probe(link.host, link.viewer, count=PACKETS, per_s=5000)}
        lost = [number for number in range(PACKETS) if number not in came]
        bursts = sum(1 for number in lost if number - 1 in came or number == 0)
        note(f"p 0.02, r 0.25: {len(lost) / PACKETS:.2%} lost (7.41 %), {len(lost) / bursts:.2f} at once (4)")
        self.assertAlmostEqual(len(lost) / PACKETS, 0.0741, delta=0.02)
        self.assertAlmostEqual(len(lost) / bursts, 4, delta=0.6)

    def test_the_same_seed_loses_the_same_packets(self):
        def survivors(seed):
            with Link("a->b loss=0.2", seed=seed) as link:
                return [arrival.number for arrival in probe(link.host, link.viewer, count=500, per_s=2000)]

        first = survivors(7)
        self.assertEqual(first, survivors(7))
        self.assertNotEqual(first, survivors(8))

    def test_an_outage_drops_everything_until_it_ends(self):
        link = self.link("both delay=5")
        self.assertEqual(len(ping(link, "-c", "5", "-i", "0.02")), 5)
        link.set("both down=1")
        self.assertEqual(ping(link, "-c", "5", "-i", "0.02", "-W", "0.3"), [])
        link.set("both down=0")
        self.assertEqual(len(ping(link, "-c", "5", "-i", "0.02")), 5)
        self.assertEqual(link.stats()["b->a"]["down_dropped"], 5)


class Rate(LinkTest):
    def test_udp_at_twice_the_rate_arrives_at_the_rate(self):
        for kbps, length in ((300, 1200), (1000, 1200), (5000, 1200), (5000, 200), (50000, 1400)):
            with self.subTest(kbps=kbps, length=length), Link(f"both delay=5 rate={kbps}") as link:
                # iperf3 speaks of UDP payload, the link of IP packets.
                link.set("a->b rate=0")
                before = link.stats()["b->a"]
                end = iperf(link, "-u", "-b", f"{kbps * 2}k", "-l", str(length), "-t", "4")
                counted = link.stats()["b->a"]
                came = end["sum"]["packets"] - end["sum"]["lost_packets"]
                rate = came * (length + 28) * 8 / end["sum"]["seconds"] / 1000
                note(f"rate {kbps} kbit/s, {length} bytes: {rate:.0f} kbit/s ({rate / kbps - 1:+.1%}), "
                     f"{counted['queue_dropped'] - before['queue_dropped']} dropped at the queue")
                # Four seconds of sending, and what the queue has kept for afterwards.
                self.assertAlmostEqual(rate / kbps, 1, delta=0.05 + 64 * 8 / kbps / 4)
                self.assertGreater(counted["queue_dropped"], before["queue_dropped"])

    def test_the_rate_is_kept_within_5_percent(self):
        for kbps, ip_bytes in ((1000, 1250), (5000, 1250), (20000, 1250), (2000, 250)):
            queue_kib = max(64, kbps // 20)  # 400 ms: a sender that is late for so long does not leave it empty
            with self.subTest(kbps=kbps, ip_bytes=ip_bytes), Link(f"a->b rate={kbps} q={queue_kib}") as link:
                per_s = 2 * kbps * 1000 / 8 / ip_bytes
                arrivals = probe(link.host, link.viewer, count=int(3 * per_s), per_s=per_s, ip_bytes=ip_bytes)
                span_s = (arrivals[-1].came_ns - arrivals[0].came_ns) / 1e9
                rate = (len(arrivals) - 1) * ip_bytes * 8 / span_s / 1000
                note(f"rate {kbps} kbit/s, {ip_bytes} bytes: {rate:.1f} ({rate / kbps - 1:+.2%})")
                self.assertAlmostEqual(rate / kbps, 1, delta=0.05)

    def test_the_queue_holds_what_it_says(self):
        link = self.link("a->b rate=1000 q=64")
        arrivals = probe(link.host, link.viewer, count=400, per_s=400, ip_bytes=1024)
        # Three times too much is sent: the queue is full for most of the second. The median, since
        # a machine that does something else for a moment makes some late.
        full = statistics.median(arrival.took_ms for arrival in arrivals[len(arrivals) // 2:])
        note(f"64 KiB at 1 Mbit/s: {full:.0f} ms (524)")
        self.assertAlmostEqual(full, 64 * 1024 * 8 / 1000, delta=15)

    def test_tcp_fills_a_narrow_link(self):
        link = self.link("both delay=25 rate=5000 q=128")
        goodput = iperf(link, "-t", "6")["sum_received"]["bits_per_second"] / 1e6
        note(f"TCP over 5 Mbit/s, 25 ms, 128 KiB: {goodput:.2f} Mbit/s")
        self.assertGreater(goodput, 4.2)
        self.assertLess(goodput, 5)

    def test_a_trace_is_replayed_with_its_gaps(self):
        with tempfile.NamedTemporaryFile("w", suffix=".trace") as trace:
            trace.write("# half a second of 2 Mbit/s, half a second of nothing\n2000 25\n0 25\n")
            trace.flush()
            link = self.link()
            link.set(f"a->b trace={trace.name} q=16")
        arrivals = probe(link.host, link.viewer, count=1600, per_s=400, ip_bytes=1250)
        steps = [(later.came_ns - before.came_ns) / 1e6 for before, later in zip(arrivals, arrivals[1:])]
        gaps = [step for step in steps if step > 100]
        note(f"trace: gaps of {[round(gap) for gap in gaps]} ms, {len(arrivals)} packets in 4 s (413)")
        self.assertGreaterEqual(len(gaps), 3)
        self.assertAlmostEqual(statistics.median(gaps), 505, delta=20)
        self.assertAlmostEqual(len(arrivals), 413, delta=20)  # 2 s of 2 Mbit/s, and the queue

    def test_the_made_up_5g_link_is_the_printed_one(self):
        printed = subprocess.run([f"{netns.BIN}/souk-netimp", "--seed", "3", "--print-trace"], check=True,
                                 capture_output=True, text=True).stdout.splitlines()
        slots = [int(rate) for rate, times in map(str.split, printed) for _ in range(int(times))]
        link = self.link(seed=3)
        link.set("a->b trace=5g")
        arrivals = probe(link.host, link.viewer, count=24000, per_s=4000, ip_bytes=1400)
        span = round(6 * 50)
        expected = sum(min(rate, 4000 * 1400 * 8 / 1000) for rate in slots[:span]) * 20 / 8 / 1400
        note(f"5g, seed 3: {len(arrivals)} packets in 6 s, {expected:.0f} by the printed trace")
        self.assertAlmostEqual(len(arrivals) / expected, 1, delta=0.1)


class Speed(LinkTest):
    def test_tcp_and_udp_run_fast_through_a_clean_link(self):
        link = self.link()
        tcp = iperf(link, "-t", "3")["sum_received"]["bits_per_second"] / 1e6
        before, dropped_before = link.stats(), dropped_at_the_ends(link)
        end = iperf(link, "-u", "-b", "100M", "-l", "1400", "-t", "3")["sum"]
        stats, dropped = link.stats(), dropped_at_the_ends(link) - dropped_before
        cpu = (stats["cpu_us"] - before["cpu_us"]) / (stats["run_us"] - before["run_us"])
        note(f"TCP {tcp:.0f} Mbit/s; UDP 100 Mbit/s: {end['lost_packets']} of {end['packets']} lost, "
             f"{dropped} at the ends, impairer {cpu:.0%} of a core")
        self.assertGreater(tcp, 100)
        self.assertLessEqual(end["lost_packets"], dropped)
        self.assertLess(dropped, end["packets"] // 4)
        self.assertEqual(stats["b->a"]["in"], stats["b->a"]["out"])
        self.assertEqual(stats["b->a"]["full_dropped"], 0)


class Control(LinkTest):
    def test_bad_lines_change_nothing(self):
        link = self.link("both delay=30")
        for line in ("set both delay=0 loss=2", "set both trace=/nonexistent delay=0", "fly", "x" * 3000, ""):
            self.assertTrue(link.impairer.say(line).startswith("error: "), line)
        self.assertGreater(min(ping(link, "-c", "3", "-i", "0.02")), 60)
        link.clear()
        self.assertLess(min(ping(link, "-c", "3", "-i", "0.02")), 30)

    def test_it_ends_with_quit_and_with_its_input(self):
        link = self.link("both delay=1000")
        link.viewer.run(["ping", "-c", "1", "-W", "0.1", link.host.address], stdout=subprocess.DEVNULL)
        self.assertEqual(link.impairer.close(), 0)
        link = self.link()
        self.assertEqual(link.impairer.say("quit"), "ok")
        self.assertEqual(link.impairer.process.wait(netns.WAIT_S), 0)

    def test_its_devices_go_with_it(self):
        link = self.link()
        self.assertIn("souk0", link.host.tool("ip", "-o", "link"))
        link.impairer.close()
        self.assertNotIn("souk0", link.host.tool("ip", "-o", "link"))

    def test_without_the_privilege_it_is_skipped(self):
        with Namespace("a", "10.99.0.1") as a:
            done = subprocess.run([*NO_PRIVILEGE, f"{netns.BIN}/souk-netimp", "--a", a.path, "--b", a.path],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (77, f"{netns.NEEDS}\n"))

    def test_bad_usage_is_2(self):
        for options in ([], ["--a", "x"], ["--a", "x", "--b", "y", "--set", "both delay=x"], ["--seed", "no"]):
            done = subprocess.run([f"{netns.BIN}/souk-netimp", *options], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 2, options)
            self.assertTrue(done.stderr.startswith("souk-netimp: "), done.stderr)


class NatRouter(unittest.TestCase):
    """One socket at the client, which never learns; the server sees it move and still answers it."""

    def setUp(self):
        self.nat = Nat(netimp=self.NETIMP).__enter__()
        self.addCleanup(self.nat.close)
        self.client = self.nat.client.socket()
        self.server = self.nat.server.socket()
        self.server.bind((self.nat.server.address, PORT))
        for end in (self.client, self.server):
            self.addCleanup(end.close)
            end.settimeout(netns.WAIT_S)

    NETIMP = None

    def exchange(self):
        """The client's address as the server sees it; the answer has come back."""
        self.client.sendto(b"ask", (self.nat.server.address, PORT))
        source = self.server.recvfrom(16)[1]
        self.server.sendto(b"answer", source)
        self.assertEqual(self.client.recv(16), b"answer")
        return source

    def test_ports_and_addresses_change_under_the_same_socket(self):
        seen = [self.exchange()]
        self.assertEqual(self.exchange(), seen[0], "stable until something changes")
        for change in [self.nat.change_port] * 5 + [self.nat.change_address] * 5:
            change()
            seen.append(self.exchange())
            self.assertEqual(self.exchange(), seen[-1])
        note(f"server saw {' -> '.join(f'{ip}:{port}' for ip, port in seen)}")
        self.assertEqual(len({ip for ip, _ in seen[:6]}), 1)
        self.assertEqual(len({port for _, port in seen[:6]}), 6)
        self.assertEqual(len({ip for ip, _ in seen[5:]}), 6)

    def test_the_server_cannot_reach_a_client_that_it_has_lost(self):
        source = self.exchange()
        self.nat.change_address()
        self.client.settimeout(0.3)
        self.server.sendto(b"late", source)
        with self.assertRaises(TimeoutError):
            self.client.recv(16)

    def test_tcp_goes_through(self):
        with self.nat.server.socket(kind=socket.SOCK_STREAM) as listener:
            listener.bind((self.nat.server.address, PORT))
            listener.listen()
            with self.nat.client.socket(kind=socket.SOCK_STREAM) as client:
                client.settimeout(netns.WAIT_S)
                client.connect((self.nat.server.address, PORT))
                accepted, (source, _) = listener.accept()
                accepted.close()
        self.assertEqual(source, self.nat.outside)


class ImpairedNatRouter(NatRouter):
    NETIMP = "delay=10"

    def test_the_client_is_behind_the_impairer(self):
        start = time.monotonic()
        self.exchange()
        self.assertGreater(time.monotonic() - start, 0.02)


class Scripts(unittest.TestCase):
    def script(self, name, *argv, prefix=(), **options):
        return subprocess.run([*prefix, str(ROOT / "load-tests" / "net" / name), *argv], capture_output=True, text=True,
                              env=os.environ | {"SOUK_BIN": str(pathlib.Path(netns.BIN).resolve())}, **options)

    def test_run_has_the_command_s_status_and_impairs_its_packets(self):
        done = self.script("run", "--netimp", "delay=20", "--at", "0.5", "down=1", "--at", "1", "both down=0", "--stats",
                           "--", "sh", "-c", "ping -c 20 -i 0.1 $SOUK_SERVER; exit 7")
        self.assertEqual(done.returncode, 7, done.stderr)
        received = int(re.search(r"(\d+) received", done.stdout)[1])
        self.assertTrue(12 <= received <= 17, done.stdout)
        self.assertGreater(json.loads(done.stderr.splitlines()[-1])["b->a"]["down_dropped"], 2)

    def test_nat_changes_by_the_clock(self):
        ask = ("import socket,time\ns=socket.socket(2,2)\nfor _ in range(20):\n"
               " s.sendto(b'x',('10.2.0.1',5201)); time.sleep(.1)")
        answer = ("import socket\ns=socket.socket(2,2); s.bind(('10.2.0.1',5201)); seen=[]\n"
                  "for _ in range(20):\n a=s.recvfrom(9)[1]\n if a not in seen: seen.append(a); print(*a,flush=True)")
        done = self.script("nat", "--at", "0.5", "port", "--at", "1", "address", "--server", f"python3 -c \"{answer}\"",
                           "--", "sh", "-c", "until grep -q :1451 /proc/net/udp || sleep 0.3; do :; done; exec "
                           f"python3 -c \"{ask}\"")
        self.assertEqual(done.returncode, 0, done.stderr)
        seen = done.stdout.splitlines()
        self.assertEqual(len(seen), 3, done.stdout)
        self.assertNotEqual(seen[1].split()[0], seen[2].split()[0])

    def test_they_explain_themselves_and_refuse_nonsense(self):
        for name in ("run", "nat"):
            done = self.script(name, "--help")
            self.assertEqual((done.returncode, done.stdout[:6]), (0, "usage:"))
            for argv in ([], ["--at", "x", "y", "--", "true"], ["--fast", "--", "true"], ["--"],
                         ["--netimp", "delay=x", "--", "true"]):
                self.assertEqual(self.script(name, *argv).returncode, 2, (name, argv))

    def test_without_the_privilege_they_are_skipped(self):
        for name in ("run", "nat"):
            done = self.script(name, "--", "true", prefix=NO_PRIVILEGE)
            self.assertEqual(done.returncode, 77)
            self.assertTrue(done.stdout.startswith(netns.NEEDS), done.stdout)

    def test_whatever_ends_them_nothing_is_left(self):
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
            script = subprocess.Popen(
                [str(ROOT / "load-tests" / "net" / "run"), "--server", "sh -c 'sleep 1000; true'", "--",
                 "sh", "-c", "echo on; sleep 1000; true"],
                stdout=subprocess.PIPE, bufsize=0, env=os.environ | {"SOUK_BIN": str(pathlib.Path(netns.BIN).resolve())})
            self.assertEqual(netns.line_of(script), "on")
            self.addCleanup(script.wait)
            self.addCleanup(script.kill)
            until(lambda: len(descendants(script.pid)) == 7, "both commands and what they started")
            started = descendants(script.pid)
            script.send_signal(sig)
            script.wait(netns.WAIT_S)
            script.stdout.close()
            until(lambda: not any(map(running, started)), f"nothing of the script runs after {sig.name}")


def descendants(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return children + [below for child in children for below in descendants(child)]


def running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    netns.need_privilege()
    netns.need_tools("ping", "iperf3", "nft", "conntrack")
    os.nice(-10)  # the impairer is judged, not how soon this program gets a processor
    unittest.main(verbosity=2)
