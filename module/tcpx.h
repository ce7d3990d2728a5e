/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the module offer each other, in the order a segment
 * travels. "Owned" means the socket lock is held: by the process, or by
 * softirq with the process not owning it.
 */
#ifndef _TCPX_TCPX_H
#define _TCPX_TCPX_H

#include <linux/skbuff.h>
#include <linux/types.h>
#include <net/sock.h>

#include "compat.h"
#include "netns.h"
#include "sock.h"

struct proto;
struct pipe_inode_info;
struct proto_ops;

/* The rate sample of an ACK in the making: rate.c. */
struct tcpx_rate_ack {
	u64 sent_ns;
	u32 end_seq;
	u32 prior_delivered;
	u32 prior_at;
	u32 tx_in_flight;
	u32 prior_lost;
	u32 send_elapsed;
	bool is_valid;
	bool is_app_limited;
};

/* What one ACK told: made by ack.c for recovery.c. Bytes. */
struct tcpx_ack_sample {
	u32 prior_una;
	u32 prior_flight;
	u32 acked;		/* SND.UNA moved so far */
	u32 sacked;		/* newly SACKed */
	u32 delivered;		/* newly acknowledged or SACKed, each once */
	u32 marked;		/* of them, with CE; if @ece */
	u32 lost;		/* newly found lost by RACK */
	u32 prior_fack;		/* RACK.fack before this ACK */
	u32 ranges_seq;		/* below: DupThresh SACKed ranges above it */
	u32 tsecr_ms;		/* SEG.TSecr on our clock; if has_tsecr */
	u64 now_ns;		/* when the ACK is processed */
	u64 reorder_ns;		/* when RACK finds the next lost, 0: none */
	u64 lost_again_ns;	/* when what is lost was sent again, at last */
	s64 rtt_us;		/* -1: no sample, Karn */
	struct tcpx_sack_block dsack_block;	/* if dsack */
	bool duplicate;		/* RFC 5681 2, without looking at SACK */
	bool ece;		/* the peer saw CE, RFC 3168 6.1.2 */
	bool dsack;
	bool has_tsecr;
	bool original;		/* something sent once, before the timeout */
	struct tcpx_rate_ack rate;	/* if tcpx_cong.sampled */
};

struct tcpx_flow;
struct tcpx_ip_ops;
struct tcpx_request;
struct tcpx_timewait;

/* main.c */
extern int tcpx_family;

/* af.c: what socket(2) makes, and its operations */
extern struct proto tcpx4_prot;
extern struct proto tcpx6_prot;
int tcpx_af_init(void);
void tcpx_af_exit(void);
__poll_t tcpx_poll(struct file *file, struct socket *sock, poll_table *wait);
/* Lockdep: our locks are not native TCP's. @sk is new and not locked. */
void tcpx_af_set_lock_class(struct sock *sk);

/* sendmsg.c, recvmsg.c: proto operations; process context */
int tcpx_sendmsg(struct sock *sk, struct msghdr *msg, size_t size);
int tcpx_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags,
		 int *addr_len);
/* Bytes that recv() could return now. */
int tcpx_recvmsg_readable(const struct sock *sk);
ssize_t tcpx_splice_read(struct socket *sock, loff_t *ppos,
			 struct pipe_inode_info *pipe, size_t len,
			 unsigned int flags);
void tcpx_splice_eof(struct socket *sock);
ssize_t tcpx_sendpage(struct socket *sock, struct page *page, int offset,
		      size_t size, int flags);	/* kernels that have it */
/* What is queued goes out whatever Nagle and cork say. Owned. */
void tcpx_sendmsg_push(struct tcpx_sock *tcb);

/* sockopt.c */
int tcpx_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
		    unsigned int optlen);
int tcpx_getsockopt(struct sock *sk, int level, int optname,
		    char __user *optval, int __user *optlen);

struct tcp_info;
void tcpx_get_info(struct sock *sk, struct tcp_info *info);

