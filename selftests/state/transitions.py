#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""One case for every row of module/state_table.h, named FROM-EVENT.

Each brings a connection into the state FROM; the line `yield` checks that it
is there; what follows is the event. Then the state has to be TO, and what was
sent since has to be the row's reply, nothing else. --check-rows only compares
the names of rows and cases, and needs no privilege.
"""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'wire'))

from harness import case, main	# noqa: E402

REPLIES = {'NONE': [], 'SYN': ['S'], 'SYN_ACK': ['SA'], 'ACK': ['A'],
           'FIN': ['FA'], 'RST': ['RA']}


def read_table():
    """{'FROM-EVENT': (to, reply, section)}; a row twice is an error."""
    rows = {}
    for path in (os.path.join(HERE, '..', '..', 'module', 'state_table.h'),
                 os.path.join(HERE, 'state_table.h')):
        if os.path.exists(path):
            break
    with open(path) as f:
        for fields in re.findall(r'^TCPX_T\((\w+),\s*(\w+),\s*(\w+),\s*(\w+),'
                                 r'\s*"([^"]*)"\)', f.read(), re.M):
            name = '-'.join(fields[:2])
            if name in rows:
                sys.exit('%s: %s is there twice' % (path, name))
            rows[name] = fields[2:]
    return rows


ROWS = read_table()
NAMES = []


def row(name, to=None, reply=None, **keywords):
    """to, reply: what an observer sees instead of what the row says."""
    NAMES.append(name)
    start = name.split('-')[0]
    row_to, row_reply, section = ROWS.get(name, (start, 'NONE', '?'))

    def register(steps):
        def run(c):
            # Nothing is sent again while a slow machine looks.
            if not c.stack.native and not name.endswith('TIMEOUT'):
                c.knob('rto_min_us', 5000000)
            flow = steps(c)
            next(flow)
            where_is(c, start, start)
            before = len(c.history)
            if next(flow, run) is not run:
                c.fail('the case has two events')
            where_is(c, start, to or row_to)
            c.collect()
            sent = [flags.replace('P', '') for flags in c.history[before:]]
            c.check(sent, REPLIES[reply or row_reply],
                    'what was sent at the transition')
        case('%s RFC 9293 %s' % (name, section), **keywords)(run)
    return register


def where_is(c, start, state):
    """The end of a listener, or of one of its requests, is seen there."""
    if state == 'LISTEN' and start != 'CLOSED':
        c.state('LISTEN')
        if start != 'LISTEN':
            c.state('CLOSED')
    elif state == 'CLOSED' and start == 'LISTEN':
        c.await_state('CLOSED', c.find_listener)
    else:
        c.state(state)


def check_rows():
    """Complaints about rows without a case and cases without a row."""
    return ['no case for the row ' + n for n in ROWS if n not in NAMES] + \
        ['no row for the case ' + n for n in NAMES if n not in ROWS]


def unanswered(c):
    """What is outstanding now is given up after 100 ms without an ACK."""
    c.setopt('TCP_USER_TIMEOUT', int(100 * c.bench.options.slow))


def given_up(c):
    """It happens; repetitions up to then are not the event's reply."""
    c.failed('ETIMEDOUT', timeout=10)
    c.collect()
    del c.history[:]


# -- CLOSED ----------------------------------------------------------------

@row('CLOSED-PASSIVE_OPEN')
def _(c):
    c.bind()
    yield
    c.listen()


@row('CLOSED-ACTIVE_OPEN')
def _(c):
    yield
    c.connect()
    c.expect('S', seq=0)


# -- LISTEN ----------------------------------------------------------------

@row('LISTEN-RCV_SYN')
def _(c):
    c.listen()
    yield
    c.inject('S', seq=0)
    c.expect('SA', seq=0, ack=1)


@row('LISTEN-CLOSE')
def _(c):
    c.listen()
    yield
    c.close_listener()


@row('LISTEN-ABORT')
def _(c):
    c.listen()
    yield
    c.abort_all()


@row('LISTEN-DISCONNECT')
def _(c):
    c.listen()
    yield
    c.disconnect()


# -- SYN-SENT --------------------------------------------------------------

@row('SYN_SENT-RCV_SYN')
def _(c):
    c.connect()
    c.expect('S', seq=0)
    yield
    c.inject('S', seq=0)
    c.expect('SA', seq=0, ack=1)


@row('SYN_SENT-RCV_SYN_ACK')
def _(c):
    c.connect()
    c.expect('S', seq=0)
    yield
    c.inject('SA', seq=0, ack=1)
    c.expect('A', seq=1, ack=1)


@row('SYN_SENT-CLOSE')
def _(c):
    c.connect()
    c.expect('S')
    yield
    c.close()


