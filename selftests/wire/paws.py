#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Timestamps and PAWS, RFC 7323: what is dropped, and what is believed."""

from harness import case, main

STATES = ('established', 'fin_wait_1', 'fin_wait_2', 'close_wait', 'closing',
          'last_ack', 'time_wait')


def reach(c, state):
    """A connection with timestamps in this state, much later than TSval 1."""
    c.no_timeouts()
    c.knob('invalid_ratelimit', 0)
    c.ts_val = 500000
    c.peer(ts=True)
    getattr(c, state)()
    c.collect(0)
    return c


def old(c):
    return c.ts_val - 1000, c.ts_recent


@case('7323-6 PAWS in every synchronized state: an ACK, nothing else')
def _(c):
    for state in STATES:
        twin = reach(c.sibling(), state)
        before = twin.find_state()
        for flags, size in ('A', 0), ('PA', 10), ('FA', 0), ('FPA', 10):
            twin.inject(flags, len=size, ts=old(twin), void=True)
            twin.expect('A', seq=twin.dut_nxt, ack=twin.nxt)
        twin.state(before)


@case('7323-6 PAWS: half of all timestamps ahead is not old')
def _(c):
    c.established(ts=True)
    recent = c.ts_val
    c.inject('PA', len=10, ts=(recent + (1 << 31) + 1, c.ts_recent), void=True)
    c.check(c.expect('A', ack=1).option('ts')[1], recent, 'TSecr')
    c.recv_nothing()
    c.inject('PA', len=10, ts=(recent + (1 << 31), c.ts_recent))
    c.check(c.expect('A').option('ts')[1], recent + (1 << 31), 'TSecr')
    c.recv(10)


@case('7323-4 without the timestamps that were agreed upon: silence',
      native='they are processed')
def _(c):
    for state in STATES:
        twin = reach(c.sibling(), state)
        before = twin.find_state()
        dropped = c.stack.counters().get('TSMissing', 0)
        for flags, size in ('A', 0), ('PA', 10), ('FA', 0):
            twin.inject(flags, len=size, opts=[], void=True)
        twin.silent()
        twin.state(before)
        if before != 'TIME_WAIT':
            c.check(c.stack.counters()['TSMissing'] - dropped, 3, 'TSMissing')
    twin = reach(c.sibling(), 'established')
    twin.inject('PA', len=10, opts=[], void=True)
    twin.recv_nothing()
    twin.inject('PA', len=10)
    twin.expect('A')
    twin.recv(10)


@case('7323-4 5961-4 a SYN without timestamps is challenged, not ignored')
def _(c):
    for state in STATES:
        twin = reach(c.sibling(), state)
        before = twin.find_state()
        twin.inject('S', seq=twin.nxt - 100000, opts=[('mss', 1460)],
                    void=True)
        twin.expect('A', seq=twin.dut_nxt, ack=twin.nxt)
        twin.state(before)


@case('7323-4 a RST without timestamps resets')
def _(c):
    reach(c, 'established')
    c.inject('R', opts=[])
    c.failed('ECONNRESET')


@case('7323-3 a RST of ours carries timestamps')
def _(c):
    reach(c, 'established')
    c.abort()
    rst = c.expect('RA')
    if not rst.option('ts'):
        c.fail('no timestamps')


@case('7323-5 SEC-39 TSval of a segment whose ACK is out of range counts not',
      native='6.12 drops, but does not answer')
def _(c):
    reach(c, 'established')
    recent = c.ts_val
    for ack in 2, 1 << 24, -(1 << 24):
        poison = c.ts_val + 1000000, c.ts_recent
        c.inject('A', ack=c.dut_nxt + ack, ts=poison, void=True)
        answer = c.expect('A')
        c.check(answer.option('ts')[1], recent, 'TSecr')
    c.inject('PA', len=10)
    c.expect('A')
    c.recv(10)


@case('SEC-39 TSval of segments that are dropped counts not')
def _(c):
    reach(c, 'established')
    poison = c.ts_val + 1000000, c.ts_recent
    for flags, seq in ('R', c.nxt + 10), ('RA', c.nxt - 1), \
            ('S', c.nxt + 10), ('A', c.nxt - 5), ('PA', c.dut_edge):
        c.inject(flags, seq=seq, len=5 * ('P' in flags), ts=poison, void=True,
                 opts=[('ts',) + poison] if 'S' in flags else None)
        c.collect()
    c.inject('PA', len=10)
    c.expect('A')
    c.recv(10)


@case('7323-5 with an ACK delayed, TSecr is of the first segment')
def _(c):
    reach(c, 'established')
    c.past_quick_acks()
    c.inject('PA', len=10)
    first = c.ts_val
    c.inject('PA', len=10)
    ack = c.expect('A')
    c.check(ack.option('ts')[1], first, 'TSecr')


@case('7323-5 the segment that fills a hole: its own TSval')
def _(c):
    c.peer(ts=True, sack=True)
    c.established()
    c.inject('PA', seq=11, len=10)
    c.expect('A', ack=1)
    c.inject('PA', seq=21, len=10)
    c.expect('A', ack=1)
    c.inject('PA', seq=1, len=10)
    fill = c.ts_val
    ack = c.expect('A', ack=31)
    c.check(ack.option('ts')[1], fill, 'TSecr')


@case('7323-9 an ACK that acknowledges nothing new gives no RTT')
def _(c):
    reach(c, 'established')
    c.send(10)
    c.expect('PA', len=10)
    c.inject('A')
    before = c.info()['rtt']
    for age in 5000, 60000:
        c.inject('A', ts=(c.ts_val + 1, c.ts_recent - age), void=True)
        c.ts_val += 1
    c.collect()
    c.check(c.info()['rtt'], before, 'SRTT')


@case('7323-3 TSecr counts with the ACK bit only; ours is 0 in a SYN',
      native='after a simultaneous open its window is scaled')
def _(c):
    c.peer(ts=True)
    c.connect()
    syn = c.expect('S', seq=0)
    c.check(syn.option('ts')[1], 0, 'TSecr')
    c.ts_recent = 12345			# a SYN without ACK has none to echo
    c.inject('S', seq=0)
    c.expect('SA', seq=0, ack=1)
    c.inject('A')
    c.send(10)
    c.expect('PA', len=10)
    c.inject('A')
    if c.info()['rtt'] > 1000000:
        c.fail('an RTT of %d us' % c.info()['rtt'])


@case('SM-26 7323-6 our TSval wraps: PAWS, TIME-WAIT')
def _(c):
    c.knob('invalid_ratelimit', 0)
    c.ts_val = (1 << 32) - 4
    c.peer(ts=True)
    c.fin_wait_2()
    for _ in range(5):
        c.inject('PA', len=10)
        c.expect('A')
        c.recv(10)
    c.inject('FA', ts=((1 << 32) - 2, c.ts_recent), void=True)
    c.expect('A', ack=c.nxt)
    c.state('FIN_WAIT_2')
    c.inject('FA')
    c.expect('A')
    c.inject('FA', seq=c.nxt - 1, ts=((1 << 32) - 2, c.ts_recent), void=True)
    c.expect('A', ack=c.nxt)
    c.state('TIME_WAIT')


if __name__ == '__main__':
    main()
