#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A clean transfer in the eyes of tshark, on the peer's side of the cable:
# nothing malformed, no bad checksum, nothing sent twice or out of order,
# nothing beyond the window. Offloads of tcpx's side are off, so that all
# that is seen is what tcpx itself made.
#
#   tcpx (A)  a0 ---- veth ---- b0, dumpcap  native TCP (B)

. "$(dirname "$0")/net.sh"

# Less than the backlog behind a veth takes at once, 1,000 segments: where one
# ACK may open the whole window, more would be lost there.
SIZE=${ANALYSIS_SIZE:-1048576}
FILE=$TMP/capture.pcapng

command -v tshark >/dev/null || skip_all "no tshark"
command -v tcpdump >/dev/null || skip_all "no tcpdump"

# On one CPU nothing overtakes between the cable and the capture.
taskset -cp 0 $$ >/dev/null

# Segments that have no place in a clean transfer.
BAD="_ws.malformed || _ws.expert.severity >= 0x800000 ||
tcp.checksum.status == 0 || ip.checksum.status == 0 ||
tcp.analysis.retransmission || tcp.analysis.fast_retransmission ||
tcp.analysis.spurious_retransmission || tcp.analysis.lost_segment ||
tcp.analysis.ack_lost_segment || tcp.analysis.out_of_order ||
tcp.analysis.reused_ports || tcp.flags.reset == 1 || tcp.len > 1460 ||
(tcp.analysis.flags && !tcp.analysis.window_update &&
!tcp.analysis.window_full && !tcp.analysis.zero_window &&
!tcp.analysis.duplicate_ack)"

OPTIONS="-o tcp.check_checksum:TRUE -o ip.check_checksum:TRUE"

none()
{
	tshark -r "$FILE" $OPTIONS -Y "$1" > "$TMP/hits" 2>"$TMP/tshark.err" ||
		return
	[ -s "$TMP/hits" ] || return 0
	{ wc -l; head -n 5 "$TMP/hits"; } < "$TMP/hits" > "$TMP/hits.err"
	return 1
}

# The highest sequence number each side was allowed and the highest it used.
inside_window()
{
	tshark -r "$FILE" -T fields -e tcp.srcport -e tcp.seq -e tcp.len \
		-e tcp.ack -e tcp.window_size 2>/dev/null | awk '
	!first { first = $1 }
	{
		me = $1 == first; peer = !me
		if ((peer in edge) && $3 > 1 && $2 + $3 > edge[peer]) {
			print "frame " NR " ends at " $2 + $3 \
				", window at " edge[peer]
			bad++
		}
		if ($4 + $5 > edge[me])
			edge[me] = $4 + $5
		if ($4 + $5 < edge[me] - 2 ^ 14) {
			print "frame " NR " takes its window back"
			bad++
		}
		n++
	}
	END { exit bad || n < 100 }' > "$TMP/window.err"
}

for family in 4 6; do
	for pair in tcpx:native native:tcpx; do
		name="IPv$family $pair"
		plug veth
		for ns in "$A a0" "$B b0"; do
			# Tail loss probes send something twice on purpose.
			nsenter "--net=/run/netns/${ns% *}" sysctl -qw \
				net.ipv4.tcp_early_retrans=0
			nsenter "--net=/run/netns/${ns% *}" sysctl -qw \
				net.tcpx.early_retrans=0 2>/dev/null
			# Nor is it an anomaly that a debug kernel is slow.
			for net in 10.0.0.0/24 "fd00::/64 metric 256"; do
				ip -n "${ns% *}" route change $net dev ${ns#* } \
					proto kernel rto_min "${RTO_MIN_MS:-200}ms"
			done
			nsenter "--net=/run/netns/${ns% *}" sysctl -qw \
				net.tcpx.rto_min_us="${RTO_MIN_MS:-200}000" 2>/dev/null
			nsenter "--net=/run/netns/${ns% *}" ethtool -K ${ns#* } tx off \
				tso off gso off gro off rx off >/dev/null 2>&1
		done
		# The side that is looked at is tcpx's peer.
		if [ ${pair%:*} = tcpx ]; then
			capture "$B" b0 "$FILE"
		else
			capture "$A" a0 "$FILE"
		fi
		transfer veth $family ${pair%:*} ${pair#*:} -n "$SIZE"
		result $? "transfer $name"
		capture_stop
		[ "$(tcpdump -r "$FILE" 2>/dev/null | wc -l)" -gt \
			$((SIZE / 1500)) ]
		result $? "captured $name"
		none "$BAD"
		result $? "no anomaly $name"
		inside_window
		result $? "inside the window $name"
		unplug
	done
done
finish
