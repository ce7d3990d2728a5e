#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Opening a connection: what the SYNs carry, and odd answers to them."""

import socket

from harness import case, main, seq_diff


@case('MUST-14 MUST-68 SHLD-5 MAY-3 active open: our SYN carries the four options')
def _(c):
    c.connect()
    syn = c.expect('S', seq=0, opts={'mss': c.mss, 'sackok': True})
    c.check(syn.option('ts')[1], 0, 'TSecr of a SYN (7323-3)')
    if not 0 <= syn.option('ws') <= 14:
        c.fail('window scale %s' % syn.option('ws'))
    c.state('SYN_SENT')


@case('MUST-14 passive open: the SYN-ACK carries what the SYN offered')
def _(c):
    c.peer(ws=3, sack=True, ts=True)
    c.listen()
    c.inject('S', seq=0)
    ack = c.expect('SA', seq=0, ack=1, opts={'mss': c.mss, 'sackok': True})
    c.check(ack.option('ts')[1], c.ts_val, 'TSecr')
    if ack.option('ws') is None:
        c.fail('no window scale')
    c.state('SYN_RECEIVED')
    c.inject('A')
    c.accept()
    c.state('ESTABLISHED')


@case('7323-1 2018-1 passive open: nothing that the SYN did not offer')
def _(c):
    c.listen()
    c.inject('S', seq=0)
    c.expect('SA', seq=0, ack=1,
             opts={'mss': c.mss, 'ws': None, 'sackok': None, 'ts': None})


@case('MUST-67 the MSS that we announce follows the MTU')
def _(c):
    for mtu in 1280, 9000, 1500:
        c.command('ip link set tun0 mtu %d' % mtu)
        twin = c.sibling()
        twin.connect()
        twin.expect('S', opts={'mss': mtu - (40 if c.family == 4 else 60)})
        twin.close()


@case('MUST-67 at an MTU of 576', families=[4])
def _(c):
    c.command('ip route add %s dev tun0 mtu 576' % c.addr)
    c.connect()
    c.expect('S', opts={'mss': 536})


@case('MUST-15 no MSS option: 536 octets, 1220 for IPv6')
def _(c):
    c.accepted(mss=None)
    c.send(3000)
    c.expect('A(P)', len=536 if c.family == 4 else 1220)


@case('MUST-16 the payload fits the MSS less the timestamps')
def _(c):
    c.established(mss=1000, ts=True)
    c.send(3000)
    c.expect('A(P)', len=988)


@case('SEC-03 tiny MSS values are raised to a floor')
def _(c):
    for mss in 0, 1, 8, 47, 48, 88:
        twin = c.sibling()
        twin.established(mss=mss)
        twin.send(400)
        seg = twin.collect()[0]
        if len(seg.data) < 36:
            c.fail('MSS %d makes segments of %d' % (mss, len(seg.data)))


@case('MUST-10 simultaneous open: the same ISN, what the peer offered')
def _(c):
    c.connect()
    c.expect('S', seq=0)
    c.inject('S', seq=0)
    c.expect('SA', seq=0, ack=1, opts={'mss': c.mss})
    c.state('SYN_RECEIVED')
    c.inject('A')
    c.state('ESTABLISHED')


@case('7323-1 2018-1 simultaneous open: nothing that the SYN did not offer',
      native='its SYN-ACK repeats the options of its SYN')
def _(c):
    c.connect()
    c.expect('S', seq=0)
    c.inject('S', seq=0)
    c.expect('SA', seq=0, ack=1,
             opts={'mss': c.mss, 'ws': None, 'sackok': None, 'ts': None})


@case('MUST-10 simultaneous open, our SYN-ACK is acknowledged')
def _(c):
    c.simultaneous()
    c.inject('A', seq=1, ack=1)
    c.state('ESTABLISHED')
    c.error(0)
    c.send(10)
    c.expect('PA', seq=1, len=10)
    c.inject('A')


