// SPDX-License-Identifier: GPL-2.0
/* shutdown() and close(): every way a connection ends, and what both see. */
#include <pthread.h>

#include "kselftest_harness.h"
#include "../lib.h"

PAIR_FIXTURE(ending);

static void set_linger(int fd, int on, int seconds)
{
	struct linger l = { on, seconds };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

/* Waits until @fd has sent all it has and the peer acknowledged it. */
static bool all_acked(int fd)
{
	int n = -1;

	return eventually(!ioctl(fd, SIOCOUTQ, &n) && !n);
}

/* MUST-12: a FIN is the end of the stream, not an error. */
TEST_F(ending, MUST_12_fin)
{
	int *fd = self->fd;
	char c;

	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	close(fd[0]);
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	EXPECT_EQ(0, so_error(fd[1]));
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP,
		  wait_for(fd[1], POLLIN | POLLOUT | POLLRDHUP, LONG_MS));
	EXPECT_EQ(TCP_CLOSE_WAIT, tcp_state(fd[1]));
}

/* MUST-12: a RST is an error, seen once. */
TEST_F(ending, MUST_12_rst)
{
	int *fd = self->fd;
	char c;

	set_linger(fd[0], 1, 0);
	close(fd[0]);
	EXPECT_EQ(POLLIN | POLLOUT | POLLRDHUP | POLLERR | POLLHUP,
		  wait_for(fd[1], POLLIN | POLLOUT | POLLRDHUP, LONG_MS) &
		  ~POLLPRI);
	EXPECT_ERRNO(ECONNRESET, recv(fd[1], &c, 1, 0));
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	EXPECT_ERRNO(EPIPE, send(fd[1], "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(TCP_CLOSE, tcp_state(fd[1]));
	EXPECT_ERRNO(ENOTCONN, shutdown(fd[1], SHUT_RDWR));
}

TEST_F(ending, MUST_12_rst_on_send)
{
	int *fd = self->fd;

	set_linger(fd[0], 1, 0);
	close(fd[0]);
	EXPECT_NE(0, wait_for(fd[1], POLLIN, LONG_MS));
	EXPECT_ERRNO(ECONNRESET, send(fd[1], "x", 1, MSG_NOSIGNAL));
	EXPECT_ERRNO(EPIPE, send(fd[1], "x", 1, MSG_NOSIGNAL));
}

/* SO_ERROR gives the error and clears it. */
TEST_F(ending, so_error_clears)
{
	int *fd = self->fd;
	char c;

	set_linger(fd[0], 1, 0);
	close(fd[0]);
	EXPECT_NE(0, wait_for(fd[1], POLLIN, LONG_MS));
	EXPECT_EQ(ECONNRESET, so_error(fd[1]));
	EXPECT_EQ(0, so_error(fd[1]));
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
}

/* 1122-1: after shutdown(SHUT_WR) the other direction lives on. */
TEST_F(ending, RFC_1122_1_half_close)
{
	static char out[300000], in[300000];
	int *fd = self->fd;
	pid_t child;
	char c;

	EXPECT_EQ(0, shutdown(fd[0], SHUT_WR));
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	EXPECT_TRUE(eventually(tcp_state(fd[0]) == TCP_FIN_WAIT2));
	EXPECT_EQ(TCP_CLOSE_WAIT, tcp_state(fd[1]));
	EXPECT_ERRNO(EPIPE, send(fd[0], "x", 1, MSG_NOSIGNAL));

	pattern_fill(out, sizeof(out), 1, 0);
	child = fork();
	if (!child)
		_exit(send(fd[1], out, sizeof(out), 0) != sizeof(out));
	close(fd[1]);
	EXPECT_EQ(sizeof(in), recv(fd[0], in, sizeof(in), MSG_WAITALL));
	EXPECT_EQ(sizeof(in), pattern_check(in, sizeof(in), 1, 0));
	EXPECT_EQ(0, recv(fd[0], &c, 1, 0));
	EXPECT_EQ(child, waitpid(child, NULL, 0));
}

/* SHUT_RD makes this end deaf; what arrives is still acknowledged. */
TEST_F(ending, shutdown_read)
{
	int *fd = self->fd;
	char c;

	EXPECT_EQ(0, shutdown(fd[1], SHUT_RD));
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(fd[1]));
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	EXPECT_EQ(POLLIN | POLLRDHUP,
		  wait_for(fd[1], POLLIN | POLLRDHUP, LONG_MS));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_TRUE(all_acked(fd[0]));
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
	EXPECT_EQ(1, send(fd[1], "y", 1, 0));
	EXPECT_EQ(1, recv(fd[0], &c, 1, 0));
}

TEST_F(ending, shutdown_both_and_again)
{
	int *fd = self->fd;
	char c;

	EXPECT_EQ(0, shutdown(fd[0], SHUT_RDWR));
	EXPECT_EQ(0, recv(fd[0], &c, 1, 0));
	EXPECT_ERRNO(EPIPE, send(fd[0], "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(0, shutdown(fd[0], SHUT_WR));
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	EXPECT_EQ(0, shutdown(fd[1], SHUT_RDWR));
	EXPECT_TRUE(eventually(tcp_state(fd[1]) == TCP_CLOSE));
	EXPECT_ERRNO(ENOTCONN, shutdown(fd[1], SHUT_RDWR));
	EXPECT_ERRNO(EINVAL, shutdown(fd[0], 3));
	EXPECT_ERRNO(EINVAL, shutdown(fd[0], -1));
}

/* SHLD-3: close() with unread data is an abort. */
TEST_F(ending, SHLD_3_unread_data)
{
	int *fd = self->fd;
	char c;

	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_EQ(POLLIN, wait_for(fd[1], POLLIN, LONG_MS));
	close(fd[1]);
	EXPECT_ERRNO(ECONNRESET, recv(fd[0], &c, 1, 0));
}

/* SHLD-3: and data that arrives after close() is answered with a RST. */
TEST_F(ending, MAY_1_SHLD_3_data_after_close)
{
	int *fd = self->fd;
	char c;

	close(fd[1]);
	EXPECT_EQ(0, recv(fd[0], &c, 1, 0));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_TRUE(eventually(tcp_state(fd[0]) == TCP_CLOSE));
	/* Our stream had ended in both directions: that is EPIPE. */
	EXPECT_EQ(EPIPE, so_error(fd[0]));
}

/* The data queued before an orderly close() all arrives (SM-23). */
TEST_F(ending, SM_23_queued_data_is_sent)
{
	static char buf[200000];
	int *fd = self->fd;
	ssize_t sent = 0, n, got = 0;

	pattern_fill(buf, sizeof(buf), 2, 0);
	set_nonblock(fd[0]);
	while ((n = send(fd[0], buf + sent, sizeof(buf) - sent, 0)) > 0)
		sent += n;
	close(fd[0]);
	while ((n = recv(fd[1], buf, sizeof(buf), 0)) > 0) {
		EXPECT_EQ(n, pattern_check(buf, n, 2, got));
		got += n;
	}
	EXPECT_EQ(0, n);
	EXPECT_EQ(sent, got);
}

/* SO_LINGER with time: close() waits until the data is acknowledged. */
TEST_F(ending, API_10_linger_done)
{
	int *fd = self->fd;
	int64_t start = now_ms();
	char c;

	set_linger(fd[0], 1, 20);
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_EQ(0, close(fd[0]));
	EXPECT_GE(5000, now_ms() - start);
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
}

/* Or until the time is over. */
TEST_F(ending, API_10_linger_expires)
{
	static char buf[1 << 20];
	int *fd = self->fd;
	int64_t start;

	set_nonblock(fd[0]);
	while (send(fd[0], buf, sizeof(buf), 0) > 0)
		;
	fcntl(fd[0], F_SETFL, 0);
	set_linger(fd[0], 1, 1);
	start = now_ms();
	EXPECT_EQ(0, close(fd[0]));
	/* Jiffies, which lag where a CPU of the guest had to wait. */
	EXPECT_LE(700, now_ms() - start);
	EXPECT_GE(5000, now_ms() - start);
	set_linger(fd[1], 1, 0);
}

TEST_F(ending, API_10_linger_values)
{
	struct linger l = { 1, 7 };
	socklen_t len = sizeof(l);
	int fd = self->fd[0];

	EXPECT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	memset(&l, 0, sizeof(l));
	EXPECT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len));
	EXPECT_EQ(1, l.l_onoff);
	EXPECT_EQ(7, l.l_linger);
	EXPECT_ERRNO(EINVAL, setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, 4));
	l.l_linger = -1;
	EXPECT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	l = (struct linger) { 0, 0 };
	EXPECT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
}

