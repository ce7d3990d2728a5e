// SPDX-License-Identifier: GPL-2.0
/*
 * Ports and their holders.
 *
 * A bound socket has a holder of its own, with the socket's address, device
 * and SO_REUSE* flags; its children, its TIME-WAIT blocks and it refer to the
 * holder, which is released with the last of them.
 *
 * Sockets that connect without bind() share one holder for each port, of all
 * addresses of both families: what keeps their 4-tuples apart is the
 * connection table. There may be one for each connection, so these are no
 * sockets, but claims (claim.h). They are kept for IDLE_TIME after the last
 * user: so long a bind() of native's to that very port still fails, as nothing
 * tells us of it. Of 512 that were given back within that time the next
 * connect() takes one over.
 *
 * Native ends a bind() with EADDRINUSE where a holder is, never chooses a
 * held port for a connect(), and drops SYNs that it should ever see for a
 * listening holder, as its accept queue is full.
 */
#include "ports.h"

#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/random.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "claim.h"
#include "hash.h"
#include "ip.h"
#include "tcpx.h"

#define IDLE_TIME	(HZ / 4)
#define IDLE_MAX	2048	/* holders kept without a user */
#define IDLE_ENOUGH	512	/* from here on they are used again */
#define IDLE_TRIES	8

#define STEPS		BIT(16)
#define STEP_NOISE	8

struct tcpx_port {
	refcount_t refs;		/* 0: on the list idle or dead */
	u16 num;
	struct tcpx_ports *ports;
	struct list_head list;
	struct socket *holder;		/* of a bind(), or NULL: shared */
};

/* Of many connect()s. */
struct shared_port {
	struct tcpx_port port;
	struct hlist_node node;		/* in ports->shared */
	unsigned long idle_since;	/* jiffies */
	struct tcpx_claim claim;
};

/* @lock guards the lists and the step of a reference count from and to 0. */
struct tcpx_ports {
	struct net *net;
	struct mutex agent_lock;
	struct sock *agent;		/* made for the first connect() */
	spinlock_t lock;
	DECLARE_HASHTABLE(shared, 10);
	struct list_head idle;		/* shared without user, oldest first */
	struct list_head dead;		/* to be released */
	unsigned int nr_idle;
	struct delayed_work work;
};

/*
 * RFC 6056 3.3.4's table[]: a counter for each of many groups of destinations.
 * One counter for all would tell any of them how many connections others get;
 * so would a table small enough to be filled from outside (CVE-2022-1012).
 */
static u32 *steps __read_mostly;

static struct kmem_cache *shared_cache __read_mostly;

static struct tcpx_ports *ports_of(const struct sock *sk)
{
	return tcpx_net(sock_net(sk))->ports;
}

/* --- holders ------------------------------------------------------------- */

static void init_port(struct tcpx_port *port, struct tcpx_ports *ports)
{
	refcount_set(&port->refs, 1);
	port->ports = ports;
	port->holder = NULL;
	INIT_LIST_HEAD(&port->list);
}

static bool is_shared(const struct tcpx_port *port)
{
	return !port->holder;
}

static struct shared_port *shared_port(struct tcpx_port *port)
{
	return container_of(port, struct shared_port, port);
}

static struct tcpx_port *create_bound(struct tcpx_ports *ports, int family)
{
	struct tcpx_port *port = kzalloc(sizeof(*port), GFP_KERNEL);
	int err;

	if (!port)
		return ERR_PTR(-ENOMEM);
	init_port(port, ports);
	err = sock_create_kern(ports->net, family, SOCK_STREAM, IPPROTO_TCP,
			       &port->holder);
	if (err) {
		kfree(port);
		return ERR_PTR(err);
	}
	return port;
}

/* As in native's connect(), neither privileges nor cgroup programs are asked. */
static int claim_port(struct tcpx_ports *ports, struct tcpx_claim *claim,
		      u16 num)
{
	int err = -ENOMEM;

	mutex_lock(&ports->agent_lock);
	if (!ports->agent)
		ports->agent = tcpx_claim_agent(ports->net);
	if (ports->agent)
		err = tcpx_claim_take(claim, ports->agent, num);
	mutex_unlock(&ports->agent_lock);
	return err;
}

