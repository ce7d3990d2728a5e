// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that do any call to any socket of a shared table, at the same time,
 * STRESS_CALLS each (30000; 1000 on one CPU, where little races) or for
 * STRESS_SECONDS (5). The calls may fail; what must not happen is a crash, a
 * hang, or data that is not what somebody sent.
 * Then the same with failing allocations, where the kernel can inject them.
 */
#include <pthread.h>
#include <sys/mount.h>

#include "kselftest_harness.h"
#include "../lib.h"

#define SLOTS 16
#define THREADS 8
#define MARK 0x5a		/* every byte that is ever sent */

FIXTURE(churn) { const struct endpoint *ep; };
ENDPOINT_VARIANTS(churn);

static struct endpoint ep;
static int slot[SLOTS];
static struct address listener[2];
static int64_t deadline;
static int calls_each;
static bool failing;		/* allocations fail in these threads */
static unsigned long calls, garbage, data;

static int failslab(const char *name, const char *value)
{
	char path[128];
	int fd, ret;

	snprintf(path, sizeof(path), "/sys/kernel/debug/failslab/%s", name);
	fd = open(path, O_WRONLY);
	ret = write(fd, value, strlen(value)) < 0 ? -1 : 0;
	close(fd);
	return ret;
}

FIXTURE_SETUP(churn)
{
	int i;

	self->ep = &variant->ep;
	ep = *self->ep;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGURG, SIG_IGN);
	for (i = 0; i < SLOTS; i++)
		slot[i] = ep_socket(&ep, SOCK_NONBLOCK);
	for (i = 0; i < 2; i++) {
		int fd = ep_listener(&ep, 8, &listener[i]);

		ASSERT_LE(0, fd);
		set_nonblock(fd);
		dup3(fd, slot[i], O_CLOEXEC);
		close(fd);
	}
}

FIXTURE_TEARDOWN(churn)
{
	int i;

	failslab("probability", "0");
	for (i = 0; i < SLOTS; i++)
		close(slot[i]);
}

static unsigned int next(unsigned int *rng)
{
	*rng = *rng * 1664525 + 1013904223;
	return *rng >> 8;
}

/* The descriptor's number stays; what is behind it changes under everybody. */
static void replace(int fd, int with)
{
	if (with < 0)
		return;
	set_nonblock(with);
	dup3(with, fd, O_CLOEXEC);
	close(with);
}

static void check(const unsigned char *buf, ssize_t n)
{
	ssize_t i;

	for (i = 0; i < n; i++)
		if (buf[i] != MARK)
			__atomic_fetch_add(&garbage, 1, __ATOMIC_RELAXED);
	if (n > 0)
		__atomic_fetch_add(&data, n, __ATOMIC_RELAXED);
}

static void one_call(unsigned int *rng, unsigned char *buf, size_t size)
{
	int fd = slot[next(rng) % SLOTS], other = slot[next(rng) % SLOTS];
	struct address *to = &listener[next(rng) % 2];
	struct address none = { .sa.sa_family = AF_UNSPEC, .len = 16 };
	struct address any = ep_loopback(&ep, 0);
	struct linger now = { .l_onoff = next(rng) & 1 };
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int pair[2], n;

	switch (next(rng) % 24) {
	case 0: case 1: case 2: case 3:
		send(fd, buf + 65536, next(rng) % size, MSG_NOSIGNAL |
		     (next(rng) % 8 ? 0 : MSG_MORE));
		break;
	case 4: case 5: case 6: case 7:
		memset(buf, 0, 4096);
		check(buf, recv(fd, buf, 4096, next(rng) % 4 ? 0 : MSG_PEEK));
		break;
	case 8: case 9: case 10:
		connect(fd, &to->sa, to->len);
		break;
	case 11: case 12:
		replace(other, accept(fd, NULL, NULL));
		break;
	case 13:
		shutdown(fd, next(rng) % 3);
		break;
	case 14: case 15:
		replace(fd, ep_socket(&ep, SOCK_NONBLOCK));
		break;
	case 16:
		wait_for(fd, POLLIN | POLLOUT | POLLPRI, next(rng) % 3);
		break;
	case 17:
		connect(fd, &none.sa, none.len);
		break;
	case 18:
		bind(fd, &any.sa, any.len);
		listen(fd, next(rng) % 4);
		any = local_of(fd);
		if (get_int(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1)
			*to = any;
		break;
	case 19:
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		set_int(fd, SOL_SOCKET, SO_RCVBUF, next(rng) % 100000);
		set_int(fd, SOL_TCP, TCP_NODELAY, next(rng) & 1);
		set_int(fd, SOL_SOCKET, SO_KEEPALIVE, next(rng) & 1);
		break;
	case 20:
		getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len);
		ioctl(fd, SIOCINQ, &n);
		ioctl(fd, SIOCOUTQ, &n);
		break;
	case 21:
		send(fd, buf + 65536, 1, MSG_OOB | MSG_NOSIGNAL);
		recv(other, buf, 1, MSG_OOB);
		break;
	case 22:
		if (!ep_pair(&ep, pair)) {
			replace(fd, pair[0]);
			replace(other, pair[1]);
		}
		break;
	case 23:
		n = open("/proc/net/tcpx", O_RDONLY);
		if (n >= 0 && read(n, buf, 4096) < 0)
			break;
		close(n);
	}
	__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
}

