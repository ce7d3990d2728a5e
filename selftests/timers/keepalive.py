#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Keep-alives."""

import path	# noqa: F401
from harness import case, main


def count(c):
    return 9 if c.stack.native else 10


def idle(c):
    c.established()
    c.setopt('SO_KEEPALIVE', 1)
    c.mark()


def probe(c, **when):
    """SHLD-12: the octet before SND.NXT, no data."""
    c.expect('A', seq=c.dut_nxt - 1, **when)


@case('MUST-25 MAY-5 keep-alives are off')
def _(c):
    c.established()
    c.silent(4 * 3600)
    c.state('ESTABLISHED')


@case('MUST-24 MUST-28 SHLD-12 MAY-6 probes at 2 h, then 10 times 75 s, ETIMEDOUT')
def _(c):
    idle(c)
    for i in range(count(c)):
        probe(c, at=7200 + 75 * i)
    c.failed('ETIMEDOUT', at=7200 + 75 * count(c))
    c.state('CLOSED')


@case('an answered probe means alive, the next one 2 h later')
def _(c):
    idle(c)
    for _ in range(3):
        probe(c, after=7200)
        c.inject('A')
    c.state('ESTABLISHED')


@case('MUST-29 only the last probe is answered: alive')
def _(c):
    idle(c)
    for i in range(count(c)):
        probe(c, at=7200 + 75 * i)
    c.inject('A')
    c.mark()
    probe(c, at=7200)
    c.state('ESTABLISHED')


@case('MUST-27 TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT')
def _(c):
    c.established()
    c.setopt('TCP_KEEPIDLE', 5)
    c.setopt('TCP_KEEPINTVL', 2)
    c.setopt('TCP_KEEPCNT', 3)
    c.setopt('SO_KEEPALIVE', 1)
    c.mark()
    for t in 5, 7, 9:
        probe(c, at=t)
    c.failed('ETIMEDOUT', at=11)


@case('MUST-27 the knobs')
def _(c):
    c.knob('keepalive_time', 10)
    c.knob('keepalive_intvl', 3)
    c.knob('keepalive_probes', 2)
    idle(c)
    for t in 10, 13:
        probe(c, at=t)
    c.failed('ETIMEDOUT', at=16)


@case('MUST-27 TCP_KEEPIDLE set while idle counts from the last segment')
def _(c):
    idle(c)
    c.silent(5)
    c.setopt('TCP_KEEPIDLE', 20)
    probe(c, at=20)


@case('MUST-26 data received put the probe off')
def _(c):
    c.established()
    c.setopt('TCP_KEEPIDLE', 10)
    c.setopt('SO_KEEPALIVE', 1)
    c.silent(6)
    c.inject('PA', len=10)
    c.mark()
    c.expect('A')
    probe(c, at=10)


@case('MUST-26 no probe while data are outstanding')
def _(c):
    c.established()
    c.setopt('TCP_KEEPIDLE', 2)
    c.setopt('SO_KEEPALIVE', 1)
    c.send(10)
    c.expect('PA', seq=1, len=10)
    for i in range(6):
        c.expect('PA', seq=1, len=10, after=0.2 * 2 ** i)
    c.inject('A')
    c.mark()
    probe(c, at=2)


@case('MUST-24 SO_KEEPALIVE off again')
def _(c):
    c.established()
    c.setopt('TCP_KEEPIDLE', 5)
    c.setopt('SO_KEEPALIVE', 1)
    c.silent(2)
    c.setopt('SO_KEEPALIVE', 0)
    c.silent(20)


@case('TCP_USER_TIMEOUT overrides the number of probes')
def _(c):
    c.established()
    c.setopt('TCP_KEEPIDLE', 5)
    c.setopt('TCP_KEEPINTVL', 2)
    c.setopt('TCP_KEEPCNT', 100)
    c.setopt('TCP_USER_TIMEOUT', 10000)
    c.setopt('SO_KEEPALIVE', 1)
    c.mark()
    for t in 5, 7, 9:
        probe(c, at=t)
    c.failed('ETIMEDOUT', at=11)


@case('a half-closed connection is probed as well')
def _(c):
    c.established()
    c.setopt('TCP_KEEPIDLE', 5)
    c.setopt('SO_KEEPALIVE', 1)
    c.inject('FA')
    c.expect('A')
    c.mark()
    probe(c, at=5)


if __name__ == '__main__':
    main()
