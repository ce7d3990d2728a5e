#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Fast Open: what is remembered, and for how long."""

import time

import path	# noqa: F401
from harness import case, main
from tfo import COOKIE, TEXT, again, ask, learn, opened, serve, start, syn, \
    syn_ack


def wait_until(zero, s):
    """s seconds after zero."""
    time.sleep(max(0, zero + s - time.monotonic()))


def attempt(c, text):
    """The next connection: with text and the option, or without both?"""
    again(c)
    start(c, TEXT, None if text else 'EINPROGRESS')
    c.expect('S', seq=0, len=TEXT if text else 0,
             opts={'fo': COOKIE if text else None})


@case('7413-6 a RST counts for a minute, not for ever')
def _(c):
    serve(c, 1)
    cookie = ask(c)
    opened(c, cookie)
    c.inject('R', seq=1 + TEXT)
    zero = time.monotonic()
    c.failed('ECONNRESET')
    for s in 1, 30, 59:
        wait_until(zero, s)
        again(c)
        syn(c, cookie, TEXT)
        c.expect('SA', seq=0, ack=1, opts={'fo': None})
        c.inject('R', seq=1)
    wait_until(zero, 66)
    again(c)
    opened(c, cookie)
    c.recv(TEXT)


@case('7413-3 a child whose final ACK never comes gives its place back')
def _(c):
    c.knob('synack_retries', 1)
    serve(c, 1)
    cookie = ask(c)
    opened(c, cookie)
    c.recv(TEXT)
    c.mark()
    for s in 1, 3:
        c.expect('SA', seq=0, ack=1 + TEXT, at=s)
    c.failed('ETIMEDOUT', at=7)
    again(c)
    opened(c, cookie)


@case('7413-3 the same when its program has closed it',
      native='its FIN waits for the final ACK')
def _(c):
    c.knob('synack_retries', 1)
    serve(c, 1)
    cookie = ask(c)
    opened(c, cookie)
    c.recv(TEXT)
    c.mark()
    c.close()
    c.expect('FA', seq=1, ack=1 + TEXT)
    for s in 1, 3:
        c.expect('SA', seq=0, ack=1 + TEXT, at=s)
    c.silent_until(7.1)
    c.state('CLOSED')
    again(c)
    opened(c, cookie)


@case('7413-4 a failure is remembered for a minute, then for two',
      native='it tries again at once')
def _(c):
    learn(c)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT, opts={'fo': COOKIE})
    syn_ack(c, ack=1)
    zero = time.monotonic()
    c.expect('PA', seq=1, len=TEXT)
    wait_until(zero, 58)
    attempt(c, False)
    syn_ack(c)
    c.expect('A')
    wait_until(zero, 62)
    attempt(c, True)
    syn_ack(c, ack=1)
    zero = time.monotonic()
    c.expect('PA', seq=1, len=TEXT)
    wait_until(zero, 118)
    attempt(c, False)
    wait_until(zero, 122)
    attempt(c, True)
    # What works is a new beginning.
    syn_ack(c)
    c.expect('A')
    attempt(c, True)


@case('7413-4 no answer at all is remembered', native='it tries again at once')
def _(c):
    learn(c)
    c.setopt('TCP_SYNCNT', 1)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT, opts={'fo': COOKIE})
    c.mark()
    c.expect('S', seq=0, len=0, at=1)
    c.failed('ETIMEDOUT', at=3)
    attempt(c, False)


@case('7413-4 a black hole: the pause is doubled, and data end that')
def _(c):
    c.knob('fastopen_blackhole_timeout_sec', 10)
    learn(c)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT, opts={'fo': COOKIE})
    for pause in 10, 20, 40:
        syn_ack(c)
        c.expect('A')
        c.inject('R', seq=100, void=True)
        zero = time.monotonic()
        c.expect('A')
        for s in 1, pause - 1:
            wait_until(zero, s)
            attempt(c, False)
        wait_until(zero, pause + 1.5)
        attempt(c, True)
    syn_ack(c)
    c.expect('A')
    c.inject('PA', len=10)
    c.recv(10)
    c.abort()
    c.collect()
    attempt(c, True)
    syn_ack(c)
    c.expect('A')
    c.inject('R', seq=100, void=True)
    zero = time.monotonic()
    c.expect('A')
    wait_until(zero, 11.5)
    attempt(c, True)


@case('7413-4 the third timeout in a row is a black hole')
def _(c):
    c.knob('fastopen_blackhole_timeout_sec', 3600)
    learn(c)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT, opts={'fo': COOKIE})
    syn_ack(c)
    c.expect('A')
    with c.stack.counts(FastOpenBlackhole=1, FastOpenActiveFail=1):
        c.send(10)
        c.expect('PA', len=10)
        for _ in range(4):
            c.expect('PA', seq=1 + TEXT, len=10, within=30)
    attempt(c, False)


if __name__ == '__main__':
    main()
