# SPDX-License-Identifier: GPL-2.0
#
# What the interop scripts share: KTAP, two namespaces joined by a cable, and
# transfers between them. Sourced.
#
#   namespace $A                             namespace $B
#   10.0.0.1, fd00::1  a0 ------------- b0   10.0.0.2, fd00::2
#
# The cable is a veth pair or two NICs of one driver that are cabled together
# outside of this machine.

set -u
cd "$(dirname "$0")" || exit 1

A=tcpx-a-$$
B=tcpx-b-$$
C=tcpx-c-$$	# beside them: patch_branches()
TMP=$(mktemp -d)
DEADLINE=${DEADLINE:-300}
TESTS=0
FAILED=0
NIC=()

skip_all()
{
	echo "1..0 # SKIP $1"
	exit 4
}

# result 0|1 NAME: one KTAP line
result()
{
	TESTS=$((TESTS + 1))
	if [ "$1" = 0 ]; then
		echo "ok $TESTS $2"
	else
		FAILED=$((FAILED + 1))
		sed 's/^/# /' "$TMP"/*.err 2>/dev/null
		echo "not ok $TESTS $2"
	fi
	rm -f "$TMP"/*.err
}

finish()
{
	echo "1..$TESTS"
	exit $((FAILED > 0))
}

# The namespaces go, after the NICs in them came back to the first one.
unplug()
{
	if [ ${#NIC[@]} -ge 2 ]; then
		ip -n "$A" link set a0 down
		ip -n "$B" link set b0 down
		ip -n "$A" link set a0 netns 1 name "${NIC[0]}"
		ip -n "$B" link set b0 netns 1 name "${NIC[1]}"
	fi 2>/dev/null
	NIC=()
	ip netns del "$A" 2>/dev/null
	ip netns del "$B" 2>/dev/null
	return 0
}

cleanup()
{
	jobs -p | xargs -r kill 2>/dev/null
	wait 2>/dev/null
	unplug
	ip netns del "$C" 2>/dev/null
	rm -rf "$TMP"
}
trap cleanup EXIT

[ "$(id -u)" = 0 ] || skip_all "needs root"

# Hooks of another namespace, which see nothing, for scripts with rules of their
# own. With them the branches for hooks are patched into the kernel now, not under
# traffic: of that a guest may die whose CPUs QEMU emulates at once (int3 where
# there is none).
patch_branches()
{
	ip netns add "$C" && ip -n "$C" link add c0 type dummy || return 1
	nsenter "--net=/run/netns/$C" nft -f - <<-'EOF' || return 1
		table inet t {
			chain pre {
				type filter hook prerouting priority 0
				ct state new counter
			}
			chain in { type filter hook input priority 0; }
			chain out { type filter hook output priority 0; }
			chain post { type filter hook postrouting priority 0; }
		}
	EOF
	tc -n "$C" qdisc add dev c0 clsact
}

# Runs against native TCP alone when TCPX_STACK=native, to test the tests.
stack()
{
	[ "${TCPX_STACK:-tcpx}" = native ] && echo native || echo "$1"
}

if [ "$(stack tcpx)" = tcpx ] && ! [ -e /proc/net/tcpx ]; then
	modprobe tcpx 2>/dev/null
	[ -e /proc/net/tcpx ] || skip_all "the module is not loaded"
fi

# wait_until SECONDS COMMAND...: until it succeeds
wait_until()
{
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# find_module: the tcpx.ko that is loaded is $KO
find_module()
{
	local root=../..

	for KO in "${TCPX_KO:-}" "$root/build/$(uname -r)/tcpx.ko" \
		  "$root/tcpx.ko" "$(modinfo -n tcpx 2>/dev/null)"; do
		[ ! -f "$KO" ] || return 0
	done
	return 1
}

nics_of()
{
	local dev driver=(/sys/bus/*/drivers/"$1")

	for dev in /sys/class/net/*; do
		[ ! "$dev/device/driver" -ef "${driver[0]}" ] ||
			echo "${dev##*/}"
	done
}

# The cables there are: two NICs of one driver are taken to be one.
links()
{
	local driver

	echo "${LINKS:-veth $(for driver in e1000e vmxnet3 virtio_net; do
		[ "$(nics_of $driver | wc -l)" = 2 ] && echo $driver
	done)}"
}

