/* SPDX-License-Identifier: GPL-2.0 */
/* 6.11: which clock a delivery time is of */
static void probe_skb_clock(struct sk_buff *skb)
{
	skb_set_delivery_time(skb, 0, SKB_CLOCK_MONOTONIC);
}
