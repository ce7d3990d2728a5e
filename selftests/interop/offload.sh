#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# TSO and GRO are really used, and nothing depends on them.
#
#   client (A)  a0 ---- veth, e1000e, vmxnet3, virtio_net ---- b0  server (B)

. "$(dirname "$0")/net.sh"

SIZE=${OFFLOAD_SIZE:-2097152}
FILE=$TMP/capture.pcapng

command -v dumpcap >/dev/null || skip_all "no dumpcap"
command -v tcpdump >/dev/null || skip_all "no tcpdump"
command -v ethtool >/dev/null || skip_all "no ethtool"

# offload NS DEV on|off: all of them
offload()
{
	local feature

	for feature in rx tx sg gso tso gro; do
		nsenter "--net=/run/netns/$1" ethtool -K "$2" $feature "$3" \
			>/dev/null 2>&1
	done
	! bad_tso6 "$link" ||
		nsenter "--net=/run/netns/$1" ethtool -K "$2" tx-tcp6-segmentation off
}

# Not all NICs cut segments: virtio-net only if its backend takes large ones.
has_tso()
{
	in_a ethtool -k a0 | grep -q '^tcp-segmentation-offload: on'
}

# Data segments in $FILE that are larger than the cable carries.
large()
{
	tcpdump -r "$FILE" -nn 'greater 1515' 2>/dev/null | wc -l
}

captured()
{
	tcpdump -r "$FILE" 2>/dev/null | wc -l
}

# What the driver says of hardware segmentation; 0 if it does not say.
driver_tso()
{
	in_a ethtool -S a0 2>/dev/null |
		awk '/tx_tcp_seg_good|TSO pkts tx/ { n += $NF } END { print n+0 }'
}

# What the NIC cut since $before, if its driver says
tso_counted()
{
	local n=$(($(driver_tso) - before))

	case $1 in
	e1000e | vmxnet3)
		echo "# the NIC cut $n of them"
		[ $n -gt 0 ]
		result $? "$1 IPv$family the NIC counts them" ;;
	esac
}

# Frames of 9000 bytes come in buffers of 10 or of 16 KiB if nothing merges them.
jumbo()
{
	ip -n "$A" link set a0 mtu 9000
	ip -n "$B" link set b0 mtu 9000
	offload "$A" a0 off
	offload "$B" b0 off
	for pair in native:tcpx tcpx:tcpx; do
		transfer "$link" $family ${pair%:*} ${pair#*:} -o -n 8388608
		result $? "$link IPv$family $pair, jumbo frames"
	done
	ip -n "$A" link set a0 mtu 1500
	ip -n "$B" link set b0 mtu 1500
}

for link in $(links); do
	if ! plug "$link"; then
		result 1 "$link: no such cable"
		unplug
		continue
	fi
	for family in 4 6; do
		offload "$A" a0 on
		offload "$B" b0 on
		before=$(driver_tso)
		capture "$A" a0 "$FILE"
		transfer "$link" $family tcpx native -o -n "$SIZE"
		result $? "$link IPv$family tcpx sends, TSO on"
		capture_stop
		if [ $family = 4 ] || ! bad_tso6 "$link"; then
			n=$(large)
			echo "# $n of $(captured) segments larger than the MTU"
			if has_tso; then
				[ "$n" -gt $((SIZE / 65536 / 2)) ]
				result $? "$link IPv$family TSO is used"
				tso_counted "$link"
			else
				[ "$n" = 0 ]
				result $? "$link IPv$family cannot, TSO is not used"
			fi
		fi

		# Received: what was sent one by one arrives merged.
		offload "$A" a0 off
		offload "$B" b0 on
		capture "$B" b0 "$FILE"
		transfer "$link" $family native tcpx -o -n "$SIZE"
		result $? "$link IPv$family tcpx receives, GRO on"
		capture_stop
		n=$(large)
		echo "# $n merged segments"
		[ "$n" -gt 10 ]
		result $? "$link IPv$family GRO is used"

		offload "$B" b0 off
		capture "$B" b0 "$FILE"
		for pair in tcpx:native native:tcpx tcpx:tcpx; do
			transfer "$link" $family ${pair%:*} ${pair#*:} \
				-n "$SIZE"
			result $? "$link IPv$family $pair, all offloads off"
		done
		capture_stop
		[ "$(large)" = 0 ]
		result $? "$link IPv$family nothing above the MTU"
		[ "$link" != veth ] || jumbo
	done
	unplug
done
finish
