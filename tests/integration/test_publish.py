"""souk-publish against soukd and against a WHIP server made of aiortc: media, trickle, ICE restart, refusals."""
import asyncio
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

import rtc
from publish import Publish, make_file, pipeline
from souk import BIN, RoomTest, until
from whip_server import WhipServer

TOKEN = "a.b.c"


class PublishesToSoukd(RoomTest):
    def publish_by_whip(self, *options, token=None):
        url = f"http://127.0.0.1:{self.server.port}/whip/demo"
        publisher = Publish(url, *options, token=token or self.host)
        self.addCleanup(publisher.stop)
        return publisher

    def live(self):
        return self.server.request("GET", "/api/rooms/demo")[2]["state"] == "live"

    def probe(self):
        url = f"http://127.0.0.1:{self.server.port}/live/demo.flv"
        found = subprocess.run(
            ["ffprobe", "-v", "error", "-analyzeduration", "3000000", "-show_entries",
             "stream=codec_name,width,height,profile", "-of", "json", url],
            check=True, capture_output=True, text=True, timeout=30).stdout
        return [stream for stream in json.loads(found)["streams"] if stream.get("codec_name")]

    def test_a_file_plays_over_http_flv_and_ends_orderly(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, 'a "show".mp4')
            make_file(path, 8)
            publisher = self.publish_by_whip("--file", str(path))
            until(self.live, "live")
            streams = self.probe()
            self.assertEqual([s["codec_name"] for s in streams], ["h264", "aac"])
            self.assertEqual((streams[0]["width"], streams[0]["height"]), (320, 180))
            self.assertEqual(streams[0]["profile"], "Constrained Baseline")
            self.assertEqual(publisher.wait(), 0, publisher.text())
        self.assertEqual(publisher.last()["frames"], 200)
        self.assertEqual(publisher.last()["skipped"], 0)
        until(lambda: not self.live(), "no longer live")

    def test_a_file_without_sound_is_published(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "mute.mkv")
            make_file(pathlib.Path(folder, "show.mp4"), 3)
            subprocess.run(["ffmpeg", "-loglevel", "error", "-i", f"{folder}/show.mp4", "-an", "-c", "copy", path],
                           check=True, stdin=subprocess.DEVNULL)
            publisher = self.publish_by_whip("--file", str(path))
            self.assertEqual(publisher.wait(), 0, publisher.text())
        self.assertEqual(publisher.last()["frames"], 75)

    def test_sound_of_a_file_leaves_evenly_whatever_its_pieces(self):
        def spread_ms(sounds):
            late = sorted(arrival - at for arrival, at in sounds)
            return 1000 * (late[len(late) * 9 // 10] - late[len(late) // 10])

        async def watch(path):
            publisher = self.publish_by_whip("--file", str(path))
            await asyncio.to_thread(until, self.live, "live")
            viewer = await rtc.Viewer(self.server, kinds=("audio",)).start()
            try:
                # In pieces of 23 ms it would be 16; a busy machine has an even second some time.
                await viewer.until(lambda: len(viewer.sounds) > 50 and spread_ms(viewer.sounds[-50:]) < 8, "even sound")
            finally:
                await viewer.close()
            self.assertEqual(await asyncio.to_thread(publisher.stop), 0, publisher.text())

        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "show.mp4")
            make_file(path, 20)
            asyncio.run(watch(path))

    def test_aiortc_watches_across_an_ice_restart_without_a_hole(self):
        async def scenario(publisher, viewer):
            await viewer.frames(5)
            viewer.tap_video()
            await viewer.frames(25)
            publisher.process.send_signal(signal.SIGUSR1)
            await viewer.until(lambda: publisher.last().get("restarts") == 1, "restart")
            await viewer.frames(50)
            await viewer.until(lambda: viewer.sounds, "sound")
            gaps = [b[1] - a[1] for a, b in zip(viewer.pictures, viewer.pictures[1:])]
            self.assertEqual(viewer.holes(), [])
            self.assertLess(max(gaps), 0.3)

        async def watch():
            publisher = self.publish_by_whip("--pipeline", pipeline())
            await asyncio.to_thread(until, self.live, "live")
            viewer = await rtc.Viewer(self.server).start()
            try:
                await scenario(publisher, viewer)
            finally:
                await viewer.close()
            self.assertEqual(await asyncio.to_thread(publisher.stop), 0, publisher.text())
            self.assertEqual(publisher.last()["nacks"], 0)
            local = [line["local"] for line in publisher.lines if line["local"]]
            self.assertNotEqual(local[0], local[-1], "a restart has sockets of its own")
        asyncio.run(watch())

    def test_estimate_grows_on_a_free_path(self):
        publisher = self.publish_by_whip("--pipeline", pipeline(640, 360), "--bitrate", "500", "--max-bitrate", "1500")
        until(lambda: publisher.last().get("target_kbps", 0) > 1000, "1 Mbit/s", 30)
        self.assertGreater(publisher.last()["feedbacks"], 10)
        self.assertEqual(publisher.stop(), 0, publisher.text())

    def test_refusals_are_told_in_one_line(self):
        viewer = self.publish_by_whip("--pipeline", pipeline(), token=self.viewer)
        self.assertEqual(viewer.wait(), 1)
        self.assertIn("publishing was refused: 403 Forbidden: forbidden", viewer.text())
        bad = self.publish_by_whip("--pipeline", pipeline(), token="x.y.z")
        self.assertEqual(bad.wait(), 1)
        self.assertIn("401", bad.text())

    def test_an_ended_session_ends_the_program(self):
        publisher = self.publish_by_whip("--pipeline", pipeline())
        until(self.live, "live")
        until(publisher.live, "figures")
        self.assertEqual(self.server.request("POST", "/api/rooms/demo/end", {}, self.host)[0], 200)
        self.assertEqual(publisher.wait(), 1)
        self.assertRegex(publisher.text(), "the connection has ended: remote_closed|ended the session")


class PublishesOverTls(RoomTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-keyout", f"{folder.name}/key.pem", "-out",
                        f"{folder.name}/cert.pem"], check=True, capture_output=True)
        self.OPTIONS = ("--https", "127.0.0.1:0", "--tls-cert", f"{folder.name}/cert.pem", "--tls-key",
                        f"{folder.name}/key.pem")
        super().setUp()

    def test_a_certificate_that_nobody_vouches_for_is_refused_unless_told_otherwise(self):
        url = f"https://{self.server.ready['https']}/whip/demo"
        careful = Publish(url, "--pipeline", pipeline(), token=self.host)
        self.addCleanup(careful.stop)
        self.assertEqual(careful.wait(), 1)
        self.assertRegex(careful.text(), "publishing was refused: .*certificate")
        careless = Publish(url, "--pipeline", pipeline(), "--insecure", token=self.host)
        self.addCleanup(careless.stop)
        until(lambda: careless.last().get("feedbacks", 0) > 5, "feedback")
        self.assertEqual(careless.stop(), 0, careless.text())


