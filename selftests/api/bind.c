// SPDX-License-Identifier: GPL-2.0
/* bind(): who may have which port, between tcpx sockets and with native TCP. */
#include "kselftest_harness.h"
#include "../lib.h"

ENDPOINT_FIXTURE(binding);

static struct endpoint native_of(const struct endpoint *ep)
{
	return (struct endpoint) { DOOR_NATIVE, ep->ip };
}

TEST_F(binding, port_zero_takes_a_free_one)
{
	struct address any = ep_any(self->ep, 0), a, b;
	int one, two;

	one = ep_bound(self->ep, &any);
	two = ep_bound(self->ep, &any);
	ASSERT_LE(0, one);
	ASSERT_LE(0, two);
	a = local_of(one);
	b = local_of(two);
	EXPECT_LT(1023, port_of(&a));
	EXPECT_LT(1023, port_of(&b));
	EXPECT_NE(port_of(&a), port_of(&b));
	close(one);
	close(two);
}

/* MUST-43 */
TEST_F(binding, MUST_43_address_is_kept)
{
	struct address want = ep_loopback(self->ep, 4321), got;
	int fd = ep_bound(self->ep, &want);

	ASSERT_LE(0, fd);
	got = local_of(fd);
	EXPECT_EQ(want.len, got.len);
	EXPECT_TRUE(same_address(&want, &got));
	EXPECT_ERRNO(EINVAL, bind(fd, &want.sa, want.len));
	close(fd);
}

/* API-06 */
TEST_F(binding, API_06_bad_addresses)
{
	struct address a = ep_loopback(self->ep, 0);
	int fd = ep_socket(self->ep, 0);
	int family = a.sa.sa_family;

	ASSERT_LE(0, fd);
	EXPECT_ERRNO(EINVAL, bind(fd, &a.sa, 0));
	EXPECT_ERRNO(EINVAL, bind(fd, &a.sa, 2));
	EXPECT_ERRNO(EINVAL, bind(fd, &a.sa, sizeof(a.in) - 1));
	EXPECT_ERRNO(EINVAL, bind(fd, &a.sa, -1));
	EXPECT_ERRNO(EINVAL, bind(fd, &a.sa, sizeof(a.ss) + 1));
	EXPECT_ERRNO(EFAULT, bind(fd, (void *)1, a.len));
	a.sa.sa_family = family == AF_INET ? AF_INET6 : AF_INET;
	EXPECT_ERRNO(family == AF_INET ? EAFNOSUPPORT : EINVAL,
		     bind(fd, &a.sa, sizeof(a.in)));
	a.sa.sa_family = AF_UNIX;
	EXPECT_ERRNO(EAFNOSUPPORT, bind(fd, &a.sa, sizeof(a.in6)));
	/* Longer than needed is fine. */
	a.sa.sa_family = family;
	EXPECT_EQ(0, bind(fd, &a.sa, sizeof(a.ss)));
	close(fd);
}

/* BSD's bind(): no family but the wildcard address is IPv4's wildcard. */
TEST_F(binding, API_06_unspecified_family)
{
	struct address a = ep_any(self->ep, 0);
	int fd = ep_socket(self->ep, 0);

	ASSERT_LE(0, fd);
	a.sa.sa_family = AF_UNSPEC;
	if (self->ep->ip == IP4) {
		EXPECT_EQ(0, bind(fd, &a.sa, a.len));
	} else {
		EXPECT_ERRNO(EAFNOSUPPORT, bind(fd, &a.sa, a.len));
	}
	close(fd);
}

TEST_F(binding, address_not_here)
{
	struct address a = ep_address(self->ep, "192.0.2.1", "2001:db8::1", 0);

	EXPECT_ERRNO(EADDRNOTAVAIL, ep_bound(self->ep, &a));
}

