"""Orders against a soukd that is taken away again and again: what kill_orders and power_cut share."""
import json
import pathlib
import signal
import subprocess
import sys
import urllib.request

SKIPPED = 77  # CTest's SKIP_RETURN_CODE
ROOM, SKU, STOCK = "shop", "A1", 1_000_000
BUYERS, RATE = 100, 200


def skip(reason):
    print("skipped:", reason)
    sys.exit(SKIPPED)


class Failure(Exception):
    pass


class Shop:
    """A server with one product that keeps its port over restarts, and a swarm that buys."""

    def __init__(self, soukd, swarm, data, work, options=()):
        self.soukd, self.swarm_program = soukd, swarm
        self.data, self.work, self.options = pathlib.Path(data), pathlib.Path(work), options
        self.acks = self.work / "acks"
        self.http = "127.0.0.1:0"
        self.server = self.swarm = None
        self.log = open(self.work / "soukd.log", "a")

    def start(self):
        self.server = subprocess.Popen(
            [self.soukd, "--data", self.data, "--workers", "1", "--http", self.http,
             "--rtmp", "127.0.0.1:0", "--udp", "127.0.0.1:0", "--admin", "127.0.0.1:0",
             *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.server.stdout.readline()
        if not line.startswith("ready "):
            raise Failure("soukd did not start: see soukd.log")
        self.http = json.loads(line[6:])["http"]

    def stock(self):
        self.token = subprocess.check_output(
            [self.soukd, "token", "--data", self.data, "--room", "*", "--role", "admin", "--sub",
             "test", "--ttl", "1h"], text=True).strip()
        self.call("POST", "/api/rooms", {"id": ROOM, "guest_orders": True, "hold_s": 3600})
        self.call("POST", f"/api/rooms/{ROOM}/products",
                  {"sku": SKU, "title": "Tea", "price": {"minor": 100, "cur": "CNY"},
                   "stock": STOCK})

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://{self.http}{path}", json.dumps(body).encode() if body else None,
            {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"},
            method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def buy(self):
        self.swarm = subprocess.Popen(
            [self.swarm_program, "--server", f"http://{self.http}", "--room", ROOM, "--sku", SKU,
             "--buyers", str(BUYERS), "--orders-per-s", str(RATE), "--duration", "1h", "--acks",
             self.acks, "--json", self.work / "swarm.json"],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def acknowledged(self):
        """Key -> order id; a line that is still being written does not count."""
        if not self.acks.exists():
            return {}
        text = self.acks.read_text()
        lines = text[:text.rfind("\n") + 1].splitlines()
        pairs = dict(line.split() for line in lines)
        if len(pairs) != len(lines):
            raise Failure("a key was acknowledged twice")
        return pairs

    def stop(self):
        """From now on the server runs no instruction of its own."""
        self.server.send_signal(signal.SIGSTOP)

    def kill(self):
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()
        self.server = None

    def finish_buying(self):
        """Ends the swarm once all it sent is acknowledged; what it counted."""
        self.swarm.send_signal(signal.SIGTERM)
        _, said = self.swarm.communicate(timeout=60)
        self.swarm = None
        orders = json.loads((self.work / "swarm.json").read_text())["orders"]
        if orders["issued"] != orders["acknowledged"]:
            raise Failure(f"not all acknowledged: {orders}\n{said[-2000:]}")
        return orders

    def orders(self):
        """Ids of all orders of the room."""
        ids, after = [], ""
        while True:
            page = self.call("GET", f"/api/orders?room={ROOM}&limit=200{after}")
            ids += [order["id"] for order in page["items"]]
            if not page["next"]:
                return ids
            after = f"&after={page['next']}"

    def missing(self):
        """Acknowledged orders that are not there."""
        return set(self.acknowledged().values()) - set(self.orders())

    def verify(self):
        """Everything acknowledged is there, nothing twice, the stock adds up; returns how many."""
        acknowledged, orders = self.acknowledged(), self.orders()
        if len(set(acknowledged.values())) != len(acknowledged):
            raise Failure("two keys got the same order")
        missing = self.missing()
        if missing:
            raise Failure(f"{len(missing)} of {len(acknowledged)} acknowledged orders are gone")
        if len(orders) != len(set(orders)) or len(orders) != len(acknowledged):
            raise Failure(f"{len(orders)} orders for {len(acknowledged)} keys")
        some = sorted(acknowledged.values())[::max(1, len(acknowledged) // 20)]
        for order in some:
            if self.call("GET", f"/api/orders/{order}")["id"] != order:
                raise Failure(f"order {order} reads as another")
        products = self.call("GET", f"/api/rooms/{ROOM}/products")["items"]
        product = next(product for product in products if product["sku"] == SKU)
        if product["left"] < 0 or product["left"] != STOCK - len(orders):
            raise Failure(f"stock does not add up: {product}, {len(orders)} orders")
        return len(orders)

    def check(self):
        """The server goes; its own check of the data must agree."""
        self.server.send_signal(signal.SIGTERM)
        status = self.server.wait(30)
        self.server.stdout.close()
        self.server = None
        said = (self.work / "soukd.log").read_text()
        if status or "Sanitizer" in said or "runtime error:" in said:
            raise Failure(f"soukd ended with {status}, see soukd.log")
        check = subprocess.run([self.soukd, "check", "--data", self.data],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if check.returncode:
            raise Failure(f"soukd check: exit {check.returncode}\n{check.stdout}")

    def close(self):
        for child in (self.swarm, self.server):
            if child:
                child.kill()
                child.wait()
        self.swarm = self.server = None
        self.log.close()
