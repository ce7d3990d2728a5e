/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the socket tests share: one way to make a socket of either stack and
 * either door, and addresses of either family.
 *
 * TCPX_STACK=native in the environment runs the tests against native TCP: its
 * errnos are the ones that tcpx must give, so a test that fails there is wrong.
 */
#ifndef SELFTESTS_LIB_H
#define SELFTESTS_LIB_H

/* A debug kernel beside other work is slow. What hangs is ended all the same. */
#ifdef TEST_TIMEOUT_DEFAULT
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120
#endif

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "../module/uapi/tcpx.h"

#ifndef SOL_TCP
#define SOL_TCP 6
#endif

/* <linux/tcp.h> has struct tcp_info whole but no states. */
enum {
	TCP_ESTABLISHED = 1, TCP_SYN_SENT, TCP_SYN_RECV, TCP_FIN_WAIT1,
	TCP_FIN_WAIT2, TCP_TIME_WAIT, TCP_CLOSE, TCP_CLOSE_WAIT, TCP_LAST_ACK,
	TCP_LISTEN, TCP_CLOSING,
};

#define LONG_MS 10000		/* only a lost event takes this long */

enum door {
	DOOR_FAMILY,		/* socket(AF_TCPX, SOCK_STREAM, 0 or 1) */
	DOOR_PROTO,		/* socket(AF_INET*, SOCK_STREAM, IPPROTO_TCPX) */
	DOOR_NATIVE,
};

enum ip { IP4, IP6, IP4_MAPPED };

struct endpoint {
	enum door door;
	enum ip ip;
};

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_storage ss;
	};
	socklen_t len;
};

static inline bool stack_is_native(void)
{
	const char *stack = getenv("TCPX_STACK");

	return stack && !strcmp(stack, "native");
}

static inline int ep_domain(const struct endpoint *ep)
{
	return ep->ip == IP4 ? AF_INET : AF_INET6;
}

static inline int ep_socket(const struct endpoint *ep, int flags)
{
	int type = SOCK_STREAM | SOCK_CLOEXEC | flags;

	if (ep->door == DOOR_NATIVE || stack_is_native())
		return socket(ep_domain(ep), type, 0);
	if (ep->door == DOOR_PROTO)
		return socket(ep_domain(ep), type, IPPROTO_TCPX);
	return socket(AF_TCPX, type,
		      ep->ip == IP4 ? TCPXPROTO_TCP : TCPXPROTO_TCP6);
}

/* @v6 is used by IP6 only; IP4_MAPPED maps @v4. */
static inline struct address ep_address(const struct endpoint *ep,
					const char *v4, const char *v6,
					int port)
{
	struct address a = {};
	char text[64];

	if (ep->ip == IP4) {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons(port);
		inet_pton(AF_INET, v4, &a.in.sin_addr);
		a.len = sizeof(a.in);
		return a;
	}

	snprintf(text, sizeof(text), "::ffff:%s", v4);
	a.in6.sin6_family = AF_INET6;
	a.in6.sin6_port = htons(port);
	inet_pton(AF_INET6, ep->ip == IP6 ? v6 : text, &a.in6.sin6_addr);
	a.len = sizeof(a.in6);
	return a;
}

static inline struct address ep_loopback(const struct endpoint *ep, int port)
{
	return ep_address(ep, "127.0.0.1", "::1", port);
}

static inline struct address ep_any(const struct endpoint *ep, int port)
{
	struct address a = ep_address(ep, "0.0.0.0", "::", port);

	if (ep->ip == IP4_MAPPED)
		a.in6.sin6_addr = in6addr_any;
	return a;
}

/* The wildcard and the ports are at the same place in both families. */
static inline int port_of(const struct address *a)
{
	return ntohs(a->in.sin_port);
}

static inline struct address local_of(int fd)
{
	struct address a = { .len = sizeof(a.ss) };

	if (getsockname(fd, &a.sa, &a.len))
		a.len = 0;
	return a;
}

static inline struct address peer_of(int fd)
{
	struct address a = { .len = sizeof(a.ss) };

	if (getpeername(fd, &a.sa, &a.len))
		a.len = 0;
	return a;
}

static inline bool same_address(const struct address *a,
				const struct address *b)
{
	if (a->sa.sa_family != b->sa.sa_family ||
	    a->in.sin_port != b->in.sin_port)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return !memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16);
}

