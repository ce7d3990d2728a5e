#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/tcpx-run: programs as they are, client and server, over tcpx.
#
#   client and server (A) over lo

. "$(dirname "$0")/../interop/net.sh"

[ "$(stack tcpx)" = tcpx ] || skip_all "native TCP needs no runner"

TOOLS=$(realpath ../../tools)
SIZE=${SIZE:-1000000}
OUT=$TMP/stdout
ERR=$TMP/stderr.err

# run ARGS...: tcpx-run in A; $STATUS, $OUT, $ERR
run()
{
	in_a "$TOOLS/tcpx-run" "$@" >"$OUT" 2>"$ERR" </dev/null
	STATUS=$?
}

# says TEXT: tcpx-run or the library said it on stderr
says() { grep -q "^tcpx-run: $1" "${2:-$ERR}"; }

# expect STATUS NAME: what `run` ended with
expect()
{
	echo "status $STATUS, not $1" >> "$ERR"
	[ "$STATUS" = "$1" ]
	result $? "$2"
}

ip netns add "$A"
ip -n "$A" link set lo up

# -- what it ends with --------------------------------------------------------

run sh -c 'exit 7'
expect 7 "the exit status is passed on"
run sh -c 'kill -KILL $$'
expect 137 "so is the signal"
run -- printf %s,%s 'a b' '*'
[ "$(cat "$OUT")" = 'a b,*' ]
result $? "the arguments are passed on as they are"
run
expect 2 "no program: 2"
run --no-such-option true
expect 2 "an unknown option: 2"
run /no/such/program
expect 127 "no such program: 127"
run /etc/passwd
expect 126 "a file that is no program: 126"

# -- what it says -------------------------------------------------------------

SOCKETS='
import socket, os, sys
for family in socket.AF_INET, socket.AF_INET6:
    socket.socket(family, socket.SOCK_STREAM).close()
    socket.socket(family, socket.SOCK_DGRAM).close()
socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
'
run python3 -c "$SOCKETS"
[ "$STATUS" = 0 ] && ! [ -s "$ERR" ]
result $? "silent without -v"
run -v python3 -c "$SOCKETS"
says "3 of 3 stream sockets over tcpx" && [ "$(wc -l < "$ERR")" = 1 ]
result $? "-v counts the stream sockets"
run -v python3 -c "$SOCKETS
if os.fork() == 0:
    socket.socket()
    sys.exit()
os.wait()"
says "3 of 3 stream" && says "1 of 1 stream"
result $? "-v counts a child's on a line of its own"
run -v python3 -c 'import socket
s = socket.socket()
sys = (s.family, s.type, s.proto)
print(*map(int, sys), s.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL))'
[ "$(cat "$OUT")" = "2 1 0 6" ]
result $? "a socket looks like the one that was asked for"
run ./static
says "./static: is statically linked, its sockets stay" && [ "$STATUS" = 0 ]
result $? "a static program runs on native TCP and is told so"
run --strict ./static
expect 126 "--strict: a static program is refused"

# -- programs -----------------------------------------------------------------

listens()
{
	in_a grep -qs ":$(printf %04X "$2") 0.* 0A " \
		"/proc/net/$1" "/proc/net/${1}6"
}

# serve STACK PORT PROGRAM ARGS...: in the background; $SERVER
serve()
{
	local stack=$1 port=$2 runner=()

	shift 2
	[ "$stack" = tcp ] || runner=("$TOOLS/tcpx-run" -v --strict)
	nsenter "--net=/run/netns/$A" "${runner[@]}" "$@" >"$TMP/served" \
		2>"$TMP/server.txt" </dev/null &
	SERVER=$!
	wait_until 60 listens "$stack" "$port"
}

stop_server()
{
	kill "$SERVER"
	wait "$SERVER" 2>/dev/null
	return 0
}

# opened: ActiveOpens and PassiveOpens of tcpx
opened()
{
	in_a awk '/^(Active|Passive)Opens/ { printf "%s ", $2 }' \
		/proc/net/tcpx_snmp
}

