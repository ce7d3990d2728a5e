# SPDX-License-Identifier: GPL-2.0
# Sourced after kernels.sh: QEMU and user-mode Linux command lines, the
# question whether KVM works here, and what in a console log is a failure.

# A kernel that says one of these has failed the run.
SPLATS='WARNING: |BUG: |Oops: |int3: |KASAN: |KCSAN: |UBSAN: |Kernel panic'
SPLATS+='|general protection fault|stack segment|divide error|------\[ cut here'
SPLATS+='|possible (circular|recursive|irq lock|deadlock)|inconsistent lock'
SPLATS+='|suspicious RCU|held lock freed|bad unlock balance|blocked for more'
SPLATS+='|refcount_t: |unreferenced object|new suspected memory leak|ODEBUG: '
SPLATS+='|sleeping function called|scheduling while atomic|self-detected stall'
SPLATS+='|detected stalls|soft lockup|hard LOCKUP|unregister_netdevice: waiting'
SPLATS+='|Objects remaining|corrupted stack|list_(add|del) corruption'
SPLATS+='|Out of memory: |Bad page state|leaked reference|still has [0-9]+ user'

# splats FILE: the lines after the first few, nothing when it is clean. The
# addresses that a stack walk only guesses are left out.
splats() {
	tr -d '\r' < "$1" | grep -avE '\] +(\[<[0-9a-f]+>\] )?\? ' |
		grep -aE -m 3 -A 50 "$SPLATS" | head -100
}

# stale_breakpoint FILE: died of int3 where the code has none (any more): an
# emulated CPU translated the code while another one patched it, and kept that.
stale_breakpoint() {
	SPLATS=$SPLATS awk '
		!first && $0 ~ ENVIRON["SPLATS"] { first = $0 }
		!code && / Code: / { code = $0 }
		END {
			exit first !~ /\] (Oops: )?int3: [0-9a-f]+ \[#1\]/ ||
			     code !~ /[0-9a-f] </ || code ~ /cc </
		}' "$1"
}

# kvm_works KERNEL INITRD: asked once per boot of the host.
kvm_works() {
	local answer log
	answer=$BUILD/.kvm-$(cat /proc/sys/kernel/random/boot_id)

	if [ ! -e "$answer" ]; then
		log=$(mktemp)
		rm -f "$BUILD"/.kvm-*
		if [ -w /dev/kvm ]; then
			(timeout -k 2 20 qemu-system-x86_64 -accel kvm \
				-cpu host -machine q35 -m 256 -nic none \
				-display none -no-reboot -serial "file:$log" \
				-kernel "$1" -initrd "$2" -append \
				"console=ttyS0 quiet panic=-1 lab.trial" || :
			) </dev/null >/dev/null 2>&1
		fi
		grep -aq "lab: trial passed" "$log" &&
			echo y > "$answer" || echo n > "$answer"
		rm -f "$log"
	fi
	[ "$(cat "$answer")" = y ]
}
