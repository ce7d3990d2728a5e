// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/sys/net/tcpx/: the knobs of a namespace. A name that native TCP has in
 * net.ipv4.tcp_NAME has its meaning and format. Each table is a copy of the
 * template below whose data pointers were offsets. A write that is refused
 * changes nothing.
 */
#include "cong.h"
#include "fastopen.h"
#include "listen.h"
#include "metrics.h"
#include "tcpx.h"

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/swap.h>
#include <linux/sysctl.h>

#include <net/tcp.h>

#define RMEM_MAX_BYTES	(6 << 20)
#define WMEM_MAX_BYTES	(4 << 20)

long tcpx_sysctl_mem[3];

/* Limits; the handlers take pointers. */
static int max_1 = 1;
static int max_2 = 2;
static int max_4 = 4;
static int max_5 = 5;
static int max_synack_retries = TCPX_SYNACK_RETRIES_MAX;
static int max_127 = 127;
static int max_keepalive_s = 32767;
static int max_day_s = 86400;
static int max_hour_ms = 3600000;
static int max_fastopen = TCPX_TFO_KNOB_MAX;
static int max_minute_us = 60000000;
static int max_delack_ms = 500;		/* RFC 9293 3.8.6.3 MUST-40 */
static int max_initial_window = 1000;
static int min_mss = TCPX_MSS_MIN;
static int max_mss = TCPX_MSS_MAX;
static int min_ms = 1000;
static int min_us = 1000;

/* A triple minimum, default, maximum in ascending order. */
static int tcpx_sysctl_triple(TCPX_CTL_TABLE *ctl, int write, void *buffer,
			      size_t *lenp, loff_t *ppos)
{
	int *triple = ctl->data;
	int new[3] = { triple[0], triple[1], triple[2] };
	struct ctl_table tmp = {
		.data = new,
		.maxlen = sizeof(new),
		.mode = ctl->mode,
		.extra1 = SYSCTL_ONE,
	};
	int ret, i;

	ret = proc_dointvec_minmax(&tmp, write, buffer, lenp, ppos);
	if (ret || !write)
		return ret;
	if (new[0] > new[1] || new[1] > new[2])
		return -EINVAL;

	for (i = 0; i < 3; i++)
		WRITE_ONCE(triple[i], new[i]);
	return 0;
}

static int tcpx_sysctl_memory(TCPX_CTL_TABLE *ctl, int write, void *buffer,
			      size_t *lenp, loff_t *ppos)
{
	unsigned long new[3] = { tcpx_sysctl_mem[0], tcpx_sysctl_mem[1],
				 tcpx_sysctl_mem[2] };
	struct ctl_table tmp = {
		.data = new,
		.maxlen = sizeof(new),
		.mode = ctl->mode,
	};
	int ret, i;

	ret = proc_doulongvec_minmax(&tmp, write, buffer, lenp, ppos);
	if (ret || !write)
		return ret;
	if (new[0] > new[1] || new[1] > new[2] || new[2] > LONG_MAX)
		return -EINVAL;

	for (i = 0; i < 3; i++)
		WRITE_ONCE(tcpx_sysctl_mem[i], new[i]);
	return 0;
}

static int set_congestion_control(struct tcpx_net *tnet, const char *name)
{
	const struct tcpx_cong_ops *new, *old;

	new = tcpx_cong_get(name);
	if (!new)
		return -ENOENT;

	old = unrcu_pointer(xchg(&tnet->knobs.cong, RCU_INITIALIZER(new)));
	if (old)
		tcpx_cong_put(old);
	return 0;
}

static int tcpx_sysctl_congestion(TCPX_CTL_TABLE *ctl, int write, void *buffer,
				  size_t *lenp, loff_t *ppos)
{
	char name[TCPX_CONG_NAME_MAX] = "";
	struct tcpx_net *tnet = ctl->data;
	struct ctl_table tmp = {
		.data = name,
		.maxlen = sizeof(name),
	};
	int ret;

	rcu_read_lock();
	strscpy(name, rcu_dereference(tnet->knobs.cong)->name, sizeof(name));
	rcu_read_unlock();

	ret = proc_dostring(&tmp, write, buffer, lenp, ppos);
	if (ret || !write)
		return ret;

	return set_congestion_control(tnet, name);
}

