// SPDX-License-Identifier: GPL-2.0
/* send() and recv(): flags, sizes, time limits, and every byte in its place. */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <termios.h>

#include "kselftest_harness.h"
#include "../lib.h"

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

PAIR_FIXTURE(data);

TEST_F(data, there_and_back)
{
	int *fd = self->fd;
	char buf[8];

	EXPECT_EQ(5, send(fd[0], "hello", 5, 0));
	EXPECT_EQ(5, recv(fd[1], buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "hello", 5));
	EXPECT_EQ(2, write(fd[1], "yo", 2));
	EXPECT_EQ(2, read(fd[0], buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "yo", 2));
}

/* API-05 */
TEST_F(data, API_05_peek)
{
	int *fd = self->fd;
	char buf[16];

	EXPECT_EQ(4, send(fd[0], "abcd", 4, 0));
	EXPECT_EQ(2, recv(fd[1], buf, 2, MSG_PEEK));
	EXPECT_EQ(4, recv(fd[1], buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ(4, recv(fd[1], buf, 4, MSG_PEEK | MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "abcd", 4));
	EXPECT_EQ(3, recv(fd[1], buf, 3, 0));
	EXPECT_EQ(0, memcmp(buf, "abc", 3));
	EXPECT_EQ(1, recv(fd[1], buf, sizeof(buf), MSG_PEEK));
	EXPECT_EQ('d', buf[0]);
	EXPECT_EQ(1, recv(fd[1], buf, sizeof(buf), 0));
}

/* MSG_TRUNC throws away without copying. */
TEST_F(data, API_05_trunc)
{
	int *fd = self->fd;
	char buf[16] = "......";

	EXPECT_EQ(6, send(fd[0], "abcdef", 6, 0));
	EXPECT_NE(0, wait_for(fd[1], POLLIN, LONG_MS));
	EXPECT_EQ(4, recv(fd[1], buf, 4, MSG_TRUNC));
	EXPECT_EQ(0, memcmp(buf, "......", 6));
	EXPECT_EQ(2, recv(fd[1], NULL, 2, MSG_TRUNC));
}

static void *send_late(void *arg)
{
	int fd = *(int *)arg;

	usleep(20000);		/* so that the reader has read a part */
	send(fd, "def", 3, MSG_NOSIGNAL);
	return NULL;
}

TEST_F(data, API_05_waitall)
{
	int *fd = self->fd;
	pthread_t thread;
	char buf[16];

	EXPECT_EQ(3, send(fd[0], "abc", 3, 0));
	pthread_create(&thread, NULL, send_late, &fd[0]);
	EXPECT_EQ(6, recv(fd[1], buf, 6, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "abcdef", 6));
	pthread_join(thread, NULL);
}

/* It ends early with what there is: on FIN, on a signal, on a time limit. */
TEST_F(data, API_05_waitall_ends_early)
{
	struct timeval tv = { .tv_usec = 50000 };
	int *fd = self->fd;
	char buf[16];

	EXPECT_EQ(3, send(fd[0], "abc", 3, 0));
	EXPECT_NE(0, wait_for(fd[1], POLLIN, LONG_MS));
	EXPECT_EQ(3, recv(fd[1], buf, 6, MSG_WAITALL | MSG_DONTWAIT));

	EXPECT_EQ(2, send(fd[0], "ab", 2, 0));
	alarm_in(50, false);
	EXPECT_EQ(2, recv(fd[1], buf, 6, MSG_WAITALL));

	EXPECT_EQ(2, send(fd[0], "ab", 2, 0));
	setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	EXPECT_EQ(2, recv(fd[1], buf, 6, MSG_WAITALL));

	EXPECT_EQ(1, send(fd[0], "a", 1, 0));
	EXPECT_EQ(0, shutdown(fd[0], SHUT_WR));
	EXPECT_EQ(1, recv(fd[1], buf, 6, MSG_WAITALL));
	EXPECT_EQ(0, recv(fd[1], buf, 6, MSG_WAITALL));
}

TEST_F(data, dontwait)
{
	static char buf[1 << 20];
	int *fd = self->fd;
	ssize_t n, sent = 0, got = 0;

	EXPECT_ERRNO(EAGAIN, recv(fd[1], buf, 1, MSG_DONTWAIT));
	do {
		n = send(fd[0], buf, sizeof(buf), MSG_DONTWAIT);
		sent += n > 0 ? n : 0;
	} while (n > 0);
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LT(0, sent);
	EXPECT_EQ(0, wait_for(fd[0], POLLOUT, 0));
	while (got < sent && (n = recv(fd[1], buf, sizeof(buf), 0)) > 0)
		got += n;
	EXPECT_EQ(sent, got);
	EXPECT_EQ(POLLOUT, wait_for(fd[0], POLLOUT, LONG_MS));
}

/* API-04: nothing to send is nothing done, but errors are seen. */
TEST_F(data, API_04_zero_length)
{
	struct msghdr msg = {};
	int *fd = self->fd;
	char c = 'x';

	EXPECT_EQ(0, send(fd[0], NULL, 0, 0));
	EXPECT_EQ(0, sendmsg(fd[0], &msg, 0));
	EXPECT_EQ(0, write(fd[0], &c, 0));
	EXPECT_EQ(0, wait_for(fd[1], POLLIN, 0));
	EXPECT_EQ(1, send(fd[0], &c, 1, 0));
	EXPECT_EQ(POLLIN, wait_for(fd[1], POLLIN, LONG_MS));
	EXPECT_EQ(0, recv(fd[1], &c, 0, 0));
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
	EXPECT_ERRNO(EAGAIN, recv(fd[1], &c, 0, MSG_DONTWAIT));
}

TEST_F(data, API_04_iovecs)
{
	static struct iovec out[1024], in[1024];
	struct msghdr msg = { .msg_iov = out, .msg_iovlen = 1024 };
	static char a[1024 * 7], b[1024 * 7];
	int *fd = self->fd, i;

	pattern_fill(a, sizeof(a), 3, 0);
	for (i = 0; i < 1024; i++) {
		out[i] = (struct iovec) { a + 7 * i, 7 };
		in[i] = (struct iovec) { b + 7 * i, 7 };
	}
	EXPECT_EQ(sizeof(a), sendmsg(fd[0], &msg, 0));
	msg.msg_iov = in;
	EXPECT_EQ(sizeof(b), recvmsg(fd[1], &msg, MSG_WAITALL));
	EXPECT_EQ(sizeof(b), pattern_check(b, sizeof(b), 3, 0));

	msg.msg_iovlen = 1025;
	EXPECT_ERRNO(EMSGSIZE, sendmsg(fd[0], &msg, 0));
	EXPECT_ERRNO(EMSGSIZE, recvmsg(fd[1], &msg, MSG_DONTWAIT));
	msg.msg_iovlen = 0;
	EXPECT_EQ(0, sendmsg(fd[0], &msg, 0));
}

/* API-04: more than 2 GB in one call is cut, not wrapped. */
TEST_F(data, API_04_huge_length)
{
	size_t len = 3UL << 30;
	int *fd = self->fd;
	char *huge;

	/* One page, many times over, so that it costs no memory. */
	huge = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS |
		    MAP_NORESERVE, -1, 0);
	ASSERT_NE(MAP_FAILED, huge);
	set_nonblock(fd[0]);
	EXPECT_LT(0, send(fd[0], huge, len, 0));
	EXPECT_LT(0, recv(fd[1], huge, 1, MSG_TRUNC));
	munmap(huge, len);
}

/* API-12: a bad page ends the send; what was copied before it is sent. */
TEST_F(data, API_04_fault)
{
	int *fd = self->fd;
	long page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t n;

	ASSERT_NE(MAP_FAILED, p);
	munmap(p + page, page);
	EXPECT_ERRNO(EFAULT, send(fd[0], p + page, 10, 0));
	n = send(fd[0], p + page - 10, 20, 0);
	EXPECT_TRUE(n == 10 || (n == -1 && errno == EFAULT));
	EXPECT_EQ(1, send(fd[0], "z", 1, 0));
	if (n == 10)
		EXPECT_EQ(10, recv(fd[1], p, 10, MSG_WAITALL));
	EXPECT_ERRNO(EFAULT, recv(fd[1], p + page, 1, 0));
	EXPECT_EQ(1, recv(fd[1], p, page, 0));
	EXPECT_EQ('z', *p);
}

TEST_F(data, API_05_recvmsg_fields)
{
	char control[64], buf[8];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
		.msg_name = control, .msg_namelen = sizeof(control),
		.msg_flags = -1,
	};
	int *fd = self->fd;

	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_EQ(1, recvmsg(fd[1], &msg, 0));
	EXPECT_EQ(0, msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC | MSG_OOB));
	EXPECT_EQ(0, msg.msg_controllen);
	EXPECT_EQ(0, msg.msg_namelen);

	/* Nothing in the error queue. */
	EXPECT_ERRNO(EAGAIN, recvmsg(fd[1], &msg, MSG_ERRQUEUE));
}

