// SPDX-License-Identifier: GPL-2.0
/*
 * Observe: /proc/net/tcpx and tcpx6 in the format of /proc/net/tcp{,6},
 * /proc/net/tcpx_snmp, and a sock_diag handler of family tcpx_family that
 * takes struct inet_diag_req_v2 and answers with struct inet_diag_msg.
 * Objects are read without their lock: numbers of a busy connection need not
 * fit together.
 */
#include "cong.h"
#include "hash.h"
#include "listen.h"
#include "tcpx.h"
#include "timewait.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>

#include <net/ipv6.h>
#include <net/netlink.h>
#include <net/sock.h>
#include <net/tcp.h>

/* /proc's numbers for what a timer is for. */
enum {
	TIMER_NONE,
	TIMER_RETRANSMIT,
	TIMER_KEEPALIVE,
	TIMER_TIME_WAIT,
	TIMER_PROBE,
};

/* What is told of a socket, request or TIME-WAIT block alike. */
struct entry {
	const struct sock_common *common;
	u8 state;
	u8 timer;
	u8 retransmits;
	u8 probes;
	u64 left_ns;
	u32 tx_queue;
	u32 rx_queue;
	kuid_t uid;
	unsigned long ino;
	bool full;			/* a socket */
};

static u64 ns_until(u64 deadline_ns)
{
	u64 now = ktime_get_ns();

	return deadline_ns > now ? deadline_ns - now : 0;
}

static void describe_timer(struct entry *entry, const struct tcpx_sock *tcb)
{
	static const struct {
		enum tcpx_timer_id id;
		u8 timer;
	} shown[] = {
		{ TCPX_TIMER_RETRANSMIT, TIMER_RETRANSMIT },
		{ TCPX_TIMER_REORDER, TIMER_RETRANSMIT },
		{ TCPX_TIMER_TAIL_PROBE, TIMER_RETRANSMIT },
		{ TCPX_TIMER_PERSIST, TIMER_PROBE },
		{ TCPX_TIMER_KEEPALIVE, TIMER_KEEPALIVE },
		{ TCPX_TIMER_FIN_WAIT_2, TIMER_KEEPALIVE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shown); i++) {
		entry->left_ns = tcpx_timers_left_ns(tcb, shown[i].id);
		if (entry->left_ns) {
			entry->timer = shown[i].timer;
			return;
		}
	}
}

static void describe_sock(struct entry *entry, struct sock *sk)
{
	const struct tcpx_sock *tcb = tcpx_sk(sk);

	entry->full = true;
	entry->uid = sock_i_uid(sk);
	entry->ino = sock_i_ino(sk);
	if (entry->state == TCPX_LISTEN) {
		entry->rx_queue = READ_ONCE(sk->sk_ack_backlog);
		return;
	}

	entry->tx_queue = READ_ONCE(tcb->snd.write_seq) -
			  READ_ONCE(tcb->snd.una);
	entry->rx_queue = max_t(int, READ_ONCE(tcb->rcv.nxt) -
				     READ_ONCE(tcb->rcv.copied), 0);
	/* The FIN has a number and is no byte. */
	if (entry->rx_queue && sock_flag(sk, SOCK_DONE))
		entry->rx_queue--;
	entry->retransmits = READ_ONCE(tcb->recovery.timeouts);
	entry->probes = READ_ONCE(tcb->recovery.probes);
	describe_timer(entry, tcb);
}

static void describe(struct entry *entry, struct sock_common *common)
{
	const struct tcpx_request *req;
	const struct tcpx_timewait *tw;

	memset(entry, 0, sizeof(*entry));
	entry->common = common;
	entry->uid = GLOBAL_ROOT_UID;
	entry->state = READ_ONCE(common->skc_state);

	switch (entry->state) {
	case TCP_NEW_SYN_RECV:
		req = container_of(common, struct tcpx_request, common);
		entry->state = TCPX_SYN_RECEIVED;
		entry->timer = TIMER_RETRANSMIT;
		entry->retransmits = READ_ONCE(req->retries);
		entry->left_ns = ns_until(READ_ONCE(req->deadline_ns));
		entry->uid = sock_i_uid(common->skc_listener);
		break;
	case TCP_TIME_WAIT:
		tw = container_of(common, struct tcpx_timewait, common);
		entry->timer = TIMER_TIME_WAIT;
		entry->left_ns = tcpx_timewait_left_ms(tw, tcpx_ts_clock()) *
				 (u64)NSEC_PER_MSEC;
		break;
	default:
		describe_sock(entry, container_of(common, struct sock,
						  __sk_common));
	}
}

/* --- /proc/net/tcpx ------------------------------------------------------ */

