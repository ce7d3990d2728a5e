# SPDX-License-Identifier: GPL-2.0
"""show tcpx's counters, or what they add in an interval"""
import fnmatch
import json
import time

from . import Failure, proc_lines

# Not counted up, but values of the moment or of the configuration.
GAUGES = ("CurrEstab", "Sockets", "Orphans", "TimeWait", "MemoryPages")


def add_arguments(parser):
    parser.add_argument("pattern", nargs="*", metavar="NAME",
                        help="only counters of this name (wildcards)")
    parser.add_argument("-z", "--zeros", action="store_true",
                        help="counters that are zero too")
    parser.add_argument("-i", "--interval", type=positive, metavar="SECONDS",
                        help="print again and again what was added")
    parser.add_argument("-c", "--count", type=int, metavar="N",
                        help="end after N intervals")
    parser.add_argument("-j", "--json", action="store_true",
                        help="one JSON object (per interval)")


def positive(text):
    value = float(text)
    if value <= 0:
        raise ValueError
    return value


def run(args):
    before = read(args.pattern)
    if args.interval is None:
        show(before, args)
        return 0

    rounds = 0
    while args.count is None or rounds < args.count:
        time.sleep(args.interval)
        now = read(args.pattern)
        show({name: value if name in GAUGES else value - before.get(name, 0)
              for name, value in now.items()}, args)
        before = now
        rounds += 1
        if not args.json:
            print(flush=True)
    return 0


def read(patterns):
    counters = {}
    for line in proc_lines("tcpx_snmp"):
        name, value = line.split()
        counters[name] = int(value)
    if not patterns:
        return counters
    chosen = {name: value for name, value in counters.items()
              if any(fnmatch.fnmatch(name, each) for each in patterns)}
    if not chosen:
        raise Failure(f"no counter is called {' or '.join(patterns)}")
    return chosen


def show(counters, args):
    if not args.zeros and not args.pattern:
        counters = {name: value for name, value in counters.items() if value}
    if args.json:
        print(json.dumps(counters), flush=True)
        return
    for name, value in counters.items():
        print(f"{name:<32}{value}")
