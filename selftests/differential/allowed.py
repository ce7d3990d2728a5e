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


def earlier(d):
    """(step, tcpx's state before it, what tcpx got) up to this one."""
    steps, answers = d.sides[0].stimulus.steps, d.sides[1].answers
    for number, step in enumerate(steps[:d.number + 1]):
        last = answers[number - 1] if number else None
        yield step, last and (last.state or last.orphan), answers[number].got


def got(d):
    """What tcpx got in this step."""
    return d.sides[1].answers[d.number].got if d.step else None


def offset(d):
    """The number of this segment, counted from what tcpx expects."""
    before = d.sides[1].answers[d.number - 1] if d.number else None
    return got(d).seq - (before.nxt if before else 0)


def only_native_resets(d):
    return d.field == 'sent' and bool(d.native) and \
        all('R' in s[0] for s in d.native) and \
        not any('R' in s[0] for s in d.tcpx)


def is_closed(d):
    """TIME-WAIT or CLOSED, or not yet accepted."""
    return d.state in ('CLOSED', 'TIME_WAIT', None)


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
    if not is_segment(d, 'S') or not had(d, 'listen') or \
            d.state not in (None, 'SYN_RECEIVED', 'CLOSED'):
        return False
    return d.field == 'sent' and only_native_resets(d) or \
        d.field == 'state' and d.tcpx is None


@allowed('SYN-RECEIVED, active: a RST refuses',
         'RFC 9293 3.10.7.4, second: "connection refused" is what the '
         'program is told, as in SYN-SENT. Native TCP says reset.',
         goes_on=True)
def _(d):
    return d.field == 'call' and 'ECONNRESET' in str(d.native) and \
        str(d.native).replace('ECONNRESET', 'ECONNREFUSED') == str(d.tcpx)


@allowed('SYN-RECEIVED, active: text and FIN of the SYN that crossed ours',
         'RFC 9293 3.10.7.3: they are kept and processed when the connection '
         'is open. Native TCP drops them, the peer sends them again.')
def _(d):
    return d.state == 'SYN_RECEIVED' and \
        (is_segment(d, 'A') or d.step and d.step.kind == 'fill') and any(
        state == 'SYN_SENT' and 'S' in step.flags and
        not set('AR') & set(step.flags) and
        ('F' in step.flags or step.args.get('len'))
        for step, state, _ in earlier(d))


@allowed('SYN-RECEIVED, passive: a soft ICMP error',
         'RFC 9293 3.9.2.2 (MUST-56): it must not abort the connection. '
         'Native TCP drops the request.')
def _(d):
    lost = d.field == 'call' and (d.native, d.tcpx) == ('CLOSED',
                                                        'SYN_RECEIVED')
    return (lost or d.state is None and only_native_resets(d)) and any(
        state in (None, 'SYN_RECEIVED') and step.kind == 'icmp' and
        SOFT & set(step.args) for step, state, _ in earlier(d))


@allowed('SYN-RECEIVED, passive: a hard ICMP error',
         'RFC 9293 3.9.2.2 (SHLD-26): it ends the connection. Native TCP '
         'drops a request for a soft one only.')
def _(d):
    return d.state is None and d.field == 'sent' and bool(d.tcpx) and \
        (is_segment(d, 'S') or not d.native and
         all('R' in s[0] for s in d.tcpx)) and any(
            state is None and step.kind == 'icmp' and
            {'proto', 'port'} & set(step.args)
            for step, state, _ in earlier(d))


@allowed('SYN-RECEIVED, passive: number and ACK are both unacceptable',
         'RFC 9293 3.10.7.4, RFC 7323 5.3: the timestamp and the number are '
         'the first checks and are answered with an ACK. Native TCP looks at '
         'the ACK before, and resets.')
def _(d):
    return d.state is None and only_native_resets(d) and \
        is_segment(d, 'A') and got(d).ack != got(d).known and \
        got(d).edge is not None and \
        (offset(d) < 0 or got(d).seq >= got(d).edge or
         d.step.args.get('ts', 0) < 0)


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
        got(d) is not None and got(d).seq == got(d).known


@allowed('ICMP about SND.NXT, seen later',
         'The same: what native TCP took for a soft error tcpx has not.',
         goes_on=True)
