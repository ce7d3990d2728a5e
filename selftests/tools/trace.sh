#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tracepoints: what a connection (A, over lo) and a SYN that gets lost
# leave in the trace.

. "$(dirname "$0")/../interop/net.sh"

[ "$(stack tcpx)" = tcpx ] || skip_all "the tracepoints are tcpx's"

mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
TRACE=/sys/kernel/tracing
[ -d $TRACE/events/tcpx ] || skip_all "the kernel has no tracepoints"

ip netns add "$A"
ip -n "$A" link set lo up
ip -n "$A" link add nowhere type dummy
ip -n "$A" addr add 10.77.0.1/24 dev nowhere
ip -n "$A" link set nowhere up

echo 0 > $TRACE/tracing_on
echo > $TRACE/trace
echo 1 > $TRACE/events/tcpx/enable
echo 1 > $TRACE/tracing_on
in_a python3 - << 'EOF'
import select, socket

def tcpx():
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, 253)

listener = tcpx()
listener.bind(("127.0.0.1", 7001))
listener.listen()
client = tcpx()
client.connect(("127.0.0.1", 7001))
server, _ = listener.accept()
client.sendall(bytes(1000))
while server.recv(1000) and select.select([server], [], [], 0)[0]:
    pass
client.close()
server.close()

lost = tcpx()
lost.setblocking(False)
lost.connect_ex(("10.77.0.2", 7002))
select.select([], [lost], [], 1.5)
EOF
result $? "a connection, and a SYN that gets lost"
echo 0 > $TRACE/tracing_on
echo 0 > $TRACE/events/tcpx/enable
grep -v '^#' $TRACE/trace > "$TMP/trace"
echo > $TRACE/trace

# traced EVENT PATTERN: a line of the event that has it
traced()
{
	grep -qE " tcpx_$1: .*$2" "$TMP/trace" ||
		{ cp "$TMP/trace" "$TMP/trace.err"; return 1; }
}

traced state '> ::ffff:127\.0\.0\.1\.7001 SYN-SENT -> ESTABLISHED'
result $? "tcpx_state: the active open"
traced state '\.7001 > .* CLOSE-WAIT -> LAST-ACK on CLOSE'
result $? "tcpx_state: the passive close"
traced segment_out '\.7001 ESTABLISHED .* len=1000 flags=PSH\|ACK'
result $? "tcpx_segment_out: the data"
traced segment_in '\.7001 > .* ESTABLISHED .* len=1000 flags=PSH\|ACK'
result $? "tcpx_segment_in: the data"
traced timer_arm '> ::ffff:10\.77\.0\.2\.7002 RETRANSMIT in 1000000000 ns'
result $? "tcpx_timer_arm: the first retransmission timeout"
traced timer_expire '\.7002 RETRANSMIT in SYN-SENT'
result $? "tcpx_timer_expire: the SYN's"
traced retransmit '\.7002 SYN-SENT seq='
result $? "tcpx_retransmit: the SYN"
finish
