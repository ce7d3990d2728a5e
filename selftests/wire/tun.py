# SPDX-License-Identifier: GPL-2.0
"""A network namespace of our own whose only link is a tun device.

	 program --- stack under test --- tun0 --- this process (the peer)
	            192.0.2.1               everything else
	            2001:db8::1

Offloads are off: the stack segments to MSS size and fills in checksums.
"""

import ctypes
import fcntl
import os
import select
import socket
import struct
import subprocess
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454ca
SIOCGIFHWADDR = 0x8927
IFF_TUN, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 1, 2, 0x1000, 0x4000
IFF_NAPI, IFF_NAPI_FRAGS = 0x10, 0x20
VNET = '=BBHHHH'		# struct virtio_net_hdr
VNET_NEEDS_CSUM, VNET_TCP4, VNET_TCP6 = 1, 1, 4

DUT_ADDR = {4: '192.0.2.1', 6: '2001:db8::1'}

SETUP = '''\
link set lo up
link set {dev} addrgenmode none
link set {dev} mtu 1500 txqueuelen 5000 up
addr add 192.0.2.1/24 dev {dev}
addr add 2001:db8::1/64 dev {dev} nodad
route add default dev {dev}
route add ::/0 dev {dev}
'''


def peer_addr(family, number):
    """A fresh address a case, so that no cached metric or MTU is shared."""
    if family == 4:
        return '198.18.%d.%d' % (number >> 8 & 255, number & 255)
    return '2001:db8:1::%x' % (number & 0xffff)


def enter_namespace():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        err = ctypes.get_errno()
        raise OSError(err, 'unshare: ' + os.strerror(err))


def settle():
    """Wait until every IPv6 address has its local route: it comes a moment
    after the address, even without detection of duplicates."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with open('/proc/net/if_inet6') as f:
            wanted = {line.split()[0] for line in f}
        with open('/proc/net/ipv6_route') as f:
            there = {line.split()[0] for line in f
                     if line.split()[1] == '80'}
        if wanted <= there:
            return
        time.sleep(0.001)
    raise TimeoutError('an IPv6 address has no route')


class Tun:
    def __init__(self, dev='tun0'):
        self.fd = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.fd, TUNSETIFF, struct.pack(
            '16sH22x', dev.encode(), IFF_TUN | IFF_NO_PI | IFF_VNET_HDR))
        subprocess.run(['ip', '-batch', '-'], check=True, text=True,
                       input=SETUP.format(dev=dev))
        settle()

    def write(self, packet, gso=None):
        """gso: it stands for segments of this size, as if GRO had merged
        them."""
        if gso is None:
            os.write(self.fd, bytes(10) + packet)
            return
        v4 = packet[0] >> 4 == 4
        head = (packet[0] & 15) * 4 if v4 else 40
        os.write(self.fd, struct.pack(
            VNET, VNET_NEEDS_CSUM, VNET_TCP4 if v4 else VNET_TCP6,
            head + (packet[head + 12] >> 4) * 4, gso, head, 16) + packet)

    def read(self, deadline):
        """The next packet and its time of arrival, or None at the deadline
        (CLOCK_MONOTONIC; the past means: only what is here already)."""
        while True:
            try:
                return os.read(self.fd, 65546)[10:], time.monotonic()
            except BlockingIOError:
                wait = deadline - time.monotonic()
                if wait <= 0:
                    return None
                # The kernel may be late by a thousandth of what is asked.
                select.select([self.fd], [], [],
                              wait if wait < 0.1 else wait * 0.995)

class Tap(Tun):
    """Frames instead of packets: an Ethernet in the place of the tun device,
    for those peers whose route leads here. No address resolution."""

    MAC = bytes.fromhex('02feed000001')

    def __init__(self, dev='tap0', frags=False):
        """frags: what is written in pieces arrives in fragments of an skb."""
        self.fd = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(self.fd, TUNSETIFF, struct.pack(
            '16sH22x', dev.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
            (IFF_NAPI | IFF_NAPI_FRAGS if frags else 0)))
        subprocess.run(['ip', 'link', 'set', dev, 'addrgenmode', 'none',
                        'arp', 'off', 'mtu', '1500', 'up'], check=True)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            self.dut_mac = fcntl.ioctl(s, SIOCGIFHWADDR, struct.pack(
                '16s24x', dev.encode()))[18:24]
        self.to, self.cuts, self.trailer = self.dut_mac, [], b''
        self.vnet = bytes(10)

    def write(self, packet, gso=None):
        """trailer: what follows the packet in the frame; cuts: where the
        packet is cut; vnet: the header of the frame, see VNET."""
        kind = b'\x08\0' if packet[0] >> 4 == 4 else b'\x86\xdd'
        frame = packet + self.trailer
        ends = [0] + self.cuts + [len(frame)]
        pieces = [frame[a:b] for a, b in zip(ends, ends[1:])]
        os.writev(self.fd, [self.vnet, self.to + self.MAC + kind +
                            pieces[0]] + [p for p in pieces[1:] if p])

    def read(self, deadline):
        got = super().read(deadline)
        return got and (got[0][14:], got[1])

    def close(self):
        os.close(self.fd)
