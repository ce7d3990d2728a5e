#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Fuzzes the option parser for FUZZ_SECONDS (20) from nothing.
set -eu
cd "$(dirname "$0")"

seconds=${FUZZ_SECONDS:-20}

echo "TAP version 13"
echo "1..1"
if ./fuzz_options -max_len=41 -max_total_time="$seconds" \
		-print_final_stats=1 -artifact_prefix=/tmp/tcpx-fuzz- \
		> >(sed 's/^/# /') 2> >(sed 's/^/# /'); then
	echo "ok 1 option parser, $seconds s"
else
	echo "not ok 1 option parser, $seconds s"
	exit 1
fi
