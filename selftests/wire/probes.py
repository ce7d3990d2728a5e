#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What an attacker can find out, or break, without seeing the traffic: probes
that are answered alike, ICMP errors, tuples chosen to collide; and pointers."""

import glob
import os
import re
import struct
import time

from codec import (Segment, addr_pack, addr_text, build_icmp, build_tcp,
                   parse_tcp)
from harness import case, main
from program import cycles


def shape(c, raw):
    """An answer without what it has to repeat: ports, numbers, ID."""
    if raw is None:
        return None
    family, seg = parse_tcp(raw)[0][0], parse_tcp(raw)[1]
    return (family, len(raw), seg.flags, seg.win, seg.ttl, seg.tos, seg.urg,
            tuple(o[0] for o in seg.opts), seg.data, bool(seg.ack))


def probe(c, port, flags, data=b'', seq=5, ack=7):
    """From the attacker's own address; what comes back within a moment."""
    c.bench.tun.write(build_tcp(
        c.family, addr_pack(c.family, c.addr),
        addr_pack(c.family, c.dut_addr), c.port, port,
        Segment(flags, seq, ack if 'A' in flags else 0, 1000, 0, [], data)))
    got = c.bench.tun.read(time.monotonic() + 0.005)
    return shape(c, got and got[0])


PROBES = [(flags, data) for flags in ('S', 'SA', 'A', 'FA', 'F', '', 'PA',
                                      'UA', 'R', 'RA', 'SF', 'SFPUA')
          for data in (b'', b'x' * 100)]


@case('LEAK-04 the port of a connection answers others as a closed port does')
def _(c):
    victim = c.sibling().established()
    waiting = c.sibling().time_wait()
    syn = c.sibling()
    syn.connect()
    syn.expect('S', seq=0)
    taken = [t.dut_port for t in (victim, waiting, syn)]
    free = next(p for p in range(30000, 31000) if p not in taken)
    for flags, data in PROBES:
        want = probe(c, free, flags, data)
        if 'R' not in flags and want is None:
            c.fail('no answer of a closed port to %s' % flags)
        for port in taken:
            c.check(probe(c, port, flags, data), want,
                    'the answer to %s' % (flags or 'no flags'))
    for twin, state in (victim, 'ESTABLISHED'), (syn, 'SYN_SENT'):
        twin.state(state)


def tells_nothing(c, victim, probes):
    """Probes with the victim's address forged leave no trace in what the
    attacker's own connection and a closed port answer."""
    mine = c.sibling().established()
    counts = []
    for forged in False, True:
        c.collect(6)			# the period of all limits
        if forged:
            for flags, seq, ack in probes:
                victim.inject(flags, seq=seq, ack=ack, void=True)
        while c.bench.receive(0):
            pass
        victim.inbox.clear()
        mine.inbox.clear()
        answers = 0
        for n in range(30):
            mine.inject('S', seq=1000 + n, void=True)
        answers = len([mine.seen(s) for s in iter(lambda: mine.pull(0.01),
                                                  None)])
        closed = sum(probe(c, 9, 'A') is not None for _ in range(30))
        counts.append((answers, closed))
    c.note('answers without and with the forged probes: %s' % counts)
    c.check(counts[0], counts[1], 'what the attacker sees')


@case('LEAK-04 SEC-09 forged probes, in the window and out of it, do not '
      'show in what others are answered')
def _(c):
    victim = c.sibling().established()
    edge = victim.dut_edge
    tells_nothing(c, victim, [
        (flags, seq, ack) for flags in ('R', 'S', 'A', 'PA')
        for seq in (2, 1000, edge - 1, edge + 1, 1 << 31)
        for ack in (1, 2, 1 << 30)] * 2)
    victim.state('ESTABLISHED')


# -- ICMP ---------------------------------------------------------------------

def errors(c):
    """All types and codes that report an error, quoting what is in flight."""
    if c.family == 4:
        return [(3, n) for n in range(16)] + [(4, 0)] + \
            [(5, n) for n in range(4)] + [(11, 0), (11, 1), (12, 0), (12, 1)]
    return [(1, n) for n in range(8)] + [(2, 0), (3, 0), (3, 1)] + \
        [(4, n) for n in range(4)]


