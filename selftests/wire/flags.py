#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Every combination of the nine control bits in every state (SEC-26).

What has to come back, and the state after, is computed by a model of
RFC 9293 3.10.7 and RFC 5961 that reads as the RFC does and knows nothing of
the stack's own table. Segments have no text. A connection is used until
something ends it or moves it on.
"""

import itertools
import socket

from codec import FLAGS, seq_diff
from harness import case, main
from program import STATES

GONE = 'CLOSED'
SYNCHRONIZED = {
    'ESTABLISHED': lambda c: c.established(),
    'FIN_WAIT_1': lambda c: c.fin_wait_1(),
    'FIN_WAIT_2': lambda c: c.fin_wait_2(),
    'CLOSE_WAIT': lambda c: c.close_wait(),
    'CLOSING': lambda c: c.closing(),
    'LAST_ACK': lambda c: c.last_ack(),
    'TIME_WAIT': lambda c: c.time_wait(),
}
SEQS = {'at': 0, 'in': 1, 'before': -2}		# from RCV.NXT
ACKS = ('una', 'nxt', 'above')			# SND.UNA, SND.NXT, and beyond


# -- the model: (replies that are right, state after) ------------------------

def in_closed(f, seq, ack):
    """3.10.7.1"""
    if 'R' in f:
        return [''], GONE
    return (['R'] if 'A' in f else ['RA']), GONE


def in_listen(f, seq, ack):
    """3.10.7.2; a SYN with FIN is dropped (SM-5)"""
    if 'R' in f:
        return [''], GONE
    if 'A' in f:
        return ['R'], GONE
    if 'S' in f and 'F' not in f:
        return ['SA'], 'SYN_RECEIVED'
    return [''], GONE


def in_syn_sent(f, seq, ack):
    """3.10.7.3; SND.UNA is the ISS, SND.NXT the only acceptable ACK"""
    if 'A' in f and ack != 'nxt':
        return ['' if 'R' in f else 'R'], 'SYN_SENT'
    if 'R' in f:
        return [''], GONE if 'A' in f else 'SYN_SENT'
    if 'S' not in f:
        return [''], 'SYN_SENT'
    if 'A' not in f:
        return ['SA'], 'SYN_RECEIVED'
    return ['A'], 'CLOSE_WAIT' if 'F' in f else 'ESTABLISHED'


def in_others(state, f, seq, ack, passive=False):
    """3.10.7.4, with the window open"""
    # first: sequence number; with no text only what is before fails
    if seq == 'before' and not ('S' in f and 'R' not in f):
        return ['' if 'R' in f else 'A'], state
    # second: RST (RFC 5961 3); TIME-WAIT is not ended by it (RFC 1337)
    if 'R' in f:
        if state == 'TIME_WAIT':
            return [''], state
        return ([''], GONE) if seq == 'at' else (['A'], state)
    # fourth: SYN (RFC 5961 4); a passive SYN-RECEIVED returns to LISTEN
    if 'S' in f:
        if passive and seq != 'before':
            return [''], GONE
        return ['A'], state
    # fifth: ACK
    if 'A' not in f:
        return [''], state
    if state == 'SYN_RECEIVED':
        if ack != 'nxt':
            return ['R'], state
        state = 'ESTABLISHED'
    elif ack == 'above':
        return ['A'], state
    if ack == 'nxt':
        state = {'FIN_WAIT_1': 'FIN_WAIT_2', 'CLOSING': 'TIME_WAIT',
                 'LAST_ACK': GONE}.get(state, state)
    # eighth: FIN; out of order it is kept and acknowledged
    if 'F' not in f or state == GONE:
        return [''], state
    if seq != 'at':
        may_receive = state in ('ESTABLISHED', 'FIN_WAIT_1', 'FIN_WAIT_2')
        return (['A'] if may_receive else ['', 'A']), state
    if state in ('CLOSE_WAIT', 'CLOSING', 'LAST_ACK', 'TIME_WAIT'):
        return ['', 'A'], state		# a second FIN: nothing new
    return ['A'], {'ESTABLISHED': 'CLOSE_WAIT', 'FIN_WAIT_1': 'CLOSING',
                   'FIN_WAIT_2': 'TIME_WAIT'}[state]


# -- the sweep -----------------------------------------------------------------

def combinations(letters):
    for size in range(len(letters) + 1):
        yield from map(''.join, itertools.combinations(letters, size))


def stimuli(family):
    """(flags, where SEQ is, where ACK is): all 512 once, of IPv4, since no
    code looks at both; and those bits that decide with every kind of number. A
    RST at RCV.NXT ends the connection: the bits that do not matter go with one
    in the window."""
    for flags in combinations(FLAGS) if family == 4 else ():
        yield flags, 'in' if 'R' in flags else 'at', 'nxt'
    for flags in combinations('FSRAU'):
        for seq, ack in itertools.product(SEQS, ACKS):
            yield flags, seq, ack


def shoot(c, flags, seq, ack):
    """Inject; what came back at once, as its flags."""
    opts = [('mss', c.mss)] if 'S' in flags else None
    una = 0 if c.find_una is None else c.find_una(c)
    c.inject(flags, seq=c.nxt + SEQS[seq], opts=opts, void=True, ack={
        'una': una, 'nxt': c.dut_nxt, 'above': c.dut_nxt + 1}[ack])
    got = []
    while (seg := c.pull(0)) is not None:
        letters = ''.join(x for x in seg.flags if x in 'SARF')
        if letters == 'A':
            c.check(seq_diff(seg.seq, c.dut_iss), c.dut_nxt, 'SEQ of the ACK')
        if letters == 'R':
            c.check(seq_diff(seg.seq, c.dut_iss or 0),
                    {'una': una, 'nxt': c.dut_nxt,
                     'above': c.dut_nxt + 1}[ack], 'SEQ of the RST')
        got.append(letters)
    return ' '.join(got)


def state_of(c):
    """The socket's, if it has one that is open; /proc costs more."""
    if c.sock and c.sock.fileno() >= 0:
        number = c.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        if STATES[number] != GONE:
            return STATES[number]
    return c.find_state()