/* diag.c, sysctl.c, mib.c: per namespace, also for init and exit */
int tcpx_diag_init(void);
void tcpx_diag_exit(void);
int tcpx_diag_destroy(struct sock *sk, int err);	/* prot.diag_destroy */
int tcpx_diag_init_net(struct net *net);
void tcpx_diag_exit_net(struct net *net);
int tcpx_sysctl_init_net(struct net *net);
void tcpx_sysctl_exit_net(struct net *net);
int tcpx_mib_init_net(struct net *net);
void tcpx_mib_exit_net(struct net *net);
int tcpx_mib_show(struct seq_file *seq, void *v);
extern long tcpx_sysctl_mem[3];			/* pages, all namespaces */

/* demux.c, icmp.c: segments and ICMP errors, softirq */
int tcpx_demux_init(void);
int tcpx_demux_exit(void);	/* -EBUSY: someone stacked upon us */
/* While there is a socket, request or TIME-WAIT block at all. */
void tcpx_demux_get(void);
void tcpx_demux_put(void);
int tcpx_icmp4_err(struct sk_buff *skb, u32 info);
int tcpx_icmp6_err(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type,
		   u8 code, int offset, __be32 info);

/* early.c */
/* The first socket of @net: process context, may sleep. */
void tcpx_early_start(struct net *net);
void tcpx_early_exit_net(struct net *net);
/* A connection with this local port, host order; nobody has any. */
void tcpx_early_add_port(u16 port);
void tcpx_early_forget_ports(void);
/* The route that @skb came by is that of the next segments; owned. */
void tcpx_early_keep_route(struct sock *sk, const struct sk_buff *skb);
void tcpx_early_forget_route(struct sock *sk);

/* sock.c: a connection's life */
int tcpx_sock_init(struct sock *sk);		/* prot.init */
void tcpx_sock_destruct(struct sock *sk);	/* sk_destruct */
/* The only writer of sk_state; warns if the table has no such row. */
void tcpx_sock_event(struct sock *sk, enum tcpx_event event);
/* Reset the peer if it knows us, report @err (0: none), leave CLOSED. */
void tcpx_sock_abort(struct sock *sk, int err);
/* The connection is over: leave the tables, wake everybody. No segment. */
void tcpx_sock_done(struct sock *sk, enum tcpx_event why, int err);
/* IP_RECVERR: the user wants to hear of soft errors when they happen. */
bool tcpx_sock_wants_errors(const struct sock *sk);
void tcpx_sock_close(struct sock *sk, long timeout);	/* prot.close */
int tcpx_sock_disconnect(struct sock *sk, int flags);	/* prot.disconnect */
void tcpx_sock_release_cb(struct sock *sk);		/* prot.release_cb */
/* Start an active open: addresses, port and dst set, in the table. */
int tcpx_sock_connect(struct sock *sk);
/* shutdown(2) of the sending side: queue a FIN. */
void tcpx_sock_shutdown(struct sock *sk, int how);	/* prot.shutdown */
/* A fresh clone of a listener, BH-locked. */
void tcpx_sock_init_child(struct sock *child);
/* Unlock it and drop a reference. */
void tcpx_sock_put_child(struct sock *child);
/*
 * Nobody will ever accept it: free it. With @reset the peer is told; not when
 * another CPU opened the same connection. Owned, referenced.
 */
void tcpx_sock_discard(struct sock *sk, bool reset);
/* The connection goes on without the socket, or is over. */
void tcpx_sock_detach(struct sock *sk);
void tcpx_sock_take_options(struct tcpx_sock *tcb,
			    const struct tcpx_options *opt);
void tcpx_sock_start_data(struct tcpx_sock *tcb);
/* Rcv.Wind.Shift to offer. */
u8 tcpx_sock_wscale(const struct sock *sk);
/* Reset the connections of @net, unread data or not; how many. */
int tcpx_sock_abort_all(struct net *net);
void tcpx_sock_enter_memory_pressure(struct sock *sk);	/* prot ops */
void tcpx_sock_leave_memory_pressure(struct sock *sk);
extern unsigned long tcpx_memory_pressure;
extern atomic_long_t tcpx_memory_allocated;
extern struct percpu_counter tcpx_sockets_allocated;
DECLARE_PER_CPU(int, tcpx_memory_per_cpu_fw_alloc);
bool tcpx_sock_take_memory(struct sock *sk, int size, int kind);

