#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# SIZE bytes each way at once, each pair of stacks, each family, each cable.
#
#   client (A)  a0 ---- veth, e1000e, virtio_net, ... ---- b0  server (B)
#   client (A) and server (A) over lo

. "$(dirname "$0")/net.sh"

SIZE=${SIZE:-67108864}
for link in $(links) loopback; do
	if ! plug "$link"; then
		result 1 "matrix $link: no such cable"
		unplug
		continue
	fi
	for family in 4 6; do
		for pair in tcpx:native native:tcpx tcpx:tcpx \
			    tcpx-door2:tcpx-door2; do
			[ $pair != tcpx-door2:tcpx-door2 ] ||
				[ "$link" = loopback ] || continue
			transfer "$link" $family "${pair%:*}" "${pair#*:}" \
				-n "$SIZE"
			result $? "matrix $link IPv$family $pair"
		done
	done
	unplug
done
finish
