// SPDX-License-Identifier: GPL-2.0
/*
 * The two doors, socket(AF_TCPX, ...) and socket(AF_INET*, ..., IPPROTO_TCPX),
 * and the operations of the sockets that they make. What the kernel exports of
 * AF_INET is used as it is.
 */
#include "hash.h"
#include "ip.h"
#include "ports.h"
#include "tcpx.h"
#include "uapi/tcpx.h"

#include <linux/bpf-cgroup.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/poll.h>
#include <linux/sockios.h>
#include <asm/ioctls.h>

#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/protocol.h>
#include <net/sock.h>
#include <net/tcp.h>

/* What a socket gets even when memory is short; the core takes a pointer. */
static int min_buffer_bytes = 4096;

/* --- lockdep ------------------------------------------------------------- */

static struct lock_class_key slock_keys[2];
static struct lock_class_key lock_keys[2];

void tcpx_af_set_lock_class(struct sock *sk)
{
	if (sk->sk_family == AF_INET6)
		sock_lock_init_class_and_name(sk, "slock-AF_TCPX6",
					      &slock_keys[1],
					      "sk_lock-AF_TCPX6",
					      &lock_keys[1]);
	else
		sock_lock_init_class_and_name(sk, "slock-AF_TCPX",
					      &slock_keys[0],
					      "sk_lock-AF_TCPX",
					      &lock_keys[0]);
}

/* --- struct proto: the socket is owned, unless said otherwise ------------ */

static int tcpx_af_init_sock(struct sock *sk)
{
	tcpx_af_set_lock_class(sk);
	return tcpx_sock_init(sk);
}

/* cgroup programs may rewrite the address, and refuse. */
static int tcpx_pre_connect(struct sock *sk, struct sockaddr *uaddr,
			    int addr_len)
{
	sock_owned_by_me(sk);

	/* None at all: sendmsg(MSG_FASTOPEN) without an address. */
	if (addr_len < (int)offsetofend(struct sockaddr, sa_family))
		return -EINVAL;
	if (sk->sk_family == AF_INET || uaddr->sa_family == AF_INET) {
		if (addr_len < sizeof(struct sockaddr_in))
			return -EINVAL;
		return TCPX_CGROUP_CONNECT4(sk, uaddr, &addr_len);
	}

	if (addr_len < SIN6_LEN_RFC2133)
		return -EINVAL;
	return TCPX_CGROUP_CONNECT6(sk, uaddr, &addr_len);
}

static void tcpx_put_port(struct sock *sk)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);

	if (tcb->port)
		tcpx_port_put(tcb->port);
	tcb->port = NULL;
	inet_sk(sk)->inet_num = 0;
	inet_sk(sk)->inet_sport = 0;
}

/* Back to how connect() found the socket. */
static void undo_connect(struct sock *sk)
{
	tcpx_sock_event(sk, TCPX_EV_DISCONNECT);
	sk->sk_prot->unhash(sk);
	if (!(sk->sk_userlocks & SOCK_BINDPORT_LOCK))
		tcpx_put_port(sk);
	if (!(sk->sk_userlocks & SOCK_BINDADDR_LOCK))
		inet_reset_saddr(sk);
	__sk_dst_reset(sk);
	sk->sk_route_caps = 0;
	inet_sk(sk)->inet_dport = 0;
	if (sk->sk_family == AF_INET6)
		tcpx_sk(sk)->ip = &tcpx_ip6_ops;
}

/*
 * The source port is known only now, and a rule or an IPsec policy may name it:
 * native's ip_route_newports(), for both families.
 */
static int route_with_port(struct sock *sk)
{
	__sk_dst_reset(sk);
	if (tcpx_sk(sk)->ip->route(sk))
		return 0;

	return -xchg(&sk->sk_err_soft, 0);
}

static int tcpx_connect(struct sock *sk, struct sockaddr *uaddr, int addr_len)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);
	bool bound = inet_sk(sk)->inet_num;
	int err;

	sock_owned_by_me(sk);

	err = tcb->ip->connect(sk, uaddr, addr_len);
	if (err)
		return err;

	/* In the table only in SYN-SENT: a SYN,ACK may come at once. */
	tcpx_sock_event(sk, TCPX_EV_ACTIVE_OPEN);
	err = tcpx_ports_connect(sk);
	if (!err && !bound)
		err = route_with_port(sk);
	if (!err)
		err = tcpx_sock_connect(sk);
	if (err)
		undo_connect(sk);
	return err;
}

