// SPDX-License-Identifier: GPL-2.0
/* Urgent data: MSG_OOB, SO_OOBINLINE, the mark, SIGURG and POLLPRI. */
#include "kselftest_harness.h"
#include "../lib.h"

PAIR_FIXTURE(urgent);

static volatile sig_atomic_t sigurgs;

static void on_sigurg(int signal)
{
	sigurgs++;
}

static int at_mark(int fd)
{
	int mark = -1;

	return ioctl(fd, SIOCATMARK, &mark) ? -1 : mark;
}

/* MUST-30 */
TEST_F(urgent, MUST_30_out_of_line)
{
	int *fd = self->fd;
	char buf[16];

	EXPECT_EQ(3, send(fd[0], "abc", 3, 0));
	EXPECT_EQ(2, send(fd[0], "dX", 2, MSG_OOB));
	EXPECT_EQ(2, send(fd[0], "ef", 2, 0));
	EXPECT_NE(0, wait_for(fd[1], POLLPRI, LONG_MS) & POLLPRI);
	EXPECT_EQ(0, at_mark(fd[1]));
	EXPECT_EQ(1, recv(fd[1], buf, sizeof(buf), MSG_OOB));
	EXPECT_EQ('X', buf[0]);
	EXPECT_ERRNO(EINVAL, recv(fd[1], buf, sizeof(buf), MSG_OOB));
	/* A read stops at the mark, and the byte is counted once (6093-3). */
	EXPECT_EQ(4, recv(fd[1], buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "abcd", 4));
	EXPECT_EQ(1, at_mark(fd[1]));
	EXPECT_EQ(2, recv(fd[1], buf, sizeof(buf), MSG_WAITALL | MSG_DONTWAIT));
	EXPECT_EQ(0, memcmp(buf, "ef", 2));
	EXPECT_EQ(0, at_mark(fd[1]));
	EXPECT_EQ(0, wait_for(fd[1], POLLPRI, 0));
}

/* MUST-33 */
TEST_F(urgent, MUST_33_in_line)
{
	int *fd = self->fd;
	char buf[16];

	EXPECT_EQ(0, set_int(fd[1], SOL_SOCKET, SO_OOBINLINE, 1));
	EXPECT_EQ(1, get_int(fd[1], SOL_SOCKET, SO_OOBINLINE));
	EXPECT_EQ(2, send(fd[0], "ab", 2, 0));
	EXPECT_EQ(1, send(fd[0], "X", 1, MSG_OOB));
	EXPECT_EQ(1, send(fd[0], "c", 1, 0));
	EXPECT_NE(0, wait_for(fd[1], POLLPRI, LONG_MS) & POLLPRI);
	EXPECT_ERRNO(EINVAL, recv(fd[1], buf, sizeof(buf), MSG_OOB));
	EXPECT_EQ(2, recv(fd[1], buf, sizeof(buf), 0));
	EXPECT_EQ(1, at_mark(fd[1]));
	EXPECT_EQ(2, recv(fd[1], buf, 2, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "Xc", 2));
	EXPECT_EQ(0, at_mark(fd[1]));
}

/* MUST-32: one notice for each new pointer. */
TEST_F(urgent, MUST_32_sigurg)
{
	struct sigaction act = { .sa_handler = on_sigurg };
	int *fd = self->fd, i;
	char c;

	sigaction(SIGURG, &act, NULL);
	EXPECT_EQ(0, fcntl(fd[1], F_SETOWN, getpid()));
	EXPECT_EQ(getpid(), fcntl(fd[1], F_GETOWN));
	for (i = 1; i <= 3; i++) {
		EXPECT_EQ(1, send(fd[0], "X", 1, MSG_OOB));
		EXPECT_TRUE(eventually(sigurgs == i));
		EXPECT_NE(0, wait_for(fd[1], POLLPRI, LONG_MS) & POLLPRI);
		EXPECT_EQ(1, recv(fd[1], &c, 1, MSG_OOB));
	}
	EXPECT_EQ(1, send(fd[0], "n", 1, 0));
	EXPECT_NE(0, wait_for(fd[1], POLLIN, LONG_MS) & POLLIN);
	EXPECT_EQ(3, sigurgs);
}