/* A name is ignored on a connection; cmsgs of other levels too. */
TEST_F(data, API_04_name_is_ignored)
{
	struct address nobody = ep_loopback(self->ep, 9);
	int *fd = self->fd;
	char c;

	EXPECT_EQ(1, sendto(fd[0], "x", 1, 0, &nobody.sa, nobody.len));
	EXPECT_EQ(1, recvfrom(fd[1], &c, 1, 0, &nobody.sa, &nobody.len));
}

TEST_F(data, API_04_bad_cmsg)
{
	char control[CMSG_SPACE(4)] = {};
	struct msghdr msg = {
		.msg_iov = &(struct iovec) { "x", 1 }, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int *fd = self->fd;

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = 0x7fff;
	cmsg->cmsg_len = CMSG_LEN(4);
	EXPECT_ERRNO(EINVAL, sendmsg(fd[0], &msg, 0));
	cmsg->cmsg_len = 1;
	EXPECT_ERRNO(EINVAL, sendmsg(fd[0], &msg, 0));
	cmsg->cmsg_len = 1 << 30;
	EXPECT_ERRNO(EINVAL, sendmsg(fd[0], &msg, 0));
	EXPECT_EQ(0, wait_for(fd[1], POLLIN, 0));
}

/* MSG_ZEROCOPY without SO_ZEROCOPY is an ordinary send. */
TEST_F(data, API_04_zerocopy_not_enabled)
{
	int *fd = self->fd;
	char c;

	EXPECT_EQ(1, send(fd[0], "x", 1, MSG_ZEROCOPY));
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
	EXPECT_EQ('x', c);
}

/*
 * And SO_ZEROCOPY is refused, as native's by a protocol that lacks it; native
 * TCP has it.
 */
TEST_F(data, API_04_zerocopy_is_refused)
{
	int fd = self->fd[0];

	if (stack_is_native())
		SKIP(return, "native TCP has it");
	EXPECT_ERRNO(EOPNOTSUPP, set_int(fd, SOL_SOCKET, SO_ZEROCOPY, 1));
	EXPECT_EQ(0, get_int(fd, SOL_SOCKET, SO_ZEROCOPY));
	EXPECT_EQ(3, send(fd, "abc", 3, MSG_ZEROCOPY));
	/* No notification will come, and none is there. */
	EXPECT_ERRNO(EAGAIN, recv(fd, (char[1]) {}, 1, MSG_ERRQUEUE));
	EXPECT_EQ(POLLOUT, wait_for(fd, POLLIN | POLLOUT, 0));
}

/* A bit of the flags that nobody knows is not looked at, as in native. */
TEST_F(data, API_04_unknown_flags)
{
	int *fd = self->fd;
	char buf[8];

	EXPECT_EQ(2, send(fd[0], "ab", 2, 0x1000000 | MSG_CONFIRM));
	EXPECT_EQ(2, recv(fd[1], buf, 2, MSG_WAITALL | 0x1000000));
	EXPECT_EQ(0, memcmp(buf, "ab", 2));
}

/* API-05: a control buffer that is too small is said to be, and not overrun. */
TEST_F(data, API_05_control_buffer_sizes)
{
	const size_t need = CMSG_LEN(sizeof(int));
	unsigned char control[128];
	int *fd = self->fd;
	size_t size, i;
	char c;

	EXPECT_EQ(0, set_int(fd[1], SOL_TCP, TCP_INQ, 1));
	for (size = 0; size <= 64; size++) {
		struct iovec iov = { &c, 1 };
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = size,
		};

		memset(control, 0xa5, sizeof(control));
		EXPECT_EQ(1, send(fd[0], "x", 1, 0));
		EXPECT_EQ(1, recvmsg(fd[1], &msg, 0));
		EXPECT_EQ(size < need, !!(msg.msg_flags & MSG_CTRUNC)) {
			TH_LOG("%zu bytes", size);
		}
		EXPECT_GE(size, msg.msg_controllen);
		for (i = size; i < sizeof(control); i++)
			EXPECT_EQ(0xa5, control[i]);
	}
}

