#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Opening a connection: options, initial sequence numbers, odd answers."""

from harness import case, main


@case('SM-7 syn-sent: RST without ACK is ignored')
def _(c):
    c.connect()
    c.expect('S', seq=0)
    c.inject('R', seq=0)
    c.silent()
    c.inject('SA', seq=0, ack=1)
    c.expect('A', seq=1, ack=1)
    c.state('ESTABLISHED')


@case('SM-7 syn-sent: RST with ACK of our SYN refuses')
def _(c):
    c.connect()
    c.expect('S', seq=0)
    c.inject('RA', seq=0, ack=1)
    c.poll('IN OUT ERR HUP RDHUP')
    c.error('ECONNREFUSED')
    c.state('CLOSED')


if __name__ == '__main__':
    main()
