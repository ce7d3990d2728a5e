#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""TIME-WAIT lasts 2 MSL, FIN-WAIT-2 of an orphan fin_timeout."""

import path	# noqa: F401
from harness import case, main


def lasts(c, seconds, state):
    """The state is held for this long after mark(), and not much longer."""
    low, high = c.slack(seconds)
    c.silent_until(min(low, seconds - 0.05))
    c.state(state)
    c.silent_until(high + 0.1)
    c.state('CLOSED')


@case('MUST-13 TIME-WAIT lasts 60 s')
def _(c):
    c.time_wait()
    c.mark()
    lasts(c, 60, 'TIME_WAIT')
    c.inject('FA', seq=1, ack=2)
    c.expect('R', seq=2)


@case('MUST-13 TIME-WAIT starts again when the FIN is repeated')
def _(c):
    c.time_wait()
    c.silent(40)
    c.inject('FA', seq=1, ack=2)
    c.expect('A', seq=2, ack=2)
    c.mark()
    lasts(c, 60, 'TIME_WAIT')


@case('SM-19 TIME-WAIT does not start again for an ACK or old data',
      native='anything out of the window makes it start again')
def _(c):
    c.time_wait()
    c.mark()
    c.silent(20)
    c.inject('A', seq=1, ack=2)
    c.collect()
    c.silent(20)
    c.inject('PA', seq=1, ack=2, len=1, void=True)
    c.collect()
    lasts(c, 60, 'TIME_WAIT')


@case('MUST-13 after CLOSING, too')
def _(c):
    c.closing()
    c.inject('A')
    c.mark()
    lasts(c, 60, 'TIME_WAIT')


@case('SEC-30 FIN-WAIT-2 of an orphan lasts 60 s')
def _(c):
    c.fin_wait_2()
    c.close()
    c.mark()
    lasts(c, 60, 'FIN_WAIT_2')


@case('TCP_LINGER2 shortens FIN-WAIT-2 of an orphan')
def _(c):
    c.fin_wait_2()
    c.setopt('TCP_LINGER2', 5)
    c.close()
    c.mark()
    lasts(c, 5, 'FIN_WAIT_2')


@case('the knob fin_timeout')
def _(c):
    c.knob('fin_timeout', 20)
    c.fin_wait_2()
    c.close()
    c.mark()
    lasts(c, 20, 'FIN_WAIT_2')


@case('a FIN for an orphan in FIN-WAIT-2: TIME-WAIT, 60 s from there')
def _(c):
    c.fin_wait_2()
    c.close()
    c.silent(30)
    c.inject('FA')
    c.expect('A')
    c.mark()
    lasts(c, 60, 'TIME_WAIT')


@case('SEC-30 FIN-WAIT-2 with a reader lasts')
def _(c):
    c.fin_wait_2()
    c.silent(600)
    c.state('FIN_WAIT_2')
    c.inject('PA', len=100)
    c.expect('A')
    c.recv(100)


if __name__ == '__main__':
    main()
