/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _TCPX_RACK_H
#define _TCPX_RACK_H

#include <linux/types.h>

/* Of the knob `recovery`, as native's. */
#define TCPX_RACK_ON		0x1	/* else RFC 6675's IsLost() */
#define TCPX_RACK_STATIC	0x2	/* D-SACKs do not widen the window */
#define TCPX_RACK_NO_DUPTHRESH	0x4	/* many SACKed do not close it */

/* Of the knob `early_retrans`, as native's: from here on with tail probes. */
#define TCPX_RACK_PROBES	3

/* RACK.* and TLP.* of RFC 8985; rack.c. */
struct tcpx_rack {
	u64 xmit_ns;		/* RACK.xmit_ts: sent last of what arrived */
	u32 rtt_us;		/* RACK.rtt, of that */
	u32 end_seq;		/* RACK.end_seq */
	u32 fack;		/* RACK.fack: highest that arrived */
	u32 dsack_round;	/* SND.NXT when the window was widened */
	u32 probe_end;		/* TLP.end_seq */
	u8 reo_wnd_mult;	/* beyond one */
	u8 reo_wnd_persist;
	u8 is_used:1;		/* SACK, and the knob of when it was agreed */
	u8 is_static:1;		/* TCPX_RACK_STATIC */
	u8 no_dupthresh:1;	/* TCPX_RACK_NO_DUPTHRESH */
	u8 probes:1;		/* tail loss probes are sent */
	u8 has_fack:1;
	u8 has_dsack_round:1;
	u8 reordering_seen:1;
	u8 has_probe:1;		/* @probe_end is valid: a probe is in flight */
	u8 probe_is_retrans:1;
};

#endif /* _TCPX_RACK_H */
