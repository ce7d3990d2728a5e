// SPDX-License-Identifier: GPL-2.0
/* listen() and accept(): queues, limits, order, what a child inherits. */
#include <pthread.h>

#include "kselftest_harness.h"
#include "../lib.h"

ENDPOINT_FIXTURE(passive);

TEST_F(passive, unbound_takes_a_port)
{
	int fd = ep_socket(self->ep, 0), client;
	struct address a;

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, listen(fd, 1));
	EXPECT_EQ(TCP_LISTEN, tcp_state(fd));
	EXPECT_EQ(1, get_int(fd, SOL_SOCKET, SO_ACCEPTCONN));
	a = local_of(fd);
	EXPECT_LT(0, port_of(&a));
	a = ep_loopback(self->ep, port_of(&a));
	client = ep_connected(self->ep, &a);
	EXPECT_LE(0, client);
	close(client);
	close(fd);
}

/* API-07: again with another backlog is fine; I/O on a listener is not. */
TEST_F(passive, API_07_wrong_calls)
{
	struct address a;
	int fd = ep_listener(self->ep, 1, &a);
	char c;

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, listen(fd, 5));
	EXPECT_EQ(0, listen(fd, -1));
	EXPECT_EQ(0, listen(fd, 0));
	EXPECT_EQ(0, listen(fd, INT32_MAX));
	EXPECT_ERRNO(EISCONN, connect(fd, &a.sa, a.len));
	EXPECT_ERRNO(EINVAL, bind(fd, &a.sa, a.len));
	EXPECT_ERRNO(ENOTCONN, recv(fd, &c, 1, 0));
	EXPECT_ERRNO(EPIPE, send(fd, &c, 1, MSG_NOSIGNAL));
	EXPECT_ERRNO(ENOTCONN, getpeername(fd, &a.sa, &a.len));
	EXPECT_ERRNO(EINVAL, ioctl(fd, SIOCINQ, &fd));
	close(fd);
}

TEST_F(passive, API_07_listen_on_a_connection)
{
	int fd[2];

	ASSERT_EQ(0, ep_pair(self->ep, fd));
	EXPECT_ERRNO(EINVAL, listen(fd[0], 1));
	EXPECT_ERRNO(EINVAL, listen(fd[1], 1));
	EXPECT_ERRNO(EINVAL, accept(fd[1], NULL, NULL));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(passive, accept_flags)
{
	struct address a, name = { .len = sizeof(name.ss) };
	int listener = ep_listener(self->ep, 4, &a), client, fd;

	ASSERT_LE(0, listener);
	client = ep_connected(self->ep, &a);
	fd = accept4(listener, &name.sa, &name.len, SOCK_NONBLOCK);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(a.len, name.len);
	close(fd);
	close(client);

	/* O_NONBLOCK of the listener is not inherited. */
	set_nonblock(listener);
	EXPECT_ERRNO(EAGAIN, accept(listener, NULL, NULL));
	client = ep_connected(self->ep, &a);
	EXPECT_EQ(POLLIN, wait_for(listener, POLLIN, LONG_MS));
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_ERRNO(EINVAL, accept4(listener, NULL, NULL, 0x10));
	close(fd);
	close(client);
	close(listener);
}

TEST_F(passive, queue_is_in_order)
{
	struct address a, name;
	int listener = ep_listener(self->ep, 16, &a), fd[16], i;

	ASSERT_LE(0, listener);
	for (i = 0; i < 16; i++) {
		fd[i] = ep_connected(self->ep, &a);
		ASSERT_LE(0, fd[i]);
	}
	for (i = 0; i < 16; i++) {
		struct address from = { .len = sizeof(from.ss) };
		int child = accept(listener, &from.sa, &from.len);

		ASSERT_LE(0, child);
		name = local_of(fd[i]);
		EXPECT_TRUE(same_address(&name, &from)) {
			TH_LOG("number %d was overtaken", i);
		}
		close(child);
		close(fd[i]);
	}
	close(listener);
}

/* A backlog of n holds n + 1 connections, native's rule. */
/* TCP_INFO of a listener: how many wait for accept(). */
static int queue_of(int listener)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	getsockopt(listener, SOL_TCP, TCP_INFO, &info, &len);
	return info.tcpi_unacked;
}

