// SPDX-License-Identifier: GPL-2.0
/*
 * From the receive queue to the user, RFC 9293 3.10.3. The queue holds skbs in
 * order, their payload at skb->data and their place in tcpx_seg(); a FIN is a
 * flag of the skb that it came with. While the socket is owned softirq puts
 * segments onto the backlog, so that nobody else touches the queue.
 */
#include "tcpx.h"

#include <linux/skbuff.h>
#include <linux/socket.h>
#include <linux/splice.h>
#include <linux/tcp.h>

#include <net/busy_poll.h>
#include <net/inet_common.h>
#include <net/sock.h>
#include <net/tcp.h>

/* One call of recvmsg(2). */
struct recv {
	struct tcpx_sock *tcb;
	struct sock *sk;
	struct msghdr *msg;
	size_t len;		/* wanted still */
	long timeo;
	u32 *seq;		/* next byte: rcv.copied, or @peek_seq */
	u32 peek_seq;
	u32 urgent_hole;	/* urgent bytes that a peek left out */
	int flags;
	int target;		/* return with so many bytes */
	int copied;		/* so far, or -errno */
	int told;		/* of @copied, to reassembly.c */
	struct sk_buff *stamped;	/* the last one, for its timestamp */
};

/* Is the byte at @seq the urgent one, which MUST-62 puts before RCV.UP? */
static bool is_urgent(const struct tcpx_sock *tcb, u32 seq)
{
	return unlikely(tcb->rcv.urgent) && tcb->rcv.up - 1 == seq;
}

/* Lockless: poll, ioctl and /proc, hence READ_ONCE() and no exactness. */
int tcpx_recvmsg_readable(const struct sock *sk)
{
	const struct tcpx_sock *tcb = tcpx_sk(sk);
	u32 copied = READ_ONCE(tcb->rcv.copied);
	u32 nxt = READ_ONCE(tcb->rcv.nxt);
	u32 mark = READ_ONCE(tcb->rcv.up) - 1;
	int len = nxt - copied;

	if (tcpx_state_in(READ_ONCE(sk->sk_state), TCPX_S(SYN_SENT) |
			  TCPX_S(SYN_RECEIVED) | TCPX_S(LISTEN)) &&
	    !tcpx_is_early(tcb))
		return 0;

	/* A bit cannot be READ_ONCE(); either value was right a moment ago. */
	if (data_race(tcb->rcv.urgent != 0) && !sock_flag(sk, SOCK_URGINLINE) &&
	    tcpx_seq_after_eq(mark, copied) && tcpx_seq_before(mark, nxt))
		return mark - copied;

	/* The FIN has a number and is no byte. */
	if (len > 0 && sock_flag(sk, SOCK_DONE))
		len--;
	return max(len, 0);
}

static void eat_skb(struct sock *sk, struct sk_buff *skb)
{
	__skb_unlink(skb, &sk->sk_receive_queue);
	/* By name: an indirect call costs more. */
	if (likely(skb->destructor == sock_rfree)) {
		sock_rfree(skb);
		skb->destructor = NULL;
		skb->sk = NULL;
	}
	consume_skb(skb);
}

/* The skb that has the byte, or the FIN, at @seq. */
static struct sk_buff *find_skb(struct sock *sk, u32 seq, u32 *offset)
{
	u32 copied = tcpx_sk(sk)->rcv.copied;
	struct sk_buff *skb, *next;

	skb_queue_walk_safe(&sk->sk_receive_queue, skb, next) {
		const struct tcpx_seg *seg = tcpx_seg(skb);

		DEBUG_NET_WARN_ON_ONCE(tcpx_seq_before(seq, seg->seq));
		*offset = seq - seg->seq;
		if (*offset < skb->len ||
		    (seg->flags & TCPX_FLAG_FIN && *offset == skb->len))
			return skb;
		/* Its end was an urgent byte that input.c stepped over. */
		if (tcpx_seq_before_eq(seg->seq + skb->len, copied))
			eat_skb(sk, skb);
	}
	return NULL;
}

static void pass_urgent(struct tcpx_sock *tcb)
{
	if (likely(!tcb->rcv.urgent) ||
	    tcpx_seq_before(tcb->rcv.copied, tcb->rcv.up))
		return;
	tcb->rcv.urgent = 0;
	tcb->rcv.urgent_read = 0;
	tcb->rcv.urgent_valid = 0;
}

