# SPDX-License-Identifier: GPL-2.0
# Sourced by the scripts: where things are, messages, packages, locks.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$ROOT/build
export LC_ALL=C

msg() { echo "${0##*/}: $*" >&2; }
die() { msg "$*"; exit 1; }

# need_root: packages and guests with the whole machine's files need it.
need_root() { [ "$(id -u)" -eq 0 ] || die "must be run as root"; }

# with_lock NAME COMMAND...: one at a time in this tree.
with_lock() {
	local name=$1 fd rc=0

	shift
	mkdir -p "$BUILD"
	exec {fd}>"$BUILD/.lock-$name"
	flock "$fd"
	"$@" || rc=$?
	exec {fd}>&-
	return $rc
}

# newer_than FILE PATH...: is any file under the paths newer than FILE?
newer_than() {
	local file=$1

	shift
	[ -e "$file" ] || return 0
	[ -n "$(find "$@" -newer "$file" -type f -print -quit 2>/dev/null)" ]
}
