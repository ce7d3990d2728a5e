#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""SO_MAX_PACING_RATE: no faster than that, new data and what is lost alike."""

import socket
import time

from flight import sacked, sender
from harness import case, main

SO_MAX_PACING_RATE = 47
WHY = 'jiffies, bursts, and a first flight without'


def limit(c, rate):
    c.socket().setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, rate)


def took(c, segments):
    """Seconds until so many have come, and the largest gap."""
    begun = last = time.monotonic()
    most = 0
    for _ in range(segments):
        c.take(1)
        now = time.monotonic()
        most, last = max(most, now - last), now
    return last - begun, most


@case('a flight of ten segments takes its time', native=WHY)
def _(c):
    limit(c, 100000)
    c.established(mss=1000)
    c.send(10000)
    total, gap = took(c, 10)
    if not 0.07 <= total <= 0.12 or gap > 0.03:
        c.fail('%.3f s, gaps up to %.3f s' % (total, gap))
    c.inject('A')


@case('what is lost waits as well')
def _(c):
    sender(c, sack=True)
    c.sock.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, 20000)
    sacked(c, (3, 10))
    total, _ = took(c, 3)
    if not 0.08 <= total <= 0.2:
        c.fail('three segments in %.3f s' % total)
    c.inject('A', ack=c.dut_nxt)


@case('a limit that is lifted, and one that is set under way',
      native=WHY)
def _(c):
    limit(c, 50000)
    c.established(mss=1000)
    c.setopt('SO_SNDBUF', 500000)
    c.send(10000)
    total, _ = took(c, 10)
    if not 0.14 <= total <= 0.25:
        c.fail('%.3f s' % total)
    c.inject('A')
    c.sock.setsockopt(socket.SOL_SOCKET, SO_MAX_PACING_RATE, -1)
    c.send(10000)
    total, _ = took(c, 10)
    if total > 0.05:
        c.fail('%.3f s without a limit' % total)
    c.inject('A')


@case('TCP_INFO tells the limit')
def _(c):
    limit(c, 123456)
    c.established()
    raw = c.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    c.check(int.from_bytes(raw[112:120], 'little'), 123456, 'the limit')


if __name__ == '__main__':
    main()
