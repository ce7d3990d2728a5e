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
ALL = dict(STATES, TIME_WAIT=lambda c: c.time_wait())


def in_states(name, states=STATES, native=()):
    """One case a state; the state has to outlast it. native: {state: why}."""
    def register(steps):
        for state, reach in states.items():
            def run(c, state=state, reach=reach):
                reach(c)
                c.state(state)
                c.collect(0)
                steps(c)
                c.state(state)
            case('%s, in %s' % (name, state),
                 native=native and native.get(state))(run)
    return register


@in_states('5961-2 RST in the window, not at RCV.NXT: challenge ACK')
def _(c):
    c.inject('R', seq=c.nxt + 100)
    c.expect('A', seq=c.dut_nxt, ack=c.nxt)


@in_states('5961-3 SM-3 RST outside of the window: silence',
           native=dict.fromkeys(('CLOSE_WAIT', 'CLOSING', 'LAST_ACK'),
                                'a RST at RCV.NXT - 1 resets'))
def _(c):
    for seq in c.nxt - 1, c.nxt - 1000, c.nxt + (1 << 30), c.nxt - (1 << 31):
        c.inject('R', seq=seq)
        c.inject('RA', seq=seq)
    c.silent()


@in_states('5961-4 SYN anywhere: challenge ACK')
def _(c):
    c.inject('S', seq=c.nxt + 10, void=True)
    c.expect('A', seq=c.dut_nxt, ack=c.nxt)


@in_states('5961-4 SYN,ACK: challenge ACK')
def _(c):
    c.inject('SA', seq=c.nxt + 10, void=True)
    c.expect('A', seq=c.dut_nxt, ack=c.nxt)


@in_states('SM-16 5961-5 ACK of what was not sent: ACK, dropped',
           native={'ESTABLISHED': '6.12 is silent'})
def _(c):
    c.inject('A', ack=c.dut_nxt + 1, void=True)
    c.expect('A', seq=c.dut_nxt, ack=c.nxt)


@in_states('5961-5 MAY-12 ACK far below SND.UNA: ACK, dropped')
def _(c):
    c.inject('A', ack=c.dut_nxt - 200000, void=True)
    c.expect('A', seq=c.dut_nxt, ack=c.nxt)


@in_states('SM-13 a segment without ACK is dropped')
def _(c):
    c.inject('', seq=c.nxt, void=True)
    c.inject('P', len=10, void=True)
    c.inject('F', void=True)
    c.silent()


@in_states('SM-11 an old segment is acknowledged')
def _(c):
    c.inject('PA', seq=c.nxt - 10, len=5, void=True)
    c.expect('A', seq=c.dut_nxt, ack=c.nxt)


@in_states('SM-11 a segment beyond the window is acknowledged')
def _(c):
    c.inject('PA', seq=c.nxt + (1 << 25), len=5, void=True)
    c.expect('A', seq=c.dut_nxt, ack=c.nxt)


@in_states('MUST-3 a RST with a bad checksum is dropped')
def _(c):
    c.inject('R', bad_checksum=True)
    c.silent()


@in_states('1337-1 TIME-WAIT is not ended by a RST',
           {'TIME_WAIT': ALL['TIME_WAIT']})
def _(c):
    c.inject('R', seq=2)
    c.inject('R', seq=1)
    c.inject('RA', seq=2)
    c.silent()


@in_states('1337-2 SM-19 TIME-WAIT: old data are acknowledged',
           {'TIME_WAIT': ALL['TIME_WAIT']})
def _(c):
    c.inject('PA', seq=1, len=1, void=True)
    c.expect('A', seq=2, ack=2)


@in_states('SM-13 TIME-WAIT: a segment without ACK is dropped',
           {'TIME_WAIT': ALL['TIME_WAIT']})
def _(c):
    c.inject('', seq=2, void=True)
    c.silent()


@in_states('SM-20 after a FIN more data are ignored',
           {s: STATES[s] for s in ('CLOSE_WAIT', 'CLOSING', 'LAST_ACK')})
def _(c):
    c.inject('PA', ack=1, len=20, void=True)
    c.collect()
    c.check(c.got.ack, (c.iss + 2) % (1 << 32), 'RCV.NXT')


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
    if not 1 <= count <= 20:
        c.fail('%d challenge ACKs for 200 RSTs' % count)
    c.state('ESTABLISHED')


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


@case('MUST-66 5961-7 RST at a closed window resets')
def _(c):
    c.socket()
    c.setopt('SO_RCVBUF', 4096)
    c.established()
    c.fill()
    c.inject('R')
    c.failed('ECONNRESET')


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
