#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Delayed acknowledgments."""

import path	# noqa: F401
from harness import case, main


def answer_carries_ack(c):
    c.inject('PA', len=100)
    c.recv(100)
    c.send(50)
    c.expect('PA', len=50)
    c.inject('A')
    c.silent(0.6)


@case('MUST-40 SHLD-18 a lone segment is acknowledged after 40 ms')
def _(c):
    c.established()
    c.past_quick_acks()
    c.inject('PA', len=100)
    c.expect('A', after=0.040)


@case('the first acknowledgments of a connection are delayed by 1 ms')
def _(c):
    c.established()
    for _ in range(3):
        c.inject('PA', len=100)
        c.expect('A', after=0.001)
    answer_carries_ack(c)


@case('after one that nothing carried, 16 are delayed by 1 ms again')
def _(c):
    c.established()
    c.past_quick_acks()
    c.inject('PA', len=100)
    c.expect('A', after=0.040)
    for _ in range(16):
        c.inject('PA', len=100)
        c.expect('A', after=0.001)
    c.inject('PA', len=100)
    c.expect('A', after=0.040)


@case('TCP_QUICKACK 0: they are delayed from the start, and stay so')
def _(c):
    c.established()
    c.setopt('TCP_QUICKACK', 0)
    for _ in range(3):
        c.inject('PA', len=100)
        c.expect('A', after=0.040)


@case('of two small pushed segments the reader tells who has read all')
def _(c):
    c.established()
    c.past_quick_acks()
    c.inject('PA', len=100)
    c.recv(100)
    c.silent(0.005)
    c.inject('PA', len=100)
    c.recv(50)
    c.silent(0.005)
    c.recv(50)
    c.expect('A', between=(0.005, 0.006))
    c.inject('A', len=100)
    c.inject('A', len=100)
    c.recv(200)
    c.silent(0.005)
    c.expect('A')


@case('MUST-40 never later than 500 ms, however the segments are spaced')
def _(c):
    c.established()
    c.past_quick_acks()
    for gap in 0.3, 0.01, 0.1, 0.6, 1, 3, 0.05, 10:
        c.inject('PA', len=100)
        c.expect('A', between=(0, 0.5))
        c.pause(gap)


@case('an answer carries the acknowledgment')
def _(c):
    c.established()
    c.past_quick_acks()
    answer_carries_ack(c)


@case('TCP_QUICKACK sends the delayed acknowledgment at once')
def _(c):
    c.established()
    c.past_quick_acks()
    c.inject('PA', len=100)
    c.recv(100)
    c.setopt('TCP_QUICKACK', 1)
    c.expect('A', between=(0, 0.020))


@case('MUST-60 a corked segment leaves after 200 ms')
def _(c):
    c.established()
    c.setopt('TCP_CORK', 1)
    c.send(10)
    c.expect('PA', len=10, after=0.200)


if __name__ == '__main__':
    main()