static void *receive_one(void *arg)
{
	intptr_t fd = (intptr_t)arg;
	char c;

	errno = 0;
	return (void *)(intptr_t)(recv(fd, &c, 1, 0) < 0 ? -errno : 0);
}

/* A sleeping recv() wakes up when its own end is shut down. */
TEST_F(ending, API_08_shutdown_wakes_recv)
{
	int *fd = self->fd;
	pthread_t thread;
	void *result;

	pthread_create(&thread, NULL, receive_one, (void *)(intptr_t)fd[1]);
	usleep(10000);		/* to be in recv(), most of the time */
	EXPECT_EQ(0, shutdown(fd[1], SHUT_RD));
	pthread_join(thread, &result);
	EXPECT_EQ(NULL, result);
}

/* API-08: and when it is disconnected. */
TEST_F(ending, API_08_disconnect_wakes_recv)
{
	struct address none = { .sa.sa_family = AF_UNSPEC, .len = 16 };
	int *fd = self->fd;
	pthread_t thread;
	void *result;

	pthread_create(&thread, NULL, receive_one, (void *)(intptr_t)fd[0]);
	usleep(10000);
	EXPECT_EQ(0, connect(fd[0], &none.sa, none.len));
	pthread_join(thread, &result);
	EXPECT_GT(0, (intptr_t)result);
}