static void destroy_shared(struct shared_port *shared)
{
	struct tcpx_ports *ports = shared->port.ports;

	mutex_lock(&ports->agent_lock);
	tcpx_claim_drop(&shared->claim, ports->agent, shared->port.num);
	mutex_unlock(&ports->agent_lock);
	kmem_cache_free(shared_cache, shared);
}

static void destroy_port(struct tcpx_port *port)
{
	if (is_shared(port)) {
		destroy_shared(shared_port(port));
	} else {
		sock_release(port->holder);
		kfree(port);
	}
}

static void destroy_ports(struct list_head *list)
{
	struct tcpx_port *port, *next;

	list_for_each_entry_safe(port, next, list, list)
		destroy_port(port);
}

struct tcpx_port *tcpx_port_get(struct tcpx_port *port)
{
	if (port)
		refcount_inc(&port->refs);
	return port;
}

/* @port has lost its last user: release it soon, or keep it for others. */
static void retire(struct tcpx_ports *ports, struct tcpx_port *port)
{
	lockdep_assert_held(&ports->lock);

	if (!is_shared(port)) {
		list_add_tail(&port->list, &ports->dead);
	} else {
		shared_port(port)->idle_since = jiffies;
		list_add_tail(&port->list, &ports->idle);
		if (++ports->nr_idle <= IDLE_MAX) {
			queue_delayed_work(system_highpri_wq, &ports->work,
					   IDLE_TIME);
			return;
		}
	}
	mod_delayed_work(system_highpri_wq, &ports->work, 0);
}

void tcpx_port_put(struct tcpx_port *port)
{
	struct tcpx_ports *ports;

	if (!port || refcount_dec_not_one(&port->refs))
		return;

	ports = port->ports;
	spin_lock_bh(&ports->lock);
	if (refcount_dec_and_test(&port->refs))
		retire(ports, port);
	spin_unlock_bh(&ports->lock);
}

static void forget_idle(struct tcpx_port *port, struct list_head *to)
{
	lockdep_assert_held(&port->ports->lock);
	hash_del(&shared_port(port)->node);
	list_move_tail(&port->list, to);
	port->ports->nr_idle--;
}

/* Release what nobody uses any more; idle holders when their time is up. */
static void tcpx_ports_reap(struct work_struct *work)
{
	struct tcpx_ports *ports = container_of(to_delayed_work(work),
						struct tcpx_ports, work);
	struct tcpx_port *port, *next;
	LIST_HEAD(list);

	spin_lock_bh(&ports->lock);
	list_splice_init(&ports->dead, &list);
	list_for_each_entry_safe(port, next, &ports->idle, list) {
		unsigned long end = shared_port(port)->idle_since + IDLE_TIME;

		if (ports->nr_idle <= IDLE_MAX && time_before(jiffies, end)) {
			queue_delayed_work(system_highpri_wq, &ports->work,
					   end - jiffies);
			break;
		}
		forget_idle(port, &list);
	}
	spin_unlock_bh(&ports->lock);

	destroy_ports(&list);
}

/* Holders of closed sockets must not be in the way of a bind(). */
void tcpx_ports_flush(struct net *net)
{
	struct tcpx_ports *ports = tcpx_net(net)->ports;
	LIST_HEAD(list);

	/* What is put by others meanwhile, the work releases. */
	if (list_empty_careful(&ports->dead))
		return;

	spin_lock_bh(&ports->lock);
	list_splice_init(&ports->dead, &list);
	spin_unlock_bh(&ports->lock);
	destroy_ports(&list);
}

/* --- bind and listen ----------------------------------------------------- */

/* What native's rules ask about a socket that binds or listens. */
static void copy_flags(struct sock *holder, const struct sock *sk)
{
	holder->sk_reuse = sk->sk_reuse;
	holder->sk_reuseport = sk->sk_reuseport;
	holder->sk_ipv6only = sk->sk_ipv6only;
	WRITE_ONCE(holder->sk_bound_dev_if, READ_ONCE(sk->sk_bound_dev_if));
	WRITE_ONCE(holder->sk_mark, READ_ONCE(sk->sk_mark));
	inet_assign_bit(FREEBIND, holder, inet_test_bit(FREEBIND, sk));
	inet_assign_bit(TRANSPARENT, holder, inet_test_bit(TRANSPARENT, sk));
}