/* Window updates and autotuning count what left the queue, not a peek. */
static void tell_progress(struct recv *recv)
{
	int taken = 0;

	if (recv->copied > recv->told && !(recv->flags & MSG_PEEK)) {
		taken = recv->copied - recv->told;
		recv->told = recv->copied;
	}
	tcpx_reassembly_user_read(recv->tcb, taken);
}

static void keep_timestamp(struct recv *recv, struct sk_buff *skb)
{
	if (likely(!sock_flag(recv->sk, SOCK_RCVTSTAMP) &&
		   !READ_ONCE(recv->sk->sk_tsflags)))
		return;
	if (!skb->tstamp && !skb_hwtstamps(skb)->hwtstamp)
		return;
	if (recv->stamped == skb)
		return;

	if (recv->stamped)
		consume_skb(recv->stamped);
	recv->stamped = skb_get(skb);
}

/*
 * Data stops at the urgent byte, and it is left out of the stream unless
 * SO_OOBINLINE. How much of the @used bytes at *@offset may be taken.
 */
static u32 stop_at_urgent(struct recv *recv, u32 *offset, u32 used)
{
	u32 ahead = recv->tcb->rcv.up - 1 - *recv->seq;

	if (ahead >= used)
		return used;
	if (ahead)
		return ahead;
	if (sock_flag(recv->sk, SOCK_URGINLINE))
		return used;

	WRITE_ONCE(*recv->seq, *recv->seq + 1);
	recv->urgent_hole++;
	++*offset;
	return used - 1;
}

/* Copy from @skb what is wanted. False: the call is over. */
static bool take_skb(struct recv *recv, struct sk_buff *skb, u32 offset)
{
	u32 used = min_t(size_t, skb->len - offset, recv->len);
	bool fin = tcpx_seg(skb)->flags & TCPX_FLAG_FIN;

	if (unlikely(recv->tcb->rcv.urgent) && used)
		used = stop_at_urgent(recv, &offset, used);

	if (used && !(recv->flags & MSG_TRUNC) &&
	    skb_copy_datagram_msg(skb, offset, recv->msg, used)) {
		if (!recv->copied)
			recv->copied = -EFAULT;
		return false;
	}

	/* Pairs with the READ_ONCE() of poll, ioctl and /proc. */
	WRITE_ONCE(*recv->seq, *recv->seq + used);
	recv->copied += used;
	recv->len -= used;
	pass_urgent(recv->tcb);
	keep_timestamp(recv, skb);
	if (offset + used < skb->len)
		return true;

	if (fin)
		WRITE_ONCE(*recv->seq, *recv->seq + 1);
	if (!(recv->flags & MSG_PEEK))
		eat_skb(recv->sk, skb);
	return !fin;
}

/* Why not to wait for data: true, and recv->copied says what to return. */
static bool is_over(struct recv *recv)
{
	struct sock *sk = recv->sk;

	if (recv->copied)
		return !recv->timeo || sk->sk_err ||
		       sk->sk_state == TCPX_CLOSED ||
		       sk->sk_shutdown & RCV_SHUTDOWN ||
		       signal_pending(current);

	if (sock_flag(sk, SOCK_DONE))
		return true;
	if (sk->sk_err)
		recv->copied = sock_error(sk);
	else if (sk->sk_shutdown & RCV_SHUTDOWN)
		return true;
	else if (sk->sk_state == TCPX_CLOSED)
		recv->copied = -ENOTCONN;
	else if (!recv->timeo)
		recv->copied = -EAGAIN;
	else if (signal_pending(current))
		recv->copied = sock_intr_errno(recv->timeo);
	return recv->copied;
}