/* The RFC's states, as seen from both sides of an orderly close. */
TEST_F(ending, states)
{
	int *fd = self->fd;

	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(fd[0]));
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(fd[1]));
	EXPECT_EQ(0, shutdown(fd[0], SHUT_WR));
	EXPECT_TRUE(eventually(tcp_state(fd[0]) == TCP_FIN_WAIT2));
	EXPECT_EQ(TCP_CLOSE_WAIT, tcp_state(fd[1]));
	EXPECT_EQ(0, shutdown(fd[1], SHUT_WR));
	EXPECT_TRUE(eventually(tcp_state(fd[1]) == TCP_CLOSE));
	/* TIME-WAIT is not a socket: its own end is CLOSED at once. */
	EXPECT_TRUE(eventually(tcp_state(fd[0]) == TCP_CLOSE));
	EXPECT_EQ(0, so_error(fd[0]));
	EXPECT_EQ(0, so_error(fd[1]));
}

/* TIME-WAIT keeps the server's port; SO_REUSEADDR shares it. */
TEST_F(ending, MUST_13_time_wait_holds_the_port)
{
	struct address a = ep_loopback(self->ep, 0);
	int listener = ep_socket(self->ep, 0), client, fd;
	char c;

	set_int(listener, SOL_SOCKET, SO_REUSEADDR, 1);
	ASSERT_EQ(0, bind(listener, &a.sa, a.len));
	ASSERT_EQ(0, listen(listener, 1));
	a = local_of(listener);
	client = ep_connected(self->ep, &a);
	fd = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd);
	close(listener);

	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(0, recv(client, &c, 1, 0));
	EXPECT_EQ(0, close(client));

	EXPECT_ERRNO(EADDRINUSE, ep_bound(self->ep, &a));
	fd = ep_socket(self->ep, 0);
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	EXPECT_EQ(0, bind(fd, &a.sa, a.len));
	EXPECT_EQ(0, listen(fd, 1));
	client = ep_connected(self->ep, &a);
	EXPECT_LE(0, client);
	close(client);
	close(fd);
}

/* An abort leaves nothing behind. */
TEST_F(ending, reset_frees_the_port)
{
	struct address a;
	int again, fd[2];

	/* Where no other connection's TIME-WAIT may have the same port. */
	ASSERT_EQ(0, unshare(CLONE_NEWNET) || loopback_up());
	ASSERT_EQ(0, ep_pair(self->ep, fd));
	a = local_of(fd[0]);
	set_linger(fd[0], 1, 0);
	close(fd[0]);
	EXPECT_TRUE(eventually((again = ep_bound(self->ep, &a)) >= 0));
	close(again);
	close(fd[1]);
}

TEST_HARNESS_MAIN
