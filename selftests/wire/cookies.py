#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""SYN cookies, RFC 4987 3.6: what a listener without room answers."""

from harness import case, main, seq_diff

BACKLOG = 2


def full(c, backlog=BACKLOG):
    """A listener whose half-open connections are as many as it takes."""
    c.listen(backlog)
    for _ in range(backlog + 1):
        c.sibling().half_open()
    return c


def half_open_rows(c):
    return sum(row[0] == c.dut_port and row[3] == 'SYN_RECEIVED'
               for row in c.rows())


def cookie(c, **offer):
    """A connection of the same listener that has a cookie."""
    twin = c.sibling()
    twin.peer(**offer)
    with c.stack.counts(SyncookiesSent=1):
        twin.half_open()
    return twin


def opened(c, **offer):
    twin = cookie(c, **offer)
    with c.stack.counts(SyncookiesRecv=1, SyncookiesFailed=0, PassiveOpens=1):
        twin.inject('A')
        twin.accept()
    twin.state('ESTABLISHED')
    return twin


def refused(twin, **how):
    """This ACK gets a RST and makes no socket."""
    with twin.stack.counts(PassiveOpens=0):
        seg = twin.inject('A', void=True, **how)
        twin.expect('R', seq=seq_diff(seg.ack, twin.dut_iss))
    twin.state('CLOSED')
    twin.no_accept()


@case('4987-2 a cookie goes out only when the queue is full')
def _(c):
    with c.stack.counts(SyncookiesSent=0, ReqQFullDoCookies=0):
        full(c)
    c.check(half_open_rows(c), BACKLOG + 1, 'half-open connections')
    with c.stack.counts(SyncookiesSent=20, ReqQFullDoCookies=20,
                        ListenDrops=0):
        for _ in range(20):
            c.sibling().half_open()
    c.check(half_open_rows(c), BACKLOG + 1, 'half-open connections')


@case('4987-2 a cookie opens a connection, data flow both ways')
def _(c):
    twin = opened(full(c))
    twin.inject('PA', len=100)
    twin.expect('A')
    twin.recv(100)
    twin.send(100)
    twin.expect('PA', len=100)
    twin.inject('FA')
    twin.expect('A')
    twin.state('CLOSE_WAIT')


@case('4987-2 the SYN-ACK of a cookie is not repeated')
def _(c):
    cookie(full(c)).silent(1.5)


@case('4987-2 a wrong cookie gets a RST and no socket',
      native='silence, while there is a request')
def _(c):
    twin = cookie(full(c))
    for ack in (0, 2, 17, 1 << 30, -1 << 31):
        with c.stack.counts(SyncookiesFailed=1):
            refused(twin, seq=1, ack=ack)
    for seq in (0, 2, 1 << 30):
        with c.stack.counts(SyncookiesFailed=1):
            refused(twin, seq=seq, ack=1)
    twin.inject('A')
    twin.accept()


@case('4987-2 none of 4096 guesses is a cookie')
def _(c):
    twin = cookie(full(c))
    with c.stack.counts(SyncookiesRecv=0, PassiveOpens=0):
        for _ in range(4096):
            ack = c.random.getrandbits(32)
            twin.inject('A', seq=1, ack=seq_diff(ack, twin.dut_iss),
                        void=True)
            twin.expect('R', seq=seq_diff(ack, twin.dut_iss))
            twin.log.clear()


@case('4987-2 MUST-66 a RST or SYN-ACK with the cookie opens nothing')
def _(c):
    twin = cookie(full(c))
    twin.inject('R', seq=1, void=True)
    twin.inject('RA', seq=1, ack=1, void=True)
    twin.silent()
    twin.inject('SA', seq=0, ack=1, void=True)
    twin.expect('R', seq=1)
    twin.no_accept()


@case('4987-4 a cookie is good for its own addresses and ports alone')
def _(c):
    twin = cookie(full(c))
    for change in 'port', 'addr':
        other = c.sibling()
        if change == 'port':
            c.bench.flows.pop(other.key)
            other.addr = twin.addr
            c.bench.flows[other.key] = other
        else:
            c.bench.flows.pop(other.key)
            other.port = twin.port
            c.bench.flows[other.key] = other
        other.iss, other.dut_iss = twin.iss, twin.dut_iss
        with c.stack.counts(SyncookiesFailed=1):
            refused(other, seq=1, ack=1)
    twin.inject('A')
    twin.accept()


@case('4987-4 a cookie is not good for another listener')
def _(c):
    twin = cookie(full(c))
    other = c.sibling()
    other.lsock = other.dut_port = None
    full(other)
    cookie(other)
    c.bench.flows.pop(other.key)
    other.addr, other.port = twin.addr, twin.port
    other.iss, other.dut_iss = twin.iss, twin.dut_iss
    c.bench.flows[other.key] = other
    with c.stack.counts(SyncookiesFailed=1):
        refused(other, seq=1, ack=1)
    c.bench.flows[twin.key] = twin
    twin.inject('A')
    twin.accept()


