// SPDX-License-Identifier: GPL-2.0
/*
 * Options of level SOL_TCP: native's numbers, formats, ranges and errnos. What
 * is not here is refused with ENOPROTOOPT. SOL_IP and SOL_IPV6 are the
 * kernel's own.
 */
#include "cong.h"
#include "fastopen.h"
#include "listen.h"
#include "tcpx.h"

#include <linux/capability.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/inet_diag.h>
#include <linux/math64.h>
#include <linux/sockptr.h>
#include <linux/string.h>
#include <linux/tcp.h>

#include <net/ip.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/tcp.h>

#define MAXSEG_MIN	88	/* native's TCP_MIN_MSS */
#define MAXSEG_MAX	32767
#define KEEPALIVE_MAX_S	32767
#define RETRIES_MAX	127	/* SYNCNT and KEEPCNT */
#define LINGER2_MAX_S	120

static const struct tcpx_knobs *knobs_of(const struct sock *sk)
{
	return &tcpx_net(sock_net(sk))->knobs;
}

/* --- set ----------------------------------------------------------------- */

static int set_congestion(struct sock *sk, sockptr_t optval,
			  unsigned int optlen)
{
	const struct tcpx_cong_ops *ops;
	struct tcpx_sock *tcb = tcpx_sk(sk);
	char name[TCPX_CONG_NAME_MAX];
	int len;

	if (optlen < 1)
		return -EINVAL;
	len = strncpy_from_sockptr(name, optval,
				   min_t(long, sizeof(name) - 1, optlen));
	if (len < 0)
		return -EFAULT;
	name[len] = '\0';

	ops = tcpx_cong_get(name);
	if (!ops)
		return -ENOENT;
	if (ops->flags & TCPX_CONG_F_RESTRICTED &&
	    !ns_capable(sock_net(sk)->user_ns, CAP_NET_ADMIN)) {
		tcpx_cong_put(ops);
		return -EPERM;
	}

	lock_sock(sk);
	if (tcb->cong.ops == ops) {
		tcpx_cong_put(ops);
	} else {
		tcpx_cong_change(&tcb->cong, ops);
		/* What the last one has set is not this one's. */
		WRITE_ONCE(sk->sk_pacing_rate,
			   READ_ONCE(sk->sk_max_pacing_rate));
	}
	release_sock(sk);
	return 0;
}

/*
 * NODELAY pushes what is queued now, cork or not. Pulling the cork leaves a
 * small segment to Nagle, unless NODELAY.
 */
static void set_nodelay(struct tcpx_sock *tcb, bool on)
{
	if (!on) {
		tcb->snd.nagle &= ~TCPX_NAGLE_OFF;
		return;
	}
	tcb->snd.nagle |= TCPX_NAGLE_OFF;
	tcpx_sendmsg_push(tcb);
}

static void set_cork(struct tcpx_sock *tcb, bool on)
{
	if (on) {
		tcb->snd.nagle |= TCPX_NAGLE_CORK;
		return;
	}
	tcb->snd.nagle &= ~TCPX_NAGLE_CORK;
	tcpx_output(tcb);
}

/* Bit 0: for good, until the connection turns interactive; else this once. */
static void set_quickack(struct sock *sk, int val)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);

	tcb->user.quickack = val & 1;
	tcb->rcv.pingpong = !val;
	tcb->rcv.quick_acks = val ? TCPX_QUICK_ACKS : 0;
	if (val && tcpx_state_in(sk->sk_state, TCPX_MAY_SEND) &&
	    tcb->rcv.ack_pending) {
		tcpx_xmit_ack(tcb);
		tcb->rcv.pingpong = !(val & 1);
	}
}

static int set_keepalive(struct tcpx_sock *tcb, int optname, int val)
{
	int max = optname == TCP_KEEPCNT ? RETRIES_MAX : KEEPALIVE_MAX_S;

	if (val < 1 || val > max)
		return -EINVAL;

	switch (optname) {
	case TCP_KEEPIDLE:
		WRITE_ONCE(tcb->user.keepidle_s, val);
		break;
	case TCP_KEEPINTVL:
		WRITE_ONCE(tcb->user.keepintvl_s, val);
		break;
	default:
		tcb->user.keepcnt = val;
		break;
	}
	tcpx_timers_keepalive_changed(tcb);
	return 0;
}

