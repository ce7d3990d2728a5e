// SPDX-License-Identifier: GPL-2.0
/* What a program hears of errors on the way: ICMP, retransmissions. */
#include <time.h>
#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/ip.h>

#include "kselftest_harness.h"
#include "../lib.h"

#define QUOTED 8		/* bytes of the segment, behind its IP header */

/* Of ICMP and of ICMPv6; <linux/icmp.h> does not go with <net/if.h>. */
enum { ICMP_DEST_UNREACH = 3, ICMPV6_DEST_UNREACH = 1 };
enum { ICMP_HOST_UNREACH = 1, ICMPV6_ADDR_UNREACH = 3 };
enum { ICMP_PORT_UNREACH = 3, ICMPV6_PORT_UNREACH = 4 };

struct icmp_header {
	uint8_t type, code;
	uint16_t checksum;
	uint32_t rest;
};

/* A connect() to an address behind the tun device, whose SYN we have. */
FIXTURE(opening) {
	const struct endpoint *ep;
	struct address to;
	int tun, fd;
	unsigned char syn[1500];
	size_t header;		/* of IP */
};
ENDPOINT_VARIANTS(opening);

/* The next TCP segment that leaves by the tun device; its IP header's size. */
static size_t read_segment(int tun, bool v6, unsigned char *packet, size_t size)
{
	for (;;) {
		if (!wait_for(tun, POLLIN, LONG_MS))
			return 0;
		if (read(tun, packet, size) < 40)
			continue;
		if (v6 && packet[0] >> 4 == 6 && packet[6] == IPPROTO_TCP)
			return 40;
		if (!v6 && packet[0] >> 4 == 4 && packet[9] == IPPROTO_TCP)
			return (packet[0] & 15) * 4;
	}
}

FIXTURE_SETUP(opening)
{
	self->ep = &variant->ep;
	self->tun = blackhole_up();
	ASSERT_LE(0, self->tun);
	self->to = ep_address(self->ep, "10.99.0.2", "fd99::2", 9);
	self->fd = ep_socket(self->ep, SOCK_NONBLOCK);
}

FIXTURE_TEARDOWN(opening)
{
	close(self->fd);
	close(self->tun);
}

static void start_connect(struct __test_metadata *_metadata,
			  FIXTURE_DATA(opening) *self)
{
	EXPECT_ERRNO(EINPROGRESS, connect(self->fd, &self->to.sa,
					  self->to.len));
	self->header = read_segment(self->tun, self->ep->ip == IP6, self->syn,
				    sizeof(self->syn));
	ASSERT_NE(0, self->header);
}

