#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""ICMP errors and path MTU; TTL, traffic class, IP options."""

from harness import case, main
from tun import settle

SOFT = [((3, 0), (1, 0)), ((3, 1), (1, 3)), ((3, 5), (1, 2)),
        ((11, 0), (3, 0)), ((11, 1), (3, 1)), ((12, 0), (4, 0))]
HARD = [((3, 2), (4, 1)), ((3, 3), (1, 4))]


def header(c):
    return 40 if c.family == 4 else 60


def in_flight(c, size=3):
    c.established()
    c.send(size * c.mss)
    c.quoted = c.collect()[0].raw_ip
    return c


@case('MUST-56 MUST-47 soft errors do not abort a connection')
def _(c):
    c.established()
    c.send(10)
    c.expect('PA', len=10)
    for v4, v6 in SOFT:
        c.icmp(v4, v6)
    c.silent()
    c.state('ESTABLISHED')
    c.poll('OUT')
    c.inject('A')
    c.send(10)
    c.expect('PA', seq=11, len=10)


@case('MUST-47 SHLD-25 a soft error is there to be read, once')
def _(c):
    c.established()
    c.send(10)
    c.expect('PA', len=10)
    c.icmp((3, 1), (1, 3))
    c.silent()
    c.error('EHOSTUNREACH')
    c.error(0)
    c.state('ESTABLISHED')


@case('SHLD-26 5927-2 hard errors are soft for a connection')
def _(c):
    c.established()
    c.send(10)
    c.expect('PA', len=10)
    for v4, v6 in HARD:
        c.icmp(v4, v6)
    c.silent()
    c.state('ESTABLISHED')
    c.inject('A')
    c.send(10)
    c.expect('PA', seq=11, len=10)


@case('SHLD-26 a hard error refuses a connection being opened')
def _(c):
    c.connect()
    c.expect('S')
    c.icmp((3, 3), (1, 4))
    c.failed('ECONNREFUSED')
    c.state('CLOSED')


@case('MUST-56 a soft error does not abort a connection being opened',
      native='it does (RFC 5461)')
def _(c):
    c.connect()
    c.expect('S')
    c.icmp((3, 1), (1, 3))
    c.silent()
    c.state('SYN_SENT')
    c.inject('SA')
    c.expect('A')


@case('MUST-54 5927-1 an error about another sequence number is ignored')
def _(c):
    c.connect()
    c.expect('S')
    for seq in -1, 1000, 1 << 31:
        c.icmp((3, 3), (1, 4), seq=seq)
    c.silent()
    c.state('SYN_SENT')


@case('MUST-54 an error about another connection is ignored')
def _(c):
    c.connect()
    c.expect('S')
    c.icmp((3, 3), (1, 4), dport=c.port ^ 1)
    c.silent()
    c.state('SYN_SENT')


@case('MUST-55 6633-1 source quench is ignored', families=[4])
def _(c):
    c.established()
    c.send(10)
    c.expect('PA', len=10)
    for _ in range(5):
        c.icmp((4, 0), None)
    c.silent()
    c.inject('A')
    c.send(10 * c.mss)
    c.check(len(c.collect()), 10, 'the segments in flight')


@case('5927-4 an error that quotes 8 octets of TCP is understood',
      families=[4])
def _(c):
    c.connect()
    c.expect('S')
    c.icmp((3, 3), None, quoted=c.quoted[:28])
    c.failed('ECONNREFUSED')


@case('5927-4 an error that quotes less is ignored')
def _(c):
    c.connect()
    c.expect('S')
    for size in 4, 7:
        c.icmp((3, 3), (1, 4), quoted=c.quoted[:header(c) - 20 + size])
    c.silent()
    c.state('SYN_SENT')


@case('1191-1 DF is set', families=[4])
def _(c):
    c.established()
    c.send(10)
    c.expect('PA', len=10)
    if not c.quoted[6] & 0x40:
        c.fail('DF is not set')


@case('1191-2 MUST-16 packet too big: smaller segments at once')
def _(c):
    in_flight(c)
    c.too_big(1300)
    size = 1300 - header(c)
    c.expect('A(P)', seq=1, len=size, between=(0, 0.1))
    c.collect()
    c.inject('A')
    c.send(2 * size)
    c.expect('A(P)', len=size)