@case('MUST-10 SM-24 simultaneous open, SYN-ACKs cross')
def _(c):
    c.simultaneous()
    c.inject('SA', seq=0, ack=1)
    c.collect()
    c.state('ESTABLISHED')
    c.inject('PA', seq=1, ack=1, len=5)
    c.expect('A')
    c.recv(5)
    c.poll('OUT')


@case('SM-24 self-connect works')
def _(c):
    c.bind()
    c.sock.setblocking(True)
    c.sock.settimeout(3)
    c.sock.connect((c.dut_addr, c.dut_port))
    c.sock.sendall(b'x' * 10000)
    got = b''
    while len(got) < 10000:
        got += c.sock.recv(10000)
    c.check(got, b'x' * 10000, 'what came back')


@case('MUST-8 SHLD-1 the ISN of one 4-tuple grows with time')
def _(c):
    c.bind()
    port, last, first = c.dut_port, None, None
    for _ in range(200):
        c.connect(again=True)
        isn = c.expect('S', seq=0).seq
        if last is not None and not 0 < seq_diff(isn, last) < 1 << 28:
            c.fail('ISN %d after %d' % (isn, last))
        first, last = first if first is not None else isn, isn
        c.close()
        c.state('CLOSED')
        c.forget()
        c.sock = None
        c.socket()
        c.bind(port)


@case('MUST-9 neighbouring 4-tuples have unrelated ISNs')
def _(c):
    gaps = set()
    last = None
    for _ in range(32):
        twin = c.sibling()
        twin.connect()
        isn = twin.expect('S').seq
        if last is not None:
            gaps.add(seq_diff(isn, last) >> 24)
        last = isn
    if len(gaps) < 16:
        c.fail('ISNs of 32 connections differ by only %s' % sorted(gaps))


@case('7323-8 the timestamp offset differs between peers')
def _(c):
    values = []
    for _ in range(8):
        twin = c.sibling()
        twin.connect()
        values.append(twin.expect('S').option('ts')[0])
    near = sum(abs(seq_diff(a, b)) < 1 << 20
               for a, b in zip(values, values[1:]))
    if near > 1:
        c.fail('timestamps %s share an offset' % values)


@case('6298-1 the SYN is repeated after 1 s and 3 s, with the same ISN')
def _(c):
    c.knob('syn_linear_timeouts' if c.stack.native else 'syn_retries',
           0 if c.stack.native else 6)
    c.connect()
    c.expect('S', seq=0)
    c.mark()
    c.expect('S', seq=0, at=1.0)
    c.expect('S', seq=0, at=3.0)
    c.inject('SA')
    c.expect('A')


@case('MUST-22 the SYN-ACK is repeated after 1 s')
def _(c):
    c.half_open()
    c.expect('SA', seq=0, ack=1, after=1.0)
    c.inject('A')
    c.accept()


@case('1122-3 data on the ACK that opens are delivered')
def _(c):
    c.half_open()
    c.inject('PA', seq=1, ack=1, len=100)
    c.expect('A', ack=101)
    c.accept()
    c.recv(100)


@case('a repeated SYN in SYN-RCVD is answered with the same SYN-ACK')
def _(c):
    c.half_open()
    c.inject('S', seq=0)
    c.expect('SA', seq=0, ack=1)
    c.state('SYN_RECEIVED')


@case('SM-15 SYN-RCVD: an ACK of something else gets a RST, nothing changes')
def _(c):
    c.half_open()
    for ack in (0, 2, 1000):
        c.inject('A', seq=1, ack=ack)
        c.expect('R', seq=ack)
        c.state('SYN_RECEIVED')
    c.inject('A', seq=1, ack=1)
    c.accept()


@case('MUST-11 SYN-RCVD, passive: a RST returns to LISTEN')
def _(c):
    c.half_open()
    c.inject('R', seq=1)
    c.silent()
    c.state('CLOSED')
    c.state('LISTEN')
    c.no_accept()
    c.sibling().accepted()


