#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Loss recovery with SACK (RFC 6675), and peers that abuse it."""

import os
import socket

from flight import (again, cost, deaf, drain, numbers, packet, sacked, seg,
                    sender)
from harness import Stack, case, main, meminfo


# Fewer where everything takes long.
SEGMENTS = int(os.environ.get('SACK_SEGMENTS', 10000))


# -- RFC 6675 --------------------------------------------------------------

def counted(c, *args, **offer):
    """A flight whose losses are found by counting, not by RACK-TLP."""
    if not c.stack.native:
        c.knob('recovery', 0)
        c.knob('early_retrans', 0)
    return sender(c, *args, sack=True, **offer)


@case('6675-1 a dup ACK is one with new SACK information, and nothing else',
      native='RACK, after less than a round trip')
def _(c):
    counted(c)
    for _ in range(5):
        c.inject('A', ack=1)
    for _ in range(5):
        sacked(c, (2, 3))
    c.silent(0.02)
    c.inject('PA', ack=1, len=10, sack=[(seg(c, 4), seg(c, 5))])
    c.inject('A', ack=1, win=60000, sack=[(seg(c, 6), seg(c, 7))])
    again(c, 0, ack=11)


@case('6675-1 6675-2 IsLost: more than two segments SACKed at once')
def _(c):
    sender(c, sack=True)
    sacked(c, (1, 4))
    again(c, 0, between=(0, 0.05))


@case('6675-2 IsLost: two segments above are not enough',
      native='RACK, after less than a round trip')
def _(c):
    counted(c)
    sacked(c, (1, 3))
    c.silent(0.05)


@case('6675-2 IsLost: three ranges above, however small')
def _(c):
    c.established(mss=1000, sack=True, rtt=0.03)
    c.setopt('TCP_NODELAY', 1)
    for _ in range(9):
        c.send(100)
    c.take(9)
    c.inject('A', ack=1, sack=[(101, 201), (301, 401), (501, 601)])
    c.expect('PA', seq=1, len=100, between=(0, 0.05))


@case('6675-3 pipe: sent again counts, lost does not',
      native='PRR sends by what was delivered')
def _(c):
    counted(c, 10, 20)
    sacked(c, (5, 8))		# lost: 0-4, 3 SACKed, 2 in flight, cwnd is 5
    sent = numbers(c, c.collect())
    c.check(sent, [0, 1, 2], 'what fits into half of the window')
    sacked(c, (5, 9))
    c.check(numbers(c, c.collect()), [3], 'what follows')


@case('6675-4 NextSeg: lost segments first, then new ones',
      native='PRR sends by what was delivered')
def _(c):
    counted(c, 10, 20)
    for n in range(2, 11):
        sacked(c, (1, n))
    sent = numbers(c, c.collect())
    c.check(sent[0], 10, 'limited transmit')
    c.check(sent[1], 11, 'limited transmit')
    c.check(sent[2], 0, 'the retransmission')
    if sorted(sent[3:]) != list(range(12, 9 + len(sent))):
        c.fail('then %s' % sent[3:])


@case('6675-4 NextSeg rule 3: nothing new to send, a hole not known as lost',
      native='RACK waits for the reordering window')
def _(c):
    counted(c)
    sacked(c, (1, 7))
    again(c, 0)
    c.silent()
    sacked(c, (8, 10), (1, 7))		# two segments above 7: not lost
    again(c, 7, between=(0, 0.05))
    c.inject('A', ack=seg(c, 10))
    c.silent()


@case('6675-4 NextSeg rule 4: the end of the flight is rescued, once',
      native='tail loss probes do that')
def _(c):
    counted(c)
    sacked(c, (1, 7))
    again(c, 0)
    sacked(c, ack=7)
    again(c, 9, between=(0, 0.05))
    c.silent(0.05)
    sacked(c, (9, 10), ack=7)
    again(c, 7, between=(0, 0.05))
    again(c, 8, between=(0, 0.05))
    c.inject('A', ack=seg(c, 10))
    c.silent()


@case('6675-5 no second reduction before RecoveryPoint',
      native='PRR sends by what was delivered')
def _(c):
    counted(c, 10, 40)
    sacked(c, (1, 4))
    c.collect()
    c.check(c.info()['snd_ssthresh'], 5, 'ssthresh')
    for n in 5, 6, 7, 8:
        sacked(c, (n, n + 1), (1, 4))
    sacked(c, (5, 9), ack=4)
    c.collect()
    c.check(c.info()['snd_ssthresh'], 5, 'ssthresh')
    c.check(c.info()['snd_cwnd'], 5, 'cwnd')


@case('6675-6 6582-5 after a timeout no entry before RecoveryPoint',
      native='F-RTO and RACK')
def _(c):
    if not c.stack.native:
        c.knob('frto', 0)
    counted(c, 10, 40)
    again(c, 0, between=(0.1, 1.0))
    c.inject('A', ack=seg(c, 1))
    c.collect()
    before = c.info()['snd_ssthresh']
    for n in range(3, 9):
        sacked(c, (2, n), ack=1)
        c.collect(0.001)
    c.check(c.info()['snd_ssthresh'], before, 'ssthresh')
    if c.info()['ca_state'] == 3:
        c.fail('fast recovery was entered')


@case('9937-5 6675-5 recovery ends with cwnd = ssthresh')
def _(c):
    sender(c, 10, 40, sack=True)
    sacked(c, (1, 10))
    c.collect()
    c.inject('A')
    c.collect()
    info = c.info()
    if info['snd_cwnd'] > info['snd_ssthresh'] + 1:
        c.fail('cwnd %(snd_cwnd)d, ssthresh %(snd_ssthresh)d' % info)