/* MAY-17: where the sender pushed is not told: records do not exist. */
TEST_F(data, MAY_17_push_is_not_passed_up)
{
	char buf[16];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int *fd = self->fd, n;

	EXPECT_EQ(3, send(fd[0], "abc", 3, MSG_EOR));
	EXPECT_EQ(3, send(fd[0], "def", 3, MSG_EOR));
	EXPECT_TRUE(eventually(!ioctl(fd[1], SIOCINQ, &n) && n == 6));
	EXPECT_EQ(6, recvmsg(fd[1], &msg, 0));
	EXPECT_EQ(0, msg.msg_flags & ~MSG_CMSG_CLOEXEC);
	EXPECT_EQ(0, memcmp(buf, "abcdef", 6));
}

/* MAY-14: no call throws away what was sent; terminals have one. */
TEST_F(data, MAY_14_no_flush)
{
	int *fd = self->fd;
	char buf[4];

	EXPECT_EQ(3, send(fd[0], "abc", 3, MSG_MORE));
	EXPECT_ERRNO(ENOTTY, ioctl(fd[0], TCFLSH, TCIOFLUSH));
	EXPECT_EQ(1, send(fd[0], "d", 1, 0));
	EXPECT_ERRNO(ENOTTY, ioctl(fd[1], TCFLSH, TCIOFLUSH));
	EXPECT_EQ(4, recv(fd[1], buf, 4, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "abcd", 4));
}