def _(d):
    return d.field == 'call' and d.step is None and had(d, 'icmp') and \
        isinstance(d.tcpx, tuple) and isinstance(d.native, tuple) and \
        d.native[:2] == d.tcpx[:2] and any(
            step.kind == 'icmp' and it and it.seq == it.known
            for step, _, it in earlier(d))


# -- TIME-WAIT blocks ------------------------------------------------------

@allowed('TIME-WAIT: SYN and FIN together',
         'RFC 9293 3.6.1 lets a SYN open anew; with a FIN it is none that '
         'could, and TIME-WAIT goes on. Native TCP ends TIME-WAIT for it and '
         'then drops it.')
def _(d):
    return (d.field == 'reply' and not d.native or only_native_resets(d)) and \
        any(state in ('TIME_WAIT', 'CLOSED') and {'S', 'F'} <= set(step.flags)
            for step, state, _ in earlier(d))


@allowed('FIN-WAIT-2, closed: what is not next',
         'RFC 9293 3.10.7.4, RFC 5961 3.2 and 4.2: it is queued, acknowledged '
         'or challenged as ever. Native TCP has a TIME-WAIT block only, which '
         'ends by a RST in the window, resets what is out of order and takes '
         'a FIN whatever its ACK is.')
def _(d):
    if not had(d, 'close'):
        return False
    if any(state == 'FIN_WAIT_2' and it and (
            'R' in step.flags or it.ack not in (None, it.known))
            for step, state, it in earlier(d)):
        return True
    return is_segment(d) and d.field in ('sent', 'reply', 'ack') and (
        d.state == 'FIN_WAIT_2' or d.state == 'FIN_WAIT_1' and
        got(d).ack == got(d).known) and (
            offset(d) != 0 or 'S' in d.step.flags)


@allowed('Packet Too Big about SND.NXT, seen later',
         'The same: native TCP sends smaller segments from there on.')
def _(d):
    return d.field in ('sent', 'late') and any(
        step.kind == 'icmp' and 'toobig' in step.args and it and
        it.seq == it.known for step, _, it in earlier(d))


@allowed('Packet Too Big: believed when a segment is lost, too',
         'RFC 5927 7.2: not where larger segments have arrived, or about one '
         'that fits. Native TCP sends again at once all that is larger.')
def _(d):
    return d.step is not None and 'toobig' in d.step.args and \
        d.field == 'sent' and not d.tcpx and \
        all(s[0] in ('A', 'AF') for s in d.native)


# -- RST -------------------------------------------------------------------

@allowed('SYN-RECEIVED, passive: a RST with an old timestamp',
         'RFC 7323 5.2: a RST is not subject to PAWS. Native TCP drops it '
         'while there is no socket yet.')
def _(d):
    return d.state is None and any(
        state is None and 'R' in step.flags and step.args.get('ts', 0) < 0
        for step, state, _ in earlier(d))


@allowed('a RST at RCV.NXT-1 after the FIN',
         'RFC 5961 3.2: outside of the window it is dropped silently. Native '
         'TCP resets in CLOSE-WAIT, CLOSING and LAST-ACK.')
def _(d):
    if not had(d, '>', 'F') or \
            d.sides[0].answers[d.number].state not in ('CLOSED', None):
        return False
    if is_segment(d, 'R') and offset(d) == -1:
        return True
    # The state of what the program has closed is not seen: it shows later.
    answers = d.sides[1].answers
    return had(d, 'close') and any(
        it and number and 'R' in step.flags and
        it.seq == answers[number - 1].nxt - 1
        for number, (step, _, it) in enumerate(earlier(d)))


@allowed('a RST at the end of what was SACKed',
         'RFC 5961 3.2: anywhere in the window but at RCV.NXT it is answered '
         'by a challenge ACK. Native TCP resets here, too.')
def _(d):
    return is_segment(d, 'R') and not d.native and offset(d) > 0 and any(
        it and number < d.number and it.end == got(d).seq
        for number, (_, _, it) in enumerate(earlier(d)))


@allowed('a RST at the edges of the window',
         'RFC 9293 3.10.7.4, RFC 5961 3.2: RCV.NXT <= SEQ < RCV.NXT + '
         'RCV.WND, anything else is dropped silently. For native TCP the '
         'window begins where it was last announced and ends one later.',
         goes_on=True)
