#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Write the cases of ../wire as stimuli, to be mutated: cases.txt.

	record.py > cases.txt

runs them against native TCP and notes what the peer and the program do. Cases
that do what a stimulus cannot say are left out.
"""

import glob
import importlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WIRE = os.path.join(HERE, '..', 'wire')
sys.path.insert(0, WIRE)

import harness				# noqa: E402
from peer import pattern		# noqa: E402
from stimulus import Step, Stimulus	# noqa: E402
from side import ICMP			# noqa: E402

HEAD = """\
# SPDX-License-Identifier: GPL-2.0
#
# Made by record.py from the cases of ../wire. The rest of this folder explains
# the notation: stimulus.py.
"""
MOST_STEPS = 30
CANNOT = ('knob', 'command', 'sibling', 'background', 'disconnect', 'linger',
          'bind', 'fill', 'abort_all', 'close_listener', 'past_quick_acks')


class Unsayable(Exception):
    pass


class Recorder(harness.Case):
    """A case that notes its steps."""

    def __init__(self, *args):
        self.steps = []
        super().__init__(*args)

    def add(self, kind, **args):
        self.steps.append(Step(kind, **args))
        if len(self.steps) > MOST_STEPS:
            raise Unsayable('too long')

    def inject(self, flags, seq=None, ack=None, len=0, data=None, win=None,
               urg=0, opts=None, sack=None, ts=None, ttl=64, tos=0,
               reserved=0, void=False, bad_checksum=False, **faults):
        at = self.nxt if seq is None else seq
        if faults or opts is not None or ttl != 64 or tos or reserved or \
                data not in (None, pattern(at - ('S' not in flags), len)):
            raise Unsayable('a field')
        step = Step('>', flags)
        if seq not in (None, self.nxt) and 'S' not in flags:
            step.args['seq'] = 'nxt', seq - self.nxt
        if ack not in (None, self.dut_nxt):
            step.args['ack'] = 'dut', ack - self.dut_nxt
        for name, value in ('len', len), ('win', win), ('urg', urg), \
                ('bad', bad_checksum):
            if value or value == 0 and name == 'win':
                step.args[name] = value
        if sack:
            step.args['sack'] = [(a - self.dut_nxt, b - self.dut_nxt)
                                 for a, b in sack]
        if ts and ts[0] != self.ts_val + 1:
            step.args['ts'] = ts[0] - self.ts_val - 1 or 1
        self.steps.append(step)
        if self.steps.__len__() > MOST_STEPS:
            raise Unsayable('too long')
        return super().inject(flags, seq, ack, len, data, win, urg, opts,
                              sack, ts, void, ttl, tos, reserved,
                              **{'bad_checksum': True} if bad_checksum
                              else {})

    def connect(self, *args, **more):
        self.add('connect')
        return super().connect(*args, **more)

    def listen(self, *args):
        self.add('listen')
        return super().listen(*args)

    def send(self, what, err=None, flags=0, took=None):
        if flags not in (0, harness.socket.MSG_OOB):
            raise Unsayable('a flag')
        self.add('oob' if flags else 'send',
                 n=what if isinstance(what, int) else len(what))
        return super().send(what, err, flags, took)

    def recv(self, *args, **more):
        self.add('recv')
        return super().recv(*args, **more)

    def recv_eof(self, *args):
        self.add('recv')
        return super().recv_eof(*args)

    def shutdown(self, how='WR', err=None):
        if how != 'WR':
            raise Unsayable('shutdown')
        self.add('shutdown')
        return super().shutdown(how, err)

    def close(self):
        self.add('close')
        return super().close()

    def abort(self):
        self.add('abort')
        return super().abort()

    def setopt(self, name, value, err=None):
        if name != 'TCP_NODELAY':
            raise Unsayable(name)
        self.add('nodelay', n=value)
        return super().setopt(name, value, err)

    def pause(self, t):
        self.add('idle', n=int(t * 1e3))
        return super().pause(t)

    def silent(self, t=harness.Peer.silent.__defaults__[0]):
        if t > 0.1:
            self.add('idle', n=int(t * 1e3))
        return super().silent(t)

    def expect(self, *args, **more):
        due = more.get('at') or more.get('after') or \
            (more.get('between') or [0])[0]
        if due > 0.1:
            self.add('timer')
        return super().expect(*args, **more)

    def icmp(self, v4, v6, field=0, quoted=None, **change):
        name = next((n for n, kinds in ICMP.items() if kinds == (v4, v6)),
                    None)
        if name is None or quoted is not None or set(change) - {'seq'}:
            raise Unsayable('an ICMP message')
        step = Step('icmp', **{name: True})
        if field:
            step.args['mtu'] = field
        if 'seq' in change:
            step.args['seq'] = 'una', change['seq'] - 1
        self.steps.append(step)
        return super().icmp(v4, v6, field, quoted, **change)


def refuse(name):
    def method(self, *args, **more):
        raise Unsayable(name)
    return method


for name in CANNOT:
    setattr(Recorder, name, refuse(name))


def offer_of(case):
    found = {'mss': 1460}
    for name, value in case.offer.items():
        if name == 'mss' and value is None:
            del found['mss']
        elif name == 'mss':
            found['mss'] = value
        elif value is not None and value is not False:
            found[name] = value
    return found


def main():
    for path in sorted(glob.glob(os.path.join(WIRE, '*.py'))):
        with open(path) as f:
            if '\n@case(' in f.read():
                importlib.import_module(os.path.basename(path)[:-3])
    harness.enter_namespace()
    bench = harness.Bench(harness.Stack('native'),
                          harness.arguments(['--stack', 'native']))
    print(HEAD)
    seen = set()
    for name, function, families, _, limits in harness.CASES:
        case = Recorder(bench, families[0], name)
        try:
            function(case)
            case.complaints.clear()
        except Unsayable:
            case.steps.clear()
        except (AssertionError, OSError):
            pass
        steps = list(case.steps)
        case.inject = lambda *args, **more: None
        case.finish()
        if len(steps) > 1:
            one = Stimulus(steps, 4, offer_of(case), name)
            body = str(one).split('\n', 1)[1]
            if body not in seen:
                seen.add(body)
                print('%s\n' % one)
                sys.stdout.flush()


if __name__ == '__main__':
    main()
