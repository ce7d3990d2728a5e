#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Beside native TCP: a port belongs to one stack, the firewall's rules and
# conntrack apply, namespaces come and go under traffic.
#
#   client (A)  a0 ---- veth ---- b0, nft  server (B)

. "$(dirname "$0")/net.sh"

SIZE=1000000

# listener NS STACK PORT: listens until it is killed; 1 if the port is taken
listener()
{
	exec 8< <(exec nsenter "--net=/run/netns/$1" ./transfer -l -s "$(stack "$2")" \
		  -a 10.0.0.2 -p "$3" -t 60 2>"$TMP/listener.err")
	LISTENER=$!
	read -r -u 8 -t 20 _
}

listener_stop()
{
	kill "$LISTENER" 2>/dev/null
	wait "$LISTENER" 2>/dev/null
	exec 8<&-
	rm -f "$TMP/listener.err"
}

# connect_fails WORDS: A's attempt to reach B's port 4000 ends in WORDS
connect_fails()
{
	in_a ./transfer -c 10.0.0.2 -p 4000 -s "$(stack tcpx)" -n 1 -t 3 \
		2>"$TMP/connect.err" && return 1
	grep -q "$1" "$TMP/connect.err"
}

# at_once FAMILY: four transfers at the same time
at_once()
{
	local pair pids=() pid status=0

	for pair in tcpx:native native:tcpx tcpx:tcpx native:native; do
		(TMP=$(mktemp -d -p "$TMP")
		 transfer veth "$1" ${pair%:*} ${pair#*:} -n $((SIZE * 4)) ||
			 { cat "$TMP"/*.err >&2; exit 1; }) &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || status=1
	done
	return $status
}

plug veth

for pair in tcpx:native native:tcpx tcpx:tcpx; do
	listener "$B" ${pair%:*} 4000
	result $? "ING-11 ${pair%:*} listens"
	in_b ./transfer -l -s "$(stack ${pair#*:})" -a 10.0.0.2 -p 4000 -t 5 \
		2>"$TMP/second.err" >/dev/null
	grep -q "Address already in use" "$TMP/second.err"
	result $? "ING-11 ${pair#*:} cannot take the port of ${pair%:*}"
	listener_stop
	listener "$B" ${pair#*:} 4000
	result $? "${pair#*:} can when it is free"
	listener_stop
done

patch_branches 2>/dev/null
if in_b nft add table inet t 2>/dev/null; then
	in_b nft add chain inet t in '{ type filter hook input priority 0; }'

	in_b nft add rule inet t in tcp dport 4000 counter drop
	listener "$B" tcpx 4000
	connect_fails "deadline"
	result $? "ING-09 nft drop: no connection"
	in_b nft list chain inet t in | grep -q "packets [1-9]"
	result $? "ING-09 nft drop: counted"
	in_b nft flush chain inet t in

	in_b nft add rule inet t in tcp dport 4000 reject with tcp reset
	connect_fails "Connection refused"
	result $? "ING-09 nft reject with tcp reset: refused"
	in_b nft flush chain inet t in

	in_b nft add rule inet t in tcp dport 4000 reject
	connect_fails "Connection refused\|No route\|unreachable"
	result $? "ING-09 nft reject: refused"
	in_b nft flush chain inet t in
	listener_stop

	# Both stacks at once: neither answers what is the other's with a RST.
	in_b nft add rule inet t in tcp flags rst counter
	in_a nft -f - <<-'EOF'
		table inet t {
			chain in {
				type filter hook input priority 0
				tcp flags rst counter
			}
		}
	EOF
	for family in 4 6; do
		at_once $family
		result $? "ING-11 tcpx and native transfers at once, IPv$family"
	done
	! { in_a nft list table inet t; in_b nft list table inet t; } |
		grep "packets [1-9]"
	result $? "ING-11 and no RST for a segment of the other stack"
	in_a nft delete table inet t
	in_b nft flush chain inet t in

	if in_b nft add rule inet t in ct state invalid counter drop; then
		in_b nft add counter inet t assured
		in_b nft add rule inet t in ct state established \
			ct status assured counter name assured accept
		in_b nft add rule inet t in ct state established accept
		in_b nft add rule inet t in ct state new accept
		in_b nft add rule inet t in meta l4proto tcp counter drop
		for pair in tcpx:native native:tcpx tcpx:tcpx; do
			for family in 4 6; do
				transfer veth $family ${pair%:*} ${pair#*:} \
					-n $SIZE
				result $? "ct state IPv$family $pair"
			done
		done
		! in_b nft list chain inet t in | grep "packets [1-9]"
		result $? "ct state: nothing invalid, nothing untracked"
		in_b nft list counter inet t assured | grep -q "packets [1-9]"
		result $? "conntrack saw the connections"
	else
		result 1 "ct state: no conntrack"
	fi
else
	result 1 "nft: no nf_tables"
fi
unplug

moving()
{
	in_a awk '/a0:/ { exit $10 <= 1000000 }' /proc/net/dev
}

# Namespaces and their sockets vanish in the middle of a transfer.
for round in 1 2 3 4 5; do
	plug veth
	transfer veth 4 tcpx tcpx -n 100000000000 2>/dev/null &
	middle=$!
	wait_until 20 moving
	unplug
	pkill -KILL -P $middle
	wait $middle 2>/dev/null
done
plug veth
transfer veth 6 tcpx tcpx -n $SIZE
result $? "a transfer after $round namespaces vanished under traffic"
unplug

if [ "$(stack tcpx)" = tcpx ]; then
	! dmesg | grep -E "WARNING:|BUG:|Oops|KASAN|UBSAN|unregister_netdevice"
	result $? "the kernel's log is quiet"
fi
finish