@case('1191-3 an error does not raise the path MTU')
def _(c):
    in_flight(c)
    c.too_big(1300)
    c.expect('A(P)', seq=1, len=1300 - header(c))
    c.collect()
    c.inject('A')
    c.send(3000)
    c.quoted = c.collect()[0].raw_ip
    c.too_big(1400)
    c.collect()
    c.inject('A')
    c.send(3000)
    c.expect('A(P)', len=1300 - header(c))


@case('1191-3 an MTU below 68 or 1280 does no harm')
def _(c):
    in_flight(c)
    c.too_big(20)
    c.collect(0.05)
    c.inject('A', ack=1 + 3 * c.mss)
    c.send(3000)
    got = c.collect()
    if len(got[0].data) < (500 if c.family == 4 else 1200):
        c.fail('segments of %d' % len(got[0].data))


@case('1191-4 an MTU of 0 does no harm', families=[4])
def _(c):
    in_flight(c)
    c.too_big(0)
    c.collect(0.05)
    c.inject('A', ack=1 + 3 * c.mss)
    c.send(3000)
    if len(c.collect()[0].data) < 500:
        c.fail('segments of %d' % len(c.got.data))


@case('5927-1 MUST-54 packet too big about other data is ignored')
def _(c):
    in_flight(c)
    c.inject('A', ack=1 + 3 * c.mss)
    for seq in 0, 1 + 3 * c.mss + 1, 1 << 30:
        c.too_big(1300, seq=seq)
    c.silent()
    c.send(3 * c.mss)
    c.expect('A(P)', len=c.mss)


@case('a SYN that is too big for the path is repeated with a smaller MSS',
      native='IPv6 repeats the old MSS')
def _(c):
    c.connect()
    c.expect('S')
    c.too_big(1300)
    c.expect('S', seq=0, within=4, opts={'mss': 1300 - header(c)})


@case('MUST-49 the TTL is what the program says')
def _(c):
    c.socket()
    c.setopt('IP_TTL' if c.family == 4 else 'IPV6_UNICAST_HOPS', 77)
    c.connect()
    c.expect('S', ttl=77)
    c.inject('SA')
    c.expect('A', ttl=77)
    c.send(10)
    c.expect('PA', len=10, ttl=77)


@case('MUST-48 SHLD-21 SHLD-22 the DS field is what the program says')
def _(c):
    name = 'IP_TOS' if c.family == 4 else 'IPV6_TCLASS'
    c.socket()
    c.setopt(name, 0x28)
    c.connect()
    c.expect('S', tos=0x28)
    c.inject('SA')
    c.expect('A', tos=0x28)
    c.setopt(name, 0x50)
    c.send(10)
    c.expect('PA', len=10, tos=0x50)
    c.inject('PA', len=10)
    c.expect('A', tos=0x50)
    c.abort()
    c.expect('RA', tos=0x50)


@case('MUST-50 unknown IP options and headers are ignored')
def _(c):
    c.listen()
    extra = b'\x9e\4\0\0' if c.family == 4 else \
        (60, b'\0\0\x1e\4\0\0\0\0')
    c.inject('S', seq=0, void=True, ip_options=extra)
    c.nxt = 1
    c.edge = c.win
    c.expect('SA', seq=0, ack=1)
    c.inject('A')
    c.accept()
    c.inject('PA', len=10, ip_options=extra)
    c.nxt += 10
    c.expect('A')
    c.recv(10)


@case('MUST-53 a SYN with a source route is not reflected', families=[4])
def _(c):
    c.listen()
    c.inject('S', seq=0, ip_options=b'\x83\7\4\xc6\x12\0\1\0')
    for seg in c.collect():
        if seg.raw_ip[0] != 0x45:
            c.fail('the answer has IP options')


def second_address(c, what):
    c.command('ip addr %s %s dev tun0' % (what, {
        4: '192.0.2.77/24', 6: '2001:db8::77/64 nodad'}[c.family]))
    settle()


@case('MUST-45 the source address outlives a change of addresses')
def _(c):
    c.established()
    second_address(c, 'add')
    c.send(10)
    c.expect('PA', len=10)
    second_address(c, 'del')


@case('MUST-43 a listener on one address is not there on another')
def _(c):
    c.listen()
    second_address(c, 'add')
    keep, c.dut_addr = c.dut_addr, {4: '192.0.2.77',
                                    6: '2001:db8::77'}[c.family]
    c.inject('S', seq=0)
    c.expect('RA', seq=0, ack=1)
    c.dut_addr = keep
    second_address(c, 'del')


if __name__ == '__main__':
    main()
