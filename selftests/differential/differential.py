#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The same stimuli to native TCP and to tcpx: do they answer the same?

	differential.py				500 stimuli, KTAP
	differential.py --seed 7 --count 5000	others
	differential.py --replay FILE		those of a file

TCPX_STACK=native puts native TCP on both sides: nothing differs then.
"""

import argparse
import collections
import os
import re
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'wire'))

import compare		# noqa: E402
import generate		# noqa: E402
import shrink		# noqa: E402
import stimulus		# noqa: E402
from side import Twin	# noqa: E402

SKIP = 4
CASES = os.path.join(HERE, 'cases.txt')


class Kernel:
    """What it complains about."""

    BAD = re.compile('WARNING:|BUG|KASAN|UBSAN|Oops|suspicious RCU|lockdep')

    def __init__(self):
        self.log = os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.log, 0, os.SEEK_END)

    def complaint(self):
        """The first one since the last call, or None."""
        found = None
        while True:
            try:
                line = os.read(self.log, 8192).decode(errors='replace')
            except BlockingIOError:
                break
            if self.BAD.search(line):
                found = found or line.split(';', 1)[-1].splitlines()[0]
        if found:			# a warning is given once: again, please
            try:
                with open('/sys/kernel/debug/clear_warn_once', 'w') as f:
                    f.write('1')
            except OSError:
                pass
        return found


class Bench:
    """Both twins, and what was found."""

    def __init__(self):
        self.kernel = Kernel()
        self.native = Twin('native')
        self.tcpx = Twin(os.environ.get('TCPX_STACK', 'tcpx'))
        self.number = 0

    def judge(self, one):
        self.number += 1
        native = self.native.run(one, self.number)
        tcpx = self.tcpx.run(one, self.number, native)
        said = self.kernel.complaint()
        return ('broken', 'kernel: ' + said) if said else \
            compare.judge(native, tcpx)


class Tally:
    def __init__(self):
        self.verdicts, self.used = collections.Counter(), \
            collections.Counter()
        self.kinds = {}

    def add(self, one, verdict, what):
        self.verdicts[verdict] += 1
        if verdict == 'allowed':
            self.used[what.name] += 1
        if verdict in ('broken', 'different'):
            return self.kinds.setdefault(shrink.signature(what), (one, []))
        return None


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--seed', default='1')
    parser.add_argument('--count', type=int, help='default 500, or 15 where '
                        'time is not virtual')
    parser.add_argument('--first', type=int, default=0,
                        help='the number of the first stimulus')
    parser.add_argument('--generator', choices=generate.GENERATORS,
                        action='append', help='without the cases')
    parser.add_argument('--replay', metavar='FILE')
    parser.add_argument('--shrink', type=int, default=5, metavar='N',
                        help='shrink so many failures of different kinds')
    parser.add_argument('--out', metavar='FILE',
                        help='append the shrunk stimuli to this file')
    parser.add_argument('-v', '--verbose', action='store_true')
    return parser.parse_args()


def stimuli(options, cases):
    """(group, its stimuli) in the order of the results."""
    if options.replay:
        with open(options.replay) as f:
            for one in stimulus.read(f.read()):
                yield one.name, [one]
        return
    for one in [] if options.generator else cases:
        yield one.name, [one.but(family=4), one.but(family=6)]
    kinds = options.generator or list(generate.GENERATORS)
    share = -(-options.count // len(kinds))
    for kind in kinds:
        yield '%d stimuli by %s, seed %s' % (share, kind, options.seed), \
            generated(kind, share, options, cases)


def generated(kind, share, options, cases):
    for number in range(options.first, options.first + share):
        yield generate.generate(kind, options.seed, number, cases)


def run_group(bench, group, tally, options):
    """Unexplained differences, as lines."""
    lines = []
    for one in group:
        verdict, what = bench.judge(one)
        kind = tally.add(one, verdict, what)
        if options.verbose and options.replay:
            lines += [str(verdict)] + compare.report(what) \
                if verdict in ('broken', 'different') else [str(verdict)]
        if kind is None:
            continue
        kind[1].append(one.name)
        if len(kind[1]) > 1 or len(tally.kinds) > options.shrink:
            continue
        small, what = shrink.shrink(one, bench.judge)
        lines += str(small).splitlines() + compare.report(what)
        if options.out:
            with open(options.out, 'a') as f:
                f.write('%s\n\n' % small)
    return lines


def main():
    options = arguments()
    virtual = os.environ.get('LAB_KERNEL') == 'um'
    if options.count is None:
        options.count = 500 if virtual else 15
    with open(CASES) as f:
        cases = stimulus.read(f.read())
    groups = list(stimuli(options, cases if virtual else cases[::40]))
    print('KTAP version 1')
    try:
        bench = Bench()
        bench.tcpx.stack.socket(4).close()
    except OSError as e:
        print('1..0 # SKIP %s' % e)
        sys.exit(SKIP)
    print('1..%d' % len(groups), flush=True)
    tally, begun, failed = Tally(), time.monotonic(), 0
    for number, (name, group) in enumerate(groups, 1):
        before = tally.verdicts['broken'] + tally.verdicts['different']
        lines = run_group(bench, group, tally, options)
        bad = tally.verdicts['broken'] + tally.verdicts['different'] > before
        failed += bad
        print('%sok %d - %s' % ('not ' * bad, number, name))
        for line in lines:
            print('#   ' + line)
        sys.stdout.flush()
    print('# %d stimuli, %.0f s of virtual time' % (
        sum(tally.verdicts.values()), time.monotonic() - begun))
    for name, count in tally.verdicts.most_common():
        print('# %s: %d' % (name, count))
    for name, count in tally.used.most_common():
        print('# allowed, %d times: %s' % (count, name))
    for kind, (_, names) in tally.kinds.items():
        print('# unexplained, %d times: %s: %s' % (
            len(names), kind, '; '.join(names[:3])))
    sys.exit(failed > 0)


if __name__ == '__main__':
    main()
