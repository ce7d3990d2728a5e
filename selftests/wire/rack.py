#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""RACK-TLP (RFC 8985): what is late is lost, and probes at the end."""

from flight import again, numbers, sacked, seg, sender
from harness import case, main

RTT = 0.03
REO_WND = RTT / 4
SLACK = 0.004


def about(t):
    return {'between': (t - SLACK, t + SLACK)}


def flight(c, segments=10, more=0, **offer):
    """A round trip later."""
    sender(c, segments, more, sack=True, **offer)
    c.pause(RTT)
    return c


# -- 6: losses -------------------------------------------------------------

@case('8985-2 8985-3 9937-3 one SACKed: lost after a quarter of the RTT',
      native='its timers count jiffies')
def _(c):
    flight(c)
    sacked(c, (1, 2))
    again(c, 0, **about(REO_WND))


@case('8985-3 DupThresh SACKed, nothing was reordered: lost at once')
def _(c):
    flight(c)
    sacked(c, (1, 4))
    again(c, 0, between=(0, 0.003))


@case('8985-3 after reordering DupThresh does not close the window',
      native='its timers count jiffies')
def _(c):
    flight(c, 10, 30)
    sacked(c, (1, 2))
    c.inject('A', ack=seg(c, 2))
    c.collect(0.001)
    c.pause(RTT)
    sacked(c, (3, 8), ack=2)
    c.collect(0.001)
    again(c, 2, between=(REO_WND - 2 * SLACK, REO_WND + SLACK))


@case('8985-3 the original arrives in the window: nothing is sent again')
def _(c):
    flight(c, 10)
    sacked(c, (1, 2))
    c.pause(REO_WND / 2)
    c.inject('A', ack=seg(c, 2))
    c.pause(REO_WND)
    c.inject('A', ack=seg(c, 10))
    c.silent()


@case('8985-2 what was sent at one time is judged by sequence number')
def _(c):
    flight(c, 10, 10)
    sacked(c, (4, 7))
    sent = numbers(c, c.collect(0.002))
    c.check([n for n in sent if n < 10], list(range(len(sent))),
            'sent again, first')
    sacked(c, (4, 7), (8, 9))
    sent += numbers(c, c.collect(0.002))
    if 9 in sent:
        c.fail('9 is not older than 8')


@case('8985-2 a lost retransmission is found without a timeout')
def _(c):
    c.knob('rto_min_us', 5000000)
    flight(c, 10, 40)
    sacked(c, (1, 10))
    sent = numbers(c, c.collect(0.002))
    c.check(sent[0], 0, 'the retransmission')
    c.check(sent[1:], list(range(10, 9 + len(sent))), 'new data')
    c.pause(RTT)
    sacked(c, (10, 11), (1, 10))
    again(c, 0, between=(0, 0.05))


@case('8985-2 5681-9 a lost retransmission is a second loss: reduced again',
      native='it is not')
def _(c):
    flight(c, 10, 40)
    sacked(c, (1, 10))
    c.collect(0.002)
    c.check(c.info()['snd_ssthresh'], 5, 'ssthresh')
    c.pause(RTT)
    sacked(c, (10, 11), (1, 10))
    again(c, 0)
    c.check(c.info()['snd_ssthresh'], 3, 'ssthresh, rounded up')


@case('8985-2 5681-9 but once for those of one round trip',
      native='it is not')
def _(c):
    c.knob('initial_window', 20)
    flight(c, 20, 40)
    sacked(c, (15, 20))
    c.check(numbers(c, c.collect(0.002)), [0, 1, 2, 3, 4], 'sent again')
    c.check(c.info()['snd_ssthresh'], 10, 'ssthresh')
    c.pause(RTT)
    sacked(c, (1, 2), (15, 20))
    c.collect(0.002)
    c.check(c.info()['snd_ssthresh'], 5, 'ssthresh, 0 was lost again')
    sacked(c, (3, 4), (1, 2), (15, 20))
    c.collect(0.002)
    c.check(c.info()['snd_ssthresh'], 5, 'ssthresh, 2 was, too')


def spurious(c, at):
    """One segment is sent again in vain; a D-SACK says so."""
    c.pause(RTT)
    sacked(c, (at + 1, at + 9), ack=at)
    again(c, at)
    c.collect(0.001)
    c.inject('A', ack=seg(c, at + 10), sack=[(seg(c, at), seg(c, at + 1))])
    c.collect(0.001)
    return at + 10


def widened(c):
    """Reordering, and a D-SACK after it; the first segment not acknowledged."""
    flight(c, 10, 400)
    sacked(c, (1, 2))
    c.inject('A', ack=seg(c, 2))
    c.collect(0.001)
    c.pause(RTT)
    c.inject('A', ack=seg(c, 10))
    c.collect(0.001)
    return spurious(c, 10)


def late(c, at, window):
    """All of a flight but its first: that is sent again after `window`."""
    c.pause(RTT)
    sacked(c, (at + 1, at + 2), ack=at)
    c.collect(0.001)
    again(c, at, **about(window))


@case('8985-4 a D-SACK widens the window by as much again',
      native='its timers count jiffies')
def _(c):
    late(c, widened(c), 2 * REO_WND)


@case('8985-4 for 16 recoveries, then it is as before',
      native='its timers count jiffies')
