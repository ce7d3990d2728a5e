#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""DCTCP (RFC 8257) and ABE (RFC 8511): how much a mark reduces."""

from flight import seg
from harness import case, main

ECT0, CE = 2, 3
SIZE = 1000


def marked(c, algorithm, segments=10, more=100):
    """A flight of a connection with ECN."""
    if c.stack.native and algorithm == b'dctcp':
        c.knob('ecn', 1)
    elif algorithm != b'dctcp':
        c.knob('ecn', 1)
    c.socket()
    c.setopt('TCP_CONGESTION', algorithm)
    c.peer(mss=SIZE)
    c.connect()
    c.expect('SEC', seq=0)
    c.inject('SAE')
    c.expect('A')
    c.setopt('SO_SNDBUF', 500000)
    c.inject('A')
    c.size = SIZE
    c.send((segments + more) * SIZE)
    for s in c.take(segments):
        c.check(s.tos & 3, ECT0, 'the ECN field')
    return c


@case('8257-1 DCTCP asks for ECN, whatever the knob says', native='module')
def _(c):
    c.knob('ecn', 0)
    marked(c, b'dctcp')


@case('8257-2 the first mark halves, then by half of what was marked',
      native='module')
def _(c):
    marked(c, b'dctcp')
    c.inject('AE', ack=seg(c, 10))
    c.check(c.info()['snd_cwnd'], 5, 'cwnd, Alpha is 1')
    for _ in range(8):			# windows without a mark
        c.collect(0.002)
        c.inject('A')
    c.collect(0.002)
    cwnd = c.info()['snd_cwnd']
    c.inject('AE')
    want = cwnd * (1 - (15 / 16) ** 8 / 2)
    got = c.info()['snd_cwnd']
    if abs(got - want) > 1:
        c.fail('cwnd went from %d to %d, not %.1f' % (cwnd, got, want))


@case('8257-3 a loss reduces as Reno', native='module')
def _(c):
    marked(c, b'dctcp')
    for _ in range(3):
        c.inject('A', ack=1)
    c.collect(0.002)
    c.check(c.info()['snd_ssthresh'], 5, 'ssthresh')


@case('8257-4 ECE says whether what is acknowledged was marked',
      native='module')
def _(c):
    marked(c, b'dctcp', 1, 0)
    c.setopt('TCP_QUICKACK', 0)
    c.inject('PA', len=100, tos=ECT0)
    c.inject('PA', len=100, tos=CE)
    first = c.expect('A', ack=101)
    c.check(first.has('E'), False, 'ECE of what came before the mark')
    c.expect('AE', ack=201)
    c.inject('PA', len=100, tos=CE)
    c.inject('PAC', len=100, tos=CE)
    c.expect('AE')
    c.inject('PA', len=100, tos=ECT0)
    c.expect('A')


@case('8511-1 ABE: a mark leaves 0.8 of the window with Reno',
      native='it has none')
def _(c):
    c.knob('ecn_abe', 1)
    marked(c, b'reno')
    c.inject('AE', ack=seg(c, 10))
    c.check(c.info()['snd_cwnd'], 8, 'cwnd')


@case('8511-1 and 0.85 with CUBIC; without the knob 0.7', native='it has none')
def _(c):
    c.knob('initial_window', 20)
    c.knob('ecn_abe', 1)
    twin = c.sibling()
    marked(twin, b'cubic', 20)
    twin.inject('AE', ack=seg(twin, 20))
    twin.check(twin.info()['snd_cwnd'], 17, 'cwnd with ABE')
    twin.abort()
    c.knob('ecn_abe', 0)
    marked(c, b'cubic', 20)
    c.inject('AE', ack=seg(c, 20))
    c.check(c.info()['snd_cwnd'], 14, 'cwnd')


if __name__ == '__main__':
    main()