def _(d):
    return d.field == 'reply' and is_segment(d, 'R') and not d.tcpx and (
        offset(d) < 0 or got(d).edge is None or got(d).seq >= got(d).edge)


@allowed('an ACK of what is unacceptable, soon after another',
         'RFC 5961 7, RFC 9293 3.8.4 leave the limit to the stack. Both send '
         'one in half a second if there is no text; tcpx counts challenge '
         'ACKs apart, ten in five seconds, native TCP counts all as one and '
         'a FIN as text.', goes_on=True)
def _(d):
    if d.field != 'reply' or not is_segment(d) or bool(d.native) == \
            bool(d.tcpx):
        return False
    quiet = d.sides[bool(d.native)].answers
    now = quiet[d.number].at
    return any(now - a.at < 0.5 and any(
        s.flags == 'A' and s.seq == s.end and not s.late for s in a.sent)
        for a in quiet[1:d.number])


# -- the ACK ---------------------------------------------------------------

@allowed('an ACK of what was not sent',
         'RFC 9293 3.10.7.4, first and fifth; RFC 5961 5.2: an ACK is sent '
         'back. Native TCP drops it silently, or resets a request or a socket '
         'that is closed.')
def _(d):
    return d.field in ('reply', 'ack', 'sent') and is_segment(d, 'A') and \
        got(d) and got(d).ack > got(d).known and (
            not d.native or d.field == 'sent' and not d.tcpx)


@allowed('a segment without timestamps',
         'RFC 7323 3.2: once negotiated, it should be dropped silently. '
         'Native TCP takes it.')
def _(d):
    return d.sides[1].ts_on and had(d, '>', 'nots')


@allowed('SYN-RECEIVED, active: an ACK of ISS',
         'RFC 9293 3.10.7.4, fifth: SND.UNA < SEG.ACK, else a RST. Native TCP '
         'of 6.12 opens the connection.')
def _(d):
    return d.state == 'SYN_RECEIVED' and is_segment(d, 'A') and \
        d.step.args.get('ack', ('dut', 0)) != ('dut', 0)


@allowed('an ACK below all that was ever sent',
         'RFC 5961 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK is acceptable. '
         'Native TCP of 6.12 also wants it to be above the ISN, and uses '
         'nothing of a segment whose ACK is not.')
def _(d):
    return any(it and it.ack is not None and it.ack < 1 and
               state not in (None, 'SYN_SENT') and
               (step is d.step or step.args.get('len') or 'win' in step.args
                or set('FU') & set(step.flags))
               for step, state, it in earlier(d))


@allowed('the right edge',
         'RFC 9293 3.10.7.4, first: SEQ < RCV.NXT + RCV.WND. For native TCP '
         'the window ends one later, so that it processes what tcpx answers.',
         goes_on=True)
def _(d):
    return d.field == 'reply' and is_segment(d) and not d.native and \
        d.step.args.get('seq', ('', 0))[0] == 'edge' and \
        abs(d.step.args['seq'][1]) <= 1


@allowed('the right edge: its ACK',
         'The same: native TCP processes the ACK.')
def _(d):
    return is_segment(d, 'A') and got(d).edge is not None and \
        got(d).seq == got(d).edge and d.field in ('state', 'sent', 'poll')


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


@allowed('D-SACK of queued text in the middle of a segment',
         'RFC 2883 4: the first block reports the duplicate, the second one '
         'what it is in. Native TCP does not look for more in its queue when '
         'it could append the segment to another.', goes_on=True)
def _(d):
    def blocks(ack):
        return [o[1:] for o in ack[2] if o[0] == 'sack']
    if d.field != 'ack' or d.native[:2] != d.tcpx[:2]:
        return False
    native, tcpx = blocks(d.native), blocks(d.tcpx)
    if not native or not tcpx or len(tcpx[0]) < 4 or \
            not all(isinstance(number, int) for number in tcpx[0]):
        return False
    (low, high, *rest), = tcpx
    return rest[0] <= low < high <= rest[1] and \
        rest == list(native[0][:len(rest)])


@allowed('D-SACK in the ACK of the last FIN',
         'RFC 2883 tells the peer that it sent in vain; this one has nothing '
         'more to send. In TIME-WAIT tcpx has no blocks.', goes_on=True)
