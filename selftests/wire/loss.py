#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Congestion control and loss recovery, as the peer sees it."""

import socket
import struct
import time

from flight import again, seg, sender
from harness import case, main

RTO = (0.1, 1.0)


@case('6928-1 6928-2 the initial window is ten segments')
def _(c):
    for mss in 536, 1000, 1400:
        twin = c.sibling()
        sender(twin, 10, 20, mss=mss)
        twin.silent()


@case('MUST-19 5681-1 slow start: an ACK of one segment sends two')
def _(c):
    sender(c, 10, 30)
    total = 0
    for n in range(1, 5):
        c.inject('A', ack=seg(c, n))
        total += len(c.collect(0.003))
        if total > 2 * n:
            c.fail('%d segments followed %d' % (total, n))
    c.inject('A')
    total = len(c.collect())
    if total < 14:
        c.fail('the window has grown to %d only' % total)


@case('5681-1 slow start: a stretch ACK of all doubles the window at most')
def _(c):
    sender(c, 10, 40)
    c.inject('A')
    got = len(c.collect())
    if not 11 <= got <= 20:
        c.fail('%d segments followed' % got)


@case('5681-1 SEC-20 ACK division gains nothing')
def _(c):
    sender(c, 10, 30)
    for at in range(10, 1001, 10):
        c.inject('A', ack=1 + at)
    got = len(c.collect())
    if got > 2:
        c.fail('%d segments followed one that was acknowledged' % got)
    c.inject('A', ack=seg(c, 2))
    if not 1 <= got + len(c.collect()) <= 4:
        c.fail('the window stays as it is')


@case('5681-5 window updates are no duplicate ACKs')
def _(c):
    sender(c, win=30000)
    for win in 60000, 61000, 62000, 63000:
        c.inject('A', ack=1, win=win)
    c.silent()


@case('5681-5 duplicate ACKs with data are no duplicate ACKs')
def _(c):
    sender(c)
    for _ in range(4):
        c.inject('PA', ack=1, len=10)
    if any(s.data for s in c.collect()):
        c.fail('a retransmission')


@case('MUST-19 5681-6 fast retransmit at the third duplicate ACK')
def _(c):
    sender(c)
    c.inject('A', ack=1)
    c.inject('A', ack=1)
    c.silent()
    c.inject('A', ack=1)
    again(c, 0, between=(0, 0.05))
    c.inject('A', ack=1)
    c.silent()
    c.inject('A', ack=seg(c, 10))
    c.silent()


@case('3042-1 5681-6 limited transmit: new data on the first two',
      native='it may wait for a larger burst (TSO deferral)')
def _(c):
    sender(c, 10, 10)
    c.inject('A', ack=1)
    again(c, 10)
    c.inject('A', ack=1)
    again(c, 11)
    c.inject('A', ack=1)
    again(c, 0)
    c.check(c.info()['snd_ssthresh'], 5, 'ssthresh, without those two')


@case('6582-2 a partial ACK repeats the next segment at once')
def _(c):
    sender(c)
    for _ in range(8):
        c.inject('A', ack=1)
    again(c, 0)
    c.inject('A', ack=seg(c, 3))
    again(c, 3, between=(0, 0.05))
    c.inject('A', ack=seg(c, 7))
    again(c, 7, between=(0, 0.05))
    c.inject('A', ack=seg(c, 10))
    c.silent()


@case('6582-1 duplicate ACKs of the same flight do not start it again')
def _(c):
    sender(c)
    for _ in range(4):
        c.inject('A', ack=1)
    again(c, 0)
    for _ in range(5):
        c.inject('A', ack=1)
    c.silent()


@case('MUST-19 5681-3 6582-4 a loss halves the window, no burst follows',
      native='it takes the reduction back')
def _(c):
    sender(c)
    for _ in range(5):
        c.inject('A', ack=1)
    again(c, 0)
    c.inject('A', ack=seg(c, 10))
    c.send(60 * c.size)
    got = len(c.collect())
    if not 1 <= got <= 7:
        c.fail('%d segments in flight after the recovery' % got)


def avoidance(c, more=200):
    """Congestion avoidance with a window of five segments, nothing lost."""
    sender(c, 10, more)
    for _ in range(4):
        c.inject('A', ack=1)
    for _ in range(3):
        c.collect()
        c.inject('A')


@case('5681-1 an ACK of all that is in flight fills the next window')
def _(c):
    sender(c, 10, 400, ws=7)
    for want in 20, 40, 80, 160:
        c.inject('A')
        c.check(len(c.collect()), want, 'the flight')


@case('5681-1 the window is used up, however it is cut into skbs',
      native='the last two wait for an ACK')
