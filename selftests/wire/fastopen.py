#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Fast Open, RFC 7413: as the server, as the client, and what is refused."""

import os
import socket
import struct

from harness import case, main
from peer import pattern
from syns import Syns
from tfo import (CLIENT, CLIENT_FREE, COOKIE, SERVER, SERVER_FREE, TEXT, ALL,
                 again, ask, learn, opened, serve, start, syn, syn_ack)

# -- server: the option --------------------------------------------------------


@case('7413-2 a SYN that asks for a cookie gets one, and a usual handshake')
def _(c):
    serve(c)
    with c.stack.counts(FastOpenCookieReqd=1, FastOpenPassive=0,
                        FastOpenPassiveFail=0):
        syn(c, b'')
        seg = c.expect('SA', seq=0, ack=1)
    c.check(len(seg.option('fo')), 8, 'the length of the cookie')
    c.no_accept()
    c.inject('A')
    c.accept()
    c.check(c.info()['options'] & 32, 0, 'TCPI_OPT_SYN_DATA')


@case('7413-1 the cookie beside all other options')
def _(c):
    c.peer(ws=7, sack=True, ts=True)
    serve(c)
    syn(c, b'')
    seg = c.expect('SA', seq=0, ack=1, opts={'mss': c.mss, 'sackok': True})
    c.check(len(seg.option('fo')), 8, 'the length of the cookie')
    c.check(seg.option('ts') is not None and seg.option('ws') is not None,
            True, 'that the others are there')


@case('7413-1 a length that is not legal: the option is ignored')
def _(c):
    serve(c)
    for size in 3, 4, 5, 7, 9, 17, 19, 20:
        twin = c.sibling()
        raw = bytes([34, size]) + bytes(size - 2)
        twin.inject('S', seq=0, len=TEXT, opts=[('mss', c.mss), ('raw', raw)])
        twin.expect('SA', seq=0, ack=1, opts={'fo': None})
        twin.no_accept()


@case('7413-1 the experimental kind 254 is an unknown option',
      native='it has that form, too')
def _(c):
    serve(c)
    c.inject('S', seq=0, opts=[('mss', c.mss),
                               ('raw', bytes([254, 4, 0xf9, 0x89]))])
    seg = c.expect('SA', seq=0, ack=1, opts={'fo': None})
    c.check([o for o in seg.opts if o[0] == 'raw'], [], 'other options')


@case('7413-1 on a segment without SYN it is ignored')
def _(c):
    serve(c)
    cookie = ask(c)
    c.half_open()
    c.inject('A', opts=[('fo', cookie)])
    c.accept()
    c.inject('PA', len=10, opts=[('fo', b'')])
    c.expect('A')
    c.recv(10)
    c.state('ESTABLISHED')


# -- server: cookies -----------------------------------------------------------

@case('7413-2 a good cookie: accepted, read and answered before the final ACK')
def _(c):
    c.peer(ws=3, sack=True, ts=True)
    serve(c)
    cookie = ask(c)
    with c.stack.counts(FastOpenPassive=1, FastOpenPassiveFail=0,
                        PassiveOpens=1):
        syn(c, cookie, TEXT)
        c.expect('SA', seq=0, ack=1 + TEXT, opts={'fo': None})
    c.accept()
    c.state('SYN_RECEIVED')
    c.poll('IN OUT')
    c.recv(TEXT)
    c.recv_nothing()
    c.send(TEXT)
    c.expect('PA', seq=1, len=TEXT)
    c.state('SYN_RECEIVED')
    c.inject('A')
    c.state('ESTABLISHED')
    c.check(c.info()['options'] & 32, 32, 'TCPI_OPT_SYN_DATA')
    c.inject('PA', len=100)
    c.recv(100)
    c.send(100)
    c.collect()
    c.inject('A')
    c.shutdown()
    c.expect('FA')


@case('7413-2 a good cookie and no text: the answer may come first')
def _(c):
    serve(c)
    opened(c, ask(c), 0)
    c.state('SYN_RECEIVED')
    c.poll('OUT')
    c.send(100)
    c.expect('PA', seq=1, len=100)
    c.inject('A')
    c.state('ESTABLISHED')
    c.check(c.info()['options'] & 32, 0, 'TCPI_OPT_SYN_DATA')


