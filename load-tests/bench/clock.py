"""Cards, pictures and sound at every output against the instant that they belong to."""
import json
import os
import subprocess

import lipsync
import opus_hour
from processes import Children, machine
from souk_server import OUT, ROOT

PARTS = ("events", "skew", "hour")


def events(options):
    """By Chromium on both sides (clock.mjs prints). Whether all held."""
    child = subprocess.run(
        ["node", ROOT / "load-tests" / "bench" / "clock.mjs", "--json", OUT / "clock-events.json"],
        env={**os.environ, "SOUKD": str(options["bin"] / "soukd"),
             "SOUK_WEB": os.environ.get("SOUK_WEB", str(ROOT / "web" / "dist"))}, check=False)
    return child.returncode == 0


def skew(options):
    children = Children(options["nice"])
    try:
        rows = lipsync.bench(children, options)
    finally:
        children.end_all()
    (OUT / "clock-skew.json").write_text(json.dumps(rows, indent=2) + "\n")
    return all(row["held"] for row in rows)


def hour(options):
    return opus_hour.bench(options)["held"]


def bench(options):
    machine()
    OUT.mkdir(parents=True, exist_ok=True)
    parts = {"events": events, "skew": skew, "hour": hour}
    wanted = options["only"] or (["skew"] if options["minutes"] else PARTS)
    held = [parts[name](options) for name in PARTS if name in wanted]
    return 0 if all(held) else 1
