# SPDX-License-Identifier: GPL-2.0
"""The smallest stimulus that still fails in the same way (delta debugging)."""

TRIALS = 150


def signature(what):
    """What kind of failure it is."""
    if isinstance(what, str):
        return ''.join(c for c in what if not c.isdigit())[:60]
    step = what.step
    return '%s at %s in %s' % (
        what.field, 'the end' if step is None else
        ' '.join([step.kind, step.flags] + sorted(step.args)), what.state)


def simpler(one):
    """Stimuli with one thing less, the largest things first."""
    steps = one.steps
    size = len(steps) // 2
    while size:
        for at in range(0, len(steps) - size + 1, size):
            yield one.but(steps=steps[:at] + steps[at + size:])
        size //= 2
    for name in one.offer:
        if name != 'mss':
            yield one.but(offer={k: v for k, v in one.offer.items()
                                 if k != name})
    for at, step in enumerate(steps):
        for name in step.args:
            kept = {k: v for k, v in step.args.items() if k != name}
            yield one.but(steps=steps[:at] + [type(step)(
                step.kind, step.flags, step.wait, **kept)] + steps[at + 1:])


def is_same(a, b):
    if isinstance(a, str) or isinstance(b, str):
        return signature(a) == signature(b) if type(a) is type(b) else False
    return (a.field, a.step and (a.step.kind, a.step.flags)) == \
        (b.field, b.step and (b.step.kind, b.step.flags))


def shrink(one, judge):
    """(the stimulus, what is wrong with it)."""
    verdict, what = judge(one)
    if verdict not in ('broken', 'different'):
        return one, 'the failure does not repeat'
    trials, progress = 0, True
    while progress and trials < TRIALS:
        progress = False
        for smaller in simpler(one):
            trials += 1
            if trials > TRIALS:
                break
            verdict, found = judge(smaller)
            if verdict in ('broken', 'different') and is_same(what, found):
                one, what, progress = smaller, found, True
                break
    return one, what
