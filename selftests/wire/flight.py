# SPDX-License-Identifier: GPL-2.0
"""A flight of segments to lose, and segments by the thousand."""

import contextlib

from codec import Segment, addr_pack, build_tcp
from harness import cycles


def sender(c, segments=10, more=0, mss=1000, **offer):
    """A flight of full segments, and so much waiting. With SACK a round trip
    is long enough that no tail loss probe gets in the way."""
    c.established(mss=mss, rtt=0.03 if offer.get('sack') else 0, **offer)
    c.setopt('SO_SNDBUF', 500000)
    c.inject('A')
    c.size = mss - (12 if offer.get('ts') else 0)
    c.send((segments + more) * c.size)
    got = c.take(segments)
    c.check([len(s.data) for s in got], [c.size] * segments, 'the flight')
    return c


def seg(c, n):
    """The sequence number of the n-th segment."""
    return 1 + n * c.size


def again(c, n, **keywords):
    c.expect('(P)A', seq=seg(c, n), len=c.size, **keywords)


def sacked(c, *pairs, ack=0):
    """An ACK of `ack` segments that reports pairs of segment numbers."""
    c.inject('A', ack=seg(c, ack),
             sack=[(seg(c, a), seg(c, b)) for a, b in pairs])


def numbers(c, segments):
    """Which segments of the flight these are."""
    return [(c.rel(s)[0] - 1) // c.size for s in segments]


def packet(c, seq=None, ack=0, sack=None, data=b''):
    """A segment ready for the device, not taken into the books."""
    s = Segment('A', c.iss + (c.nxt if seq is None else seq),
                c.dut_iss + ack, c.win, 0,
                c.auto_options('A', sack, None), data)
    return build_tcp(c.family, addr_pack(c.family, c.addr),
                     addr_pack(c.family, c.dut_addr), c.port, c.dut_port, s)


def drain(c):
    """What came is not looked at."""
    while c.bench.receive(0):
        c.inbox.clear()
    c.inbox.clear()


@contextlib.contextmanager
def deaf(c):
    """Nobody listens: what the stack sends is dropped by the device."""
    c.command('ip link set tun0 txqueuelen 1')
    try:
        yield
    finally:
        c.command('ip link set tun0 txqueuelen 5000')
        drain(c)


def cost(c, packets, batch):
    """Cycles a packet in the best batches, first and last half."""
    found = []
    for i in range(0, len(packets), batch):
        begun = cycles()
        for raw in packets[i:i + batch]:
            c.bench.tun.write(raw)
        found.append((cycles() - begun) / len(packets[i:i + batch]))
        drain(c)
    half = len(found) // 2
    return min(found[:half]), min(found[half:])
