// SPDX-License-Identifier: GPL-2.0
/* connect(): every way to open a connection, and not to. */
#include <net/route.h>

#include "kselftest_harness.h"
#include "../lib.h"

ENDPOINT_FIXTURE(active);

/* An address that answers nothing; the tun device lives as long as the test. */
static struct address nowhere(const struct endpoint *ep)
{
	return ep_address(ep, "10.99.0.2", "fd99::2", 9);
}

/* A loopback port where nobody listens. */
static struct address closed_port(const struct endpoint *ep)
{
	struct address a = ep_loopback(ep, 0);
	int fd = ep_bound(ep, &a);

	a = local_of(fd);
	close(fd);
	return a;
}

TEST_F(active, blocking)
{
	struct address to, name;
	int listener = ep_listener(self->ep, 1, &to), fd, child;

	ASSERT_LE(0, listener);
	fd = ep_socket(self->ep, 0);
	ASSERT_EQ(0, connect(fd, &to.sa, to.len));
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(fd));
	name = peer_of(fd);
	EXPECT_EQ(to.len, name.len);
	EXPECT_TRUE(same_address(&to, &name));
	EXPECT_ERRNO(EISCONN, connect(fd, &to.sa, to.len));

	child = accept(listener, &name.sa, &name.len);
	ASSERT_LE(0, child);
	to = local_of(fd);
	EXPECT_TRUE(same_address(&to, &name));
	name = peer_of(child);
	EXPECT_TRUE(same_address(&to, &name));
	to = peer_of(fd);
	name = local_of(child);
	EXPECT_TRUE(same_address(&to, &name));
	close(child);
	close(fd);
	close(listener);
}

/* MUST-44: the source is the route's when it was not chosen. */
TEST_F(active, MUST_44_source_address)
{
	struct address to, want, name;
	int listener = ep_listener(self->ep, 1, &to);
	int fd = ep_connected(self->ep, &to);

	ASSERT_LE(0, fd);
	want = ep_loopback(self->ep, 0);
	name = local_of(fd);
	EXPECT_LT(0, port_of(&name));
	name.in.sin_port = 0;
	EXPECT_TRUE(same_address(&want, &name));
	close(fd);
	close(listener);
}

/* MUST-43: and it is the program's when it was. */
TEST_F(active, MUST_43_bound_first)
{
	struct address from = ep_loopback(self->ep, 0), to, name;
	int listener = ep_listener(self->ep, 2, &to);
	int fd = ep_bound(self->ep, &from);

	ASSERT_LE(0, fd);
	from = local_of(fd);
	ASSERT_EQ(0, connect(fd, &to.sa, to.len));
	name = local_of(fd);
	EXPECT_TRUE(same_address(&from, &name));
	close(fd);
	close(listener);
}

TEST_F(active, nonblocking)
{
	struct address to;
	int listener = ep_listener(self->ep, 1, &to);
	int fd = ep_socket(self->ep, SOCK_NONBLOCK);

	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EINPROGRESS, connect(fd, &to.sa, to.len));
	EXPECT_EQ(POLLOUT, wait_for(fd, POLLOUT, LONG_MS));
	EXPECT_EQ(0, so_error(fd));
	/* The second call reports success once, the third that it is over. */
	EXPECT_EQ(0, connect(fd, &to.sa, to.len));
	EXPECT_ERRNO(EISCONN, connect(fd, &to.sa, to.len));
	close(fd);
	close(listener);
}

TEST_F(active, nonblocking_unanswered)
{
	struct address to = nowhere(self->ep);
	int tun = blackhole_up(), fd = ep_socket(self->ep, SOCK_NONBLOCK);
	char c;

	ASSERT_LE(0, tun);
	EXPECT_ERRNO(EINPROGRESS, connect(fd, &to.sa, to.len));
	EXPECT_ERRNO(EALREADY, connect(fd, &to.sa, to.len));
	EXPECT_EQ(TCP_SYN_SENT, tcp_state(fd));
	EXPECT_EQ(0, wait_for(fd, POLLIN | POLLOUT, 0));
	EXPECT_EQ(0, so_error(fd));
	EXPECT_ERRNO(EAGAIN, recv(fd, &c, 1, 0));
	EXPECT_ERRNO(EAGAIN, send(fd, &c, 1, 0));
	EXPECT_ERRNO(ENOTCONN, getpeername(fd, &to.sa, &to.len));
	EXPECT_ERRNO(EINVAL, listen(fd, 1));
	close(fd);
	close(tun);
}

TEST_F(active, refused)
{
	struct address to = closed_port(self->ep);
	int fd = ep_socket(self->ep, 0);

	EXPECT_ERRNO(ECONNREFUSED, connect(fd, &to.sa, to.len));
	EXPECT_EQ(0, so_error(fd));
	EXPECT_EQ(TCP_CLOSE, tcp_state(fd));
	/* The same socket may try again. */
	EXPECT_ERRNO(ECONNREFUSED, connect(fd, &to.sa, to.len));
	close(fd);
}