static int tcpx_sysctl_available(TCPX_CTL_TABLE *ctl, int write, void *buffer,
				 size_t *lenp, loff_t *ppos)
{
	char names[256] = "";
	struct ctl_table tmp = {
		.data = names,
		.maxlen = sizeof(names),
	};

	tcpx_cong_names(names, sizeof(names));
	return proc_dostring(&tmp, write, buffer, lenp, ppos);
}

/* Four words in hex, each of the key's bytes in little-endian order. */
static bool parse_key(const char *text, u8 *key)
{
	__le32 words[TCPX_TFO_KEY_LEN / 4];
	u32 word[4];
	char behind;
	int i;

	if (sscanf(text, "%x-%x-%x-%x%c", &word[0], &word[1], &word[2],
		   &word[3], &behind) != 4)
		return false;
	for (i = 0; i < 4; i++)
		words[i] = cpu_to_le32(word[i]);
	memcpy(key, words, sizeof(words));
	return true;
}

static int print_key(char *to, size_t size, const u8 *key)
{
	__le32 word[TCPX_TFO_KEY_LEN / 4];

	memcpy(word, key, sizeof(word));
	return scnprintf(to, size, "%08x-%08x-%08x-%08x",
			 le32_to_cpu(word[0]), le32_to_cpu(word[1]),
			 le32_to_cpu(word[2]), le32_to_cpu(word[3]));
}

static int set_fastopen_keys(struct net *net, char *text)
{
	u8 keys[TCPX_TFO_KEYS * TCPX_TFO_KEY_LEN];
	char *second = text;
	int err = -EINVAL;

	text = strim(strsep(&second, ","));
	if (parse_key(text, keys) &&
	    (!second || parse_key(strim(second), keys + TCPX_TFO_KEY_LEN)))
		err = tcpx_fastopen_set_keys(net, NULL, keys, second ? 2 : 1);
	memzero_explicit(keys, sizeof(keys));
	return err;
}

static int tcpx_sysctl_fastopen_key(TCPX_CTL_TABLE *ctl, int write,
				    void *buffer, size_t *lenp, loff_t *ppos)
{
	u8 keys[TCPX_TFO_KEYS * TCPX_TFO_KEY_LEN];
	struct tcpx_net *tnet = ctl->data;
	/* Two keys with their dashes, and a comma between. */
	char text[TCPX_TFO_KEYS * (2 * TCPX_TFO_KEY_LEN + 4)];
	struct ctl_table tmp = {
		.data = text,
		.maxlen = sizeof(text),
	};
	unsigned int nr;
	int ret, len;

	nr = tcpx_fastopen_get_keys(tnet->net, NULL, keys);
	len = print_key(text, sizeof(text), keys);
	if (nr == TCPX_TFO_KEYS) {
		text[len++] = ',';
		print_key(text + len, sizeof(text) - len,
			  keys + TCPX_TFO_KEY_LEN);
	}
	ret = proc_dostring(&tmp, write, buffer, lenp, ppos);
	if (!ret && write)
		ret = set_fastopen_keys(tnet->net, text);
	memzero_explicit(keys, sizeof(keys));
	memzero_explicit(text, sizeof(text));
	return ret;
}

/* Whoever writes it wants to see what happens now. */
static int tcpx_sysctl_blackhole(TCPX_CTL_TABLE *ctl, int write, void *buffer,
				 size_t *lenp, loff_t *ppos)
{
	struct tcpx_net *tnet = container_of(ctl->data, struct tcpx_net,
					     knobs.fastopen_blackhole_s);
	int ret;

	ret = proc_dointvec_minmax(ctl, write, buffer, lenp, ppos);
	if (!ret && write)
		tcpx_fastopen_forget_blackholes(tnet->net);
	return ret;
}

/* What is not saved any more is not kept either. */
static int tcpx_sysctl_metrics(TCPX_CTL_TABLE *ctl, int write, void *buffer,
			       size_t *lenp, loff_t *ppos)
{
	struct tcpx_net *tnet = container_of(ctl->data, struct tcpx_net,
					     knobs.no_metrics_save);
	int ret;

	ret = proc_dou8vec_minmax(ctl, write, buffer, lenp, ppos);
	if (!ret && write && READ_ONCE(tnet->knobs.no_metrics_save))
		tcpx_metrics_forget(tnet->net);
	return ret;
}

