#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""TCP options, well and badly formed; checksums; timestamps and PAWS."""

from harness import ANY, case, main

MSS = b'\2\4\3\350'		# 1000
UNKNOWN = 6, 7, 19, 28, 29, 30, 69, 172, 253, 254
PLACES = {
    'first': MSS + b'\1\1\1\1',
    'last': b'\1\1\1\1' + MSS,
    'after one NOP': b'\1' + MSS + b'\1\1\1',
    'after two NOPs': b'\1\1' + MSS + b'\1\1',
    'after three NOPs': b'\1\1\1' + MSS + b'\1',
    'before EOL': MSS + b'\0\0\0\0',
}
MALFORMED = {
    'length 0': b'\2\0\3\350',
    'length 1': b'\2\1\3\350',
    'length 255': b'\2\377\3\350',
    'past the end': MSS + b'\1\1\10\12',
    'no length': MSS + b'\1\1\1\10',
    'MSS of 3': b'\2\3\5\1',
    'window scale of 2': b'\3\2\1\1',
    'timestamps of 9': b'\10\11\0\0\0\1\0\0\0\1\1\1',
    'SACK of 9': b'\5\11\0\0\0\1\0\0\0\1\1\1',
    'SACK of 11': b'\5\13\0\0\0\1\0\0\0\2\1\1',
    'unknown of 0': b'\375\0\1\1',
    'unknown of 1': b'\375\1\1\1',
}


def raw(data):
    return [('raw', data)]


@case('MUST-4 MUST-64 an MSS option is found wherever it is')
def _(c):
    for place, opts in PLACES.items():
        twin = c.sibling()
        twin.listen()
        twin.inject('S', seq=0, opts=raw(opts))
        twin.expect('SA')
        twin.inject('A')
        twin.accept()
        twin.note('MSS ' + place)
        twin.send(2000)
        twin.expect('A(P)', len=1000)
        twin.expect('PA', len=1000)


@case('MUST-69 what follows EOL is not parsed')
def _(c):
    c.listen()
    c.inject('S', seq=0, opts=raw(b'\0' + MSS + b'\1\1\1'))
    c.expect('SA')
    c.inject('A')
    c.accept()
    c.send(2000)
    c.expect('A(P)', len=536 if c.family == 4 else 1220)


@case('MUST-6 unknown options on a SYN are skipped')
def _(c):
    for kind in UNKNOWN:
        twin = c.sibling()
        twin.listen()
        twin.inject('S', seq=0, opts=raw(bytes([kind, 6]) + b'\3\3\3\3' + MSS))
        twin.expect('SA')
        twin.inject('A')
        twin.accept()
        twin.send(1500)
        twin.expect('A(P)', len=1000)


@case('2385-1 MD5 signatures and TCP-AO without a key are unknown options',
      native='a signature that nobody expects is refused')
def _(c):
    c.established()
    for kind, size in (19, 18), (29, 16), (29, 4):
        c.inject('PA', len=10, opts=raw(bytes([kind, size]) +
                                        bytes(size - 2) + b'\1\1'))
        c.expect('A')
        c.recv(10)


@case('MUST-5 MUST-6 options on every kind of segment')
def _(c):
    c.established()
    for kind in UNKNOWN:
        c.inject('PA', len=10, opts=raw(bytes([kind, 5]) + b'\1\2\3'))
        c.expect('A')
        c.recv(10)
    c.inject('PUA', len=1, urg=1, opts=raw(b'\1\1\1\1'))
    c.collect()
    c.send(10)
    c.expect('PA', len=10)
    c.inject('A', opts=raw(b'\375\4\1\2'))
    c.inject('FA', opts=raw(b'\1\375\3\1'))
    c.expect('A')
    c.state('CLOSE_WAIT')


@case('MUST-65 an MSS option on a data segment changes nothing')
def _(c):
    c.established()
    c.inject('PA', len=10, opts=raw(b'\2\4\1\0'))
    c.expect('A')
    c.send(c.mss)
    c.expect('PA', len=c.mss)


@case('MUST-7 malformed options on a SYN: the same answer every time')
def _(c):
    for what, opts in MALFORMED.items():
        answers = []
        for _ in range(2):
            twin = c.sibling()
            twin.note('malformed: ' + what)
            twin.listen()
            twin.inject('S', seq=0, opts=raw(opts))
            answers.append([s.flags for s in twin.collect(0.002)])
        if answers[0] != answers[1] or answers[0] not in ([], ['SA'], ['RA']):
            c.fail('%s is answered with %s' % (what, answers))
    c.sibling().accepted()


@case('MUST-7 malformed options on data are survived')
def _(c):
    c.established()
    for opts in MALFORMED.values():
        c.inject('PA', len=10, opts=raw(opts))
        c.inject('PA', seq=c.nxt - 10, len=10)
        c.collect(0.002)
        c.recv(10)
    c.state('ESTABLISHED')


