#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Closing: order of FINs, half-close, unread data, TIME-WAIT reuse."""

import socket
import struct

from harness import ANY, case, main


def server_time_wait(c, **offer):
    """TIME-WAIT on the listener's side, which a SYN may reopen."""
    c.accepted(**offer)
    c.close()
    c.expect('FA')
    c.inject('FA')
    c.expect('A')
    c.state('TIME_WAIT')
    return c


@case('normal close, the program first')
def _(c):
    c.established()
    c.close()
    c.expect('FA', seq=1, ack=1)
    c.state('FIN_WAIT_1')
    c.inject('A', ack=2)
    c.state('FIN_WAIT_2')
    c.inject('FA')
    c.expect('A', seq=2, ack=2)
    c.state('TIME_WAIT')


@case('normal close, the peer first')
def _(c):
    c.established()
    c.inject('FA')
    c.expect('A', seq=1, ack=2)
    c.state('CLOSE_WAIT')
    c.close()
    c.expect('FA', seq=1, ack=2)
    c.state('LAST_ACK')
    c.inject('A')
    c.state('CLOSED')
    c.silent()


@case('SM-17 simultaneous close')
def _(c):
    c.fin_wait_1()
    c.inject('FA', seq=1, ack=1)
    c.expect('A', seq=2, ack=2)
    c.state('CLOSING')
    c.inject('A', seq=2, ack=2)
    c.state('TIME_WAIT')


@case('SM-17 SM-24 simultaneous close, the FINs are repeated')
def _(c):
    c.fin_wait_1()
    c.inject('FA', seq=1, ack=1)
    c.expect('A', seq=2, ack=2)
    c.expect('FA', seq=1, ack=2)
    c.inject('FA', seq=1, ack=2, void=True)
    c.collect()
    c.state('TIME_WAIT')


@case('SM-17 the FIN that acknowledges ours: TIME-WAIT at once')
def _(c):
    c.fin_wait_1()
    c.inject('FA', seq=1, ack=2)
    c.expect('A', seq=2, ack=2)
    c.state('TIME_WAIT')


@case('SM-18 LAST-ACK and CLOSING are not left by an old ACK')
def _(c):
    for reach, state in (c.sibling().last_ack, 'LAST_ACK'), \
            (c.sibling().closing, 'CLOSING'):
        twin = reach()
        twin.inject('A', ack=1)
        twin.silent()
        twin.state(state)


@case('SM-21 a FIN beyond a hole waits')
def _(c):
    c.established()
    c.inject('FA', seq=11)
    c.expect('A', ack=1)
    c.state('ESTABLISHED')
    c.recv_nothing()
    c.inject('PA', seq=1, len=10)
    c.expect('A', ack=12)
    c.state('CLOSE_WAIT')
    c.recv(10)
    c.recv_eof()


@case('SM-20 SM-21 data queued beyond a FIN are never delivered')
def _(c):
    c.established()
    c.inject('PA', seq=2, len=100, void=True)
    c.expect('A', ack=1)
    c.inject('FA', seq=1)
    c.expect('A', ack=2)
    c.state('CLOSE_WAIT')
    c.recv_eof()


@case('SM-20 SM-21 data beyond a FIN that waits are never delivered')
def _(c):
    c.established()
    c.inject('PA', seq=12, len=100, void=True)
    c.expect('A', ack=1)
    c.inject('FA', seq=11)
    c.expect('A', ack=1)
    c.inject('PA', seq=1, len=10)
    c.expect('A', ack=12)
    c.state('CLOSE_WAIT')
    c.recv(10)
    c.recv_eof()


@case('SM-12 a FIN just beyond the window does not close',
      native='a FIN is taken at a closed window')
def _(c):
    c.shut()
    c.inject('FA', void=True)
    c.expect('A')
    c.state('ESTABLISHED')


@case('a FIN with data: the data, then the end')
def _(c):
    c.established()
    c.inject('FPA', len=100)
    c.expect('A', ack=102)
    c.state('CLOSE_WAIT')
    c.recv(100)
    c.recv_eof()
    c.recv_eof()


