# SPDX-License-Identifier: GPL-2.0
"""Stimuli from a seed: walks by a grammar, products of boundaries, mutants."""

import random

from stimulus import Step, Stimulus

FLAGS = ('A', 'PA', 'FA', 'F', 'P', 'S', 'SA', 'R', 'RA', 'SF', 'SR', 'SFA',
         'FPUA', 'UA', '', 'FPU', 'SRA', 'RFA', 'EA', 'CEA', 'SECN')
HALF = 1 << 31
NEAR = (-1, 0, 1)
SIZES = (1, 10, 100, 536, 1460)

OPENINGS = {
    'CLOSED': (),
    'LISTEN': ('listen',),
    'SYN_SENT': ('connect',),
    'SYN_RECEIVED': ('listen', '> S'),
    'SYN_RECEIVED, active': ('connect', '> S'),
    'ESTABLISHED': ('connect', '> SA'),
    'ESTABLISHED, passive': ('listen', '> S', '> A'),
    'FIN_WAIT_1': ('connect', '> SA', 'shutdown'),
    'FIN_WAIT_2': ('connect', '> SA', 'shutdown', '> A'),
    'FIN_WAIT_2, closed': ('connect', '> SA', 'close', '> A'),
    'CLOSING': ('connect', '> SA', 'shutdown', '> FA ack=dut-1'),
    'TIME_WAIT': ('connect', '> SA', 'shutdown', '> FA'),
    'TIME_WAIT, passive': ('listen', '> S', '> A', 'close', '> FA'),
    'CLOSE_WAIT': ('listen', '> S', '> A', '> FA'),
    'LAST_ACK': ('connect', '> SA', '> FA', 'shutdown'),
    'data in flight': ('connect', '> SA', 'send 3000'),
    'a hole': ('listen', '> S', '> A', '> PA seq=nxt+1000 len=100'),
    'window closed': ('connect', '> SA', '> A win=0', 'send 2000'),
    'their window closed': ('rcvbuf 4096', 'connect', '> SA', 'fill'),
}


def steps(lines):
    return [Step.parse(line) for line in lines]


def opening(rng):
    """Half of the active ones without time between, so that RTO is small."""
    found = steps(OPENINGS[rng.choice(list(OPENINGS))])
    if found and found[0].kind == 'connect':
        found[0].wait = rng.random() < 0.5
    return found


def offer(rng):
    found = {}
    if rng.random() < 0.9:
        found['mss'] = rng.choice((1460, 1460, 1460, 1000, 536))
    if rng.random() < 0.5:
        found['ws'] = rng.choice((0, 2, 7, 14))
    for name in 'sack', 'ts':
        if rng.random() < 0.5:
            found[name] = True
    return found


def segment(rng, wild=False):
    """One segment; wild: anything, at the boundaries."""
    flags = rng.choice(FLAGS) if wild else rng.choice(
        ('A', 'PA', 'PA', 'PA', 'A', 'A', 'FA', 'R', 'S', 'UA'))
    args = {}
    if wild or rng.random() < 0.3:
        base = rng.choice(('nxt', 'nxt', 'nxt', 'ack', 'edge'))
        away = rng.choice(NEAR) + rng.choice(
            (0, 0, 0, 0, 100, -100, 1000, HALF, -70000))
        args['seq'] = base, away
    if wild or rng.random() < 0.3:
        away = rng.choice(NEAR) + rng.choice(
            (0, 0, 0, 0, -1460, HALF, -70000, 1000))
        args['ack'] = rng.choice(('dut', 'dut', 'una')), away
    if flags not in ('S', 'SA', 'R') and rng.random() < 0.6 or \
            flags == 'PA':
        args['len'] = rng.choice(SIZES)
    if rng.random() < 0.2:
        args['win'] = rng.choice((0, 1, 100, 1460, 3000, 65535))
    if 'U' in flags:
        args['urg'] = rng.choice((0, 1, 5, 100, 65535))
    for name, values, chance in (
            ('ts', (-1, -1000, 1000, HALF - 1, -HALF), 0.08),
            ('ecr', (1, 100000, -100000), 0.03)):
        if rng.random() < chance:
            args[name] = rng.choice(values)
    for name in 'nots', 'bad':
        if rng.random() < 0.03:
            args[name] = True
    return Step('>', flags, rng.random() < 0.8, **args)


def sack(rng):
    start = rng.choice((-3000, -1460, 0, 1000))
    return Step('>', 'A', ack=('una', 0),
                sack=[(start, start + rng.choice((1, 1460, 1000)))])


def icmp(rng):
    step = Step.parse('icmp ' + rng.choice(
        ('net', 'host', 'proto', 'port', 'ttl', 'param')))
    if rng.random() < 0.3:
        step = Step.parse('icmp toobig mtu=%d' % rng.choice(
            (0, 68, 552, 1000, 1280, 1400, 9000)))
    if rng.random() < 0.5:
        step.args['seq'] = rng.choice(('una', 'dut')), rng.choice(
            (-1, 0, 1, 100000))
    return step


