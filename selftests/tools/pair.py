#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""pair.py ADDRESS: a tcpx listener and a connection to it that the client has
sent 1000 bytes on, none of them read. Prints the ports of server and client
and keeps all open until its input ends. Then the client closes first."""
import socket
import sys

IPPROTO_TCPX = 253

family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
listener = socket.socket(family, socket.SOCK_STREAM, IPPROTO_TCPX)
listener.bind((sys.argv[1], 0))
listener.listen()
client = socket.socket(family, socket.SOCK_STREAM, IPPROTO_TCPX)
client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
client.connect(listener.getsockname())
server, _ = listener.accept()
client.sendall(bytes(1000))
server.recv(1000, socket.MSG_PEEK | socket.MSG_WAITALL)
print(listener.getsockname()[1], client.getsockname()[1], flush=True)
sys.stdin.read()
client.shutdown(socket.SHUT_WR)
while server.recv(4096):
    pass
server.close()
client.recv(1)
client.close()
