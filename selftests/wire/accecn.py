#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""More Accurate ECN Feedback (RFC 9768) and Prague (RFC 9331).

N, C and E in flags are AE, CWR and ECE; ace() makes them of a number and ace_of
a number of them.
"""

import socket
import struct

from flight import seg
from harness import case, main
from tfo import serve

NOT_ECT, ECT1, ECT0, CE = 0, 1, 2, 3
SIZE = 1000
TCP_CC_INFO = 26
WHY = 'it came to native TCP with Linux 6.18'
# What tells of a SYN's mark, and what of the first packets with CE.
TOLD = {NOT_ECT: 2, ECT1: 3, ECT0: 4, CE: 6}
INIT = 5
INITIAL = {'e0': 1, 'ce': 0, 'e1': 1}	# the option of a handshake


def ace(number):
    return ''.join(x for bit, x in ((4, 'N'), (2, 'C'), (1, 'E'))
                   if number & bit)


def ace_of(segment):
    return sum(bit for bit, x in ((4, 'N'), (2, 'C'), (1, 'E'))
               if segment.has(x))


def use(c, knob=3):
    with open(c.stack.knob('ecn')) as f:
        if int(f.read()) != knob:
            c.knob('ecn', knob)
    return c


def asking(c, answer='SAC', tos=NOT_ECT, then=None, **offer):
    """Active open; the peer's SYN-ACK and the mark that it arrives with."""
    use(c).peer(**offer)
    c.connect()
    c.expect('SNCE', seq=0, tos=0)
    c.inject(answer, tos=tos)
    c.expect('A' + (ace(TOLD[tos]) if then is None else then), tos=0)
    return c


def asked(c, flags='SNCE', answer='SAC', tos=NOT_ECT, final='AC', **offer):
    """Passive open; final: the ACK that ends the handshake."""
    use(c).peer(**offer)
    c.listen()
    c.inject(flags, seq=0, tos=tos)
    c.expect(answer, seq=0, ack=1, tos=0)
    c.inject(final)
    c.accept()
    return c


def goes_out(c, tos, number=INIT):
    c.send(10)
    c.expect('PA' + ace(number), len=10, tos=tos)
    c.inject('A' + ace(INIT))


def option(s):
    """{'ce': bytes, 'e0':, 'e1':} of the AccECN option of a segment."""
    for name, *args in s.opts:
        if name == 'raw' and args[0][0] in (172, 174):
            names = ['e0', 'ce', 'e1'][::1 if args[0][0] == 172 else -1]
            return {name: int.from_bytes(args[0][i:i + 3], 'big')
                    for name, i in zip(names, range(2, len(args[0]), 3))}
    return None


def counters(kind=172, **values):
    """That option, to be injected."""
    names = ['e0', 'ce', 'e1'] if kind == 172 else ['e1', 'ce', 'e0']
    body = b''.join((values[n] & 0xffffff).to_bytes(3, 'big')
                    for n in names if n in values)
    return [('raw', bytes([1, kind, 2 + len(body)]) + body)]


# -- the handshake ---------------------------------------------------------


@case('9768-1 9768-4 the SYN asks, the SYN-ACK agrees', native=WHY)
def _(c):
    goes_out(asking(c), ECT0)


@case('9768-1 9768-4 the mark of the SYN-ACK is told by the first ACK',
      native=WHY)
def _(c):
    for mark in TOLD:
        twin = asking(c.sibling(), tos=mark)
        goes_out(twin, ECT0, INIT + (mark == CE))


@case('9768-1 a SYN that arrived marked: feedback goes on, no ECT',
      native=WHY)
def _(c):
    for mark in ECT1, ECT0, CE:
        twin = asking(c.sibling(), answer='SA' + ace(TOLD[mark]))
        goes_out(twin, NOT_ECT)
        twin.inject('PA' + ace(INIT), len=10, tos=CE)
        twin.expect('A' + ace(INIT + 1))