@case('4987-4 no cookie is good for a listener that has sent none')
def _(c):
    twin = cookie(full(c))
    port = c.dut_port
    c.close_listener()
    c.sock = c.open()
    c.sock.bind((c.dut_addr, port))
    c.listen(BACKLOG)
    twin.lsock = c.lsock
    with c.stack.counts(SyncookiesFailed=0):
        refused(twin, seq=1, ack=1)


@case('4987-3 MSS: of the table, not more than the client offers',
      native='raises an MSS below 536, and has other sizes')
def _(c):
    full(c)
    for offer, mss in ((64, 48), (535, 48), (536, 536), (1219, 536),
                       (1220, 1220), (1399, 1300), (1439, 1400),
                       (1440, 1440), (1459, 1440), (1460, 1460),
                       (65535, 1500 - (40 if c.family == 4 else 60))):
        twin = opened(c, mss=offer)
        mss = min(mss, 1500 - (40 if c.family == 4 else 60))
        twin.send(2 * mss)
        twin.expect('A(P)', len=mss)
        twin.abort()
        twin.collect()


@case('4987-3 MSS: 536 and 1220 without the option',
      native='takes 1440 for IPv6')
def _(c):
    mss = 536 if c.family == 4 else 1220
    twin = opened(full(c), mss=None)
    twin.send(2000)
    twin.expect('A(P)', len=mss)


@case('4987-3 without timestamps: neither SACK nor window scale')
def _(c):
    twin = cookie(full(c), ws=7, sack=True)
    for name in 'ws', 'sackok', 'ts':
        c.check(twin.got.option(name), None, 'option ' + name)
    twin.inject('A', win=2 * c.mss + 100)
    twin.accept()
    twin.inject('PA', seq=101, len=100, win=2 * c.mss + 100)
    twin.expect('A', ack=1, sack=[])
    twin.send(10000)
    twin.collect()
    c.check(twin.dut_nxt, 1 + 2 * c.mss, 'what was sent into the window')


@case('4987-3 timestamps carry SACK and the window scale',
      native='a window of two octets is used later')
def _(c):
    full(c)
    for ws in (0, 3, 14, None):
        for sack in (True, False):
            twin = cookie(c, ws=ws, sack=sack, ts=True)
            c.check(twin.got.option('ws') is not None, ws is not None,
                    'scaling')
            c.check(twin.got.option('sackok') is not None, sack, 'SACK')
            twin.win = 2
            twin.inject('A')
            twin.accept()
            twin.send(100)
            twin.collect()
            c.check(twin.dut_nxt, 1 + min(100, 2 << (ws or 0)),
                    'what was sent into a window of 2 << %s' % ws)
            twin.inject('PA', seq=101, ack=1, len=100)
            twin.expect('A', ack=1, sack=[(101, 201)] if sack else [])
            twin.abort()
            twin.collect()


@case('4987-3 3168-1 timestamps carry ECN, without them there is none',
      native='its window shrinks after the cookie')
def _(c):
    full(c)
    for ts in True, False:
        twin = c.sibling()
        twin.peer(ts=ts)
        twin.inject('SEC', seq=0)
        twin.expect('SAE' if ts else 'SA', seq=0, ack=1)
        twin.inject('A')
        twin.accept()
        twin.send(10)
        twin.expect('PA', len=10, tos=2 if ts else 0)


@case('7323-5 the clock of timestamps goes on from that of the cookie',
      native='its window shrinks after the cookie')
def _(c):
    full(c)
    for _ in range(20):
        twin = opened(c, ts=True)
        first = twin.ts_recent
        twin.inject('PA', len=10)
        twin.expect('A')
        if not 0 <= seq_diff(twin.ts_recent, first) < 2000:
            c.fail('TSval %d after %d' % (twin.ts_recent, first))


@case('4987-3 a cookie carries our window scale, too',
      native='takes the scale of the time of the ACK')
def _(c):
    full(c)
    twin = cookie(c, ws=0, ts=True)
    c.knob('rmem', '4096 131072 200000' if twin.dut_ws > 2 else
           '4096 131072 %d' % (1 << 29))
    scale = twin.dut_ws
    twin.inject('A')
    twin.accept()
    twin.inject('PA', len=10)
    win = twin.expect('A').win << scale
    if not 30000 < win < 200000:
        c.fail('the window is %d' % win)


@case('4987-5 1122-3 data on the ACK of the cookie are not lost')
def _(c):
    twin = cookie(full(c))
    twin.inject('PA', len=500)
    twin.expect('A', ack=501)
    twin.accept()
    twin.recv(500)


@case('4987-5 the final ACK is lost: data and FIN of the client open')
def _(c):
    twin = cookie(full(c))
    twin.inject('FPA', len=500)
    twin.expect('A', ack=502)
    twin.accept()
    twin.state('CLOSE_WAIT')
    twin.recv(500)
    twin.recv_eof()


