// SPDX-License-Identifier: GPL-2.0
/* setsockopt() and getsockopt(): ranges, defaults, and what is not there. */
#include "kselftest_harness.h"
#include "../lib.h"

PAIR_FIXTURE(option);

struct range { int level, name, value, err; };

static void check_ranges(struct __test_metadata *_metadata, int fd,
			 const struct range *r, int n)
{
	for (; n--; r++) {
		int before = get_int(fd, r->level, r->name), err;

		errno = 0;
		err = set_int(fd, r->level, r->name, r->value) ? errno : 0;
		EXPECT_EQ(r->err, err) {
			TH_LOG("level %d option %d = %d", r->level, r->name,
			       r->value);
		}
		EXPECT_EQ(r->err ? before : r->value,
			  get_int(fd, r->level, r->name)) {
			TH_LOG("level %d option %d = %d reads back wrong",
			       r->level, r->name, r->value);
		}
	}
}

#define CHECK_RANGES(fd, r) \
	check_ranges(_metadata, fd, r, sizeof(r) / sizeof(*(r)))

/* API-01: values at and beyond the ends of each range. */
TEST_F(option, API_01_ranges)
{
	static const struct range ranges[] = {
		{ SOL_TCP, TCP_NODELAY, 1, 0 },
		{ SOL_TCP, TCP_NODELAY, 0, 0 },
		{ SOL_TCP, TCP_CORK, 1, 0 },
		{ SOL_TCP, TCP_CORK, 0, 0 },
		{ SOL_TCP, TCP_SYNCNT, 0, EINVAL },
		{ SOL_TCP, TCP_SYNCNT, 1, 0 },
		{ SOL_TCP, TCP_SYNCNT, 127, 0 },
		{ SOL_TCP, TCP_SYNCNT, 128, EINVAL },
		{ SOL_TCP, TCP_KEEPIDLE, 0, EINVAL },
		{ SOL_TCP, TCP_KEEPIDLE, 1, 0 },
		{ SOL_TCP, TCP_KEEPIDLE, 32767, 0 },
		{ SOL_TCP, TCP_KEEPIDLE, 32768, EINVAL },
		{ SOL_TCP, TCP_KEEPINTVL, 0, EINVAL },
		{ SOL_TCP, TCP_KEEPINTVL, 32767, 0 },
		{ SOL_TCP, TCP_KEEPINTVL, 32768, EINVAL },
		{ SOL_TCP, TCP_KEEPCNT, 0, EINVAL },
		{ SOL_TCP, TCP_KEEPCNT, 127, 0 },
		{ SOL_TCP, TCP_KEEPCNT, 128, EINVAL },
		{ SOL_TCP, TCP_USER_TIMEOUT, 0, 0 },
		{ SOL_TCP, TCP_USER_TIMEOUT, 1000, 0 },
		{ SOL_TCP, TCP_USER_TIMEOUT, -1, EINVAL },
		{ SOL_TCP, TCP_LINGER2, 5, 0 },
		{ SOL_TCP, TCP_LINGER2, -1, 0 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1, 0 },
		{ SOL_SOCKET, SO_KEEPALIVE, 0, 0 },
		{ SOL_SOCKET, SO_OOBINLINE, 1, 0 },
		{ SOL_SOCKET, SO_REUSEADDR, 1, 0 },
		{ SOL_SOCKET, SO_REUSEPORT, 1, 0 },
		{ SOL_SOCKET, SO_PRIORITY, 4, 0 },
		{ SOL_SOCKET, SO_MARK, 99, 0 },
		{ SOL_SOCKET, SO_DONTROUTE, 1, 0 },
	};

	CHECK_RANGES(self->fd[0], ranges);
	CHECK_RANGES(self->fd[1], ranges);
}