/* sk_wmem_schedule() and sk_rmem_schedule(), quicker; @kind: SK_MEM_*. */
static inline bool tcpx_sock_schedule(struct sock *sk, int size, int kind)
{
	size -= sk->sk_forward_alloc;
	return size <= 0 || tcpx_sock_take_memory(sk, size, kind);
}

/*
 * frag.c. Room of 32 bytes at least at @pfrag for data of @sk, which is owned;
 * process context. False: no memory.
 */
bool tcpx_frag_refill(struct sock *sk, struct page_frag *pfrag);
/* How many all CPUs keep, for all namespaces. */
unsigned int tcpx_frag_kept(void);
void tcpx_frag_init(void);
void tcpx_frag_exit(void);

/*
 * tx.c. An skb for the send queue with room for the headers, not charged yet;
 * NULL when out of memory. @sk is owned, by a process or in softirq.
 */
struct sk_buff *tcpx_tx_alloc(struct sock *sk, gfp_t gfp);
/* One of those, of no queue any more; the second, if it was not charged. */
void tcpx_tx_free(struct sock *sk, struct sk_buff *skb);
void tcpx_tx_put(struct sk_buff *skb);
/* How many all CPUs keep, for all namespaces. */
unsigned int tcpx_tx_kept(void);
void tcpx_tx_init(void);
void tcpx_tx_exit(void);

/* listen.c */
/* What listen(2) needs, and TCP_FASTOPEN before it; owned. */
int tcpx_listen_create(struct sock *sk);
int tcpx_listen_start(struct sock *sk, int backlog);	/* listen(2), owned */
void tcpx_listen_stop(struct sock *sk);			/* owned, process */
/* The oldest child that is ready; NULL and *@err. Owned, may sleep. */
struct sock *tcpx_listen_accept(struct sock *sk, int flags, int *err);
bool tcpx_listen_readable(const struct sock *sk);
/* Softirq. A segment for a listener, for a request; consume @skb. */
void tcpx_listen_input(struct sock *sk, struct sk_buff *skb, u32 iss);
void tcpx_listen_input_request(struct tcpx_request *req, struct sk_buff *skb);
/* An ICMP error for @req: quoted sequence number @seq. */
void tcpx_listen_request_error(struct tcpx_request *req, u32 seq, bool hard);
/* abort_all: forget it. */
void tcpx_listen_abort_request(struct tcpx_request *req);

/* request.c */
int tcpx_request_init(void);
void tcpx_request_exit(void);
void tcpx_request_put(struct tcpx_request *req);

/* input.c: SEGMENT ARRIVES; consumes @skb. Owned. */
int tcpx_input(struct sock *sk, struct sk_buff *skb);	/* also backlog_rcv */
/* The text of the SYN that made a TCPX_TFO_PENDING child; consumes @skb. */
void tcpx_input_syn_text(struct tcpx_sock *tcb, struct sk_buff *skb);

/* ack.c: the fifth check. Why to drop the segment, if so. Owned. */
enum skb_drop_reason tcpx_ack(struct tcpx_sock *tcb, struct sk_buff *skb);
/* Free what @ack covers from the retransmission queue at a handshake. */
void tcpx_ack_of_syn(struct tcpx_sock *tcb, u32 ack);

/* reassembly.c: the seventh check; true: a FIN is in sequence. Owned. */
bool tcpx_reassembly_text(struct tcpx_sock *tcb, struct sk_buff *skb);
/*
 * Simultaneous open: text and FIN of the SYN wait for the ACK of ours (RFC 9293
 * 3.10.7.3). Consumes @skb; then take them, true: with a FIN. Owned.
 */