static void set_linger2(struct tcpx_sock *tcb, int val)
{
	WRITE_ONCE(tcb->user.linger2_s, clamp(val, -1, LINGER2_MAX_S));
	tcpx_timers_linger_changed(tcb);
}

/* --- Fast Open ----------------------------------------------------------- */

static bool may_become_listener(const struct sock *sk)
{
	return tcpx_state_in(sk->sk_state, TCPX_S(CLOSED) | TCPX_S(LISTEN));
}

static int set_fastopen_queue(struct sock *sk, int val)
{
	int err;

	if (val < 0 || !may_become_listener(sk))
		return -EINVAL;
	err = tcpx_listen_create(sk);
	if (!err)
		tcpx_fastopen_set_queue(sk, val);
	return err;
}

static int set_fastopen_connect(struct sock *sk, int val)
{
	if (val < 0 || val > 1)
		return -EINVAL;
	if (!(READ_ONCE(knobs_of(sk)->fastopen) & TCPX_TFO_CLIENT))
		return -EOPNOTSUPP;
	if (sk->sk_state != TCPX_CLOSED)
		return -EINVAL;
	tcpx_sk(sk)->user.fastopen_connect = val;
	return 0;
}

static int set_fastopen_no_cookie(struct sock *sk, int val)
{
	if (val < 0 || val > 1 || !may_become_listener(sk))
		return -EINVAL;
	tcpx_sk(sk)->user.fastopen_no_cookie = val;
	return 0;
}

/* One key, or two: then the second one only checks. */
static int set_fastopen_key(struct sock *sk, sockptr_t optval,
			    unsigned int optlen)
{
	u8 keys[TCPX_TFO_KEYS * TCPX_TFO_KEY_LEN];
	int err = -EINVAL;

	if (optlen != TCPX_TFO_KEY_LEN && optlen != sizeof(keys))
		return -EINVAL;
	if (copy_from_sockptr(keys, optval, optlen))
		return -EFAULT;

	lock_sock(sk);
	/* Native takes it from a connection, too, where it does nothing. */
	if (may_become_listener(sk))
		err = tcpx_listen_create(sk);
	if (!err)
		err = tcpx_fastopen_set_keys(sock_net(sk), sk, keys,
					     optlen / TCPX_TFO_KEY_LEN);
	release_sock(sk);
	memzero_explicit(keys, sizeof(keys));
	return err;
}

static int set_locked(struct sock *sk, int optname, int val)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);

	switch (optname) {
	case TCP_NODELAY:
		set_nodelay(tcb, val);
		return 0;
	case TCP_CORK:
		set_cork(tcb, val);
		return 0;
	case TCP_MAXSEG:
		if (val && (val < MAXSEG_MIN || val > MAXSEG_MAX))
			return -EINVAL;
		tcb->snd.mss_user = val;
		return 0;
	case TCP_KEEPIDLE:
	case TCP_KEEPINTVL:
	case TCP_KEEPCNT:
		return set_keepalive(tcb, optname, val);
	case TCP_SYNCNT:
		if (val < 1 || val > RETRIES_MAX)
			return -EINVAL;
		tcb->user.syncnt = val;
		return 0;
	case TCP_LINGER2:
		set_linger2(tcb, val);
		return 0;
	case TCP_USER_TIMEOUT:
		if (val < 0)
			return -EINVAL;
		WRITE_ONCE(tcb->user.timeout_ms, val);
		return 0;
	case TCP_QUICKACK:
		set_quickack(sk, val);
		return 0;
	case TCP_NOTSENT_LOWAT:
		WRITE_ONCE(tcb->user.notsent_lowat, val);
		sk->sk_write_space(sk);
		return 0;
	case TCP_INQ:
		if (val < 0 || val > 1)
			return -EINVAL;
		tcb->user.inq = val;
		return 0;
	case TCP_FASTOPEN:
		return set_fastopen_queue(sk, val);
	case TCP_FASTOPEN_CONNECT:
		return set_fastopen_connect(sk, val);
	case TCP_FASTOPEN_NO_COOKIE:
		return set_fastopen_no_cookie(sk, val);
	default:
		return -ENOPROTOOPT;
	}
}

