#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Memory: what a peer can make us keep, and what it can make us do."""

import contextlib
import ctypes
import fcntl
import mmap
import os
import struct
import subprocess
import threading

from codec import seq_diff
from flight import cost, deaf, drain, packet
from harness import ANY, case, main, meminfo
from peer import pattern

ONE_SKB = 8192


def tiny(c, count, first=3):
    """Octets at every second place, ready for the device."""
    c.pieces.append((first, first + 2 * count))
    return [packet(c, seq=at, ack=c.dut_nxt, data=pattern(at - 1, 1))
            for at in range(first, first + 2 * count, 2)]


def grow(c, name, count):
    return c.stack.counters()[name] - count


def fill_holes(c, end):
    """The peer sends all again, in order; the program reads it."""
    drain(c)
    at = 1
    while at < end:
        size = min(1000, end - at)
        c.inject('A', seq=at, len=size)
        at += size
        c.recv(size)
        drain(c)
    c.recv_nothing()


def big_buffer(c, size):
    c.socket()
    c.setopt('SO_RCVBUFFORCE', size)
    c.established(sack=True, ws=14)


def flat(c, packets):
    with deaf(c):
        first, last = cost(c, packets, 100)
    c.note('%d cycles a segment, then %d' % (first, last))
    if last > 3 * first:
        c.fail('a segment takes %d cycles, then %d' % (first, last))
    fill_holes(c, 4002)


@case('SEC-05 CVE-2018-5390 an octet every second place: cost stays')
def _(c):
    big_buffer(c, 16 << 20)
    flat(c, tiny(c, 2000))


@case('SEC-05 CVE-2018-5390 the same beyond the buffer: cost stays')
def _(c):
    big_buffer(c, 1 << 18)
    flat(c, tiny(c, 2000))


@case('SEC-05 the same from behind')
def _(c):
    big_buffer(c, 1 << 18)
    flat(c, tiny(c, 2000)[::-1])


@case('SEC-07 out of order in the largest buffers: charged, bounded, alive')
def _(c):
    twins = []
    for _ in range(8):
        twin = c.sibling()
        twin.established(sack=True)
        for raw in tiny(twin, 400):
            c.bench.tun.write(raw)
        info = meminfo(twin.sock)
        if info['rmem_alloc'] < 30000:
            c.fail('only %d bytes are charged' % info['rmem_alloc'])
        if info['rmem_alloc'] > info['rcvbuf'] + ONE_SKB:
            c.fail('%(rmem_alloc)d bytes in a buffer of %(rcvbuf)d' % info)
        twins.append(twin)
    for twin in twins:
        fill_holes(twin, 802)


@case('SEC-07 in-order data that were acknowledged are never dropped')
def _(c):
    c.socket()
    c.setopt('SO_RCVBUF', 16384)
    c.established(sack=True)
    at = 1
    while at < 20000:
        for raw in tiny(c, 20, first=at + 501):
            c.bench.tun.write(raw)
        c.inject('A', seq=at, len=250)
        c.collect(0.001)
        c.inject('A', seq=at + 250, len=250)
        c.collect(0.001)
        ack = seq_diff(c.got.ack, c.iss)
        if c.random.random() < 0.3 or ack < at + 500:
            c.recv(ack - 1 - c.read_at)
        at = ack
    c.recv(at - 1 - c.read_at)
    info = meminfo(c.sock)
    if info['rmem_alloc'] > info['rcvbuf'] + ONE_SKB:
        c.fail('%(rmem_alloc)d bytes in a buffer of %(rcvbuf)d' % info)


@case('2018-6 after pruning only what is held is reported')
def _(c):
    for turn in range(8):
        twin = c.sibling()
        twin.socket()
        twin.setopt('SO_RCVBUF', 8192)
        twin.established(sack=True)
        before = twin.stack.counters()['OfoPruned']
        far = 4001 + 500 * (turn % 3)
        for raw in tiny(twin, 40, first=far):
            c.bench.tun.write(raw)
        drain(twin)
        at = 1
        while at < 3001:		# nobody reads: no room for both
            twin.inject('A', seq=at, len=300)
            got = twin.expect('A', ack=ANY)
            at = seq_diff(got.ack, twin.iss)
            if got.option('sack') is None:
                break
        blocks = got.option('sack') or []
        if turn == 0 and not twin.stack.native and \
                not grow(twin, 'OfoPruned', before):
            c.fail('nothing was pruned')
        twin.recv(at - 1 - twin.read_at)
        drain(twin)
        for left, right in sorted(blocks):
            left, right = (seq_diff(x, twin.iss) for x in (left, right))
            while at < left:
                twin.inject('A', seq=at, len=min(left - at, 500))
                at += min(left - at, 500)
                twin.recv(at - 1 - twin.read_at)
            twin.collect(0.001)
            have = seq_diff(twin.got.ack, twin.iss)
            if have < right:
                c.fail('%d-%d was reported, RCV.NXT is %d' % (
                    left, right, have))
            twin.recv(have - 1 - twin.read_at)
            at = have
        twin.abort()
        drain(twin)


