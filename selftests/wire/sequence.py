#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The first check: which sequence numbers are acceptable (SM-10, SM-12), and
where it must not stand in the way of an ACK (SM-24)."""

import time

from harness import case, main, seq_diff

KEEP, REFUSE, TAKE = 'processed', 'answered and dropped', 'taken'


def shut(c):
    """A connection whose receive window is closed."""
    c.knob('invalid_ratelimit', 0)
    return c.shut()


@case('SM-10 an open window: text and none at its four edges',
      native='the ACK at the right edge is processed')
def _(c):
    c.knob('invalid_ratelimit', 0)
    for size in 0, 1:
        for place in 'RCV.NXT - 1', 'RCV.NXT', 'edge - 1', 'edge':
            twin = c.sibling().established()
            low, high = twin.nxt, twin.dut_edge
            seq = {'RCV.NXT - 1': low - 1, 'RCV.NXT': low,
                   'edge - 1': high - 1, 'edge': high}[place]
            twin.inject('PA' if size else 'A', seq=seq, len=size, void=True)
            twin.note('%d octets at %s' % (size, place))
            if size and place == 'RCV.NXT':
                twin.nxt += 1
                twin.expect('A', ack=low + 1)
                twin.recv(1)
            elif size or place in ('RCV.NXT - 1', 'edge'):
                twin.expect('A', ack=low)
                twin.recv_nothing()
            else:
                twin.silent()


@case('SM-10 SM-12 a segment at the right edge acknowledges nothing',
      native='the ACK at the right edge is processed')
def _(c):
    c.knob('invalid_ratelimit', 0)
    for size in 0, 1, 100:
        twin = c.sibling().established()
        twin.send(10)
        twin.expect('PA', len=10)
        twin.inject('PA' if size else 'A', seq=twin.dut_edge, len=size,
                    ack=11, void=True)
        twin.expect('A', seq=11, ack=twin.nxt)
        twin.check(twin.info()['unacked'], 1, 'segments not acknowledged')


@case('SM-10 a closed window: only an empty segment at RCV.NXT is acceptable',
      native='the ACK above a closed window is processed')
def _(c):
    shut(c)
    for size in 0, 1:
        for off in -1, 0, 1, 1000:
            c.inject('PA' if size else 'A', seq=c.nxt + off, len=size,
                     void=True)
            c.note('%d octets at RCV.NXT %+d' % (size, off))
            if size == 0 and off == 0:
                c.silent()
            else:
                c.expect('A', ack=c.nxt, win=0)
    c.recv(c.nxt - 1)
    c.recv_nothing()


@case('7323-10 SHLD-14 text up to the edge, which rounding does not move back')
def _(c):
    c.socket()
    c.setopt('SO_RCVBUF', 65536)
    c.established(ws=7)
    for size in 7, 100, 1000, 1:
        c.inject('PA', len=size)
        c.collect()
    while c.nxt < c.dut_edge:
        c.inject('PA', len=min(c.mss, c.dut_edge - c.nxt))
        c.collect(0)
    c.recv(c.nxt - 1)


@case('SM-12 text and FIN across the right edge: the text up to it, no FIN',
      native='it is refused whole')
def _(c):
    c.shut(leave=100)
    if c.dut_edge == c.nxt:
        c.recv(c.nxt - 1)
        c.collect()
    room = c.dut_edge - c.nxt
    if room > 60000:
        c.fail('the window is not small')
    c.inject('FPA', len=room + 10, void=True)
    for ack in c.collect():
        if seq_diff(ack.ack, c.iss) > c.nxt + room:
            c.fail('more than the window was taken')
    c.state('ESTABLISHED')


@case('SM-12 a segment that begins before RCV.NXT: its new text, its FIN')
def _(c):
    c.established()
    c.inject('PA', len=10)
    c.expect('A')
    c.inject('FPA', seq=5, len=20)
    c.expect('A', ack=26)
    c.recv(24)
    c.recv_eof()
    c.state('CLOSE_WAIT')


@case('SM-24 both windows are closed: an ACK that opens one is processed')
def _(c):
    shut(c)
    c.inject('A', win=0)
    c.send(500)
    c.silent(0.05)
    c.inject('A', win=1000)
    c.expect('PA', seq=1, len=500)


@case('SM-24 both ends probe: probes with and without an octet, no storm',
      native='a segment that does not fit is refused whole')
def _(c):
    shut(c)
    c.inject('A', win=0)
    c.send(500)
    begun, count = time.monotonic(), 0
    while time.monotonic() < begun + 5:
        for flags, seq, size in ('PA', c.nxt, 1), ('A', c.nxt - 1, 0):
            c.inject(flags, seq=seq, len=size, win=0, void=True, ack=1)
            count += len(c.collect(0.5))
    if count > 30:
        c.fail('%d segments in 5 s' % count)
    c.inject('PA', len=1, win=1000, void=True, ack=1)
    sent = [s for s in c.collect(0.1) if s.data]
    c.check([len(s.data) for s in sent], [500],
            'what the window of a probe let out')


@case('SM-24 our SYN,ACK crosses its ACK: no storm, one connection')
def _(c):
    c.simultaneous()
    for _ in range(20):
        c.inject('SA', seq=0, ack=1)
    count = len(c.collect())
    if count > 21:
        c.fail('%d answers' % count)
    c.state('ESTABLISHED')
    c.silent(1.5)


@case('SM-26 5961-2 5961-3 RST around the wrap of our numbers',
      native='a RST at the right edge gets an ACK')
def _(c):
    c.forget(iss=(1 << 32) - 6)
    c.established()
    c.inject('PA', len=3)
    c.expect('A')
    for seq in c.nxt - 1, c.dut_edge:
        c.inject('R', seq=seq)
    c.silent()
    c.inject('R', seq=c.nxt + 10)
    c.expect('A')
    c.inject('R')
    c.failed('ECONNRESET')


@case('SM-26 SACK blocks and the FIN across the wrap of our numbers')
def _(c):
    c.forget(iss=(1 << 32) - 16)
    c.established(sack=True)
    c.inject('PA', seq=11, len=10)
    c.expect('A', ack=1, sack=[(11, 21)])
    c.inject('FPA', seq=21, len=10)
    c.expect('A', ack=1, sack=[(11, 32)])
    c.inject('PA', seq=1, len=10)
    c.expect('A', ack=32)
    c.recv(30)
    c.recv_eof()


if __name__ == '__main__':
    main()
