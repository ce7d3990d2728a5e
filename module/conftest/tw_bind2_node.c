/* SPDX-License-Identifier: GPL-2.0 */
/* 6.1: TIME-WAITs have a list of their own in a bind2 bucket; not in 6.12 */
static struct hlist_node *probe_tw_bind2_node(struct inet_timewait_sock *tw)
{
	return &tw->tw_bind2_node;
}