@row('SYN_SENT-RCV_RST')
def _(c):
    c.connect()
    c.expect('S')
    yield
    c.inject('RA', seq=0, ack=1)
    c.failed('ECONNREFUSED')


@row('SYN_SENT-ABORT')
def _(c):
    c.connect()
    c.expect('S')
    yield
    c.abort()


@row('SYN_SENT-DISCONNECT')
def _(c):
    c.connect()
    c.expect('S')
    yield
    c.disconnect()


@row('SYN_SENT-TIMEOUT')
def _(c):
    c.setopt('TCP_SYNCNT', 1)
    c.connect()
    c.expect('S')
    c.expect('S', seq=0, after=1)
    yield
    given_up(c)


# -- SYN-RECEIVED ----------------------------------------------------------

@row('SYN_RECEIVED-ACK_OF_SYN')
def _(c):
    c.half_open()
    yield
    c.inject('A')
    c.accept()


@row('SYN_RECEIVED-CLOSE')
def _(c):
    c.simultaneous()
    yield
    c.close()
    c.expect('FA', seq=1, ack=1)


@row('SYN_RECEIVED-RCV_SYN', native='it sends a RST besides')
def _(c):
    c.half_open()
    yield
    c.inject('S', seq=100, void=True)


@row('SYN_RECEIVED-RCV_RST')
def _(c):
    c.simultaneous()
    yield
    c.inject('R', seq=1)
    c.failed('ECONNREFUSED', 'ECONNRESET')


@row('SYN_RECEIVED-RCV_RST_PASSIVE')
def _(c):
    c.half_open()
    yield
    c.inject('R', seq=1)
    c.no_accept()


@row('SYN_RECEIVED-ABORT')
def _(c):
    c.simultaneous()
    yield
    c.abort()
    c.expect('RA', seq=1)


@row('SYN_RECEIVED-DISCONNECT')
def _(c):
    c.simultaneous()
    yield
    c.disconnect()
    c.expect('RA', seq=1)


@row('SYN_RECEIVED-TIMEOUT')
def _(c):
    c.setopt('TCP_SYNCNT', 1)
    c.simultaneous()
    yield
    given_up(c)


@row('SYN_RECEIVED-TIMEOUT_PASSIVE')
def _(c):
    c.knob('synack_retries', 1)
    c.half_open()
    c.expect('SA', seq=0, after=1)
    yield
    c.await_state('CLOSED', c.find_state, timeout=5)


# -- ESTABLISHED -----------------------------------------------------------

@row('ESTABLISHED-CLOSE')
def _(c):
    c.established()
    yield
    c.close()
    c.expect('FA', seq=1, ack=1)


@row('ESTABLISHED-RCV_FIN')
def _(c):
    c.established()
    yield
    c.inject('FA')
    c.expect('A', ack=2)
    c.recv_eof()


@row('ESTABLISHED-RCV_RST')
def _(c):
    c.established()
    yield
    c.inject('R', seq=1)
    c.failed('ECONNRESET')


@row('ESTABLISHED-ABORT')
def _(c):
    c.established()
    yield
    c.abort()
    c.expect('RA', seq=1)


@row('ESTABLISHED-DISCONNECT')
def _(c):
    c.established()
    yield
    c.disconnect()
    c.expect('RA', seq=1)


@row('ESTABLISHED-TIMEOUT')
def _(c):
    c.established()
    unanswered(c)
    yield
    c.send(10)
    given_up(c)


# -- FIN-WAIT-1 ------------------------------------------------------------

@row('FIN_WAIT_1-ACK_OF_FIN')
def _(c):
    c.fin_wait_1()
    yield
    c.inject('A', ack=2)


@row('FIN_WAIT_1-RCV_FIN')
def _(c):
    c.fin_wait_1()
    yield
    c.inject('FA', ack=1)
    c.expect('A', seq=2, ack=2)


@row('FIN_WAIT_1-RCV_RST')
def _(c):
    c.fin_wait_1()
    yield
    c.inject('R', seq=1)
    c.failed('ECONNRESET')


@row('FIN_WAIT_1-ABORT')
def _(c):
    c.fin_wait_1()
    yield
    c.abort()
    c.expect('RA')


@row('FIN_WAIT_1-DISCONNECT')
def _(c):
    c.fin_wait_1()
    yield
    c.disconnect()
    c.expect('RA')


@row('FIN_WAIT_1-TIMEOUT')
def _(c):
    c.established()
    unanswered(c)
    c.shutdown()
    c.expect('FA')
    yield
    given_up(c)


# -- FIN-WAIT-2 ------------------------------------------------------------

@row('FIN_WAIT_2-RCV_FIN')
def _(c):
    c.fin_wait_2()
    yield
    c.inject('FA', seq=1, ack=2)
    c.expect('A', seq=2, ack=2)


