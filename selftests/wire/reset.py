#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""RST, stray SYNs and bad ACKs in every synchronized state (RFC 5961)."""

from harness import case, main

STATES = {
    'ESTABLISHED': lambda c: c.established(),
    'FIN_WAIT_1': lambda c: c.fin_wait_1(),
    'FIN_WAIT_2': lambda c: c.fin_wait_2(),
    'CLOSE_WAIT': lambda c: c.close_wait(),
    'CLOSING': lambda c: c.closing(),
    'LAST_ACK': lambda c: c.last_ack(),
}
TIME_WAIT = {'TIME_WAIT': lambda c: c.time_wait()}
SYN_RECEIVED = {'SYN_RECEIVED': lambda c: c.simultaneous()}
ALL = {**SYN_RECEIVED, **STATES, **TIME_WAIT}
CLOSED_BY_PEER = {s: ALL[s] for s in ('CLOSE_WAIT', 'CLOSING', 'LAST_ACK',
                                      'TIME_WAIT')}


def in_states(name, states=STATES, native=()):
    """One case a state; the state has to outlast it. native: {state: why}."""
    def register(steps):
        for state, reach in states.items():
            def run(c, state=state, reach=reach):
                c.no_timeouts()
                reach(c)
                c.state(state)
                c.collect(0)
                steps(c)
                c.state(state)
            case('%s, in %s' % (name, state),
                 native=native and native.get(state))(run)
    return register


def answer_all(c):
    """No limit on ACKs in answer to what is unacceptable."""
    c.knob('invalid_ratelimit', 0)


@in_states('5961-2 RST in the window, not at RCV.NXT: challenge ACK',
           {**SYN_RECEIVED, **STATES},
           native={'SYN_RECEIVED': 'it resets'})
def _(c):
    answer_all(c)
    for seq in c.nxt + 1, c.nxt + 100, c.dut_edge - 1:
        c.inject('R', seq=seq)
        c.expect('A', seq=c.dut_nxt, ack=c.nxt)


@in_states('5961-3 SM-3 RST outside of the window: silence', ALL,
           native=dict.fromkeys(('CLOSE_WAIT', 'CLOSING', 'LAST_ACK'),
                                'a RST at RCV.NXT - 1 resets') |
           {'SYN_RECEIVED': 'a RST at the right edge resets',
            'ESTABLISHED': 'a RST at the right edge gets an ACK',
            'FIN_WAIT_1': 'a RST at the right edge gets an ACK',
            'FIN_WAIT_2': 'a RST at the right edge gets an ACK'})
def _(c):
    answer_all(c)
    for seq in (c.nxt - 1, c.nxt - 1000, c.nxt - (1 << 31), c.dut_edge,
                c.dut_edge + 1, c.nxt + (1 << 30)):
        c.inject('R', seq=seq)
        c.inject('RA', seq=seq)
        c.inject('SR', seq=seq)
        c.inject('RA', seq=seq if seq > c.nxt else seq - 9, len=9, void=True)
    c.silent()


@in_states('5961-4 SYN anywhere: challenge ACK', ALL)
def _(c):
    answer_all(c)
    for seq in c.nxt + 10, c.nxt - 1, c.nxt, c.nxt - 100000, c.dut_edge:
        if c.find_state() == 'TIME_WAIT' and seq > c.nxt:
            continue			# may open anew, RFC 6191
        c.inject('S', seq=seq, void=True)
        c.expect('A', seq=c.dut_nxt, ack=c.nxt)


@in_states('5961-4 SYN,ACK: challenge ACK', ALL)
def _(c):
    answer_all(c)
    for seq in c.nxt + 10, c.nxt, c.nxt - 100000, c.dut_edge:
        c.inject('SA', seq=seq, void=True)
        c.expect('A', seq=c.dut_nxt, ack=c.nxt)


@in_states('SM-16 5961-5 ACK of what was not sent: ACK, dropped',
           {**STATES, **TIME_WAIT},
           native={'ESTABLISHED': '6.12 is silent',
                   'TIME_WAIT': 'any ACK number will do'})