@case('MUST-3 a bad checksum is dropped and counted')
def _(c):
    c.listen()
    before = c.stack.counters()['InCsumErrors']
    c.inject('S', seq=0, bad_checksum=True)
    c.silent()
    c.state('CLOSED')
    c.accepted()
    for flags, size in (('PA', 10), ('PA', 500), ('A', 0), ('FA', 0), ('R', 0),
                        ('RA', 0)):
        c.inject(flags, len=size, bad_checksum=True)
    c.silent(0.1)
    c.state('ESTABLISHED')
    c.recv_nothing()
    c.check(c.stack.counters()['InCsumErrors'] - before, 7, 'InCsumErrors')


@case('MUST-2 checksums of odd and special payloads')
def _(c):
    c.established()
    c.setopt('TCP_NODELAY', 1)
    for data in b'\1', b'\1\2\3', b'\xff\xff', b'\0\0', b'\xff' * 999, b'\0' * 7:
        c.send(data)
        c.expect('PA', len=len(data))
        c.inject('A')


@case('7323-3 timestamps on every segment, echoing the last')
def _(c):
    c.established(ts=True)
    for _ in range(5):
        c.inject('PA', len=10)
        ack = c.expect('A')
        c.check(ack.option('ts')[1], c.ts_val, 'TSecr')
    c.send(10)
    seg = c.expect('PA', len=10)
    c.check(seg.option('ts')[1], c.ts_val, 'TSecr')
    c.inject('A')
    c.shutdown()
    c.expect('FA')


@case('7323-6 PAWS: an old timestamp is acknowledged and dropped')
def _(c):
    c.established(ts=True)
    c.ts_val = 5000
    c.inject('PA', len=10)
    c.expect('A')
    c.recv(10)
    c.inject('PA', len=10, ts=(4000, c.ts_recent), void=True)
    c.expect('A')
    c.recv_nothing()
    c.inject('PA', len=10)
    c.expect('A')
    c.recv(10)


@case('7323-6 PAWS: across the wrap of the timestamp')
def _(c):
    c.ts_val = (1 << 32) - 3
    c.established(ts=True)
    for _ in range(6):
        c.inject('PA', len=10)
        c.expect('A')
        c.recv(10)
    c.inject('PA', len=10, ts=((1 << 32) - 2, c.ts_recent), void=True)
    c.expect('A')
    c.recv_nothing()


@case('7323-6 PAWS does not apply to a RST')
def _(c):
    c.established(ts=True)
    c.ts_val = 5000
    c.inject('PA', len=10)
    c.expect('A')
    c.inject('R', ts=(1, 0))
    c.failed('ECONNRESET')


@case('7323-5 TS.Recent follows the segment at the left edge only')
def _(c):
    c.established(ts=True, sack=True)
    c.inject('A')
    c.collect()
    base = c.ts_val
    c.inject('PA', seq=11, len=10)
    ack = c.expect('A', ack=1)
    if ack.option('ts')[1] > base:
        c.fail('TSecr came from a segment beyond a hole')
    c.inject('PA', seq=1, len=10)
    ack = c.expect('A', ack=21)
    c.check(ack.option('ts')[1], c.ts_val, 'TSecr')


@case('7323-4 a segment without timestamps does not abort')
def _(c):
    c.established(ts=True)
    c.inject('PA', len=10, opts=[], void=True)
    c.collect(0.05)
    c.state('ESTABLISHED')
    c.error(0)


@case('7323-1 our window scale is used when both have it')
def _(c):
    c.established(ws=2)
    c.inject('PA', len=10)
    ack = c.expect('A')
    if ack.win << c.dut_ws < 20000:
        c.fail('the window is %d << %d' % (ack.win, c.dut_ws))


@case("7323-1 the peer's window scale counts after the SYN")
def _(c):
    c.established(ws=3, win=1000)
    c.setopt('SO_SNDBUF', 100000)
    c.inject('A', win=1000)
    c.send(20000)
    c.collect()
    if not 3000 < c.dut_nxt <= 8001:
        c.fail('%d bytes went into a window of 8000' % c.dut_nxt)


@case('7323-10 SHLD-14 a challenge ACK of a request keeps the right edge',
      native='its window is rounded down')
def _(c):
    c.half_open(ws=0)
    c.inject('R', seq=101)
    c.expect('A', seq=1, ack=1)


@case('7323-2 a window scale above 14 counts as 14')
def _(c):
    c.established(ws=15, win=1)
    c.setopt('SO_SNDBUF', 200000)
    c.inject('A')
    c.send(50000)
    for _ in range(6):
        c.collect()
        c.inject('A', ack=c.dut_nxt)
    c.collect()
    if c.dut_nxt < 2 * 14000:
        c.fail('only %d bytes were sent' % c.dut_nxt)


@case('REC-1 MUST-1 windows above 32 kB and above 64 kB are used')
def _(c):
    c.established(ws=7)
    c.setopt('SO_SNDBUF', 400000)
    flight = 0
    for _ in range(50):
        if len(c.stream) - c.dut_nxt < 200000:
            c.send(100000, took=ANY)
        una = c.dut_nxt
        c.collect(0.005)
        flight = max(flight, c.dut_nxt - una)
        c.inject('A')
    if flight < 70000:
        c.fail('never more than %d bytes in flight' % flight)


if __name__ == '__main__':
    main()