TEST_F(active, refused_nonblocking)
{
	struct address to = closed_port(self->ep);
	int fd = ep_socket(self->ep, SOCK_NONBLOCK);

	EXPECT_ERRNO(EINPROGRESS, connect(fd, &to.sa, to.len));
	EXPECT_EQ(POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP,
		  wait_for(fd, POLLIN | POLLOUT | POLLRDHUP, LONG_MS));
	EXPECT_EQ(ECONNREFUSED, so_error(fd));
	EXPECT_EQ(0, so_error(fd));
	close(fd);
}

/* The pending error is what the next call returns, once. */
TEST_F(active, refused_then_recv)
{
	struct address to = closed_port(self->ep);
	int fd = ep_socket(self->ep, SOCK_NONBLOCK);
	char c;

	EXPECT_ERRNO(EINPROGRESS, connect(fd, &to.sa, to.len));
	EXPECT_NE(0, wait_for(fd, POLLIN, LONG_MS));
	EXPECT_ERRNO(ECONNREFUSED, recv(fd, &c, 1, 0));
	EXPECT_EQ(0, recv(fd, &c, 1, 0));
	EXPECT_ERRNO(EPIPE, send(fd, &c, 1, MSG_NOSIGNAL));
	close(fd);
}

TEST_F(active, no_route)
{
	struct address to = ep_address(self->ep, "192.0.2.1", "2001:db8::1", 9);
	int fd = ep_socket(self->ep, 0);

	EXPECT_ERRNO(ENETUNREACH, connect(fd, &to.sa, to.len));
	EXPECT_EQ(TCP_CLOSE, tcp_state(fd));
	close(fd);
}

/* How long the first SYN waits: a tenth of a second if it can be had. */
static int first_timeout_ms(void)
{
	return knob_in_new_namespace("rto_initial_us", 100000) ? 1000 : 100;
}

/* MUST-22: the SYN's ladder ends; here after one retry, 1 + 2 timeouts. */
TEST_F(active, MUST_22_times_out)
{
	int ms = first_timeout_ms(), tun = blackhole_up();
	struct address to = nowhere(self->ep);
	int fd = ep_socket(self->ep, 0);
	int64_t start = now_ms();

	ASSERT_LE(0, tun);
	EXPECT_EQ(0, set_int(fd, SOL_TCP, TCP_SYNCNT, 1));
	EXPECT_ERRNO(ETIMEDOUT, connect(fd, &to.sa, to.len));
	/* Native's second wait is as long as the first. */
	EXPECT_LE(ms * (stack_is_native() ? 2 : 3) - 50, now_ms() - start);
	EXPECT_GE(ms * 3 + 5000, now_ms() - start);
	EXPECT_EQ(TCP_CLOSE, tcp_state(fd));
	close(fd);
	close(tun);
}

/* MUST-21: the user's timeout bounds the opening too. */
TEST_F(active, MUST_21_user_timeout)
{
	int ms = first_timeout_ms(), tun = blackhole_up();
	struct address to = nowhere(self->ep);
	int fd = ep_socket(self->ep, 0);
	int64_t start = now_ms();

	ASSERT_LE(0, tun);
	EXPECT_EQ(0, set_int(fd, SOL_TCP, TCP_USER_TIMEOUT, ms * 3 / 2));
	EXPECT_ERRNO(ETIMEDOUT, connect(fd, &to.sa, to.len));
	EXPECT_LE(ms * 3 / 2 - 50, now_ms() - start);
	EXPECT_GE(ms * 3 / 2 + 5000, now_ms() - start);
	close(fd);
	close(tun);
}

/* SO_SNDTIMEO bounds the wait, not the attempt. */
TEST_F(active, send_timeout)
{
	struct timeval tv = { .tv_usec = 100000 };
	struct address to = nowhere(self->ep);
	int tun = blackhole_up(), fd = ep_socket(self->ep, 0);
	int64_t start = now_ms();

	ASSERT_LE(0, tun);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	EXPECT_ERRNO(EINPROGRESS, connect(fd, &to.sa, to.len));
	/* A tick that an emulated CPU was late for makes it shorter. */
	EXPECT_LE(50, now_ms() - start);
	EXPECT_EQ(TCP_SYN_SENT, tcp_state(fd));
	EXPECT_ERRNO(EALREADY, connect(fd, &to.sa, to.len));
	close(fd);
	close(tun);
}