@contextlib.contextmanager
def no_memory(c):
    """Nothing is left for all sockets together; all namespaces share it."""
    path = c.stack.knob('mem')
    enter = ['nsenter', '--net=/proc/1/ns/net']
    old = subprocess.run(enter + ['cat', path], check=True, text=True,
                         stdout=subprocess.PIPE).stdout

    def put(value):
        subprocess.run(enter + ['sh', '-c', 'echo %s > %s' % (value, path)],
                       check=True)
    put('0 0 0')
    c.note('%s = 0 0 0' % path)
    try:
        yield
    finally:
        put(old.strip())


@case('API-15 the hard limit of all sockets: those alive go on',
      native='its window shrinks under pressure')
def _(c):
    c.established(mss=1000)
    other = c.sibling().established()
    c.setopt('SO_SNDBUFFORCE', 8 << 20)
    with no_memory(c):
        taken = 0		# a CPU keeps 1 MB out of the sum
        with contextlib.suppress(BlockingIOError):
            while taken < 8 << 20:
                taken += c.sock.send(pattern(taken, 65521))
        c.stream += pattern(0, taken)
        if not 0 < taken < 8 << 20:
            c.fail('send() took %d bytes' % taken)
        # Counted when it begins: that may have been the case before.
        if not c.stack.native and not c.stack.counters()['MemoryPressures']:
            c.fail('no memory pressure')
        for _ in range(20):
            other.inject('PA', len=1000)
            other.expect('A')
            other.recv(1000)
            other.send(10)
            other.expect('PA', len=10)
            other.inject('A')
        third = c.sibling().established()
        third.inject('PA', len=100)
        third.expect('A')
        third.recv(100)
    while c.dut_nxt < min(taken, 300000):
        c.take(1)
        c.collect(0.001)
        c.inject('A')
    c.send(1000, took=ANY)


# -- large segments: what GRO makes of many --------------------------------

@case('ING-04 a super packet is acknowledged at once, as its segments are')
def _(c):
    c.established()
    c.past_quick_acks()
    for _ in range(5):
        c.inject('PA', len=10 * c.mss, gso=c.mss)
        c.expect('A', between=(0, 0.020))
        c.recv(10 * c.mss)


@case('ING-04 a super packet out of order, over a hole, partly old')
def _(c):
    c.established(sack=True)
    c.inject('A', seq=1 + 3 * c.mss, len=5 * c.mss, gso=c.mss)
    c.expect('A', ack=1, sack=[(1 + 3 * c.mss, 1 + 8 * c.mss)])
    c.inject('A', seq=1, len=6 * c.mss, gso=c.mss)
    c.expect('A', ack=1 + 8 * c.mss,
             sack=[(1 + 3 * c.mss, 1 + 6 * c.mss)])
    c.inject('A', seq=1 + 6 * c.mss, len=4 * c.mss, gso=c.mss)
    c.expect('A', ack=1 + 10 * c.mss,
             sack=[(1 + 6 * c.mss, 1 + 8 * c.mss)])
    c.recv(10 * c.mss)


@case('ING-04 RFC 5961 holds for super packets',
      native='an ACK of what was not sent is dropped in silence')
def _(c):
    c.established()
    c.inject('PA', len=5 * c.mss, gso=c.mss, ack=c.dut_nxt + 1, void=True)
    c.expect('A', ack=1)
    c.recv_nothing()
    c.inject('FPA', len=5 * c.mss, gso=c.mss)
    c.collect()
    c.check(seq_diff(c.got.ack, c.iss), 2 + 5 * c.mss, 'the ACK')
    c.recv(5 * c.mss)
    c.recv_eof()


# -- windows ---------------------------------------------------------------

@case('SEC-18 a window that opens and closes with each ACK: no silly segment',
      native='it sends half a window')
