/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel differences. The module is written for the newest kernel; here older
 * ones get the newer names. What a kernel has is found out by compiling the
 * probes in conftest/, because stable updates move it.
 */
#ifndef _TCPX_COMPAT_H
#define _TCPX_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_MAJOR != 6 || LINUX_VERSION_PATCHLEVEL < 1 || \
	LINUX_VERSION_PATCHLEVEL > 12
#error "tcpx supports Linux 6.1 to 6.12; this is another one"
#endif

#include <linux/filter.h>
#include <linux/hrtimer.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/sysctl.h>
#include <linux/timer.h>
#include <linux/uaccess.h>
#include <net/inet_sock.h>
#include <net/ip6_fib.h>
#include <net/sock.h>

#include "conftest.h"

/* sock_rps_record_flow() was in sock.h. */
#ifdef TCPX_HAVE_NET_RPS
#include <net/rps.h>
#endif

/* skb_frag_unref() was in skbuff.h. */
#ifdef TCPX_HAVE_SKBUFF_REF
#include <linux/skbuff_ref.h>
#endif

/*
 * Operations whose prototype changed: write the new one as tcpx_NAME(), say
 * TCPX_DEFINE_*(tcpx_NAME) after it, and put TCPX_OP_*(tcpx_NAME) into the ops.
 */
#ifdef TCPX_HAVE_PROTO_ACCEPT_ARG
#define TCPX_OP_ACCEPT(name)		name
#define TCPX_DEFINE_ACCEPT(name)
#define TCPX_DEFINE_PROT_ACCEPT(name)
#else
struct proto_accept_arg {
	int flags;
	int err;
	int is_empty;
	bool kern;
};

#define TCPX_OP_ACCEPT(name)		name##_compat

/* proto_ops.accept */
#define TCPX_DEFINE_ACCEPT(name)					\
static int name##_compat(struct socket *sock, struct socket *newsock,	\
			 int flags, bool kern)				\
{									\
	struct proto_accept_arg arg = { .flags = flags, .kern = kern };	\
									\
	return name(sock, newsock, &arg);				\
}

/* proto.accept */
#define TCPX_DEFINE_PROT_ACCEPT(name)					\
static struct sock *name##_compat(struct sock *sk, int flags, int *err,	\
				  bool kern)				\
{									\
	struct proto_accept_arg arg = { .flags = flags, .kern = kern };	\
	struct sock *child = name(sk, &arg);				\
									\
	*err = arg.err;							\
	return child;							\
}
#endif

#ifdef TCPX_HAVE_PROTO_IOCTL_KARG
#define TCPX_OP_IOCTL(name)		name
#define TCPX_DEFINE_IOCTL(name)
#else
#define TCPX_OP_IOCTL(name)		name##_compat

/* proto.ioctl */
#define TCPX_DEFINE_IOCTL(name)						\
static int name##_compat(struct sock *sk, int cmd, unsigned long arg)	\
{									\
	int karg = 0, err = name(sk, cmd, &karg);			\
									\
	return err ?: put_user(karg, (int __user *)arg);		\
}
#endif

/* Members that some kernels do not have: each a whole initialiser. */
#ifdef TCPX_HAVE_IPV6_PINFO_OFFSET
#define TCPX_PROT_PINFO(type, member)					\
	.ipv6_pinfo_offset = offsetof(type, member),
#else
#define TCPX_PROT_PINFO(type, member)
#endif

#ifdef TCPX_HAVE_SENDPAGE
#define TCPX_OPS_SENDPAGE(name)		.sendpage = name,
#else
#define TCPX_OPS_SENDPAGE(name)
#endif

#ifdef TCPX_HAVE_SOCK_DIAG_OWNER
#define TCPX_DIAG_OWNER			.owner = THIS_MODULE,
#else
#define TCPX_DIAG_OWNER
#endif

#ifndef TCPX_HAVE_SOCKADDR_UNSIZED
#define sockaddr_unsized		sockaddr
#endif

/*
 * Tables end with an empty entry, which @size does not count: older kernels
 * stop at it, newer ones never see it.
 */
#ifndef TCPX_HAVE_REGISTER_NET_SYSCTL_SZ
#define register_net_sysctl_sz(net, path, table, size)			\
	register_net_sysctl(net, path, table)
#endif

/* The first parameter of a proc_handler points to one of these. */
#ifdef TCPX_HAVE_CTL_TABLE_CONST
#define TCPX_CTL_TABLE			const struct ctl_table
#else
#define TCPX_CTL_TABLE			struct ctl_table
#endif

/* cgroup programs learned to change the length of an address. */
#ifdef TCPX_HAVE_CGROUP_UADDRLEN
#define TCPX_CGROUP_CONNECT4(sk, uaddr, len)				\
	BPF_CGROUP_RUN_PROG_INET4_CONNECT(sk, uaddr, len)
#define TCPX_CGROUP_CONNECT6(sk, uaddr, len)				\
	BPF_CGROUP_RUN_PROG_INET6_CONNECT(sk, uaddr, len)
#else
#define TCPX_CGROUP_CONNECT4(sk, uaddr, len)				\
	BPF_CGROUP_RUN_PROG_INET4_CONNECT(sk, uaddr)
#define TCPX_CGROUP_CONNECT6(sk, uaddr, len)				\
	BPF_CGROUP_RUN_PROG_INET6_CONNECT(sk, uaddr)
#endif

#ifndef TCPX_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

#ifndef TCPX_HAVE_TIMER_DELETE_SYNC
#define timer_delete_sync(timer)	del_timer_sync(timer)
#endif