/* A socket bound to @a, -1 with errno if that failed. */
static inline int ep_bound(const struct endpoint *ep, const struct address *a)
{
	int fd = ep_socket(ep, 0);

	if (fd >= 0 && bind(fd, &a->sa, a->len)) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/* A listener on the loopback address and any port, which is put into *@a. */
static inline int ep_listener(const struct endpoint *ep, int backlog,
			      struct address *a)
{
	int fd;

	*a = ep_loopback(ep, 0);
	fd = ep_bound(ep, a);
	if (fd < 0 || listen(fd, backlog))
		return -1;
	*a = local_of(fd);
	return fd;
}

static inline int ep_connected(const struct endpoint *ep,
			       const struct address *to)
{
	int fd = ep_socket(ep, 0);

	if (fd >= 0 && connect(fd, &to->sa, to->len)) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/* Both ends of one connection: fd[0] connected, fd[1] was accepted. */
static inline int ep_pair(const struct endpoint *ep, int fd[2])
{
	struct address a;
	int listener;

	listener = ep_listener(ep, 1, &a);
	if (listener < 0)
		return -1;
	fd[0] = ep_connected(ep, &a);
	fd[1] = fd[0] < 0 ? -1 : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return fd[1] < 0 ? -1 : 0;
}

/* The events of @fd once any of @events is there; 0 after @ms. */
static inline int wait_for(int fd, int events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms) > 0 ? p.revents : 0;
}

static inline void set_nonblock(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static inline int set_int(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value));
}

static inline int get_int(int fd, int level, int name)
{
	socklen_t len = sizeof(int);
	int value = -1;

	return getsockopt(fd, level, name, &value, &len) ? -1 : value;
}

static inline int so_error(int fd)
{
	return get_int(fd, SOL_SOCKET, SO_ERROR);
}

static inline int tcp_state(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	return getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len) ?
	       -1 : info.tcpi_state;
}

static inline int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Evaluates to whether @cond became true within LONG_MS. */
#define eventually(cond) ({						\
	int64_t deadline_ = now_ms() + LONG_MS;				\
	bool ok_;							\
									\
	while (!(ok_ = (cond)) && now_ms() < deadline_)			\
		usleep(1000);						\
	ok_;								\
})

static inline void on_alarm_(int signal)
{
}

/* SIGALRM to whoever blocks in a call. */
static inline void alarm_in(int ms, bool restart)
{
	struct sigaction act = {
		.sa_handler = on_alarm_,
		.sa_flags = restart ? SA_RESTART : 0,
	};
	struct itimerval timer = { .it_value.tv_usec = ms * 1000 };

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Deterministic data: eight bytes of the stream that @seed names. */
static inline uint64_t pattern_word(uint32_t seed, uint64_t index)
{
	uint64_t x = index * 0x9e3779b97f4a7c15ULL + seed;

	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	return x ^ x >> 32;
}

static inline uint8_t pattern_byte(uint32_t seed, uint64_t pos)
{
	return pattern_word(seed, pos >> 3) >> (8 * (pos & 7));
}

static inline void pattern_fill(void *buf, size_t len, uint32_t seed,
				uint64_t pos)
{
	uint8_t *p = buf;

	while (len) {
		uint64_t word = htole64(pattern_word(seed, pos >> 3));

		if (!(pos & 7) && len >= 8) {
			memcpy(p, &word, 8);
			p += 8;
			pos += 8;
			len -= 8;
			continue;
		}
		*p++ = pattern_byte(seed, pos++);
		len--;
	}
}

/* The offset of the first wrong byte, or @len. */
static inline size_t pattern_check(const void *buf, size_t len, uint32_t seed,
				   uint64_t pos)
{
	const uint8_t *p = buf;
	size_t i = 0;

	while (i < len) {
		uint64_t word = htole64(pattern_word(seed, (pos + i) >> 3));

		if (!((pos + i) & 7) && len - i >= 8 &&
		    !memcmp(p + i, &word, 8)) {
			i += 8;
			continue;
		}
		if (p[i] != pattern_byte(seed, pos + i))
			break;
		i++;
	}
	return i;
}

/* All the namespace needs for 127.0.0.1 and ::1. */
static inline int loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int ret = ioctl(fd, SIOCSIFFLAGS, &ifr);

	close(fd);
	return ret;
}

/*
 * Tests of a program share its namespace. One that changes a knob takes a new
 * one; where it is native's there is no such knob: then -1 and a slow test.
 */
static inline int knob_in_new_namespace(const char *name, int value)
{
	char path[128];
	FILE *f;

	if (stack_is_native())
		return -1;
	snprintf(path, sizeof(path), "/proc/sys/net/tcpx/%s", name);
	if (unshare(CLONE_NEWNET) || loopback_up())
		return -1;
	f = fopen(path, "w");
	if (!f)
		return -1;
	fprintf(f, "%d\n", value);
	return fclose(f);
}

/*
 * A route to 10.99.0.0/24 and fd99::/64 from which nothing ever answers: a tun
 * device that nobody reads. It lives as long as the returned descriptor.
 */
