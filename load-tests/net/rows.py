"""The conditions that a show has to pass, and what must hold in each. Times count from the end of the joins."""
from dataclasses import dataclass, field

OUTAGE_ROOM_S = 8  # what is watched behind an outage


@dataclass
class Row:
    name: str
    what: str
    base: str = "both delay=25"  # from before the joins on
    changes: list = field(default_factory=list)  # (second, "both loss=0.01" | "port" | "address" | "asleep" | "awake" | "no udp")
    seconds: int = 0  # 0: what the command line says
    limits: dict = field(default_factory=dict)  # figure: the most it may be
    outage: tuple = ()  # (begins, ends)
    viewers: str = "whep"  # or flv
    uplink: bool = False  # it is the host's link, and the viewers are beside the server
    router: bool = False  # behind a NAT router that changes
    wide_s: float = 0  # the link is as wide as at first again
    page: bool = False  # Chromium has opened the room page, which restarts ICE by itself
    alone: bool = False  # one viewer has the link to himself, and nobody orders
    layers: bool = False  # the host sends three
    group_s: int = 2  # between two keyframes of the host
    fitting: tuple = ()  # (second, second, height): what should be shown between them
    trace: bool = False  # it follows the trace like 5G, whose silences are nobody's freezes


def loss(name, what, settings, **limits):
    return Row(name, what, f"both delay={settings.pop('delay')}",
               [(0, "both " + " ".join(f"{key}={value}" for key, value in settings.items()))], limits=limits)


def outage(name, seconds, resume_s, beside="", way="both", **options):
    return Row(name, f"outage of {seconds:g} s{beside}", changes=[(3, f"{way} down=1"), (3 + seconds, f"{way} down=0")],
               seconds=int(3 + seconds + OUTAGE_ROOM_S), outage=(3, 3 + seconds), limits={"resume_s": resume_s, "ended": 0}, **options)


def bursts(every_s, seconds_down, count):
    """Outages as short as thirty packets."""
    return [change for at in range(every_s, every_s * (count + 1), every_s)
            for change in ((at, "a->b down=1"), (at + seconds_down, "a->b down=0"))]


def rates(direction="a->b"):
    """5 -> 1 -> 0.3 -> 5 Mbit/s."""
    return [(0, f"{direction} rate=5000 q=64"), (10, f"{direction} rate=1000 q=64"), (25, f"{direction} rate=300 q=64"),
            (40, f"{direction} rate=5000 q=64")]


