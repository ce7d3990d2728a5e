#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Thousands of connections at once, opened, used and closed; then every cache
# of the module is back where it started.
#
#   clients and servers (A) over lo

. "$(dirname "$0")/net.sh"

NUMBER=${NUMBER:-5000}

if [ "$(stack tcpx)" = native ]; then
	CACHES='^(tw_sock|request_sock)?_?TCP(v6)? '
	TW=net.ipv4.tcp_max_tw_buckets=0
else
	CACHES='^tcpx'
	TW=net.tcpx.tw_timeout=1
fi

# What the caches hold, objects parked in per-CPU slabs not counted.
objects()
{
	local cache

	for cache in $(awk -v re="$CACHES" '$0 ~ re { print $1 }' \
		       /proc/slabinfo); do
		echo 1 > "/sys/kernel/slab/$cache/shrink"
	done 2>/dev/null
	awk -v re="$CACHES" '$0 ~ re { print $1, $2, $5 }' /proc/slabinfo
}

# A slab per CPU may keep free objects that look active.
back_to_start()
{
	objects > "$TMP/after"
	awk -v cpus="$(nproc)" '
		NR == FNR { start[$1] = $2; next }
		$2 > start[$1] + $3 * cpus { grown = 1; print }
		END { exit grown }' "$TMP/before" "$TMP/after" > "$TMP/slab.err"
}

[ -r /proc/slabinfo ] || skip_all "no /proc/slabinfo"
ip netns add "$A"
ip -n "$A" link set lo up
in_a sysctl -qw $TW
in_a sysctl -qw net.ipv4.ip_local_port_range="10000 65000"

# The first ones fill the caches that stay.
in_a ./connections -s "$(stack tcpx)" -n 100
no_time_wait()
{
	! in_a cat /proc/net/tcpx /proc/net/tcpx6 2>/dev/null | grep -q ' 06 '
}

wait_until 30 no_time_wait
objects > "$TMP/before"
[ -s "$TMP/before" ]
result $? "the module's caches are in /proc/slabinfo"

for family in -4 -6; do
	in_a ./connections -s "$(stack tcpx)" $family -n "$NUMBER" \
		2>"$TMP/connections.err"
	result $? "$NUMBER connections at once IPv${family#-}"
	wait_until 90 back_to_start
	result $? "slab is back where it started IPv${family#-}"
done
finish
