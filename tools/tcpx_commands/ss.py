# SPDX-License-Identifier: GPL-2.0
"""list tcpx sockets"""
import collections
import os
import re
import socket
import struct

from . import proc_lines

STATES = (None, "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2",
          "TIME-WAIT", "UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN",
          "CLOSING", "SYN-RECV")
TIMERS = (None, "on", "keepalive", "timewait", "persist")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

Socket = collections.namedtuple(
    "Socket", "state recv_q send_q local peer timer uid inode")


def add_arguments(parser):
    parser.add_argument("-a", "--all", action="store_true",
                        help="listening sockets and connections")
    parser.add_argument("-l", "--listening", action="store_true",
                        help="only listening sockets")
    parser.add_argument("-t", "--tcp", action="store_true",
                        help="accepted as ss has it: all are TCP sockets")
    parser.add_argument("-4", "--ipv4", action="store_true",
                        help="only IPv4 sockets")
    parser.add_argument("-6", "--ipv6", action="store_true",
                        help="only IPv6 sockets")
    parser.add_argument("-n", "--numeric", action="store_true",
                        help="don't look up names of services")
    parser.add_argument("-o", "--options", action="store_true",
                        help="the timer that runs")
    parser.add_argument("-e", "--extended", action="store_true",
                        help="user id and inode")
    parser.add_argument("-p", "--processes", action="store_true",
                        help="processes that have the socket open")
    parser.add_argument("-H", "--no-header", action="store_true",
                        help="no header line")


def run(args):
    sockets = []
    if args.ipv4 or not args.ipv6:
        sockets += [parse(line) for line in proc_lines("tcpx")[1:]]
    if args.ipv6 or not args.ipv4:
        sockets += [parse(line) for line in proc_lines("tcpx6")[1:]]
    owners = find_owners() if args.processes else {}

    rows = [] if args.no_header else [
        ["State", "Recv-Q", "Send-Q", "Local Address:Port",
         "Peer Address:Port", "Process" if args.processes else ""]]
    rows += [row(sock, args, owners) for sock in sockets if wanted(sock, args)]
    widths = [max(len(line[i]) for line in rows) for i in range(5)] \
        if rows else []
    for line in rows:
        print("  ".join([text.ljust(width) for text, width
                         in zip(line, widths)] + line[5:]).rstrip())
    return 0


def wanted(sock, args):
    if args.all:
        return True
    return (sock.state in ("LISTEN", "UNCONN")) == args.listening


def parse(line):
    """One line of /proc/net/tcp's format."""
    field = line.split()
    send_q, recv_q = (int(part, 16) for part in field[4].split(":"))
    timer, when = (int(part, 16) for part in field[5].split(":"))
    if timer:
        name = TIMERS[timer] if timer < len(TIMERS) else str(timer)
        timer = (name, when / TICKS_PER_SECOND, int(field[6], 16))
    return Socket(STATES[int(field[3], 16)], recv_q, send_q,
                  parse_address(field[1]), parse_address(field[2]), timer,
                  int(field[7]), int(field[9]))


def parse_address(text):
    """Addresses are printed as host-order words, ports as numbers."""
    words, port = text.split(":")
    raw = b"".join(struct.pack("=I", int(words[i:i + 8], 16))
                   for i in range(0, len(words), 8))
    family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
    return family, socket.inet_ntop(family, raw), int(port, 16)


def row(sock, args, owners):
    extra = []
    if args.processes and sock.inode in owners:
        extra.append("users:(" + ",".join(owners[sock.inode]) + ")")
    if args.options and sock.timer:
        name, seconds, retries = sock.timer
        extra.append(f"timer:({name},{seconds:.2f}s,{retries})")
    if args.extended:
        extra.append(f"uid:{sock.uid} ino:{sock.inode}")
    return [sock.state, str(sock.recv_q), str(sock.send_q),
            show_address(sock.local, args.numeric),
            show_address(sock.peer, args.numeric), " ".join(extra)]


def show_address(address, numeric):
    family, host, port = address
    if family == socket.AF_INET6:
        host = f"[{host}]"
    return f"{host}:{show_port(port, numeric)}"


def show_port(port, numeric):
    if not port:
        return "*"
    if not numeric:
        try:
            return socket.getservbyport(port, "tcp")
        except OSError:
            pass
    return str(port)


def find_owners():
    """From the inode of a socket to the processes that have it open."""
    owners = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8",
                      errors="replace") as file:
                name = file.read().strip()
            descriptors = os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue
        for fd in descriptors:
            try:
                link = os.readlink(f"/proc/{pid}/fd/{fd}")
            except OSError:
                continue
            found = re.fullmatch(r"socket:\[(\d+)\]", link)
            if found:
                owners.setdefault(int(found[1]), []).append(
                    f'("{name}",pid={pid},fd={fd})')
    return owners
