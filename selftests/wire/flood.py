#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""More than a listener has room for: SYNs, their data, final ACKs."""

import time

from harness import case, main
from syns import Syns

BACKLOG = 8


def rows(c, state):
    return [row for row in c.rows()
            if row[0] == c.dut_port and row[3] == state]


def half_open(c):
    return len(rows(c, 'SYN_RECEIVED'))


def pending(c, count):
    """Connections that wait for accept()."""
    twins = [c.sibling().half_open() for _ in range(count)]
    for twin in twins:
        twin.inject('A')
        twin.state('ESTABLISHED')
    return twins


def echo(c):
    c.inject('PA', len=100)
    c.recv(100)
    c.send(100)
    c.collect()
    c.inject('A')


@case('4987-1 ten times the backlog of SYNs: connections are unharmed')
def _(c):
    c.listen(BACKLOG)
    alive = c.sibling().accepted()
    waiting = pending(c, BACKLOG // 2)
    syns = Syns(c)
    for _ in range(10):
        syns.send(BACKLOG)
        echo(alive)
    c.check(half_open(c), BACKLOG + 1, 'half-open connections')
    for twin in waiting:
        twin.accept()
        echo(twin)
    c.sibling().accepted()
    syns.drain()


@case('4987-1 the same without cookies, and none comes in')
def _(c):
    c.knob('syncookies', 0)
    c.listen(BACKLOG)
    alive = c.sibling().accepted()
    syns = Syns(c)
    with c.stack.counts(ReqQFullDrop=9 * BACKLOG - 1,
                        ListenDrops=9 * BACKLOG - 1):
        syns.send(10 * BACKLOG)
    echo(alive)
    c.check(half_open(c), BACKLOG + 1, 'half-open connections')
    syns.drain()
    c.inject('S', seq=0)
    c.silent()


@case('4987-1 max_syn_backlog bounds half-open connections, too',
      native='means something else there')
def _(c):
    c.knob('max_syn_backlog', 3)
    c.listen(BACKLOG)
    syns = Syns(c)
    with c.stack.counts(ReqQFullDoCookies=7, ListenDrops=0):
        syns.send(10)
    c.check(half_open(c), 3, 'half-open connections')
    syns.drain()


@case('4987-1 listen() again changes the room')
def _(c):
    c.listen(1)
    with c.stack.counts(SyncookiesSent=2):
        for _ in range(4):
            c.sibling().half_open()
    c.lsock.listen(3)
    with c.stack.counts(SyncookiesSent=1):
        for _ in range(3):
            c.sibling().half_open()


def slab(name):
    """Objects of a slab cache that are in use."""
    with open('/proc/slabinfo') as f:
        for line in f:
            word = line.split()
            if word[0] == name:
                return int(word[1])
    return 0


@case('SEC-14 a flood of SYNs: honest connections get in, memory is flat')
def _(c):
    """A hundred SYNs, one honest connection, and so on."""
    c.listen(BACKLOG)
    alive = c.sibling().accepted()
    syns = Syns(c)
    syns.send(1000)
    before, requests = c.stack.counters(), slab('tcpx_request')
    for _ in range(60):
        syns.send(100)
        syns.drain()
        twin = c.sibling().accepted()
        echo(twin)
        twin.finish()
        c.children.remove(twin)
        echo(alive)
        c.check(half_open(c) <= BACKLOG + 1, True,
                'that half-open connections are bounded')
    if not c.stack.native:
        c.check(c.stack.counters()['MemoryPages'], before['MemoryPages'],
                'MemoryPages')
        # A freed one stays for a grace period.
        c.check(slab('tcpx_request') <= requests + 1000, True,
                'that requests are freed')
    syns.drain()


@case('SEC-29 TIME-WAIT is bounded by max_tw_buckets, counted, and over',
      native='the least of its knob is not what is in use')
def _(c):
    room, over = 20, 15
    c.abort_all()
    c.knob('max_tw_buckets', room)
    begun = c.stack.counters()['TimeWait']
    c.check(begun <= room, True, 'that there is room')
    with c.stack.counts(TimeWaitOverflow=over):
        twins = [c.sibling().time_wait() for _ in range(room - begun + over)]
    c.check(c.stack.counters()['TimeWait'], room, 'TimeWait')
    for twin in twins[:room - begun]:	# the first ones keep theirs
        twin.state('TIME_WAIT')
    last = twins[-1]			# the last were closed at once
    last.state('CLOSED')
    last.inject('FA', seq=1, ack=2, void=True)
    last.expect('R', seq=2)
    c.sibling().established()		# others are not concerned
    c.knob('max_tw_buckets', 1000)
    c.sibling().time_wait().state('TIME_WAIT')


@case('SEC-15 a SYN that comes again and again: two answers a second at most')
def _(c):
    c.no_timeouts()
    c.half_open()
    begun = time.monotonic()
    for _ in range(200):
        c.inject('S', seq=0)
    answers = len(c.collect(0.05))
    if answers > 1 + 2 * (time.monotonic() - begun):
        c.fail('%d answers' % answers)
    c.state('SYN_RECEIVED')


@case('SEC-32 4987-6 accept queue: one more than the backlog, then no SYN')
def _(c):
    c.listen(2)
    waiting = pending(c, 3)
    with c.stack.counts(ListenOverflows=30, ListenDrops=30, PassiveOpens=0,
                        SyncookiesSent=0):
        for _ in range(30):
            c.sibling().inject('S', seq=0)
    c.check(half_open(c), 0, 'half-open connections')
    for twin in waiting:
        twin.silent(0.001)
        twin.state('ESTABLISHED')
        twin.accept()
        echo(twin)
    c.sibling().accepted()


@case('SEC-32 4987-6 ten times the backlog of final ACKs: the rest waits')
def _(c):
    c.no_timeouts()
    c.listen(2)
    late = [c.sibling().half_open() for _ in range(3)]
    waiting = []
    for _ in range(3):		# by cookies: the queue is full
        waiting.append(c.sibling().half_open())
        waiting[-1].inject('A')
    overflows = 0
    for twin in late * 7:
        with c.stack.counts(ListenOverflows=1, PassiveOpens=0):
            twin.inject('A', seq=1, ack=1)
            overflows += 1
    c.check(half_open(c), 3, 'half-open connections')
    for twin in late + waiting:
        twin.silent(0.001)
    for twin in waiting:
        twin.accept()
        echo(twin)
    for twin in late:
        twin.inject('PA', len=20)
        twin.expect('A')
        twin.accept()
        twin.recv(20)
    c.lsock.close()


@case('4987-6 abort_on_overflow 1: the final ACK gets a RST')
def _(c):
    c.knob('abort_on_overflow', 1)
    c.listen(1)
    late = c.sibling().half_open()
    waiting = pending(c, 2)
    late.inject('A', void=True)
    late.expect('R', seq=1)
    late.state('CLOSED')
    for twin in waiting:
        twin.accept()
        echo(twin)


@case('4987-6 a closed listener resets those that nobody accepted')
def _(c):
    c.listen(4)
    waiting = pending(c, 3)
    opening = c.sibling().half_open()
    c.close_listener()
    for twin in waiting:
        twin.expect('R(A)', seq=1)
    opening.silent(0.001)
    opening.inject('A', seq=1, ack=1, void=True)
    opening.expect('R', seq=1)
    c.check(list(rows(c, 'ESTABLISHED') + rows(c, 'SYN_RECEIVED')), [],
            'what is left')


@case('SEC-43 SYNs with 60 kB of data take no memory')
def _(c):
    c.listen(BACKLOG)
    syns = Syns(c, data=bytes(60000))
    counters = c.stack.counters()
    syns.send(500)
    c.check(half_open(c), BACKLOG + 1, 'half-open connections')
    if not c.stack.native:
        c.check(c.stack.counters()['MemoryPages'], counters['MemoryPages'],
                'MemoryPages')
    syns.drain()
    c.sibling().accepted()


@case('SEC-43 the data of a SYN are sent again and delivered once')
def _(c):
    c.listen()
    c.inject('S', seq=0, len=100)
    c.expect('SA', seq=0, ack=1)
    c.inject('PA', seq=1, len=100)
    c.expect('A', ack=101)
    c.accept()
    c.recv(100)
    c.recv_nothing()


@case('RACE-13 two SYNs of one connection make one request')
def _(c):
    c.listen()
    c.inject('S', seq=0)
    c.inject('S', seq=0)
    c.expect('SA', seq=0, ack=1)
    c.check(half_open(c), 1, 'half-open connections')
    with c.stack.counts(PassiveOpens=1):
        c.inject('A')
    c.accept()
    c.no_accept()


@case('RACE-13 final ACKs that come many times make one connection')
def _(c):
    c.half_open()
    with c.stack.counts(PassiveOpens=1):
        for _ in range(5):
            c.inject('A', seq=1)
        c.inject('PA', len=10)
        c.inject('PA', seq=1, len=10)
        c.collect()
    c.accept()
    c.recv(10)
    c.recv_nothing()
    c.no_accept()


if __name__ == '__main__':
    main()