def lift_limits(c):
    """All that would be answered is answered, and nothing else sent."""
    c.no_timeouts()
    c.knob('invalid_ratelimit', 0)
    c.knob('challenge_ack_limit', 1 << 30)


def sweep(c, state, reach, model, una=None):
    lift_limits(c)
    twin = None
    for flags, seq, ack in stimuli(c.family):
        if twin is None:
            twin = c.sibling()
            reach(twin)
            twin.find_una = una
            twin.collect(0)
            twin.check(twin.find_state(), state, 'the state reached')
        replies, after = model(flags, seq, ack)
        if state == 'FIN_WAIT_1' and after == 'CLOSING' and ack == 'nxt':
            after = 'TIME_WAIT'
        got = shoot(twin, flags, seq, ack)
        if got not in replies:
            c.fail('%s, SEQ %s, ACK %s: answered by %r, not %r' % (
                flags or 'no flags', seq, ack, got, ' or '.join(replies)))
        found = state_of(twin)
        if found != after:
            c.fail('%s, SEQ %s, ACK %s: %s, not %s' % (
                flags or 'no flags', seq, ack, found, after))
        if after != state or 'F' in flags and seq == 'in' and got == 'A':
            if got == 'SA':
                twin.nxt = SEQS[seq] + 1
            end(c, twin, after)
            twin = None


def end(c, twin, state):
    """Leave nothing of it behind, not even in the queue of the listener."""
    if c.lsock and state in ('ESTABLISHED', 'CLOSE_WAIT'):
        twin.accept()
    twin.finish()
    c.children.remove(twin)
    del c.log[:]


def una_of(state):
    """SND.UNA: our FIN is outstanding in these, and nothing in others."""
    if state in ('FIN_WAIT_1', 'CLOSING', 'LAST_ACK'):
        return lambda c: c.dut_nxt - 1
    return lambda c: c.dut_nxt


for name, way in SYNCHRONIZED.items():
    def of_state(c, name=name, way=way):
        sweep(c, name, way,
              lambda f, s, a: in_others(name, f, s, a), una_of(name))
    case('SEC-26 SM-3 SM-11 SM-13 SM-16 all control bits, in ' + name,
         native='it has rules of its own for ACK and RST')(of_state)


@case('SEC-26 SM-3 SM-15 all control bits, in active SYN_RECEIVED',
      native='the FIN on the ACK of its SYN is acknowledged later')
def _(c):
    sweep(c, 'SYN_RECEIVED', lambda t: t.simultaneous(mss=1460),
          lambda f, s, a: in_others('SYN_RECEIVED', f, s, a), lambda t: 0)


@case('SEC-26 SM-3 SM-15 all control bits, in passive SYN_RECEIVED',
      native='a SYN gets a RST')
def _(c):
    c.listen()
    sweep(c, 'SYN_RECEIVED', lambda t: t.half_open(),
          lambda f, s, a: in_others('SYN_RECEIVED', f, s, a, True),
          lambda t: 0)


@case('SEC-26 SM-6 SM-7 SM-8 all control bits, in SYN_SENT',
      native='the FIN of a SYN,ACK is left to be repeated')
def _(c):
    def reach(twin):
        twin.connect()
        twin.expect('S', seq=0)
    sweep(c, 'SYN_SENT', reach, in_syn_sent, lambda t: 0)


@case('SEC-26 SM-3 SM-4 SM-5 all control bits, in LISTEN')
def _(c):
    c.listen()
    sweep(c, GONE, lambda t: None, in_listen)
    c.state('LISTEN')
    c.no_accept()


@case('SEC-26 SM-1 SM-2 SM-3 all control bits, in CLOSED')
def _(c):
    c.bind()
    c.sock.close()
    sweep(c, GONE, lambda t: None, in_closed)


if __name__ == '__main__':
    main()