@case('9768-1 101 in the SYN-ACK is for the future: agreed', native=WHY)
def _(c):
    goes_out(asking(c, answer='SAN' + 'E'), ECT0)


@case('9768-1 the SYN-ACK of classic ECN', native=WHY)
def _(c):
    asking(c, answer='SAE', then='')
    goes_out(c, ECT0, 0)
    c.inject('PA', len=10, tos=CE)
    c.expect('AE')
    c.inject('PA', len=10)
    c.expect('AE')


@case('9768-1 the SYN-ACK without, and one that reflects the SYN', native=WHY)
def _(c):
    for answer in 'SA', 'SANCE':
        goes_out(asking(c.sibling(), answer=answer, then=''), NOT_ECT, 0)


@case('9768-1 9768-2 passive: the mark of the SYN is told by the SYN-ACK',
      native=WHY)
def _(c):
    for mark in TOLD:
        twin = asked(c.sibling(), answer='SA' + ace(TOLD[mark]), tos=mark)
        goes_out(twin, ECT0)


@case('9768-2 passive: combinations for the future are agreed on', native=WHY)
def _(c):
    for flags in 'SE', 'SC', 'SN', 'SNE', 'SNC':
        goes_out(asked(c.sibling(), flags), ECT0)


@case('9768-2 passive: classic ECN is answered as such, and none', native=WHY)
def _(c):
    goes_out(asked(c.sibling(), 'SCE', 'SAE', final='A'), ECT0, 0)
    goes_out(asked(c.sibling(), 'S', 'SA', final='A'), NOT_ECT, 0)


@case('9768-2 9768-8 the knob: what is asked for, what is accepted',
      native=WHY)
def _(c):
    for knob, syn, answer in ((0, 'S', 'SA'), (1, 'SCE', 'SAE'),
                              (2, 'S', 'SAE'), (3, 'SNCE', 'SAC'),
                              (4, 'SCE', 'SAC'), (5, 'S', 'SAC')):
        twin = use(c.sibling(), knob)
        twin.connect()
        twin.expect(syn, seq=0)
        twin.abort()
        twin.finish()
        twin = use(c.sibling(), knob)
        twin.listen()
        twin.inject('SNCE', seq=0)
        twin.expect(answer, seq=0, ack=1)


@case('9768-5 passive: an ACK without a number: no ECT, feedback goes on',
      native=WHY)
def _(c):
    asked(c, final='A')
    goes_out(c, NOT_ECT)
    c.inject('PA' + ace(INIT), len=10, tos=CE)
    c.expect('A' + ace(INIT + 1))


@case('9768-5 passive: our SYN-ACK arrived marked: no ECT', native=WHY)
def _(c):
    for number in 3, 4, 6:
        goes_out(asked(c.sibling(), final='A' + ace(number)), NOT_ECT)


@case('9768-6 the SYN again: once the same, then without, with one ISN',
      native=WHY)
def _(c):
    use(c)
    c.connect()
    c.expect('SNCE', seq=0)
    c.expect('SNCE', seq=0, after=1)
    c.expect('S', seq=0, after=2)
    c.inject('SAC')				# of the first
    c.expect('AC')
    goes_out(c, NOT_ECT)
    c.inject('PA' + ace(INIT), len=10, tos=CE)
    c.expect('A' + ace(INIT + 1))


@case('9768-6 a RST for the SYN: again without', native=WHY)
def _(c):
    use(c)
    c.connect()
    c.expect('SNCE', seq=0)
    c.inject('RA', seq=0, ack=1, void=True)
    c.expect('S', seq=0)
    c.inject('SA')
    c.expect('A')
    goes_out(c, NOT_ECT, 0)


@case('9768-6 passive: the SYN again without: no ECT, the mode stays',
      native=WHY)
def _(c):
    use(c)
    c.knob('invalid_ratelimit', 0)
    c.listen()
    c.inject('SNCE', seq=0)
    c.expect('SAC', seq=0, ack=1)
    c.inject('S', seq=0)
    c.expect('SAC', seq=0, ack=1)
    c.inject('AC')
    c.accept()
    goes_out(c, NOT_ECT)


