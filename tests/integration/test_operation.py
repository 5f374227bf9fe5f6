"""The life of the process: draining, being killed, two workers and one, the admin address."""
import glob
import http.client
import json
import re
import signal
import sqlite3
import subprocess
import threading
import time
import unittest

from flv import FlvReader
from souk import BIN, WAIT_S, RoomTest, Server, until
from websocket import WebSocket


class Buyers:
    """Threads that place orders, each on a connection that lives, until the server goes away."""

    def __init__(self, server, count):
        self.server = server
        self.placed = []  # ids of orders that were answered with 201
        self.statuses = set()
        self.stop = False
        self.tokens = [server.token("demo", "viewer", f"buyer-{i}") for i in range(count)]
        self.threads = [threading.Thread(target=self.buy, args=(i,)) for i in range(count)]
        for thread in self.threads:
            thread.start()

    def buy(self, number):
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=WAIT_S)
        fields = {"Authorization": f"Bearer {self.tokens[number]}"}
        for i in range(10000):
            fields["Idempotency-Key"] = f"{number}-{i}"
            try:
                connection.request("POST", "/api/rooms/demo/orders", '{"sku":"A1","qty":1}', fields)
                reply = connection.getresponse()
                body = json.loads(reply.read())
            except (OSError, http.client.HTTPException):
                return  # gone: the outcome of this one is not known
            self.statuses.add(reply.status)
            if reply.status == 201:
                self.placed.append(body["id"])
            elif reply.status == 429:
                time.sleep(0.1)
            if self.stop:
                return

    def join(self):
        for thread in self.threads:
            thread.join(WAIT_S)


class Restart(RoomTest):
    def restart(self, sig):
        status = self.server.stop(sig)
        self.server.start()
        return status

    def check_store(self):
        done = subprocess.run([f"{BIN}/soukd", "check", "--data", self.server.data], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout)

    def order_ids(self):
        ids, after = [], ""
        while True:
            _, _, page = self.server.request("GET", f"/api/orders?room=demo&limit=200{after}", token=self.host)
            ids += [order["id"] for order in page["items"]]
            if not page["next"]:
                return ids
            after = f"&after={page['next']}"

    def test_draining_under_load_answers_what_is_on_its_way_and_exits_0(self):
        self.make_product("B2", stock=1)
        self.server.request("PATCH", "/api/rooms/demo/products/A1", {"restock": 100000}, self.host)
        buyers = Buyers(self.server, 8)
        until(lambda: len(buyers.placed) > 60, "orders")
        self.assertEqual(self.restart(signal.SIGTERM), 0)
        buyers.stop = True
        buyers.join()
        self.assertLessEqual(buyers.statuses, {201, 429})
        self.assertEqual(set(buyers.placed) - set(self.order_ids()), set(), "acknowledged orders are gone")
        self.check_store()

    def test_an_order_by_socket_is_answered_though_the_server_drains(self):
        socket = WebSocket(self.server, f"/ws/demo?token={self.viewer}")
        self.addCleanup(socket.close)
        socket.until("state")
        socket.send("order.place", key="last", sku="A1", qty=1)
        self.server.process.send_signal(signal.SIGTERM)
        seen = {}
        try:
            while True:
                message = socket.message()
                seen[message["type"]] = message["data"]
        except ConnectionError as closed:
            self.assertEqual(closed.args[0], 1001)
        self.assertEqual(seen["order.result"]["status"], 201)
        self.assertEqual(seen["drain"], {"url": None})
        self.assertEqual(self.restart(signal.SIGTERM), 0)
        self.assertIn(seen["order.result"]["body"]["id"], self.order_ids())

    def test_asked_twice_it_ends_at_once(self):
        self.server.process.send_signal(signal.SIGTERM)
        begin = time.monotonic()
        self.assertEqual(self.restart(signal.SIGINT), 0)
        self.assertLess(time.monotonic() - begin, 5)

    def test_drain_with_viewers_and_a_host_ends_them_in_order(self):
        self.publish(seconds=60)
        reader = FlvReader(self.server)
        self.addCleanup(reader.close)
        next(iter(reader.pictures()))
        self.assertEqual(self.restart(signal.SIGTERM), 0)
        with self.assertRaises(ConnectionError):
            while True:
                reader.tag()
        self.assertEqual(self.state()["state"], "lost")

    def test_a_killed_server_keeps_orders_and_a_live_room_is_lost(self):
        self.publish(seconds=60)
        orders = {self.order(f"k{i}")[2]["id"] for i in range(5)}
        epoch = self.server.request("GET", "/api/rooms/demo")[2]["epoch"]
        self.restart(signal.SIGKILL)
        room = self.server.request("GET", "/api/rooms/demo")[2]
        self.assertEqual((room["state"], room["epoch"]), ("lost", epoch))
        self.assertEqual(set(self.order_ids()), orders)
        self.assertEqual(self.order("k0")[1]["Idempotency-Replayed"], "true")
        self.publish(seconds=20)
        self.assertEqual(self.server.request("GET", "/api/rooms/demo")[2]["epoch"], epoch + 1)
        self.check_store()

    def test_a_lost_room_ends_after_its_grace_time(self):
        self.server.request("PATCH", "/api/rooms/demo", {"host_grace_s": 1}, self.host)
        self.publish(seconds=60)
        self.restart(signal.SIGKILL)
        until(lambda: self.state()["state"] == "ended", "ended")

    def test_the_store_of_a_newer_server_is_refused(self):
        self.server.stop()
        files = glob.glob(f"{self.server.data}/*.db")
        self.assertEqual(len(files), 1)
        with sqlite3.connect(files[0]) as db:
            db.execute(f"PRAGMA user_version = {db.execute('PRAGMA user_version').fetchone()[0] + 1}")
        db.close()
        with self.assertRaises(RuntimeError):
            self.server.start()
        self.assertEqual(self.server.process.wait(10), 1)
        self.assertIn("newer", self.server.errors())
        self.server.process.stdout.close()
        self.server.log.close()
        self.server.process = None


