#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Segments for nobody."""

from codec import combinations
from harness import case, main


@case('SM-1 CLOSED: a segment without ACK gets RST,ACK of all of it')
def _(c):
    c.bind()
    for flags, size, end in (('S', 0, 1), ('S', 10, 11), ('F', 0, 1), ('', 0, 0),
                             ('P', 5, 5), ('SF', 3, 5), ('PU', 1, 1)):
        c.inject(flags, seq=0, len=size, void=True)
        c.expect('RA', seq=0, ack=end)


@case('SM-2 CLOSED: a segment with ACK gets RST at that number')
def _(c):
    c.bind()
    for flags in 'A', 'SA', 'FA', 'PA', 'PUA':
        c.inject(flags, seq=5, ack=777, void=True)
        c.expect('R', seq=777)


@case('SM-3 CLOSED: a RST gets nothing')
def _(c):
    c.bind()
    for flags in 'R', 'RA', 'SR', 'RF', 'SRA':
        c.inject(flags, seq=5, ack=777, len=3, void=True)
        c.silent(0.003)


@case('SEC-26 SM-1 SM-2 SM-3 CLOSED: all 512 combinations of the flags')
def _(c):
    c.bind()
    for flags in combinations():
        c.inject(flags, seq=5, ack=777, void=True)
        if 'R' in flags:
            continue
        if 'A' in flags:
            c.expect('R', seq=777)
        else:
            c.expect('RA', seq=0, ack=5 + ('S' in flags) + ('F' in flags))
        c.log.clear()
    c.silent()


@case('MUST-3 CLOSED: a bad checksum gets nothing')
def _(c):
    c.bind()
    c.inject('S', seq=0, bad_checksum=True)
    c.inject('A', seq=0, ack=9, bad_checksum=True)
    c.silent()


@case('ING-02 truncated headers and wrong data offsets get nothing')
def _(c):
    c.listen()
    for size in range(0, 20, 3):
        c.inject('S', seq=0, truncate=size)
    for doff in 0, 1, 4, 7, 15:
        c.inject('S', seq=0, opts=[('raw', b'\1' * 4)], doff=doff)
    c.silent()
    c.sibling().accepted()


if __name__ == '__main__':
    main()