@case('9768-6 passive: of the last SYN the mark is told', native=WHY)
def _(c):
    use(c)
    c.knob('invalid_ratelimit', 0)
    c.listen()
    c.inject('SNCE', seq=0)
    c.expect('SAC', seq=0, ack=1)
    c.inject('SNCE', seq=0, tos=CE)
    c.expect('SA' + ace(TOLD[CE]), seq=0, ack=1)


@case('9768-1 simultaneous open', native=WHY)
def _(c):
    use(c)
    c.connect()
    c.expect('SNCE', seq=0)
    c.inject('SNCE', seq=0, tos=ECT0)
    c.expect('SA' + ace(TOLD[ECT0]), seq=0, ack=1)
    with c.stack.counts(DeliveredCE=0):
        c.inject('AC')
        c.state('ESTABLISHED')
    goes_out(c, ECT0)


@case('9768-1 simultaneous open with a peer of classic ECN', native=WHY)
def _(c):
    use(c)
    c.connect()
    c.expect('SNCE', seq=0)
    c.inject('SCE', seq=0)
    c.expect('SAE', seq=0, ack=1)
    c.inject('A')
    c.state('ESTABLISHED')
    goes_out(c, ECT0, 0)


@case('9768-8 a SYN cookie leaves classic ECN', native=WHY)
def _(c):
    use(c)
    c.knob('syncookies', 2)
    asked(c, 'SNCE', 'SAE', final='A', ts=True)
    goes_out(c, ECT0, 0)


@case('9768-1 a socket that is used again forgets it', native=WHY)
def _(c):
    asking(c)
    c.inject('PA' + ace(INIT), len=10, tos=CE)
    c.expect('A' + ace(INIT + 1))
    c.disconnect()
    c.expect('RA')
    c.forget()
    c.knob('ecn', 2)
    c.connect()
    c.expect('S', seq=0, tos=0)
    c.inject('SA')
    c.expect('A')
    goes_out(c, NOT_ECT, 0)


# -- receiver --------------------------------------------------------------


@case('9768-3 packets with CE are counted, modulo 8, on all segments',
      native=WHY)
def _(c):
    asked(c)
    for n in range(1, 12):
        c.inject('PA' + ace(INIT), len=10, tos=CE)
        c.expect('A' + ace(INIT + n & 7))
    goes_out(c, ECT0, INIT + 11 & 7)
    c.shutdown()
    c.expect('FA' + ace(INIT + 11 & 7))
    c.inject('FA' + ace(INIT))
    c.expect('A' + ace(INIT + 11 & 7))
    c.state('TIME_WAIT')
    c.inject('FA' + ace(INIT), seq=c.nxt - 1)
    c.expect('A' + ace(INIT + 11 & 7))


@case('9768-3 a CE that is old data, out of order or without data counts',
      native=WHY)
def _(c):
    asked(c)
    c.inject('PA' + ace(INIT), len=10)
    c.expect('A' + ace(INIT))
    c.inject('PA' + ace(INIT), seq=1, len=10, tos=CE)
    c.expect('A' + ace(INIT + 1))
    c.inject('PA' + ace(INIT), seq=21, len=10, tos=CE)
    c.expect('A' + ace(INIT + 2))
    c.inject('A' + ace(INIT), tos=CE)
    c.inject('PA' + ace(INIT), seq=11, len=10)
    c.expect('A' + ace(INIT + 3 & 7))


@case('9768-3 the first CE is acknowledged at once, then every second',
      native=WHY)
def _(c):
    asked(c)
    c.past_quick_acks()
    number = INIT
    c.inject('PA' + ace(INIT), len=10, tos=ECT0)
    c.silent(0.02)
    c.inject('PA' + ace(INIT), len=10, tos=CE)
    c.expect('A' + ace(number + 1), between=(0, 0.01))
    c.inject('PA' + ace(INIT), len=10, tos=CE)
    c.silent(0.02)
    c.inject('PA' + ace(INIT), len=10, tos=CE)
    c.expect('A' + ace(number + 3), between=(0, 0.01))


