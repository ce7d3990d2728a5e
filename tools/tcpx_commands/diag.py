# SPDX-License-Identifier: GPL-2.0
"""The module's sock_diag interface: struct inet_diag_req_v2 to its family."""
import collections
import os
import socket
import struct

from . import Failure

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY, SOCK_DESTROY = 20, 21
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP = 1, 4, 0x300
INFO, CONG, SKMEMINFO = 2, 4, 7		# INET_DIAG_*
ALL_STATES = 0xffff

HEADER = struct.Struct("=IHHII")	# struct nlmsghdr
REQUEST = struct.Struct("=BBBBI")	# struct inet_diag_req_v2, to its id
ID = struct.Struct("!HH16s16s4s8s")	# struct inet_diag_sockid
REST = struct.Struct("=IIIII")		# struct inet_diag_msg, behind its id

# struct tcp_info: 8 bytes, 24 words, then the 64-bit counters.
INFO_BYTES = ("state", "ca_state", "retransmits", "probes", "backoff",
              "options", "wscale", "app_limited")
INFO_WORDS = ("rto", "ato", "snd_mss", "rcv_mss", "unacked", "sacked", "lost",
              "retrans", "fackets", "last_data_sent", "last_ack_sent",
              "last_data_recv", "last_ack_recv", "pmtu", "rcv_ssthresh", "rtt",
              "rttvar", "snd_ssthresh", "snd_cwnd", "advmss", "reordering",
              "rcv_rtt", "rcv_space", "total_retrans")
INFO_COUNTERS = ("pacing_rate", "max_pacing_rate", "bytes_acked",
                 "bytes_received")
MEMORY = ("r", "rb", "t", "tb", "f", "w", "o", "bl", "d")

Socket = collections.namedtuple(
    "Socket", "state recv_q send_q local peer timer uid inode id family "
    "info cong memory")


def family_number():
    """The address family of the module, a parameter of it."""
    try:
        with open("/sys/module/tcpx/parameters/family",
                  encoding="ascii") as file:
            return int(file.read())
    except OSError:
        raise Failure("the tcpx module is not loaded (insmod tcpx.ko, or "
                      "modprobe tcpx)") from None


def address(family, raw, port):
    family = socket.AF_INET6 if family == socket.AF_INET6 else socket.AF_INET
    raw = raw if family == socket.AF_INET6 else raw[:4]
    return family, socket.inet_ntop(family, raw), port


class Diag:
    """A netlink socket to ask with."""

    def __init__(self):
        self.family = family_number()
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                    NETLINK_SOCK_DIAG)

    def ask(self, kind, flags, ident, extensions=0, states=ALL_STATES):
        body = REQUEST.pack(self.family, socket.IPPROTO_TCP, extensions, 0,
                            states) + ident
        self.socket.send(HEADER.pack(HEADER.size + len(body), kind,
                                     NLM_F_REQUEST | flags, 1, 0) + body)

    def messages(self):
        """(type, payload) until the kernel says that it is done."""
        while True:
            data = self.socket.recv(1 << 18)
            while len(data) >= HEADER.size:
                length, kind, _, _, _ = HEADER.unpack_from(data)
                if kind == NLMSG_DONE:
                    return
                if kind == NLMSG_ERROR:
                    error = -struct.unpack_from("=i", data, HEADER.size)[0]
                    if error:
                        raise OSError(error, os.strerror(error))
                    return
                yield kind, data[HEADER.size:length]
                data = data[length + 3 & ~3:]

    def dump(self, sport=0, dport=0):
        """All sockets of this namespace, or those of these ports."""
        ident = ID.pack(sport, dport, bytes(16), bytes(16), bytes(4),
                        b"\xff" * 8)
        extensions = sum(1 << kind - 1 for kind in (INFO, CONG, SKMEMINFO))
        self.ask(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, ident, extensions)
        return [parse(payload) for _, payload in self.messages()]

    def kill(self, sock):
        """Abort @sock as its owner would with a RST. False: it cannot be."""
        self.ask(SOCK_DESTROY, NLM_F_ACK, sock.id)
        try:
            list(self.messages())
        except OSError:
            return False
        return True


def parse(payload):
    family, state, timer, retries = payload[:4]
    ident = payload[4:4 + ID.size]
    sport, dport, source, destination, _, _ = ID.unpack(ident)
    expires, recv_q, send_q, uid, inode = REST.unpack_from(payload,
                                                           4 + ID.size)
    attributes = parse_attributes(payload[4 + ID.size + REST.size:])
    return Socket(state, recv_q, send_q, address(family, source, sport),
                  address(family, destination, dport),
                  (timer, expires / 1000, retries) if timer else None,
                  uid, inode, ident, family,
                  parse_info(attributes.get(INFO, b"")),
                  attributes.get(CONG, b"").rstrip(b"\0").decode(),
                  parse_memory(attributes.get(SKMEMINFO, b"")))


def parse_attributes(data):
    attributes = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        attributes[kind] = data[4:length]
        data = data[length + 3 & ~3:]
    return attributes


def parse_info(data):
    """struct tcp_info by the names of its fields; empty if there is none."""
    if len(data) < 136:
        return {}
    info = dict(zip(INFO_BYTES, data))
    info.update(zip(INFO_WORDS, struct.unpack_from("=24I", data, 8)))
    info.update(zip(INFO_COUNTERS, struct.unpack_from("=4Q", data, 104)))
    return info


def parse_memory(data):
    """SK_MEMINFO_*, by the letters that ss has for them."""
    return dict(zip(MEMORY, struct.unpack(f"={len(data) // 4}I", data)))