@case('7413-2 a bad cookie: only the SYN is acknowledged, a new one comes')
def _(c):
    serve(c)
    good = ask(c)
    bad = bytes([good[0] ^ 1]) + good[1:]
    for cookie in bad, good[:4], good + good, bytes(6):
        with c.stack.counts(FastOpenPassive=0, FastOpenPassiveFail=1):
            syn(c, cookie, TEXT)
            c.expect('SA', seq=0, ack=1, opts={'fo': good})
        c.no_accept()
        c.inject('PA', seq=1, len=TEXT)
        c.expect('A', ack=1 + TEXT)
        c.accept()
        c.recv(TEXT)
        c.recv_nothing()
        c.abort()
        c.collect()
        again(c)


@case('7413-2 another address, another cookie')
def _(c):
    serve(c)
    twin = c.sibling()
    mine, other = ask(c), ask(twin)
    c.check(mine != other, True, 'that cookies differ')
    syn(c, other, TEXT)
    c.expect('SA', seq=0, ack=1, opts={'fo': mine})


@case('7413-2 text without a cookie is not taken')
def _(c):
    serve(c)
    syn(c, None, TEXT)
    c.expect('SA', seq=0, ack=1, opts={'fo': None})
    c.no_accept()


@case('7413-2 keys: the second is good for a while, and a cookie of the first')
def _(c):
    serve(c)
    first, second = '01020304-05060708-090a0b0c-0d0e0f10', '1-2-3-4'
    c.knob('fastopen_key', first)
    old = ask(c)
    c.knob('fastopen_key', second + ',' + first)
    with c.stack.counts(FastOpenPassive=1, FastOpenPassiveAltKey=1):
        syn(c, old, TEXT)
        new = c.expect('SA', seq=0, ack=1 + TEXT).option('fo')
    c.check(new is not None and new != old, True, 'that it is another')
    c.inject('A')
    c.accept()
    c.recv(TEXT)
    again(c)
    with c.stack.counts(FastOpenPassive=1, FastOpenPassiveAltKey=0):
        opened(c, new)
    again(c)
    c.knob('fastopen_key', second)
    syn(c, old, TEXT)
    c.expect('SA', seq=0, ack=1, opts={'fo': new})


@case('7413-2 the cookie is native\'s: SipHash of both addresses')
def _(c):
    serve(c)
    c.knob('fastopen_key', '00000000-00000000-00000000-00000001')
    mine = ask(c)
    key = struct.pack('<4I', 0, 0, 0, 1)
    c.setopt('TCP_FASTOPEN_KEY', key)
    c.check(ask(c), mine, "the cookie of the listener's own key")
    c.setopt('TCP_FASTOPEN_KEY', bytes(16))
    c.check(ask(c) != mine, True, 'that another key makes another')


@case('7413-2 no cookie is needed: bit 0x200, and TCP_FASTOPEN_NO_COOKIE')
def _(c):
    serve(c, knob=SERVER | SERVER_FREE)
    syn(c, None, TEXT)
    c.expect('SA', seq=0, ack=1 + TEXT, opts={'fo': None})
    c.accept()
    c.recv(TEXT)
    again(c)
    c.knob('fastopen', SERVER)
    syn(c, None, TEXT)
    c.expect('SA', seq=0, ack=1)
    again(c)
    c.setopt('TCP_FASTOPEN_NO_COOKIE', 1)
    syn(c, None, TEXT)
    c.expect('SA', seq=0, ack=1 + TEXT)


# -- server: who asked for it, and how much ------------------------------------

@case('7413-3 off: neither the knob nor the program alone switches it on')
def _(c):
    cookie = ask(serve(c))
    for knob, limit in (0, 8), (CLIENT, 8), (SERVER, 0):
        c.knob('fastopen', knob)
        c.lsock.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, limit)
        with c.stack.counts(FastOpenPassive=0, FastOpenListenOverflow=0):
            syn(c, cookie, TEXT)
            c.expect('SA', seq=0, ack=1, opts={'fo': None})
        again(c)
        syn(c, b'')
        c.expect('SA', seq=0, ack=1, opts={'fo': None})
        again(c)


