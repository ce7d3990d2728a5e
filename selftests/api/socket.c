// SPDX-License-Identifier: GPL-2.0
/* socket(): the doors, their arguments, what a new socket says of itself. */
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "../lib.h"

ENDPOINT_FIXTURE(fresh);

TEST_F(fresh, names_itself)
{
	int fd = ep_socket(self->ep, 0);
	struct stat st;

	ASSERT_LE(0, fd);
	EXPECT_EQ(ep_domain(self->ep), get_int(fd, SOL_SOCKET, SO_DOMAIN));
	EXPECT_EQ(SOCK_STREAM, get_int(fd, SOL_SOCKET, SO_TYPE));
	/* Low byte: what is on the wire; the rest: not native's. */
	EXPECT_EQ(stack_is_native() ? IPPROTO_TCP : 0x206,
		  get_int(fd, SOL_SOCKET, SO_PROTOCOL));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ACCEPTCONN));
	EXPECT_EQ(0, so_error(fd));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_TRUE(S_ISSOCK(st.st_mode));
	close(fd);
}

TEST_F(fresh, flags_of_type)
{
	int type = SOCK_NONBLOCK;
	int fd = ep_socket(self->ep, type);

	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_NONBLOCK, fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
}

TEST_F(fresh, has_no_names_yet)
{
	struct address a, any = ep_any(self->ep, 0);
	int fd = ep_socket(self->ep, 0);

	ASSERT_LE(0, fd);
	a = local_of(fd);
	EXPECT_EQ(any.len, a.len);
	EXPECT_TRUE(same_address(&any, &a));
	EXPECT_ERRNO(ENOTCONN, getpeername(fd, &a.sa, &a.len));
	close(fd);
}

/* API-06: a short buffer gets a part of the name and the whole length. */
TEST_F(fresh, API_06_short_name_buffer)
{
	struct address any = ep_any(self->ep, 0);
	unsigned char name[sizeof(struct sockaddr_storage)];
	int fd = ep_socket(self->ep, 0);
	socklen_t len = 2, negative = -1;

	ASSERT_LE(0, fd);
	memset(name, 0xaa, sizeof(name));
	EXPECT_EQ(0, getsockname(fd, (struct sockaddr *)name, &len));
	EXPECT_EQ(any.len, len);
	EXPECT_EQ(ep_domain(self->ep), *(uint16_t *)name);
	EXPECT_EQ(0xaa, name[2]);
	EXPECT_ERRNO(EINVAL, getsockname(fd, &any.sa, &negative));
	EXPECT_ERRNO(EFAULT, getsockname(fd, NULL, &len));
	close(fd);
}

TEST_F(fresh, io_before_a_connection)
{
	int fd = ep_socket(self->ep, 0);
	char c;

	ASSERT_LE(0, fd);
	EXPECT_ERRNO(ENOTCONN, recv(fd, &c, 1, 0));
	EXPECT_ERRNO(EPIPE, send(fd, &c, 1, MSG_NOSIGNAL));
	EXPECT_ERRNO(ENOTCONN, shutdown(fd, SHUT_RDWR));
	EXPECT_ERRNO(EINVAL, accept(fd, NULL, NULL));
	close(fd);
}

TEST_F(fresh, a_thousand_at_once)
{
	int fd[1000], i;

	for (i = 0; i < 1000; i++) {
		fd[i] = ep_socket(self->ep, 0);
		ASSERT_LE(0, fd[i]);
	}
	while (i--)
		EXPECT_EQ(0, close(fd[i]));
}

struct request { int family, type, protocol, err; };

static void check_requests(struct __test_metadata *_metadata,
			   const struct request *r, int n)
{
	for (; n--; r++) {
		int fd, err;

		errno = 0;
		fd = socket(r->family, r->type, r->protocol);
		err = errno;
		EXPECT_EQ(r->err, fd < 0 ? err : 0) {
			TH_LOG("socket(%d, %d, %d)", r->family, r->type,
			       r->protocol);
		}
		if (fd >= 0)
			close(fd);
	}
}

