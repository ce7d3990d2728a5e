# SPDX-License-Identifier: GPL-2.0
#
# make			tcpx.ko for the running kernel
# make KDIR=FOLDER	for the kernel of these headers, or of this build folder
# make modules-all	build/RELEASE/tcpx.ko for all headers in /usr/src
# make samples		and build/RELEASE/samples/*.ko: algorithms of your own
# make install		into /lib/modules, with depmod
# make check demo bench lab	tests, main job, figures, a guest: see README.md
# make unit headers-check docs docs-check clean
# make conformance	Documentation/conformance.rst from the tests' results
# make performance	Documentation/performance.rst from what bench measured
# make layout		Documentation/layout.rst from the modules in build/
#
# W=1, C=2 (sparse), LLVM=1, ARCH=um and the like are passed to the kernel's
# build system. Each kernel has its own folder in build/, of links to the
# sources, so that builds for several kernels do not meet.

KDIR ?= /lib/modules/$(shell uname -r)/build

release := $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' \
	$(KDIR)/include/generated/utsrelease.h 2>/dev/null)
dir = build/$(release)$(if $(filter um,$(ARCH)),-um)
kbuild = $(MAKE) -C $(KDIR) M=$(CURDIR)/$(dir)

all: module
	@cmp -s $(dir)/tcpx.ko tcpx.ko || cp $(dir)/tcpx.ko tcpx.ko

module: links
	+@$(kbuild) modules

links: headers
	@mkdir -p $(dir)
	@cp -rsf $(CURDIR)/module $(CURDIR)/Kbuild $(dir)/
	@find $(dir) -xtype l -delete

samples: module
	@mkdir -p $(dir)/samples
	@cp -rsf $(CURDIR)/samples/cong/. $(dir)/samples/
	+@$(MAKE) -C $(KDIR) M=$(CURDIR)/$(dir)/samples \
		KBUILD_EXTRA_SYMBOLS=$(CURDIR)/$(dir)/Module.symvers modules

headers:
ifeq ($(release),)
	@echo "tcpx: there are no kernel headers in $(KDIR)." >&2
	@echo "Debian: apt install linux-headers-$$(uname -r)" >&2
	@echo "If there is no such package (a container, a custom kernel):" >&2
	@echo "'make KDIR=FOLDER' builds for other headers, 'make" \
		"modules-all' for all in /usr/src," >&2
	@echo "and 'make lab' boots a Debian kernel in a guest with tcpx" \
		"loaded." >&2
	@exit 1
else
	@:
endif

# Debian's, amd64 and cloud-amd64; others have no vmlinux for this machine.
all-kdirs := $(wildcard /usr/src/linux-headers-*-amd64)

modules-all: $(addprefix module-,$(notdir $(all-kdirs)))
ifeq ($(all-kdirs),)
	@echo "tcpx: there are no kernel headers in /usr/src." >&2
	@echo "Debian: apt install linux-headers-amd64" >&2
	@exit 1
endif

module-linux-headers-%:
	@$(MAKE) --no-print-directory KDIR=/usr/src/linux-headers-$* module

install: all
	+@$(kbuild) CONFIG_MODULE_SIG_ALL= modules_install
	depmod -a $(addprefix -b ,$(INSTALL_MOD_PATH)) $(release)

headers-check: links
	+@$(kbuild) TCPX_HEADERS_CHECK=1 modules

unit:
	@$(MAKE) --no-print-directory -C selftests TARGETS=unit run_tests

docs docs-check: arg = $(if $(filter docs-check,$@),--check)
docs docs-check:
	@scripts/state-diagram $(arg)
	@scripts/rfc-index $(arg)
	@selftests/state/transitions.py --check-rows

check demo bench lab conformance:
	@./scripts/$@

layout:
	@scripts/layout

performance:
	@/usr/bin/python3 scripts/bench.d/performance

# What was fetched and the debug kernels stay: make distclean.
clean:
	rm -rf $(patsubst %/module/tcpx.h,%,$(wildcard build/*/module/tcpx.h)) \
		tcpx.ko

distclean: clean
	rm -rf build

.PHONY: all module links samples headers modules-all install headers-check unit docs \
	docs-check check demo bench lab conformance performance layout clean \
	distclean
