#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What nobody outside may guess: initial sequence numbers, timestamps, the
identification of IP, SYN cookies. Ports are in ports.py."""

import contextlib
import ctypes
import os
import platform
import struct
import subprocess
import time

import chance
from codec import SEQ_MOD, Segment, addr_pack, build_tcp, parse_tcp
from harness import case, main
from tun import Tun, enter_namespace

CLOCK_NS = 64			# of the initial sequence numbers
HERE = os.path.dirname(os.path.abspath(__file__))


def answers(c, count, flags='S', **more):
    """What `count` segments from neighbouring ports get, by IP packet."""
    out = []
    for n in range(count):
        c.bench.tun.write(build_tcp(
            c.family, addr_pack(c.family, c.addr),
            addr_pack(c.family, c.dut_addr), 10000 + n, c.dut_port,
            Segment(flags, 5000, 7000 if 'A' in flags else 0, 65535,
                    opts=more.get('opts', c.syn_options()
                                  if 'S' in flags else []))))
        until = time.monotonic() + 1
        while (got := c.bench.tun.read(until)) is not None:
            parsed = parse_tcp(got[0])		# not of one before, again
            if parsed and parsed[0][4] == 10000 + n:
                out.append(got[0])
                break
        else:
            c.fail('no answer to the %dth' % n)
    return out


def fields(packets):
    return [parse_tcp(raw)[1] for raw in packets]


def even(c, what, values, bits=32):
    trouble = chance.complaint(values, bits)
    if trouble:
        c.fail('%s of %d neighbours: %s' % (what, len(values), trouble))


def listening(c, backlog=4096):
    c.knob('max_syn_backlog', backlog)
    with open('/proc/sys/net/core/somaxconn', 'w') as f:
        f.write(str(backlog))
    c.peer(sack=True, ts=True, ws=7)
    c.listen(backlog)


@case('6528-1 SEC-36 LEAK-03 initial numbers of neighbours: a keyed hash')
def _(c):
    listening(c)
    even(c, 'ISS', [s.seq for s in fields(answers(c, 2000))])


@case('SEC-34 LEAK-03 timestamps of neighbours: a keyed hash, not the uptime')
def _(c):
    listening(c)
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    got = [s.option('ts')[0] for s in fields(answers(c, 2000))]
    even(c, 'TSval', got)
    near = [v for v in got if abs(v - now * 1e3) < 1e6 or
            abs(v - now * 100) < 1e6]
    c.check(len(near) < 20, True, 'that they have nothing of the uptime')


@case('SEC-34 LEAK-03 and those that a SYN cookie hides its options in',
      native='its cookies use the connection\'s offset: the same')
def _(c):
    c.knob('syncookies', 2)
    listening(c)
    even(c, 'TSval', [s.option('ts')[0] >> 10
                      for s in fields(answers(c, 2000))], 22)


@case('SEC-34 an ACK, a RST and TIME-WAIT use the offset of the connection',
      native='its RST has none')
def _(c):
    c.peer(ts=True)
    c.time_wait()
    first = c.dut_syn.option('ts')[0]
    c.inject('FA', seq=1, ack=2)
    seg = c.expect('A', seq=2, ack=2)
    c.check(seg.option('ts')[0] - first in range(5000), True,
            'that the timestamp of TIME-WAIT goes on')
    twin = c.sibling()
    twin.peer(ts=True)
    twin.established()
    first = twin.dut_syn.option('ts')[0]
    twin.abort()
    seg = twin.expect('R(A)')
    c.check((seg.option('ts') or (first,))[0] - first in range(5000), True,
            'that the timestamp of the RST goes on')


@case('SEC-36 LEAK-03 SYN cookies of neighbours: a keyed hash',
      native='its cookies have a counter in the upper bits')
def _(c):
    c.knob('syncookies', 2)
    listening(c)
    even(c, 'cookies', [s.seq >> 4 for s in fields(answers(c, 2000))], 28)


# -- IP ------------------------------------------------------------------------

def idents(packets):
    return [struct.unpack_from('!H', raw, 4)[0] for raw in packets]


def no_counter(c, what, ids):
    """0 throughout, or not counted for all together."""
    if not any(ids):
        return
    steps = [(b - a) & 0xffff for a, b in zip(ids, ids[1:])]
    small = sum(0 < n <= 8 for n in steps)
    if small > len(steps) // 10:
        c.fail('IDs of %s are counted: %s' % (what, ids[:12]))


@case('SEC-35 LEAK-03 no IP ID is counted for several connections',
      families=[4])
def _(c):
    for no_pmtu in '0', '1':
        c.knob('ipv4/ip_no_pmtu_disc', no_pmtu)
        first, later = [], []
        for _ in range(40):
            twin = c.sibling().established()
            first.append(twin.quoted)
            twin.send(10)
            later.append(twin.expect('PA', len=10).raw_ip)
        no_counter(c, 'SYNs and ACKs', idents(first))
        no_counter(c, 'data', idents(later))
        twin = c.sibling()
        listening(twin)
        no_counter(c, 'SYN,ACKs', idents(answers(twin, 40)))
        twin.dut_port = 9		# discard
        no_counter(c, 'RSTs', idents(answers(twin, 40, 'A')))


@case('SEC-35 flow labels of connections are not counted, nor is there an ID',
      families=[6])
def _(c):
    labels = []
    for _ in range(40):
        twin = c.sibling().established()
        twin.send(10)
        raw = twin.expect('PA', len=10).raw_ip
        c.check(raw[6], 6, 'the next header')
        labels.append(struct.unpack_from('!I', raw)[0] & 0xfffff)
    if any(labels):
        steps = [(b - a) & 0xfffff for a, b in zip(labels, labels[1:])]
        c.check(sum(0 < n < 64 for n in steps) < 4, True,
                'that labels are no counter')


# -- whose secret it is -----------------------------------------------------------

PORTS = range(40001, 40009)


def opening(c, tun, stack, number):
    """(ISS, TSval, when) of a connect() from and to a given port."""
    sock = stack.socket(c.family)
    with contextlib.closing(sock):
        sock.setblocking(False)
        sock.bind((c.dut_addr, number))
        with contextlib.suppress(BlockingIOError):
            sock.connect((c.addr, c.port))
        until = time.monotonic() + 2
        while (got := tun.read(until)) is not None:
            parsed = parse_tcp(got[0])
            if parsed and parsed[0][3] == number:
                seg = parsed[1]
                return seg.seq, seg.option('ts')[0], got[1]
    c.fail('no SYN from port %d' % number)
    return None


def openings(c, tun, stack):
    return [opening(c, tun, stack, number) for number in PORTS]


def unrelated(c, what, old, new):
    """But for the clocks, nothing of the old is in the new."""
    for name, at, tick_ns in ('ISS', 0, CLOCK_NS), ('TSval', 1, 1000000):
        same = 0
        for a, b in zip(old, new):
            ran = (b[2] - a[2]) * 1e9 / tick_ns
            ahead = (b[at] - a[at]) % SEQ_MOD
            same += -50000 < ahead - ran < 50000 or ahead > SEQ_MOD - 50000
        if same > 1:
            c.fail('%s of %d in %d is what %s would have' % (
                name, same, len(old), what))


@case('6528-1 the same secret as long as nothing changes')
def _(c):
    old = openings(c, c.bench.tun, c.stack)
    time.sleep(0.01)
    new = openings(c, c.bench.tun, c.stack)
    for a, b in zip(old, new):
        ran = (b[2] - a[2]) * 1e9 / CLOCK_NS
        c.check(abs((b[0] - a[0]) % SEQ_MOD - ran) < 1e7, True,
                'that the ISS follows the clock')


@case('6528-1 LEAK-03 the secret is not that of native TCP')
def _(c):
    other = type(c.stack)('tcpx' if c.stack.native else 'native')
    unrelated(c, 'the other TCP', openings(c, c.bench.tun, other),
              openings(c, c.bench.tun, c.stack))


@contextlib.contextmanager
def elsewhere():
    """In another namespace that has the same addresses."""
    home = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
    enter_namespace()
    tun = Tun()
    try:
        yield tun
    finally:
        os.close(tun.fd)
        ctypes.CDLL(None).setns(home, 0)
        os.close(home)


@case('6528-1 LEAK-03 the secret is not that of another namespace',
      native='all namespaces have the same')
def _(c):
    old = openings(c, c.bench.tun, c.stack)
    with elsewhere() as tun:
        new = openings(c, tun, c.stack)
    unrelated(c, 'the other namespace', old, new)


def module_file(c):
    root = os.path.join(HERE, '..', '..')
    for path in os.environ.get('TCPX_KO', ''), os.path.join(
            root, 'build', platform.release(), 'tcpx.ko'), \
            os.path.join(root, 'tcpx.ko'):
        if os.path.isfile(path):
            return path
    return c.fail('no tcpx.ko; set TCPX_KO')


def reload(c):
    path = module_file(c)
    for _ in range(200):		# holders of ports are kept for a moment
        if not subprocess.run(['rmmod', 'tcpx'],
                              stderr=subprocess.DEVNULL).returncode:
            break
        time.sleep(0.05)
    c.command('insmod ' + path)


def secret_of_a_load(c):
    if c.stack.native:
        c.fail('it cannot be loaded')
    old = openings(c, c.bench.tun, c.stack)
    reload(c)
    unrelated(c, 'the module before', old,
              openings(c, c.bench.tun, c.stack))


with open('/proc/cpuinfo') as cpuinfo:		# KASAN's shadow stays there
    if 'User Mode Linux' not in cpuinfo.read():
        case('6528-1 LEAK-03 the secret is not that of before the module was '
             'loaded', native='it cannot be loaded')(secret_of_a_load)


@case('SEC-36 a cookie of another namespace is worth nothing',
      native='it is one of the namespace, too: by its cookie')
def _(c):
    c.knob('syncookies', 2)
    c.bind(40100)
    c.listen()
    with elsewhere() as tun:
        with open(c.stack.knob('syncookies'), 'w') as f:
            f.write('2')
        sock = c.stack.socket(c.family)
        with contextlib.closing(sock):
            sock.bind((c.dut_addr, 40100))
            sock.listen(8)
            tun.write(build_tcp(
                c.family, addr_pack(c.family, c.addr),
                addr_pack(c.family, c.dut_addr), c.port, 40100,
                Segment('S', c.iss, 0, 65535)))
            raw, _ = tun.read(time.monotonic() + 1)
    c.dut_iss = parse_tcp(raw)[1].seq
    c.inject('A', seq=1, ack=1, void=True)
    c.expect('R', seq=1)
    c.no_accept()


if __name__ == '__main__':
    main()
