/* SPDX-License-Identifier: GPL-2.0 */
/* 6.6: the number of entries is given, no entry ends the table */
static void *probe_sysctl(struct net *net, struct ctl_table *table)
{
	return register_net_sysctl_sz(net, "", table, 1);
}
