#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Explicit Congestion Notification (RFC 3168).

In flags E is ECE, C is CWR, N the bit beside them (AE, once NS). In the IP
header tos=2 is ECT(0), 1 is ECT(1), 3 is CE. That no packet carries ECT(1),
and none without data is ECT at all, is held against every segment of every
suite: see Peer.audit.
"""

from harness import case, main

ECT0, ECT1, CE = 2, 1, 3
SIZE = 1000


def ask(c):
    """Not again for the second connection of a case, which would take this
    for what was there before."""
    with open(c.stack.knob('ecn')) as f:
        if f.read().strip() != '1':
            c.knob('ecn', 1)


def asking(c, answer='SAE', **offer):
    """Active open with ECN; the peer's answer to it."""
    ask(c)
    c.peer(**offer)
    c.connect()
    c.expect('SEC', seq=0, tos=0)
    if offer.get('sack'):		# no tail loss probe gets in the way
        c.pause(0.03)
    c.inject(answer)
    c.expect('A', tos=0)
    return c


def asked(c, flags='SEC', answer='SAE', tos=0, **offer):
    """Passive open: what the peer's SYN says, and what we answer."""
    c.peer(**offer)
    c.listen()
    c.inject(flags, seq=0, tos=tos)
    c.expect(answer, seq=0, ack=1, tos=0)
    c.inject('A')
    c.accept()
    return c


def data_goes_out(c, tos, flags='PA'):
    c.send(10)
    c.expect(flags, len=10, tos=tos)
    c.inject('A')


def flight(c, segments=10, more=0, **offer):
    """A flight of full segments of a connection with ECN, and more waiting."""
    c.setopt('TCP_CONGESTION', b'reno')
    asking(c, mss=SIZE, **offer)
    c.setopt('SO_SNDBUF', 500000)
    c.inject('A')
    c.send((segments + more) * SIZE)
    for seg in c.take(segments):
        c.check((len(seg.data), seg.tos), (SIZE, ECT0), 'a segment')
    return c


def seg(n):
    return 1 + n * SIZE


# -- negotiation -----------------------------------------------------------


@case('3168-1 SHLD-8 active open: our SYN asks when it is to')
def _(c):
    asking(c)
    data_goes_out(c, ECT0)


@case('3168-1 active open: the default does not ask')
def _(c):
    c.connect()
    c.expect('S', seq=0, tos=0)
    c.inject('SAE')
    c.expect('A')
    data_goes_out(c, 0)


@case('3168-1 active open: a SYN-ACK that does not agree')
def _(c):
    for answer in 'SA', 'SAC', 'SAEC', 'SAECN', 'SAN':
        twin = c.sibling()
        asking(twin, answer)
        data_goes_out(twin, 0)


@case('3168-1 active open: a route asks, features ecn')
def _(c):
    c.command('ip %s route add %s dev tun0 features ecn' % (
        '-6' if c.family == 6 else '-4', c.addr))
    c.connect()
    c.expect('SEC', seq=0)
    c.inject('SAE')
    c.expect('A')
    data_goes_out(c, ECT0)


@case('3168-1 SHLD-8 passive open: by default ECN is accepted')
def _(c):
    asked(c)
    data_goes_out(c, ECT0)


@case('3168-1 passive open: a SYN with one of the bits does not ask')
def _(c):
    for flags in 'S', 'SE', 'SC':
        twin = c.sibling()
        asked(twin, flags, 'SA')
        data_goes_out(twin, 0)


@case('3168-1 passive open: switched off')
def _(c):
    c.knob('ecn', 0)
    asked(c, 'SEC', 'SA')
    data_goes_out(c, 0)


@case('3168-1 passive open: a SYN that is ECT itself is not believed')
def _(c):
    for tos in ECT0, ECT1, CE:
        twin = c.sibling()
        asked(twin, 'SEC', 'SA', tos=tos)
        data_goes_out(twin, 0)


@case('3168-1 simultaneous open: our SYN-ACK has ECE alone',
      native='it scales windows although the peer did not offer it')
def _(c):
    ask(c)
    c.connect()
    c.expect('SEC', seq=0)
    c.inject('SEC', seq=0)
    c.expect('SAE', seq=0, ack=1, tos=0)
    c.inject('A')
    c.state('ESTABLISHED')
    data_goes_out(c, ECT0)


@case('3168-1 simultaneous open: the peer does not ask',
      native='it scales windows although the peer did not offer it')
def _(c):
    ask(c)
    c.connect()
    c.expect('SEC', seq=0)
    c.inject('S', seq=0)
    c.expect('SA', seq=0, ack=1)
    c.inject('A')
    c.state('ESTABLISHED')
    data_goes_out(c, 0)


