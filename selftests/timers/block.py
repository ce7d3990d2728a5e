#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Calls that block for a bounded time."""

import struct

import path	# noqa: F401
from harness import case, main


def seconds(s):
    return struct.pack('ll', int(s), int(s % 1 * 1e6))


@case('SO_RCVTIMEO ends a blocking recv()')
def _(c):
    c.established()
    c.sock.setblocking(True)
    c.setopt('SO_RCVTIMEO', seconds(1.5))
    c.background(c.sock.recv, 10).finish('EAGAIN', after=1.5)
    c.inject('PA', len=10)
    c.expect('A')
    c.recv(10)


@case('SO_SNDTIMEO ends a blocking send()')
def _(c):
    c.established()
    c.inject('A', win=0)
    while True:
        try:
            c.sock.send(b'x' * 65536)
        except BlockingIOError:
            break
    c.sock.setblocking(True)
    c.setopt('SO_SNDTIMEO', seconds(1.5))
    c.background(c.sock.send, b'x' * 65536).finish('EAGAIN', after=1.5)


@case('SO_RCVTIMEO ends a blocking accept()')
def _(c):
    c.listen()
    c.lsock.setblocking(True)
    c.setopt('SO_RCVTIMEO', seconds(1.5))
    c.background(c.lsock.accept).finish('EAGAIN', after=1.5)


@case('SO_LINGER: close() blocks until the data are acknowledged')
def _(c):
    c.established()
    c.linger(30)
    c.send(10)
    c.expect('PA', seq=1, len=10)
    call = c.background(c.sock.close)
    c.expect('FA', seq=11)
    c.inject('A', ack=12)
    call.finish()


@case('SO_LINGER: close() blocks no longer than that, the rest goes on')
def _(c):
    c.established()
    c.linger(3)
    c.send(10)
    c.expect('PA', seq=1, len=10)
    call = c.background(c.sock.close)
    c.expect('FA', seq=11)
    call.finish(after=3)
    c.state('FIN_WAIT_1')
    c.collect()
    c.inject('A', ack=12)
    c.state('FIN_WAIT_2')


if __name__ == '__main__':
    main()
