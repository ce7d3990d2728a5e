#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What comes in is not always one segment in one piece with a checksum to
look at: fragments of skbs and of IP, padding, extension headers, offloads,
and skbs that others look at as well."""

import contextlib
import os
import socket
import struct
import subprocess

from codec import checksum, seq_diff
from flight import sender
from harness import case, main
from tun import VNET, VNET_NEEDS_CSUM, Tap

NOPS = [('nop',)] * 40
ETH_P_ALL = 3


class Sink:
    """Where packets go that are to be changed first."""

    def __init__(self):
        self.packets = []

    def write(self, packet, gso=None):
        self.packets.append(packet)


@contextlib.contextmanager
def held(c):
    keep, c.bench.tun = c.bench.tun, Sink()
    try:
        yield c.bench.tun.packets
    finally:
        c.bench.tun = keep


def segment(c, flags='PA', **what):
    """A segment as a packet, in the books unless void."""
    with held(c) as packets:
        c.inject(flags, **what)
    return packets[0]


def arrives(c, change, size=10):
    """Ten bytes, as change() has them, are delivered."""
    for packet in change(segment(c, len=size)):
        c.bench.tun.write(packet)
    c.expect('A')
    c.recv(size)


def is_dropped(c, change, size=10):
    for packet in change(segment(c, len=size, void=True)):
        c.bench.tun.write(packet)
    c.silent()
    c.recv_nothing()


@contextlib.contextmanager
def tap(c, **what):
    """The peer of this case is on an Ethernet."""
    keep, c.bench.tun = c.bench.tun, Tap(**what)
    try:
        c.command('ip route add %s/%d dev tap0' % (
            c.addr, 32 if c.family == 4 else 128))
        yield c.bench.tun
    finally:
        c.bench.tun.close()
        c.bench.tun = keep


def head(c):
    return 20 if c.family == 4 else 40


# -- skbs in fragments, frames with padding --------------------------------

def split_everywhere(c, gro):
    with tap(c, frags=True) as t:
        if not gro:
            c.command('ethtool -K tap0 gro off')
        c.established()
        for at in range(0, 61):
            t.cuts = [head(c) + at]
            c.inject('PA', len=10, opts=NOPS)
            c.expect('A')
            c.recv(10)
        for first in range(0, 60, 7):
            for second in range(first + 1, 60, 11):
                t.cuts = [head(c) + first, head(c) + second]
                c.inject('PA', len=10, opts=NOPS)
                c.expect('A')
                c.recv(10)
        t.cuts = []
        c.send(100)
        c.expect('PA', len=100)


@case('ING-01 a TCP header that is split at each of 60 offsets')
def _(c):
    split_everywhere(c, True)


@case('ING-01 a TCP header that is split at each of 60 offsets, without GRO')
def _(c):
    split_everywhere(c, False)


@case('ING-01 each octet of both headers in a fragment of its own')
def _(c):
    with tap(c, frags=True) as t:
        c.established()
        for at in range(0, head(c) + 20, 12):
            t.cuts = list(range(at or 1, at + 13))
            c.inject('PA', len=300)
            c.expect('A')
            c.recv(300)


@case('ING-01 a split header that is cut short or too long is dropped')
def _(c):
    with tap(c, frags=True) as t:
        c.established()
        for doff in 4, 15:
            t.cuts = [head(c) + 13]
            c.inject('PA', len=10, void=True, doff=doff)
            c.silent()
        for size in 1, 12, 19:
            t.cuts = [head(c)]
            c.inject('PA', len=10, void=True, truncate=size)
            c.silent()
        c.recv_nothing()
        t.cuts = []
        c.inject('PA', len=10)
        c.expect('A')
        c.recv(10)


@case('ING-03 the padding of a frame is not delivered')
def _(c):
    for frags in False, True:
        twin = c.sibling()
        with tap(twin, frags=frags) as t:
            twin.established()
            for size in 1, 5, 6, 10, 100:
                for padding in 1, 6, 46, 400:
                    t.trailer = b'\xee' * padding
                    t.cuts = [head(c) + 20 + size] if frags else []
                    twin.inject('PA', len=size)
                    twin.expect('A')
                    twin.recv(size)
            t.trailer, t.cuts = b'\xee' * 6, []
            twin.send(10)
            twin.expect('PA', len=10)
            twin.inject('A')
            twin.silent()
            twin.recv_nothing()
            twin.inject('FA')
            twin.expect('A')
            twin.recv_eof()


@case('1122-2 a segment in a broadcast or multicast frame is ignored')
def _(c):
    for mac in 'ffffffffffff', '01005e000001', '333300000001':
        twin = c.sibling()
        with tap(twin) as t:
            twin.dut_port = None
            twin.listen()
            t.to = bytes.fromhex(mac)
            twin.inject('S', seq=0, void=True)
            twin.silent()
            twin.inject('A', seq=0, ack=0, void=True)
            twin.silent()
            t.to = t.dut_mac
            twin.inject('S', seq=0)
            twin.expect('SA', seq=0, ack=1)
            twin.inject('A')
            twin.accept()
            t.to = bytes.fromhex(mac)
            twin.inject('PA', len=10, void=True)
            twin.silent()
            twin.recv_nothing()


# -- checksums -------------------------------------------------------------

def raw(c, packet, flags=0, start=0):
    """With this virtio-net header."""
    os.write(c.bench.tun.fd, struct.pack(VNET, flags, 0, 0, 0, start, 16) +
             packet)


def spoil(c, packet):
    at = head(c) + 16
    return packet[:at] + bytes([packet[at] ^ 0x55]) + packet[at + 1:]


def with_flags(c, flags, spoilt):
    packet = segment(c, len=10)
    raw(c, spoil(c, packet) if spoilt else packet, flags, head(c))
    c.expect('A')
    c.recv(10)


def refused(c):
    """Nothing vouches for a wrong checksum: the segment is not taken."""
    before = c.stack.counters()['InCsumErrors']
    packet = segment(c, len=10, void=True)
    raw(c, spoil(c, packet))
    c.silent()
    c.recv_nothing()
    c.check(c.stack.counters()['InCsumErrors'], before + 1, 'InCsumErrors')


@case('ING-05 CHECKSUM_NONE: a wrong checksum is refused, a right one not')
def _(c):
    c.established()
    with_flags(c, 0, False)
    refused(c)
    with_flags(c, 0, False)


@case('ING-05 CHECKSUM_PARTIAL: from a local sender, nothing to check')
def _(c):
    c.established()
    for spoilt in False, True:
        with_flags(c, VNET_NEEDS_CSUM, spoilt)
    refused(c)


@case('ING-05 CHECKSUM_UNNECESSARY: GRO or the device has checked it')
def _(c):
    with tap(c, frags=True) as t:
        c.established()
        for _ in range(3):
            c.inject('PA', len=10)
            c.expect('A')
            c.recv(10)
            before = c.stack.counters()['InCsumErrors']
            t.write(spoil(c, segment(c, len=10, void=True)))
            c.silent()
            c.recv_nothing()
            c.check(c.stack.counters()['InCsumErrors'], before + 1,
                    'InCsumErrors')


@case('ING-05 CHECKSUM_COMPLETE: a sum that conntrack made is looked at')
def _(c):
    c.command('nft add table inet sums')
    try:
        c.command('nft add chain inet sums in '
                  '{ type filter hook prerouting priority 0 ; }')
        c.command('nft add rule inet sums in ct state invalid counter')
        c.established()
        with_flags(c, 0, False)
        refused(c)
        with_flags(c, 0, False)
        text = subprocess.run(['nft', 'list', 'table', 'inet', 'sums'],
                              check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        if 'packets 1 ' not in text:
            c.fail('conntrack did not look at it: ' + text)
    finally:
        c.command('nft delete table inet sums')


# -- others look, too ------------------------------------------------------

class Recorder:
    """Remembers what passes the device."""

    def __init__(self, tun):
        self.tun, self.fd = tun, tun.fd
        self.wrote, self.got = [], []

    def write(self, packet, gso=None):
        self.wrote.append(packet)
        self.tun.write(packet, gso)

    def read(self, deadline):
        got = self.tun.read(deadline)
        if got:
            self.got.append(got[0])
        return got


def listen_on(dev):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                      socket.htons(ETH_P_ALL))
    s.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)	# SO_RCVBUFFORCE
    s.bind((dev, ETH_P_ALL))
    s.setblocking(False)
    return s


def heard(s):
    """TCP only: IPv6 has something to say of its own."""
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            data = s.recv(70000)
            if (data[9] if data[0] >> 4 == 4 else data[6]) == 6:
                found.append(data)
    return found


def streams(c, packets):
    """How many octets of the program's stream they have, all right."""
    seen = set()
    for packet in packets:
        tcp = packet[head(c):]
        at = seq_diff(struct.unpack('!I', tcp[4:8])[0], c.dut_iss) - 1
        data = tcp[(tcp[12] >> 4) * 4:]
        if data and data != bytes(c.stream[at:at + len(data)]):
            c.fail('other octets at %d' % at)
        seen.update(range(at, at + len(data)))
    return len(seen)


