// SPDX-License-Identifier: GPL-2.0
/* The knobs, the lists of sockets and the counters (API-14). */
#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "kselftest_harness.h"
#include "../lib.h"

#define KNOBS "/proc/sys/net/tcpx/"

static int read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	close(fd);
	buf[n > 0 ? n : 0] = 0;
	return n < 0 ? -1 : 0;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text)) < 0 ? -1 : 0;
	close(fd);
	return ret;
}

static int knob_read(const char *name, char *buf, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), KNOBS "%s", name);
	return read_text(path, buf, size);
}

static int knob_write(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), KNOBS "%s", name);
	return write_text(path, text);
}

FIXTURE(knobs) { };
FIXTURE_SETUP(knobs)
{
	if (stack_is_native())
		SKIP(return, "native TCP has no " KNOBS);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, loopback_up());
}
FIXTURE_TEARDOWN(knobs) { }

/* name, default, a good value, a bad one */
static const struct { const char *name, *initial, *good, *bad; } table[] = {
	{ "rmem", NULL, "4096\t131072\t6291456", "0 0" },
	{ "wmem", NULL, "4096\t16384\t4194304", "-1 1 1" },
	{ "timestamps", "1", "0", "3" },
	{ "sack", "1", "0", "2" },
	{ "window_scaling", "1", "0", "2" },
	{ "ecn", "2", "1", "6" },
	{ "ecn_option", "2", "1", "3" },
	{ "ecn_fallback", "1", "0", "2" },
	{ "ecn_abe", "0", "1", "2" },
	{ "syn_retries", "6", "3", "128" },
	{ "synack_retries", "5", "3", "256" },
	{ "retries1", "3", "4", "256" },
	{ "retries2", "15", "8", "256" },
	{ "orphan_retries", "0", "3", "256" },
	{ "fin_timeout", "60", "30", "-1" },
	{ "keepalive_time", "7200", "60", "0" },
	{ "keepalive_intvl", "75", "10", "0" },
	{ "keepalive_probes", "10", "9", "256" },
	{ "moderate_rcvbuf", "1", "0", "2" },
	{ "min_snd_mss", "48", "64", "39" },
	{ "mtu_probing", "1", "2", "3" },
	{ "base_mss", "1024", "1400", "47" },
	{ "mtu_probe_floor", "512", "48", "47" },
	{ "probe_interval", "600", "0", "-1" },
	{ "probe_threshold", "8", "1", "0" },
	{ "max_syn_backlog", NULL, "512", "-1" },
	{ "max_tw_buckets", NULL, "4096", "-1" },
	{ "max_orphans", NULL, "4096", "-1" },
	{ "limit_output_bytes", NULL, "1048576", "-1" },
	{ "slow_start_after_idle", "1", "0", "2" },
	{ "rto_min_us", "200000", "100000", "0" },
	{ "reordering", "3", "5", "0" },
	{ "recovery", "1", "0", "256" },
	{ "early_retrans", "3", "0", "5" },
	{ "frto", "2", "0", "3" },
	{ "abort_on_overflow", "0", "1", "2" },
	{ "tw_reuse", NULL, "1", "3" },
	{ "rto_initial_us", "1000000", "500000", "0" },
	{ "rto_max_ms", "120000", "60000", "0" },
	{ "persist_max_ms", "60000", "30000", "0" },
	{ "delack_ms", "40", "20", "100000" },
	{ "delack_max_ms", "200", "100", "100000" },
	{ "tw_timeout", "60", "30", "-1" },
	{ "syn_timeout", "180", "60", "-1" },
	{ "initial_window", "10", "4", "0" },
	{ "initial_ssthresh", "0", "65535", "-1" },
	{ "congestion_control", "cubic", "reno", "nosuch" },
};

#define for_each_knob(i) for (i = 0; i < sizeof(table) / sizeof(*table); i++)

