#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Receivers that lie to be served faster, or to wear the sender out."""

import os

from harness import ANY, case, main

ROUNDS = int(os.environ.get('GREEDY_ROUNDS', 1000))
MSS = 1000


def sending(c, **offer):
    """A connection with more to send than any window takes."""
    c.setopt('SO_SNDBUF', 1 << 20)
    c.established(mss=MSS, **offer)
    c.send(400 * MSS, took=ANY)
    return c


def flight(c):
    return c.info()['unacked']


@case('SEC-18 a window that opens and closes with every ACK')
def _(c):
    sending(c, win=65535)
    c.collect(0.001)
    small = 0
    for i in range(ROUNDS):
        c.inject('A', win=(65535, 0, 1, 65535)[i % 4])
        if i % 50 == 0:
            c.send(50 * MSS, took=ANY) if len(c.stream) < 1 << 22 else None
            del c.log[:]
        while (seg := c.pull(0)) is not None:
            c.seen(seg)
            small += 0 < len(seg.data) < MSS and not seg.has('P')
    if small > 10:
        c.fail('%d small segments of %d ACKs' % (small, ROUNDS))
    c.inject('A', win=65535)
    for _ in range(2000):
        if not c.collect(0.5):
            break
        c.inject('A', win=65535)
        del c.log[:]
    c.check(c.dut_nxt, len(c.stream) + 1, 'what was sent')
    c.state('ESTABLISHED')


@case('SEC-19 an ACK of what was not sent is answered, not believed',
      native='6.12 is silent')
def _(c):
    c.knob('invalid_ratelimit', 0)
    sending(c)
    c.collect()
    una, before = c.dut_nxt, flight(c)
    for ahead in 1, MSS, 100 * MSS:
        c.inject('A', ack=una + ahead, void=True)
        c.expect('A', seq=una)
    c.check(flight(c), before, 'what is in flight')
    c.check(c.dut_nxt, una, 'SND.NXT')


@case('SEC-19 ACKs of what was sent and not received: the window follows RFC '
      '5681')
def _(c):
    sending(c)
    c.collect()
    una, got = 1, c.dut_nxt - 1
    while una < 100 * MSS:
        before = got
        una = c.dut_nxt
        c.inject('A', ack=una)		# before it could have arrived
        c.collect()
        got = c.dut_nxt - una
        if got > 2 * before + MSS:
            c.fail('%d in flight after %d' % (got, before))


@case('SEC-20 5681-1 an ACK for every ten octets: no more than for one')
def _(c):
    sending(c)
    c.collect()
    una, end = 1, c.dut_nxt
    while una < 1 + MSS:
        una += 10
        c.inject('A', ack=una)
    c.collect()
    if c.dut_nxt - end > 2 * MSS:
        c.fail('%d octets for the ACK of one segment' % (c.dut_nxt - end))


@case('SEC-21 a thousand duplicate ACKs without SACK blocks let out nothing')
def _(c):
    c.no_timeouts()
    sending(c, sack=True)
    c.collect()
    for i in range(1000):
        c.inject('A', ack=1)
        if i % 100 == 0:
            del c.log[:]
    c.check([s.flags for s in c.collect() if s.data], [], 'what was sent')
    c.state('ESTABLISHED')


if __name__ == '__main__':
    main()
