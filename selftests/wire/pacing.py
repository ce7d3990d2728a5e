#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""SO_MAX_PACING_RATE: no faster than that, new data and what is lost alike."""

import contextlib
import re
import socket
import time

from flight import sacked, seg, sender
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


@contextlib.contextmanager
def fq(c):
    """Below it, the queueing discipline."""
    c.command('tc qdisc replace dev tun0 root fq')
    try:
        yield
    finally:
        c.command('tc qdisc del dev tun0 root')


def throttled(c):
    """How many packets fq has held back."""
    told = c.command('tc -s qdisc show dev tun0')
    c.note(told)
    return int(re.search(r'throttled (\d+)[^)]*$', told)[1])


@case('fq is told when each leaves; that is when it was sent',
      native='a first flight without')
def _(c):
    with fq(c):
        limit(c, 200000)
        c.established(mss=1000, ts=True)
        c.send(9880)
        begun, stamps = time.monotonic(), []
        for _ in range(10):
            got = c.take(1)[0]
            c.inject('A')
            stamps.append((time.monotonic() - begun, got.option('ts')[0]))
        c.check(throttled(c) >= 3, True, 'fq held some')
        total = stamps[-1][0]
        if not 0.035 <= total <= 0.045:
            c.fail('%.3f s' % total)
        first = stamps[0]
        for when, stamp in stamps:
            if abs((stamp - first[1]) / 1000 - (when - first[0])) > 0.003:
                c.fail('it came after %.3f s, its timestamp says %d ms' % (
                    when - first[0], stamp - first[1]))
        c.check(c.info()['rtt'] < 3000, True,
                'RTT without the wait in fq, not %d us' % c.info()['rtt'])


@case('what is lost waits in fq, and its timestamp is that of its departure',
      native=WHY)
def _(c):
    with fq(c):
        limit(c, 400000)
        sender(c, 10, sack=True, ts=True)
        with c.stack.counts(FullUndo=0, LossUndo=0):
            sacked(c, (2, 10))
            total, _ = took(c, 2)
            if not 0.002 <= total <= 0.01:
                c.fail('two segments in %.4f s' % total)
            # Were it older than the retransmission, it would be of the
            # original: nothing was lost, all is undone.
            c.inject('A', ack=seg(c, 10))
        c.check(c.info()['snd_ssthresh'], 5, 'ssthresh')


@case('a gap too long for fq is kept by the timer', native=WHY)
def _(c):
    with fq(c):
        limit(c, 20000)
        c.established(mss=1000)
        before = throttled(c)
        c.send(4000)
        total, gap = took(c, 4)
        if not 0.09 <= total <= 0.11:
            c.fail('%.3f s, gaps up to %.3f s' % (total, gap))
        c.check(throttled(c), before, 'what fq held')
        c.inject('A')


@case('TCP_INFO tells the limit')
def _(c):
    limit(c, 123456)
    c.established()
    raw = c.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    c.check(int.from_bytes(raw[112:120], 'little'), 123456, 'the limit')


if __name__ == '__main__':
    main()
