// SPDX-License-Identifier: GPL-2.0
/*
 * The skbs of the send queue. One that is acknowledged is used again: to make
 * it as new costs a fraction of an allocation, which clears head and skb.
 *
 * Each CPU keeps some of those that were freed on it. If none was for a second,
 * all of them are given back.
 */
#include "tcpx.h"

#include <linux/cpu.h>
#include <linux/percpu.h>
#include <linux/skbuff.h>
#include <linux/smp.h>
#include <linux/workqueue.h>

#include <net/sock.h>
#include <net/tcp.h>

#define KEPT_MAX	64U
#define IDLE_JIFFIES	HZ

/* Only its own CPU, interrupts off, touches it; without that CPU, anybody. */
struct tx_stack {
	unsigned int nr;
	bool used;			/* since the work looked */
	struct sk_buff *skbs[KEPT_MAX];
	struct delayed_work idle_work;
	int cpu;
};

static DEFINE_PER_CPU(struct tx_stack, stacks);

/* Of a head for MAX_TCP_HEADER bytes: the same for all, once one was made. */
static unsigned int end_offset __read_mostly;

/* What the work takes out. */
struct leaving {
	struct tx_stack *stack;
	struct sk_buff *skbs[KEPT_MAX];
	unsigned int nr;
	bool used;
};

static void leave(void *info)
{
	struct leaving *leaving = info;
	struct tx_stack *stack = leaving->stack;

	leaving->nr = 0;
	leaving->used = stack->used;
	stack->used = false;
	if (leaving->used)
		return;
	leaving->nr = stack->nr;
	memcpy(leaving->skbs, stack->skbs, stack->nr * sizeof(*stack->skbs));
	stack->nr = 0;
}

static void tcpx_tx_idle(struct work_struct *work)
{
	struct leaving leaving = {
		.stack = container_of(to_delayed_work(work), struct tx_stack,
				      idle_work),
	};
	unsigned int i;

	cpus_read_lock();
	if (smp_call_function_single(leaving.stack->cpu, leave, &leaving, true))
		leave(&leaving);	/* it is offline, and stays so */
	cpus_read_unlock();

	for (i = 0; i < leaving.nr; i++)
		__kfree_skb(leaving.skbs[i]);
	if (leaving.used)
		schedule_delayed_work(&leaving.stack->idle_work, IDLE_JIFFIES);
}

static struct sk_buff *take(void)
{
	struct sk_buff *skb = NULL;
	struct tx_stack *stack;
	unsigned long flags;

	local_irq_save(flags);
	stack = this_cpu_ptr(&stacks);
	if (stack->nr)
		skb = stack->skbs[--stack->nr];
	local_irq_restore(flags);
	return skb;
}

static bool keep(struct sk_buff *skb)
{
	struct tx_stack *stack;
	unsigned long flags;
	bool kept, first;

	local_irq_save(flags);
	stack = this_cpu_ptr(&stacks);
	kept = stack->nr < KEPT_MAX;
	if (kept)
		stack->skbs[stack->nr++] = skb;
	first = kept && !stack->used;
	stack->used |= kept;
	local_irq_restore(flags);

	if (first)
		schedule_delayed_work(&stack->idle_work, IDLE_JIFFIES);
	return kept;
}

/* As it came from alloc_skb_fclone(), and nobody has a clone of it any more. */
static bool is_reusable(struct sk_buff *skb)
{
	const struct sk_buff_fclones *fclones =
		container_of(skb, struct sk_buff_fclones, skb1);

	return skb->fclone == SKB_FCLONE_ORIG &&
	       refcount_read(&fclones->fclone_ref) == 1 &&
	       !skb_cloned(skb) && !skb_shared(skb) &&
	       skb_end_offset(skb) == READ_ONCE(end_offset) && !skb->head_frag &&
	       !skb->pfmemalloc && !skb_has_extensions(skb) &&
	       !skb_has_frag_list(skb) && !skb_zcopy(skb);
}

/* What alloc_skb_fclone() does with new memory. */
static void renew(struct sk_buff *skb)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);

	memset(skb, 0, offsetof(struct sk_buff, tail));
	skb->fclone = SKB_FCLONE_ORIG;
	skb->data = skb->head;
	skb_reset_tail_pointer(skb);
	skb->mac_header = (typeof(skb->mac_header))~0U;
	skb->transport_header = (typeof(skb->transport_header))~0U;
	skb->alloc_cpu = raw_smp_processor_id();
	memset(shinfo, 0, offsetof(struct skb_shared_info, dataref));
	atomic_set(&shinfo->dataref, 1);
}

struct sk_buff *tcpx_tx_alloc(struct sock *sk, gfp_t gfp)
{
	struct sk_buff *skb = take();

	if (likely(skb)) {
		renew(skb);
		TCPX_INC(sock_net(sk), SendSkbsReused);
	} else {
		skb = alloc_skb_fclone(MAX_TCP_HEADER, gfp);
		if (unlikely(!skb)) {
			sk->sk_prot->enter_memory_pressure(sk);
			sk_stream_moderate_sndbuf(sk);
			return NULL;
		}
		if (unlikely(READ_ONCE(end_offset) != skb_end_offset(skb)))
			WRITE_ONCE(end_offset, skb_end_offset(skb));
	}

	/* What a fclone pair costs more is not charged, as in native. */
	skb->truesize = SKB_TRUESIZE(skb_end_offset(skb));
	skb_reserve(skb, MAX_TCP_HEADER);
	skb->ip_summed = CHECKSUM_PARTIAL;
	return skb;
}

void tcpx_tx_put(struct sk_buff *skb)
{
	int i;

	if (!is_reusable(skb)) {
		__kfree_skb(skb);
		return;
	}
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++)
		skb_frag_unref(skb, i);
	skb_shinfo(skb)->nr_frags = 0;
	if (!keep(skb))
		__kfree_skb(skb);
}

void tcpx_tx_free(struct sock *sk, struct sk_buff *skb)
{
	sk_wmem_queued_add(sk, -(int)skb->truesize);
	sk_mem_uncharge(sk, skb->truesize);
	tcpx_tx_put(skb);
}

unsigned int tcpx_tx_kept(void)
{
	unsigned int nr = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		nr += READ_ONCE(per_cpu_ptr(&stacks, cpu)->nr);
	return nr;
}

void tcpx_tx_init(void)
{
	struct tx_stack *stack;
	int cpu;

	for_each_possible_cpu(cpu) {
		stack = per_cpu_ptr(&stacks, cpu);
		stack->cpu = cpu;
		INIT_DELAYED_WORK(&stack->idle_work, tcpx_tx_idle);
	}
}

/* No socket is left that could send. */
void tcpx_tx_exit(void)
{
	struct tx_stack *stack;
	int cpu;

	for_each_possible_cpu(cpu) {
		stack = per_cpu_ptr(&stacks, cpu);
		cancel_delayed_work_sync(&stack->idle_work);
		while (stack->nr)
			__kfree_skb(stack->skbs[--stack->nr]);
	}
}
