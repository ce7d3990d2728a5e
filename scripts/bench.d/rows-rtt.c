// SPDX-License-Identifier: GPL-2.0
/* Round trips, one at a time or many. */
#define _GNU_SOURCE
#include "bench.h"

#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <netinet/in.h>

#include "peers.h"

#define WARM_UP	100

static size_t request_size(void)
{
	return size ?: 1;
}

static void serve_echo(int listener, long count)
{
	int fd = accept_connection(listener);

	(void)count;
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	while (receive_bytes(fd, request_size()))
		send_bytes(fd, request_size());
}

static void round_trip(int fd)
{
	send_bytes(fd, request_size());
	if (!receive_bytes(fd, request_size()))
		errx(1, "rtt: the server closed");
}

static int open_warm_connection(void)
{
	int i, fd = open_connection();

	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	for (i = 0; i < WARM_UP; i++)
		round_trip(fd);
	return fd;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double *allocate(long count)
{
	double *times = calloc(count, sizeof(*times));

	if (!times)
		err(1, "calloc");
	return times;
}

static void one_by_one(int fd, double *times, long count)
{
	long i;

	for (i = 0; i < count; i++) {
		double start = now_ns();

		round_trip(fd);
		times[i] = now_ns() - start;
	}
}

/* Of so many bytes that went through so many requests are over. */
struct flight {
	long requests;		/* of which the first byte was sent */
	long sent, received;	/* bytes */
};

static void send_more(int fd, struct flight *flight, double *times, long count)
{
	long len = request_size(), ends = flight->received / len + connections;
	ssize_t got;

	if (ends > count)
		ends = count;
	while (flight->sent < ends * len) {
		long request = flight->sent / len;

		if (flight->sent % len == 0) {
			times[request] = now_ns();
			flight->requests = request + 1;
		}
		got = send(fd, buffer, len - flight->sent % len, 0);
		if (got < 0 && errno != EAGAIN)
			err(1, "send");
		if (got < 0)
			return;
		flight->sent += got;
	}
}

static void receive_more(int fd, struct flight *flight, double *times)
{
	long i, len = request_size(), before = flight->received / len;
	ssize_t got = recv(fd, buffer, BUFFER_SIZE, 0);

	if (got <= 0)
		err(1, "recv");
	flight->received += got;
	for (i = before; i < flight->received / len; i++)
		times[i] = now_ns() - times[i];
}

static void many_at_a_time(int fd, double *times, long count)
{
	long end = count * request_size();
	struct flight flight = {};

	set_nonblocking(fd);
	while (flight.received < end) {
		struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
		long sent = flight.sent;

		send_more(fd, &flight, times, count);
		if (flight.sent == sent && flight.sent % request_size())
			poll_fd.events |= POLLOUT;
		if (poll(&poll_fd, 1, -1) < 0)
			err(1, "poll");
		if (poll_fd.revents & POLLIN)
			receive_more(fd, &flight, times);
	}
}

static double *measure_times(long count)
{
	double *times = allocate(count);
	int fd = open_warm_connection();

	if (connections > 1)
		many_at_a_time(fd, times, count);
	else
		one_by_one(fd, times, count);
	qsort(times, count, sizeof(*times), compare_doubles);
	return times;
}

static double measure_rtt(long count)
{
	double *times = measure_times(count), median, sum = 0;
	long i;

	for (i = 0; i < count; i++)
		sum += times[i];
	median = times[count / 2];
	also("mean", sum / count);
	also("p99", times[count * 99 / 100]);
	also("p999", times[count * 999 / 1000]);
	free(times);
	return median;
}

const struct row rtt_rows[] = {
	{ "rtt",	serve_echo,	measure_rtt },
	{}
};