TEST_F(passive, RFC_4987_6_backlog_limit)
{
	int listener, fd[8], i, n = 0;
	struct address a;
	int64_t start;

	knob_in_new_namespace("rto_initial_us", 100000);
	listener = ep_listener(self->ep, 2, &a);
	ASSERT_LE(0, listener);
	for (i = 0; i < 8; i++) {
		fd[i] = ep_socket(self->ep, SOCK_NONBLOCK);
		connect(fd[i], &a.sa, a.len);
	}
	EXPECT_TRUE(eventually(queue_of(listener) == 3));
	for (i = 0; i < 30; i++) {		/* retries come meanwhile */
		usleep(10000);
		EXPECT_EQ(3, queue_of(listener));
	}
	/* Retries and data get the others through once there is room. */
	start = now_ms();
	while (n < 8 && now_ms() - start < LONG_MS) {
		for (i = 0; i < 8; i++)
			send(fd[i], "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (!wait_for(listener, POLLIN, 100))
			continue;
		i = accept(listener, NULL, NULL);
		EXPECT_LE(0, i);
		close(i);
		n++;
	}
	EXPECT_EQ(8, n);
	for (i = 0; i < 8; i++)
		close(fd[i]);
	close(listener);
}

/* TCP_INFO of a listener: the queue's length and limit. */
TEST_F(passive, queue_is_reported)
{
	struct address a;
	int listener = ep_listener(self->ep, 7, &a), fd[3], i;
	struct tcp_info info;
	socklen_t len = sizeof(info);

	ASSERT_LE(0, listener);
	for (i = 0; i < 3; i++)
		fd[i] = ep_connected(self->ep, &a);
	EXPECT_EQ(POLLIN, wait_for(listener, POLLIN, LONG_MS));
	EXPECT_TRUE(eventually(!getsockopt(listener, SOL_TCP, TCP_INFO, &info,
					   &len) && info.tcpi_unacked == 3));
	EXPECT_EQ(TCP_LISTEN, info.tcpi_state);
	EXPECT_EQ(7, info.tcpi_sacked);
	for (i = 0; i < 3; i++)
		close(fd[i]);
	close(listener);
}

struct waiter {
	pthread_t thread;
	int listener, result, err;
};

static void *accept_once(void *arg)
{
	struct waiter *w = arg;

	w->result = accept(w->listener, NULL, NULL);
	w->err = errno;
	return NULL;
}

/* Each sleeping accept() gets one connection. */
TEST_F(passive, wakes_sleepers)
{
	struct waiter w[4];
	struct address a;
	int listener = ep_listener(self->ep, 4, &a), fd[4], i;

	ASSERT_LE(0, listener);
	for (i = 0; i < 4; i++) {
		w[i].listener = listener;
		pthread_create(&w[i].thread, NULL, accept_once, &w[i]);
	}
	for (i = 0; i < 4; i++)
		fd[i] = ep_connected(self->ep, &a);
	for (i = 0; i < 4; i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_LE(0, w[i].result);
		close(w[i].result);
		close(fd[i]);
	}
	close(listener);
}

/* API-08: shutdown of a listener wakes accept() and stops listening. */
TEST_F(passive, API_08_shutdown_wakes_accept)
{
	struct address a;
	int listener = ep_listener(self->ep, 4, &a);
	struct waiter w = { .listener = listener };

	ASSERT_LE(0, listener);
	EXPECT_EQ(0, shutdown(listener, SHUT_WR));
	EXPECT_EQ(TCP_LISTEN, tcp_state(listener));
	pthread_create(&w.thread, NULL, accept_once, &w);
	usleep(10000);		/* to be in accept(), most of the time */
	EXPECT_EQ(0, shutdown(listener, SHUT_RD));
	pthread_join(w.thread, NULL);
	EXPECT_EQ(-1, w.result);
	EXPECT_EQ(EINVAL, w.err);
	EXPECT_EQ(TCP_CLOSE, tcp_state(listener));
	EXPECT_ERRNO(ECONNREFUSED, ep_connected(self->ep, &a));
	EXPECT_EQ(0, listen(listener, 1));
	close(ep_connected(self->ep, &a));
	close(listener);
}

/* What waits in the queue is reset when its listener goes. */
TEST_F(passive, close_resets_the_queue)
{
	struct address a;
	int listener = ep_listener(self->ep, 4, &a);
	int fd = ep_connected(self->ep, &a);
	char c;

	ASSERT_LE(0, fd);
	EXPECT_EQ(POLLIN, wait_for(listener, POLLIN, LONG_MS));
	close(listener);
	EXPECT_ERRNO(ECONNRESET, recv(fd, &c, 1, 0));
	EXPECT_ERRNO(ECONNREFUSED, ep_connected(self->ep, &a));
	close(fd);
}

TEST_F(passive, accept_timeout_and_signal)
{
	struct timeval tv = { .tv_usec = 50000 };
	struct address a;
	int listener = ep_listener(self->ep, 4, &a);
	int64_t start = now_ms();

	ASSERT_LE(0, listener);
	alarm_in(50, false);
	EXPECT_ERRNO(EINTR, accept(listener, NULL, NULL));
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	start = now_ms();
	EXPECT_ERRNO(EAGAIN, accept(listener, NULL, NULL));
	EXPECT_LE(45, now_ms() - start);
	close(listener);
}

/* A client that left before accept() is still handed out, with its data. */
TEST_F(passive, client_already_gone)
{
	struct address a;
	int listener = ep_listener(self->ep, 4, &a);
	int fd = ep_connected(self->ep, &a);
	char c = 'x';

	ASSERT_LE(0, fd);
	EXPECT_EQ(1, send(fd, &c, 1, 0));
	close(fd);
	fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, recv(fd, &c, 1, 0));
	EXPECT_EQ(0, recv(fd, &c, 1, 0));
	EXPECT_EQ(TCP_CLOSE_WAIT, tcp_state(fd));
	close(fd);
	close(listener);
}

