// SPDX-License-Identifier: GPL-2.0
/* The layer below as a program sees it: IP options, TOS received, routes. */
#include <linux/in6.h>
#include <linux/ip.h>

#include "kselftest_harness.h"
#include "../lib.h"

#ifndef IPV6_2292PKTOPTIONS
#define IPV6_2292PKTOPTIONS 6
#endif

ENDPOINT_FIXTURE(lower);

static const unsigned char record_route[] = { 1, IPOPT_RR, 15, 4, 0, 0, 0, 0,
					      0, 0, 0, 0, 0, 0, 0, 0 };
static const unsigned char timestamps[] = { IPOPT_TS, 12, 5, 0, 0, 0, 0, 0,
					    0, 0, 0, 0 };
static const unsigned char loose_route[] = { 1, IPOPT_LSRR, 7, 4,
					     10, 99, 0, 7 };
static const unsigned char strict_route[] = { 1, IPOPT_SSRR, 7, 4,
					      10, 99, 0, 7 };

static int set_options(int fd, const void *options, socklen_t len)
{
	return setsockopt(fd, SOL_IP, IP_OPTIONS, options, len);
}

/*
 * MUST-51, MUST-52, SHLD-24: decided is that there are no source routes, so a
 * program must not think that it has set one. (Native has them.)
 */
TEST_F(lower, MUST_51_MUST_52_SHLD_24_no_source_route)
{
	unsigned char late[] = { IPOPT_RR, 7, 4, 0, 0, 0, 0, 1, 1,
				 IPOPT_LSRR, 7, 4, 10, 99, 0, 7 };
	int fd = ep_socket(self->ep, 0);
	unsigned char got[40];
	socklen_t len = sizeof(got);
	struct ipv6_rt_hdr type0[3] = { { .hdrlen = 2, .segments_left = 1 } };

	if (stack_is_native())
		SKIP(return, "native has source routes");
	EXPECT_ERRNO(EINVAL, set_options(fd, loose_route, 8));
	EXPECT_ERRNO(EINVAL, set_options(fd, strict_route, 8));
	EXPECT_ERRNO(EINVAL, set_options(fd, late, sizeof(late)));
	EXPECT_EQ(0, getsockopt(fd, SOL_IP, IP_OPTIONS, got, &len));
	EXPECT_EQ(0, len);
	/* What was set before stays. */
	EXPECT_EQ(0, set_options(fd, timestamps, sizeof(timestamps)));
	EXPECT_ERRNO(EINVAL, set_options(fd, loose_route, 8));
	len = sizeof(got);
	EXPECT_EQ(0, getsockopt(fd, SOL_IP, IP_OPTIONS, got, &len));
	EXPECT_EQ(sizeof(timestamps), len);
	if (self->ep->ip == IP6)
		EXPECT_ERRNO(EINVAL, setsockopt(fd, SOL_IPV6, IPV6_RTHDR,
						type0, sizeof(type0)));
	close(fd);
}

TEST_F(lower, API_01_bad_ip_options)
{
	static const unsigned char cut[] = { IPOPT_RR, 15, 4 };
	static const unsigned char nul[] = { IPOPT_RR, 0, 4, 0 };
	unsigned char long_one[44] = {};
	int fd = ep_socket(self->ep, 0);

	EXPECT_ERRNO(EINVAL, set_options(fd, cut, sizeof(cut)));
	EXPECT_ERRNO(EINVAL, set_options(fd, nul, sizeof(nul)));
	EXPECT_ERRNO(EINVAL, set_options(fd, long_one, sizeof(long_one)));
	EXPECT_ERRNO(EFAULT, set_options(fd, (void *)1, 8));
	close(fd);
}

