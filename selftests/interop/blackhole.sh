#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A path that takes less than both ends think, and does not say so: every byte
# arrives all the same.
#
#   sender (A)  a0 ---- ra  router, no ICMP  rb ---- b0  receiver (B)
#               1500    1500                 MTU     1500

. "$(dirname "$0")/net.sh"

R=tcpx-r-$$
SIZE=${BLACKHOLE_SIZE:-2097152}

command -v nft >/dev/null || skip_all "no nft"
trap 'ip netns del "$R" 2>/dev/null; cleanup' EXIT

in_r() { nsenter "--net=/run/netns/$R" "$@"; }

# end NS DEV N: one end of the path, its peer in the router is r$DEV
end()
{
	local ns=$1 dev=$2 n=$3 far=$((3 - $3))

	ip link add "$dev" netns "$ns" type veth peer name "r$dev" netns "$R" &&
	ip -n "$ns" addr add "10.0.0.$n/32" dev "$dev" &&
	ip -n "$ns" addr add "fd00::$n/128" dev "$dev" nodad &&
	ip -n "$R" addr add "10.0.0.25$n/32" dev "r$dev" &&
	ip -n "$R" addr add "fd00::25$n/128" dev "r$dev" nodad &&
	ip -n "$ns" link set "$dev" up &&
	ip -n "$R" link set "r$dev" up &&
	ip -n "$ns" route add "10.0.0.25$n" dev "$dev" &&
	ip -n "$ns" route add "10.0.0.$far" via "10.0.0.25$n" dev "$dev" &&
	ip -n "$ns" route add "fd00::25$n" dev "$dev" &&
	ip -n "$ns" route add "fd00::$far" via "fd00::25$n" dev "$dev" &&
	ip -n "$R" route add "10.0.0.$n" dev "r$dev" &&
	ip -n "$R" route add "fd00::$n" dev "r$dev"
}

plug_router()
{
	local ns

	for ns in "$A" "$B" "$R"; do
		ip netns add "$ns" && ip -n "$ns" link set lo up || return 1
	done
	in_r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 &&
	end "$A" a0 1 && end "$B" b0 2 || return 1
	in_r nft -f - <<-'EOF' || return 1
		table inet t {
			chain out {
				type filter hook output priority 0
				icmp type destination-unreachable counter drop
				icmpv6 type packet-too-big counter drop
			}
		}
	EOF
	wait_until 20 in_a ping -c 1 -W 1 -q 10.0.0.2 >/dev/null &&
		wait_until 20 in_a ping -c 1 -W 1 -q fd00::2 >/dev/null
}

unplug_router()
{
	ip netns del "$R"
	unplug
}

# Packets that the router has kept to itself, as a number.
kept()
{
	in_r nft list chain inet t out |
		awk '/counter/ { for (i = 1; i < NF; i++) if ($i == "packets")
			n += $(i + 1) } END { print n + 0 }'
}

# counter NAME: of the sender
counter()
{
	in_a awk -v name="$1" '$1 == name { print $2 }' /proc/net/tcpx_snmp
}

probing()
{
	if [ "$(stack tcpx)" = tcpx ]; then
		in_a sysctl -qw "net.tcpx.mtu_probing=$1"
	else
		in_a sysctl -qw "net.ipv4.tcp_mtu_probing=$1"
	fi
}

# row MTU FAMILY RECEIVER
row()
{
	local mtu=$1 family=$2 to=$3 name n

	name="a path of $mtu that says nothing, IPv$family tcpx:$to"
	plug_router && ip -n "$R" link set rb0 mtu "$mtu" && probing 1 || {
		result 1 "4821-1 $name"
		unplug_router
		return
	}
	transfer veth "$family" tcpx "$to" -o -n "$SIZE"
	result $? "4821-1 $name"
	[ "$(kept)" -gt 0 ]
	result $? "$name: it is a black hole"
	if [ "$(stack tcpx)" = tcpx ]; then
		echo "# $(counter PMTUBlackHoles) times smaller," \
			"$(counter MTUPSuccess) probes passed," \
			"$(counter MTUPFail) did not"
		n=$(($(counter MTUPSuccess) + $(counter MTUPFail)))
		[ "$(counter PMTUBlackHoles)" -gt 0 ] && [ $n -gt 0 ]
		result $? "4821-1 $name: found, searched"
		n=$(counter TimeoutRexmt)
		[ "$n" -le 6 ]
		result $? "4821-2 $name: no more than the first timeouts ($n)"
	fi
	unplug_router
}

patch_branches 2>/dev/null
for family in 4 6; do
	row 1400 $family native
	row 1280 $family tcpx
done
row 1024 4 native
row 700 4 native

# What the rows stand on: without the search nothing gets through.
plug_router && ip -n "$R" link set rb0 mtu 1400 && probing 0
DEADLINE=10 transfer veth 4 tcpx native -o -n "$SIZE" 2>/dev/null
[ $? != 0 ]
result $? "4821-1 a path of 1400 that says nothing: without mtu_probing it hangs"
unplug_router

# Not silent: what RFC 1191 and 8201 are for.
for family in 4 6; do
	plug_router && ip -n "$R" link set rb0 mtu 1300 &&
		in_r nft delete table inet t && probing 0
	transfer veth $family tcpx native -o -n "$SIZE"
	result $? "1191-2 a path of 1300 that says so, IPv$family"
	unplug_router
done
finish