def busy(c):
    """Text in any order, overlaps, retransmissions, urgent data, a FIN."""
    sender(c, 10, 20, sack=True)
    for n in 2, 3, 4:
        c.inject('A', ack=1, sack=[(1 + c.size, 1 + n * c.size)])
    c.collect()
    c.inject('A')
    c.collect()
    for at, size in ((3000, 1000), (1001, 999), (2000, 1500), (1, 1200),
                     (4000, 100), (100, 300)):
        c.inject('PA', seq=at, len=size)
        c.collect()
    c.recv(4099)
    c.inject('FA', len=10)
    c.collect()
    c.recv(10)
    c.recv_eof()
    c.shutdown()
    c.collect()


@case('ING-06 a packet socket and a mirror see what was sent, unchanged')
def _(c):
    c.command('ip link add dummy9 type dummy')
    keep = c.bench.tun
    try:
        c.command('ip link set dummy9 mtu 9000 up')
        c.command('tc qdisc add dev tun0 clsact')
        for where in 'ingress', 'egress':
            c.command('tc filter add dev tun0 %s matchall action '
                      'mirred egress mirror dev dummy9' % where)
        with listen_on('tun0') as direct, listen_on('dummy9') as mirror:
            c.bench.tun = recorder = Recorder(keep)
            busy(c)
            seen, mirrored = heard(direct), heard(mirror)
        ours = recorder.wrote + recorder.got
        c.check(len(ours) > 45, True, 'many segments')
        if sorted(seen) != sorted(ours):
            c.fail('%d segments seen, of %d, or other ones' % (
                len(seen), len(ours)))
        c.check([p for p in recorder.wrote if p not in mirrored], [],
                'what the mirror lacks of the peer')
        # What is sent passes it in larger pieces, without checksums yet.
        c.check(streams(c, [p for p in mirrored if p not in recorder.wrote]),
                len(c.stream), 'the octets of the program in the mirror')
    finally:
        c.bench.tun = keep
        c.command('tc qdisc del dev tun0 clsact')
        c.command('ip link del dummy9')


