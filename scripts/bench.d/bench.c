// SPDX-License-Identifier: GPL-2.0
/*
 * One measurement of one stack between two network namespaces:
 *
 *	bench STACK ROW COUNT SERVER_NETNS CLIENT_NETNS SERVER_ADDRESS
 *
 * STACK	native, tcpx (second door) or family (AF_TCPX)
 * ROW		bulk	COUNT KiB in 64 KiB writes		ns per KiB
 *		rtt	COUNT round trips of one byte		ns each
 *		rtt-median	the same			ns of the median
 *		conn	COUNT times connect, a byte each way,
 *			close by the client			ns each
 *		mem	COUNT idle connections, both ends	bytes per pair
 *
 * prints the value, and for mem what each slab cache has of it. Client and
 * server are two processes except for mem, where one has all descriptors.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../module/uapi/tcpx.h"
#include "peers.h"

#define WRITE_SIZE	65536
#define MAX_CACHES	512

struct stack {
	const char *name;
	int family;
	int protocol;
	int port;	/* a port belongs to one stack */
};

static const struct stack stacks[] = {
	{ "native",	AF_INET,	0,		5001 },
	{ "tcpx",	AF_INET,	IPPROTO_TCPX,	5002 },
	{ "family",	AF_TCPX,	TCPXPROTO_TCP,	5003 },
};

static const struct stack *stack;
static const char *server_netns, *client_netns;
static struct sockaddr_in server_addr = { .sin_family = AF_INET };
static char buffer[WRITE_SIZE];

static int open_socket(void)
{
	int fd = socket(stack->family, SOCK_STREAM, stack->protocol);

	if (fd < 0)
		err(1, "socket of %s", stack->name);
	return fd;
}

static int open_listener(void)
{
	int fd = open_socket(), one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&server_addr, sizeof(server_addr)) ||
	    listen(fd, 4096))
		err(1, "listen");
	return fd;
}

static int open_connection(void)
{
	int fd = open_socket();

	if (connect(fd, (struct sockaddr *)&server_addr, sizeof(server_addr)))
		err(1, "connect");
	return fd;
}

static int accept_connection(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		err(1, "accept");
	return fd;
}

static void send_bytes(int fd, size_t len)
{
	if (send(fd, buffer, len, 0) != (ssize_t)len)
		err(1, "send");
}

/* False at the end of the stream. */
static int receive_bytes(int fd, size_t len)
{
	ssize_t got = recv(fd, buffer, len, MSG_WAITALL);

	if (got < 0)
		err(1, "recv");
	if (got && (size_t)got != len)
		errx(1, "recv: %zd bytes instead of %zu", got, len);
	return got != 0;
}

static void serve_bulk(int listener, long kib)
{
	int fd = accept_connection(listener);
	long left = kib * 1024;
	ssize_t got;

	while (left > 0) {
		got = recv(fd, buffer, sizeof(buffer), 0);
		if (got <= 0)
			err(1, "recv of bulk");
		left -= got;
	}
	send_bytes(fd, 1);
	receive_bytes(fd, 1);
}

static double measure_bulk(long kib)
{
	int fd = open_connection();
	double start = now_ns();
	long i;

	for (i = 0; i < kib / (WRITE_SIZE / 1024); i++)
		send_bytes(fd, WRITE_SIZE);
	receive_bytes(fd, 1);
	return (now_ns() - start) / kib;
}

static void serve_echo(int fd)
{
	while (receive_bytes(fd, 1))
		send_bytes(fd, 1);
	close(fd);
}

static void serve_rtt(int listener, long count)
{
	(void)count;
	serve_echo(accept_connection(listener));
}

static void round_trip(int fd)
{
	send_bytes(fd, 1);
	if (!receive_bytes(fd, 1))
		errx(1, "rtt: the server closed");
}

static int open_warm_connection(void)
{
	int fd = open_connection();
	int i;

	for (i = 0; i < 100; i++)
		round_trip(fd);
	return fd;
}

