# SPDX-License-Identifier: GPL-2.0
"""Wire tests: a program's socket on one side, a scripted peer on the other.

A case is a function that reads as a table of lines, run for IPv4 and IPv6:

	@case('SM-7 syn-sent: RST without ACK is ignored')
	def _(c):
	    c.connect()
	    c.expect('S', seq=0)
	    c.inject('R', seq=0)
	    c.silent()
	    c.inject('SA', seq=0, ack=1)
	    c.expect('A', seq=1, ack=1)
	    c.state('ESTABLISHED')

Sequence numbers are relative to each side's initial one. What is left out has
the obvious value: inject() continues our stream and acknowledges all that we
saw, expect() wants the continuation of the other stream and all of ours
acknowledged. Every segment received is also held against the standing
invariants of a TCP sender (see Case.audit).
"""

import argparse
import contextlib
import ctypes
import errno
import fcntl
import os
import random
import re
import select
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
import traceback

from codec import (SEQ_MOD, BadPacket, Segment, addr_pack, build_icmp,
                   build_tcp, parse_tcp, seq_diff)
from tun import DUT_ADDR, Tun, enter_namespace, peer_addr

IPPROTO_TCPX = 253
SKIP = 4
ANY = object()
PATIENCE = 2.0		# s, for what should happen at once
LOG_LINES = 60
QUIET = 0.010		# s, for what should not happen

STATES = ['', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECEIVED', 'FIN_WAIT_1',
          'FIN_WAIT_2', 'TIME_WAIT', 'CLOSED', 'CLOSE_WAIT', 'LAST_ACK',
          'LISTEN', 'CLOSING', 'SYN_RECEIVED']
POLL = {'IN': select.POLLIN, 'OUT': select.POLLOUT, 'PRI': select.POLLPRI,
        'ERR': select.POLLERR, 'HUP': select.POLLHUP,
        'RDHUP': select.POLLRDHUP}

_cycle = bytes((i * 7 + (i >> 8) * 13 + 1) & 255 for i in range(65521))
SIOCINQ, SIOCOUTQ, SIOCATMARK = termios.FIONREAD, termios.TIOCOUTQ, 0x8905


def pattern(start, size):
    """The bytes at an offset of the stream that either side sends."""
    start %= len(_cycle)
    turns = (start + size) // len(_cycle) + 1
    return (_cycle * turns)[start:start + size]


class Failure(AssertionError):
    pass


class Stack:
    """Which TCP a case runs against."""

    def __init__(self, name):
        self.name, self.native = name, name == 'native'

    def socket(self, family):
        return socket.socket(
            socket.AF_INET if family == 4 else socket.AF_INET6,
            socket.SOCK_STREAM, 0 if self.native else IPPROTO_TCPX)

    def proc(self, family):
        return '/proc/net/%s%s' % ('tcp' if self.native else 'tcpx',
                                   '' if family == 4 else '6')

    def knob(self, name):
        if '/' in name:
            return '/proc/sys/net/' + name
        return ('/proc/sys/net/ipv4/tcp_' if self.native
                else '/proc/sys/net/tcpx/') + name

    def counters(self):
        if not self.native:
            with open('/proc/net/tcpx_snmp') as f:
                return {k: int(v) for k, v in
                        (line.split() for line in f if line.strip())}
        found = {}
        for name in ('/proc/net/snmp', '/proc/net/netstat'):
            with open(name) as f:
                lines = f.read().splitlines()
            for head, row in zip(lines[::2], lines[1::2]):
                if head.startswith('Tcp'):
                    found.update(zip(head.split()[1:],
                                     map(int, row.split()[1:])))
        return found


class Bench:
    """The namespace, the device, and what outlives a case."""

    def __init__(self, stack, options):
        self.stack, self.options = stack, options
        self.tun = Tun()
        self.flows = {}
        self.number = 0

    def fresh(self):
        self.number += 1
        return self.number

    def receive(self, deadline):
        """Sort the next packet into its flow's inbox; False at deadline."""
        got = self.tun.read(deadline)
        if not got:
            return False
        raw, when = got
        try:
            parsed = parse_tcp(raw)
        except BadPacket as bad:
            for flow in self.flows.values():
                flow.complaints.append('%s: %s' % (bad, raw.hex()))
            return True
        if parsed:
            (family, src, dst, sport, dport), seg = parsed
            flow = self.flows.get((family, dst, dport))
            if flow:
                flow.inbox.append((when, src, sport, seg))
        return True