/* MUST-25, MUST-28: the classic defaults. */
TEST_F(option, MUST_28_defaults)
{
	int fd = ep_socket(self->ep, 0);

	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_KEEPALIVE));
	EXPECT_EQ(7200, get_int(fd, SOL_TCP, TCP_KEEPIDLE));
	EXPECT_EQ(75, get_int(fd, SOL_TCP, TCP_KEEPINTVL));
	/* Deviation: native sends nine. */
	EXPECT_EQ(stack_is_native() ? 9 : 10,
		  get_int(fd, SOL_TCP, TCP_KEEPCNT));
	EXPECT_EQ(6, get_int(fd, SOL_TCP, TCP_SYNCNT));
	EXPECT_EQ(60, get_int(fd, SOL_TCP, TCP_LINGER2));
	EXPECT_EQ(0, get_int(fd, SOL_TCP, TCP_NODELAY));
	EXPECT_EQ(0, get_int(fd, SOL_TCP, TCP_CORK));
	EXPECT_EQ(0, get_int(fd, SOL_TCP, TCP_USER_TIMEOUT));
	EXPECT_EQ(1, get_int(fd, SOL_SOCKET, SO_RCVLOWAT));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_REUSEADDR));
	close(fd);
}

/* MUST-24, MUST-27: the switch and its times are the socket's own. */
TEST_F(option, MUST_27_keepalive_is_per_socket)
{
	int *fd = self->fd;

	EXPECT_EQ(0, set_int(fd[0], SOL_SOCKET, SO_KEEPALIVE, 1));
	EXPECT_EQ(0, set_int(fd[0], SOL_TCP, TCP_KEEPIDLE, 5));
	EXPECT_EQ(0, get_int(fd[1], SOL_SOCKET, SO_KEEPALIVE));
	EXPECT_EQ(7200, get_int(fd[1], SOL_TCP, TCP_KEEPIDLE));
}

/* CVE-2010-4165: 0 and 1 must not divide anything. */
TEST_F(option, API_01_maxseg)
{
	struct address a;
	int fd = ep_socket(self->ep, 0), mss;
	int listener = ep_listener(self->ep, 1, &a);

	EXPECT_ERRNO(EINVAL, set_int(fd, SOL_TCP, TCP_MAXSEG, 1));
	EXPECT_ERRNO(EINVAL, set_int(fd, SOL_TCP, TCP_MAXSEG, 87));
	EXPECT_ERRNO(EINVAL, set_int(fd, SOL_TCP, TCP_MAXSEG, 32768));
	EXPECT_ERRNO(EINVAL, set_int(fd, SOL_TCP, TCP_MAXSEG, -1));
	EXPECT_EQ(0, set_int(fd, SOL_TCP, TCP_MAXSEG, 0));
	EXPECT_EQ(0, set_int(fd, SOL_TCP, TCP_MAXSEG, 88));
	EXPECT_EQ(0, set_int(fd, SOL_TCP, TCP_MAXSEG, 32767));
	EXPECT_EQ(0, set_int(fd, SOL_TCP, TCP_MAXSEG, 700));
	EXPECT_EQ(700, get_int(fd, SOL_TCP, TCP_MAXSEG));
	EXPECT_EQ(0, connect(fd, &a.sa, a.len));
	/* Less the timestamps on each segment. */
	mss = get_int(fd, SOL_TCP, TCP_MAXSEG);
	EXPECT_GE(700, mss);
	EXPECT_LE(700 - 40, mss);
	close(fd);
	close(listener);
}

TEST_F(option, quickack)
{
	int fd = self->fd[0];

	EXPECT_EQ(0, set_int(fd, SOL_TCP, TCP_QUICKACK, 1));
	EXPECT_EQ(1, get_int(fd, SOL_TCP, TCP_QUICKACK));
	EXPECT_EQ(0, set_int(fd, SOL_TCP, TCP_QUICKACK, 0));
	EXPECT_EQ(0, get_int(fd, SOL_TCP, TCP_QUICKACK));
}

