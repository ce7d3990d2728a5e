# SPDX-License-Identifier: GPL-2.0
"""Many SYNs from ever new ports and addresses, as quickly as Python can."""

import struct

from codec import Segment, addr_pack, build_tcp

FIRST_PORT, PORTS = 1024, 0xfc00


class Syns:
    """The checksum is computed once an address: what the port gains, the
    sequence number loses. What comes back is nobody's."""

    def __init__(self, c, data=b'', opts=None):
        self.c, self.data, self.sent = c, data, 0
        self.opts = [('mss', c.mss), ('sackok',), ('ts', 1, 0),
                     ('nop',), ('ws', 7)] if opts is None else opts
        self.at = 20 if c.family == 4 else 40
        self.packets = self.build()

    def build(self):
        host = 0
        while True:
            host += 1
            addr = '198.19.%d.%d' % (host >> 8, host & 255) \
                if self.c.family == 4 else '2001:db8:2::%x' % host
            syn = Segment('S', 0x10000000 | PORTS, opts=self.opts,
                          win=65535, data=self.data)
            raw = bytearray(build_tcp(
                self.c.family, addr_pack(self.c.family, addr),
                addr_pack(self.c.family, self.c.dut_addr), FIRST_PORT,
                self.c.dut_port, syn))
            for n in range(PORTS):
                struct.pack_into('!H', raw, self.at, FIRST_PORT + n)
                struct.pack_into('!H', raw, self.at + 6, PORTS - n)
                yield raw

    def send(self, count):
        write, packets = self.c.bench.tun.write, self.packets
        for _ in range(count):
            write(next(packets))
        self.sent += count

    def drain(self):
        """Throw away what has come back."""
        while self.c.bench.receive(0):
            pass