/* False: the call is over. */
static bool wait_for_data(struct recv *recv)
{
	struct sock *sk = recv->sk;
	u32 copied;
	int err;

	if (recv->copied >= recv->target && !READ_ONCE(sk->sk_backlog.tail))
		return false;
	if (is_over(recv))
		return false;

	/* What a peek leaves in the queue must not be shared meanwhile. */
	if (unlikely(recv->stamped && recv->flags & MSG_PEEK)) {
		consume_skb(recv->stamped);
		recv->stamped = NULL;
	}

	if (recv->copied >= recv->target) {
		__sk_flush_backlog(sk);
	} else {
		tell_progress(recv);
		err = sk_wait_data(sk, &recv->timeo,
				   skb_peek_tail(&sk->sk_receive_queue));
		if (err < 0) {
			recv->copied = recv->copied ?: err;
			return false;
		}
	}

	/* Another thread has read what we peek at: begin again behind it. */
	copied = recv->tcb->rcv.copied;
	if (recv->flags & MSG_PEEK &&
	    recv->peek_seq - recv->copied - recv->urgent_hole != copied)
		recv->peek_seq = copied;
	return true;
}

static void read_stream(struct recv *recv)
{
	struct sk_buff *skb;
	u32 offset;

	do {
		if (is_urgent(recv->tcb, *recv->seq)) {
			if (recv->copied)
				break;
			if (signal_pending(current)) {
				recv->copied = recv->timeo ?
					sock_intr_errno(recv->timeo) : -EAGAIN;
				break;
			}
		}

		skb = find_skb(recv->sk, *recv->seq, &offset);
		if (skb ? !take_skb(recv, skb, offset) : !wait_for_data(recv))
			break;
	} while (recv->len > 0);
}

/* MSG_OOB never blocks; the errors are those of BSD. */
static int read_urgent(struct recv *recv)
{
	struct tcpx_sock *tcb = recv->tcb;
	struct sock *sk = recv->sk;
	u8 byte;

	if (sock_flag(sk, SOCK_URGINLINE) || !tcb->rcv.urgent ||
	    tcb->rcv.urgent_read)
		return -EINVAL;
	if (sk->sk_state == TCPX_CLOSED && !sock_flag(sk, SOCK_DONE))
		return -ENOTCONN;

	if (!tcb->rcv.urgent_valid) {
		if (sk->sk_state == TCPX_CLOSED ||
		    sk->sk_shutdown & RCV_SHUTDOWN)
			return 0;
		return -EAGAIN;
	}

	byte = tcb->rcv.urgent_byte;
	if (!(recv->flags & MSG_PEEK)) {
		tcb->rcv.urgent_read = 1;
		tcb->rcv.urgent_valid = 0;
	}
	recv->msg->msg_flags |= MSG_OOB;
	if (!recv->len) {
		recv->msg->msg_flags |= MSG_TRUNC;
		return 0;
	}
	if (!(recv->flags & MSG_TRUNC) && memcpy_to_msg(recv->msg, &byte, 1))
		return -EFAULT;
	return 1;
}

static int recvmsg_locked(struct sock *sk, struct msghdr *msg, size_t len,
			  int flags)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);
	struct recv recv = {
		.tcb = tcb,
		.sk = sk,
		.msg = msg,
		.len = len,
		.timeo = sock_rcvtimeo(sk, flags & MSG_DONTWAIT),
		.seq = &tcb->rcv.copied,
		.flags = flags,
		.target = sock_rcvlowat(sk, flags & MSG_WAITALL, len),
	};

	if (sk->sk_state == TCPX_LISTEN)
		return -ENOTCONN;
	if (tcb->user.inq)
		msg->msg_get_inq = 1;
	if (unlikely(flags & MSG_OOB))
		return read_urgent(&recv);
	if (flags & MSG_PEEK) {
		recv.peek_seq = tcb->rcv.copied;
		recv.seq = &recv.peek_seq;
	}

	read_stream(&recv);
	tell_progress(&recv);
	if (unlikely(recv.stamped)) {
		if (recv.copied >= 0)
			sock_recv_timestamp(msg, sk, recv.stamped);
		consume_skb(recv.stamped);
	}
	return recv.copied;
}

/* A FIN counts as one more, so that the user goes on reading. */
static void put_inq(struct sock *sk, struct msghdr *msg)
{
	int inq = tcpx_recvmsg_readable(sk);

	if (!inq && sock_flag(sk, SOCK_DONE))
		inq = 1;
	msg->msg_inq = inq;
	if (tcpx_sk(sk)->user.inq)
		put_cmsg(msg, SOL_TCP, TCP_CM_INQ, sizeof(inq), &inq);
}

