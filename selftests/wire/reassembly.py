#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Reassembly: who wins an overlap, what is reported, what a middlebox does."""

from harness import case, main, seq_diff
from peer import pattern

QUEUED = 101, 201
# How a segment may lie to the queued one: Allen's thirteen relations.
ALLEN = {
    'before': (41, 81), 'meets': (61, 101), 'overlaps': (61, 151),
    'starts': (101, 151), 'during': (121, 181), 'finishes': (151, 201),
    'equals': (101, 201), 'finished by': (61, 201),
    'contains': (61, 261), 'started by': (101, 261),
    'overlapped by': (151, 261), 'met by': (201, 241), 'after': (221, 261),
}


class Model:
    """What a receiver holds that keeps the bytes that came first."""

    def __init__(self):
        self.bytes = {}

    @property
    def ack(self):
        at = 1
        while at in self.bytes:
            at += 1
        return at

    def run(self, at):
        """The contiguous range that holds `at`."""
        left = right = at
        while left - 1 in self.bytes:
            left -= 1
        while right in self.bytes:
            right += 1
        return left, right

    def take(self, left, right, letter):
        """The SACK blocks that must come first in the ACK."""
        known = [at for at in range(left, right) if at in self.bytes]
        first = []
        if known:
            end = known[0]
            while end < right and end in self.bytes:
                end += 1
            first.append((known[0], end))
        for at in range(left, right):
            self.bytes.setdefault(at, letter)
        if right > self.ack:
            first.append(self.run(left))
        return first


def arrive(c, model, left, right, letter):
    """A segment of one letter: its ACK tells the truth, and all of it."""
    first = model.take(left, right, letter)
    c.inject('A', seq=left, data=letter * (right - left))
    got = c.expect('A', ack=model.ack)
    sack = [(seq_diff(a, c.iss), seq_diff(b, c.iss))
            for a, b in got.option('sack') or ()]
    c.check(sack[:len(first)], first, 'the start of the SACK option')
    for a, b in sack[len(first):]:
        if a <= model.ack or model.run(a) != (a, b):
            c.fail('block %d-%d is not what is held' % (a, b))


def overlap(c, steps):
    twin, model = c.sibling(), Model()
    twin.established(sack=True)
    for left, right, letter in steps:
        arrive(twin, model, left, right, letter)
    data = b''.join(model.bytes[at] for at in range(1, model.ack))
    twin.recv(data)
    twin.recv_nothing()
    twin.abort()
    twin.collect()


@case('SEC-08 2883-2 13 overlaps, other bytes, out of order: the first wins',
      native='a segment that covers a queued one replaces it')
def _(c):
    a = QUEUED + (b'a',)
    for relation in ALLEN.values():
        b = relation + (b'b',)
        overlap(c, [a, b, (1, 301, b'c')])
        overlap(c, [b, a, (1, 301, b'c')])


@case('SEC-08 13 overlaps, other bytes, in order: the first wins',
      native='a segment in order replaces what is queued')
def _(c):
    a = QUEUED + (b'a',)
    for left, right in ALLEN.values():
        b = left, right, b'b'
        if left < a[0]:
            overlap(c, [a, (1, left, b'x'), b, (1, 301, b'c')])
        overlap(c, [(1, a[0], b'x'), a, b, (1, 301, b'c')])
        overlap(c, [(1, left, b'x'), b, a, (1, 301, b'c')])


@case('SEC-08 one segment over many queued ones fills every gap',
      native='a segment that covers a queued one replaces it')
def _(c):
    queued = [(at, at + 10, b'a') for at in range(41, 241, 20)]
    c.random.shuffle(queued)
    overlap(c, queued + [(21, 301, b'b'), (1, 21, b'c')])
    overlap(c, queued + [(1, 301, b'b')])


@case('SEC-08 a FIN behind an overlap closes once all has come')
def _(c):
    c.established(sack=True)
    c.inject('A', seq=11, len=10)
    c.expect('A', ack=1, sack=[(11, 21)])
    c.inject('FA', seq=6, len=20)
    c.expect('A', ack=1)
    c.inject('A', seq=1, len=8)
    c.expect('A', ack=27)
    c.recv(25)
    c.recv_eof()