@case('4987-5 later data before the first are dropped, and come again',
      native='sends a RST, which ends the connection')
def _(c):
    twin = cookie(full(c), ts=True)
    twin.inject('PA', seq=101, len=100, void=True)
    twin.silent()
    twin.inject('PA', seq=1, len=100)
    twin.expect('A', ack=101)
    twin.inject('PA', seq=101, len=100)
    twin.expect('A', ack=201)
    twin.accept()
    twin.recv(200)


@case('4987-2 data with the echo of another timestamp get a RST')
def _(c):
    twin = cookie(full(c), ts=True)
    for ago in -5000, 200000, 1 << 31:
        twin.inject('PA', seq=101, len=100, void=True,
                    ts=(twin.ts_val, twin.ts_recent - ago))
        twin.expect('R', seq=1)
    twin.no_accept()


@case('4987-5 4987-6 no room to accept: the cookie opens when it comes again')
def _(c):
    full(c)
    twin = cookie(c)
    pending = [cookie(c) for _ in range(BACKLOG + 1)]
    for other in pending:
        other.inject('A')
    with c.stack.counts(ListenOverflows=2, PassiveOpens=0):
        twin.inject('A')
        twin.inject('PA', len=100, void=True)
        twin.silent()
    pending[0].accept()
    twin.inject('PA', seq=1, len=100)
    twin.expect('A', ack=101)
    for other in pending[1:]:
        other.accept()
    twin.accept()
    twin.recv(100)


@case('RACE-13 4987-2 a cookie that comes twice opens once')
def _(c):
    full(c)
    twin = cookie(c)
    with c.stack.counts(PassiveOpens=1):
        twin.inject('A')
        twin.inject('A')
        twin.inject('PA', len=10)
        twin.inject('PA', seq=1, len=10)
        twin.collect()
    twin.accept()
    twin.recv(10)
    twin.recv_nothing()
    twin.no_accept()


@case('4987-2 a SYN that comes again gets a cookie again, either opens')
def _(c):
    full(c)
    twin = cookie(c)
    first = twin.got.seq
    with c.stack.counts(SyncookiesSent=1):
        twin.inject('S', seq=0)
        twin.expect('SA', seq=0 if c.stack.native else seq_diff(
            first, twin.dut_iss), ack=1)
    twin.inject('A')
    twin.accept()


@case('4987-5 the cookie is good though a repeated SYN has found room',
      native='the half-open connection is in the way')
def _(c):
    c.listen(BACKLOG)
    others = [c.sibling().half_open() for _ in range(BACKLOG + 1)]
    twin = cookie(c)
    others[0].inject('R')
    others[0].state('CLOSED')
    twin.inject('S', seq=0)
    again = twin.pull(1)
    c.check(again.flags, 'SA', 'the answer to the second SYN')
    if again.seq == twin.dut_iss:
        c.fail('no new request was made')
    with c.stack.counts(PassiveOpens=1, AttemptFails=0):
        twin.inject('PA', len=10)
        twin.expect('A', ack=11)
    c.check(half_open_rows(c), BACKLOG, 'half-open connections')
    twin.accept()
    twin.recv(10)


@case('4987-2 syncookies 0: a SYN without room is dropped')
def _(c):
    c.knob('syncookies', 0)
    full(c)
    twin = c.sibling()
    with c.stack.counts(SyncookiesSent=0, ReqQFullDrop=2, ListenDrops=2):
        for _ in range(2):
            twin.inject('S', seq=0)
            twin.silent()
    twin.inject('A', seq=1, ack=1, void=True)
    twin.expect('R', seq=1)


@case('4987-2 syncookies 2: every SYN gets a cookie')
def _(c):
    c.knob('syncookies', 2)
    c.listen()
    for _ in range(3):
        opened(c, ws=7, sack=True, ts=True)
    c.check(half_open_rows(c), 0, 'half-open connections')


@case('6528-2 a SYN that reopens TIME-WAIT gets no cookie, but an ISN above')
def _(c):
    c.listen(BACKLOG)
    twin = c.sibling()
    twin.accepted()
    twin.shutdown()
    twin.expect('FA')
    twin.inject('A')
    twin.inject('FA')
    twin.expect('A')
    twin.state('TIME_WAIT')
    for _ in range(BACKLOG + 1):
        c.sibling().half_open()
    old, top = twin.dut_iss, twin.dut_nxt
    twin.forget(iss=twin.iss + 100000)
    with c.stack.counts(SyncookiesSent=0):
        twin.inject('S', seq=0)
        seg = twin.expect('SA', seq=0, ack=1)
    if seq_diff(seg.seq, old) <= top:
        c.fail('ISN %d, the old connection ended at %d' % (
            seq_diff(seg.seq, old), top))
    twin.inject('A')
    twin.accept()


if __name__ == '__main__':
    main()
