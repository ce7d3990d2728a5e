/* SPDX-License-Identifier: GPL-2.0 */
/* 6.8: those of IPv6 as well */
static unsigned long probe_inet6_flags(void)
{
	return INET_FLAGS_RECVERR6;
}
