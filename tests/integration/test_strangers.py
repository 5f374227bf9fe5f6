"""What strangers send to the media ports: nobody is moved, disturbed or answered."""
import asyncio
import os
import pathlib
import re
import socket
import struct
import time
import unittest

import stun
from rtc import Viewer
from souk import RoomTest, until
from test_whip_whep import SDP, VIEWER_OFFER

ELSEWHERE = "127.0.0.9"  # another address of ours
HALF_OPEN = 2000
HALF_OPEN_S = 15
BAD_PACKETS = 10000


class Tap:
    """What an aiortc viewer sends, and its socket."""

    def __init__(self, viewer):
        ice = viewer.pc.getTransceivers()[0].receiver.transport.transport
        self.sent = []
        # The pair in use is known by the pair that was nominated.
        pair = next(iter(ice._connection._nominated.values()))
        self.socket = pair.protocol.transport
        self.server = pair.remote_addr
        pair.protocol.transport = self

    def sendto(self, data, address):
        self.sent.append(bytes(data))
        self.socket.sendto(data, address)

    def __getattr__(self, name):
        return getattr(self.socket, name)


def is_rtcp(packet):
    return len(packet) > 1 and 128 <= packet[0] <= 191 and 192 <= packet[1] <= 223


def credentials(sdp):
    return re.search(r"a=ice-ufrag:(\S+)", sdp)[1], re.search(r"a=ice-pwd:(\S+)", sdp)[1]


