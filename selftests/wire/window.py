#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Flow control: closed and shrinking windows, silly windows, acceptability."""

from harness import ANY, case, main, seq_diff


def small(c, size=8192):
    """A connection whose receive buffer is small."""
    c.socket()
    c.setopt('SO_RCVBUF', size)
    c.established()
    return c


def edge(c, seg):
    return seq_diff(seg.ack, c.iss) + (seg.win << c.dut_ws)


@case('6928-4 the offered window binds')
def _(c):
    c.setopt('SO_SNDBUF', 100000)
    c.established(win=4000)
    c.send(20000)
    c.collect()
    if not c.mss <= c.dut_nxt - 1 <= 4000:
        c.fail('%d bytes into a window of 4000' % (c.dut_nxt - 1))


@case('MUST-34 SHLD-15 MUST-35 a shrunk window: nothing new, then all')
def _(c):
    c.setopt('SO_SNDBUF', 100000)
    c.established(win=8000)
    c.send(20000)
    c.collect()
    c.inject('A', ack=1 + c.mss, win=100)
    c.silent()
    c.inject('A', ack=1 + c.mss, win=0)
    c.silent()
    c.inject('A', win=65535)
    c.collect()
    c.inject('A')
    c.collect()
    c.check(c.dut_nxt, 20001, 'what was sent')


@case('SHLD-16 an old segment inside of a shrunk window is repeated')
def _(c):
    c.established(win=8000)
    c.send(4000)
    c.collect()
    c.inject('A', ack=1, win=c.mss)
    c.expect('(P)A', seq=1, len=c.mss, ack=1, between=(0.1, 1.0))


@case('MUST-36 SHLD-29 a closed window is probed after the RTO')
def _(c):
    c.established()
    c.inject('A', win=0)
    c.send(10)
    seg = c.pull(1.0)
    if seg is None:
        c.fail('no probe came')
    seq = seq_diff(seg.seq, c.dut_iss)
    if (seq, len(seg.data)) not in ((0, 0), (0, 1), (1, 1)):
        c.fail('a probe with seq %d and %d bytes' % (seq, len(seg.data)))
    c.inject('A', ack=1, win=1000)
    c.expect('PA', seq=1, len=10)


@case('MUST-35 an opening window starts the transfer without a probe')
def _(c):
    c.established()
    c.inject('A', win=0)
    c.send(100)
    c.silent()
    c.inject('A', win=500)
    c.expect('PA', seq=1, len=100, between=(0, 0.1))


@case('MUST-38 SWS: a window opening octet by octet is not used')
def _(c):
    c.established()
    c.inject('A', win=0)
    c.send(5000)
    for size in range(1, 20):
        c.inject('A', win=size)
        c.silent(0.002)
    c.inject('A', win=2 * c.mss)
    c.expect('A(P)', seq=1, len=c.mss)
    c.expect('A(P)', len=c.mss)


@case('MUST-39 SWS: octets read one by one do not open the window')
def _(c):
    small(c)
    c.fill()
    closed = edge(c, c.got)
    step = min(c.mss, 8192 // 2)
    for _ in range(20):
        c.recv(1)
        for seg in c.collect(0):
            if closed < edge(c, seg) < closed + step:
                c.fail('the window opened by %d' % (edge(c, seg) - closed))
    c.inject('PA', len=1, void=True)
    seg = c.expect('A')
    if closed < edge(c, seg) < closed + step:
        c.fail('the window opened by %d' % (edge(c, seg) - closed))


@case('reading a closed window empty sends an update')
def _(c):
    small(c)
    c.fill()
    c.recv(c.nxt - 1)
    seg = c.expect('A', between=(0, 0.1))
    if seg.win << c.dut_ws < c.mss:
        c.fail('the update opens only %d' % seg.win)


@case('SHLD-14 the right edge stays, whatever the buffer')
def _(c):
    c.established(ws=2)
    for size in 60000, 8192, 2048, 200000, 4096:
        c.setopt('SO_RCVBUF', size)
        for _ in range(4):
            c.inject('PA', len=500)
            c.collect(0)
        c.recv(2000)
        c.collect(0)


@case('SM-10 data in a closed window: an ACK, nothing is taken')
def _(c):
    small(c)
    c.fill()
    c.inject('PA', len=1, void=True)
    c.expect('A')
    c.inject('PA', len=c.mss, void=True)
    c.collect()
    c.recv(c.nxt - 1)
    c.recv_nothing()


@case('SM-10 MUST-66 an ACK at a closed window is processed')
def _(c):
    small(c)
    c.fill()
    c.send(10)
    c.expect('PA', seq=1, len=10)
    c.inject('A', ack=11)
    c.send(10)
    c.expect('PA', seq=11, len=10)


@case('SM-10 SM-12 data across the right edge: none beyond it',
      native='6.12 takes a segment that begins in the window')
def _(c):
    small(c)
    c.fill(leave=c.mss)
    room = c.dut_edge - c.nxt
    c.inject('PA', len=room + 10, void=True)
    ack = c.expect('A', ack=ANY)
    taken = seq_diff(ack.ack, c.iss) - c.nxt
    if taken not in (0, room):
        c.fail('%d octets taken of a window of %d' % (taken, room))


@case('SM-14 an older ACK does not change the window')
def _(c):
    c.established()
    c.setopt('TCP_NODELAY', 1)
    for _ in range(2):
        c.send(10)
        c.expect('PA', len=10)
    c.inject('A', ack=21, win=5000)
    c.inject('A', ack=11, win=0)
    c.send(10)
    c.expect('PA', seq=21, len=10)


@case('SM-14 what fills a hole brings no older window')
def _(c):
    c.established()
    c.inject('PA', seq=11, len=10, win=5000)
    c.expect('A', ack=1)
    c.inject('PA', seq=1, len=10, win=0)
    c.expect('A', ack=21)
    c.send(10)
    c.expect('PA', seq=1, len=10)


@case('SM-14 a newer one with the same numbers does')
def _(c):
    c.established()
    c.inject('A', win=0)
    c.send(10)
    c.silent()
    c.inject('A', win=100)
    c.expect('PA', len=10)


if __name__ == '__main__':
    main()
