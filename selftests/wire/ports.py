#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Ephemeral ports: which, which not, whether they can be guessed (RFC 6056),
and what happens when there are none left."""

import errno
import os
import resource
import socket
import struct
import time

import chance
from codec import addr_pack, addr_text
from harness import case, main
from program import cycles

MANY = int(os.environ.get('PORTS_COUNT', 10000))
BATCH = 400			# below what makes idle ports be used again
IDLE_S = 0.3			# after which they are forgotten
NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY = 4, 20
NLM_F_REQUEST, NLM_F_DUMP, NLMSG_ERROR, NLMSG_DONE = 1, 0x300, 2, 3
RANGE = '/proc/sys/net/ipv4/ip_local_port_range'


def port_range(c, low, high):
    """Until the end of the case."""
    with open(RANGE) as f:
        c.undo.append((RANGE, f.read()))
    with open(RANGE, 'w') as f:
        f.write('%d %d' % (low, high))


def target(c, number):
    """Neighbours: an address, and another port of it."""
    raw = bytearray(addr_pack(c.family, c.addr))
    raw[-2] = number >> 8 & 255
    raw[-1] = number & 255
    return addr_text(c.family, bytes(raw))


def dial(c, to, stack=None, err=None):
    """connect() to somebody who does not answer: (socket, port)"""
    sock = (stack or c.stack).socket(c.family)
    sock.setblocking(False)
    try:
        sock.connect(to)
    except BlockingIOError:
        pass
    except OSError as e:
        sock.close()
        if err == e.errno:
            return None
        raise
    if err:
        sock.close()
        c.fail('connect() did not fail')
    return sock, sock.getsockname()[1]


def ports_of(c, targets):
    """The ports that connect() chooses, a socket being open for a while."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (BATCH * 2, BATCH * 2))
    found, open_ = [], []
    for number, to in enumerate(targets, 1):
        sock, port = dial(c, to)
        open_.append(sock)
        found.append(port)
        if number % BATCH == 0:
            while open_:
                open_.pop().close()
            time.sleep(IDLE_S)
            while c.bench.receive(0):
                pass
    while open_:
        open_.pop().close()
    return found


def drain(c):
    while c.bench.receive(0):
        pass


@case('6056-1 SEC-36 LEAK-03 ports of neighbouring destinations have nothing '
      'in common')
