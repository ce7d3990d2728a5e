# SPDX-License-Identifier: GPL-2.0
"""The differences between native TCP and tcpx that are meant to be.

Each entry says which, and by what right; there are no others. What is never
compared is in Side.take() and compare.strong(): initial numbers, ports, times
of day, window sizes, PSH, how data are cut into segments, repeated SYNs (native
TCP repeats its SYN at once when it got an unacceptable ACK).
"""

from collections import namedtuple

# goes_on: what follows is still comparable.
Allowed = namedtuple('Allowed', 'name reason covers goes_on')
ALLOWED = []

SOFT = {'net', 'host', 'ttl', 'param'}


def allowed(name, reason, goes_on=False):
    def register(covers):
        ALLOWED.append(Allowed(name, reason, covers, goes_on))
        return covers
    return register


def is_segment(d, flags=''):
    return d.step is not None and d.step.kind == '>' and \
        set(flags) <= set(d.step.flags)


def had(d, kind, *names):
    """Was there such a step, with such a field or flag, up to this one?"""
    steps = d.sides[0].stimulus.steps[:d.number + 1]
    return any(s.kind == kind and (not names or set(names) &
                                   (set(s.args) | set(s.flags)))
               for s in steps)


def field_of(sent, name):
    return [o for o in sent[4] if o[0] != name]


# -- opening ---------------------------------------------------------------

@allowed('simultaneous open: options of the SYN-ACK',
         'RFC 7323 2.2, 3.2; RFC 2018 2: a SYN-ACK has an option only if the '
         'SYN had it. Native TCP repeats those of its own SYN.', goes_on=True)
def _(d):
    return d.field == 'sent' and d.state == 'SYN_SENT' and \
        len(d.native) == len(d.tcpx) and all(
            n[:4] == x[:4] and n[0] == 'AS' and set(x[4]) <= set(n[4])
            for n, x in zip(d.native, d.tcpx))


@allowed('SYN-SENT: data and FIN of a SYN-ACK',
         'RFC 9293 3.10.7.3: they are processed as the seventh and eighth '
         'check say. Native TCP drops them, the peer sends them again.')
def _(d):
    return d.state == 'SYN_SENT' and is_segment(d, 'S') and \
        ('F' in d.step.flags or d.step.args.get('len'))


@allowed('SYN-RECEIVED, passive: another SYN',
         'RFC 9293 3.10.7.4, fourth: the connection returns to LISTEN, '
         'silently. Native TCP sends a RST.')
def _(d):
    return d.field == 'sent' and is_segment(d, 'S') and not d.state and \
        not d.tcpx and all('R' in s[0] for s in d.native)


@allowed('SYN-RECEIVED, active: a RST refuses',
         'RFC 9293 3.10.7.4, second: "connection refused" is what the '
         'program is told, as in SYN-SENT. Native TCP says reset.',
         goes_on=True)
def _(d):
    return d.field == 'call' and 'ECONNRESET' in str(d.native) and \
        str(d.native).replace('ECONNRESET', 'ECONNREFUSED') == str(d.tcpx)


@allowed('SYN-RECEIVED, active: the FIN of the SYN that crossed ours',
         'RFC 9293 3.10.7.3: it is kept, as text is, and processed when the '
         'connection is open. Native TCP drops it, the peer sends it again.')
def _(d):
    return d.state == 'SYN_RECEIVED' and is_segment(d, 'A') and \
        had(d, '>', 'S', 'F')


# -- ICMP ------------------------------------------------------------------

@allowed('SYN-SENT: a soft ICMP error',
         'RFC 9293 3.9.2.2 (MUST-56): it must not abort the connection. '
         'Native TCP gives up (RFC 5461).')
def _(d):
    return d.step is not None and d.step.kind == 'icmp' and \
        d.state in ('SYN_SENT', 'SYN_RECEIVED') and SOFT & set(d.step.args)


@allowed('an ICMP error in the error queue',
         'Native TCP puts one that refuses a connection there although '
         'IP_RECVERR is off, so poll() goes on to say ERR. No RFC.',
         goes_on=True)
def _(d):
    return d.field == 'poll' and had(d, 'icmp') and \
        d.native.replace('ERR ', '') == d.tcpx


@allowed('a soft error stays until it is read',
         'RFC 9293 3.9.1.8 (MUST-47): it is reported. Native TCP forgets it '
         'with the next ACK.', goes_on=True)
def _(d):
    return d.field == 'call' and d.step is None and had(d, 'icmp') and \
        isinstance(d.tcpx, tuple) and isinstance(d.native, tuple) and \
        d.native[:2] == d.tcpx[:2] and d.native[2] == 0


@allowed('ICMP about SND.NXT',
         'RFC 5927 4: SND.UNA <= SEQ < SND.NXT. Native TCP takes SND.NXT, '
         'too.')
def _(d):
    return d.step is not None and d.step.kind == 'icmp' and \
        d.step.args.get('seq', ('una', 0)) in (('dut', 0), ('una', 0))


@allowed('ICMP about SND.NXT, seen later',
         'The same: what native TCP took for a soft error tcpx has not.',
         goes_on=True)