/* Every file in the directory can be read; abort_all is a button. */
TEST_F(knobs, API_14_readable)
{
	DIR *dir = opendir(KNOBS);
	struct dirent *entry;
	unsigned int n = 0;
	char buf[4096];

	ASSERT_NE(NULL, dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
		    !strcmp(entry->d_name, "abort_all"))
			continue;
		EXPECT_EQ(0, knob_read(entry->d_name, buf, sizeof(buf))) {
			TH_LOG("%s: %s", entry->d_name, strerror(errno));
		}
		n++;
	}
	closedir(dir);
	EXPECT_LE(sizeof(table) / sizeof(*table), n);
}

TEST_F(knobs, defaults)
{
	char buf[128];
	unsigned int i;

	for_each_knob(i) {
		EXPECT_EQ(0, knob_read(table[i].name, buf, sizeof(buf))) {
			TH_LOG("%s", table[i].name);
		}
		buf[strcspn(buf, "\n")] = 0;
		if (!table[i].initial)
			continue;
		EXPECT_STREQ(table[i].initial, buf) {
			TH_LOG("%s", table[i].name);
		}
	}
}

TEST_F(knobs, good_values_are_kept)
{
	char buf[128];
	unsigned int i;

	for_each_knob(i) {
		EXPECT_EQ(0, knob_write(table[i].name, table[i].good)) {
			TH_LOG("%s = %s: %s", table[i].name, table[i].good,
			       strerror(errno));
		}
		knob_read(table[i].name, buf, sizeof(buf));
		buf[strcspn(buf, "\n")] = 0;
		EXPECT_STREQ(table[i].good, buf) {
			TH_LOG("%s", table[i].name);
		}
	}
}

/* API-14: extremes are refused, and the old value stays. */
TEST_F(knobs, API_14_bad_values_are_refused)
{
	const char *const garbage[] = {
		NULL, "", "nonsense", "99999999999999999999", "-2147483649",
	};
	char before[128], after[128];
	unsigned int i, j;

	for_each_knob(i) for (j = 0; j < 5; j++) {
		const char *text = j ? garbage[j] : table[i].bad;
		int ret, err;

		knob_read(table[i].name, before, sizeof(before));
		errno = 0;
		ret = knob_write(table[i].name, text);
		err = errno;
		knob_read(table[i].name, after, sizeof(after));
		EXPECT_STREQ(before, after) {
			TH_LOG("%s = '%s'", table[i].name, text);
		}
		if (j == 1)		/* nothing written, nothing refused */
			continue;
		EXPECT_EQ(-1, ret);
		EXPECT_TRUE(err == EINVAL || err == ENOENT) {
			TH_LOG("%s = '%s': %s", table[i].name, text,
			       strerror(err));
		}
	}
}

/* API-13: the knobs are the namespace's own. */
TEST_F(knobs, API_13_per_namespace)
{
	char buf[128];

	ASSERT_EQ(0, knob_write("syn_retries", "2"));
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, knob_read("syn_retries", buf, sizeof(buf)));
	EXPECT_STREQ("6\n", buf);
}

TEST_F(knobs, API_13_need_the_right)
{
	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	EXPECT_EQ(-1, knob_write("syn_retries", "2"));
	EXPECT_TRUE(errno == EACCES || errno == EPERM);
}

