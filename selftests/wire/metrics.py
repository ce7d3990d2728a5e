#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Metrics cache (RFC 9040): what a connection leaves for the next one."""

from flight import again, sacked, seg, sender
from harness import case, main
from tfo import again as another

SLOW = 0.15
RTO_MIN = 0.2


def kept(c):
    """The entry for the peer's address: a dictionary of numbers, or None."""
    with open('/proc/net/tcpx_metrics') as f:
        head, *rows = [line.split() for line in f]
    for row in rows:
        entry = dict(zip(head, row))
        if entry['remote'] == c.addr:
            c.check(entry['local'], c.dut_addr, 'our address')
            return {k: int(v) for k, v in entry.items()
                    if k not in ('local', 'remote')}
    return None


def begin(c, save=1):
    """Nothing is known; no probe hides the timer."""
    if not c.stack.native:
        c.knob('no_metrics_save', 1)
    c.knob('no_metrics_save', 1 - save)
    c.knob('early_retrans', 0)
    return c


def leave(c, rtt):
    """A connection with such round trips, until it is over."""
    c.established(rtt=rtt)
    c.send(10)
    c.expect('PA', len=10)
    c.pause(rtt)
    c.inject('A')
    c.abort()
    c.expect('RA')
    return another(c)


def times_out(c, rtt, after):
    """The next one, that loses its first segment."""
    c.established(rtt=rtt)
    c.send(10)
    c.expect('PA', len=10)
    c.mark()
    c.expect('PA', seq=1, len=10, between=(after - 0.02, after + 0.05))
    return c


@case('a slower connection before: the first RTO is its, tripled',
      native='its timers count jiffies')
def _(c):
    leave(begin(c), SLOW)
    times_out(c, 0, SLOW + 2 * SLOW)
    # What was expected is forgotten with the first sample.
    c.inject('A')
    c.send(10)
    c.expect('PA', len=10)
    c.inject('A')
    c.check(c.info()['rto'] // 1000 <= 1000 * (RTO_MIN + 0.05), True, 'RTO')


@case('the passive side as well', native='its timers count jiffies')
def _(c):
    begin(c).half_open()
    c.pause(SLOW)
    c.inject('A')
    c.accept()
    c.abort()
    c.expect('RA')
    another(c).accepted()
    c.send(10)
    c.expect('PA', len=10)
    c.mark()
    c.expect('PA', seq=1, len=10,
             between=(3 * SLOW - 0.02, 3 * SLOW + 0.05))


@case('a faster connection before makes no RTO shorter')
def _(c):
    leave(begin(c), 0)
    times_out(c, SLOW, SLOW + max(2 * SLOW, RTO_MIN))


@case('no_metrics_save: nothing is kept, nothing is used')
def _(c):
    leave(begin(c, save=0), SLOW)
    if not c.stack.native:
        c.check(kept(c), None, 'the entry')
    times_out(c, 0, RTO_MIN)


@case('the knob set later: what was kept is forgotten',
      native='what was saved is used')
def _(c):
    leave(begin(c), SLOW)
    c.check(kept(c)['srtt_us'] // 1000 in range(149, 180), True, 'SRTT')
    c.knob('no_metrics_save', 1)
    c.knob('no_metrics_save', 0)
    c.check(kept(c)['srtt_us'], 0, 'SRTT')
    times_out(c, 0, RTO_MIN)


@case('a longer SRTT counts at once, a shorter one by an eighth',
      native='netlink shows it')
def _(c):
    leave(begin(c), 0.08)
    low = kept(c)['srtt_us']
    c.check(low // 1000 in range(79, 90), True, 'SRTT of the first')
    leave(c, 0.16)
    high = kept(c)['srtt_us']
    c.check(high // 1000 in range(159, 175), True, 'a longer one')
    leave(c, 0.08)
    c.check(abs(kept(c)['srtt_us'] - (high - (high - low) // 8)) < 2000, True,
            'a shorter one')


@case('a connection that ended without an answer: nothing is expected')
def _(c):
    leave(begin(c), SLOW)
    c.established()
    c.send(10)
    c.expect('PA', len=10)
    c.expect('PA', seq=1, len=10, within=2)
    c.abort()
    c.expect('RA')
    another(c)
    times_out(c, 0, RTO_MIN)


@case('other addresses know nothing of it')
def _(c):
    leave(begin(c), SLOW)
    times_out(c.sibling(), 0, RTO_MIN)


@case('8985-3 reordering: the next one waits from the start',
      native='its window is of another kind')
def _(c):
    begin(c)
    sender(c, 10, sack=True)
    c.pause(0.03)
    sacked(c, (1, 2))
    c.inject('A', ack=seg(c, 10))
    c.check(kept(c), None, 'before the end')
    c.abort()
    c.expect('RA')
    c.check(kept(c)['reordered'], 1, 'reordered')
    another(c)
    sender(c, 10, sack=True)
    c.pause(0.03)
    sacked(c, (1, 8))
    again(c, 0, between=(0.003, 0.0125))


@case('no reordering: the next one does not', native='netlink shows it')
def _(c):
    leave(begin(c), 0.03)
    c.check(kept(c)['reordered'], 0, 'reordered')
    sender(c, 10, sack=True)
    c.pause(0.03)
    sacked(c, (1, 8))
    again(c, 0, between=(0, 0.003))


def halved(c):
    """A loss makes ssthresh half the flight; the repair is complete."""
    sender(c, 10, sack=True)
    c.pause(0.03)
    sacked(c, (1, 8))
    again(c, 0)
    c.inject('A', ack=seg(c, 10))
    c.collect()
    ssthresh = c.info()['snd_ssthresh']
    c.check(ssthresh, 5, 'ssthresh')
    c.abort()
    c.expect('RA')
    another(c)
    c.established()


@case('ssthresh is kept if the knob says so', native='it runs cubic here')
def _(c):
    begin(c)
    c.knob('no_ssthresh_metrics_save', 0)
    halved(c)
    c.check(c.info()['snd_ssthresh'] in (5, 3), True, 'ssthresh')


@case('ssthresh is not kept by default', native='it runs cubic here')
def _(c):
    halved(begin(c))
    c.check(c.info()['snd_ssthresh'] > 1000000, True, 'ssthresh')


@case('slow start beyond the old ssthresh: it is raised',
      native='it runs cubic here')
def _(c):
    begin(c)
    c.knob('no_ssthresh_metrics_save', 0)
    halved(c)
    first = kept(c)['ssthresh']
    c.abort()
    c.expect('RA')
    c.knob('no_ssthresh_metrics_save', 1)	# it begins without
    another(c)
    sender(c, 10, 30, sack=True)
    c.inject('A', ack=seg(c, 10))
    c.collect(0.01)
    c.knob('no_ssthresh_metrics_save', 0)
    cwnd = c.info()['snd_cwnd']
    c.check(cwnd, 20, 'cwnd')
    c.abort()
    c.expect('RA')
    c.check(kept(c)['ssthresh'], max(first, cwnd * 1000 // 2), 'ssthresh')


if __name__ == '__main__':
    main()
