/* SPDX-License-Identifier: GPL-2.0 */
/* 6.16: memory of devices */
static void *probe_zerocopy(struct sock *sk)
{
	return msg_zerocopy_realloc(sk, 1, NULL, false);
}
