// SPDX-License-Identifier: GPL-2.0
/*
 * LEAK-01: what the kernel hands out is what it means to: every byte within
 * the length that it returns was written, none behind it, padding is zero, and
 * nothing looks like a kernel address or freed memory.
 */
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>

#include "kselftest_harness.h"
#include "../lib.h"

PAIR_FIXTURE(leak);

#define ROOM 4096

/* Two answers, into memory that held different bytes before. */
struct answer {
	unsigned char a[ROOM], b[ROOM];
	socklen_t len;
};

/* Not one byte that was not written: it would have kept what it held. */
static size_t first_unwritten(const struct answer *answer)
{
	size_t i;

	for (i = 0; i < answer->len; i++)
		if (answer->a[i] == 0xa5 && answer->b[i] == 0x5a)
			break;
	return i;
}

/* Nor one behind the end. */
static size_t first_written_behind(const struct answer *answer)
{
	size_t i;

	for (i = answer->len; i < ROOM; i++)
		if (answer->a[i] != 0xa5 || answer->b[i] != 0x5a)
			break;
	return i;
}

/* x86-64's kernel half, or what the allocator fills freed memory with. */
static bool looks_secret(const unsigned char *p, size_t len)
{
	size_t i;

	for (i = 0; i + 8 <= len; i += 4) {
		uint64_t word;

		memcpy(&word, p + i, 8);
		if (word == 0x6b6b6b6b6b6b6b6bULL ||
		    word == 0x5a5a5a5a5a5a5a5aULL)
			return true;
		if (!(i & 7) && word >> 47 == 0x1ffff && word + 65536 > 65536)
			return true;
	}
	return false;
}

static int get_twice(int fd, int level, int name, struct answer *answer)
{
	socklen_t len = ROOM;

	memset(answer->a, 0xa5, ROOM);
	memset(answer->b, 0x5a, ROOM);
	answer->len = ROOM;
	if (getsockopt(fd, level, name, answer->a, &len))
		return -1;
	return getsockopt(fd, level, name, answer->b, &answer->len);
}

TEST_F(leak, LEAK_01_getsockopt)
{
	static const int levels[] = { SOL_SOCKET, SOL_TCP, SOL_IP, SOL_IPV6 };
	static struct answer answer;
	unsigned int i, got = 0;
	int name, which;

	for (i = 0; i < 4; i++) for (name = 0; name < 256; name++)
	for (which = 0; which < 2; which++) {
		/* Native's answers with gaps are in the kernel's own levels. */
		if (get_twice(self->fd[which], levels[i], name, &answer))
			continue;
		got++;
		ASSERT_GE(ROOM, answer.len);
		if (levels[i] != SOL_TCP)
			continue;
		EXPECT_EQ(answer.len, first_unwritten(&answer)) {
			TH_LOG("level %d option %d", levels[i], name);
		}
		EXPECT_EQ(ROOM, first_written_behind(&answer)) {
			TH_LOG("level %d option %d", levels[i], name);
		}
		EXPECT_FALSE(looks_secret(answer.b, answer.len)) {
			TH_LOG("level %d option %d", levels[i], name);
		}
	}
	EXPECT_LT(40, got);
}

static void check_name(struct __test_metadata *_metadata,
		       const unsigned char *name, socklen_t len)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	socklen_t i;

	memcpy(&in, name, sizeof(in));
	memcpy(&in6, name, sizeof(in6));
	if (in.sin_family == AF_INET) {
		EXPECT_EQ(sizeof(in), len);
		for (i = 0; i < sizeof(in.sin_zero); i++)
			EXPECT_EQ(0, in.sin_zero[i]);
	} else {
		EXPECT_EQ(AF_INET6, in6.sin6_family);
		EXPECT_EQ(sizeof(in6), len);
		EXPECT_EQ(0, in6.sin6_flowinfo);
		EXPECT_EQ(0, in6.sin6_scope_id);
	}
	for (i = len; i < 128; i++)
		EXPECT_EQ(0xa5, name[i]);
}

TEST_F(leak, LEAK_01_names)
{
	unsigned char name[128];
	struct sockaddr *sa = (struct sockaddr *)name;
	socklen_t len;
	struct address a;
	int i, listener = ep_listener(self->ep, 1, &a), fd, child;

	for (i = 0; i < 2; i++) {
		memset(name, 0xa5, sizeof(name));
		len = sizeof(name);
		EXPECT_EQ(0, getsockname(self->fd[i], sa, &len));
		check_name(_metadata, name, len);
		memset(name, 0xa5, sizeof(name));
		len = sizeof(name);
		EXPECT_EQ(0, getpeername(self->fd[i], sa, &len));
		check_name(_metadata, name, len);
	}

	fd = ep_connected(self->ep, &a);
	memset(name, 0xa5, sizeof(name));
	len = sizeof(name);
	child = accept(listener, sa, &len);
	ASSERT_LE(0, child);
	check_name(_metadata, name, len);

	/* A stream has no name to give. */
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	memset(name, 0xa5, sizeof(name));
	len = sizeof(name);
	EXPECT_EQ(1, recvfrom(child, (char[1]) {}, 1, 0, sa, &len));
	EXPECT_EQ(0, len);
	for (i = 0; i < 128; i++)
		EXPECT_EQ(0xa5, name[i]);
	close(child);
	close(fd);
	close(listener);
}

