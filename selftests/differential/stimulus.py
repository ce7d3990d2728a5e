# SPDX-License-Identifier: GPL-2.0
"""A stimulus: what a peer, a program and time do to one connection, in symbols.

A stimulus is a text, one step a line, so that it can be kept and run again:

	family 4				IPv4 or IPv6
	offer mss=1460 ws=7 sack ts		the options of the peer's SYN
	connect					the program's calls
	> SA					a segment of the peer
	send 3000
	> A ack=dut-1460 win=1000
	> PA seq=nxt+100 len=100 ~0		~0: no time passes after it
	recv
	idle 300				300 ms pass
	timer					time passes until it sends

seq= counts from nxt (what continues our stream, the default), ack (what was
last acknowledged) or edge (the end of the window that we are offered); ack=
from dut (all that was received, the default) or una (what we acknowledged).
Other fields: len, win, urg, ts (added to our clock), ecr (added to what is to
be echoed), nots, sack=FROM-TO,... (counted from dut), bad (the checksum).
A segment without flags is `> -`. After every other step 60 ms pass, or 510 ms
while nothing is outstanding, so that limits on the rate of ACKs do not matter.
"""

SETTLE_MS = 60
QUIET_MS = 510
CALLS = ('connect', 'listen', 'send', 'oob', 'recv', 'recvoob', 'shutdown',
         'close', 'abort', 'nodelay', 'rcvbuf', 'fill', 'idle', 'timer',
         'icmp')


class Step:
    """kind: '>' or a call; flags: of a segment; args: its fields or size."""

    def __init__(self, kind, flags='', wait=True, **args):
        self.kind, self.flags, self.wait, self.args = kind, flags, wait, args

    def __str__(self):
        words = [self.kind] + [self.flags or '-'] * (self.kind == '>')
        for name, value in self.args.items():
            if value is True:
                words.append(name)
            elif name == 'n':
                words.append(str(value))
            elif isinstance(value, tuple):
                words.append('%s=%s%+d' % ((name,) + value))
            elif isinstance(value, list):
                words.append(name + '=' + ','.join('%d-%d' % b
                                                   for b in value))
            else:
                words.append('%s=%s' % (name, value))
        return ' '.join(words + ['~0'] * (not self.wait))

    @classmethod
    def parse(cls, line):
        words = line.split()
        kind, words = words[0], words[1:]
        if kind != '>' and kind not in CALLS:
            raise ValueError('no such step: ' + line)
        flags = words.pop(0).strip('-') if kind == '>' else ''
        args, wait = {}, True
        for word in words:
            name, _, value = word.partition('=')
            if word == '~0':
                wait = False
            elif not value:
                name, value = ('n', int(name)) if name.isdigit() else \
                    (name, True)
                args[name] = value
            elif name in ('seq', 'ack'):
                at = min(value.find(c) % 99 for c in '+-')
                args[name] = value[:at], int(value[at:])
            elif name == 'sack':
                args[name] = [tuple(map(int, b.split('-')))
                              for b in value.split(',')]
            else:
                args[name] = int(value)
        return cls(kind, flags, wait, **args)


class Stimulus:
    def __init__(self, steps, family=4, offer=None, name=''):
        self.steps, self.family, self.name = steps, family, name
        self.offer = {'mss': 1460} if offer is None else offer

    def __str__(self):
        offer = ''.join(' ' + (k if v is True else '%s=%d' % (k, v))
                        for k, v in self.offer.items())
        return '\n'.join(['# ' + self.name, 'family %d' % self.family,
                          'offer' + offer] + list(map(str, self.steps)))

    def but(self, **change):
        """A copy with something else."""
        return Stimulus(**{**vars(self), **change})


def read(text):
    """All stimuli of a text; each begins with `# its name`."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if line.startswith('# '):
            found.append(Stimulus([], name=line[2:]))
        elif not words or line.startswith('#'):
            continue
        elif words[0] == 'family':
            found[-1].family = int(words[1])
        elif words[0] == 'offer':
            fields = (w.partition('=') for w in words[1:])
            found[-1].offer = {k: int(v) if v else True for k, _, v in fields}
        else:
            found[-1].steps.append(Step.parse(line))
    return [one for one in found if one.steps]