TEST_F(active, signal_interrupts)
{
	struct address to = nowhere(self->ep);
	int tun = blackhole_up(), fd = ep_socket(self->ep, 0);

	ASSERT_LE(0, tun);
	alarm_in(50, false);
	EXPECT_ERRNO(EINTR, connect(fd, &to.sa, to.len));
	/* The attempt goes on. */
	EXPECT_EQ(TCP_SYN_SENT, tcp_state(fd));
	close(fd);
	close(tun);
}

/* API-08: AF_UNSPEC disconnects; the socket is as new. */
TEST_F(active, API_08_disconnect_and_reuse)
{
	struct address none = { .sa.sa_family = AF_UNSPEC, .len = 16 };
	struct address to, name;
	int listener = ep_listener(self->ep, 8, &to), fd, child, i;
	char c = 'x';

	fd = ep_socket(self->ep, 0);
	ASSERT_LE(0, fd);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, connect(fd, &to.sa, to.len));
		child = accept(listener, NULL, NULL);
		ASSERT_LE(0, child);
		EXPECT_EQ(1, send(fd, &c, 1, 0));
		EXPECT_EQ(1, recv(child, &c, 1, 0));
		EXPECT_EQ(1, send(child, &c, 1, 0));
		EXPECT_EQ(1, recv(fd, &c, 1, 0));

		EXPECT_EQ(0, connect(fd, &none.sa, none.len));
		EXPECT_EQ(TCP_CLOSE, tcp_state(fd));
		EXPECT_ERRNO(ENOTCONN, getpeername(fd, &name.sa, &name.len));
		EXPECT_ERRNO(ECONNRESET, recv(fd, &c, 1, 0));
		EXPECT_ERRNO(ENOTCONN, recv(fd, &c, 1, 0));
		/* An abort, so the peer is told (RFC 9293 3.10.5). */
		EXPECT_ERRNO(ECONNRESET, recv(child, &c, 1, 0));
		close(child);
	}
	close(fd);
	close(listener);
}

TEST_F(active, API_08_disconnect_while_connecting)
{
	struct address none = { .sa.sa_family = AF_UNSPEC, .len = 16 };
	struct address to = nowhere(self->ep);
	int tun = blackhole_up(), fd = ep_socket(self->ep, SOCK_NONBLOCK);
	int listener;

	ASSERT_LE(0, tun);
	EXPECT_ERRNO(EINPROGRESS, connect(fd, &to.sa, to.len));
	EXPECT_EQ(0, connect(fd, &none.sa, none.len));
	EXPECT_EQ(TCP_CLOSE, tcp_state(fd));
	listener = ep_listener(self->ep, 1, &to);
	EXPECT_ERRNO(EINPROGRESS, connect(fd, &to.sa, to.len));
	EXPECT_EQ(POLLOUT, wait_for(fd, POLLOUT, LONG_MS));
	EXPECT_EQ(0, so_error(fd));
	close(fd);
	close(listener);
	close(tun);
}

TEST_F(active, API_08_disconnect_in_wrong_states)
{
	struct address none = { .sa.sa_family = AF_UNSPEC, .len = 16 };
	struct address a;
	int fd = ep_socket(self->ep, 0);

	ASSERT_LE(0, fd);
	EXPECT_EQ(0, connect(fd, &none.sa, none.len));
	EXPECT_ERRNO(EINVAL, connect(fd, &none.sa, 1));
	close(fd);

	/* A listener stops listening and may connect. */
	fd = ep_listener(self->ep, 1, &a);
	EXPECT_EQ(0, connect(fd, &none.sa, none.len));
	EXPECT_EQ(TCP_CLOSE, tcp_state(fd));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_ERRNO(ECONNREFUSED, ep_connected(self->ep, &a));
	close(fd);
}

/* API-06 */
TEST_F(active, API_06_bad_addresses)
{
	struct address a = ep_loopback(self->ep, 9);
	int fd = ep_socket(self->ep, 0), family = a.sa.sa_family;

	EXPECT_ERRNO(EINVAL, connect(fd, &a.sa, 0));
	EXPECT_ERRNO(EINVAL, connect(fd, &a.sa, sizeof(a.in) - 1));
	EXPECT_ERRNO(EINVAL, connect(fd, &a.sa, -1));
	EXPECT_ERRNO(EFAULT, connect(fd, (void *)1, a.len));
	a.sa.sa_family = AF_UNIX;
	EXPECT_ERRNO(EAFNOSUPPORT, connect(fd, &a.sa, sizeof(a.in6)));
	a.sa.sa_family = family;
	a.in.sin_port = 0;
	EXPECT_ERRNO(ECONNREFUSED, connect(fd, &a.sa, a.len));
	close(fd);
}

static int default_route_to_tun(void)
{
	struct rtentry route = {
		.rt_dst.sa_family = AF_INET,
		.rt_genmask.sa_family = AF_INET,
		.rt_flags = RTF_UP,
		.rt_dev = "tun0",
	};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), err;

	err = ioctl(fd, SIOCADDRT, &route);
	close(fd);
	return err;
}