@case('5681-9 a lost retransmission is a second loss: reduced again',
      native='RACK sees it without a timeout')
def _(c):
    sender(c, 10, 40, sack=True)
    sacked(c, (1, 10))
    c.collect()
    c.check(c.info()['snd_ssthresh'], 5, 'ssthresh')
    again(c, 0, between=(0.1, 1.0))
    if c.info()['snd_ssthresh'] > 3:
        c.fail('ssthresh %(snd_ssthresh)d' % c.info())
    c.check(c.info()['snd_cwnd'], 1, 'cwnd')


@case('2883-3 a D-SACK is no new SACK information',
      native='RACK, after less than a round trip')
def _(c):
    counted(c)
    c.inject('A', ack=seg(c, 3))
    for n in 0, 1, 2, 0, 1, 2:
        c.inject('A', ack=seg(c, 3), sack=[(seg(c, n), seg(c, n + 1))])
    c.silent(0.05)
    # Inside of the second block, which says one thing only.
    for _ in range(5):
        sacked(c, (5, 6), (5, 6), ack=3)
    c.silent(0.05)
    c.check(c.info()['sacked'], 1, 'segments SACKed')


# -- abuse -----------------------------------------------------------------

def window(c, segments, mss=100, sndbuf=32 << 20, total=4000000):
    """So many segments in flight."""
    if c.stack.native:
        c.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION,
                              b'reno')
    else:
        c.knob('initial_window', 1000)
    c.established(mss=mss, sack=True, ws=14)
    c.setopt('SO_SNDBUFFORCE', sndbuf)
    acked = 0
    c.inject('A')
    c.sock.send(bytes(total))
    while (flight := c.info()['unacked']) < segments:
        acked += flight * mss
        if acked >= total:
            c.fail('the window does not grow')
        c.bench.tun.write(packet(c, ack=1 + acked))
    c.dut_nxt = 1 + acked		# SND.UNA


def compare(c, first, last):
    c.note('%d cycles an ACK, then %d' % (first, last))
    if last > 3 * first:
        c.fail('an ACK takes %d cycles, then %d' % (first, last))


@case('6675-7 SEC-04 a large window, every second SACKed: cost is linear')
def _(c):
    with deaf(c):
        window(c, SEGMENTS)
        una = c.dut_nxt
        compare(c, *cost(c, [
            packet(c, ack=una, sack=[
                (una + 100 * n, una + 100 * n + 100)
                for n in range(at, at + 8, 2)])
            for at in range(1, SEGMENTS, 8)], SEGMENTS // 100))


@case('6675-7 a large window, one hole: a block that grows costs the same')
def _(c):
    with deaf(c):
        window(c, SEGMENTS)
        una = c.dut_nxt
        compare(c, *cost(c, [
            packet(c, ack=una, sack=[(una + 100, una + 100 * n)])
            for n in range(2, SEGMENTS + 1, 8)], SEGMENTS // 100))


def random_blocks(c, count):
    una, packets = c.dut_nxt, []
    for _ in range(count):
        blocks = []
        for _ in range(4):
            a, b = sorted(c.random.sample(range(1, SEGMENTS), 2))
            if c.random.random() < 0.5:
                b = a + 1
            blocks.append((una + 100 * a, una + 100 * b))
        packets.append(packet(c, ack=una, sack=blocks))
    return packets


@case('SEC-04 a large window, 4 random blocks an ACK: five times native')
def _(c):
    took = {}
    with deaf(c):
        for name in 'native', 'tcpx':
            twin = c.sibling()
            if not c.stack.native:
                twin.stack = Stack(name)
            window(twin, SEGMENTS)
            twin.random.seed(1)
            took[name] = cost(twin, random_blocks(twin, SEGMENTS // 6), 100)
            twin.abort()
    c.note('cycles an ACK: %s' % took)
    for native, tcpx in zip(took['native'], took['tcpx']):
        if tcpx > 5 * native:
            c.fail('%d cycles an ACK, native %d' % (tcpx, native))


@case('SEC-01 SEC-02 a large window at MSS 48, SACKs of odd bytes: memory is '
      'bounded')
def _(c):
    with deaf(c):
        window(c, SEGMENTS, mss=48, sndbuf=4 << 20, total=8 << 20)
        una, limit = c.dut_nxt, 2 * c.getopt('SO_SNDBUF')
        limit += 2 * (65536 // 48) * 1280	# both ends of the queue
        end = una + 48 * c.info()['unacked']
        most = 0
        for at in range(una + 47, end - 500, 48 * 8):
            c.bench.tun.write(packet(c, ack=una, sack=[
                (at + 96 * i, at + 96 * i + 50) for i in range(4)]))
            most = max(most, meminfo(c.sock)['wmem_queued'])
        for at in range(una + 1, una + 2000, 8):
            c.bench.tun.write(packet(c, ack=una, sack=[
                (at + 2 * i, at + 2 * i + 1) for i in range(4)]))
        c.bench.tun.write(packet(c, ack=una, sack=[(una + 48, end)]))
        most = max(most, meminfo(c.sock)['wmem_queued'])
        c.note('%d bytes at most, %d allowed' % (most, limit))
        if most > limit:
            c.fail('%d bytes, not %d' % (most, limit))
        c.bench.tun.write(packet(c, ack=end))
        c.state('ESTABLISHED')
        c.abort()


if __name__ == '__main__':
    main()