@row('FIN_WAIT_2-RCV_RST')
def _(c):
    c.fin_wait_2()
    yield
    c.inject('R', seq=1)
    c.failed('ECONNRESET')


@row('FIN_WAIT_2-ABORT')
def _(c):
    c.fin_wait_2()
    yield
    c.abort()
    c.expect('RA', seq=2)


@row('FIN_WAIT_2-DISCONNECT')
def _(c):
    c.fin_wait_2()
    yield
    c.disconnect()
    c.expect('RA', seq=2)


@row('FIN_WAIT_2-TIMEOUT')
def _(c):
    c.fin_wait_2()
    c.setopt('TCP_LINGER2', 1)
    c.close()
    yield
    c.await_state('CLOSED', c.find_state, timeout=5)


# -- CLOSE-WAIT ------------------------------------------------------------

@row('CLOSE_WAIT-CLOSE')
def _(c):
    c.close_wait()
    yield
    c.close()
    c.expect('FA', seq=1, ack=2)


@row('CLOSE_WAIT-RCV_RST')
def _(c):
    c.close_wait()
    yield
    c.inject('R', seq=2)
    c.failed('ECONNRESET', 'EPIPE')


@row('CLOSE_WAIT-ABORT')
def _(c):
    c.close_wait()
    yield
    c.abort()
    c.expect('RA', seq=1)


@row('CLOSE_WAIT-DISCONNECT')
def _(c):
    c.close_wait()
    yield
    c.disconnect()
    c.expect('RA', seq=1)


@row('CLOSE_WAIT-TIMEOUT')
def _(c):
    c.close_wait()
    unanswered(c)
    yield
    c.send(10)
    given_up(c)


# -- CLOSING ---------------------------------------------------------------

@row('CLOSING-ACK_OF_FIN')
def _(c):
    c.closing()
    yield
    c.inject('A', ack=2)


@row('CLOSING-RCV_RST')
def _(c):
    c.closing()
    yield
    c.inject('R', seq=2)


@row('CLOSING-ABORT')
def _(c):
    c.closing()
    yield
    c.abort()


@row('CLOSING-DISCONNECT')
def _(c):
    c.closing()
    yield
    c.disconnect()


@row('CLOSING-TIMEOUT')
def _(c):
    c.established()
    unanswered(c)
    c.shutdown()
    c.expect('FA')
    c.inject('FA', ack=1)
    c.expect('A')
    yield
    given_up(c)


# -- LAST-ACK --------------------------------------------------------------

@row('LAST_ACK-ACK_OF_FIN')
def _(c):
    c.last_ack()
    yield
    c.inject('A', seq=2, ack=2)


@row('LAST_ACK-RCV_RST')
def _(c):
    c.last_ack()
    yield
    c.inject('R', seq=2)


@row('LAST_ACK-ABORT')
def _(c):
    c.last_ack()
    yield
    c.abort()


@row('LAST_ACK-DISCONNECT')
def _(c):
    c.last_ack()
    yield
    c.disconnect()


@row('LAST_ACK-TIMEOUT')
def _(c):
    c.close_wait()
    unanswered(c)
    c.shutdown()
    c.expect('FA')
    yield
    given_up(c)


# -- TIME-WAIT -------------------------------------------------------------

@row('TIME_WAIT-RCV_SYN', to='SYN_RECEIVED', reply='SYN_ACK')
def _(c):
    c.accepted()
    c.close()
    c.expect('FA')
    c.inject('FA')
    c.expect('A')
    yield
    c.forget(iss=c.iss + 100000)
    c.inject('S', seq=0)
    c.expect('SA', seq=0, ack=1)


@row('TIME_WAIT-RCV_FIN')
def _(c):
    c.time_wait()
    yield
    c.inject('FA', seq=1, ack=2)
    c.expect('A', seq=2, ack=2)


@row('TIME_WAIT-ABORT')
def _(c):
    c.time_wait()
    yield
    c.abort_all()


@row('TIME_WAIT-TIMEOUT_2MSL')
def _(c):
    if not c.stack.native:
        c.knob('tw_timeout', 1)
    c.time_wait()
    yield
    c.await_state('CLOSED', c.find_state,
                  timeout=75 if c.stack.native else 3)


if __name__ == '__main__':
    wrong = check_rows()
    if wrong or '--check-rows' in sys.argv:
        print('KTAP version 1\n1..1')
        print('%sok 1 - each of %d rows has its case, %d cases a row' % (
            'not ' if wrong else '', len(ROWS), len(NAMES)))
        for text in wrong:
            print('# ' + text)
        sys.exit(bool(wrong))
    main()
