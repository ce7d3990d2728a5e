// SPDX-License-Identifier: GPL-2.0
/* Options of a TCP header: parse what the peer sent, build what we send. */
#include "options.h"

#include <linux/minmax.h>
#include <linux/string.h>
#include <asm/byteorder.h>

/* What nearly every segment begins with, RFC 7323 appendix A. */
#define TS_ALIGNED	(TCPX_OPT_NOP << 24 | TCPX_OPT_NOP << 16 | \
			 TCPX_OPT_TS << 8 | TCPX_OPTLEN_TS)

#define COUNTER_LEN	3		/* RFC 9768 3.2.3, bytes */

static const struct tcpx_accecn_option accecn_initial = {
	.e0b = TCPX_ACCECN_E0B_INIT,
	.e1b = TCPX_ACCECN_E1B_INIT,
};

static void take_timestamps(const u8 *opt, struct tcpx_options *out)
{
	out->tsval = tcpx_wire_be32(opt + 2);
	out->tsecr = tcpx_wire_be32(opt + 6);
	out->present |= TCPX_HAS_TS;
}

static bool is_sack_len_legal(unsigned int size)
{
	return size >= TCPX_OPTLEN_SACK_BASE + TCPX_OPTLEN_SACK_BLOCK &&
	       (size - TCPX_OPTLEN_SACK_BASE) % TCPX_OPTLEN_SACK_BLOCK == 0;
}

/* Even, and between the limits; an empty one asks for a cookie. */
static bool is_cookie_len_legal(unsigned int len)
{
	return !len || (len >= TCPX_TFO_COOKIE_MIN &&
			len <= TCPX_TFO_COOKIE_MAX && len % 2 == 0);
}

/*
 * RFC 7413 4.1.1. The experimental kind 254 with a magic number, which came
 * before kind 34, is an unknown option.
 */
static void take_fastopen(const u8 *opt, unsigned int size,
			  struct tcpx_options *out)
{
	unsigned int len = size - TCPX_OPTLEN_FASTOPEN_BASE;

	if (!is_cookie_len_legal(len))
		return;
	out->cookie = opt + TCPX_OPTLEN_FASTOPEN_BASE;
	out->cookie_len = len;
	out->present |= TCPX_HAS_FASTOPEN;
}

static bool is_accecn(const u8 *opt, unsigned int size)
{
	return (opt[0] == TCPX_OPT_ACCECN0 || opt[0] == TCPX_OPT_ACCECN1) &&
	       size <= TCPX_OPTLEN_ACCECN_BASE + 3 * COUNTER_LEN &&
	       (size - TCPX_OPTLEN_ACCECN_BASE) % COUNTER_LEN == 0;
}

/* @size was checked against the header; one wrong for the kind is ignored. */
static void take_option(const u8 *opt, unsigned int size, unsigned int at,
			struct tcpx_options *out)
{
	if (opt[0] == TCPX_OPT_TS && size == TCPX_OPTLEN_TS) {
		take_timestamps(opt, out);
	} else if (opt[0] == TCPX_OPT_SACK && is_sack_len_legal(size)) {
		out->sack_off = TCPX_HDR_LEN + at;
		out->present |= TCPX_HAS_SACK;
	} else if (is_accecn(opt, size)) {
		out->accecn_off = TCPX_HDR_LEN + at;
		out->present |= TCPX_HAS_ACCECN;
	}
}

/* Those that mean something on a SYN, and on no other segment but for AccECN. */
static void take_syn_option(const u8 *opt, unsigned int size, unsigned int at,
			    struct tcpx_options *out)
{
	if (opt[0] == TCPX_OPT_MSS && size == TCPX_OPTLEN_MSS) {
		out->mss = tcpx_wire_be16(opt + 2);
		if (out->mss)
			out->present |= TCPX_HAS_MSS;
		else
			out->present &= ~TCPX_HAS_MSS;
	} else if (opt[0] == TCPX_OPT_WSCALE && size == TCPX_OPTLEN_WSCALE) {
		/* RFC 7323 2.3: a larger shift count is used as 14 */
		out->wscale = min_t(u8, opt[2], TCPX_WSCALE_MAX);
		out->present |= TCPX_HAS_WSCALE;
	} else if (opt[0] == TCPX_OPT_SACK_OK && size == TCPX_OPTLEN_SACK_OK) {
		out->present |= TCPX_HAS_SACK_OK;
	} else if (opt[0] == TCPX_OPT_TS && size == TCPX_OPTLEN_TS) {
		take_timestamps(opt, out);
	} else if (opt[0] == TCPX_OPT_FASTOPEN) {
		take_fastopen(opt, size, out);
	} else if (is_accecn(opt, size)) {
		out->accecn_off = TCPX_HDR_LEN + at;
		out->present |= TCPX_HAS_ACCECN;
	}
}

