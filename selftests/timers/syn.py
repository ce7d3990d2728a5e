#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Opening: SYN and SYN-ACK retransmission, and when to give up."""

import struct

import path	# noqa: F401
from harness import case, main

LADDER = (1, 3, 7, 15, 31, 63)


def classic(c):
    """Native TCP's first SYNs may be spaced evenly; not here."""
    if c.stack.native:
        c.knob('syn_linear_timeouts', 0)


@case('MUST-22 MUST-23 6298-1 SYN at 0 1 3 7 15 31 63 s, ETIMEDOUT at 180 s',
      native='gives up after 127 s')
def _(c):
    classic(c)
    c.connect()
    c.expect('S', seq=0)
    c.mark()
    for t in LADDER:
        c.expect('S', seq=0, at=t)
    c.failed('ETIMEDOUT', at=180)
    c.silent()
    c.state('CLOSED')


@case('TCP_SYNCNT 2: SYN at 0 1 3 s, ETIMEDOUT at 7 s')
def _(c):
    classic(c)
    c.setopt('TCP_SYNCNT', 2)
    c.connect()
    c.expect('S', seq=0)
    c.mark()
    c.expect('S', seq=0, at=1)
    c.expect('S', seq=0, at=3)
    c.failed('ETIMEDOUT', at=7)


@case('a blocking connect() ends with ETIMEDOUT')
def _(c):
    classic(c)
    c.setopt('TCP_SYNCNT', 1)
    c.sock.setblocking(True)
    call = c.background(c.sock.connect, (c.addr, c.port))
    c.expect('S', seq=0)
    c.expect('S', seq=0, after=1)
    call.finish('ETIMEDOUT', after=3)


@case('SO_SNDTIMEO ends a blocking connect(), which goes on')
def _(c):
    classic(c)
    c.socket().setblocking(True)
    c.setopt('SO_SNDTIMEO', struct.pack('ll', 2, 500000))
    call = c.background(c.sock.connect, (c.addr, c.port))
    c.expect('S', seq=0)
    c.expect('S', seq=0, after=1)
    call.finish('EINPROGRESS', after=2.5)
    c.inject('SA')
    c.expect('A')
    c.state('ESTABLISHED')


@case('5482-2 TCP_USER_TIMEOUT bounds the handshake')
def _(c):
    classic(c)
    c.setopt('TCP_USER_TIMEOUT', 5000)
    c.connect()
    c.expect('S', seq=0)
    c.mark()
    c.expect('S', seq=0, at=1)
    c.expect('S', seq=0, at=3)
    c.failed('ETIMEDOUT', at=5)


@case('6928-3 more than one SYN was lost: the first window is one segment')
def _(c):
    for lost, segments in (1, 10), (2, 1):
        twin = c.sibling()
        twin.peer(mss=1000)
        twin.connect()
        for _ in range(lost + 1):
            twin.expect('S', seq=0, within=5)
        twin.inject('SA')
        twin.expect('A')
        twin.send(20000)
        twin.check(len(twin.collect(0.01)), segments, 'the first flight')


@case('6928-3 more than one SYN,ACK was lost: the same')
def _(c):
    for lost, segments in (1, 10), (2, 1):
        twin = c.sibling()
        twin.half_open(mss=1000)
        for _ in range(lost):
            twin.expect('SA', seq=0, ack=1, within=5)
        twin.inject('A')
        twin.accept()
        twin.send(20000)
        twin.check(len(twin.collect(0.01)), segments, 'the first flight')


@case('6298-7 after a repeated SYN the first RTO is 3 s')
def _(c):
    c.connect()
    c.expect('S', seq=0)
    c.expect('S', seq=0, after=1)
    c.inject('SA')
    c.expect('A')
    c.send(10)
    c.expect('PA', len=10)
    c.expect('PA', seq=1, len=10, after=3)


@case('6298-7 after a repeated SYN-ACK the first RTO is 3 s',
      native='it is what the handshake took')
def _(c):
    for ts in False, True:
        twin = c.sibling()
        twin.peer(ts=ts)
        twin.listen()
        twin.inject('S', seq=0)
        twin.expect('SA', seq=0, ack=1)
        twin.expect('SA', seq=0, ack=1, after=1)
        twin.inject('A')
        twin.accept()
        twin.send(10)
        twin.expect('PA', len=10)
        twin.expect('PA', seq=1, len=10, after=3)


@case('SYN-ACK at 0 1 3 7 15 31 s, forgotten at 63 s')
def _(c):
    c.half_open()
    c.mark()
    for t in LADDER[:-1]:
        c.expect('SA', seq=0, ack=1, at=t)
    c.silent_until(62)
    c.state('SYN_RECEIVED')
    c.silent_until(64 if not c.bench.options.wide else 75)
    c.state('CLOSED')
    c.inject('A', seq=1, ack=1, void=True)
    c.expect('R', seq=1)
    c.sibling().accepted()


@case('an active SYN-RECEIVED repeats its SYN-ACK and gives up')
def _(c):
    classic(c)
    c.setopt('TCP_SYNCNT', 2)
    c.simultaneous()
    c.expect('SA', seq=0, ack=1, after=1)
    c.expect('SA', seq=0, ack=1, after=2)
    c.failed('ETIMEDOUT', after=4)


if __name__ == '__main__':
    main()
