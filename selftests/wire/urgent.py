#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Urgent pointers that point anywhere (SEC-23, SEC-24, RFC 6093)."""

import os
import socket

from harness import SIOCATMARK, case, main
from peer import pattern

OOB, PEEK, WAITALL = socket.MSG_OOB, socket.MSG_PEEK, socket.MSG_WAITALL
SIZE = 20
POINTERS = (0, 1, SIZE - 1, SIZE, SIZE + 1, 32767, 32768, 65534, 65535)


def drain(c):
    """All that recv() gives now."""
    data = b''
    while True:
        try:
            piece = c.sock.recv(65536)
        except BlockingIOError:
            return data
        if not piece:
            return data
        data += piece


def without(data, at):
    """The stream without the urgent octets."""
    return bytes(x for i, x in enumerate(data) if i not in at)


@case('SEC-23 MUST-31 6093-2 a pointer to anywhere, octets in line')
def _(c):
    for up in POINTERS:
        for flags in 'UA', 'PUA', 'FUA':
            twin = c.sibling().established()
            twin.setopt('SO_OOBINLINE', 1)
            twin.inject(flags, len=SIZE, urg=up)
            if 'F' not in flags:
                twin.inject('PA', len=SIZE)
            twin.collect()
            total = SIZE if 'F' in flags else 2 * SIZE
            got = drain(twin)
            twin.check(got, pattern(0, total), 'what was read')
            if 'F' in flags:
                twin.recv_eof()
            else:
                twin.recv_nothing()


@case('SEC-23 6093-3 a pointer to anywhere, the octet out of line',
      native='UP = 0 takes the octet before')
def _(c):
    for up in POINTERS:
        for flags in 'UA', 'FUA':
            twin = c.sibling().established()
            twin.inject(flags, len=SIZE, urg=up)
            if 'F' not in flags:
                twin.inject('PA', len=SIZE)
            twin.collect()
            total = SIZE if 'F' in flags else 2 * SIZE
            urgent = up - 1 if 0 < up <= total else None
            if urgent is not None:
                twin.recv(pattern(urgent, 1), flags=OOB)
            got = drain(twin)
            twin.check(got, without(pattern(0, total), [urgent]),
                       'what was read')
            if 'F' in flags:
                twin.recv_eof()


@case('SEC-23 URG without text: the mark lies ahead')
def _(c):
    for up in POINTERS[1:4]:
        twin = c.sibling().established()
        twin.inject('UA', urg=up)
        twin.outcome('recv(OOB)', 'EAGAIN', twin.sock.recv, 1, OOB)
        twin.poll('OUT')
        twin.inject('PA', len=SIZE)
        twin.inject('PA', len=SIZE)
        twin.collect()
        twin.recv(pattern(up - 1, 1), flags=OOB)
        twin.check(drain(twin), without(pattern(0, 2 * SIZE), [up - 1]),
                   'what was read')


@case('SEC-23 a pointer that goes back counts not, one that goes on does')
def _(c):
    c.established()
    c.setopt('SO_OOBINLINE', 1)
    c.inject('UA', len=SIZE, urg=10)
    c.inject('UA', len=SIZE, urg=1)
    c.inject('UA', seq=1, len=5, urg=2, void=True)
    c.collect()
    c.check(c.sock.recv(100), pattern(0, 20), 'up to the mark')
    c.ioctl(SIOCATMARK, 1)
    c.check(drain(c), pattern(20, 20), 'the rest')


@case('SEC-23 6093-1 a pointer behind RCV.NXT counts not',
      native='UP = 0 takes the octet before')
def _(c):
    c.established()
    c.inject('PA', len=SIZE)
    c.expect('A')
    c.inject('UA', seq=1, len=SIZE, urg=5, void=True)
    c.inject('UA', seq=c.nxt, urg=0, void=True)
    c.collect()
    c.poll('IN OUT')
    c.outcome('recv(OOB)', 'EINVAL', c.sock.recv, 1, OOB)
    c.recv(SIZE)