# http NAME SERVER CLIENT-OPENS: curl by $@ gets the file from tcp or tcpx
http()
{
	local name=$1 server=$2 opens=$3 before after

	shift 3
	port=$((port + 1))
	serve "$server" $port python3 -m http.server --bind "$ip" \
		--directory "$TMP/www" $port
	before=($(opened))
	in_a "$@" -gsS -o "$TMP/got" "http://$host:$port/file" 2>"$ERR" &&
		cmp "$TMP/www/file" "$TMP/got" 2>"$TMP/cmp.err"
	result $? "$name: the file is right"
	after=($(opened))
	echo "opens ${before[*]}, then ${after[*]}" > "$ERR"
	[ "$((after[0] - before[0])),$((after[1] - before[1]))" = "$opens" ]
	result $? "$name: the connection is $opens of tcpx, out and in"
	stop_server
	[ "$server" = tcp ] || says "1 of 1 stream" "$TMP/server.txt"
	result $? "$name: the server's sockets at its end"
}

mkdir "$TMP/www"
head -c "$SIZE" /dev/urandom > "$TMP/www/file"
port=8000
for family in 4 6; do
	ip=127.0.0.1 host=$ip
	[ $family = 4 ] || { ip=::1 host=[::1]; }
	http "IPv$family http.server, curl" tcpx 1,1 \
		"$TOOLS/tcpx-run" --strict curl
	http "IPv$family http.server, native curl" tcpx 0,1 curl
	http "IPv$family native http.server, curl" tcp 1,0 \
		"$TOOLS/tcpx-run" --strict curl

	port=$((port + 1))
	serve tcpx $port nc -l "$ip" $port
	in_a "$TOOLS/tcpx-run" -v --strict nc -N "$ip" $port \
		< "$TMP/www/file" >/dev/null 2>"$ERR" && wait "$SERVER" &&
		says "1 of 1 stream" && says "1 of 1 stream" "$TMP/server.txt" &&
		cmp "$TMP/www/file" "$TMP/served" 2>"$TMP/cmp.err"
	result $? "IPv$family nc, both ends"

	port=$((port + 1))
	serve tcpx $port iperf3 -s -1 -B "$ip" -p $port
	run -v --strict iperf3 -c "$ip" -p $port -n 8M
	[ "$STATUS" = 0 ] && wait "$SERVER" &&
		says "2 of 2 stream" && says "1 of 1 stream" "$TMP/server.txt"
	result $? "IPv$family iperf3, both ends"
done

# -- without the module -------------------------------------------------------

# In user mode KASAN forgets nothing of a module that has gone: what is loaded
# to its place gets reports, and variables that are not 0.
! grep -q 'User Mode Linux' /proc/cpuinfo || finish
if ! find_module; then
	result 1 "tcpx.ko is found"
	finish
fi
wait_until 90 rmmod tcpx 2>"$TMP/rmmod.err"
result $? "rmmod"
OPEN='import socket
for i in 1, 2:
    socket.socket()
print("open")'
run -v python3 -c "$OPEN"
[ "$STATUS" = 0 ] && [ "$(grep -c 'using native TCP' "$ERR")" = 1 ] &&
	says "0 of 2 stream"
result $? "without the module: native TCP, said once"
run --strict python3 -c "$OPEN"
[ "$STATUS" = 1 ] && ! [ -s "$OUT" ] && says "no tcpx socket to be had" &&
	grep -q "Protocol not supported" "$ERR"
result $? "--strict without the module: EPROTONOSUPPORT"
for command in ss stat; do
	in_a "$TOOLS/tcpx" $command >"$OUT" 2>"$ERR"
	STATUS=$?
	[ $STATUS = 1 ] && grep -q "^tcpx: .*module is not loaded" "$ERR"
	result $? "tcpx $command without the module says so"
done
insmod "$KO" 2>"$TMP/insmod.err"
result $? "insmod"
finish
