/* SPDX-License-Identifier: GPL-2.0 */
/* Parse and build the options of a TCP header. */
#ifndef _TCPX_OPTIONS_H
#define _TCPX_OPTIONS_H

#include <linux/types.h>

#include "wire.h"

/* Options in host order. A member is valid when its bit is in @present. */
struct tcpx_options {
	u32 tsval;
	u32 tsecr;
	u16 mss;		/* SYN only, never 0 */
	u8 wscale;		/* SYN only, at most TCPX_WSCALE_MAX */
	u8 present;		/* TCPX_HAS_* */
	u8 sack_off;		/* SACK option: offset in the TCP header */
	u8 accecn_off;		/* AccECN option, the same */
	u8 accecn_len;		/* SYN,ACK to be built: bytes of it, or 0 */
	u8 cookie_len;		/* Fast Open, SYN only; 0: it is asked for */
	const u8 *cookie;	/* in what was parsed, or is to be built */
};

/* Byte counters of RFC 9768 3.2.3, modulo 2^24. */
struct tcpx_accecn_option {
	u32 ceb;
	u32 e0b;
	u32 e1b;
	u8 fields;		/* parsed: TCPX_ACCECN_*, which are there */
};

#define TCPX_ACCECN_CEB		0x1
#define TCPX_ACCECN_E0B		0x2
#define TCPX_ACCECN_E1B		0x4

void tcpx_options_parse(const u8 *opt, unsigned int len, bool syn,
			struct tcpx_options *out);
unsigned int tcpx_options_sack(const u8 *th, unsigned int hdr_len,
			       unsigned int sack_off,
			       struct tcpx_sack_block *blocks);

unsigned int tcpx_options_syn_size(const struct tcpx_options *opt);
unsigned int tcpx_options_build_syn(__be32 *to, const struct tcpx_options *opt);

/* How many SACK blocks fit beside the other options. */
static inline unsigned int tcpx_options_sack_room(bool ts)
{
	return ts ? TCPX_SACK_MAX_TS : TCPX_SACK_MAX;
}

/* Bytes of the options of a segment without SYN. */
static inline unsigned int tcpx_options_size(bool ts, unsigned int sack_nr)
{
	unsigned int size = ts ? TCPX_OPTLEN_TS_ALIGNED : 0;

	if (sack_nr)
		size += 2 + TCPX_OPTLEN_SACK_BASE +
			sack_nr * TCPX_OPTLEN_SACK_BLOCK;
	return size;
}

bool tcpx_options_accecn(const u8 *th, unsigned int hdr_len,
			 unsigned int off, struct tcpx_accecn_option *out);
void tcpx_options_build_accecn(__be32 *to, unsigned int size, bool is_one,
			       const struct tcpx_accecn_option *opt);
__be32 *tcpx_options_build_ts(__be32 *to, u32 tsval, u32 tsecr);
__be32 *tcpx_options_build_sack(__be32 *to, unsigned int nr,
				const struct tcpx_sack_block *blocks);

#endif /* _TCPX_OPTIONS_H */
