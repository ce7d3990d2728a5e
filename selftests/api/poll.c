// SPDX-License-Identifier: GPL-2.0
/* poll() and epoll: what is ready in each state, and no lost wake-up. */
#include <pthread.h>
#include <sys/epoll.h>

#include "kselftest_harness.h"
#include "../lib.h"

#define ALL (POLLIN | POLLOUT | POLLPRI | POLLRDHUP)

PAIR_FIXTURE(ready);

/* API-11: POLLIN and so on by state, as native TCP has them. */
TEST_F(ready, API_11_by_state)
{
	struct address a;
	int *fd = self->fd, s = ep_socket(self->ep, 0), listener;
	char c;

	EXPECT_EQ(POLLOUT | POLLHUP, wait_for(s, ALL, 0));
	close(s);

	listener = ep_listener(self->ep, 1, &a);
	EXPECT_EQ(0, wait_for(listener, ALL, 0));
	s = ep_connected(self->ep, &a);
	EXPECT_EQ(POLLIN, wait_for(listener, ALL, LONG_MS));
	close(s);
	close(listener);

	EXPECT_EQ(POLLOUT, wait_for(fd[0], ALL, 0));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_NE(0, wait_for(fd[1], POLLIN, LONG_MS));
	EXPECT_EQ(POLLIN | POLLOUT, wait_for(fd[1], ALL, 0));
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
	EXPECT_EQ(POLLOUT, wait_for(fd[1], ALL, 0));

	/* FIN-WAIT-2 and CLOSE-WAIT */
	EXPECT_EQ(0, shutdown(fd[0], SHUT_WR));
	EXPECT_NE(0, wait_for(fd[1], POLLRDHUP, LONG_MS));
	EXPECT_EQ(POLLOUT, wait_for(fd[0], ALL, 0));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP, wait_for(fd[1], ALL, 0));
	/* both ended */
	EXPECT_EQ(0, shutdown(fd[1], SHUT_WR));
	EXPECT_EQ(POLLHUP, wait_for(fd[0], 0, LONG_MS));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP,
		  wait_for(fd[0], ALL, 0));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP,
		  wait_for(fd[1], ALL, 0));
}

TEST_F(ready, API_11_shutdown_both)
{
	int *fd = self->fd;

	EXPECT_EQ(0, shutdown(fd[0], SHUT_RDWR));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLHUP,
		  wait_for(fd[0], ALL, 0));
}

