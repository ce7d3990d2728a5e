/* SPDX-License-Identifier: GPL-2.0 */
/* 6.5: MSG_SPLICE_PAGES in sendmsg */
static ssize_t probe_splice_from_iter(struct sk_buff *skb,
				      struct iov_iter *iter)
{
	return skb_splice_from_iter(skb, iter, 1, GFP_KERNEL);
}
