// SPDX-License-Identifier: GPL-2.0
/* What connections hold in memory, and what their timers cost. */
#define _GNU_SOURCE
#include "bench.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peers.h"

#define MAX_CACHES	512
#define PER_LISTENER	20000	/* there are 28,232 ephemeral ports */
#define BURST_BYTES	6000000
#define BURST_SETTLES_S	60
#define PROBING_S	20
#define TIMEWAIT_S	60

struct caches {
	int num;
	struct {
		char name[64];
		double bytes;
	} cache[MAX_CACHES];
};

static struct caches before, after;

/* Return free objects from per-CPU lists, so that none count as used. */
static void shrink_caches(void)
{
	glob_t found;
	size_t i;
	int fd;

	if (glob("/sys/kernel/slab/*/shrink", 0, NULL, &found))
		err(1, "/sys/kernel/slab");
	for (i = 0; i < found.gl_pathc; i++) {
		fd = open(found.gl_pathv[i], O_WRONLY);
		if (fd < 0 || write(fd, "1", 1) != 1)
			err(1, "%s", found.gl_pathv[i]);
		close(fd);
	}
	globfree(&found);
}

static void read_caches(struct caches *caches)
{
	unsigned long active, total, object;
	FILE *file;
	char line[512];
	int i = 0;

	shrink_caches();
	file = fopen("/proc/slabinfo", "r");
	if (!file)
		err(1, "/proc/slabinfo");
	while (i < MAX_CACHES && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %lu %lu %lu", caches->cache[i].name,
			   &active, &total, &object) == 4)
			caches->cache[i++].bytes = (double)active * object;
	caches->num = i;
	fclose(file);
}

/* Bytes that each of @count has more since @before was read. */
static double compare_caches(long count)
{
	double bytes, sum = 0;
	int i;

	read_caches(&after);
	for (i = 0; i < after.num; i++) {
		if (strcmp(after.cache[i].name, before.cache[i].name))
			errx(1, "slab caches came or went while measuring");
		bytes = (after.cache[i].bytes - before.cache[i].bytes) / count;
		if (bytes > 1 || bytes < -1)
			printf("slab %s %.1f\n", after.cache[i].name, bytes);
		sum += bytes;
	}
	return sum;
}

/* Pages in use that no slab has: those of skbs, and what is kept for skbs. */
static double page_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	double kib, used = 0;
	char line[128];

	if (!file)
		err(1, "/proc/meminfo");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "MemTotal: %lf", &kib) == 1)
			used += kib;
		else if (sscanf(line, "MemFree: %lf", &kib) == 1 ||
			 sscanf(line, "Slab: %lf", &kib) == 1)
			used -= kib;
	}
	fclose(file);
	return used * 1024;
}

static void settle(void)
{
	sleep(90);	/* past RCU, TIME-WAIT and caches of ports */
}

static void open_pairs(int *fds, long count)
{
	long i, nr = (count + PER_LISTENER - 1) / PER_LISTENER;
	int listeners[nr];

	enter_netns(server_netns);
	for (i = 0; i < nr; i++)
		listeners[i] = open_nth_listener(i);
	enter_netns(client_netns);
	for (i = 0; i < count; i++) {
		fds[2 * i] = open_nth_connection(i / PER_LISTENER);
		fds[2 * i + 1] = accept_connection(listeners[i / PER_LISTENER]);
	}
	for (i = 0; i < nr; i++)
		close(listeners[i]);
}

static void abort_pairs(int *fds, long count)
{
	struct linger linger = { .l_onoff = 1 };
	long i;

	for (i = 0; i < 2 * count; i++) {
		setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &linger,
			   sizeof(linger));
		close(fds[i]);
	}
}

static int *allocate(long count)
{
	int *fds = calloc(2 * count, sizeof(*fds));

	if (!fds)
		err(1, "calloc");
	allow_descriptors(2 * count + 64);
	return fds;
}

/* The same number of connections before warms up caches and tables. */
static double measure_mem(long count)
{
	int *fds = allocate(count);
	double start, bytes;

	open_pairs(fds, count);
	abort_pairs(fds, count);
	settle();
	read_caches(&before);
	start = now_ns();
	open_pairs(fds, count);
	also("open", (now_ns() - start) / count);
	settle();
	bytes = compare_caches(count);
	abort_pairs(fds, count);
	free(fds);
	return bytes;
}

static void transfer(int from, int to, size_t len)
{
	size_t sent = 0, got = 0;
	ssize_t n;

	set_nonblocking(from);
	while (got < len) {
		while (sent < len) {
			n = send(from, buffer, len - sent < BUFFER_SIZE ?
					       len - sent : BUFFER_SIZE, 0);
			if (n <= 0)
				break;
			sent += n;
		}
		n = recv(to, buffer, BUFFER_SIZE, MSG_DONTWAIT);
		if (n > 0)
			got += n;
		else
			usleep(1000);
	}
}

/*
 * Beyond what they hold when idle: what a burst each way has left after a
 * minute, in slabs and in pages.
 */