class Strangers(RoomTest):
    OPTIONS = ("--workers", "1")

    def setUp(self):
        super().setUp()
        self.foreign = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.foreign.close)
        self.foreign.bind((ELSEWHERE, 0))
        self.foreign.settimeout(0.3)
        ip, port = self.server.ready["udp"][0].rsplit(":", 1)
        self.media = (ip, int(port))

    def metric(self, name):
        port = int(self.server.ready["admin"].rsplit(":", 1)[1])
        text = self.server.request("GET", "/metrics", port=port)[2].decode()
        return sum(float(value) for value in re.findall(rf"(?m)^{name}(?:\{{.*\}})? (\S+)$", text))

    def wait_for(self, name, at_least):
        """The metrics are written once a second."""
        until(lambda: self.metric(name) >= at_least, f"{name} is {at_least}: {self.metric(name)}")

    def assert_silence(self):
        with self.assertRaises(socket.timeout):
            self.foreign.recv(2048)

    def with_viewer(self, scenario):
        """A viewer that decodes; during the scenario no packet of the picture may get lost for him."""
        self.publish(seconds=60)

        async def run():
            viewer = await Viewer(self.server).start()
            try:
                await viewer.frames(10)
                viewer.tap_video()
                await scenario(viewer, Tap(viewer))
                await viewer.frames(25)
                self.assertEqual(viewer.holes(), [])
            finally:
                await viewer.close()

        asyncio.run(run())

    def join(self):
        """A session that only exists by HTTP: ufrag and password of the server's side."""
        status, _, answer = self.server.request("POST", "/whep/demo", VIEWER_OFFER, None, {"Content-Type": SDP})
        self.assertEqual(status, 201, answer)
        return credentials(answer.decode())

    def test_copies_of_what_a_viewer_sent_move_nobody(self):
        async def scenario(viewer, tap):
            await viewer.until(lambda: any(map(stun.is_check, tap.sent)) and any(map(is_rtcp, tap.sent)), "checks, RTCP", 20)
            copies = list(tap.sent)
            for packet in copies:
                self.foreign.sendto(packet, self.media)
            checks = sum(map(stun.is_check, copies))
            await asyncio.to_thread(self.wait_for, "souk_udp_stun_bad_total", checks)
            await asyncio.to_thread(self.wait_for, "souk_udp_foreign_total", len(copies) - checks)
            self.assert_silence()
            self.assertEqual(self.metric("souk_udp_moves_total"), 0)

        self.with_viewer(scenario)

    def test_a_viewers_checks_over_a_second_path_leave_the_media_where_it_is(self):
        async def scenario(viewer, tap):
            ufrag, pwd = credentials(viewer.pc.remoteDescription.sdp)
            pictures = len(viewer.pictures)
            for _ in range(60):
                self.foreign.sendto(stun.check(ufrag, pwd, nominate=False), self.media)
                self.assertEqual(self.foreign.recv(2048)[:2], b"\1\1")  # it is his, and may be chosen later
                await asyncio.sleep(0.05)
            self.assertGreater(len(viewer.pictures) - pictures, 50)
            self.assert_silence()
            self.assertEqual(self.metric("souk_udp_moves_total"), 0)

        self.with_viewer(scenario)

    def test_ten_thousand_bad_srtp_packets_disturb_nobody(self):
        async def scenario(viewer, tap):
            await viewer.until(lambda: any(map(is_rtcp, tap.sent)), "RTCP", 20)
            ssrc = next(filter(is_rtcp, tap.sent))[4:8]
            for number in range(BAD_PACKETS):
                seq = number.to_bytes(2, "big")
                packet = (b"\x80\xe0" + seq + os.urandom(4) + ssrc + os.urandom(13),  # RTP that nobody agreed on
                          b"\x81\xc9\0\x07" + ssrc + os.urandom(24) + b"\x80\0" + seq + os.urandom(10))[number % 2]
                if number % 4 < 2:
                    tap.socket.sendto(packet, tap.server)  # from the viewer's own address
                else:
                    self.foreign.sendto(packet, self.media)
                if number % 100 == 0:
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(self.wait_for, "souk_udp_foreign_total", BAD_PACKETS // 2 * 0.9)
            self.assertEqual(self.metric("souk_udp_moves_total"), 0)
            self.assert_silence()

        self.with_viewer(scenario)

    def test_a_flood_of_sctp_packets_is_cut_off_and_the_channel_goes_on(self):
        async def scenario(viewer, tap):
            await viewer.until(lambda: viewer.messages, "the greeting")
            empty = struct.pack("!HHIBBHI", 5000, 5000, 0, 1, 0, 16, 0)  # an INIT with a wrong checksum
            for i in range(5000):
                await viewer.pc.sctp.transport._send_data(empty)
                await asyncio.sleep(0)  # so that he reads what comes meanwhile
            await viewer.until(lambda: self.metric(r'souk_refused_total\{what="channel_packet"\}') > 0, "packets refused")
            seen = len(viewer.messages)
            viewer.send("ping", t=7)
            await viewer.until(lambda: len(viewer.messages) > seen, "an answer behind the flood")

        self.with_viewer(scenario)

    def test_dtls_and_rtp_from_addresses_that_no_check_validated_are_ignored_and_counted(self):
        async def scenario(viewer, _):
            hello = b"\x16\xfe\xfd" + bytes(8) + struct.pack("!H", 50) + b"\x02" + os.urandom(49)
            for packet in (hello, b"\x15\xfe\xfd" + bytes(8) + b"\0\x02\x02\x28", b"\x80\xe0" + os.urandom(60)):
                for _ in range(100):
                    self.foreign.sendto(packet, self.media)
            await asyncio.to_thread(self.wait_for, "souk_udp_foreign_total", 300)
            self.assert_silence()

        self.with_viewer(scenario)

    def test_only_who_knows_the_password_is_answered_and_with_no_more_than_he_sent(self):
        self.publish(seconds=60)
        ufrag, pwd = self.join()
        for packet in (stun.check("nobodyhere", pwd), stun.check(ufrag, pwd[::-1]), stun.check(ufrag, pwd)[:-8],
                       stun.header(stun.REQUEST, 0, os.urandom(12))):
            self.foreign.sendto(packet, self.media)
        self.assert_silence()
        self.wait_for("souk_udp_stun_unknown_total", 1)
        self.wait_for("souk_udp_stun_bad_total", 3)
        # What must be understood and is not, known roles, many attributes: the answer is never the larger.
        for extra in (b"", stun.attribute(0x7F00, b"?"), b"".join(stun.attribute(0x7F00 + i, b"") for i in range(20)),
                      stun.attribute(0x8000, b"x" * 600)):
            packet = stun.check(ufrag, pwd, extra=extra)
            self.foreign.sendto(packet, self.media)
            answer = self.foreign.recv(2048)
            self.assertLessEqual(len(answer), len(packet))
            self.assertEqual(answer[8:20], packet[8:20])

    def test_a_check_in_the_name_of_a_viewers_address_takes_nothing_from_him(self):
        async def scenario(viewer, tap):
            ufrag, pwd = await asyncio.to_thread(self.join)
            for _ in range(20):  # as if somebody forged his address
                tap.socket.sendto(stun.check(ufrag, pwd), tap.server)
            await asyncio.to_thread(self.wait_for, "souk_udp_foreign_total", 20)
            viewer.send("ping", t=1)
            await viewer.message("pong")

        self.with_viewer(scenario)

    def test_two_thousand_half_open_joins_are_reaped(self):
        self.publish(seconds=120)
        rss = self.rss_kib()
        for _ in range(HALF_OPEN):
            self.join()
        begin = time.monotonic()
        each = (self.rss_kib() - rss) / HALF_OPEN
        until(lambda: self.metric("souk_webrtc_sessions") == 0, "all are reaped", HALF_OPEN_S + 5)
        took = time.monotonic() - begin
        print(f"  {HALF_OPEN} half-open joins: {each:.0f} KiB each, the last reaped after {took:.1f} s", flush=True)
        self.assertLess(took, HALF_OPEN_S + 2)
        self.join()

    def rss_kib(self):
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


if __name__ == "__main__":
    unittest.main()