/*
 * Parse @len bytes of options at @opt, which may have any alignment and any
 * content. RFC 9293 3.2: unknown options are skipped (MUST-6); what follows
 * an End of Option List or an illegal length is ignored (MUST-7, MUST-69).
 */
void tcpx_options_parse(const u8 *opt, unsigned int len, bool syn,
			struct tcpx_options *out)
{
	unsigned int size, at = 0;

	memset(out, 0, sizeof(*out));

	if (len >= TCPX_OPTLEN_TS_ALIGNED &&
	    tcpx_wire_be32(opt) == TS_ALIGNED) {
		take_timestamps(opt + 2, out);
		at = TCPX_OPTLEN_TS_ALIGNED;
	}

	while (at < len && opt[at] != TCPX_OPT_EOL) {
		if (opt[at] == TCPX_OPT_NOP) {
			at++;
			continue;
		}

		if (len - at < 2)
			return;
		size = opt[at + 1];
		if (size < 2 || size > len - at)
			return;

		if (syn)
			take_syn_option(opt + at, size, at, out);
		else
			take_option(opt + at, size, at, out);
		at += size;
	}
}

/*
 * Read the SACK option at @sack_off of the header @th into @blocks, which has
 * room for TCPX_SACK_MAX; return their number. The blocks are as the peer
 * wrote them: nothing is known about their order or range.
 */
unsigned int tcpx_options_sack(const u8 *th, unsigned int hdr_len,
			       unsigned int sack_off,
			       struct tcpx_sack_block *blocks)
{
	const u8 *opt = th + sack_off;
	unsigned int i, nr;

	if (sack_off + TCPX_OPTLEN_SACK_BASE > hdr_len ||
	    opt[1] > hdr_len - sack_off || !is_sack_len_legal(opt[1]))
		return 0;

	nr = (opt[1] - TCPX_OPTLEN_SACK_BASE) / TCPX_OPTLEN_SACK_BLOCK;
	nr = min_t(unsigned int, nr, TCPX_SACK_MAX);
	opt += TCPX_OPTLEN_SACK_BASE;
	for (i = 0; i < nr; i++, opt += TCPX_OPTLEN_SACK_BLOCK) {
		blocks[i].start = tcpx_wire_be32(opt);
		blocks[i].end = tcpx_wire_be32(opt + 4);
	}
	return nr;
}

/*
 * Read the AccECN option at @off of the header @th, RFC 9768 3.2.3: the counters
 * that fit into it. False if it is none.
 */
bool tcpx_options_accecn(const u8 *th, unsigned int hdr_len, unsigned int off,
			 struct tcpx_accecn_option *out)
{
	const u8 *opt = th + off;
	unsigned int i, nr;

	memset(out, 0, sizeof(*out));
	if (off + TCPX_OPTLEN_ACCECN_BASE > hdr_len || opt[1] > hdr_len - off ||
	    opt[1] < TCPX_OPTLEN_ACCECN_BASE || !is_accecn(opt, opt[1]))
		return false;

	nr = (opt[1] - TCPX_OPTLEN_ACCECN_BASE) / COUNTER_LEN;
	for (i = 0; i < nr; i++) {
		const u8 *at = opt + TCPX_OPTLEN_ACCECN_BASE + i * COUNTER_LEN;
		u32 counter = (u32)at[0] << 16 | at[1] << 8 | at[2];

		if (i == 1) {
			out->ceb = counter;
			out->fields |= TCPX_ACCECN_CEB;
		} else if ((i == 0) == (opt[0] == TCPX_OPT_ACCECN0)) {
			out->e0b = counter;
			out->fields |= TCPX_ACCECN_E0B;
		} else {
			out->e1b = counter;
			out->fields |= TCPX_ACCECN_E1B;
		}
	}
	return true;
}

static __be32 option_word(u8 a, u8 b, u8 c, u8 d)
{
	return cpu_to_be32((u32)a << 24 | b << 16 | c << 8 | d);
}

static unsigned int fastopen_size(const struct tcpx_options *opt)
{
	return (TCPX_OPTLEN_FASTOPEN_BASE + opt->cookie_len + 3) & ~3;
}

/* Bytes of the options of a SYN or SYN,ACK with these; a multiple of 4. */
unsigned int tcpx_options_syn_size(const struct tcpx_options *opt)
{
	unsigned int size = 0;
	u8 present = opt->present;

	if (present & TCPX_HAS_MSS)
		size += 4;
	if (present & TCPX_HAS_TS)
		size += TCPX_OPTLEN_TS_ALIGNED;
	else if (present & TCPX_HAS_SACK_OK)
		size += 4;
	if (present & TCPX_HAS_WSCALE)
		size += 4;
	if (present & TCPX_HAS_FASTOPEN)
		size += fastopen_size(opt);
	return size + opt->accecn_len;
}

