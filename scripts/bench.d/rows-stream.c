// SPDX-License-Identifier: GPL-2.0
/* Bulk: one connection or many, with and without a copy. */
#define _GNU_SOURCE
#include "bench.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "peers.h"

#define WRITE_SIZE	65536
#define FILE_SIZE	(1 << 20)

static size_t write_size(void)
{
	size_t len = size ?: WRITE_SIZE;

	if (len > BUFFER_SIZE)
		errx(2, "a write has %d bytes at most", BUFFER_SIZE);
	return len;
}

/* One of many connections. */
struct stream {
	int fd;
	long left;
};

static int watch(struct stream *streams, unsigned int events)
{
	int i, epoll = epoll_create1(0);

	for (i = 0; i < connections; i++) {
		struct epoll_event event = {
			.events = events,
			.data.ptr = &streams[i],
		};

		set_nonblocking(streams[i].fd);
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, streams[i].fd, &event))
			err(1, "epoll");
	}
	return epoll;
}

static bool may_go_on(ssize_t len)
{
	if (len > 0)
		return true;
	if (!len || errno != EAGAIN)
		err(1, "of many streams one");
	return false;
}

/* Call @step for what is ready until all streams have 0 bytes left. */
static void run_streams(struct stream *streams, unsigned int events,
			ssize_t (*step)(struct stream *stream))
{
	int epoll = watch(streams, events), busy = connections;
	struct epoll_event ready[64];

	while (busy) {
		int i, n = epoll_wait(epoll, ready, 64, -1);

		for (i = 0; i < n; i++) {
			struct stream *stream = ready[i].data.ptr;
			ssize_t len = step(stream);

			if (!may_go_on(len))
				continue;
			stream->left -= len;
			if (stream->left > 0)
				continue;
			epoll_ctl(epoll, EPOLL_CTL_DEL, stream->fd, NULL);
			busy--;
		}
	}
	close(epoll);
}

static ssize_t read_some(struct stream *stream)
{
	return recv(stream->fd, buffer, WRITE_SIZE, 0);
}

static ssize_t write_some(struct stream *stream)
{
	size_t len = write_size();

	return send(stream->fd, buffer,
		    (long)len < stream->left ? (long)len : stream->left, 0);
}

static void serve_many(int listener, long kib)
{
	struct stream *streams = calloc(connections, sizeof(*streams));
	int i;

	if (!streams)
		err(1, "calloc");
	allow_descriptors(connections + 64);
	for (i = 0; i < connections; i++) {
		streams[i].fd = accept_connection(listener);
		streams[i].left = kib * 1024 / connections;
	}
	run_streams(streams, EPOLLIN, read_some);
	for (i = 0; i < connections; i++)
		send_bytes(streams[i].fd, 1);
	pause();
}

static double measure_many(long kib)
{
	struct stream *streams = calloc(connections, sizeof(*streams));
	double start;
	int i;

	if (!streams)
		err(1, "calloc");
	allow_descriptors(connections + 64);
	for (i = 0; i < connections; i++) {
		streams[i].fd = open_connection();
		streams[i].left = kib * 1024 / connections;
	}
	start = now_ns();
	run_streams(streams, EPOLLOUT, write_some);
	for (i = 0; i < connections; i++)
		streams[i].left = 1;
	run_streams(streams, EPOLLIN, read_some);
	return (now_ns() - start) / kib;
}

static void serve_bulk(int listener, long kib)
{
	long left = kib * 1024;
	ssize_t got;
	int fd;

	if (connections > 1)
		serve_many(listener, kib);
	fd = accept_connection(listener);
	while (left > 0) {
		got = recv(fd, buffer, WRITE_SIZE, 0);
		if (got <= 0)
			err(1, "recv of bulk");
		left -= got;
	}
	send_bytes(fd, 1);
	receive_bytes(fd, 1);
}

static double measure_bulk(long kib)
{
	size_t len = write_size();
	double start;
	long left;
	int fd;

	if (connections > 1)
		return measure_many(kib);
	fd = open_connection();
	start = now_ns();
	for (left = kib * 1024; left >= (long)len; left -= len)
		send_bytes(fd, len);
	if (left)
		send_bytes(fd, left);
	receive_bytes(fd, 1);
	return (now_ns() - start) / kib;
}

static double measure_sendfile(long kib)
{
	int file = memfd_create("bench", 0), fd = open_connection();
	long left = kib * 1024;
	double start;

	if (file < 0 || write(file, buffer, FILE_SIZE) != FILE_SIZE)
		err(1, "a file");
	start = now_ns();
	while (left > 0) {
		off_t at = 0;
		ssize_t len = sendfile(fd, file, &at, left < FILE_SIZE ?
						      left : FILE_SIZE);

		if (len <= 0)
			err(1, "sendfile");
		left -= len;
	}
	receive_bytes(fd, 1);
	return (now_ns() - start) / kib;
}

/* The pages of a process, as they are. */
static double measure_splice(long kib)
{
	int fd = open_connection(), ends[2];
	long left = kib * 1024;
	double start;

	if (pipe(ends) || fcntl(ends[1], F_SETPIPE_SZ, WRITE_SIZE) < 0)
		err(1, "pipe");
	start = now_ns();
	while (left > 0) {
		struct iovec iov = {
			.iov_base = buffer,
			.iov_len = left < WRITE_SIZE ? left : WRITE_SIZE,
		};
		ssize_t len = vmsplice(ends[1], &iov, 1, 0);

		if (len <= 0 || splice(ends[0], NULL, fd, NULL, len,
				       left > len ? SPLICE_F_MORE : 0) != len)
			err(1, "splice");
		left -= len;
	}
	receive_bytes(fd, 1);
	return (now_ns() - start) / kib;
}

static void force_buffers(int fd)
{
	set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, size);
	set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, size);
}

/* The buffers are the listener's, so that the window scale fits. */
static void serve_window(int listener, long kib)
{
	force_buffers(listener);
	serve_bulk(listener, kib);
}

/* What the CPU does for it, as a window of @size that is full has to wait. */
static double measure_window(long kib)
{
	double idle, start, busy;
	long left = kib * 1024;
	int fd = open_connection();

	force_buffers(fd);
	idle = idle_ns();
	start = now_ns();
	for (; left > 0; left -= WRITE_SIZE)
		send_bytes(fd, left < WRITE_SIZE ? left : WRITE_SIZE);
	receive_bytes(fd, 1);
	busy = now_ns() - start - (idle_ns() - idle);
	return busy / kib;
}

const struct row stream_rows[] = {
	{ "bulk",	serve_bulk,	measure_bulk },
	{ "sendfile",	serve_bulk,	measure_sendfile },
	{ "splice",	serve_bulk,	measure_splice },
	{ "window",	serve_window,	measure_window },
	{}
};
