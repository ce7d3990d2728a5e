#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# SEC-14: 20,000 SYNs a second beside an existing transfer.
#
#   client (A)  a0, tbf ---- b0  server (B)  b1 ---- f0  flood
#   10.0.0.1            10.0.0.2             10.64.0.0/10, never answers
#
# The transfer is bounded by a link of 50 Mbit/s, not by the CPU: what the flood
# takes from it is what the server loses or refuses, not what making the flood
# costs. For the clock of --icount: there the rate is one per 50,000
# instructions, on any machine.

. "$(dirname "$0")/../interop/net.sh"
cd "$(dirname "$0")/../flood" 2>/dev/null || cd ../flood || exit 1

RATE=${RATE:-20000}
SECONDS_EACH=${SECONDS_EACH:-2}
PORT=7000

cable()
{
	plug veth || return
	ip link add f0 type veth peer name b1 netns "$B" || return
	ip -n "$B" link set b1 up
	ip link set f0 up
	ip -n "$B" route add 10.64.0.0/10 dev b1
	# The router there takes all, and says nothing.
	ip -n "$B" neigh replace 10.64.0.1 lladdr 02:00:00:00:00:01 dev b1
	ip -n "$B" route replace 10.64.0.0/10 via 10.64.0.1 dev b1 onlink
	in_b sh -c 'echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter;
		    echo 0 > /proc/sys/net/ipv4/conf/b1/rp_filter'
	tc -n "$A" qdisc replace dev a0 root tbf rate 50mbit burst 64k \
		latency 50ms || skip_all "no tbf"
}

counter()
{
	in_b awk -v name="$1" '$1 == name { print $2 }' /proc/net/tcpx_snmp
}

# measure STACK: $plain and $flooded are Mbit/s, $opened and $longest of 20
measure()
{
	local server syns mac

	nsenter "--net=/run/netns/$B" ./flood serve "$1" 10.0.0.2 $PORT &
	server=$!
	wait_until 10 eval "in_a ./flood open $1 10.0.0.2 $PORT 1 2>/dev/null |
		grep -q '^1 '"
	plain=$(in_a ./flood bulk "$1" 10.0.0.2 $PORT "$SECONDS_EACH")
	mac=$(ip netns exec "$B" cat /sys/class/net/b1/address)
	./flood syn f0 "$mac" 10.0.0.2 $PORT "$RATE" \
		$((SECONDS_EACH + 3)) > "$TMP/syns" &
	syns=$!
	in_a sh -c "sleep 1.2
		    exec ./flood open $1 10.0.0.2 $PORT 20" > "$TMP/open" &
	flooded=$(in_a ./flood bulk "$1" 10.0.0.2 $PORT "$SECONDS_EACH")
	wait $syns
	wait_until 30 test -s "$TMP/open"
	read -r opened longest < "$TMP/open"
	read -r syns < "$TMP/syns"
	echo "# $1: $plain Mbit/s, $flooded under $syns SYNs;" \
		"$opened of 20 connections, the longest $longest ms"
	sent=$syns
	kill $server && ! wait $server
} 2>/dev/null

# at_least A B FACTOR
at_least()
{
	awk -v a="$1" -v b="$2" -v f="$3" 'BEGIN { exit !(a >= f * b) }'
}

cable || skip_all "no veth"
if [ "$(stack tcpx)" = tcpx ]; then
	before=$(counter InSegs)
	measure tcpx
	at_least "$sent" $((RATE * (SECONDS_EACH + 3))) 0.98
	result $? "SEC-14 the flood has its rate"
	at_least $(($(counter InSegs) - before)) "$sent" 1
	result $? "SEC-14 all of the flood arrives"
	at_least "$(counter SyncookiesSent)" "$sent" 0.9
	result $? "SEC-14 the flood is answered by cookies"
	at_least "$flooded" "$plain" 0.9
	result $? "SEC-14 a transfer keeps 90 % of its goodput"
	[ "$opened" = 20 ]
	result $? "SEC-14 new connections get in"
fi
measure native && at_least "$plain" 1 1
result $? "native TCP beside it was measured"
ip link del f0
finish