@case('TCP_INFO: the FIN is no octet that was received',
      native='the FIN of a segment with data counts')
def _(c):
    for flags, size in ('FPA', 100), ('FA', 0):
        twin = c.sibling().established()
        twin.inject(flags, len=size)
        twin.expect('A')
        raw = twin.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        twin.check(struct.unpack_from('=Q', raw, 128)[0], size,
                   'tcpi_bytes_received')


@case('a FIN is acknowledged at once',
      native='the ACK of a FIN is delayed')
def _(c):
    c.established()
    c.past_quick_acks()
    c.inject('FA')
    c.expect('A', between=(0, 0.02))


@case('SM-23 close() with data queued sends them, then the FIN')
def _(c):
    c.established(win=2 * 1400, mss=1400)
    c.send(4 * 1400)
    c.collect()
    c.check(c.dut_nxt, 2801, 'what fits the window')
    c.close()
    c.silent()
    c.inject('A', win=65535)
    c.collect()
    c.check(c.got.has('F'), True, 'the FIN')
    c.check(c.dut_nxt, 1 + 4 * 1400 + 1, 'what was sent')
    c.inject('A')
    c.state('FIN_WAIT_2')


@case('SM-23 Nagle does not hold the last data before a FIN')
def _(c):
    c.established()
    c.send(10)
    c.expect('PA', len=10)
    c.send(10)
    c.silent()
    c.shutdown()
    c.expect('FPA', seq=11, len=10)


@case('1122-1 half-close: reading goes on')
def _(c):
    c.fin_wait_2()
    c.poll('OUT')
    c.send(1, err='EPIPE')
    for _ in range(5):
        c.inject('PA', len=100)
        c.expect('A')
        c.recv(100)
    c.inject('FA')
    c.expect('A')
    c.recv_eof()
    c.state('TIME_WAIT')


@case('1122-1 half-close by the peer: writing goes on')
def _(c):
    c.close_wait()
    c.recv_eof()
    c.poll('IN OUT RDHUP')
    for _ in range(5):
        c.send(100)
        c.expect('PA', len=100)
        c.inject('A')
    c.shutdown()
    c.expect('FA')
    c.poll('IN OUT HUP RDHUP')


@case('MAY-1 SHLD-3 close() with unread data sends a RST')
def _(c):
    c.established()
    c.inject('PA', len=10)
    c.expect('A')
    c.close()
    c.expect('RA', seq=1, ack=11)
    c.state('CLOSED')


@case('MAY-1 SHLD-3 close() with unread data after both FINs sends a RST')
def _(c):
    for first in 'shutdown', 'FIN':
        twin = c.sibling()
        twin.established()
        twin.inject('PA', len=10)
        twin.expect('A')
        for end in ('shutdown', 'FIN')[::1 if first == 'shutdown' else -1]:
            if end == 'shutdown':
                twin.shutdown()
                twin.expect('FA')
            else:
                twin.inject('FA', ack=1)
                twin.expect('A')
        twin.state('CLOSING' if first == 'shutdown' else 'LAST_ACK')
        twin.close()
        twin.expect('RA', seq=2, ack=12)
        twin.state('CLOSED')


@case('MAY-1 SHLD-3 data after close() get a RST')
def _(c):
    for acked in False, True:
        twin = c.sibling()
        twin.established()
        twin.close()
        twin.expect('FA')
        if acked:
            twin.inject('A')
            twin.state('FIN_WAIT_2')
        twin.inject('PA', len=10)
        twin.expect('R(A)', seq=2, ack=ANY)
        twin.state('CLOSED')


@case('shutdown(RD) reads the end, data are still acknowledged')
def _(c):
    c.established()
    c.shutdown('RD')
    c.recv_eof()
    c.silent()
    c.inject('PA', len=10)
    c.expect('A')
    c.state('ESTABLISHED')


@case('SO_LINGER 0: close() sends a RST')
def _(c):
    c.established()
    c.send(10)
    c.expect('PA', len=10)
    c.abort()
    c.expect('RA', seq=11)
    c.state('CLOSED')