static int bind_holder(struct socket *holder, const struct sock *sk, u16 num)
{
	union {
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} addr = {};
	int len;

	if (sk->sk_family == AF_INET) {
		addr.in.sin_family = AF_INET;
		addr.in.sin_port = htons(num);
		addr.in.sin_addr.s_addr = sk->sk_rcv_saddr;
		len = sizeof(addr.in);
	} else {
		addr.in6.sin6_family = AF_INET6;
		addr.in6.sin6_port = htons(num);
		addr.in6.sin6_addr = sk->sk_v6_rcv_saddr;
		addr.in6.sin6_scope_id = sk->sk_bound_dev_if;
		len = sizeof(addr.in6);
	}
	return kernel_bind(holder, (struct sockaddr_unsized *)&addr, len);
}

/* An idle shared holder gives way to a bind(). */
static bool evict_idle(struct tcpx_ports *ports, u16 num)
{
	struct shared_port *shared;
	LIST_HEAD(list);

	spin_lock_bh(&ports->lock);
	hash_for_each_possible(ports->shared, shared, node, num) {
		if (shared->port.num == num &&
		    !refcount_read(&shared->port.refs)) {
			forget_idle(&shared->port, &list);
			break;
		}
	}
	spin_unlock_bh(&ports->lock);

	if (list_empty(&list))
		return false;
	destroy_ports(&list);
	return true;
}

int tcpx_ports_get_port(struct sock *sk, unsigned short snum)
{
	struct tcpx_ports *ports = ports_of(sk);
	struct tcpx_port *port;
	struct sock *holder;
	int err;

	sock_owned_by_me(sk);
	DEBUG_NET_WARN_ON_ONCE(tcpx_sk(sk)->port);

	tcpx_ports_flush(ports->net);
	port = create_bound(ports, sk->sk_family);
	if (IS_ERR(port))
		return PTR_ERR(port);

	holder = port->holder->sk;
	copy_flags(holder, sk);
	err = bind_holder(port->holder, sk, snum);
	if (err == -EADDRINUSE && evict_idle(ports, snum))
		err = bind_holder(port->holder, sk, snum);
	if (err) {
		destroy_port(port);
		return err;
	}

	/* Keep the port when the holder stops listening. */
	lock_sock(holder);
	holder->sk_userlocks |= SOCK_BINDPORT_LOCK;
	port->num = inet_sk(holder)->inet_num;
	release_sock(holder);

	tcpx_sk(sk)->port = port;
	inet_sk(sk)->inet_num = port->num;
	return 0;
}

/* Native counts connections to accept: one more than there is room for. */
static void fill_accept_queue(struct sock *holder, int change)
{
	WRITE_ONCE(holder->sk_ack_backlog, holder->sk_ack_backlog + change);
}

int tcpx_ports_listen(struct sock *sk)
{
	struct inet_sock *inet = inet_sk(sk);
	struct tcpx_port *port;
	struct sock *holder;
	int err;

	sock_owned_by_me(sk);

	if (!inet->inet_num) {
		err = tcpx_ports_get_port(sk, 0);
		if (err)
			return err;
		inet->inet_sport = htons(inet->inet_num);
	}

	port = tcpx_sk(sk)->port;
	holder = port->holder->sk;
	if (holder->sk_state == TCP_LISTEN)
		return 0;
	copy_flags(holder, sk);
	err = kernel_listen(port->holder, 0);
	if (err)
		return err;

	lock_sock(holder);
	fill_accept_queue(holder, 1);
	release_sock(holder);
	return 0;
}

/* SO_BINDTODEVICE: what is not ours any more must not be held, either. */
void tcpx_ports_rehash(struct sock *sk)
{
	struct tcpx_port *port = tcpx_sk(sk)->port;

	sock_owned_by_me(sk);

	/* A connection may share its holder with a listener. */
	if (port && port->holder &&
	    tcpx_state_in(sk->sk_state, TCPX_S(CLOSED) | TCPX_S(LISTEN)))
		sock_bindtoindex(port->holder->sk, sk->sk_bound_dev_if, true);
}