@case('7413-3 off is the default', native='it is 1 there')
def _(c):
    with open(c.stack.knob('fastopen')) as f:
        c.check(f.read(), '0\n', 'the knob')
    c.listen()
    c.setopt('TCP_FASTOPEN', 8)
    syn(c, b'')
    c.expect('SA', seq=0, ack=1, opts={'fo': None})


@case('7413-3 bit 0x400: every listener, with its backlog for a limit')
def _(c):
    serve(c, None, SERVER | ALL, 3)
    c.check(c.lsock.getsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN), 3,
            'TCP_FASTOPEN')
    opened(c, ask(c))
    c.recv(TEXT)


@case('7413-3 beyond the limit: the usual handshake')
def _(c):
    serve(c, 2)
    cookie = ask(c)
    first = opened(c, cookie), c.port, c.iss, c.dut_iss
    again(c)
    opened(c, cookie)
    again(c)
    with c.stack.counts(FastOpenPassive=0, FastOpenListenOverflow=1):
        syn(c, cookie, TEXT)
        c.expect('SA', seq=0, ack=1, opts={'fo': None})
    c.inject('PA', seq=1, len=TEXT)
    c.expect('A')
    c.accept()
    c.recv(TEXT)
    # One final ACK makes room for one.
    c.bench.flows.pop(c.key)
    _, c.port, c.iss, c.dut_iss = first
    c.bench.flows[c.key] = c
    c.inject('A', seq=1 + TEXT, ack=1)
    again(c)
    opened(c, cookie)


# -- server: the SYN again -----------------------------------------------------

@case('7413-5 the SYN again: answered, and its text delivered once')
def _(c):
    c.knob('invalid_ratelimit', 0)
    serve(c)
    cookie = ask(c)
    opened(c, cookie)
    for option, size in (cookie, TEXT), (None, 0), (cookie, 0), (b'', TEXT):
        syn(c, option, size, void=True)
        c.expect('SA', seq=0, ack=1 + TEXT, opts={'fo': None})
        c.no_accept()
    c.recv(TEXT)
    c.recv_nothing()
    c.inject('A')
    c.state('ESTABLISHED')
    syn(c, cookie, TEXT, void=True)
    c.expect('A', seq=1, ack=1 + TEXT)
    c.recv_nothing()
    c.inject('PA', len=10)
    c.recv(10)


@case('7413-5 the same while data of ours are in flight')
def _(c):
    c.knob('invalid_ratelimit', 0)
    serve(c)
    cookie = ask(c)
    opened(c, cookie)
    c.recv(TEXT)
    c.send(100)
    c.expect('PA', seq=1, len=100)
    syn(c, None, void=True)
    c.expect('SA', seq=0, ack=1 + TEXT)
    c.inject('A', seq=1 + TEXT, ack=101)
    c.state('ESTABLISHED')
    c.recv_nothing()


@case('7413-5 the SYN,ACK is repeated after 1 s, before data are',
      native='its data come later')
def _(c):
    serve(c)
    opened(c, ask(c))
    c.mark()
    c.recv(TEXT)
    c.send(100)
    c.expect('PA', seq=1, len=100)
    c.expect('SA', seq=0, ack=1 + TEXT, at=1.0, opts={'fo': None})
    c.inject('A', seq=1 + TEXT, ack=1)
    c.state('ESTABLISHED')
    c.expect('PA', seq=1, len=100, within=3)
    c.inject('A')


@case('7413-5 closed before the final ACK: FIN, then the usual end',
      native='its FIN waits for the final ACK')
def _(c):
    serve(c)
    opened(c, ask(c))
    c.recv(TEXT)
    c.send(10)
    c.expect('PA', seq=1, len=10)
    c.shutdown()
    c.expect('FA', seq=11)
    c.state('FIN_WAIT_1')
    syn(c, None, void=True)
    c.expect('SA', seq=0, ack=1 + TEXT)
    c.inject('A', seq=1 + TEXT, ack=12)
    c.state('FIN_WAIT_2')
    c.inject('FA', seq=1 + TEXT)
    c.expect('A')


