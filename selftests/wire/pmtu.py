#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Path MTU: black holes and the search (RFC 4821), what ICMP says and for how
long, routes."""

import subprocess
import time

from harness import ANY, case, main

NO_SEARCH = 'it searches with a window of eleven segments or more'
MTU_DISCOVER = {4: (0, 10), 6: (41, 23)}
BELIEVES = 'it believes ICMP at once'


def virtual():
    """Time costs nothing: ten minutes are ten minutes."""
    with open('/proc/cmdline') as f:
        return 'time-travel' in f.read()


def patient(c):
    """Machines that are slow in real time shall not see a timeout."""
    if not virtual() and not c.stack.native:
        c.knob('rto_min_us', 3000000)


def payload(c, mtu):
    """Of a segment of this size."""
    return mtu - (40 if c.family == 4 else 60) - (12 if c.ts_on else 0)


def base(c):
    """Of a segment after the first sign of a black hole."""
    return 1024 if c.family == 4 else 1220


class Path:
    """A path that drops what is larger than its MTU and says nothing, and a
    peer behind it that acknowledges each segment which arrives."""

    def __init__(self, c, mtu):
        self.c, self.mtu = c, mtu
        self.have, self.pieces = 1, []
        self.passed = []		# bytes of each packet

    def take(self, s):
        left, right = self.c.rel(s)
        if len(s.raw_ip) > self.mtu:
            return False
        self.passed.append(len(s.raw_ip))
        self.pieces.append((left, right))
        for at, end in sorted(self.pieces):
            if at <= self.have < end:
                self.have = end
        self.pieces = [p for p in self.pieces if p[1] > self.have]
        return True

    def blocks(self, last):
        """SACK: the newest first, RFC 2018 4."""
        found = []
        for left, right in sorted(self.pieces):
            if found and left <= found[-1][1]:
                found[-1][1] = max(found[-1][1], right)
            else:
                found.append([left, right])
        found.sort(key=lambda b: not b[0] <= last < b[1])
        return [tuple(b) for b in found[:3]]

    def carry(self, end, timeout=30):
        """Until all below `end` has arrived."""
        c = self.c
        while self.have < end:
            s = c.pull(timeout)
            if s is None:
                c.fail('%d of %d bytes arrived' % (self.have, end))
            if self.take(c.seen(s)):
                c.inject('A', ack=self.have, sack=c.offer.get('sack') and
                         self.blocks(c.rel(s)[0]) or None)


def searching(c, more, **offer):
    """A connection that searches from its first segment on."""
    c.knob('mtu_probing', 2)
    c.knob('base_mss', base(c))
    patient(c)
    c.established(rtt=0.03 if offer.get('sack') else 0, **offer)
    c.setopt('SO_SNDBUF', 1000000)
    c.inject('A')
    c.send(more)
    return c


# -- black holes -----------------------------------------------------------

@case('4821-1 a full-sized segment that times out three times is made smaller',
      native='it does after four, and goes below 1280 with IPv6')
def _(c):
    c.knob('mtu_probing', 1)
    c.established()
    c.send(3 * c.mss)
    c.collect()
    with c.stack.counts(PMTUBlackHoles=2 if c.family == 4 else 1):
        for _ in range(2):
            c.expect('(P)A', seq=1, len=c.mss, within=9)
        c.expect('(P)A', seq=1, len=base(c), within=9)
        for _ in range(2):
            c.expect('(P)A', seq=1, len=512 if c.family == 4 else 1220,
                     within=9)
    c.inject('A', ack=1 + 3 * c.mss)


@case('4821-1 it is halved down to mtu_probe_floor', families=[4],
      native='it does one timeout later')
def _(c):
    c.knob('mtu_probing', 1)
    c.knob('base_mss', 800)
    c.knob('mtu_probe_floor', 150)
    c.established()
    c.send(c.mss)
    c.collect()
    for size in c.mss, c.mss, 800, 400, 200, 150, 150:
        c.expect('(P)A', seq=1, len=size, within=60)


@case('4821-1 small segments that time out are no black hole',
      native='it does not look at their size')
def _(c):
    c.knob('mtu_probing', 1)
    c.established()
    c.send(700)
    c.expect('PA', len=700)
    for _ in range(6):
        c.expect('PA', seq=1, len=700, within=30)
    c.inject('A')
    c.send(2 * c.mss)
    c.expect('(P)A', len=c.mss)


@case('4821-1 no search: mtu_probing is 0, or the program takes fragments',
      native='over IPv6 it searches all the same')
def _(c):
    for off in True, False:
        twin = c.sibling()
        c.knob('mtu_probing', 0 if off else 1)
        twin.established()
        if not off:
            twin.sock.setsockopt(*MTU_DISCOVER[c.family], 0)
        twin.send(c.mss)
        twin.collect()
        for _ in range(5):
            twin.expect('(P)A', seq=1, len=c.mss, within=30)


def through(c, mtu, size=400000, **offer):
    """All bytes arrive."""
    before = c.stack.counters()
    c.established(rtt=0.03 if offer.get('sack') else 0, **offer)
    c.setopt('SO_SNDBUF', 1000000)
    c.inject('A')
    c.send(size)
    path = Path(c, mtu)
    path.timeouts = before['TimeoutRexmt']
    path.carry(1 + size)
    return path


def largest(c, path, mtu):
    """The search came near to what passes, and waited for no timeout but
    the first three (a slow machine may have some of its own)."""
    if not mtu - 8 < max(path.passed) <= mtu:
        c.fail('the largest segment that passed has %d bytes' %
               max(path.passed))
    timeouts = c.stack.counters()['TimeoutRexmt'] - path.timeouts
    if timeouts > (3 if virtual() else 6):
        c.fail('%d timeouts' % timeouts)


@case('4821-1 a transfer through a black hole of 1400, without SACK',
      native='it has another search')
def _(c):
    c.knob('mtu_probing', 1)
    largest(c, through(c, 1400), 1400)


@case('4821-1 a transfer through a black hole of 1281, with SACK',
      native='it has another search')
def _(c):
    c.knob('mtu_probing', 1)
    largest(c, through(c, 1281, sack=True), 1281)


@case('4821-1 a transfer through a black hole of 1300, with all options',
      native='it has another search')
def _(c):
    c.knob('mtu_probing', 1)
    largest(c, through(c, 1300, sack=True, ts=True, ws=0), 1300)


@case('4821-1 a path that comes back whole has its full segments soon',
      native='it searches, too')
def _(c):
    c.knob('mtu_probing', 1)
    c.established()
    c.setopt('SO_SNDBUF', 1000000)
    c.inject('A')
    c.send(200000)
    c.collect()
    for _ in range(4):
        c.expect('(P)A', seq=1, len=ANY, within=30)
    path = Path(c, 1500)
    path.carry(200001)
    c.check(path.passed[-10:-1], [1500] * 9, 'the last segments')


# -- the search ------------------------------------------------------------

@case('4821-1 mtu_probing 2: a probe that arrives makes the segments larger',
      native=NO_SEARCH)
def _(c):
    searching(c, 40 * c.mss)
    first = c.collect()
    c.check([len(s.data) for s in first[:4]], [c.mss] + [base(c)] * 3,
            'the first segments')
    with c.stack.counts(MTUPSuccess=1, MTUPFail=0):
        c.inject('A', ack=c.rel(first[0])[1])
        c.inject('A')
        got = [len(s.data) for s in c.collect()]
    c.check(got[-4:], [c.mss] * 4, 'the segments that follow')


def lost_probe(c, sack):
    """The probe is lost, what is behind it arrives."""
    searching(c, 60 * c.mss, sack=sack)
    first = c.collect()
    c.check(len(first[0].data), c.mss, 'the probe')
    before = c.info()
    for s in first[1:4]:
        c.inject('A', ack=1, sack=[(c.rel(first[1])[0], c.rel(s)[1])]
                 if sack else None)
    begun = time.monotonic()
    more, at = [], 1
    while at < c.rel(first[0])[1]:
        more += c.take(1)
        left, right = c.rel(more[-1])
        if left == at:
            at = right
            c.check(len(more[-1].data) <= base(c), True, 'it is smaller')
    if time.monotonic() - begun > 0.05:
        c.fail('repaired after %.3f s' % (time.monotonic() - begun))
    for s in first[4:]:
        c.inject('A', ack=1, sack=[(c.rel(first[1])[0], c.rel(s)[1])]
                 if sack else None)
    c.collect()
    return before


for sack in False, True:
    @case('4821-2 a lost probe is repaired at once, the window stays%s' % (
          ', with SACK' if sack else ''), native=NO_SEARCH)
    def _(c, sack=sack):
        with c.stack.counts(MTUPFail=1, MTUPSuccess=0, TimeoutRexmt=0,
                            PMTUBlackHoles=0):
            before = lost_probe(c, sack)
            c.inject('A')
            c.collect()
        after = c.info()
        c.check(after['snd_ssthresh'], before['snd_ssthresh'], 'ssthresh')
        if after['snd_cwnd'] < before['snd_cwnd']:
            c.fail('cwnd fell from %d to %d' % (before['snd_cwnd'],
                                                after['snd_cwnd']))


@case('4821-2 another loss beside the probe is congestion', native=NO_SEARCH)
def _(c):
    searching(c, 60 * c.mss, sack=True)
    first = c.collect()
    before = c.info()
    # The probe and the third segment.
    for n in 3, 4, 5:
        c.inject('A', ack=1, sack=[(c.rel(first[3])[0], c.rel(first[n])[1]),
                                   c.rel(first[1])])
    c.collect()
    after = c.info()
    if after['snd_ssthresh'] >= before['snd_cwnd']:
        c.fail('ssthresh is %d' % after['snd_ssthresh'])


@case('4821-2 a probe that times out is not tried again', native=NO_SEARCH)
def _(c):
    searching(c, 30 * c.mss)
    c.collect()
    with c.stack.counts(MTUPFail=1, PMTUBlackHoles=0):
        c.expect('(P)A', seq=1, len=base(c), within=5)
    Path(c, 1500).carry(1 + base(c))


@case('4821-1 no probe without data behind it', native=NO_SEARCH)
def _(c):
    searching(c, 3 * c.mss)
    got = [len(s.data) for s in c.collect()]
    if max(got) > base(c):
        c.fail('segments of %s' % got)


@case('4821-1 1191-5 the search begins again after probe_interval',
      native=NO_SEARCH)
def _(c):
    wait = 600
    if not virtual():
        c.knob('probe_interval', wait := 3)
    c.knob('mtu_probing', 1)
    path = through(c, 1300, sack=True)
    largest(c, path, 1300)
    at = 400001
    begun = time.monotonic()
    path.mtu = 1500
    for when in (0, wait * 0.9) if virtual() else ():
        c.silent(begun + when + 0.05 - time.monotonic())
        c.send(60000)
        path.carry(at := at + 60000)
        if max(path.passed) > 1300:
            c.fail('a segment of %d after %d s' % (
                max(path.passed), time.monotonic() - begun))
    c.silent(begun + wait + 1 - time.monotonic())
    c.send(100000)
    path.carry(at + 100000)
    c.check(max(path.passed), 1500, 'the largest segment')


# -- what ICMP says --------------------------------------------------------

@case('1191-5 what ICMP says holds for ten minutes',
      native='longer, over IPv6')
def _(c):
    wait = 600
    if not virtual():
        c.knob('ipv%d/route/mtu_expires' % c.family, wait := 4)
    c.established()
    c.send(3 * c.mss)
    c.quoted = c.collect()[0].raw_ip
    c.too_big(1300)
    begun = time.monotonic()
    c.collect()
    c.inject('A')
    for when in 0.01, wait * 0.5, wait * 0.9:
        c.silent(begun + when - time.monotonic())
        c.send(2 * c.mss)
        c.check(max(len(s.data) for s in c.collect()), payload(c, 1300),
                'the segments')
        c.inject('A')
    c.silent(begun + wait * 1.05 + 2 - time.monotonic())
    c.send(2 * c.mss)
    c.check(max(len(s.data) for s in c.collect()), c.mss, 'the segments')


def arriving(c):
    """Full-sized segments arrive, and some are in flight."""
    patient(c)
    c.established()
    c.send(5 * c.mss)
    c.collect()
    c.inject('A')
    c.send(5 * c.mss)
    c.quoted = c.collect()[0].raw_ip
    return c


def route_mtu(c):
    """What the route has learnt."""
    text = subprocess.run(['ip', 'route', 'get', c.addr], check=True,
                          text=True, stdout=subprocess.PIPE).stdout.split()
    return int(text[text.index('mtu') + 1]) if 'mtu' in text else None


@case('5927-3 ICMP about a size that arrives changes nothing',
      native=BELIEVES)
def _(c):
    arriving(c)
    with c.stack.counts(PMTUUpdates=0, PMTUDelayed=10):
        for n in range(10):
            c.too_big(1280 + n)
        c.silent(0.05)
    c.check(route_mtu(c), None, "the route's MTU")
    for _ in range(5):
        c.inject('A')
        c.send(4 * c.mss)
        c.check([len(s.data) for s in c.collect()], [c.mss] * 4,
                'the segments')
        c.too_big(1280)
        c.silent()


@case('5927-3 5927-1 ICMP is believed when the segment times out as well',
      native=BELIEVES)
def _(c):
    arriving(c)
    c.too_big(1300)
    c.silent()
    with c.stack.counts(PMTUUpdates=1, TimeoutRexmt=1):
        c.expect('(P)A', seq=1 + 5 * c.mss, len=payload(c, 1300), within=5)
    c.inject('A', ack=1 + 10 * c.mss)
    c.collect()
    c.send(3000)
    c.expect('(P)A', len=payload(c, 1300))


@case('5927-3 ICMP about segments that are smaller changes nothing',
      native='it does not look at the size')
def _(c):
    c.established()
    c.send(700)
    c.expect('PA', len=700)
    with c.stack.counts(PMTUUpdates=0, PMTUIgnored=1):
        c.too_big(1300)
        c.silent()
    c.inject('A')
    c.send(2 * c.mss)
    c.expect('(P)A', len=c.mss)


@case('5927-3 the search undoes what a forger has lowered',
      native=NO_SEARCH)
def _(c):
    wait = 600
    if not virtual():
        c.knob('ipv%d/route/mtu_expires' % c.family, wait := 4)
    c.established()
    c.send(5 * c.mss)
    c.quoted = c.collect()[0].raw_ip
    c.too_big(1280)		# early enough to be believed
    c.expect('(P)A', seq=1, len=payload(c, 1280), between=(0, 0.1))
    c.collect()
    c.inject('A', ack=1 + 5 * c.mss)
    c.silent(wait + 3)
    c.send(2 * c.mss)
    c.expect('(P)A', len=c.mss)


# -- routes ----------------------------------------------------------------

def route(c, what, rest=''):
    c.command('ip route %s %s/%d dev tun0 %s' % (
        what, c.addr, 32 if c.family == 4 else 128, rest))


@case('SHLD-6 a route takes less than its device')
def _(c):
    route(c, 'add', 'mtu 1300')
    try:
        c.connect()
        c.expect('S')
        c.inject('SA')
        c.expect('A')
        c.send(3000)
        got = [len(s.data) for s in c.collect()]
        c.check(max(got), payload(c, 1300), 'the segments')
    finally:
        route(c, 'del')


@case('SHLD-6 the smallest MTU when it varies: a route changes under way')
def _(c):
    c.established()
    c.send(2 * c.mss)
    c.collect()
    c.inject('A')
    route(c, 'add', 'mtu 1300')
    try:
        for mtu in 1300, 1290, 1400:
            route(c, 'change', 'mtu %d' % mtu)
            for _ in range(2):
                c.send(3000)
                got = [len(s.data) for s in c.collect()]
                c.inject('A')
            c.check(max(got), payload(c, mtu), 'the segments')
    finally:
        route(c, 'del')
    for _ in range(2):
        c.send(3000)
        got = [len(s.data) for s in c.collect()]
        c.inject('A')
    c.check(max(got), c.mss, 'the segments')


@case('SHLD-6 the smallest MTU when it varies: no segment is larger',
      native='the first after the change is')
def _(c):
    c.established()
    c.command('ip link set tun0 mtu 1400')
    try:
        c.send(5 * c.mss)
        got = [len(s.data) for s in c.collect()]
        c.check(max(got), payload(c, 1400), 'the segments')
        c.inject('A')
    finally:
        c.command('ip link set tun0 mtu 1500')
    c.send(5 * c.mss)
    c.collect()
    c.inject('A')
    c.send(5 * c.mss)
    c.check(max(len(s.data) for s in c.collect()), c.mss, 'the segments')


@case('SHLD-6 what a smaller route cannot take is repeated in what it can',
      native='it depends on ICMP to itself')
def _(c):
    patient(c)
    c.established()
    c.send(3 * c.mss)
    c.collect()
    route(c, 'add', 'mtu 1300')
    try:
        c.expect('(P)A', seq=1, len=payload(c, 1300), within=5)
        c.inject('A', ack=1 + 3 * c.mss)
    finally:
        route(c, 'del')


if __name__ == '__main__':
    main()
