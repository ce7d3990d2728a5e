// SPDX-License-Identifier: GPL-2.0
/*
 * More Accurate ECN Feedback, RFC 9768: which ECN field each SYN had, how many
 * packets came with CE, and how many bytes with which mark, in both directions.
 *
 * The three bits AE, CWR and ECE are one number, ACE: on the SYNs and the first
 * pure ACK of the client the field that the other's SYN arrived with, then the
 * number of packets with CE, modulo 8. The option counts bytes, modulo 2^24.
 *
 * Deviations: the first data of a client has no option (3.2.3.2.1 SHOULD), it
 * goes with ACKs that carry no data, where it costs no payload. That ACKs with
 * it are lost more often than others is not looked for (3.2.3.2.2 MAY). A child
 * of Fast Open, and one that a SYN cookie brought, have classic ECN.
 */
#include "tcpx.h"

#include <net/inet_ecn.h>

#define ACE	(TCPX_FLAG_AE | TCPX_FLAG_CWR | TCPX_FLAG_ECE)
#define CEP_INIT	5		/* 3.2.1 */
#define SAFE_PACKETS	7		/* more with CE would wrap ACE */
#define UNTOLD_MAX	2		/* 3.2.2.5.1: n */

/* 3.2.1: r. is what arrived here, s. what the peer says has arrived there. */
struct tcpx_accecn {
	u32 r_cep;		/* packets with CE */
	u32 r_ceb;		/* payload bytes with CE, ECT(0), ECT(1) */
	u32 r_e0b;
	u32 r_e1b;
	u32 s_cep;
	u32 s_ceb;		/* that, and what was added for packets since */
	u32 told_cep;		/* of the last segment sent */
	u32 told_ceb;		/* of the last option sent */
	u32 told_e0b;
	u32 told_e1b;
	u16 stretch;		/* packets that an ACK covers, average * 8 */
	u8 syn_ecn:2;		/* of the peer's SYN or SYN,ACK */
	u8 last_ce:1;		/* the last packet with data had CE */
	u8 has_option:1;	/* one came, and its counters make sense */
	u8 no_option:1;		/* they made none: a middlebox */
	u8 is_blocked:1;	/* our SYN,ACK with one may not have got through */
};

static u16 ace_flags(u32 cep)
{
	return (cep & 4 ? TCPX_FLAG_AE : 0) | (cep & 2 ? TCPX_FLAG_CWR : 0) |
	       (cep & 1 ? TCPX_FLAG_ECE : 0);
}

static u32 ace_of(u16 flags)
{
	return (flags & TCPX_FLAG_AE ? 4 : 0) | (flags & TCPX_FLAG_CWR ? 2 : 0) |
	       (flags & TCPX_FLAG_ECE ? 1 : 0);
}

static void count_packets(struct tcpx_sock *tcb, u32 nr)
{
	struct tcpx_accecn *a = tcb->accecn;

	a->r_cep += nr;
	/* Cutting a large skb clears CWR in all segments but the first. */
	if (a->r_cep & 2)
		tcb->rcv.ecn |= TCPX_ECN_ALONE;
	else
		tcb->rcv.ecn &= ~TCPX_ECN_ALONE;
}

/* 3.2.3.2.4: if a first counter is zero, it was not sent so. */
static bool take_option(struct tcpx_accecn *a, const struct sk_buff *skb,
			struct tcpx_accecn_option *opt)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);

	if (!(seg->options & TCPX_HAS_ACCECN) || a->no_option ||
	    !tcpx_options_accecn(skb_transport_header(skb), seg->hdr_len,
				 seg->accecn_off, opt))
		return false;
	if (!a->has_option)
		a->no_option = (opt->fields & TCPX_ACCECN_E0B && !opt->e0b) ||
			       (opt->fields & TCPX_ACCECN_E1B && !opt->e1b);
	a->has_option = !a->no_option;
	return a->has_option;
}

/* --- the handshake ------------------------------------------------------- */

u16 tcpx_accecn_syn_ack_flags(u8 ecn)
{
	switch (ecn) {
	case INET_ECN_ECT_1:
		return TCPX_FLAG_CWR | TCPX_FLAG_ECE;
	case INET_ECN_ECT_0:
		return TCPX_FLAG_AE;
	case INET_ECN_CE:
		return TCPX_FLAG_AE | TCPX_FLAG_CWR;
	default:
		return TCPX_FLAG_CWR;
	}
}

u16 tcpx_accecn_request_flags(void)
{
	return ace_flags(CEP_INIT);
}

u16 tcpx_accecn_timewait_flags(u8 ace)
{
	return ace_flags(ace);
}