#ifndef timer_container_of
#define timer_container_of(var, timer, member)	from_timer(var, timer, member)
#endif

#ifndef TCPX_HAVE_SK_FILTER_REASON
#define sk_filter_trim_cap(sk, skb, cap, reason)			\
({									\
	*(reason) = SKB_DROP_REASON_SOCKET_FILTER;			\
	sk_filter_trim_cap(sk, skb, cap);				\
})
#endif

#ifndef TCPX_HAVE_ZEROCOPY_DEVMEM
#define msg_zerocopy_realloc(sk, size, uarg, devmem)			\
	msg_zerocopy_realloc(sk, size, uarg)
#define skb_zerocopy_iter_stream(sk, skb, msg, len, uarg, binding)	\
	skb_zerocopy_iter_stream(sk, skb, msg, len, uarg)
#endif

/* Before it, pages come one by one from proto_ops.sendpage: af.c, sendmsg.c. */
#ifndef TCPX_HAVE_SKB_SPLICE_FROM_ITER
#include <linux/bvec.h>
#include <linux/uio.h>

static inline ssize_t skb_splice_from_iter(struct sk_buff *skb,
					   struct iov_iter *iter, ssize_t len,
					   gfp_t gfp)
{
	unsigned int off = iter->bvec->bv_offset + iter->iov_offset;
	struct page *page = iter->bvec->bv_page;
	int i = skb_shinfo(skb)->nr_frags;

	if (skb_can_coalesce(skb, i, page, off)) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], len);
	} else if (i < MAX_SKB_FRAGS) {
		get_page(page);
		skb_fill_page_desc_noacc(skb, i, page, off, len);
	} else {
		return -EMSGSIZE;
	}
	skb_len_add(skb, len);
	iov_iter_advance(iter, len);
	return len;
}
#endif

#ifndef TCPX_HAVE_SKB_CLOCK
#define SKB_CLOCK_MONOTONIC		true
#endif

#ifndef dst_rt6_info
#define dst_rt6_info(dst)	container_of_const(dst, struct rt6_info, dst)
#endif

/* Flags of struct inet_sock and ipv6_pinfo that the module reads or writes. */
#ifndef TCPX_HAVE_INET_FLAGS
#define TCPX_INET_BIT_RECVERR			recverr
#define TCPX_INET_BIT_RECVERR_RFC4884		recverr_rfc4884
#define TCPX_INET_BIT_FREEBIND			freebind
#define TCPX_INET_BIT_TRANSPARENT		transparent
#define TCPX_INET_BIT_BIND_ADDRESS_NO_PORT	bind_address_no_port
#define TCPX_INET_BIT_DEFER_CONNECT		defer_connect
#define TCPX_INET_BIT_NODEFRAG			nodefrag
#define TCPX_INET_BIT_MC_LOOP			mc_loop
#define TCPX_INET_BIT_MC_ALL			mc_all
#define TCPX_INET_BIT_IS_ICSK			is_icsk

#define inet_test_bit(nr, sk)	(inet_sk(sk)->TCPX_INET_BIT_##nr)
#define inet_set_bit(nr, sk)	(inet_sk(sk)->TCPX_INET_BIT_##nr = 1)
#define inet_clear_bit(nr, sk)	(inet_sk(sk)->TCPX_INET_BIT_##nr = 0)
#define inet_assign_bit(nr, sk, val)					\
	(inet_sk(sk)->TCPX_INET_BIT_##nr = !!(val))
#define inet_cmsg_flags(inet)	((inet)->cmsg_flags)
#endif

#ifndef TCPX_HAVE_INET6_FLAGS
#define TCPX_INET6_BIT_RECVERR6			recverr
#define TCPX_INET6_BIT_RECVERR6_RFC4884		recverr_rfc4884
#define TCPX_INET6_BIT_DONTFRAG			dontfrag
#define TCPX_INET6_BIT_AUTOFLOWLABEL		autoflowlabel
#define TCPX_INET6_BIT_AUTOFLOWLABEL_SET	autoflowlabel_set
#define TCPX_INET6_BIT_REPFLOW			repflow
#define TCPX_INET6_BIT_SNDFLOW			sndflow
#define TCPX_INET6_BIT_MC6_LOOP			mc_loop
#define TCPX_INET6_BIT_MC6_ALL			mc_all

#define inet6_test_bit(nr, sk)	(inet6_sk(sk)->TCPX_INET6_BIT_##nr)
#define inet6_set_bit(nr, sk)	(inet6_sk(sk)->TCPX_INET6_BIT_##nr = 1)
#define inet6_clear_bit(nr, sk)	(inet6_sk(sk)->TCPX_INET6_BIT_##nr = 0)
#define inet6_assign_bit(nr, sk, val)					\
	(inet6_sk(sk)->TCPX_INET6_BIT_##nr = !!(val))
#endif

/* The flow labels that @sk has leased. */
#ifdef TCPX_HAVE_INET_FL_LIST
#define inet_ipv6_fl_list(sk)	(inet_sk(sk)->ipv6_fl_list)
#else
#define inet_ipv6_fl_list(sk)	(inet6_sk(sk)->ipv6_fl_list)
#endif

/* The nearest that there is; an enumerator is not seen by #ifdef. */
#ifndef TCPX_HAVE_DROP_MINTTL
#define SKB_DROP_REASON_TCP_MINTTL	SKB_DROP_REASON_SOCKET_FILTER
#endif

#endif /* _TCPX_COMPAT_H */