static int set_tcp(struct sock *sk, int optname, sockptr_t optval,
		   unsigned int optlen)
{
	int val, err;

	if (optname == TCP_CONGESTION)
		return set_congestion(sk, optval, optlen);
	if (optname == TCP_FASTOPEN_KEY)
		return set_fastopen_key(sk, optval, optlen);
	if (optlen < sizeof(int))
		return -EINVAL;
	if (copy_from_sockptr(&val, optval, sizeof(val)))
		return -EFAULT;

	lock_sock(sk);
	err = set_locked(sk, optname, val);
	release_sock(sk);
	return err;
}

/*
 * The kernel tells TCP from others by inet_connection_sock here, and would
 * let us join groups.
 */
static bool is_multicast_membership(int level, int optname)
{
	if (level == SOL_IP)
		return optname == IP_ADD_MEMBERSHIP ||
		       optname == IP_DROP_MEMBERSHIP;

	return optname == IPV6_ADD_MEMBERSHIP ||
	       optname == IPV6_DROP_MEMBERSHIP;
}

/* What goes into every packet leaves less room for data (MUST-16). */
static void ip_options_changed(struct sock *sk)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);

	lock_sock(sk);
	if (!tcpx_state_in(sk->sk_state, TCPX_S(CLOSED) | TCPX_S(LISTEN)))
		tcpx_pmtu_sync_mss(tcb, tcb->snd.pmtu);
	release_sock(sk);
}

static bool has_source_route(const u8 *options, unsigned int len)
{
	unsigned int i = 0;

	while (i + 1 < len && options[i] != IPOPT_END) {
		if (options[i] == IPOPT_NOOP) {
			i++;
			continue;
		}
		if (options[i] == IPOPT_LSRR || options[i] == IPOPT_SSRR)
			return true;
		/* Less than 2 is what the kernel will find wrong. */
		i += max_t(u8, options[i + 1], 1);
	}
	return false;
}

/*
 * Deviation: no source routes (MUST-51, MUST-52, SHLD-24), which the networks
 * drop (RFC 7126 4.3, 4.4); native has them. The errno is what IPv6 gives for
 * its own, which RFC 5095 took away.
 */
static int set_ip_options(struct sock *sk, sockptr_t optval,
			  unsigned int optlen)
{
	u8 options[MAX_IPOPTLEN];
	int err;

	if (optlen > sizeof(options))
		return -EINVAL;
	if (copy_from_sockptr(options, optval, optlen))
		return -EFAULT;
	if (has_source_route(options, optlen))
		return -EINVAL;

	err = ip_setsockopt(sk, SOL_IP, IP_OPTIONS, KERNEL_SOCKPTR(options),
			    optlen);
	if (!err)
		ip_options_changed(sk);
	return err;
}

static int set_ip6(struct sock *sk, int optname, sockptr_t optval,
		   unsigned int optlen)
{
	int err = ipv6_setsockopt(sk, SOL_IPV6, optname, optval, optlen);

	switch (optname) {
	case IPV6_2292PKTOPTIONS:
	case IPV6_HOPOPTS:
	case IPV6_RTHDRDSTOPTS:
	case IPV6_RTHDR:
	case IPV6_DSTOPTS:
		if (!err)
			ip_options_changed(sk);
	}
	return err;
}

int tcpx_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
		    unsigned int optlen)
{
	if (level == SOL_TCP)
		return set_tcp(sk, optname, optval, optlen);
	if (level != SOL_IP && level != SOL_IPV6)
		return -ENOPROTOOPT;

	if (is_multicast_membership(level, optname))
		return -EPROTO;
	if (level == SOL_IP && optname == IP_OPTIONS)
		return set_ip_options(sk, optval, optlen);
	if (level == SOL_IP)
		return ip_setsockopt(sk, level, optname, optval, optlen);
	/* A socket of ours cannot turn into a native IPv4 one. */
	if (sk->sk_family != AF_INET6 || optname == IPV6_ADDRFORM)
		return -ENOPROTOOPT;
	return set_ip6(sk, optname, optval, optlen);
}

/* --- TCP_INFO ------------------------------------------------------------ */

static u32 segs_of(const struct tcpx_sock *tcb, u32 bytes)
{
	u32 mss = max_t(u32, tcb->snd.mss, 1);

	return DIV_ROUND_UP(bytes, mss);
}

static u32 ms_since(u64 when_ns)
{
	u64 now_ns = ktime_get_ns();

	return when_ns && when_ns < now_ns ?
	       div_u64(now_ns - when_ns, NSEC_PER_MSEC) : 0;
}

