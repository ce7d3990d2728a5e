#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Proportional Rate Reduction (RFC 9937): how much goes in fast recovery."""

from flight import again, numbers, sacked, seg, sender
from harness import case, main

RTT = 0.03


def large(c, more=100):
    """Twenty in flight, a round trip ago."""
    if c.stack.native:
        sender(c, 10, 10 + more, sack=True)
        c.inject('A')
        c.take(20)
        c.base = 10
    else:
        c.knob('initial_window', 20)
        sender(c, 20, more, sack=True)
        c.base = 0
    c.pause(RTT)
    return c


def sack(c, *pairs, ack=0):
    sacked(c, *[(a + c.base, b + c.base) for a, b in pairs], ack=ack + c.base)


def sent(c):
    return [n - c.base for n in numbers(c, c.collect(0.002))]


@case('9937-1 9937-6 one loss: half of what arrives goes out, evenly',
      native='it has CUBIC')
def _(c):
    large(c)
    sack(c, (1, 2))
    c.check(sent(c), [20], 'limited transmit')
    sack(c, (1, 3))
    c.check(sent(c), [21], 'limited transmit')
    out, delivered = 0, 0
    for last in range(4, 18):
        sack(c, (1, last))
        delivered += 1
        now = sent(c)
        if len(now) > 1:
            c.fail('%d at once' % len(now))
        if not out:
            c.check(now, [0], 'the first is what is lost')
        out += len(now)
        # RecoverFS is 20: the two SACKed before do not count.
        c.check(out, max(1, delivered * 10 // 20), 'sent so far')


@case('9937-2 below ssthresh: what arrives, and one more when all is well')
def _(c):
    large(c)
    sack(c, (17, 20))
    c.check(sent(c), [0, 1, 2], 'as much as arrived')
    c.pause(RTT)
    sack(c, (17, 20), ack=3)
    c.check(sent(c), [3, 4, 5, 6], 'one more')
    c.pause(RTT)
    sack(c, (17, 20), ack=7)
    c.check(sent(c), [7, 8, 9, 10, 11], 'one more')


@case('9937-4 an ACK that delivers nothing brings nothing')
def _(c):
    large(c)
    sack(c, (17, 20))
    sent(c)
    for _ in range(10):
        sack(c, (17, 20))
        c.inject('A', ack=seg(c, c.base))
        c.inject('A', ack=seg(c, c.base), win=c.win - 100)
    c.check(sent(c), [], 'sent')


@case('9937-5 at the end cwnd is ssthresh, no burst', native='it has CUBIC')
def _(c):
    large(c)
    sack(c, (17, 20))
    sent(c)
    c.pause(RTT)
    sack(c, ack=20)
    c.check(len(sent(c)), 10, 'segments after the recovery')
    c.check(c.info()['snd_cwnd'], 10, 'cwnd')
    c.check(c.info()['snd_ssthresh'], 10, 'ssthresh')


if __name__ == '__main__':
    main()
