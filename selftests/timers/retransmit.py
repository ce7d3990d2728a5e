#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Retransmission: the RTO, its back-off, and when to give up."""

import path	# noqa: F401
from harness import ANY, case, main

RTO_MIN, RTO_MAX = 0.2, 120


def back_off(c, flags, count, **what):
    """The next retransmissions, with doubling gaps from the minimum RTO."""
    for i in range(count):
        c.expect(flags, seq=1, after=min(RTO_MIN * 2 ** i, RTO_MAX), **what)


@case('6298-6 MUST-19 MUST-20 SHLD-10 SHLD-11 the RTO doubles up to 120 s, '
      'ETIMEDOUT after 15 retransmissions')
def _(c):
    c.established()
    c.send(10)
    c.expect('PA', seq=1, len=10)
    c.mark()
    back_off(c, 'PA', 15, len=10)
    c.failed('ETIMEDOUT', after=RTO_MAX)
    c.state('CLOSED')
    c.silent()


@case('MUST-21 the knob retries2 moves the limit')
def _(c):
    c.knob('retries2', 4)
    c.established()
    c.send(10)
    c.expect('PA', seq=1, len=10)
    back_off(c, 'PA', 4, len=10)
    c.failed('ETIMEDOUT', after=3.2)


@case('SHLD-9 SHLD-20 from R1 on a program that asked for errors is told, '
      'once', native='it is not')
def _(c):
    recverr = 'IP_RECVERR' if c.family == 4 else 'IPV6_RECVERR'
    for wanted in True, False:
        twin = c.sibling().established()
        if wanted:
            twin.sock.setsockopt(*{4: (0, 11, 1), 6: (41, 25, 1)}[c.family])
            twin.note('setsockopt(%s) = ok' % recverr)
        twin.send(10)
        twin.expect('PA', seq=1, len=10)
        back_off(twin, 'PA', 3, len=10)
        twin.error(0)
        twin.expect('PA', seq=1, len=10, after=1.6)
        twin.error('ETIMEDOUT' if wanted else 0)
        twin.expect('PA', seq=1, len=10, after=3.2)
        twin.error(0)
        twin.inject('A')
        twin.send(10)
        twin.expect('PA', len=10)
        twin.state('ESTABLISHED')


@case('MAY-4 a retransmission is a new IP packet', families=[4])
def _(c):
    c.established()
    c.send(10)
    seen = {c.expect('PA', seq=1, len=10).raw_ip[4:6]}
    for _ in range(4):
        seen.add(c.expect('PA', seq=1, len=10).raw_ip[4:6])
    c.check(len(seen), 5, 'the number of IP identifiers')


@case('MAY-7 SHLD-16 after the window shrank nothing beyond it is repeated')
def _(c):
    c.established(mss=1000)
    c.send(4000)
    c.take(4)
    c.inject('A', ack=1, win=1500)
    for _ in range(4):
        seg = c.expect('(P)A', seq=ANY, len=ANY)
        if c.rel(seg)[1] > 1501:
            c.fail('sent up to %d, the window ends at 1501' % c.rel(seg)[1])
    c.inject('A', ack=1001, win=3000)
    c.collect(3)
    c.inject('A', ack=4001)
    c.silent(5)
    c.state('ESTABLISHED')


@case('MUST-21 TCP_USER_TIMEOUT 10 s')
def _(c):
    c.established()
    c.setopt('TCP_USER_TIMEOUT', 10000)
    c.send(10)
    c.expect('PA', seq=1, len=10)
    c.mark()
    back_off(c, 'PA', 5, len=10)
    c.failed('ETIMEDOUT', at=10)


@case('MUST-21 TCP_USER_TIMEOUT 3000 s outlasts the retries')
def _(c):
    c.established()
    c.setopt('TCP_USER_TIMEOUT', 3000000)
    c.send(10)
    c.expect('PA', seq=1, len=10)
    c.mark()
    back_off(c, 'PA', 25, len=10)
    c.inject('A')
    c.error(0)
    c.state('ESTABLISHED')


@case('6298-2 the first sample: RTO = R + 4 R/2')
def _(c):
    c.connect()
    c.expect('S')
    c.pause(0.2)
    c.inject('SA')
    c.expect('A')
    c.send(10)
    c.expect('PA', len=10)
    c.expect('PA', seq=1, len=10, after=0.6)


