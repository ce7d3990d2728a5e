# SPDX-License-Identifier: GPL-2.0
"""One of the twins: a namespace with a stack in it, and what a stimulus gets
there as an answer.

	program --- native TCP --- tun0 ---\\
	                                    this process
	program --- tcpx --------- tun0 ---/

Both namespaces have the same addresses, so the same 4-tuples exist twice.
"""

import ctypes
import errno
import os
import select
import socket
import struct
import time
from collections import namedtuple

from codec import SEQ_MOD, BadPacket, addr_pack, parse_tcp, seq_diff
from harness import Stack
from peer import Failure, Peer, pattern
from program import POLL, STATES
from stimulus import QUIET_MS, SETTLE_MS
from tun import DUT_ADDR, Tun, enter_namespace, peer_addr

IDLE_END_MS = 700	# what is delayed comes before a stimulus ends
# Computing takes no time where time is virtual.
AT_ONCE_S = 0.0001 if os.environ.get('LAB_KERNEL') == 'um' else 0.002
FILL_SIZE = 1400
TIMER_MAX_S = 130	# no timer but keep-alive and TIME-WAIT is longer
ICMP = {'net': ((3, 0), (1, 0)), 'host': ((3, 1), (1, 3)),
        'proto': ((3, 2), (4, 1)), 'port': ((3, 3), (1, 4)),
        'ttl': ((11, 0), (3, 0)), 'param': ((12, 0), (4, 0)),
        'toobig': ((3, 4), (2, 0))}

# Settings that make both comparable; what one stack lacks is left out.
BOTH = {'timestamps': 1, 'sack': 1, 'window_scaling': 1, 'retries2': 15,
        'rmem': '4096 131072 6291456', 'wmem': '4096 65536 4194304',
        'moderate_rcvbuf': 0, 'slow_start_after_idle': 1, 'syncookies': 0,
        'congestion_control': 'reno', 'ecn': 0, 'fastopen': 0,
        'no_metrics_save': 1, 'recovery': 0, 'early_retrans': 0, 'frto': 0}
NATIVE = {'rfc1337': 1, 'autocorking': 0,
          'syn_linear_timeouts': 0, 'comp_sack_nr': 0,
          'limit_output_bytes': 1 << 24}

libc = ctypes.CDLL(None, use_errno=True)

# A segment as both would send it: seq and end count from its ISN, ack from
# what continues our stream; ms since the step; late: caused by time alone.
Sent = namedtuple('Sent', 'flags seq end ack opts ms late update')
# acked: all of ours that it has acknowledged; nxt: where our stream ends; at:
# seconds since the start; got: what it was sent, or None; orphan: the state
# of what the program has closed (of tcpx only).
Answer = namedtuple('Answer', 'sent call state poll acked nxt at got orphan')
# A segment of ours as it was sent, in numbers. known: what it had sent.
Got = namedtuple('Got', 'seq end ack edge known win')


class Twin:
    """A namespace of its own for one stack."""

    def __init__(self, name):
        self.stack = Stack(name)
        enter_namespace()
        self.namespace = os.open('/proc/self/ns/net', os.O_RDONLY)
        self.tun = Tun()
        for knob, value in list(BOTH.items()) + (
                list(NATIVE.items()) if self.stack.native else []):
            try:
                with open(self.stack.knob(knob), 'w') as f:
                    f.write(str(value))
            except FileNotFoundError:
                pass

    def enter(self):
        if libc.setns(self.namespace, 0):
            raise OSError(ctypes.get_errno(), 'setns')

    def run(self, stimulus, number, model=None):
        """The Side with its answers. model: the other one, which was first."""
        self.enter()
        side = Side(self, stimulus, number, model)
        try:
            side.run()
        finally:
            side.finish()
        return side


