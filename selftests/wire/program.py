# SPDX-License-Identifier: GPL-2.0
"""The program's half of a case: its socket calls and what they return."""

import ctypes
import errno
import fcntl
import mmap
import os
import select
import socket
import struct
import subprocess
import termios
import threading
import time

from codec import addr_pack
from peer import ANY, PATIENCE, pattern

STATES = ['', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECEIVED', 'FIN_WAIT_1',
          'FIN_WAIT_2', 'TIME_WAIT', 'CLOSED', 'CLOSE_WAIT', 'LAST_ACK',
          'LISTEN', 'CLOSING', 'SYN_RECEIVED']
POLL = {'IN': select.POLLIN, 'OUT': select.POLLOUT, 'PRI': select.POLLPRI,
        'ERR': select.POLLERR, 'HUP': select.POLLHUP,
        'RDHUP': select.POLLRDHUP}
SO_MEMINFO = 55
# rdtsc; shl $32, %rdx; or %rdx, %rax; ret
_text = mmap.mmap(-1, mmap.PAGESIZE, prot=7)
_text.write(bytes.fromhex('0f3148c1e2204809d0c3'))
# Cycles of the processor, even where a kernel has a virtual clock.
cycles = ctypes.CFUNCTYPE(ctypes.c_uint64)(
    ctypes.addressof(ctypes.c_char.from_buffer(_text)))
SIOCINQ, SIOCOUTQ, SIOCATMARK = termios.FIONREAD, termios.TIOCOUTQ, 0x8905


def meminfo(sock):
    """What the kernel has charged to a socket, bytes."""
    raw = sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36)
    return dict(zip('rmem_alloc rcvbuf wmem_alloc sndbuf fwd_alloc '
                    'wmem_queued optmem backlog drops'.split(),
                    struct.unpack('=9I', raw)))


