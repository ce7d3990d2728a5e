// SPDX-License-Identifier: GPL-2.0
/* libFuzzer: any bytes as options; what is found must lie inside. */
#include <stdlib.h>
#include <string.h>

#include "options.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void check(bool right)
{
	if (!right)
		abort();
}

static void parse(const u8 *th, unsigned int hdr_len, bool syn)
{
	struct tcpx_sack_block blocks[TCPX_SACK_MAX];
	struct tcpx_accecn_option accecn;
	struct tcpx_options opt;
	unsigned int nr;

	tcpx_options_parse(th + TCPX_HDR_LEN, hdr_len - TCPX_HDR_LEN, syn,
			   &opt);
	check(opt.wscale <= TCPX_WSCALE_MAX);
	check(!(opt.present & TCPX_HAS_MSS) || opt.mss);
	if (opt.present & TCPX_HAS_FASTOPEN) {
		check(syn && opt.cookie_len <= TCPX_TFO_COOKIE_MAX);
		check(opt.cookie[-2] == TCPX_OPT_FASTOPEN);
		check(opt.cookie[-1] == opt.cookie_len + 2);
		check(opt.cookie + opt.cookie_len <= th + hdr_len);
	}
	if (opt.present & TCPX_HAS_ACCECN) {
		check(tcpx_options_accecn(th, hdr_len, opt.accecn_off,
					  &accecn));
		check(accecn.ceb >> 24 == 0 && accecn.e0b >> 24 == 0 &&
		      accecn.e1b >> 24 == 0);
	}
	if (syn) {
		check(!(opt.present & TCPX_HAS_SACK));
		return;
	}

	check(!(opt.present & ~(TCPX_HAS_TS | TCPX_HAS_SACK |
				TCPX_HAS_ACCECN)));
	if (opt.present & TCPX_HAS_SACK) {
		check(th[opt.sack_off] == TCPX_OPT_SACK);
		nr = tcpx_options_sack(th, hdr_len, opt.sack_off, blocks);
		check(nr >= 1 && nr <= TCPX_SACK_MAX);
	}
}

/* The first octet says where the readers look, the rest are options. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct tcpx_sack_block blocks[TCPX_SACK_MAX];
	struct tcpx_accecn_option accecn;
	unsigned int hdr_len;
	u8 *th;

	if (!size || size - 1 > TCPX_OPTIONS_LEN_MAX)
		return -1;

	hdr_len = TCPX_HDR_LEN + size - 1;
	th = calloc(1, hdr_len);
	memcpy(th + TCPX_HDR_LEN, data + 1, size - 1);
	parse(th, hdr_len, true);
	parse(th, hdr_len, false);
	tcpx_options_sack(th, hdr_len, data[0], blocks);
	tcpx_options_accecn(th, hdr_len, data[0], &accecn);
	free(th);
	return 0;
}
