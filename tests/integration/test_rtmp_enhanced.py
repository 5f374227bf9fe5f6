"""Enhanced RTMP v2: capabilities, extended headers, codecs that are refused, reconnecting when the server asks."""
import os
import shutil
import signal
import tempfile
import threading
import time
import unittest

from flv import FlvReader
from rtmp import AUDIO, VIDEO, Encoder, extended, film, opus
from souk import RoomTest, until


class Enhanced(RoomTest):
    OPTIONS = ("--rtmp-overflow-url", "rtmp://other.example/live")

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="souk-rtmp-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.film = film(os.path.join(cls.folder, "film.flv"))

    def encoder(self):
        encoder = Encoder(self.server, "demo", self.host)
        self.addCleanup(encoder.close)
        self.assertEqual(encoder.status["code"], "NetStream.Publish.Start")
        return encoder

    def play(self, encoder, tags=None, from_ms=0):
        """Sends a film in real time, on a thread, until the connection ends."""
        def run():
            start = time.monotonic()
            for kind, at_ms, body in tags or self.film:
                is_head = len(body) > 1 and body[1] == 0
                if kind not in (AUDIO, VIDEO) or (at_ms < from_ms and not is_head):
                    continue
                time.sleep(max(0, start + (at_ms - from_ms) / 1000 - time.monotonic()))
                try:
                    encoder.send(kind, body if body[0] & 0x80 and body[1:5] == b"Opus" else extended(kind, body), at_ms)
                except OSError:
                    return

        thread = threading.Thread(target=run)
        self.addCleanup(thread.join)
        self.addCleanup(encoder.close)
        thread.start()

    def reader(self):
        until(lambda: self.state()["state"] == "live", "live")
        reader = FlvReader(self.server)
        self.addCleanup(reader.close)
        return reader

    def test_what_is_taken_is_told_and_plays(self):
        encoder = self.encoder()
        told = encoder.answer[1]
        self.assertEqual((told["capsEx"], told["videoFourCcInfoMap"], told["audioFourCcInfoMap"], told["fourCcList"]),
                         (5, {"avc1": 5}, {"mp4a": 5, "Opus": 5}, ["avc1", "mp4a", "Opus"]))
        self.assertEqual(encoder.answer[2]["objectEncoding"], 0)
        self.play(encoder)
        pictures = self.reader().pictures()
        times = [next(pictures)[0] for _ in range(30)]
        self.assertEqual(times, sorted(set(times)))

    def test_sound_in_opus_is_heard_by_all(self):
        head, packets = opus(os.path.join(self.folder, "tone.ogg"))
        pictures = [tag for tag in self.film if tag[0] == VIDEO]
        sound = [(AUDIO, i * 20, b"\x91Opus" + packet) for i, packet in enumerate(packets)]
        self.play(self.encoder(), sorted([(AUDIO, 0, b"\x90Opus" + head), *pictures, *sound], key=lambda tag: tag[1]))
        reader = self.reader()
        times = []
        while len(times) < 40:
            kind, at_ms, body = reader.tag()
            if kind == AUDIO and body[:2] == b"\xaf\x01":
                times.append(at_ms)
        self.assertEqual(times, sorted(set(times)))
        self.assertLess(abs(times[-1] - times[0] - 39 * 1024 / 48), 3)

    def test_other_codecs_are_refused_with_a_reason(self):
        for tag, name in ((b"\x90hvc1\1", "hvc1"), (b"\x91av01\0", "av01"), (b"\x97\2\0\0\0\0vp09", "vp09"), (b"\x1c\0\0\0\0", "12")):
            encoder = self.encoder()
            encoder.send(VIDEO, tag)
            info = encoder.wait("onStatus")[2]
            self.assertEqual((info["level"], info["code"]), ("error", "NetStream.Publish.Rejected"))
            self.assertIn(name, info["description"])
            with self.assertRaises((ConnectionError, OSError)):
                while True:
                    encoder.message()
            until(lambda: self.state()["state"] != "live", "over")

    def test_an_encoder_that_comes_anew_before_it_goes_continues_its_show(self):
        """As one does that was asked to: the new connection first."""
        self.play(self.encoder())
        pictures = self.reader().pictures()
        before = [next(pictures)[0] for _ in range(20)]
        self.play(self.encoder(), from_ms=10000)
        after = [next(pictures)[0] for _ in range(80)]
        times = before + after
        self.assertEqual(times, sorted(times))
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 1200)
        self.assertEqual(self.server.request("GET", "/api/rooms/demo")[2]["epoch"], 2)

    def test_the_next_show_may_come_on_the_same_connection(self):
        """As relays publish: createStream, publish, deleteStream, and again."""
        encoder = self.encoder()
        encoder.command("createStream", 4, None)
        second = int(encoder.wait("_result")[2])
        encoder.command("publish", 5, None, f"demo?token={self.host}", "live", stream=second)
        self.assertEqual(encoder.wait("onStatus")[2]["code"], "NetStream.Publish.BadName")
        encoder.command("deleteStream", 0, None, 1)
        self.assertEqual(encoder.wait("onStatus")[2]["code"], "NetStream.Unpublish.Success")
        until(lambda: self.state()["state"] == "lost", "left")
        encoder.command("publish", 6, None, f"demo?token={self.host}", "live", stream=second)
        self.assertEqual(encoder.wait("onStatus")[2]["code"], "NetStream.Publish.Start")
        for kind, at_ms, body in self.film[:40]:
            encoder.send(kind, body, at_ms, stream=second)
        self.assertTrue(next(self.reader().pictures())[1])
        self.assertEqual(self.server.request("GET", "/api/rooms/demo")[2]["epoch"], 2)

    def test_encoders_are_asked_to_reconnect_when_the_server_ends(self):
        encoder = self.encoder()
        old = Encoder(self.server, "demo", self.host, caps=0)  # takes over, and cannot
        self.addCleanup(old.close)
        encoder = self.encoder()
        self.server.process.send_signal(signal.SIGTERM)
        info = encoder.wait("onStatus")[2]
        self.assertEqual((info["code"], info["tcUrl"]),
                         ("NetConnection.Connect.ReconnectRequest", "rtmp://other.example/live"))


if __name__ == "__main__":
    unittest.main()
