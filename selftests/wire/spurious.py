#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What was no loss after all: F-RTO (RFC 5682), timestamps (RFC 3522), D-SACK
(RFC 3708), and the response to them (RFC 4015)."""

from flight import again, numbers, sacked, seg, sender
from harness import case, main

RTO = (0.1, 1.0)
RTT = 0.03


def timed_out(c, more=20, **offer):
    """Ten in flight; the first was sent again by the timer."""
    if offer.get('sack'):
        c.knob('early_retrans', 0)
    sender(c, 10, more, **offer)
    again(c, 0, between=RTO)
    return c


def variants(c):
    for offer in {}, {'sack': True}:
        yield c.sibling(), offer


# -- F-RTO -----------------------------------------------------------------

@case('5682-1 the first ACK after the timeout: two new segments')
def _(c):
    for twin, offer in variants(c):
        timed_out(twin, **offer)
        twin.inject('A', ack=seg(twin, 1))
        twin.check(numbers(twin, twin.collect(0.02)), [10, 11], 'sent')
        twin.abort()


@case('5682-2 then an ACK of what was sent once: the timeout was spurious')
def _(c):
    for twin, offer in variants(c):
        timed_out(twin, **offer)
        twin.inject('A', ack=seg(twin, 1))
        twin.take(2)
        twin.inject('A', ack=seg(twin, 2))
        got = numbers(twin, twin.collect(0.02))
        if [n for n in got if n < 12]:
            twin.fail('%s were sent again' % got)
        info = twin.info()
        if info['snd_cwnd'] < 10 or info['ca_state'] == 4:
            twin.fail('cwnd %(snd_cwnd)d in state %(ca_state)d' % info)
        twin.abort()


@case('5682-2 or a SACK of what was sent once')
def _(c):
    timed_out(c, sack=True)
    c.inject('A', ack=seg(c, 1))
    c.take(2)
    sacked(c, (2, 3), ack=1)
    c.collect(0.005)
    if c.info()['ca_state'] == 4:
        c.fail('it is in loss yet')


@case('5682-3 a duplicate ACK in step 2: all is sent again',
      native='F-RTO goes on')
def _(c):
    timed_out(c)
    c.inject('A', ack=1)
    c.inject('A', ack=seg(c, 1))
    c.check(numbers(c, c.collect(0.02)), [1, 2], 'sent')


@case('5682-3 a duplicate ACK of the new segments: all is sent again')
def _(c):
    for twin, offer in variants(c):
        timed_out(twin, **offer)
        twin.inject('A', ack=seg(twin, 1))
        twin.take(2)
        if offer:
            sacked(twin, (10, 11), ack=1)
        else:
            twin.inject('A', ack=seg(twin, 1))
        got = numbers(twin, twin.collect(0.02))
        twin.check(got[:1], [1], 'sent again')
        twin.abort()


@case('5682-4 nothing new to send: all is sent again')
def _(c):
    timed_out(c, 0)
    c.inject('A', ack=seg(c, 1))
    c.check(numbers(c, c.collect(0.02)), [1, 2], 'sent')


@case('5682-4 no window for new data: all is sent again')
def _(c):
    timed_out(c)
    c.inject('A', ack=seg(c, 1), win=9 * c.size)
    c.check(numbers(c, c.collect(0.02)), [1, 2], 'sent')


@case('5682-5 not after the second timeout of the same segment',
      native='F-RTO goes on')
def _(c):
    timed_out(c)
    again(c, 0, between=(0.2, 2.0))
    c.inject('A', ack=seg(c, 1))
    c.check(numbers(c, c.collect(0.02)), [1, 2], 'sent')


@case('5682-1 with frto = 0 all is sent again')
def _(c):
    c.knob('frto', 0)
    timed_out(c)
    c.inject('A', ack=seg(c, 1))
    c.check(numbers(c, c.collect(0.02)), [1, 2], 'sent')


# -- timestamps and D-SACK -------------------------------------------------

def recovering(c, **offer):
    """Ten in flight, of which the first was sent again without need."""
    sender(c, 10, 0, sack=True, **offer)
    c.pause(RTT)
    c.old = c.ts_recent
    sacked(c, (1, 5))
    again(c, 0)
    c.check(c.info()['ca_state'], 3, 'ca_state')
    if c.info()['snd_ssthresh'] > 7:
        c.fail('ssthresh %(snd_ssthresh)d' % c.info())


def undone(c):
    info = c.info()
    if info['snd_ssthresh'] < 1000 or info['snd_cwnd'] < 10 or \
            info['ca_state'] == 3:
        c.fail('ssthresh %(snd_ssthresh)d, cwnd %(snd_cwnd)d in state '
               '%(ca_state)d' % info)


@case('3522-1 4015-1 an ACK older than the retransmission takes it back')
def _(c):
    recovering(c, ts=True)
    c.inject('A', ack=seg(c, 5), ts=(c.ts_val, c.old))
    undone(c)
    c.silent(0.02)


@case('3522-1 an ACK of the retransmission does not')
def _(c):
    recovering(c, ts=True)
    c.pause(RTT)
    c.inject('A', ack=seg(c, 5))
    if c.info()['snd_ssthresh'] > 7:
        c.fail('ssthresh %(snd_ssthresh)d' % c.info())


@case('3522-1 4015-1 a timeout is taken back as well')
def _(c):
    sender(c, 10, 20, ts=True)
    old = c.ts_recent
    again(c, 0, between=RTO)
    c.inject('A', ack=seg(c, 5), ts=(c.ts_val, old))
    got = numbers(c, c.collect(0.02))
    if not got or min(got) < 10:
        c.fail('sent: %s' % got)
    undone(c)


@case('3708-1 D-SACKs of all that was sent again take the reduction back')
def _(c):
    recovering(c)
    c.inject('A', ack=seg(c, 6), sack=[(seg(c, 0), seg(c, 1))])
    undone(c)


@case('3708-1 a D-SACK of something else does not')
def _(c):
    sender(c, 10, 20, sack=True)
    c.pause(RTT)
    c.inject('A', ack=seg(c, 2))
    c.collect(0.002)
    c.pause(RTT)
    sacked(c, (4, 8), ack=2)
    c.collect(0.002)
    before = c.info()['snd_ssthresh']
    c.inject('A', ack=seg(c, 8), sack=[(seg(c, 0), seg(c, 1))])
    c.check(c.info()['snd_ssthresh'], before, 'ssthresh')


if __name__ == '__main__':
    main()