@case('9768-3 a merged segment counts as often as it has segments',
      native=WHY, families=(4,))
def _(c):
    asked(c, mss=SIZE)
    c.inject('PA' + ace(INIT), len=3 * SIZE, tos=CE, gso=SIZE)
    c.expect('A' + ace(INIT + 3 & 7))


@case('9768-3 segments whose number has CWR are sent one by one', native=WHY,
      families=(4,))
def _(c):
    """Cutting a large one would clear it in all but the first."""
    asked(c, mss=SIZE)
    c.inject('PA' + ace(INIT), len=10, tos=CE)
    c.expect('A' + ace(6))
    c.send(4 * SIZE)
    for s in c.take(4):
        c.check(ace_of(s), 6, 'ACE')


# -- the option ------------------------------------------------------------


@case('9768-7 an ACK tells the bytes of each mark that are new', native=WHY)
def _(c):
    asked(c)
    c.inject('PA' + ace(INIT), len=100, tos=ECT0)
    s = c.expect('A' + ace(INIT))
    c.check(option(s), {'e0': 101, 'ce': 0}, 'the option')
    c.inject('PA' + ace(INIT), len=50, tos=CE)
    s = c.expect('A' + ace(INIT + 1))
    c.check(option(s)['ce'], 50, 'the bytes with CE')
    c.inject('PA' + ace(INIT), len=7, tos=ECT1)
    s = c.expect('A' + ace(INIT + 1))
    c.check(option(s), {'e1': 8, 'ce': 50}, 'the option')
    c.inject('PA' + ace(INIT), len=10)
    c.check(option(c.expect('A' + ace(INIT + 1))), None, 'the option')


@case('9768-7 the header stays within 60 bytes: SACK goes first', native=WHY)
def _(c):
    asked(c, sack=True, ts=True)
    for n, room in ((1, True), (2, True), (3, False)):
        c.inject('PA' + ace(INIT), seq=1 + 200 * n, len=100, tos=ECT0)
        s = c.expect('A' + ace(INIT), sack=[
            (1 + 200 * i, 101 + 200 * i) for i in range(n, 0, -1)])
        c.check(option(s) is not None, room, 'an option with %d blocks' % n)


@case('9768-7 the handshake tries whether it gets through, once', native=WHY)
def _(c):
    use(c)
    c.listen()
    c.inject('SNCE', seq=0)
    s = c.expect('SAC', seq=0, ack=1)
    c.check(option(s), INITIAL, 'the option of the SYN-ACK')
    twin = use(c.sibling())
    twin.connect()
    s = twin.expect('SNCE', seq=0)
    c.check(option(s), None, 'that of the SYN')
    twin.inject('SAC', opts=[('mss', SIZE)] + counters(e0=1, ce=0, e1=1))
    s = twin.expect('AC')
    c.check(option(s), INITIAL, 'that of the first ACK')
    twin.inject('PA' + ace(INIT), len=10)
    c.check(option(twin.expect('A' + ace(INIT))), None, 'that of the second')


@case('9768-7 7413-1 the SYN-ACK has room for it beside all others',
      native=WHY)
def _(c):
    use(c).peer(ws=7, sack=True, ts=True)
    serve(c)
    c.inject('SNCE', seq=0, opts=[('mss', c.mss), ('ws', 7), ('sackok',),
                                  ('ts', 1, 0), ('raw', bytes([34, 2]))])
    s = c.expect('SAC', seq=0, ack=1)
    c.check(option(s), {'e0': 1, 'ce': 0}, 'the option')
    c.check(len(s.option('fo')), 8, 'the length of the cookie')
    for name in 'ts', 'ws', 'sackok':
        c.check(s.option(name) is not None, True, name)


