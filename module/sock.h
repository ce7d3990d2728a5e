/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct tcpx_sock: one connection, or one listener.
 *
 * Everything is guarded by the socket lock unless its comment says otherwise.
 * The groups are owned by the file named above each.
 */
#ifndef _TCPX_SOCK_H
#define _TCPX_SOCK_H

#include <linux/ipv6.h>
#include <linux/rbtree.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <net/inet_sock.h>
#include <net/tcp_states.h>

#include "cong.h"
#include "fastopen.h"
#include "options.h"
#include "rack.h"
#include "rtt.h"
#include "seq.h"
#include "state.h"
#include "timer.h"
#include "wire.h"

struct tcpx_ip_ops;
struct tcpx_listen;
struct tcpx_port;

/*
 * sk_protocol of every tcpx socket: the low byte goes on the wire as 6, while
 * sk_is_tcp() is false, so that no core path mistakes us for a tcp_sock.
 */
#define TCPX_SK_PROTOCOL	0x206

/* skb->cb on the send queue (not yet sent) and the retransmission queue. */
struct tcpx_tx_cb {
	u32 seq;
	u32 end_seq;		/* SEG.SEQ + SEG.LEN, FIN and SYN count one */
	u16 gso_segs;		/* segments of @gso_size that this skb makes */
	u16 gso_size;
	u8 flags;		/* TCPX_FLAG_*: SYN, FIN, PSH */
	u8 marks;		/* TCPX_TX_* */
	u32 skip;		/* payload bytes before @seq: acknowledged */
	u32 run_end;		/* SACKED: so is all from here to there */
	u32 delivered;		/* SAMPLED, rate.c: P.delivered */
	u32 delivered_at;	/* P.delivered_time */
	u32 first_sent_at;	/* P.first_send_time */
	u32 tx_in_flight;	/* P.tx_in_flight */
	u32 lost;		/* P.lost */
};

#define TCPX_TX_SACKED		0x01	/* reported by a SACK block */
#define TCPX_TX_LOST		0x02	/* thought to be lost */
#define TCPX_TX_RETRANS		0x04	/* a retransmission is in flight */
#define TCPX_TX_EVER_RETRANS	0x08	/* Karn: no RTT sample from it */
#define TCPX_TX_EOR		0x10	/* MSG_EOR: nothing is added to it */
#define TCPX_TX_PROBE		0x20	/* of the path MTU, sent once, whole */
#define TCPX_TX_SAMPLED		0x40	/* what rate.c noted is there */
#define TCPX_TX_APP_LIMITED	0x80	/* P.is_app_limited */

static inline struct tcpx_tx_cb *tcpx_tx_cb(const struct sk_buff *skb)
{
	return (struct tcpx_tx_cb *)skb->cb;
}

static inline u32 tcpx_tx_bytes(const struct sk_buff *skb)
{
	return tcpx_tx_cb(skb)->end_seq - tcpx_tx_cb(skb)->seq;
}

/* Lost, and not sent again. */
static inline bool tcpx_tx_is_pending(u8 marks)
{
	return (marks & (TCPX_TX_LOST | TCPX_TX_RETRANS)) == TCPX_TX_LOST;
}

/* Send sequence space, RFC 9293 3.3.1, and the send queue: output.c, ack.c. */
struct tcpx_snd {
	u32 una;		/* SND.UNA */
	u32 nxt;		/* SND.NXT */
	u32 wnd;		/* SND.WND, bytes, scaled */
	u32 wl1;		/* SND.WL1 */
	u32 wl2;		/* SND.WL2 */
	u32 up;			/* SND.UP: octet after the urgent data */
	u32 iss;		/* ISS */
	u32 max_wnd;		/* MAX.SND.WND */
	u32 write_seq;		/* sequence number of the user's next byte */
	u32 pushed_seq;		/* last byte the user wanted pushed */
	u32 small_end;		/* end of the last small segment (Minshall) */
	u32 pmtu;		/* what the route says, bytes; pmtu.c */
	u32 search_s;		/* when the search last had to give way */
	u32 ts_offset;		/* added to our clock in TSval, RFC 7323 5.4 */
	u16 mss;		/* Eff.snd.MSS: payload of a full segment */
	u16 mss_peer;		/* the peer's MSS option, or the default */
	u16 mss_user;		/* TCP_MAXSEG, 0: none */
	u16 mss_acked;		/* largest segment that arrived on this path */
	u16 mtu_low;		/* the search: this passes; 0: there is none */
	u16 mtu_high;		/* this may pass, more does not */
	u16 pmtu_pending;	/* what ICMP says, not believed yet; 0: nothing */
	u8 wscale;		/* Snd.Wind.Shift */
	u8 nagle:3;		/* TCPX_NAGLE_* */
	u8 urgent:1;		/* SND.UP is valid */
	u8 cwnd_limited:1;	/* cwnd is what stopped the last output */
	u8 mtu_probe:1;		/* a probe is in flight */
	u64 last_data_ns;	/* when data or a FIN was last sent */
};

