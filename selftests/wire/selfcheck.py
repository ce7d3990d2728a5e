#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The harness notices what it has to notice: each fault below is found."""

import struct
import sys

from codec import (BadPacket, Segment, addr_pack, build_tcp, checksum,
                   parse_tcp, pseudo_header)
from peer import Failure, Peer

ADDR = {4: ('192.0.2.1', '198.18.0.1'), 6: ('2001:db8::1', '2001:db8:1::1')}


def packet(family, seg, **faults):
    src, dst = (addr_pack(family, a) for a in ADDR[family])
    return build_tcp(family, src, dst, 1000, 2000, seg, **faults)


def patched(family, seg, at, value):
    """A TCP header with some bytes changed, its checksum right again."""
    src, dst = (addr_pack(family, a) for a in ADDR[family])
    raw = packet(family, seg)
    size = 20 if family == 4 else 40
    tcp = bytearray(raw[size:])
    tcp[at:at + len(value)] = value
    tcp[16:18] = b'\0\0'
    csum = checksum(pseudo_header(family, src, dst, 6, len(tcp)) + tcp)
    tcp[16:18] = struct.pack('!H', csum)
    return raw[:size] + bytes(tcp)


def options(raw, flags='A'):
    return Segment(flags, opts=[('raw', raw)])


def malformed(family):
    """(what, packet) that the codec has to refuse."""
    plain = Segment('A', 1, 1, 100)
    yield 'checksum', packet(family, plain, bad_checksum=True)
    yield 'data offset too small', packet(family, plain, doff=4)
    yield 'data offset too large', packet(family, plain, doff=6)
    yield 'header cut short', packet(family, plain, truncate=19)
    yield 'reserved bits', patched(family, plain, 12, b'\x52')
    yield 'MSS without SYN', packet(family, Segment(opts=[('mss', 1000)]))
    yield 'scale without SYN', packet(family, Segment(opts=[('ws', 1)]))
    yield 'SACK-permitted without SYN', packet(
        family, Segment(opts=[('sackok',)]))
    yield 'bytes after EOL', packet(family, options(b'\0\0\0\1'))
    yield 'option of length 0', packet(family, options(b'\375\0\0\0'))
    yield 'option beyond the header', packet(family, options(b'\1\1\375\3'))
    yield 'option without length', packet(family, options(b'\1\1\1\375'))
    yield 'MSS of length 3', packet(family, options(b'\2\3\1\1', 'S'))
    yield 'SACK of length 9', packet(family, options(b'\5\11' + b'\1' * 10))
    yield 'two timestamps', packet(
        family, Segment(opts=[('ts', 1, 1), ('ts', 1, 1)]))
    raw = packet(family, plain)
    yield 'IP length', raw + b'\0'
    if family == 4:
        yield 'IP checksum', raw[:8] + b'\1' + raw[9:]
        yield 'fragment', patch_fragment(raw)


def patch_fragment(raw):
    head = bytearray(raw[:20])
    head[6:8], head[10:12] = b'\x20\0', b'\0\0'
    head[10:12] = struct.pack('!H', checksum(bytes(head)))
    return bytes(head) + raw[20:]


def peer():
    """A peer that sent 100 bytes, offered up to 1001, got 10 of 500."""
    p = Peer()
    p.iss, p.dut_iss, p.nxt, p.dut_nxt = 5, 7, 101, 11
    p.edge, p.dut_edge, p.dut_ws, p.ts_on = 1001, 2001, 0, False
    p.pieces, p.offer = [(201, 301)], {'sack': True}
    p.stream = bytearray(range(250)) * 8
    return p


def segment(flags='A', seq=11, ack=101, win=1900, **more):
    return Segment(flags, 7 + seq, 5 + ack, win, **more)


def data(seq, size):
    return bytes((bytearray(range(250)) * 9)[seq - 1:seq - 1 + size])


def violations():
    """(what, segment) that the invariants have to refuse."""
    yield 'SYN and FIN', segment('SFA')
    yield 'no ACK', segment('P', data=data(11, 5))
    yield 'timestamps not agreed', segment(opts=[('ts', 1, 1)])
    yield 'other data', segment(data=b'\xff' * 5)
    yield 'data never sent', segment(seq=2000, data=b'\0' * 5)
    yield 'data beyond the window', segment(seq=995, data=data(995, 10))
    yield 'a shrunk window', segment(win=1800)
    yield 'a SACK block never sent', segment(opts=[('sack', [(206, 406)])])
    yield 'an inverted SACK block', segment(opts=[('sack', [(300, 250)])])


def main():
    results = []
    for family in 4, 6:
        good = packet(family, Segment('PA', 1, 2, 3, opts=[
            ('nop',), ('nop',), ('ts', 1, 2)], data=b'abc'))
        results.append(('a good packet is read, IPv%d' % family,
                        parse_tcp(good)[1].data == b'abc'))
        for what, raw in malformed(family):
            try:
                parse_tcp(raw)
                found = False
            except BadPacket:
                found = True
            results.append(('%s is found, IPv%d' % (what, family), found))
    for seg in (segment(data=data(11, 400)), segment(seq=1, data=data(1, 10)),
                segment(seq=1001, data=data(1001, 1)), segment('FA', 501),
                segment('R', win=0), segment(opts=[('sack', [(206, 306)])])):
        peer().audit(seg)
        results.append(('a good segment passes: %s' % seg.flags, True))
    for what, seg in violations():
        try:
            peer().audit(seg)
            found = False
        except Failure:
            found = True
        results.append((what + ' is found', found))
    print('KTAP version 1\n1..%d' % len(results))
    for number, (what, good) in enumerate(results, 1):
        print('%sok %d - %s' % ('' if good else 'not ', number, what))
    sys.exit(not all(good for _, good in results))


if __name__ == '__main__':
    main()