/* MSG_MORE keeps a partial segment back, the next send() lets it go. */
TEST_F(data, MAY_16_more)
{
	int *fd = self->fd, n = -1;
	char buf[8];

	EXPECT_EQ(1, send(fd[0], "a", 1, MSG_MORE));
	EXPECT_EQ(0, ioctl(fd[0], SIOCOUTQNSD, &n));
	EXPECT_EQ(1, n);
	EXPECT_ERRNO(EAGAIN, recv(fd[1], buf, 1, MSG_DONTWAIT));
	EXPECT_EQ(1, send(fd[0], "b", 1, 0));
	EXPECT_EQ(2, recv(fd[1], buf, 2, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "ab", 2));
}

/* MUST-60: and it does not stay forever. */
TEST_F(data, MUST_60_more_is_bounded)
{
	int *fd = self->fd;
	char c;

	EXPECT_EQ(1, send(fd[0], "a", 1, MSG_MORE));
	EXPECT_EQ(POLLIN, wait_for(fd[1], POLLIN, LONG_MS));
	EXPECT_EQ(1, recv(fd[1], &c, 1, MSG_DONTWAIT));
}

static volatile sig_atomic_t sigpipes;

static void on_sigpipe(int signal)
{
	sigpipes++;
}

TEST_F(data, API_04_sigpipe)
{
	struct sigaction act = { .sa_handler = on_sigpipe };
	int *fd = self->fd;

	sigaction(SIGPIPE, &act, NULL);
	EXPECT_EQ(0, shutdown(fd[0], SHUT_WR));
	EXPECT_ERRNO(EPIPE, send(fd[0], "x", 1, 0));
	EXPECT_EQ(1, sigpipes);
	EXPECT_ERRNO(EPIPE, send(fd[0], "x", 1, MSG_NOSIGNAL));
	EXPECT_EQ(1, sigpipes);
	EXPECT_ERRNO(EPIPE, write(fd[0], "x", 1));
	EXPECT_EQ(2, sigpipes);
}