TEST_F(knobs, apply_to_new_sockets)
{
	struct endpoint ep = { DOOR_FAMILY, IP4 };
	int fd;

	ASSERT_EQ(0, knob_write("syn_retries", "2"));
	ASSERT_EQ(0, knob_write("keepalive_time", "99"));
	ASSERT_EQ(0, knob_write("rmem", "4096 50000 6291456"));
	fd = ep_socket(&ep, 0);
	EXPECT_EQ(2, get_int(fd, SOL_TCP, TCP_SYNCNT));
	EXPECT_EQ(99, get_int(fd, SOL_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(50000, get_int(fd, SOL_SOCKET, SO_RCVBUF));
	close(fd);
}

TEST_F(knobs, congestion_controls_are_listed)
{
	char buf[256];

	ASSERT_EQ(0, knob_read("available_congestion_control", buf,
			       sizeof(buf)));
	EXPECT_NE(NULL, strstr(buf, "reno"));
	EXPECT_NE(0, knob_write("available_congestion_control", "reno"));
}

/* abort_all: every connection of this namespace, and of no other. */
TEST_F(knobs, abort_all)
{
	struct endpoint ep = { DOOR_FAMILY, IP6 };
	int here[2], there[2];
	char c;

	ASSERT_EQ(0, ep_pair(&ep, there));
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, loopback_up());
	ASSERT_EQ(0, ep_pair(&ep, here));
	ASSERT_EQ(0, knob_write("abort_all", "1"));
	EXPECT_NE(0, wait_for(here[0], POLLIN, LONG_MS) & POLLERR);
	EXPECT_NE(0, wait_for(here[1], POLLIN, LONG_MS) & POLLERR);
	/* Aborted as an administrator does, or by the other end's RST. */
	EXPECT_EQ(-1, recv(here[0], &c, 1, 0));
	EXPECT_TRUE(errno == ECONNABORTED || errno == ECONNRESET);
	EXPECT_EQ(1, send(there[0], "x", 1, 0));
	EXPECT_EQ(1, recv(there[1], &c, 1, 0));
}

ENDPOINT_FIXTURE(list);

struct entry {
	struct address local, remote;
	unsigned int state, txq, rxq, uid;
	unsigned long inode;
	int n;
};

static int parse_address(const struct endpoint *ep, const char *text,
			 struct address *a)
{
	unsigned int w[4], port;

	memset(a, 0, sizeof(*a));
	a->sa.sa_family = ep_domain(ep);
	if (ep->ip == IP4) {
		if (sscanf(text, "%8X:%4X", &a->in.sin_addr.s_addr, &port) != 2)
			return -1;
	} else {
		if (sscanf(text, "%8X%8X%8X%8X:%4X", w, w + 1, w + 2, w + 3,
			   &port) != 5)
			return -1;
		memcpy(&a->in6.sin6_addr, w, 16);
	}
	a->in.sin_port = htons(port);
	return 0;
}

/*
 * The line of the socket in @state from @port to @to, 0: to any. One port may
 * have connections to several.
 */
static struct entry find_entry_to(const struct endpoint *ep, int port, int to,
				  int state)
{
	struct entry found = {}, e = {};
	char path[64], line[512], local[64], remote[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/net/tcp%s%s",
		 stack_is_native() ? "" : "x", ep->ip == IP4 ? "" : "6");
	f = fopen(path, "r");
	if (!f || !fgets(line, sizeof(line), f) || !strstr(line, "inode"))
		return found;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %*d: %63s %63s %X %X:%X %*X:%*X %*X %u %*d"
			   " %lu", local, remote, &e.state, &e.txq, &e.rxq,
			   &e.uid, &e.inode) != 7)
			break;
		if (parse_address(ep, local, &e.local) ||
		    parse_address(ep, remote, &e.remote))
			break;
		if (port_of(&e.local) == port && (int)e.state == state &&
		    (!to || port_of(&e.remote) == to)) {
			e.n = found.n + 1;
			found = e;
		}
	}
	fclose(f);
	return found;
}

static struct entry find_entry(const struct endpoint *ep, int port, int state)
{
	return find_entry_to(ep, port, 0, state);
}

TEST_F(list, API_14_listener)
{
	struct address a;
	int fd = ep_listener(self->ep, 1, &a);
	struct entry e;

	ASSERT_LE(0, fd);
	e = find_entry(self->ep, port_of(&a), TCP_LISTEN);
	EXPECT_EQ(1, e.n);
	EXPECT_TRUE(same_address(&a, &e.local));
	EXPECT_EQ(0, e.uid);
	close(fd);
	EXPECT_EQ(0, find_entry(self->ep, port_of(&a), TCP_LISTEN).n);
}