def _(c):
    c.no_timeouts()
    sender(c, 3, ws=7)
    time.sleep(0.1)
    c.send(8 * c.size)
    c.check(len(c.collect()), 7, 'segments beside the three in flight')


@case('5681-2 congestion avoidance: one segment more a round trip',
      native='eight, eight, eight, then eleven')
def _(c):
    avoidance(c)
    windows = []
    for _ in range(8):
        flight = len(c.collect())
        windows.append(c.info()['snd_cwnd'])
        if not windows[-1] - 2 <= flight <= windows[-1]:
            c.fail('%d segments in a window of %d' % (flight, windows[-1]))
        c.inject('A')
    grown = [b - a for a, b in zip(windows, windows[1:])]
    if max(grown) > 1 or not 4 <= sum(grown) <= 7:
        c.fail('windows of %s segments' % windows)


@case('5681-2 SEC-20 congestion avoidance counts bytes, not ACKs')
def _(c):
    avoidance(c)
    before = c.collect()
    for s in before:
        left, right = c.rel(s)
        for at in range(left + 100, right + 1, 100):
            c.inject('A', ack=at)
    sent = len(c.collect())
    if not len(before) - 1 <= sent <= len(before) + 1:
        c.fail('%d segments followed %d' % (sent, len(before)))


@case('5681-7 idle for longer than an RTO: the initial window again')
def _(c):
    sender(c, 10, 20)
    for _ in range(3):
        c.inject('A')
        c.collect()
    if c.info()['snd_cwnd'] < 20:
        c.fail('a window of %(snd_cwnd)d' % c.info())
    c.silent(0.5)
    c.send(40 * c.size)
    c.check(len(c.collect()), 10, 'segments after the pause')


@case('5681-10 an ACK of what was never sent opens nothing')
def _(c):
    sender(c, 10, 40)
    before = c.info()['snd_cwnd']
    for n in 11, 12, 20:
        c.inject('A', ack=seg(c, n))
    if any(s.data for s in c.collect()):
        c.fail('data followed')
    c.check(c.info()['snd_cwnd'], before, 'the window')


@case('6582-3 only the first partial ACK restarts the timer',
      native='each restarts it')
def _(c):
    sender(c)
    for _ in range(4):
        c.inject('A', ack=1)
    again(c, 0)
    c.silent(0.05)
    c.inject('A', ack=seg(c, 3))
    again(c, 3)
    c.silent(0.1)
    c.inject('A', ack=seg(c, 6))
    again(c, 6, between=(0, 0.05))
    again(c, 6, between=(0.05, 0.15))


@case('6298-3 6675-6 a path of 100 ms: the ACK of a fast retransmission is '
      'in time')
def _(c):
    c.established(mss=1000, rtt=0.1, sack=True)
    c.setopt('SO_SNDBUF', 500000)
    c.send(200 * 1000)
    for _ in range(4):
        flight = c.collect(0.002)
        c.pause(0.098)
        for s in flight:
            c.inject('A', ack=c.rel(s)[0] + len(s.data))
    rto = c.info()['rto']
    if not 280000 <= rto <= 320000:
        c.fail('the RTO is %d us' % rto)
    una = c.rel(c.collect(0.002)[0])[0]
    c.pause(0.098)
    for n in range(2, 8):
        c.inject('A', ack=una, sack=[(una + 1000, una + n * 1000)])
    sent = [c.rel(s)[0] for s in c.collect(0.002)]
    c.check(sent[0], una, 'the retransmission')
    c.check([c.rel(s)[0] for s in c.collect(0.2) if c.rel(s)[0] == una], [],
            'sent again in 300 ms after SND.UNA moved')
    c.abort()


@case('6582-5 after a timeout no fast retransmit below what was sent')
def _(c):
    sender(c)
    again(c, 0, between=RTO)
    c.inject('A', ack=seg(c, 1))
    c.collect()
    for _ in range(6):
        c.inject('A', ack=seg(c, 1))
    sent = [c.rel(s)[0] for s in c.collect()]
    if seg(c, 1) in sent:
        c.fail('fast retransmit')


@case('3465-1 slow start after a timeout: one segment an ACK',
      native='it counts all that an ACK covers')
def _(c):
    sender(c, 10, 40)
    again(c, 0, between=RTO)
    c.inject('A', ack=seg(c, 10))
    c.check(len(c.collect()), 2, 'segments after the ACK of all')
    c.inject('A')
    c.check(len(c.collect()), 4, 'segments after that')


@case('6298-6 5681-4 a timeout: the first segment alone',
      native='four segments follow its ACK on some kernels')
