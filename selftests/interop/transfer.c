// SPDX-License-Identifier: GPL-2.0
/*
 * transfer -l [-a ADDRESS] ...		listen, print the port, accept one
 * transfer -c ADDRESS -p PORT ...	connect
 *
 * Then both sides send SIZE bytes of a pattern each, at the same time, check
 * every byte of the other's, and wait for its end of stream. Exit status 0 if
 * all was right before the deadline; else 1, with one line that says what.
 *
 *	-s native|tcpx|tcpx-door2	the stack (and door) to use
 *	-n SIZE	bytes each way		-t SECONDS	deadline
 *	-o	one way: only the connecting side sends
 */
#include <pthread.h>
#include <stdarg.h>

#include "../lib.h"

#define CHUNK (256 * 1024)

static uint64_t size = 64 << 20, sent, got;

static void __attribute__((noreturn)) fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (sent %llu, received %llu of %llu)\n",
		(unsigned long long)sent, (unsigned long long)got,
		(unsigned long long)size);
	exit(1);
}

static void on_deadline(int signal)
{
	static const char text[] = "deadline passed\n";

	if (write(STDERR_FILENO, text, sizeof(text) - 1))
		_exit(1);
	_exit(1);
}

struct stream { int fd; uint32_t seed; };

static void *send_all(void *arg)
{
	struct stream *s = arg;
	char *buf = malloc(CHUNK);

	while (sent < size) {
		size_t len = size - sent < CHUNK ? size - sent : CHUNK, at = 0;

		pattern_fill(buf, len, s->seed, sent);
		while (at < len) {
			ssize_t n = send(s->fd, buf + at, len - at,
					 MSG_NOSIGNAL);

			if (n <= 0)
				fail("send: %s", strerror(errno));
			at += n;
			sent += n;
		}
	}
	if (shutdown(s->fd, SHUT_WR))
		fail("shutdown: %s", strerror(errno));
	free(buf);
	return NULL;
}

static void receive_all(struct stream *s, uint64_t expected)
{
	char *buf = malloc(CHUNK);
	ssize_t n;

	while ((n = recv(s->fd, buf, CHUNK, 0)) > 0) {
		size_t good = pattern_check(buf, n, s->seed, got);

		got += good;
		if (good < (size_t)n)
			fail("wrong byte");
	}
	if (n < 0)
		fail("recv: %s", strerror(errno));
	if (got != expected)
		fail("the stream ended early or late");
	free(buf);
}

static struct address parse(const char *text, int port, struct endpoint *ep)
{
	ep->ip = text && strchr(text, ':') ? IP6 : IP4;
	return ep_address(ep, text ? text : "0.0.0.0", text, port);
}

static int accept_one(const struct endpoint *ep, struct address *a)
{
	int listener = ep_socket(ep, 0), fd;

	if (listener < 0)
		fail("socket: %s", strerror(errno));
	set_int(listener, SOL_SOCKET, SO_REUSEADDR, 1);
	if (bind(listener, &a->sa, a->len) || listen(listener, 1))
		fail("listen: %s", strerror(errno));
	*a = local_of(listener);
	printf("%d\n", port_of(a));
	fflush(stdout);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		fail("accept: %s", strerror(errno));
	close(listener);
	return fd;
}

int main(int argc, char **argv)
{
	struct endpoint ep = { DOOR_FAMILY, IP4 };
	bool listening = false, one_way = false;
	int opt, port = 0, seconds = 120;
	const char *address = NULL;
	struct stream out, in;
	pthread_t sender;
	struct address a;

	while ((opt = getopt(argc, argv, "la:c:p:s:n:t:o")) != -1) {
		switch (opt) {
		case 'l': listening = true; break;
		case 'a':
		case 'c': address = optarg; break;
		case 'p': port = atoi(optarg); break;
		case 'n': size = strtoull(optarg, NULL, 0); break;
		case 't': seconds = atoi(optarg); break;
		case 'o': one_way = true; break;
		case 's':
			if (!strcmp(optarg, "native"))
				ep.door = DOOR_NATIVE;
			else if (!strcmp(optarg, "tcpx-door2"))
				ep.door = DOOR_PROTO;
			else if (strcmp(optarg, "tcpx"))
				fail("no stack %s", optarg);
			break;
		default: return 2;
		}
	}
	signal(SIGALRM, on_deadline);
	alarm(seconds);
	a = parse(address, port, &ep);
	if (listening) {
		out.fd = accept_one(&ep, &a);
	} else {
		out.fd = ep_connected(&ep, &a);
		if (out.fd < 0)
			fail("connect: %s", strerror(errno));
	}
	in.fd = out.fd;
	out.seed = listening ? 1 : 2;
	in.seed = listening ? 2 : 1;

	if (one_way && listening) {
		receive_all(&in, size);
		return 0;
	}
	pthread_create(&sender, NULL, send_all, &out);
	receive_all(&in, one_way ? 0 : size);
	pthread_join(sender, NULL);
	return 0;
}