/* Not owned. */
static struct sock *tcpx_accept(struct sock *sk, struct proto_accept_arg *arg)
{
	struct sock *child;

	lock_sock(sk);
	child = tcpx_listen_accept(sk, arg->flags, &arg->err);
	arg->is_empty = !tcpx_listen_readable(sk);
	release_sock(sk);
	return child;
}

TCPX_DEFINE_PROT_ACCEPT(tcpx_accept)

/* Not owned. */
static int tcpx_ioctl(struct sock *sk, int cmd, int *karg)
{
	const struct tcpx_sock *tcb = tcpx_sk(sk);
	int state = READ_ONCE(sk->sk_state);
	u32 from;

	switch (cmd) {
	case SIOCINQ:
		if (state == TCPX_LISTEN)
			return -EINVAL;
		*karg = tcpx_recvmsg_readable(sk);
		return 0;
	case SIOCATMARK:
		/* A bit cannot be READ_ONCE(). */
		*karg = data_race(tcb->rcv.urgent != 0) &&
			READ_ONCE(tcb->rcv.up) - 1 ==
			READ_ONCE(tcb->rcv.copied);
		return 0;
	case SIOCOUTQ:
	case SIOCOUTQNSD:
		if (state == TCPX_LISTEN)
			return -EINVAL;
		from = cmd == SIOCOUTQ ? READ_ONCE(tcb->snd.una) :
					 READ_ONCE(tcb->snd.nxt);
		*karg = READ_ONCE(tcb->snd.write_seq) - from;
		if (tcpx_state_in(state, TCPX_S(SYN_SENT) |
				  TCPX_S(SYN_RECEIVED) | TCPX_S(CLOSED)))
			*karg = 0;
		return 0;
	default:
		return -ENOIOCTLCMD;
	}
}

TCPX_DEFINE_IOCTL(tcpx_ioctl)

/* @wake: twice as much must have been sent before a sleeper is woken. */
static bool tcpx_stream_memory_free(const struct sock *sk, int wake)
{
	const struct tcpx_sock *tcb = tcpx_sk(sk);
	u32 unsent = READ_ONCE(tcb->snd.write_seq) - READ_ONCE(tcb->snd.nxt);
	u32 lowat = READ_ONCE(tcb->user.notsent_lowat);

	if (!lowat)
		lowat = READ_ONCE(tcpx_net(sock_net(sk))->knobs.notsent_lowat);
	return (unsent << wake) < lowat;
}

#define TCPX_PROT_COMMON						\
	.owner			= THIS_MODULE,				\
	.close			= tcpx_sock_close,			\
	.pre_connect		= tcpx_pre_connect,			\
	.connect		= tcpx_connect,				\
	.disconnect		= tcpx_sock_disconnect,			\
	.accept			= TCPX_OP_ACCEPT(tcpx_accept),		\
	.ioctl			= TCPX_OP_IOCTL(tcpx_ioctl),		\
	.init			= tcpx_af_init_sock,			\
	.shutdown		= tcpx_sock_shutdown,			\
	.setsockopt		= tcpx_setsockopt,			\
	.getsockopt		= tcpx_getsockopt,			\
	.keepalive		= tcpx_timers_keepalive,		\
	.sendmsg		= tcpx_sendmsg,				\
	.recvmsg		= tcpx_recvmsg,				\
	.backlog_rcv		= tcpx_input,				\
	.release_cb		= tcpx_sock_release_cb,			\
	.hash			= tcpx_hash,				\
	.unhash			= tcpx_unhash,				\
	.rehash			= tcpx_ports_rehash,			\
	.get_port		= tcpx_ports_get_port,			\
	.put_port		= tcpx_put_port,			\
	.enter_memory_pressure	= tcpx_sock_enter_memory_pressure,	\
	.leave_memory_pressure	= tcpx_sock_leave_memory_pressure,	\
	.stream_memory_free	= tcpx_stream_memory_free,		\
	.sockets_allocated	= &tcpx_sockets_allocated,		\
	.memory_allocated	= &tcpx_memory_allocated,		\
	.per_cpu_fw_alloc	= &tcpx_memory_per_cpu_fw_alloc,	\
	.memory_pressure	= &tcpx_memory_pressure,		\
	.sysctl_mem		= tcpx_sysctl_mem,			\
	.sysctl_wmem		= &min_buffer_bytes,			\
	.sysctl_rmem		= &min_buffer_bytes,			\
	.max_header		= MAX_TCP_HEADER,			\
	.slab_flags		= SLAB_TYPESAFE_BY_RCU,			\
	.no_autobind		= true,					\
	.diag_destroy		= tcpx_diag_destroy