@case('9768-7 an option on a SYN is ignored', native=WHY, families=(4,))
def _(c):
    use(c)
    c.setopt('TCP_CONGESTION', b'reno')
    c.listen()
    c.inject('SNCE', seq=0, opts=[('mss', SIZE)] + counters(e0=0, ce=0))
    c.expect('SAC', seq=0, ack=1)
    c.inject('AC')
    c.accept()
    c.send(10 * SIZE)
    c.take(10)
    c.inject('A' + ace(INIT + 1), ack=1 + 10 * SIZE, opts=counters(
        e0=1 + 9 * SIZE, ce=SIZE))
    c.check(c.info()['snd_cwnd'], 5, 'cwnd')


@case('9768-7 9768-6 a lost SYN-ACK: without the option, then without ECN',
      native=WHY)
def _(c):
    use(c)
    c.listen()
    c.inject('SNCE', seq=0, tos=ECT0)
    s = c.expect('SA' + ace(TOLD[ECT0]), seq=0, ack=1)
    c.check(option(s), INITIAL, 'the option of the first')
    s = c.expect('SA' + ace(TOLD[ECT0]), seq=0, ack=1, after=1)
    c.check(option(s), None, 'that of the second')
    c.expect('SA', seq=0, ack=1, after=2)
    c.inject('AC')
    c.accept()
    goes_out(c, NOT_ECT)
    c.inject('PA' + ace(INIT), len=10, tos=CE)
    s = c.expect('A' + ace(INIT + 1))
    c.check(option(s), None, 'the option of an ACK')


@case('9768-7 9768-6 the SYN again: its SYN-ACK is without the option',
      native=WHY)
def _(c):
    use(c)
    c.knob('invalid_ratelimit', 0)
    c.listen()
    for want in INITIAL, None:
        c.inject('SNCE', seq=0)
        s = c.expect('SAC', seq=0, ack=1)
        c.check(option(s), want, 'the option')


@case('9768-6 9768-7 ecn_fallback 0: a lost SYN-ACK still agrees', native=WHY,
      families=(4,))
def _(c):
    use(c)
    c.knob('ecn_fallback', 0)
    c.listen()
    c.inject('SNCE', seq=0)
    c.expect('SAC', seq=0, ack=1)
    c.expect('SAC', seq=0, ack=1, after=1)
    c.expect('SAC', seq=0, ack=1, after=2)
    c.inject('AC')
    c.accept()
    goes_out(c, ECT0)


@case('9768-7 with SACK, what came twice is reported by D-SACK', native=WHY)
def _(c):
    asked(c, sack=True)
    c.inject('PA' + ace(INIT), len=10, tos=ECT0)
    c.expect('A' + ace(INIT))
    c.inject('PA' + ace(INIT), seq=1, len=10, tos=ECT0)
    c.expect('A' + ace(INIT), sack=[(1, 11)])


@case('9768-7 the knob: no option, or only of CE', native=WHY)
def _(c):
    for knob, ect, ce in (0, False, False), (1, False, True):
        c.knob('ecn_option', knob)
        twin = use(c.sibling())
        twin.listen()
        twin.inject('SNCE', seq=0)
        s = twin.expect('SAC', seq=0, ack=1)
        twin.check(option(s), INITIAL if knob else None, 'the SYN-ACK')
        twin.inject('AC')
        twin.accept()
        for tos, want in (ECT0, ect), (CE, ce):
            twin.inject('PA' + ace(INIT), len=10, tos=tos)
            s = twin.expect('A' + ace(INIT + (tos == CE)))
            twin.check(option(s) is not None, want, 'an option')


# -- sender ----------------------------------------------------------------


def marks(c):
    """Alpha and the bytes that were marked since it was updated."""
    return struct.unpack('HHIII', c.sock.getsockopt(
        socket.IPPROTO_TCP, TCP_CC_INFO, 64))[2:4]