@case('6298-2 the second sample: RTTVAR before SRTT')
def _(c):
    c.connect()
    c.expect('S')
    c.pause(0.2)
    c.inject('SA')
    c.expect('A')
    c.send(10)
    c.expect('PA', len=10)
    c.pause(0.5)
    c.inject('A')
    c.send(10)
    c.expect('PA', seq=11, len=10)
    c.expect('PA', seq=11, len=10, after=0.2375 + 4 * 0.150)


@case('6298-3 the minimum RTO is 200 ms')
def _(c):
    c.established()
    for _ in range(10):
        c.send(10)
        c.expect('PA', len=10)
        c.inject('A')
    c.send(10)
    c.expect('PA', seq=101, len=10)
    c.expect('PA', seq=101, len=10, after=RTO_MIN)


@case('6298-4 6298-8 MUST-18 Karn: no sample from a repeated segment, '
      'the RTO stays backed off')
def _(c):
    c.established()
    c.send(10)
    c.expect('PA', seq=1, len=10)
    c.expect('PA', seq=1, len=10, after=RTO_MIN)
    c.expect('PA', seq=1, len=10, after=2 * RTO_MIN)
    c.pause(0.3)
    c.inject('A')
    c.send(10)
    c.expect('PA', seq=11, len=10)
    c.expect('PA', seq=11, len=10, after=4 * RTO_MIN)


@case('6298-8 a sample from new data ends the back-off')
def _(c):
    c.established()
    c.send(10)
    c.expect('PA', seq=1, len=10)
    back_off(c, 'PA', 4, len=10)
    c.inject('A')
    c.send(10)
    c.expect('PA', seq=11, len=10)
    c.inject('A')
    c.send(10)
    c.expect('PA', seq=21, len=10)
    c.expect('PA', seq=21, len=10, after=RTO_MIN)


@case('6298-5 the timer is not restarted by sending')
def _(c):
    c.established()
    c.setopt('TCP_NODELAY', 1)
    c.send(10)
    c.expect('PA', seq=1, len=10)
    c.mark()
    c.pause(0.1)
    c.send(10)
    c.expect('PA', seq=11, len=10)
    c.expect('(P)A', seq=1, at=RTO_MIN, len=ANY)


@case('6298-5 the timer is restarted by an ACK of new data')
def _(c):
    c.established()
    c.setopt('TCP_NODELAY', 1)
    c.send(10)
    c.expect('PA', seq=1, len=10)
    c.send(10)
    c.expect('PA', seq=11, len=10)
    c.mark()
    c.silent_until(0.1)
    c.inject('A', ack=11)
    c.mark()
    c.expect('PA', seq=11, len=10, between=(0.195, 1))


@case('5681-4 MUST-19 after a timeout one segment, then slow start',
      native='four segments follow the first ACK on some kernels')
def _(c):
    c.established()
    c.send(6 * c.mss)
    c.collect()
    c.expect('(P)A', seq=1, len=c.mss, between=(0.1, 0.4))
    c.silent(0.1)
    c.inject('A', ack=1 + c.mss)
    got = c.collect()
    if not 1 <= len(got) <= 2:
        c.fail('%d segments after the first ACK' % len(got))


@case('MUST-56 2525-1 an orphan goes on after a soft error')
def _(c):
    c.established()
    c.send(100)
    c.expect('PA', len=100)
    c.icmp((3, 1), (1, 3))
    c.close()
    c.expect('FA')
    c.expect('(F)PA', seq=1, len=100, between=(0.1, 2.5))
    c.expect('(F)PA', seq=1, len=100, between=(0.2, 5))
    c.inject('A', ack=102)
    c.inject('FA', ack=102)
    c.expect('A')


@case('2525-1 the FIN is repeated, FIN-WAIT-1 of an orphan ends')
def _(c):
    c.established()
    c.close()
    c.expect('FA', seq=1)
    for i in range(7):
        c.expect('FA', seq=1, after=RTO_MIN * 2 ** i)
    c.state('FIN_WAIT_1')
    while c.pull(130):
        pass
    c.state('CLOSED')


@case('2525-1 data queued behind the lost segment go with it')
def _(c):
    c.established()
    c.send(10)
    c.expect('PA', seq=1, len=10)
    c.send(10)
    c.silent()
    c.expect('PA', seq=1, len=ANY, after=RTO_MIN - 0.01)
    c.inject('A', ack=c.dut_nxt)
    c.collect()
    c.check(c.dut_nxt, 21, 'what was sent')


if __name__ == '__main__':
    main()
