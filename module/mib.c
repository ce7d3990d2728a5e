// SPDX-License-Identifier: GPL-2.0
/* Counters of a namespace and /proc/net/tcpx_snmp, one `Name value` a line. */
#include "mib.h"

#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include <linux/seq_file_net.h>

#include "hash.h"
#include "tcpx.h"

static const char * const counter_names[] = {
#define X(name, doc)	#name,
	TCPX_MIB_COUNTERS(X)
#undef X
};

int tcpx_mib_init_net(struct net *net)
{
	tcpx_net(net)->mib = alloc_percpu(struct tcpx_mib);

	return tcpx_net(net)->mib ? 0 : -ENOMEM;
}

void tcpx_mib_exit_net(struct net *net)
{
	free_percpu(tcpx_net(net)->mib);
}

/* RFC 4022's tcpCurrEstab: ESTABLISHED or CLOSE-WAIT. */
static int tcpx_mib_count_established(struct sock_common *common, void *arg)
{
	unsigned int *nr = arg;

	*nr += tcpx_state_in(READ_ONCE(common->skc_state), TCPX_MAY_SEND);
	return 0;
}

int tcpx_mib_show(struct seq_file *seq, void *v)
{
	struct net *net = seq_file_single_net(seq);
	struct tcpx_net *tnet = tcpx_net(net);
	unsigned int established = 0;
	unsigned int i;

	BUILD_BUG_ON(sizeof(struct tcpx_mib) !=
		     ARRAY_SIZE(counter_names) * sizeof(unsigned long));

	for (i = 0; i < ARRAY_SIZE(counter_names); i++) {
		unsigned long sum = 0;
		int cpu;

		for_each_possible_cpu(cpu)
			sum += ((unsigned long *)
				per_cpu_ptr(tnet->mib, cpu))[i];
		seq_printf(seq, "%s %lu\n", counter_names[i], sum);
	}

	tcpx_hash_walk(net, tcpx_mib_count_established, &established);
	seq_printf(seq, "CurrEstab %u\n", established);
	seq_printf(seq, "Sockets %d\n", atomic_read(&tnet->sockets));
	seq_printf(seq, "Orphans %d\n", atomic_read(&tnet->orphans));
	seq_printf(seq, "TimeWait %u\n", READ_ONCE(tnet->timewait.count));
	/* A CPU may have given back more than the others have told of. */
	seq_printf(seq, "MemoryPages %ld\n",
		   max(atomic_long_read(&tcpx_memory_allocated), 0L));
	seq_printf(seq, "SendFragsKept %u\n", tcpx_frag_kept());
	seq_printf(seq, "SendSkbsKept %u\n", tcpx_tx_kept());
	return 0;
}