/* MUST-46: no connection to many. */
TEST_F(active, MUST_46_broadcast_and_multicast)
{
	static const char *const ip4[] = {
		"255.255.255.255", "10.99.0.255", "224.0.0.1", "239.1.2.3",
	};
	static const char *const ip6[] = {
		"ff02::1", "ff01::1", "ff05::1:3", "ff0e::1",
	};
	struct endpoint native = { DOOR_NATIVE, self->ep->ip };
	int tun = blackhole_up(), fd, i;

	ASSERT_LE(0, tun);
	ASSERT_EQ(0, default_route_to_tun());
	for (i = 0; i < 4; i++) {
		struct address to = ep_address(self->ep, ip4[i], ip6[i], 9);
		int expected, got;

		fd = ep_socket(&native, SOCK_NONBLOCK);
		expected = connect(fd, &to.sa, to.len) ? errno : 0;
		close(fd);
		fd = ep_socket(self->ep, SOCK_NONBLOCK);
		got = connect(fd, &to.sa, to.len) ? errno : 0;
		EXPECT_EQ(expected, got) {
			TH_LOG("%s: %s, native: %s",
			       self->ep->ip == IP6 ? ip6[i] : ip4[i],
			       strerror(got), strerror(expected));
		}
		EXPECT_NE(EINPROGRESS, got);
		close(fd);
	}
	close(tun);
}

/* The wildcard as destination is this host. */
TEST_F(active, wildcard_destination)
{
	struct address to, name, loopback;
	int listener = ep_listener(self->ep, 1, &to), fd;

	to = ep_any(self->ep, port_of(&to));
	if (self->ep->ip == IP4_MAPPED)
		to = ep_address(self->ep, "0.0.0.0", "::", port_of(&to));
	fd = ep_connected(self->ep, &to);
	ASSERT_LE(0, fd);
	name = peer_of(fd);
	loopback = ep_loopback(self->ep, port_of(&to));
	EXPECT_TRUE(same_address(&loopback, &name));
	close(fd);
	close(listener);
}

/* SM-25: a socket connected to itself is a simultaneous open. */
TEST_F(active, SM_25_self_connect)
{
	struct address a = ep_loopback(self->ep, 0), name;
	int fd = ep_bound(self->ep, &a);
	char out[10000], in[10000];
	size_t n = 0;

	ASSERT_LE(0, fd);
	a = local_of(fd);
	ASSERT_EQ(0, connect(fd, &a.sa, a.len));
	name = peer_of(fd);
	EXPECT_TRUE(same_address(&a, &name));
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(fd));
	pattern_fill(out, sizeof(out), 1, 0);
	EXPECT_EQ(sizeof(out), send(fd, out, sizeof(out), 0));
	EXPECT_EQ(0, shutdown(fd, SHUT_WR));
	while (n < sizeof(in)) {
		ssize_t got = recv(fd, in + n, sizeof(in) - n, 0);

		ASSERT_LT(0, got);
		n += got;
	}
	EXPECT_EQ(sizeof(in), pattern_check(in, sizeof(in), 1, 0));
	EXPECT_EQ(0, recv(fd, in, 1, 0));
	close(fd);
}

/* Ports of unbound sockets differ while the 4-tuple would be the same. */
TEST_F(active, no_tuple_twice)
{
	static unsigned char seen[65536];
	struct address to, name;
	int listener = ep_listener(self->ep, 256, &to), fd[200], i;

	ASSERT_LE(0, listener);
	for (i = 0; i < 200; i++) {
		fd[i] = ep_connected(self->ep, &to);
		ASSERT_LE(0, fd[i]);
		name = local_of(fd[i]);
		EXPECT_EQ(0, seen[port_of(&name)]++);
	}
	while (i--)
		close(fd[i]);
	close(listener);
}

/* 6056-4: a full port range ends the search with an error. */
TEST_F(active, RFC_6056_4_ports_exhausted)
{
	struct address to;
	int listener, fd[16], n;
	char range[64] = "";
	FILE *f;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, loopback_up());
	listener = ep_listener(self->ep, 64, &to);
	ASSERT_LE(0, listener);
	f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r+");
	ASSERT_NE(NULL, fgets(range, sizeof(range), f));
	rewind(f);
	fprintf(f, "20000 20007\n");
	fclose(f);
	for (n = 0; n < 16; n++) {
		fd[n] = ep_connected(self->ep, &to);
		if (fd[n] < 0)
			break;
	}
	EXPECT_EQ(EADDRNOTAVAIL, errno);
	EXPECT_LE(7, n);
	EXPECT_GE(8, n);
	while (n--)
		close(fd[n]);
	close(listener);
}

TEST_HARNESS_MAIN