static __be32 *build_fastopen(__be32 *to, const struct tcpx_options *opt)
{
	unsigned int size = fastopen_size(opt);
	u8 *at = (u8 *)to;

	memset(at, TCPX_OPT_NOP, size);
	at[0] = TCPX_OPT_FASTOPEN;
	at[1] = TCPX_OPTLEN_FASTOPEN_BASE + opt->cookie_len;
	if (opt->cookie_len)
		memcpy(at + TCPX_OPTLEN_FASTOPEN_BASE, opt->cookie,
		       opt->cookie_len);
	return to + size / sizeof(*to);
}

/*
 * Build the options of a SYN at @to, of which tcpx_options_syn_size() bytes
 * are written. SACK-permitted takes the place of the timestamps' NOPs.
 */
unsigned int tcpx_options_build_syn(__be32 *to, const struct tcpx_options *opt)
{
	__be32 *at = to;

	if (opt->present & TCPX_HAS_MSS)
		*at++ = option_word(TCPX_OPT_MSS, TCPX_OPTLEN_MSS,
				    opt->mss >> 8, opt->mss);
	if (opt->present & TCPX_HAS_TS) {
		at = tcpx_options_build_ts(at, opt->tsval, opt->tsecr);
		if (opt->present & TCPX_HAS_SACK_OK)
			at[-3] = option_word(TCPX_OPT_SACK_OK,
					     TCPX_OPTLEN_SACK_OK,
					     TCPX_OPT_TS, TCPX_OPTLEN_TS);
	} else if (opt->present & TCPX_HAS_SACK_OK) {
		*at++ = option_word(TCPX_OPT_NOP, TCPX_OPT_NOP,
				    TCPX_OPT_SACK_OK, TCPX_OPTLEN_SACK_OK);
	}
	if (opt->present & TCPX_HAS_WSCALE)
		*at++ = option_word(TCPX_OPT_NOP, TCPX_OPT_WSCALE,
				    TCPX_OPTLEN_WSCALE, opt->wscale);
	if (opt->present & TCPX_HAS_FASTOPEN)
		at = build_fastopen(at, opt);
	if (opt->accecn_len) {
		tcpx_options_build_accecn(at, opt->accecn_len, false,
					  &accecn_initial);
		at += opt->accecn_len / sizeof(*at);
	}
	return (at - to) * sizeof(*at);
}

/* Both of these return where the next option goes. */
__be32 *tcpx_options_build_ts(__be32 *to, u32 tsval, u32 tsecr)
{
	*to++ = cpu_to_be32(TS_ALIGNED);
	*to++ = cpu_to_be32(tsval);
	*to++ = cpu_to_be32(tsecr);
	return to;
}

/* A D-SACK goes first (RFC 2883 4): the order of @blocks is the caller's. */
__be32 *tcpx_options_build_sack(__be32 *to, unsigned int nr,
				const struct tcpx_sack_block *blocks)
{
	unsigned int i;

	if (!nr)
		return to;

	*to++ = option_word(TCPX_OPT_NOP, TCPX_OPT_NOP, TCPX_OPT_SACK,
			    TCPX_OPTLEN_SACK_BASE +
			    nr * TCPX_OPTLEN_SACK_BLOCK);
	for (i = 0; i < nr; i++) {
		*to++ = cpu_to_be32(blocks[i].start);
		*to++ = cpu_to_be32(blocks[i].end);
	}
	return to;
}

static u8 *store_counter(u8 *to, u32 counter)
{
	to[0] = counter >> 16;
	to[1] = counter >> 8;
	to[2] = counter;
	return to + COUNTER_LEN;
}

/* @size: TCPX_OPTLEN_ACCECN_SHORT or _ALIGNED; @is_one: ECT(1) comes first. */
void tcpx_options_build_accecn(__be32 *to, unsigned int size, bool is_one,
			       const struct tcpx_accecn_option *opt)
{
	bool all = size == TCPX_OPTLEN_ACCECN_ALIGNED;
	u8 *at = (u8 *)to;

	if (all)
		*at++ = TCPX_OPT_NOP;
	*at++ = is_one ? TCPX_OPT_ACCECN1 : TCPX_OPT_ACCECN0;
	*at++ = TCPX_OPTLEN_ACCECN_BASE + (all ? 3 : 2) * COUNTER_LEN;
	at = store_counter(at, is_one ? opt->e1b : opt->e0b);
	at = store_counter(at, opt->ceb);
	if (all)
		store_counter(at, is_one ? opt->e0b : opt->e1b);
}