class Admin(RoomTest):
    def admin_get(self, path):
        port = int(self.server.ready["admin"].rsplit(":", 1)[1])
        return self.server.request("GET", path, port=port)

    def metric(self, name):
        text = self.admin_get("/metrics")[2].decode()
        return sum(float(value) for value in re.findall(rf"^{name} (\S+)$", text, re.M))

    def test_health_and_metrics_are_told_there_alone(self):
        self.assertEqual((self.admin_get("/livez")[0], self.admin_get("/readyz")[0]), (200, 200))
        self.assertEqual(self.server.request("GET", "/metrics")[0], 404)
        text = self.admin_get("/metrics")[2].decode()
        for line in text.splitlines():
            self.assertRegex(line, r"^(# (HELP|TYPE) [a-z0-9_]+ .+|[a-z0-9_]+(\{[a-z_]+=\"[^\"]*\"(,[a-z_]+=\"[^\"]*\")*\})? -?\d+)$")
        names = re.findall(r"^# TYPE (\S+)", text, re.M)
        self.assertEqual(len(names), len(set(names)), "a name is described once")

    def test_draining_is_not_ready(self):
        port = int(self.server.ready["admin"].rsplit(":", 1)[1])
        kept = http.client.HTTPConnection(self.server.host, port, timeout=WAIT_S)
        kept.request("GET", "/readyz")
        kept.getresponse().read()
        self.server.process.send_signal(signal.SIGTERM)
        until(lambda: self.draining(kept), "not ready", 5)
        kept.close()

    @staticmethod
    def draining(connection):
        connection.request("GET", "/readyz")
        reply = connection.getresponse()
        return (reply.status, reply.read()) == (503, b"draining\n")

    def test_what_happens_is_counted(self):
        self.publish(seconds=30)
        reader = FlvReader(self.server)
        self.addCleanup(reader.close)
        socket = WebSocket(self.server, "/ws/demo")
        self.addCleanup(socket.close)
        self.order("k1")
        next(iter(reader.pictures()))
        until(lambda: self.metric(r"souk_viewers\{.*\}") == 1, "a viewer")
        until(lambda: self.metric(r"souk_websockets\{.*\}") == 1, "a socket")
        self.assertEqual(self.metric("souk_publishers"), 1)
        self.assertEqual(self.metric("souk_orders_total"), 1)
        until(lambda: self.metric(r'souk_frames_in_total\{kind="video"\}') > 10, "frames")
        self.assertGreater(self.metric("souk_flv_bytes_total"), 1000)
        self.assertGreater(self.metric(r"souk_http_requests_total\{.*\}"), 5)
        self.assertEqual(self.metric(r'souk_cap\{cap="http_body_bytes"\}'), 65536)
        before = self.metric(r'souk_frames_in_total\{kind="video"\}')
        self.server.request("DELETE", "/api/rooms/demo", token=self.admin)
        self.assertGreaterEqual(self.metric(r'souk_frames_in_total\{kind="video"\}'), before, "counters never fall")