/* MAY-10, MAY-11: these two go out with each segment if a program wants it. */
TEST_F(lower, MAY_10_MAY_11_timestamp_and_record_route)
{
	struct address to = ep_address(self->ep, "10.99.0.2", "fd99::2", 9);
	int tun = blackhole_up(), fd = ep_socket(self->ep, SOCK_NONBLOCK);
	unsigned char p[1500];

	ASSERT_LE(0, tun);
	if (self->ep->ip == IP6) {
		close(fd);
		close(tun);
		return;			/* options of IPv4 */
	}
	EXPECT_EQ(0, set_options(fd, record_route, sizeof(record_route)));
	EXPECT_ERRNO(EINPROGRESS, connect(fd, &to.sa, to.len));
	do {
		ASSERT_NE(0, wait_for(tun, POLLIN, LONG_MS));
		ASSERT_LT(0, read(tun, p, sizeof(p)));
	} while (p[0] >> 4 != 4);
	EXPECT_EQ(IPPROTO_TCP, p[9]);
	EXPECT_EQ(5 + 4, p[0] & 15);
	EXPECT_EQ(IPOPT_RR, p[21]);
	close(fd);

	fd = ep_socket(self->ep, SOCK_NONBLOCK);
	EXPECT_EQ(0, set_options(fd, timestamps, sizeof(timestamps)));
	EXPECT_ERRNO(EINPROGRESS, connect(fd, &to.sa, to.len));
	do {
		ASSERT_NE(0, wait_for(tun, POLLIN, LONG_MS));
		ASSERT_LT(0, read(tun, p, sizeof(p)));
	} while (p[0] >> 4 != 4);
	EXPECT_EQ(5 + 3, p[0] & 15);
	EXPECT_EQ(IPOPT_TS, p[20]);
	close(fd);
	close(tun);
}

/* MUST-16: what the IP header takes is not there for data. */
TEST_F(lower, MUST_16_options_subtract)
{
	static unsigned char hop[8] = { 0, 0, 1, 4 };	/* PadN */
	static char buf[300000];
	bool v6 = self->ep->ip == IP6;
	int listener, fd[2], before;
	struct address a;
	ssize_t n, got = 0;
	pid_t child;

	listener = ep_listener(self->ep, 1, &a);
	fd[0] = ep_socket(self->ep, 0);
	/* Native's is no more than half of the window besides. */
	EXPECT_EQ(0, set_int(fd[0], SOL_TCP, TCP_MAXSEG, 1000));
	ASSERT_EQ(0, connect(fd[0], &a.sa, a.len));
	fd[1] = accept(listener, NULL, NULL);
	ASSERT_LE(0, fd[1]);
	close(listener);
	before = get_int(fd[0], SOL_TCP, TCP_MAXSEG);
	ASSERT_LT(0, before);
	EXPECT_EQ(0, v6 ? setsockopt(fd[0], SOL_IPV6, IPV6_HOPOPTS, hop, 8) :
			  set_options(fd[0], record_route, 16));
	EXPECT_EQ(before - (v6 ? 8 : 16), get_int(fd[0], SOL_TCP, TCP_MAXSEG));

	child = fork();
	if (!child) {
		pattern_fill(buf, sizeof(buf), 31, 0);
		_exit(send(fd[0], buf, sizeof(buf), 0) != sizeof(buf));
	}
	while (got < (ssize_t)sizeof(buf)) {
		n = recv(fd[1], buf + got, sizeof(buf) - got, 0);
		ASSERT_LT(0, n);
		got += n;
	}
	EXPECT_EQ(sizeof(buf), pattern_check(buf, sizeof(buf), 31, 0));
	EXPECT_EQ(child, waitpid(child, NULL, 0));

	EXPECT_EQ(0, v6 ? setsockopt(fd[0], SOL_IPV6, IPV6_HOPOPTS, NULL, 0) :
			  set_options(fd[0], "", 0));
	/* Native does not take it back for IPv6. */
	EXPECT_EQ(v6 && stack_is_native() ? before - 8 : before,
		  get_int(fd[0], SOL_TCP, TCP_MAXSEG));
	close(fd[0]);
	close(fd[1]);
}