class PublishesToAiortc(unittest.IsolatedAsyncioTestCase):
    async def serve(self, **options):
        server = await WhipServer(**options).start()
        self.addAsyncCleanup(server.close)
        return server

    def publish(self, server, *options, token=None):
        publisher = Publish(server.url, "--pipeline", pipeline(), *options, token=token)
        self.addAsyncCleanup(asyncio.to_thread, publisher.stop)
        return publisher

    async def until(self, condition, what, wait_s=20):
        await asyncio.to_thread(until, condition, what, wait_s)

    async def pictures(self, server, count):
        goal = len(server.pictures) + count
        await self.until(lambda: len(server.pictures) >= goal, f"{count} pictures")

    async def test_pictures_and_sound_are_decoded_and_the_session_is_deleted(self):
        server = await self.serve(token=TOKEN)
        publisher = self.publish(server, token=TOKEN)
        await self.pictures(server, 50)
        self.assertEqual(server.pictures[0][:2], (320, 180))
        self.assertGreater(server.sounds, 50)
        times = [picture[2] for picture in server.pictures]
        self.assertTrue(all(0.02 < b - a < 0.2 for a, b in zip(times, times[1:])), "even steps of time")
        self.assertEqual(await asyncio.to_thread(publisher.stop), 0, publisher.text())
        self.assertEqual(len(server.seen("DELETE", 200)), 1)

    async def test_every_candidate_trickles_under_the_session_s_entity_tag(self):
        server = await self.serve()
        publisher = self.publish(server, "--trickle", "all")
        await self.pictures(server, 10)
        offer = server.seen("POST")[0][3]
        self.assertNotIn("a=candidate", offer)
        self.assertNotIn("a=end-of-candidates", offer)
        patches = server.seen("PATCH", 204)
        self.assertTrue(patches)
        self.assertIn("a=candidate:", patches[0][3])
        self.assertIn("a=end-of-candidates", patches[-1][3])
        self.assertEqual({patch[2]["if-match"] for patch in patches}, {server.etag})
        ufrag = re.search(r"a=ice-ufrag:(\S+)", offer)[1]
        self.assertTrue(all(f"a=ice-ufrag:{ufrag}\r\n" in patch[3] for patch in patches))
        self.assertEqual(await asyncio.to_thread(publisher.stop), 0, publisher.text())

    async def test_without_trickle_everything_is_in_the_offer(self):
        server = await self.serve(patch=False)
        publisher = self.publish(server, "--trickle", "off")
        await self.pictures(server, 10)
        self.assertIn("a=candidate", server.seen("POST")[0][3])
        self.assertIn("a=end-of-candidates", server.seen("POST")[0][3])
        self.assertEqual(server.seen("PATCH"), [])
        self.assertEqual(await asyncio.to_thread(publisher.stop), 0, publisher.text())

    async def test_a_server_without_entity_tag_is_not_asked_to_restart(self):
        server = await self.serve(patch=False)
        publisher = self.publish(server)
        await self.pictures(server, 10)
        publisher.say("restart")
        await self.until(lambda: "ice restart refused" in publisher.text(), "refusal")
        await self.pictures(server, 25)
        self.assertEqual(server.seen("PATCH"), [])
        self.assertEqual(await asyncio.to_thread(publisher.stop), 0, publisher.text())

    async def test_media_goes_on_over_an_ice_restart_under_the_same_dtls(self):
        server = await self.serve()
        publisher = self.publish(server)
        await self.pictures(server, 25)
        before, etag = server.switch.current, server.etag
        publisher.say("restart")
        await self.until(lambda: publisher.last().get("restarts") == 1, "restart")
        self.assertIsNot(server.switch.current, before)
        server.switch.deaf.add(before)  # nothing hangs on the old path any more
        await self.pictures(server, 50)
        restart = server.seen("PATCH", 200)[0]
        self.assertEqual(restart[2]["if-match"], "*")
        self.assertNotEqual(server.etag, etag)
        self.assertNotEqual(re.search(r"a=ice-ufrag:(\S+)", restart[3])[1],
                            re.search(r"a=ice-ufrag:(\S+)", server.seen("POST")[0][3])[1])
        times = [picture[2] for picture in server.pictures]
        self.assertLess(max(b - a for a, b in zip(times, times[1:])), 1)
        self.assertEqual(await asyncio.to_thread(publisher.stop), 0, publisher.text())

    async def test_a_dead_path_is_restarted_without_being_asked(self):
        server = await self.serve()
        publisher = self.publish(server)
        await self.pictures(server, 25)
        server.cut()
        await self.until(lambda: publisher.last().get("restarts") == 1, "restart", 30)
        await self.pictures(server, 50)
        self.assertEqual(await asyncio.to_thread(publisher.stop), 0, publisher.text())

    async def test_a_post_follows_redirects(self):
        server = await self.serve(redirects=2, token=TOKEN)
        publisher = self.publish(server, token=TOKEN)
        await self.pictures(server, 5)
        self.assertEqual([r[4] for r in server.seen("POST")], [307, 307, 201])
        self.assertEqual(await asyncio.to_thread(publisher.stop), 0, publisher.text())
        self.assertEqual(server.seen("DELETE")[0][1], "/session/1")

    async def test_redirects_without_end_are_refused(self):
        server = await self.serve(redirects=1000)
        publisher = self.publish(server)
        self.assertEqual(await asyncio.to_thread(publisher.wait), 1)
        self.assertIn("publishing was refused: 307", publisher.text())
        self.assertLess(len(server.seen("POST")), 10)

    async def test_a_problem_is_told_with_its_code_and_detail(self):
        server = await self.serve(refuse=(503, "overloaded", "come back later"))
        publisher = self.publish(server)
        self.assertEqual(await asyncio.to_thread(publisher.wait), 1)
        self.assertIn("503 x: overloaded: come back later", publisher.text())

    async def test_a_session_that_is_gone_ends_the_program(self):
        server = await self.serve()
        publisher = self.publish(server)
        await self.pictures(server, 10)
        server.ended = True
        publisher.say("restart")
        self.assertEqual(await asyncio.to_thread(publisher.wait), 1)
        self.assertIn("the server has ended the session: 404", publisher.text())

    async def test_ice_servers_of_the_answer_are_taken_for_a_restart(self):
        loop = asyncio.get_running_loop()
        asked = asyncio.Event()

        class Stun(asyncio.DatagramProtocol):
            def datagram_received(self, data, addr):
                if data[:2] == b"\x00\x01":
                    asked.set()

        transport, _ = await loop.create_datagram_endpoint(Stun, local_addr=("127.0.0.1", 0))
        self.addCleanup(transport.close)
        port = transport.get_extra_info("sockname")[1]
        server = await self.serve(links=[f'<stun:127.0.0.1:{port}>; rel="ice-server"'])
        publisher = self.publish(server)
        await self.pictures(server, 10)
        self.assertFalse(asked.is_set())
        publisher.say("restart")
        await asyncio.wait_for(asked.wait(), 10)
        await self.until(lambda: publisher.last().get("restarts") == 1, "restart")
        self.assertEqual(await asyncio.to_thread(publisher.stop), 0, publisher.text())


