#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The module can leave: not while a socket is open, but after; and loading and
# unloading it again and again under native TCP's traffic leaves nothing behind.
#
#   native iperf3 (A)  a0 ---- veth ---- b0  native iperf3 (B)

. "$(dirname "$0")/net.sh"

ROUNDS=${ROUNDS:-50}

[ "$(stack tcpx)" = tcpx ] || skip_all "nothing to unload"
[ -e /sys/module/tcpx/initstate ] || skip_all "tcpx is built in"
command -v iperf3 >/dev/null || skip_all "no iperf3"

! grep -q 'User Mode Linux' /proc/cpuinfo || skip_all "KASAN's shadow stays"
find_module || skip_all "cannot find tcpx.ko; set TCPX_KO"

loaded() { [ -e /proc/net/tcpx ]; }
unload() { rmmod tcpx 2>"$TMP/rmmod.err"; }

# Nothing of the module is left.
traces()
{
	! [ -e /sys/module/tcpx ] || echo "/sys/module/tcpx"
	! loaded || echo "/proc/net/tcpx"
	! [ -e /proc/sys/net/tcpx ] || echo "/proc/sys/net/tcpx"
	grep '^tcpx' /proc/slabinfo
	grep '\[tcpx\]' /proc/kallsyms | head -n 3
}

gone()
{
	traces > "$TMP/traces.err"
	! [ -s "$TMP/traces.err" ]
}

# Refused while a socket is open, listening, connected or only created.
plug veth
for ns in "$A" "$B"; do
	exec 7< <(exec nsenter "--net=/run/netns/$ns" ./transfer -l -s tcpx -t 60)
	holder=$!
	read -r -u 7 -t 20 _
	! unload && loaded
	result $? "ING-11 rmmod is refused while a socket listens"
	kill $holder
	wait $holder 2>/dev/null
	exec 7<&-
done
transfer veth 4 tcpx tcpx -n 1000000
result $? "a transfer before the end"
wait_until 90 unload
result $? "ING-11 rmmod works when the last one is gone"
gone
result $? "nothing is left behind"

# Without the module its sockets are refused and native's work.
! ./transfer -l -s tcpx-door2 -t 1 2>/dev/null >&2
result $? "ING-11 no sockets without the module"
transfer veth 4 native native -n 1000000
result $? "ING-11 native TCP works without the module"

nsenter "--net=/run/netns/$B" iperf3 -s -1 -B 10.0.0.2 >/dev/null 2>&1 &
server=$!
listening() { in_b ss -Hltn sport = 5201 | grep -q .; }
wait_until 20 listening
nsenter "--net=/run/netns/$A" iperf3 -c 10.0.0.2 -t 900 -b 10M --bidir >/dev/null 2>&1 &
client=$!
received() { in_a awk '/a0:/ { print $2 }' /proc/net/dev; }
moved() { [ "$(received)" -gt $((before + 10000)) ]; }
failed=0
stalled=0
for ((i = 0; i < ROUNDS; i++)); do
	before=$(received)
	insmod "$KO" 2>"$TMP/insmod.err" || failed=$((failed + 1))
	# Now and then it has something to do.
	((i % 5)) || transfer loopback 4 tcpx tcpx -n 100000 ||
		failed=$((failed + 1))
	wait_until 90 unload || failed=$((failed + 1))
	wait_until 10 moved || stalled=$((stalled + 1))
done
[ $failed = 0 ]
result $? "ING-11 $ROUNDS times loaded and unloaded"
[ $stalled = 0 ] && kill -0 $client && kill -0 $server
result $? "ING-11 native traffic went on all the time"
kill $client $server 2>/dev/null
wait $client $server
gone
result $? "nothing is left behind after $ROUNDS times"
! dmesg | grep -E "WARNING:|BUG:|Oops|KASAN|UBSAN|leak" > "$TMP/dmesg.err"
result $? "the kernel's log is quiet"
insmod "$KO"
result $? "and loads once more"
finish
