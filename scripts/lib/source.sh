# SPDX-License-Identifier: GPL-2.0
# Sourced after deps.sh: Debian's kernel source, for the debug kernels and
# for kselftest.

SOURCE_PACKAGE=linux-source-6.12
SOURCE_TAR=/usr/src/$SOURCE_PACKAGE.tar.xz
SOURCE=$BUILD/src/$SOURCE_PACKAGE

source_version() {
	with_lock apt need_packages $SOURCE_PACKAGE xz-utils >&2
	dpkg-query -W -f='${Version}\n' $SOURCE_PACKAGE
}

source_unpack() {
	local stamp=$SOURCE/.unpacked version

	version=$(source_version)
	[ "$(cat "$stamp" 2>/dev/null)" != "$version" ] || return 0
	msg "unpacking $SOURCE_PACKAGE"
	rm -rf "$SOURCE"
	mkdir -p "$SOURCE"
	tar -C "$SOURCE" --strip-components=1 -xf "$SOURCE_TAR"
	echo "$version" > "$stamp"
}