struct list_state {
	struct seq_net_private p;	/* first */
	struct tcpx_hash_pos here;	/* before @at */
	struct tcpx_hash_pos next;
	struct sock_common *at;		/* referenced */
	loff_t index;			/* of @at */
};

static int family_of(const struct seq_file *seq)
{
	return (long)pde_data(file_inode(seq->file));
}

static void put_current(struct list_state *st)
{
	if (st->at)
		tcpx_hash_put(st->at);
	st->at = NULL;
}

/* The next object of the file's family becomes st->at. */
static struct sock_common *advance(struct seq_file *seq)
{
	struct list_state *st = seq->private;

	put_current(st);
	for (;;) {
		st->here = st->next;
		if (!tcpx_hash_batch(seq_file_net(seq), &st->next, &st->at, 1))
			return NULL;
		if (st->at->skc_family == family_of(seq))
			return st->at;
		put_current(st);
	}
}

/* read(2) goes on where the last one ended; only lseek() starts over. */
static void *tcpx_list_start(struct seq_file *seq, loff_t *pos)
{
	struct list_state *st = seq->private;

	if (*pos && *pos == st->index) {
		st->next = st->here;
		return advance(seq);
	}

	st->index = 0;
	memset(&st->next, 0, sizeof(st->next));
	if (!*pos)
		return SEQ_START_TOKEN;
	while (advance(seq) && ++st->index < *pos)
		;
	return st->at;
}

static void *tcpx_list_next(struct seq_file *seq, void *v, loff_t *pos)
{
	struct list_state *st = seq->private;

	st->index = ++*pos;
	return advance(seq);
}

static void tcpx_list_stop(struct seq_file *seq, void *v)
{
	put_current(seq->private);
}

static unsigned long clock_ticks(u64 ns)
{
	return div_u64(ns, NSEC_PER_SEC / USER_HZ);
}

static void show_addr4(struct seq_file *seq, __be32 addr, u16 port)
{
	seq_printf(seq, " %08X:%04X", (__force u32)addr, port);
}

static void show_addr6(struct seq_file *seq, const struct in6_addr *addr,
		       u16 port)
{
	seq_printf(seq, " %08X%08X%08X%08X:%04X",
		   (__force u32)addr->s6_addr32[0],
		   (__force u32)addr->s6_addr32[1],
		   (__force u32)addr->s6_addr32[2],
		   (__force u32)addr->s6_addr32[3], port);
}

static void show_sock(struct seq_file *seq, const struct tcpx_sock *tcb)
{
	const struct tcpx_knobs *knobs =
		&tcpx_net(sock_net(tcpx_to_sk(tcb)))->knobs;
	u32 mss = max_t(u32, READ_ONCE(tcb->snd.mss), 1);
	u32 ssthresh = READ_ONCE(tcb->cong.ssthresh);

	seq_printf(seq, " %lu %lu %u %u %d",
		   clock_ticks(tcpx_rtt_rto_ns(&tcb->rtt)),
		   clock_ticks((u64)READ_ONCE(knobs->delack_ms) *
			       NSEC_PER_MSEC),
		   tcb->rcv.quick_acks << 1 |
			tcb->rcv.pingpong,
		   DIV_ROUND_UP(READ_ONCE(tcb->cong.cwnd), mss),
		   ssthresh == TCPX_CONG_INFINITE ?
			-1 : (int)DIV_ROUND_UP(ssthresh, mss));
}

static void show_entry(struct seq_file *seq, const struct entry *entry)
{
	const struct list_state *st = seq->private;
	const struct sock_common *common = entry->common;
	u16 dport = ntohs(common->skc_dport);

	seq_printf(seq, "%4d:", (int)st->index - 1);
	if (common->skc_family == AF_INET) {
		show_addr4(seq, common->skc_rcv_saddr, common->skc_num);
		show_addr4(seq, common->skc_daddr, dport);
	} else {
		show_addr6(seq, &common->skc_v6_rcv_saddr, common->skc_num);
		show_addr6(seq, &common->skc_v6_daddr, dport);
	}
	seq_printf(seq, " %02X %08X:%08X %02X:%08lX %08X %5u %8d %lu %d %pK",
		   entry->state, entry->tx_queue, entry->rx_queue,
		   entry->timer, clock_ticks(entry->left_ns),
		   entry->retransmits,
		   from_kuid_munged(seq_user_ns(seq), entry->uid),
		   entry->probes, entry->ino,
		   refcount_read(&common->skc_refcnt), common);
	if (entry->full)
		show_sock(seq, container_of(common, struct tcpx_sock,
					    inet.sk.__sk_common));
}