static uint16_t checksum(const void *data, size_t len, uint32_t sum)
{
	const unsigned char *p = data;

	for (; len > 1; len -= 2, p += 2)
		sum += p[0] << 8 | p[1];
	if (len)
		sum += p[0] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* As a router sends it: 10.99.0.254 or fd99::fe. */
static void send_icmp4(int tun, int type, int code, const unsigned char *syn,
		       size_t quoted)
{
	struct {
		struct iphdr ip;
		struct icmp_header icmp;
		unsigned char quoted[60 + QUOTED];
	} p = {
		.ip = {
			.version = 4, .ihl = 5, .ttl = 64,
			.protocol = IPPROTO_ICMP,
			.tot_len = htons(28 + quoted),
		},
		.icmp = { .type = type, .code = code },
	};

	inet_pton(AF_INET, "10.99.0.254", &p.ip.saddr);
	inet_pton(AF_INET, "10.99.0.1", &p.ip.daddr);
	p.ip.check = checksum(&p.ip, 20, 0);
	memcpy(p.quoted, syn, quoted);
	p.icmp.checksum = checksum(&p.icmp, 8 + quoted, 0);
	if (write(tun, &p, 28 + quoted) != (ssize_t)(28 + quoted))
		abort();
}

static void send_icmp6(int tun, int type, int code, const unsigned char *syn,
		       size_t quoted)
{
	struct {
		struct ipv6hdr ip;
		struct icmp_header icmp;
		unsigned char quoted[40 + QUOTED];
	} p = {
		.ip = {
			.version = 6, .hop_limit = 64,
			.nexthdr = IPPROTO_ICMPV6,
			.payload_len = htons(8 + quoted),
		},
		.icmp = { .type = type, .code = code },
	};
	uint32_t sum = IPPROTO_ICMPV6 + 8 + quoted;

	inet_pton(AF_INET6, "fd99::fe", &p.ip.saddr);
	inet_pton(AF_INET6, "fd99::1", &p.ip.daddr);
	memcpy(p.quoted, syn, quoted);
	sum += (uint16_t)~ntohs(checksum(&p.ip.saddr, 32, 0));
	p.icmp.checksum = checksum(&p.icmp, 8 + quoted, sum);
	if (write(tun, &p, 48 + quoted) != (ssize_t)(48 + quoted))
		abort();
}

static void send_error(FIXTURE_DATA(opening) *self, bool hard)
{
	if (self->ep->ip == IP6)
		send_icmp6(self->tun, ICMPV6_DEST_UNREACH,
			   hard ? ICMPV6_PORT_UNREACH :
				  ICMPV6_ADDR_UNREACH,
			   self->syn, self->header + QUOTED);
	else
		send_icmp4(self->tun, ICMP_DEST_UNREACH,
			   hard ? ICMP_PORT_UNREACH : ICMP_HOST_UNREACH,
			   self->syn, self->header + QUOTED);
}

static int ask_for_errors(FIXTURE_DATA(opening) *self, int on)
{
	return self->ep->ip == IP6 ?
	       set_int(self->fd, SOL_IPV6, IPV6_RECVERR, on) :
	       set_int(self->fd, SOL_IP, IP_RECVERR, on);
}

struct report {
	unsigned char quoted[64];
	struct address to;
	struct sock_extended_err ee;
	struct address offender;
	int flags, level, type;
};

static ssize_t read_report(int fd, struct report *r)
{
	char control[256];
	struct iovec iov = { r->quoted, sizeof(r->quoted) };
	struct msghdr msg = {
		.msg_name = &r->to.ss, .msg_namelen = sizeof(r->to.ss),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &msg, MSG_ERRQUEUE);
	struct cmsghdr *cmsg;

	if (n < 0)
		return n;
	cmsg = CMSG_FIRSTHDR(&msg);
	r->flags = msg.msg_flags;
	r->level = cmsg ? cmsg->cmsg_level : -1;
	r->type = cmsg ? cmsg->cmsg_type : -1;
	if (cmsg) {
		memcpy(&r->ee, CMSG_DATA(cmsg), sizeof(r->ee));
		memcpy(&r->offender.ss, CMSG_DATA(cmsg) + sizeof(r->ee),
		       cmsg->cmsg_len - CMSG_LEN(sizeof(r->ee)));
	}
	return n;
}

/* SHLD-20: nobody who has not asked is told before the connection ends. */
TEST_F(opening, SHLD_20_reports_are_off_by_default)
{
	struct report r = {};

	start_connect(_metadata, self);
	send_error(self, false);
	EXPECT_EQ(stack_is_native() ? POLLIN | POLLOUT | POLLERR | POLLHUP : 0,
		  wait_for(self->fd, POLLIN | POLLOUT, 20));
	if (stack_is_native())
		return;		/* the error ended the connection */
	EXPECT_ERRNO(EAGAIN, read_report(self->fd, &r));
	EXPECT_EQ(TCP_SYN_SENT, tcp_state(self->fd));
	/* Who looks for it finds it (SHLD-25), once. */
	EXPECT_EQ(EHOSTUNREACH, so_error(self->fd));
	EXPECT_EQ(0, so_error(self->fd));
}

/* And they can be switched off again. */
TEST_F(opening, SHLD_20_reports_off_again)
{
	struct report r = {};

	if (stack_is_native())
		SKIP(return, "native's error ends the connection");
	EXPECT_EQ(0, ask_for_errors(self, 1));
	EXPECT_EQ(0, ask_for_errors(self, 0));
	start_connect(_metadata, self);
	send_error(self, false);
	EXPECT_EQ(0, wait_for(self->fd, POLLIN | POLLOUT, 20));
	EXPECT_ERRNO(EAGAIN, read_report(self->fd, &r));
}

/* MUST-47, SHLD-25: the error, who sent it, and what it is about. */
TEST_F(opening, MUST_47_SHLD_25_error_queue)
{
	struct endpoint ep = { DOOR_NATIVE, self->ep->ip };
	struct address router = ep_address(&ep, "10.99.0.254", "fd99::fe", 0);
	bool v6 = self->ep->ip == IP6;
	struct report r = {};

	EXPECT_EQ(0, ask_for_errors(self, 1));
	start_connect(_metadata, self);
	EXPECT_ERRNO(EAGAIN, read_report(self->fd, &r));
	send_error(self, false);
	EXPECT_NE(0, wait_for(self->fd, POLLIN, LONG_MS) & POLLERR);
	EXPECT_EQ(QUOTED, read_report(self->fd, &r));
	EXPECT_EQ(0, memcmp(self->syn + self->header, r.quoted, QUOTED));
	EXPECT_NE(0, r.flags & MSG_ERRQUEUE);
	EXPECT_EQ(self->ep->ip == IP4 ? SOL_IP : SOL_IPV6, r.level);
	EXPECT_EQ(self->ep->ip == IP4 ? IP_RECVERR : IPV6_RECVERR, r.type);
	EXPECT_EQ(EHOSTUNREACH, r.ee.ee_errno);
	EXPECT_EQ(v6 ? SO_EE_ORIGIN_ICMP6 : SO_EE_ORIGIN_ICMP, r.ee.ee_origin);
	EXPECT_EQ(v6 ? ICMPV6_DEST_UNREACH : ICMP_DEST_UNREACH, r.ee.ee_type);
	EXPECT_EQ(v6 ? ICMPV6_ADDR_UNREACH : ICMP_HOST_UNREACH,
		  r.ee.ee_code);
	EXPECT_EQ(0, r.ee.ee_pad);
	EXPECT_EQ(0, r.ee.ee_data);
	EXPECT_TRUE(same_address(&self->to, &r.to));
	EXPECT_TRUE(same_address(&router, &r.offender));
	EXPECT_ERRNO(EAGAIN, read_report(self->fd, &r));
	if (stack_is_native())
		return;		/* the error ended the connection */

	/* It is told of, and the attempt goes on (MUST-56). */
	EXPECT_EQ(EHOSTUNREACH, so_error(self->fd));
	EXPECT_EQ(0, wait_for(self->fd, POLLIN | POLLOUT, 0));
	EXPECT_EQ(TCP_SYN_SENT, tcp_state(self->fd));
}

TEST_F(opening, MUST_47_SHLD_25_hard_error)
{
	struct report r = {};

	EXPECT_EQ(0, ask_for_errors(self, 1));
	start_connect(_metadata, self);
	send_error(self, true);
	EXPECT_NE(0, wait_for(self->fd, POLLOUT, LONG_MS) & POLLHUP);
	EXPECT_EQ(ECONNREFUSED, so_error(self->fd));
	EXPECT_EQ(QUOTED, read_report(self->fd, &r));
	EXPECT_EQ(ECONNREFUSED, r.ee.ee_errno);
	EXPECT_EQ(TCP_CLOSE, tcp_state(self->fd));
}

/* An error about another connection, or another segment, is none of ours. */
TEST_F(opening, MUST_54_not_about_this_connection)
{
	struct report r = {};

	EXPECT_EQ(0, ask_for_errors(self, 1));
	start_connect(_metadata, self);
	self->syn[self->header + 1] ^= 1;	/* source port */
	send_error(self, true);
	self->syn[self->header + 1] ^= 1;
	self->syn[self->header + 5] ^= 1;	/* sequence number */
	send_error(self, true);
	EXPECT_EQ(0, wait_for(self->fd, POLLIN | POLLOUT, 20));
	EXPECT_ERRNO(EAGAIN, read_report(self->fd, &r));
	EXPECT_EQ(TCP_SYN_SENT, tcp_state(self->fd));
}

PAIR_FIXTURE(path);

static int retransmits(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	return getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len) ?
	       -1 : info.tcpi_retransmits;
}

/* SHLD-9: between R1 (three timeouts) and R2 a program can see the trouble. */
TEST_F(path, SHLD_9_retransmissions_are_seen)
{
	struct sock_filter drop[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog prog = { 1, drop };
	int *fd = self->fd;
	char c;

	ASSERT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				sizeof(prog)));
	EXPECT_EQ(0, retransmits(fd[0]));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_TRUE(eventually(retransmits(fd[0]) >= 3));
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(fd[0]));
	/* The trouble is over, and so is the report of it. */
	EXPECT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_DETACH_FILTER, &prog,
				sizeof(prog)));
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
	EXPECT_TRUE(eventually(retransmits(fd[0]) == 0));
}

TEST_HARNESS_MAIN
