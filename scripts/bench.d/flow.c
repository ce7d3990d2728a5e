// SPDX-License-Identifier: GPL-2.0
/*
 * Flows of one stack to a receiver of native TCP in another network namespace:
 *
 *	flow STACK ALGORITHM AMOUNT COUNT SERVER_NETNS CLIENT_NETNS ADDRESS PORT
 *
 * STACK	native or tcpx
 * ALGORITHM	of TCP_CONGESTION, or `default`
 * AMOUNT	bytes, or with an `s` at the end, seconds
 * COUNT	so many, one after the other, each a connection of its own
 *
 * prints for each "flow NS BYTES RETRANS RTT": how long it took until all was
 * received, the bytes that were, those sent again, and the mean of the smoothed
 * round trip time in us, looked at with every write.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../module/uapi/tcpx.h"
#include "peers.h"

#define WRITE_SIZE	16384

static struct sockaddr_in server_addr = { .sin_family = AF_INET };
static char buffer[WRITE_SIZE];

/* Reads to the end of each stream, then answers with the number of bytes. */
static void serve(int listener, long count)
{
	long long total;
	ssize_t got;
	int fd;

	for (; count > 0; count--) {
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			err(1, "accept");
		total = 0;
		while ((got = recv(fd, buffer, sizeof(buffer), 0)) > 0)
			total += got;
		if (got < 0)
			err(1, "recv");
		if (send(fd, &total, sizeof(total), 0) != sizeof(total))
			err(1, "send of the total");
		close(fd);
	}
}

static struct tcp_info get_info(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		err(1, "TCP_INFO");
	return info;
}

static int open_connection(const char *stack, const char *algorithm)
{
	int protocol = strcmp(stack, "native") ? IPPROTO_TCPX : 0;
	int fd = socket(AF_INET, SOCK_STREAM, protocol);

	if (fd < 0)
		err(1, "socket of %s", stack);
	if (strcmp(algorithm, "default") &&
	    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, algorithm,
		       strlen(algorithm)))
		err(1, "%s of %s", algorithm, stack);
	if (connect(fd, (struct sockaddr *)&server_addr, sizeof(server_addr)))
		err(1, "connect");
	return fd;
}

static void measure(int fd, long long bytes, double until_ns)
{
	double start = now_ns(), rtt_sum = 0;
	struct tcp_info info;
	long long total;
	long writes = 0;
	size_t len;

	while (bytes > 0 && now_ns() < until_ns) {
		len = bytes < WRITE_SIZE ? bytes : WRITE_SIZE;
		if (send(fd, buffer, len, 0) != (ssize_t)len)
			err(1, "send");
		bytes -= len;
		rtt_sum += get_info(fd).tcpi_rtt;
		writes++;
	}
	shutdown(fd, SHUT_WR);
	if (recv(fd, &total, sizeof(total), MSG_WAITALL) != sizeof(total))
		err(1, "recv of the total");
	info = get_info(fd);
	printf("flow %.0f %lld %llu %.0f\n", now_ns() - start, total,
	       (unsigned long long)info.tcpi_bytes_retrans, rtt_sum / writes);
	fflush(stdout);
	close(fd);
}

static int open_listener(void)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	if (listener < 0 ||
	    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(listener, (struct sockaddr *)&server_addr,
		 sizeof(server_addr)) || listen(listener, 64))
		err(1, "listen");
	return listener;
}

int main(int argc, char **argv)
{
	long long bytes = 1LL << 62;
	double seconds = 1e9;
	char *end;
	pid_t server;
	long count, i;

	if (argc != 9 || inet_pton(AF_INET, argv[7], &server_addr.sin_addr) != 1)
		errx(2, "usage: see the top of flow.c");
	count = atol(argv[4]);
	bytes = strtoll(argv[3], &end, 10);
	if (*end == 's') {
		seconds = bytes;
		bytes = 1LL << 62;
	}
	if (count <= 0 || bytes <= 0)
		errx(2, "no such amount or count");
	server_addr.sin_port = htons(atoi(argv[8]));
	server = start_server(argv[5], open_listener, serve, count);
	enter_netns(argv[6]);
	for (i = 0; i < count; i++) {
		int fd = open_connection(argv[1], argv[2]);

		measure(fd, bytes, now_ns() + seconds * 1e9);
	}
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return 0;
}