@case('MUST-11 SYN-RCVD, active: a RST refuses')
def _(c):
    c.simultaneous()
    c.inject('R', seq=1)
    c.failed('ECONNREFUSED', 'ECONNRESET')
    c.state('CLOSED')


@case('SM-6 syn-sent: an unacceptable ACK gets a RST, nothing changes',
      native='an ACK of nothing makes it repeat its SYN at once')
def _(c):
    c.connect()
    c.expect('S')
    for ack in (0, 2, -1, 100000):
        c.inject('SA', seq=0, ack=ack, void=True)
        c.expect('R', seq=ack)
        c.inject('A', seq=0, ack=ack, void=True)
        c.expect('R', seq=ack)
        c.inject('RA', seq=0, ack=ack)
        c.silent()
    c.state('SYN_SENT')
    c.inject('SA')
    c.expect('A')


@case('SM-7 syn-sent: RST without ACK is ignored')
def _(c):
    c.connect()
    c.expect('S', seq=0)
    c.inject('R', seq=0)
    c.silent()
    c.inject('SA', seq=0, ack=1)
    c.expect('A', seq=1, ack=1)
    c.state('ESTABLISHED')


@case('SM-7 5961-9 syn-sent: RST with the ACK of our SYN refuses')
def _(c):
    c.connect()
    c.expect('S', seq=0)
    c.inject('RA', seq=0, ack=1)
    c.poll('IN OUT ERR HUP RDHUP')
    c.error('ECONNREFUSED')
    c.state('CLOSED')


@case('SM-8 syn-sent: ACK, FIN and data without SYN are dropped')
def _(c):
    c.connect()
    c.expect('S')
    c.inject('A', seq=0, ack=1, void=True)
    c.inject('FA', seq=0, ack=1, void=True)
    c.inject('F', seq=0, void=True)
    c.inject('PA', seq=0, ack=1, len=3, void=True)
    c.silent()
    c.state('SYN_SENT')


@case('SM-9 a SYN-ACK with data opens, the data are delivered',
      native='the data of a SYN-ACK are left to be repeated')
def _(c):
    c.connect()
    c.expect('S')
    c.inject('SA', seq=0, ack=1, data=b'hello')
    c.expect('A', ack=6)
    c.recv(b'hello')


@case('SM-9 a SYN-ACK with FIN opens and half closes',
      native='the FIN of a SYN-ACK is left to be repeated')
def _(c):
    c.connect()
    c.expect('S')
    c.inject('SFA', seq=0, ack=1)
    c.expect('A', ack=2)
    c.state('CLOSE_WAIT')
    c.recv_eof()


@case('SM-9 a SYN-ACK with data, a FIN and URG: all of it counts',
      native='only the SYN of a SYN-ACK counts')
def _(c):
    c.connect()
    c.expect('S')
    c.inject('SFPUA', seq=0, ack=1, data=b'hello', urg=6)
    c.expect('A', ack=7)
    c.state('CLOSE_WAIT')
    c.recv(b'hell')
    c.recv(b'o', flags=socket.MSG_OOB)
    c.recv_eof()


@case('SM-9 simultaneous open: data on the SYN are kept until it is open',
      native='the data of a SYN are left to be repeated')
def _(c):
    c.connect()
    c.expect('S', seq=0)
    c.inject('S', seq=0, data=b'hello', void=True)
    c.nxt = 1
    c.expect('SA', seq=0, ack=1)
    c.state('SYN_RECEIVED')
    c.recv(err='EAGAIN')
    c.inject('SA', seq=0, ack=1, void=True)
    c.expect('A', seq=1, ack=6)
    c.state('ESTABLISHED')
    c.nxt = 6
    c.recv(b'hello')
    c.read_at = 5
    c.inject('PA', len=10)
    c.expect('A', ack=16)
    c.recv(10)


@case('SM-9 simultaneous open: data and FIN on the SYN half close it',
      native='the data of a SYN are left to be repeated')
