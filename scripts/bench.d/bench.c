// SPDX-License-Identifier: GPL-2.0
/*
 * One measurement of one stack between two network namespaces:
 *
 *	bench [-s SIZE] [-n N] STACK ROW COUNT SERVER_NETNS CLIENT_NETNS ADDRESS
 *
 * STACK	native, tcpx (second door) or family (AF_TCPX)
 * ROW		bulk	COUNT KiB in writes of SIZE, over N connections
 *		sendfile, splice	the same without a copy
 *						ns per KiB
 *		window	COUNT KiB with buffers of SIZE bytes
 *						ns of CPU per KiB, both ends
 *		rtt	COUNT round trips of SIZE bytes, N at a time
 *						ns each, median and others
 *		conn	COUNT times connect, a byte each way, close by the
 *			client, to one of N listeners		ns each
 *		accept	COUNT connections that wait are accepted	ns each
 *		listen	wait for a signal
 *		mem	COUNT idle connections, both ends	bytes a pair
 *		burst	the same a minute after SIZE bytes went each way
 *		timewait, halfopen	COUNT of these at a server, bytes each
 *		timewait-port	at a client, with a port each, bytes each
 *		netns	COUNT namespaces with a listener	bytes each
 *		keepalive	COUNT connections, a probe a second
 *						ns of CPU a probe, both ends
 *
 * prints the value, and for those of memory what each slab cache has of it.
 * Without SIZE a write has 64 KiB, a request one byte, a burst 6 MB.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
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

struct stack {
	const char *name;
	int family;	/* 0: the address's */
	int protocol, protocol6;
	int port;	/* a port belongs to one stack */
};

static const struct stack stacks[] = {
	{ "native",	0,	0,		0,		5001 },
	{ "tcpx",	0,	IPPROTO_TCPX,	IPPROTO_TCPX,	5101 },
	{ "family",	AF_TCPX, TCPXPROTO_TCP,	TCPXPROTO_TCP6,	5201 },
};

static const struct row *const groups[] = {
	stream_rows, rtt_rows, conn_rows, mem_rows,
};

static const struct stack *stack;
static union {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
} server_addr;

const char *server_netns, *client_netns;
size_t size;
int connections = 1;
char buffer[BUFFER_SIZE];

static bool is_ipv6(void)
{
	return server_addr.any.sa_family == AF_INET6;
}

int server_port(void)
{
	return stack->port;
}

unsigned int server_ipv4(void)
{
	if (is_ipv6())
		errx(2, "this row is for IPv4");
	return ntohl(server_addr.in.sin_addr.s_addr);
}

/* sin_port and sin6_port are at one place. */
static const struct sockaddr *nth_address(int n)
{
	server_addr.in.sin_port = htons(stack->port + n);
	return &server_addr.any;
}

static int open_socket(void)
{
	int family = stack->family ?: server_addr.any.sa_family;
	int fd = socket(family, SOCK_STREAM,
			is_ipv6() ? stack->protocol6 : stack->protocol);

	if (fd < 0)
		err(1, "socket of %s", stack->name);
	return fd;
}

void set_option(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)))
		err(1, "setsockopt %d, %d", level, name);
}

void set_nonblocking(int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		err(1, "O_NONBLOCK");
}

int open_nth_listener(int n)
{
	int fd = open_socket();

	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(fd, nth_address(n), sizeof(server_addr)) || listen(fd, 4096))
		err(1, "listen");
	return fd;
}

int open_nth_connection(int n)
{
	int fd = open_socket();

	if (connect(fd, nth_address(n), sizeof(server_addr)))
		err(1, "connect");
	return fd;
}

int open_listener(void)
{
	return open_nth_listener(0);
}

int open_connection(void)
{
	return open_nth_connection(0);
}

int accept_connection(int listener)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		err(1, "accept");
	return fd;
}

void send_bytes(int fd, size_t len)
{
	if (send(fd, buffer, len, 0) != (ssize_t)len)
		err(1, "send");
}

bool receive_bytes(int fd, size_t len)
{
	ssize_t got = recv(fd, buffer, len, MSG_WAITALL);

	if (got < 0)
		err(1, "recv");
	if (got && (size_t)got != len)
		errx(1, "recv: %zd bytes instead of %zu", got, len);
	return got != 0;
}

void allow_descriptors(long count)
{
	struct rlimit limit = { count, count };
	int null = open("/dev/null", O_RDWR);

	/* The table of descriptors grows now, not while measuring. */
	if (setrlimit(RLIMIT_NOFILE, &limit) || null < 0 ||
	    dup2(null, count - 1) < 0)
		err(1, "%ld descriptors", count);
}

void also(const char *name, double value)
{
	printf("value-%s %.1f\n", name, value);
}

double idle_ns(void)
{
	FILE *file = fopen("/proc/timer_list", "r");
	char line[256];
	double idle = -1;

	if (!file)
		err(1, "/proc/timer_list");
	while (idle < 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, " .idle_sleeptime : %lf", &idle) != 1)
			idle = -1;
	fclose(file);
	if (idle < 0)
		errx(1, "/proc/timer_list does not say how long it was idle");
	return idle;
}

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

static const struct row *find_row(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		const struct row *row;

		for (row = groups[i]; row->name; row++)
			if (!strcmp(row->name, name))
				return row;
	}
	errx(2, "no row %s", name);
}

static void parse_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "s:n:")) != -1) {
		if (c == 's')
			size = atol(optarg);
		else if (c == 'n')
			connections = atoi(optarg);
		else
			errx(2, "usage: see the top of bench.c");
	}
	if (argc - optind != 6 || connections < 1)
		errx(2, "usage: see the top of bench.c");
}

int main(int argc, char **argv)
{
	const char *address;
	unsigned int i;
	long count;

	parse_options(argc, argv);
	argv += optind;
	for (i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++)
		if (!strcmp(argv[0], stacks[i].name))
			stack = &stacks[i];
	count = atol(argv[2]);
	server_netns = argv[3];
	client_netns = argv[4];
	address = argv[5];
	server_addr.any.sa_family = strchr(address, ':') ? AF_INET6 : AF_INET;
	if (!stack || count <= 0 ||
	    inet_pton(server_addr.any.sa_family, address,
		      is_ipv6() ? (void *)&server_addr.in6.sin6_addr :
				  (void *)&server_addr.in.sin_addr) != 1)
		errx(2, "no such stack, address or count");
	printf("value %.1f\n", measure(find_row(argv[1]), count));
	return 0;
}
