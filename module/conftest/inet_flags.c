/* SPDX-License-Identifier: GPL-2.0 */
/* 6.6: atomic bits, not bitfields */
static unsigned long *probe_inet_flags(struct inet_sock *inet)
{
	return &inet->inet_flags;
}