def _(c):
    c.setopt('SO_SNDBUF', 1 << 20)
    c.established(mss=1000)
    c.send(300000)
    c.collect(0.002)
    for _ in range(200):
        for win in 0, 1, 999, 65535:
            c.inject('A', win=win)
            got = c.collect(0)
            for s in got:
                if s.data and len(s.data) < 1000 and \
                        c.rel(s)[1] != 300001:
                    c.fail('a segment of %d' % len(s.data))
        if not any(s.data for s in got) and c.dut_nxt < 300001 and \
                not any(s.data for s in c.collect(0.05)):
            c.fail('nothing came into an open window')
    c.check(c.dut_nxt, 300001, 'what was sent')


# -- what is on the wire ---------------------------------------------------

def clean(c, seg):
    if not seg.has('U') and seg.urg:
        c.fail('an urgent pointer without URG: %d' % seg.urg)
    if not seg.has('A') and seg.ack:
        c.fail('an acknowledgment number without ACK: %d' % seg.ack)
    if seg.data and not seg.has('S'):
        c.seen(seg)		# compares it with the stream


@case('LEAK-02 header fields, padding and probes hold nothing stale')
def _(c):
    for offer in ({}, {'sack': True}, {'ts': True},
                  {'sack': True, 'ts': True, 'ws': 3}):
        twin = c.sibling()
        twin.peer(**offer)
        twin.connect()
        clean(twin, twin.expect('S', seq=0))
        twin.inject('SA')
        clean(twin, twin.expect('A'))
        for left in 11, 31, 51, 71:
            twin.inject('A', seq=left, len=10)
            clean(twin, twin.expect('A', ack=1))
        twin.inject('A', seq=1, len=100)
        twin.inject('R', seq=twin.nxt + 5)
        for s in twin.collect():
            clean(twin, s)
        twin.inject('A', win=0)
        twin.send(5)
        probe = twin.pull(1.0)
        if probe is None:
            c.fail('no probe')
        clean(twin, probe)
        twin.inject('A', ack=1, win=9000)
        clean(twin, twin.expect('PA', seq=1, len=5))
        clean(twin, twin.expect('PA', seq=1, len=5))	# sent again
        twin.abort()
        clean(twin, twin.pull(1.0))


# -- the lock is held ------------------------------------------------------

class Trap:
    """Memory that is not there until release(): who touches it, waits."""

    API, REGISTER, ZEROPAGE = 0xc018aa3f, 0xc020aa00, 0xc020aa04

    def __init__(self):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.syscall(323, os.O_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), 'userfaultfd')
        self.map = mmap.mmap(-1, mmap.PAGESIZE)
        self.start = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        fcntl.ioctl(self.fd, self.API, struct.pack('QQQ', 0xaa, 0, 0))
        self.ioctl(self.REGISTER, 1)

    def ioctl(self, request, mode):
        fcntl.ioctl(self.fd, request, struct.pack(
            'QQQQ', self.start, mmap.PAGESIZE, mode, 0))

    def touched(self):
        return os.read(self.fd, 32)

    def release(self):
        self.ioctl(self.ZEROPAGE, 0)
        os.close(self.fd)


def has_userfaultfd():
    with contextlib.suppress(OSError):
        os.close(Trap().fd)
        return True
    return False


def backlog(c):
    c.socket()
    c.setopt('SO_RCVBUF', 4096)
    c.established(ws=0)
    c.inject('PA', len=100)
    c.expect('A')
    before = c.stack.counters()
    trap = Trap()
    reader = threading.Thread(target=c.sock.recv_into, args=(trap.map, 100),
                              daemon=True)
    reader.start()
    trap.touched()
    raw = [packet(c, seq=c.nxt + at, ack=c.dut_nxt, data=pattern(100 + at, 1))
           for at in range(1000)]
    for one in raw:
        c.bench.tun.write(one)
    c.silent(0.05)
    name = 'TCPBacklogDrop' if c.stack.native else 'BacklogDrop'
    dropped = c.stack.counters()[name] - before[name]
    if not 0 < dropped < 1000:
        c.fail('%d of 1000 dropped' % dropped)
    trap.release()
    reader.join(5)
    c.check(bytes(trap.map[:100]), pattern(0, 100), 'what was read')
    c.read_at = 100
    c.pieces.append((101, 1101))
    c.pull(1)
    c.inbox.clear()
    drain(c)
    for one in raw:
        c.bench.tun.write(one)
        drain(c)
        with contextlib.suppress(BlockingIOError):
            c.recv(len(c.sock.recv(4096, 2)))
    c.check(c.read_at, 1100, 'what was read')


if has_userfaultfd():
    case('ING-08 the backlog of a socket that is locked is bounded')(backlog)

if __name__ == '__main__':
    main()
