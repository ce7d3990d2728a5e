# SPDX-License-Identifier: GPL-2.0
"""Build and strictly parse IPv4, IPv6, TCP and ICMP packets."""

import socket
import struct

# Flag letters, lowest bit first; the ninth (AE, once NS) sits beside doff.
FLAGS = 'FSRPAUECN'
SEQ_MOD = 1 << 32
PROTO = {4: 1, 6: 58}


def combinations(bits=len(FLAGS)):
    """Of the lowest flags, all."""
    for n in range(1 << bits):
        yield ''.join(f for i, f in enumerate(FLAGS[:bits]) if n >> i & 1)


class BadPacket(Exception):
    """A packet that a correct sender never emits."""


def seq_diff(a, b):
    """a - b in sequence space, -2^31..2^31-1."""
    d = (a - b) % SEQ_MOD
    return d - SEQ_MOD if d >= SEQ_MOD // 2 else d


def checksum(data):
    if len(data) & 1:
        data += b'\0'
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def addr_pack(family, addr):
    return socket.inet_pton(
        socket.AF_INET if family == 4 else socket.AF_INET6, addr)


def addr_text(family, raw):
    return socket.inet_ntop(
        socket.AF_INET if family == 4 else socket.AF_INET6, raw)


def pseudo_header(family, src, dst, proto, length):
    if family == 4:
        return src + dst + struct.pack('!BBH', 0, proto, length)
    return src + dst + struct.pack('!IHBB', length, 0, 0, proto)


def build_ip(family, src, dst, proto, payload, ttl=64, tos=0, options=b''):
    """options: IPv4 options, or for IPv6 a whole extension header whose
    first byte is patched to name the next header, as (type, bytes)."""
    if family == 4:
        options += b'\0' * (-len(options) % 4)
        head = struct.pack('!BBHHHBBH', 0x45 + len(options) // 4, tos,
                           20 + len(options) + len(payload), 0, 0x4000,
                           ttl, proto, 0) + src + dst + options
        return head[:10] + struct.pack('!H', checksum(head)) + \
            head[12:] + payload
    if options:
        kind, ext = options
        payload = bytes([proto]) + ext[1:] + payload
        proto = kind
    return struct.pack('!IHBB', 6 << 28 | tos << 20, len(payload), proto,
                       ttl) + src + dst + payload


def build_options(opts):
    """opts: a list of ('mss', 1460), ('ws', 7), ('sackok',), ('nop',),
    ('ts', val, ecr), ('sack', [(left, right)]), ('fo', cookie), ('eol',),
    ('raw', bytes);
    absolute sequence numbers; padded with zeros."""
    out = b''
    for opt in opts:
        kind, args = opt[0], opt[1:]
        if kind == 'mss':
            out += struct.pack('!BBH', 2, 4, args[0])
        elif kind == 'ws':
            out += struct.pack('!BBB', 3, 3, args[0])
        elif kind == 'sackok':
            out += b'\4\2'
        elif kind == 'sack':
            out += struct.pack('!BB', 5, 2 + 8 * len(args[0]))
            for left, right in args[0]:
                out += struct.pack('!II', left % SEQ_MOD, right % SEQ_MOD)
        elif kind == 'ts':
            out += struct.pack('!BBII', 8, 10, args[0] % SEQ_MOD,
                               args[1] % SEQ_MOD)
        elif kind == 'fo':
            out += struct.pack('!BB', 34, 2 + len(args[0])) + args[0]
        elif kind == 'nop':
            out += b'\1'
        elif kind == 'eol':
            out += b'\0'
        elif kind == 'raw':
            out += args[0]
        else:
            raise ValueError('unknown option ' + kind)
    return out + b'\0' * (-len(out) % 4)


OPTION_LENGTH = {2: 4, 3: 3, 4: 2, 8: 10}