void tcpx_reassembly_keep(struct tcpx_sock *tcb, struct sk_buff *skb);
bool tcpx_reassembly_take_kept(struct tcpx_sock *tcb);
/* Report old or duplicate data by D-SACK. */
void tcpx_reassembly_dsack(struct tcpx_sock *tcb, u32 seq, u32 end_seq);
void tcpx_reassembly_purge(struct tcpx_sock *tcb);
/* The user took @copied bytes: autotune the buffer, open the window. */
void tcpx_reassembly_user_read(struct tcpx_sock *tcb, int copied);
void tcpx_reassembly_init_window(struct tcpx_sock *tcb);

/* output.c. Owned. */
/* Send what the windows, Nagle and back-pressure allow. */
void tcpx_output(struct tcpx_sock *tcb);
/*
 * sendmsg() has queued data: @more as MSG_MORE. Sets PSH where due, sends.
 */
void tcpx_output_user_data(struct tcpx_sock *tcb, bool more);
/* Queue @skb (tcpx_tx_cb zero, seq == end_seq) behind snd.write_seq. */
void tcpx_output_queue(struct tcpx_sock *tcb, struct sk_buff *skb);
/*
 * Queue a SYN, with ECE and CWR as @ecn says. Then send it, with the text on
 * the send queue if @text. 0 or -ENOBUFS.
 */
int tcpx_output_queue_syn(struct tcpx_sock *tcb, u8 ecn, gfp_t gfp);
void tcpx_output_send_syn(struct tcpx_sock *tcb, bool text, gfp_t gfp);
/* The head of the send queue went with the SYN: now it has been sent. */
void tcpx_output_sent(struct tcpx_sock *tcb, struct sk_buff *skb);
void tcpx_output_fin(struct tcpx_sock *tcb);
/* Split so that the first keeps @len bytes; 0 or -ENOMEM. */
int tcpx_output_split(struct tcpx_sock *tcb, struct sk_buff *skb, u32 len,
		      gfp_t gfp);
int tcpx_output_retransmit(struct tcpx_sock *tcb, struct sk_buff *skb,
			   u32 max_len);
/*
 * RFC 8985 7.3: a segment of new data whatever cwnd says, as far as the peer's
 * window goes; false: there is none.
 */
bool tcpx_output_beyond_cwnd(struct tcpx_sock *tcb);
/* Zero window probe. */
void tcpx_output_probe(struct tcpx_sock *tcb);
/* Send what Nagle, cork or SWS avoidance held back for too long. */
void tcpx_output_override(struct tcpx_sock *tcb);
/* RCV.WND for the next segment; xmit.c records what it sends. */
u32 tcpx_output_select_window(const struct tcpx_sock *tcb);
void tcpx_output_purge(struct tcpx_sock *tcb);
/* The congestion window grew: the send buffer may. */
void tcpx_output_grow_sndbuf(struct tcpx_sock *tcb);

/* pmtu.c. Owned. */
/* The route takes @mtu: recompute snd.mss. */
void tcpx_pmtu_sync_mss(struct tcpx_sock *tcb, u32 mtu);
/* ICMP says that the segment at @seq, which is in flight, exceeds @mtu. */
void tcpx_pmtu_too_big(struct tcpx_sock *tcb, u32 mtu, u32 seq);
/* A new dst: GSO limits and MSS. */
void tcpx_pmtu_route_changed(struct tcpx_sock *tcb, struct dst_entry *dst);
/* How much text may go with our SYN to a peer of this MSS, 0: not known. */
u32 tcpx_pmtu_syn_room(const struct tcpx_sock *tcb, u16 mss_peer);
/* The route may be another, or take another MTU, than it was: look. */
void tcpx_pmtu_follow_route(struct tcpx_sock *tcb);
/* Established: search for the path MTU from the start, if so set. */
void tcpx_pmtu_start(struct tcpx_sock *tcb);
/* The retransmission timer ran out, before anything is sent again. */
void tcpx_pmtu_timed_out(struct tcpx_sock *tcb);
/* @len bytes of @skb, which were sent together, were acknowledged. */
void tcpx_pmtu_arrived(struct tcpx_sock *tcb, const struct sk_buff *skb,
		       u32 len);