/* Both as in /proc/net/tcp and tcp6, to the blank. */
#define LIST4_WIDTH	149
#define LIST4_HEADER							\
	"  sl  local_address rem_address   st tx_queue rx_queue tr "	\
	"tm->when retrnsmt   uid  timeout inode"
#define LIST6_HEADER							\
	"  sl  local_address                         "			\
	"remote_address                        st tx_queue rx_queue tr "	\
	"tm->when retrnsmt   uid  timeout inode\n"

static int tcpx_list_show(struct seq_file *seq, void *v)
{
	bool v6 = family_of(seq) == AF_INET6;
	struct entry entry;

	if (!v6)
		seq_setwidth(seq, LIST4_WIDTH);
	if (v == SEQ_START_TOKEN) {
		seq_puts(seq, v6 ? LIST6_HEADER : LIST4_HEADER);
	} else {
		describe(&entry, v);
		show_entry(seq, &entry);
		if (v6)
			seq_putc(seq, '\n');
	}
	if (!v6)
		seq_pad(seq, '\n');
	return 0;
}

static const struct seq_operations list_ops = {
	.start	= tcpx_list_start,
	.next	= tcpx_list_next,
	.stop	= tcpx_list_stop,
	.show	= tcpx_list_show,
};

int tcpx_diag_init_net(struct net *net)
{
	if (!proc_create_net_data("tcpx", 0444, net->proc_net, &list_ops,
				  sizeof(struct list_state),
				  (void *)AF_INET))
		return -ENOMEM;
	if (!proc_create_net_data("tcpx6", 0444, net->proc_net, &list_ops,
				  sizeof(struct list_state),
				  (void *)AF_INET6))
		goto out_remove_list4;
	if (!proc_create_net_single("tcpx_snmp", 0444, net->proc_net,
				    tcpx_mib_show, NULL))
		goto out_remove_list6;

	return 0;

out_remove_list6:
	remove_proc_entry("tcpx6", net->proc_net);
out_remove_list4:
	remove_proc_entry("tcpx", net->proc_net);
	return -ENOMEM;
}

void tcpx_diag_exit_net(struct net *net)
{
	remove_proc_entry("tcpx_snmp", net->proc_net);
	remove_proc_entry("tcpx6", net->proc_net);
	remove_proc_entry("tcpx", net->proc_net);
}

/* --- sock_diag ----------------------------------------------------------- */

static void fill_id(struct inet_diag_sockid *id, struct sock_common *common)
{
	memset(id, 0, sizeof(*id));
	id->idiag_sport = htons(common->skc_num);
	id->idiag_dport = common->skc_dport;
	id->idiag_if = common->skc_bound_dev_if;
	if (common->skc_family == AF_INET6) {
		memcpy(id->idiag_src, &common->skc_v6_rcv_saddr,
		       sizeof(id->idiag_src));
		memcpy(id->idiag_dst, &common->skc_v6_daddr,
		       sizeof(id->idiag_dst));
	} else {
		id->idiag_src[0] = common->skc_rcv_saddr;
		id->idiag_dst[0] = common->skc_daddr;
	}
}

static int put_memory(struct sk_buff *skb, struct sock *sk, int ext)
{
	struct inet_diag_meminfo mem = {
		.idiag_rmem = sk_rmem_alloc_get(sk),
		.idiag_wmem = READ_ONCE(sk->sk_wmem_queued),
		.idiag_fmem = READ_ONCE(sk->sk_forward_alloc),
		.idiag_tmem = sk_wmem_alloc_get(sk),
	};

	if (ext & (1 << (INET_DIAG_MEMINFO - 1)) &&
	    nla_put(skb, INET_DIAG_MEMINFO, sizeof(mem), &mem))
		return -EMSGSIZE;
	if (ext & (1 << (INET_DIAG_SKMEMINFO - 1)))
		return sock_diag_put_meminfo(sk, skb, INET_DIAG_SKMEMINFO);
	return 0;
}

static int put_info(struct sk_buff *skb, struct sock *sk)
{
	struct nlattr *attr;

	attr = nla_reserve_64bit(skb, INET_DIAG_INFO, sizeof(struct tcp_info),
				 INET_DIAG_PAD);
	if (!attr)
		return -EMSGSIZE;
	tcpx_get_info(sk, nla_data(attr));
	return 0;
}

static int put_congestion(struct sk_buff *skb, struct sock *sk)
{
	char name[TCPX_CONG_NAME_MAX] = "";
	bool slow = lock_sock_fast(sk);

	if (tcpx_sk(sk)->cong.ops)
		strscpy(name, tcpx_sk(sk)->cong.ops->name, sizeof(name));
	unlock_sock_fast(sk, slow);
	return nla_put_string(skb, INET_DIAG_CONG, name);
}

