#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/tcpx: ss and stat say what is there.
#
#   a listener and both ends of a connection (A) over lo

. "$(dirname "$0")/../interop/net.sh"

[ "$(stack tcpx)" = tcpx ] || skip_all "the tools look at tcpx alone"

TOOLS=$(realpath ../../tools)
SHOWN=$TMP/shown.err

# tcpx ARGS...: what it prints is in $SHOWN
tcpx() { in_a "$TOOLS/tcpx" "$@" >"$SHOWN" 2>&1; }

# shows TEXT... : the lines of $SHOWN, blanks squeezed, are these patterns
shows()
{
	local line

	[ "$(wc -l < "$SHOWN")" = $# ] || return
	for line; do
		tr -s ' ' < "$SHOWN" | grep -qxE -- "$line" || return
	done
}

head='State Recv-Q Send-Q Local Address:Port Peer Address:Port'

for family in 4 6; do
	other=$((10 - family))
	ip=127.0.0.1 at=127\\.0\\.0\\.1 none=0\\.0\\.0\\.0
	[ $family = 4 ] || { ip=::1 at='\[::1\]' none='\[::\]'; }
	ip netns add "$A"
	ip -n "$A" link set lo up
	coproc PAIR { exec nsenter "--net=/run/netns/$A" ./pair.py $ip; }
	pid=$PAIR_PID
	read -r -u "${PAIR[0]}" -t 60 server client
	result $? "IPv$family a connection"

	listen="LISTEN 0 [0-9]+ $at:$server $none:\\*"
	out="ESTAB 0 0 $at:$client $at:$server"
	in="ESTAB 1000 0 $at:$server $at:$client"
	# The first look: no more than 20 s of the two hours have passed.
	tcpx ss -Hno &&
		shows "$out timer:\\(keepalive,7(200|1[89][0-9])\\..*s,0\\)" "$in"
	result $? "IPv$family ss -o: the timer"
	tcpx ss -n && shows "$head" "$out" "$in"
	result $? "IPv$family ss: the connection, with what is unread"
	tcpx ss -ltn && shows "$head" "$listen"
	result $? "IPv$family ss -l: the listener"
	tcpx ss -Han && shows "$listen" "$out" "$in"
	result $? "IPv$family ss -aH: all, no header"
	tcpx ss -Hn -$family && shows "$out" "$in"
	result $? "IPv$family ss -$family: these"
	tcpx ss -Han -$other && shows
	result $? "IPv$family ss -$other: not these"
	tcpx ss -Hnp && shows "$out users:\\(\\(\".*\",pid=$pid,fd=[0-9]+\\)\\)" \
		"$in users:\\(\\(\".*\",pid=$pid,fd=[0-9]+\\)\\)"
	result $? "IPv$family ss -p: whose it is"
	tcpx ss -Hne && shows "$out .*uid:0 ino:[1-9][0-9]*" \
		"$in .*uid:0 ino:[1-9][0-9]*"
	result $? "IPv$family ss -e: owner and inode"

	eval "exec ${PAIR[1]}>&-"
	wait $pid
	tcpx ss -Han && shows "TIME-WAIT 0 0 $at:$client $at:$server"
	result $? "IPv$family ss: TIME-WAIT"
	tcpx ss -Hano &&
		shows "TIME-WAIT .* timer:\\(timewait,(60|[2-5][0-9])\\..*s,0\\)"
	result $? "IPv$family ss -o: its timer"
	[ $family = 6 ] || ip netns del "$A"
done

tcpx stat ActiveOpens PassiveOpens &&
	shows "ActiveOpens 1" "PassiveOpens 1"
result $? "stat NAME: the connections there were"
tcpx stat && grep -q '^ActiveOpens *1$' "$SHOWN" && ! grep -q ' 0$' "$SHOWN"
result $? "stat: what is not zero"
tcpx stat -z && cut -d' ' -f1 "$SHOWN" > "$TMP/names" &&
	in_a cut -d' ' -f1 /proc/net/tcpx_snmp | cmp - "$TMP/names"
result $? "stat -z: every counter"
tcpx stat 'Active*' && shows "ActiveOpens 1"
result $? "stat with a wildcard"
! tcpx stat NoSuchCounter && grep -q "no counter is called" "$SHOWN"
result $? "stat of a counter that is not there"
tcpx stat -j ActiveOpens && [ "$(cat "$SHOWN")" = '{"ActiveOpens": 1}' ]
result $? "stat -j: JSON"
tcpx stat -j -i 0.1 -c 2 ActiveOpens &&
	shows '\{"ActiveOpens": 0\}' '\{"ActiveOpens": 0\}' &&
	[ "$(uniq "$SHOWN" | wc -l)" = 1 ]
result $? "stat -i -c: what was added, so many times"
in_a "$TOOLS/tcpx" stat -z 2>"$SHOWN" | head -n 1 >/dev/null
[ "${PIPESTATUS[0]}" = 0 ] && ! [ -s "$SHOWN" ]
result $? "stat into a pipe that closes"
! tcpx no-such-command && grep -q usage "$SHOWN"
result $? "an unknown command"
finish