class Program:
    """The program's half of a case; harness.Case has the attributes."""

    def open(self):
        sock = self.stack.socket(self.family)
        sock.setblocking(False)
        self.held.append(sock)
        return sock

    def socket(self):
        if self.sock is None:
            self.sock = self.open()
        return self.sock

    def outcome(self, what, err, call, *args):
        """Run a call that returns, or fails with the errno named."""
        try:
            result, got = call(*args), None
        except OSError as e:
            result, got = None, errno.errorcode.get(e.errno, str(e.errno))
        self.note('%s = %s' % (what, got or (
            '%d bytes' % len(result) if isinstance(result, bytes) else
            'ok' if result is None or isinstance(result, tuple) else result)))
        self.check(got, err, 'the outcome of ' + what)
        return result

    def connect(self, err='EINPROGRESS', again=False):
        sock = self.socket()
        if not again:
            self.dut_port = None
        self.outcome('connect()', err, sock.connect, (self.addr, self.port))
        if self.dut_port is None and err == 'EINPROGRESS':
            self.dut_port = sock.getsockname()[1]
        self.when = time.monotonic()

    def disconnect(self):
        """connect(AF_UNSPEC), which Python cannot say."""
        libc = ctypes.CDLL(None, use_errno=True)
        name = struct.pack('=H14x', socket.AF_UNSPEC)
        if libc.connect((self.sock or self.lsock).fileno(), name, len(name)):
            self.fail('connect(AF_UNSPEC): ' +
                      os.strerror(ctypes.get_errno()))
        self.note('connect(AF_UNSPEC) = ok')

    def bind(self, port=0):
        sock = self.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.dut_addr, port))
        self.dut_port = sock.getsockname()[1]

    def listen(self, backlog=8):
        self.lsock = self.sock or self.open()
        self.sock = None
        if self.dut_port is None:
            self.lsock.bind((self.dut_addr, 0))
            self.dut_port = self.lsock.getsockname()[1]
        self.lsock.listen(backlog)
        self.note('listen(%d) = ok' % backlog)

    def accept(self):
        self.wait(self.lsock, select.POLLIN, PATIENCE, 'accept()')
        self.sock, _ = self.outcome('accept()', None, self.lsock.accept)
        self.sock.setblocking(False)
        self.held.append(self.sock)

    def no_accept(self):
        self.outcome('accept()', 'EAGAIN', self.lsock.accept)

    def wait(self, sock, mask, timeout, what):
        poll = select.poll()
        poll.register(sock, mask)
        if not poll.poll(timeout * 1e3):
            self.fail(what + ' is not ready')

    def send(self, what, err=None, flags=0, took=None):
        """what: bytes, or how many of the pattern; all of it is taken,
        or as many as `took`."""
        data = pattern(len(self.stream), what) if isinstance(what, int) \
            else what
        count = self.outcome('send(%d)' % len(data), err, self.sock.send,
                             data, flags | socket.MSG_NOSIGNAL)
        self.stream += data[:count or 0]
        if err is None and took is not ANY:
            self.check(count, len(data) if took is None else took,
                       'what send() took')
        self.when = time.monotonic()
        return count

    def recv(self, want=None, err=None, flags=0, timeout=PATIENCE):
        """want: bytes, or how many of the peer's pattern, read completely."""
        if err is not None:
            if err != 'EAGAIN':
                self.wait(self.sock, select.POLLIN, timeout, 'recv()')
            return self.outcome('recv()', err, self.sock.recv, 65536, flags)
        size = want if isinstance(want, int) else len(want)
        data = b''
        while len(data) < size:
            self.wait(self.sock, select.POLLIN, timeout, 'recv()')
            piece = self.outcome('recv()', None, self.sock.recv,
                                 size - len(data), flags)
            if not piece:
                self.fail('end of file after %d of %d bytes' % (
                    len(data), size))
            data += piece
            if flags & socket.MSG_PEEK:
                break
        want = pattern(self.read_at, size) if isinstance(want, int) else want
        if data != want:
            self.fail('recv() gave other bytes than were sent')
        if not flags & (socket.MSG_PEEK | socket.MSG_OOB):
            self.read_at += size
        return data

    def recv_eof(self, timeout=PATIENCE):
        self.wait(self.sock, select.POLLIN, timeout, 'recv()')
        self.check(self.outcome('recv()', None, self.sock.recv, 65536), b'',
                   'the end of file')

    def recv_nothing(self):
        self.recv(err='EAGAIN')

    def close(self):
        self.sock.close()
        self.note('close() = ok')
        self.when = time.monotonic()

    def close_listener(self):
        self.lsock.close()
        self.note('close() of the listener = ok')

    def linger(self, seconds):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack('ii', 1, seconds))

    def abort(self):
        self.linger(0)
        self.close()

    def abort_all(self):
        """The administrator resets every connection of the namespace."""
        if self.stack.native:
            self.command('ss --kill -a -t -n -H')
        else:
            self.knob('abort_all', 1)

    def shutdown(self, how='WR', err=None):
        self.outcome('shutdown(%s)' % how, err, self.sock.shutdown,
                     getattr(socket, 'SHUT_' + how))
        self.when = time.monotonic()

    def setopt(self, name, value, err=None):
        """name: SO_KEEPALIVE, TCP_NODELAY, IP_TTL ..."""
        level, number = self.option_number(name)
        if self.sock is None and self.lsock is None:
            self.socket()
        self.outcome('setsockopt(%s, %s)' % (name, value), err,
                     (self.sock or self.lsock).setsockopt, level, number,
                     value)

    def getopt(self, name):
        return self.sock.getsockopt(*self.option_number(name))

    @staticmethod
    def option_number(name):
        levels = {'SO': socket.SOL_SOCKET, 'TCP': socket.IPPROTO_TCP,
                  'IP': socket.IPPROTO_IP, 'IPV6': socket.IPPROTO_IPV6}
        unnamed = {'SO_SNDBUFFORCE': 32, 'SO_RCVBUFFORCE': 33,
                   'TCP_FASTOPEN_CONNECT': 30, 'TCP_FASTOPEN_KEY': 33,
                   'TCP_FASTOPEN_NO_COOKIE': 34}
        number = unnamed.get(name) or getattr(socket, name)
        return levels[name.split('_')[0]], number

    def error(self, *want):
        """SO_ERROR, by name, 0 if none; reading it clears it."""
        code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        got = errno.errorcode.get(code, code)
        self.note('SO_ERROR = %s' % got)
        if got not in want:
            self.fail('SO_ERROR is %s, not %s' % (
                got, ' or '.join(map(str, want))))

    def failed(self, *want, at=None, after=None, timeout=PATIENCE):
        """Wait for the connection to fail, with one of these SO_ERROR; at
        and after as in expect(). What the peer receives meanwhile waits."""
        begun = self.zero if at is not None else self.when
        due = at if at is not None else after
        if due is not None:
            timeout = begun + self.slack(due)[1] - time.monotonic() + 0.5
        deadline = time.monotonic() + timeout
        poll = select.poll()
        poll.register(self.sock, 0)
        poll.register(self.bench.tun.fd, select.POLLIN)
        while True:
            ready = poll.poll(max(0, deadline - time.monotonic()) * 1e3)
            bits = sum(b for fd, b in ready if fd == self.sock.fileno())
            if bits & select.POLLERR:
                break
            if not ready:
                self.fail('no error came')
            if bits:		# a hang-up stays; the error is yet to come
                time.sleep(0.002)
            self.bench.receive(0)
        self.on_time(time.monotonic() - begun, due)
        self.error(*want)

    def elapsed(self):
        return time.monotonic() - self.zero

    def on_time(self, elapsed, due):
        if due is None:
            return
        low, high = self.slack(due)
        if not low <= elapsed <= high:
            self.fail('came after %.4f s, due at %.4f (%.4f..%.4f)' % (
                elapsed, due, low, high))

    def poll(self, want):
        """Exactly these conditions, e.g. 'IN OUT RDHUP'."""
        poll = select.poll()
        poll.register(self.sock, sum(POLL.values()))
        got = poll.poll(0)
        mask = got[0][1] if got else 0
        names = {n for n, bit in POLL.items() if mask & bit}
        self.note('poll() = %s' % ' '.join(sorted(names)))
        self.check(names, set(want.split()), 'poll()')

    def ioctl(self, request, want):
        raw = fcntl.ioctl(self.sock, request, struct.pack('i', -1))
        self.check(struct.unpack('i', raw)[0], want, 'ioctl 0x%x' % request)

    def info(self):
        """The first fields of struct tcp_info."""
        raw = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        names = ('state ca_state retransmits probes backoff options scales '
                 'flags').split()
        words = ('rto ato snd_mss rcv_mss unacked sacked lost retrans fackets '
                 'last_data_sent last_ack_sent last_data_recv last_ack_recv '
                 'pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss '
                 'reordering rcv_rtt rcv_space total_retrans').split()
        found = dict(zip(names, raw))
        found.update(zip(words, struct.unpack_from('=24I', raw, 8)))
        return found

    def background(self, call, *args):
        """Run a blocking call in a thread; Thread.finish() has its outcome."""
        return Thread(self, call, args)

    def knob(self, name, value):
        """Set a sysctl of the namespace until the end of the case."""
        path = self.stack.knob(name)
        if name != 'abort_all':
            with open(path) as f:
                self.undo.append((path, f.read().strip()))
        with open(path, 'w') as f:
            f.write(str(value))
        self.note('%s = %s' % (name, value))

    def no_timeouts(self):
        """Nothing that a timer repeats, nor a tail loss probe, is taken for an
        answer, however slow the machine is."""
        self.knob('early_retrans', 0)
        if not self.stack.native:
            self.knob('rto_initial_us', 60000000)
            self.knob('rto_min_us', 60000000)

    def command(self, text):
        """Run ip or the like in the namespace; what it says."""
        self.note('$ ' + text)
        return subprocess.run(text.split(), check=True, text=True,
                              stdout=subprocess.PIPE).stdout

    def rows(self):
        """(local port, remote address, remote port, state) of all sockets."""
        with open(self.stack.proc(self.family)) as f:
            for line in f.readlines()[1:]:
                word = line.split()
                local, remote = word[1].split(':'), word[2].split(':')
                yield (int(local[1], 16), remote[0], int(remote[1], 16),
                       STATES[int(word[3], 16)])

    def proc_addr(self):
        raw = addr_pack(self.family, self.addr)
        return ''.join('%08X' % struct.unpack_from('=I', raw, i)
                       for i in range(0, len(raw), 4))

    def find_state(self):
        remote = self.proc_addr()
        for lport, raddr, rport, state in self.rows():
            if (lport, raddr, rport) == (self.dut_port, remote, self.port):
                return state
        return 'CLOSED'

    def find_listener(self):
        for lport, _, rport, state in self.rows():
            if (lport, rport) == (self.dut_port, 0) and state == 'LISTEN':
                return state
        return 'CLOSED'

    def state(self, want, timeout=1):
        """The connection's state (for LISTEN: the listener's)."""
        self.await_state(want, self.find_listener if want == 'LISTEN'
                         else self.find_state, timeout)

    def await_state(self, want, find, timeout=1):
        deadline = time.monotonic() + timeout
        while (got := find()) != want and time.monotonic() < deadline:
            time.sleep(0.001)
        self.note('state %s' % got)
        self.check(got, want, 'the state')


class Thread(threading.Thread):
    """A blocking call of the program, with when it ended."""

    def __init__(self, case, call, args):
        super().__init__(daemon=True)
        self.case, self.call, self.args = case, call, args
        self.begun, self.ended, self.error = time.monotonic(), None, None
        self.start()

    def run(self):
        try:
            self.result = self.call(*self.args)
        except OSError as e:
            self.error = errno.errorcode.get(e.errno, str(e.errno))
        self.ended = time.monotonic()

    def finish(self, err=None, after=None):
        """It ends with this error, this long after it began."""
        case = self.case
        low, high = case.slack(after or 0, wide=True)
        self.join(max(PATIENCE, self.begun + high - time.monotonic() + 1))
        if self.ended is None:
            case.fail('the call still blocks')
        took = self.ended - self.begun
        case.note('the blocking call ended after %.3f s: %s' % (
            took, self.error))
        case.check(self.error, err, 'its outcome')
        if after is not None and not low <= took <= high:
            case.fail('it took %.4f s, not %g' % (took, after))