# -- extension headers -----------------------------------------------------

HBH, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60
PADDING = b'\0\0\1\4\0\0\0\0'


def extended(*headers):
    """IPv6 extension headers, each (type, bytes), in front of TCP."""
    def change(packet):
        kinds = [kind for kind, _ in headers] + [6]
        extra = b''.join(bytes([following]) + body[1:] for (_, body), following
                         in zip(headers, kinds[1:]))
        return [packet[:4] + struct.pack('!HB', len(packet) - 40 + len(extra),
                                         kinds[0]) +
                packet[7:40] + extra + packet[40:]]
    return change


def atomic(c):
    return FRAGMENT, struct.pack('!BBHI', 0, 0, 0, c.random.getrandbits(32))


@case('ING-07 extension headers: the text behind them is delivered', [6])
def _(c):
    c.established()
    for headers in ([(HBH, PADDING)], [(DESTINATION, PADDING)],
                    [(ROUTING, bytes(8))], [atomic(c)],
                    [(HBH, PADDING), (DESTINATION, PADDING),
                     (ROUTING, bytes(8)), atomic(c), (DESTINATION, PADDING)],
                    [(DESTINATION, b'\0\1\x1e\x0c' + bytes(12))],
                    [(DESTINATION, b'\0\x20\x1e\xff' + bytes(255) +
                      b'\1\3' + bytes(3))]):
        arrives(c, extended(*headers))


@case('ING-07 extension headers, 9 and 50 deep', [6])
def _(c):
    c.established()
    for depth in 9, 50:
        arrives(c, extended(*[(DESTINATION, PADDING)] * depth))
    arrives(c, extended((HBH, PADDING), *[(ROUTING, bytes(8)),
                                          (DESTINATION, PADDING)] * 6))


@case('ING-07 extension headers that must not be taken: dropped', [6])
def _(c):
    c.established()
    for headers in ([(DESTINATION, b'\0\0\x80\4\0\0\0\0')],
                    [(DESTINATION, PADDING), (HBH, PADDING)],
                    [(ROUTING, b'\0\2\0\1' + bytes(20))],
                    [(253, PADDING)],
                    [(DESTINATION, b'\0\xff\1\4\0\0\0\0')]):
        is_dropped(c, extended(*headers))
    c.inject('PA', len=10)
    c.expect('A')
    c.recv(10)


@case('ING-07 a jumbogram that is none is dropped', [6])
def _(c):
    c.established()

    def jumbo(packet):
        packet, = extended((HBH, b'\0\0\xc2\4' +
                            struct.pack('!I', len(packet) - 32)))(packet)
        return [packet[:4] + b'\0\0' + packet[6:]]
    is_dropped(c, jumbo)
    c.inject('PA', len=10)
    c.expect('A')
    c.recv(10)


@case('ING-07 options of IPv4 up to 40 octets, and the offset behind them',
      [4])
