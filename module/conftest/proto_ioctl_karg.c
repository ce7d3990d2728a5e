/* SPDX-License-Identifier: GPL-2.0 */
/* 6.5: proto.ioctl answers in kernel memory */
static int probe_ioctl(struct proto *prot, struct sock *sk)
{
	int *karg = NULL;

	return prot->ioctl(sk, 0, karg);
}