static u8 info_ca_state(const struct tcpx_sock *tcb)
{
	switch (tcb->recovery.state) {
	case TCPX_CWR:
		return TCP_CA_CWR;
	case TCPX_RECOVERY:
		return TCP_CA_Recovery;
	case TCPX_LOSS:
		return TCP_CA_Loss;
	default:
		return tcb->recovery.sacked || tcb->recovery.dupacks ?
			TCP_CA_Disorder : TCP_CA_Open;
	}
}

static void get_info_options(const struct tcpx_sock *tcb,
			     struct tcp_info *info)
{
	if (tcb->rcv.ts_ok)
		info->tcpi_options |= TCPI_OPT_TIMESTAMPS;
	if (tcb->rcv.sack_ok)
		info->tcpi_options |= TCPI_OPT_SACK;
	if (tcb->rcv.ecn)
		info->tcpi_options |= TCPI_OPT_ECN;
	if (tcb->rcv.ecn & TCPX_ECN_SEEN)
		info->tcpi_options |= TCPI_OPT_ECN_SEEN;
	if (tcb->rcv.wscale_ok) {
		info->tcpi_options |= TCPI_OPT_WSCALE;
		info->tcpi_snd_wscale = tcb->snd.wscale;
		info->tcpi_rcv_wscale = tcb->rcv.wscale;
	}
	if (tcb->user.fastopen & TCPX_TFO_TEXT_ACKED)
		info->tcpi_options |= TCPI_OPT_SYN_DATA;
	info->tcpi_fastopen_client_fail = tcb->user.fastopen >>
					  TCPX_TFO_FAIL_SHIFT;
}

static void get_info_sender(const struct tcpx_sock *tcb, struct tcp_info *info)
{
	const struct tcpx_recovery *recovery = &tcb->recovery;
	const struct tcpx_rtt *rtt = &tcb->rtt;

	info->tcpi_ca_state = info_ca_state(tcb);
	info->tcpi_retransmits = recovery->timeouts;
	info->tcpi_probes = recovery->probes;
	info->tcpi_backoff = rtt->backoff;
	info->tcpi_reordering = recovery->reordering;
	info->tcpi_rto = div_u64(tcpx_rtt_rto_ns(rtt), NSEC_PER_USEC);
	info->tcpi_rtt = tcpx_rtt_srtt_us(rtt);
	info->tcpi_rttvar = tcpx_rtt_rttvar_us(rtt);
	info->tcpi_min_rtt = rtt->min_us;
	info->tcpi_snd_mss = tcb->snd.mss;
	info->tcpi_pmtu = tcb->snd.pmtu;
	info->tcpi_unacked = segs_of(tcb, tcpx_flight(tcb));
	info->tcpi_sacked = segs_of(tcb, recovery->sacked);
	info->tcpi_lost = segs_of(tcb, recovery->lost);
	info->tcpi_retrans = segs_of(tcb, recovery->retrans);
	info->tcpi_snd_wnd = tcb->snd.wnd;
	info->tcpi_notsent_bytes = tcb->snd.write_seq - tcb->snd.nxt;
	info->tcpi_last_data_sent = ms_since(tcb->snd.last_data_ns);
	if (tcb->cong.sampled) {
		const struct tcpx_rate *rate = tcpx_cong_rate(&tcb->cong);

		info->tcpi_delivery_rate = rate->latest;
		info->tcpi_delivery_rate_app_limited = rate->latest_app_limited;
	}
}

static void get_info_receiver(const struct tcpx_sock *tcb,
			      struct tcp_info *info)
{
	const struct sock *sk = tcpx_to_sk(tcb);

	info->tcpi_ato = READ_ONCE(knobs_of(sk)->delack_ms) * USEC_PER_MSEC;
	info->tcpi_rcv_mss = tcb->rcv.mss_est;
	info->tcpi_advmss = tcb->rcv.mss;
	info->tcpi_rcv_ssthresh = tcb->rcv.ssthresh;
	info->tcpi_rcv_rtt = tcb->rcv.rtt_us;
	info->tcpi_rcv_space = tcb->rcv.space_bytes;
	info->tcpi_last_data_recv = ms_since(tcb->rcv.last_data_ns);
	info->tcpi_last_ack_recv = info->tcpi_last_data_recv;
}

static void get_info_counters(const struct tcpx_sock *tcb,
			      struct tcp_info *info)
{
	const struct tcpx_stats *stats = &tcb->stats;

