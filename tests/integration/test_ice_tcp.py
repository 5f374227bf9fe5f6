"""Chromium on a network that blocks UDP: it watches and publishes by TCP, and a narrow link costs pictures, not the session."""
import pathlib
import sys
import time
import unittest

import netns
from netns import Link
from souk import BIN, until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "load-tests" / "net"))
from clients import Browser, longest_gap, need_chromium, resumed_after  # noqa: E402
from show import Show  # noqa: E402

REPORTED_S = 2  # frames of the page are known here by then
BLOCKED = "table inet souk {\n chain out {\n  type filter hook output priority 0\n  meta l4proto udp drop\n }\n}\n"


class IceTcp(unittest.TestCase):
    def setUp(self):
        self.link = Link("both delay=10").__enter__()
        self.addCleanup(self.link.close)
        self.link.viewer.tool("nft", "-f", "-", input=BLOCKED)
        self.show = Show(self.link.host, BIN)
        self.addCleanup(self.show.close)

    def browser(self, *arguments, **options):
        browser = Browser(self.link.viewer, *arguments, **options)
        self.addCleanup(browser.close)
        return browser.wait()

    def metric(self, name):
        return self.show.metrics()[f"souk_ice_tcp_{name}"]

    def test_chromium_watches_through_a_link_that_gets_narrow_and_wide_again(self):
        self.show.publish()
        viewer = self.browser("watch", self.show.base, "demo")
        until(lambda: len(viewer.frames[0]) > 25, "pictures")
        until(lambda: self.metric("connections") == 1, "it is by TCP")
        self.link.set("a->b rate=400 q=64")  # less than the smallest rendition
        narrow = time.time()
        until(lambda: longest_gap(viewer.frames[0], narrow, time.time() - REPORTED_S) > 0.5, "pictures are left out")
        self.link.set("a->b rate=0")
        wide = time.time()
        until(lambda: resumed_after(viewer.frames[0], wide, steady=25) is not None, "every picture again", wait_s=40)
        print(f"  by TCP: all pictures again {resumed_after(viewer.frames[0], wide, steady=25):.1f} s after the link has got wide; "
              f"{self.metric('full_total'):.0f} runs refused by the connection", flush=True)
        self.assertEqual(viewer.states(), {"connected"})
        self.assertEqual(self.metric("behind_total"), 0)
        viewer.close()
        until(lambda: self.metric("connections") == 0, "the connection ends with the session")

    def test_chromium_publishes(self):
        host = self.browser("publish", self.show.base, "demo", "--sound", token=self.show.token("demo", "host"))
        self.show.wait_live()
        frames = lambda: self.show.metrics()["souk_frames_in_total"]
        until(lambda: frames() > 100, "pictures and sound")
        self.assertEqual(self.metric("connections"), 1)
        self.assertEqual(host.states(), {"connected"})


if __name__ == "__main__":
    netns.need_privilege()
    netns.need_tools("nft", "node", "ffmpeg")
    need_chromium()
    unittest.main()