/* The cmsg of @level and @type in what the kernel kept of the handshake. */
static int received(int fd, int level, int option, int type)
{
	char buf[256];
	socklen_t len = sizeof(buf);
	struct msghdr msg = { .msg_control = buf };
	struct cmsghdr *cmsg;
	int value = -1;

	if (getsockopt(fd, level, option, buf, &len))
		return -2;
	msg.msg_controllen = len;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		if (cmsg->cmsg_type != type)
			continue;
		value = 0;
		memcpy(&value, CMSG_DATA(cmsg),
		       cmsg->cmsg_len - CMSG_LEN(0));
	}
	return value;
}

/* MAY-9: TOS and TTL of the client's packets, as native hands them up. */
TEST_F(lower, MAY_9_received_tos_and_ttl)
{
	bool v6 = self->ep->ip == IP6;
	struct address a;
	int listener = ep_listener(self->ep, 1, &a), child;
	int fd = ep_socket(self->ep, 0);

	ASSERT_LE(0, listener);
	EXPECT_EQ(0, v6 ? set_int(fd, SOL_IPV6, IPV6_TCLASS, 0x48) :
			  set_int(fd, SOL_IP, IP_TOS, 0x48));
	EXPECT_EQ(0, v6 ? set_int(fd, SOL_IPV6, IPV6_UNICAST_HOPS, 33) :
			  set_int(fd, SOL_IP, IP_TTL, 33));
	ASSERT_EQ(0, connect(fd, &a.sa, a.len));
	child = accept(listener, NULL, NULL);
	ASSERT_LE(0, child);
	if (v6) {
		EXPECT_EQ(0, set_int(child, SOL_IPV6, IPV6_RECVTCLASS, 1));
		EXPECT_EQ(0, set_int(child, SOL_IPV6, IPV6_RECVHOPLIMIT, 1));
		EXPECT_EQ(0x48, received(child, SOL_IPV6, IPV6_2292PKTOPTIONS,
					 IPV6_TCLASS));
		EXPECT_EQ(33, received(child, SOL_IPV6, IPV6_2292PKTOPTIONS,
				       IPV6_HOPLIMIT));
	} else {
		EXPECT_EQ(0, set_int(child, SOL_IP, IP_RECVTOS, 1));
		EXPECT_EQ(0, set_int(child, SOL_IP, IP_RECVTTL, 1));
		EXPECT_EQ(0x48, received(child, SOL_IP, IP_PKTOPTIONS, IP_TOS));
		EXPECT_EQ(33, received(child, SOL_IP, IP_PKTOPTIONS, IP_TTL));
	}
	close(child);
	close(fd);
	close(listener);
}

/* A rule may name the source port, which connect() has yet to choose. */
TEST_F(lower, route_by_source_port)
{
	bool v6 = self->ep->ip == IP6;
	struct address to, from;
	FILE *f;
	int fd, listener;

	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, loopback_up());
	listener = ep_listener(self->ep, 4, &to);
	f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "w");
	ASSERT_NE(NULL, f);
	fprintf(f, "20000 20015\n");
	fclose(f);
	ASSERT_EQ(0, system("ip rule add pref 0 ipproto tcp sport 20000-20015"
			    " prohibit && ip rule add pref 1 lookup local &&"
			    " ip rule del pref 0 lookup local;"
			    " ip -6 rule add pref 0 ipproto tcp"
			    " sport 20000-20015 prohibit &&"
			    " ip -6 rule add pref 1 lookup local &&"
			    " ip -6 rule del pref 0 lookup local"));
	fd = ep_socket(self->ep, 0);
	/* Native asks again for IPv4 only. */
	if (v6 && stack_is_native()) {
		close(fd);
		close(listener);
		return;
	}
	EXPECT_ERRNO(EACCES, connect(fd, &to.sa, to.len));
	EXPECT_EQ(TCP_CLOSE, tcp_state(fd));
	EXPECT_EQ(0, so_error(fd));
	/* Another port is another route. */
	from = ep_loopback(self->ep, 20016);
	EXPECT_EQ(0, bind(fd, &from.sa, from.len));
	EXPECT_EQ(0, connect(fd, &to.sa, to.len));
	close(fd);
	close(listener);
}

TEST_HARNESS_MAIN