bool tcpx_accecn_start(struct tcpx_sock *tcb, u8 syn_ecn, bool is_blocked)
{
	struct tcpx_accecn *a = kzalloc(sizeof(*a), GFP_ATOMIC | __GFP_NOWARN);

	if (!a)
		return false;
	a->r_cep = CEP_INIT;
	a->s_cep = CEP_INIT;
	a->told_cep = CEP_INIT;
	a->r_e0b = TCPX_ACCECN_E0B_INIT;
	a->r_e1b = TCPX_ACCECN_E1B_INIT;
	a->told_e0b = TCPX_ACCECN_E0B_INIT;
	a->told_e1b = TCPX_ACCECN_E1B_INIT;
	a->syn_ecn = syn_ecn;
	a->is_blocked = is_blocked;
	tcb->accecn = a;
	return true;
}

void tcpx_accecn_free(struct tcpx_sock *tcb)
{
	kfree(tcb->accecn);
	tcb->accecn = NULL;
}

/*
 * Table 2 of 3.1.2; 101 is for the future, as if our SYN had arrived as it was
 * sent. It was sent without ECT: something on the path has changed what says
 * that it came with another mark (3.2.2.3), and ECT would be changed, too.
 */
bool tcpx_accecn_syn_answered(struct tcpx_sock *tcb, const struct sk_buff *skb)
{
	const struct tcpx_seg *seg = tcpx_seg(skb);
	struct tcpx_accecn_option opt;
	u16 ace = seg->flags & ACE;

	if (!ace || ace == ACE || ace == TCPX_FLAG_ECE)
		return false;
	if (ace != TCPX_FLAG_CWR && ace != (TCPX_FLAG_AE | TCPX_FLAG_ECE))
		tcb->rcv.ecn &= ~TCPX_ECN_SEND;
	if (!tcpx_accecn_start(tcb, seg->ecn, false)) {
		tcb->rcv.ecn = 0;
		return true;
	}
	tcb->rcv.ecn |= TCPX_ECN_HANDSHAKE;
	take_option(tcb->accecn, skb, &opt);
	if (seg->ecn == INET_ECN_CE)
		count_packets(tcb, 1);
	return true;
}

/*
 * Table 4 of 3.2.2.1, of the ACK that opens the connection. Zero: something
 * clears these bits, then what they tell is worth nothing (3.2.2.4).
 */
void tcpx_accecn_opened(struct tcpx_sock *tcb, const struct tcpx_seg *seg)
{
	u32 ace = ace_of(seg->flags);

	if (!ace && !(seg->options & TCPX_HAS_SACK))
		tcb->rcv.ecn &= ~TCPX_ECN_SEND;
	if (seg->len)
		return;
	/* Ours had no mark that could become another. */
	if (ace == 3 || ace == 4 || ace == 6)
		tcb->rcv.ecn &= ~TCPX_ECN_SEND;
	if (ace == 6)
		tcb->accecn->s_cep = CEP_INIT + 1;
}

/* --- receiver ------------------------------------------------------------ */

/*
 * Every acceptable segment counts, also one that brings nothing new. 3.2.2.5.1:
 * the first data with CE is acknowledged at once, and then every second.
 */
void tcpx_accecn_received(struct tcpx_sock *tcb, const struct tcpx_seg *seg,
			  u32 packets)
{
	struct tcpx_accecn *a = tcb->accecn;
	bool ce = seg->ecn == INET_ECN_CE;

	if (seg->ecn)
		tcb->rcv.ecn |= TCPX_ECN_SEEN;
	if (ce) {
		count_packets(tcb, packets);
		a->r_ceb += seg->len;
	} else if (seg->ecn == INET_ECN_ECT_0) {
		a->r_e0b += seg->len;
	} else if (seg->ecn == INET_ECN_ECT_1) {
		a->r_e1b += seg->len;
	}
	if (!seg->len)
		return;
	if (ce && (!a->last_ce || a->r_cep - a->told_cep >= UNTOLD_MAX))
		tcb->rcv.ack_now = 1;
	a->last_ce = ce;
}

u8 tcpx_accecn_ace(const struct tcpx_sock *tcb)
{
	return tcb->accecn->r_cep & 7;
}

u16 tcpx_accecn_send(struct tcpx_sock *tcb, u16 flags, bool pure)
{
	struct tcpx_accecn *a = tcb->accecn;
	bool first = tcb->rcv.ecn & TCPX_ECN_HANDSHAKE;

	if (flags & TCPX_FLAG_SYN) {
		if (flags & TCPX_FLAG_ACK)
			return (flags & ~ACE) |
			       (a ? tcpx_accecn_syn_ack_flags(a->syn_ecn) : 0);
		/* Unless it was repeated without. */
		return flags & TCPX_FLAG_ECE ? flags | ACE : flags;
	}
	tcb->rcv.ecn &= ~TCPX_ECN_HANDSHAKE;
	a->told_cep = a->r_cep;
	if (first && pure)
		return flags | tcpx_accecn_syn_ack_flags(a->syn_ecn);
	return flags | ace_flags(a->r_cep);
}

/* --- the option, 3.2.3 --------------------------------------------------- */

static u8 option_knob(const struct net *net)
{
	return READ_ONCE(tcpx_net(net)->knobs.ecn_option);
}