static inline int blackhole_up(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	struct sockaddr_in *in = (struct sockaddr_in *)&ifr.ifr_addr;
	struct in6_ifreq ifr6 = { .ifr6_prefixlen = 64 };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	int64_t deadline = now_ms() + LONG_MS;
	socklen_t len = sizeof(in6);
	int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	int s4 = socket(AF_INET, SOCK_DGRAM, 0);
	int s6 = socket(AF_INET6, SOCK_DGRAM, 0);
	int err;

	err = ioctl(tun, TUNSETIFF, &ifr);
	ifr6.ifr6_ifindex = if_nametoindex(ifr.ifr_name);
	inet_pton(AF_INET6, "fd99::1", &ifr6.ifr6_addr);

	in->sin_family = AF_INET;
	inet_pton(AF_INET, "10.99.0.1", &in->sin_addr);
	err |= ioctl(s4, SIOCSIFADDR, &ifr);
	inet_pton(AF_INET, "255.255.255.0", &in->sin_addr);
	err |= ioctl(s4, SIOCSIFNETMASK, &ifr);
	ifr.ifr_flags = IFF_UP;
	err |= ioctl(s4, SIOCSIFFLAGS, &ifr);
	err |= ioctl(s6, SIOCSIFADDR, &ifr6);
	/*
	 * Duplicate address detection: a moment, though there is none. Then
	 * the address can be bound, and a moment later packets reach it.
	 */
	in6.sin6_addr = ifr6.ifr6_addr;
	while (!err && bind(s6, (struct sockaddr *)&in6, sizeof(in6)) &&
	       now_ms() < deadline)
		usleep(100);
	getsockname(s6, (struct sockaddr *)&in6, &len);
	do {
		sendto(s6, "", 1, 0, (struct sockaddr *)&in6, sizeof(in6));
	} while (!err && !wait_for(s6, POLLIN, 1) && now_ms() < deadline);
	close(s4);
	close(s6);
	return err ? -1 : tun;
}

#ifdef __KSELFTEST_HARNESS_H
/* Each program runs in a namespace of its own: its ports, its knobs. */
static void __attribute__((constructor)) enter_namespace(void)
{
	if (unshare(CLONE_NEWNET) || loopback_up())
		ksft_exit_fail_msg("needs root: %s\n", strerror(errno));
}

#define ENDPOINT_VARIANTS(fixture)					\
FIXTURE_VARIANT(fixture) { struct endpoint ep; };			\
FIXTURE_VARIANT_ADD(fixture, family_ip4) { .ep = { DOOR_FAMILY, IP4 } };\
FIXTURE_VARIANT_ADD(fixture, family_ip6) { .ep = { DOOR_FAMILY, IP6 } };\
FIXTURE_VARIANT_ADD(fixture, family_mapped) {				\
	.ep = { DOOR_FAMILY, IP4_MAPPED } };				\
FIXTURE_VARIANT_ADD(fixture, proto_ip4) { .ep = { DOOR_PROTO, IP4 } };	\
FIXTURE_VARIANT_ADD(fixture, proto_ip6) { .ep = { DOOR_PROTO, IP6 } };	\
FIXTURE_VARIANT_ADD(fixture, proto_mapped) {				\
	.ep = { DOOR_PROTO, IP4_MAPPED } }

/* A test of nothing but a socket's own behaviour. */
#define ENDPOINT_FIXTURE(fixture)					\
FIXTURE(fixture) { const struct endpoint *ep; };			\
ENDPOINT_VARIANTS(fixture);						\
FIXTURE_SETUP(fixture) { self->ep = &variant->ep; }			\
FIXTURE_TEARDOWN(fixture) { }

/* A test of one connection; fd[0] connected, fd[1] was accepted. */
#define PAIR_FIXTURE(fixture)						\
FIXTURE(fixture) { const struct endpoint *ep; int fd[2]; };		\
ENDPOINT_VARIANTS(fixture);						\
FIXTURE_SETUP(fixture)							\
{									\
	self->ep = &variant->ep;					\
	ASSERT_EQ(0, ep_pair(self->ep, self->fd)) {			\
		TH_LOG("no connection: %s", strerror(errno));		\
	}								\
}									\
FIXTURE_TEARDOWN(fixture)						\
{									\
	close(self->fd[0]);						\
	close(self->fd[1]);						\
}

/* @call fails with @err. */
#define EXPECT_ERRNO(err, call) do {					\
	errno = 0;							\
	EXPECT_EQ(-1, (call));						\
	EXPECT_EQ(err, errno) {						\
		TH_LOG("%s: %s, not %s", #call, strerror(errno),	\
		       strerror(err));					\
	}								\
} while (0)
#endif /* __KSELFTEST_HARNESS_H */

#endif /* SELFTESTS_LIB_H */