/* Writing 1 resets every connection of the namespace. */
static int tcpx_sysctl_abort_all(TCPX_CTL_TABLE *ctl, int write, void *buffer,
				 size_t *lenp, loff_t *ppos)
{
	struct tcpx_net *tnet = ctl->data;
	int value = 0;
	struct ctl_table tmp = {
		.data = &value,
		.maxlen = sizeof(value),
		.extra1 = SYSCTL_ONE,
		.extra2 = SYSCTL_ONE,
	};
	int ret;

	ret = proc_dointvec_minmax(&tmp, write, buffer, lenp, ppos);
	if (!ret && write && value == 1)
		tcpx_sock_abort_all(tnet->net);
	return ret;
}

#define KNOB(_name, _field, _handler, _min, _max)			\
	{								\
		.procname = _name,					\
		.data = (void *)offsetof(struct tcpx_net, knobs._field),\
		.maxlen = sizeof_field(struct tcpx_knobs, _field),	\
		.mode = 0644,						\
		.proc_handler = _handler,				\
		.extra1 = _min,						\
		.extra2 = _max,						\
	}
#define KNOB_U8(_name, _field, _min, _max)				\
	KNOB(_name, _field, proc_dou8vec_minmax, _min, _max)
#define KNOB_INT(_name, _field, _min, _max)				\
	KNOB(_name, _field, proc_dointvec_minmax, _min, _max)
/* The handler finds struct tcpx_net in ctl->data. */
#define ACTION(_name, _mode, _handler)					\
	{ .procname = _name, .mode = _mode, .proc_handler = _handler }