TEST_F(list, API_14_connection)
{
	struct address a, b;
	struct entry e;
	int fd[2];

	ASSERT_EQ(0, ep_pair(self->ep, fd));
	EXPECT_EQ(7, send(fd[0], "unread!", 7, 0));
	EXPECT_EQ(POLLIN, wait_for(fd[1], POLLIN, LONG_MS));
	a = local_of(fd[1]);
	b = peer_of(fd[1]);
	e = find_entry(self->ep, port_of(&a), TCP_ESTABLISHED);
	EXPECT_EQ(1, e.n);
	EXPECT_TRUE(same_address(&a, &e.local));
	EXPECT_TRUE(same_address(&b, &e.remote));
	EXPECT_EQ(7, e.rxq);
	EXPECT_EQ(0, e.txq);
	EXPECT_LT(0, e.inode);
	close(fd[0]);
	close(fd[1]);
}

/* A FIN is no byte to read, though native's list counts it as one. */
TEST_F(list, API_03_fin_is_no_data)
{
	struct address a, b;
	int fd[2], n = -1;
	char c;

	ASSERT_EQ(0, ep_pair(self->ep, fd));
	a = local_of(fd[1]);
	b = peer_of(fd[1]);
	EXPECT_EQ(0, shutdown(fd[0], SHUT_WR));
	EXPECT_EQ(POLLIN, wait_for(fd[1], POLLIN, LONG_MS));
	EXPECT_EQ(stack_is_native(),
		  find_entry_to(self->ep, port_of(&a), port_of(&b),
				TCP_CLOSE_WAIT).rxq);
	EXPECT_EQ(0, ioctl(fd[1], SIOCINQ, &n));
	EXPECT_EQ(0, n);
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	EXPECT_EQ(0, find_entry_to(self->ep, port_of(&a), port_of(&b),
				   TCP_CLOSE_WAIT).rxq);
	close(fd[0]);
	close(fd[1]);
}

/* MUST-13: TIME-WAIT is listed, though nobody has it open. */
TEST_F(list, MUST_13_time_wait)
{
	struct address a, b;
	int fd[2];
	char c;

	ASSERT_EQ(0, ep_pair(self->ep, fd));
	a = local_of(fd[0]);
	b = peer_of(fd[0]);
	EXPECT_EQ(0, shutdown(fd[0], SHUT_WR));
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	close(fd[1]);
	EXPECT_EQ(0, recv(fd[0], &c, 1, 0));
	close(fd[0]);
	EXPECT_TRUE(eventually(find_entry_to(self->ep, port_of(&a),
					     port_of(&b),
					     TCP_TIME_WAIT).n == 1));
}

TEST_F(list, API_14_syn_sent)
{
	struct address to = ep_address(self->ep, "10.99.0.2", "fd99::2", 9), a;
	int tun = blackhole_up(), fd = ep_socket(self->ep, SOCK_NONBLOCK);

	ASSERT_LE(0, tun);
	connect(fd, &to.sa, to.len);
	a = local_of(fd);
	EXPECT_EQ(1, find_entry(self->ep, port_of(&a), TCP_SYN_SENT).n);
	close(fd);
	close(tun);
}

/* The value of a counter in "Name value" lines; -1 if it isn't there. */
static long counter(const char *name)
{
	char key[64];
	long value = -1, v;
	FILE *f = fopen("/proc/net/tcpx_snmp", "r");

	while (f && fscanf(f, "%63s %ld", key, &v) == 2)
		if (!strcmp(key, name))
			value = v;
	if (f)
		fclose(f);
	return value;
}