static int put_cong_info(struct sk_buff *skb, struct sock *sk)
{
	union tcp_cc_info info;
	bool slow = lock_sock_fast(sk);
	size_t size;
	int attr;

	size = tcpx_cong_get_info(&tcpx_sk(sk)->cong, &attr, &info);
	unlock_sock_fast(sk, slow);
	return size ? nla_put(skb, attr, size, &info) : 0;
}

static int put_attributes(struct sk_buff *skb, struct sock *sk, int ext,
			  bool net_admin)
{
	if (nla_put_u8(skb, INET_DIAG_SHUTDOWN, READ_ONCE(sk->sk_shutdown)))
		return -EMSGSIZE;
	if (net_admin &&
	    nla_put_u32(skb, INET_DIAG_MARK, READ_ONCE(sk->sk_mark)))
		return -EMSGSIZE;
	if (ext & (1 << (INET_DIAG_TOS - 1)) &&
	    nla_put_u8(skb, INET_DIAG_TOS, READ_ONCE(inet_sk(sk)->tos)))
		return -EMSGSIZE;
	if (sk->sk_family == AF_INET6 && ext & (1 << (INET_DIAG_TCLASS - 1)) &&
	    nla_put_u8(skb, INET_DIAG_TCLASS, inet6_sk(sk)->tclass))
		return -EMSGSIZE;
	if (put_memory(skb, sk, ext))
		return -EMSGSIZE;
	if (ext & (1 << (INET_DIAG_INFO - 1)) && put_info(skb, sk))
		return -EMSGSIZE;
	if (ext & (1 << (INET_DIAG_CONG - 1)) && put_congestion(skb, sk))
		return -EMSGSIZE;
	/* As ss asks for it, whatever the algorithm. */
	if (ext & (1 << (INET_DIAG_VEGASINFO - 1)) && put_cong_info(skb, sk))
		return -EMSGSIZE;
	return 0;
}

/* The answer for @common to the request @to. May sleep. */
static int fill_message(struct sk_buff *skb, struct sock_common *common,
			const struct sk_buff *to, const struct nlmsghdr *nlh,
			int flags)
{
	const struct inet_diag_req_v2 *req = nlmsg_data(nlh);
	struct sock *sk = (struct sock *)common;
	struct inet_diag_msg *msg;
	struct nlmsghdr *answer;
	struct entry entry;

	answer = nlmsg_put(skb, NETLINK_CB(to).portid, nlh->nlmsg_seq,
			   nlh->nlmsg_type, sizeof(*msg), flags);
	if (!answer)
		return -EMSGSIZE;

	describe(&entry, common);
	msg = nlmsg_data(answer);
	memset(msg, 0, sizeof(*msg));
	fill_id(&msg->id, common);
	sock_diag_save_cookie(sk, msg->id.idiag_cookie);
	msg->idiag_family = common->skc_family;
	msg->idiag_state = entry.state;
	msg->idiag_timer = entry.timer;
	msg->idiag_retrans = entry.timer == TIMER_RETRANSMIT ?
		entry.retransmits : entry.probes;
	msg->idiag_expires = div_u64(entry.left_ns, NSEC_PER_MSEC);
	msg->idiag_rqueue = entry.rx_queue;
	msg->idiag_wqueue = entry.state == TCPX_LISTEN ?
		READ_ONCE(sk->sk_max_ack_backlog) : entry.tx_queue;
	msg->idiag_uid = from_kuid_munged(sk_user_ns(NETLINK_CB(to).sk),
					  entry.uid);
	msg->idiag_inode = entry.ino;

	if (entry.full && put_attributes(skb, sk, req->idiag_ext,
					 netlink_net_capable(to,
							     CAP_NET_ADMIN))) {
		nlmsg_cancel(skb, answer);
		return -EMSGSIZE;
	}
	nlmsg_end(skb, answer);
	return 0;
}

/* Ports and states that a dump asks for. */
static bool is_wanted(struct sock_common *common,
		      const struct inet_diag_req_v2 *req)
{
	unsigned int state = READ_ONCE(common->skc_state);

	if (state == TCP_NEW_SYN_RECV)
		state = TCPX_SYN_RECEIVED;
	if (!(req->idiag_states & 1U << state))
		return false;
	if (req->id.idiag_sport &&
	    req->id.idiag_sport != htons(common->skc_num))
		return false;
	return !req->id.idiag_dport ||
	       req->id.idiag_dport == common->skc_dport;
}