/*
 * Payload of a probe to be sent next, of the head of the send queue; 0: none.
 * Then that it was sent; that it was lost; that it means nothing any more.
 */
u32 tcpx_pmtu_probe_len(struct tcpx_sock *tcb);
void tcpx_pmtu_probe_sent(struct tcpx_sock *tcb, struct sk_buff *skb);
void tcpx_pmtu_probe_lost(struct tcpx_sock *tcb, struct sk_buff *skb);
void tcpx_pmtu_probe_void(struct tcpx_sock *tcb, struct sk_buff *skb);
/* What MSS to put into our SYN for path MTU @mtu. */
u16 tcpx_pmtu_adv_mss(const struct tcpx_ip_ops *ip, u16 mss_user, u32 mtu);

/* xmit.c. Owned, except where there is no connection. */
void tcpx_xmit_init(void);
void tcpx_xmit_exit(void);
/* The device holds enough of ours; output goes on when it frees some. */
bool tcpx_xmit_is_throttled(struct tcpx_sock *tcb, const struct sk_buff *skb);
/* Send a clone of the queued @skb with header and options. 0 or -errno. */
int tcpx_xmit_data(struct tcpx_sock *tcb, struct sk_buff *skb, u64 now_ns,
		   gfp_t gfp);
void tcpx_xmit_ack(struct tcpx_sock *tcb);
/* An ACK with this SEG.SEQ, zero length: probes. */
void tcpx_xmit_probe(struct tcpx_sock *tcb, u32 seq);
/* An ACK for an unacceptable segment; limited if that has no text. */
void tcpx_xmit_limited_ack(struct tcpx_sock *tcb, const struct sk_buff *skb);
/* Knob invalid_ratelimit: was the last such ACK, at *@last_ms, just now? */
bool tcpx_xmit_is_limited(struct net *net, u32 *last_ms);
/* RFC 5961 3, 4: for a RST or SYN that may be forged; limited by its 7. */
void tcpx_xmit_challenge_ack(struct tcpx_sock *tcb);
void tcpx_xmit_rst(struct tcpx_sock *tcb);
/* RST for @skb as RFC 9293 3.10.7.1 has it, no connection needed. */
void tcpx_xmit_rst_reply(struct net *net, const struct sk_buff *skb);
/* @first: with the options that no later SYN,ACK of @req has. */
void tcpx_xmit_syn_ack(struct tcpx_request *req, bool first);
/* The same, but not more often than the ACKs of tcpx_xmit_request_ack(). */
void tcpx_xmit_syn_ack_again(struct tcpx_request *req);
void tcpx_xmit_request_ack(struct tcpx_request *req);
void tcpx_xmit_timewait_ack(struct tcpx_timewait *tw);

/* ecn.c. Owned. */
/* A connection is over, or not made yet: free what it counted. */
void tcpx_ecn_forget(struct tcpx_sock *tcb);
/* ECE and CWR of our first SYN, 0 if ECN is not to be asked for. */
u8 tcpx_ecn_offer(struct tcpx_sock *tcb);
/* @syn goes out again: without, for it may have been dropped for them. */
void tcpx_ecn_syn_lost(struct tcpx_sock *tcb, struct sk_buff *syn);
/* A RST for our SYN: true if the SYN went out again, without. */
bool tcpx_ecn_syn_refused(struct tcpx_sock *tcb);
/* The peer's SYN or SYN,ACK in SYN-SENT, of a SYN that asked. */
void tcpx_ecn_syn_arrived(struct tcpx_sock *tcb, const struct sk_buff *skb);
/*
 * What a listener agrees on with the SYN @seg: TCPX_ECN_*, and from
 * TCPX_ECN_SYN_SHIFT on, if that is accurate, the mark that it came with; the
 * same without accurate feedback; and what the SYN,ACK says. Not owned.
 */
