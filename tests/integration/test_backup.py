"""soukd backup, restore and export with the real program: beside a server that sells."""
import csv
import io
import json
import os
import shutil
import stat
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from souk import BIN, RoomTest, Server


def soukd(*words):
    done = subprocess.run([f"{BIN}/soukd", *map(str, words)], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


class Buyer(threading.Thread):
    """Buys until it is told to end; ids of what was acknowledged, in their order."""

    def __init__(self, test, name):
        super().__init__()
        self.test, self.name_, self.ids, self.over = test, name, [], threading.Event()
        self.token = test.server.token("demo", "viewer", name)

    def run(self):
        while not self.over.is_set():
            answer = self.test.order(f"k{len(self.ids)}", self.token)
            if answer[0] == 201:
                self.ids.append(answer[2]["id"])
            elif answer[0] != 429:
                return


class Backup(RoomTest):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="souk-backup-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.to = self.folder / "b1"
        self.data = Path(self.server.data)

    def backup(self, *words, expect=0):
        status, out, errors = soukd("backup", "--data", self.data, "--to", self.to, *words)
        self.assertEqual(status, expect, out + errors)
        return out, errors

    def restored(self, *words):
        """A server over what the backup says."""
        data = self.folder / "shop"
        status, out, errors = soukd("restore", "--data", data, "--from", self.to, *words)
        self.assertEqual(status, 0, out + errors)
        self.assertEqual(soukd("check", "--data", data)[0], 0)
        server = Server(data=str(data)).start()
        self.addCleanup(server.close)
        return server

    def ids_of(self, server):
        status, out, errors = soukd("export", "--data", server.data)
        self.assertEqual(status, 0, errors)
        return [json.loads(line)["id"] for line in out.splitlines()]

    def test_orders_that_were_acknowledged_before_are_there_after(self):
        self.make_product("B2", stock=1000000)
        buyers = [Buyer(self, f"buyer-{i}") for i in range(4)]
        for buyer in buyers:
            buyer.start()
        try:
            self.assertEqual(self.order("first")[0], 201)
            for number in range(3):
                before = {order for buyer in buyers for order in list(buyer.ids)}
                self.backup("--force")
                self.assertEqual(soukd("check", "--data", self.to)[0], 0)
        finally:
            for buyer in buyers:
                buyer.over.set()
                buyer.join()
        server = self.restored()
        there = self.ids_of(server)
        self.assertEqual(len(there), len(set(there)))
        self.assertLessEqual(before, set(there))
        product = server.request("GET", "/api/rooms/demo/products")[2]["items"][0]
        self.assertEqual(product["left"], 100 - len(there))
        # The old token is still good: the key came along.
        self.assertEqual(server.request("GET", f"/api/orders/{there[0]}", token=self.host)[0], 200)
        self.assertEqual(os.listdir(self.folder).count("b1"), 1)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("b1.")], [])

    def test_what_is_in_a_backup(self):
        (self.data / "files").mkdir()
        (self.data / "files" / "a1.png").write_bytes(b"picture")
        (self.data / "recordings" / "demo" / "1").mkdir(parents=True)
        (self.data / "recordings" / "demo" / "1" / "2.mp4").write_bytes(b"show")
        self.backup()
        self.assertEqual(sorted(os.listdir(self.to)), ["files", "jwt.key", "souk.db"])
        self.assertEqual(stat.S_IMODE((self.to / "jwt.key").stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.to.stat().st_mode), 0o700)
        self.assertEqual((self.to / "jwt.key").read_text(), (self.data / "jwt.key").read_text())
        self.backup("--recordings", "--force")
        self.assertEqual((self.to / "recordings" / "demo" / "1" / "2.mp4").read_bytes(), b"show")
        server = self.restored()
        self.assertEqual(server.request("GET", "/files/a1.png")[2], b"picture")

    def test_nothing_is_overwritten_unasked(self):
        self.backup()
        _, errors = self.backup(expect=1)
        self.assertIn("--force", errors)
        shutil.rmtree(self.to)
        self.to.mkdir()
        self.backup()  # an empty place is free
        shutil.rmtree(self.to)
        self.to.mkdir()
        (self.to / "letters").write_text("mine")
        _, errors = self.backup("--force", expect=1)
        self.assertIn("not a backup", errors)
        self.assertEqual((self.to / "letters").read_text(), "mine")
        self.to = self.data
        _, errors = self.backup("--force", expect=1)
        self.assertIn("not a backup", errors)
        self.to = self.folder / "none" / "b1"
        self.backup(expect=1)
        self.assertEqual(soukd("backup", "--data", self.data)[0], 2)
        self.assertEqual(soukd("backup", "--data", self.folder / "none", "--to", self.folder / "b2")[0], 1)
        self.assertFalse((self.folder / "b2").exists())

    def test_a_directory_in_use_or_with_a_shop_is_not_restored_into(self):
        self.backup()
        status, _, errors = soukd("restore", "--data", self.data, "--from", self.to, "--force")
        self.assertEqual(status, 1)
        self.assertIn(f"in use by process {self.server.process.pid}", errors)
        self.assertEqual(self.order("k1")[0], 201)
        self.assertEqual(self.server.stop(), 0)
        status, _, errors = soukd("restore", "--data", self.data, "--from", self.to)
        self.assertEqual(status, 1)
        self.assertIn("--force", errors)
        self.assertEqual(len(self.ids_of(self.server)), 1)
        status, out, errors = soukd("restore", "--data", self.data, "--from", self.to, "--force")
        self.assertEqual(status, 0, out + errors)
        self.assertEqual(self.ids_of(self.server), [])
        self.server.start()
        self.assertEqual(self.order("k1")[0], 201)
        self.assertEqual(soukd("restore", "--data", self.data)[0], 2)
        self.assertEqual(soukd("restore", "--data", self.folder / "x", "--from", self.folder / "none")[0], 1)
        self.assertFalse((self.folder / "x").exists())

    def test_a_damaged_backup_is_not_restored(self):
        self.assertEqual(self.order("k1")[0], 201)
        self.backup()
        store = self.to / "souk.db"
        content = store.read_bytes()
        self.assertIn(b"CNY", content)
        store.write_bytes(content.replace(b"CNY", b"EUR"))
        data = self.folder / "shop"
        status, out, _ = soukd("restore", "--data", data, "--from", self.to)
        self.assertEqual(status, 1)
        self.assertIn("damaged", out)
        self.assertEqual(os.listdir(data), ["lock"])

    def test_export_beside_the_server(self):
        placed = self.order("k1")[2]
        self.make_room("other")
        status, out, errors = soukd("export", "--data", self.data, "--room", "demo")
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual([json.loads(line) for line in out.splitlines()], [placed])
        rows = list(csv.DictReader(io.StringIO(soukd("export", "--data", self.data, "--format", "csv")[1])))
        self.assertEqual([(row["id"], row["sku"], row["qty"], row["total_minor"]) for row in rows],
                         [(placed["id"], "A1", "1", "19900")])
        products = soukd("export", "--data", self.data, "--what", "products")[1]
        self.assertEqual(json.loads(products)["held"], 1)
        events = [json.loads(line) for line in
                  soukd("export", "--data", self.data, "--what", "events")[1].splitlines()]
        self.assertEqual([event["seq"] for event in events], list(range(1, len(events) + 1)))
        self.assertEqual(soukd("export", "--data", self.data, "--room", "other")[:2], (0, ""))
        for words, expect in ((["--room", "nowhere"], 1), (["--what", "coins"], 2),
                              (["--what", "events", "--format", "csv"], 2)):
            status, out, errors = soukd("export", "--data", self.data, *words)
            self.assertEqual((status, out), (expect, ""), words)
            self.assertTrue(errors)


if __name__ == "__main__":
    unittest.main()