/* cb->args: struct tcpx_hash_pos. */
static int tcpx_diag_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct tcpx_hash_pos next = {
		.bucket = cb->args[0],
		.offset = cb->args[1],
	};
	struct net *net = sock_net(skb->sk);
	struct sock_common *common;
	int err = 0;

	while (!err) {
		cb->args[0] = next.bucket;
		cb->args[1] = next.offset;
		if (!tcpx_hash_batch(net, &next, &common, 1))
			break;
		if (is_wanted(common, nlmsg_data(cb->nlh)))
			err = fill_message(skb, common, cb->skb, cb->nlh,
					   NLM_F_MULTI);
		tcpx_hash_put(common);
	}
	return skb->len;
}

struct wanted {
	const struct inet_diag_req_v2 *req;
	struct sock_common *found;
};

static int tcpx_diag_is_same(struct sock_common *common, void *arg)
{
	struct wanted *wanted = arg;
	const struct inet_diag_sockid *id = &wanted->req->id;
	struct inet_diag_sockid other;

	fill_id(&other, common);
	if (id->idiag_sport != other.idiag_sport ||
	    id->idiag_dport != other.idiag_dport ||
	    memcmp(id->idiag_src, other.idiag_src, sizeof(other.idiag_src)) ||
	    memcmp(id->idiag_dst, other.idiag_dst, sizeof(other.idiag_dst)) ||
	    (id->idiag_if && id->idiag_if != other.idiag_if) ||
	    sock_diag_check_cookie((struct sock *)common, id->idiag_cookie))
		return 0;
	if (!refcount_inc_not_zero(&common->skc_refcnt))
		return 0;
	wanted->found = common;
	return 1;
}

/* The object that a request names; the caller drops it. */
static struct sock_common *find_exact(struct net *net,
				      const struct inet_diag_req_v2 *req)
{
	struct wanted wanted = { .req = req };

	tcpx_hash_walk(net, tcpx_diag_is_same, &wanted);
	return wanted.found;
}

static int answer_exact(struct sk_buff *skb, const struct nlmsghdr *nlh)
{
	struct net *net = sock_net(skb->sk);
	struct sock_common *common;
	struct sk_buff *answer;
	int err = -ENOMEM;

	common = find_exact(net, nlmsg_data(nlh));
	if (!common)
		return -ENOENT;

	answer = nlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!answer)
		goto out_put;
	err = fill_message(answer, common, skb, nlh, 0);
	if (err)
		kfree_skb(answer);
	else
		err = nlmsg_unicast(net->diag_nlsk, answer,
				    NETLINK_CB(skb).portid);
out_put:
	tcpx_hash_put(common);
	return err;
}

static int tcpx_diag_get(struct sk_buff *skb, struct nlmsghdr *nlh)
{
	struct netlink_dump_control control = { .dump = tcpx_diag_dump };

	if (nlmsg_len(nlh) < sizeof(struct inet_diag_req_v2))
		return -EINVAL;
	if (nlh->nlmsg_flags & NLM_F_DUMP)
		return netlink_dump_start(sock_net(skb->sk)->diag_nlsk, skb,
					  nlh, &control);

	return answer_exact(skb, nlh);
}

/* SOCK_DESTROY, as `ss -K` sends it. */
static int tcpx_diag_kill(struct sk_buff *skb, struct nlmsghdr *nlh)
{
	struct sock_common *common;
	unsigned int state;
	int err;

	if (nlmsg_len(nlh) < sizeof(struct inet_diag_req_v2))
		return -EINVAL;
	common = find_exact(sock_net(skb->sk), nlmsg_data(nlh));
	if (!common)
		return -ENOENT;

	state = READ_ONCE(common->skc_state);
	if (state == TCP_NEW_SYN_RECV || state == TCP_TIME_WAIT)
		err = -EOPNOTSUPP;
	else
		err = sock_diag_destroy((struct sock *)common, ECONNABORTED);
	tcpx_hash_put(common);
	return err;
}

/* Permission was checked by sock_diag_destroy(). */
int tcpx_diag_destroy(struct sock *sk, int err)
{
	lock_sock(sk);
	tcpx_sock_abort(sk, err);
	release_sock(sk);
	return 0;
}

static struct sock_diag_handler tcpx_diag_handler = {
	TCPX_DIAG_OWNER
	.dump = tcpx_diag_get,
	.destroy = tcpx_diag_kill,
};

int tcpx_diag_init(void)
{
	tcpx_diag_handler.family = tcpx_family;
	return sock_diag_register(&tcpx_diag_handler);
}

void tcpx_diag_exit(void)
{
	sock_diag_unregister(&tcpx_diag_handler);
}
