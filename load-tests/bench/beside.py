"""Two or more builds of soukd beside each other, their FLV viewers on the same two cores in the same seconds: what the
machine does to one it does to all, so a few percent show in half a minute that runs one after the other cannot tell."""
import time

from souk_server import LOAD_CORE, OUT, SERVER_CORE, Server

RAMP, SETTLE_S, SLICES = 250, 3, 4


def crowd(children, server, swarm, viewers, duration):
    return children.start(
        [swarm, "--server", f"http://{server.at['http']}", "--room", "bench", "--duration", f"{duration}s", "--ramp", RAMP,
         "--flv", viewers, "--json", OUT / "swarm-beside.json"], LOAD_CORE)


def slices(servers, seconds):
    """CPU seconds of each server in each slice of the time."""
    for _ in range(SLICES):
        before, began = [server.cpu_s() for server in servers], time.monotonic()
        time.sleep(seconds / SLICES)
        passed = time.monotonic() - began
        yield [(server.cpu_s() - was) / passed for server, was in zip(servers, before)]


def bench(children, options):
    rows, viewers = [], (options["viewers"] or [500])[0]
    print(f"{'batch':>5} {'ms/v·s':>7} {'of the first':>12}  build (core {SERVER_CORE}, {viewers} viewers each)")
    for batch in options["batch"]:
        servers = [Server(children, bindir, options=["--flv-batch-ms", str(batch)]) for bindir in options["builds"]]
        joins_s = viewers / RAMP
        duration = int(len(servers) * joins_s + SETTLE_S + options["seconds"] + 3)
        crowds = []
        for server in servers:
            crowds.append(crowd(children, server, options["builds"][0] / "souk-swarm", viewers, duration))
            time.sleep(joins_s)
        time.sleep(SETTLE_S)
        used = [1000 * sum(one) / SLICES / viewers for one in zip(*slices(servers, options["seconds"]))]
        for build, ms in zip(options["builds"], used):
            rows.append({"batch_ms": batch, "build": str(build), "cpu_ms_per_viewer_second": ms})
            print(f"{batch:5} {ms:7.3f} {ms / used[0]:12.3f}  {build}", flush=True)
        for swarm in crowds:
            children.end(swarm)
        for server in servers:
            server.end()
    return rows