TEST_F(leak, LEAK_01_ioctl)
{
	static const int commands[] = { SIOCINQ, SIOCOUTQ, SIOCATMARK };
	unsigned char buf[16];
	unsigned int i, j;

	for (i = 0; i < 3; i++) {
		memset(buf, 0xa5, sizeof(buf));
		EXPECT_EQ(0, ioctl(self->fd[0], commands[i], buf));
		for (j = 0; j < 4; j++)
			EXPECT_EQ(0, buf[j]);
		for (; j < sizeof(buf); j++)
			EXPECT_EQ(0xa5, buf[j]);
	}
}

/* "hello" with room to spare: how many control messages came with it. */
static int check_cmsgs(struct __test_metadata *_metadata, const int *fd)
{
	unsigned char control[512], data[64];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int n = 0;
	size_t i;

	EXPECT_EQ(5, send(fd[0], "hello", 5, 0));
	memset(control, 0xa5, sizeof(control));
	memset(data, 0xa5, sizeof(data));
	EXPECT_EQ(5, recvmsg(fd[1], &msg, 0));
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg)) {
		n++;
		EXPECT_FALSE(looks_secret(CMSG_DATA(cmsg),
					  cmsg->cmsg_len - CMSG_LEN(0)));
	}
	for (i = msg.msg_controllen; i < sizeof(control); i++)
		EXPECT_EQ(0xa5, control[i]);
	for (i = 5; i < sizeof(data); i++)
		EXPECT_EQ(0xa5, data[i]);
	return n;
}

/* All that a stream has; the kernel begins to take time stamps by and by. */
TEST_F(leak, LEAK_01_cmsg)
{
	EXPECT_EQ(0, set_int(self->fd[1], SOL_SOCKET, SO_TIMESTAMP, 1));
	EXPECT_EQ(0, set_int(self->fd[1], SOL_TCP, TCP_INQ, 1));
	EXPECT_TRUE(eventually(check_cmsgs(_metadata, self->fd) == 2));
}

/* The pointer that ends a line is for those who may see it: hashed, or 0. */
TEST_F(leak, LEAK_01_proc_pointers)
{
	char path[64], line[512], pointer[64];
	int lines = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/net/tcp%s%s",
		 stack_is_native() ? "" : "x", self->ep->ip == IP4 ? "" : "6");
	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	f = fopen(path, "r");
	ASSERT_NE(NULL, f);
	ASSERT_NE(NULL, fgets(line, sizeof(line), f));
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
			   " %63s", pointer) != 1)
			continue;
		/* A hash has 32 bits. */
		EXPECT_EQ(0, strtoull(pointer, NULL, 16) >> 32) {
			TH_LOG("%s", line);
		}
		lines++;
	}
	fclose(f);
	EXPECT_LE(2, lines);
}

/* --- sock_diag ----------------------------------------------------------- */

struct diag_request {
	struct nlmsghdr nlh;
	struct inet_diag_req_v2 req;
};

static int diag_dump(struct __test_metadata *_metadata, int family,
		     unsigned char *buf, size_t size)
{
	struct diag_request request = {
		.nlh = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.req = {
			.sdiag_family = family,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_ext = 0xff,
			.idiag_states = ~0U,
		},
	};
	int nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	ssize_t n;

	ASSERT_LE(0, nl);
	ASSERT_EQ(sizeof(request), send(nl, &request, sizeof(request), 0));
	n = recv(nl, buf, size, 0);
	close(nl);
	return n;
}

/* Between the end of an attribute and the next one there are zeros. */
static int check_attributes(struct __test_metadata *_metadata,
			    const struct nlmsghdr *nlh)
{
	struct rtattr *attr = (void *)((char *)NLMSG_DATA(nlh) +
				       NLMSG_ALIGN(sizeof(struct inet_diag_msg)));
	int len = NLMSG_PAYLOAD(nlh, sizeof(struct inet_diag_msg)), n = 0;
	unsigned int i;

	for (; RTA_OK(attr, len); attr = RTA_NEXT(attr, len)) {
		for (i = attr->rta_len; i < RTA_ALIGN(attr->rta_len); i++)
			EXPECT_EQ(0, ((unsigned char *)attr)[i]);
		EXPECT_FALSE(looks_secret(RTA_DATA(attr), RTA_PAYLOAD(attr))) {
			TH_LOG("attribute %d", attr->rta_type);
		}
		n++;
	}
	return n;
}

TEST_F(leak, LEAK_01_diag)
{
	static unsigned char buf[65536];
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	int len, sockets = 0, attributes = 0;

	memset(buf, 0xa5, sizeof(buf));
	len = diag_dump(_metadata, stack_is_native() ? ep_domain(self->ep) :
			AF_TCPX, buf, sizeof(buf));
	ASSERT_LT(0, len);
	for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		struct inet_diag_msg *msg = NLMSG_DATA(nlh);

		if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY)
			break;
		sockets++;
		EXPECT_FALSE(looks_secret((void *)&msg->id,
					  sizeof(msg->id) - 8));
		if (msg->idiag_family == AF_INET) {
			EXPECT_EQ(0, msg->id.idiag_src[1]);
			EXPECT_EQ(0, msg->id.idiag_dst[3]);
		}
		attributes += check_attributes(_metadata, nlh);
	}
	EXPECT_LE(2, sockets);
	EXPECT_LE(8, attributes);
}

TEST_HARNESS_MAIN