def _(c):
    c.established()
    for size in range(4, 41, 4):
        def change(packet, size=size):
            top = bytes([0x45 + size // 4, packet[1]]) + struct.pack(
                '!H', len(packet) + size) + packet[4:10] + b'\0\0' + \
                packet[12:20] + b'\1' * size
            return [top[:10] + struct.pack('!H', checksum(top)) + top[12:] +
                    packet[20:]]
        arrives(c, change)


# -- fragments of IP -------------------------------------------------------

def fragment(packet, number, at, end):
    """Octets at..end of its payload."""
    more = end < len(packet) - (20 if packet[0] >> 4 == 4 else 40)
    if packet[0] >> 4 == 4:
        top = packet[:2] + struct.pack(
            '!HHH', 20 + end - at, number, at // 8 | more << 13) + \
            packet[8:10] + b'\0\0' + packet[12:20]
        return top[:10] + struct.pack('!H', checksum(top)) + top[12:] + \
            packet[20 + at:20 + end]
    return packet[:4] + struct.pack('!HB', 8 + end - at, FRAGMENT) + \
        packet[7:40] + struct.pack('!BBHI', 6, 0, at | more, number) + \
        packet[40 + at:40 + end]


def pieces(c, size, order=None):
    """All of a packet in fragments of this size, but that the first has all
    headers with IPv6 (RFC 7112)."""
    def change(packet):
        length = len(packet) - head(c)
        number = c.random.getrandbits(16)
        first = max(size, 24) if c.family == 6 else size
        found = [fragment(packet, number, 0, first)] + [
            fragment(packet, number, at, min(at + size, length))
            for at in range(first, length, size)]
        if order:
            order(found)
        return found
    return change


def overlap(packet):
    """The second contradicts the first."""
    length = len(packet) - (20 if packet[0] >> 4 == 4 else 40)
    forged = packet[:-30] + b'\xee' * 30
    return [fragment(packet, 77, 0, 32), fragment(forged, 77, 24, length),
            fragment(packet, 77, 32, length)]


@case('SEC-06 ING-07 a segment in fragments of 8 octets is taken once')
def _(c):
    c.established()
    for size in 8, 16, 24, 504:
        for order in None, list.reverse, c.random.shuffle:
            arrives(c, pieces(c, size, order), 1200)
    c.recv_nothing()


@case('SEC-06 fragments that overlap or are not complete: nothing is taken')
def _(c):
    c.established()
    is_dropped(c, overlap, 100)
    is_dropped(c, lambda p: pieces(c, 8)(p)[1:], 100)
    is_dropped(c, lambda p: pieces(c, 8)(p)[:-1], 100)
    arrives(c, pieces(c, 8), 100)


def fragment_memory(c):
    with open('/proc/net/sockstat%s' % ('6' if c.family == 6 else '')) as f:
        for line in f:
            if line.startswith('FRAG'):
                return int(line.split()[4])
    return None


def high_threshold(c):
    with open('/proc/sys/net/ipv%d/ip%sfrag_high_thresh' % (
            c.family, '6' if c.family == 6 else '')) as f:
        return int(f.read())


@case('SEC-06 a flood of fragments costs no more than IP allows')
def _(c):
    c.established()
    packet = segment(c, len=1400, void=True)
    most = 0
    for number in range(4000):
        c.bench.tun.write(fragment(packet, number, 0, 1208))
        if number % 100 == 0:
            most = max(most, fragment_memory(c))
    if not 1 << 20 < most <= high_threshold(c) + 65536:
        c.fail('%d bytes of %d' % (most, high_threshold(c)))
    c.silent()
    c.recv_nothing()
    c.inject('PA', len=10)
    c.expect('A')
    c.recv(10)


# -- early demultiplexing --------------------------------------------------


@case('API-14 the connection is found before IP looks for a route',
      native='native TCP does not count it')
def _(c):
    c.established()
    for ip, tcp, count in (1, 1, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1):
        c.knob('ipv4/ip_early_demux', ip)
        c.knob('ipv4/tcp_early_demux', tcp)
        with c.stack.counts(EarlyDemux=count):
            c.inject('PA', len=10)
            c.expect('A')
    c.recv(40)
    c.close()
    c.expect('FA')
    with c.stack.counts(EarlyDemux=1):
        c.inject('FA')
        c.expect('A')
    with c.stack.counts(EarlyDemux=0):		# a TIME-WAIT block now
        c.inject('FA', seq=c.nxt - 1)
        c.expect('A')


@case('API-14 a socket that is connected anew is not found by its old segments',
      native='native TCP does not count it')
def _(c):
    c.established()
    c.inject('PA', len=10)
    c.expect('A')
    c.disconnect()
    c.expect('RA')
    with c.stack.counts(EarlyDemux=0):
        c.inject('PA', len=10, void=True)
        c.collect(0.01)
    c.forget()
    c.connect()
    c.expect('S', seq=0)
    with c.stack.counts(EarlyDemux=1):
        c.inject('SA')
        c.expect('A')


if __name__ == '__main__':
    main()