class Case:
    """One connection between the stack under test and the scripted peer."""

    def __init__(self, bench, family, name):
        self.bench, self.stack, self.family = bench, bench.stack, family
        self.name, self.log, self.start = name, [], time.monotonic()
        self.inbox, self.complaints, self.undo = [], [], []
        self.history = []		# flags of all segments received
        self.children, self.held = [], []
        self.lsock = self.sock = None
        number = bench.fresh()
        self.addr = peer_addr(family, number)
        self.dut_addr = DUT_ADDR[family]
        self.port, self.dut_port = 20000 + number % 20000, None
        self.mss = 1460 if family == 4 else 1440
        self.win = 65535
        self.offer, self.ts_val = {'mss': self.mss}, 1000
        self.random = random.Random('%s/%d' % (name, family))
        self.forget()
        bench.flows[self.key] = self

    @property
    def key(self):
        return self.family, addr_pack(self.family, self.addr), self.port

    def forget(self, iss=None):
        """Begin a new incarnation: nothing known, nothing sent."""
        self.iss = self.random.getrandbits(32) if iss is None else iss
        self.dut_iss = None
        self.nxt = self.dut_nxt = 0	# next sequence numbers, relative
        self.pieces = []		# ours beyond a hole
        self.edge = None		# right edge that we have offered
        self.dut_edge = None		# right edge that we were offered
        self.ws = self.dut_ws = 0
        self.ts_on, self.ts_recent = False, 0
        self.stream = bytearray()	# what the program has sent
        self.read_at = 0		# what the program has read
        self.got, self.quoted = None, b''
        self.when = self.zero = time.monotonic()

    # -- reporting --------------------------------------------------------

    def note(self, text, when=None):
        self.log.append('%10.3f ms  %s' % (
            ((when or time.monotonic()) - self.start) * 1e3, text))

    def show(self, seg, arrow):
        ours = arrow == '>'
        base, other = self.iss, self.dut_iss or 0
        if not ours:
            base, other = other, base
        text = '%s %-4s seq %d' % ('peer >' if ours else '     <', seg.flags,
                                   seq_diff(seg.seq, base))
        if seg.data:
            text += '..%d (%d)' % (seq_diff(seg.seq, base) + len(seg.data),
                                   len(seg.data))
        if seg.has('A'):
            text += ' ack %d' % seq_diff(seg.ack, other)
        text += ' win %d' % seg.win
        if seg.has('U'):
            text += ' urg %d' % seg.urg
        for opt in seg.opts:
            if opt[0] == 'sack':
                text += ' sack' + ''.join(
                    ' %d-%d' % (seq_diff(a, other), seq_diff(b, other))
                    for a, b in opt[1])
            elif opt[0] != 'nop':
                text += ' ' + ' '.join(
                    x.hex() if isinstance(x, bytes) else str(x) for x in opt)
        return text

    def fail(self, text):
        raise Failure(text)

    def check(self, got, want, what):
        if got != want:
            self.fail('%s is %s, not %s' % (what, got, want))

    # -- the peer ---------------------------------------------------------

    def peer(self, mss=ANY, ws=None, sack=False, ts=False, win=None):
        """What the peer's SYN offers, and its window field from now on."""
        self.offer = {'mss': self.mss if mss is ANY else mss, 'ws': ws,
                      'sack': sack, 'ts': ts}
        if win is not None:
            self.win = win
        return self

    def syn_options(self):
        opts = []
        if self.offer.get('mss') is not None:
            opts.append(('mss', self.offer['mss']))
        if self.offer.get('sack'):
            opts.append(('sackok',))
        if self.offer.get('ts'):
            opts.append(('ts', self.ts_val, self.ts_recent))
        if self.offer.get('ws') is not None:
            opts.append(('ws', self.offer['ws']))
        return opts

    def inject(self, flags, seq=None, ack=None, len=0, data=None, win=None,
               urg=0, opts=None, sack=None, ts=None, void=False, ttl=64,
               tos=0, reserved=0, **faults):
        """Send a segment to the stack under test. sack: relative blocks;
        ts: (val, ecr); void: do not take it into our books, because the
        other side has to refuse it."""
        seq = self.nxt if seq is None else seq
        if data is None:
            data = pattern(seq - ('S' not in flags), len) if len else b''
        ack = (self.dut_nxt if ack is None else ack) if 'A' in flags else None
        if opts is None:
            opts = self.auto_options(flags, sack, ts)
        seg = Segment(flags, self.iss + seq,
                      0 if ack is None else (self.dut_iss or 0) + ack,
                      self.win if win is None else win, urg, opts, data,
                      ttl, tos)
        seg.reserved = reserved
        if not (void or faults):
            self.account(seg, seq, ack)
        self.note(self.show(seg, '>') + (
            ' ' + ' '.join('%s=%s' % x for x in faults.items())
            if faults else ''))
        self.when = time.monotonic()
        self.bench.tun.write(build_tcp(
            self.family, addr_pack(self.family, self.addr),
            addr_pack(self.family, self.dut_addr), self.port, self.dut_port,
            seg, **faults))
        return seg

    def auto_options(self, flags, sack, ts):
        if 'S' in flags:
            return self.syn_options()
        opts = []
        if ts or self.ts_on:
            self.ts_val += 1
            opts += [('nop',), ('nop',),
                     ('ts',) + (ts or (self.ts_val, self.ts_recent))]
        if sack:
            opts += [('nop',), ('nop',), ('sack', [
                ((self.dut_iss + a) % SEQ_MOD, (self.dut_iss + b) % SEQ_MOD)
                for a, b in sack])]
        return opts

    def account(self, seg, seq, ack):
        if seg.has('S'):
            ws = seg.option('ws')
            self.our_ws = None if ws is None else min(ws, 14)
        if seg.has('R'):
            return
        self.pieces.append((seq, seq + seg.length))
        for left, right in sorted(self.pieces):
            if left <= self.nxt < right:
                self.nxt = right
        self.pieces = [p for p in self.pieces if p[1] > self.nxt]
        self.negotiate()
        if ack is not None or seg.has('S'):
            edge = (ack or 0) + (seg.win << (0 if seg.has('S') else self.ws))
            self.edge = edge if self.edge is None else max(self.edge, edge)

    def negotiate(self):
        """Scales count, and timestamps flow, only if both SYNs had them."""
        theirs = getattr(self, 'dut_syn', None)
        if theirs is None or not hasattr(self, 'our_ws'):
            return
        ws = theirs.option('ws')
        if ws is not None and self.our_ws is not None:
            self.ws, self.dut_ws = self.our_ws, ws
        if self.offer.get('ts') and theirs.option('ts') is not None:
            self.ts_on = True

    def pull(self, timeout):
        """The next segment of this connection, or None."""
        deadline = time.monotonic() + timeout
        while not self.inbox:
            if not self.bench.receive(deadline):
                return None
        when, src, sport, seg = self.inbox.pop(0)
        if self.dut_port is None:
            self.dut_port = sport
        self.check(sport, self.dut_port, "the source port")
        self.check(src, addr_pack(self.family, self.dut_addr),
                   'the source address')
        if seg.has('S') and self.dut_iss is None:
            self.dut_iss = seg.seq
        if seg.has('S'):
            self.dut_syn = seg
            self.negotiate()
        self.arrived = when
        self.history.append(seg.flags)
        self.note(self.show(seg, '<'), when)
        return seg

    def seen(self, seg):
        """Take a segment of the other side into the books."""
        self.audit(seg)
        ts = seg.option('ts')
        if ts:
            self.ts_recent = ts[0]
        if not seg.has('R'):
            end = seq_diff(seg.seq, self.dut_iss or 0) + seg.length
            self.dut_nxt = max(self.dut_nxt, end)
        self.got, self.quoted, self.when = seg, seg.raw_ip, self.arrived
        return seg

    def audit(self, seg):
        """INV: what holds for every segment of a correct sender."""
        if seg.has('R') or self.dut_iss is None:
            return
        seq = seq_diff(seg.seq, self.dut_iss)
        if seg.has('F') and seg.has('S'):
            self.fail('INV: SYN and FIN together')
        if not seg.has('A') and not seg.has('S'):
            self.fail('INV: a segment without ACK, SYN or RST')
        if not seg.has('S') and bool(seg.option('ts')) != self.ts_on:
            self.fail('INV: timestamps %s but the segment has %s (7323-3)' % (
                'are on' if self.ts_on else 'are off', seg.option('ts')))
        if seg.data:
            at = seq if seg.has('S') else seq - 1
            if bytes(self.stream[at:at + len(seg.data)]) != seg.data:
                self.fail('INV: data at %d differ from what was sent' % seq)
            limit = max(self.edge or 0, self.dut_nxt)
            if seq + len(seg.data) > limit + (len(seg.data) == 1):
                self.fail('INV: data to %d, offered window ends at %d' % (
                    seq + len(seg.data), limit))
        sack = seg.option('sack')
        for left, right in sack or ():
            left, right = (seq_diff(x, self.iss) for x in (left, right))
            high = max([p[1] for p in self.pieces] + [self.nxt])
            if not left < right <= high:
                self.fail('INV: SACK block %d-%d, we sent up to %d' % (
                    left, right, high))
        if sack and not self.offer.get('sack'):
            self.fail('INV: SACK blocks without permission (2018-1)')
        if seg.has('A'):
            scale = 0 if seg.has('S') else self.dut_ws
            edge = seq_diff(seg.ack, self.iss) + (seg.win << scale)
            if self.dut_edge is not None and edge < self.dut_edge:
                self.fail('INV: window shrunk from %d to %d (SHLD-14)' % (
                    self.dut_edge, edge))
            self.dut_edge = edge

    def expect(self, flags, seq=None, ack=None, len=0, win=None, urg=None,
               sack=None, opts=None, at=None, after=None, between=None,
               within=None, ttl=None, tos=None):
        """The next segment has exactly these flags (letters in brackets are
        optional), seq, ack and length. at: seconds since mark(); after:
        since the previous segment or call; between: bounds of the same."""
        begun = self.zero if at is not None else self.when
        due = at if at is not None else after
        timeout = PATIENCE
        if due is not None:
            timeout = begun + self.slack(due)[1] - time.monotonic() + 0.5
        seg = self.pull(timeout if within is None else within)
        if seg is None:
            self.fail('expected %s, nothing came' % flags)
        want_seq = self.dut_nxt if seq is None else seq
        got_seq = seq_diff(seg.seq, self.dut_iss or 0)
        must, may = re.sub(r'\(.*?\)', '', flags), flags
        if set(must) - set(seg.flags) or set(seg.flags) - set(may):
            self.fail('flags are %s, not %s' % (seg.flags, flags))
        if want_seq is not ANY:
            self.check(got_seq, want_seq, 'seq')
        if seg.has('A') and ack is not ANY:
            self.check(seq_diff(seg.ack, self.iss),
                       self.nxt if ack is None else ack, 'ack')
        if len is not ANY:
            self.check(seg.data.__len__(), len, 'the length')
        if win is not None:
            self.check(seg.win, win, 'the window')
        if urg is not None:
            self.check(seg.urg, urg, 'the urgent pointer')
        for name, want in (('ttl', ttl), ('tos', tos)):
            if want is not None:
                self.check(getattr(seg, name), want, name)
        if sack is not None:
            self.check([(seq_diff(a, self.iss), seq_diff(b, self.iss))
                        for a, b in seg.option('sack') or ()], sack,
                       'the SACK option')
        for kind, value in (opts or {}).items():
            self.check(seg.option(kind), value, 'option ' + kind)
        self.on_time(self.arrived - begun, due)
        if between and not between[0] <= self.arrived - begun <= between[1]:
            self.fail('came after %.4f s' % (self.arrived - begun))
        return self.seen(seg)

    def slack(self, due):
        """Earliest and latest acceptable time for what is due then. Native
        TCP's timer wheel rounds up by as much as an eighth."""
        if self.bench.options.wide:
            return due - 0.030, due * 1.15 + 0.060 * self.bench.options.slow
        return due - 0.002, due * 1.01 + 0.030 * self.bench.options.slow

    def mark(self):
        """at= counts from the last segment, sent or received."""
        self.zero = self.when

    def silent(self, t=QUIET):
        """Nothing comes for this long."""
        seg = self.pull(t)
        if seg is not None:
            self.fail('expected silence, got %s' % seg.flags)
        self.note('silent for %g s' % t)

    def silent_until(self, at):
        """Nothing comes until this long after mark()."""
        self.silent(self.zero + at - time.monotonic())

    def pause(self, t):
        """The peer takes its time: longer round trips."""
        time.sleep(max(0, self.when + t - time.monotonic()))

    def collect(self, t=QUIET):
        """All that comes until it is quiet for this long."""
        found = []
        while (seg := self.pull(t)) is not None:
            found.append(self.seen(seg))
        return found

    def take(self, count):
        """The next segments, so many; what follows stays."""
        found = []
        for n in range(count):
            if (seg := self.pull(PATIENCE)) is None:
                self.fail('%d segments came, not %d' % (n, count))
            found.append(self.seen(seg))
        return found

    def rel(self, seg):
        """(seq, end) of a segment of the other side."""
        seq = seq_diff(seg.seq, self.dut_iss)
        return seq, seq + seg.length

    def icmp(self, v4, v6, field=0, quoted=None, **change):
        """An ICMP error (type, code) about the last segment received;
        change: its header fields to forge, e.g. seq=5 or dport=1."""
        quoted = self.quoted if quoted is None else quoted
        hdr = 20 if self.family == 4 else 40
        if 'seq' in change:
            seq = ((self.dut_iss or 0) + change['seq']) % SEQ_MOD
            quoted = quoted[:hdr + 4] + struct.pack('!I', seq) + \
                quoted[hdr + 8:]
        if 'dport' in change:
            quoted = quoted[:hdr + 2] + struct.pack('!H', change['dport']) + \
                quoted[hdr + 4:]
        kind, code = v4 if self.family == 4 else v6
        self.note('peer > ICMP type %d code %d field %d' % (kind, code, field))
        self.bench.tun.write(build_icmp(
            self.family, addr_pack(self.family, self.addr),
            addr_pack(self.family, self.dut_addr), kind, code, field, quoted))

    def too_big(self, mtu, **change):
        self.icmp((3, 4), (2, 0), mtu, **change)

    # -- the program ------------------------------------------------------

    def open(self):
        sock = self.stack.socket(self.family)
        sock.setblocking(False)
        self.held.append(sock)
        return sock

    def socket(self):
        if self.sock is None:
            self.sock = self.open()
        return self.sock

    def outcome(self, what, err, call, *args):
        """Run a call that returns, or fails with the errno named."""
        try:
            result, got = call(*args), None
        except OSError as e:
            result, got = None, errno.errorcode.get(e.errno, str(e.errno))
        self.note('%s = %s' % (what, got or (
            '%d bytes' % len(result) if isinstance(result, bytes) else
            'ok' if result is None or isinstance(result, tuple) else result)))
        self.check(got, err, 'the outcome of ' + what)
        return result

    def connect(self, err='EINPROGRESS', again=False):
        sock = self.socket()
        if not again:
            self.dut_port = None
        self.outcome('connect()', err, sock.connect, (self.addr, self.port))
        if self.dut_port is None and err == 'EINPROGRESS':
            self.dut_port = sock.getsockname()[1]
        self.when = time.monotonic()

    def disconnect(self):
        """connect(AF_UNSPEC), which Python cannot say."""
        libc = ctypes.CDLL(None, use_errno=True)
        name = struct.pack('=H14x', socket.AF_UNSPEC)
        if libc.connect((self.sock or self.lsock).fileno(), name, len(name)):
            self.fail('connect(AF_UNSPEC): ' +
                      os.strerror(ctypes.get_errno()))
        self.note('connect(AF_UNSPEC) = ok')

    def bind(self, port=0):
        sock = self.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.dut_addr, port))
        self.dut_port = sock.getsockname()[1]

    def listen(self, backlog=8):
        self.lsock = self.sock or self.open()
        self.sock = None
        if self.dut_port is None:
            self.lsock.bind((self.dut_addr, 0))
            self.dut_port = self.lsock.getsockname()[1]
        self.lsock.listen(backlog)
        self.note('listen(%d) = ok' % backlog)

    def accept(self):
        self.wait(self.lsock, select.POLLIN, PATIENCE, 'accept()')
        self.sock, _ = self.outcome('accept()', None, self.lsock.accept)
        self.sock.setblocking(False)
        self.held.append(self.sock)

    def no_accept(self):
        self.outcome('accept()', 'EAGAIN', self.lsock.accept)

    def wait(self, sock, mask, timeout, what):
        poll = select.poll()
        poll.register(sock, mask)
        if not poll.poll(timeout * 1e3):
            self.fail(what + ' is not ready')

    def send(self, what, err=None, flags=0, took=None):
        """what: bytes, or how many of the pattern; all of it is taken,
        or as many as `took`."""
        data = pattern(len(self.stream), what) if isinstance(what, int) \
            else what
        count = self.outcome('send(%d)' % len(data), err, self.sock.send,
                             data, flags | socket.MSG_NOSIGNAL)
        self.stream += data[:count or 0]
        if err is None and took is not ANY:
            self.check(count, len(data) if took is None else took,
                       'what send() took')
        self.when = time.monotonic()
        return count

    def recv(self, want=None, err=None, flags=0, timeout=PATIENCE):
        """want: bytes, or how many of the peer's pattern, read completely."""
        if err is not None:
            if err != 'EAGAIN':
                self.wait(self.sock, select.POLLIN, timeout, 'recv()')
            return self.outcome('recv()', err, self.sock.recv, 65536, flags)
        size = want if isinstance(want, int) else len(want)
        data = b''
        while len(data) < size:
            self.wait(self.sock, select.POLLIN, timeout, 'recv()')
            piece = self.outcome('recv()', None, self.sock.recv,
                                 size - len(data), flags)
            if not piece:
                self.fail('end of file after %d of %d bytes' % (
                    len(data), size))
            data += piece
            if flags & socket.MSG_PEEK:
                break
        want = pattern(self.read_at, size) if isinstance(want, int) else want
        if data != want:
            self.fail('recv() gave other bytes than were sent')
        if not flags & (socket.MSG_PEEK | socket.MSG_OOB):
            self.read_at += size
        return data

    def recv_eof(self, timeout=PATIENCE):
        self.wait(self.sock, select.POLLIN, timeout, 'recv()')
        self.check(self.outcome('recv()', None, self.sock.recv, 65536), b'',
                   'the end of file')

    def recv_nothing(self):
        self.recv(err='EAGAIN')

    def close(self):
        self.sock.close()
        self.note('close() = ok')
        self.when = time.monotonic()

    def close_listener(self):
        self.lsock.close()
        self.note('close() of the listener = ok')

    def linger(self, seconds):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack('ii', 1, seconds))

    def abort(self):
        self.linger(0)
        self.close()

    def abort_all(self):
        """The administrator resets every connection of the namespace."""
        if self.stack.native:
            self.command('ss --kill -a -t -n -H')
        else:
            self.knob('abort_all', 1)

    def shutdown(self, how='WR', err=None):
        self.outcome('shutdown(%s)' % how, err, self.sock.shutdown,
                     getattr(socket, 'SHUT_' + how))
        self.when = time.monotonic()

    def setopt(self, name, value, err=None):
        """name: SO_KEEPALIVE, TCP_NODELAY, IP_TTL ..."""
        level, number = self.option_number(name)
        if self.sock is None and self.lsock is None:
            self.socket()
        self.outcome('setsockopt(%s, %s)' % (name, value), err,
                     (self.sock or self.lsock).setsockopt, level, number,
                     value)

    def getopt(self, name):
        return self.sock.getsockopt(*self.option_number(name))

    @staticmethod
    def option_number(name):
        levels = {'SO': socket.SOL_SOCKET, 'TCP': socket.IPPROTO_TCP,
                  'IP': socket.IPPROTO_IP, 'IPV6': socket.IPPROTO_IPV6}
        return levels[name.split('_')[0]], getattr(socket, name)

    def error(self, *want):
        """SO_ERROR, by name, 0 if none; reading it clears it."""
        code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        got = errno.errorcode.get(code, code)
        self.note('SO_ERROR = %s' % got)
        if got not in want:
            self.fail('SO_ERROR is %s, not %s' % (
                got, ' or '.join(map(str, want))))

    def failed(self, *want, at=None, after=None, timeout=PATIENCE):
        """Wait for the connection to fail, with one of these SO_ERROR; at
        and after as in expect(). What the peer receives meanwhile waits."""
        begun = self.zero if at is not None else self.when
        due = at if at is not None else after
        if due is not None:
            timeout = begun + self.slack(due)[1] - time.monotonic() + 0.5
        deadline = time.monotonic() + timeout
        poll = select.poll()
        poll.register(self.sock, 0)
        poll.register(self.bench.tun.fd, select.POLLIN)
        while True:
            ready = poll.poll(max(0, deadline - time.monotonic()) * 1e3)
            bits = sum(b for fd, b in ready if fd == self.sock.fileno())
            if bits & select.POLLERR:
                break
            if not ready:
                self.fail('no error came')
            if bits:		# a hang-up stays; the error is yet to come
                time.sleep(0.002)
            self.bench.receive(0)
        self.on_time(time.monotonic() - begun, due)
        self.error(*want)

    def elapsed(self):
        return time.monotonic() - self.zero

    def on_time(self, elapsed, due):
        if due is None:
            return
        low, high = self.slack(due)
        if not low <= elapsed <= high:
            self.fail('came after %.4f s, due at %.4f (%.4f..%.4f)' % (
                elapsed, due, low, high))

    def poll(self, want):
        """Exactly these conditions, e.g. 'IN OUT RDHUP'."""
        poll = select.poll()
        poll.register(self.sock, sum(POLL.values()))
        got = poll.poll(0)
        mask = got[0][1] if got else 0
        names = {n for n, bit in POLL.items() if mask & bit}
        self.note('poll() = %s' % ' '.join(sorted(names)))
        self.check(names, set(want.split()), 'poll()')

    def ioctl(self, request, want):
        raw = fcntl.ioctl(self.sock, request, struct.pack('i', -1))
        self.check(struct.unpack('i', raw)[0], want, 'ioctl 0x%x' % request)

    def info(self):
        """The first fields of struct tcp_info."""
        raw = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        names = ('state ca_state retransmits probes backoff options scales '
                 'flags').split()
        words = ('rto ato snd_mss rcv_mss unacked sacked lost retrans fackets '
                 'last_data_sent last_ack_sent last_data_recv last_ack_recv '
                 'pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss '
                 'reordering rcv_rtt rcv_space total_retrans').split()
        found = dict(zip(names, raw))
        found.update(zip(words, struct.unpack_from('=24I', raw, 8)))
        return found

    def background(self, call, *args):
        """Run a blocking call in a thread; Thread.finish() has its outcome."""
        return Thread(self, call, args)

    def knob(self, name, value):
        """Set a sysctl of the namespace until the end of the case."""
        path = self.stack.knob(name)
        if name != 'abort_all':
            with open(path) as f:
                self.undo.append((path, f.read().strip()))
        with open(path, 'w') as f:
            f.write(str(value))
        self.note('%s = %s' % (name, value))

    def command(self, text):
        """Run ip or the like in the namespace."""
        self.note('$ ' + text)
        subprocess.run(text.split(), check=True,
                       stdout=subprocess.DEVNULL)

    # -- state ------------------------------------------------------------

    def rows(self):
        """(local port, remote address, remote port, state) of all sockets."""
        with open(self.stack.proc(self.family)) as f:
            for line in f.readlines()[1:]:
                word = line.split()
                local, remote = word[1].split(':'), word[2].split(':')
                yield (int(local[1], 16), remote[0], int(remote[1], 16),
                       STATES[int(word[3], 16)])

    def proc_addr(self):
        raw = addr_pack(self.family, self.addr)
        return ''.join('%08X' % struct.unpack_from('=I', raw, i)
                       for i in range(0, len(raw), 4))

    def find_state(self):
        remote = self.proc_addr()
        for lport, raddr, rport, state in self.rows():
            if (lport, raddr, rport) == (self.dut_port, remote, self.port):
                return state
        return 'CLOSED'

    def find_listener(self):
        for lport, _, rport, state in self.rows():
            if (lport, rport) == (self.dut_port, 0) and state == 'LISTEN':
                return state
        return 'CLOSED'

    def state(self, want, timeout=0.1):
        """The connection's state (for LISTEN: the listener's)."""
        self.await_state(want, self.find_listener if want == 'LISTEN'
                         else self.find_state, timeout)

    def await_state(self, want, find, timeout=0.1):
        deadline = time.monotonic() + timeout
        while (got := find()) != want and time.monotonic() < deadline:
            time.sleep(0.001)
        self.note('state %s' % got)
        self.check(got, want, 'the state')

    # -- ways to get somewhere --------------------------------------------

    def established(self, rtt=0, **offer):
        """Active open, done."""
        if offer:
            self.peer(**offer)
        self.connect()
        self.expect('S', seq=0)
        if rtt:
            self.pause(rtt)
        self.inject('SA')
        self.expect('A')
        return self

    def half_open(self, **offer):
        """Passive open up to SYN_RECEIVED."""
        if offer:
            self.peer(**offer)
        if self.lsock is None:
            self.listen()
        self.inject('S', seq=0)
        self.expect('SA', seq=0, ack=1)
        return self

    def accepted(self, **offer):
        """Passive open, done."""
        self.half_open(**offer)
        self.inject('A')
        self.accept()
        return self

    def fin_wait_1(self):
        self.established()
        self.shutdown()
        self.expect('FA')
        return self

    def fin_wait_2(self):
        self.fin_wait_1()
        self.inject('A')
        return self

    def closing(self):
        self.fin_wait_1()
        self.inject('FA', ack=1)
        self.expect('A')
        return self

    def time_wait(self):
        self.fin_wait_2()
        self.inject('FA')
        self.expect('A')
        return self

    def close_wait(self):
        self.established()
        self.inject('FA')
        self.expect('A')
        return self

    def last_ack(self):
        self.close_wait()
        self.shutdown()
        self.expect('FA')
        return self

    def simultaneous(self, **offer):
        """Active open that a SYN crosses: SYN_RECEIVED."""
        self.peer(**offer or {'ws': 0, 'sack': True, 'ts': True})
        self.connect()
        self.expect('S', seq=0)
        self.inject('S', seq=0)
        self.expect('SA', seq=0, ack=1)
        return self

    def fill(self, leave=0, ack=None):
        """Send until the window that we are offered is closed."""
        while self.dut_edge - self.nxt > leave:
            self.inject('PA', ack=ack,
                        len=min(self.mss, self.dut_edge - self.nxt))
            self.expect('A')
        return self

    def past_quick_acks(self):
        """Some requests and answers: ACKs are delayed from now on."""
        before = len(self.log)
        for _ in range(20):
            self.inject('PA', len=10)
            self.recv(10)
            self.send(10)
            self.collect(0)
            self.inject('A')
        self.collect()
        del self.log[before:]
        self.note('20 requests and answers of 10 bytes')
        return self

    def sibling(self, family=None):
        """Another connection of the same case, e.g. to the same listener."""
        twin = Case(self.bench, family or self.family, self.name)
        twin.start, twin.log = self.start, self.log
        twin.lsock, twin.dut_port = self.lsock, self.dut_port
        self.children.append(twin)
        return twin

    def finish(self):
        """Leave nothing behind that could disturb a later case."""
        for child in self.children:
            child.finish()
        for sock in self.held:
            if sock.fileno() >= 0:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    struct.pack('ii', 1, 0))
                sock.close()
        while self.bench.receive(0):
            pass
        rcv_nxt = max([seq_diff(s.ack, self.iss) for _, _, _, s in self.inbox
                       if s.has('A')] + [self.nxt])
        if self.dut_port is not None and \
                self.find_state() not in ('CLOSED', 'TIME_WAIT'):
            self.inject('R', seq=rcv_nxt)
        for path, old in reversed(self.undo):
            with contextlib.suppress(OSError), open(path, 'w') as f:
                f.write(old)
        self.bench.flows.pop(self.key, None)