def flight(c, algorithm, segments=10, more=100, tos=ECT0, **offer):
    use(c)
    c.setopt('TCP_CONGESTION', algorithm)
    asking(c, mss=SIZE, **offer)
    c.setopt('SO_SNDBUF', 500000)
    c.inject('A' + ace(INIT))
    c.size = SIZE
    c.send((segments + more) * SIZE)
    for s in c.take(segments):
        c.check(s.tos & 3, tos, 'the ECN field')
    return c


def prague(c, **offer):
    c.ect = ECT1
    return flight(c, b'prague', tos=ECT1, **offer)


@case('9768-3 5681 a packet with CE reduces, once a window, and no CWR',
      native=WHY, families=(4,))
def _(c):
    flight(c, b'reno')
    c.inject('A' + ace(INIT + 1), ack=seg(c, 2))
    c.check(c.info()['snd_cwnd'], 5, 'cwnd')
    c.inject('A' + ace(INIT + 3), ack=seg(c, 8))
    c.check(c.info()['snd_cwnd'], 5, 'cwnd, in the same window')
    for s in c.collect(0.002):
        c.check(ace_of(s), INIT, 'ACE')


@case('9768-3 without a new number nothing is reduced', native=WHY,
      families=(4,))
def _(c):
    flight(c, b'reno')
    c.inject('A' + ace(INIT), ack=seg(c, 10))
    c.check(c.info()['snd_cwnd'] > 10, True, 'cwnd has grown')


@case('9768-3 an ACK of many may hide eight with CE, unless an option says no',
      native=WHY, families=(4,))
def _(c):
    c.knob('initial_window', 20)
    for opts, more in (None, 8), (counters(e0=1, ce=2 * SIZE), 0):
        twin = flight(c.sibling(), b'reno', 20)
        with c.stack.counts(DeliveredCE=2 + more):
            twin.inject('A' + ace(INIT + 2 & 7), ack=seg(twin, 2))
            twin.inject('A' + ace(INIT + 2 & 7), ack=seg(twin, 12), opts=opts)


@case('9768-3 an old ACK, and one that acknowledges nothing, tell nothing',
      native=WHY, families=(4,))
def _(c):
    flight(c, b'reno')
    c.inject('A' + ace(INIT), ack=seg(c, 5))
    c.collect(0.002)
    cwnd = c.info()['snd_cwnd']
    c.inject('A' + ace(INIT + 2), ack=seg(c, 3))
    c.inject('A' + ace(INIT + 4), ack=seg(c, 5), win=30000)
    c.check(c.info()['snd_cwnd'], cwnd, 'cwnd')


@case('9768-5 where no ECT is sent, marks are not answered', native=WHY,
      families=(4,))
def _(c):
    use(c)
    c.setopt('TCP_CONGESTION', b'reno')
    asking(c, answer='SA' + ace(TOLD[CE]), mss=SIZE)
    c.size = SIZE
    c.send(10 * SIZE)
    c.take(10)
    c.inject('A' + ace(INIT + 1), ack=seg(c, 2))
    c.check(c.info()['snd_cwnd'] >= 10, True, 'cwnd is not reduced')


@case('9768-7 8257-2 DCTCP reduces by the bytes that the option tells',
      native=WHY, families=(4,))
def _(c):
    flight(c, b'dctcp', more=400)
    c.inject('A' + ace(INIT), ack=seg(c, 10), opts=counters(
        e0=1 + 10 * SIZE, ce=0))
    for _ in range(5):				# Alpha goes down
        c.collect(0.002)
        c.inject('A' + ace(INIT))
    flown = len(c.collect(0.002))
    before, (alpha, _) = c.info()['snd_cwnd'], marks(c)
    c.inject('A' + ace(INIT + 4 & 7), opts=counters(e0=1, ce=4 * SIZE))
    got, (after, _) = c.info()['snd_cwnd'], marks(c)
    want = alpha - alpha // 16 + 1024 * 4 // flown // 16
    if abs(after - want) > 2:
        c.fail('Alpha went from %d to %d, not %d' % (alpha, after, want))
    if abs(got - before * (1 - after / 2048)) > 1:
        c.fail('cwnd went from %d to %d, Alpha %d' % (before, got, after))