static const struct ctl_table template[] = {
	KNOB("rmem", rmem, tcpx_sysctl_triple, NULL, NULL),
	KNOB("wmem", wmem, tcpx_sysctl_triple, NULL, NULL),
	ACTION("mem", 0644, tcpx_sysctl_memory),
	KNOB_U8("timestamps", timestamps, SYSCTL_ZERO, &max_1),
	KNOB_U8("sack", sack, SYSCTL_ZERO, &max_1),
	KNOB_U8("window_scaling", window_scaling, SYSCTL_ZERO, &max_1),
	KNOB_U8("ecn", ecn, SYSCTL_ZERO, &max_5),
	KNOB_U8("ecn_option", ecn_option, SYSCTL_ZERO, &max_2),
	KNOB_U8("ecn_fallback", ecn_fallback, SYSCTL_ZERO, &max_1),
	KNOB_U8("ecn_abe", ecn_abe, SYSCTL_ZERO, &max_1),
	KNOB_U8("moderate_rcvbuf", moderate_rcvbuf, SYSCTL_ZERO, &max_1),
	KNOB_U8("slow_start_after_idle", slow_start_after_idle, SYSCTL_ZERO,
		&max_1),
	KNOB_U8("abort_on_overflow", abort_on_overflow, SYSCTL_ZERO, &max_1),
	KNOB_U8("tw_reuse", timewait_reuse, SYSCTL_ZERO, &max_2),
	KNOB_U8("syncookies", syncookies, SYSCTL_ZERO, &max_2),
	KNOB_U8("syn_retries", syn_retries, SYSCTL_ONE, &max_127),
	KNOB_U8("synack_retries", synack_retries, SYSCTL_ZERO,
		&max_synack_retries),
	KNOB_U8("retries1", retries1, SYSCTL_ZERO, NULL),
	KNOB_U8("retries2", retries2, SYSCTL_ZERO, NULL),
	KNOB_U8("orphan_retries", orphan_retries, SYSCTL_ZERO, NULL),
	KNOB_U8("keepalive_probes", keepalive_probes, SYSCTL_ONE, &max_127),
	KNOB_U8("reordering", reordering, SYSCTL_ONE, &max_127),
	KNOB_U8("recovery", recovery, SYSCTL_ZERO, NULL),
	KNOB_U8("early_retrans", early_retrans, SYSCTL_ZERO, &max_4),
	KNOB_U8("frto", frto, SYSCTL_ZERO, &max_2),
	KNOB_INT("keepalive_time", keepalive_time_s, SYSCTL_ONE,
		 &max_keepalive_s),
	KNOB_INT("keepalive_intvl", keepalive_intvl_s, SYSCTL_ONE,
		 &max_keepalive_s),
	KNOB_INT("fin_timeout", fin_timeout_s, SYSCTL_ONE, &max_day_s),
	KNOB_INT("tw_timeout", tw_timeout_s, SYSCTL_ONE, &max_day_s),
	KNOB_INT("syn_timeout", syn_timeout_s, SYSCTL_ZERO, &max_day_s),
	KNOB_INT("rto_initial_us", rto_initial_us, &min_us, &max_minute_us),
	KNOB_INT("rto_min_us", rto_min_us, &min_us, &max_minute_us),
	KNOB_INT("rto_max_ms", rto_max_ms, &min_ms, &max_hour_ms),
	KNOB_INT("persist_max_ms", persist_max_ms, &min_ms, &max_hour_ms),
	KNOB_INT("delack_ms", delack_ms, SYSCTL_ONE, &max_delack_ms),
	KNOB_INT("delack_max_ms", delack_max_ms, SYSCTL_ONE, &max_delack_ms),
	KNOB_INT("initial_window", initial_window, SYSCTL_ONE,
		 &max_initial_window),
	KNOB_INT("initial_ssthresh", initial_ssthresh, SYSCTL_ZERO, NULL),
	KNOB_INT("min_snd_mss", min_snd_mss, &min_mss, &max_mss),
	KNOB("no_metrics_save", no_metrics_save, tcpx_sysctl_metrics,
	     SYSCTL_ZERO, &max_1),
	KNOB_U8("no_ssthresh_metrics_save", no_ssthresh_metrics_save,
		SYSCTL_ZERO, &max_1),
	KNOB_U8("mtu_probing", mtu_probing, SYSCTL_ZERO, &max_2),
	KNOB_INT("base_mss", base_mss, &min_mss, &max_mss),
	KNOB_INT("mtu_probe_floor", mtu_probe_floor, &min_mss, &max_mss),
	KNOB_INT("probe_interval", probe_interval_s, SYSCTL_ZERO, &max_day_s),
	KNOB_INT("probe_threshold", probe_threshold, SYSCTL_ONE, &max_mss),
	KNOB_INT("max_syn_backlog", max_syn_backlog, SYSCTL_ONE, NULL),
	KNOB_INT("max_tw_buckets", max_tw_buckets, SYSCTL_ZERO, NULL),
	KNOB_INT("max_orphans", max_orphans, SYSCTL_ZERO, NULL),
	KNOB_INT("limit_output_bytes", limit_output_bytes, SYSCTL_ONE, NULL),
	KNOB_INT("challenge_ack_limit", challenge_ack_limit, SYSCTL_ONE, NULL),
	KNOB_INT("challenge_ack_period_ms", challenge_ack_period_ms,
		 SYSCTL_ONE, &max_hour_ms),
	KNOB_INT("invalid_ratelimit", invalid_ratelimit_ms, SYSCTL_ZERO,
		 &max_hour_ms),
	KNOB("notsent_lowat", notsent_lowat, proc_douintvec, NULL, NULL),
	KNOB_INT("fastopen", fastopen, SYSCTL_ZERO, &max_fastopen),
	ACTION("fastopen_key", 0600, tcpx_sysctl_fastopen_key),
	KNOB("fastopen_blackhole_timeout_sec", fastopen_blackhole_s,
	     tcpx_sysctl_blackhole, SYSCTL_ZERO, NULL),
	ACTION("congestion_control", 0644, tcpx_sysctl_congestion),
	ACTION("available_congestion_control", 0444, tcpx_sysctl_available),
	ACTION("abort_all", 0200, tcpx_sysctl_abort_all),
};

