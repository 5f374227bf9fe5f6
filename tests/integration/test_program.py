"""soukd as a program: what it says to wrong options, who may share what, how it ends."""
import os
import re
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from flv import FlvReader
from souk import BIN, Publisher, RoomTest, Server, until

FREE = ["--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--admin", "127.0.0.1:0"]


def run(*options):
    done = subprocess.run([f"{BIN}/soukd", *options], capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout, done.stderr


class Options(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="souk-program-")
        self.addCleanup(folder.cleanup)
        self.data = folder.name

    def test_wrong_options_end_with_2_and_are_named(self):
        for options, name in (
                (["--bogus"], "--bogus"), (["--workers", "65"], "--workers"), (["--http", "nonsense"], "--http"),
                (["--https", "127.0.0.1:0"], "--https"), (["--tls-cert"], "--tls-cert"), (["extra"], "extra"),
                (["--advertise", "there"], "--advertise"), (["--config", "/nonexistent"], "--config"),
                (["token", "--room", "a", "--sub", "b", "--role", "king"], "--role"),
                (["token", "--room", "*", "--sub", "b", "--role", "host"], "--room"),
                (["token", "--room", "a b", "--sub", "b"], "--room"), (["token", "--room", "a", "--sub", "b c"], "--sub")):
            status, out, errors = run(*options)
            self.assertEqual((status, out), (2, ""), errors)
            self.assertIn(name, errors)

    def test_a_wrong_line_of_the_file_is_named(self):
        config = Path(self.data) / "souk.conf"
        for text, line in (("# ports\nworkers = 99\n", 2), ("\n\nbogus = 1\n", 3), ("workers\n", 1),
                           ("workers = 1\nworkers = 2\n", 2)):
            config.write_text(text)
            status, _, errors = run("--config", str(config))
            self.assertEqual(status, 2, errors)
            self.assertIn(f"{config}:{line}: ", errors)

    def test_help_and_version_are_no_errors(self):
        for options in (["--help"], ["--version"], ["token", "--help"], ["check", "--help"], ["backup", "--help"],
                        ["restore", "--help"], ["export", "--help"]):
            status, out, errors = run(*options)
            self.assertEqual((status, errors), (0, ""), options)
            self.assertTrue(out)

    def test_ports_and_data_are_not_shared(self):
        server = Server().start()
        self.addCleanup(server.close)
        status, _, errors = run(*FREE, "--data", server.data)
        self.assertEqual(status, 1)
        self.assertIn(f"data directory is in use dir={server.data} pid={server.process.pid}", errors)
        for option, addr in (("--http", server.ready["http"]), ("--rtmp", server.ready["rtmp"]),
                             ("--udp", server.ready["udp"][0]), ("--admin", server.ready["admin"])):
            status, out, errors = run(*FREE, "--data", self.data, option, addr)
            self.assertEqual((status, out), (1, ""), option)
            self.assertIn(addr.rsplit(":", 1)[1], errors)
            self.assertIn("Address already in use", errors)

    def as_nobody(self, *argv):
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", f"{BIN}/soukd", *argv],
                              capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout, done.stderr

    @unittest.skipIf(os.geteuid(), "skipped: only root can be somebody else")
    def test_the_data_of_another_user_is_named(self):
        server = Server(data=self.data).start()
        server.token()
        server.stop()
        os.chmod(self.data, 0o755)
        status, out, errors = self.as_nobody(*FREE, "--data", self.data)
        self.assertEqual((status, out), (1, ""))
        self.assertIn(f"file={self.data}/jwt.key reason=Permission denied", errors)
        for name in ("jwt.key", "souk.db"):
            os.chmod(f"{self.data}/{name}", 0o644)
        for command in ("check", "export"):
            self.assertEqual(self.as_nobody(command, "--data", self.data),
                             (1, "", f"soukd {command}: {self.data}: Permission denied\n"))
        status, out, errors = self.as_nobody(*FREE, "--data", self.data)
        self.assertEqual((status, out), (1, ""))
        self.assertIn(f"cannot open the store dir={self.data} reason=Permission denied", errors)
        os.chmod(self.data, 0o777)
        os.chmod(f"{self.data}/lock", 0o666)
        self.assertEqual(self.as_nobody(*FREE, "--data", self.data)[:2], (1, ""), "a store that can only be read")

    def test_udp_ports_beyond_the_last_one(self):
        status, _, errors = run(*FREE, "--data", self.data, "--udp", "127.0.0.1:65535", "--workers", "2")
        self.assertEqual(status, 1)
        self.assertIn("65536", errors)


class Clients(unittest.TestCase):
    def refused(self, *options):
        """What the log says of a request with a bad token that came through a proxy."""
        server = Server(*options).start()
        self.addCleanup(server.close)
        for way in ("198.51.100.7, 203.0.113.9", "203.0.113.10"):  # the second within a second: counted
            answer = server.request("GET", "/api/rooms", token="bad", headers={"X-Forwarded-For": way})
            self.assertEqual(answer[0], 401)
        until(lambda: "refused" in server.errors(), "a line in the log")
        return re.findall("info refused status=401 from=([0-9.]+) method=GET to=/api count=1 ", server.errors())[0]

    def test_an_address_is_believed_from_a_trusted_proxy_alone(self):
        self.assertEqual(self.refused("--workers", "1"), "127.0.0.1")
        self.assertEqual(self.refused("--workers", "1", "--trust-proxy", "10.0.0.0/8"), "127.0.0.1")
        self.assertEqual(self.refused("--workers", "1", "--trust-proxy", "10.0.0.0/8",
                                      "--trust-proxy", "127.0.0.0/8"), "203.0.113.9")


class Reload(unittest.TestCase):
    def test_sighup_takes_the_level_and_tells_what_else_changed(self):
        with tempfile.NamedTemporaryFile("w+", prefix="souk-conf-") as file:
            config = Path(file.name)
            config.write_text("log-level = warn\n")
            server = Server("--config", file.name).start()
            self.addCleanup(server.close)

            def says(text, *lines):
                config.write_text("".join(lines))
                server.process.send_signal(signal.SIGHUP)
                until(lambda: text in server.errors(), text)

            says(f"options not reloaded, the old ones stay why=\"{config}:2: ", "log-level = info\n", "bogus = 1\n")
            says("option changed, needs a restart name=viewers-max", "log-level = warn\n", "viewers-max = 7\n")
            self.assertNotIn(" info ", server.errors())
            says("needs a restart name=record-days", "log-level = debug\n", "record-days = 1\n")
            server.request("GET", "/api/rooms", token="bad")
            until(lambda: " info refused status=401" in server.errors(), "the new level")


class End(RoomTest):
    def test_sigterm_with_a_host_and_viewers_is_a_clean_end(self):
        self.publish(seconds=40)
        readers = [FlvReader(self.server) for _ in range(20)]
        for reader in readers:
            self.addCleanup(reader.close)
            next(reader.pictures())
        self.server.process.send_signal(signal.SIGHUP)  # nothing to reload, and nothing breaks
        next(readers[0].pictures())
        self.assertEqual(self.order("k1")[0], 201)
        self.assertEqual(self.server.stop(), 0)
        for reader in readers:
            with self.assertRaises(ConnectionError):
                for _ in reader.pictures():
                    pass
        self.server.start()
        self.assertEqual(self.state()["products"][0]["left"], 99)
        again = Publisher(self.server, "demo", self.host, seconds=20)
        self.addCleanup(again.stop)
        until(lambda: self.state()["state"] == "live", "live again")


if __name__ == "__main__":
    unittest.main()
