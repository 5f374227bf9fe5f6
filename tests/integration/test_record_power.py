"""A show is recorded on a disk whose power is cut SOUK_CUTS times (3): it plays up to less than 2 s before."""
import os
import pathlib
import signal
import tempfile
import time

from power_disk import Disk, need_mounts
from recording import spans
from souk import Publisher, Server, until

CUTS = int(os.environ.get("SOUK_CUTS", "3"))


class Machine:
    """The server as the disk's power cut sees it."""

    def __init__(self, server):
        self.server = server

    def stop(self):
        self.server.process.send_signal(signal.SIGSTOP)


def index_of(path):
    """End of the last part that the index names, in microseconds UTC; 0: none."""
    parts = [line.split() for line in path.with_suffix(".idx").read_text().split("\n") if line.startswith("P ")]
    return int(parts[-1][4]) + int(parts[-1][5]) if parts else 0


def cut_once(server, disk, host, turn):
    files = lambda: sorted(pathlib.Path(server.data).glob("recordings/demo/*/*.mp4"))
    publisher = Publisher(server, "demo", host, seconds=60)
    try:
        path = until(lambda: files()[turn:], "a file", 20)[0]
        until(lambda: index_of(path) - int(path.stem) > 2500000, "some seconds", 20)
        time.sleep(0.37 * turn)  # the cut falls anywhere between two syncs
        cut_us = time.time() * 1e6
        disk.cut(Machine(server))
        server.stop(signal.SIGKILL)
    finally:
        publisher.stop()
    disk.unmount()
    disk.mount()
    wanted = (cut_us - int(path.stem)) / 1e6 - 2
    seen, named = spans(str(path)), (index_of(path) - int(path.stem)) / 1e6
    print(f"cut after {wanted + 2:.2f} s: {seen['v']:.2f} s of pictures, {seen['a']:.2f} s of sound, index {named:.2f} s")
    assert min(seen["v"], seen["a"] + 0.1, named) >= wanted, "more than 2 s are gone"
    server.start()


def run(work):
    disk = Disk(work)
    server = Server("--record-reserve-mb", "0", data=str(disk.at / "data"))
    try:
        os.mkdir(server.data)
        server.start()
        host = server.token("demo", "host", "anna")
        status, _, body = server.request("POST", "/api/rooms", {"id": "demo", "record": True}, server.token())
        assert status == 201, body
        os.sync()
        for turn in range(CUTS):
            cut_once(server, disk, host, turn)
        assert server.stop() == 0
    finally:
        if server.process:
            server.stop(signal.SIGKILL)
        disk.close()


if __name__ == "__main__":
    need_mounts()
    with tempfile.TemporaryDirectory(prefix="souk-cut-") as place:
        run(pathlib.Path(place))
