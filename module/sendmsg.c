// SPDX-License-Identifier: GPL-2.0
/*
 * From the user to the send queue. Data is copied into page fragments of skbs
 * as large as one transmission may be; the last one is filled up as long as it
 * was not sent. The socket is owned throughout.
 */
#include "tcpx.h"

#include <linux/bvec.h>
#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/uio.h>

#include <net/inet_common.h>
#include <net/inet_sock.h>
#include <net/sock.h>
#include <net/tcp.h>

#define BACKLOG_SKBS	16	/* look at the backlog after so many skbs */

/* One call of sendmsg(2). */
struct send {
	struct tcpx_sock *tcb;
	struct sock *sk;
	struct msghdr *msg;
	long timeo;
	u32 goal;		/* payload of a full skb */
	int flags;
	int copied;
	u8 new_skbs;		/* since the backlog was looked at */
	bool tail_full;		/* of fragments */
};

void tcpx_sendmsg_push(struct tcpx_sock *tcb)
{
	tcb->snd.nagle |= TCPX_NAGLE_PUSH;
	tcpx_output(tcb);
	tcb->snd.nagle &= ~TCPX_NAGLE_PUSH;
}

/*
 * Not more than half of the peer's window, else it may have to be split
 * (RFC 9293 3.8.6.2.1), and whole segments.
 */
static u32 size_goal(const struct tcpx_sock *tcb, int flags)
{
	const struct sock *sk = tcpx_to_sk(tcb);
	u32 mss = tcb->snd.mss;
	u32 max_wnd = tcb->snd.max_wnd;
	u32 goal;

	if (flags & MSG_OOB)
		return mss;

	goal = min_t(u32, sk->sk_gso_max_size, sk->sk_gso_max_segs * mss);
	if (max_wnd > TCPX_MSS_DEFAULT_V4)
		max_wnd >>= 1;
	if (max_wnd)
		goal = min(goal, max_wnd);

	return goal > mss ? goal - goal % mss : mss;
}

/*
 * How much of @size may be charged. The least send buffer is not subject to
 * the limits of all sockets together, or a connection could not go on: what
 * was not granted makes sk_forward_alloc negative until it is freed.
 */
static int schedule_memory(struct sock *sk, int size)
{
	const struct tcpx_knobs *knobs = &tcpx_net(sock_net(sk))->knobs;
	int left;

	if (likely(tcpx_sock_schedule(sk, size, SK_MEM_SEND)))
		return size;

	left = READ_ONCE(knobs->wmem[0]) - sk->sk_wmem_queued;
	return clamp(sk->sk_forward_alloc + max(left, 0), 0, size);
}

static bool has_queued_nothing(const struct sock *sk)
{
	return skb_queue_empty(&sk->sk_write_queue) && !tcpx_rtx_head(sk);
}

/* The last skb of the queue if it takes more. */
static struct sk_buff *tail_with_room(const struct send *send)
{
	struct sk_buff *skb = skb_peek_tail(&send->sk->sk_write_queue);

	if (!skb || skb->len >= send->goal || send->tail_full ||
	    tcpx_tx_cb(skb)->flags & TCPX_FLAG_SYN ||
	    tcpx_tx_cb(skb)->marks & TCPX_TX_EOR)
		return NULL;

	return skb;
}

static struct sk_buff *queue_new_skb(struct send *send)
{
	struct sock *sk = send->sk;
	struct sk_buff *skb;

	if (!sk_stream_memory_free(sk))
		return NULL;

	skb = tcpx_tx_alloc(sk, sk->sk_allocation);
	if (!skb)
		return NULL;

	if (unlikely(!tcpx_sock_schedule(sk, skb->truesize, SK_MEM_SEND) &&
		     !has_queued_nothing(sk))) {
		tcpx_tx_put(skb);
		return NULL;
	}

	tcpx_output_queue(send->tcb, skb);
	send->tail_full = false;
	send->new_skbs++;
	return skb;
}

/* An skb for which there was no data must not stay: nothing would send it. */
static void remove_empty_tail(struct sock *sk)
{
	struct sk_buff *skb = skb_peek_tail(&sk->sk_write_queue);

	if (!skb || tcpx_tx_cb(skb)->seq != tcpx_tx_cb(skb)->end_seq)
		return;

	__skb_unlink(skb, &sk->sk_write_queue);
	tcpx_tx_free(sk, skb);
}

/*
 * These two add up to @room bytes to @skb: how many, 0 when there is no
 * memory, -EMSGSIZE when @skb has no fragment left, or another -errno.
 */