class Usage(unittest.TestCase):
    def run_with(self, *options):
        return subprocess.run([f"{BIN}/souk-publish", *options], capture_output=True, text=True, timeout=20,
                              env={**os.environ, "LSAN_OPTIONS": "detect_leaks=0"})

    def test_help_and_version(self):
        self.assertEqual(self.run_with("--help").returncode, 0)
        self.assertRegex(self.run_with("--version").stdout, r"^souk-publish \d")

    def test_bad_usage_is_status_2_and_one_line(self):
        for options in (["--file", "x"], ["--url", "http://127.0.0.1:1/w"], ["--url", "ftp://x/", "--file", "x"],
                        ["--url", "http://127.0.0.1:1/w", "--pipeline", "nonsense ! fakesink"],
                        ["--url", "http://127.0.0.1:1/w", "--pipeline", "videotestsrc ! fakesink"],
                        ["--url", "http://127.0.0.1:1/w", "--file", "x", "--ice-server", "http://x"],
                        ["--url", "http://127.0.0.1:1/w", "--file", "x", "--bind", "nowhere"]):
            done = self.run_with(*options)
            self.assertEqual(done.returncode, 2, (options, done.stderr))
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_a_file_that_is_not_there_and_a_server_that_is_not_there(self):
        done = self.run_with("--url", "http://127.0.0.1:1/w", "--file", "/nonexistent.mp4")
        self.assertEqual(done.returncode, 1)
        self.assertIn("source:", done.stderr)
        started = time.monotonic()
        done = self.run_with("--url", "http://127.0.0.1:1/w", "--pipeline", pipeline())
        self.assertEqual(done.returncode, 1)
        self.assertIn("publishing was refused", done.stderr)
        self.assertLess(time.monotonic() - started, 10)


if __name__ == "__main__":
    unittest.main()