/*
 * So many ACKs are hardly delayed at first, and after one that nothing carried:
 * a peer with Nagle's algorithm may wait for them in the middle of a request.
 */
#define TCPX_QUICK_ACKS	16

#define TCPX_NAGLE_OFF	0x1	/* TCP_NODELAY */
#define TCPX_NAGLE_CORK	0x2	/* TCP_CORK */
#define TCPX_NAGLE_PUSH	0x4	/* this once: cork was pulled */

/* Receive sequence space and queues: reassembly.c, input.c, recvmsg.c. */
struct tcpx_rcv {
	u32 nxt;		/* RCV.NXT */
	u32 wnd;		/* RCV.WND as last advertised, bytes */
	u32 wup;		/* RCV.NXT of then: Last.ACK.sent */
	u32 up;			/* RCV.UP: octet after the urgent data */
	u32 irs;		/* IRS */
	u32 copied;		/* sequence number of the user's next byte */
	u32 wnd_clamp;		/* largest window to advertise */
	u32 ssthresh;		/* window opens at most to here, grows */
	u32 ts_recent;		/* TS.Recent */
	u32 ts_recent_s;	/* when it was taken, ktime_get_seconds() */
	u16 mss;		/* MSS that we advertised */
	u16 mss_est;		/* what the peer seems to send */
	u16 challenges;		/* ACKs of RFC 5961 since @challenge_ms */
	u8 wscale:4;		/* Rcv.Wind.Shift */
	u8 sack_nr:3;		/* blocks in @sack */
	u8 dsack:1;		/* @dsack_block is to be reported */
	u8 scaling_ratio;	/* payload in buffer space, of 256 */
	u8 ts_ok:1;		/* timestamps were negotiated */
	u8 sack_ok:1;		/* SACK was negotiated */
	u8 wscale_ok:1;		/* window scaling was negotiated */
	u8 urgent:1;		/* RCV.UP is ahead of the user */
	u8 urgent_read:1;	/* the urgent byte was taken by MSG_OOB */
	u8 urgent_valid:1;	/* @urgent_byte holds it */
	u8 ack_now:1;		/* an ACK must go out after this segment */
	u8 ack_pending:1;	/* an ACK is owed; the delayed timer runs */
	u8 urgent_byte;
	u8 quick_acks:5;	/* this many ACKs are hardly delayed */
	u8 pushed:1;		/* PSH came while an ACK was owed already */
	u8 pingpong:1;		/* TCP_QUICKACK was switched off */
	u8 dense:1;		/* to collapse the queues gains nothing */
	u8 ecn;			/* TCPX_ECN_*, 0: no ECN; ecn.c */
	struct tcpx_sack_block dsack_block;
	struct tcpx_sack_block sack[4];	/* newest first, RFC 2018 4 */
	u32 ack_owed_ms;	/* when the ACK that is pending became due */
	struct rb_root ooo;	/* out-of-order queue by sequence number */
	struct sk_buff *ooo_last;
	u32 space_bytes;	/* autotuning: copied in the last round trip */
	u32 space_seq;
	u32 space_us;		/* start of that round trip */
	u32 rtt_us;		/* receiver's estimate */
	u32 rtt_seq;
	u32 rtt_start_us;
	u64 last_data_ns;	/* when a segment last came: keepalive */
	u32 ack_limit_ms;	/* last ACK of an unacceptable segment */
	u32 challenge_ms;	/* start of the period that is counted */
};

/* In a request these two bits are the mark of the SYN. */
#define TCPX_ECN_SYN_SHIFT	6

