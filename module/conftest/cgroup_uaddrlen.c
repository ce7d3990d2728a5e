/* SPDX-License-Identifier: GPL-2.0 */
/* 6.7: cgroup programs may change the length of an address */
#include <linux/bpf-cgroup.h>

static int probe_cgroup(struct sock *sk, struct sockaddr *uaddr, int *len)
{
	return BPF_CGROUP_RUN_PROG_INET4_CONNECT(sk, uaddr, len);
}