def _(c):
    for repeat in False, True:
        twin = c.sibling()
        twin.connect()
        twin.expect('S', seq=0)
        twin.inject('SF', seq=0, data=b'hello', void=True)
        twin.nxt = 1
        twin.expect('SA', seq=0, ack=1)
        twin.state('SYN_RECEIVED')
        twin.inject('FPA' if repeat else 'A', seq=1, ack=1,
                    data=b'hello' if repeat else None, void=True)
        twin.nxt = 7
        twin.expect('A', seq=1, ack=7)
        twin.check(len(twin.collect()), repeat, 'ACKs of what came again')
        twin.state('CLOSE_WAIT')
        twin.recv(b'hello')
        twin.recv_eof()


@case('SM-9 simultaneous open: of the data on the SYN what fits the window')
def _(c):
    c.socket()
    c.setopt('SO_RCVBUF', 4096)
    c.connect()
    c.expect('S', seq=0)
    edge = 1 + c.dut_syn.win
    c.inject('SF', seq=0, data=bytes(c.dut_syn.win + 100), void=True)
    c.nxt = 1
    c.expect('SA', seq=0, ack=1)
    c.inject('A', seq=1, ack=1)
    for ack in c.collect():
        if seq_diff(ack.ack, c.iss) > edge:
            c.fail('more than the window was taken')
    c.state('ESTABLISHED')
    c.error(0)


@case('SM-22 syn-sent: close() sends nothing')
def _(c):
    c.connect()
    c.expect('S')
    c.close()
    c.silent()
    c.state('CLOSED')


@case('SM-5 LISTEN: SYN with FIN is dropped')
def _(c):
    c.listen()
    c.inject('SF', seq=0, void=True)
    c.silent()
    c.no_accept()
    c.state('CLOSED')


@case('SM-4 LISTEN: RST ignored, ACK gets a RST, anything else silence')
def _(c):
    c.listen()
    for flags in 'R', 'RA', 'SR':
        c.inject(flags, seq=7, ack=9, void=True)
        c.silent()
    for flags in 'A', 'SA', 'FA', 'PA', 'PUA':
        c.inject(flags, seq=7, ack=9, void=True)
        c.expect('R', seq=9)
    for flags in '', 'F', 'PU':
        c.inject(flags, seq=7, void=True)
        c.silent()
    c.state('LISTEN')


@case('MUST-63 1122-2 a SYN from an impossible source is ignored',
      native='a SYN from :: is answered')
def _(c):
    c.listen()
    for addr in {4: ['127.0.0.1', '224.0.0.1', '255.255.255.255', '0.0.0.0'],
                 6: ['::', '::1', 'ff02::1']}[c.family]:
        keep, c.addr = c.addr, addr
        c.bench.flows[c.key] = c
        c.inject('S', seq=0, void=True)
        c.silent(0.005)
        del c.bench.flows[c.key]
        c.addr = keep
    c.no_accept()


@case('MUST-57 1122-2 a SYN to a broadcast or multicast address is ignored')
def _(c):
    c.listen()
    c.close_listener()
    c.sock = c.open()
    port, c.dut_port = c.dut_port, None
    c.sock.bind(('', port))
    c.dut_port = port
    c.listen()
    for addr in {4: ['192.0.2.255', '224.0.0.1', '255.255.255.255'],
                 6: ['ff02::1', 'ff01::1']}[c.family]:
        keep, c.dut_addr = c.dut_addr, addr
        c.inject('S', seq=0, void=True)
        c.silent(0.005)
        c.dut_addr = keep


@case('MUST-46 connect() to a broadcast or multicast address fails')
def _(c):
    for addr, err in {4: [('255.255.255.255', 'ENETUNREACH'),
                          ('192.0.2.255', 'ENETUNREACH'),
                          ('224.0.0.1', 'ENETUNREACH')],
                      6: [('ff02::1', 'ENETUNREACH')]}[c.family]:
        keep, c.addr = c.addr, addr
        c.connect(err=err)
        c.addr = keep
    c.silent()


if __name__ == '__main__':
    main()
