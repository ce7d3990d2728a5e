// SPDX-License-Identifier: GPL-2.0
/* A socket and its processes: dup, fork, SCM_RIGHTS, limits, namespaces. */
#include <linux/filter.h>
#include <sys/resource.h>

#include "kselftest_harness.h"
#include "../lib.h"

PAIR_FIXTURE(shared);

/* The connection ends with its last descriptor, not before. */
TEST_F(shared, API_11_dup)
{
	int *fd = self->fd, copy = dup(fd[0]);
	char c;

	ASSERT_LE(0, copy);
	close(fd[0]);
	EXPECT_EQ(1, send(copy, "x", 1, 0));
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
	EXPECT_EQ(0, wait_for(fd[1], POLLIN, 0));
	close(copy);
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	fd[0] = -1;
}

TEST_F(shared, API_11_fork)
{
	int *fd = self->fd, status;
	pid_t child = fork();
	char c;

	if (!child) {
		close(fd[1]);
		_exit(send(fd[0], "x", 1, 0) != 1);
	}
	close(fd[0]);
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	/* The child's exit closed the last one. */
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	fd[0] = -1;
}

TEST_F(shared, API_11_killed_process_closes)
{
	int *fd = self->fd;
	pid_t child = fork();
	char c;

	if (!child) {
		close(fd[1]);
		recv(fd[0], &c, 1, 0);
		_exit(0);
	}
	close(fd[0]);
	EXPECT_EQ(0, kill(child, SIGKILL));
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	EXPECT_EQ(child, waitpid(child, NULL, 0));
	fd[0] = -1;
}

TEST_F(shared, API_11_scm_rights)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, c = 'p';
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int *fd = self->fd, unix_fd[2], received;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, unix_fd));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd[0], sizeof(int));
	ASSERT_EQ(1, sendmsg(unix_fd[0], &msg, 0));
	/* In flight it is alive though nobody has it. */
	close(fd[0]);
	EXPECT_EQ(0, wait_for(fd[1], POLLIN, 0));
	ASSERT_EQ(1, recvmsg(unix_fd[1], &msg, 0));
	memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	EXPECT_EQ(1, send(received, "x", 1, 0));
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
	close(received);
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	close(unix_fd[0]);
	close(unix_fd[1]);
	fd[0] = -1;
}

static volatile sig_atomic_t sigios;

static void on_sigio(int signal)
{
	sigios++;
}

/* O_ASYNC: a signal when data comes. */
TEST_F(shared, API_11_sigio)
{
	struct sigaction act = { .sa_handler = on_sigio };
	int *fd = self->fd;

	sigaction(SIGIO, &act, NULL);
	EXPECT_EQ(0, fcntl(fd[1], F_SETOWN, getpid()));
	EXPECT_EQ(0, fcntl(fd[1], F_SETFL, O_ASYNC | O_NONBLOCK));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_TRUE(eventually(sigios > 0));
	EXPECT_EQ(0, fcntl(fd[1], F_SETFL, 0));
}

/* API-15: no descriptor for the accepted one; the connection isn't lost. */
TEST_F(shared, API_15_no_descriptors)
{
	struct rlimit limit, none = {};
	struct address a;
	int listener = ep_listener(self->ep, 4, &a), fd, client;

	ASSERT_LE(0, listener);
	client = ep_connected(self->ep, &a);
	ASSERT_LE(0, client);
	EXPECT_NE(0, wait_for(listener, POLLIN, LONG_MS));
	getrlimit(RLIMIT_NOFILE, &limit);
	none.rlim_max = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &none);
	EXPECT_ERRNO(EMFILE, accept(listener, NULL, NULL));
	EXPECT_ERRNO(EMFILE, ep_socket(self->ep, 0));
	setrlimit(RLIMIT_NOFILE, &limit);
	fd = accept(listener, NULL, NULL);
	EXPECT_LE(0, fd);
	close(fd);
	close(client);
	close(listener);
}

/* CVE-2016-8645: a filter that cuts segments must not corrupt the stream. */
TEST_F(shared, API_10_truncating_filter)
{
	struct sock_filter cut[] = { BPF_STMT(BPF_RET | BPF_K, 32) };
	struct sock_fprog prog = { 1, cut };
	int *fd = self->fd;
	char buf[64];

	ASSERT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				sizeof(prog)));
	memset(buf, 'a', sizeof(buf));
	EXPECT_EQ(64, send(fd[0], buf, 64, 0));
	EXPECT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_DETACH_FILTER, &prog,
				sizeof(prog)));
	EXPECT_EQ(64, recv(fd[1], buf, 64, MSG_WAITALL));
}

/* A filter that drops everything: the data comes once it is gone. */
TEST_F(shared, API_10_dropping_filter)
{
	struct sock_filter drop[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog prog = { 1, drop };
	int *fd = self->fd;
	char c;

	ASSERT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				sizeof(prog)));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_EQ(0, wait_for(fd[1], POLLIN, 50));
	EXPECT_EQ(0, setsockopt(fd[1], SOL_SOCKET, SO_DETACH_FILTER, &prog,
				sizeof(prog)));
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
}

/* API-13: in a user and network namespace of one's own, and then gone. */
TEST_F(shared, API_13_own_namespace)
{
	int status, i;
	pid_t child = fork();

	if (!child) {
		int fd[2];

		if (setresuid(65534, 65534, 65534) ||
		    unshare(CLONE_NEWUSER | CLONE_NEWNET) || loopback_up())
			_exit(2);
		for (i = 0; i < 100; i++)
			if (ep_pair(self->ep, fd))
				_exit(3);
		/* Left open: the namespace dies with them. */
		_exit(0);
	}
	EXPECT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, send(self->fd[0], "x", 1, 0));
}

/* A socket keeps the namespace that it was made in. */
TEST_F(shared, API_13_namespace_of_a_socket)
{
	struct address a, b;
	int listener = ep_listener(self->ep, 1, &a), other, fd;

	ASSERT_LE(0, listener);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, loopback_up());
	EXPECT_ERRNO(ECONNREFUSED, ep_connected(self->ep, &a));
	/* The same port is free here. */
	other = ep_bound(self->ep, &a);
	EXPECT_LE(0, other);
	EXPECT_EQ(0, listen(other, 1));
	fd = ep_connected(self->ep, &a);
	EXPECT_LE(0, fd);
	EXPECT_EQ(POLLIN, wait_for(other, POLLIN, LONG_MS));
	EXPECT_EQ(0, wait_for(listener, POLLIN, 0));
	b = local_of(listener);
	EXPECT_TRUE(same_address(&a, &b));
	/* The old connection works from here. */
	EXPECT_EQ(1, send(self->fd[0], "x", 1, 0));
	EXPECT_EQ(1, recv(self->fd[1], &b, 1, 0));
	close(fd);
	close(other);
	close(listener);
}

TEST_HARNESS_MAIN