u8 tcpx_ecn_accept(const struct tcpx_knobs *knobs, const struct tcpx_seg *seg);
u8 tcpx_ecn_classic(u8 ecn);
void tcpx_ecn_asked_again(struct tcpx_request *req, const struct tcpx_seg *seg);
u16 tcpx_ecn_syn_ack_flags(u8 ecn);
u16 tcpx_ecn_request_flags(const struct tcpx_request *req);
void tcpx_ecn_init_child(struct tcpx_sock *tcb, const struct tcpx_request *req);
/* An acceptable segment, before its text; if rcv.ecn. */
void tcpx_ecn_received(struct tcpx_sock *tcb, const struct sk_buff *skb);
/* What an ACK says of marks; if TCPX_ECN_SEND. */
void tcpx_ecn_feedback(struct tcpx_sock *tcb, const struct sk_buff *skb,
		       struct tcpx_ack_sample *sample);
/* Mark the packet, return @flags with ECE and CWR; if rcv.ecn. */
u16 tcpx_ecn_send(struct tcpx_sock *tcb, struct sk_buff *skb, u32 seq,
		  u16 flags);

/* cwnd was reduced, for whatever reason: the peer is told. */
static inline void tcpx_ecn_reduced(struct tcpx_sock *tcb)
{
	if (unlikely(tcb->rcv.ecn & TCPX_ECN_SEND) &&
	    !(tcb->rcv.ecn & TCPX_ECN_ACCURATE))
		tcb->rcv.ecn |= TCPX_ECN_CWR;
}

/*
 * accecn.c, RFC 9768. Owned, and TCPX_ECN_ACCURATE, but for _flags() and
 * _syn_ack_option(). start is false if there is no memory, @is_blocked says that
 * our option may not get through; syn_answered if that is not agreed on.
 */
u16 tcpx_accecn_syn_ack_flags(u8 ecn);
u16 tcpx_accecn_request_flags(void);
u16 tcpx_accecn_timewait_flags(u8 ace);
bool tcpx_accecn_start(struct tcpx_sock *tcb, u8 syn_ecn, bool is_blocked);
void tcpx_accecn_free(struct tcpx_sock *tcb);
bool tcpx_accecn_syn_answered(struct tcpx_sock *tcb, const struct sk_buff *skb);
/* The ACK of a SYN,ACK of ours. */
void tcpx_accecn_opened(struct tcpx_sock *tcb, const struct tcpx_seg *seg);
void tcpx_accecn_received(struct tcpx_sock *tcb, const struct tcpx_seg *seg,
			  u32 packets);
/* @flags with ACE; @pure: no data. */
u16 tcpx_accecn_send(struct tcpx_sock *tcb, u16 flags, bool pure);
/* Bytes of the option on a SYN,ACK, and on an ACK, with @room; 0: none. */
unsigned int tcpx_accecn_syn_ack_option(const struct net *net,
					unsigned int room);
unsigned int tcpx_accecn_option_size(const struct tcpx_sock *tcb,
				     unsigned int room);
void tcpx_accecn_option_build(struct tcpx_sock *tcb, __be32 *to,
			      unsigned int size);
void tcpx_accecn_feedback(struct tcpx_sock *tcb, const struct sk_buff *skb,
			  struct tcpx_ack_sample *sample);
u8 tcpx_accecn_ace(const struct tcpx_sock *tcb);

/* recovery.c. Owned. */
void tcpx_recovery_init(struct tcpx_sock *tcb);
void tcpx_recovery_ack(struct tcpx_sock *tcb, struct tcpx_ack_sample *sample);
/* @skb, which is in the queue now, was sent; was sent again. */
void tcpx_recovery_sent(struct tcpx_sock *tcb, struct sk_buff *skb);
void tcpx_recovery_retransmitted(struct tcpx_sock *tcb, struct sk_buff *skb);
void tcpx_recovery_retransmit(struct tcpx_sock *tcb);
/* Timers: RTO; RACK's reordering window is over; the end of a flight, TLP. */
void tcpx_recovery_timeout(struct tcpx_sock *tcb);
u64 tcpx_recovery_recheck(struct tcpx_sock *tcb);	/* and when again */
/* What is known to be lost goes out, as far as the state lets it. */
void tcpx_recovery_continue(struct tcpx_sock *tcb);
void tcpx_recovery_probe(struct tcpx_sock *tcb);