def patient(c):
    c.no_timeouts()
    return c.established()


def send_error(c, kind, field, seq=None):
    quoted = bytearray(c.quoted)
    if seq is not None:
        at = (20 if c.family == 4 else 40) + 4
        struct.pack_into('!I', quoted, at, (c.dut_iss + seq) & 0xffffffff)
    c.bench.tun.write(build_icmp(
        c.family, addr_pack(c.family, c.addr),
        addr_pack(c.family, c.dut_addr), *kind, field, bytes(quoted)))


@case('SEC-37 any ICMP error out of the window changes nothing '
      '(CVE-2004-0790, 0791, 1060)')
def _(c):
    patient(c)
    c.send(5 * c.mss)
    c.collect()
    before = c.info()
    for kind in errors(c):
        for seq in -1, -70000, 5 * c.mss + 2, 1 << 30, 1 << 31:
            for field in 0, 68, 576, 1300:
                send_error(c, kind, field, seq)
    c.silent(0.001)
    c.state('ESTABLISHED')
    after = c.info()
    for name in 'snd_cwnd', 'snd_ssthresh', 'pmtu', 'snd_mss', 'retransmits':
        c.check(after[name], before[name], name)
    c.inject('A')
    c.error(0)


@case('SEC-37 1191-3 errors about what is in flight: no reset, no fewer '
      'segments, no MTU below the floor')
def _(c):
    patient(c)
    c.send(5 * c.mss)
    c.quoted = c.collect()[0].raw_ip
    before = c.info()
    quench = (4, 0) if c.family == 4 else (1, 0)
    for kind in [e for e in errors(c) if e not in ((3, 4), (2, 0))] + \
            [quench] * 20:
        send_error(c, kind, 0, 1)
    c.silent(0.001)
    c.state('ESTABLISHED')
    for name in 'snd_cwnd', 'snd_ssthresh', 'pmtu':
        c.check(c.info()[name], before[name], name)
    for mtu in 0, 1, 67, 68, 300, 551:
        send_error(c, (3, 4) if c.family == 4 else (2, 0), mtu, 1)
    c.collect()
    c.state('ESTABLISHED')
    floor = 552 if c.family == 4 else 1280
    if c.info()['pmtu'] < floor:
        c.fail('the path MTU is %d' % c.info()['pmtu'])
    c.check(c.info()['snd_cwnd'] >= before['snd_cwnd'], True,
            'that the window did not shrink')


# -- lookups ------------------------------------------------------------------

TUPLES = 3000 if os.environ.get('LAB_KERNEL') == 'um' else 1000


def tuples(c, how):
    """(address, port): their sum, or their exclusive or, or the lower or the
    upper bits of both are the same, or they are any."""
    base = bytearray(addr_pack(c.family, c.addr))
    for n in range(TUPLES):
        if how == 'sum':
            low, port = n, 60000 - n
        elif how == 'exclusive or':
            low, port = n, n ^ 0x8000
        elif how == 'lower bits':
            low, port = (n & 63) << 8, (n >> 6) + 1 << 10
        elif how == 'upper bits':
            low, port = n >> 8, (n & 255) + 1
        else:
            low, port = c.random.randrange(60000), \
                c.random.randrange(1, 65535)
        # For IPv6 also where the hash folds the address.
        base[-2], base[-1] = low >> 8 & 255, low & 255
        if c.family == 6:
            base[10], base[11] = base[-2], base[-1]
        yield addr_text(c.family, bytes(base)), port


