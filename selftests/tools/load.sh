#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Loading: the number of the family, what is wrong with it, and socket() that
# loads the module by itself.

. "$(dirname "$0")/../interop/net.sh"

[ "$(stack tcpx)" = tcpx ] || skip_all "nothing to load"
[ -e /sys/module/tcpx/initstate ] || skip_all "tcpx is built in"
find_module || skip_all "cannot find tcpx.ko; set TCPX_KO"
wait_until 90 rmmod tcpx 2>/dev/null || skip_all "the module is in use"

# can_open FAMILY PROTOCOL: a socket of it
can_open()
{
	python3 -c 'import socket, sys
socket.socket(int(sys.argv[1]), socket.SOCK_STREAM, int(sys.argv[2]))' \
		"$1" "$2" 2>/dev/null
}

# refused FAMILY: the load fails, and the kernel's log names the parameter
refused()
{
	dmesg -C
	! insmod "$KO" "family=$1" 2>/dev/null &&
		dmesg | tee "$TMP/dmesg.err" | grep -q 'tcpx: .*family'
}

refused 2
result $? "family=2 is taken"
refused 0
result $? "family=0 is none"
refused -1
result $? "family=-1 is none"
refused 4711
result $? "family=4711 is too large"
insmod "$KO" family=27 && can_open 27 0 && can_open 27 1 && ! can_open 18 0
result $? "family=27 is free"
[ "$(cat /sys/module/tcpx/parameters/family)" = 27 ]
result $? "the parameter can be read"
rmmod tcpx && insmod "$KO" && can_open 18 0 && can_open 18 6 && can_open 2 253
result $? "family 18 unless told otherwise"
! can_open 18 2 && ! can_open 18 132
result $? "other protocols are refused"

# In front of the kernel's own modules: they are many, and may be read-only.
modules=/lib/modules/$(uname -r)
mkdir -p "$modules" && mount -t tmpfs tmpfs "$modules" &&
	cp "$KO" "$modules/tcpx.ko" && depmod 2>/dev/null
result $? "the module is installed"
for door in "18 0" "18 1" "2 253" "10 253"; do
	rmmod tcpx 2>/dev/null
	# shellcheck disable=SC2086
	can_open $door && [ -d /sys/module/tcpx ]
	result $? "AUTOLOAD by socket($door)"
done
umount "$modules"
[ -d /sys/module/tcpx ] || insmod "$KO"
finish