TEST_F(data, receive_timeout)
{
	struct timeval tv = { .tv_usec = 100000 }, back = {};
	socklen_t len = sizeof(back);
	int *fd = self->fd;
	int64_t start = now_ms();
	char c;

	ASSERT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &tv,
				sizeof(tv)));
	EXPECT_EQ(0, getsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &back, &len));
	EXPECT_LE(100000, back.tv_usec);
	EXPECT_ERRNO(EAGAIN, recv(fd[1], &c, 1, 0));
	EXPECT_LE(50, now_ms() - start);
	/* Data that is there is no cause to wait. */
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
}

TEST_F(data, send_timeout)
{
	struct timeval tv = { .tv_usec = 100000 };
	static char buf[64 << 20];
	int *fd = self->fd;
	int64_t start;
	ssize_t n;

	ASSERT_EQ(0, setsockopt(fd[0], SOL_SOCKET, SO_SNDTIMEO, &tv,
				sizeof(tv)));
	n = send(fd[0], buf, sizeof(buf), 0);
	EXPECT_LT(0, n);
	EXPECT_GT(sizeof(buf), n);
	do {
		start = now_ms();
		n = send(fd[0], buf, sizeof(buf), 0);
	} while (n > 0);
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_LE(50, now_ms() - start);
}

/* SO_RCVLOWAT: neither poll() nor recv() return for less. */
TEST_F(data, API_10_low_water_mark)
{
	struct timeval tv = { .tv_usec = 50000 };
	int *fd = self->fd;
	char buf[16];

	/* Nagle would wait for a delayed acknowledgment. */
	EXPECT_EQ(0, set_int(fd[0], SOL_TCP, TCP_NODELAY, 1));
	EXPECT_EQ(0, set_int(fd[1], SOL_SOCKET, SO_RCVLOWAT, 6));
	EXPECT_EQ(6, get_int(fd[1], SOL_SOCKET, SO_RCVLOWAT));
	EXPECT_EQ(3, send(fd[0], "abc", 3, 0));
	EXPECT_EQ(0, wait_for(fd[1], POLLIN, 20));
	EXPECT_EQ(3, send(fd[0], "def", 3, 0));
	EXPECT_EQ(POLLIN, wait_for(fd[1], POLLIN, LONG_MS));
	EXPECT_EQ(6, recv(fd[1], buf, sizeof(buf), 0));
	/* Less than asked for and no more comes: the time limit ends it. */
	EXPECT_EQ(3, send(fd[0], "abc", 3, 0));
	EXPECT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &tv,
				sizeof(tv)));
	EXPECT_EQ(3, recv(fd[1], buf, sizeof(buf), 0));
	/* The end of the stream counts as enough. */
	EXPECT_EQ(1, send(fd[0], "z", 1, 0));
	EXPECT_EQ(0, shutdown(fd[0], SHUT_WR));
	EXPECT_NE(0, wait_for(fd[1], POLLIN, LONG_MS) & POLLIN);
	EXPECT_EQ(1, recv(fd[1], buf, sizeof(buf), 0));
	EXPECT_EQ(0, set_int(fd[1], SOL_SOCKET, SO_RCVLOWAT, 0));
	EXPECT_EQ(1, get_int(fd[1], SOL_SOCKET, SO_RCVLOWAT));
}

TEST_F(data, interrupted)
{
	static char buf[64 << 20];
	int *fd = self->fd;
	ssize_t n;
	char c;

	alarm_in(50, false);
	EXPECT_ERRNO(EINTR, recv(fd[1], &c, 1, 0));
	do {
		alarm_in(200, false);
		n = send(fd[0], buf, sizeof(buf), 0);
	} while (n > 0);
	EXPECT_EQ(EINTR, errno);
}