@case('9768-7 an option whose first counter is zero was changed: ignored',
      native=WHY, families=(4,))
def _(c):
    prague(c)
    c.inject('A' + ace(INIT + 1), ack=seg(c, 10), opts=counters(e0=0, ce=0))
    c.check(c.info()['snd_cwnd'], 5, 'cwnd')
    for e1, packets in (0, 9), (1, 0):	# the same on the SYN-ACK
        twin = use(c.sibling())
        twin.setopt('TCP_CONGESTION', b'prague')
        twin.ect = ECT1
        twin.connect()
        twin.expect('SNCE', seq=0)
        twin.inject('SAC', opts=[('mss', SIZE)] +
                    counters(e0=1, ce=0, e1=e1))
        twin.expect('AC')
        twin.send(10 * SIZE)
        twin.take(10)
        with c.stack.counts(DeliveredCE=packets):
            twin.inject('A' + ace(INIT + 1), ack=1 + 10 * SIZE,
                        opts=counters(e0=1, ce=0))


@case('9331-1 Prague asks for accurate feedback and then sends ECT(1)',
      native=WHY)
def _(c):
    c.knob('ecn', 0)
    c.setopt('TCP_CONGESTION', b'prague')
    c.ect = ECT1
    c.connect()
    c.expect('SNCE', seq=0)
    c.inject('SAC')
    c.expect('AC')
    c.send(10)
    c.expect('PA' + ace(INIT), len=10, tos=ECT1)


@case('9331-1 Prague with a peer of classic ECN sends ECT(0), and halves',
      native=WHY, families=(4,))
def _(c):
    c.setopt('TCP_CONGESTION', b'prague')
    asking(c, answer='SAE', then='', mss=SIZE)
    c.setopt('SO_SNDBUF', 500000)
    c.inject('A')
    c.size = SIZE
    c.send(50 * SIZE)
    for s in c.take(10):
        c.check(s.tos & 3, ECT0, 'the ECN field')
    c.inject('AE', ack=seg(c, 10))
    c.check(c.info()['snd_cwnd'], 5, 'cwnd')


@case('9331-1 no other algorithm sends ECT(1)', native=WHY, families=(4,))
def _(c):
    for algorithm in b'reno', b'cubic', b'bbr', b'dctcp':
        twin = c.sibling()
        use(twin)
        twin.setopt('TCP_CONGESTION', algorithm)
        goes_out(asking(twin), ECT0)


def rounds(c, number, mark=lambda n: 0, many=1, rtt=0.03):
    """Whole flights, acknowledged after rtt; mark(n): how many of the n
    segments had CE. Returns the number."""
    for _ in range(many):
        got = c.collect(rtt)
        number += mark(len(got))
        c.inject('A' + ace(number & 7))
    return number


@case('9331-2 Prague: the first mark halves, later ones take their part',
      native=WHY, families=(4,))
def _(c):
    prague(c, more=400)
    number = rounds(c, INIT, lambda n: 1)
    c.check(c.info()['snd_cwnd'], 5, 'cwnd after the first')
    number = rounds(c, number, many=20)		# alpha goes down
    before = c.info()['snd_cwnd']
    number = rounds(c, number, lambda n: 1)
    after = c.info()['snd_cwnd']	# whole segments
    if not before * 0.75 - 1 < after <= before:
        c.fail('cwnd went from %d to %d' % (before, after))


@case('9331-2 Prague: a loss is answered as by Reno', native=WHY,
      families=(4,))
def _(c):
    c.no_timeouts()
    prague(c, sack=True)
    c.inject('A' + ace(INIT), ack=1, sack=[(seg(c, 1), seg(c, 10))])
    c.collect(0.01)
    c.check(c.info()['snd_ssthresh'], 5, 'ssthresh')


if __name__ == '__main__':
    main()
