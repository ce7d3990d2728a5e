#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Segments made by chance, in all states.

Each is one that could come next, with something about it changed: a number
next to a boundary, other control bits, options that are cut, repeated or
nonsense, a length that lies, text that overlaps, octets turned over. $FUZZ_COUNT
of them over all cases (20,000 where time is virtual, else 2,000), from
$FUZZ_SEED; the same seed makes the same segments, and the same answers where
time is virtual.

What a segment may do to the state is said by may_become(), by RFC 9293 3.10.7
and RFC 5961. It says what may happen, not what has to: flags.py does that.
Besides: the program reads what was sent; no answer to a RST but an ACK, none to
a wrong checksum; every answer keeps the invariants of Peer.audit; a new
connection works at any time; and in the end nothing is left.
"""

import collections
import os
import random
import re
import select
import socket
import struct

from codec import (FLAGS, SEQ_MOD, BadPacket, Segment, addr_pack, build_icmp,
                   build_tcp, checksum, pseudo_header, seq_diff)
from harness import case, main
from peer import pattern
from program import STATES

VIRTUAL = os.environ.get('LAB_KERNEL') == 'um'
COUNT = int(os.environ.get('FUZZ_COUNT', 20000 if VIRTUAL else 2000))
SEED = os.environ.get('FUZZ_SEED', '1')
SHOTS = 30			# at one connection, at most
ALIVE_EVERY = 500		# shots
SHOWN = 12			# of the last ones, when something is wrong
AFTER_FIN = 'CLOSE_WAIT', 'CLOSING', 'LAST_ACK', 'TIME_WAIT'
MAY_SEND = 'ESTABLISHED', 'CLOSE_WAIT'
HANDSHAKE = 'CLOSED', 'LISTEN', 'SYN_SENT', 'SYN_RECEIVED'
COMMON = ('A', 'PA', 'PA', 'A', 'FA', 'PUA', 'R', 'RA', 'S', 'SA', 'UA', 'F',
          'ECA', 'FPUA', '')
BAD = re.compile('WARNING:|BUG|KASAN|UBSAN|Oops|suspicious RCU|ODEBUG')


class Shot:
    """A packet, read as the stack has to read it."""

    def __init__(self, m, raw):
        c = m.c
        self.raw = raw
        at = (raw[0] & 15) * 4 if c.family == 4 else 40
        end = struct.unpack_from('!H', raw, 2)[0] if c.family == 4 \
            else 40 + struct.unpack_from('!H', raw, 4)[0]
        tcp = bytes(raw[at:end])
        src, dst = (addr_pack(c.family, a) for a in (c.addr, c.dut_addr))
        self.valid = False
        self.flags, self.seq, self.ack, self.data = '', 0, 0, b''
        if len(tcp) < 20 or end > len(raw):
            return
        _, _, seq, ack, word, self.win = struct.unpack_from('!HHIIHH', tcp)
        self.flags = ''.join(f for i, f in enumerate(FLAGS) if word >> i & 1)
        self.seq = seq_diff(seq, c.iss)
        self.ack = seq_diff(ack, c.dut_iss or 0)
        size = (word >> 12) * 4
        self.data = tcp[size:]
        self.valid = 20 <= size <= len(tcp) and not checksum(
            pseudo_header(c.family, src, dst, 6, len(tcp)) + tcp)
        self.end = self.seq + len(self.data) + ('S' in self.flags)

    def __str__(self):
        return '%s seq %d..%d ack %d win %d%s: %s' % (
            self.flags or 'no flags', self.seq, self.seq + len(self.data),
            self.ack, getattr(self, 'win', 0),
            '' if self.valid else ' (invalid)', self.raw.hex()[:240])


def may_become(m, s, fin):
    """fin: a FIN was sent for what is RCV.NXT now."""
    state, f = m.state, s.flags
    if not s.valid:
        return {state}
    if state in ('CLOSED', 'LISTEN'):
        opens = state == 'LISTEN' and 'S' in f and not set('AFR') & set(f)
        return {state, 'SYN_RECEIVED'} if opens else {state}
    if state == 'SYN_SENT':
        if 'A' in f and s.ack != 1:
            return {state}
        if 'R' in f:
            return {state, 'CLOSED'} if 'A' in f else {state}
        if 'S' not in f:
            return {state}
        return {state, 'ESTABLISHED', 'CLOSE_WAIT'} if 'A' in f else \
            {state, 'SYN_RECEIVED'}
    if 'R' in f:
        exact = s.seq == m.rcv and state != 'TIME_WAIT'
        return {state, 'CLOSED'} if exact else {state}
    if 'S' in f:
        if state != 'SYN_RECEIVED':
            return {state}
        if m.passive:
            return {state, 'CLOSED'}
        if s.seq or 'A' not in f:
            return {state}
    if 'A' not in f:
        return {state}
    found = {state}
    if s.ack == m.nxt:
        found |= {{'SYN_RECEIVED': 'ESTABLISHED', 'FIN_WAIT_1': 'FIN_WAIT_2',
                   'CLOSING': 'TIME_WAIT', 'LAST_ACK': 'CLOSED'}.get(
                       state, state)}
    if fin:
        found |= {{'ESTABLISHED': 'CLOSE_WAIT', 'FIN_WAIT_1': 'CLOSING',
                   'FIN_WAIT_2': 'TIME_WAIT'}.get(x, x) for x in found}
    return found


def proc(c, opened={}):
    """/proc/net/tcpx of the namespace, open."""
    if c.family not in opened:
        opened[c.family] = os.open(c.stack.proc(c.family), os.O_RDONLY)
    return opened[c.family]


class Model:
    """One connection, and what it may do."""

    def __init__(self, c, state, passive):
        self.c, self.passive = c, passive
        self.start = self.state = state
        self.rcv = self.top = c.nxt		# RCV.NXT; the end of what we sent
        self.una = c.dut_nxt - (state in ('FIN_WAIT_1', 'CLOSING', 'LAST_ACK',
                                          'SYN_SENT', 'SYN_RECEIVED'))
        self.fins, self.torn = set(), False
        self.shots = collections.deque(maxlen=SHOWN)

    @property
    def nxt(self):
        return self.c.dut_nxt

    @property
    def edge(self):
        return self.rcv if self.c.dut_edge is None else self.c.dut_edge

    def aim(self, s):
        """Take what was sent into the books."""
        self.shots.append(s)
        if not s.valid or 'R' in s.flags:
            return
        if 'F' in s.flags:
            self.fins.add(s.end)
        end = s.end + ('F' in s.flags)
        if end > self.rcv and s.seq <= self.edge:
            self.top = max(self.top, end)
        if s.data and s.data != pattern(s.seq - ('S' not in s.flags),
                                        len(s.data)):
            self.torn = True
        self.c.pieces = [(0, self.top)]
        if 'A' in s.flags and s.ack <= self.nxt:
            self.una = max(self.una, s.ack)
            self.c.edge = max(self.c.edge or 0, s.ack + (
                s.win << (0 if 'S' in s.flags else self.c.ws)))

    def row(self):
        """The state in /proc: opening the file is what costs."""
        c = self.c
        key = '%04X %s:%04X ' % (c.dut_port, c.proc_addr(), c.port)
        with open(os.dup(proc(c)), closefd=True) as f:
            f.seek(0)
            for line in f:
                at = line.find(key)
                if at > 0:
                    return STATES[int(line[at + len(key):][:2], 16)]
        return 'CLOSED'

    def observe(self):
        """(state, RCV.NXT). What never changes is looked at now and then."""
        c = self.c
        if self.state in ('CLOSED', 'TIME_WAIT') and \
                len(self.shots) == SHOWN and self.c.random.random() < 0.9:
            return self.state, self.rcv
        if not c.sock or c.sock.fileno() < 0:
            return self.row(), self.rcv
        raw = c.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 136)
        state = STATES[raw[0]]
        if state == 'CLOSED':
            state = self.row()
        if state in HANDSHAKE or state == 'TIME_WAIT':
            return state, self.rcv
        return state, 1 + struct.unpack_from('=Q', raw, 128)[0] + \
            (state in AFTER_FIN)

    def judge(self, s):
        state, rcv = self.observe()
        fin = bool(self.fins)
        if self.c.sock and state != 'TIME_WAIT':
            fin = rcv - (state in AFTER_FIN) in self.fins
        may = may_become(self, s, fin)
        if self.state == 'LISTEN':	# there is no row of the connection
            may.add('CLOSED')
        if state not in may:
            self.c.fail('%s became %s by %s' % (self.state, state, s))
        if rcv < self.rcv:
            self.c.fail('RCV.NXT went back')
        moved = state != self.state
        self.state, self.rcv = state, rcv
        return moved

    def hear(self, s):
        """What came back."""
        c = self.c
        while (seg := c.pull(0)) is not None:
            if VIRTUAL and s is not None and not s.valid:
                c.fail('an answer to what is invalid')
            if seg.has('R'):
                if s is not None and 'R' in s.flags:
                    c.fail('a RST for a RST')
                if self.state not in HANDSHAKE:
                    c.fail('a RST')
                continue
            if self.start in HANDSHAKE:
                c.dut_nxt = max(c.dut_nxt, seq_diff(seg.seq, c.dut_iss or 0) +
                                seg.length)
                continue
            if seq_diff(seg.ack, c.iss) > self.top:
                c.fail('an ACK of what was not sent')
            c.seen(seg)


# -- what is sent --------------------------------------------------------------

def stamps(r, m):
    c = m.c
    val = c.ts_val + r.choice((0, 1, 1, 1, 1, -1, -1000, 1 << 30, 1 << 31))
    if val > c.ts_val and val - c.ts_val < 10:
        c.ts_val = val
    return [('nop',), ('nop',), ('ts', val % SEQ_MOD, r.choice(
        (c.ts_recent, c.ts_recent, 0, r.getrandbits(32))))]


def sack(r, m):
    base = m.c.dut_iss or 0
    around = (m.una, m.nxt, m.una - 1, m.nxt + 1, m.una + 1000, m.nxt - 1,
              r.getrandbits(32))
    return [('nop',), ('nop',), ('sack', [
        (base + r.choice(around), base + r.choice(around))
        for _ in range(r.randint(1, 3))])]


def nonsense(r):
    """Kinds and lengths that are known, or not, and what they lie about."""
    out = b''
    while len(out) < 36 and r.random() < 0.8:
        kind = r.choice((0, 1, 2, 3, 4, 5, 8, 19, 28, 29, 34, 172, 253,
                         r.randrange(256)))
        size = r.choice((2, 3, 4, 10, 10, 18, 26, 34, 0, 1,
                         r.randrange(256)))
        out += bytes([kind, size]) + r.randbytes(r.choice((
            max(0, min(size - 2, 38)), r.randrange(8))))
    return [('raw', out[:40])]


def options(r, m, flags):
    which = r.randrange(16)
    usual = stamps(r, m) if m.c.ts_on else []
    if which < 8:
        return (m.c.syn_options() if 'S' in flags else usual)
    if which < 11:
        return usual + sack(r, m)
    if which == 11:
        return [('raw', r.randbytes(r.randrange(41)))]
    if which == 12:
        return m.c.syn_options()
    if which == 13:
        return [] if usual else stamps(r, m)
    return nonsense(r)


def segment(r, m):
    c = m.c
    flags = r.choice(COMMON) if r.random() < 0.9 else \
        ''.join(f for f in FLAGS if r.getrandbits(1))
    if m.state == 'SYN_SENT' and r.random() < 0.5:
        flags = r.choice(('SA', 'S', 'RA'))
    size = r.choice((0, 0, 0, 0, 0, 1, 1, 10, 100, 536, c.mss,
                     r.randrange(1, 9000)))
    seq = r.choice((m.rcv,) * 7 + (
        m.rcv - 1, m.rcv + 1, m.rcv - size, m.rcv - size // 2, m.top,
        m.rcv + r.randrange(1, 4000), m.edge, m.edge - 1, m.edge + 1,
        m.edge - size, m.rcv + (1 << 31), r.getrandbits(32)))
    ack = r.choice((m.nxt,) * 7 + (
        m.una, m.una, m.una - 1, m.nxt + 1, m.nxt - 1, m.una - 65535,
        m.una - 65536, m.nxt + (1 << 31), r.getrandbits(32)))
    seg = Segment(
        flags, c.iss + seq, (c.dut_iss or 0) + ack if 'A' in flags or
        not r.randrange(8) else 0,
        r.choice((c.win, c.win, c.win, 0, 1, r.randrange(65536))),
        r.choice((0, 1, size, size + 1, 65535, r.randrange(65536)))
        if 'U' in flags or not r.randrange(8) else 0,
        options(r, m, flags), pattern(seq - ('S' not in flags), size),
        r.choice((64, 64, 64, 1, 255)), r.choice((0, 0, 0, 2, 3, 255)))
    seg.reserved = 0 if r.random() < 0.95 else r.randrange(8)
    return seg


def lie(r):
    """Faults of the header, for build_tcp()."""
    which = r.randrange(4)
    if which == 0:
        return {'bad_checksum': True}
    if which == 1:
        return {'doff': r.randrange(16)}
    if which == 2:
        return {'truncate': r.randrange(64)}
    return {}


def damage(r, c, raw):
    """Octets turned over, or a length of IP that does not fit."""
    raw = bytearray(raw)
    at = r.randrange(3)
    if at == 0 and len(raw) > 44:
        for _ in range(r.randint(1, 4)):
            raw[r.randrange(24 if c.family == 4 else 44, len(raw))] ^= \
                1 << r.randrange(8)
    elif at == 1:			# the link's padding
        raw += r.randbytes(r.randrange(1, 50))
    else:
        where = 2 if c.family == 4 else 4
        struct.pack_into('!H', raw, where, r.randrange(len(raw) + 20))
        if c.family == 4:
            raw[10:12] = b'\0\0'
            struct.pack_into('!H', raw, 10, checksum(bytes(raw[:20])))
    return raw


def shoot(r, m):
    """Write a packet; what it is to the stack."""
    c = m.c
    seg = segment(r, m)
    more = lie(r) if r.random() < 0.08 else {}
    raw = build_tcp(c.family, addr_pack(c.family, c.addr),
                    addr_pack(c.family, c.dut_addr), c.port, c.dut_port, seg,
                    **more)
    if r.random() < 0.05:
        raw = damage(r, c, raw)
    s = Shot(m, raw)
    m.aim(s)
    try:
        c.bench.tun.write(bytes(raw))
    except OSError:			# not even a header of IP
        s.valid = False
    return s


def shoot_icmp(r, m):
    """An error about the connection, its number near or far."""
    c = m.c
    if not c.quoted:
        return
    quoted = bytearray(c.quoted)
    at = (20 if c.family == 4 else 40) + 4
    struct.pack_into('!I', quoted, at, ((c.dut_iss or 0) + r.choice(
        (m.una, m.nxt, m.nxt + 1, r.getrandbits(32)))) % SEQ_MOD)
    kind = r.choice((3, 4, 11, 12) if c.family == 4 else (1, 2, 3, 4))
    if m.state in ('SYN_SENT', 'SYN_RECEIVED'):	# may refuse, rightly
        kind = 11 if c.family == 4 else 3
    c.bench.tun.write(build_icmp(
        c.family, addr_pack(c.family, c.addr),
        addr_pack(c.family, c.dut_addr), kind, r.randrange(8),
        r.choice((0, 68, 576, 1280, 1400, r.getrandbits(16))),
        bytes(quoted[:r.choice((548, at + 4, r.randrange(at + 16)))])))


# -- the program -----------------------------------------------------------------

def program(r, m):
    c = m.c
    if not c.sock or c.sock.fileno() < 0 or m.state in HANDSHAKE:
        return
    if r.random() < 0.3:
        try:
            got = c.sock.recv(65536)
        except OSError:
            got = b''
        if got and not m.torn and got != pattern(c.read_at, len(got)):
            c.fail('recv() gave other octets than were sent')
        c.read_at += len(got)
    if m.state in MAY_SEND and r.random() < 0.15:
        data = pattern(len(c.stream), r.choice((1, 100, 3000)))
        try:
            c.stream += data[:c.sock.send(data, socket.MSG_NOSIGNAL)]
        except OSError:
            pass
    if VIRTUAL and r.random() < 0.004:
        select.select([], [], [], r.choice((0.05, 0.3, 1)))
    m.hear(None)


def complaint():
    """Of the kernel, since the last call."""
    found = None
    while True:
        try:
            line = os.read(complaint.log, 8192).decode(errors='replace')
        except (BlockingIOError, BrokenPipeError):
            return found
        if BAD.search(line):
            found = found or line.split(';', 1)[-1].splitlines()[0]


complaint.log = None


def alive(c):
    twin = c.sibling().established()
    twin.inject('PA', len=100)
    twin.recv(100)
    twin.send(100)
    twin.collect()
    twin.check(twin.dut_nxt, 101, 'what a new connection has sent')
    leave(c, twin)


def leave(c, twin):
    if c.lsock:
        try:
            while True:
                sock = c.lsock.accept()[0]
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack('ii', 1, 0))
                sock.close()
        except BlockingIOError:
            pass
    twin.finish()
    c.children.remove(twin)
    del c.log[:]


# -- the campaign ----------------------------------------------------------------

def connection(c, r, start, reach, budget):
    """Up to `budget` shots at one connection; how many."""
    twin = c.sibling()
    twin.iss = SEQ_MOD - r.randrange(2000) if r.getrandbits(1) \
        else r.getrandbits(32)
    twin.peer(ws=r.choice((None, 0, 7, 14)), sack=r.random() < 0.7,
              ts=r.random() < 0.7, mss=r.choice((536, twin.mss)))
    reach(twin)
    twin.collect(0)
    if twin.sock and twin.sock.fileno() >= 0:
        twin.sock.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    m = Model(twin, start, start == 'SYN_RECEIVED' and bool(c.lsock))
    done = 0
    try:
        while done < min(SHOTS, budget):
            done += 1
            if r.random() < 0.04:
                shoot_icmp(r, m)
                m.hear(None)
            s = shoot(r, m)
            moved = m.judge(s)
            m.hear(s)
            if twin.complaints:
                twin.fail('INV: ' + twin.complaints[0])
            if m.state == 'CLOSED' != start or moved and start in HANDSHAKE:
                break
            program(r, m)
    except Exception:
        c.log += ['seed %s, connection %d' % (SEED, c.bench.number)]
        c.log += map(str, m.shots)
        raise
    leave(c, twin)
    return done


def left(c):
    """Gauges that have to come back."""
    found = c.stack.counters()
    return {name: found[name] for name in (
        'Sockets', 'TimeWait', 'Orphans', 'MemoryPages') if name in found}


def campaign(c, start, reach, share, listens):
    r = random.Random('%s/%s/%d' % (SEED, c.name, c.family))
    if complaint.log is None:
        complaint.log = os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(complaint.log, 0, os.SEEK_END)
    if r.getrandbits(1):
        c.knob('invalid_ratelimit', 0)
        c.knob('challenge_ack_limit', 1 << 30)
    c.abort_all()
    before, done, checked = left(c), 0, 0
    if listens:
        c.listen()
    while done < share:
        done += connection(c, r, start, reach, share - done)
        if done - checked >= ALIVE_EVERY or done >= share:
            checked = done
            if not listens:
                c.abort_all()
            alive(c)
        said = complaint()
        if said:
            c.fail('the kernel: ' + said)
    if listens:
        c.lsock.close()
    c.abort_all()
    c.collect(1.5)
    c.check(left(c), before, 'what is left')


def closed(twin):
    """A port without a socket."""
    twin.bind()
    twin.sock.close()


def listening(twin):
    """The listener is there before."""


def syn_sent(twin):
    twin.connect()
    twin.expect('S', seq=0)


STARTS = (
    ('CLOSED', '', closed), ('LISTEN', '', listening),
    ('SYN_SENT', '', syn_sent),
    ('SYN_RECEIVED', ', passive', lambda t: t.half_open()),
    ('SYN_RECEIVED', ', active', lambda t: t.simultaneous(**t.offer)),
    ('ESTABLISHED', '', lambda t: t.established()),
    ('FIN_WAIT_1', '', lambda t: t.fin_wait_1()),
    ('FIN_WAIT_2', '', lambda t: t.fin_wait_2()),
    ('CLOSE_WAIT', '', lambda t: t.close_wait()),
    ('CLOSING', '', lambda t: t.closing()),
    ('LAST_ACK', '', lambda t: t.last_ack()),
    ('TIME_WAIT', '', lambda t: t.time_wait()),
)

for name, how, way in STARTS:
    def of_state(c, name=name, how=how, way=way):
        campaign(c, name, way, -(-COUNT // (2 * len(STARTS))),
                 name == 'LISTEN' or 'passive' in how)
    case('segments made by chance, in ' + name + how,
         native='this is about tcpx')(of_state)


if __name__ == '__main__':
    main()