class Thread(threading.Thread):
    """A blocking call of the program, with when it ended."""

    def __init__(self, case, call, args):
        super().__init__(daemon=True)
        self.case, self.call, self.args = case, call, args
        self.begun, self.ended, self.error = time.monotonic(), None, None
        self.start()

    def run(self):
        try:
            self.result = self.call(*self.args)
        except OSError as e:
            self.error = errno.errorcode.get(e.errno, str(e.errno))
        self.ended = time.monotonic()

    def finish(self, err=None, after=None):
        """It ends with this error, this long after it began."""
        case = self.case
        low, high = case.slack(after or 0)
        self.join(max(PATIENCE, self.begun + high - time.monotonic() + 1))
        if self.ended is None:
            case.fail('the call still blocks')
        took = self.ended - self.begun
        case.note('the blocking call ended after %.3f s: %s' % (
            took, self.error))
        case.check(self.error, err, 'its outcome')
        if after is not None and not low <= took <= high:
            case.fail('it took %.4f s, not %g' % (took, after))


# -- running cases ---------------------------------------------------------

CASES = []


def case(name, families=(4, 6), native=None, **limits):
    """Register a case. native: why native TCP is known to fail it."""
    def register(function):
        for other in CASES:
            if other[0] == name:
                raise ValueError('two cases are named ' + name)
        CASES.append((name, function, families, native, limits))
        return function
    return register