# Cabled to a peer without segmentation, the e1000e of QEMU 7.2 makes no TCP
# segments of a large one, but IPv4 fragments, of IPv6 too. As captured on the
# peer's side with native TCP: IPv4 arrives in fragments and is put together;
# IPv6 arrives with a payload length of 0 and IPv4's checksum in bytes 10 and 11,
# which are in the source address, and only the first piece has a TCP header.
bad_tso6()
{
	[ "$1" = e1000e ] && grep -qs QEMU /sys/class/dmi/id/sys_vendor
}

# plug veth|loopback|DRIVER
plug()
{
	local ns dev index=0

	if [ "$1" != veth ] && [ "$1" != loopback ]; then
		mapfile -t NIC < <(nics_of "$1")
		if [ ${#NIC[@]} -lt 2 ]; then
			NIC=()
			return 1
		fi
	fi
	ip netns add "$A" && ip netns add "$B" || return 1
	for ns in "$A" "$B"; do
		ip -n "$ns" link set lo up
	done
	case $1 in
	loopback)
		return 0 ;;
	veth)
		ip link add a0 netns "$A" type veth peer name b0 netns "$B" ;;
	*)
		ip link set "${NIC[0]}" down
		ip link set "${NIC[1]}" down
		ip link set "${NIC[0]}" netns "$A" name a0
		ip link set "${NIC[1]}" netns "$B" name b0 ;;
	esac
	for ns in "$A" "$B"; do
		[ "$ns" = "$A" ] && dev=a0 || dev=b0
		index=$((index + 1))
		ip -n "$ns" addr add "10.0.0.$index/24" dev $dev
		ip -n "$ns" addr add "fd00::$index/64" dev $dev nodad
		! bad_tso6 "$1" || nsenter "--net=/run/netns/$ns" \
			ethtool -K $dev tx-tcp6-segmentation off || return 1
		ip -n "$ns" link set $dev up
	done
	wait_until 20 in_a ping -c 1 -W 1 -q 10.0.0.2 >/dev/null
}

# With the /sys of the first namespace: that of their own takes long to mount.
in_a() { nsenter "--net=/run/netns/$A" "$@"; }
in_b() { nsenter "--net=/run/netns/$B" "$@"; }

# A transfer in the background, $TRANSFER, that takes seconds and can be caught
# in the middle: slow_down before it, then moved BYTES and is_under_way.
slow_down()
{
	tc -n "$A" qdisc add dev a0 root tbf rate 16mbit burst 64k latency 50ms
	before=$(bytes_out)
}

bytes_out()
{
	in_a awk -F '[: ]+' '/a0:/ { print $11 }' /proc/net/dev
}

moved() { [ "$(bytes_out)" -gt $((before + $1)) ]; }

is_under_way() { kill -0 $TRANSFER 2>/dev/null; }

# transfer LINK FAMILY CLIENT SERVER [ARGS]: CLIENT's stack in A, SERVER's in B
transfer()
{
	local link=$1 family=$2 client server port pid status=0 to ns=$B

	client=$(stack "$3")
	server=$(stack "$4")
	shift 4
	to=10.0.0.2
	[ "$family" = 6 ] && to=fd00::2
	if [ "$link" = loopback ]; then
		ns=$A
		to=127.0.0.1
		[ "$family" = 6 ] && to=::1
	fi
	exec 9< <(exec nsenter "--net=/run/netns/$ns" ./transfer -l -a "$to" \
		  -s "$server" -t "$DEADLINE" "$@" 2>"$TMP/server.err")
	pid=$!
	if ! read -r -u 9 -t 20 port; then
		status=1
	else
		in_a ./transfer -c "$to" -p "$port" -s "$client" \
			-t "$DEADLINE" "$@" 2>"$TMP/client.err" || status=1
	fi
	[ $status = 0 ] || kill "$pid" 2>/dev/null
	wait "$pid" || status=1
	exec 9<&-
	return $status
}

# capture NS DEV FILE [FILTER]: in the background until capture_stop
capture()
{
	nsenter "--net=/run/netns/$1" dumpcap -q -i "$2" -s 160 -B 64 -w "$3" \
		-f "${4:-tcp}" 2>"$TMP/dumpcap.log" &
	CAPTURE=$!
	wait_until 60 grep -q '^File:' "$TMP/dumpcap.log"
}

capture_stop()
{
	# What is still in the ring is written within dumpcap's 250 ms tick.
	sleep 0.5
	kill -INT "$CAPTURE"
	wait "$CAPTURE"
}
