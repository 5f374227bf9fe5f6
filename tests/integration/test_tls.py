"""The same service over TLS: API, FLV, WebSocket, and a certificate that is exchanged while it runs."""
import http.client
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import unittest

from souk import RoomTest, until


def make_certificate(folder, name):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem", "-subj", f"/CN={name}",
         "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)


class Tls(RoomTest):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="souk-tls-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        make_certificate(self.folder, "first")
        self.OPTIONS = ("--https", "127.0.0.1:0", "--tls-cert", f"{self.folder}/cert.pem",
                        "--tls-key", f"{self.folder}/key.pem")
        super().setUp()
        self.port = int(self.server.ready["https"].rsplit(":", 1)[1])
        self.context = ssl._create_unverified_context()

    def connect(self):
        raw = socket.create_connection((self.server.host, self.port), timeout=10)
        return self.context.wrap_socket(raw)

    def subject(self):
        with self.connect() as connection:
            pem = ssl.DER_cert_to_PEM_cert(connection.getpeercert(binary_form=True))
        return subprocess.run(["openssl", "x509", "-noout", "-subject"], input=pem, text=True, check=True,
                              capture_output=True).stdout

    def get(self, path):
        connection = http.client.HTTPSConnection(self.server.host, self.port, timeout=10, context=self.context)
        connection.request("GET", path)
        reply = connection.getresponse()
        body = reply.read()
        connection.close()
        return reply.status, body

    def test_api_and_large_answers(self):
        self.assertEqual(self.get("/api/rooms/demo")[0], 200)
        for i in range(40):
            self.make_product(f"P{i}", stock=1, title="x" * 200)
        status, body = until(lambda: (lambda a: a if len(a[1]) > 12000 else None)(
            self.get("/api/rooms/demo/products?limit=200")), "the whole shelf")
        self.assertEqual((status, body.count(b'"sku"')), (200, 41))

    def test_flv_flows_and_is_the_same_as_without(self):
        self.publish(seconds=30)
        with self.connect() as connection:
            connection.sendall(b"GET /live/demo.flv HTTP/1.1\r\nHost: x\r\n\r\n")
            received = b""
            while len(received) < 300000:
                chunk = connection.recv(65536)
                self.assertTrue(chunk)
                received += chunk
        self.assertIn(b"\r\n\r\nFLV\x01\x05", received)

    def test_only_modern_versions_are_spoken(self):
        for version, spoken in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                                (ssl.TLSVersion.TLSv1_3, True)):
            context = ssl._create_unverified_context()
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
            self.context = context
            try:
                self.connect().close()
                self.assertTrue(spoken, version)
            except (ssl.SSLError, OSError):
                self.assertFalse(spoken, version)

    def test_a_new_certificate_is_taken_on_sighup_and_old_connections_live_on(self):
        old = http.client.HTTPSConnection(self.server.host, self.port, timeout=10, context=self.context)
        old.request("GET", "/api/rooms/demo")
        old.getresponse().read()
        make_certificate(self.folder, "second")
        self.server.process.send_signal(signal.SIGHUP)
        until(lambda: "second" in self.subject(), "the new certificate")
        old.request("GET", "/api/rooms/demo")
        self.assertEqual(old.getresponse().status, 200)
        old.close()
        os.truncate(f"{self.folder}/cert.pem", 10)
        self.server.process.send_signal(signal.SIGHUP)
        until(lambda: "not reloaded" in self.server.errors(), "the complaint")
        self.assertIn("second", self.subject())


if __name__ == "__main__":
    unittest.main()
