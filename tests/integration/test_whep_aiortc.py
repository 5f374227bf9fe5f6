"""WHEP, WHIP and the data channel against aiortc's own ICE, DTLS, SRTP, SCTP and decoders."""
import asyncio
import os
import random
import signal
import socket
import unittest

from rtc import Host, Viewer
from souk import RoomTest, until
from websocket import WebSocket


def spread(frames):
    """The longest pause between two arrivals, in seconds."""
    return max((b[0] - a[0] for a, b in zip(frames, frames[1:])), default=0)


def children_of(pid, name):
    """The oldest first."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    text = stat.read()
            except OSError:
                continue
            head, tail = text.rsplit(")", 1)
            if int(tail.split()[1]) == pid and head.split("(", 1)[1] == name[:15]:
                found.append((int(tail.split()[19]), int(entry)))
    return [child for _, child in sorted(found)]


class WhepAiortc(RoomTest):
    def run_with_viewer(self, scenario, *, token=None):
        async def run():
            viewer = await Viewer(self.server, token=token).start()
            try:
                await viewer.frames(10)
                await scenario(viewer)
            finally:
                await viewer.close()

        asyncio.run(run())

    def test_watches_picture_and_sound_without_loss(self):
        self.publish(seconds=60)

        async def scenario(viewer):
            viewer.tap_video()
            await viewer.frames(75)
            self.assertEqual(viewer.holes(), [])
            times = [at for _, at in viewer.pictures]
            self.assertEqual(times, sorted(set(times)))
            await viewer.until(lambda: len(viewer.sounds) > 100, "sound")
            self.assertEqual(max(viewer.numbers.values()), 1)

        self.run_with_viewer(scenario)

    def test_a_socket_that_named_the_viewer_s_sid_gets_its_clock(self):
        self.publish(seconds=60)
        before = WebSocket(self.server, "/ws/demo")
        before.send("join", sid="viewer-of-mine")

        async def run():
            viewer = await Viewer(self.server, query="?sid=viewer-of-mine").start()
            try:
                own = await viewer.message("clock")
                await viewer.frames(10)
                after = WebSocket(self.server, "/ws/demo")
                after.send("join", sid="viewer-of-mine")
                for socket_ in (before, after, after):  # at once, and then with each of its own
                    clock = (await asyncio.to_thread(socket_.until, "clock", sid="viewer-of-mine"))["data"]
                    ticks = (clock["rtp"] - own["rtp"]) % 2**32
                    self.assertAlmostEqual(ticks / 90000, (clock["media_us"] - own["media_us"]) / 1e6, delta=0.001)
                after.close()
            finally:
                await viewer.close()

        asyncio.run(run())
        before.close()

    def test_who_offers_sound_alone_hears_it(self):
        first = self.publish(seconds=60)

        async def run():
            viewer = await Viewer(self.server, kinds=("audio",)).start()
            try:
                await viewer.until(lambda: len(viewer.sounds) > 100, "sound")
                self.assertLess(spread(viewer.sounds[20:]), 1)
                self.assertEqual((await viewer.message("hello"))["room"], "demo")
                self.assertNotIn("m=video", viewer.pc.remoteDescription.sdp)
                first.stop(signal.SIGKILL)
                await asyncio.to_thread(until, lambda: self.state()["state"] == "lost", "lost")
                heard = len(viewer.sounds)
                await asyncio.to_thread(self.publish, seconds=60)
                await viewer.until(lambda: len(viewer.sounds) > heard + 50, "sound goes on")
            finally:
                await viewer.close()

        asyncio.run(run())

    def test_the_data_channel_greets_and_sells(self):
        self.publish(seconds=60)

        async def scenario(viewer):
            hello = await viewer.message("hello")
            self.assertEqual((hello["room"], hello["role"]), ("demo", "viewer"))
            clock = await viewer.message("clock")
            self.assertIn("rtp", clock)
            state = await viewer.message("state")
            self.assertEqual(state["products"][0]["sku"], "A1")
            viewer.send("order.place", key="dc-1", sku="A1", qty=1, price_rev=1)
            result = await viewer.message("order.result")
            self.assertEqual((result["key"], result["status"]), ("dc-1", 201))
            self.assertEqual(result["body"]["state"], "reserved")
            viewer.send("order.place", key="dc-1", sku="A1", qty=1, price_rev=1)
            again = await viewer.message("order.result")
            self.assertEqual(again["body"]["id"], result["body"]["id"])
            self.assertEqual((await viewer.message("stock"))["left"], 99)
            await asyncio.to_thread(self.server.request, "POST", "/api/rooms/demo/pin", {"sku": "A1"}, self.host)
            self.assertEqual((await viewer.message("product.pin"))["sku"], "A1")
            viewer.send("ping", t=7)
            self.assertEqual((await viewer.message("pong"))["t"], 7)
            viewer.channel.send(b'{"v":1,"type":"ping","data":{"t":8}}')  # as some libraries send all
            self.assertEqual((await viewer.message("pong"))["t"], 8)
            viewer.channel.send("no message")  # ends the channel, not the picture
            await viewer.until(lambda: viewer.channel.readyState == "closed", "channel closed")
            await viewer.frames(20)

        self.run_with_viewer(scenario, token=self.viewer)

    def test_lost_packets_are_repeated(self):
        self.publish(seconds=60)
        random.seed(3)

        async def scenario(viewer):
            lost = set(random.sample(range(65536), 65536 // 20))  # 5 %
            viewer.tap_video(lambda number: number in lost)
            await viewer.frames(100)
            await asyncio.sleep(0.3)
            self.assertGreater(len(viewer.dropped), 4)
            newest = max(viewer.numbers)
            missing = [n for n in viewer.dropped if n not in viewer.numbers and n < newest - 20]
            self.assertEqual(missing, [], "never repeated")

        self.run_with_viewer(scenario)

    def test_strangers_on_the_udp_port_disturb_nobody(self):
        self.publish(seconds=60)
        host, port = self.server.ready["udp"][0].rsplit(":", 1)
        random.seed(7)

        async def scenario(viewer):
            viewer.tap_video()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.connect((host, int(port)))
                for first in list(range(256)) * 20:
                    body = bytes([first]) + random.randbytes(random.choice((0, 7, 19, 20, 200, 1400)))
                    try:
                        stranger.send(body)
                    except ConnectionRefusedError:
                        self.fail("the port is closed")
                    if first % 64 == 0:
                        await asyncio.sleep(0.02)
            await viewer.frames(25)
            self.assertEqual(viewer.holes(), [])

        self.run_with_viewer(scenario)

    def test_viewers_stay_when_the_host_is_killed_and_comes_back(self):
        first = self.publish(seconds=60)

        async def scenario(viewer):
            first.stop(signal.SIGKILL)
            await asyncio.to_thread(until, lambda: self.state()["state"] == "lost", "lost")
            await asyncio.sleep(1.5)
            before = len(viewer.pictures)
            left = viewer.pictures[-1][0]
            await asyncio.to_thread(self.publish, seconds=60)
            await viewer.frames(30)
            self.assertEqual(viewer.pc.connectionState, "connected")
            times = [at for _, at in viewer.pictures]
            self.assertEqual(times, sorted(set(times)), "a timestamp goes backwards")
            # Shown with its true length: else a browser would play late ever after. (aiortc gives
            # the last picture out when the next one comes, hence -2.)
            gap = max(b - a for a, b in zip(times[before - 2:], times[before - 1:]))
            self.assertAlmostEqual(gap, viewer.pictures[before + 1][0] - left, delta=0.5)
            heard = len(viewer.sounds)
            await viewer.until(lambda: len(viewer.sounds) > heard + 50, "sound goes on")

        self.run_with_viewer(scenario)

    def test_a_dead_transcoder_is_replaced(self):
        self.publish(seconds=60)

        async def scenario(viewer):
            await viewer.until(lambda: len(viewer.sounds) > 50, "sound")
            viewer.tap_video()
            children = children_of(self.server.process.pid, "souk-transcoder")
            self.assertEqual(len(children), 3, "one at work, two to spare")
            since = len(viewer.sounds)
            os.kill(children[0], signal.SIGKILL)
            await viewer.until(lambda: len(viewer.sounds) > since + 50, "sound is back")
            self.assertEqual(viewer.holes(), [], "the picture loses nothing")
            self.assertLess(spread(viewer.sounds[since - 1:]), 3)

        self.run_with_viewer(scenario)

    def test_a_publisher_by_whip_is_seen_and_may_come_back(self):
        async def scenario():
            host = await Host(self.server, self.host).start()
            await asyncio.to_thread(until, lambda: self.state()["state"] == "live", "live")
            viewer = await Viewer(self.server).start()
            await viewer.frames(30)
            await viewer.until(lambda: len(viewer.sounds) > 25, "sound")
            await host.close()
            again = await Host(self.server, self.host).start()
            seen = len(viewer.pictures)
            await viewer.frames(30)
            times = [at for _, at in viewer.pictures]
            self.assertEqual(times, sorted(set(times)), "a timestamp goes backwards")
            self.assertGreater(len(viewer.pictures), seen)
            await viewer.close()
            await again.close()
            # Many clients say so when their connection is closed already.
            goodbye = [await asyncio.to_thread(self.server.request, "DELETE", again.location, None, self.host) for _ in range(2)]
            self.assertEqual([status for status, _, _ in goodbye], [200, 404])
            await asyncio.to_thread(until, lambda: self.state()["state"] == "lost", "lost")

        asyncio.run(scenario())

    def test_a_viewer_leaves_and_is_forgotten(self):
        self.publish(seconds=60)

        async def scenario(viewer):
            await asyncio.to_thread(until, lambda: self.state()["viewers"] == 1, "one viewer")
            status, _, _ = await asyncio.to_thread(self.server.request, "DELETE", viewer.location)
            self.assertEqual(status, 200)
            await asyncio.to_thread(until, lambda: self.state()["viewers"] == 0, "no viewer")

        self.run_with_viewer(scenario)

    def test_the_end_of_the_show_ends_the_session(self):
        self.publish(seconds=60)

        async def scenario(viewer):
            await asyncio.to_thread(self.server.request, "POST", "/api/rooms/demo/end", {}, self.host)
            await asyncio.to_thread(until, lambda: self.server.request("DELETE", viewer.location)[0] == 404,
                                    "the session is gone")

        self.run_with_viewer(scenario)


if __name__ == "__main__":
    unittest.main()
