#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Zero windows: the persist timer, and sender-side SWS avoidance."""

import path	# noqa: F401
from harness import case, main, seq_diff

RTO_MIN = 0.2


def shut(c):
    """10 bytes wait for a window."""
    c.established()
    c.inject('A', win=0)
    c.send(10)
    c.mark()


def probe(c, after=None, answer=True):
    """One probe: the octet before the window, or one of the data."""
    seg = c.pull(125)
    if seg is None:
        c.fail('no probe came')
    seq = seq_diff(seg.seq, c.dut_iss)
    if (seq, len(seg.data)) not in ((0, 0), (0, 1), (1, 1)):
        c.fail('a probe with seq %d and %d bytes' % (seq, len(seg.data)))
    c.on_time(c.arrived - c.when, after)
    c.when = c.arrived
    if answer:
        c.inject('A', ack=1, win=0)


def gaps(c):
    cap = 120 if c.stack.native else 60
    return (min(RTO_MIN * 2 ** i, cap) for i in range(1000))


@case('MUST-35 MUST-36 MUST-37 SHLD-29 SHLD-30 MAY-8 probes from the RTO, '
      'doubling to 60 s; the connection outlives R2')
def _(c):
    shut(c)
    for gap in gaps(c):
        probe(c, after=gap)
        if c.when - c.zero > 1500:
            break
    c.state('ESTABLISHED')
    c.error(0)
    c.inject('A', ack=1, win=1000)
    c.expect('PA', seq=1, len=10)


@case('SHLD-17 MUST-35 what was sent before the window shrank does not time out')
def _(c):
    c.established(mss=1000)
    c.send(4000)
    c.take(4)
    c.inject('A', ack=1, win=0)
    c.mark()
    while c.when - c.zero < 1800:
        s = c.pull(125)
        if s is None:
            c.fail('no probe came')
        c.when = c.arrived
        c.inject('A', ack=1, win=0)
    c.state('ESTABLISHED')
    c.error(0)
    c.inject('A', ack=1, win=65535)
    while c.dut_nxt < 4001 or c.got.seq != c.dut_iss + 3001:
        c.seen(c.pull(125))
        c.inject('A', ack=c.rel(c.got)[1])
    c.inject('A')
    c.silent(130)


@case('SHLD-17 nobody answers: it does')
def _(c):
    c.knob('retries2', 6)
    c.established(mss=1000)
    c.send(4000)
    c.take(4)
    c.inject('A', ack=1, win=0)
    c.failed('ETIMEDOUT', timeout=130)


@case('SEC-17 CVE-2008-4609 an orphan before a closed window is reaped')
def _(c):
    shut(c)
    c.close()
    answered = 0
    while (s := c.pull(125)) is not None and not s.has('R'):
        c.when = c.arrived
        c.inject('A', ack=1, win=0)
        answered += 1
        if c.elapsed() > 1000:
            c.fail('it lives after %d probes' % answered)
    c.state('CLOSED')
    if answered < 8:
        c.fail('only %d probes' % answered)


@case('SEC-17 SEC-31 five hundred of them, silent peers: all are reaped')
def _(c):
    twins = [c.sibling() for _ in range(500)]
    for twin in twins:
        twin.established()
        twin.inject('A', win=0)
        twin.send(10)
        twin.close()
    while c.bench.receive(c.when + 1000):
        if all(t.find_state() == 'CLOSED' for t in twins[::100]):
            break
    for twin in twins:
        twin.inbox.clear()
    left = [row for row in c.rows() if row[3] not in ('CLOSED', 'LISTEN')]
    c.check(left, [], 'what is left')


@case('SEC-31 an orphan in LAST-ACK whose data nobody takes is reaped')
def _(c):
    c.close_wait()
    c.inject('A', win=0)
    c.send(10)
    c.close()
    while c.pull(125) is not None:
        pass
    c.state('CLOSED')


@case('probes that nobody answers end with ETIMEDOUT')
def _(c):
    c.knob('retries2', 6)
    shut(c)
    for gap in list(gaps(c))[:6]:
        probe(c, after=gap, answer=False)
    c.failed('ETIMEDOUT', timeout=125)


@case('an answered probe starts the count again')
def _(c):
    c.knob('retries2', 4)
    shut(c)
    for i in range(12):
        probe(c, answer=i % 3 == 2)
    c.state('ESTABLISHED')


@case('5482-2 TCP_USER_TIMEOUT bounds a closed window')
def _(c):
    c.established()
    c.setopt('TCP_USER_TIMEOUT', 5000)
    c.inject('A', win=0)
    c.send(10)
    c.mark()
    for gap in list(gaps(c))[:4]:
        probe(c, after=gap, answer=False)
    c.failed('ETIMEDOUT', timeout=10)
    if not 3 <= c.elapsed() <= 7:
        c.fail('gave up after %.3f s' % c.elapsed())


@case('SEC-40 CVE-2024-41007 a closed window, data in flight, and '
      'TCP_USER_TIMEOUT: few segments, then the end')
def _(c):
    for flying in False, True:
        twin = c.sibling()
        twin.socket()
        twin.setopt('TCP_USER_TIMEOUT', 3000)
        twin.established(mss=1000)
        if flying:
            twin.send(2000)
            twin.take(2)
        twin.inject('A', ack=1, win=0)
        if not flying:
            twin.send(2000)
        twin.mark()
        sent = 0
        while twin.pull(0.001 if twin.find_state() == 'CLOSED' else 5):
            sent += 1
            if sent > 20:
                c.fail('%d segments in %.3f s' % (sent, twin.elapsed()))
        twin.error('ETIMEDOUT')
        if not 2 <= twin.elapsed() <= 12:
            c.fail('it ended after %.3f s' % twin.elapsed())
        twin.state('CLOSED')


@case('MUST-38 a window below a segment is used after 0.1 to 1 s')
def _(c):
    c.established()
    c.inject('A', win=100)
    c.send(500)
    c.expect('A(P)', seq=1, len=100, between=(0.1, 1.0))
    c.inject('A', win=65535)
    c.expect('PA', seq=101, len=400)


if __name__ == '__main__':
    main()
