/* SPDX-License-Identifier: GPL-2.0 */
/* 6.3: drops by IP_MINTTL have a reason of their own */
static int probe_drop_minttl(void)
{
	return SKB_DROP_REASON_TCP_MINTTL;
}