@case('9768-8 8311-1 the third bit of a SYN is not answered, nor sent')
def _(c):
    for flags, answer, tos in ('SECN', 'SAE', ECT0), ('SN', 'SA', 0):
        twin = c.sibling()
        asked(twin, flags, answer)
        data_goes_out(twin, tos)


@case('9768-8 8311-1 the third bit of a segment means nothing')
def _(c):
    asked(c)
    c.inject('PAN', len=10, tos=ECT1)
    c.expect('A')
    c.recv(10)
    c.send(10)
    c.expect('PA', len=10, tos=ECT0)
    c.inject('AN')
    c.shutdown()
    c.expect('FA')
    c.inject('FAN')
    c.expect('A')


# -- what is marked --------------------------------------------------------


@case('3168-2 ECT on new data only: not ACK, repetition, probe or FIN')
def _(c):
    asking(c)
    c.inject('PA', len=10)
    c.expect('A', tos=0)
    c.send(100)
    c.expect('PA', seq=1, len=100, tos=ECT0)
    c.expect('PA', seq=1, len=100, tos=0)		# after the RTO
    c.inject('A', win=0)
    c.send(100)
    c.expect('A', seq=100, tos=0)			# a window probe
    c.inject('A')
    c.expect('PAC', seq=101, len=100, tos=ECT0)
    c.inject('A')
    c.shutdown()
    c.expect('FA', tos=0)
    c.inject('FA')
    c.expect('A', tos=0)
    c.inject('FA', seq=11, ack=c.dut_nxt)
    c.expect('A', tos=0)				# of TIME-WAIT


@case('3168-2 a keepalive probe and a RST are not ECT')
def _(c):
    asking(c)
    data_goes_out(c, ECT0)
    c.setopt('TCP_KEEPIDLE', 1)
    c.setopt('SO_KEEPALIVE', 1)
    c.expect('A', seq=c.dut_nxt - 1, tos=0)
    c.inject('A')
    c.abort()
    c.expect('RA', tos=0)


@case('3168-2 setsockopt() of TOS or traffic class leaves the two bits alone')
def _(c):
    name = 'IP_TOS' if c.family == 4 else 'IPV6_TCLASS'
    c.setopt(name, 0xff)
    ask(c)
    c.connect()
    c.expect('SEC', seq=0, tos=0xfc)
    c.inject('SAE')
    c.expect('A', tos=0xfc)
    data_goes_out(c, 0xfc | ECT0)
    c.setopt(name, 0x21)
    data_goes_out(c, 0x20 | ECT0)
    c.setopt(name, 0)
    data_goes_out(c, ECT0)
    c.inject('PA', len=10)
    c.expect('A', tos=0)


@case('8311-1 setsockopt() cannot mark a connection without ECN')
def _(c):
    c.setopt('IP_TOS' if c.family == 4 else 'IPV6_TCLASS', 0x23)
    c.connect()
    c.expect('S', tos=0x20)
    c.inject('SA')
    c.expect('A', tos=0x20)
    data_goes_out(c, 0x20)


@case('3168-1 a socket that is used again forgets ECN')
def _(c):
    asking(c)
    data_goes_out(c, ECT0)
    c.disconnect()
    c.expect('RA')
    c.forget()
    c.knob('ecn', 2)
    c.connect()
    c.expect('S', seq=0, tos=0)
    c.inject('SA')
    c.expect('A')
    data_goes_out(c, 0)


# -- receiver --------------------------------------------------------------


@case('3168-3 CE: ECE on every ACK until CWR, and again after it')
def _(c):
    asked(c)
    c.inject('PA', len=10, tos=ECT0)
    c.expect('A')
    for _ in range(2):
        c.inject('PA', len=10, tos=CE)
        c.expect('AE')
        c.inject('PA', len=10, tos=ECT0)
        c.expect('AE')
        c.send(10)
        c.expect('PAE', len=10, tos=ECT0)
        c.inject('A')
        c.inject('PAC', len=10, tos=ECT0)
        c.expect('A')
        c.inject('PA', len=10, tos=ECT0)
        c.expect('A')


@case('3168-3 CE on the segment that carries CWR is echoed')
def _(c):
    asked(c)
    c.inject('PA', len=10, tos=CE)
    c.expect('AE')
    c.inject('PAC', len=10, tos=CE)
    c.expect('AE')
    c.inject('PAC', len=10, tos=ECT0)
    c.expect('A')


@case('3168-3 the first CE and CWR are acknowledged at once')
def _(c):
    asked(c)
    c.past_quick_acks()
    c.inject('PA', len=10, tos=CE)
    c.expect('AE', between=(0, 0.01))
    c.inject('PAC', len=10, tos=ECT0)
    c.expect('A', between=(0, 0.01))