#define TCPX_ECN_SEND		0x01	/* new data goes out with ECT(0) */
#define TCPX_ECN_RECEIVE	0x02	/* CE is echoed */
#define TCPX_ECN_ECHO		0x04	/* CE came: ECE until CWR comes */
#define TCPX_ECN_CWR		0x08	/* the next new data carries CWR */
#define TCPX_ECN_SEEN		0x10	/* the peer sent ECT: TCP_INFO */
#define TCPX_ECN_ACCURATE	0x20	/* RFC 9768, accecn.c; SYN-SENT: asked */
#define TCPX_ECN_ALONE		0x40	/* ACE does not survive segmentation */
#define TCPX_ECN_HANDSHAKE	0x80	/* a SYN,ACK's mark is to be told */

enum tcpx_recovery_state {
	TCPX_OPEN,
	TCPX_CWR,		/* reduced for ECN; nothing is lost */
	TCPX_RECOVERY,		/* fast recovery */
	TCPX_LOSS,		/* after a retransmission timeout */
};

/* RFC 5682, after a timeout. */
enum tcpx_frto {
	TCPX_FRTO_OFF,		/* it was in earnest */
	TCPX_FRTO_HEAD_SENT,	/* step 1: the head was sent again, no more */
	TCPX_FRTO_NEW_SENT,	/* step 2: and then new data */
};

/*
 * What is in flight and what of it is lost: recovery.c, scoreboard.c. Bytes.
 */
struct tcpx_recovery {
	u8 state;		/* enum tcpx_recovery_state */
	u8 timeouts;		/* RTOs since SND.UNA last moved */
	u8 probes;		/* window probes in a row: persist's back-off */
	u8 probes_unanswered;	/* of them, since the peer last spoke */
	u8 keepalive_probes;	/* unanswered */
	u8 dupacks;		/* duplicate ACKs in a row */
	u8 reordering;		/* DupThresh */
	u8 has_recover:1;	/* @recover is valid */
	u8 partial:1;		/* a partial ACK came in this recovery */
	u8 rescued:1;		/* RFC 6675's RescueRxt was used up */
	u8 probe:1;		/* only a probe of the path MTU was lost */
	u8 has_undo:1;		/* the last reduction may be taken back */
	u8 eifel:1;		/* no new data was acknowledged since */
	u8 frto:2;		/* enum tcpx_frto */
	u32 recover;		/* RecoveryPoint: SND.NXT at the last entry */
	u32 sacked;		/* bytes SACKed above SND.UNA */
	u32 sacked_above;	/* of them, from @lost_seq on */
	u32 lost_seq;		/* below, all is SACKed or marked lost */
	u32 lost;		/* bytes marked lost */
	u32 pending;		/* of them, not sent again */
	u32 pending_seq;	/* below, none of @pending */
	u32 retrans;		/* bytes retransmitted and in flight */
	union {
		u32 first_timeout_ms;	/* @timeouts, @probes: of the first */
		u32 recover_fs;		/* RECOVERY: RFC 9937 6 */
	};
	u32 prr_delivered;
	u32 prr_out;
	u32 undo_una;		/* SND.UNA at the last reduction */
	u32 undo_bytes;		/* sent again since, without a D-SACK */
	u32 retrans_ms;		/* when the first of them was, our clock */
	struct list_head in_flight;	/* skbs by time of transmission */
};

/* The user's settings, sockopt.c; 0 means the namespace's knob. */
struct tcpx_user {
	u32 timeout_ms;		/* TCP_USER_TIMEOUT */
	u32 notsent_lowat;	/* 0: the knob */
	u16 keepidle_s;
	u16 keepintvl_s;
	s16 linger2_s;		/* TCP_LINGER2: < 0 none, FIN-WAIT-2 */
	u8 keepcnt:7;
	u8 quickack:1;		/* TCP_QUICKACK wants no delay */
	u8 syncnt:7;
	u8 inq:1;		/* TCP_INQ */
	u8 fastopen_connect:1;	/* TCP_FASTOPEN_CONNECT */
	u8 fastopen_no_cookie:1;	/* TCP_FASTOPEN_NO_COOKIE */
	u8 fastopen;		/* no setting: TCPX_TFO_*; here is room */
};