@case('7413-2 closed with the text unread: a RST')
def _(c):
    serve(c)
    opened(c, ask(c))
    c.close()
    c.expect('RA', seq=1)
    c.state('CLOSED')


@case('7413-2 the listener is closed: accepted or not makes the difference')
def _(c):
    serve(c)
    twin = c.sibling()
    opened(c, ask(c))
    syn(twin, ask(twin), TEXT)
    twin.expect('SA', seq=0, ack=1 + TEXT)
    c.close_listener()
    twin.expect('R(A)', seq=1)
    c.recv(TEXT)
    c.inject('A')
    c.state('ESTABLISHED')


@case('7413-2 ECN is agreed on as in any handshake')
def _(c):
    c.knob('ecn', 1)
    serve(c)
    cookie = ask(c)
    c.inject('SEC', seq=0, len=TEXT, opts=[('mss', c.mss), ('fo', cookie)])
    c.expect('SAE', seq=0, ack=1 + TEXT)
    c.accept()
    c.inject('A')
    c.recv(TEXT)
    c.send(100)
    c.expect('PA', len=100, tos=2)


# -- server: floods --------------------------------------------------------------

@case('7413-6 a RST before the final ACK goes on counting')
def _(c):
    serve(c, 2)
    cookie = ask(c)
    for _ in range(2):
        opened(c, cookie)
        c.inject('R', seq=1 + TEXT)
        c.failed('ECONNRESET')
        c.state('CLOSED')
        again(c)
    with c.stack.counts(FastOpenPassive=0, FastOpenListenOverflow=1):
        syn(c, cookie, TEXT)
        c.expect('SA', seq=0, ack=1, opts={'fo': None})


@case('7413-6 a RST out of the window does nothing')
def _(c):
    serve(c, 1)
    opened(c, ask(c))
    c.inject('R', seq=1 + TEXT + 70000, void=True)
    c.silent()
    c.inject('R', seq=1 + TEXT + 1, void=True)
    c.expect('A', seq=1, ack=1 + TEXT)
    c.state('SYN_RECEIVED')
    c.recv(TEXT)
    c.inject('A')
    c.state('ESTABLISHED')


@case('SEC-44 SYNs with cookies for all: the limit is, others can come in')
def _(c):
    serve(c, 5, SERVER | SERVER_FREE, 64)
    alive = c.sibling().accepted()
    syns = Syns(c, data=bytes(1000))
    with c.stack.counts(FastOpenPassive=5, FastOpenListenOverflow=65,
                        PassiveOpens=5):
        syns.send(200)
    c.check(len([row for row in c.rows() if row[0] == c.dut_port and
                 row[3] == 'SYN_RECEIVED']), 5 + 65, 'half-open connections')
    alive.inject('PA', len=10)
    alive.recv(10)
    syns.drain()
    for _ in range(5):
        c.accept()
    c.sibling().accepted()


@case('SEC-44 SYNs with cookies that are guessed: none takes memory')
def _(c):
    serve(c, 5)
    syns = Syns(c, data=bytes(1000), opts=[('mss', c.mss), ('nop',), ('nop',),
                                           ('fo', bytes(8))])
    with c.stack.counts(FastOpenPassive=0, FastOpenPassiveFail=8 + 1):
        syns.send(200)
    syns.drain()
    c.no_accept()
    c.sibling().accepted()


@case('SEC-44 the accept queue bounds what nobody accepts')
def _(c):
    serve(c, 100, SERVER | SERVER_FREE, 3)
    syns = Syns(c, data=bytes(1000))
    with c.stack.counts(FastOpenPassive=4, ListenOverflows=96):
        syns.send(100)
    syns.drain()


# -- client: the cookie --------------------------------------------------------

