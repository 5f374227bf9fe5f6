"""souk-publish over a link that is narrowed, cut and moved: does its bitrate follow, does it come back?"""
import json
import statistics
import subprocess
import tempfile
import time
import unittest

import netns
from netns import Link
from publish import Publish
from souk import BIN, until

ADDRESS = "10.99.0.2"
# Noise takes all the bits that the encoder is given.
NOISE = ("videotestsrc is-live=true pattern=snow ! video/x-raw,width=640,height=360,framerate=25/1 ! "
         "x264enc name=video tune=zerolatency speed-preset=ultrafast vbv-buf-capacity=300 key-int-max=50 ! "
         "video/x-h264,profile=constrained-baseline ! appsink name=picture "
         "audiotestsrc is-live=true ! audioconvert ! opusenc ! appsink name=sound")


def note(text):
    print(f"  {text}", flush=True)


class PublishOverALink(unittest.TestCase):
    def setUp(self):
        self.link = Link("both delay=20").__enter__()
        self.addCleanup(self.link.close)
        folder = tempfile.TemporaryDirectory(prefix="souk-test-")
        self.addCleanup(folder.cleanup)
        server = self.link.viewer.popen(
            [f"{BIN}/soukd", "--data", folder.name, "--http", f"{ADDRESS}:0", "--rtmp", "127.0.0.1:0",
             "--udp", f"{ADDRESS}:0", "--admin", "127.0.0.1:0"], bufsize=0, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        self.addCleanup(netns.end, server)
        self.http = json.loads(netns.line_of(server, 20).removeprefix("ready "))["http"]
        self.folder = folder.name
        self.api("POST", "/api/rooms", "*", "admin", '{"id":"demo"}')

    def token(self, room, role):
        return subprocess.run([f"{BIN}/soukd", "token", "--data", self.folder, "--room", room, "--role", role,
                               "--sub", "anna", "--ttl", "1h"], check=True, capture_output=True, text=True).stdout.strip()

    def api(self, method, path, room, role, body):
        self.link.viewer.run(["curl", "-sSf", "-X", method, f"http://{self.http}{path}", "-H",
                              f"Authorization: Bearer {self.token(room, role)}", "-H", "Content-Type: application/json",
                              "-d", body], check=True, stdout=subprocess.DEVNULL)

    def publish(self, *options):
        publisher = Publish(f"http://{self.http}/whip/demo", "--pipeline", NOISE, *options,
                            token=self.token("demo", "host"), wrap=self.link.host.command)
        self.addCleanup(publisher.stop)
        until(publisher.live, "live", 20)
        return publisher

    @staticmethod
    def since(publisher, at, member):
        return [line[member] for line in publisher.lines if line["at"] >= at]

    def wait_for(self, publisher, condition, what, wait_s):
        """Seconds until a line of figures fulfils the condition."""
        started = time.monotonic()
        until(lambda: condition(publisher.last()), what, wait_s)
        return time.monotonic() - started

    def wait_for_rate(self, publisher, seconds, condition):
        """The mean of what was sent in so many seconds, from now on, once it fulfils the condition."""
        begin = time.monotonic()

        def mean():
            now = time.monotonic()
            return statistics.mean(self.since(publisher, now - seconds, "sent_kbps")) if now - begin >= seconds else 0

        return until(lambda: condition(kbps := mean()) and kbps, f"the rate over {seconds} s", 60)

    def test_bitrate_follows_a_link_from_5_to_1_and_back_to_5_mbit(self):
        self.link.set("a->b rate=5000 q=256")
        publisher = self.publish("--max-bitrate", "6000")
        grown = self.wait_for(publisher, lambda line: line["target_kbps"] > 3500, "3.5 Mbit/s", 30)
        # A busy machine encodes less for a while: so much has to be sent once, and never more than the link takes.
        wide = self.wait_for_rate(publisher, 8, lambda kbps: kbps > 3000)
        self.link.set("a->b rate=1000 q=256")
        down = self.wait_for(publisher, lambda line: line["target_kbps"] < 1000, "below 1 Mbit/s", 5)
        time.sleep(8)  # what was queued before drains
        settled = time.monotonic()
        narrow = self.wait_for_rate(publisher, 12, lambda kbps: 500 < kbps < 1000)
        waits = statistics.median(self.since(publisher, settled, "rtt_ms"))
        skipped = publisher.last()["skipped"]
        dropped = self.link.stats()["a->b"]
        self.link.set("a->b rate=5000 q=256")
        up = self.wait_for(publisher, lambda line: line["target_kbps"] > 3500, "3.5 Mbit/s again", 30)
        note(f"0 to 3.5 Mbit/s in {grown:.1f} s, then sent {wide:.0f} kbit/s; at 1 Mbit/s down in {down:.1f} s, "
             f"sent {narrow:.0f} kbit/s, round trip {waits} ms, {skipped} pictures left out; "
             f"3.5 Mbit/s again after {up:.1f} s; link {dropped}")
        self.assertLess(wide, 5000)
        self.assertLess(waits, 300)
        self.assertEqual(publisher.stop(), 0, publisher.text())

    def test_losses_are_repaired_and_do_not_slow_down(self):
        self.link.set("a->b loss=0.03")
        publisher = self.publish("--max-bitrate", "2000")
        time.sleep(3)
        probed = self.link.viewer.run(
            ["ffprobe", "-v", "error", "-select_streams", "v", "-count_packets", "-read_intervals", "%+8", "-show_entries",
             "stream=nb_read_packets", "-of", "csv=p=0", f"http://{self.http}/live/demo.flv"],
            check=True, capture_output=True, text=True, timeout=40).stdout
        pictures = int(probed.split()[0].strip(","))
        line = publisher.last()
        note(f"3 % loss: {pictures} pictures of 200 in 8 s; {line['nacks']} asked for, {line['repeats']} repeated of "
             f"{line['packets']}; target {line['target_kbps']} kbit/s")
        self.assertGreater(pictures, 190)
        self.assertGreater(line["repeats"], 20)
        self.assertGreater(line["target_kbps"], 1000)
        self.assertEqual(publisher.stop(), 0, publisher.text())

    def test_an_outage_of_eight_seconds_ends_in_an_ice_restart(self):
        publisher = self.publish()
        time.sleep(2)
        self.link.set("both down=1")
        time.sleep(8)
        self.link.set("both down=0")
        back = self.wait_for(publisher, lambda line: line["restarts"] >= 1, "restart", 30)
        frames = publisher.last()["frames"]
        packets = publisher.last()["packets"]
        until(lambda: publisher.last()["frames"] > frames + 50, "pictures again")
        note(f"restarted {back:.1f} s after the outage; {publisher.last()['packets'] - packets} packets since")
        feedbacks = publisher.last()["feedbacks"]
        until(lambda: publisher.last()["feedbacks"] > feedbacks + 10, "feedback again")
        self.assertEqual(publisher.stop(), 0, publisher.text())

    def test_another_address_of_ours_is_found_by_a_restart(self):
        publisher = self.publish()
        time.sleep(1)
        before = publisher.last()["local"]
        self.link.viewer.tool("ip", "route", "add", "10.99.0.3", "dev", "souk0")
        self.link.host.tool("ip", "address", "del", "10.99.0.1", "peer", ADDRESS, "dev", "souk0")
        self.link.host.tool("ip", "address", "add", "10.99.0.3", "peer", ADDRESS, "dev", "souk0")
        self.wait_for(publisher, lambda line: line["restarts"] >= 1, "restart", 30)
        note(f"moved from {before} to {publisher.last()['local']}")
        self.assertNotEqual(publisher.last()["local"], before)
        feedbacks = publisher.last()["feedbacks"]
        until(lambda: publisher.last()["feedbacks"] > feedbacks + 10, "feedback again")
        self.assertEqual(publisher.stop(), 0, publisher.text())


if __name__ == "__main__":
    netns.need_privilege()
    netns.need_tools("curl", "ffprobe")
    unittest.main()