static int append_copy(struct send *send, struct sk_buff *skb, int room)
{
	struct page_frag *pfrag = sk_page_frag(send->sk);
	int i = skb_shinfo(skb)->nr_frags;
	bool merge;
	int err;

	if (!tcpx_frag_refill(send->sk, pfrag))
		return 0;

	merge = skb_can_coalesce(skb, i, pfrag->page, pfrag->offset);
	if (!merge && i >= MAX_SKB_FRAGS)
		return -EMSGSIZE;

	room = min_t(int, room, pfrag->size - pfrag->offset);
	room = schedule_memory(send->sk, room);
	if (!room)
		return 0;

	err = skb_copy_to_page_nocache(send->sk, &send->msg->msg_iter, skb,
				       pfrag->page, pfrag->offset, room);
	if (err)
		return err;

	if (merge) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[i - 1], room);
	} else {
		skb_fill_page_desc(skb, i, pfrag->page, pfrag->offset, room);
		page_ref_inc(pfrag->page);
	}
	pfrag->offset += room;
	return room;
}

static int append_pages(struct send *send, struct sk_buff *skb, int room)
{
	struct sock *sk = send->sk;

	room = schedule_memory(sk, room);
	if (!room)
		return 0;

	room = skb_splice_from_iter(skb, &send->msg->msg_iter, room,
				    sk->sk_allocation);
	if (room < 0)
		return room;

	/* The owner of the page may still change what is in it. */
	if (!(send->flags & MSG_NO_SHARED_FRAGS))
		skb_shinfo(skb)->flags |= SKBFL_SHARED_FRAG;
	sk_wmem_queued_add(sk, room);
	sk_mem_charge(sk, room);
	return room;
}

static void mark_push(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	tcpx_tx_cb(skb)->flags |= TCPX_FLAG_PSH;
	tcb->snd.pushed_seq = tcb->snd.write_seq;
}

/* @skb is full and there is more: let it go before the rest is copied. */
static void push_full(struct tcpx_sock *tcb, struct sk_buff *skb)
{
	if (tcpx_seq_after(tcb->snd.write_seq,
			   tcb->snd.pushed_seq + (tcb->snd.max_wnd >> 1))) {
		mark_push(tcb, skb);
		tcpx_sendmsg_push(tcb);
	} else if (skb == tcpx_send_head(tcpx_to_sk(tcb))) {
		tcpx_output(tcb);
	}
}

static void mark_urgent(struct send *send)
{
	struct tcpx_sock *tcb = send->tcb;

	if (likely(!(send->flags & MSG_OOB)))
		return;
	tcb->snd.up = tcb->snd.write_seq;
	tcb->snd.urgent = 1;
}

static bool may_send(const struct sock *sk)
{
	return !sk->sk_err && !(sk->sk_shutdown & SEND_SHUTDOWN);
}

/* Add a piece of the data: 0, -ENOBUFS to wait for memory, or an error. */
static int send_piece(struct send *send)
{
	struct tcpx_sock *tcb = send->tcb;
	struct sk_buff *skb;
	int len;

	skb = tail_with_room(send);
	if (!skb) {
		if (unlikely(send->new_skbs >= BACKLOG_SKBS)) {
			send->new_skbs = 0;
			if (sk_flush_backlog(send->sk) && !may_send(send->sk))
				return -EPIPE;
		}
		skb = queue_new_skb(send);
		if (!skb)
			return -ENOBUFS;
	}

	len = min_t(size_t, send->goal - skb->len, msg_data_left(send->msg));
	if (send->flags & MSG_SPLICE_PAGES)
		len = append_pages(send, skb, len);
	else
		len = append_copy(send, skb, len);
	if (unlikely(len <= 0)) {
		if (len != -EMSGSIZE)
			return len ?: -ENOBUFS;
		mark_push(tcb, skb);
		send->tail_full = true;
		return 0;
	}

	if (!send->copied)
		tcpx_tx_cb(skb)->flags &= ~TCPX_FLAG_PSH;
	/* Pairs with the READ_ONCE() of poll, ioctl and /proc. */
	WRITE_ONCE(tcb->snd.write_seq, tcb->snd.write_seq + len);
	tcpx_tx_cb(skb)->end_seq += len;
	send->copied += len;

	if (!msg_data_left(send->msg)) {
		if (unlikely(send->flags & MSG_EOR))
			tcpx_tx_cb(skb)->marks |= TCPX_TX_EOR;
	} else if (skb->len >= send->goal && !(send->flags & MSG_OOB)) {
		push_full(tcb, skb);
	}
	return 0;
}