@case('7413-4 the first connection asks for a cookie, the second sends text')
def _(c):
    c.knob('fastopen', CLIENT)
    start(c, TEXT, 'EINPROGRESS')
    c.expect('S', seq=0, opts={'fo': b''})
    syn_ack(c, COOKIE)
    c.expect('A', seq=1)
    c.poll('OUT')
    c.send(TEXT)
    c.expect('PA', seq=1, len=TEXT)
    c.inject('A')
    c.abort()
    c.collect()
    again(c)
    with c.stack.counts(FastOpenActive=1, FastOpenActiveFail=0):
        start(c, TEXT, took=TEXT)
        c.expect('S', seq=0, len=TEXT, opts={'fo': COOKIE})
        c.poll('')
        syn_ack(c)
        c.expect('A', seq=1 + TEXT)
    c.state('ESTABLISHED')
    c.check(c.info()['options'] & 32, 32, 'TCPI_OPT_SYN_DATA')
    c.send(50)
    c.expect('PA', seq=1 + TEXT, len=50)
    c.inject('PA', len=70)
    c.recv(70)


@case('7413-1 cookies of 4 to 16 octets come back as they were')
def _(c):
    c.peer(ws=7, sack=True, ts=True)
    c.knob('fastopen', CLIENT)
    for size in 4, 6, 8, 10, 12, 14, 16:
        twin = c.sibling()
        cookie = os.urandom(size)
        twin.offer = c.offer
        learn(twin, cookie)
        start(twin, TEXT)
        twin.expect('S', seq=0, len=TEXT, opts={'fo': cookie})


@case('7413-1 a SYN-ACK whose option has a wrong length: no cookie',
      native='asks by the experimental form then')
def _(c):
    c.knob('fastopen', CLIENT)
    for raw in bytes([34, 3, 1]), bytes([34, 4, 1, 2]), bytes([34, 20]) + \
            bytes(18):
        twin = c.sibling()
        start(twin, 10, 'EINPROGRESS')
        twin.expect('S', seq=0, opts={'fo': b''})
        twin.inject('SA', opts=[('mss', c.mss), ('raw', raw)])
        twin.expect('A')
        again(twin)
        start(twin, 10, 'EINPROGRESS')
        twin.expect('S', seq=0, opts={'fo': b''})


@case('7413-1 a cookie that nobody asked for is not kept')
def _(c):
    c.knob('fastopen', CLIENT)
    c.connect()
    c.expect('S', seq=0, opts={'fo': None})
    syn_ack(c, COOKIE)
    c.expect('A')
    again(c)
    start(c, 10, 'EINPROGRESS')
    c.expect('S', seq=0, opts={'fo': b''})


@case('7413-4 the cookie is of the address: another server gets another')
def _(c):
    learn(c)
    twin = c.sibling()
    learn(twin, COOKIE[::-1])
    start(c, 10)
    c.expect('S', seq=0, len=10, opts={'fo': COOKIE})
    start(twin, 10)
    twin.expect('S', seq=0, len=10, opts={'fo': COOKIE[::-1]})


@case('7413-4 a new cookie takes the place of the old one')
def _(c):
    learn(c)
    start(c, 10)
    c.expect('S', seq=0, len=10, opts={'fo': COOKIE})
    syn_ack(c, COOKIE[::-1], ack=1)
    c.expect('PA', seq=1, len=10)
    again(c)
    start(c, 10)
    c.expect('S', seq=0, len=10, opts={'fo': COOKIE[::-1]})


@case('7413-4 the text fits the MSS of last time')
def _(c):
    for mss in 536, 1000:
        twin = c.sibling()
        learn(twin, mss=mss, ts=True)
        count = start(twin, 5000)
        seg = twin.expect('S', seq=0, len=count, opts={'fo': COOKIE})
        if not mss - 41 < count <= mss:
            c.fail('%d bytes for a MSS of %d' % (count, mss))
        # and is cut if it is smaller now
        twin.peer(mss=300)
        twin.inject('SA', ack=1)
        twin.expect('A(P)', seq=1, len=300)
        c.check(seg.option('mss'), c.mss, 'our MSS option')


# -- client: the answer --------------------------------------------------------

