#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Metrics cache (RFC 9040): for how long."""

import time

import path	# noqa: F401
from flight import again, sacked, seg, sender
from harness import case, main
from tfo import again as another

RTT = 0.03


def waits(c, between):
    """The next connection: when is a segment lost that seven have overtaken?"""
    another(c)
    sender(c, 10, sack=True)
    c.pause(RTT)
    sacked(c, (1, 8))
    again(c, 0, between=between)
    c.inject('A', ack=seg(c, 10))
    c.abort()
    c.expect('RA')


@case('8985-3 reordering is remembered for an hour, whoever comes meanwhile',
      native='its window is of another kind')
def _(c):
    c.knob('no_metrics_save', 0)
    sender(c, 10, sack=True)
    c.pause(RTT)
    sacked(c, (1, 2))
    c.inject('A', ack=seg(c, 10))
    c.abort()
    c.expect('RA')
    for _ in range(2):
        time.sleep(1790)
        waits(c, (0.003, 0.0125))
    time.sleep(60)
    waits(c, (0, 0.003))


if __name__ == '__main__':
    main()