/* The port stays bound, for children and TIME-WAIT. */
void tcpx_ports_unlisten(struct sock *sk)
{
	struct tcpx_port *port = tcpx_sk(sk)->port;
	struct sock *holder;

	sock_owned_by_me(sk);

	if (!port)
		return;
	holder = port->holder->sk;
	if (holder->sk_state != TCP_LISTEN)
		return;
	lock_sock(holder);
	fill_accept_queue(holder, -1);
	release_sock(holder);
	kernel_sock_shutdown(port->holder, SHUT_RDWR);
}

/* --- connect ------------------------------------------------------------- */

static void take_idle(struct tcpx_ports *ports, struct tcpx_port *port)
{
	lockdep_assert_held(&ports->lock);
	refcount_set(&port->refs, 1);
	list_del_init(&port->list);
	ports->nr_idle--;
}

/* The shared holder of @num, referenced. */
static struct tcpx_port *find_shared(struct tcpx_ports *ports, u16 num)
{
	struct tcpx_port *port = NULL;
	struct shared_port *shared;

	spin_lock_bh(&ports->lock);
	hash_for_each_possible(ports->shared, shared, node, num) {
		if (shared->port.num != num)
			continue;
		port = &shared->port;
		if (!refcount_inc_not_zero(&port->refs))
			take_idle(ports, port);
		break;
	}
	spin_unlock_bh(&ports->lock);
	return port;
}

static struct tcpx_port *create_shared(struct tcpx_ports *ports, u16 num)
{
	struct shared_port *shared = kmem_cache_alloc(shared_cache, GFP_KERNEL);
	int err;

	if (!shared)
		return ERR_PTR(-ENOMEM);
	err = claim_port(ports, &shared->claim, num);
	if (err) {
		kmem_cache_free(shared_cache, shared);
		return ERR_PTR(err);
	}

	init_port(&shared->port, ports);
	shared->port.num = num;
	spin_lock_bh(&ports->lock);
	hash_add(ports->shared, &shared->node, num);
	spin_unlock_bh(&ports->lock);
	return &shared->port;
}

/* Put @sk into the table with @port, whose reference it takes if it can. */
static int take_port(struct sock *sk, struct tcpx_port *port)
{
	struct inet_sock *inet = inet_sk(sk);
	int err;

	inet->inet_num = port->num;
	inet->inet_sport = htons(port->num);
	tcpx_sk(sk)->port = port;
	err = tcpx_hash_insert(&sk->__sk_common, true);
	if (err) {
		inet->inet_num = 0;
		inet->inet_sport = 0;
		tcpx_sk(sk)->port = NULL;
		tcpx_port_put(port);
	}
	return err;
}

/* Any of them: whoever saw the ports before must not know what comes next. */
static struct tcpx_port *random_idle(struct tcpx_ports *ports)
{
	u32 i, first = get_random_u32();
	struct tcpx_port *port = NULL;
	struct shared_port *shared;

	spin_lock_bh(&ports->lock);
	if (ports->nr_idle <= IDLE_ENOUGH)
		goto out;
	for (i = 0; i < HASH_SIZE(ports->shared); i++) {
		u32 slot = (first + i) % HASH_SIZE(ports->shared);

		hlist_for_each_entry(shared, &ports->shared[slot], node) {
			if (refcount_read(&shared->port.refs))
				continue;
			port = &shared->port;
			take_idle(ports, port);
			goto out;
		}
	}
	DEBUG_NET_WARN_ON_ONCE(1);
out:
	spin_unlock_bh(&ports->lock);
	return port;
}

/*
 * Many short connections have left many holders: use one of them again instead
 * of making more (RFC 6056 3.3.1, with the idle ports as the range).
 */
static bool connect_idle(struct tcpx_ports *ports, struct sock *sk, int low,
			 int high)
{
	int i;

	for (i = 0; i < IDLE_TRIES; i++) {
		struct tcpx_port *port = random_idle(ports);

		if (!port)
			return false;
		/* Knobs may have changed since it was made. */
		if (port->num < low || port->num > high ||
		    inet_is_local_reserved_port(ports->net, port->num))
			tcpx_port_put(port);
		else if (!take_port(sk, port))
			return true;
	}

	return false;
}

