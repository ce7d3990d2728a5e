#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Attackers who do not see the traffic: forged RST, SYN, data, and loops."""

import os
import socket
import time

from codec import SEQ_MOD, Segment, addr_pack, build_tcp
from harness import case, main, seq_diff

SO_RCVBUFFORCE = 33


def wide(c):
    """A connection of a listener whose window is some megabytes."""
    c.listen()
    c.lsock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 23)
    c.accepted(ws=7)
    c.inject('PA', len=10)
    c.expect('A')
    c.recv(10)
    c.check(c.dut_edge - c.nxt > 1 << 19, True, 'a window of half a megabyte')
    return c


def sweep(c, flags):
    """One in every window-sized step of the sequence space, none exact."""
    step = c.dut_edge - c.nxt
    for offset in range(step // 2, SEQ_MOD - step // 2, step):
        c.inject(flags, seq=c.nxt + offset, void=True)
    c.collect(0)


def moves_data(c):
    c.inject('PA', len=100)
    c.collect()
    c.recv(100)
    c.send(100)
    c.collect()
    c.check(c.dut_nxt, len(c.stream) + 1, 'what was sent')
    c.inject('A')


@case('SEC-10 blind RST over the whole sequence space: only RCV.NXT resets')
def _(c):
    wide(c)
    sweep(c, 'R')
    c.state('ESTABLISHED')
    moves_data(c)
    c.inject('R')
    c.failed('ECONNRESET')


@case('SEC-11 blind SYN over the whole sequence space: no reset, no child')
def _(c):
    wide(c)
    sweep(c, 'S')
    c.state('ESTABLISHED')
    c.no_accept()
    moves_data(c)


@case('SEC-12 blind data: none without an ACK in the range',
      native='6.12 drops, but does not answer')
def _(c):
    c.knob('invalid_ratelimit', 0)
    c.knob('challenge_ack_limit', 1000)
    c.established()
    for _ in range(200):
        ack = c.random.randrange(2, SEQ_MOD - 70000)
        seq = c.random.randrange(0, 20000)
        c.inject('PA', seq=c.nxt + seq, ack=ack, len=10, void=True)
        c.expect('A', ack=1)
    c.recv_nothing()
    c.check(c.info()['unacked'], 0, 'what is in flight')
    moves_data(c)


@case('5961-5 MAY-12 the range of ACKs: MAX.SND.WND below SND.UNA, SND.NXT',
      native='6.12 is silent above the range')
def _(c):
    c.knob('invalid_ratelimit', 0)
    c.established(win=5000)
    c.send(3000)
    c.collect()
    c.inject('A', ack=3001)
    low = 3001 - 5000
    for ack, taken in (low - 1, False), (low, True), (3001, True), \
            (3002, False):
        c.inject('PA', ack=ack, len=10, void=not taken)
        c.collect()
        if taken:
            c.recv(10)
        else:
            c.recv_nothing()


# -- ACK storms ----------------------------------------------------------------

def introduce(a, b):
    """Two connections of the stack that think each is the other's peer."""
    for end in a, b:
        end.connect()
        end.expect('S', seq=0)
    a.iss, b.iss = b.dut_iss, a.dut_iss
    for end in a, b:
        end.inject('SA', seq=0, ack=1)
        end.expect('A')


def carry(seg, to):
    """What one end sent reaches the other."""
    to.inject(seg.flags, seq=seq_diff(seg.seq, to.iss),
              ack=seq_diff(seg.ack, to.dut_iss), data=seg.data, win=seg.win,
              void=True)


def relay(c, a, b, seconds, delay):
    """Carry segments to and fro; how many ACKs in each second."""
    count, queue = [0] * seconds, []
    begun = time.monotonic()
    while (now := time.monotonic()) < begun + seconds:
        for end, other in (a, b), (b, a):
            while (seg := end.pull(0)) is not None:
                if not seg.data:
                    count[int(now - begun)] += 1
                queue.append((now + delay, seg, other))
        queue.sort(key=lambda entry: entry[0])
        while queue and queue[0][0] <= time.monotonic():
            carry(*queue.pop(0)[1:])
        c.bench.receive(min([time.monotonic() + 0.05] +
                            [when for when, *_ in queue]))
    return count


@case('SEC-13 two ends out of step: at most 10 ACKs a second')
def _(c):
    for delay in 0, 0.3:
        a, b = c.sibling(), c.sibling()
        introduce(a, b)
        for end in a, b:
            end.inject('PA', len=10, void=True)
        count = relay(c, a, b, 4, delay)
        c.note('ACKs in each second: %s' % count)
        if max(count[1:]) > 10 or count[0] > 14:
            c.fail('an ACK storm: %s' % count)
        if not delay and sum(count[1:]):
            c.fail('it does not end: %s' % count)


# -- LAND ------------------------------------------------------------------------

def land(c, flags, **more):
    """The segment that the listener would have sent itself."""
    addr = addr_pack(c.family, c.dut_addr)
    return build_tcp(c.family, addr, addr, c.dut_port, c.dut_port,
                     Segment(flags, 1000, 2000, 65535, **more))


@case('SEC-16 LAND on the wire and on the loopback: no answer, no state',
      native='it answers itself')
def _(c):
    c.listen()
    raw = socket.socket(socket.AF_INET if c.family == 4 else socket.AF_INET6,
                        socket.SOCK_RAW, socket.IPPROTO_RAW)
    c.held.append(raw)
    before = c.stack.counters()
    for packet in land(c, 'S'), land(c, 'SA'), land(c, 'A'), \
            land(c, 'PA', data=b'x'), land(c, 'FA'), land(c, ''):
        c.bench.tun.write(packet)
        raw.sendto(packet, (c.dut_addr, 0))
    time.sleep(0.05)
    c.silent()
    after = c.stack.counters()
    for name in 'OutSegs', 'OutRsts', 'PassiveOpens':
        c.check(after[name], before[name], name)
    mine = [r for r in c.rows() if r[0] == c.dut_port and r[3] != 'LISTEN']
    c.check(mine, [], 'connections of the port')


@case('SEC-16 LAND against a connection of its own: it lives')
def _(c):
    c.bind()
    c.sock.setblocking(True)
    c.sock.settimeout(3)
    c.sock.connect((c.dut_addr, c.dut_port))
    before = c.stack.counters()['OutSegs']
    for flags in 'S', 'SA', 'A', 'FA', 'R', 'RA':
        c.bench.tun.write(land(c, flags))
    time.sleep(0.2)
    if c.stack.counters()['OutSegs'] - before > 20:
        c.fail('it talks to itself')
    data = os.urandom(1000)
    c.sock.sendall(data)
    c.check(c.sock.recv(1000, socket.MSG_WAITALL), data, 'what came back')


# -- simultaneous open, abused -----------------------------------------------

@case('SEC-27 a SYN to a connecting socket, then a RST: refused, once',
      native='the window of its ACK is scaled, though nobody asked for it')
def _(c):
    c.connect()
    c.expect('S', seq=0)
    c.inject('S', seq=0)
    c.expect('SA', seq=0, ack=1)
    c.inject('R', seq=5000)		# in the window, not at RCV.NXT
    c.expect('A', ack=1)
    c.state('SYN_RECEIVED')
    c.inject('R', seq=1)
    c.failed('ECONNREFUSED', 'ECONNRESET')
    c.state('CLOSED')
    c.inject('SA', seq=0, ack=1, void=True)	# the true peer, too late
    c.expect('R', seq=1)
    c.silent(1.5)				# no timer goes on


@case('SEC-27 a SYN to a connecting socket, then the SYN,ACK of the peer',
      native='the window of its ACK is scaled, though nobody asked for it')
def _(c):
    """The forger's number wins: the peer's SYN,ACK is challenged, as it has
    to be, and the peer's RST ends it."""
    c.connect()
    c.expect('S', seq=0)
    c.inject('S', seq=0)
    c.expect('SA', seq=0, ack=1)
    c.inject('SA', seq=1 << 24, ack=1, void=True)
    ack = c.expect('A', seq=1, ack=1)
    c.inject('R', seq=seq_diff(ack.ack, c.iss))
    c.failed('ECONNREFUSED', 'ECONNRESET')
    c.silent(1.5)


@case('SEC-27 shutdown() and close() in SYN_RECEIVED (CVE-2024-36905)',
      native='the FIN waits for the ACK of the SYN')
def _(c):
    for step in 'shutdown', 'close':
        for flags in 'A', 'FA', 'SA', 'R', 'S':
            twin = c.sibling().simultaneous()
            getattr(twin, step)()
            twin.expect('FA', seq=1, ack=1)
            twin.inject(flags, seq=0 if 'S' in flags else 1, ack=2,
                        void=flags in ('S', 'SA'))
            twin.collect()
            if step == 'shutdown' and flags in ('A', 'FA'):
                twin.poll('OUT' if flags == 'A' else 'IN OUT HUP RDHUP')
            twin.state({'A': 'FIN_WAIT_2', 'FA': 'TIME_WAIT', 'R': 'CLOSED'}
                       .get(flags, 'FIN_WAIT_1'))


if __name__ == '__main__':
    main()