def _(c):
    sender(c)
    again(c, 0, between=RTO)
    c.silent(0.1)
    c.inject('A', ack=seg(c, 1))
    got = len(c.collect())
    if not 1 <= got <= 2:
        c.fail('%d segments after the first ACK' % got)


@case('6675-1 SACK: three duplicate ACKs repeat the hole')
def _(c):
    sender(c, sack=True)
    for n in 2, 3, 4:
        c.inject('A', ack=1, sack=[(seg(c, 1), seg(c, n))])
    again(c, 0, between=(0, 0.1))
    c.inject('A', ack=seg(c, 10))
    c.silent()


@case('6675-4 SACK: two holes are repeated, what was SACKed is not')
def _(c):
    sender(c, sack=True)
    for n in range(5, 11):
        c.inject('A', ack=1, sack=[(seg(c, 4), seg(c, n)),
                                   (seg(c, 1), seg(c, 3))])
    sent = {c.rel(s)[0] for s in c.collect(0.1)}
    if not {seg(c, 0), seg(c, 3)} >= sent or seg(c, 0) not in sent:
        c.fail('repeated from %s' % sorted(sent))
    c.inject('A', ack=seg(c, 3), sack=[(seg(c, 4), seg(c, 10))])
    c.collect(0.1)
    c.inject('A', ack=seg(c, 10))
    c.silent()


@case('2018-4 SACKed data are kept: the peer may renege')
def _(c):
    sender(c, sack=True)
    for n in 3, 6, 10:
        c.inject('A', ack=1, sack=[(seg(c, 1), seg(c, n))])
    again(c, 0, between=(0, 0.1))
    have = seg(c, 1)
    while have < seg(c, 10):
        c.inject('A', ack=have)
        while True:
            left, right = c.rel(c.take(1)[0])
            if left == have:
                have = right
                break
    c.inject('A')
    c.collect()


@case('2018-5 impossible SACK blocks do no harm')
def _(c):
    sender(c, sack=True)
    end = seg(c, 10)
    for block in ((end, end + 1000), (500, 100), (-5000, -100), (1, 1),
                  (end + (1 << 31), end + (1 << 31) + 10), (0, 1 << 31)):
        c.inject('A', ack=1, sack=[block])
        c.inject('A', ack=1, sack=[block, (seg(c, 1), seg(c, 2))])
    c.collect(0.05)
    c.state('ESTABLISHED')
    c.inject('A', ack=end)
    c.send(100)
    c.expect('PA', seq=end, len=100)


def deliver(c, total, lose):
    """Receive everything; lose(n) says which new segments are dropped."""
    have, sacked, count, seen = 1, [], 0, 0
    while have < 1 + total:
        s = c.pull(5)
        if s is None:
            c.fail('stuck after %d of %d bytes' % (have - 1, total))
        c.seen(s)
        left, right = c.rel(s)
        if right > seen:
            seen, count = right, count + 1
            if lose(count):
                continue
        sacked = sorted(sacked + [(left, right)])
        for a, b in sacked:
            if a <= have < b:
                have = b
        merged = []
        for a, b in (x for x in sacked if x[1] > have):
            if merged and a <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
            else:
                merged.append((a, b))
        sacked = merged
        merged = [x for x in sacked if x[0] <= left < x[1]] + \
            [x for x in sacked if not x[0] <= left < x[1]]
        c.inject('A', ack=have,
                 sack=merged[:3] if c.offer.get('sack') else None)
    c.collect()


def lossy(c, period, **offer):
    """Every period-th segment is lost once, all bytes arrive."""
    c.established(mss=1000, **offer)
    c.setopt('SO_SNDBUF', 400000)
    c.send(200000)
    deliver(c, 200000, lambda n: n % period == 3)


@case('200 kB, one segment of 20 lost, SACK')
def _(c):
    lossy(c, 20, sack=True, ts=True)


@case('200 kB, one segment of 5 lost, SACK')
def _(c):
    lossy(c, 5, sack=True, ts=True)


@case('200 kB, one segment of 20 lost, NewReno')
def _(c):
    lossy(c, 20)


@case('200 kB, a burst of 8 lost, NewReno')
def _(c):
    c.established(mss=1000)
    c.setopt('SO_SNDBUF', 400000)
    c.send(200000)
    deliver(c, 200000, lambda n: 20 <= n < 28)


@case('TCP_INFO: what was sent again counts as sent, and as that')
def _(c):
    sender(c, 2)
    again(c, 0, between=RTO)
    raw = c.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    c.check(struct.unpack_from('=QQ', raw, 200), (3000, 1000),
            'octets sent, sent again')


if __name__ == '__main__':
    main()