	info->tcpi_bytes_acked = stats->bytes_acked;
	info->tcpi_bytes_received = stats->bytes_received;
	info->tcpi_bytes_sent = stats->bytes_sent;
	info->tcpi_bytes_retrans = stats->bytes_retrans;
	info->tcpi_segs_in = stats->segs_in;
	info->tcpi_segs_out = stats->segs_out;
	info->tcpi_data_segs_in = stats->data_segs_in;
	info->tcpi_data_segs_out = stats->data_segs_out;
	info->tcpi_total_retrans = stats->retrans_segs;
	info->tcpi_dsack_dups = stats->dsack_dups;
}

static u64 pacing_rate(unsigned long rate)
{
	return rate == ~0UL ? ~0ULL : rate;
}

/* What tcpx does not measure stays 0. */
void tcpx_get_info(struct sock *sk, struct tcp_info *info)
{
	const struct tcpx_sock *tcb = tcpx_sk(sk);
	u32 ssthresh;
	bool slow;

	memset(info, 0, sizeof(*info));
	info->tcpi_state = READ_ONCE(sk->sk_state);
	info->tcpi_pacing_rate = pacing_rate(READ_ONCE(sk->sk_pacing_rate));
	info->tcpi_max_pacing_rate =
		pacing_rate(READ_ONCE(sk->sk_max_pacing_rate));
	if (info->tcpi_state == TCPX_LISTEN) {
		info->tcpi_unacked = READ_ONCE(sk->sk_ack_backlog);
		info->tcpi_sacked = READ_ONCE(sk->sk_max_ack_backlog);
		return;
	}

	slow = lock_sock_fast(sk);
	info->tcpi_snd_cwnd = segs_of(tcb, tcb->cong.cwnd);
	ssthresh = tcb->cong.ssthresh;
	info->tcpi_snd_ssthresh = ssthresh == TCPX_CONG_INFINITE ?
		TCP_INFINITE_SSTHRESH : segs_of(tcb, ssthresh);
	get_info_options(tcb, info);
	get_info_sender(tcb, info);
	get_info_receiver(tcb, info);
	get_info_counters(tcb, info);
	unlock_sock_fast(sk, slow);
}

/* --- get ----------------------------------------------------------------- */

static int get_info(struct sock *sk, char __user *optval, int __user *optlen,
		    int len)
{
	struct tcp_info info;

	tcpx_get_info(sk, &info);
	len = min_t(unsigned int, len, sizeof(info));
	if (put_user(len, optlen) || copy_to_user(optval, &info, len))
		return -EFAULT;
	return 0;
}

/* TCP_CC_INFO: what the algorithm has to tell, native's layout; or nothing. */
static int get_cc_info(struct sock *sk, char __user *optval,
		       int __user *optlen, int len)
{
	union tcp_cc_info info;
	size_t size;
	int attr;

	lock_sock(sk);
	size = tcpx_cong_get_info(&tcpx_sk(sk)->cong, &attr, &info);
	release_sock(sk);
	len = min_t(unsigned int, len, size);
	if (put_user(len, optlen) || copy_to_user(optval, &info, len))
		return -EFAULT;
	return 0;
}

static int get_congestion(struct sock *sk, char __user *optval,
			  int __user *optlen, int len)
{
	char name[TCPX_CONG_NAME_MAX] = "";

	lock_sock(sk);
	if (tcpx_sk(sk)->cong.ops)
		strscpy(name, tcpx_sk(sk)->cong.ops->name, sizeof(name));
	release_sock(sk);

	len = min_t(unsigned int, len, sizeof(name));
	if (put_user(len, optlen) || copy_to_user(optval, name, len))
		return -EFAULT;
	return 0;
}

/* An early child has something else where its queue would be. */
static int get_fastopen_queue(struct sock *sk)
{
	int max = 0;

	lock_sock(sk);
	if (may_become_listener(sk) && tcpx_sk(sk)->listen)
		max = tcpx_sk(sk)->listen->fastopen.max;
	release_sock(sk);
	return max;
}

static int get_fastopen_key(struct sock *sk, char __user *optval,
			    int __user *optlen, int len)
{
	u8 keys[TCPX_TFO_KEYS * TCPX_TFO_KEY_LEN];
	unsigned int nr = 0;

	lock_sock(sk);
	if (may_become_listener(sk) && tcpx_sk(sk)->listen)
		nr = tcpx_fastopen_get_keys(sock_net(sk), sk, keys);
	release_sock(sk);

	len = min_t(unsigned int, len, nr * TCPX_TFO_KEY_LEN);
	if (put_user(len, optlen) || copy_to_user(optval, keys, len))
		return -EFAULT;
	return 0;
}

