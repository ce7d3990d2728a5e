# SPDX-License-Identifier: GPL-2.0
#
# kselftest's lib.mk, taken from Debian's linux-source package at build time,
# with the two things that it lacks outside a kernel tree: a place for the
# programs and the timeout of the folder's `settings` file.

ROOT := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)
KSFT ?= $(ROOT)/build/kselftest/tools/testing/selftests
OUTPUT ?= $(CURDIR)

ifeq ($(kselftest_override_timeout),)
export kselftest_override_timeout := \
	$(shell sed -n 's/^timeout=//p' settings 2>/dev/null)
endif

CFLAGS += -O2 -g -Wall -I$(KSFT)
LOCAL_HDRS += $(ROOT)/selftests/lib.h $(ROOT)/module/uapi/tcpx.h

all:

$(KSFT)/lib.mk:
	$(ROOT)/scripts/kselftest-fetch

include $(KSFT)/lib.mk