def _(d):
    return d.field == 'call' and d.step is None and had(d, 'icmp') and \
        isinstance(d.tcpx, tuple) and isinstance(d.native, tuple) and \
        d.native[:2] == d.tcpx[:2] and d.tcpx[2] == 0


# -- RST -------------------------------------------------------------------

@allowed('a RST at RCV.NXT-1 after the FIN',
         'RFC 5961 3.2: outside of the window it is dropped silently. Native '
         'TCP resets in CLOSE-WAIT, CLOSING and LAST-ACK.')
def _(d):
    return is_segment(d, 'R') and had(d, '>', 'F') and \
        d.sides[0].answers[d.number].state in ('CLOSED', None)


@allowed('a RST at the edges of the window',
         'RFC 9293 3.10.7.4, RFC 5961 3.2: RCV.NXT <= SEQ < RCV.NXT + '
         'RCV.WND, anything else is dropped silently. For native TCP the '
         'window begins where it was last announced and ends one later.',
         goes_on=True)
def _(d):
    return d.field == 'reply' and is_segment(d, 'R') and not d.tcpx


@allowed('a challenge ACK soon after another ACK of that kind',
         'RFC 5961 7 leaves the limit to the stack. Native TCP sends one in '
         'half a second, tcpx ten in five seconds.', goes_on=True)
def _(d):
    return d.field == 'reply' and is_segment(d) and not d.native and \
        bool(d.tcpx) and d.tcpx[0] == 'A' and \
        bool(set('SR') & set(d.step.flags)) and any(
            s.kind == '>' and (set('SR') & set(s.flags) or
                               {'seq', 'ack', 'ts'} & set(s.args))
            for s in d.sides[0].stimulus.steps[1:d.number])


# -- the ACK ---------------------------------------------------------------

@allowed('an ACK of what was not sent',
         'RFC 9293 3.10.7.4, first and fifth; RFC 5961 5.2: an ACK is sent '
         'back. Native TCP drops it silently, or resets a request or a socket '
         'that is closed.')
def _(d):
    return d.field in ('reply', 'ack', 'sent') and is_segment(d, 'A') and \
        d.step.args.get('ack', ('dut', 0))[1] > 0 and (
            not d.native or d.field == 'sent' and not d.tcpx)


@allowed('a segment without timestamps',
         'RFC 7323 3.2: once negotiated, it should be dropped silently. '
         'Native TCP takes it.')
def _(d):
    return is_segment(d) and had(d, '>', 'nots')


@allowed('SYN-RECEIVED, active: an ACK of ISS',
         'RFC 9293 3.10.7.4, fifth: SND.UNA < SEG.ACK, else a RST. Native TCP '
         'of 6.12 opens the connection.')
def _(d):
    return d.state == 'SYN_RECEIVED' and is_segment(d, 'A') and \
        d.step.args.get('ack', ('dut', 0)) != ('dut', 0)


@allowed('an ACK below all that was ever sent',
         'RFC 5961 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK is acceptable. '
         'Native TCP of 6.12 also wants it not to be below the ISN.')
def _(d):
    return is_segment(d, 'A') and d.field in ('reply', 'ack', 'poll', 'sent') \
        and d.step.args.get('ack', ('dut', 0))[1] < 0


@allowed('the right edge',
         'RFC 9293 3.10.7.4, first: SEQ < RCV.NXT + RCV.WND. For native TCP '
         'the window ends one later, so that it processes what tcpx answers.',
         goes_on=True)
def _(d):
    return d.field == 'reply' and is_segment(d) and not d.native and \
        d.step.args.get('seq', ('', 0))[0] == 'edge' and \
        abs(d.step.args['seq'][1]) <= 1


@allowed('an unacceptable segment without ACK',
         'RFC 9293 3.10.7.4: the sequence number is the first check and is '
         'answered with an ACK. Native TCP looks for the ACK bit before.',
         goes_on=True)
def _(d):
    return d.field == 'reply' and is_segment(d) and not d.native and \
        not set('ARS') & set(d.step.flags)


@allowed('the timestamp echoed, while ACKs are delayed',
         'RFC 7323 4.3: it is that of the segment at Last.ACK.sent, and that '
         'depends on when ACKs are sent and how many segments fill a window.',
         goes_on=True)
def _(d):
    def bare(sent):
        return [s[:4] + (tuple(o for o in s[4] if o[0] != 'ecr'),)
                for s in sent]
    steps = d.sides[0].stimulus.steps[:d.number + 1]
    if all(s.wait for s in steps) and not had(d, 'fill'):
        return False
    if d.field == 'ack':
        return d.native[:2] == d.tcpx[:2]
    return d.field == 'sent' and bare(d.native) == bare(d.tcpx)


@allowed('out-of-order text that covers queued text',
         'RFC 2018 8, SHLD-31: what is queued and not acknowledged may be '
         'given up. tcpx keeps the part before, native TCP all of it.')
