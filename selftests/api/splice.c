// SPDX-License-Identifier: GPL-2.0
/* sendfile(), splice() and memory that changes while it is sent. */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "kselftest_harness.h"
#include "../lib.h"

#define TOTAL (4 << 20)

PAIR_FIXTURE(zero_copy);

static int pattern_file(size_t len, uint32_t seed)
{
	int fd = memfd_create("pattern", MFD_CLOEXEC);
	char *buf = malloc(len);

	pattern_fill(buf, len, seed, 0);
	if (write(fd, buf, len) != (ssize_t)len)
		fd = -1;
	free(buf);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* Reads to the end of the stream: the length of its right prefix. */
static size_t right_prefix(int fd, uint32_t seed)
{
	static char buf[65536];
	size_t pos = 0;
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		size_t good = pattern_check(buf, n, seed, pos);

		pos += good;
		if (good < (size_t)n)
			break;
	}
	return pos;
}

/* A process that sends the first @len bytes of @file, and the end. */
static pid_t start_sendfile(int fd, int file, off_t len)
{
	off_t offset = 0;
	pid_t child = fork();

	if (child)
		return child;
	while (offset < len)
		if (sendfile(fd, file, &offset, len - offset) <= 0)
			_exit(1);
	shutdown(fd, SHUT_WR);
	_exit(0);
}

TEST_F_TIMEOUT(zero_copy, API_12_sendfile, 60)
{
	int *fd = self->fd, file = pattern_file(TOTAL, 21);
	pid_t child;

	ASSERT_LE(0, file);
	child = start_sendfile(fd[0], file, TOTAL);
	EXPECT_EQ(TOTAL, right_prefix(fd[1], 21));
	EXPECT_EQ(child, waitpid(child, NULL, 0));
	close(file);
}

/* A buffer that is full after the first page, though more are said to follow. */
TEST_F_TIMEOUT(zero_copy, API_12_sendfile_with_the_smallest_buffer, 60)
{
	int *fd = self->fd, file = pattern_file(65536, 23);
	pid_t child;

	ASSERT_LE(0, file);
	set_int(fd[0], SOL_SOCKET, SO_SNDBUF, 1);
	child = start_sendfile(fd[0], file, 65536);
	EXPECT_EQ(65536, right_prefix(fd[1], 23));
	EXPECT_EQ(child, waitpid(child, NULL, 0));
	close(file);
}

/* socket -> pipe -> socket -> file */
TEST_F_TIMEOUT(zero_copy, API_12_splice, 60)
{
	int *fd = self->fd, pipefd[2], file = pattern_file(TOTAL, 22);
	int out = memfd_create("out", 0);
	size_t got = 0;
	pid_t child;
	char *map;

	ASSERT_EQ(0, pipe(pipefd));
	child = fork();
	if (!child) {
		ssize_t n, m;

		while ((n = splice(file, NULL, pipefd[1], NULL, 65536, 0)) > 0)
			for (; n > 0; n -= m) {
				m = splice(pipefd[0], NULL, fd[0], NULL, n,
					   SPLICE_F_MORE);
				if (m <= 0)
					_exit(1);
			}
		shutdown(fd[0], SHUT_WR);
		_exit(n != 0);
	}
	close(pipefd[0]);
	close(pipefd[1]);
	ASSERT_EQ(0, pipe(pipefd));
	while (got < TOTAL) {
		ssize_t n = splice(fd[1], NULL, pipefd[1], NULL, 65536, 0), m;

		ASSERT_LT(0, n);
		for (; n > 0; n -= m, got += m) {
			m = splice(pipefd[0], NULL, out, NULL, n, 0);
			ASSERT_LT(0, m);
		}
	}
	EXPECT_EQ(0, splice(fd[1], NULL, pipefd[1], NULL, 65536, 0));
	map = mmap(NULL, TOTAL, PROT_READ, MAP_SHARED, out, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(TOTAL, pattern_check(map, TOTAL, 22, 0));
	EXPECT_EQ(child, waitpid(child, NULL, 0));
}

TEST_F(zero_copy, splice_nonblocking)
{
	int *fd = self->fd, pipefd[2];
	char buf[4];

	ASSERT_EQ(0, pipe(pipefd));
	set_nonblock(fd[1]);
	EXPECT_ERRNO(EAGAIN, splice(fd[1], NULL, pipefd[1], NULL, 10,
				    SPLICE_F_NONBLOCK));
	EXPECT_EQ(3, send(fd[0], "abc", 3, 0));
	EXPECT_EQ(POLLIN, wait_for(fd[1], POLLIN, LONG_MS));
	EXPECT_EQ(3, splice(fd[1], NULL, pipefd[1], NULL, 10,
			    SPLICE_F_NONBLOCK));
	EXPECT_EQ(3, read(pipefd[0], buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "abc", 3));
}

/* 6093-3: neither splice nor peek loops on an urgent byte. */
TEST_F(zero_copy, RFC_6093_3_splice_and_urgent)
{
	int *fd = self->fd, pipefd[2];
	char buf[8];
	ssize_t n, got = 0;

	ASSERT_EQ(0, pipe(pipefd));
	EXPECT_EQ(3, send(fd[0], "abX", 3, MSG_OOB));
	EXPECT_EQ(2, send(fd[0], "cd", 2, 0));
	EXPECT_EQ(0, shutdown(fd[0], SHUT_WR));
	while ((n = splice(fd[1], NULL, pipefd[1], NULL, 8, 0)) > 0)
		got += n;
	/* Native stops at the byte; to skip it is fine too. */
	EXPECT_TRUE(got == 2 || got == 4);
	EXPECT_EQ(got, read(pipefd[0], buf, sizeof(buf)));
	EXPECT_EQ(0, memcmp(buf, "abcd", got));
}

/* A spliced page may change until it leaves: then so does the checksum. */
static volatile bool stop_scribbling;

static void *scribble(void *map)
{
	unsigned int i;

	for (i = 0; !stop_scribbling; i++) {
		((volatile char *)map)[i % 65536] = i >> 3;
		if (!(i % 8192))
			usleep(10);	/* where CPU time is free, time stops */
	}
	return NULL;
}

TEST_F(zero_copy, API_12_page_changes)
{
	int *fd = self->fd, file = memfd_create("page", 0), i;
	static char buf[65536];
	pthread_t thread;
	char *map;

	ASSERT_EQ(0, ftruncate(file, 65536));
	map = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, map);
	pthread_create(&thread, NULL, scribble, map);
	for (i = 0; i < 50; i++) {
		off_t offset = 0;

		EXPECT_LT(0, sendfile(fd[0], file, &offset, 65536));
		EXPECT_EQ(offset, recv(fd[1], buf, offset, MSG_WAITALL));
	}
	stop_scribbling = true;
	pthread_join(thread, NULL);
}

