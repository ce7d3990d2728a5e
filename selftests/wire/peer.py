# SPDX-License-Identifier: GPL-2.0
"""The scripted peer: what a case injects, expects, and holds it against."""

import re
import struct
import time

from codec import (SEQ_MOD, Segment, addr_pack, build_icmp, build_tcp,
                   seq_diff)

ANY = object()
PATIENCE = 2.0		# s, for what should happen at once
QUIET = 0.010		# s, for what should not happen

_cycle = bytes((i * 7 + (i >> 8) * 13 + 1) & 255 for i in range(65521))


def pattern(start, size):
    """The bytes at an offset of the stream that either side sends."""
    start %= len(_cycle)
    turns = (start + size) // len(_cycle) + 1
    return (_cycle * turns)[start:start + size]


class Failure(AssertionError):
    pass


class Peer:
    """The peer's half of a case; harness.Case has the attributes."""

    ect = 2		# ECT(0); a case of L4S sets it to ECT(1)

    def note(self, text, when=None):
        self.log.append('%10.3f ms  %s' % (
            ((when or time.monotonic()) - self.start) * 1e3, text))

    def show(self, seg, arrow):
        ours = arrow == '>'
        base, other = self.iss, self.dut_iss or 0
        if not ours:
            base, other = other, base
        text = '%s %-4s seq %d' % ('peer >' if ours else '     <', seg.flags,
                                   seq_diff(seg.seq, base))
        if seg.data:
            text += '..%d (%d)' % (seq_diff(seg.seq, base) + len(seg.data),
                                   len(seg.data))
        if seg.has('A'):
            text += ' ack %d' % seq_diff(seg.ack, other)
        text += ' win %d' % seg.win
        if seg.has('U'):
            text += ' urg %d' % seg.urg
        for opt in seg.opts:
            if opt[0] == 'sack':
                text += ' sack' + ''.join(
                    ' %d-%d' % (seq_diff(a, other), seq_diff(b, other))
                    for a, b in opt[1])
            elif opt[0] != 'nop':
                text += ' ' + ' '.join(
                    x.hex() if isinstance(x, bytes) else str(x) for x in opt)
        return text

    def fail(self, text):
        raise Failure(text)

    def check(self, got, want, what):
        if got != want:
            self.fail('%s is %s, not %s' % (what, got, want))

    def peer(self, mss=ANY, ws=None, sack=False, ts=False, win=None):
        """What the peer's SYN offers, and its window field from now on."""
        self.offer = {'mss': self.mss if mss is ANY else mss, 'ws': ws,
                      'sack': sack, 'ts': ts}
        if win is not None:
            self.win = win
        return self

    def syn_options(self):
        opts = []
        if self.offer.get('mss') is not None:
            opts.append(('mss', self.offer['mss']))
        if self.offer.get('sack'):
            opts.append(('sackok',))
        if self.offer.get('ts'):
            opts.append(('ts', self.ts_val, self.ts_recent))
        if self.offer.get('ws') is not None:
            opts.append(('ws', self.offer['ws']))
        return opts

    def inject(self, flags, seq=None, ack=None, len=0, data=None, win=None,
               urg=0, opts=None, sack=None, ts=None, void=False, ttl=64,
               tos=0, reserved=0, gso=None, **faults):
        """Send a segment to the stack under test. sack: relative blocks;
        ts: (val, ecr); void: do not take it into our books, because the
        other side has to refuse it; gso: it is what GRO made of segments of
        this size."""
        seq = self.nxt if seq is None else seq
        if data is None:
            data = pattern(seq - ('S' not in flags), len) if len else b''
        ack = (self.dut_nxt if ack is None else ack) if 'A' in flags else None
        if opts is None:
            opts = self.auto_options(flags, sack, ts)
        seg = Segment(flags, self.iss + seq,
                      0 if ack is None else (self.dut_iss or 0) + ack,
                      self.win if win is None else win, urg, opts, data,
                      ttl, tos)
        seg.reserved = reserved
        if not (void or faults):
            self.account(seg, seq, ack)
        self.note(self.show(seg, '>') + (
            ' ' + ' '.join('%s=%s' % x for x in faults.items())
            if faults else ''))
        self.when = time.monotonic()
        self.bench.tun.write(build_tcp(
            self.family, addr_pack(self.family, self.addr),
            addr_pack(self.family, self.dut_addr), self.port, self.dut_port,
            seg, **faults), gso)
        return seg

    def auto_options(self, flags, sack, ts):
        if 'S' in flags:
            return self.syn_options()
        opts = []
        if ts or self.ts_on:
            self.ts_val += 1
            opts += [('nop',), ('nop',),
                     ('ts',) + (ts or (self.ts_val, self.ts_recent))]
        if sack:
            opts += [('nop',), ('nop',), ('sack', [
                ((self.dut_iss + a) % SEQ_MOD, (self.dut_iss + b) % SEQ_MOD)
                for a, b in sack])]
        return opts

    def account(self, seg, seq, ack):
        if seg.has('S'):
            ws = seg.option('ws')
            self.our_ws = None if ws is None else min(ws, 14)
        if seg.has('R'):
            return
        self.pieces.append((seq, seq + seg.length))
        for left, right in sorted(self.pieces):
            if left <= self.nxt < right:
                self.nxt = right
        self.pieces = [p for p in self.pieces if p[1] > self.nxt]
        self.negotiate()
        if ack is not None or seg.has('S'):
            edge = (ack or 0) + (seg.win << (0 if seg.has('S') else self.ws))
            self.edge = edge if self.edge is None else max(self.edge, edge)

    def negotiate(self):
        """Scales count, and timestamps flow, only if both SYNs had them."""
        theirs = getattr(self, 'dut_syn', None)
        if theirs is None or not hasattr(self, 'our_ws'):
            return
        ws = theirs.option('ws')
        if ws is not None and self.our_ws is not None:
            self.ws, self.dut_ws = self.our_ws, ws
        if self.offer.get('ts') and theirs.option('ts') is not None:
            self.ts_on = True

    def pull(self, timeout):
        """The next segment of this connection, or None."""
        deadline = time.monotonic() + timeout
        while not self.inbox:
            if not self.bench.receive(deadline):
                return None
        when, src, sport, seg = self.inbox.pop(0)
        if self.dut_port is None:
            self.dut_port = sport
        self.check(sport, self.dut_port, "the source port")
        self.check(src, addr_pack(self.family, self.dut_addr),
                   'the source address')
        if seg.has('S') and self.dut_iss is None:
            self.dut_iss = seg.seq
        if seg.has('S'):
            self.dut_syn = seg
            self.negotiate()
        self.arrived = when
        self.history.append(seg.flags)
        self.note(self.show(seg, '<'), when)
        return seg

    def seen(self, seg):
        """Take a segment of the other side into the books."""
        self.audit(seg)
        ts = seg.option('ts')
        if ts:
            self.ts_recent = ts[0]
        if not seg.has('R'):
            end = seq_diff(seg.seq, self.dut_iss or 0) + seg.length
            self.dut_nxt = max(self.dut_nxt, end)
        self.got, self.quoted, self.when = seg, seg.raw_ip, self.arrived
        return seg

    def highest(self):
        """The end of all that we sent, holes or not."""
        return max([p[1] for p in self.pieces] + [self.nxt])

    def audit(self, seg):
        """INV: what holds for every segment of a correct sender."""
        if seg.tos & 3 not in ((0, self.ect) if seg.data else (0,)):
            self.fail('INV: ECN field %d with %d bytes (3168-2, 8311-1)' % (
                seg.tos & 3, len(seg.data)))
        if seg.has('R') or self.dut_iss is None:
            return
        seq = seq_diff(seg.seq, self.dut_iss)
        if seg.has('F') and seg.has('S'):
            self.fail('INV: SYN and FIN together')
        if not seg.has('A') and not seg.has('S'):
            self.fail('INV: a segment without ACK, SYN or RST')
        if not seg.has('S') and bool(seg.option('ts')) != self.ts_on:
            self.fail('INV: timestamps %s but the segment has %s (7323-3)' % (
                'are on' if self.ts_on else 'are off', seg.option('ts')))
        if seg.data:
            at = seq if seg.has('S') else seq - 1
            if bytes(self.stream[at:at + len(seg.data)]) != seg.data:
                self.fail('INV: data at %d differ from what was sent' % seq)
            limit = max(self.edge or 0, self.dut_nxt)
            if seg.has('S') and not seg.has('A'):	# no window is known
                limit = seq + len(seg.data)
            if seq + len(seg.data) > limit + (len(seg.data) == 1):
                self.fail('INV: data to %d, offered window ends at %d' % (
                    seq + len(seg.data), limit))
        sack = seg.option('sack')
        for left, right in sack or ():
            left, right = (seq_diff(x, self.iss) for x in (left, right))
            if not left < right <= self.highest():
                self.fail('INV: SACK block %d-%d, we sent up to %d' % (
                    left, right, self.highest()))
        if sack and not self.offer.get('sack'):
            self.fail('INV: SACK blocks without permission (2018-1)')
        if seg.has('A'):
            scale = 0 if seg.has('S') else self.dut_ws
            edge = seq_diff(seg.ack, self.iss) + (seg.win << scale)
            if seg.has('S') and self.dut_edge is not None:
                edge = max(edge, self.dut_edge)		# repeated
            if self.dut_edge is not None and edge < self.dut_edge:
                self.fail('INV: window shrunk from %d to %d (SHLD-14)' % (
                    self.dut_edge, edge))
            self.dut_edge = edge

    def expect(self, flags, seq=None, ack=None, len=0, win=None, urg=None,
               sack=None, opts=None, at=None, after=None, between=None,
               within=None, ttl=None, tos=None):
        """The next segment has exactly these flags (letters in brackets are
        optional), seq, ack and length. at: seconds since mark(); after:
        since the previous segment or call; between: bounds of the same."""
        begun = self.zero if at is not None else self.when
        due = at if at is not None else after
        timeout = PATIENCE
        if due is not None:
            timeout = begun + self.slack(due)[1] - time.monotonic() + 0.5
        seg = self.pull(timeout if within is None else within)
        if seg is None:
            self.fail('expected %s, nothing came' % flags)
        want_seq = self.dut_nxt if seq is None else seq
        got_seq = seq_diff(seg.seq, self.dut_iss or 0)
        must, may = re.sub(r'\(.*?\)', '', flags), flags
        if set(must) - set(seg.flags) or set(seg.flags) - set(may):
            self.fail('flags are %s, not %s' % (seg.flags, flags))
        if want_seq is not ANY:
            self.check(got_seq, want_seq, 'seq')
        if seg.has('A') and ack is not ANY:
            self.check(seq_diff(seg.ack, self.iss),
                       self.nxt if ack is None else ack, 'ack')
        if len is not ANY:
            self.check(seg.data.__len__(), len, 'the length')
        if win is not None:
            self.check(seg.win, win, 'the window')
        if urg is not None:
            self.check(seg.urg, urg, 'the urgent pointer')
        for name, want in (('ttl', ttl), ('tos', tos)):
            if want is not None:
                self.check(getattr(seg, name), want, name)
        if sack is not None:
            self.check([(seq_diff(a, self.iss), seq_diff(b, self.iss))
                        for a, b in seg.option('sack') or ()], sack,
                       'the SACK option')
        for kind, value in (opts or {}).items():
            self.check(seg.option(kind), value, 'option ' + kind)
        self.on_time(self.arrived - begun, due)
        if between and not between[0] <= self.arrived - begun <= between[1]:
            self.fail('came after %.4f s' % (self.arrived - begun))
        return self.seen(seg)

    def slack(self, due, wide=False):
        """Earliest and latest acceptable time for what is due then. The
        timer wheel, which native TCP and calls that block with a timeout
        use, rounds up by as much as an eighth."""
        slow = self.bench.options.slow
        if wide or self.bench.options.wide:
            return due - 0.030, due * 1.15 + 0.060 * slow
        # Where the machine is slow, what it counts from was seen late, too.
        # Round trips are longer, and a timeout doubles them with the rest.
        return due * 0.99 - 0.002 - 0.01 * (slow - 1), \
            due * (1 + 0.01 * slow) + 0.030 * slow

    def mark(self):
        """at= counts from the last segment, sent or received."""
        self.zero = self.when

    def silent(self, t=QUIET):
        """Nothing comes for this long."""
        seg = self.pull(t)
        if seg is not None:
            self.fail('expected silence, got %s' % seg.flags)
        self.note('silent for %g s' % t)

    def silent_until(self, at):
        """Nothing comes until this long after mark()."""
        self.silent(self.zero + at - time.monotonic())

    def pause(self, t):
        """The peer takes its time: longer round trips."""
        time.sleep(max(0, self.when + t - time.monotonic()))

    def collect(self, t=QUIET):
        """All that comes until it is quiet for this long."""
        found = []
        while (seg := self.pull(t)) is not None:
            found.append(self.seen(seg))
        return found

    def take(self, count):
        """The next segments, so many; what follows stays."""
        found = []
        for n in range(count):
            if (seg := self.pull(PATIENCE)) is None:
                self.fail('%d segments came, not %d' % (n, count))
            found.append(self.seen(seg))
        return found

    def rel(self, seg):
        """(seq, end) of a segment of the other side."""
        seq = seq_diff(seg.seq, self.dut_iss)
        return seq, seq + seg.length

    def icmp(self, v4, v6, field=0, quoted=None, **change):
        """An ICMP error (type, code) about the last segment received;
        change: its header fields to forge, e.g. seq=5 or dport=1."""
        quoted = self.quoted if quoted is None else quoted
        hdr = 20 if self.family == 4 else 40
        if 'seq' in change:
            seq = ((self.dut_iss or 0) + change['seq']) % SEQ_MOD
            quoted = quoted[:hdr + 4] + struct.pack('!I', seq) + \
                quoted[hdr + 8:]
        if 'dport' in change:
            quoted = quoted[:hdr + 2] + struct.pack('!H', change['dport']) + \
                quoted[hdr + 4:]
        kind, code = v4 if self.family == 4 else v6
        self.note('peer > ICMP type %d code %d field %d' % (kind, code, field))
        self.bench.tun.write(build_icmp(
            self.family, addr_pack(self.family, self.addr),
            addr_pack(self.family, self.dut_addr), kind, code, field, quoted))

    def too_big(self, mtu, **change):
        self.icmp((3, 4), (2, 0), mtu, **change)