/* A partial segment stays while corked and goes when the cork is pulled. */
TEST_F(option, cork)
{
	int *fd = self->fd;
	char buf[8];

	EXPECT_EQ(0, set_int(fd[0], SOL_TCP, TCP_CORK, 1));
	EXPECT_EQ(3, send(fd[0], "abc", 3, 0));
	EXPECT_EQ(0, wait_for(fd[1], POLLIN, 20));
	EXPECT_EQ(0, set_int(fd[0], SOL_TCP, TCP_CORK, 0));
	EXPECT_EQ(POLLIN, wait_for(fd[1], POLLIN, 150));
	EXPECT_EQ(3, recv(fd[1], buf, sizeof(buf), 0));
	/* TCP_NODELAY pulls it too. */
	EXPECT_EQ(0, set_int(fd[0], SOL_TCP, TCP_CORK, 1));
	EXPECT_EQ(3, send(fd[0], "def", 3, 0));
	EXPECT_EQ(0, set_int(fd[0], SOL_TCP, TCP_NODELAY, 1));
	EXPECT_EQ(POLLIN, wait_for(fd[1], POLLIN, 150));
}

TEST_F(option, congestion)
{
	char name[16] = "";
	socklen_t len = sizeof(name);
	int fd = self->fd[0];

	EXPECT_EQ(0, setsockopt(fd, SOL_TCP, TCP_CONGESTION, "reno", 4));
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len));
	EXPECT_STREQ("reno", name);
	EXPECT_EQ(16, len);
	EXPECT_ERRNO(ENOENT, setsockopt(fd, SOL_TCP, TCP_CONGESTION, "nosuch",
					6));
	EXPECT_ERRNO(EINVAL, setsockopt(fd, SOL_TCP, TCP_CONGESTION, "", 0));
	EXPECT_ERRNO(EFAULT, setsockopt(fd, SOL_TCP, TCP_CONGESTION, (void *)1,
					4));
	/* A long name is cut, not overrun. */
	EXPECT_ERRNO(ENOENT, setsockopt(fd, SOL_TCP, TCP_CONGESTION,
					"renorenorenorenoreno", 20));
	len = 3;
	memset(name, 'z', sizeof(name));
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len));
	EXPECT_EQ(3, len);
	EXPECT_EQ(0, memcmp(name, "renz", 4));
}

/* What the algorithm tells: of BBR its model, of CUBIC nothing. */
TEST_F(option, cc_info)
{
	int fd = self->fd[0];
	unsigned int info[8];
	socklen_t len = sizeof(info);

	EXPECT_ERRNO(ENOPROTOOPT, setsockopt(fd, SOL_TCP, TCP_CC_INFO, info,
					     sizeof(info)));
	EXPECT_EQ(0, setsockopt(fd, SOL_TCP, TCP_CONGESTION, "cubic", 5));
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_CC_INFO, info, &len));
	EXPECT_EQ(0, len);

	if (setsockopt(fd, SOL_TCP, TCP_CONGESTION, "bbr", 3)) {
		ASSERT_TRUE(stack_is_native());
		SKIP(return, "native TCP has no BBR here");
	}
	ASSERT_EQ(1, send(fd, "x", 1, 0));
	len = sizeof(info);
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_CC_INFO, info, &len));
	EXPECT_EQ(20, len);
	EXPECT_LT(256, info[3]);	/* STARTUP's pacing gain */
	len = 4;
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_CC_INFO, info, &len));
	EXPECT_EQ(4, len);
}