/* A page whose owner unmaps it, or is gone, stays as long as it is sent. */
TEST_F(zero_copy, API_12_unmapped_page)
{
	int *fd = self->fd, pipefd[2];
	static char buf[32768];
	struct iovec iov;

	ASSERT_EQ(0, pipe(pipefd));
	iov.iov_len = sizeof(buf);
	iov.iov_base = mmap(NULL, iov.iov_len, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, iov.iov_base);
	pattern_fill(iov.iov_base, iov.iov_len, 41, 0);
	ASSERT_EQ(iov.iov_len, vmsplice(pipefd[1], &iov, 1, 0));
	EXPECT_EQ(iov.iov_len, splice(pipefd[0], NULL, fd[0], NULL, iov.iov_len,
				      0));
	EXPECT_EQ(0, munmap(iov.iov_base, iov.iov_len));
	close(pipefd[0]);
	close(pipefd[1]);
	EXPECT_EQ(sizeof(buf), recv(fd[1], buf, sizeof(buf), MSG_WAITALL));
	EXPECT_EQ(sizeof(buf), pattern_check(buf, sizeof(buf), 41, 0));
}

/* tee() has the same pages go two ways. */
TEST_F(zero_copy, API_12_tee)
{
	int *fd = self->fd, one[2], two[2], other[2];
	char buf[8];

	ASSERT_EQ(0, ep_pair(self->ep, other));
	ASSERT_EQ(0, pipe(one));
	ASSERT_EQ(0, pipe(two));
	EXPECT_EQ(4, send(fd[0], "data", 4, 0));
	EXPECT_EQ(4, splice(fd[1], NULL, one[1], NULL, 4, 0));
	EXPECT_EQ(4, tee(one[0], two[1], 4, 0));
	EXPECT_EQ(4, splice(one[0], NULL, other[0], NULL, 4, 0));
	EXPECT_EQ(4, recv(other[1], buf, 4, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "data", 4));
	EXPECT_EQ(4, splice(two[0], NULL, fd[0], NULL, 4, 0));
	EXPECT_EQ(4, recv(fd[1], buf, 4, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(buf, "data", 4));
	close(other[0]);
	close(other[1]);
}

TEST_F(zero_copy, wrong_state)
{
	int fd = ep_socket(self->ep, 0), pipefd[2], file = pattern_file(10, 1);
	off_t offset = 0;

	ASSERT_EQ(0, pipe(pipefd));
	signal(SIGPIPE, SIG_IGN);
	EXPECT_ERRNO(ENOTCONN, splice(fd, NULL, pipefd[1], NULL, 10, 0));
	EXPECT_ERRNO(EPIPE, sendfile(fd, file, &offset, 10));
	close(fd);
}

TEST_HARNESS_MAIN