ROWS = [
    Row("N0a", "clean, round trip 20 ms", "both delay=10", limits={"freeze": 0, "loss": 0}),
    Row("N0b", "clean, round trip 50 ms", limits={"freeze": 0, "loss": 0}),
    Row("N0c", "clean, round trip 150 ms", "both delay=75", limits={"freeze": 0, "loss": 0}),
    loss("N1", "loss 1 %, round trip 50 ms", {"delay": 25, "loss": 0.01}, freeze=0.2, ended=0),
    loss("N2a", "loss 5 %, round trip 20 ms", {"delay": 10, "loss": 0.05}, freeze=0.5, ended=0),
    loss("N2b", "loss 5 %, round trip 50 ms", {"delay": 25, "loss": 0.05}, freeze=1, ended=0),
    loss("N2c", "loss 5 %, round trip 150 ms", {"delay": 75, "loss": 0.05}, freeze=3, ended=0),
    loss("N3", "loss 10 %, round trip 50 ms", {"delay": 25, "loss": 0.1}, freeze=3, concealed=2, ended=0),
    loss("N4", "loss 30 %, round trip 50 ms", {"delay": 25, "loss": 0.3}, freeze=20, concealed=8, longest_s=2, ended=0),
    loss("N5a", "bursts of loss, 7.4 % in all", {"delay": 25, "p": 0.02, "r": 0.25}, freeze=4, ended=0),
    Row("N5b", "30 packets lost every 5 s", changes=bursts(5, 0.23, 3), seconds=20, limits={"longest_s": 0.63, "ended": 0}),
    loss("N6a", "jitter 30 ms", {"delay": 25, "jitter": 30}, freeze=0.5, asked=20, ended=0),
    loss("N6b", "jitter 100 ms", {"delay": 25, "jitter": 100}, freeze=2, asked=20, ended=0),
    loss("N6c", "jitter 30 ms, 5 % out of order", {"delay": 25, "jitter": 30, "reorder": 0.05}, freeze=2, asked=20, ended=0),
    loss("N6d", "5 % twice", {"delay": 25, "duplicate": 0.05}, freeze=0, asked=1, ended=0),
    loss("N6e", "30 % twice", {"delay": 25, "duplicate": 0.3}, freeze=0, asked=1, ended=0),
    Row("N7", "5, 1, 0.3, 5 Mbit/s", changes=rates(), seconds=60, alone=True, wide_s=40,
        limits={"up_s": 15, "concealed": 2, "ended": 0}),
    Row("N7s", "the same with a host of three layers", changes=rates(), seconds=60, alone=True, wide_s=40, layers=True,
        fitting=((10, 25, 360), (25, 40, 180)), limits={"down_s": 3, "up_s": 15, "concealed": 2, "ended": 0}),
    outage("N8a", 0.3, 0.3),
    outage("N8b", 1, 0.5),
    outage("N8c", 5, 1.5),
    outage("N8d", 20, 3, page=True),
    outage("N8s", 5, 1.5, ", a host of three layers", layers=True),
    outage("N8t", 1, 1.5, ", to the viewer alone", "a->b"),
    outage("N8u", 5, 1.5, ", to the viewer alone", "a->b"),
    outage("N8v", 5, 1.5, ", to the viewer, three layers", "a->b", layers=True),
    Row("N8w", "5 s without what the viewer says", changes=[(3, "b->a down=1"), (8, "b->a down=0")], seconds=16,
        limits={"freeze": 0, "smaller": 0, "ended": 0}),
    outage("N8x", 1, 1.5, ", keyframes every 10 s", group_s=10),
    outage("N8y", 5, 1.5, ", keyframes every 10 s", group_s=10),
    outage("N8z", 5, 1.5, ", to the viewer, every 10 s", "a->b", group_s=10),
    Row("N9", "outage of 45 s: the sessions are let go", changes=[(3, "both down=1"), (48, "both down=0")], seconds=50,
        outage=(3, 48), limits={"freed_s": 35}),
    Row("N10a", "the NAT takes another port", changes=[(5, "port")], seconds=15, router=True, limits={"longest_s": 3, "ended": 0}),
    Row("N10b", "the NAT takes another address", changes=[(5, "address")], seconds=15, router=True,
        limits={"longest_s": 3, "ended": 0}),
    Row("N10c", "both within 2 s", changes=[(5, "port"), (7, "address")], seconds=15, router=True,
        limits={"longest_s": 3, "ended": 0}),
    Row("N12a", "the host's uplink: outage of 1 s", changes=[(3, "both down=1"), (4, "both down=0")], seconds=15,
        outage=(3, 4), uplink=True, limits={"resume_s": 1, "ended": 0}),
    Row("N12b", "the host's uplink: outage of 5 s", changes=[(3, "both down=1"), (8, "both down=0")], seconds=20,
        outage=(3, 8), uplink=True, limits={"resume_s": 1, "ended": 0}),
    Row("N12c", "the host's uplink: loss 3 %", changes=[(0, "both loss=0.03")], uplink=True, limits={"freeze": 1, "ended": 0}),
    Row("N13", "FLV: loss 2 %, round trip 100 ms", "both delay=50", [(0, "both loss=0.02")], viewers="flv",
        limits={"ended": 0}),
    Row("N14", "2 Mbit/s with a queue of 1 MiB", changes=[(0, "a->b rate=2000 q=1024")], alone=True, limits={"freeze": 2, "ended": 0}),
    Row("N15", "a trace like 5G", "both delay=15", [(0, "both trace=5g")], seconds=60, alone=True, trace=True,
        limits={"freeze": 2, "smaller": 30, "ended": 0}),
    Row("N16", "no UDP any more (the room page)", changes=[(3, "no udp")], seconds=20, page=True, alone=True,
        limits={"longest_s": 6, "ended": 0}),
    Row("N17", "the viewer's machine sleeps for 20 s", changes=[(3, "asleep"), (23, "awake")], seconds=31, outage=(3, 23), alone=True,
        limits={"resume_s": 1.5, "smaller": 0, "ended": 0}),
]


def choose(names):
    """Rows by name; N6 is all from N6a to N6d."""
    if not names:
        return ROWS
    found = [row for row in ROWS if any(row.name == name or row.name.rstrip("abcd") == name for name in names)]
    missing = [name for name in names if not any(row.name.startswith(name) for row in found)]
    if missing:
        raise ValueError(f"no row {', '.join(missing)}; there are {', '.join(row.name for row in ROWS)}")
    return found
