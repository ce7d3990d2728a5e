#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""CUBIC, RFC 9438: its window as a function of time, beside the formula."""

import time

from flight import sender
from harness import case, main

RTT = 0.1
BETA, C = 0.7, 0.4
ALPHA = 3 * (1 - BETA) / (1 + BETA)


def begin(c):
    """A connection with CUBIC in slow start, ten segments in flight."""
    c.knob('congestion_control', 'cubic')
    c.no_timeouts()
    c.sent_at = time.monotonic()
    return sender(c, 10, ws=7)


def round_trip(c, ack=True):
    """What the window lets go is acknowledged one RTT after it was sent: the
    size of the flight, and cwnd then, in segments."""
    while len(c.stream) - c.dut_nxt < 500 * c.size:
        c.send(100 * c.size)
    c.collect(0.001)
    flight = (c.dut_nxt - c.una) // c.size
    time.sleep(max(0, c.sent_at + RTT - time.monotonic()))
    if ack:
        c.una = c.dut_nxt
        c.inject('A')
        c.sent_at = time.monotonic()
    return flight, c.info()['snd_cwnd']


def grow(c, size):
    """Slow start until the flight has this size."""
    c.setopt('SO_SNDBUFFORCE', 4 << 20)
    c.una = 1
    flight = 0
    while flight < size:
        flight, _ = round_trip(c, ack=flight * 2 < size)
    return flight


def lose(c):
    """The first segment of the flight: the others ask for it, and when it came
    again all are acknowledged."""
    edge, got = c.dut_nxt, []
    for _ in range(c.una + c.size, edge, c.size):
        c.inject('A', ack=c.una)
        got += [c.rel(s)[0] for s in c.collect(0)]
    got += [c.rel(s)[0] for s in c.collect(0.001)]
    c.check(c.una in got, True, 'that it was repeated')
    time.sleep(RTT)
    c.una = edge + 2 * c.size		# and what limited transmit sent
    c.inject('A', ack=c.una)
    c.sent_at = time.monotonic()


@case('9438-2 a loss takes the window to 0.7 of the flight')
def _(c):
    begin(c)
    flight = grow(c, 100)
    for _ in range(3):
        c.inject('A', ack=c.una)
    c.collect(0.001)
    c.check(c.info()['snd_ssthresh'], int(flight * BETA), 'ssthresh')


@case('9438-2 but not below two segments',
      native='its ssthresh is 7: the flight does not count')
def _(c):
    c.knob('congestion_control', 'cubic')
    sender(c, 2)
    for _ in range(2):
        c.inject('A', ack=1)
    time.sleep(0.3)
    c.collect(0.001)
    c.check(c.info()['snd_ssthresh'], 2, 'ssthresh')


@case('9438-1 the window follows the cubic function',
      native='at first one or two segments behind it')
def _(c):
    begin(c)
    largest = grow(c, 100)
    lose(c)
    zero = time.monotonic()
    k = ((largest - largest * BETA) / C) ** (1 / 3)
    while (t := time.monotonic() - zero) < 1.6 * k:
        _, cwnd = round_trip(c)
        def cubic(t):
            return max(C * (t - k) ** 3 + largest,
                       largest * BETA + ALPHA * t / RTT)
        low, high = cubic(t) * 0.95 - 1, cubic(t + 2 * RTT) * 1.05 + 1
        c.note('%.2f s: %d' % (t, cwnd))
        if not low < cwnd < high:
            c.fail('after %.2f s a window of %d, not %.1f to %.1f' % (
                t, cwnd, low, high))


@case('9438-3 a short path: as fast as Reno, at least')
def _(c):
    begin(c)
    largest = grow(c, 16)
    lose(c)
    windows = [round_trip(c)[1] for _ in range(20)]
    want = largest * BETA + ALPHA * 20
    if not want * 0.9 - 1 < windows[-1]:
        c.fail('windows of %s segments, not %.1f' % (windows, want))


@case('9438-4 a loss before the old maximum: it remembers less')
def _(c):
    begin(c)
    first = grow(c, 100)
    lose(c)
    for _ in range(10):
        round_trip(c)
    flight, _ = round_trip(c, ack=False)
    c.check(flight < first, True, 'that the maximum was not reached')
    lose(c)
    zero = time.monotonic()
    # W_max is (1 + beta) / 2 of that: where the window hardly grows.
    w_max = flight * (1 + BETA) / 2
    k = ((w_max - flight * BETA) / C) ** (1 / 3)
    while time.monotonic() - zero < k:
        _, cwnd = round_trip(c)
    if not w_max * 0.93 < cwnd < w_max * 1.07:
        c.fail('a plateau at %d, not %.1f' % (cwnd, w_max))


@case('9438-5 an idle program: no burst when it goes on')
def _(c):
    begin(c)
    grow(c, 100)
    lose(c)
    for _ in range(5):
        round_trip(c)
    while c.dut_nxt <= len(c.stream):		# what is left
        c.collect(0.001)
        c.inject('A')
    before = c.info()['snd_cwnd']
    time.sleep(30)
    c.una = c.dut_nxt
    c.sent_at = time.monotonic()
    flight, cwnd = round_trip(c)
    if flight > before or cwnd > before + 12:
        c.fail('%d segments at once, then %d; %d before' % (flight, cwnd,
                                                            before))


# -- HyStart++, RFC 9406 ------------------------------------------------------

NATIVE_HYSTART = 'its HyStart leaves slow start at once'


def watched(c, rtt):
    """A round of slow start whose segments are acknowledged one by one, all
    after this time: by what factor cwnd grew."""
    while len(c.stream) - c.dut_nxt < 1500 * c.size:
        c.send(100 * c.size)
    c.collect(0.001)
    begin, edge = c.una, c.dut_nxt
    time.sleep(max(0, c.sent_at + rtt - time.monotonic()))
    for ack in range(begin + c.size, edge + 1, c.size):
        c.inject('A', ack=ack)
    c.sent_at, c.una = time.monotonic(), edge
    del c.log[:]
    return c.info()['snd_cwnd'] / ((edge - begin) // c.size)


def slow_start(c, rounds=2):
    begin(c)
    c.setopt('SO_SNDBUFFORCE', 4 << 20)
    c.una = 1
    for _ in range(rounds):
        if watched(c, RTT) < 1.9:
            c.fail('slow start does not double')


@case('9406-1 9406-2 slow start: an eighth of the RTT more is answered, for '
      'five rounds', native=NATIVE_HYSTART)
def _(c):
    slow_start(c, 3)
    if watched(c, RTT + 0.010) < 1.9:
        c.fail('10 ms more are less than an eighth of 100 ms')
    if not 1.2 < watched(c, RTT + 0.030) < 1.7:	# eight samples first
        c.fail('20 ms more are more than an eighth of 110 ms')
    for _ in range(4):
        if not 1.2 < watched(c, RTT + 0.030) < 1.3:
            c.fail('conservative slow start is not a quarter as fast')
    watched(c, RTT + 0.030)
    if c.info()['snd_ssthresh'] > c.info()['snd_cwnd']:
        c.fail('slow start goes on after five rounds')
    if watched(c, RTT + 0.030) > 1.15:
        c.fail('cwnd grows as before')


@case('9406-2 slow start goes on when the RTT falls again',
      native=NATIVE_HYSTART)
def _(c):
    slow_start(c)
    watched(c, RTT + 0.020)
    if not 1.2 < watched(c, RTT + 0.020) < 1.3:
        c.fail('no conservative slow start')
    watched(c, RTT)
    if watched(c, RTT) < 1.9:
        c.fail('cwnd does not double again')


if __name__ == '__main__':
    main()