def lookup_cost(c, how):
    """Cycles of a segment for the first of so many half-open connections;
    it is the last of its bucket."""
    c.abort_all()
    lsock = c.open()
    lsock.bind((c.dut_addr, 0))
    lsock.listen(4096)
    port = lsock.getsockname()[1]
    first = None
    for addr, sport in tuples(c, how):
        for flags in 'S', 'R':
            raw = build_tcp(c.family, addr_pack(c.family, addr),
                            addr_pack(c.family, c.dut_addr), sport, port,
                            Segment(flags, 1 if flags == 'S' else 1 << 31, 0,
                                    1000))
            if flags == 'S':
                c.bench.tun.write(raw)
            elif first is None:
                first = raw		# out of the window: looked up, dropped
    while c.bench.receive(0):
        pass
    write, times = c.bench.tun.write, []
    for _ in range(400):
        begun = cycles()
        write(first)
        times.append(cycles() - begun)
    there = sum(1 for row in c.rows() if row[0] == port)
    c.check(there > TUPLES * 3 // 4, True, 'that they are there (%d)' % there)
    lsock.close()
    return min(times)


@case('SEC-38 no tuples of one bucket can be chosen: lookups take as long',
      native='its requests are bounded otherwise')
def _(c):
    with open('/proc/sys/net/core/somaxconn', 'w') as f:
        f.write('4096')
    c.knob('syncookies', 0)
    plain = min(lookup_cost(c, 'any') for _ in range(2))
    for how in 'sum', 'exclusive or', 'lower bits', 'upper bits':
        chosen = lookup_cost(c, how)
        for _ in range(2):		# the machine may be busy
            if chosen > 1.5 * plain:
                chosen = min(chosen, lookup_cost(c, how))
        c.note('%s: %d cycles, any: %d' % (how, chosen, plain))
        if chosen > 1.5 * plain:
            c.fail('%d tuples with the same %s take %d cycles, any %d' % (
                TUPLES, how, chosen, plain))
    c.abort_all()


# -- pointers -------------------------------------------------------------------

TRACING = '/sys/kernel/tracing/'


def words(text):
    """What could be a pointer, as numbers."""
    return [int(w, 16) for w in re.findall(r'\b(?:0x)?([0-9a-f]{16})\b', text)]


def kernel_range():
    """Where the kernel's objects are."""
    with open('/proc/cpuinfo') as f:
        if 'User Mode Linux' in f.read():
            return 0x60000000, 0xc0000000
    return 0xffff800000000000, 1 << 64


def is_hidden(c, where, found, least=20):
    """Hashed pointers are anywhere in 32 bits, the real ones in a range."""
    low, high = kernel_range()
    c.check(len(found) >= least, True, 'that %s has pointers (%d)' % (
        where, len(found)))
    real = sum(low <= w < high for w in found)
    if real > len(found) * 3 // 4:
        c.fail('%s shows pointers: %s' % (
            where, ' '.join('%x' % w for w in found[:4])))


def read(path):
    with open(path, errors='replace') as f:
        return f.read()


@case('LEAK-05 /proc, tracepoints and the log hide pointers',
      native='this is about tcpx')
def _(c):
    for _ in range(24):
        c.sibling().established()
    is_hidden(c, c.stack.proc(c.family), words(read(c.stack.proc(c.family))))
    events = TRACING + 'events/tcpx/enable'
    if os.path.exists(events):
        for path, value in ((TRACING + 'trace', ''), (events, '1')):
            with open(path, 'w') as f:
                f.write(value)
        for _ in range(8):
            twin = c.sibling().established()
            twin.send(10)
            twin.expect('PA', len=10)
        with open(events, 'w') as f:
            f.write('0')
        is_hidden(c, 'the trace', words(read(TRACING + 'trace')))
    c.check(words(read('/proc/net/tcpx_snmp')), [], 'counters like pointers')
    log = os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK)
    try:
        while True:
            line = os.read(log, 8192).decode(errors='replace')
            if 'tcpx' in line:
                low, high = kernel_range()
                c.check([w for w in words(line) if low <= w < high], [],
                        'pointers in ' + line)
    except BlockingIOError:
        os.close(log)


@case('LEAK-03 LEAK-05 there is no file that could show a key',
      native='this is about tcpx')
def _(c):
    c.check(os.path.exists('/sys/kernel/debug/tcpx'), False,
            'a folder in debugfs')
    files = [p for p in glob.glob('/sys/module/tcpx/parameters/*') +
             glob.glob('/proc/sys/net/tcpx/*')
             if re.search('key|secret|seed', os.path.basename(p))]
    c.check([os.path.basename(p) for p in files], ['fastopen_key'], 'files')
    # As native's: an administrator has to set the same on several servers.
    for path in files:
        c.check(os.stat(path).st_mode & 0o777, 0o600, 'the mode of ' + path)


if __name__ == '__main__':
    main()
