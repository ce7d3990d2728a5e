# SPDX-License-Identifier: GPL-2.0
# Sourced after kernels.sh: a root in the guest's memory for --icount. There
# a wait for the host would let guest time jump to the next timer, so nothing
# may be read from the host while a test runs.

RAM_PACKAGES="bash dash coreutils diffutils findutils grep sed mawk gawk make
	perl-base procps psmisc util-linux mount kmod iproute2 ethtool
	iputils-ping iperf3 tcpdump nftables busybox busybox-static libc-bin
	netbase base-files base-passwd python3-minimal python3.11-minimal
	libpython3.11-minimal libpython3.11-stdlib"
RAM_NOT="test|tkinter|pydoc_data|idlelib|ensurepip|lib2to3|distutils"
RAM_NOT+="|dist-packages|config-[^/]*"
RAM_MODULES="virtio_pci 9p 9pnet_virtio tun veth dummy ifb macvlan bridge ipip
	sch_netem sch_fq sch_fq_codel sch_tbf sch_htb sch_ingress cls_u32
	cls_matchall act_mirred act_gact nf_conntrack nf_tables nft_ct nft_nat
	nft_masq nft_limit nft_log nft_reject nft_reject_inet inet_diag tcp_diag
	tcp_bbr tcp_dctcp e1000e virtio_net vmxnet3"

# ramroot_prepare RELEASE: the part that stays the same between runs.
ramroot_prepare() {
	local image=$KERNELS/$1/ram.cpio

	! newer_than "$image" /var/lib/dpkg/status \
		"$ROOT/scripts/lib/ramroot.sh" ||
		with_lock kernels ramroot_build "$1" "$image"
}

ramroot_build() {
	local tmp

	msg "collecting programs for guests whose root is in memory"
	tmp=$(mktemp -d "$KERNELS/ram.XXXXXX")
	mkdir -p "$tmp/new"
	ramroot_skeleton "$tmp/new"
	ramroot_files | sort -u > "$tmp/files"
	{ cat "$tmp/files"; ramroot_libraries "$tmp/files"; } | sort -u |
		tar -C / -c --no-recursion -T - 2>/dev/null |
		tar -C "$tmp/new" -x
	rm "$tmp/files"
	ramroot_modules "$1" "$tmp/new/usr/lib/modules/$1"
	pack_folder "$tmp" > "$2.new"
	mv "$2.new" "$2"
	rm -r "$tmp"
}

ramroot_skeleton() {
	local dir

	mkdir -p "$1"/{dev,proc,sys,run,tmp,root,etc,usr/{bin,sbin,lib,lib64}}
	for dir in bin sbin lib lib64; do
		ln -s usr/$dir "$1/$dir"
	done
	cp -a /etc/{passwd,group,nsswitch.conf,services,protocols,alternatives} \
		/etc/ld.so.cache "$1/etc/"
	[ ! -d /etc/iproute2 ] || cp -a /etc/iproute2 "$1/etc/"
}

# ramroot_files: without the leading slash, with /usr merged.
ramroot_files() {
	{
		# shellcheck disable=SC2086
		dpkg -L $RAM_PACKAGES 2>/dev/null
		find /usr/lib/python3.11 -name '*.pyc'
		echo /usr/bin/awk
	} | sed -E 's,^/((s?bin|lib|lib64)/),/usr/\1,' |
	grep -E '^/usr/(s?bin|lib|lib64|libexec|share/iproute2)/' |
	grep -vE "/python3[^/]*/($RAM_NOT)/" |
	while read -r file; do
		[ -d "$file" ] && [ ! -L "$file" ] || echo "${file#/}"
	done
}

ramroot_libraries() {
	(cd / && grep -E 'bin/|\.so' "$1" | xargs ldd 2>/dev/null) |
		grep -oE '/(usr/)?lib[^ :]*\.so[^ :]*' |
		sed -E 's,^/(lib|lib64)/,/usr/\1/,' | sort -u |
	while read -r file; do
		echo "${file#/}"
		readlink -f "$file" | sed 's,^/,,'
	done
}

ramroot_modules() {
	local dir=$KERNELS/$1/lib/modules/$1 file

	mkdir -p "$2"
	# shellcheck disable=SC2086
	modprobe -d "$KERNELS/$1" -S "$1" --show-depends -a $RAM_MODULES \
		2>/dev/null | awk '$1 == "insmod" { print $2 }' | sort -u |
	while read -r file; do
		file=${file#"$dir/"}
		mkdir -p "$2/${file%/*}"
		cp "$dir/$file" "$2/$file"
	done
	cp "$dir"/modules.{builtin,builtin.modinfo,order} "$2/"
	depmod -b "${2%/lib/modules/*}" "$1" 2>/dev/null || :
}

# ramroot_initrd RELEASE INITRD DIR: DIR/initrd, INITRD with the tree as it is
# now.
ramroot_initrd() {
	local tree=$3/ram/new$ROOT

	mkdir -p "$tree/build"
	cp -a "$ROOT"/{selftests,tools,scripts,module,Makefile,Kbuild} \
		"$tree/" 2>/dev/null || :
	[ ! -d "$BUILD/kselftest" ] || cp -a "$BUILD/kselftest" "$tree/build/"
	pack_folder "$3/ram" > "$3/tree.cpio"
	cp "$2" "$3/initrd"
	truncate -s %4 "$3/initrd"
	cat "$KERNELS/$1/ram.cpio" "$3/tree.cpio" >> "$3/initrd"
	rm -r "$3/ram" "$3/tree.cpio"
}
