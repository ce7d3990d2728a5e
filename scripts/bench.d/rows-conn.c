// SPDX-License-Identifier: GPL-2.0
/* Connections that come and go. */
#define _GNU_SOURCE
#include "bench.h"

#include <err.h>
#include <stdlib.h>
#include <unistd.h>

#include "peers.h"

/* Beside so many others, which nobody connects to. */
static void open_other_listeners(void)
{
	int i;

	allow_descriptors(connections + 64);
	for (i = 1; i < connections; i++)
		open_nth_listener(i);
}

static void serve_conn(int listener, long count)
{
	open_other_listeners();
	for (; count >= 0; count--) {
		int fd = accept_connection(listener);

		while (receive_bytes(fd, 1))
			send_bytes(fd, 1);
		close(fd);
	}
}

static void connect_and_close(void)
{
	int fd = open_connection();

	send_bytes(fd, 1);
	if (!receive_bytes(fd, 1))
		errx(1, "conn: the server closed");
	close(fd);
}

/* The first one waits until the server has opened all listeners. */
static double measure_conn(long count)
{
	double start;
	long i;

	connect_and_close();
	start = now_ns();
	for (i = 0; i < count; i++)
		connect_and_close();
	return (now_ns() - start) / count;
}

/* accept() alone: all of them wait already. */
static double measure_accept(long count)
{
	int listener, i, *fds = calloc(2 * count, sizeof(*fds));
	double start;

	if (!fds || count > 4096)
		errx(2, "accept: 4096 connections at most");
	allow_descriptors(2 * count + 64);
	enter_netns(server_netns);
	listener = open_listener();
	enter_netns(client_netns);
	for (i = 0; i < count; i++)
		fds[i] = open_connection();
	start = now_ns();
	for (i = 0; i < count; i++)
		fds[count + i] = accept_connection(listener);
	return (now_ns() - start) / count;
}

/* Until somebody ends us. */
static double measure_listen(long count)
{
	(void)count;
	open_listener();	/* in the client's namespace */
	pause();
	return 0;
}

const struct row conn_rows[] = {
	{ "conn",	serve_conn,	measure_conn },
	{ "accept",	NULL,		measure_accept },
	{ "listen",	NULL,		measure_listen },
	{}
};
