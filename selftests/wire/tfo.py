# SPDX-License-Identifier: GPL-2.0
"""Fast Open, RFC 7413: what its cases share, on both sides."""

import socket

from peer import pattern

CLIENT, SERVER, CLIENT_FREE, SERVER_FREE, ALL = 1, 2, 4, 0x200, 0x400
COOKIE = bytes(range(0xa0, 0xa8))
TEXT = 200


def again(c):
    """The same two hosts, another connection."""
    c.bench.flows.pop(c.key)
    c.port = 20000 + c.bench.fresh() % 20000
    c.forget()
    c.sock = None
    for name in 'our_ws', 'dut_syn':		# what was negotiated
        c.__dict__.pop(name, None)
    c.bench.flows[c.key] = c
    return c


# -- the stack under test is the server ---------------------------------------

def serve(c, limit=8, knob=SERVER, backlog=8):
    c.knob('fastopen', knob)
    c.listen(backlog)
    if limit is not None:
        c.setopt('TCP_FASTOPEN', limit)
    return c


def syn(c, cookie=None, len=0, **more):
    """A SYN of ours. cookie: None without the option, b'' to ask for one."""
    opts = c.syn_options()
    if cookie is not None:
        opts.append(('fo', cookie))
    return c.inject('S', seq=0, len=len, opts=opts, **more)


def ask(c):
    """A cookie for our address."""
    syn(c, b'')
    cookie = c.expect('SA', seq=0, ack=1).option('fo')
    c.check(cookie is not None and len(cookie) in (4, 6, 8, 10, 12, 14, 16),
            True, 'that a cookie came')
    c.inject('R', seq=1)
    again(c)
    return cookie


def opened(c, cookie, len=TEXT):
    """A connection that waits for our final ACK, accepted."""
    syn(c, cookie, len)
    c.expect('SA', seq=0, ack=1 + len)
    c.accept()
    return c


# -- the stack under test is the client ---------------------------------------

def start(c, size, err=None, flags=0, took=None):
    """sendto(MSG_FASTOPEN) that does not wait."""
    sock = c.socket()
    c.dut_port = None
    data = pattern(0, size)
    count = c.outcome('sendto(%d, MSG_FASTOPEN)' % size, err, sock.sendto,
                      data, socket.MSG_FASTOPEN | socket.MSG_NOSIGNAL | flags,
                      (c.addr, c.port))
    c.stream += data[:count or 0]
    if err is None and took is not None:
        c.check(count, took, 'what sendto() took')
    c.dut_port = sock.getsockname()[1]
    return count


def syn_ack(c, cookie=None, **more):
    opts = c.syn_options()
    if cookie is not None:
        opts.append(('fo', cookie))
    return c.inject('SA', seq=0, opts=opts, **more)


def learn(c, cookie=COOKIE, **offer):
    """A first connection brings the cookie; ready for the next."""
    if offer:
        c.peer(**offer)
    c.knob('fastopen', CLIENT)
    start(c, 10, 'EINPROGRESS')
    c.expect('S', seq=0, opts={'fo': b''})
    syn_ack(c, cookie)
    c.expect('A')
    c.abort()
    c.expect('R(A)')
    return again(c)
