# SPDX-License-Identifier: GPL-2.0
"""Do numbers look as if nobody could guess them? Each test fails good numbers
less than once in a billion times."""

SIGMAS = 7


def chi_square(counts):
    """How far counts are from even ones, in standard deviations."""
    mean = sum(counts) / len(counts)
    free = len(counts) - 1
    return (sum((n - mean) ** 2 for n in counts) / mean - free) / \
        (2 * free) ** 0.5


def spread(values, bits, bins=16):
    """Evenly spread over their range?"""
    counts = [0] * bins
    for value in values:
        counts[value * bins >> bits] += 1
    return chi_square(counts)


def weakest_bit(values, bits):
    """(the bit that is least like a coin's, how far it is off)"""
    count, worst = len(values), (0, 0)
    for bit in range(bits):
        ones = sum(v >> bit & 1 for v in values)
        worst = max(worst, (abs(ones - count / 2) / (count / 4) ** 0.5, bit))
    return worst[1], worst[0]


def complaint(values, bits=32):
    """What gives neighbours away, or None: their difference, each bit of
    their exclusive or, equal ones."""
    mask = (1 << bits) - 1
    pairs = list(zip(values, values[1:]))
    steps = [(b - a) & mask for a, b in pairs]
    off = spread(steps, bits)
    if off > SIGMAS:
        return 'the differences are %.1f sigmas from even' % off
    off = spread(values, bits)
    if off > SIGMAS:
        return 'they are %.1f sigmas from even' % off
    bit, off = weakest_bit([a ^ b for a, b in pairs], bits)
    if off > SIGMAS:
        return 'bit %d does not change by chance (%.1f sigmas)' % (bit, off)
    if len(values) - len(set(values)) > len(values) // 100:
        return 'some are equal'
    return None
