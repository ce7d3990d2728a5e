/* SPDX-License-Identifier: GPL-2.0 */
/* 6.12: flow labels of a socket moved from ipv6_pinfo to inet_sock */
static void probe_inet_fl_list(struct inet_sock *inet)
{
	RCU_INIT_POINTER(inet->ipv6_fl_list, NULL);
}
