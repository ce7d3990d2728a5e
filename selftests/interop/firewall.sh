#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What stands between: netfilter that drops, rewrites, rejects and remembers,
# XDP and tc that drop.
#
#   client (A)  a0 ---- veth ---- b0, nft, XDP, tc  server (B)

. "$(dirname "$0")/net.sh"

SIZE=${FIREWALL_SIZE:-8000000}

trap 'umount "$TMP/bpf" 2>/dev/null; cleanup' EXIT

command -v nft >/dev/null || skip_all "no nft"

# serve NS ADDRESS PORT [ARGS]: in the background, on descriptor 8
serve()
{
	local ns=$1 address=$2 port=$3

	shift 3
	exec 8< <(exec nsenter "--net=/run/netns/$ns" ./transfer -l \
		  -s "$(stack "$SERVER")" -a "$address" -p "$port" \
		  -t "$DEADLINE" "$@" 2>"$TMP/server.err")
	SERVING=$!
	read -r -u 8 -t 20 _
}

# served: how it ended
served()
{
	local status

	wait $SERVING
	status=$?
	exec 8<&-
	return $status
}

far()
{
	[ "$1" = 4 ] && echo 10.0.0.2 || echo fd00::2
}

rewritten()
{
	local family=$1 to="ip to 10.0.0.2:4000"

	[ "$family" = 4 ] || to="ip6 to [fd00::2]:4000"
	in_b nft -f - <<-EOF || return 1
		table inet t {
			chain pre {
				type nat hook prerouting priority -100
				tcp dport 4001 dnat $to
			}
		}
	EOF
	in_a nft -f - <<-'EOF' || return 1
		table inet t {
			chain post {
				type nat hook postrouting priority 100
				tcp dport 4001 masquerade to :20000-20010
			}
		}
	EOF
	serve "$B" "$(far "$family")" 4000 -n "$SIZE" || return 1
	in_a ./transfer -c "$(far "$family")" -p 4001 -s "$(stack tcpx)" \
		-n "$SIZE" -t "$DEADLINE" 2>"$TMP/client.err" || return 1
	served
}

# The same addresses and ports again and again, through rules with memory: the
# server closes first and has to take the SYN out of TIME-WAIT.
same_tuple()
{
	in_b nft -f - <<-'EOF' || return 1
		table inet t {
			chain in {
				type filter hook input priority 0
				ct state invalid counter drop
				ct state established,new accept
				meta l4proto tcp counter drop
			}
		}
	EOF
	SAME_FAMILY=$1 SAME_CLIENT=$(stack tcpx) SAME_SERVER=$(stack "$SERVER") \
		python3 - "$A" "$B" "$(far "$1")" <<-'EOF'
		import ctypes, os, socket, sys
		libc = ctypes.CDLL(None)
		family = socket.AF_INET if os.environ["SAME_FAMILY"] == "4" \
		    else socket.AF_INET6

		def enter(name):
		    with open("/run/netns/" + name) as f:
		        assert libc.setns(f.fileno(), 0x40000000) == 0

		def make(name, stack):
		    enter(name)
		    proto = 253 if os.environ[stack] != "native" else 0
		    s = socket.socket(family, socket.SOCK_STREAM, proto)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		    s.settimeout(30)
		    return s

		a, b, far = sys.argv[1:]
		listener = make(b, "SAME_SERVER")
		listener.bind((far, 4000))
		listener.listen(8)
		for n in range(10):
		    client = make(a, "SAME_CLIENT")
		    client.bind(("", 5555))
		    client.connect((far, 4000))
		    server, _ = listener.accept()
		    client.sendall(b"%d" % n * 1000)
		    got = b""
		    while len(got) < 1000:
		        got += server.recv(1000)
		    assert got == b"%d" % n * 1000, got
		    server.close()
		    assert client.recv(1) == b""
		    client.close()
		EOF
}

# dropped_for_a_while COMMAND-ON COMMAND-OFF FAMILY: in the middle
dropped_for_a_while()
{
	local status

	slow_down
	transfer veth "$3" tcpx native -o -n "$SIZE" &
	TRANSFER=$!
	wait_until 20 moved 200000 && is_under_way && $1 && sleep 0.5 && $2
	status=$?
	wait $TRANSFER || status=1
	return $status
}