class RoomDeleted(RoomTest):
    def test_watchers_of_a_deleted_room_are_ended_and_a_new_one_of_that_name_is_another(self):
        publisher = self.publish(seconds=60)
        readers = [FlvReader(self.server) for _ in range(5)]
        socket = WebSocket(self.server, "/ws/demo")
        for each in (*readers, socket):
            self.addCleanup(each.close)
        next(iter(readers[0].pictures()))
        self.assertEqual(self.server.request("DELETE", "/api/rooms/demo", token=self.admin)[0], 204)
        self.assertEqual(socket.close_code(), 4404)
        for reader in readers:
            with self.assertRaises(ConnectionError):
                while True:
                    reader.tag()
        publisher.process.wait(WAIT_S)
        self.make_room("demo")
        room = self.server.request("GET", "/api/rooms/demo")[2]
        self.assertEqual((room["state"], room["viewers"]), ("idle", 0))


class Waiting(RoomTest):
    OPTIONS = ("--workers", "1")

    def first_state(self, reader):
        return next(message for message in reader.messages() if message["type"] == "state")["data"]["state"]

    def test_a_viewer_that_waits_for_its_host_is_told_the_state_though_others_came_later(self):
        self.make_room("second")
        self.publish(seconds=60)
        self.server.stop(signal.SIGKILL)
        self.server.start()  # the room is lost, and there is no picture of it
        waiting = FlvReader(self.server, begin=False)
        self.addCleanup(waiting.close)
        until(lambda: self.server.request("GET", "/api/rooms/demo")[2]["viewers"] == 1, "it waits")
        host, self.host = self.host, self.server.token("second", "host", "berta")
        self.publish("second", seconds=60)
        later = FlvReader(self.server, "/live/second.flv")
        self.addCleanup(later.close)
        self.assertEqual(self.first_state(later), "live")
        self.host = host
        self.publish(seconds=60)
        waiting.begin()
        self.assertEqual(self.first_state(waiting), "live")


class Workers:
    """What holds however many workers there are."""

    SID = "abcdefgh12"

    def test_a_socket_gets_the_clock_of_the_media_session_it_names(self):
        self.publish(seconds=60)
        for _ in range(6):  # the kernel spreads connections: same and different workers
            socket = WebSocket(self.server, "/ws/demo")
            self.addCleanup(socket.close)
            reader = FlvReader(self.server, f"/live/demo.flv?sid={self.SID}")
            self.addCleanup(reader.close)
            clock = next(message for message in reader.messages() if message["type"] == "clock")["data"]
            self.assertEqual(clock["sid"], self.SID)
            socket.send("join", sid=self.SID)
            begin = time.monotonic()
            named = socket.until("clock", sid=self.SID)["data"]
            self.assertLess(time.monotonic() - begin, 2, "at once, not with the next round")
            self.assertGreater(named["first_sent_capture_us"], 0)
            self.assertEqual(named["epoch"], clock["epoch"])
            reader.close()
            socket.close()

    def test_viewers_of_all_workers_are_counted_and_hear_everything(self):
        self.publish(seconds=60)
        readers = [FlvReader(self.server) for _ in range(8)]
        sockets = [WebSocket(self.server, "/ws/demo") for _ in range(8)]
        for each in readers + sockets:
            self.addCleanup(each.close)
        until(lambda: self.server.request("GET", "/api/rooms/demo")[2]["viewers"] == 8, "eight viewers")
        self.server.request("POST", "/api/rooms/demo/pin", {"sku": "A1"}, self.host)
        for socket in sockets:
            self.assertEqual(socket.until("product.pin")["data"]["sku"], "A1")
        for reader in readers:
            reader.close()
        until(lambda: self.server.request("GET", "/api/rooms/demo")[2]["viewers"] == 0, "they left")


class OneWorker(Workers, RoomTest):
    OPTIONS = ("--workers", "1")


class TwoWorkers(Workers, RoomTest):
    OPTIONS = ("--workers", "2")

    def test_each_worker_has_its_udp_port(self):
        self.assertEqual(len(set(self.server.ready["udp"])), 2)


del Workers  # its tests run in the two classes above

if __name__ == "__main__":
    unittest.main()