def _(d):
    return had(d, '>', 'len') and d.field in ('call', 'ack', 'reply', 'poll') \
        and d.sides[1].answers[d.number].acked < \
        d.sides[0].answers[d.number].acked and \
        sum(s.kind == '>' and s.args.get('seq', ('nxt', 0))[1] > 0
            for s in d.sides[0].stimulus.steps[:d.number + 1]) >= 2


# -- TIME-WAIT -------------------------------------------------------------

@allowed('TIME-WAIT: what is no repetition of the FIN',
         'RFC 9293 3.10.7.4: only a FIN that comes again, and what is not '
         'acceptable, is acknowledged; without ACK a segment is dropped. '
         'Native TCP acknowledges all but a plain ACK.', goes_on=True)
def _(d):
    return d.field == 'reply' and is_segment(d) and not d.tcpx and \
        d.state in ('CLOSED', None) and had(d, '>', 'F')


@allowed('TIME-WAIT: the timestamp echoed',
         'RFC 7323 5 is silent: tcpx echoes that of the FIN, native TCP that '
         'of a later ACK.', goes_on=True)
def _(d):
    return d.field == 'ack' and d.state in ('CLOSED', None) and \
        d.native[:2] == d.tcpx[:2]


# -- closing ---------------------------------------------------------------

@allowed('a RST with or without ACK',
         'RFC 9293 3.10.7.1 and 3.10.5: both forms pass the check of the '
         'peer.', goes_on=True)
def _(d):
    return d.field == 'sent' and len(d.native) == len(d.tcpx) and all(
        'R' in n[0] and 'R' in x[0] for n, x in zip(d.native, d.tcpx))


@allowed('a FIN at a closed window',
         'RFC 9293 3.10.7.4, first: nothing but ACK, URG and RST is processed '
         'there. Native TCP takes the FIN.')
def _(d):
    return is_segment(d, 'F') and had(d, 'fill')


@allowed('an urgent pointer of 0',
         'RFC 6093 3.1: the pointer is the octet behind the urgent data, so 0 '
         'names none of this segment. Native TCP takes it for 1.')
def _(d):
    return had(d, '>', 'U') and any(
        'U' in s.flags and s.args.get('urg', 0) == 0
        for s in d.sides[0].stimulus.steps[:d.number + 1])


@allowed('SYN-RECEIVED: shutdown() sends the FIN',
         'RFC 9293 3.10.4: with nothing to send the FIN goes out and '
         'FIN-WAIT-1 begins. Native TCP waits for the ACK of its SYN.')
def _(d):
    return d.state == 'SYN_RECEIVED' and d.step is not None and \
        d.step.kind in ('shutdown', 'close')


@allowed('data beside SACK blocks',
         'RFC 6691 3: each segment leaves room for the options that it has. '
         'Native TCP makes all smaller while it has blocks to report.')
def _(d):
    return d.field in ('sent', 'late') and had(d, '>', 'len') and \
        len(d.native) == len(d.tcpx) > 0 and all(
            n[0] == x[0] and 0 <= x[2] - n[2] <= 60
            for n, x in zip(d.native, d.tcpx))


@allowed('Nagle',
         'RFC 9293 3.7.4 leaves the variant open: whether a small segment is '
         'outstanding depends on how data were cut before.')
def _(d):
    return d.field == 'sent' and d.step is not None and \
        d.step.kind in ('send', 'oob') and bool(d.native) != bool(d.tcpx)


@allowed('how often a timer has expired',
         'RFC 6298 2.4, 5.7: the clocks have another granularity, so that one '
         'probe or repetition more or less fits into the time.')
def _(d):
    return d.field == 'late' and set(d.native) == set(d.tcpx)


@allowed('a window of some octets: when it is used',
         'RFC 9293 3.8.6.2.1: what is too small is sent when the override '
         'timeout of 0.1 to 1 s ends. tcpx counts from the first of these '
         'windows, native TCP from the last probe.')
def _(d):
    return d.field in ('ack', 'sent', 'late') and had(d, 'send') and any(
        s.kind == '>' and 0 < s.args.get('win', 65535) < 536
        for s in d.sides[0].stimulus.steps[:d.number])


@allowed('text at the right edge',
         'Windows differ in size, and so does what was sent up to their end.')
def _(d):
    return d.field == 'acked' and any(
        s.args.get('seq', ('', 0))[0] == 'edge'
        for s in d.sides[0].stimulus.steps)


# -- congestion control ----------------------------------------------------

@allowed('the amount sent after a loss',
         'RFC 5681, RFC 6582, RFC 6675: cwnd counts octets, also those of a '
         'FIN, which has none; three duplicate ACKs repeat a FIN, too. Native '
         'TCP counts segments and has another recovery.')
def _(d):
    again = any(s.late for side in d.sides
                for a in side.answers[:d.number + 1] for s in a.sent) or \
        had(d, '>', 'sack') or \
        sum(s.kind == '>' and s.flags == 'A'
            for s in d.sides[0].stimulus.steps[:d.number + 1]) >= 3
    return d.field == 'sent' and again and not any(
        set(s[0]) & set('RS') for s in d.native + d.tcpx)