/* An option that isn't there says so, both ways; none is a silent success. */
TEST_F(option, absent)
{
	static const int names[] = {
		TCP_DEFER_ACCEPT, TCP_MD5SIG, TCP_THIN_LINEAR_TIMEOUTS,
		TCP_THIN_DUPACK, TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, TCP_REPAIR_OPTIONS,
		TCP_TIMESTAMP, TCP_SAVE_SYN,
		TCP_SAVED_SYN, TCP_REPAIR_WINDOW,
		TCP_ULP, TCP_MD5SIG_EXT,
		TCP_ZEROCOPY_RECEIVE, TCP_TX_DELAY,
		0, 15, 38, 39, 40, 41, 42, 43, 100, 255, -1,
	};
	int fd = self->fd[0];
	unsigned int i;

	if (stack_is_native())
		SKIP(return, "native TCP has them");
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char buf[256] = {};
		socklen_t len = sizeof(buf);

		errno = 0;
		setsockopt(fd, SOL_TCP, names[i], buf, 4);
		EXPECT_EQ(ENOPROTOOPT, errno) {
			TH_LOG("set %d: %s", names[i], strerror(errno));
		}
		errno = 0;
		getsockopt(fd, SOL_TCP, names[i], buf, &len);
		EXPECT_EQ(ENOPROTOOPT, errno) {
			TH_LOG("get %d: %s", names[i], strerror(errno));
		}
	}
}

/* There or not there, but the same in both directions, and it remembers. */
TEST_F(option, half_an_option)
{
	static const int names[] = {
		TCP_WINDOW_CLAMP, TCP_NOTSENT_LOWAT, TCP_INQ,
	};
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (set_int(self->fd[0], SOL_TCP, names[i], 1)) {
			EXPECT_EQ(ENOPROTOOPT, errno);
			EXPECT_EQ(-1, get_int(self->fd[0], SOL_TCP, names[i]));
		} else {
			EXPECT_LE(1, get_int(self->fd[0], SOL_TCP, names[i]));
		}
	}
}

TEST_F(option, wrong_level)
{
	int fd = self->fd[0], v;
	socklen_t len = sizeof(v);

	EXPECT_ERRNO(ENOPROTOOPT, set_int(fd, 200, 1, 1));
	EXPECT_ERRNO(self->ep->ip == IP4 ? EOPNOTSUPP : ENOPROTOOPT,
		     getsockopt(fd, 200, 1, &v, &len));
	EXPECT_ERRNO(ENOPROTOOPT, set_int(fd, SOL_TCP, 9999, 1));
	EXPECT_ERRNO(EINVAL, getsockopt(fd, SOL_TCP, TCP_NODELAY, &v,
					&(socklen_t) { -1 }));
}

/* API-02: a short buffer gets its length of bytes and no more. */
TEST_F(option, API_02_short_buffers)
{
	unsigned char buf[8];
	socklen_t len = 1;
	int fd = self->fd[0];

	memset(buf, 0xaa, sizeof(buf));
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_KEEPIDLE, buf, &len));
	EXPECT_EQ(1, len);
	EXPECT_EQ(0xaa, buf[1]);
	len = sizeof(buf);
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_KEEPIDLE, buf, &len));
	EXPECT_EQ(4, len);
	EXPECT_EQ(0xaa, buf[4]);
	EXPECT_ERRNO(EINVAL, setsockopt(fd, SOL_TCP, TCP_KEEPIDLE, buf, 3));
	EXPECT_ERRNO(EFAULT, setsockopt(fd, SOL_TCP, TCP_KEEPIDLE, NULL, 4));
	EXPECT_ERRNO(EFAULT, getsockopt(fd, SOL_TCP, TCP_KEEPIDLE, NULL,
					&len));
}