/* SA_RESTART: the call goes on unseen, except when it has a time limit. */
TEST_F(data, restarted)
{
	struct timeval tv = { .tv_sec = 5 };
	int *fd = self->fd;
	pthread_t thread;
	char c;

	alarm_in(5, true);
	pthread_create(&thread, NULL, send_late, &fd[0]);
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
	pthread_join(thread, NULL);
	EXPECT_EQ(2, recv(fd[1], (char[2]) {}, 2, MSG_WAITALL));
	setsockopt(fd[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	alarm_in(50, true);
	EXPECT_ERRNO(EINTR, recv(fd[1], &c, 1, 0));
}

struct writer { int fd; uint32_t seed; uint64_t total; unsigned int rng; };

/* Any sizes, as they come. */
static size_t next_size(unsigned int *rng)
{
	*rng = *rng * 1103515245 + 12345;
	return 1 + (*rng >> 8) % (*rng & 0x10000 ? 100000 : 3000);
}

static void *write_stream(void *arg)
{
	struct writer *w = arg;
	char *buf = malloc(100001);
	uint64_t pos = 0;

	while (pos < w->total) {
		size_t len = next_size(&w->rng), done = 0;

		if (len > w->total - pos)
			len = w->total - pos;
		pattern_fill(buf, len, w->seed, pos);
		while (done < len) {
			ssize_t n = send(w->fd, buf + done, len - done,
					 MSG_NOSIGNAL | (len & 1 ? 0 :
							 MSG_MORE));

			if (n <= 0)
				goto out;
			done += n;
		}
		pos += len;
	}
out:
	shutdown(w->fd, SHUT_WR);
	free(buf);
	return NULL;
}

static uint64_t read_stream(int fd, uint32_t seed, unsigned int rng)
{
	char *buf = malloc(100001);
	uint64_t pos = 0;
	ssize_t n;

	while ((n = recv(fd, buf, next_size(&rng), 0)) > 0) {
		size_t good = pattern_check(buf, n, seed, pos);

		pos += good;
		if (good < n)
			break;
	}
	free(buf);
	return pos;
}

/* 8 MB each way at once, odd sizes on both sides. */
TEST_F_TIMEOUT(data, both_ways_at_once, 120)
{
	const uint64_t total = 8 << 20;
	struct writer w[2];
	pthread_t thread[2];
	pid_t child;
	int i, status;

	for (i = 0; i < 2; i++) {
		w[i] = (struct writer) { self->fd[i], i + 11, total, i };
		pthread_create(&thread[i], NULL, write_stream, &w[i]);
	}
	child = fork();
	if (!child)
		_exit(read_stream(self->fd[0], 12, 5) != total);
	EXPECT_EQ(total, read_stream(self->fd[1], 11, 6));
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

/* Small buffers: the window closes and opens all the time (MUST-35). */
TEST_F_TIMEOUT(data, MUST_35_small_buffers, 120)
{
	const uint64_t total = 2 << 20;
	struct writer w;
	pthread_t thread;
	struct address a;
	int listener, fd, child;

	listener = ep_listener(self->ep, 1, &a);
	ASSERT_LE(0, listener);
	set_int(listener, SOL_SOCKET, SO_RCVBUF, 4096);
	fd = ep_socket(self->ep, 0);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, 4096);
	ASSERT_EQ(0, connect(fd, &a.sa, a.len));
	child = accept(listener, NULL, NULL);
	w = (struct writer) { fd, 13, total, 1 };
	pthread_create(&thread, NULL, write_stream, &w);
	EXPECT_EQ(total, read_stream(child, 13, 2));
	pthread_join(thread, NULL);
	close(fd);
	close(child);
	close(listener);
}

static bool pass(const int *fd, size_t len)
{
	static char buf[65536];

	return send(fd[0], buf, len, 0) == (ssize_t)len &&
	       recv(fd[1], buf, len, MSG_WAITALL) == (ssize_t)len;
}

/*
 * MUST-38, MUST-39: on loopback a segment is nearly a window. What is left of
 * the window by one must not be so little that the sender, and so much that the
 * receiver, waits: the sender's timer would end that after 200 ms.
 */
TEST_F(data, MUST_38_MUST_39_both_sides_avoid_silly_windows)
{
	int64_t best = LONG_MS, start;
	int fd[2], i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, ep_pair(self->ep, fd));
		ASSERT_TRUE(pass(fd, 60000));
		ASSERT_TRUE(pass(fd, 45000));
		start = now_ms();
		ASSERT_TRUE(pass(fd, 40000));
		if (now_ms() - start < best)
			best = now_ms() - start;
		close(fd[0]);
		close(fd[1]);
	}
	EXPECT_GT(150, best);
}

TEST_HARNESS_MAIN