TEST_F(passive, client_already_reset)
{
	struct linger now = { .l_onoff = 1 };
	struct address a;
	int listener = ep_listener(self->ep, 4, &a);
	int fd = ep_connected(self->ep, &a);
	char c;

	ASSERT_LE(0, fd);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
	fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd);
	EXPECT_ERRNO(ECONNRESET, recv(fd, &c, 1, 0));
	close(fd);
	close(listener);
}

/* API-09: options pass to the child, identity does not. */
TEST_F(passive, API_09_inheritance)
{
	static const struct { int level, name, value; } options[] = {
		{ SOL_TCP, TCP_NODELAY, 1 },
		{ SOL_TCP, TCP_MAXSEG, 600 },
		{ SOL_TCP, TCP_KEEPIDLE, 77 },
		{ SOL_TCP, TCP_KEEPINTVL, 7 },
		{ SOL_TCP, TCP_KEEPCNT, 3 },
		{ SOL_TCP, TCP_USER_TIMEOUT, 12345 },
		{ SOL_TCP, TCP_LINGER2, 11 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ SOL_SOCKET, SO_OOBINLINE, 1 },
		{ SOL_SOCKET, SO_RCVLOWAT, 9 },
	};
	struct address a;
	int listener = ep_listener(self->ep, 4, &a), client, fd, i;
	const int n = sizeof(options) / sizeof(*options);

	ASSERT_LE(0, listener);
	for (i = 0; i < n; i++)
		EXPECT_EQ(0, set_int(listener, options[i].level,
				     options[i].name, options[i].value));
	client = ep_connected(self->ep, &a);
	fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd);
	for (i = 0; i < n; i++) {
		int value = get_int(fd, options[i].level, options[i].name);

		if (options[i].level == SOL_TCP &&
		    options[i].name == TCP_MAXSEG) {
			EXPECT_GE(600, value);
			continue;
		}
		EXPECT_EQ(options[i].value, value) {
			TH_LOG("level %d option %d", options[i].level,
			       options[i].name);
		}
	}
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(ep_domain(self->ep), get_int(fd, SOL_SOCKET, SO_DOMAIN));
	/* The child lives on without its parent, and changes alone. */
	set_int(fd, SOL_TCP, TCP_NODELAY, 0);
	EXPECT_EQ(1, get_int(listener, SOL_TCP, TCP_NODELAY));
	close(listener);
	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_NE(0, wait_for(fd, POLLIN | POLLOUT, LONG_MS));
	EXPECT_EQ(1, recv(fd, &i, 1, 0));
	close(client);
	close(fd);
}

