#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""BBR version 3 (draft-ietf-ccwg-bbr): what it finds out of a path, and what it
does with that. The path is a bottleneck with a queue that never overflows."""

import socket
import struct
import time

from harness import case, main

TCP_CC_INFO = 26
SIZE = 1000
STARTUP, DRAIN, DOWN, UP, EVEN = 710, 128, 230, 320, 256	# gains, / 256
PROBE_RTT = 128			# gain of the window
WHY = 'another version of BBR'
# Nothing of it looks at the family: two cases are run for both.


class Path:
    """Acknowledges each segment when it has gone through the bottleneck of so
    many bytes/s and back, in rtt seconds if the queue is empty. lose(number,
    time) says which are lost; history: (time, flight in bytes, pacing gain,
    cwnd gain, estimate in bytes/s), at every fourth ACK."""

    def __init__(self, c, rate, rtt, lose=lambda number, at: False):
        self.c, self.rate, self.rtt, self.lose = c, rate, rtt, lose
        self.begun = time.monotonic()
        self.free = 0			# when the bottleneck is free again
        self.queue = []			# (when the ACK leaves, start, end)
        self.have, self.number = 1, 0
        self.sent = c.dut_nxt
        self.beyond, self.history = [], []
        self.times, self.more = [], True
        self.acks = self.sent_again = 0

    def fill(self):
        if self.more:
            while len(self.c.stream) - self.sent < 200 * SIZE:
                self.c.send(100 * SIZE)

    def arrive(self, s, now):
        start = self.c.rel(s)[0]
        self.times.append(now)
        self.number += 1
        self.sent_again += start < self.sent
        self.sent = max(self.sent, start + len(s.data))
        if self.lose(self.number, now - self.begun):
            return
        self.free = max(self.free, now) + len(s.data) / self.rate
        self.queue.append((self.free + self.rtt, start, start + len(s.data)))

    def acknowledge(self, start, end):
        self.beyond = sorted(self.beyond + [(start, end)])
        while self.beyond and self.beyond[0][0] <= self.have:
            self.have = max(self.have, self.beyond.pop(0)[1])
        blocks = []
        for a, b in self.beyond:
            if blocks and a <= blocks[-1][1]:
                blocks[-1][1] = max(b, blocks[-1][1])
            else:
                blocks.append([a, b])
        first = [b for b in blocks if b[0] <= start < b[1]]
        blocks = first + [b for b in blocks[::-1] if b not in first]
        self.c.inject('A', ack=self.have, sack=blocks[:4] or None)

    def run(self, seconds):
        c = self.c
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            self.fill()
            wait = min(until, self.queue[0][0] if self.queue else until) - now
            s = c.pull(max(wait, 0))
            if s is not None and s.data:
                self.arrive(s, time.monotonic())
            while self.queue and self.queue[0][0] <= time.monotonic():
                _, start, end = self.queue.pop(0)
                self.acknowledge(start, end)
                self.acks += 1
                if self.acks % 4 == 0:
                    self.look()
            del c.log[:]
        return self.history

    def look(self):
        bw, _, pacing, cwnd = cc_info(self.c) or (0, 0, 0, 0)
        self.history.append((time.monotonic() - self.begun,
                             self.sent - self.have, pacing, cwnd, bw))

    def past_probe_rtt(self):
        while (cc_info(self.c) or (0, 0, 0, 0))[3] == PROBE_RTT:
            self.run(0.1)

    def since(self, seconds):
        return [h for h in self.history if h[0] >= seconds]


def cc_info(c):
    """Estimated bytes/s, least RTT in us, pacing gain, gain of the window."""
    raw = c.sock.getsockopt(socket.IPPROTO_TCP, TCP_CC_INFO, 64)
    if not raw:
        return None
    low, high, rtt, pacing, cwnd = struct.unpack('5I', raw[:20])
    return low + (high << 32), rtt, pacing, cwnd


def start(c, rtt=0.05, timeouts=False):
    c.knob('congestion_control', 'bbr')
    if not timeouts:
        c.no_timeouts()
    c.established(mss=SIZE, sack=True, ws=7, rtt=rtt)
    c.setopt('SO_SNDBUFFORCE', 4000000)
    c.size = SIZE


def near(c, got, want, part, what):
    if not want * (1 - part) <= got <= want * (1 + part):
        c.fail('%s is %s, not %s' % (what, got, want))


@case('BBR the first flight is paced, at 2.77 windows a round trip', native=WHY)
def _(c):
    start(c, rtt=0.1)
    c.send(10 * SIZE)
    begun = time.monotonic()
    c.take(10)
    near(c, time.monotonic() - begun, 0.1 / 2.77 * 0.85, 0.25, 'the time')
    c.check(cc_info(c)[2:], (STARTUP, 512), 'the gains')


@case('BBR STARTUP doubles, DRAIN empties the queue, then the path is known',
      native=WHY)
def _(c):
    start(c)
    path = Path(c, 1000000, 0.05)
    path.run(2)
    gains = [h[2] for h in path.history]
    for gain in STARTUP, DRAIN:
        if gain not in gains:
            c.fail('no gain of %d/256' % gain)
    if gains.index(DRAIN) < gains.index(STARTUP):
        c.fail('DRAIN came first')
    early = [h for h in path.history if h[2] == STARTUP]
    if early[-1][0] > 1:
        c.fail('STARTUP lasts %.1f s' % early[-1][0])
    bw, rtt, _, _ = cc_info(c)
    near(c, bw, 1000000, 0.1, 'the estimated rate')
    near(c, rtt, 51000, 0.1, 'the least round trip')
    raw = c.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    near(c, int.from_bytes(raw[160:168], 'little'), 1000000, 0.3,
         'tcpi_delivery_rate')
    near(c, int.from_bytes(raw[104:112], 'little'), 1000000, 0.3,
         'tcpi_pacing_rate')
    # The bandwidth-delay product, while CRUISE and DOWN last.
    late = [h[1] for h in path.since(1.2) if h[2] in (EVEN, DOWN)]
    near(c, sum(late) / len(late), 51000, 0.4, 'the mean flight')


@case('BBR probes for more, for less, and stays on average at the rate',
      native=WHY, families=(4,))
def _(c):
    start(c)
    path = Path(c, 500000, 0.04)
    path.run(8)
    gains = {h[2] for h in path.since(1)}
    c.check(gains & {UP, DOWN, EVEN}, {UP, DOWN, EVEN}, 'the gains')
    near(c, cc_info(c)[0], 500000, 0.1, 'the estimated rate')
    sent = len([t for t in path.times if t > path.begun + 2])
    near(c, sent * SIZE / 6, 500000, 0.1, 'bytes/s')


@case('BBR a path that became faster is found out', native=WHY, families=(4,))
def _(c):
    start(c)
    path = Path(c, 300000, 0.04)
    path.run(3)
    near(c, cc_info(c)[0], 300000, 0.15, 'the estimated rate')
    path.rate = 900000
    path.run(8)
    near(c, cc_info(c)[0], 900000, 0.15, 'the rate after the change')


@case('BBR PROBE_RTT: half the window for 200 ms every five seconds',
      native=WHY, families=(4,))
def _(c):
    start(c)
    path = Path(c, 1000000, 0.05)
    path.run(7)
    low = [h for h in path.history if h[3] == PROBE_RTT]
    if not low:
        c.fail('no PROBE_RTT')
    near(c, low[0][0], 5, 0.15, 'when it began')
    near(c, low[-1][0] - low[0][0], 0.28, 0.35, 'how long it took')
    if min(h[1] for h in low) > 30000:
        c.fail('%d bytes in flight' % min(h[1] for h in low))
    if path.history[-1][3] == PROBE_RTT:
        c.fail('it did not end')


@case('BBR one segment of a hundred lost does not slow it down',
      native=WHY, families=(4,))
def _(c):
    start(c)
    path = Path(c, 500000, 0.04,
                lambda number, at: at > 1 and number % 100 == 50)
    path.run(8)
    delivered = path.have / 8
    near(c, delivered, 500000, 0.15, 'bytes/s delivered')
    if path.sent_again * SIZE > 0.015 * path.have:
        c.fail('%d of %d sent again' % (path.sent_again, path.number))


@case('BBR one of ten lost, in each round: the flight is held down',
      native=WHY, families=(4,))
def _(c):
    start(c)
    path = Path(c, 500000, 0.04)
    path.run(2)
    path.lose = lambda number, at: number % 10 == 5
    path.run(6)
    if max(h[1] for h in path.since(6)) > 60000:
        c.fail('%d bytes in flight' % max(h[1] for h in path.since(6)))
    if path.have < 2 * 450000 + 6 * 50000:
        c.fail('%d bytes in 8 s' % path.have)


@case('BBR a program that has little to send is not taken for a slow path',
      native=WHY, families=(4,))
def _(c):
    start(c)
    path = Path(c, 500000, 0.04)
    path.run(2)
    path.more = False
    path.run(0.5)				# all that waits goes out
    before = cc_info(c)[0]
    for _ in range(20):
        c.send(2 * SIZE)
        path.run(0.1)
    near(c, cc_info(c)[0], before, 0.05, 'the estimated rate')


@case('BBR after a timeout one segment, then the window as before',
      native=WHY, families=(4,))
def _(c):
    start(c, timeouts=True)
    path = Path(c, 500000, 0.04)
    path.run(2)
    before = c.info()['snd_cwnd']
    path.lose = lambda number, at: True
    path.run(1.5)
    c.check(c.info()['snd_cwnd'], 1, 'cwnd while nothing is acknowledged')
    path.lose = lambda number, at: False
    path.run(3)
    path.past_probe_rtt()
    if c.info()['snd_cwnd'] < before * 0.7:
        c.fail('cwnd was %d, is %d' % (before, c.info()['snd_cwnd']))
    near(c, cc_info(c)[0], 500000, 0.15, 'the estimated rate')


@case('BBR to another algorithm and back, under way', native=WHY, families=(4,))
def _(c):
    start(c)
    path = Path(c, 500000, 0.04)
    path.run(1)
    c.setopt('TCP_CONGESTION', b'cubic')
    c.check(cc_info(c), None, 'TCP_CC_INFO of cubic')
    raw = c.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    c.check(raw[104:112], b'\xff' * 8, 'tcpi_pacing_rate of cubic')
    path.run(0.5)
    c.setopt('TCP_CONGESTION', b'bbr')
    path.run(3)
    near(c, cc_info(c)[0], 500000, 0.15, 'the estimated rate')


if __name__ == '__main__':
    main()
