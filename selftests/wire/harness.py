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
invariants of a TCP sender (see Peer.audit).
"""

import argparse
import contextlib
import os
import random
import re
import socket
import struct
import sys
import time
import traceback

from codec import BadPacket, addr_pack, parse_tcp, seq_diff
from peer import ANY, Failure, Peer		# noqa: F401
from program import (SIOCATMARK, SIOCINQ, SIOCOUTQ,	# noqa: F401
                     Program, cycles, meminfo)
from tun import DUT_ADDR, Tun, enter_namespace, peer_addr

IPPROTO_TCPX = 253
SKIP = 4
LOG_LINES = 60
HARNESS = ('codec.py', 'flight.py', 'harness.py', 'peer.py', 'program.py',
           'tun.py')


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
        # Ours have no TCP in front.
        found.update([(k[3:], v) for k, v in found.items()
                      if k.startswith('TCP') and k[3:] not in found])
        return found

    @contextlib.contextmanager
    def counts(self, **want):
        """What runs inside adds this to the counters."""
        before = self.counters()
        yield
        after = self.counters()
        got = {name: after[name] - before[name] for name in want}
        if got != want:
            raise Failure('counters: %s, not %s' % (got, want))


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


class Case(Peer, Program):
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

    def shut(self, leave=0):
        """ESTABLISHED, with a small buffer that is full up to so much."""
        self.socket()
        self.setopt('SO_RCVBUF', 4096)
        self.established()
        return self.fill(leave)

    def fill(self, leave=0):
        """Send until the window that we are offered is closed."""
        while self.dut_edge - self.nxt > leave:
            self.inject('PA', len=min(self.mss, self.dut_edge - self.nxt))
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
              if os.path.basename(f.filename) not in HARNESS]
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
    parser.add_argument('--slow', type=float, metavar='FACTOR',
                        default=float(os.environ.get('SLOW', 1)),
                        help='multiply the tolerance for late timers '
                        '(default $SLOW)')
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
    if not stack.native:
        # RFC 5681's arithmetic; cases of another algorithm choose it.
        with open(stack.knob('congestion_control'), 'w') as f:
            f.write('reno')
    for name, value in (('no_metrics_save', 1), ('fastopen', 0),
                        ('rfc1337', 1)):
        with contextlib.suppress(OSError), open(stack.knob(name), 'w') as f:
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