def parse_options(raw):
    """Strict: every length right, nothing but zeros after EOL."""
    opts, at = [], 0
    while at < len(raw):
        kind = raw[at]
        if kind == 0:
            if any(raw[at:]):
                raise BadPacket('bytes after EOL are not zero (MUST-69)')
            break
        if kind == 1:
            opts.append(('nop',))
            at += 1
            continue
        if at + 1 >= len(raw):
            raise BadPacket('option %d has no length' % kind)
        size = raw[at + 1]
        if size < 2 or at + size > len(raw):
            raise BadPacket('option %d has length %d' % (kind, size))
        if size != OPTION_LENGTH.get(kind, size):
            raise BadPacket('option %d has length %d' % (kind, size))
        body = raw[at + 2:at + size]
        if kind == 2:
            opts.append(('mss', struct.unpack('!H', body)[0]))
        elif kind == 3:
            opts.append(('ws', body[0]))
        elif kind == 4:
            opts.append(('sackok',))
        elif kind == 5:
            if len(body) % 8 or not 1 <= len(body) // 8 <= 4:
                raise BadPacket('SACK option of length %d' % size)
            edges = struct.unpack('!%dI' % (len(body) // 4), body)
            opts.append(('sack', list(zip(edges[::2], edges[1::2]))))
        elif kind == 8:
            opts.append(('ts',) + struct.unpack('!II', body))
        elif kind == 34:
            if len(body) not in (0, 4, 6, 8, 10, 12, 14, 16):
                raise BadPacket('Fast Open option of length %d (7413-1)' %
                                size)
            opts.append(('fo', body))
        else:
            opts.append(('raw', raw[at:at + size]))
        at += size
    kinds = [o[0] for o in opts if o[0] not in ('nop', 'raw')]
    if len(kinds) != len(set(kinds)):
        raise BadPacket('an option occurs twice: %s' % kinds)
    return opts


class Segment:
    """A TCP segment with absolute sequence numbers."""

    def __init__(self, flags='A', seq=0, ack=0, win=0, urg=0, opts=(),
                 data=b'', ttl=64, tos=0):
        self.flags, self.seq, self.ack = flags, seq % SEQ_MOD, ack % SEQ_MOD
        self.win, self.urg, self.opts, self.data = win, urg, opts, data
        self.ttl, self.tos, self.reserved = ttl, tos, 0
        self.raw_ip = b''

    def has(self, flag):
        return flag in self.flags

    def option(self, kind):
        """Arguments of an option: its value, True if it has none, else None."""
        for opt in self.opts:
            if opt[0] == kind:
                if len(opt) == 1:
                    return True
                return opt[1] if len(opt) == 2 else opt[1:]
        return None

    @property
    def length(self):
        """SEG.LEN: SYN and FIN count one each."""
        return len(self.data) + self.has('S') + self.has('F')

    def build(self, sport, dport, doff=None):
        """Header and data, checksum still zero; see build_tcp()."""
        opts = build_options(self.opts)
        bits = sum(1 << FLAGS.index(f) for f in self.flags)
        words = 5 + len(opts) // 4 if doff is None else doff
        return struct.pack('!HHIIHHHH', sport, dport, self.seq, self.ack,
                           (words & 15) << 12 | self.reserved << 9 | bits,
                           self.win, 0, self.urg) + opts + self.data


def build_tcp(family, src, dst, sport, dport, seg, doff=None,
              bad_checksum=False, truncate=None, ip_options=b''):
    tcp = seg.build(sport, dport, doff)
    if truncate is not None:
        tcp = tcp[:truncate]
    if len(tcp) >= 18:
        csum = checksum(pseudo_header(family, src, dst, 6, len(tcp)) + tcp)
        if bad_checksum:
            csum ^= 0x5555
        tcp = tcp[:16] + struct.pack('!H', csum) + tcp[18:]
    return build_ip(family, src, dst, 6, tcp, seg.ttl, seg.tos, ip_options)


def parse_ip(raw):
    """(family, src, dst, proto, payload, ttl, tos), checks what it can."""
    family = raw[0] >> 4
    if family == 4:
        size = (raw[0] & 15) * 4
        tos, total, _, frag, ttl, proto = struct.unpack('!xBHHHBB', raw[:10])
        if size < 20 or total != len(raw):
            raise BadPacket('IPv4 length %d of %d' % (total, len(raw)))
        if checksum(raw[:size]):
            raise BadPacket('IPv4 header checksum')
        if frag & 0x3fff:
            raise BadPacket('an IPv4 fragment')
        return 4, raw[12:16], raw[16:20], proto, raw[size:], ttl, tos
    word, total, proto, ttl = struct.unpack('!IHBB', raw[:8])
    if total != len(raw) - 40:
        raise BadPacket('IPv6 length %d of %d' % (total, len(raw) - 40))
    return 6, raw[8:24], raw[24:40], proto, raw[40:], ttl, word >> 20 & 255


def parse_tcp(raw):
    """((family, src, dst, sport, dport), Segment) or None if not TCP."""
    family, src, dst, proto, tcp, ttl, tos = parse_ip(raw)
    if proto != 6:
        return None
    if len(tcp) < 20:
        raise BadPacket('TCP header cut short')
    if checksum(pseudo_header(family, src, dst, 6, len(tcp)) + tcp):
        raise BadPacket('TCP checksum (MUST-2)')
    sport, dport, seq, ack, word, win, _, urg = \
        struct.unpack('!HHIIHHHH', tcp[:20])
    size = (word >> 12) * 4
    if not 20 <= size <= len(tcp):
        raise BadPacket('data offset %d' % size)
    if word & 0xe00:
        raise BadPacket('reserved bits are set')
    flags = ''.join(f for i, f in enumerate(FLAGS) if word >> i & 1)
    seg = Segment(flags, seq, ack, win, urg, parse_options(tcp[20:size]),
                  tcp[size:], ttl, tos)
    seg.raw_ip = raw
    if not seg.has('S'):
        for kind in ('mss', 'ws', 'sackok', 'fo'):
            if seg.option(kind) is not None:
                raise BadPacket('%s option on a segment without SYN '
                                '(MUST-65)' % kind)
    return (family, src, dst, sport, dport), seg


def build_icmp(family, src, dst, kind, code, field, quoted):
    """field: the second word of the ICMP header (an MTU, a pointer)."""
    proto = PROTO[family]
    quoted = quoted[:548 if family == 4 else 1232]
    icmp = struct.pack('!BBHI', kind, code, 0, field) + quoted
    cover = icmp if family == 4 else \
        pseudo_header(6, src, dst, proto, len(icmp)) + icmp
    icmp = icmp[:2] + struct.pack('!H', checksum(cover)) + icmp[4:]
    return build_ip(family, src, dst, proto, icmp)