int tcpx_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags,
		 int *addr_len)
{
	int ret;

	if (unlikely(flags & MSG_ERRQUEUE))
		return inet_recv_error(sk, msg, len, addr_len);

	if (sk_can_busy_loop(sk) &&
	    skb_queue_empty_lockless(&sk->sk_receive_queue) &&
	    READ_ONCE(sk->sk_state) == TCPX_ESTABLISHED)
		sk_busy_loop(sk, flags & MSG_DONTWAIT);

	lock_sock(sk);
	ret = recvmsg_locked(sk, msg, len, flags);
	release_sock(sk);

	if (unlikely(msg->msg_get_inq) && ret >= 0)
		put_inq(sk, msg);
	return ret;
}

/* --- splice -------------------------------------------------------------- */

/* Pass pages of the queue on: how many bytes, or -errno. */
static int splice_queue(struct sock *sk, struct pipe_inode_info *pipe,
			size_t len, unsigned int flags)
{
	struct tcpx_sock *tcb = tcpx_sk(sk);
	struct sk_buff *skb;
	int spliced = 0;
	u32 offset;

	while (len && (skb = find_skb(sk, tcb->rcv.copied, &offset))) {
		u32 want = min_t(size_t, skb->len - offset, len);
		int used = 0;

		if (unlikely(tcb->rcv.urgent))
			want = min(want, tcb->rcv.up - 1 - tcb->rcv.copied);
		if (!want && offset < skb->len)
			break;
		if (want)
			used = skb_splice_bits(skb, sk, offset, pipe, want,
					       flags);
		if (used < 0 || (want && !used)) {
			spliced = spliced ?: used;
			break;
		}

		WRITE_ONCE(tcb->rcv.copied, tcb->rcv.copied + used);
		spliced += used;
		len -= used;
		if (offset + used < skb->len)
			continue;
		if (tcpx_seg(skb)->flags & TCPX_FLAG_FIN)
			WRITE_ONCE(tcb->rcv.copied, tcb->rcv.copied + 1);
		eat_skb(sk, skb);
	}

	if (spliced > 0)
		tcpx_reassembly_user_read(tcb, spliced);
	return spliced;
}

/* Nothing is there: wait. 1: look again, 0: the end, or -errno. */
static int splice_wait(struct recv *recv)
{
	int err;

	if (is_over(recv))
		return recv->copied;
	/* At the urgent byte, or the pipe is full. */
	if (!skb_queue_empty(&recv->sk->sk_receive_queue))
		return 0;

	err = sk_wait_data(recv->sk, &recv->timeo, NULL);
	if (err < 0)
		return err;
	return signal_pending(current) ? sock_intr_errno(recv->timeo) : 1;
}

static ssize_t splice_locked(struct recv *recv, struct pipe_inode_info *pipe,
			     size_t len, unsigned int flags)
{
	struct sock *sk = recv->sk;
	ssize_t spliced = 0;
	int ret = 0;

	while (len) {
		ret = splice_queue(sk, pipe, len, flags);
		if (ret < 0 || (!ret && spliced))
			break;
		if (!ret) {
			ret = splice_wait(recv);
			if (ret <= 0)
				break;
			continue;
		}

		len -= ret;
		spliced += ret;
		if (!len || !recv->timeo)
			break;
		/* Let the backlog in. */
		release_sock(sk);
		lock_sock(sk);
		if (sk->sk_err || sk->sk_state == TCPX_CLOSED ||
		    sk->sk_shutdown & RCV_SHUTDOWN || signal_pending(current))
			break;
	}

	return spliced ?: ret;
}

ssize_t tcpx_splice_read(struct socket *sock, loff_t *ppos,
			 struct pipe_inode_info *pipe, size_t len,
			 unsigned int flags)
{
	struct sock *sk = sock->sk;
	struct recv recv = { .tcb = tcpx_sk(sk), .sk = sk };
	ssize_t ret;

	if (unlikely(*ppos))
		return -ESPIPE;

	sock_rps_record_flow(sk);
	lock_sock(sk);
	recv.timeo = sock_rcvtimeo(sk, sock->file->f_flags & O_NONBLOCK);
	ret = splice_locked(&recv, pipe, len, flags);
	release_sock(sk);
	return ret;
}