/*
 * RFC 6056 3.3.4, algorithm 4; as native's, with some noise in the steps: even
 * a destination that shares a counter cannot count.
 */
static int connect_ephemeral(struct tcpx_ports *ports, struct sock *sk,
			     int low, int high)
{
	u32 i, offset, count = high - low + 1;
	int err = -EADDRNOTAVAIL;
	struct tcpx_port *port;
	struct tcpx_flow flow;
	u32 *step;
	u64 hash;

	tcpx_flow_of_sock(&flow, sk);
	hash = tcpx_flow_port_offset(&flow);
	step = &steps[(hash >> 32) % STEPS];
	offset = (u32)hash + READ_ONCE(*step);	/* others may write it */
	offset %= count;

	for (i = 0; i < count; i++) {
		u16 num = low + (offset + i) % count;

		cond_resched();
		if (inet_is_local_reserved_port(ports->net, num))
			continue;
		port = find_shared(ports, num);
		if (!port)
			port = create_shared(ports, num);
		err = PTR_ERR_OR_ZERO(port);
		if (!err)
			err = take_port(sk, port);
		if (err != -EADDRINUSE && err != -EADDRNOTAVAIL)
			break;
	}
	i = max(i, get_random_u32_below(STEP_NOISE));
	WRITE_ONCE(*step, READ_ONCE(*step) + i + 1);

	return err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
}

int tcpx_ports_connect(struct sock *sk)
{
	struct tcpx_ports *ports = ports_of(sk);
	int low, high;

	sock_owned_by_me(sk);

	if (inet_sk(sk)->inet_num)
		return tcpx_hash_insert(&sk->__sk_common, true);

	inet_sk_get_local_port_range(sk, &low, &high);
	if (connect_idle(ports, sk, low, high))
		return 0;

	return connect_ephemeral(ports, sk, low, high);
}

/* --- namespaces ---------------------------------------------------------- */

int tcpx_ports_init(void)
{
	int err;

	steps = kvmalloc_array(STEPS, sizeof(*steps), GFP_KERNEL);
	if (!steps)
		return -ENOMEM;
	get_random_bytes(steps, STEPS * sizeof(*steps));

	shared_cache = kmem_cache_create("tcpx_port",
					 sizeof(struct shared_port), 0,
					 SLAB_ACCOUNT, NULL);
	if (!shared_cache) {
		err = -ENOMEM;
		goto err_cache;
	}
	err = tcpx_claim_init();
	if (err)
		goto err_claim;
	return 0;

err_claim:
	kmem_cache_destroy(shared_cache);
err_cache:
	kvfree(steps);
	return err;
}

void tcpx_ports_exit(void)
{
	tcpx_claim_exit();
	kmem_cache_destroy(shared_cache);
	kvfree(steps);
}

int tcpx_ports_init_net(struct net *net)
{
	struct tcpx_ports *ports = kzalloc(sizeof(*ports), GFP_KERNEL);

	if (!ports)
		return -ENOMEM;
	ports->net = net;
	mutex_init(&ports->agent_lock);
	spin_lock_init(&ports->lock);
	hash_init(ports->shared);
	INIT_LIST_HEAD(&ports->idle);
	INIT_LIST_HEAD(&ports->dead);
	INIT_DELAYED_WORK(&ports->work, tcpx_ports_reap);
	tcpx_net(net)->ports = ports;
	return 0;
}

/* Sockets keep their namespace, TIME-WAIT is purged: no references are left. */
void tcpx_ports_exit_net(struct net *net)
{
	struct tcpx_ports *ports = tcpx_net(net)->ports;
	struct tcpx_port *port, *next;
	LIST_HEAD(list);

	/* tcpx_ports_reap(), which may be releasing holders. */
	cancel_delayed_work_sync(&ports->work);

	spin_lock_bh(&ports->lock);
	list_splice_init(&ports->dead, &list);
	list_for_each_entry_safe(port, next, &ports->idle, list)
		forget_idle(port, &list);
	DEBUG_NET_WARN_ON_ONCE(!hash_empty(ports->shared));
	spin_unlock_bh(&ports->lock);

	destroy_ports(&list);
	tcpx_claim_free_agent(ports->agent);
	mutex_destroy(&ports->agent_lock);
	kfree(ports);
}