static double measure_rtt(long count)
{
	int fd = open_warm_connection();
	double start = now_ns();
	long i;

	for (i = 0; i < count; i++)
		round_trip(fd);
	return (now_ns() - start) / count;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Where some round trips wait for what is not of this machine: an emulator. */
static double measure_rtt_median(long count)
{
	int fd = open_warm_connection();
	double *times = calloc(count, sizeof(*times)), median;
	long i;

	if (!times)
		err(1, "calloc");
	for (i = 0; i < count; i++) {
		double start = now_ns();

		round_trip(fd);
		times[i] = now_ns() - start;
	}
	qsort(times, count, sizeof(*times), compare_doubles);
	median = times[count / 2];
	free(times);
	return median;
}

static void serve_conn(int listener, long count)
{
	for (; count > 0; count--)
		serve_echo(accept_connection(listener));
}

static double measure_conn(long count)
{
	double start = now_ns();
	long i;
	int fd;

	for (i = 0; i < count; i++) {
		fd = open_connection();
		send_bytes(fd, 1);
		if (!receive_bytes(fd, 1))
			errx(1, "conn: the server closed");
		close(fd);
	}
	return (now_ns() - start) / count;
}

struct caches {
	int num;
	struct {
		char name[64];
		double bytes;
	} cache[MAX_CACHES];
};

/* Return free objects from per-CPU lists, so that none count as used. */
static void shrink_caches(void)
{
	glob_t found;
	size_t i;
	int fd;

	sleep(90);	/* past RCU, TIME-WAIT and caches of ports */
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
	unsigned long active, total, size;
	FILE *file;
	char line[512];
	int i = 0;

	shrink_caches();
	file = fopen("/proc/slabinfo", "r");
	if (!file)
		err(1, "/proc/slabinfo");
	while (i < MAX_CACHES && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %lu %lu %lu", caches->cache[i].name,
			   &active, &total, &size) == 4)
			caches->cache[i++].bytes = (double)active * size;
	caches->num = i;
	fclose(file);
}

static void open_pairs(int *fds, long count)
{
	int listener;
	long i;

	enter_netns(server_netns);
	listener = open_listener();
	enter_netns(client_netns);
	for (i = 0; i < count; i++) {
		fds[2 * i] = open_connection();
		fds[2 * i + 1] = accept_connection(listener);
	}
	close(listener);
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

static void allow_descriptors(long count)
{
	struct rlimit limit = { count, count };
	int null = open("/dev/null", O_RDWR);

	/* The table of descriptors grows now, not while measuring. */
	if (setrlimit(RLIMIT_NOFILE, &limit) || null < 0 ||
	    dup2(null, count - 1) < 0)
		err(1, "%ld descriptors", count);
}

/* The same number of connections before warms up caches and tables. */
static double measure_mem(long count)
{
	static struct caches before, after;
	int *fds = calloc(2 * count, sizeof(*fds));
	double bytes, sum = 0;
	int i;

	if (!fds)
		err(1, "calloc");
	allow_descriptors(2 * count + 64);
	open_pairs(fds, count);
	abort_pairs(fds, count);
	read_caches(&before);
	open_pairs(fds, count);
	read_caches(&after);
	abort_pairs(fds, count);
	free(fds);

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

static const struct row {
	const char *name;
	void (*serve)(int listener, long count);
	double (*measure)(long count);
} rows[] = {
	{ "bulk",	serve_bulk,	measure_bulk },
	{ "rtt",	serve_rtt,	measure_rtt },
	{ "rtt-median",	serve_rtt,	measure_rtt_median },
	{ "conn",	serve_conn,	measure_conn },
	{ "mem",	NULL,		measure_mem },
};

static double measure(const struct row *row, long count)
{
	pid_t server = 0;
	double value;

	if (row->serve)
		server = start_server(server_netns, open_listener,
				      row->serve, count);
	enter_netns(client_netns);
	value = row->measure(count);
	if (server)
		kill(server, SIGKILL);
	while (wait(NULL) > 0)
		;
	return value;
}

int main(int argc, char **argv)
{
	unsigned int i;

	if (argc != 7)
		errx(2, "usage: see the top of bench.c");
	for (i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++)
		if (!strcmp(argv[1], stacks[i].name))
			stack = &stacks[i];
	server_netns = argv[4];
	client_netns = argv[5];
	if (!stack || inet_pton(AF_INET, argv[6], &server_addr.sin_addr) != 1 ||
	    atol(argv[3]) <= 0)
		errx(2, "no such stack, address or count");
	server_addr.sin_port = htons(stack->port);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(argv[2], rows[i].name)) {
			printf("value %.1f\n", measure(&rows[i],
						       atol(argv[3])));
			return 0;
		}
	errx(2, "no row %s", argv[2]);
}