tc_on()
{
	tc -n "$B" qdisc add dev b0 clsact &&
		tc -n "$B" filter add dev b0 ingress matchall action drop
}

tc_off()
{
	tc -n "$B" -s filter show dev b0 ingress | grep -q "dropped [1-9]" &&
		tc -n "$B" qdisc del dev b0 clsact
}

# XDP_DROP is "r0 = 1; exit". Loaded and pinned without any tool.
xdp_pin()
{
	mkdir -p "$TMP/bpf" && mount -t bpf bpf "$TMP/bpf" &&
		python3 - "$TMP/bpf/drop" <<-'EOF'
		import ctypes, os, struct, sys
		libc = ctypes.CDLL(None, use_errno=True)
		code = ctypes.create_string_buffer(
		    struct.pack("<BBhi", 0xb7, 0, 0, 1) +
		    struct.pack("<BBhi", 0x95, 0, 0, 0))
		license = ctypes.create_string_buffer(b"GPL")
		def bpf(command, attr):
		    attr = ctypes.create_string_buffer(attr, 128)
		    fd = libc.syscall(321, command, attr, 128)
		    if fd < 0:
		        sys.exit(os.strerror(ctypes.get_errno()))
		    return fd
		fd = bpf(5, struct.pack("=IIQQ", 6, 2, ctypes.addressof(code),
		                        ctypes.addressof(license)))
		path = ctypes.create_string_buffer(sys.argv[1].encode())
		bpf(6, struct.pack("=QI", ctypes.addressof(path), fd))
		EOF
}

xdp_on() { ip -n "$B" link set b0 xdpgeneric pinned "$TMP/bpf/drop"; }
xdp_off() { ip -n "$B" link set b0 xdpgeneric off; }

nft_on()
{
	in_b nft -f - <<-'EOF'
		table inet t {
			chain in {
				type filter hook input priority 0
				meta l4proto tcp counter drop
			}
		}
	EOF
}

nft_off()
{
	in_b nft list table inet t | grep -q "packets [1-9]" &&
		in_b nft delete table inet t
}

# A rule that resets, in the middle: its RST has the number that we expect.
rejected()
{
	slow_down
	serve "$B" "$(far "$1")" 4000 -o -n 1000000000 || return 1
	in_a ./transfer -c "$(far "$1")" -p 4000 -s "$(stack tcpx)" -o \
		-n 1000000000 -t 30 2>"$TMP/reset.err" &
	TRANSFER=$!
	wait_until 20 moved 200000 || return 1
	in_b nft -f - <<-'EOF' || return 1
		table inet t {
			chain in {
				type filter hook input priority 0
				tcp dport 4000 counter reject with tcp reset
			}
		}
	EOF
	! wait $TRANSFER && grep -Eq "Connection reset|Broken pipe" "$TMP/reset.err" ||
		return 1
	kill $SERVING
	served
	rm -f "$TMP/server.err"
}

patch_branches 2>"$TMP/branches.err"
result $? "hooks in another namespace"
for SERVER in native tcpx; do
	for family in 4 6; do
		plug veth
		rewritten $family
		result $? "ING-09 DNAT and SNAT, IPv$family tcpx:$SERVER"
		unplug
		plug veth
		same_tuple $family 2>"$TMP/same.err"
		result $? "ING-09 conntrack: the same tuple 10 times, IPv$family tcpx:$SERVER"
		unplug
	done
done
for family in 4 6; do
	plug veth
	dropped_for_a_while nft_on nft_off $family
	result $? "ING-09 nft drops for a while, IPv$family"
	unplug
	plug veth
	dropped_for_a_while tc_on tc_off $family
	result $? "ING-09 tc drops for a while, IPv$family"
	unplug
	plug veth
	SERVER=tcpx
	rejected $family
	result $? "ING-09 reject with tcp reset ends a connection, IPv$family"
	unplug
done
if xdp_pin 2>"$TMP/xdp.err"; then
	ip -n "$C" link set c0 xdpgeneric pinned "$TMP/bpf/drop"
	for family in 4 6; do
		plug veth
		dropped_for_a_while xdp_on xdp_off $family
		result $? "ING-09 XDP drops for a while, IPv$family"
		unplug
	done
else
	echo "ok $((TESTS += 1)) ING-09 XDP # SKIP $(tail -n 1 "$TMP/xdp.err")"
fi
finish
