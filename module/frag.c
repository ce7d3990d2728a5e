// SPDX-License-Identifier: GPL-2.0
/*
 * Pages for what users send. One whose end was reached is kept until nobody
 * uses it any more, and is filled again then: a new one would have to be
 * cleared. What lies beside the bytes that skbs refer to is seen by nobody.
 *
 * Each CPU keeps those that were filled on it in that order, the oldest are the
 * first to be free. What is not sent from for a second is given back.
 */
#include "tcpx.h"

#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

#include <net/sock.h>

#define RING_PAGES	64U		/* power of two */
#define LOOK_AT		4U		/* of the oldest */
#define PAGE_BYTES	32768		/* what the core allocates if it can */
#define LEAST_ROOM	32		/* the core takes another if less is left */
#define IDLE_JIFFIES	HZ

struct frag_ring {
	spinlock_t lock;		/* process context only */
	unsigned int first;
	unsigned int nr;
	bool used;			/* since the work looked */
	struct page *pages[RING_PAGES];
	struct delayed_work idle_work;
};

static DEFINE_PER_CPU(struct frag_ring, rings);

static struct page **slot(struct frag_ring *ring, unsigned int i)
{
	return &ring->pages[(ring->first + i) % RING_PAGES];
}

static struct page *take_oldest(struct frag_ring *ring)
{
	struct page *page = NULL;

	spin_lock(&ring->lock);
	if (ring->nr) {
		page = *slot(ring, 0);
		ring->first++;
		ring->nr--;
	}
	spin_unlock(&ring->lock);
	return page;
}

static void give_back_all(struct frag_ring *ring)
{
	struct page *page;

	while ((page = take_oldest(ring)))
		put_page(page);
}

static void tcpx_frag_idle(struct work_struct *work)
{
	struct frag_ring *ring = container_of(to_delayed_work(work),
					      struct frag_ring, idle_work);
	bool used;

	spin_lock(&ring->lock);
	used = ring->used;
	ring->used = false;
	spin_unlock(&ring->lock);
	if (used)
		schedule_delayed_work(&ring->idle_work, IDLE_JIFFIES);
	else
		give_back_all(ring);
}

/* One of the oldest that nobody else has a reference of. */
static struct page *find_free(struct frag_ring *ring)
{
	unsigned int i, nr = min(ring->nr, LOOK_AT);
	struct page *page;

	lockdep_assert_held(&ring->lock);
	for (i = 0; i < nr; i++) {
		page = *slot(ring, i);
		if (page_ref_count(page) != 1)
			continue;
		*slot(ring, i) = *slot(ring, 0);
		ring->first++;
		ring->nr--;
		return page;
	}
	return NULL;
}

/* Keep @full, whose reference is ours now, and return one that is free. */
static struct page *exchange(struct frag_ring *ring, struct page *full)
{
	struct page *page, *evicted = NULL;
	bool first;

	spin_lock(&ring->lock);
	page = find_free(ring);
	if (ring->nr == RING_PAGES) {
		evicted = *slot(ring, 0);
		ring->first++;
		ring->nr--;
	}
	*slot(ring, ring->nr++) = full;
	first = !ring->used;
	ring->used = true;
	spin_unlock(&ring->lock);

	if (evicted)
		put_page(evicted);
	if (first)
		schedule_delayed_work(&ring->idle_work, IDLE_JIFFIES);
	return page;
}

static bool is_worth_keeping(const struct page_frag *pfrag)
{
	return pfrag->size == PAGE_BYTES &&
	       page_to_nid(pfrag->page) == numa_mem_id() &&
	       !page_is_pfmemalloc(pfrag->page);
}

bool tcpx_frag_refill(struct sock *sk, struct page_frag *pfrag)
{
	if (!pfrag->page || pfrag->offset + LEAST_ROOM <= pfrag->size ||
	    page_ref_count(pfrag->page) == 1 || !is_worth_keeping(pfrag))
		return sk_page_frag_refill(sk, pfrag);

	pfrag->page = exchange(raw_cpu_ptr(&rings), pfrag->page);
	if (!pfrag->page)
		return sk_page_frag_refill(sk, pfrag);
	pfrag->offset = 0;
	TCPX_INC(sock_net(sk), SendFragsReused);
	return true;
}

unsigned int tcpx_frag_kept(void)
{
	unsigned int nr = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		nr += READ_ONCE(per_cpu_ptr(&rings, cpu)->nr);
	return nr;
}

void tcpx_frag_init(void)
{
	struct frag_ring *ring;
	int cpu;

	for_each_possible_cpu(cpu) {
		ring = per_cpu_ptr(&rings, cpu);
		spin_lock_init(&ring->lock);
		INIT_DELAYED_WORK(&ring->idle_work, tcpx_frag_idle);
	}
}

/* No socket is left that could send. */
void tcpx_frag_exit(void)
{
	struct frag_ring *ring;
	int cpu;

	for_each_possible_cpu(cpu) {
		ring = per_cpu_ptr(&rings, cpu);
		cancel_delayed_work_sync(&ring->idle_work);
		give_back_all(ring);
	}
}