def _(c):
    at = widened(c)
    for n in range(1, 18):
        late(c, at, 2 * REO_WND if n <= 16 else REO_WND)
        c.pause(RTT)
        at = (c.dut_nxt - 1) // c.size
        c.inject('A', ack=c.dut_nxt)
        c.collect(0.001)


@case('8985-5 the ACK of the original does not date the retransmission')
def _(c):
    for ts in False, True:
        twin = c.sibling()
        flight(twin, 10, ts=ts)
        old = twin.ts_recent if ts else None
        sacked(twin, (1, 4))
        again(twin, 0)
        twin.inject('A', ack=seg(twin, 4),
                    ts=(twin.ts_val, old) if ts else None)
        sent = numbers(twin, twin.collect(0.02))
        if [n for n in sent if 4 <= n < 9]:
            twin.fail('%s were sent again' % sent)
        twin.abort()


@case('8985-6 a timeout: what was sent of late is not lost',
      native='the timer wheel may be late')
def _(c):
    c.knob('early_retrans', 0)
    c.knob('frto', 0)
    flight(c, 5, 5)
    c.inject('A')
    c.take(5)
    c.inject('A')
    c.send(5 * c.size)
    c.take(5)
    c.pause(c.info()['rto'] / 1e6 - 0.01)
    c.send(5 * c.size)
    c.take(5)
    again(c, 10, between=(0, 0.05))
    c.inject('A', ack=seg(c, 15))
    c.silent(0.02)


# -- 7: tail loss probes ---------------------------------------------------

@case('8985-7 8985-8 the last segment again after two round trips',
      native='its timers count jiffies')
def _(c):
    sender(c, sack=True)
    again(c, 9, **about(2 * RTT))


@case('8985-8 new data, if there are any',
      native='its timers count jiffies')
def _(c):
    sender(c, 10, 10, sack=True)
    again(c, 10, **about(2 * RTT))
    again(c, 0, after=0.2)


@case('8985-8 no new data beyond the window of the peer',
      native='its timers count jiffies')
def _(c):
    sender(c, 10, 10, sack=True, win=10500)
    again(c, 9, **about(2 * RTT))


@case('8985-7 a single segment: time for a delayed ACK, and no later than RTO')
def _(c):
    sender(c, 1, sack=True)
    again(c, 0, between=(0.19, 0.27))


@case('8985-7 a single segment with FIN: no time for a delayed ACK',
      native='it allows for it')
def _(c):
    sender(c, 1, sack=True)
    c.inject('A')
    c.pause(0.3)
    c.send(c.size)
    c.shutdown()
    c.expect('PA', len=c.size)
    c.expect('FA')
    c.inject('A', ack=seg(c, 2))
    c.expect('FA', seq=seg(c, 2), between=(0.03, 0.1))


@case('8985-7 without a sample of the round trip: a second')
def _(c):
    c.peer(mss=1000, sack=True)
    c.connect()
    c.expect('S', seq=0)
    c.expect('S', seq=0)
    c.inject('SA')
    c.expect('A')
    c.size = 1000
    c.send(3 * c.size)
    c.take(3)
    again(c, 2, between=(0.97, 1.1))


@case('8985-8 one probe, then the timeout')
def _(c):
    sender(c, sack=True)
    again(c, 9)
    again(c, 0, after=0.2)
    c.silent(0.1)


@case('8985-8 no probe without SACK, nor with early_retrans = 0')
def _(c):
    sender(c)
    again(c, 0, after=0.2)
    c.abort()
    c.knob('early_retrans', 0)
    twin = c.sibling()
    sender(twin, sack=True)
    again(twin, 0, after=0.2)


@case('8985-8 the SACK of a probe shows what is missing',
      native='its timers count jiffies')
def _(c):
    sender(c, sack=True)
    again(c, 9, **about(2 * RTT))
    c.pause(RTT)
    sacked(c, (9, 10), ack=5)
    got = numbers(c, c.take(1))
    c.check(got, [5], 'sent again')


@case('8985-9 a loss that the probe repaired is a loss',
      native='the window stays')
def _(c):
    sender(c, 10, 0, sack=True)
    again(c, 9)
    c.pause(RTT)
    c.inject('A', ack=seg(c, 10))
    c.check(c.info()['snd_cwnd'] >= 10, True, 'the window is as it was')
    c.send(c.size)
    again(c, 10)
    c.pause(RTT)
    c.inject('A', ack=seg(c, 11))
    c.check(c.info()['snd_ssthresh'] <= 10, True, 'ssthresh is set')


@case('8985-9 a probe that was not needed changes nothing')
def _(c):
    sender(c, 10, 0, sack=True)
    again(c, 9)
    c.pause(RTT)
    c.inject('A', ack=seg(c, 10), sack=[(seg(c, 9), seg(c, 10))])
    c.send(c.size)
    again(c, 10)
    c.pause(RTT)
    c.inject('A', ack=seg(c, 11))
    if c.info()['snd_ssthresh'] < 1000:
        c.fail('ssthresh %(snd_ssthresh)d' % c.info())


@case('8985-10 reordering timer, no probe, then the timeout',
      native='its timers count jiffies')
def _(c):
    flight(c)
    sacked(c, (1, 2))
    again(c, 0, **about(REO_WND))
    again(c, 0, after=0.2)


@case('8985-1 SACKed bytes without SACK agreed upon mean nothing')
def _(c):
    sender(c)
    c.pause(RTT)
    sacked(c, (1, 4))
    c.silent(0.05)


if __name__ == '__main__':
    main()