@case('7413-4 only the SYN is acknowledged: the text goes with the ACK')
def _(c):
    learn(c, ts=True, sack=True, ws=2)
    with c.stack.counts(FastOpenActive=0, FastOpenActiveFail=1):
        start(c, TEXT)
        c.expect('S', seq=0, len=TEXT)
        syn_ack(c, COOKIE, ack=1)
        c.expect('PA', seq=1, len=TEXT)
    c.check(c.info()['options'] & 32, 0, 'TCPI_OPT_SYN_DATA')
    c.inject('A')
    c.send(10)
    c.expect('PA', seq=1 + TEXT, len=10)


@case('7413-4 the same with a window of 0: nothing is sent into it',
      native='it sends all the same')
def _(c):
    learn(c)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT)
    c.inject('SA', ack=1, win=0)
    c.expect('A', seq=1)
    c.silent()
    c.inject('A', ack=1, win=1000)
    c.expect('PA', seq=1, len=TEXT)


@case('7413-4 a part of the text is acknowledged: the rest follows')
def _(c):
    learn(c)
    with c.stack.counts(FastOpenActive=0, FastOpenActiveFail=1):
        start(c, TEXT)
        c.expect('S', seq=0, len=TEXT)
        syn_ack(c, ack=1 + 50)
        c.expect('PA', seq=51, len=TEXT - 50, within=3)
    c.inject('A')
    c.send(10)
    c.expect('PA', seq=1 + TEXT, len=10)


@case('7413-4 an ACK of more than was sent is refused')
def _(c):
    learn(c)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT)
    syn_ack(c, ack=2 + TEXT, void=True)
    c.expect('R', seq=2 + TEXT)
    c.state('SYN_SENT')


@case('7413-4 text on the SYN-ACK is delivered')
def _(c):
    learn(c)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT)
    syn_ack(c, len=100)
    c.expect('A', seq=1 + TEXT, ack=101)
    c.recv(100)


@case('7413-4 RST: the error of any connect, and no text is taken')
def _(c):
    learn(c)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT)
    c.inject('RA', seq=0, ack=1 + TEXT)
    c.failed('ECONNREFUSED')


@case('7413-4 the SYN again has neither option nor text')
def _(c):
    learn(c)
    c.knob('syn_linear_timeouts' if c.stack.native else 'syn_retries',
           0 if c.stack.native else 6)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT, opts={'fo': COOKIE})
    c.mark()
    for at in 1.0, 3.0:
        c.expect('S', seq=0, len=0, at=at, opts={'fo': None})
    syn_ack(c, ack=1)
    c.expect('PA', seq=1, len=TEXT)
    c.inject('A')


@case('7413-4 a SYN that asked for a cookie, too')
def _(c):
    c.knob('fastopen', CLIENT)
    c.knob('syn_linear_timeouts' if c.stack.native else 'syn_retries',
           0 if c.stack.native else 6)
    start(c, TEXT, 'EINPROGRESS')
    c.expect('S', seq=0, opts={'fo': b''})
    c.expect('S', seq=0, after=1.0, opts={'fo': None})
    syn_ack(c)
    c.expect('A')


@case('7413-4 the answer to the first SYN comes after the second')
def _(c):
    learn(c)
    with c.stack.counts(FastOpenActive=1):
        start(c, TEXT)
        c.expect('S', seq=0, len=TEXT)
        c.expect('S', seq=0, len=0, within=3)
        syn_ack(c)
        c.expect('A', seq=1 + TEXT)
    c.send(10)
    c.expect('PA', seq=1 + TEXT, len=10)


@case('7413-4 SYN and SYN-ACK cross: the text is sent once more or not',
      native='it shrinks its window')
def _(c):
    for taken in False, True:
        twin = c.sibling()
        learn(twin)
        start(twin, TEXT)
        twin.expect('S', seq=0, len=TEXT)
        twin.inject('S', seq=0)
        twin.expect('SA', seq=0, ack=1)
        twin.inject('A', seq=1, ack=1 + TEXT if taken else 1)
        if not taken:
            twin.expect('PA', seq=1, len=TEXT)
            twin.inject('A')
        twin.state('ESTABLISHED')
        twin.send(10)
        twin.expect('PA', seq=1 + TEXT, len=10)


