#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Data both ways: acknowledging, Nagle, PSH, urgent data, reassembly, SACK."""

import fcntl
import os
import select
import signal
import socket

from harness import SIOCATMARK, SIOCINQ, SIOCOUTQ, case, main

OOB, MORE = socket.MSG_OOB, socket.MSG_MORE
AT_ONCE = (0, 0.020)


# -- acknowledging ---------------------------------------------------------

@case('SHLD-19 every second full segment is acknowledged at once')
def _(c):
    c.established()
    c.past_quick_acks()
    for _ in range(4):
        c.inject('A', len=c.mss)
        c.recv(c.mss)
        c.silent(0.005)
        c.inject('A', len=c.mss)
        c.recv(c.mss)
        c.expect('A', between=AT_ONCE)


@case('SHLD-19 a user who was woken and does not read: the ACK waits not long')
def _(c):
    c.established()
    c.past_quick_acks()
    with select.epoll() as epoll:
        epoll.register(c.sock, select.EPOLLIN)
        for _ in range(4):
            c.inject('A', len=c.mss)
            c.inject('A', len=c.mss)
            c.expect('A', between=AT_ONCE)
        c.recv(8 * c.mss)


@case('SHLD-19 with segments of half the MSS that we announced')
def _(c):
    c.established()
    c.past_quick_acks()
    for _ in range(20):
        c.inject('A', len=c.mss // 2)
        c.recv(c.mss // 2)
    acks = len(c.collect(0.1))
    if acks < 5:
        c.fail('%d ACKs for 20 segments' % acks)


@case('MUST-58 MUST-59 a burst of eight is not acknowledged one by one')
def _(c):
    c.established()
    c.past_quick_acks()
    for _ in range(8):
        c.inject('A', len=c.mss)
    acks = len(c.collect(0.1))
    if not 1 <= acks <= 5:
        c.fail('%d ACKs for 8 segments' % acks)
    c.recv(8 * c.mss)


@case('MAY-13 5681-8 out of order: an ACK at once, and when a hole fills')
def _(c):
    c.established()
    c.past_quick_acks()
    at = c.nxt
    c.inject('A', seq=at + 100, len=100)
    c.expect('A', ack=at, between=AT_ONCE)
    c.inject('A', seq=at + 300, len=100)
    c.expect('A', ack=at, between=AT_ONCE)
    c.inject('A', seq=at, len=100)
    c.expect('A', ack=at + 200, between=AT_ONCE)
    c.inject('A', seq=at + 200, len=100)
    c.expect('A', ack=at + 400, between=AT_ONCE)
    c.recv(400)


@case('SHLD-31 ten segments in reverse order: one jump')
def _(c):
    c.established()
    for i in range(9, 0, -1):
        c.inject('A', seq=1 + i * 100, len=100)
        c.expect('A', ack=1)
    c.inject('PA', seq=1, len=100)
    c.expect('A', ack=1001)
    c.recv(1000)


@case('SIOCINQ and SIOCOUTQ')
def _(c):
    c.established()
    c.inject('PA', len=30)
    c.expect('A')
    c.ioctl(SIOCINQ, 30)
    c.recv(10)
    c.ioctl(SIOCINQ, 20)
    c.send(50)
    c.expect('PA', len=50)
    c.ioctl(SIOCOUTQ, 50)
    c.inject('A')
    c.ioctl(SIOCOUTQ, 0)


# -- reassembly ------------------------------------------------------------

@case('SM-12 a segment that is partly old: the new part is used')
def _(c):
    c.established()
    c.inject('PA', len=10)
    c.expect('A')
    c.inject('PA', seq=6, len=10)
    c.expect('A', ack=16)
    c.inject('PA', seq=1, len=30)
    c.expect('A', ack=31)
    c.recv(30)


@case('SM-11 an old segment: an ACK, nothing is delivered twice')
def _(c):
    c.established()
    c.inject('PA', len=10)
    c.expect('A')
    c.recv(10)
    c.inject('PA', seq=1, len=10)
    c.expect('A', ack=11)
    c.recv_nothing()


@case('SEC-08 overlaps of every kind')
def _(c):
    left, right = 101, 201
    for a, b in ((41, 61), (41, left), (41, 151), (41, right), (41, 261),
                 (left, 151), (left, right), (left, 261), (121, 181),
                 (151, right), (151, 261), (right, 261), (241, 261)):
        for order in (left, right, a, b), (a, b, left, right):
            twin = c.sibling()
            twin.established(sack=True)
            twin.inject('A', seq=order[0], len=order[1] - order[0])
            twin.inject('A', seq=order[2], len=order[3] - order[2])
            twin.inject('A', seq=1, len=40)
            twin.inject('A', seq=41, len=260)
            twin.collect(0.002)
            twin.recv(300)
            twin.recv_nothing()


@case('a byte a segment, in a random order')
def _(c):
    c.established(sack=True)
    order = list(range(1, 201))
    c.random.shuffle(order)
    for seq in order + sorted(order):	# there may be no room for all
        c.inject('A', seq=seq, len=1)
    c.collect(0.1)
    c.check(c.got.ack, (c.iss + 201) % (1 << 32), 'the last ACK')
    c.recv(200)
    c.recv_nothing()


@case('100 kB reordered, doubled and repeated are delivered right')
def _(c):
    c.established(sack=True)
    todo = [(at, min(1000, 100001 - at)) for at in range(1, 100001, 1000)]
    while todo:
        batch, todo = todo[:20], todo[20:]
        batch += c.random.sample(batch, 5)
        c.random.shuffle(batch)
        for at, size in batch:
            c.inject('A', seq=at, len=size)
        c.recv(20000)
        c.collect(0)
    c.recv_nothing()


@case('SM-26 our numbers wrap: handshake, data, a hole, the FIN')
def _(c):
    for iss in 0xffffffff, 0xfffffffe, 0xfffffff0, 0xffffffeb, 0x7ffffff0:
        twin = c.sibling()
        twin.forget(iss=iss)
        twin.established(sack=True)
        twin.inject('PA', len=10)
        twin.expect('A', ack=11)
        twin.inject('PA', seq=21, len=10)
        twin.expect('A', ack=11, sack=[(21, 31)])
        twin.inject('PA', seq=11, len=10)
        twin.expect('A', ack=31)
        twin.recv(30)
        twin.inject('FA')
        twin.expect('A', ack=32)
        twin.recv_eof()


@case('SM-26 our numbers wrap: a RST, and one out of the window')
def _(c):
    c.forget(iss=0xfffffff8)
    c.established()
    c.inject('PA', len=5)
    c.expect('A')
    c.inject('R', seq=5)
    c.silent()
    c.inject('R', seq=6)
    c.failed('ECONNRESET')


# -- SACK blocks that we send ----------------------------------------------

@case('2018-1 no SACK blocks unless permitted')
def _(c):
    c.established()
    c.inject('A', seq=11, len=10)
    c.expect('A', ack=1, sack=[])


@case('2018-2 2018-3 the first block is the newest, at most four')
def _(c):
    c.established(sack=True)
    blocks = []
    for left in 11, 31, 51, 71, 91:
        c.inject('A', seq=left, len=10)
        blocks.insert(0, (left, left + 10))
        c.expect('A', ack=1, sack=blocks[:4])
    c.inject('A', seq=41, len=10)
    c.expect('A', ack=1, sack=[(31, 61), (91, 101), (71, 81)])


@case('2018-3 at most three blocks beside timestamps')
def _(c):
    c.established(sack=True, ts=True)
    blocks = []
    for left in 11, 31, 51, 71, 91:
        c.inject('A', seq=left, len=10)
        blocks.insert(0, (left, left + 10))
        c.expect('A', ack=1, sack=blocks[:3])


@case('2018-2 blocks vanish as the holes fill')
def _(c):
    c.established(sack=True)
    c.inject('A', seq=11, len=10)
    c.expect('A', sack=[(11, 21)])
    c.inject('A', seq=31, len=10)
    c.expect('A', sack=[(31, 41), (11, 21)])
    c.inject('A', seq=1, len=10)
    c.expect('A', ack=21, sack=[(31, 41)])
    c.inject('A', seq=21, len=10)
    c.expect('A', ack=41, sack=[])
    c.recv(40)


@case('2883-1 2883-2 a duplicate is reported in one ACK, as its first block')
def _(c):
    c.established(sack=True)
    c.inject('A', len=10)
    c.expect('A', ack=11, sack=[])
    c.inject('A', seq=1, len=10)
    c.expect('A', ack=11, sack=[(1, 11)])
    c.inject('A', seq=31, len=10)
    c.expect('A', ack=11, sack=[(31, 41)])
    c.inject('A', seq=31, len=10)
    c.expect('A', ack=11, sack=[(31, 41), (31, 41)])
    c.inject('A', seq=36, len=10)
    c.expect('A', ack=11, sack=[(36, 41), (31, 46)])
    c.inject('A', seq=6, len=10)
    c.expect('A', ack=16, sack=[(6, 11), (31, 46)])
    c.inject('A', seq=16, len=15)
    c.expect('A', ack=46, sack=[])
    c.recv(45)


@case('SM-13 data without ACK are not delivered')
def _(c):
    c.established()
    c.inject('P', len=10, void=True)
    c.silent(0.06)
    c.recv_nothing()


# -- sending ---------------------------------------------------------------

@case('MUST-61 SHLD-27 SHLD-28 full segments, PSH on the last')
def _(c):
    c.established()
    c.send(3 * c.mss + 100)
    c.expect('A(P)', len=c.mss)
    c.expect('A(P)', len=c.mss)
    c.expect('A(P)', len=c.mss)
    c.expect('PA', len=100)


@case('SHLD-7 Nagle: the second small segment waits for the ACK')
def _(c):
    c.established()
    c.send(10)
    c.expect('PA', len=10)
    c.send(10)
    c.send(10)
    c.silent()
    c.inject('A')
    c.expect('PA', len=20)


@case('SHLD-7 Nagle lets full segments go')
def _(c):
    c.established()
    c.send(10)
    c.expect('PA', len=10)
    c.send(c.mss + 10)
    c.expect('A(P)', len=c.mss)
    c.silent()
    c.inject('A')
    c.expect('PA', len=10)


@case('MUST-17 TCP_NODELAY: each leaves at once')
def _(c):
    c.established()
    c.setopt('TCP_NODELAY', 1)
    for _ in range(3):
        c.send(1)
        c.expect('PA', len=1)


@case('MUST-17 setting TCP_NODELAY sends what waits')
def _(c):
    c.established()
    c.send(10)
    c.expect('PA', len=10)
    c.send(10)
    c.silent()
    c.setopt('TCP_NODELAY', 1)
    c.expect('PA', len=10)


@case('MAY-15 TCP_CORK holds until it is released')
def _(c):
    c.established()
    c.setopt('TCP_CORK', 1)
    c.send(100)
    c.send(100)
    c.silent()
    c.send(c.mss)
    c.expect('A(P)', len=c.mss)
    c.silent()
    c.setopt('TCP_CORK', 0)
    c.expect('PA', len=200)


@case('MAY-15 MSG_MORE holds until a send without it')
def _(c):
    c.established()
    c.send(100, flags=MORE)
    c.send(100, flags=MORE)
    c.silent()
    c.send(100)
    c.expect('PA', len=300)


@case('MUST-60 a small segment leaves when all is acknowledged')
def _(c):
    c.established()
    c.send(c.mss + 10)
    c.expect('A(P)', len=c.mss)
    c.inject('A')
    c.collect()
    c.check(c.dut_nxt, c.mss + 11, 'what was sent')


@case('MUST-16 TCP_MAXSEG limits what is announced and sent')
def _(c):
    c.setopt('TCP_MAXSEG', 700)
    c.connect()
    c.expect('S', opts={'mss': 700})
    c.inject('SA')
    c.expect('A')
    c.send(2000)
    c.expect('A(P)', len=700)


@case('a sender fills the send buffer and is told when there is room')
def _(c):
    c.established()
    c.inject('A', win=0)
    total = 0
    while total < 10 ** 8:
        try:
            total += c.sock.send(bytes(65536))
        except BlockingIOError:
            break
    c.poll('')


# -- urgent data -----------------------------------------------------------

@case('MUST-30 MUST-62 the pointer is the octet after the urgent one')
def _(c):
    c.established()
    c.setopt('TCP_NODELAY', 1)
    c.send(b'x', flags=OOB)
    c.expect('PUA', seq=1, len=1, urg=1)
    c.send(b'yz')
    c.expect('PA', seq=2, len=2)
    c.send(b'abc', flags=OOB)
    c.expect('PUA', seq=4, len=3, urg=3)
    c.inject('A')


@case('MUST-30 urgent data are sent past Nagle')
def _(c):
    c.established()
    c.send(10)
    c.expect('PA', len=10)
    c.send(b'!', flags=OOB)
    c.expect('PUA', seq=11, len=1, urg=1)


@case('MUST-30 MUST-33 6093-3 an urgent octet is received out of line')
def _(c):
    c.established()
    c.inject('PUA', data=b'abcX', urg=4)
    c.inject('PA', data=b'de')
    c.collect()
    c.poll('IN OUT PRI')
    c.recv(b'X', flags=OOB)
    c.outcome('recv(OOB)', 'EINVAL', c.sock.recv, 1, OOB)
    c.ioctl(SIOCATMARK, 0)
    c.recv(b'abc')
    c.ioctl(SIOCATMARK, 1)
    c.recv(b'de')
    c.recv_nothing()


@case('MUST-33 a read stops at the mark')
def _(c):
    c.established()
    c.inject('PUA', data=b'abcX', urg=4)
    c.inject('PA', data=b'de')
    c.collect()
    c.check(c.sock.recv(100), b'abc', 'the first read')
    c.check(c.sock.recv(100), b'de', 'the second read')


@case('SO_OOBINLINE leaves the urgent octet in the stream')
def _(c):
    c.established()
    c.setopt('SO_OOBINLINE', 1)
    c.inject('PUA', data=b'abcX', urg=4)
    c.inject('PA', data=b'de')
    c.collect()
    c.outcome('recv(OOB)', 'EINVAL', c.sock.recv, 1, OOB)
    c.recv(b'abc')
    c.ioctl(SIOCATMARK, 1)
    c.recv(b'Xde')


@case('MUST-31 urgent data of 100 kB')
def _(c):
    c.established()
    c.setopt('SO_OOBINLINE', 1)
    for _ in range(100):
        c.inject('UA', len=1000, urg=1000)
        c.recv(1000)
        c.collect(0)


@case('6093-2 urgent pointers of 0 and 65535')
def _(c):
    c.established()
    c.setopt('SO_OOBINLINE', 1)
    c.inject('PUA', len=10, urg=0)
    c.inject('PUA', len=10, urg=65535)
    c.inject('PA', len=10)
    c.collect()
    c.recv(30)


@case('6093-1 a pointer beyond the data received: the mark comes later')
def _(c):
    c.established()
    c.inject('PUA', data=b'ab', urg=4)
    c.collect()
    c.outcome('recv(OOB)', 'EAGAIN', c.sock.recv, 1, OOB)
    c.recv(b'ab')
    c.inject('PA', data=b'cX')
    c.inject('PA', data=b'd')
    c.collect()
    c.recv(b'X', flags=OOB)
    c.recv(b'cd')


@case('MUST-32 SIGURG once for each advance of the pointer')
def _(c):
    caught = []
    old = signal.signal(signal.SIGURG, lambda *_: caught.append(1))
    try:
        c.established()
        fcntl.fcntl(c.sock, fcntl.F_SETOWN, os.getpid())
        c.setopt('SO_OOBINLINE', 1)
        c.inject('UA', len=10, urg=30)
        c.inject('UA', len=10, urg=20)
        c.inject('UA', len=10, urg=10)
        c.collect()
        c.check(len(caught), 1, 'the number of signals')
        c.inject('UA', len=10, urg=10)
        c.collect()
        c.check(len(caught), 2, 'the number of signals')
    finally:
        signal.signal(signal.SIGURG, old)


@case('MUST-66 URG is noticed at a closed window')
def _(c):
    caught = []
    old = signal.signal(signal.SIGURG, lambda *_: caught.append(1))
    try:
        c.socket()
        c.setopt('SO_RCVBUF', 4096)
        c.established()
        fcntl.fcntl(c.sock, fcntl.F_SETOWN, os.getpid())
        c.fill()
        c.inject('UA', urg=5)
        c.collect()
        c.check(len(caught), 1, 'the number of signals')
    finally:
        signal.signal(signal.SIGURG, old)


if __name__ == '__main__':
    main()
