#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A bad network: every byte right, no hang.
#
#   client (A)  a0, netem ---- veth ---- netem, b0  server (B)

. "$(dirname "$0")/net.sh"

SIZE=${NETEM_SIZE:-2097152}

ip netns add "$A" && tc -n "$A" qdisc add dev lo root netem loss 1% ||
	skip_all "no netem"
unplug

# row NAME NETEM-ARGUMENTS...
row()
{
	local name=$1 pair family

	shift
	plug veth || return
	tc -n "$A" qdisc replace dev a0 root netem limit 10000 "$@"
	tc -n "$B" qdisc replace dev b0 root netem limit 10000 "$@"
	for pair in tcpx:native native:tcpx tcpx:tcpx; do
		for family in 4 6; do
			transfer veth $family ${pair%:*} ${pair#*:} -n "$SIZE"
			result $? "netem $name IPv$family $pair"
		done
	done
	unplug
}

# algorithms NETEM-ARGUMENTS...: each, in both directions
algorithms()
{
	local name

	for name in reno classic dctcp bbr prague; do
		plug veth || return
		tc -n "$A" qdisc replace dev a0 root netem limit 10000 "$@"
		tc -n "$B" qdisc replace dev b0 root netem limit 10000 "$@"
		in_a sysctl -qw "net.tcpx.congestion_control=$name" &&
			in_b sysctl -qw "net.tcpx.congestion_control=$name" \
				net.tcpx.ecn=3 &&
			transfer veth 4 tcpx tcpx -n $((SIZE / 4))
		result $? "netem all at once IPv4 tcpx:tcpx $name"
		unplug
	done
}

# What BBR paces leaves when fq was told.
paced_by_fq()
{
	local told

	plug veth || return
	tc -n "$A" qdisc replace dev a0 root fq &&
		tc -n "$B" qdisc replace dev b0 root netem delay 10ms limit 10000
	in_a sysctl -qw net.tcpx.congestion_control=bbr &&
		transfer veth 4 tcpx tcpx -n $((SIZE * 2))
	result $? "fq: bbr"
	told=$(tc -n "$A" -s qdisc show dev a0)
	echo "# $(grep -o 'throttled [0-9]* latency' <<< "$told")," \
		"$(grep -o 'dropped [0-9]*' <<< "$told")," \
		"$(counter RetransSegs) sent again"
	grep -q 'throttled [1-9][0-9]* latency' <<< "$told" &&
		grep -q 'dropped 0,' <<< "$told"
	result $? "fq: held back what it was told to, and dropped nothing"
	unplug
}

counter() { in_a awk -v name="$1" '$1 == name { print $2 }' /proc/net/tcpx_snmp; }

# marks NAME KNOB: a queue that marks, and never overflows
marks()
{
	local name=$1 dropped

	plug veth || return
	in_a sysctl -qw "net.tcpx.congestion_control=$name" "net.tcpx.ecn=$2" &&
		in_b sysctl -qw "net.tcpx.ecn=$2"
	tc -n "$A" qdisc add dev a0 root handle 1: tbf rate 50mbit \
		burst 16k limit 2000000 &&
		tc -n "$A" qdisc add dev a0 parent 1: fq_codel \
			ce_threshold 2ms memory_limit 4000000
	transfer veth 4 tcpx tcpx -n $((SIZE * 2))
	result $? "marks: $name, ecn $2"
	dropped=$(tc -n "$A" -s qdisc show dev a0 | grep -o 'dropped [0-9]*' |
		  awk '{ n += $2 } END { print n + 0 }')
	echo "# $(counter DeliveredCE) marked, $dropped dropped," \
		"$(counter RetransSegs) sent again"
	# A probe or a repetition is not ECT: codel drops those.
	[ "$(counter DeliveredCE)" -gt 0 ] && [ "$dropped" -le 20 ]
	result $? "marks: $name, ecn $2, are heard, the queue stays short"
	unplug
}

row "loss 5%" loss 5%
row reordering delay 5ms reorder 25% 50%
row duplication duplicate 10%
row corruption corrupt 1%
row "delay 100 ms" delay 100ms
ALL="delay 10ms 5ms loss 1% duplicate 1% corrupt 0.1% reorder 10% 50%"
row "all at once" $ALL
if [ "$(stack tcpx)" != native ]; then
	algorithms $ALL
	marks prague 3
	marks cubic 3
	marks cubic 1
	paced_by_fq
fi
finish
