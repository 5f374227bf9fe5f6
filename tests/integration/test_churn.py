"""Everything at once for some seconds: rooms made and deleted, hosts, viewers, sockets and buyers that come and
go. Nothing has to succeed; nothing may crash, leak or race (sanitizer builds), and the books must balance."""
import itertools
import random
import signal
import socket
import subprocess
import threading
import time
import unittest
from contextlib import closing

from flv import FlvReader
from souk import BIN, Publisher, RoomTest
from websocket import WebSocket

SECONDS = 12
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\n"
    "a=rtpmap:102 H264/90000\r\na=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
    "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\n"
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sctp-port:5000\r\n"
    "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\n"
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32) + "\r\n")


class Churn(RoomTest):
    OPTIONS = ("--workers", "2")

    def repeat(self, act):
        """Runs it until the time is over; what the server or the network refuses is part of the game."""
        def run():
            for turn in itertools.count():
                if time.monotonic() > self.end:
                    return
                try:
                    act(turn)
                    self.done[act.__name__] = self.done.get(act.__name__, 0) + 1
                except (OSError, ConnectionError, ValueError, StopIteration):
                    pass
        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def room(self):
        return random.choice(("demo", "pop-up"))

    def rooms_come_and_go(self, _):
        self.server.request("POST", "/api/rooms", {"id": "pop-up"}, self.admin)
        self.server.request("POST", "/api/rooms/pop-up/products",
                            {"sku": "P", "title": "P", "price": {"minor": 1, "cur": "CNY"}, "stock": 5}, self.admin)
        time.sleep(random.random())
        self.server.request("DELETE", "/api/rooms/pop-up", token=self.admin)

    def hosts_take_over(self, turn):
        publisher = Publisher(self.server, ("demo", "pop-up")[turn % 2], self.admin, seconds=3)
        time.sleep(random.random() * 3)
        publisher.stop(random.choice((signal.SIGKILL, signal.SIGTERM)))

    def viewers_look_in(self, turn):
        with closing(FlvReader(self.server, f"/live/{self.room()}.flv?sid=viewer-{turn:04}", 1, False)) as reader:
            reader.begin()
            pictures = reader.pictures()
            for _ in range(random.randrange(30)):
                next(pictures)

    def webrtc_viewers_ask_and_leave(self, _):
        status, fields, _ = self.server.request("POST", f"/whep/{self.room()}", SDP, None,
                                                {"Content-Type": "application/sdp"})
        if status == 201 and random.random() < 0.7:
            self.server.request("DELETE", fields["Location"])
        time.sleep(0.01)

    def sockets_talk(self, turn):
        room = self.room()
        token = self.buyers[room][turn % 4]
        with closing(WebSocket(self.server, f"/ws/{room}?token={token}", timeout=1)) as talker:
            talker.send("join", after=turn, sid=f"viewer-{turn:04}")
            talker.send("chat", text="hello")
            talker.send("like", n=3)
            talker.send("order.place", key=f"ws-{turn}", sku="A1", qty=1)
            for _ in range(random.randrange(8)):
                talker.message()
            if random.random() < 0.5:  # without goodbye
                talker.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def buyers_buy(self, turn):
        status, _, body = self.order(f"http-{turn}", self.buyers["demo"][turn % 4])
        if status == 201:
            self.placed.append(body["id"])
        if status == 201 and turn % 3 == 0:
            self.server.request("POST", f"/api/orders/{body['id']}/cancel", {}, self.buyers["demo"][turn % 4],
                                {"Idempotency-Key": f"c-{turn}"})

    def the_host_works(self, turn):
        self.server.request("POST", "/api/rooms/demo/pin", {"sku": "A1"}, self.host)
        self.server.request("PATCH", "/api/rooms/demo/products/A1",
                            {"price": {"minor": 100 + turn, "cur": "CNY"}, "restock": 10}, self.host)
        if turn % 40 == 39:
            self.server.request("POST", "/api/rooms/demo/end", {}, self.host)
        time.sleep(0.05)

    def test_nothing_breaks(self):
        port = int(self.server.ready["admin"].rsplit(":", 1)[1])
        self.buyers = {room: [self.server.token(room, "viewer", f"buyer-{i}") for i in range(4)]
                       for room in ("demo", "pop-up")}
        self.placed, self.done = [], {}
        self.end = time.monotonic() + SECONDS
        acts = (self.rooms_come_and_go, self.hosts_take_over, self.hosts_take_over, self.viewers_look_in,
                self.viewers_look_in, self.webrtc_viewers_ask_and_leave, self.sockets_talk, self.sockets_talk,
                self.buyers_buy, self.the_host_works)
        threads = [self.repeat(act) for act in acts]
        time.sleep(SECONDS - 2)
        self.assertEqual(self.server.request("GET", "/livez", port=port)[0], 200)
        _, _, page = self.server.request("GET", "/api/orders?room=demo&limit=200", token=self.host)
        known = {order["id"] for order in page["items"]}
        data = self.server.data
        self.assertEqual(self.server.stop(signal.SIGTERM), 0, "in the middle of it")
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.done), len(set(acts)), self.done)
        self.assertTrue(known & set(self.placed))
        done = subprocess.run([f"{BIN}/soukd", "check", "--data", data], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