static unsigned int largest(unsigned int room)
{
	if (room < TCPX_OPTLEN_ACCECN_SHORT)
		return 0;
	return room >= TCPX_OPTLEN_ACCECN_ALIGNED ? TCPX_OPTLEN_ACCECN_ALIGNED :
						    TCPX_OPTLEN_ACCECN_SHORT;
}

/* 3.2.3.2.1: whether the path lets it through is tried by the handshake. */
unsigned int tcpx_accecn_syn_ack_option(const struct net *net,
					unsigned int room)
{
	return option_knob(net) ? largest(room) : 0;
}

unsigned int tcpx_accecn_option_size(const struct tcpx_sock *tcb,
				     unsigned int room)
{
	u8 knob = option_knob(sock_net(tcpx_to_sk(tcb)));
	const struct tcpx_accecn *a = tcb->accecn;
	bool e0b = a->r_e0b != a->told_e0b;
	bool e1b = a->r_e1b != a->told_e1b;

	if (!knob || a->is_blocked)
		return 0;
	if (tcb->rcv.ecn & TCPX_ECN_HANDSHAKE)
		return largest(room);
	if (a->r_ceb == a->told_ceb && (knob == 1 || !(e0b || e1b)))
		return 0;
	return largest(e0b && e1b ? room :
		       min_t(unsigned int, room, TCPX_OPTLEN_ACCECN_SHORT));
}

void tcpx_accecn_option_build(struct tcpx_sock *tcb, __be32 *to,
			      unsigned int size)
{
	struct tcpx_accecn *a = tcb->accecn;
	bool is_one = a->r_e1b != a->told_e1b && a->r_e0b == a->told_e0b;
	struct tcpx_accecn_option opt = {
		.ceb = a->r_ceb,
		.e0b = a->r_e0b,
		.e1b = a->r_e1b,
	};

	tcpx_options_build_accecn(to, size, is_one, &opt);
	a->told_ceb = a->r_ceb;
	if (!is_one || size == TCPX_OPTLEN_ACCECN_ALIGNED)
		a->told_e0b = a->r_e0b;
	if (is_one || size == TCPX_OPTLEN_ACCECN_ALIGNED)
		a->told_e1b = a->r_e1b;
}

/* The peer's count of bytes with CE: how many are new. -1: it does not say. */
static s32 new_ce_bytes(struct tcpx_accecn *a, const struct sk_buff *skb)
{
	struct tcpx_accecn_option opt;
	s32 delta;

	if (!take_option(a, skb, &opt) || !(opt.fields & TCPX_ACCECN_CEB))
		return -1;
	delta = (s32)((opt.ceb - a->s_ceb) << 8) >> 8;
	a->s_ceb = opt.ceb;
	return max(delta, 0);
}

/* --- sender -------------------------------------------------------------- */

/*
 * 3.2.2.5.2: @told packets with CE are new, or eight more, and eight more... if
 * ACKs were lost. Of the @packets that this ACK covers no more than all. Not on
 * a path that has marked nothing so far.
 */
static u32 safest(u32 packets, u32 told)
{
	return packets - ((packets - told) & 7);
}

static u32 new_ce_packets(struct tcpx_sock *tcb, u32 ace, u32 packets,
			  s32 ce_bytes)
{
	struct tcpx_accecn *a = tcb->accecn;
	u32 told = (ace - a->s_cep) & 7, most;
	bool usual = a->stretch / 8 > SAFE_PACKETS;

	a->stretch += min_t(u32, packets, 1024) - a->stretch / 8;
	if (packets <= SAFE_PACKETS || (!told && a->s_cep <= CEP_INIT + 1))
		return told;
	most = safest(packets, told);
	if (ce_bytes >= 0)
		return ce_bytes > (s32)(told * tcb->snd.mss) ? most : told;
	return usual ? told : most;
}

/*
 * Only of an ACK that acknowledges or SACKs something new: another may be old.
 * What it says of is among that.
 */
void tcpx_accecn_feedback(struct tcpx_sock *tcb, const struct sk_buff *skb,
			  struct tcpx_ack_sample *sample)
{
	struct tcpx_accecn *a = tcb->accecn;
	s32 ce_bytes;
	u32 packets;

	/* That of a SYN,ACK is encoded otherwise: tcpx_accecn_opened(). */
	if (!sample->delivered || sample->prior_una == tcb->snd.iss)
		return;
	ce_bytes = new_ce_bytes(a, skb);
	packets = DIV_ROUND_UP(sample->delivered, tcb->snd.mss);
	packets = new_ce_packets(tcb, ace_of(tcpx_seg(skb)->flags), packets,
				 ce_bytes);
	a->s_cep += packets;
	if (ce_bytes < 0) {
		ce_bytes = packets * tcb->snd.mss;
		a->s_ceb += ce_bytes;
	}
	sample->marked = min_t(u32, sample->delivered, ce_bytes);
	sample->ece = packets || ce_bytes;
}