/* MUST-46, its local half */
TEST_F(binding, multicast_address)
{
	struct address a = ep_address(self->ep, "224.0.0.1", "ff02::1", 0);
	struct endpoint native = native_of(self->ep);
	int expected = 0, fd;

	fd = ep_bound(&native, &a);
	if (fd < 0)
		expected = errno;
	else
		close(fd);
	fd = ep_bound(self->ep, &a);
	EXPECT_EQ(expected, fd < 0 ? errno : 0);
	if (fd >= 0)
		close(fd);
}

/* API-07: the right to low ports is the network namespace's owner's. */
TEST_F(binding, API_07_privileged_port)
{
	struct address a = ep_loopback(self->ep, 1023);
	int fd = ep_bound(self->ep, &a);

	EXPECT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	EXPECT_ERRNO(EACCES, ep_bound(self->ep, &a));
	ASSERT_EQ(0, unshare(CLONE_NEWUSER));
	EXPECT_ERRNO(EACCES, ep_bound(self->ep, &a));
}

TEST_F(binding, same_port_is_in_use)
{
	struct address a = ep_loopback(self->ep, 0);
	int fd = ep_bound(self->ep, &a);

	ASSERT_LE(0, fd);
	a = local_of(fd);
	EXPECT_ERRNO(EADDRINUSE, ep_bound(self->ep, &a));
	a = ep_any(self->ep, port_of(&a));
	EXPECT_ERRNO(EADDRINUSE, ep_bound(self->ep, &a));
	close(fd);
	fd = ep_bound(self->ep, &a);
	EXPECT_LE(0, fd);
	close(fd);
}

TEST_F(binding, other_address_is_free)
{
	struct address a = ep_loopback(self->ep, 0), b;
	int one = ep_bound(self->ep, &a), two;

	ASSERT_LE(0, one);
	if (self->ep->ip == IP6)
		ASSERT_EQ(0, system("ip -6 addr add fd00::2/128 dev lo nodad"));
	a = local_of(one);
	b = ep_address(self->ep, "127.0.0.2", "fd00::2", port_of(&a));
	two = ep_bound(self->ep, &b);
	EXPECT_LE(0, two);
	close(one);
	close(two);
	if (self->ep->ip == IP6)
		EXPECT_EQ(0, system("ip -6 addr del fd00::2/128 dev lo"));
}

/* A port belongs to one stack, in both directions. */
TEST_F(binding, native_has_the_port)
{
	struct endpoint native = native_of(self->ep);
	struct address a = ep_loopback(self->ep, 0);
	int fd = ep_bound(&native, &a);

	ASSERT_LE(0, fd);
	a = local_of(fd);
	EXPECT_ERRNO(EADDRINUSE, ep_bound(self->ep, &a));
	ASSERT_EQ(0, listen(fd, 1));
	EXPECT_ERRNO(EADDRINUSE, ep_bound(self->ep, &a));
	close(fd);
	fd = ep_bound(self->ep, &a);
	EXPECT_LE(0, fd);
	close(fd);
}

TEST_F(binding, native_cannot_have_ours)
{
	struct endpoint native = native_of(self->ep);
	struct address a = ep_loopback(self->ep, 0);
	int fd = ep_bound(self->ep, &a);

	ASSERT_LE(0, fd);
	a = local_of(fd);
	EXPECT_ERRNO(EADDRINUSE, ep_bound(&native, &a));
	ASSERT_EQ(0, listen(fd, 1));
	EXPECT_ERRNO(EADDRINUSE, ep_bound(&native, &a));
	close(fd);
	EXPECT_TRUE(eventually((fd = ep_bound(&native, &a)) >= 0));
	close(fd);
}

/* Nor can it have the port of a connection; but soon after its end it can. */
TEST_F(binding, native_gets_the_port_of_a_connection)
{
	struct endpoint native = native_of(self->ep);
	struct address a;
	int fd[2], s;
	char c;

	ASSERT_EQ(0, ep_pair(self->ep, fd));
	a = local_of(fd[0]);
	EXPECT_ERRNO(EADDRINUSE, ep_bound(&native, &a));
	/* The other end closes first: TIME-WAIT is there. */
	close(fd[1]);
	EXPECT_EQ(0, recv(fd[0], &c, 1, 0));
	close(fd[0]);
	EXPECT_TRUE(eventually((s = ep_bound(&native, &a)) >= 0));
	close(s);
}