struct proto tcpx4_prot = {
	.name			= "TCPX",
	.obj_size		= sizeof(struct tcpx_sock),
	TCPX_PROT_COMMON
};

struct proto tcpx6_prot = {
	.name			= "TCPXv6",
	.obj_size		= sizeof(struct tcpx6_sock),
	TCPX_PROT_PINFO(struct tcpx6_sock, pinet6)
	TCPX_PROT_COMMON
};

/* --- struct proto_ops: the socket is not owned --------------------------- */

static int tcpx_listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	int err = -EINVAL;

	lock_sock(sk);
	if (sock->state != SS_UNCONNECTED || sock->type != SOCK_STREAM ||
	    !tcpx_state_in(sk->sk_state, TCPX_S(CLOSED) | TCPX_S(LISTEN)))
		goto out;

	WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
	err = 0;
	if (sk->sk_state != TCPX_LISTEN)
		err = tcpx_listen_start(sk, backlog);
out:
	release_sock(sk);
	return err;
}

/* SO_RCVLOWAT reached, or no more can come because the window is used up. */
static bool is_readable(const struct sock *sk)
{
	const struct tcpx_sock *tcb = tcpx_sk(sk);
	int avail = READ_ONCE(tcb->rcv.nxt) - READ_ONCE(tcb->rcv.copied);
	int target = sock_rcvlowat(sk, 0, INT_MAX);

	if (avail <= 0)
		return false;
	/* The urgent byte, if next, is not read with the others (a bit). */
	if (data_race(tcb->rcv.urgent != 0) && !sock_flag(sk, SOCK_URGINLINE) &&
	    READ_ONCE(tcb->rcv.up) - 1 == READ_ONCE(tcb->rcv.copied))
		target++;

	return avail >= target || READ_ONCE(tcpx_memory_pressure) ||
	       tcpx_receive_window(tcb) <= READ_ONCE(tcb->rcv.mss_est);
}

static bool is_writable(struct sock *sk)
{
	if (READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)
		return true;
	if (__sk_stream_is_writeable(sk, 1))
		return true;

	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	/*
	 * Space that became free between the test and the flag woke nobody.
	 * Pairs with the barrier before the flag is tested on an ACK.
	 */
	smp_mb__after_atomic();
	return __sk_stream_is_writeable(sk, 1);
}