/* What TCP_INFO tells; what is sent again counts as sent, too. */
struct tcpx_stats {
	u64 bytes_acked;
	u64 bytes_received;
	u64 bytes_sent;
	u64 bytes_retrans;
	u32 segs_in;
	u32 segs_out;
	u32 data_segs_in;
	u32 data_segs_out;
	u32 retrans_segs;
	u32 dsack_dups;
};

/* Bits of tcpx_sock.deferred: each DEFER holds a reference until it is run. */
enum tcpx_deferred {
	TCPX_DEFER_TIMERS,	/* work for release_cb */
	TCPX_DEFER_OUTPUT,
	TCPX_DEFER_MTU,
	TCPX_THROTTLED,		/* wants to send when the device frees skbs */
	TCPX_OUTPUT_QUEUED,	/* on a CPU's queue of xmit.c */
	TCPX_TIMER_QUEUED,	/* the hrtimer has a reference, timer.c */
	TCPX_TIMER_LOCKED,	/* a lock: of the hrtimer and that bit */
};

struct tcpx_sock {
	struct inet_sock inet;		/* first */

	const struct tcpx_ip_ops *ip;
	unsigned long deferred;		/* atomic bits, TCPX_DEFER_* */
	struct tcpx_snd snd;
	struct tcpx_rcv rcv;
	struct tcpx_recovery recovery;
	struct tcpx_rack rack;
	struct tcpx_rtt rtt;
	struct tcpx_user user;
	struct tcpx_cong cong;
	struct tcpx_timers timers;
	struct tcpx_stats stats;

	struct tcpx_port *port;		/* holder of our port, ports.c */
	union {
		struct tcpx_listen *listen;	/* LISTEN only, listen.c */
		struct sock *listener;		/* TCPX_TFO_PENDING only */
		struct tcpx_accecn *accecn;	/* TCPX_ECN_ACCURATE only */
	};
	union {
		struct list_head accept_node;	/* not accepted yet, listen.c */
		struct list_head output_node;	/* xmit.c, OUTPUT_QUEUED */
	};
};

struct tcpx6_sock {
	struct tcpx_sock tcb;
	struct ipv6_pinfo pinet6;	/* last: af_inet6.c finds it there */
};

static inline struct tcpx_sock *tcpx_sk(const struct sock *sk)
{
	return (struct tcpx_sock *)sk;
}

static inline struct sock *tcpx_to_sk(const struct tcpx_sock *tcb)
{
	return (struct sock *)&tcb->inet.sk;
}

/*
 * SYN-RECEIVED with a user, who may read and write: RFC 7413 3, 4.2.2. After
 * close() the state is another; TCPX_TFO_PENDING stays until the final ACK.
 */
static inline bool tcpx_is_early(const struct tcpx_sock *tcb)
{
	return READ_ONCE(tcb->inet.sk.sk_state) == TCP_SYN_RECV &&
	       READ_ONCE(tcb->user.fastopen) & TCPX_TFO_PENDING;
}

/* Bytes sent and not acknowledged: FlightSize. */
static inline u32 tcpx_flight(const struct tcpx_sock *tcb)
{
	return tcb->snd.nxt - tcb->snd.una;
}

/* Right edge of the offered receive window minus RCV.NXT. */
static inline u32 tcpx_receive_window(const struct tcpx_sock *tcb)
{
	s32 wnd = tcb->rcv.wup + tcb->rcv.wnd - tcb->rcv.nxt;

	return max(wnd, 0);
}

/* Queues: all sent skbs are in sk->tcp_rtx_queue, by sequence number. */
static inline struct sk_buff *tcpx_rtx_head(const struct sock *sk)
{
	return skb_rb_first(&sk->tcp_rtx_queue);
}

static inline void tcpx_rtx_unlink(struct sock *sk, struct sk_buff *skb)
{
	rb_erase(&skb->rbnode, &sk->tcp_rtx_queue);
	/* The links are where an skb elsewhere has its dst and destructor. */
	list_del(&skb->tcp_tsorted_anchor);
	skb->_skb_refdst = 0;
	skb->destructor = NULL;
}

static inline struct sk_buff *tcpx_send_head(const struct sock *sk)
{
	return skb_peek(&sk->sk_write_queue);
}

#endif /* _TCPX_SOCK_H */