def where(error):
    """The line of the case, not of the harness, that failed."""
    frames = [f for f in traceback.extract_tb(error.__traceback__)
              if os.path.basename(f.filename) not in ('harness.py',
                                                      'codec.py', 'tun.py')]
    if not frames:
        return ''
    return '%s:%d: %s' % (os.path.basename(frames[-1].filename),
                          frames[-1].lineno, frames[-1].line)


def run_case(bench, name, function, family, limits):
    """None if it passed, else the text of the failure."""
    c = Case(bench, family, name)
    trouble = None
    try:
        function(c)
        if c.complaints:
            c.fail('INV: ' + c.complaints[0])
    except (Failure, OSError) as e:
        trouble = '%s\n  at %s' % (e, where(e))
    except Exception:
        trouble = traceback.format_exc()
    try:
        c.finish()
    except Exception as e:
        trouble = trouble or 'clean-up: %r' % e
    if trouble:
        trouble += '\n' + '\n'.join(c.log[-LOG_LINES:])
    elif bench.options.verbose > 1:
        print('\n'.join('# ' + line for line in c.log))
    return trouble


def arguments(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument('--stack', choices=('tcpx', 'native'),
                        default=os.environ.get('TCPX_STACK', 'tcpx'))
    parser.add_argument('--only', metavar='REGEX', default='',
                        help='run the cases whose name matches')
    parser.add_argument('--family', type=int, choices=(4, 6))
    parser.add_argument('--list', action='store_true',
                        help='print the names of the cases and stop')
    parser.add_argument('-v', '--verbose', action='count', default=0,
                        help='show the packets of failed (-vv: all) cases')
    parser.add_argument('--wide', action='store_true',
                        help="accept a timer wheel's rounding "
                        '(default with --stack native)')
    parser.add_argument('--slow', type=float, default=1.0, metavar='FACTOR',
                        help='multiply the tolerance for late timers')
    options = parser.parse_args(argv)
    options.wide = options.wide or options.stack == 'native'
    return options


def main(argv=None):
    """Run the registered cases, print KTAP, exit."""
    options = arguments(argv)
    chosen = [(n, f, fam, why, lim) for n, f, fams, why, lim in CASES
              for fam in fams if re.search(options.only, n) and
              options.family in (None, fam)]
    if options.list:
        print('\n'.join(dict.fromkeys(n for n, *_ in chosen)))
        sys.exit(0)
    stack = Stack(options.stack)
    print('KTAP version 1')
    enter_namespace()
    try:
        stack.socket(4).close()
    except OSError as e:
        print('1..0 # SKIP no %s socket: %s' % (stack.name, e))
        sys.exit(SKIP)
    bench = Bench(stack, options)
    if stack.native:
        for name, value in (('no_metrics_save', 1), ('fastopen', 0),
                            ('rfc1337', 1)):
            with contextlib.suppress(OSError), \
                    open(stack.knob(name), 'w') as f:
                f.write(str(value))
    print('1..%d' % len(chosen), flush=True)
    count = {'pass': 0, 'fail': 0, 'xfail': 0}
    for number, (name, function, family, why, limits) in enumerate(chosen, 1):
        begun = time.monotonic()
        trouble = run_case(bench, name, function, family, limits)
        label = '%d - %s, IPv%d' % (number, name.replace('#', ''), family)
        took = ' (%.0f ms)' % ((time.monotonic() - begun) * 1e3)
        known = trouble and stack.native and why
        if trouble and not known:
            count['fail'] += 1
            print('not ok ' + label)
        else:
            count['xfail' if known else 'pass'] += 1
            print('ok ' + label + (' # XFAIL native: ' + why if known else
                                   ' # time' + took if options.verbose
                                   else ''))
        if trouble and (not known or options.verbose > 1):
            lines = trouble.splitlines()
            for line in lines if options.verbose else lines[:2]:
                print('#   ' + line)
        if not trouble and why and stack.native:
            print('#   native passes, although: ' + why)
        sys.stdout.flush()
    print('# Totals: pass:%(pass)d fail:%(fail)d xfail:%(xfail)d xpass:0 '
          'skip:0 error:0' % count)
    sys.exit(count['fail'] > 0)
