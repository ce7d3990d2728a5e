/* SPDX-License-Identifier: GPL-2.0 */
/* What is on the wire: header layout, flags, option kinds, limits. */
#ifndef _TCPX_WIRE_H
#define _TCPX_WIRE_H

#include <linux/types.h>

/* Sizes of the header, bytes; RFC 9293 3.1. */
#define TCPX_HDR_LEN		20
#define TCPX_HDR_LEN_MAX	60
#define TCPX_OPTIONS_LEN_MAX	(TCPX_HDR_LEN_MAX - TCPX_HDR_LEN)

/* Control bits: the low octet, and AE from the octet before (RFC 9768). */
#define TCPX_FLAG_FIN		0x001
#define TCPX_FLAG_SYN		0x002
#define TCPX_FLAG_RST		0x004
#define TCPX_FLAG_PSH		0x008
#define TCPX_FLAG_ACK		0x010
#define TCPX_FLAG_URG		0x020
#define TCPX_FLAG_ECE		0x040
#define TCPX_FLAG_CWR		0x080
#define TCPX_FLAG_AE		0x100
#define TCPX_FLAG_MASK		0x1ff

/* Option kinds and the lengths that make them legal, bytes. */
#define TCPX_OPT_EOL		0
#define TCPX_OPT_NOP		1
#define TCPX_OPT_MSS		2	/* RFC 9293 3.2 */
#define TCPX_OPT_WSCALE		3	/* RFC 7323 2.2 */
#define TCPX_OPT_SACK_OK	4	/* RFC 2018 2 */
#define TCPX_OPT_SACK		5	/* RFC 2018 3 */
#define TCPX_OPT_TS		8	/* RFC 7323 3.2 */
#define TCPX_OPT_FASTOPEN	34	/* RFC 7413 4.1.1 */
#define TCPX_OPT_ACCECN0	172	/* RFC 9768 3.2.3: ECT(0) first */
#define TCPX_OPT_ACCECN1	174	/* ECT(1) first */

#define TCPX_OPTLEN_MSS		4
#define TCPX_OPTLEN_WSCALE	3
#define TCPX_OPTLEN_SACK_OK	2
#define TCPX_OPTLEN_SACK_BASE	2
#define TCPX_OPTLEN_SACK_BLOCK	8
#define TCPX_OPTLEN_TS		10
#define TCPX_OPTLEN_TS_ALIGNED	12	/* with its two NOPs */
#define TCPX_OPTLEN_ACCECN_BASE	2	/* and 0 to 3 counters of 3 bytes */
#define TCPX_OPTLEN_ACCECN_SHORT 8	/* two counters */
#define TCPX_OPTLEN_ACCECN_ALIGNED 12	/* three, with a NOP */
#define TCPX_OPTLEN_FASTOPEN_BASE 2	/* that is all: a cookie is asked for */

/* Limits. */
#define TCPX_MSS_DEFAULT_V4	536	/* RFC 9293 3.7.1 MUST-15 */
#define TCPX_MSS_DEFAULT_V6	1220
#define TCPX_MSS_MIN		48	/* a smaller MSS option is raised */
#define TCPX_MSS_MAX		65535
#define TCPX_WINDOW_MAX		65535	/* without scaling */
#define TCPX_WSCALE_MAX		14	/* RFC 7323 2.3 */
#define TCPX_SACK_MAX		4	/* blocks in one header */
#define TCPX_SACK_MAX_TS	3	/* the same beside timestamps */
#define TCPX_TFO_COOKIE_MIN	4	/* bytes, even; RFC 7413 4.1.1 */
#define TCPX_TFO_COOKIE_MAX	16
#define TCPX_ACCECN_E0B_INIT	1	/* RFC 9768 3.2.1 */
#define TCPX_ACCECN_E1B_INIT	1
#define TCPX_MSL_NS		(30ULL * 1000 * 1000 * 1000)
#define TCPX_PAWS_IDLE_S	(24 * 24 * 3600) /* RFC 7323 5.5: 24 days */

/* Bits of tcpx_seg.options: which options are present. */
#define TCPX_HAS_TS		0x01
#define TCPX_HAS_SACK		0x02
#define TCPX_HAS_MSS		0x04	/* this and the next: SYN only */
#define TCPX_HAS_WSCALE		0x08
#define TCPX_HAS_SACK_OK	0x10
#define TCPX_HAS_FASTOPEN	0x20
#define TCPX_HAS_ACCECN		0x40

/*
 * A received segment in host order: made once by demux.c in skb->cb, the
 * TCP header is not read again. Names as in RFC 9293 3.3.1. GRO can merge
 * segments to more than 64 KB, hence @len.
 */
struct tcpx_seg {
	u32 seq;		/* SEG.SEQ */
	u32 end_seq;		/* SEG.SEQ + SEG.LEN, SYN and FIN count one */
	u32 ack;		/* SEG.ACK, valid with TCPX_FLAG_ACK */
	u32 len;		/* payload bytes: no SYN, no FIN */
	u32 tsval;		/* these two valid with TCPX_HAS_TS */
	u32 tsecr;
	int iif;		/* interface it came by; of IP's view of it */
	int sdif;		/* the same below a VRF, else 0 */
	u16 wnd;		/* SEG.WND, not scaled */
	u16 flags;		/* TCPX_FLAG_* */
	u16 urp;		/* SEG.UP, valid with TCPX_FLAG_URG */
	u8 hdr_len;		/* TCP header with options, bytes */
	u8 options;		/* TCPX_HAS_* */
	u8 sack_off;		/* SACK option: offset in the TCP header */
	u8 accecn_off;		/* AccECN option, the same */
	u8 ecn;			/* IP ECN field, INET_ECN_* */
};

struct tcpx_sack_block {
	u32 start;		/* first sequence number received */
	u32 end;		/* the one after the last */
};

/* Both for unaligned addresses; compilers make one load of each. */
static inline u16 tcpx_wire_be16(const u8 *p)
{
	return p[0] << 8 | p[1];
}

static inline u32 tcpx_wire_be32(const u8 *p)
{
	return (u32)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* The nine control bits of the TCP header at @th. */
static inline u16 tcpx_wire_flags(const u8 *th)
{
	return tcpx_wire_be16(th + 12) & TCPX_FLAG_MASK;
}

/* Data Offset of the TCP header at @th, bytes; below 20 it is illegal. */
static inline u8 tcpx_wire_hdr_len(const u8 *th)
{
	return (th[12] >> 4) * 4;
}

/* SEG.LEN beyond the payload: SYN and FIN occupy one number each. */
static inline u32 tcpx_wire_syn_fin(u16 flags)
{
	return !!(flags & TCPX_FLAG_SYN) + !!(flags & TCPX_FLAG_FIN);
}

#endif /* _TCPX_WIRE_H */
