# SPDX-License-Identifier: GPL-2.0
"""list tcpx sockets"""
import os
import re
import socket

from . import Failure, diag

STATES = (None, "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2",
          "TIME-WAIT", "UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN",
          "CLOSING", "SYN-RECV")
TIMERS = (None, "on", "keepalive", "timewait", "persist")
CA_STATES = ("open", "disorder", "cwr", "recovery", "loss")


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
    parser.add_argument("-i", "--info", action="store_true",
                        help="what TCP_INFO tells")
    parser.add_argument("-m", "--memory", action="store_true",
                        help="memory, as ss prints it")
    parser.add_argument("-K", "--kill", action="store_true",
                        help="abort what is listed; needs a filter")
    parser.add_argument("-s", "--state", action="append", metavar="STATE",
                        help="only this state, as it is printed; repeatable")
    parser.add_argument("--sport", type=int, default=0, metavar="PORT",
                        help="only this local port")
    parser.add_argument("--dport", type=int, default=0, metavar="PORT",
                        help="only this port of the peer")
    parser.add_argument("--src", metavar="ADDRESS",
                        help="only this local address")
    parser.add_argument("--dst", metavar="ADDRESS",
                        help="only this address of the peer")
    parser.add_argument("-H", "--no-header", action="store_true",
                        help="no header line")


def run(args):
    kernel = diag.Diag()
    sockets = [sock for sock in kernel.dump(args.sport, args.dport)
               if wanted(sock, args)]
    if args.kill:
        sockets = kill(kernel, sockets, args)
    owners = find_owners() if args.processes else {}

    rows = [] if args.no_header else [
        ["State", "Recv-Q", "Send-Q", "Local Address:Port",
         "Peer Address:Port", "Process" if args.processes else ""]]
    rows += [row(sock, args, owners) for sock in sockets]
    widths = [max(len(line[i]) for line in rows) for i in range(5)] \
        if rows else []
    for line in rows:
        print("  ".join([text.ljust(width) for text, width
                         in zip(line, widths)] + line[5:]).rstrip())
    return 0


def kill(kernel, sockets, args):
    """Those of @sockets that could be aborted."""
    if not (args.state or args.sport or args.dport or args.src or args.dst):
        raise Failure("ss -K needs a filter: --state, --sport, --dport, --src "
                      "or --dst")
    return [sock for sock in sockets if kernel.kill(sock)]


def same_host(text, address):
    """v4-mapped is the same as IPv4."""
    return text is None or text == address[1].removeprefix("::ffff:") or \
        text == address[1]


def wanted(sock, args):
    state = STATES[sock.state]
    if args.ipv4 and not args.ipv6 and sock.family != socket.AF_INET:
        return False
    if args.ipv6 and not args.ipv4 and sock.family != socket.AF_INET6:
        return False
    if not same_host(args.src, sock.local) or \
            not same_host(args.dst, sock.peer):
        return False
    if args.state:
        return state in [name.upper() for name in args.state]
    return args.all or (state in ("LISTEN", "UNCONN")) == args.listening


def row(sock, args, owners):
    extra = []
    if args.processes and sock.inode in owners:
        extra.append("users:(" + ",".join(owners[sock.inode]) + ")")
    if args.options and sock.timer:
        timer, seconds, retries = sock.timer
        name = TIMERS[timer] if timer < len(TIMERS) else str(timer)
        extra.append(f"timer:({name},{seconds:.2f}s,{retries})")
    if args.extended:
        extra.append(f"uid:{sock.uid} ino:{sock.inode}")
    if args.memory and sock.memory:
        extra.append("skmem:(" + ",".join(
            f"{name}{value}" for name, value in sock.memory.items()) + ")")
    if args.info and sock.info:
        extra.append(show_info(sock))
    return [STATES[sock.state], str(sock.recv_q), str(sock.send_q),
            show_address(sock.local, args.numeric),
            show_address(sock.peer, args.numeric), " ".join(extra)]


def show_info(sock):
    """As ss -i has it: milliseconds, segments, bytes."""
    info = sock.info
    parts = [sock.cong] if sock.cong else []
    if sock.state == STATES.index("LISTEN"):
        return " ".join(parts)
    ca_state = info["ca_state"]
    parts += [
        "ca_state:" + (CA_STATES[ca_state] if ca_state < len(CA_STATES)
                       else str(ca_state)),
        f"rto:{info['rto'] / 1000:g}",
        f"rtt:{info['rtt'] / 1000:g}/{info['rttvar'] / 1000:g}",
        f"mss:{info['snd_mss']}", f"pmtu:{info['pmtu']}",
        f"rcvmss:{info['rcv_mss']}", f"advmss:{info['advmss']}",
        f"cwnd:{info['snd_cwnd']}", f"bytes_acked:{info['bytes_acked']}",
        f"bytes_received:{info['bytes_received']}"]
    if info["snd_ssthresh"] < 0x7fffffff:
        parts.append(f"ssthresh:{info['snd_ssthresh']}")
    for name in ("backoff", "unacked", "sacked", "lost"):
        if info[name]:
            parts.append(f"{name}:{info[name]}")
    if info["total_retrans"]:
        parts.append(f"retrans:{info['retrans']}/{info['total_retrans']}")
    return " ".join(parts)


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