TEST_F(urgent, peek)
{
	int *fd = self->fd;
	char c;

	EXPECT_EQ(1, send(fd[0], "X", 1, MSG_OOB));
	EXPECT_NE(0, wait_for(fd[1], POLLPRI, LONG_MS) & POLLPRI);
	EXPECT_EQ(1, recv(fd[1], &c, 1, MSG_OOB | MSG_PEEK));
	EXPECT_EQ('X', c);
	EXPECT_EQ(1, recv(fd[1], &c, 1, MSG_OOB));
	EXPECT_EQ('X', c);
	EXPECT_ERRNO(EINVAL, recv(fd[1], &c, 1, MSG_OOB));
	EXPECT_ERRNO(EAGAIN, recv(fd[1], &c, 1, MSG_DONTWAIT));
}

/* Nothing urgent was ever sent. */
TEST_F(urgent, none)
{
	int *fd = self->fd;
	char c;

	EXPECT_EQ(0, at_mark(fd[1]));
	EXPECT_ERRNO(EINVAL, recv(fd[1], &c, 1, MSG_OOB));
	EXPECT_EQ(0, wait_for(fd[1], POLLPRI, 0));
}

/* A newer pointer replaces an unread urgent byte, which is then plain data. */
TEST_F(urgent, MUST_31_pointer_advances)
{
	int *fd = self->fd;
	char buf[16];

	EXPECT_EQ(2, send(fd[0], "bX", 2, MSG_OOB));
	EXPECT_NE(0, wait_for(fd[1], POLLPRI, LONG_MS) & POLLPRI);
	EXPECT_EQ(2, send(fd[0], "aY", 2, MSG_OOB));
	EXPECT_TRUE(eventually(recv(fd[1], buf, 1, MSG_OOB | MSG_PEEK) == 1 &&
			       buf[0] == 'Y'));
	EXPECT_EQ(1, recv(fd[1], buf, 1, MSG_OOB));
	EXPECT_EQ('Y', buf[0]);
	EXPECT_EQ(3, recv(fd[1], buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "bXa", 3));
}

/* MUST-31: urgent data of any length; its end is what counts. */
TEST_F(urgent, MUST_31_long)
{
	static char out[100000], in[100000];
	int *fd = self->fd;
	size_t n = 0;
	pid_t child;

	pattern_fill(out, sizeof(out), 7, 0);
	child = fork();
	if (!child)
		_exit(send(fd[0], out, sizeof(out), MSG_OOB) != sizeof(out));
	close(fd[0]);
	while (n < sizeof(in) - 1) {
		ssize_t got = recv(fd[1], in + n, sizeof(in) - n, 0);

		ASSERT_LT(0, got);
		n += got;
	}
	EXPECT_EQ(sizeof(in) - 1, n);
	EXPECT_EQ(n, pattern_check(in, n, 7, 0));
	EXPECT_EQ(1, recv(fd[1], in + n, 1, MSG_OOB));
	EXPECT_EQ(out[n], in[n]);
	EXPECT_EQ(0, recv(fd[1], in, 1, 0));
}

TEST_F(urgent, end_of_stream)
{
	int *fd = self->fd;
	char c;

	EXPECT_EQ(0, shutdown(fd[0], SHUT_WR));
	EXPECT_NE(0, wait_for(fd[1], POLLIN, LONG_MS) & POLLIN);
	EXPECT_EQ(0, at_mark(fd[1]));
	EXPECT_ERRNO(EINVAL, recv(fd[1], &c, 1, MSG_OOB));
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
}

TEST_HARNESS_MAIN
