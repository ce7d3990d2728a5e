# SPDX-License-Identifier: GPL-2.0
"""What both stacks answered, compared; and rules that need no second stack."""

from collections import namedtuple

from allowed import ALLOWED

# number: of the step; field: what differs; state: tcpx's before the step.
Difference = namedtuple('Difference',
                        'number step field native tcpx state sides')
SYNCHRONISED = ('ESTABLISHED', 'FIN_WAIT_1', 'FIN_WAIT_2', 'CLOSE_WAIT',
                'CLOSING', 'LAST_ACK', 'TIME_WAIT')


def is_plain(sent):
    return sent.flags in ('A', 'AE') and sent.seq == sent.end


def strong(answer):
    """All but pure ACKs and what time caused; data as the ranges sent."""
    found = []
    for s in answer.sent:
        if s.late or is_plain(s):
            continue
        one = [s.flags, s.seq, s.end, s.ack,
               tuple(o for o in s.opts if o[0] != 'sack')]
        last = found[-1] if found else None
        if last and last[2] == one[1] and 'S' not in last[0] + one[0] and \
                'R' not in last[0] + one[0] and last[0] in ('A', 'AU'):
            last[0] = ''.join(sorted(set(last[0] + one[0])))
            last[2] = one[2]
        else:
            found.append(one)
    for one in found:
        one[0] = ''.join(sorted(one[0]))
    return [tuple(one) for one in found]


def late(side):
    """What time alone made it send, in order. Whether a FIN goes with text is
    a matter of how data are cut."""
    found = []
    for one in (s for a in side.answers for s in a.sent):
        if one.late and 'S' not in one.flags:
            flags, end = ''.join(sorted(one.flags)), one.end
            if 'F' in flags and end - one.seq > 1:
                flags, end = flags.replace('F', ''), end - 1
            found.append((flags, one.seq, end))
    return found


def replies(answer, step):
    """Segments that acknowledge, and pure ones if there are any. A program
    that reads opens the window: that is no answer."""
    said = [s for s in answer.sent if s.ack is not None and not s.late and
            'R' not in s.flags and not (s.update and step and
                                        step.kind != '>')]
    return [s for s in said if is_plain(s)] or said


def compare_acks(now, before, step):
    """(field, native, tcpx) or None. An ACK that moves on may come later
    from one of them; one that repeats a number may not."""
    if step is None:
        left = [a.acked - a.nxt for a in now]
        return ('acked', *left) if left[0] != left[1] else None
    said = [replies(a, step) for a in now]
    if bool(said[0]) == bool(said[1]):
        if not said[0] or now[0].acked - now[0].nxt != now[1].acked - \
                now[1].nxt:
            return None
        if not (is_plain(said[0][-1]) and is_plain(said[1][-1])):
            return None
        tails = [(s[-1].ack, s[-1].seq, s[-1].opts) for s in said]
        return ('ack',) + tuple(tails) if tails[0] != tails[1] else None
    talker = 0 if said[0] else 1
    behind = now[1 - talker].acked - now[1 - talker].nxt < \
        now[talker].acked - now[talker].nxt
    owed = before and before[talker].acked - before[talker].nxt < \
        before[1 - talker].acked - before[1 - talker].nxt
    if behind or owed:
        return None
    return ('reply', said[0] and said[0][-1][:5], said[1] and said[1][-1][:5])


def differences(native, tcpx):
    """Differences of two Sides, in the order of the steps."""
    steps = list(native.stimulus.steps) + [None]
    before, state = None, None
    for number, (step, *now) in enumerate(
            zip(steps, native.answers, tcpx.answers)):
        found = []
        if now[0].call != now[1].call:
            found.append(('call', now[0].call, now[1].call))
        sent = [strong(a) for a in now]
        if sent[0] != sent[1]:
            found.append(('sent', *sent))
        acks = compare_acks(now, before, step)
        if acks and not (step and step.kind in ('recv', 'fill', 'timer')):
            found.append(acks)
        for field in 'state', 'poll':
            pair = [getattr(a, field) for a in now]
            if pair[0] != pair[1]:
                found.append((field, *pair))
        for one in found:
            yield Difference(number, step, *one, state, (native, tcpx))
        before, state = now, now[1].state or now[1].orphan
    timed = late(native), late(tcpx)
    common = min(map(len, timed))
    if timed[0][:common] != timed[1][:common]:
        yield Difference(len(steps) - 1, None, 'late', *timed, state,
                         (native, tcpx))


def judge(native, tcpx):
    """(verdict, what): broken, different, allowed or same."""
    found = tcpx.broken + rules(tcpx)
    if found:
        return 'broken', found[0]
    for d in differences(native, tcpx):
        entry = next((a for a in ALLOWED if a.covers(d)), None)
        if entry is None:
            return 'different', d
        if not entry.goes_on:
            return 'allowed', entry
    return 'same', None


def rules(side):
    """What RFC 9293 and 5961 say of each answer, whatever native TCP does."""
    broken, before = [], None
    for step, now in zip(side.stimulus.steps, side.answers):
        state = before.state if before else None
        if step.kind == '>' and now.call is None:
            broken += ['RFC: ' + text for text in
                       segment_rules(step, state, now, before)]
        if now.acked > side.sent_to:
            broken.append('RFC: acknowledges %d, sent is up to %d' % (
                now.acked, side.sent_to))
        before = now
    return broken


def segment_rules(step, state, now, before):
    flags = step.flags
    said = [s for s in now.sent if s.ms <= 2 and not s.late]
    changed = state and now.state != state and not any(
        s.late for s in now.sent)
    if step.args.get('bad') and (said or changed):
        yield 'a bad checksum is answered or used (9293 MUST-3)'
    if 'R' in flags and any('R' in s.flags for s in said):
        yield 'a RST is answered with a RST (9293 3.10.7)'
    if state not in SYNCHRONISED:
        return
    if not set(flags) & set('ARS') and 'seq' not in step.args and \
            (said or changed):
        yield 'a segment without ACK is answered or used (9293 3.10.7.4)'
    at = step.args.get('seq', ('nxt', 0))
    if 'R' in flags and changed and before.acked == before.nxt and \
            at[0] != 'edge' and at[1]:
        yield 'a RST that is not at RCV.NXT resets (5961 3.2)'
    if 'S' in flags and 'R' not in flags and changed and \
            state != 'TIME_WAIT':
        yield 'a SYN changes the state (5961 4.2)'


def report(what):
    """Lines for people."""
    if isinstance(what, str):
        return [what]
    lines = ['step %d, %s: %s differs' % (
        what.number + 1, what.step or 'the end', what.field),
        '  native: %s' % (what.native,), '  tcpx:   %s' % (what.tcpx,)]
    for side in what.sides:
        lines.append(side.stack.name)
        lines += ['  ' + line for line in side.log]
    return lines