def _(c):
    answer_all(c)
    for above in 1, 1000, (1 << 31) - 1:
        c.inject('A', ack=c.dut_nxt + above, void=True)
        c.expect('A', seq=c.dut_nxt, ack=c.nxt)


@in_states('5961-5 MAY-12 ACK far below SND.UNA: ACK, dropped',
           {**STATES, **TIME_WAIT},
           native={'TIME_WAIT': 'any ACK number will do'})
def _(c):
    c.inject('A', ack=c.dut_nxt - 200000, void=True)
    c.expect('A', seq=c.dut_nxt, ack=c.nxt)


@in_states('SM-13 a segment without ACK is dropped', ALL,
           native={'TIME_WAIT': 'data and FIN get an ACK'})
def _(c):
    c.inject('', void=True)
    c.inject('P', len=10, void=True)
    c.inject('F', void=True)
    c.inject('U', len=1, urg=1, void=True)
    c.inject('F', len=10, void=True)
    c.silent()
    if c.find_state() not in CLOSED_BY_PEER:
        c.recv_nothing()


@in_states('SM-11 an old segment is acknowledged', {**STATES, **TIME_WAIT},
           native=dict.fromkeys(STATES, 'not one without ACK'))
def _(c):
    answer_all(c)
    for flags, size in ('PA', 5), ('A', 0), ('FA', 0), ('P', 5):
        c.inject(flags, seq=c.nxt - 10, len=size, void=True)
        c.expect('A', seq=c.dut_nxt, ack=c.nxt)


@in_states('SM-11 SM-13 text before RCV.NXT, without ACK, is acknowledged',
           native=dict.fromkeys(STATES, 'not one without ACK'))
def _(c):
    answer_all(c)
    for flags, size in ('P', 1), ('P', 5), ('F', 4):
        c.inject(flags, seq=c.nxt - size - ('F' in flags), len=size, void=True)
        c.expect('A', seq=c.dut_nxt, ack=c.nxt)


@in_states('SM-11 a segment beyond the window is acknowledged', ALL,
           native=dict.fromkeys(ALL, 'its ACK number counts at the edge'))
def _(c):
    answer_all(c)
    for seq in c.dut_edge, c.nxt + (1 << 25):
        c.inject('PA', seq=seq, len=5, void=True)
        c.expect('A', seq=c.dut_nxt, ack=c.nxt)


@in_states('MUST-3 a segment with a bad checksum is dropped', ALL)
def _(c):
    before = c.stack.counters()['InCsumErrors']
    for flags, size in ('R', 0), ('RA', 0), ('S', 0), ('FA', 0), ('PA', 9), \
            ('A', 0):
        c.inject(flags, len=size, bad_checksum=True)
    c.silent()
    c.check(c.stack.counters()['InCsumErrors'] - before, 6, 'InCsumErrors')


@in_states('SEC-28 1337-1 TIME-WAIT is not ended by a RST', TIME_WAIT)
def _(c):
    for seq in 2, 1, 3, 1000:
        c.inject('R', seq=seq)
        c.inject('RA', seq=seq)
    c.silent()


@in_states('SEC-28 1337-2 SM-19 TIME-WAIT: old data are acknowledged, the RST '
           'in answer to that ends nothing', TIME_WAIT)
def _(c):
    c.inject('PA', seq=1, len=1, void=True)
    ack = c.expect('A', seq=2, ack=2)
    c.inject('R', seq=(ack.ack - c.iss) % (1 << 32))
    c.silent()


@in_states('SM-20 after a FIN text and URG are ignored', CLOSED_BY_PEER,
           native=dict.fromkeys(CLOSED_BY_PEER, 'URG is taken'))