def action(rng):
    """The next steps of a walk."""
    kind = rng.random()
    if kind < 0.18:
        return [Step('>', 'PA', rng.random() < 0.7, len=rng.choice(SIZES))]
    if kind < 0.28:
        return [Step('send', n=rng.choice((1, 100, 1460, 1461, 3000, 8000)),
                     wait=rng.random() < 0.3), Step('>', 'A')]
    if kind < 0.36:
        return [Step('send', n=rng.choice((1, 100, 1460, 3000, 8000)))]
    if kind < 0.48:
        return [segment(rng)]
    if kind < 0.60:
        return [segment(rng, wild=True)]
    if kind < 0.68:
        return [Step('recv')]
    if kind < 0.72:
        return [Step('>', 'FA')]
    if kind < 0.76:
        return [Step('shutdown')]
    if kind < 0.79:
        return [Step('close')]
    if kind < 0.81:
        hole = rng.choice((1, 100, 1460))
        return [Step('>', 'PA', seq=('nxt', hole), len=rng.choice(SIZES)),
                Step('>', 'PA', len=rng.choice((hole, hole, hole - 1 or 1)))]
    if kind < 0.85:
        return [sack(rng)]
    if kind < 0.88:
        return [Step('>', 'A', ack=('una', 0)) for _ in range(
            rng.choice((1, 2, 3)))]
    if kind < 0.91:
        return [icmp(rng)]
    if kind < 0.93:
        return [Step('timer')]
    if kind < 0.95:
        return [Step('>', 'A', win=0), Step('send', n=2000),
                Step(rng.choice(('timer', 'recv'))), Step('>', 'A')]
    if kind < 0.97:
        return [Step(rng.choice(('oob', 'recvoob', 'nodelay')))]
    if kind < 0.98:
        return [Step('abort')]
    return [Step('idle', n=rng.choice((300, 1000)))]


def walk(rng):
    """From an opening on, as long as it goes."""
    found = opening(rng)
    if len(found) > 1 and rng.random() < 0.15:
        found.insert(rng.randrange(1, len(found)), segment(rng, wild=True))
    for _ in range(rng.randrange(2, 9)):
        found += action(rng)
    return Stimulus(found, rng.choice((4, 6)), offer(rng))


def boundary(rng):
    """One segment at a boundary in any state, then what should still work."""
    found = opening(rng) + [segment(rng, wild=True)]
    found += steps(rng.choice((
        ('> PA len=10', 'recv'), ('> FA',), ('> R', 'recv'),
        ('send 10', '> A'), ('close', '> A'), ())))
    return Stimulus(found, rng.choice((4, 6)), offer(rng))


def alter(rng, step):
    """The same step with something changed."""
    step = Step(step.kind, step.flags, step.wait, **step.args)
    if step.kind == '>':
        other = segment(rng, wild=True)
        name = rng.choice(('flags', 'seq', 'ack', 'len', 'win', 'rest'))
        if name == 'flags':
            step.flags = other.flags
        elif name == 'rest':
            step.args.update((k, v) for k, v in other.args.items()
                             if k not in ('seq', 'ack', 'len'))
        elif name in other.args:
            step.args[name] = other.args[name]
        else:
            step.args.pop(name, None)
    elif 'n' in step.args:
        step.args['n'] = max(1, step.args['n'] + rng.choice((-1, 1, 1460)))
    else:
        return rng.choice(action(rng))
    return step


def mutate(rng, cases):
    """One of the project's own cases with up to four changes."""
    case = rng.choice(cases)
    found = list(case.steps)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(found)) if found else 0
        kind = rng.random()
        if kind < 0.2 and found:
            del found[at]
        elif kind < 0.35 and found:
            found.insert(at, found[at])
        elif kind < 0.5 and found:
            other = rng.randrange(len(found))
            found[at], found[other] = found[other], found[at]
        elif kind < 0.75 and found:
            found[at] = alter(rng, found[at])
        else:
            found[at:at] = action(rng)
    return Stimulus(found, rng.choice((4, 6)),
                    offer(rng) if rng.random() < 0.3 else dict(case.offer))


GENERATORS = {
    'walk': lambda rng, cases: walk(rng),
    'boundary': lambda rng, cases: boundary(rng),
    'mutant': mutate,
}


def generate(kind, seed, number, cases):
    """The same arguments give the same stimulus."""
    rng = random.Random('%s/%s/%d' % (seed, kind, number))
    made = GENERATORS[kind](rng, cases)
    made.name = '%s seed %s number %d' % (kind, seed, number)
    return made