/* A dual-stack listener serves IPv4 too, under mapped names. */
TEST_F(passive, dual_stack)
{
	struct endpoint ip4 = { self->ep->door, IP4 };
	struct address any = ep_any(self->ep, 0), to;
	struct address name = { .len = sizeof(name.ss) };
	int listener = ep_bound(self->ep, &any), client, fd;

	ASSERT_LE(0, listener);
	ASSERT_EQ(0, listen(listener, 1));
	any = local_of(listener);
	to = ep_loopback(&ip4, port_of(&any));
	client = ep_connected(&ip4, &to);
	ASSERT_LE(0, client);
	fd = accept(listener, &name.sa, &name.len);
	ASSERT_LE(0, fd);
	EXPECT_EQ(ep_domain(self->ep), name.sa.sa_family);
	if (self->ep->ip != IP4)
		EXPECT_TRUE(IN6_IS_ADDR_V4MAPPED(&name.in6.sin6_addr));
	EXPECT_EQ(1, send(client, "x", 1, 0));
	EXPECT_EQ(1, recv(fd, &name, 1, 0));
	EXPECT_EQ(1, send(fd, "y", 1, 0));
	EXPECT_EQ(1, recv(client, &name, 1, 0));
	close(fd);
	close(client);
	close(listener);
}

/* The listener on one address does not answer on another (MUST-43). */
TEST_F(passive, MUST_43_only_its_address)
{
	struct address a, other;
	int listener = ep_listener(self->ep, 1, &a);

	ASSERT_LE(0, listener);
	other = ep_address(self->ep, "127.0.0.2", "::1", port_of(&a));
	if (self->ep->ip == IP6)
		other = ep_address(&(struct endpoint) { self->ep->door,
				   IP4_MAPPED }, "127.0.0.1", "", port_of(&a));
	EXPECT_ERRNO(ECONNREFUSED, ep_connected(self->ep, &other));
	close(listener);
}

/* The most specific listener wins, whichever came first. */
TEST_F(passive, most_specific_listener)
{
	struct address any = ep_any(self->ep, 0), a;
	int wild = ep_socket(self->ep, SOCK_NONBLOCK);
	int exact = ep_socket(self->ep, SOCK_NONBLOCK), client, fd;

	set_int(wild, SOL_SOCKET, SO_REUSEPORT, 1);
	set_int(exact, SOL_SOCKET, SO_REUSEPORT, 1);
	ASSERT_EQ(0, bind(wild, &any.sa, any.len));
	any = local_of(wild);
	a = ep_loopback(self->ep, port_of(&any));
	ASSERT_EQ(0, listen(wild, 1));
	ASSERT_EQ(0, bind(exact, &a.sa, a.len));
	ASSERT_EQ(0, listen(exact, 1));
	client = ep_connected(self->ep, &a);
	ASSERT_LE(0, client);
	EXPECT_EQ(POLLIN, wait_for(exact, POLLIN, LONG_MS));
	fd = accept(exact, NULL, NULL);
	EXPECT_LE(0, fd);
	EXPECT_ERRNO(EAGAIN, accept(wild, NULL, NULL));
	close(fd);
	close(client);
	close(exact);
	close(wild);
}

TEST_HARNESS_MAIN
