# SPDX-License-Identifier: GPL-2.0
# Sourced after common.sh: packages that are missing are installed by apt.

# What each job needs. The build and the lab share most of it.
DEPS_BUILD="build-essential bc bison flex libelf-dev libssl-dev kmod cpio
	xz-utils python3"
DEPS_GUEST="qemu-system-x86 busybox|busybox-static iproute2 iputils-ping
	ethtool procps psmisc netbase cpio kmod xz-utils"
DEPS_TEST="sparse clang libclang-rt-14-dev iperf3 tshark tcpdump curl
	netcat-openbsd nftables perl"

apt_updated=
apt_update_once() {
	[ -z "$apt_updated" ] || return 0
	msg "apt-get update"
	apt-get -qq update >&2 || msg "apt-get update failed: going on"
	apt_updated=y
}

package_installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = \
		installed ]
}

# need_packages NAME...: A|B is satisfied by either; B is what is installed.
need_packages() {
	local want missing=()

	for want in "$@"; do
		package_installed "${want%%|*}" ||
			package_installed "${want##*|}" ||
			missing+=("${want##*|}")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	need_root
	apt_update_once
	msg "installing ${missing[*]}"
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
		--no-install-recommends install "${missing[@]}" \
		</dev/null >"$BUILD/apt.log" 2>&1 ||
		{ tail -20 "$BUILD/apt.log" >&2; die "apt-get install failed"; }
}

# installed_release SERIES FLAVOUR: the newest release with headers installed.
installed_release() {
	dpkg-query -W -f='${db:Status-Status} ${Package}\n' 'linux-headers-*' \
		2>/dev/null |
		sed -n 's/^installed linux-headers-//p' | releases_of "$1" "$2"
}

# available_release SERIES FLAVOUR: the newest release that apt has.
available_release() {
	local release

	for release in $(apt-cache pkgnames "linux-headers-$1." |
			 sed 's/^linux-headers-//' | all_releases_of "$1" "$2")
	do
		if apt-cache show "linux-headers-$release" >/dev/null 2>&1; then
			echo "$release"
			return
		fi
	done
}

all_releases_of() {
	grep -E "^${1//./\\.}\.[0-9][0-9.]*(-[0-9]+|\+deb12)-$2\$" | sort -rV
}

releases_of() { all_releases_of "$1" "$2" | head -1; }

# need_headers [SERIES [FLAVOUR]]: headers for each series and flavour that
# the module is built for; installed ones stay as they are.
need_headers() {
	local series flavour release packages=()

	for series in ${1:-6.1 6.12}; do
		for flavour in ${2:-amd64 cloud-amd64}; do
			[ -z "$(installed_release "$series" "$flavour")" ] ||
				continue
			apt_update_once
			release=$(available_release "$series" "$flavour")
			[ -n "$release" ] ||
				die "apt knows no linux-headers for $series"
			packages+=("linux-headers-$release")
		done
	done
	[ ${#packages[@]} -eq 0 ] || need_packages "${packages[@]}"
}