static double measure_burst(long count)
{
	size_t len = size ?: BURST_BYTES;
	int *fds = allocate(count);
	double slabs, pages;
	long i;

	open_pairs(fds, count);
	for (i = 0; i < count; i++)
		transfer(fds[2 * i], fds[2 * i + 1], len);
	abort_pairs(fds, count);
	settle();
	open_pairs(fds, count);
	settle();
	read_caches(&before);
	pages = page_bytes();
	for (i = 0; i < count; i++) {
		transfer(fds[2 * i], fds[2 * i + 1], len);
		transfer(fds[2 * i + 1], fds[2 * i], len);
	}
	sleep(BURST_SETTLES_S);
	slabs = compare_caches(count);
	pages = (page_bytes() - pages) / count;
	also("pages", pages);
	abort_pairs(fds, count);
	free(fds);
	return slabs > 0 ? slabs : 0;	/* others gave some back */
}

/* The end that closes first stays. */
static void close_pairs(int *fds, long count, bool server_first)
{
	long i;

	for (i = 0; i < count; i++) {
		close(fds[2 * i + server_first]);
		close(fds[2 * i + !server_first]);
	}
}

static double measure_timewaits(long count, bool server)
{
	int *fds = allocate(count);
	double bytes;

	open_pairs(fds, count);
	close_pairs(fds, count, server);
	settle();
	read_caches(&before);
	open_pairs(fds, count);
	close_pairs(fds, count, server);
	sleep(TIMEWAIT_S / 2);
	bytes = compare_caches(count);
	settle();
	free(fds);
	return bytes;
}

/* Of a server, which all have one port. */
static double measure_timewait(long count)
{
	return measure_timewaits(count, true);
}

/* Of a client: each has a port of its own. */
static double measure_timewait_port(long count)
{
	return measure_timewaits(count, false);
}

/* Namespaces, with a listener each. */
static double measure_netns(long count)
{
	int *fds = allocate(count);
	double start, bytes;
	long i;

	read_caches(&before);
	start = now_ns();
	for (i = 0; i < count; i++) {
		if (unshare(CLONE_NEWNET))
			err(1, "unshare");
		fds[i] = open_listener();
	}
	also("open", (now_ns() - start) / count);
	bytes = compare_caches(count);
	for (i = 0; i < count; i++)
		close(fds[i]);
	free(fds);
	return bytes;
}

static uint16_t checksum(const struct iphdr *ip, const struct tcphdr *tcp,
			 int len)
{
	const uint16_t *addresses = (const uint16_t *)&ip->saddr;
	const uint16_t *words = (const uint16_t *)tcp;
	uint32_t sum = htons(IPPROTO_TCP) + htons(len);
	int i;

	for (i = 0; i < 4; i++)
		sum += addresses[i];
	for (i = 0; i < len / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

/* A SYN from 10.99.0.0/16, which the server finds behind the client. */
static void send_syn(int raw, long i)
{
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
		uint8_t mss[4];
	} syn = {
		.ip = {
			.version = 4, .ihl = 5, .ttl = 64,
			.protocol = IPPROTO_TCP,
			.tot_len = htons(sizeof(syn)),
			.saddr = htonl(0x0a630000 + i % 250 + 1),
			.daddr = htonl(server_ipv4()),
		},
		.tcp = {
			.source = htons(10000 + i / 250),
			.dest = htons(server_port()),
			.seq = htonl(i), .doff = 6, .syn = 1,
			.window = htons(65535),
		},
		.mss = { 2, 4, 1460 >> 8, 1460 & 255 },
	};
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = syn.ip.daddr,
	};

	syn.tcp.check = checksum(&syn.ip, &syn.tcp,
				 sizeof(syn) - sizeof(syn.ip));
	if (sendto(raw, &syn, sizeof(syn), 0, (struct sockaddr *)&to,
		   sizeof(to)) != sizeof(syn))
		err(1, "send of a SYN");
}

static double measure_halfopen(long count)
{
	int raw, listener;
	double bytes;
	long i;

	enter_netns(server_netns);
	listener = open_listener();
	enter_netns(client_netns);
	raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (raw < 0)
		err(1, "raw socket");
	settle();
	read_caches(&before);
	for (i = 0; i < count; i++)
		send_syn(raw, i);
	sleep(1);
	bytes = compare_caches(count);
	close(listener);
	settle();
	return bytes;
}

/* All of one end probe once a second, the other end answers. */
static double measure_keepalive(long count)
{
	int *fds = allocate(count);
	double idle, start, busy;
	long i;

	open_pairs(fds, count);
	for (i = 0; i < count; i++) {
		set_option(fds[2 * i], IPPROTO_TCP, TCP_KEEPIDLE, 1);
		set_option(fds[2 * i], IPPROTO_TCP, TCP_KEEPINTVL, 1);
		set_option(fds[2 * i], SOL_SOCKET, SO_KEEPALIVE, 1);
	}
	sleep(2);
	idle = idle_ns();
	start = now_ns();
	sleep(PROBING_S);
	busy = now_ns() - start - (idle_ns() - idle);
	abort_pairs(fds, count);
	free(fds);
	return busy / count / PROBING_S;
}

const struct row mem_rows[] = {
	{ "mem",	NULL,	measure_mem },
	{ "burst",	NULL,	measure_burst },
	{ "timewait",	NULL,	measure_timewait },
	{ "timewait-port", NULL, measure_timewait_port },
	{ "netns",	NULL,	measure_netns },
	{ "halfopen",	NULL,	measure_halfopen },
	{ "keepalive",	NULL,	measure_keepalive },
	{}
};
