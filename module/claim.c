// SPDX-License-Identifier: GPL-2.0
/*
 * Claims on ports in native's bind table.
 *
 * A socket, the agent, binds as any other does, and leaves the claim behind in
 * its place: what native does when a socket turns into a TIME-WAIT. Before the
 * claim is dropped the agent takes its place again, and unbinds, so that making
 * and freeing buckets is native's business alone.
 *
 * Of the owners of a bucket native reads struct sock_common: of one in
 * TIME-WAIT nothing else, and neither its hash chains nor its reference count,
 * as a claim is in no table of connections.
 */
#include "claim.h"
#include "sock.h"

#include <linux/spinlock.h>
#include <linux/string.h>

#include <net/inet_connection_sock.h>
#include <net/inet_hashtables.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>

/*
 * Native's bind buckets hold struct inet_connection_sock, of which they use
 * the pointers back to them and struct inet_sock.
 */
static struct proto tcpx_claim_prot = {
	.name = "TCPX-CLAIM",
	.obj_size = offsetofend(struct inet_connection_sock, icsk_bind2_hash),
};

int tcpx_claim_init(void)
{
	BUILD_BUG_ON(offsetof(struct inet_connection_sock, icsk_bind_hash) >
		     offsetof(struct inet_connection_sock, icsk_bind2_hash));

	return proto_register(&tcpx_claim_prot, 1);
}

void tcpx_claim_exit(void)
{
	proto_unregister(&tcpx_claim_prot);
}

/* No owner: it does not keep the module. */
struct sock *tcpx_claim_agent(struct net *net)
{
	int family = ipv6_mod_enabled() ? AF_INET6 : AF_INET;
	struct sock *agent = sk_alloc(net, family, GFP_KERNEL,
				      &tcpx_claim_prot, 1);

	if (!agent)
		return NULL;
	sock_init_data(NULL, agent);
	agent->sk_protocol = TCPX_SK_PROTOCOL;
	/* Bound sockets in CLOSED are shown by native's diag as tcp_sock. */
	agent->sk_state = TCP_SYN_SENT;
	return agent;
}

void tcpx_claim_free_agent(struct sock *agent)
{
	if (agent)
		sock_put(agent);
}

/* By port, and by address and port; connections in softirq lock them, too. */
struct heads {
	struct inet_bind_hashbucket *bhash;
	struct inet_bind_hashbucket *bhash2;
};

static struct heads heads_of(const struct sock *agent, u16 num)
{
	struct net *net = sock_net(agent);
	struct inet_hashinfo *table = net->ipv4.tcp_death_row.hashinfo;

	return (struct heads) {
		&table->bhash[inet_bhashfn(net, num, table->bhash_size)],
		inet_bhashfn_portaddr(table, agent, net, num)
	};
}

#ifdef TCPX_HAVE_TW_BIND2_NODE

static void add_claim(struct tcpx_claim *claim)
{
	hlist_add_head(&claim->owner.tw_bind_node, &claim->owner.tw_tb->owners);
	hlist_add_head(&claim->owner.tw_bind2_node,
		       &claim->owner.tw_tb2->deathrow);
}

static void del_claim(struct tcpx_claim *claim)
{
	hlist_del(&claim->owner.tw_bind_node);
	hlist_del(&claim->owner.tw_bind2_node);
}

static void add_agent(struct sock *agent, struct tcpx_claim *claim)
{
	sk_add_bind_node(agent, &claim->owner.tw_tb->owners);
	sk_add_bind2_node(agent, &claim->owner.tw_tb2->owners);
}

static void del_agent(struct sock *agent)
{
	__sk_del_bind_node(agent);
	__sk_del_bind2_node(agent);
}

#else

static void add_claim(struct tcpx_claim *claim)
{
	hlist_add_head(&claim->owner.tw_bind_node,
		       &claim->owner.tw_tb2->owners);
}

static void del_claim(struct tcpx_claim *claim)
{
	hlist_del(&claim->owner.tw_bind_node);
}

static void add_agent(struct sock *agent, struct tcpx_claim *claim)
{
	sk_add_bind_node(agent, &claim->owner.tw_tb2->owners);
}

static void del_agent(struct sock *agent)
{
	__sk_del_bind_node(agent);
}

#endif

static void init_owner(struct tcpx_claim *claim, const struct sock *agent)
{
	memset(claim, 0, sizeof(*claim));
	claim->owner.tw_family = agent->sk_family;
	claim->owner.tw_state = TCP_TIME_WAIT;
	write_pnet(&claim->owner.tw_net, sock_net(agent));
}

int tcpx_claim_take(struct tcpx_claim *claim, struct sock *agent, u16 num)
{
	struct inet_connection_sock *icsk = inet_csk(agent);
	struct heads heads = heads_of(agent, num);

	/* Kernels differ in the error: a conflict it is. */
	if (inet_csk_get_port(agent, num))
		return -EADDRINUSE;

	init_owner(claim, agent);
	spin_lock_bh(&heads.bhash->lock);
	spin_lock(&heads.bhash2->lock);
	claim->owner.tw_tb = icsk->icsk_bind_hash;
	claim->owner.tw_tb2 = icsk->icsk_bind2_hash;
	add_claim(claim);
	del_agent(agent);
	icsk->icsk_bind_hash = NULL;
	icsk->icsk_bind2_hash = NULL;
	inet_sk(agent)->inet_num = 0;
	spin_unlock(&heads.bhash2->lock);
	spin_unlock_bh(&heads.bhash->lock);
	return 0;
}

void tcpx_claim_drop(struct tcpx_claim *claim, struct sock *agent, u16 num)
{
	struct inet_connection_sock *icsk = inet_csk(agent);
	struct heads heads = heads_of(agent, num);

	spin_lock_bh(&heads.bhash->lock);
	spin_lock(&heads.bhash2->lock);
	inet_sk(agent)->inet_num = num;
	icsk->icsk_bind_hash = claim->owner.tw_tb;
	icsk->icsk_bind2_hash = claim->owner.tw_tb2;
	add_agent(agent, claim);
	del_claim(claim);
	spin_unlock(&heads.bhash2->lock);
	spin_unlock_bh(&heads.bhash->lock);

	inet_put_port(agent);
}