def _(d):
    return d.field == 'ack' and d.native[:2] == d.tcpx[:2] and \
        d.sides[1].answers[d.number].state in ('CLOSED', 'TIME_WAIT', None) \
        and is_segment(d, 'F') and \
        [o for o in d.native[2] if o[0] != 'sack'] == list(d.tcpx[2])


@allowed('text that crosses the right edge',
         'RFC 9293 3.10.7.4, first: it is trimmed to the window. Native TCP '
         'takes all of it. Windows differ in size.')
def _(d):
    steps = d.sides[0].stimulus.steps
    return d.field in ('ack', 'call', 'acked', 'reply') and any(
        a.got and a.got.edge is not None and
        a.got.seq < a.got.edge < a.got.end + ('F' in step.flags)
        for side in d.sides
        for step, a in zip(steps, side.answers[:d.number + 1]))


@allowed('text behind a FIN that waits for text',
         'RFC 9293 3.4, 3.10.7.4: the FIN has a number, and there is nothing '
         'behind it. Native TCP forgets a queued FIN when text that overlaps '
         'it arrives.')
def _(d):
    fins = [it.end for step, _, it in earlier(d)
            if it and {'F', 'A'} <= set(step.flags)]
    return bool(fins) and d.state in ('ESTABLISHED', 'FIN_WAIT_1',
                                      'FIN_WAIT_2', 'SYN_RECEIVED') and \
        any(it and step.args.get('len') and it.end > min(fins)
            for step, _, it in earlier(d))


@allowed('text behind the FIN',
         'RFC 9293 3.10.7.4, seventh: in CLOSE-WAIT, CLOSING and LAST-ACK it '
         'is ignored. Native TCP resets if it begins before the FIN, or takes '
         'it with a FIN of its own.')
def _(d):
    answers = d.sides[1].answers
    return any(
        state in ('CLOSE_WAIT', 'CLOSING', 'LAST_ACK') and it and number and
        it.seq < answers[number - 1].nxt < it.end + ('F' in step.flags)
        for number, (step, state, it) in enumerate(earlier(d)))


@allowed('urgent data behind the FIN',
         'RFC 9293 3.10.7.4, sixth: URG is ignored when a FIN has been '
         'received. Native TCP reports it.', goes_on=True)
def _(d):
    if not had(d, '>', 'U') or d.state not in (
            'CLOSE_WAIT', 'CLOSING', 'LAST_ACK', 'CLOSED'):
        return False
    if d.field == 'poll':
        return 'PRI ' in d.native and d.native.replace('PRI ', '') == d.tcpx
    return d.field == 'call' and d.step is not None and \
        d.step.kind == 'recvoob'


@allowed('an urgent octet that has not arrived',
         'RFC 9293 3.8.5: there is none yet. Native TCP looks for it in a '
         'segment without text that stands behind it, and reads its header.',
         goes_on=True)
def _(d):
    if not had(d, '>', 'U') or not any(
            it and 'U' not in step.flags and it.seq == it.end
            for step, _, it in earlier(d)):
        return False
    if d.field == 'poll':
        return d.native.replace('PRI', '').split() == d.tcpx.split()
    return d.field == 'call' and d.step is not None and \
        d.step.kind == 'recvoob'


@allowed('a delayed ACK',
         'RFC 9293 3.8.6.3: text that comes in order may be acknowledged '
         'later. Native TCP is in quick mode at times.', goes_on=True)
def _(d):
    return d.field == 'reply' and is_segment(d, 'A') and \
        bool(d.native) != bool(d.tcpx) and offset(d) == 0 and \
        0 < got(d).end - got(d).seq < d.sides[0].mss and \
        'F' not in d.step.flags


@allowed('an ACK while the peer has shrunk its window',
         'RFC 9293 3.10.7.4: <SEQ=SND.NXT>. Native TCP sends the end of the '
         'window, or of what it had sent up to there.', goes_on=True)
def _(d):
    return d.field == 'ack' and d.native[0] == d.tcpx[0] and \
        d.native[1] < d.tcpx[1] and any(
            it and it.ack is not None and it.ack + it.win < d.tcpx[1] or
            it and 'S' in step.flags and it.win == 0
            for step, _, it in earlier(d))