static const struct tcpx_knobs default_knobs = {
	.rmem = { 4096, 131072, RMEM_MAX_BYTES },
	.wmem = { 4096, 16384, WMEM_MAX_BYTES },
	.timestamps = 1,
	.sack = 1,
	.window_scaling = 1,
	.ecn = TCPX_ECN_ACCEPT,
	.ecn_option = 2,
	.ecn_fallback = 1,
	.moderate_rcvbuf = 1,
	.slow_start_after_idle = 1,
	.timewait_reuse = 2,
	.syncookies = 1,
	.syn_retries = 6,
	.synack_retries = 5,
	.retries1 = 3,
	.retries2 = 15,
	.keepalive_probes = 10,
	.reordering = 3,
	.recovery = TCPX_RACK_ON,
	.early_retrans = TCPX_RACK_PROBES,
	.frto = 2,
	.keepalive_time_s = 7200,
	.keepalive_intvl_s = 75,
	.fin_timeout_s = 60,
	.tw_timeout_s = 60,
	.syn_timeout_s = 180,
	.rto_initial_us = 1000000,
	.rto_min_us = 200000,
	.rto_max_ms = 120000,
	.persist_max_ms = 60000,
	.delack_ms = 40,
	.delack_max_ms = 200,
	.initial_window = 10,
	.min_snd_mss = TCPX_MSS_MIN,
	.no_ssthresh_metrics_save = 1,
	.mtu_probing = 1,
	.base_mss = 1024,
	.mtu_probe_floor = 512,
	.probe_interval_s = 600,
	.probe_threshold = 8,
	.max_syn_backlog = 4096,
	.max_tw_buckets = 262144,
	.max_orphans = 65536,
	.limit_output_bytes = 1 << 20,
	.challenge_ack_limit = 10,
	.challenge_ack_period_ms = 5000,
	.invalid_ratelimit_ms = 500,
	.notsent_lowat = UINT_MAX,
};

/* As native's tcp_mem: pressure at one sixteenth of the memory. */
static void init_memory_limits(void)
{
	unsigned long limit = max(nr_free_buffer_pages() / 16, 128UL);

	tcpx_sysctl_mem[0] = limit / 4 * 3;
	tcpx_sysctl_mem[1] = limit;
	tcpx_sysctl_mem[2] = tcpx_sysctl_mem[0] * 2;
}

/* No buffer takes more than 1/128 of the memory. */
static void init_buffer_limits(struct tcpx_knobs *knobs)
{
	unsigned long limit = nr_free_buffer_pages() << (PAGE_SHIFT - 7);

	knobs->wmem[2] = clamp_t(unsigned long, limit, 65536, WMEM_MAX_BYTES);
	knobs->rmem[2] = clamp_t(unsigned long, limit, 131072, RMEM_MAX_BYTES);
}

/* One entry more, zero: kernels without the _sz function want it. */
static struct ctl_table *create_table(struct tcpx_net *tnet)
{
	struct ctl_table *table;
	unsigned int i;

	table = kcalloc(ARRAY_SIZE(template) + 1, sizeof(*table), GFP_KERNEL);
	if (!table)
		return NULL;

	memcpy(table, template, sizeof(template));
	for (i = 0; i < ARRAY_SIZE(template); i++) {
		table[i].data = (void *)tnet + (unsigned long)table[i].data;
		if (table[i].proc_handler == tcpx_sysctl_memory &&
		    !net_eq(tnet->net, &init_net))
			table[i].mode = 0444;
	}
	return table;
}

int tcpx_sysctl_init_net(struct net *net)
{
	struct tcpx_net *tnet = tcpx_net(net);
	struct ctl_table *table;
	int err;

	tnet->net = net;
	tnet->knobs = default_knobs;
	init_buffer_limits(&tnet->knobs);
	if (net_eq(net, &init_net))
		init_memory_limits();

	err = set_congestion_control(tnet, tcpx_cong_cubic.name);
	if (err)
		return err;

	table = create_table(tnet);
	if (!table)
		goto out_put_cong;

	tnet->sysctl = register_net_sysctl_sz(net, "net/tcpx", table,
					      ARRAY_SIZE(template));
	if (!tnet->sysctl)
		goto out_free_table;

	return 0;

out_free_table:
	kfree(table);
out_put_cong:
	tcpx_cong_put(rcu_access_pointer(tnet->knobs.cong));
	return -ENOMEM;
}

void tcpx_sysctl_exit_net(struct net *net)
{
	struct tcpx_net *tnet = tcpx_net(net);
	const struct ctl_table *table = tnet->sysctl->ctl_table_arg;

	unregister_net_sysctl_table(tnet->sysctl);
	kfree(table);
	tcpx_cong_put(rcu_access_pointer(tnet->knobs.cong));
}
