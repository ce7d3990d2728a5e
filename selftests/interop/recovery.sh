#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# How long transfers take in bad networks, tcpx beside native TCP.
#
#   sender (A)  a0, netem ---- veth ---- netem, b0  receiver (B), native
#
# tcpx may take twice as long as native TCP with Reno, and a little more where
# losses are random. Each figure is the sum of ROUNDS transfers.

. "$(dirname "$0")/net.sh"

ROUNDS=${ROUNDS:-1}

ip netns add "$A" && tc -n "$A" qdisc add dev lo root netem loss 1% ||
	skip_all "no netem"
unplug
patch_branches 2>/dev/null

# The sender's device loses all that is larger than a segment.
SUPER_PACKETS='table inet t {
	chain out {
		type filter hook prerouting priority 0
		meta l4proto tcp meta length > 1600 drop
	}
}'

# Low-rate attack: 100 ms of every second are lost.
shrew()
{
	while :; do
		sleep 0.9
		tc -n "$A" qdisc change dev a0 root netem $1 loss 100% || return
		sleep 0.1
		tc -n "$A" qdisc change dev a0 root netem $1 loss 0% || return
	done 2>/dev/null
}

# once STACK FAMILY SIZE: milliseconds that a transfer takes
once()
{
	local begun

	plug veth || return
	in_a sysctl -qw net.ipv4.tcp_no_metrics_save=1 \
		net.ipv4.tcp_congestion_control=reno || return
	in_a sysctl -qw net.tcpx.no_metrics_save=1 \
		net.tcpx.congestion_control=reno 2>/dev/null
	tc -n "$A" qdisc replace dev a0 root netem $OUT &&
		tc -n "$B" qdisc replace dev b0 root netem $BACK || return
	[ -z "$RULES" ] || in_b nft -f - <<< "$RULES" || return
	if [ -n "$ATTACK" ]; then
		shrew "$OUT" &
		ATTACKER=$!
	fi
	begun=$(date +%s%N)
	transfer veth "$2" "$1" native -o -n "$3" || return
	TOOK=$((TOOK + ($(date +%s%N) - begun) / 1000000))
	[ -z "$ATTACK" ] || kill $ATTACKER
	unplug
}

# both FAMILY SIZE: ${ms[STACK]}
both()
{
	local stack i

	for stack in native "$(stack tcpx)"; do
		TOOK=0
		for ((i = 0; i < ROUNDS; i++)); do
			once $stack $1 "$2" || TOOK=99999999
			unplug
		done
		ms[$stack]=$TOOK
	done
	TOOK=${ms[$(stack tcpx)]}
	echo "# IPv$1: $TOOK ms, native ${ms[native]} ms"
}

# row NAME SIZE SLACK-MS. Chance alone makes seconds, a SYN that is lost three times
# seven of them: up to three attempts.
row()
{
	local family try
	local -A ms

	for family in 4 6; do
		for try in 1 2 3; do
			both $family "$2"
			[ "$TOOK" -gt $((2 * ms[native] + $3 * ROUNDS)) ] || break
		done
		[ "$TOOK" -le $((2 * ms[native] + $3 * ROUNDS)) ]
		result $? "$1, IPv$family"
	done
}

BACK="delay 5ms" RULES='' ATTACK=''
OUT="delay 5ms loss 10%" row "one segment of ten is lost" 500000 4000
OUT="delay 5ms loss 10%" BACK="delay 5ms loss 10%" \
	row "one segment of ten is lost, and one ACK" 300000 4000
# What was lost to the end of the window takes a timeout, native TCP's tail loss
# probe finds it sooner: a bound against much worse.
OUT="delay 1ms" BACK="delay 1ms" RULES=$SUPER_PACKETS \
	row "a device loses all that is larger than a segment" 300000 10000
# Where a retransmission is lost, too, the next waits twice as long: by chance 3
# to 14 s for native TCP as well.
OUT="rate 20mbit delay 10ms" ATTACK=y \
	row "SEC-22 100 ms of every second are lost" 5000000 10000
finish