static int watch(int ep, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static uint32_t next_event(int ep, int ms)
{
	struct epoll_event e = {};

	return epoll_wait(ep, &e, 1, ms) == 1 ? e.events : 0;
}

TEST_F(ready, API_11_level_triggered)
{
	int *fd = self->fd, ep = epoll_create1(0);
	char buf[4];

	ASSERT_EQ(0, watch(ep, fd[1], EPOLLIN | EPOLLRDHUP));
	EXPECT_EQ(0, next_event(ep, 0));
	EXPECT_EQ(2, send(fd[0], "xy", 2, 0));
	EXPECT_EQ(EPOLLIN, next_event(ep, LONG_MS));
	EXPECT_EQ(EPOLLIN, next_event(ep, 0));
	EXPECT_EQ(1, recv(fd[1], buf, 1, 0));
	EXPECT_EQ(EPOLLIN, next_event(ep, 0));
	EXPECT_EQ(1, recv(fd[1], buf, 1, 0));
	EXPECT_EQ(0, next_event(ep, 0));
	EXPECT_EQ(0, shutdown(fd[0], SHUT_WR));
	EXPECT_EQ(EPOLLIN | EPOLLRDHUP, next_event(ep, LONG_MS));
	EXPECT_EQ(0, shutdown(fd[1], SHUT_WR));
	EXPECT_TRUE(eventually(next_event(ep, 0) ==
			       (EPOLLIN | EPOLLRDHUP | EPOLLHUP)));
	close(ep);
}

TEST_F(ready, API_11_edge_triggered)
{
	int *fd = self->fd, ep = epoll_create1(0);
	char buf[4];

	ASSERT_EQ(0, watch(ep, fd[1], EPOLLIN | EPOLLET));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_EQ(EPOLLIN, next_event(ep, LONG_MS));
	EXPECT_EQ(0, next_event(ep, 20));
	/* More data is a new edge, read or not. */
	EXPECT_EQ(1, send(fd[0], "y", 1, 0));
	EXPECT_EQ(EPOLLIN, next_event(ep, LONG_MS));
	EXPECT_EQ(2, recv(fd[1], buf, 4, 0));
	EXPECT_EQ(0, next_event(ep, 20));
	EXPECT_EQ(0, shutdown(fd[0], SHUT_WR));
	EXPECT_EQ(EPOLLIN, next_event(ep, LONG_MS));
	close(ep);
}

/* The edge of room to write comes once, when there is enough of it. */
TEST_F(ready, API_11_edge_of_write_space)
{
	static char buf[1 << 20];
	int *fd = self->fd, ep = epoll_create1(0);
	ssize_t n, sent = 0, got = 0;

	set_nonblock(fd[0]);
	ASSERT_EQ(0, watch(ep, fd[0], EPOLLOUT | EPOLLET));
	EXPECT_EQ(EPOLLOUT, next_event(ep, LONG_MS));
	do {
		while ((n = send(fd[0], buf, sizeof(buf), 0)) > 0)
			sent += n;
		EXPECT_EQ(EAGAIN, errno);
	} while (next_event(ep, 50) & EPOLLOUT);
	while (got < sent) {
		n = recv(fd[1], buf, sizeof(buf), 0);
		ASSERT_LT(0, n);
		got += n;
	}
	EXPECT_EQ(EPOLLOUT, next_event(ep, LONG_MS));
	EXPECT_LT(0, send(fd[0], buf, sizeof(buf), 0));
	close(ep);
}

TEST_F(ready, API_11_connect_refused)
{
	struct address a = ep_loopback(self->ep, 0);
	int ep = epoll_create1(0), fd = ep_bound(self->ep, &a);

	a = local_of(fd);
	close(fd);
	fd = ep_socket(self->ep, SOCK_NONBLOCK);
	ASSERT_EQ(0, watch(ep, fd, EPOLLOUT | EPOLLET));
	next_event(ep, 0);
	connect(fd, &a.sa, a.len);
	EXPECT_EQ(EPOLLOUT | EPOLLERR | EPOLLHUP, next_event(ep, LONG_MS));
	close(fd);
	close(ep);
}

TEST_F(ready, API_11_oneshot)
{
	int *fd = self->fd, ep = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT };

	ASSERT_EQ(0, watch(ep, fd[1], EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_EQ(EPOLLIN, next_event(ep, LONG_MS));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_EQ(0, next_event(ep, 20));
	EXPECT_EQ(0, epoll_ctl(ep, EPOLL_CTL_MOD, fd[1], &e));
	EXPECT_EQ(EPOLLIN, next_event(ep, LONG_MS));
	close(ep);
}

/* One connection wakes one of the exclusive waiters. */
TEST_F(ready, API_11_exclusive)
{
	struct address a;
	int listener = ep_listener(self->ep, 4, &a), ep[2], fd, i, woken = 0;

	set_nonblock(listener);
	for (i = 0; i < 2; i++) {
		ep[i] = epoll_create1(0);
		ASSERT_EQ(0, watch(ep[i], listener,
				   EPOLLIN | EPOLLEXCLUSIVE));
	}
	fd = ep_connected(self->ep, &a);
	EXPECT_NE(0, wait_for(listener, POLLIN, LONG_MS));
	for (i = 0; i < 2; i++)
		woken += !!next_event(ep[i], 0);
	EXPECT_LE(1, woken);
	close(fd);
	close(listener);
	close(ep[0]);
	close(ep[1]);
}

/* A closed descriptor leaves the epoll set by itself. */
TEST_F(ready, API_11_closed_while_watched)
{
	int *fd = self->fd, ep = epoll_create1(0);

	ASSERT_EQ(0, watch(ep, fd[1], EPOLLIN));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_EQ(EPOLLIN, next_event(ep, LONG_MS));
	close(fd[1]);
	EXPECT_EQ(0, next_event(ep, 0));
	close(ep);
	fd[1] = -1;
}

/* poll() asleep when the event comes. */
static void *poll_in(void *arg)
{
	intptr_t fd = (intptr_t)arg;

	return (void *)(intptr_t)wait_for(fd, POLLIN, LONG_MS);
}

TEST_F(ready, API_11_wakes_poll)
{
	int *fd = self->fd;
	pthread_t thread;
	void *events;

	pthread_create(&thread, NULL, poll_in, (void *)(intptr_t)fd[1]);
	usleep(10000);		/* to be in poll(), most of the time */
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	pthread_join(thread, &events);
	EXPECT_EQ(POLLIN, (intptr_t)events);
}

#define ROUNDS 2000

static void *echo(void *arg)
{
	int fd = *(int *)arg, ep = epoll_create1(0), i;
	char c;

	set_nonblock(fd);
	watch(ep, fd, EPOLLIN | EPOLLET);
	for (i = 0; i < ROUNDS; i++) {
		while (recv(fd, &c, 1, 0) != 1)
			if (!next_event(ep, LONG_MS))
				return "lost a wake-up";
		send(fd, &c, 1, MSG_NOSIGNAL);
	}
	close(ep);
	return NULL;
}

/* Ping-pong between edge-triggered threads: one lost wake-up stops it. */
TEST_F_TIMEOUT(ready, API_11_no_lost_wakeup, 120)
{
	int *fd = self->fd;
	pthread_t thread;
	void *complaint;
	char c;
	int i;

	set_int(fd[0], SOL_TCP, TCP_NODELAY, 1);
	set_int(fd[1], SOL_TCP, TCP_NODELAY, 1);
	pthread_create(&thread, NULL, echo, &fd[1]);
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(1, send(fd[0], "x", 1, MSG_NOSIGNAL));
		ASSERT_EQ(1, recv(fd[0], &c, 1, 0));
	}
	pthread_join(thread, &complaint);
	EXPECT_EQ(NULL, complaint);
}

TEST_HARNESS_MAIN