/* SO_SNDBUF and SO_RCVBUF are doubled and have a floor and a ceiling. */
TEST_F(option, API_10_buffer_sizes)
{
	int fd = self->fd[0];

	EXPECT_EQ(0, set_int(fd, SOL_SOCKET, SO_SNDBUF, 50000));
	EXPECT_EQ(100000, get_int(fd, SOL_SOCKET, SO_SNDBUF));
	EXPECT_EQ(0, set_int(fd, SOL_SOCKET, SO_RCVBUF, 50000));
	EXPECT_EQ(100000, get_int(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(0, set_int(fd, SOL_SOCKET, SO_SNDBUF, 0));
	EXPECT_LT(0, get_int(fd, SOL_SOCKET, SO_SNDBUF));
	EXPECT_EQ(0, set_int(fd, SOL_SOCKET, SO_RCVBUF, 0));
	EXPECT_LT(0, get_int(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_EQ(0, set_int(fd, SOL_SOCKET, SO_RCVBUF, INT32_MAX));
	EXPECT_LT(0, get_int(fd, SOL_SOCKET, SO_RCVBUF));
	/* And the connection still works. */
	EXPECT_EQ(1, send(self->fd[1], "x", 1, 0));
	EXPECT_EQ(1, recv(fd, &fd, 1, 0));
}

/* Initial sizes are the knobs', when nobody sets them. */
TEST_F(option, buffer_defaults)
{
	const char *path = stack_is_native() ? "/proc/sys/net/ipv4/tcp_rmem" :
					       "/proc/sys/net/tcpx/rmem";
	int fd = ep_socket(self->ep, 0), min, def, max;
	FILE *f = fopen(path, "r");

	ASSERT_NE(NULL, f);
	ASSERT_EQ(3, fscanf(f, "%d %d %d", &min, &def, &max));
	fclose(f);
	EXPECT_EQ(def, get_int(fd, SOL_SOCKET, SO_RCVBUF));
	EXPECT_LE(min, def);
	EXPECT_LE(def, max);
	close(fd);
}

/* MUST-48, MUST-49, SHLD-21 */
TEST_F(option, MUST_48_ip4_fields)
{
	static const struct range ranges[] = {
		{ SOL_IP, IP_TOS, 0x10, 0 },
		{ SOL_IP, IP_TOS, 0xb8, 0 },
		{ SOL_IP, IP_TTL, 1, 0 },
		{ SOL_IP, IP_TTL, 255, 0 },
		{ SOL_IP, IP_TTL, 0, EINVAL },
		{ SOL_IP, IP_TTL, 256, EINVAL },
		{ SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT, 0 },
		{ SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_WANT, 0 },
	};

	CHECK_RANGES(self->fd[0], ranges);
	/* The two ECN bits are TCP's own. */
	EXPECT_EQ(0, set_int(self->fd[0], SOL_IP, IP_TOS, 0x13));
	EXPECT_EQ(0x10, get_int(self->fd[0], SOL_IP, IP_TOS));
	EXPECT_EQ(0, set_int(self->fd[0], SOL_IP, IP_TTL, -1));
	EXPECT_EQ(64, get_int(self->fd[0], SOL_IP, IP_TTL));
}

TEST_F(option, MUST_48_ip6_fields)
{
	static const struct range ranges[] = {
		{ SOL_IPV6, IPV6_TCLASS, 0x20, 0 },
		{ SOL_IPV6, IPV6_TCLASS, 256, EINVAL },
		{ SOL_IPV6, IPV6_TCLASS, -2, EINVAL },
		{ SOL_IPV6, IPV6_UNICAST_HOPS, 1, 0 },
		{ SOL_IPV6, IPV6_UNICAST_HOPS, 255, 0 },
		{ SOL_IPV6, IPV6_UNICAST_HOPS, 256, EINVAL },
		{ SOL_IPV6, IPV6_UNICAST_HOPS, -2, EINVAL },
	};
	char control[64];
	struct iovec iov = { control, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (self->ep->ip == IP4) {
		EXPECT_ERRNO(ENOPROTOOPT, set_int(self->fd[0], SOL_IPV6,
						  IPV6_TCLASS, 0));
		return;
	}
	CHECK_RANGES(self->fd[0], ranges);
	EXPECT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(1, recvmsg(self->fd[1], &msg, 0));
}

/* CVE-2022-3566: IPV6_ADDRFORM would swap the socket's operations. */
TEST_F(option, API_01_addrform)
{
	int fd = self->fd[0];

	/* Native does it, for a mapped address only. */
	if (!stack_is_native())
		EXPECT_ERRNO(ENOPROTOOPT, set_int(fd, SOL_IPV6, IPV6_ADDRFORM,
						  AF_INET));
	EXPECT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(1, recv(self->fd[1], &fd, 1, 0));
}

TEST_F(option, bind_to_device)
{
	char name[IFNAMSIZ] = "";
	socklen_t len = sizeof(name);
	struct address to;
	int listener = ep_listener(self->ep, 1, &to);
	int tun = blackhole_up(), fd = ep_socket(self->ep, SOCK_NONBLOCK);

	ASSERT_LE(0, tun);
	EXPECT_ERRNO(ENODEV, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE,
					"nosuch0", 7));
	EXPECT_EQ(0, setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	EXPECT_EQ(0, getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	EXPECT_STREQ("lo", name);
	connect(fd, &to.sa, to.len);
	EXPECT_EQ(POLLOUT, wait_for(fd, POLLOUT, LONG_MS));
	EXPECT_EQ(0, so_error(fd));
	close(fd);

	/* A listener on the other device does not hear it. */
	set_int(listener, SOL_SOCKET, SO_REUSEADDR, 1);
	EXPECT_EQ(0, setsockopt(listener, SOL_SOCKET, SO_BINDTODEVICE, "tun0",
				5));
	EXPECT_ERRNO(ECONNREFUSED, ep_connected(self->ep, &to));
	close(listener);
	close(tun);
}

TEST_F(option, API_03_ioctls)
{
	int *fd = self->fd, n = -1;
	char buf[8];

	EXPECT_EQ(0, ioctl(fd[1], SIOCINQ, &n));
	EXPECT_EQ(0, n);
	EXPECT_EQ(5, send(fd[0], "hello", 5, 0));
	EXPECT_EQ(POLLIN, wait_for(fd[1], POLLIN, LONG_MS));
	EXPECT_EQ(0, ioctl(fd[1], SIOCINQ, &n));
	EXPECT_EQ(5, n);
	EXPECT_EQ(5, recv(fd[1], buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(2, recv(fd[1], buf, 2, 0));
	EXPECT_EQ(0, ioctl(fd[1], FIONREAD, &n));
	EXPECT_EQ(3, n);
	EXPECT_TRUE(eventually(!ioctl(fd[0], SIOCOUTQ, &n) && n == 0));
	EXPECT_EQ(0, ioctl(fd[0], SIOCOUTQNSD, &n));
	EXPECT_EQ(0, n);
	EXPECT_EQ(0, ioctl(fd[0], SIOCATMARK, &n));
	EXPECT_ERRNO(EFAULT, ioctl(fd[1], SIOCINQ, NULL));
	EXPECT_ERRNO(ENOTTY, ioctl(fd[0], 0x5499, &n));
	EXPECT_ERRNO(ENOTTY, ioctl(fd[0], _IOR('z', 200, int), &n));
	EXPECT_ERRNO(ENOTTY, ioctl(fd[0], SIOCPROTOPRIVATE, &n));
}

/* SIOCOUTQ counts what was not acknowledged, SIOCOUTQNSD what was not sent. */
TEST_F(option, API_03_queue_lengths)
{
	static char buf[1 << 20];
	int *fd = self->fd, outq = -1, unsent = -1, inq = -1;
	ssize_t n, sent = 0;

	set_nonblock(fd[0]);
	while ((n = send(fd[0], buf, sizeof(buf), 0)) > 0)
		sent += n;
	EXPECT_TRUE(eventually(!ioctl(fd[0], SIOCOUTQ, &outq) &&
			       !ioctl(fd[0], SIOCOUTQNSD, &unsent) &&
			       !ioctl(fd[1], SIOCINQ, &inq) &&
			       outq + inq == sent));
	EXPECT_LT(0, outq);
	EXPECT_LT(0, inq);
	EXPECT_GE(outq, unsent);
}

TEST_HARNESS_MAIN