# -- TIME-WAIT -------------------------------------------------------------

@allowed('TIME-WAIT: what is no repetition of the FIN',
         'RFC 9293 3.10.7.4: only a FIN that comes again, and what is not '
         'acceptable, is acknowledged; without ACK a segment is dropped. '
         'Native TCP acknowledges all but a plain ACK.', goes_on=True)
def _(d):
    return d.field == 'reply' and is_segment(d) and not d.tcpx and \
        is_closed(d) and had(d, '>', 'F')


@allowed('TIME-WAIT: the timestamp echoed',
         'RFC 7323 5 is silent: tcpx echoes that of the FIN and compares with '
         'it, native TCP that of a later ACK.', goes_on=True)
def _(d):
    if not is_closed(d):
        return False
    return d.field == 'ack' and d.native[:2] == d.tcpx[:2] or \
        d.field == 'reply' and is_segment(d) and 'ts' in d.step.args


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
         'probe or repetition more or less fits into the time; how data are '
         'cut is not compared.')
def _(d):
    if d.field != 'late':
        return False
    first = {one[1] for one in d.native}, {one[1] for one in d.tcpx}
    more = abs(len(d.native) - len(d.tcpx))
    return first[0] == first[1] or bool(first[0] & first[1]) and \
        len(first[0] ^ first[1]) <= 1 and more <= 1


@allowed('the RTO after a SYN that was sent twice',
         'RFC 6298 3: native TCP repeats its SYN when it got an unacceptable '
         'ACK, and takes the time of its SYN,ACK after a simultaneous open: '
         'samples of other round trips, where tcpx may have none.')
def _(d):
    return d.field in ('late', 'sent') and any(
        state == 'SYN_SENT' and it and 'R' not in step.flags and
        it.ack != 1 and (it.ack is not None or 'S' in step.flags)
        for step, state, it in earlier(d))


@allowed('a window of some octets: when it is used',
         'RFC 9293 3.8.6.2.1: what is too small is sent when the override '
         'timeout of 0.1 to 1 s ends. tcpx counts from the first of these '
         'windows, native TCP from the last probe.')
def _(d):
    small = [it.win for step, _, it in earlier(d)
             if it and 'A' in step.flags and 0 < it.win < 536]
    if not small or not had(d, 'send'):
        return False
    if d.field == 'ack':
        return d.native[0] == d.tcpx[0] and \
            abs(d.native[1] - d.tcpx[1]) <= max(small)
    if d.field == 'late':
        return all(end - seq <= max(small) for _, seq, end in
                   set(d.native) ^ set(d.tcpx))
    return d.field == 'sent' and all(
        s[0] in ('A', 'AU') for s in d.native + d.tcpx) and \
        abs(sum(s[2] - s[1] for s in d.native) -
            sum(s[2] - s[1] for s in d.tcpx)) <= max(small)


@allowed('what send() took',
         'How much fits into the buffer is of its size.')
def _(d):
    return d.field == 'call' and d.step is not None and \
        d.step.kind == 'send' and isinstance(d.native, int) and \
        isinstance(d.tcpx, int)


@allowed('room in the send buffer',
         'How much waits in it until poll() says that there is no room is of '
         'its size, which native TCP does not raise for a simultaneous open.',
         goes_on=True)
def _(d):
    return d.field == 'poll' and had(d, 'send') and \
        d.tcpx.replace('OUT', '').split() == d.native.replace('OUT', '').split()


@allowed('a number far below the right edge',
         'Windows differ in size: it is in the window of the one, and before '
         'RCV.NXT for the other.')
def _(d):
    def is_old(side, number):
        got, before = side.answers[number].got, side.answers[number - 1]
        return bool(got) and got.seq < before.nxt
    return any(
        number and step.args.get('seq', ('', 0))[0] == 'edge' and
        is_old(d.sides[0], number) != is_old(d.sides[1], number)
        for number, step in enumerate(
            d.sides[0].stimulus.steps[:d.number + 1]))


@allowed('text at the right edge',
         'Windows differ in size, and so does what was sent up to their end, '
         'the urgent octet or not.')
def _(d):
    urgent = d.field in ('poll', 'call') and had(d, '>', 'U')
    return (urgent or d.field == 'acked') and any(
        s.args.get('seq', ('', 0))[0] == 'edge'
        for s in d.sides[0].stimulus.steps)