@case('2883-2 a duplicate of an old block: the block follows the D-SACK')
def _(c):
    c.established(sack=True)
    for left in 11, 31, 51, 71, 91:
        c.inject('A', seq=left, len=10)
        c.expect('A', ack=1)
    c.inject('A', seq=33, len=4)
    c.expect('A', ack=1, sack=[(33, 37), (31, 41), (91, 101), (71, 81)])
    c.inject('A', seq=11, len=10)
    c.expect('A', ack=1, sack=[(11, 21), (11, 21), (31, 41), (91, 101)])


@case('SHLD-31 out-of-order segments are queued, whatever their order')
def _(c):
    for turn in range(6):
        twin = c.sibling()
        twin.established(sack=turn % 2 == 0)
        order = list(range(1, 3001, 100))
        c.random.shuffle(order)
        for at in order:
            twin.inject('A', seq=at, len=100)
        twin.collect(0.1)
        twin.check(seq_diff(twin.got.ack, twin.iss), 3001, 'the last ACK')
        twin.recv(3000)
        twin.recv_nothing()


# -- a middlebox -----------------------------------------------------------

def box(c, data, start):
    """Cut, merge, repeat, reorder: pieces of the stream from `start` on."""
    pieces, at = [], 0
    while at < len(data):
        size = c.random.choice((1, 3, 100, 536, 1000, c.mss))
        pieces.append((start + at, data[at:at + size]))
        at += size
    for _ in range(len(pieces) // 4):
        seq, piece = c.random.choice(pieces)
        back = min(c.random.randrange(200), seq - start)
        pieces.append((seq - back,
                       data[seq - back - start:seq - start + len(piece)][
                           :c.mss]))
    for i in range(len(pieces) - 1):
        other = min(len(pieces) - 1, i + c.random.randrange(8))
        pieces[i], pieces[other] = pieces[other], pieces[i]
    return pieces


@case('SEC-42 a middlebox cuts, merges, repeats, reorders: to the program')
def _(c):
    for offer in {}, {'sack': True}, {'sack': True, 'ts': True, 'ws': 7}:
        twin = c.sibling()
        twin.established(**offer)
        if offer.get('ts'):
            twin.mss -= 12
        at = 1
        for _ in range(10):
            data = pattern(at - 1, 6000)
            for seq, piece in box(twin, data, at):
                twin.inject('A', seq=seq, data=piece)
            at += len(data)
            twin.collect(0.001)
            # The end may have been dropped for lack of memory.
            while (have := seq_diff(twin.got.ack, twin.iss)) < at:
                twin.inject('A', seq=have, len=min(1000, at - have))
                twin.collect(0.001)
            twin.recv(len(data))
        twin.recv_nothing()


@case('SEC-42 a middlebox cuts what the program sends, and its ACKs')
def _(c):
    c.established(sack=True, mss=1000)
    c.setopt('SO_SNDBUF', 200000)
    c.send(60000)
    have, held = 1, set()
    while have < 60001:
        seg = c.pull(3)
        if seg is None:
            c.fail('stuck at %d' % have)
        c.seen(seg)
        left, right = c.rel(seg)
        while left < right:
            end = min(right, left + c.random.choice((1, 77, 500, 1000)))
            if c.random.random() < 0.9:
                held.update(range(left, end))
            left = end
        while have in held:
            have += 1
        above, end = None, None
        for at in range(have, c.dut_nxt):
            if at in held:
                above, end = above or at, at + 1
            elif above:
                break
        c.inject('A', ack=have, sack=[(above, end)] if above else None)
    c.collect()
    c.inject('A')
    c.silent()


@case('SEC-42 options stripped from the SYN,ACK: data flow without')
def _(c):
    c.connect()
    c.expect('S')
    c.inject('SA', opts=[])
    c.expect('A', opts={'ts': None, 'sack': None})
    c.send(3000)
    for seg in c.take(2):
        if len(seg.data) > (536 if c.family == 4 else 1220):
            c.fail('segments larger than the default')
    c.collect()
    c.inject('A', len=10)
    c.collect(0.1)
    c.check(c.dut_nxt, 3001, 'what was sent')
    c.check(seq_diff(c.got.ack, c.iss), 11, 'the last ACK')
    c.recv(10)


if __name__ == '__main__':
    main()
