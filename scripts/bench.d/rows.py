# SPDX-License-Identifier: GPL-2.0
"""The rows of scripts/bench: what is in the file `rows`, with titles."""
import collections
import os

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rows")

# What bench says is a cost; shown(cost) is the figure printed.
Kind = collections.namedtuple("Kind", "unit cost_unit shown more_is_better")
RATE = Kind("Mbit/s", "ns per KiB", lambda ns: 8192e3 / ns, True)
PER_SECOND = Kind("per s", "ns", lambda ns: 1e9 / ns, True)
TIME = Kind("ns", "ns", lambda ns: ns, False)
MEMORY = Kind("bytes", "bytes", lambda size: size, False)

Row = collections.namedtuple("Row", "name set title kind goal")
# Of one row of bench: its title, its kind, and what else it says.
Bench = collections.namedtuple("Bench", "title kind also")
# name in the row's, title, kind, goal
RTT_ALSO = (("mean", "mean", TIME, None), ("p99", "p99", TIME, 0.9),
            ("p999", "p99.9", TIME, None))
BENCHES = {
    "bulk": Bench("bulk", RATE, ()),
    "sendfile": Bench("sendfile", RATE, ()),
    "splice": Bench("pages of the sender, not copied", RATE, ()),
    "window": Bench("CPU of a KiB, both ends", TIME, ()),
    "netns": Bench("network namespace with a listener", MEMORY,
                   (("open", "making it", TIME, None),)),
    "rtt": Bench("round trip", TIME, RTT_ALSO),
    "conn": Bench("connect-1B-1B-close", PER_SECOND, ()),
    "accept": Bench("accept alone", PER_SECOND, ()),
    "mem": Bench("idle connection, both ends", MEMORY,
                 (("open", "opening it", TIME, None),)),
    "burst": Bench("left a minute after 6 MB each way", MEMORY,
                   (("pages", "pages of all", MEMORY, None),)),
    "timewait": Bench("TIME-WAIT of a server", MEMORY, ()),
    "timewait-port": Bench("TIME-WAIT of a client, with its port", MEMORY, ()),
    "halfopen": Bench("half-open connection", MEMORY, ()),
    "keepalive": Bench("CPU of a keep-alive, both ends", TIME, ()),
}


def all_rows():
    """In the file's order; what a row says besides comes after it."""
    return [row for words in lines()
            for row in rows_of(*words[:6], words[6:])]


def lines():
    with open(PATH, encoding="ascii") as file:
        return [line.split() for line in file
                if line.strip() and not line.startswith("#")]


def rows_of(name, which, link, offloads, mtu, goal, bench):
    options = {}
    while bench[0].startswith("-"):
        options[bench[0]] = int(bench[1])
        bench = bench[2:]
    kind = BENCHES[bench[0]]
    title = ", ".join([kind.title] + list(
        details(bench[0], options, link, offloads, mtu)))
    if which == "growth" and bench[0] in ("mem", "netns"):
        title += f", {bench[1]} of them"
    goal = float(goal[2:]) if goal != "-" else None
    return [Row(name, which, title, kind.kind, goal)] + [
        Row(f"{name}-{suffix}", which, f"{title}, {also}", also_kind, also_goal)
        for suffix, also, also_kind, also_goal in kind.also]


def details(bench, options, link, offloads, mtu):
    if bench == "rtt":
        yield size_of(options.get("-s", 1))
    elif bench == "bulk" and "-s" in options:
        yield f"writes of {size_of(options['-s'])}"
    elif bench == "window":
        yield f"buffers of {size_of(options['-s'])}"
    if bench == "conn" and "-n" in options:
        yield f"one of {options['-n']} listeners"
    elif "-n" in options:
        yield f"{options['-n']} " + ("at a time" if bench == "rtt" else
                                     "connections")
    if link == "veth6":
        yield "IPv6"
    elif link in ("slow", "lossy"):
        yield "10 ms" + (", 1 of 500 lost" if link == "lossy" else "")
    elif link != "veth":
        yield {"lo": "loopback"}.get(link, link)
    elif bench in ("bulk", "sendfile", "splice"):
        yield link
    if mtu == "9000":
        yield "MTU 9000"
    if offloads == "off":
        yield "offloads off"


def size_of(size):
    for unit, name in (1 << 20, "MiB"), (1 << 10, "KiB"):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} B"


def count_of(name):
    """KiB, round trips or connections of one repetition."""
    return int(next(words[-1] for words in lines() if words[0] == name))


if __name__ == "__main__":
    import sys
    # The names of the rows of the sets named.
    print(" ".join(words[0] for words in lines()
                   if words[1] in sys.argv[1:] or "all" in sys.argv[1:]))