# -- client: failures are remembered -------------------------------------------

@case('7413-4 text that was lost with its SYN: no option for a while',
      native='it remembers for statistics alone')
def _(c):
    learn(c)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT, opts={'fo': COOKIE})
    c.expect('S', seq=0, len=0, within=3)
    syn_ack(c, ack=1)
    c.expect('PA', seq=1, len=TEXT)
    again(c)
    start(c, TEXT, 'EINPROGRESS')
    c.expect('S', seq=0, len=0, opts={'fo': None})
    other = c.sibling()
    start(other, TEXT, 'EINPROGRESS')
    other.expect('S', seq=0, opts={'fo': b''})


@case('7413-4 text that the server did not take, without a new cookie',
      native='it tries again')
def _(c):
    learn(c)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT, opts={'fo': COOKIE})
    syn_ack(c, ack=1)
    c.expect('PA', seq=1, len=TEXT)
    again(c)
    start(c, TEXT, 'EINPROGRESS')
    c.expect('S', seq=0, len=0, opts={'fo': None})


@case('7413-4 an ICMP error ends it, and is remembered',
      native='it tries again')
def _(c):
    learn(c)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT, opts={'fo': COOKIE})
    c.icmp((3, 3), (1, 4))
    c.failed('ECONNREFUSED')
    again(c)
    start(c, TEXT, 'EINPROGRESS')
    c.expect('S', seq=0, len=0, opts={'fo': None})


@case('7413-4 a RST beyond a hole and no data: a black hole, all pause')
def _(c):
    c.knob('fastopen_blackhole_timeout_sec', 10)
    learn(c)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT)
    syn_ack(c)
    c.expect('A')
    with c.stack.counts(FastOpenBlackhole=1):
        c.inject('R', seq=100, void=True)
        c.expect('A')
    again(c)
    start(c, TEXT, 'EINPROGRESS')
    c.expect('S', seq=0, len=0, opts={'fo': None})
    other = c.sibling()
    start(other, TEXT, 'EINPROGRESS')
    other.expect('S', seq=0, opts={'fo': None})
    again(c)
    c.knob('fastopen_blackhole_timeout_sec', 10)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT, opts={'fo': COOKIE})


@case('7413-4 a FIN beyond a hole and no data: the same')
def _(c):
    c.knob('fastopen_blackhole_timeout_sec', 10)
    learn(c)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT)
    syn_ack(c)
    c.expect('A')
    c.inject('FA', seq=100)
    c.expect('A', ack=1)
    with c.stack.counts(FastOpenBlackhole=1):
        c.abort()
        c.collect()
    again(c)
    start(c, TEXT, 'EINPROGRESS')
    c.expect('S', seq=0, len=0, opts={'fo': None})


@case('7413-4 0 s: no pause')
def _(c):
    c.knob('fastopen_blackhole_timeout_sec', 0)
    learn(c)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT)
    syn_ack(c)
    c.expect('A')
    with c.stack.counts(FastOpenBlackhole=0):
        c.inject('R', seq=100, void=True)
        c.expect('A')
    again(c)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT, opts={'fo': COOKIE})


# -- client: what the program says ---------------------------------------------

@case('7413-3 off: sendto() is refused, and connect() sends no option')
def _(c):
    c.knob('fastopen', 0)
    # EOPNOTSUPP, which has the same number.
    c.outcome('sendto(MSG_FASTOPEN)', 'ENOTSUP', c.socket().sendto, b'x',
              socket.MSG_FASTOPEN, (c.addr, c.port))
    c.setopt('TCP_FASTOPEN_CONNECT', 1, 'ENOTSUP')
    c.connect()
    c.expect('S', seq=0, len=0, opts={'fo': None})


@case('7413-3 on: connect() without asking for it is the usual one')
def _(c):
    learn(c)
    c.connect()
    c.expect('S', seq=0, len=0, opts={'fo': None})