/* SO_REUSEADDR shares a port until somebody listens (MUST-41, MUST-42). */
static void check_reuseaddr(struct __test_metadata *_metadata,
			    const struct endpoint *x, const struct endpoint *y)
{
	struct address a = ep_loopback(x, 0);
	int one = ep_socket(x, 0), two = ep_socket(y, 0), fd;

	ASSERT_LE(0, one);
	ASSERT_LE(0, two);
	set_int(one, SOL_SOCKET, SO_REUSEADDR, 1);
	EXPECT_EQ(1, get_int(one, SOL_SOCKET, SO_REUSEADDR));
	ASSERT_EQ(0, bind(one, &a.sa, a.len));
	a = local_of(one);

	EXPECT_ERRNO(EADDRINUSE, bind(two, &a.sa, a.len));
	set_int(two, SOL_SOCKET, SO_REUSEADDR, 1);
	EXPECT_EQ(0, bind(two, &a.sa, a.len));

	EXPECT_EQ(0, listen(one, 1));
	EXPECT_ERRNO(EADDRINUSE, listen(two, 1));
	fd = ep_socket(y, 0);
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	EXPECT_ERRNO(EADDRINUSE, bind(fd, &a.sa, a.len));
	close(fd);
	close(one);
	EXPECT_TRUE(eventually(listen(two, 1) == 0));
	close(two);
}

TEST_F(binding, MUST_41_reuseaddr)
{
	check_reuseaddr(_metadata, self->ep, self->ep);
}

TEST_F(binding, MUST_41_reuseaddr_with_native)
{
	struct endpoint native = native_of(self->ep);

	check_reuseaddr(_metadata, &native, self->ep);
	check_reuseaddr(_metadata, self->ep, &native);
}

/* SO_REUSEPORT shares it among listeners of one stack and one user (API-10). */
TEST_F(binding, API_10_reuseport)
{
	struct address a = ep_loopback(self->ep, 0);
	int one = ep_socket(self->ep, 0), two = ep_socket(self->ep, 0);

	ASSERT_LE(0, one);
	EXPECT_EQ(0, set_int(one, SOL_SOCKET, SO_REUSEPORT, 1));
	EXPECT_EQ(1, get_int(one, SOL_SOCKET, SO_REUSEPORT));
	ASSERT_EQ(0, bind(one, &a.sa, a.len));
	a = local_of(one);
	EXPECT_ERRNO(EADDRINUSE, bind(two, &a.sa, a.len));
	EXPECT_EQ(0, set_int(two, SOL_SOCKET, SO_REUSEPORT, 1));
	EXPECT_EQ(0, bind(two, &a.sa, a.len));
	EXPECT_EQ(0, listen(one, 1));
	EXPECT_EQ(0, listen(two, 1));
	close(two);

	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	two = ep_socket(self->ep, 0);
	set_int(two, SOL_SOCKET, SO_REUSEPORT, 1);
	EXPECT_ERRNO(EADDRINUSE, bind(two, &a.sa, a.len));
	close(one);
	close(two);
}