/* API-16: the module loads itself or is there, and refuses the rest. */
TEST(API_16_family_door_arguments)
{
	static const struct request requests[] = {
		{ AF_TCPX, SOCK_STREAM, TCPXPROTO_TCP, 0 },
		{ AF_TCPX, SOCK_STREAM, TCPXPROTO_TCP6, 0 },
		{ AF_TCPX, SOCK_STREAM, IPPROTO_TCP, 0 },
		{ AF_TCPX, SOCK_STREAM, 2, EPROTONOSUPPORT },
		{ AF_TCPX, SOCK_STREAM, IPPROTO_UDP, EPROTONOSUPPORT },
		{ AF_TCPX, SOCK_STREAM, IPPROTO_TCPX, EPROTONOSUPPORT },
		{ AF_TCPX, SOCK_STREAM, 262, EPROTONOSUPPORT },
		{ AF_TCPX, SOCK_STREAM, INT32_MAX, EPROTONOSUPPORT },
		{ AF_TCPX, SOCK_STREAM, -1, EPROTONOSUPPORT },
		{ AF_TCPX, SOCK_DGRAM, 0, ESOCKTNOSUPPORT },
		{ AF_TCPX, SOCK_RAW, 0, ESOCKTNOSUPPORT },
		{ AF_TCPX, SOCK_RDM, 0, ESOCKTNOSUPPORT },
		{ AF_TCPX, SOCK_SEQPACKET, 0, ESOCKTNOSUPPORT },
		{ AF_TCPX, 0, 0, ESOCKTNOSUPPORT },
		{ AF_TCPX, SOCK_PACKET + 1, 0, EINVAL },
		{ AF_TCPX, SOCK_STREAM | 0x40000000, 0, EINVAL },
	};

	if (stack_is_native())
		SKIP(return, "native TCP has no AF_TCPX");
	check_requests(_metadata, requests,
		       sizeof(requests) / sizeof(*requests));
}

TEST(API_16_protocol_door_arguments)
{
	static const struct request requests[] = {
		{ AF_INET, SOCK_STREAM, IPPROTO_TCPX, 0 },
		{ AF_INET6, SOCK_STREAM, IPPROTO_TCPX, 0 },
		{ AF_INET, SOCK_DGRAM, IPPROTO_TCPX, EPROTONOSUPPORT },
		{ AF_INET6, SOCK_DGRAM, IPPROTO_TCPX, EPROTONOSUPPORT },
		{ AF_INET, SOCK_SEQPACKET, IPPROTO_TCPX, ESOCKTNOSUPPORT },
		{ AF_UNIX, SOCK_STREAM, IPPROTO_TCPX, EPROTONOSUPPORT },
	};

	if (stack_is_native())
		SKIP(return, "native TCP has no IPPROTO_TCPX");
	check_requests(_metadata, requests,
		       sizeof(requests) / sizeof(*requests));
}

/* The module must not change what the other protocols answer. */
TEST(native_doors_are_untouched)
{
	static const struct request requests[] = {
		{ AF_INET, SOCK_STREAM, 0, 0 },
		{ AF_INET, SOCK_STREAM, IPPROTO_TCP, 0 },
		{ AF_INET6, SOCK_STREAM, IPPROTO_TCP, 0 },
		{ AF_INET, SOCK_DGRAM, 0, 0 },
		{ AF_INET, SOCK_STREAM, IPPROTO_UDP, EPROTONOSUPPORT },
		{ AF_INET, SOCK_STREAM, 252, EPROTONOSUPPORT },
		{ AF_INET, SOCK_SEQPACKET, IPPROTO_TCP, ESOCKTNOSUPPORT },
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	check_requests(_metadata, requests,
		       sizeof(requests) / sizeof(*requests));
	EXPECT_EQ(IPPROTO_TCP, get_int(fd, SOL_SOCKET, SO_PROTOCOL));
	close(fd);
}

TEST(no_socketpair)
{
	int fd[2];

	if (stack_is_native())
		SKIP(return, "native TCP has no AF_TCPX");
	EXPECT_ERRNO(EOPNOTSUPP, socketpair(AF_TCPX, SOCK_STREAM, 0, fd));
}

/* Any user may open one, in a user namespace too (API-13). */
TEST(API_13_unprivileged)
{
	struct endpoint ep = { DOOR_FAMILY, IP6 };
	int fd;

	ASSERT_EQ(0, setresuid(65534, 65534, 65534));
	fd = ep_socket(&ep, 0);
	EXPECT_LE(0, fd);
	close(fd);
}

TEST_HARNESS_MAIN