TEST_F(knobs, API_14_counters)
{
	static const char *const names[] = {
		"ActiveOpens", "PassiveOpens", "AttemptFails", "EstabResets",
		"CurrEstab", "InSegs", "OutSegs", "RetransSegs", "InErrs",
		"OutRsts", "InCsumErrors", NULL,
	};
	struct endpoint ep = { DOOR_FAMILY, IP4 };
	struct linger now = { .l_onoff = 1 };
	struct address closed = ep_loopback(&ep, 9);
	const char *const *name;
	int fd[2];

	for (name = names; *name; name++) {
		EXPECT_EQ(0, counter(*name)) {
			TH_LOG("%s in a new namespace", *name);
		}
	}

	ASSERT_EQ(0, ep_pair(&ep, fd));
	EXPECT_EQ(1, counter("ActiveOpens"));
	EXPECT_EQ(1, counter("PassiveOpens"));
	EXPECT_EQ(2, counter("CurrEstab"));
	EXPECT_LE(3, counter("InSegs"));
	EXPECT_LE(3, counter("OutSegs"));
	setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd[0]);
	EXPECT_TRUE(eventually(counter("CurrEstab") == 0));
	EXPECT_EQ(1, counter("OutRsts"));
	EXPECT_LE(1, counter("EstabResets"));
	close(fd[1]);
	EXPECT_ERRNO(ECONNREFUSED, ep_connected(&ep, &closed));
	EXPECT_EQ(1, counter("AttemptFails"));
	EXPECT_EQ(2, counter("ActiveOpens"));
	EXPECT_EQ(0, counter("RetransSegs"));
	EXPECT_EQ(0, counter("InErrs"));
}

/*
 * What was sent and taken is sent from again; nothing that was written is there
 * twice; a second later all of it is given back.
 */
TEST_F_TIMEOUT(knobs, send_buffers_are_used_again, 60)
{
	static char out[65536], in[65536];
	struct endpoint ep = { DOOR_FAMILY, IP4 };
	uint64_t pos;
	int fd[2], i;

	ASSERT_EQ(0, ep_pair(&ep, fd));
	set_int(fd[0], SOL_SOCKET, SO_SNDBUF, 4 * sizeof(out));
	set_int(fd[1], SOL_SOCKET, SO_RCVBUF, 4 * sizeof(out));
	for (i = 0, pos = 0; i < 128; i++, pos += sizeof(out)) {
		pattern_fill(out, sizeof(out), 5, pos);
		ASSERT_EQ(sizeof(out), send(fd[0], out, sizeof(out), 0));
		ASSERT_EQ(sizeof(in), recv(fd[1], in, sizeof(in), MSG_WAITALL));
		ASSERT_EQ(sizeof(in), pattern_check(in, sizeof(in), 5, pos));
	}
	EXPECT_LT(64, counter("SendFragsReused"));
	close(fd[0]);
	close(fd[1]);
	EXPECT_TRUE(eventually(counter("SendFragsKept") == 0));
}

/*
 * The skb of what was acknowledged carries the next, whatever it was before:
 * a byte, a train of segments, a FIN.
 */
TEST_F_TIMEOUT(knobs, skbs_of_the_send_queue_are_used_again, 60)
{
	static const size_t sizes[] = { 1, 20000, 1, 4096, 1448 };
	static char out[20000], in[20000];
	struct endpoint ep = { DOOR_FAMILY, IP4 };
	uint64_t pos = 0;
	int fd[2], i, k;

	for (k = 0; k < 4; k++) {
		ASSERT_EQ(0, ep_pair(&ep, fd));
		set_int(fd[0], IPPROTO_TCP, TCP_NODELAY, 1);
		for (i = 0; i < 100; i++) {
			size_t len = sizes[i % ARRAY_SIZE(sizes)];

			pattern_fill(out, len, 6, pos);
			ASSERT_EQ(len, send(fd[0], out, len, 0));
			ASSERT_EQ(len, recv(fd[1], in, len, MSG_WAITALL));
			ASSERT_EQ(len, pattern_check(in, len, 6, pos));
			ASSERT_EQ(1, send(fd[1], "", 1, 0));
			ASSERT_EQ(1, recv(fd[0], in, 1, MSG_WAITALL));
			pos += len;
		}
		close(fd[0]);
		EXPECT_EQ(0, recv(fd[1], in, 1, 0));
		close(fd[1]);
	}
	EXPECT_LT(100, counter("SendSkbsReused"));
	EXPECT_TRUE(eventually(counter("SendSkbsKept") == 0));
}

