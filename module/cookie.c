// SPDX-License-Identifier: GPL-2.0
/*
 * SYN cookies, RFC 4987 3.6: what a request would remember travels in the ISN
 * of the SYN,ACK and comes back with the ACK of it.
 *
 *	ISN	31                  4   3   1     0
 *		|        MAC          |  MSS  |  epoch  |
 *
 * The MAC is keyed and covers both addresses and ports, the namespace, the
 * peer's ISN, the epoch of 64 s and the MSS. Of all ISNs 16 are good at any
 * time, as many as a guess of 28 bits; native's has 29, and four sizes.
 *
 * With timestamps the options travel in the lowest bits of the first TSval:
 *
 *	TSval	31    10    9      8    7         4  3          0
 *		| clock | ECN | SACK | our scale | their scale |
 *
 * Without them there is no room: neither SACK, nor scaling, nor ECN.
 *
 * As no state is kept, an ACK that comes twice, the second time after the
 * connection is over, opens another one: within two minutes, by everybody's
 * cookies.
 *
 * Deviation: these ISNs follow no clock (RFC 9293 MUST-8), as everybody's.
 * A SYN that reopens a TIME-WAIT block gets none, so that MUST-8's purpose
 * holds where the old connection is known.
 */
#include "cookie.h"
#include "ip.h"
#include "listen.h"
#include "sock.h"
#include "wire.h"

#include <linux/minmax.h>
#include <linux/once.h>
#include <linux/siphash.h>
#include <linux/timekeeping.h>

#include <net/ipv6.h>
#include <net/net_namespace.h>

#define EPOCH_S		(TCPX_COOKIE_LIFE_S / 2)
#define EPOCH_BIT	0x1
#define MSS_SHIFT	1
#define MSS_MASK	0x7
#define MAC_MASK	0xfffffff0

#define TS_NO_WSCALE	0xf
#define TS_OUR_WSCALE	4	/* shift */
#define TS_SACK		0x100
#define TS_ECN		0x200
#define TS_OPTIONS	0x3ff

/*
 * Ascending. The first is for whoever offers less than IPv4's default; then
 * IPv6's minimum, tunnels and mobile networks, PPPoE, Ethernet, jumbo frames.
 */
static const u16 mss_table[MSS_MASK + 1] = {
	TCPX_MSS_MIN, 536, 1220, 1300, 1400, 1440, 1460, 8940,
};

static siphash_aligned_key_t cookie_key;

static u32 now_epoch(void)
{
	return (u32)ktime_get_seconds() / EPOCH_S;
}

static u32 mac(const struct tcpx_flow *flow, u32 irs, u32 epoch, u32 index)
{
	struct {
		struct in6_addr saddr;
		struct in6_addr daddr;
		u64 net;
		__be16 sport;
		__be16 dport;
		u32 irs;
		u32 epoch;
		u32 index;
	} __aligned(SIPHASH_ALIGNMENT) in = {
		.net = flow->net->net_cookie,
		.sport = flow->sport,
		.dport = flow->dport,
		.irs = irs,
		.epoch = epoch,
		.index = index,
	};

	/* Every byte is hashed. */
	BUILD_BUG_ON(sizeof(in) != 2 * 16 + 8 + 2 * 2 + 3 * 4);

	net_get_random_once(&cookie_key, sizeof(cookie_key));
	if (flow->family == AF_INET) {
		ipv6_addr_set_v4mapped(flow->saddr4, &in.saddr);
		ipv6_addr_set_v4mapped(flow->daddr4, &in.daddr);
	} else {
		in.saddr = flow->saddr6;
		in.daddr = flow->daddr6;
	}
	return siphash(&in, sizeof(in), &cookie_key) & MAC_MASK;
}

u32 tcpx_cookie_isn(const struct tcpx_flow *flow, u32 irs, u16 *mss)
{
	u32 epoch = now_epoch();
	u32 index = MSS_MASK;

	while (index && mss_table[index] > *mss)
		index--;
	*mss = mss_table[index];
	return mac(flow, irs, epoch, index) | index << MSS_SHIFT |
	       (epoch & EPOCH_BIT);
}

u16 tcpx_cookie_mss(const struct tcpx_flow *flow, u32 irs, u32 iss)
{
	u32 index = iss >> MSS_SHIFT & MSS_MASK;
	u32 epoch = now_epoch();

	/* Of this epoch or the last. */
	epoch -= (epoch ^ iss) & EPOCH_BIT;
	if (mac(flow, irs, epoch, index) != (iss & MAC_MASK))
		return 0;
	return mss_table[index];
}

u32 tcpx_cookie_ts(const struct tcpx_request *req, u32 clock)
{
	u32 options = TS_NO_WSCALE, ts;

	if (req->wscale_ok)
		options = req->snd_wscale | req->rcv_wscale << TS_OUR_WSCALE;
	if (req->sack_ok)
		options |= TS_SACK;
	if (req->ecn)
		options |= TS_ECN;

	ts = (clock & ~TS_OPTIONS) | options;
	/* What is sent next must not be older. */
	if (options > (clock & TS_OPTIONS))
		ts -= TS_OPTIONS + 1;
	return ts;
}

void tcpx_cookie_take_ts(struct tcpx_request *req, u32 ts)
{
	u8 theirs = ts & TS_NO_WSCALE;
	u8 ours = ts >> TS_OUR_WSCALE & TS_NO_WSCALE;

	req->sack_ok = !!(ts & TS_SACK);
	if (ts & TS_ECN)
		req->ecn = TCPX_ECN_SEND | TCPX_ECN_RECEIVE;
	req->wscale_ok = theirs != TS_NO_WSCALE;
	req->snd_wscale = req->wscale_ok ? theirs : 0;
	/* A peer that echoes what it likes harms itself alone. */
	req->rcv_wscale = req->wscale_ok ? min_t(u8, ours, TCPX_WSCALE_MAX) : 0;
}
