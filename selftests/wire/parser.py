#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The option parser: every kind with every length, on SYNs and on data, at
every place, and headers that are cut (SEC-25).

Packets are changed in place, with their checksums: there are many of them.
"""

import struct
import time

from codec import Segment, addr_pack, build_tcp, parse_tcp
from harness import case, main

# What is longer than a header is one case to the parser; unit/options.c has every
# kind with all 256 lengths at all places.
LENGTHS = 0, 1, 2, 3, 4, 9, 10, 11, 18, 40, 41, 255
KINDS = 2, 3, 4, 5, 8, 253
PLACED = 0, 1, 2, 3, 10, 18
TIMESTAMP = b'\10\12'
UTO = b'\x1c\4\0\1'		# one second


class Packet:
    """A segment with 40 octets of options that can be changed cheaply."""

    def __init__(self, c, flags, options, data=b'', **more):
        seg = Segment(flags, c.iss + c.nxt, (c.dut_iss or 0) + c.dut_nxt
                      if 'A' in flags else 0, c.win, 0, [('raw', options)],
                      data, **more)
        self.raw = bytearray(build_tcp(
            c.family, addr_pack(c.family, c.addr),
            addr_pack(c.family, c.dut_addr), c.port, c.dut_port, seg))
        self.tcp = 20 if c.family == 4 else 40
        self.write = c.bench.tun.write

    def put(self, at, octets):
        """Octets of the TCP header, an even number of them at an even
        place; the checksum follows."""
        raw, at = self.raw, self.tcp + at
        total = ~struct.unpack_from('!H', raw, self.tcp + 16)[0] & 0xffff
        for n in range(0, len(octets), 2):
            total += (~struct.unpack_from('!H', raw, at + n)[0] & 0xffff) + \
                (octets[n] << 8 | octets[n + 1])
        raw[at:at + len(octets)] = octets
        total = (total & 0xffff) + (total >> 16)
        total = (total & 0xffff) + (total >> 16)
        struct.pack_into('!H', raw, self.tcp + 16, ~total & 0xffff)

    def options(self, octets):
        self.put(20, octets)

    def send(self):
        self.write(bytes(self.raw))


def blobs():
    """40 octets of options, each pair of kind and length once; what follows
    is NOPs, as an option of the right length would leave it."""
    for kind in range(256):
        for size in LENGTHS:
            yield bytes([kind, size]) + b'\1' * 38
    for at in range(40):
        for kind in KINDS:
            for size in PLACED:
                yield (b'\1' * at + bytes([kind, size]) + b'\7' * 40)[:40]


def all_answered(c, count):
    """Each SYN got its SYN,ACK; nothing else came."""
    seen = 0
    while (got := c.bench.tun.read(time.monotonic() + 0.002)) is not None:
        parsed = parse_tcp(got[0])
        if parsed and parsed[0][4] == c.port:
            c.check(parsed[1].flags, 'SA', 'the answer')
            seen += 1
    c.check(seen, count, 'the number of SYN,ACKs')


@case('SEC-25 every kind and length on a SYN: it is answered, once',
      native='a signature that nobody expects is refused')
def _(c):
    c.knob('syncookies', 2)
    c.listen()
    packet = Packet(c, 'S', b'\1' * 40)
    count = 0
    for blob in blobs():
        packet.options(blob)
        packet.send()
        count += 1
        if count == 200:
            all_answered(c, count)
            count = 0
    all_answered(c, count)
    c.check([row for row in c.rows() if row[0] == c.dut_port and
             row[3] != 'LISTEN'], [], 'what is left')


def delivers(c, first, size):
    """Text with all the options, one octet a segment: all arrives."""
    packet = Packet(c, 'PA', first + b'\1' * (40 - len(first)), b'\1')
    seq, count = c.iss + c.nxt, 0
    for blob in blobs():
        if len(first):
            if TIMESTAMP in blob:	# a clock that jumps: PAWS
                continue
            blob = first + blob[:40 - len(first)]
        packet.options(blob)
        packet.put(4, struct.pack('!I', (seq + count) & 0xffffffff))
        packet.send()
        count += 1
        if count % size == 0:
            c.check(len(c.sock.recv(65536)), size, 'octets of %d' % count)
            while c.bench.receive(0):
                pass
            c.inbox.clear()
    if count % size:
        c.check(len(c.sock.recv(65536)), count % size, 'the last octets')
    return count


@case('SEC-25 every kind and length on data: all of them are delivered',
      native='a signature that nobody expects is refused')
def _(c):
    c.established()
    delivers(c, b'', 100)
    c.state('ESTABLISHED')


@case('SEC-25 the same behind timestamps, with SACK',
      native='a signature that nobody expects is refused')
def _(c):
    c.established(ts=True, sack=True)
    delivers(c, b'\1\1\10\12' + struct.pack('!II', c.ts_val, c.ts_recent),
             100)
    c.state('ESTABLISHED')


@case('SEC-25 a header that ends anywhere, and a packet that ends before it',
      native='not all of them are counted in InErrs')
def _(c):
    c.established()
    blob = b'\2\4\5\264\4\2\10\12\0\0\0\1\0\0\0\2\1\3\3\7\5\22' + bytes(16) + \
        b'\1\1'
    before = c.stack.counters()['InErrs']
    cut = 0
    for doff in range(16):
        for end in range(20, 62):
            if 5 <= doff <= end // 4:
                continue
            c.inject('PA', data=b'', opts=[('raw', blob)], doff=doff,
                     truncate=end, void=True)
            cut += 1
    c.silent()
    c.state('ESTABLISHED')
    c.check(c.stack.counters()['InErrs'] - before, cut, 'InErrs')
    c.recv_nothing()
    for doff in range(5, 16):		# options end where the data begin
        c.inject('PA', len=4, opts=[('raw', blob[:(doff - 5) * 4])])
        c.recv(4)
    c.collect()


@case('SEC-25 the last of two MSS and window scale options counts')
def _(c):
    c.listen()
    c.inject('S', seq=0, opts=[('raw', b'\2\4\2\130\2\4\3\350\3\3\2\3\3\1')])
    c.our_ws = 1
    c.expect('SA', seq=0, ack=1)
    c.inject('A')
    c.accept()
    c.send(2000)
    c.expect('A(P)', len=1000)
    c.expect('PA', len=1000)


@case('SEC-25 SACK options without a block, and twice',
      native='they count as duplicate ACKs')
def _(c):
    c.established(sack=True, rtt=0.03)
    c.send(3 * c.mss)
    c.take(3)
    base = c.dut_iss + 1 + c.mss
    block = struct.pack('!II', base & 0xffffffff,
                        (base + c.mss) & 0xffffffff)
    for opts in b'\5\2', b'\5\2\5\2', b'\1\5\2' + b'\5\12' + block, \
            b'\5\12' + block + b'\5\12' + block, b'\5\12' + block + b'\5\2':
        c.inject('A', ack=1, opts=[('raw', opts)])
    c.silent(0.001)
    c.state('ESTABLISHED')
    c.inject('A')


# -- RFC 5482: user timeout -----------------------------------------------------

@case('5482-1 the user timeout option is not sent, and one that comes ignored')
def _(c):
    c.listen()
    c.inject('S', seq=0, opts=[('raw', UTO + b'\2\4\5\264')])
    seg = c.expect('SA', seq=0, ack=1)
    c.check(seg.option('raw'), None, 'an option of the SYN,ACK')
    c.inject('A', opts=[('raw', UTO)])
    c.accept()
    for _ in range(3):
        c.inject('PA', len=10, opts=[('raw', UTO)])
        c.recv(10)
    c.collect()
    c.send(10)
    seg = c.expect('PA', len=10)
    c.check(seg.opts, [], 'options')
    for gap in 0.2, 0.4, 0.8, 1.6:		# it goes on after that second
        c.expect('PA', seq=1, len=10, within=gap * 2 + 1)
    c.state('ESTABLISHED')
    c.inject('A')
    c.send(10)
    c.expect('PA', len=10)


if __name__ == '__main__':
    main()