@case('MUST-13 TIME-WAIT: a repeated FIN is acknowledged')
def _(c):
    c.time_wait()
    c.inject('FA', seq=1, ack=2)
    c.expect('A', seq=2, ack=2)
    c.state('TIME_WAIT')


@case('MAY-2 6191-1 6528-2 a SYN above the old numbers reopens TIME-WAIT')
def _(c):
    server_time_wait(c)
    old = c.dut_iss + c.dut_nxt
    c.forget(iss=c.iss + 70000)
    c.inject('S', seq=0)
    ack = c.expect('SA', seq=0, ack=1)
    if not 0 < (ack.seq - old) % (1 << 32) < 1 << 31:
        c.fail('the new ISN is not above the old numbers')
    c.inject('A')
    c.accept()
    c.inject('PA', len=10)
    c.expect('A')
    c.recv(10)


def reopens(c, old, new, seq, opens, ts=None, **more):
    """TIME-WAIT with or without timestamps, then a SYN: seq from RCV.NXT,
    ts from TS.Recent."""
    c.ts_val = 500000
    server_time_wait(c, ts=old, **more)
    kept, left = c.ts_val, (c.dut_iss + c.dut_nxt) % (1 << 32)
    c.forget(iss=c.iss + c.nxt + seq)
    c.ts_val = kept + (ts or 0)
    c.offer['ts'] = new
    c.inject('S', seq=0, void=not opens)
    if not opens:
        c.collect()
        c.state('TIME_WAIT')
        return
    ack = c.expect('SA', seq=0, ack=1)
    if not 0 < (ack.seq - left) % (1 << 32) < 1 << 31:
        c.fail('the new ISN is not above the old numbers')
    c.inject('A')
    c.accept()
    c.inject('PA', len=10)
    c.expect('A')
    c.recv(10)


@case('6191-1 no timestamps: a SYN above the old numbers only')
def _(c):
    for seq, opens in (-1000, False), (-1, False), (0, False), (1, True), \
            (1 << 30, True), (-(1 << 31) + 1, False):
        reopens(c.sibling(), False, False, seq, opens)


@case('6191-1 SHLD-4 timestamps in both: a newer one, whatever the number')
def _(c):
    for seq in -70000, 0, 70000:
        reopens(c.sibling(), True, True, seq, True, ts=1)
        reopens(c.sibling(), True, True, seq, False, ts=-1)


@case('6191-1 SHLD-4 timestamps in both: the same one, by the number')
def _(c):
    for seq, opens in (-70000, False), (0, False), (1, True):
        reopens(c.sibling(), True, True, seq, opens, ts=0)


@case('6191-1 timestamps in the old connection only: by the number')
def _(c):
    for seq, opens in (-70000, False), (0, False), (1, True):
        reopens(c.sibling(), True, False, seq, opens)


@case('6191-2 SHLD-4 timestamps in the SYN only: it reopens',
      native='only above the old numbers')
def _(c):
    for seq in -70000, 0, 1:
        reopens(c.sibling(), False, True, seq, True)


@case('6191-2 with the knob timestamps off those of the SYN do not count')
def _(c):
    c.knob('timestamps', 0)
    for seq, opens in (-70000, False), (1, True):
        reopens(c.sibling(), False, True, seq, opens)


@case('6191-3 the reopened connection closes and reopens again')
def _(c):
    server_time_wait(c, ts=True)
    for _ in range(5):
        left, kept = (c.dut_iss + c.dut_nxt) % (1 << 32), c.ts_val
        c.forget(iss=c.iss - 70000)
        c.ts_val = kept + 1
        c.inject('S', seq=0)
        ack = c.expect('SA', seq=0, ack=1)
        if not 0 < (ack.seq - left) % (1 << 32) < 1 << 31:
            c.fail('the new ISN is not above the old numbers')
        c.inject('A')
        c.accept()
        c.read_at = 0
        c.inject('PA', len=10)
        c.expect('A')
        c.recv(10)
        c.close()
        c.expect('FA')
        c.inject('FA')
        c.expect('A')
        c.state('TIME_WAIT')


if __name__ == '__main__':
    main()
