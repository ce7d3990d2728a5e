#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A congestion control algorithm in a module of its own: samples/cong.

. "$(dirname "$0")/../interop/net.sh"

SAMPLE=../../build/$(uname -r)/samples/tcpx_cong_fixed.ko
KNOBS=/proc/sys/net/tcpx

[ "$(stack tcpx)" = tcpx ] || skip_all "native TCP has its own"
[ -d $KNOBS ] || skip_all "no tcpx"
[ -f "$SAMPLE" ] || skip_all "make samples"

# windows NAME: sends over loopback; the algorithm and cwnd at the end
windows()
{
	python3 - "$1" <<-'EOF'
		import socket, struct, sys, threading
		SIZE = 1000000
		listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 253)
		listener.bind(('127.0.0.1', 0))
		listener.listen()
		s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 253)
		if sys.argv[1]:
		    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION,
		                 sys.argv[1].encode())
		s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1000)
		s.connect(listener.getsockname())
		c, _ = listener.accept()
		writer = threading.Thread(target=s.sendall, args=(bytes(SIZE),))
		writer.start()
		c.recv(SIZE, socket.MSG_WAITALL)
		writer.join()
		info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
		name = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
		print(name.rstrip(b'\0').decode(),
		      struct.unpack_from('=24I', info, 8)[18])
	EOF
}

ip link set lo up
insmod "$SAMPLE" segments=7
result $? "the module is loaded"
grep -qw fixed $KNOBS/available_congestion_control
result $? "it is listed"
[ "$(windows fixed)" = "fixed 7" ]
result $? "TCP_CONGESTION: the window is as it says"
before=$(cat $KNOBS/congestion_control)
echo fixed > $KNOBS/congestion_control && [ "$(windows "")" = "fixed 7" ]
result $? "the knob: so it is for those who ask for nothing"
! rmmod tcpx_cong_fixed 2>/dev/null
result $? "it stays while the knob names it"
echo "$before" > $KNOBS/congestion_control
wait_until 90 rmmod tcpx_cong_fixed 2>/dev/null
result $? "then it goes"
! grep -qw fixed $KNOBS/available_congestion_control
result $? "it is not listed any more"
[ "$(windows "")" != "fixed 7" ]
result $? "connections have another"
finish
