# SPDX-License-Identifier: GPL-2.0
# Sourced after deps.sh: stock kernels for the guests, unpacked and cached in
# build/kernels/RELEASE/{vmlinuz,initrd.gz,lib/modules/RELEASE}.

KERNELS=$BUILD/kernels

# What the first step of a guest needs before its root is mounted.
INITRD_MODULES="virtio_pci 9pnet_virtio 9p overlay"

# kernel_release SERIES: the stock kernel that stands for the series.
kernel_release() {
	local release

	release=$(installed_release "$1" amd64)
	if [ -z "$release" ]; then
		with_lock apt need_headers "$1" amd64 >&2
		release=$(installed_release "$1" amd64)
	fi
	echo "$release"
}

# kernel_prepare RELEASE: unpack its image and make the initramfs.
kernel_prepare() {
	[ -e "$KERNELS/$1/vmlinuz" ] || with_lock kernels kernel_unpack "$1"
	! newer_than "$KERNELS/$1/initrd.gz" "$ROOT/selftests/vm/initramfs-init" ||
		with_lock kernels kernel_initrd "$1"
}

kernel_unpack() {
	local dir=$KERNELS/$1 tmp

	[ ! -e "$dir/vmlinuz" ] || return 0
	mkdir -p "$KERNELS"
	tmp=$(mktemp -d "$KERNELS/unpack.XXXXXX")
	chmod 755 "$tmp"
	msg "downloading linux-image-$1"
	(cd "$tmp" && apt_download "linux-image-$1") ||
		{ rm -r "$tmp"; die "no linux-image-$1 to download"; }
	dpkg-deb -x "$tmp"/linux-image-*.deb "$tmp/root"
	mkdir -p "$dir"
	rm -rf "${dir:?}/lib"
	if [ -d "$tmp/root/usr/lib/modules" ]; then
		mv "$tmp/root/usr/lib" "$dir/lib"
	else
		mv "$tmp/root/lib" "$dir/lib"
	fi
	depmod -b "$dir" "$1"
	mv "$tmp/root/boot/vmlinuz-$1" "$dir/vmlinuz"
	rm -r "$tmp"
}

# apt_download PACKAGE: into this folder, by root or not.
apt_download() {
	apt-get -qq -o APT::Sandbox::User=root download "$1" >&2 2>/dev/null ||
		{ apt_update_once
		  apt-get -qq -o APT::Sandbox::User=root download "$1" >&2; }
}

# kernel_initrd RELEASE: busybox, a few modules, and our first script.
kernel_initrd() {
	local dir=$KERNELS/$1 tmp module file n=10

	tmp=$(mktemp -d "$KERNELS/initrd.XXXXXX")
	initrd_skeleton "$tmp"
	# shellcheck disable=SC2086
	for file in $(modprobe -d "$dir" -S "$1" --show-depends -a \
			$INITRD_MODULES 2>/dev/null |
		      awk '$1 == "insmod" && !seen[$2]++ { print $2 }'); do
		module=$(basename "$file")
		module=$((n++))-${module%%.*}.ko
		case $file in
		*.xz) xz -dc "$file" ;;
		*) cat "$file" ;;
		esac > "$tmp/modules/$module" || die "cannot unpack $file"
	done
	initrd_pack "$tmp" "$dir/initrd.gz"
}

initrd_skeleton() {
	local lib

	mkdir -p "$1"/{bin,dev,proc,sys,ro,rw,new,modules}
	cp "$(command -v busybox)" "$1/bin/busybox"
	for lib in $(ldd "$1/bin/busybox" 2>/dev/null | grep -o '/[^ ]*'); do
		mkdir -p "$1$(dirname "$lib")"
		cp -L "$lib" "$1$lib"
	done
	cp "$ROOT/selftests/vm/initramfs-init" "$1/init"
	chmod 755 "$1/init"
}

initrd_pack() {
	pack_folder "$1" | gzip -1 > "$2.new"
	mv "$2.new" "$2"
	rm -r "$1"
}

pack_folder() {
	(cd "$1" && find . -mindepth 1 | cpio --quiet -o -H newc -R 0:0)
}