/* rate.c. Owned; all but output() with tcpx_cong.sampled only. */
void tcpx_rate_output(struct tcpx_sock *tcb);	/* with TCPX_CONG_F_RATE */
void tcpx_rate_sent(struct tcpx_sock *tcb, struct sk_buff *skb);
void tcpx_rate_delivered(struct tcpx_sock *tcb, const struct sk_buff *skb,
			 u32 len, struct tcpx_ack_sample *sample);
void tcpx_rate_lost(struct tcpx_sock *tcb, const struct sk_buff *skb);
void tcpx_rate_control(struct tcpx_sock *tcb,
		       const struct tcpx_ack_sample *sample,
		       struct tcpx_cong_ack *ack);
void tcpx_rate_check_app_limited(struct tcpx_sock *tcb);

/* scoreboard.c. Owned. */
/* Bytes thought to be in the network: RFC 6675's pipe. */
u32 tcpx_scoreboard_pipe(const struct tcpx_sock *tcb);
/* The first skb of the retransmission queue that ends after @seq. */
struct sk_buff *tcpx_scoreboard_find(const struct sock *sk, u32 seq);
void tcpx_scoreboard_sent(struct tcpx_sock *tcb, struct sk_buff *skb);
void tcpx_scoreboard_retransmitted(struct tcpx_sock *tcb, struct sk_buff *skb);
/* @tail was cut off from @skb. */
void tcpx_scoreboard_split(struct sk_buff *skb, struct sk_buff *tail);
/* Take the SACK option of @skb into the scoreboard and @sample. */
void tcpx_scoreboard_sack(struct tcpx_sock *tcb, const struct sk_buff *skb,
			  struct tcpx_ack_sample *sample);
/* What of @skb is below @end_seq was acknowledged. */
void tcpx_scoreboard_acked(struct tcpx_sock *tcb, const struct sk_buff *skb,
			   u32 end_seq, struct tcpx_ack_sample *sample);
/* All that was sent of @skb is lost; the original is lost, no more is known. */
void tcpx_scoreboard_mark_lost(struct tcpx_sock *tcb, struct sk_buff *skb);
void tcpx_scoreboard_note_lost(struct tcpx_sock *tcb, struct sk_buff *skb);
void tcpx_scoreboard_mark_below_sack(struct tcpx_sock *tcb, u32 ranges_seq);
void tcpx_scoreboard_mark_head(struct tcpx_sock *tcb);
void tcpx_scoreboard_forget_sack(struct tcpx_sock *tcb);
void tcpx_scoreboard_undo(struct tcpx_sock *tcb);

/* rack.c. Owned. */
/* Options are agreed upon: what the knobs say holds for this connection. */
void tcpx_rack_start(struct tcpx_sock *tcb);
/* @skb, up to @end_seq, has arrived. */
void tcpx_rack_delivered(struct tcpx_sock *tcb, const struct sk_buff *skb,
			 u32 end_seq, const struct tcpx_ack_sample *sample);
/* An ACK; the end of a recovery: how much reordering there is. */
void tcpx_rack_adapt(struct tcpx_sock *tcb,
		     const struct tcpx_ack_sample *sample);
void tcpx_rack_recovered(struct tcpx_sock *tcb);
/*
 * Mark what is lost; @sample has how much it is, whether a retransmission is
 * among it, and when the next may be.
 */
void tcpx_rack_detect(struct tcpx_sock *tcb, struct tcpx_ack_sample *sample);
bool tcpx_rack_is_overdue(const struct tcpx_sock *tcb,
			  const struct sk_buff *skb, u64 now_ns);
bool tcpx_rack_may_probe(const struct tcpx_sock *tcb);
void tcpx_rack_probe_sent(struct tcpx_sock *tcb, bool is_retrans);
/* If rack.has_probe. True: it repaired a loss that asks for a reduction. */
bool tcpx_rack_probe_acked(struct tcpx_sock *tcb,
			   const struct tcpx_ack_sample *sample);