class Side(Peer):
    """One connection of one stack, driven by a stimulus."""

    def __init__(self, twin, stimulus, number, model=None):
        self.model = model
        self.bench, self.stack, self.stimulus = twin, twin.stack, stimulus
        self.family = stimulus.family
        self.addr = peer_addr(self.family, 1 + number % 60000)
        self.dut_addr = DUT_ADDR[self.family]
        self.port, self.dut_port = 20000 + number % 20000, None
        self.raw_addr = addr_pack(self.family, self.addr)
        self.log, self.start = [], time.monotonic()
        self.broken = []		# invariants and rules
        self.answers = []
        self.offer = {'mss': None, **stimulus.offer}
        self.mss, self.win = self.offer['mss'] or 536, 65535
        # Half of all stimuli take our numbers across their end.
        self.iss = (0xfffff000 + number * 7) % (1 << 32) if number & 1 \
            else number * 2654435761 % (1 << 32)
        self.dut_iss, self.nxt, self.dut_nxt, self.una = None, 0, 0, 0
        self.pieces, self.sent_to, self.fin = [], 0, False
        self.edge, self.dut_edge = None, None
        self.ws = self.dut_ws = 0
        self.ts_on, self.ts_val, self.ts_recent = False, 1000, 0
        self.acked, self.sent = 0, None
        self.anchor, self.near = None, 0
        self.stream, self.read_at = bytearray(), 0
        self.quoted, self.got = b'', None
        self.lsock = self.sock = None
        self.closed = False

    # -- the wire ----------------------------------------------------------

    def highest(self):
        return self.sent_to

    def receive(self, until):
        """The next segment of this connection, as (when, Segment)."""
        while (got := self.bench.tun.read(until)) is not None:
            raw, when = got
            at = 16 if self.family == 4 else 24
            if raw[at:at + len(self.raw_addr)] != self.raw_addr:
                continue
            try:
                parsed = parse_tcp(raw)
            except BadPacket as bad:
                self.broken.append('INV: %s' % bad)
                continue
            if parsed and parsed[0][4] == self.port:
                return when, parsed[0][3], parsed[1]
        return None

    def take(self, seg, when, late):
        """Audit and normalise what the stack sent."""
        if seg.has('S'):
            if self.dut_iss != seg.seq:		# the first, or another one
                self.dut_iss, self.dut_nxt, self.una = seg.seq, 0, 0
                self.stream = bytearray()
                if seg.has('A'):
                    self.count_from(seq_diff(seg.ack, self.iss))
            self.dut_syn = seg
            self.negotiate()
        self.log.append('%9.1f ms  %s' % ((when - self.start) * 1e3,
                                          self.show(seg, '<')))
        old_edge, old_nxt, old_ack = self.dut_edge, self.dut_nxt, self.acked
        self.arrived = when
        self.seen(seg)
        # A RST without an ACK to answer has the number 0.
        seq = seq_diff(seg.seq, self.dut_iss or 0) \
            if seg.seq or not seg.has('R') else 0
        ack = None
        if seg.has('A'):
            ack = seq_diff(seg.ack, self.iss)
            if not seg.has('R'):
                self.acked = max(self.acked, ack)
        plain = not seg.length and not seg.has('R')
        return Sent(seg.flags.replace('P', ''), seq, seq + seg.length,
                    None if ack is None else self.name(ack),
                    self.options(seg), (when - self.begun) * 1e3,
                    late and not seg.has('R') and
                    not (plain and seq == old_nxt),
                    bool(plain and old_edge is not None and ack == old_ack and
                         self.dut_edge is not None and
                         self.dut_edge > old_edge))

    def count_from(self, start):
        """It has taken a SYN: the first, a later one, or one that ends
        TIME-WAIT. Text of the SYN does not count."""
        self.nxt, self.acked, self.fin = start, start, False
        self.read_at, self.pieces, self.dut_edge = start - 1, [], None

    def audit(self, seg):
        """What is wrong is noted; the segment counts nevertheless."""
        try:
            super().audit(seg)
        except Failure as bad:
            self.broken.append(str(bad))

    def name(self, number):
        """A sequence number of ours, counted from the symbol that it is
        near to: windows differ, so their edges do."""
        def away(other):
            return seq_diff(number % SEQ_MOD, other % SEQ_MOD)
        if self.anchor is None:
            return number - self.nxt
        name, symbol = min((('near', self.near), ('edge', self.anchor)),
                           key=lambda one: abs(away(one[1])))
        if abs(symbol - self.nxt) > 4000 and \
                abs(away(symbol)) < min(4000, abs(away(self.nxt))):
            return '%s%+d' % (name, away(symbol))
        return number - self.nxt

    def options(self, seg):
        found = set()
        for opt in seg.opts:
            if opt[0] == 'sack':
                found.add(('sack',) + tuple(
                    self.name(seq_diff(n, self.iss))
                    for block in opt[1] for n in block))
            elif opt[0] == 'ts':
                found.add(('ecr', opt[2] - self.ts_val
                           if seg.has('A') and opt[2] else 0))
            elif opt[0] in ('ws', 'sackok'):
                found.add(opt[:1])
            elif opt[0] != 'nop':
                found.add(opt)
        return tuple(sorted(found))

    # -- the steps ---------------------------------------------------------

    def run(self):
        for step in self.stimulus.steps:
            self.step(step)
        self.step(None)

    def step(self, step):
        self.begun, self.sent = time.monotonic(), None
        if step is None:
            call, wait = self.end(), IDLE_END_MS
        else:
            self.log.append('%9.1f ms  %s' % (
                (self.begun - self.start) * 1e3, step))
            name = 'segment' if step.kind == '>' else 'do_' + step.kind
            call = getattr(self, name)(step, **step.args)
            wait = 0 if not step.wait else SETTLE_MS \
                if self.una < self.dut_nxt else QUIET_MS
        found = self.listen_to(wait)
        if step and step.kind == 'timer' and not found:
            found = self.listen_to(TIMER_MAX_S * 1e3, 1)
        if self.lsock and not self.sock:
            self.accept()
        state, poll = self.observe()
        self.log.append('%14s %s, %s [%s]' % (
            '', 'ok' if call is None else call, state, poll))
        self.answers.append(Answer(found, call, state, poll, self.acked,
                                   self.nxt, self.begun - self.start,
                                   self.sent, self.orphan()))

    def orphan(self):
        return self.find_state() if self.closed and self.dut_port and \
            not self.stack.native else None

    def answered(self):
        """What we count from as acknowledged: the same for both, although one
        of them may delay an ACK."""
        if not self.model or not self.answers:
            return self.acked
        other = self.model.answers[len(self.answers) - 1]
        return self.nxt + other.acked - other.nxt

    def listen_to(self, ms, count=None):
        """What is sent at once, and within so many milliseconds."""
        found = []
        until = self.begun + ms / 1e3
        while (got := self.receive(until)) is not None:
            when, port, seg = got
            if self.dut_port is None:
                self.dut_port = port
            found.append(self.take(seg, when, when - self.begun > AT_ONCE_S))
            if len(found) == count:
                break
        return found

    def segment(self, step, seq=('nxt', 0), ack=('dut', 0), len=0, win=None,
                urg=0, ts=0, ecr=0, nots=False, sack=None, bad=False):
        flags = step.flags
        if self.dut_port is None:
            return 'no port'
        at = {'nxt': self.nxt, 'ack': self.answered(),
              'edge': self.nxt if self.dut_edge is None else self.dut_edge}
        if seq[0] == 'edge':
            self.anchor = at['edge']
        seq = at[seq[0]] + seq[1] if 'S' not in flags or self.nxt else 0
        self.near = seq
        ack = {'dut': self.dut_nxt, 'una': self.una}[ack[0]] + ack[1]
        void = bad or self.is_void(flags, seq, ack, len)
        self.sent = Got(seq, seq + len, ack if 'A' in flags else None,
                        self.dut_edge, self.dut_nxt,
                        self.win if win is None else win)
        if 'A' in flags:
            edge = ack + ((65535 if win is None else win) << self.ws)
            self.edge = max(self.edge or 0, edge)
        stamp = None
        opts = None
        if self.ts_on and 'S' not in flags:
            self.ts_val += ts if ts > 0 else 1
            stamp = (self.ts_val + min(ts, 0), self.ts_recent + ecr
                     if 'A' in flags else 0)
            opts = [] if nots else None
        if 'S' in flags and self.nxt:
            opts = self.syn_options()
        self.sent_to = max(self.sent_to, seq + len + ('S' in flags) +
                           ('F' in flags))
        if not void and 'A' in flags:
            self.una = max(self.una, ack)
        more = {'bad_checksum': True} if bad else {}
        if sack and self.dut_iss is not None:
            more['sack'] = [(self.dut_nxt + a, self.dut_nxt + b)
                            for a, b in sack]
        self.inject(flags, seq=seq, ack=ack, len=len, win=win, urg=urg,
                    opts=opts, ts=stamp, void=void, **more)
        if not void and 'F' in flags and self.nxt == seq + len + 1:
            self.fin = True
        return None

    def is_void(self, flags, seq, ack, size):
        """Does it not belong to the stream that we really send?"""
        if 'R' in flags or self.fin and (size or 'F' in flags) or \
                not ('A' in flags or 'S' in flags and not self.nxt) or \
                ('S' in flags) != (not self.nxt):
            return True
        if 'A' in flags and not (self.una - 65535 <= ack <= self.dut_nxt) or \
                set('SA') <= set(flags) and ack < 1:
            return True
        edge = self.dut_edge if self.dut_edge is not None else 1
        return 'S' not in flags and not (
            self.nxt - 70000 < seq <= edge and seq + size <= edge)

    # -- the program -------------------------------------------------------

    def socket(self):
        if self.sock is None:
            self.sock = self.stack.socket(self.family)
            self.sock.setblocking(False)
        return self.sock

    @staticmethod
    def call(function, *args):
        try:
            return function(*args)
        except OSError as e:
            return errno.errorcode.get(e.errno, str(e.errno))

    def do_connect(self, step):
        if self.lsock or self.closed:
            return 'not now'
        sock = self.socket()
        if self.dut_port is None:
            sock.bind((self.dut_addr, 0))
            self.dut_port = sock.getsockname()[1]
        return self.call(sock.connect, (self.addr, self.port))

    def do_listen(self, step):
        if self.sock or self.lsock or self.closed:
            return 'not now'
        self.lsock = self.socket()
        self.sock = None
        if self.dut_port is None:
            self.lsock.bind((self.dut_addr, 0))
            self.dut_port = self.lsock.getsockname()[1]
        return self.call(self.lsock.listen, 8)

    def accept(self):
        got = self.call(self.lsock.accept)
        if not isinstance(got, str):
            self.sock = got[0]
            self.sock.setblocking(False)

    def usable(self):
        return self.sock is not None and not self.closed

    def do_send(self, step, n=100, flags=0):
        if not self.usable():
            return 'not now'
        data = pattern(len(self.stream), n)
        took = self.call(self.sock.send, data, flags | socket.MSG_NOSIGNAL)
        if isinstance(took, int):
            self.stream += data[:took]
        return took

    def do_oob(self, step, n=1):
        return self.do_send(step, n, socket.MSG_OOB)

    def do_recv(self, step):
        """All that there is; says what of our stream is still missing."""
        if not self.usable():
            return 'not now'
        while True:
            got = self.call(self.sock.recv, 65536)
            if isinstance(got, str):
                end = got
                break
            if not got:
                end = 'end'
                break
            if got != pattern(self.read_at, len(got)) and not self.urgent():
                self.broken.append('RFC: other bytes than were sent')
            self.read_at += len(got)
        return self.name(1 + self.read_at), end

    def urgent(self):
        return any(s.kind == '>' and 'U' in s.flags
                   for s in self.stimulus.steps)

    def do_recvoob(self, step):
        if not self.usable():
            return 'not now'
        got = self.call(self.sock.recv, 1, socket.MSG_OOB)
        return got if isinstance(got, str) else len(got)

    def do_shutdown(self, step):
        if not self.usable():
            return 'not now'
        return self.call(self.sock.shutdown, socket.SHUT_WR)

    def do_close(self, step):
        if not self.usable():
            return 'not now'
        self.closed = True
        self.sock.close()
        return None

    def do_abort(self, step):
        if self.usable():
            self.linger_0(self.sock)
        return self.do_close(step)

    @staticmethod
    def linger_0(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack('ii', 1, 0))

    def do_nodelay(self, step, n=1):
        if not self.usable():
            return 'not now'
        return self.call(self.sock.setsockopt, socket.IPPROTO_TCP,
                         socket.TCP_NODELAY, n)

    def do_rcvbuf(self, step, n=4096):
        if self.closed or self.lsock:
            return 'not now'
        return self.call(self.socket().setsockopt, socket.SOL_SOCKET,
                         socket.SO_RCVBUF, n)

    def do_fill(self, step):
        """The peer sends until the window that it is offered is full."""
        if self.dut_edge is None or self.fin or not self.nxt:
            return 'not now'
        while (room := self.dut_edge - self.nxt) > 0 and room < 1 << 20:
            self.segment(step_fill, len=min(FILL_SIZE, room))
            if not self.listen_to(0) and self.dut_edge == self.nxt:
                break
        self.listen_to(SETTLE_MS)
        return None

    def do_idle(self, step, n=SETTLE_MS):
        time.sleep(max(0, n - SETTLE_MS) / 1e3)

    def do_timer(self, step):
        return None

    def do_icmp(self, step, mtu=0, seq=('una', 0), **kind):
        if not self.quoted or not kind:
            return 'not now'
        name = next(iter(kind))
        at = {'una': self.una, 'dut': self.dut_nxt}[seq[0]] + seq[1]
        self.sent = Got(at, at, None, None, self.dut_nxt, None)
        self.icmp(*ICMP[name], mtu, seq=at)
        return None

    def end(self):
        """The stimulus is over: what is there to be read, and an error; of
        a closed socket its state."""
        if not self.usable():
            return self.find_state() if self.closed and self.dut_port \
                else None
        got = self.do_recv(None)
        code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return got + (errno.errorcode.get(code, code),)

    def find_state(self):
        port = '%04X' % self.dut_port
        remote = ':%04X' % self.port
        with open(self.stack.proc(self.family)) as f:
            for line in f:
                word = line.split()
                if word[1].endswith(port) and word[2].endswith(remote):
                    return STATES[int(word[3], 16)]
        return 'CLOSED'

    # -- what a program sees -----------------------------------------------

    def observe(self):
        if not self.usable():
            return None, None
        raw = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)
        poll = select.poll()
        poll.register(self.sock, sum(POLL.values()))
        got = poll.poll(0)
        mask = got[0][1] if got else 0
        return STATES[raw[0]], ' '.join(n for n, bit in POLL.items()
                                        if mask & bit)

    def finish(self):
        """Leave nothing that talks on."""
        for sock in self.sock, self.lsock:
            if sock is not None and sock.fileno() >= 0:
                self.linger_0(sock)
                sock.close()
        if self.dut_port is not None and self.closed:
            self.inject('R', seq=max(self.acked, 0), void=True, opts=[])
            self.inject('R', seq=self.nxt, void=True, opts=[])
        while self.bench.tun.read(0):
            pass


class Fill:
    flags = 'PA'


step_fill = Fill()