static int get_linger2(const struct sock *sk)
{
	int val = READ_ONCE(tcpx_sk(sk)->user.linger2_s);

	return val ?: READ_ONCE(knobs_of(sk)->fin_timeout_s);
}

static int get_maxseg(const struct sock *sk)
{
	const struct tcpx_sock *tcb = tcpx_sk(sk);

	if (tcb->snd.mss_user &&
	    tcpx_state_in(sk->sk_state, TCPX_S(CLOSED) | TCPX_S(LISTEN)))
		return tcb->snd.mss_user;
	return tcb->snd.mss;
}

/* Options that are an int; -ENOPROTOOPT, or 0 and *@val. */
static int get_int(struct sock *sk, int optname, int *val)
{
	const struct tcpx_sock *tcb = tcpx_sk(sk);
	const struct tcpx_knobs *knobs = knobs_of(sk);
	const struct tcpx_user *user = &tcb->user;

	switch (optname) {
	case TCP_NODELAY:
		*val = !!(tcb->snd.nagle & TCPX_NAGLE_OFF);
		return 0;
	case TCP_CORK:
		*val = !!(tcb->snd.nagle & TCPX_NAGLE_CORK);
		return 0;
	case TCP_MAXSEG:
		*val = get_maxseg(sk);
		return 0;
	case TCP_KEEPIDLE:
		*val = READ_ONCE(user->keepidle_s) ?:
			READ_ONCE(knobs->keepalive_time_s);
		return 0;
	case TCP_KEEPINTVL:
		*val = READ_ONCE(user->keepintvl_s) ?:
			READ_ONCE(knobs->keepalive_intvl_s);
		return 0;
	case TCP_KEEPCNT:
		/* A bit cannot be READ_ONCE(). */
		*val = data_race(user->keepcnt + 0U) ?:
			READ_ONCE(knobs->keepalive_probes);
		return 0;
	case TCP_SYNCNT:
		/* As above. */
		*val = data_race(user->syncnt + 0U) ?:
			READ_ONCE(knobs->syn_retries);
		return 0;
	case TCP_LINGER2:
		*val = get_linger2(sk);
		return 0;
	case TCP_USER_TIMEOUT:
		*val = READ_ONCE(user->timeout_ms);
		return 0;
	case TCP_QUICKACK:
		*val = !tcb->rcv.pingpong;
		return 0;
	case TCP_NOTSENT_LOWAT:
		*val = READ_ONCE(user->notsent_lowat);
		return 0;
	case TCP_INQ:
		*val = user->inq;
		return 0;
	case TCP_FASTOPEN:
		*val = get_fastopen_queue(sk);
		return 0;
	case TCP_FASTOPEN_CONNECT:
		*val = user->fastopen_connect;
		return 0;
	case TCP_FASTOPEN_NO_COOKIE:
		*val = user->fastopen_no_cookie;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int get_tcp(struct sock *sk, int optname, char __user *optval,
		   int __user *optlen)
{
	int len, val, err;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;

	if (optname == TCP_INFO)
		return get_info(sk, optval, optlen, len);
	if (optname == TCP_CONGESTION)
		return get_congestion(sk, optval, optlen, len);
	if (optname == TCP_CC_INFO)
		return get_cc_info(sk, optval, optlen, len);
	if (optname == TCP_FASTOPEN_KEY)
		return get_fastopen_key(sk, optval, optlen, len);

	err = get_int(sk, optname, &val);
	if (err)
		return err;

	len = min_t(unsigned int, len, sizeof(int));
	if (put_user(len, optlen) || copy_to_user(optval, &val, len))
		return -EFAULT;
	return 0;
}

int tcpx_getsockopt(struct sock *sk, int level, int optname,
		    char __user *optval, int __user *optlen)
{
	if (level == SOL_TCP)
		return get_tcp(sk, optname, optval, optlen);
	/* Levels that do not exist have each their errno. */
	if (level == SOL_IP || sk->sk_family == AF_INET)
		return ip_getsockopt(sk, level, optname, optval, optlen);
	return ipv6_getsockopt(sk, level, optname, optval, optlen);
}
