#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""After 24 days without a segment, a timestamp says nothing."""

import contextlib
import time

import path	# noqa: F401
from harness import case, main

DAY = 24 * 3600
OLD = 1000		# so far the peer's clock has gone back


def idle(seconds):
    """Virtual time passes the faster the less wakes the kernel up."""
    for name in 'compaction_proactiveness', 'dirty_writeback_centisecs':
        with contextlib.suppress(OSError):
            with open('/proc/sys/vm/' + name, 'w') as f:
                f.write('0')
    time.sleep(seconds)


@case('7323-7 TS.Recent is good for 24 days, and for no longer')
def _(c):
    c.ts_val = 500000
    c.established(ts=True)
    c.inject('PA', len=10)
    c.expect('A')
    c.recv(10)
    old = c.ts_val - OLD, c.ts_recent
    with c.stack.counts(PAWSEstab=1):
        idle(24 * DAY - 60)
        c.inject('PA', len=10, ts=old, void=True)
        c.expect('A')
        c.recv_nothing()
    with c.stack.counts(PAWSEstab=0):
        idle(120)
        c.inject('PA', len=10, ts=old)
        c.check(c.expect('A').option('ts')[1], old[0], 'TSecr')
        c.recv(10)


if __name__ == '__main__':
    main()
