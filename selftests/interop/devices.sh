#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Devices and routes that go, change and come back under a transfer: it goes on
# when there is a way again, ends when there is none, and holds nothing back.
#
#   sender (A)  a0 ---- veth ---- b0  receiver (B)          elsewhere (C)

. "$(dirname "$0")/net.sh"

C=tcpx-c-$$
SIZE=${DEVICES_SIZE:-8000000}

trap 'ip netns del "$C" 2>/dev/null; cleanup' EXIT

# begin FAMILY: a transfer in the background, slow enough to be disturbed
begin()
{
	plug veth
	slow_down
	transfer veth "$1" tcpx native -o -n "$SIZE" &
	TRANSFER=$!
	wait_until 20 moved 200000
}

# give_up: it cannot be finished
give_up()
{
	pkill -P $TRANSFER
	wait $TRANSFER 2>/dev/null
	rm -f "$TMP"/*.err
	unplug
}

# address: what a device loses when it is moved or goes down
address()
{
	ip -n "$A" addr replace 10.0.0.1/24 dev a0
	ip -n "$A" addr replace fd00::1/64 dev a0 nodad
}

# Up to three times, while there is something to disturb.
down_and_up()
{
	local time

	is_under_way || return
	for time in 1 2 3; do
		is_under_way || break
		ip -n "$A" link set a0 down
		sleep 0.2
		ip -n "$A" link set a0 up
		address
		before=$(bytes_out)
		wait_until 60 moved 100000 || ! is_under_way || return
	done
}

# change_routes FAMILY ADDRESS
change_routes()
{
	local time

	is_under_way || return
	for time in 1 2 3 4 5; do
		is_under_way || break
		ip -n "$A" "-$1" route add "$2" dev a0 mtu 1400
		sleep 0.02
		ip -n "$A" "-$1" route add "$2" dev a0 metric 2000
		sleep 0.02
		ip -n "$A" "-$1" route flush "$2" dev a0
		ip -n "$A" "-$1" route add unreachable "$2" || return
		sleep 0.02
		ip -n "$A" "-$1" route del unreachable "$2"
	done
}

for family in 4 6; do
	name="IPv$family"

	begin $family
	down_and_up
	result $? "ING-10 a device goes down and up, $name"
	wait $TRANSFER
	result $? "ING-10 the transfer survives that, $name"
	unplug

	begin $family
	far=10.0.0.2/32
	[ $family = 4 ] || far=fd00::2/128
	change_routes $family $far
	result $? "ING-10 routes that change, and are not there, $name"
	wait $TRANSFER
	result $? "ING-10 the transfer survives that as well, $name"
	unplug

	ip netns add "$C"
	begin $family
	is_under_way && ip -n "$A" link set a0 netns "$C"
	result $? "ING-10 the device moves to another namespace, $name"
	sleep 0.3
	ip -n "$C" link set a0 netns "$A"
	ip -n "$A" link set a0 up
	address
	wait $TRANSFER
	result $? "ING-10 and comes back: the transfer goes on, $name"
	ip netns del "$C"
	unplug

	begin $family
	is_under_way && ip -n "$A" link del a0
	result $? "ING-10 the device is unregistered, $name"
	! in_a ip link show a0 2>/dev/null
	result $? "ING-10 nothing holds it, $name"
	give_up

	begin $family
	is_under_way && ip -n "$B" link del b0
	result $? "ING-10 the receiver's device is unregistered, $name"
	give_up
done

plug veth
transfer veth 4 tcpx tcpx -n 1000000
result $? "ING-10 a transfer after all that"
unplug

# A reference that is lost shows after ten seconds.
sleep "${DEVICES_WAIT:-12}"
! dmesg | grep -E "WARNING:|BUG:|Oops|KASAN|UBSAN|unregister_netdevice" \
	> "$TMP/dmesg.err"
result $? "ING-10 no device waits to be unregistered, the log is quiet"
finish