@case('3168-3 CE outside the window, on old data or without data is ignored')
def _(c):
    asked(c)
    c.inject('PA', len=10, tos=ECT0)
    c.expect('A')
    c.inject('PA', seq=1, len=10, tos=CE)
    c.expect('A')
    c.inject('PA', seq=c.dut_edge + 1000, len=10, tos=CE, void=True)
    c.expect('A')
    c.inject('A', tos=CE)
    c.inject('PA', len=10, tos=ECT0)
    c.expect('A')


@case('3168-3 CWR on old data or without data ends nothing',
      native='CWR on old data ends it')
def _(c):
    asked(c)
    c.inject('PA', len=10, tos=CE)
    c.expect('AE')
    c.inject('AC')
    c.inject('PAC', seq=1, len=10)
    c.expect('AE')
    c.inject('PA', len=10)
    c.expect('AE')


@case('3168-3 CE beyond a hole is echoed')
def _(c):
    asked(c, sack=True)
    c.inject('PA', seq=11, len=10, tos=CE)
    c.expect('AE', ack=1, sack=[(11, 21)])
    c.inject('PA', seq=1, len=10, tos=ECT0)
    c.expect('AE', ack=21)


@case('3168-3 CE on a connection without ECN is not echoed')
def _(c):
    c.accepted()
    c.inject('PA', len=10, tos=CE)
    c.expect('A')


# -- sender ----------------------------------------------------------------


@case('3168-4 ECE halves the window once, the first new data have CWR')
def _(c):
    flight(c, 10, 30)
    for n in range(1, 5):
        c.inject('AE', ack=seg(n))
    c.silent()				# the window is 5, 6 to 10 are in flight
    for n in range(5, 11):
        c.inject('AE', ack=seg(n))
    got = c.collect()
    c.check([s.flags.count('C') for s in got], [1, 0, 0, 0, 0], 'CWR')


@case('3168-4 6.1.2 an echo that goes on reduces again a round trip later')
def _(c):
    flight(c, 10, 60)
    c.inject('AE', ack=seg(10))
    c.check(len(c.collect()), 5, 'the first window')
    c.inject('AE', ack=seg(15))
    got = c.collect()
    c.check(len(got), 2, 'the second window')
    c.check([s.flags.count('C') for s in got], [1, 0], 'CWR')


@case('3168-4 the window grows again when the echo has stopped')
def _(c):
    flight(c, 10, 60)
    c.inject('AE', ack=seg(10))
    c.check(len(c.collect()), 5, 'the window')
    at = 10
    for _ in range(6):
        at = (c.dut_nxt - 1) // SIZE
        c.inject('A', ack=seg(at))
        got = len(c.collect())
    if got < 6:
        c.fail('the window is still %d segments' % got)


@case('3168-4 CWR is on the first segment of a large one only')
def _(c):
    flight(c, 10, 60)
    c.inject('AE', ack=seg(4))
    c.silent()
    c.inject('AE', ack=seg(10))		# five segments leave as one
    got = c.collect()
    c.check([s.flags.count('C') for s in got], [1, 0, 0, 0, 0], 'CWR')
    c.check([s.tos for s in got], [ECT0] * 5, 'the ECN field')


@case('3168-4 a loss in the same window does not reduce again',
      native='it goes on shrinking while it recovers')
def _(c):
    flight(c, 10, 40, sack=True)
    c.inject('AE', ack=seg(1))
    c.silent()
    for n in range(3, 6):
        c.inject('AE', ack=seg(1), sack=[(seg(2), seg(n))])
    again = c.expect('A', seq=seg(1), len=SIZE, tos=0)
    c.check('C' in again.flags, False, 'CWR on a repetition')
    c.collect()
    c.inject('AE', ack=seg(10))
    c.check(4 <= len(c.collect()) <= 6, True, 'half of the window is left')


@case('3708-1 3168-4 a D-SACK of an earlier recovery does not undo ECN\'s')
def _(c):
    flight(c, 10, 60, sack=True)
    c.pause(0.03)
    c.inject('A', ack=1, sack=[(seg(1), seg(4))])
    c.collect(0.002)
    for _ in range(2):
        c.inject('A')
        c.collect(0.002)
    c.inject('AE')
    reduced = c.info()['snd_ssthresh']
    c.inject('A', ack=c.dut_nxt, sack=[(seg(0), seg(1))])
    c.check(c.info()['snd_ssthresh'], reduced, 'ssthresh')


@case('3168-4 CWR after a fast retransmit, on the first new data')
def _(c):
    flight(c, 10, 40, sack=True)
    c.inject('A', ack=seg(1))
    c.collect()
    for n in range(3, 6):
        c.inject('A', ack=seg(1), sack=[(seg(2), seg(n))])
    got = c.collect()
    again = [s for s in got if c.rel(s)[0] == seg(1)]
    c.check([(s.tos, 'C' in s.flags) for s in again], [(0, False)],
            'the repetition')
    c.inject('A')
    first = (got[got.index(again[0]) + 1:] + c.collect())[0]
    c.check((first.tos, 'C' in first.flags), (ECT0, True), 'new data')