@case('7413-3 TCP_FASTOPEN_CONNECT: connect() waits for the first text')
def _(c):
    learn(c)
    c.setopt('TCP_FASTOPEN_CONNECT', 1)
    c.connect(None)
    c.dut_port = c.sock.getsockname()[1]
    c.state('SYN_SENT')
    c.silent()
    c.poll('OUT')
    c.outcome('connect()', 'EISCONN', c.sock.connect, (c.addr, c.port))
    c.recv_nothing()
    c.send(TEXT)
    c.expect('S', seq=0, len=TEXT, opts={'fo': COOKIE})
    c.poll('')
    syn_ack(c)
    c.expect('A', seq=1 + TEXT)
    c.poll('OUT')
    c.send(10)
    c.expect('PA', len=10)


@case('7413-3 TCP_FASTOPEN_CONNECT without a cookie: connect() asks for one')
def _(c):
    c.knob('fastopen', CLIENT)
    c.setopt('TCP_FASTOPEN_CONNECT', 1)
    c.connect()
    c.expect('S', seq=0, opts={'fo': b''})
    syn_ack(c, COOKIE)
    c.expect('A')
    c.error(0)


@case('7413-3 TCP_FASTOPEN_CONNECT: a SYN that waits takes nothing in',
      native='it answers with its own')
def _(c):
    learn(c)
    c.setopt('TCP_FASTOPEN_CONNECT', 1)
    c.connect(None)
    c.dut_port = c.sock.getsockname()[1]
    c.inject('S', seq=0)
    c.silent()
    c.dut_iss = 0
    for flags in 'SA', 'A', 'RA', 'FA':
        c.inject(flags, seq=0, ack=1, void=True)
    c.collect()
    c.state('SYN_SENT')
    c.dut_iss = None
    c.forget()
    c.send(TEXT)
    c.expect('S', seq=0, len=TEXT, opts={'fo': COOKIE})


@case('7413-3 TCP_FASTOPEN_CONNECT: shutdown() and close() while it waits')
def _(c):
    learn(c)
    for end in c.shutdown, c.close:
        c.setopt('TCP_FASTOPEN_CONNECT', 1)
        c.connect(None)
        c.dut_port = c.sock.getsockname()[1]
        end()
        c.silent()
        c.state('CLOSED')
        again(c)


@case('7413-3 no cookie is needed: bit 4, and TCP_FASTOPEN_NO_COOKIE')
def _(c):
    c.knob('fastopen', CLIENT | CLIENT_FREE)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT, opts={'fo': None})
    syn_ack(c)
    c.expect('A', seq=1 + TEXT)
    again(c)
    c.knob('fastopen', CLIENT)
    c.setopt('TCP_FASTOPEN_NO_COOKIE', 1)
    start(c, TEXT)
    c.expect('S', seq=0, len=TEXT, opts={'fo': None})
    syn_ack(c, ack=1)
    c.expect('PA', seq=1, len=TEXT)


@case('7413-3 a call that blocks sends all: the first part with the SYN')
def _(c):
    learn(c)
    sock = c.socket()
    sock.setblocking(True)
    c.dut_port = None
    c.stream += pattern(0, 5000)
    call = c.background(sock.sendto, pattern(0, 5000), socket.MSG_FASTOPEN,
                        (c.addr, c.port))
    seg = c.pull(2)
    c.seen(seg)
    c.check(seg.flags, 'S', 'the flags')
    c.check(1000 < len(seg.data) <= c.mss, True, 'that text is on the SYN')
    syn_ack(c)
    call.finish()
    c.check(call.result, 5000, 'what sendto() took')
    got = len(seg.data)
    while got < 5000:
        seg = c.take(1)[0]
        got += len(seg.data)
        if got < 5000 and not len(c.inbox):
            c.inject('A')


@case('7413-3 MSG_FASTOPEN on a connection: EISCONN')
def _(c):
    c.knob('fastopen', CLIENT)
    c.established()
    c.connect(None, again=True)
    c.outcome('sendto(MSG_FASTOPEN)', 'EISCONN', c.sock.sendto, b'x',
              socket.MSG_FASTOPEN, (c.addr, c.port))
    c.state('ESTABLISHED')


if __name__ == '__main__':
    main()