static int wait_for_space(struct send *send)
{
	struct sock *sk = send->sk;
	struct sk_buff *tail;
	int err;

	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	remove_empty_tail(sk);
	if (send->copied)
		mark_urgent(send);
	/* What earlier calls held back makes room, too. */
	tail = skb_peek_tail(&sk->sk_write_queue);
	if (tail) {
		mark_push(send->tcb, tail);
		tcpx_sendmsg_push(send->tcb);
	}

	err = sk_stream_wait_memory(sk, &send->timeo);
	if (!err)
		send->goal = size_goal(send->tcb, send->flags);
	return err;
}

static int send_data(struct send *send)
{
	int err = 0;

	if (!may_send(send->sk))
		return -EPIPE;

	send->goal = size_goal(send->tcb, send->flags);
	while (msg_data_left(send->msg)) {
		err = send_piece(send);
		if (err == -ENOBUFS)
			err = wait_for_space(send);
		if (err)
			break;
	}
	if (err)
		remove_empty_tail(send->sk);
	return err;
}

/* Nothing of a control message is of use here, yet it has to be valid. */
static int check_control(struct sock *sk, struct msghdr *msg)
{
	struct sockcm_cookie sockc;

	if (likely(!msg->msg_controllen))
		return 0;

	sockcm_init(&sockc, sk);
	return sock_cmsg_send(sk, msg, &sockc) ? -EINVAL : 0;
}

/* --- Fast Open, RFC 7413 ------------------------------------------------- */

/* Up to @room bytes for the SYN, in one skb; all that there is memory for. */
static void queue_syn_text(struct send *send, u32 room)
{
	int flags = send->flags;

	if (flags & MSG_OOB)
		return;
	send->flags &= ~MSG_SPLICE_PAGES;
	send->goal = room;
	while (msg_data_left(send->msg) && send->copied < room) {
		if (send_piece(send) || send->tail_full)
			break;
	}
	remove_empty_tail(send->sk);
	send->flags = flags;
	if (send->copied)
		WRITE_ONCE(send->tcb->user.fastopen, send->tcb->user.fastopen |
			   TCPX_TFO_ACTIVE | TCPX_TFO_TEXT);
}

/* As if connect() had never been called. */
static void give_up_connect(struct sock *sk)
{
	tcpx_sock_disconnect(sk, 0);
	WRITE_ONCE(sk->sk_err, 0);
	sk->sk_socket->state = SS_UNCONNECTED;
}

/* The SYN that was held back, with what it may carry. */
static int send_held_syn(struct send *send)
{
	struct tcpx_sock *tcb = send->tcb;
	struct sock *sk = send->sk;
	u32 room;
	int err;

	room = tcpx_fastopen_prepare(tcb);
	err = tcpx_output_queue_syn(tcb, tcpx_ecn_offer(tcb),
				    sk->sk_allocation);
	if (err) {
		give_up_connect(sk);
		return err;
	}
	queue_syn_text(send, room);
	tcpx_output_send_syn(tcb, send->copied, sk->sk_allocation);
	inet_clear_bit(DEFER_CONNECT, sk);
	return 0;
}

/* connect() without its SYN; then the bit DEFER_CONNECT is set. */
static int connect_without_syn(struct send *send)
{
	const struct sockaddr *to = send->msg->msg_name;
	struct sock *sk = send->sk;
	int len = send->msg->msg_namelen;
	int err;

	if (!(READ_ONCE(tcpx_net(sock_net(sk))->knobs.fastopen) &
	      TCPX_TFO_CLIENT))
		return -EOPNOTSUPP;
	if (to && len >= (int)sizeof(to->sa_family) &&
	    to->sa_family == AF_UNSPEC)
		return -EOPNOTSUPP;

	if (sk->sk_socket->state == SS_UNCONNECTED)
		inet_set_bit(DEFER_CONNECT, sk);
	err = __inet_stream_connect(sk->sk_socket, send->msg->msg_name, len,
				    send->flags & MSG_DONTWAIT ? O_NONBLOCK : 0,
				    1);
	if (err)
		inet_clear_bit(DEFER_CONNECT, sk);
	return err;
}

static bool has_held_syn(const struct sock *sk)
{
	return inet_test_bit(DEFER_CONNECT, sk) &&
	       sk->sk_state == TCPX_SYN_SENT;
}

/*
 * MSG_FASTOPEN, or the first text after a connect() with TCP_FASTOPEN_CONNECT.
 * What went with the SYN has been sent, whatever interrupts the wait for the
 * answer; only the end of the connection takes it back.
 */