@case('3168-4 CWR after a timeout, on the first new data')
def _(c):
    asking(c)
    c.send(100)
    c.expect('PA', seq=1, len=100, tos=ECT0)
    c.expect('PA', seq=1, len=100, tos=0)
    c.inject('A')
    c.send(10)
    c.expect('PAC', len=10, tos=ECT0)
    c.inject('A')
    data_goes_out(c, ECT0)


@case('3168-5 ECE on a connection without ECN is ignored')
def _(c):
    c.established(mss=SIZE)
    c.setopt('SO_SNDBUF', 500000)
    c.send(40 * SIZE)
    c.take(10)
    c.inject('AE', ack=seg(10))
    got = c.collect()
    c.check(len(got) > 10, True, 'the window grows')
    c.check(any('C' in s.flags or s.tos for s in got), False, 'CWR or ECT')


@case('3168-5 ECE with nothing in flight is ignored')
def _(c):
    asking(c, mss=SIZE)
    c.inject('AE')
    c.setopt('SO_SNDBUF', 500000)
    c.send(20 * SIZE)
    got = c.take(10)
    c.check(any('C' in s.flags for s in got), False, 'CWR')


# -- fallback --------------------------------------------------------------


@case('3168-6 a SYN that is lost is repeated without; no ECT then')
def _(c):
    ask(c)
    before = c.stack.counters().get('ECNFallback', 0)
    c.connect()
    c.expect('SEC', seq=0)
    c.expect('S', seq=0, after=1.0)
    if not c.stack.native:
        c.check(c.stack.counters()['ECNFallback'] - before, 1, 'the counter')
    c.inject('SA')
    c.expect('A')
    data_goes_out(c, 0)


@case('3168-6 the answer to the first SYN comes late: CE is echoed, no ECT',
      native='it sends ECT after a SYN without ECN')
def _(c):
    ask(c)
    c.connect()
    c.expect('SEC', seq=0)
    c.expect('S', seq=0, after=1.0)
    c.inject('SAE')
    c.expect('A')
    c.inject('PA', len=10, tos=CE)
    c.expect('AE')
    data_goes_out(c, 0, 'PAE')


@case('3168-6 no fallback when it is switched off')
def _(c):
    ask(c)
    c.knob('ecn_fallback', 0)
    c.connect()
    c.expect('SEC', seq=0)
    c.expect('SEC', seq=0, after=1.0)
    c.inject('SAE')
    c.expect('A')
    data_goes_out(c, ECT0, 'PA(C)')


@case('3168-6 a SYN that is refused is repeated without, once',
      native='it gives up at once')
def _(c):
    ask(c)
    c.connect()
    c.expect('SEC', seq=0)
    c.inject('RA', seq=0, ack=1)
    c.expect('S', seq=0, between=(0, 0.1))
    c.inject('SA', seq=0)
    c.expect('A')
    data_goes_out(c, 0)
    twin = c.sibling()
    twin.connect()
    twin.expect('SEC', seq=0)
    twin.inject('RA', seq=0, ack=1)
    twin.expect('S', seq=0)
    twin.inject('RA', seq=0, ack=1)
    twin.failed('ECONNREFUSED')


@case("3168-6 passive open: the peer's SYN again, without",
      native='its SYN-ACK still says ECN')
def _(c):
    c.listen()
    c.inject('SEC', seq=0)
    c.expect('SAE', seq=0, ack=1)
    c.inject('S', seq=0)
    c.expect('SA', seq=0, ack=1)
    c.inject('A')
    c.accept()
    c.inject('PA', len=10, tos=CE)
    c.expect('AE')
    data_goes_out(c, 0, 'PAE')


# -- what is told ----------------------------------------------------------


@case('SHLD-8 TCP_INFO tells of ECN, and the counter of echoes')
def _(c):
    asking(c)
    c.check(c.info()['options'] & 24, 8, 'ECN, not seen yet')
    c.inject('PA', len=10, tos=ECT0)
    c.expect('A')
    c.check(c.info()['options'] & 24, 24, 'ECN, seen')
    name = 'TCPDeliveredCE' if c.stack.native else 'DeliveredCE'
    before = c.stack.counters()[name]
    c.send(10)
    c.expect('PA', len=10)
    c.inject('AE')
    c.check(c.info()['ca_state'], 2, 'TCP_CA_CWR')
    c.check(c.stack.counters()[name] - before, 1, name)
    plain = c.sibling()
    c.knob('ecn', 2)
    plain.established()
    c.check(plain.info()['options'] & 24, 0, 'no ECN')


if __name__ == '__main__':
    main()