/* Lockless: it may say too much, never too little for long. */
__poll_t tcpx_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct sock *sk = sock->sk;
	const struct tcpx_sock *tcb = tcpx_sk(sk);
	__poll_t mask = 0;
	u8 shutdown;
	int state;

	sock_poll_wait(file, sock, wait);

	state = inet_sk_state_load(sk);
	if (state == TCPX_LISTEN)
		return tcpx_listen_readable(sk) ? EPOLLIN | EPOLLRDNORM : 0;

	shutdown = READ_ONCE(sk->sk_shutdown);
	if (shutdown == SHUTDOWN_MASK || state == TCPX_CLOSED)
		mask |= EPOLLHUP;
	if (shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;

	if (!tcpx_state_in(state, TCPX_S(SYN_SENT) | TCPX_S(SYN_RECEIVED)) ||
	    tcpx_is_early(tcb)) {
		if (is_readable(sk))
			mask |= EPOLLIN | EPOLLRDNORM;
		if (is_writable(sk))
			mask |= EPOLLOUT | EPOLLWRNORM;
		/* A bit cannot be READ_ONCE(). */
		if (data_race(tcb->rcv.urgent_valid != 0))
			mask |= EPOLLPRI;
	} else if (state == TCPX_SYN_SENT && inet_test_bit(DEFER_CONNECT, sk)) {
		/* The SYN waits for text. */
		mask |= EPOLLOUT | EPOLLWRNORM;
	}

	/* An error is set before the state: pairs with the barrier there. */
	smp_rmb();
	if (READ_ONCE(sk->sk_err) ||
	    !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	return mask;
}

/* As inet_sendmsg() and inet_recvmsg(), without their indirect calls. */
static int tcpx_af_sendmsg(struct socket *sock, struct msghdr *msg,
			   size_t size)
{
	sock_rps_record_flow(sock->sk);
	return tcpx_sendmsg(sock->sk, msg, size);
}

static int tcpx_af_recvmsg(struct socket *sock, struct msghdr *msg,
			   size_t size, int flags)
{
	int addr_len = 0;
	int err;

	if (likely(!(flags & MSG_ERRQUEUE)))
		sock_rps_record_flow(sock->sk);
	err = tcpx_recvmsg(sock->sk, msg, size, flags, &addr_len);
	if (err >= 0)
		msg->msg_namelen = addr_len;
	return err;
}

static int tcpx_peek_len(struct socket *sock)
{
	return tcpx_recvmsg_readable(sock->sk);
}

/* The buffer has to hold what the user waits for; half of it is overhead. */
static int tcpx_set_rcvlowat(struct sock *sk, int val)
{
	bool fixed = sk->sk_userlocks & SOCK_RCVBUF_LOCK;
	struct tcpx_sock *tcb = tcpx_sk(sk);
	int size = sk->sk_rcvbuf;

	if (!fixed)
		size = READ_ONCE(tcpx_net(sock_net(sk))->knobs.rmem[2]);
	val = min(val, size >> 1);
	WRITE_ONCE(sk->sk_rcvlowat, val ?: 1);

	if (is_readable(sk))
		sk->sk_data_ready(sk);
	if (!fixed && val > sk->sk_rcvbuf >> 1) {
		WRITE_ONCE(sk->sk_rcvbuf, val << 1);
		tcb->rcv.wnd_clamp = max_t(u32, tcb->rcv.wnd_clamp, val);
	}
	return 0;
}

#define TCPX_OPS_COMMON							\
	.owner		= THIS_MODULE,					\
	.connect	= inet_stream_connect,				\
	.socketpair	= sock_no_socketpair,				\
	.accept		= inet_accept,					\
	.poll		= tcpx_poll,					\
	.gettstamp	= sock_gettstamp,				\
	.listen		= tcpx_listen,					\
	.shutdown	= inet_shutdown,				\
	.setsockopt	= sock_common_setsockopt,			\
	.getsockopt	= sock_common_getsockopt,			\
	.sendmsg	= tcpx_af_sendmsg,				\
	.recvmsg	= tcpx_af_recvmsg,				\
	.mmap		= sock_no_mmap,					\
	TCPX_OPS_SENDPAGE(tcpx_sendpage)				\
	.splice_read	= tcpx_splice_read,				\
	.splice_eof	= tcpx_splice_eof,				\
	.peek_len	= tcpx_peek_len,				\
	.set_rcvlowat	= tcpx_set_rcvlowat

static const struct proto_ops tcpx4_ops = {
	.family		= PF_INET,
	.release	= inet_release,
	.bind		= inet_bind,
	.getname	= inet_getname,
	.ioctl		= inet_ioctl,
	TCPX_OPS_COMMON
};

static const struct proto_ops tcpx6_ops = {
	.family		= PF_INET6,
	.release	= inet6_release,
	.bind		= inet6_bind,
	.getname	= inet6_getname,
	.ioctl		= inet6_ioctl,
	TCPX_OPS_COMMON
};

/* --- the doors ----------------------------------------------------------- */

/* What inet_create() does. */
static void init_inet(struct sock *sk, struct net *net)
{
	struct inet_sock *inet = inet_sk(sk);

	inet->pmtudisc = READ_ONCE(net->ipv4.sysctl_ip_no_pmtu_disc) ?
		IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
	atomic_set(&inet->inet_id, 0);
	inet->uc_ttl = -1;
	inet->mc_ttl = 1;
	inet_set_bit(MC_LOOP, sk);
	inet_set_bit(MC_ALL, sk);
	sk->sk_txrehash = READ_ONCE(net->core.sysctl_txrehash);
}

/* What inet6_create() does. */
static void init_inet6(struct sock *sk, struct net *net)
{
	struct ipv6_pinfo *np = &((struct tcpx6_sock *)sk)->pinet6;

	inet_sk(sk)->pinet6 = np;
	np->hop_limit = -1;
	np->mcast_hops = IPV6_DEFAULT_MCASTHOPS;
	np->pmtudisc = IPV6_PMTUDISC_WANT;
	inet6_set_bit(MC6_LOOP, sk);
	inet6_set_bit(MC6_ALL, sk);
	inet6_assign_bit(REPFLOW, sk,
			 READ_ONCE(net->ipv6.sysctl.flowlabel_reflect) &
			 FLOWLABEL_REFLECT_ESTABLISHED);
	sk->sk_ipv6only = READ_ONCE(net->ipv6.sysctl.bindv6only);
}

static int tcpx_create(struct net *net, struct socket *sock, int protocol,
		       int kern)
{
	bool v6 = protocol == TCPXPROTO_TCP6;
	struct sock *sk;
	int err;

	if (sock->type != SOCK_STREAM)
		return -ESOCKTNOSUPPORT;
	if (protocol != TCPXPROTO_TCP && protocol != TCPXPROTO_TCP6 &&
	    protocol != IPPROTO_TCP)
		return -EPROTONOSUPPORT;
	if (v6 && !ipv6_mod_enabled())
		return -EAFNOSUPPORT;

	sock->state = SS_UNCONNECTED;
	sock->ops = v6 ? &tcpx6_ops : &tcpx4_ops;
	sk = sk_alloc(net, v6 ? PF_INET6 : PF_INET, GFP_KERNEL,
		      v6 ? &tcpx6_prot : &tcpx4_prot, kern);
	if (!sk)
		return -ENOMEM;

	sock_init_data(sock, sk);
	sk->sk_protocol = TCPX_SK_PROTOCOL;
	sk->sk_backlog_rcv = sk->sk_prot->backlog_rcv;
	init_inet(sk, net);
	if (v6)
		init_inet6(sk, net);

	err = sk->sk_prot->init(sk);
	if (!err && !kern)
		err = BPF_CGROUP_RUN_PROG_INET_SOCK(sk);
	if (err) {
		sk_common_release(sk);
		sock->sk = NULL;
	}
	return err;
}

static struct net_proto_family tcpx_family_ops = {
	.create	= tcpx_create,
	.owner	= THIS_MODULE,
};

static struct inet_protosw tcpx4_protosw = {
	.type		= SOCK_STREAM,
	.protocol	= IPPROTO_TCPX,
	.prot		= &tcpx4_prot,
	.ops		= &tcpx4_ops,
};

static struct inet_protosw tcpx6_protosw = {
	.type		= SOCK_STREAM,
	.protocol	= IPPROTO_TCPX,
	.prot		= &tcpx6_prot,
	.ops		= &tcpx6_ops,
};

int tcpx_af_init(void)
{
	int err;

	/* inet6_create() of kernels without an offset looks for it there. */
	BUILD_BUG_ON(offsetofend(struct tcpx6_sock, pinet6) !=
		     sizeof(struct tcpx6_sock));

	err = percpu_counter_init(&tcpx_sockets_allocated, 0, GFP_KERNEL);
	if (err)
		return err;
	err = proto_register(&tcpx4_prot, 1);
	if (err)
		goto out_destroy_counter;
	err = proto_register(&tcpx6_prot, 1);
	if (err)
		goto out_unregister_prot4;

	tcpx_family_ops.family = tcpx_family;
	err = sock_register(&tcpx_family_ops);
	if (err) {
		pr_err("tcpx: family %d is taken, load with another family=N\n",
		       tcpx_family);
		goto out_unregister_prot6;
	}

	err = inet6_register_protosw(&tcpx6_protosw);
	if (err)
		goto out_unregister_family;
	inet_register_protosw(&tcpx4_protosw);
	return 0;

out_unregister_family:
	sock_unregister(tcpx_family);
out_unregister_prot6:
	proto_unregister(&tcpx6_prot);
out_unregister_prot4:
	proto_unregister(&tcpx4_prot);
out_destroy_counter:
	percpu_counter_destroy(&tcpx_sockets_allocated);
	return err;
}

void tcpx_af_exit(void)
{
	inet_unregister_protosw(&tcpx4_protosw);
	inet6_unregister_protosw(&tcpx6_protosw);
	sock_unregister(tcpx_family);
	proto_unregister(&tcpx6_prot);
	proto_unregister(&tcpx4_prot);
	percpu_counter_destroy(&tcpx_sockets_allocated);
}

MODULE_ALIAS_NETPROTO(AF_TCPX);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET, IPPROTO_TCPX, 1);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET6, IPPROTO_TCPX, 1);