/* All sockets, in as many messages as it takes. */
static void diag_dump(void)
{
	struct {
		struct nlmsghdr nlh;
		struct inet_diag_req_v2 req;
	} request = {
		.nlh = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.req = {
			.sdiag_family = stack_is_native() ? AF_INET : AF_TCPX,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_ext = 0xff,
			.idiag_states = ~0U,
		},
	};
	static char buf[32768];
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);

	if (send(fd, &request, sizeof(request), 0) > 0)
		while (recv(fd, buf, sizeof(buf), 0) > 0 &&
		       nlh->nlmsg_type == SOCK_DIAG_BY_FAMILY)
			;
	close(fd);
}

/* What `tools/tcpx ss @arguments` prints, or NULL. */
static const char *run_ss(const char *arguments)
{
	static char out[4096];
	char self[512], command[1024];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	FILE *f;

	self[n < 0 ? 0 : n] = 0;
	/* selftests/api/procfs */
	for (int up = 0; up < 3 && strrchr(self, '/'); up++)
		*strrchr(self, '/') = 0;
	snprintf(command, sizeof(command), "%s/tools/tcpx ss %s", self,
		 arguments);
	f = popen(command, "r");
	n = f ? fread(out, 1, sizeof(out) - 1, f) : 0;
	out[n] = 0;
	return f && !pclose(f) ? out : NULL;
}

/* The sock_diag interface, by the tool that uses it: find, tell, abort. */
TEST(API_14_diag)
{
	struct endpoint ep = { DOOR_FAMILY, IP4 };
	char arguments[128], line[64], c;
	struct address a;
	const char *out;
	int fd[2], port;

	if (stack_is_native())
		SKIP(return, "a tool of tcpx");
	ASSERT_EQ(0, ep_pair(&ep, fd));
	a = local_of(fd[0]);
	port = port_of(&a);
	EXPECT_EQ(7, send(fd[1], "unread!", 7, 0));
	EXPECT_EQ(POLLIN, wait_for(fd[0], POLLIN, LONG_MS));

	snprintf(arguments, sizeof(arguments),
		 "-Hnime --state estab --src 127.0.0.1 --sport %d", port);
	out = run_ss(arguments);
	ASSERT_NE(NULL, out);
	snprintf(line, sizeof(line), "127.0.0.1:%d ", port);
	EXPECT_EQ(out, strstr(out, "ESTAB  7 "));
	EXPECT_NE(NULL, strstr(out, line));
	EXPECT_NE(NULL, strstr(out, "skmem:(r"));
	EXPECT_NE(NULL, strstr(out, " bytes_received:7"));
	EXPECT_NE(NULL, strstr(out, "uid:0 "));
	EXPECT_EQ(strlen(out) - 1, strcspn(out, "\n"));

	/* Whoever has no filter means everything, and gets nothing. */
	EXPECT_EQ(NULL, run_ss("-K 2>/dev/null"));
	snprintf(arguments, sizeof(arguments), "-HnK --sport %d", port);
	EXPECT_NE(NULL, run_ss(arguments));
	EXPECT_NE(0, wait_for(fd[0], POLLIN, LONG_MS) & POLLERR);
	EXPECT_EQ(ECONNABORTED, so_error(fd[0]));
	EXPECT_ERRNO(ECONNRESET, recv(fd[1], &c, 1, 0));
	EXPECT_STREQ("", run_ss(arguments));
	close(fd[0]);
	close(fd[1]);
}

/* API-14: readers of everything while sockets come and go. */
TEST_F(list, API_14_readers_and_churn)
{
	pid_t child = fork();
	int fd[2], i;

	if (!child) {
		for (;; usleep(10)) {
			find_entry(self->ep, 1, TCP_LISTEN);
			counter("CurrEstab");
			diag_dump();
		}
	}
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, ep_pair(self->ep, fd));
		close(fd[i & 1]);
		close(fd[!(i & 1)]);
	}
	kill(child, SIGKILL);
	EXPECT_EQ(child, waitpid(child, NULL, 0));
}

TEST_HARNESS_MAIN