def _(c):
    ack = c.dut_nxt if c.find_state() == 'TIME_WAIT' else 1
    c.inject('PA', ack=ack, len=20, void=True)
    c.inject('PUA', ack=ack, len=20, urg=10, void=True)
    c.inject('FA', seq=c.nxt + 20, ack=ack, void=True)
    c.collect()
    c.poll('IN OUT RDHUP' if c.find_state() == 'CLOSE_WAIT' else
           'IN OUT HUP RDHUP')
    c.recv_eof()
    answer_all(c)
    c.inject('A', seq=c.nxt - 5, ack=ack, void=True)
    c.expect('A', ack=c.nxt)


@case('5961-1 SHLD-2 RST at RCV.NXT resets, its data are not delivered')
def _(c):
    c.established()
    c.inject('PA', len=10)
    c.collect(0)
    c.inject('R', len=7)
    c.poll('IN OUT ERR HUP RDHUP')
    c.error('ECONNRESET')
    c.silent()
    c.state('CLOSED')


@case('5961-6 the peer answers the challenge with a RST at RCV.NXT')
def _(c):
    c.established()
    c.inject('S', seq=5000, void=True)
    ack = c.expect('A')
    c.inject('R', seq=(ack.ack - c.iss) % (1 << 32))
    c.failed('ECONNRESET')


@case('5961-8 challenge ACKs of one connection are limited')
def _(c):
    c.established()
    for i in range(200):
        c.inject('R', seq=c.nxt + 100 + i)
    count = len(c.collect())
    if not 1 <= count <= 10:
        c.fail('%d challenge ACKs for 200 RSTs' % count)
    c.state('ESTABLISHED')


@case('5961-8 the number of challenge ACKs and their period are knobs',
      native='its number is for all connections together')
def _(c):
    c.knob('challenge_ack_limit', 3)
    c.knob('challenge_ack_period_ms', 300)
    c.established()
    c.mark()
    for _ in range(2):
        for i in range(50):
            c.inject('S' if i & 1 else 'R', seq=c.nxt + 100 + i, void=True)
        c.check(len(c.collect()), 3, 'the number of challenge ACKs')
        c.silent_until(0.35)
        c.mark()
    c.state('ESTABLISHED')


@case('5961-8 the gap between ACKs of unacceptable segments is a knob')
def _(c):
    for gap_ms, answers in (500, 1), (0, 30):
        c.knob('invalid_ratelimit', gap_ms)
        twin = c.sibling().established()
        for _ in range(30):
            twin.inject('A', seq=-5, void=True)
        twin.check(len(twin.collect()), answers, 'the number of ACKs')


@case('SEC-09 5961-8 the limit of one connection is not that of another')
def _(c):
    c.established()
    other = c.sibling().established()
    for i in range(1000):
        c.inject('R', seq=c.nxt + 100 + i % 500)
    c.collect()
    other.inject('R', seq=other.nxt + 100)
    other.expect('A')


@case('5961-5 data of a segment with a bad ACK are not delivered',
      native='6.12 is silent')
def _(c):
    for ack in 2, 1 << 20, -(1 << 20):
        twin = c.sibling()
        twin.established()
        twin.inject('PA', ack=twin.dut_nxt + ack, len=10, void=True)
        twin.expect('A', ack=1)
        twin.recv_nothing()


@case('MUST-66 5961-7 RST at a closed window resets, with text as well')
def _(c):
    for size in 0, 10:
        twin = c.sibling()
        twin.shut()
        twin.inject('R', len=size)
        twin.failed('ECONNRESET')


@case('MUST-12 a FIN and a RST look different')
def _(c):
    c.established()
    c.inject('FA')
    c.expect('A')
    c.poll('IN OUT RDHUP')
    c.recv_eof()
    other = c.sibling().established()
    other.inject('R')
    other.poll('IN OUT ERR HUP RDHUP')
    other.recv(err='ECONNRESET')
    other.recv_eof()


@case('a reset connection: send() says EPIPE after the error was read')
def _(c):
    c.established()
    c.inject('R')
    c.send(10, err='ECONNRESET')
    c.send(10, err='EPIPE')


if __name__ == '__main__':
    main()
