"""IPv6: HTTP and media over ::1, and one address for both families, with aiortc as the player."""
import asyncio
import re
import socket
import unittest
from unittest import mock

from rtc import Viewer
from raw_http import RawHttp
from souk import RoomTest
from test_whip_whep import SDP, VIEWER_OFFER


def only(*addresses):
    """aiortc has candidates on these addresses alone; of itself it leaves loopback out."""
    return mock.patch("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: list(addresses))


class Played(RoomTest):
    def candidates(self, http):
        reply = http.request("POST", "/whep/demo", VIEWER_OFFER, [("Content-Type", SDP)])
        self.assertEqual(reply.status, 201, reply.text)
        self.assertEqual(http.request("DELETE", reply.get("Location")).status, 200)
        return re.findall(r"(?m)^a=candidate:\S+ 1 udp \d+ (\S+) \d+ typ host", reply.text)

    def play(self, address):
        """Pictures, sound and data without loss; the pair that carried them is of that family."""
        async def run():
            with only(address):
                viewer = await Viewer(self.server).start()
            await viewer.frames(10)
            viewer.tap_video()
            await viewer.frames(25)
            await viewer.until(lambda: len(viewer.sounds) > 10, "sound")
            self.assertEqual((await viewer.message("hello"))["room"], "demo")
            self.assertEqual(viewer.holes(), [])
            receiver = viewer.pc.getTransceivers()[0].receiver
            pair = receiver.transport.transport._connection._nominated[1]
            self.assertEqual(pair.remote_addr[0], address)
            await viewer.close()

        asyncio.run(run())


class Alone(Played):
    OPTIONS = ("--http", "[::1]:0", "--udp", "[::1]:0")

    def test_everything_works_over_ipv6_loopback(self):
        self.assertRegex(self.server.ready["http"], r"^\[::1\]:\d+$")
        self.assertRegex(self.server.ready["udp"][0], r"^\[::1\]:\d+$")
        self.publish(seconds=60)
        self.assertEqual(self.candidates(RawHttp(self.server.host, self.server.port)), ["::1"])
        self.play("::1")


class Both(Played):
    OPTIONS = ("--http", "[::]:0", "--udp", "[::]:0", "--advertise", "::1", "--advertise", "127.0.0.1")

    def test_one_port_serves_both_families(self):
        self.publish(seconds=60)
        for host in ("::1", "127.0.0.1"):
            self.assertEqual(self.candidates(RawHttp(host, self.server.port)), ["::1", "127.0.0.1"])
            self.play(host)


class Own(Played):
    OPTIONS = ("--http", "[::]:0", "--udp", "[::]:0")

    def test_all_of_the_machine_s_addresses_are_candidates_loopback_last(self):
        self.publish(seconds=60)
        found = self.candidates(RawHttp("::1", self.server.port))
        self.assertEqual(found[-2:], ["127.0.0.1", "::1"])
        families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in found[:-2]]
        self.assertEqual(families, sorted(families, reverse=True))
        self.assertEqual([address for address in found if address.startswith("fe80:")], [])


if __name__ == "__main__":
    unittest.main()
