// SPDX-License-Identifier: GPL-2.0
/*
 * A congestion control algorithm for tcpx in a module of its own: the window is
 * a fixed number of segments, whatever is lost. Not for networks that others
 * use as well; an example of how little an algorithm of your own needs.
 *
 *	make -C samples/cong
 *	insmod build/$(uname -r)/samples/tcpx_cong_fixed.ko segments=20
 *	sysctl net.tcpx.congestion_control=fixed
 */
#include <linux/minmax.h>
#include <linux/module.h>

#include "cong.h"

static unsigned int segments = 10;
module_param(segments, uint, 0644);
MODULE_PARM_DESC(segments, "the window of new connections (1 to 10000)");

/* What this algorithm keeps of one connection: tcpx makes and frees it. */
struct fixed {
	u32 segments;
};

static u32 window(struct tcpx_cong *cong)
{
	const struct fixed *fixed = cong->priv;

	return min(fixed->segments * cong->smss, TCPX_CONG_CWND_MAX);
}

static void tcpx_cong_fixed_init(struct tcpx_cong *cong)
{
	struct fixed *fixed = cong->priv;

	fixed->segments = clamp(READ_ONCE(segments), 1U, 10000U);
}

static u32 tcpx_cong_fixed_ssthresh(struct tcpx_cong *cong, u32 flight)
{
	return window(cong);
}

static void tcpx_cong_fixed_acked(struct tcpx_cong *cong,
				  const struct tcpx_cong_ack *ack)
{
	cong->cwnd = window(cong);
}

static struct tcpx_cong_ops tcpx_cong_fixed = {
	.name = "fixed",
	.owner = THIS_MODULE,
	.flags = TCPX_CONG_F_RESTRICTED,
	.priv_size = sizeof(struct fixed),
	.init = tcpx_cong_fixed_init,
	.ssthresh = tcpx_cong_fixed_ssthresh,
	.acked = tcpx_cong_fixed_acked,
};

static int __init tcpx_cong_fixed_load(void)
{
	return tcpx_cong_register(&tcpx_cong_fixed);
}

static void __exit tcpx_cong_fixed_unload(void)
{
	tcpx_cong_unregister(&tcpx_cong_fixed);
}

module_init(tcpx_cong_fixed_load);
module_exit(tcpx_cong_fixed_unload);

MODULE_DESCRIPTION("tcpx: a fixed congestion window, an example");
MODULE_LICENSE("GPL");