static void *work(void *arg)
{
	unsigned char *buf = malloc(2 * 65536);
	unsigned int rng = (uintptr_t)arg;
	int i;

	memset(buf, MARK, 2 * 65536);
	if (failing) {
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/proc/self/task/%d/make-it-fail",
			 gettid());
		fd = open(path, O_WRONLY);
		if (fd < 0 || write(fd, "1", 1) != 1)
			return "cannot make it fail";
		close(fd);
	}
	for (i = 0; i < calls_each && now_ms() < deadline; i++) {
		one_call(&rng, buf, 65536);
		if (!(i % 64))
			usleep(10);	/* where CPU time is free, time stops */
	}
	free(buf);
	return NULL;
}

static int setting(const char *name, int value)
{
	const char *text = getenv(name);

	return text ? atoi(text) : value;
}

static void run(struct __test_metadata *_metadata)
{
	pthread_t thread[THREADS];
	void *complaint;
	uintptr_t i;

	calls_each = setting("STRESS_CALLS",
			     sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 30000 : 1000);
	deadline = now_ms() + setting("STRESS_SECONDS", 5) * 1000;
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, work,
					    (void *)(i + 1)));
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &complaint);
		EXPECT_EQ(NULL, complaint);
	}
	TH_LOG("%lu calls, %lu bytes received", calls, data);
	EXPECT_LT(1000, calls);
	EXPECT_LT(0, data);
	EXPECT_EQ(0, garbage);
}

/* The stack is as good as new. */
static void still_works(struct __test_metadata *_metadata)
{
	int fd[2];
	char c;

	ASSERT_EQ(0, ep_pair(&ep, fd));
	EXPECT_EQ(1, send(fd[0], "x", 1, 0));
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
	close(fd[0]);
	EXPECT_EQ(0, recv(fd[1], &c, 1, 0));
	close(fd[1]);
}

TEST_F_TIMEOUT(churn, any_call_on_any_socket, 120)
{
	run(_metadata);
	still_works(_metadata);
}

/* API-15: with one in fifty allocations failing. */
TEST_F_TIMEOUT(churn, API_15_failing_allocations, 120)
{
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	if (access("/sys/kernel/debug/failslab", F_OK))
		SKIP(return, "the kernel has no failslab");
	ASSERT_EQ(0, failslab("task-filter", "Y"));
	ASSERT_EQ(0, failslab("ignore-gfp-wait", "N"));
	ASSERT_EQ(0, failslab("probability", "2"));
	ASSERT_EQ(0, failslab("times", "-1"));
	ASSERT_EQ(0, failslab("verbose", "0"));
	failing = true;
	run(_metadata);
	EXPECT_EQ(0, failslab("probability", "0"));
	still_works(_metadata);
}

TEST_HARNESS_MAIN