/* Connections spread over the listeners of one port, and each is accepted. */
TEST_F(binding, reuseport_spreads)
{
	struct address a = ep_loopback(self->ep, 0);
	int listener[4], got[4] = {}, client[64], i, n = 0;

	for (i = 0; i < 4; i++) {
		listener[i] = ep_socket(self->ep, SOCK_NONBLOCK);
		set_int(listener[i], SOL_SOCKET, SO_REUSEPORT, 1);
		ASSERT_EQ(0, bind(listener[i], &a.sa, a.len));
		a = local_of(listener[i]);
		ASSERT_EQ(0, listen(listener[i], 64));
	}
	for (i = 0; i < 64; i++) {
		client[i] = ep_connected(self->ep, &a);
		ASSERT_LE(0, client[i]);
	}
	for (i = 0; i < 4; i++) {
		int fd;

		while ((fd = accept(listener[i], NULL, NULL)) >= 0) {
			got[i]++;
			n++;
			close(fd);
		}
		close(listener[i]);
	}
	for (i = 0; i < 64; i++)
		close(client[i]);
	EXPECT_EQ(64, n);
	for (i = 0; i < 4; i++) {
		EXPECT_LT(0, got[i]) {
			TH_LOG("listener %d got none of 64", i);
		}
	}
}

TEST_F(binding, v6only)
{
	struct endpoint ip4 = { self->ep->door, IP4 };
	struct address a, any = ep_any(self->ep, 0);
	int six, four;

	if (self->ep->ip == IP4) {
		four = ep_socket(self->ep, 0);
		EXPECT_ERRNO(ENOPROTOOPT, set_int(four, SOL_IPV6, IPV6_V6ONLY,
						  1));
		close(four);
		return;
	}

	/* Dual stack: the IPv4 port is taken too, by either stack. */
	six = ep_bound(self->ep, &any);
	ASSERT_LE(0, six);
	EXPECT_EQ(0, get_int(six, SOL_IPV6, IPV6_V6ONLY));
	any = local_of(six);
	a = ep_any(&ip4, port_of(&any));
	EXPECT_ERRNO(EADDRINUSE, ep_bound(&ip4, &a));
	EXPECT_ERRNO(EINVAL, set_int(six, SOL_IPV6, IPV6_V6ONLY, 1));
	close(six);

	/* v6only: it is not. */
	six = ep_socket(self->ep, 0);
	EXPECT_EQ(0, set_int(six, SOL_IPV6, IPV6_V6ONLY, 1));
	ASSERT_TRUE(eventually(bind(six, &any.sa, any.len) == 0));
	four = ep_bound(&ip4, &a);
	EXPECT_LE(0, four);
	EXPECT_EQ(0, listen(six, 1));
	EXPECT_EQ(0, listen(four, 1));
	close(four);
	close(six);
}

TEST_F(binding, v6only_refuses_mapped)
{
	struct address a = ep_loopback(self->ep, 0);
	int fd = ep_socket(self->ep, 0);

	ASSERT_LE(0, fd);
	if (self->ep->ip == IP4_MAPPED) {
		ASSERT_EQ(0, set_int(fd, SOL_IPV6, IPV6_V6ONLY, 1));
		EXPECT_ERRNO(EINVAL, bind(fd, &a.sa, a.len));
		EXPECT_ERRNO(ENETUNREACH, connect(fd, &a.sa, a.len));
	} else {
		EXPECT_EQ(0, bind(fd, &a.sa, a.len));
	}
	close(fd);
}

TEST_F(binding, link_local_needs_a_scope)
{
	struct address a = ep_address(self->ep, "127.0.0.1", "fe80::1", 0);

	if (self->ep->ip == IP6) {
		EXPECT_ERRNO(EINVAL, ep_bound(self->ep, &a));
	} else {
		EXPECT_EQ(0, close(ep_bound(self->ep, &a)));
	}
}

TEST_F(binding, nonlocal_when_asked)
{
	struct address a = ep_address(self->ep, "192.0.2.1", "2001:db8::1", 0);
	int fd = ep_socket(self->ep, 0);

	ASSERT_LE(0, fd);
	if (self->ep->ip == IP6) {
		EXPECT_EQ(0, set_int(fd, SOL_IPV6, IPV6_FREEBIND, 1));
	} else {
		EXPECT_EQ(0, set_int(fd, SOL_IP, IP_FREEBIND, 1));
	}
	EXPECT_EQ(0, bind(fd, &a.sa, a.len));
	close(fd);
}

TEST_HARNESS_MAIN
