/* SPDX-License-Identifier: GPL-2.0 */
/* 6.18: the filter says why */
static int probe_filter(struct sock *sk, struct sk_buff *skb)
{
	enum skb_drop_reason reason;

	return sk_filter_trim_cap(sk, skb, 1, &reason);
}