static int send_fast(struct send *send)
{
	struct sock *sk = send->sk;
	int err;

	err = check_control(sk, send->msg);
	if (!err && !has_held_syn(sk))
		err = connect_without_syn(send);
	if (err || !has_held_syn(sk))
		return err;
	err = send_held_syn(send);
	if (err)
		return err;

	err = __inet_stream_connect(sk->sk_socket, NULL, 0,
				    send->flags & MSG_DONTWAIT ? O_NONBLOCK : 0,
				    1);
	if (err && sk->sk_state == TCPX_CLOSED)
		send->copied = 0;
	return err == -EALREADY ? -EINPROGRESS : err;
}

/* Not open yet, or MSG_FASTOPEN. */
static int open_first(struct send *send)
{
	struct sock *sk = send->sk;
	int err;

	if (send->flags & MSG_FASTOPEN || has_held_syn(sk)) {
		err = send_fast(send);
		if (err)
			return err;
	}
	if (tcpx_state_in(sk->sk_state, TCPX_MAY_SEND) ||
	    tcpx_is_early(send->tcb))
		return 0;
	return sk_stream_wait_connect(sk, &send->timeo);
}

static int start_send(struct send *send)
{
	struct sock *sk = send->sk;
	int err;

	if (unlikely(!tcpx_state_in(sk->sk_state, TCPX_MAY_SEND) ||
		     send->flags & MSG_FASTOPEN)) {
		err = open_first(send);
		if (err)
			return err;
	}

	/* Pages can only be passed on, not copied to, a device that gathers. */
	if (!(sk->sk_route_caps & NETIF_F_SG) ||
	    !iov_iter_is_bvec(&send->msg->msg_iter))
		send->flags &= ~MSG_SPLICE_PAGES;
	sk_clear_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	if (unlikely(send->tcb->cong.sampled))
		tcpx_rate_check_app_limited(send->tcb);
	return check_control(sk, send->msg);
}

/* sendfile() calls for each page, and says that the next comes at once. */
static bool has_next_page(const struct send *send)
{
#ifdef TCPX_HAVE_SENDPAGE
	return send->flags & MSG_SENDPAGE_NOTLAST;
#else
	return false;
#endif
}

static int sendmsg_locked(struct sock *sk, struct msghdr *msg)
{
	struct send send = {
		.tcb = tcpx_sk(sk),
		.sk = sk,
		.msg = msg,
		.flags = msg->msg_flags,
		.timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT),
	};
	int err;

	err = start_send(&send);
	if (likely(!err))
		err = send_data(&send);

	if (send.copied) {
		mark_urgent(&send);
		if (!has_next_page(&send))
			tcpx_output_user_data(send.tcb, send.flags & MSG_MORE);
		else if (!tcpx_flight(send.tcb))
			tcpx_timers_output_held(send.tcb);	/* should it fail */
		return send.copied;
	}
	if (!err)
		return 0;

	err = sk_stream_error(sk, send.flags, err);
	/* Nothing is in flight that could wake an edge-triggered poller. */
	if (unlikely(err == -EAGAIN && has_queued_nothing(sk)))
		sk->sk_write_space(sk);
	return err;
}

int tcpx_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)
{
	int ret;

	lock_sock(sk);
	ret = sendmsg_locked(sk, msg);
	release_sock(sk);
	return ret;
}

/* proto_ops.splice_eof: nothing follows what MSG_MORE has held back. */
void tcpx_splice_eof(struct socket *sock)
{
	struct sock *sk = sock->sk;

	if (skb_queue_empty_lockless(&sk->sk_write_queue))
		return;

	lock_sock(sk);
	tcpx_output_user_data(tcpx_sk(sk), false);
	release_sock(sk);
}

#ifdef TCPX_HAVE_SENDPAGE
/* proto_ops.sendpage, which became MSG_SPLICE_PAGES later. */
ssize_t tcpx_sendpage(struct socket *sock, struct page *page, int offset,
		      size_t size, int flags)
{
	struct msghdr msg = { .msg_flags = flags | MSG_SPLICE_PAGES };
	struct bio_vec bvec = {
		.bv_page = page,
		.bv_offset = offset,
		.bv_len = size,
	};

	if (flags & MSG_SENDPAGE_NOTLAST)
		msg.msg_flags |= MSG_MORE;
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &bvec, 1, size);
	return tcpx_sendmsg(sock->sk, &msg, size);
}
#endif