@allowed('an ACK that was delayed when the connection ended',
         'RFC 9293 3.8.6.3: it may be delayed by 500 ms, and a RST or the '
         'program ended the connection before.')
def _(d):
    return d.field == 'acked' and d.state in ('CLOSED', None)


@allowed('the window of a segment that is older than another',
         'RFC 9293 3.10.7.4, fifth: SND.WND is of the segment with the highest '
         'SEG.SEQ. Native TCP takes that of any new ACK.')
def _(d):
    newest = [it.seq for step, _, it in earlier(d)
              if it and 'A' in step.flags and 'win' in step.args]
    return d.field in ('sent', 'late') and bool(newest) and \
        is_segment(d, 'A') and got(d).seq < max(newest)


@allowed('a smaller window with the same numbers',
         'RFC 9293 3.10.7.4, fifth: SND.WL1 = SEG.SEQ and SND.WL2 <= SEG.ACK '
         'is enough. Native TCP takes only a larger one then, or none at all.')
def _(d):
    seen = [(it.seq, it.ack, it.win) for step, _, it in earlier(d)
            if it and 'A' in step.flags]
    return d.field in ('sent', 'late') and any(
        a[:2] == b[:2] and b[2] < a[2] for a, b in zip(seen, seen[1:]))


@allowed('less than two segments of window',
         'RFC 9293 3.8.6.2.1: a full segment is sent, the rest waits. Native '
         'TCP sends segments of half the window.')
def _(d):
    if d.field != 'sent' or len(d.native) != 1 or len(d.tcpx) != 1:
        return False
    mss = d.sides[0].mss
    return d.native[0][:2] == d.tcpx[0][:2] and \
        0 < d.native[0][2] - d.tcpx[0][2] < mss and any(
            it and 'A' in step.flags and it.win < 2 * mss
            for step, _, it in earlier(d))


# -- congestion control ----------------------------------------------------

@allowed('cwnd in segments',
         'RFC 5681 2: cwnd counts octets. Native TCP counts segments, short '
         'ones as full ones, so that less fits when the path MTU shrinks.')
def _(d):
    if d.field != 'sent' or not d.native or len(d.tcpx) != 1:
        return False
    native, tcpx = d.native[0], d.tcpx[0]
    mss = max(d.sides[0].mss, 1220)		# IPv6 without the option
    if native[0] != 'A' or tcpx[0] != 'A' or native[1] != tcpx[1]:
        return False
    if had(d, 'icmp', 'toobig'):	# or native leaves out what fits
        return all(s[0] == 'A' for s in d.native)
    return len(d.native) == 1 and native[3:] == tcpx[3:] and abs(
        native[2] - tcpx[2]) <= mss + 60 and \
        4 * d.sides[0].mss < min(native[2], tcpx[2])


@allowed('the congestion window of a program that does not fill it',
         'RFC 7661 is experimental. tcpx lets the window grow while it limits '
         'what is sent, native TCP in slow start also while half of it is '
         'used.')
def _(d):
    return d.field == 'sent' and len(d.native) == len(d.tcpx) == 1 and \
        d.native[0][:2] == d.tcpx[0][:2] and d.tcpx[0][2] < d.native[0][2] \
        and d.tcpx[0][2] - d.tcpx[0][1] >= 9 * d.sides[0].mss and \
        sum(s.kind == 'send'
            for s in d.sides[0].stimulus.steps[:d.number + 1]) >= 2


@allowed('the amount sent after a loss',
         'RFC 3042, RFC 5681, RFC 6582, RFC 6675: cwnd counts octets, also '
         'those of a FIN, which has none; two duplicate ACKs let two segments '
         'go that are not yet there, three repeat a FIN, too. Native TCP '
         'counts segments and has another recovery.')
def _(d):
    again = any(s.late for side in d.sides
                for a in side.answers[:d.number + 1] for s in a.sent) or \
        had(d, '>', 'sack') or \
        sum(s.kind == '>' and s.flags == 'A'
            for s in d.sides[0].stimulus.steps[:d.number + 1]) >= 2
    return d.field == 'sent' and again and not any(
        set(s[0]) & set('RS') for s in d.native + d.tcpx)