@case('SEC-23 URG on a SYN, a SYN,ACK and a RST')
def _(c):
    c.listen()
    twin = c.sibling()
    twin.inject('SU', seq=0, urg=9)
    twin.expect('SA', seq=0, ack=1)
    twin.inject('A')
    twin.accept()
    twin.poll('OUT')
    twin.inject('PA', len=SIZE)
    twin.expect('A')
    twin.recv(SIZE)
    other = c.sibling()
    other.dut_port = None
    other.connect()
    other.expect('S', seq=0)
    other.inject('SUA', seq=0, ack=1, urg=65535)
    other.expect('A')
    other.inject('PA', len=SIZE)
    other.collect()
    other.recv(SIZE)
    other.inject('RU', urg=3)
    other.failed('ECONNRESET')


@case('SEC-23 SEC-41 URG at a closed window: the octet comes once')
def _(c):
    c.shut()
    full = c.nxt - 1
    c.inject('UA', data=b'X', urg=1, void=True)
    c.expect('A', ack=c.nxt, win=0)
    c.recv(full)
    c.collect()
    c.inject('PUA', data=b'Xab', urg=1)
    c.collect()
    c.recv(b'X', flags=OOB)
    c.recv(b'ab')
    c.recv_nothing()


@case('SEC-41 SM-12 a closed window: FIN, FIN with text, URG with FIN',
      native='a FIN is taken at a closed window')
def _(c):
    c.socket()
    c.setopt('SO_RCVBUF', 4096)
    c.knob('invalid_ratelimit', 0)
    c.established()
    c.fill()
    for flags, size, off in ('FA', 0, 0), ('FA', 1, 0), ('FUA', 0, 0), \
            ('FUA', 5, 0), ('FA', 0, 1), ('FA', 3, 1), ('UA', 3, 7):
        c.inject(flags, seq=c.nxt + off, len=size, urg=2 * ('U' in flags),
                 void=True)
        c.expect('A', ack=c.nxt, win=0)
    c.state('ESTABLISHED')
    c.recv(c.nxt - 1)
    c.recv_nothing()
    c.collect()
    c.inject('FA')
    c.expect('A')
    c.recv_eof()


@case('SEC-24 peek, wait for all, and splice end at urgent data')
def _(c):
    c.established()
    c.inject('PUA', data=b'abcXdef', urg=4)
    c.collect()
    for flags in PEEK, PEEK | WAITALL:
        c.check(c.sock.recv(100, flags | socket.MSG_DONTWAIT), b'abc',
                'what a peek gave')
    read, write = os.pipe()
    try:
        moved = b''
        for _ in range(10):
            try:
                count = os.splice(c.sock.fileno(), write, 100,
                                  flags=os.SPLICE_F_NONBLOCK)
            except BlockingIOError:
                break
            moved += os.read(read, count) if count else b''
        if moved not in (b'abcdef', b'abc'):
            c.fail('splice gave %r' % moved)
    finally:
        os.close(read)
        os.close(write)
    rest = drain(c)
    c.check(moved + rest, b'abcdef', 'all that was read')


@case('SEC-24 a blocking read of more than there is ends at the FIN')
def _(c):
    c.established()
    c.sock.setblocking(True)
    c.inject('PUA', data=b'abcXdef', urg=4)
    c.inject('FA', urg=0)
    c.collect()
    call = c.background(lambda: c.sock.recv(100, WAITALL))
    call.finish()
    c.check(call.result + c.sock.recv(100), b'abcdef', 'what was read')


@case('SM-26 the urgent pointer across the wrap of our numbers')
def _(c):
    c.forget(iss=(1 << 32) - 11)
    c.established()
    c.setopt('SO_OOBINLINE', 1)
    c.inject('PUA', len=SIZE, urg=15)
    c.collect()
    c.check(c.sock.recv(100), pattern(0, 14), 'up to the mark')
    c.ioctl(SIOCATMARK, 1)
    c.check(drain(c), pattern(14, 6), 'the rest')


if __name__ == '__main__':
    main()
