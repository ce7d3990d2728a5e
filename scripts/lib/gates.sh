# SPDX-License-Identifier: GPL-2.0
# Sourced by check: tests that are a command each, as KTAP.

plan() {
	gates=0
	echo "TAP version 13"
	echo "1..$1"
}

# gate NAME COMMAND...: passes when the command does.
gate() {
	local name=$1 output

	shift
	gates=$((gates + 1))
	if output=$("$@" 2>&1 </dev/null); then
		[ -z "$output" ] || sed 's/^/# /' <<< "$output"
		echo "ok $gates $name"
	else
		sed 's/^/# /' <<< "$output" | tail -100
		sed "s/^/$name: /" <<< "$output" | tail -20 >&2
		echo "not ok $gates $name"
	fi
}

# link_tree DIR: the module's sources in a folder of its own for the objects.
link_tree() {
	mkdir -p "$1"
	cp -rsf "$ROOT/module" "$ROOT/Kbuild" "$1/"
	find "$1" -xtype l -delete
}

# silent_build RELEASE: no warning of W=1 or of sparse. All is built anew: an
# object that is there already has no warnings left.
silent_build() {
	local dir=$BUILD/w1/$1 output

	rm -rf "$dir"
	link_tree "$dir"
	output=$(make -s -C "/lib/modules/$1/build" "M=$dir" "-j$(nproc)" \
		W=1 C=1 CF=-D__CHECK_ENDIAN__ modules 2>&1) ||
		{ echo "$output"; return 1; }
	output=$(grep -E 'warning|error' <<< "$output" |
		 grep -v 'the compiler differs from the one')
	[ -z "$output" ] || { echo "$output"; return 1; }
}

# The folder is the architecture (file names say the layer).
PURE="state options rtt cong wire seq state_table"
BELOW="ip hash netns ports mib trace compat conftest uapi/tcpx"

includes_of() {
	sed -n 's/^#include "\(.*\)\.h"/\1/p' "$1"
}

includes_go_down() {
	local file header bad=0

	cd "$ROOT/module" || return
	for file in *.[ch]; do
		for header in $(includes_of "$file"); do
			case $file in
			state.*|state_table.h|options.*|rtt.*|cong*.[ch]|\
			wire.h|seq.h)
				is_in "$header" "$PURE" ;;
			ip.h|hash.h|netns.h|ports.h|mib.h|compat.h)
				is_in "$header" "$PURE $BELOW" ;;
			*) : ;;
			esac && continue
			echo "$file includes $header.h, which is above it"
			bad=1
		done
	done
	return $bad
}

is_in() { [[ " $2 " == *" $1 "* ]]; }

# What checkpatch takes for faults: tables made by macros, trace events, the
# positive errnos of sk_err.
CHECKPATCH_IGNORE=CAMELCASE,COMPLEX_MACRO,MACRO_ARG_UNUSED,MACRO_ARG_REUSE
CHECKPATCH_IGNORE+=,MACRO_ARG_PRECEDENCE,TRAILING_SEMICOLON,CONST_STRUCT,BIT_MACRO
CHECKPATCH_IGNORE+=,USE_NEGATIVE_ERRNO,UNCOMMENTED_DEFINITION
CHECKPATCH_IGNORE+=,USE_NEGATIVE_ERRNO

checkpatch() {
	cd "$OUT" || return # it leaves a file behind
	# shellcheck disable=SC2046
	perl "$BUILD/kselftest/scripts/checkpatch.pl" --no-tree --strict \
		--terse --quiet --no-summary --ignore "$CHECKPATCH_IGNORE" \
		-f $(find "$ROOT/module" -name '*.[ch]' ! -name 'trace.[ch]' \
			! -path '*/conftest/*') 2>/dev/null
}

# measure_coverage um|kasan: what the suites on this debug kernel ran of the
# module, all together.
measure_coverage() {
	local dir all=$OUT/coverage-$1 objects=$BUILD/um-debug/tcpx/module first=y

	[ "$1" = um ] || objects=$BUILD/x86-kasan/tcpx/module
	rm -rf "$all" "$all.sum"
	for dir in "$OUT/$1"-*.results/gcov/"${objects#"$ROOT/"}"; do
		[ -d "$dir" ] || continue
		if [ $first ]; then
			cp -r "$dir" "$all"
			first=
		else
			gcov-tool merge -o "$all.sum" "$all" "$dir" || return
			rm -rf "$all"
			mv "$all.sum" "$all"
		fi
	done
	[ ! $first ] || { echo "no coverage data"; return 1; }
	cp "$objects"/*.gcno "$all/"
	(cd "$all" && gcov -n ./*.gcda 2>/dev/null) | coverage_table
}

coverage_table() {
	awk '/^File/ { file = $2; gsub(/\047/, "", file) }
	     /^Lines executed/ && file ~ /\/module\/[a-z0-9_]*\.c$/ {
		sub(/.*\//, "", file)
		sub(/.*:/, "")
		percent = $0 + 0
		lines = $NF
		printf "%-16s %6.2f %% of %d lines\n", file, percent, lines
		all += lines
		run += lines * percent / 100
		file = ""
	     }
	     END { if (!all) exit 1
		   printf "%-16s %6.2f %% of %d lines\n", "all", \
			100 * run / all, all }'
}

# A breakpoint that is in the memory is a fault of the kernel's; so is one after
# another fault.
tells_stale_breakpoints() {
	local oops="[    1.5] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI"
	local panic="[    1.6] Kernel panic - not syncing: Fatal exception"

	(
		. "$ROOT/scripts/lib/guest.sh"
		judge() { stale_breakpoint <(splats <(printf '%s\n' "$@" "$panic")); }

		judge "$oops" "[    1.5] Code: 54 55 53 66 <90> e8 41" || exit
		judge "${oops/Oops: }" "[    1.5] Code: 44 00 00 eb <10> 48" || exit
		! judge "$oops" "[    1.5] Code: 54 55 53 cc <90> e8 41" || exit
		! judge "$oops" || exit
		! judge "[    1.4] WARNING: CPU: 0 PID: 1 at net/core/sock.c:1" \
			"$oops" "[    1.5] Code: 54 55 53 66 <90> e8 41"
	)
}