def _(c):
    port_range(c, 32768, 65535)		# 15 bits
    for how, targets in (
            ('ports', ((c.addr, 1 + n) for n in range(MANY // 2))),
            ('addresses', ((target(c, n), 80) for n in range(MANY // 2)))):
        got = [p - 32768 for p in ports_of(c, targets)]
        runs = sum(abs(a - b) == 1 for a, b in zip(got, got[1:]))
        if runs > 12:
            c.fail('%d of %d neighbours by %s' % (runs, len(got), how))
        pairs = [0] * 64
        for a, b in zip(got, got[1:]):
            pairs[(a >> 12) * 8 + (b >> 12)] += 1
        for what, off in ('ports', chance.spread(got, 15, 32)), \
                ('pairs of ports', chance.chi_square(pairs)), \
                ('steps', chance.spread([(b - a) & 32767 for a, b in
                                         zip(got, got[1:])], 15)):
            c.note('%s, by %s: %.1f sigmas' % (what, how, off))
            if off > chance.SIGMAS:
                c.fail('%s of neighbouring %s are %.1f sigmas from even' % (
                    what, how, off))


def steps_to(c, to, between):
    """How far the port moves from one connect() to the next, if there are so
    many others between."""
    found, last, spare = [], None, 0
    for _ in range(60):
        sock, port = dial(c, to)
        sock.close()
        for _ in range(between):
            spare += 1
            dial(c, (target(c, spare % 60000), 7))[0].close()
        if last is not None:
            found.append((port - last) % 28000)
        last = port
        time.sleep(IDLE_S)
        drain(c)
    return found


@case('6056-3 SEC-36 who is connected to cannot count the connections to '
      'others (CVE-2022-1012)',
      native='now and then it jumps by thousands')
def _(c):
    port_range(c, 32768, 32768 + 27999)
    alone = steps_to(c, (c.addr, 1000), 0)
    among = steps_to(c, (c.addr, 2000), 20)
    c.note('steps alone: %s' % alone)
    c.note('steps among others: %s' % among)
    for name, steps in ('alone', alone), ('among others', among):
        mean = sum(steps) / len(steps)
        if not 2 < mean < 10:
            c.fail('the mean step %s is %.1f' % (name, mean))
        if len(set(steps)) < 4:
            c.fail('steps %s: %s' % (name, sorted(set(steps))))


@case('6056-2 the range of the knob, and what is reserved in it',
      native='connect() prefers every other port')
def _(c):
    port_range(c, 40000, 40049)
    reserved = '/proc/sys/net/ipv4/ip_local_reserved_ports'
    c.undo.append((reserved, '\n'))
    with open(reserved, 'w') as f:
        f.write('40010-40019')
    got = []
    for n in range(200):
        sock, port = dial(c, (target(c, n), 80))
        c.held.append(sock)
        got.append(port)
    c.check(set(got) - set(range(40000, 40010)) - set(range(40020, 40050)),
            set(), 'ports out of the range')
    c.check(len(set(got)) > 30, True, 'that all of it is used')
    drain(c)


@case('6056-2 no port is used that the other TCP has')
def _(c):
    port_range(c, 41000, 41039)
    other = type(c.stack)('tcpx' if c.stack.native else 'native')
    time.sleep(IDLE_S)			# of the case before
    theirs = set()
    for n in range(10):			# connected
        sock, port = dial(c, (c.addr, 80), other)
        c.held.append(sock)
        theirs.add(port)
    for port in sorted(set(range(41000, 41040)) - theirs)[:10]:	# bound
        sock = other.socket(c.family)
        sock.bind((c.dut_addr, port))
        if port & 1:
            sock.listen(1)
        c.held.append(sock)
        theirs.add(port)
    ours = set()
    for _ in range(20):
        sock, port = dial(c, (c.addr, 80))
        c.held.append(sock)
        ours.add(port)
    c.check(ours, set(range(41000, 41040)) - theirs, 'the ports chosen')
    dial(c, (c.addr, 80), err=errno.EADDRNOTAVAIL)
    dial(c, (c.addr, 80), other, err=errno.EADDRNOTAVAIL)
    drain(c)


def shown_ports(family):
    """Local ports that native's sock_diag tells of, in whatever state."""
    found = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                       NETLINK_SOCK_DIAG) as diag:
        request = struct.pack('=BBBBI48x', family, socket.IPPROTO_TCP, 0, 0,
                              0xffffffff)
        diag.send(struct.pack('=IHHII', 16 + len(request),
                              SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP,
                              1, 0) + request)
        while True:
            data = diag.recv(1 << 16)
            while data:
                size, kind = struct.unpack_from('=IH', data)
                if kind == NLMSG_DONE:
                    return found
                if kind == NLMSG_ERROR:
                    raise OSError('sock_diag refuses')
                found.add(struct.unpack_from('!H', data, 16 + 4)[0])
                data = data[(size + 3) & ~3:]


@case('SEC-33 a port of a connection is not shared by reuse, nor shown by native')
def _(c):
    other = type(c.stack)('tcpx' if c.stack.native else 'native')
    ports = []
    for n in range(10):
        sock, port = dial(c, (target(c, 50 + n), 80))
        c.held.append(sock)
        ports.append(port)
    seen = shown_ports(socket.AF_INET if c.family == 4 else socket.AF_INET6)
    c.check(set(ports) & seen, set(ports) if c.stack.native else set(),
            'the ports of these connections that are shown')
    for port in ports[:2]:
        for options in ((socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,),
                        (socket.SO_REUSEADDR, socket.SO_REUSEPORT)):
            for address in c.dut_addr, ('0.0.0.0', '::')[c.family == 6]:
                with other.socket(c.family) as sock:
                    for option in options:
                        sock.setsockopt(socket.SOL_SOCKET, option, 1)
                    try:
                        sock.bind((address, port))
                    except OSError as e:
                        c.check(e.errno, errno.EADDRINUSE, 'bind()')
                    else:
                        c.fail('the other TCP can bind to it')
    drain(c)


@case('SEC-33 no port is left: EADDRNOTAVAIL at once, others go on')
def _(c):
    port_range(c, 42000, 42499)
    resource.setrlimit(resource.RLIMIT_NOFILE, (2048, 2048))
    open_ = [dial(c, (c.addr, 80)) for _ in range(500)]
    c.held += [sock for sock, _ in open_]
    c.check(len({port for _, port in open_}), 500, 'ports')
    begun = cycles()
    for _ in range(20):
        dial(c, (c.addr, 80), err=errno.EADDRNOTAVAIL)
    c.note('%d cycles to see that none is left' % ((cycles() - begun) // 20))
    for n in range(20):			# another port, another address
        c.held.append(dial(c, (c.addr, 81 + n))[0])
        c.held.append(dial(c, (target(c, 40000 + n), 80))[0])
    for sock, port in open_[:20]:
        sock.close()
    again = {dial(c, (c.addr, 80)) for _ in range(20)}
    c.held += [sock for sock, _ in again]
    c.check({port for _, port in again}, {port for _, port in open_[:20]},
            'the ports given back')
    dial(c, (c.addr, 80), err=errno.EADDRNOTAVAIL)
    drain(c)


@case('SEC-33 ports in TIME-WAIT are left to another destination only')
def _(c):
    port_range(c, 43000, 43003)
    c.knob('tw_reuse', 0)
    for _ in range(4):
        twin = c.sibling()
        twin.addr, twin.port = c.addr, c.port
        c.bench.flows.pop(c.key, None)
        c.bench.flows[twin.key] = twin
        twin.time_wait()
        twin.sock.close()
    dial(c, (c.addr, c.port), err=errno.EADDRNOTAVAIL)
    c.held.append(dial(c, (c.addr, c.port ^ 1))[0])
    drain(c)


# -- a listener beside active opens --------------------------------------------

def listener_beside(c):
    """Another socket that listens on the port of c.sock."""
    sock = c.open()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((c.dut_addr, c.dut_port))
    sock.listen(8)
    return sock


@case('MUST-42 a listener on the port of an active open, in SYN_SENT')
def _(c):
    c.bind()
    c.connect(again=True)
    c.expect('S', seq=0)
    lsock = listener_beside(c)
    twin = c.sibling()
    twin.lsock, twin.dut_port = lsock, c.dut_port
    twin.accepted()				# another peer is listened to
    twin.inject('PA', len=10)
    twin.recv(10)
    c.inject('SA')				# this one is not
    c.expect('A')
    c.state('ESTABLISHED')
    c.inject('PA', len=20)
    c.recv(20)
    c.lsock = lsock
    c.no_accept()


@case('MUST-42 and in SYN_RECEIVED, of a simultaneous open',
      native='the window of its ACK is scaled, though nobody asked for it')
def _(c):
    c.bind()
    c.connect(again=True)
    c.expect('S', seq=0)
    c.inject('S', seq=0)
    c.expect('SA', seq=0, ack=1)
    c.state('SYN_RECEIVED')
    lsock = listener_beside(c)
    twin = c.sibling()
    twin.lsock, twin.dut_port = lsock, c.dut_port
    twin.accepted()
    c.inject('A')
    c.state('ESTABLISHED')
    c.lsock = lsock
    c.no_accept()


@case('MUST-42 an active open from the port of a listener')
def _(c):
    first = c.open()
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    first.bind((c.dut_addr, 0))
    port = first.getsockname()[1]
    sock = c.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((c.dut_addr, port))
    first.listen(8)
    c.dut_port = port
    c.connect(again=True)
    c.expect('S', seq=0)
    c.inject('SA')
    c.expect('A')
    c.state('ESTABLISHED')
    twin = c.sibling()
    twin.lsock, twin.dut_port = first, port
    twin.accepted()


if __name__ == '__main__':
    main()