/* timer.c. Owned. Report events; only timer.c arms or stops. */
void tcpx_timers_init(struct tcpx_sock *tcb);
void tcpx_timers_destroy(struct tcpx_sock *tcb);
void tcpx_timers_run_deferred(struct tcpx_sock *tcb);
void tcpx_timers_state_changed(struct tcpx_sock *tcb);
void tcpx_timers_data_sent(struct tcpx_sock *tcb);
/*
 * An ACK was processed at @now; @advanced: SND.UNA moved. @reorder_ns: when
 * RACK wants to look again, 0: not.
 */
void tcpx_timers_acked(struct tcpx_sock *tcb, u64 now, bool advanced,
		       u64 reorder_ns);
/* ns: when @len bytes that are sent now leave; later than now: fq holds them. */
u64 tcpx_timers_departure(struct tcpx_sock *tcb, u32 len, u64 now_ns);
/* @len bytes went out: the next wait for their time, if the rate is limited. */
void tcpx_timers_pace(struct tcpx_sock *tcb, u32 len);
u64 tcpx_timers_pacing_rate(const struct tcpx_sock *tcb);
bool tcpx_timers_is_paced(const struct tcpx_sock *tcb);
/* Data waits and nothing in flight will bring an ACK: persist. */
void tcpx_timers_head_sent_again(struct tcpx_sock *tcb);
void tcpx_timers_output_held(struct tcpx_sock *tcb);
void tcpx_timers_ack_delayed(struct tcpx_sock *tcb, u64 now_ns);
/*
 * An ACK that is due, but a user is about to read, which makes a better one; or
 * one that should not be delayed for long. After 1 ms, or the knob delack_ms if
 * that is less.
 */
void tcpx_timers_ack_held(struct tcpx_sock *tcb, u64 now_ns);
void tcpx_timers_ack_sent(struct tcpx_sock *tcb);
void tcpx_timers_keepalive_changed(struct tcpx_sock *tcb);
void tcpx_timers_linger_changed(struct tcpx_sock *tcb);
/* ns until @id is due, for /proc and TCP_INFO; 0: not armed. Lockless. */
u64 tcpx_timers_left_ns(const struct tcpx_sock *tcb, enum tcpx_timer_id id);
/* prot.keepalive: SO_KEEPALIVE was switched. */
void tcpx_timers_keepalive(struct sock *sk, int on);

/* timewait.c */
int tcpx_timewait_init(void);
void tcpx_timewait_exit(void);
void tcpx_timewait_init_net(struct net *net);
void tcpx_timewait_purge_net(struct net *net);
/* The connection goes on as a TIME-WAIT block; the socket is done. Owned. */
void tcpx_timewait_enter(struct tcpx_sock *tcb);
void tcpx_timewait_input(struct tcpx_timewait *tw, struct sk_buff *skb);
/* abort_all: forget it. */
void tcpx_timewait_abort(struct tcpx_timewait *tw);
/*
 * connect() wants this 4-tuple (RFC 6191): true if @tw may give way. The
 * caller holds the bucket's lock; then calls tcpx_timewait_reused().
 */
bool tcpx_timewait_may_reuse(const struct tcpx_timewait *tw, struct sock *sk);
void tcpx_timewait_reused(struct tcpx_timewait *tw);
void tcpx_timewait_put(struct tcpx_timewait *tw);

static inline struct tcpx_seg *tcpx_seg(const struct sk_buff *skb)
{
	return (struct tcpx_seg *)skb->cb;
}

/* Our clock in timestamps, RFC 7323 5.4: one tick a millisecond. */
static inline u32 tcpx_ts_of(u64 ns)
{
	return (u32)div_u64(ns, NSEC_PER_MSEC);
}

static inline u32 tcpx_ts_clock(void)
{
	return tcpx_ts_of(ktime_get_ns());
}

#endif /* _TCPX_TCPX_H */
