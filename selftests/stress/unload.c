// SPDX-License-Identifier: GPL-2.0
/*
 * The module leaves, and comes again, while programs make sockets, use and
 * close them and segments arrive: it is refused while one is open, and what it
 * leaves behind on its way out (RCU callbacks, timers, softirqs) may not meet
 * freed code. Worth most with two CPUs. UNLOAD_ROUNDS (40).
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "../lib.h"

static atomic_bool stop;
static atomic_int opened, refused;

static int load(void)
{
	const char *path = getenv("TCPX_KO");
	int fd = open(path ?: "", O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	ret = syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return ret;
}

static int unload(void)
{
	return syscall(SYS_delete_module, "tcpx", O_NONBLOCK);
}

/* The module may go between any two calls that make a socket. */
static bool pair_up(const struct endpoint *ep, int *fd)
{
	struct address to;
	int listener = ep_listener(ep, 1, &to);

	if (listener < 0)
		return false;
	fd[0] = ep_connected(ep, &to);
	fd[1] = fd[0] < 0 ? -1 : accept(listener, NULL, NULL);
	close(listener);
	if (fd[1] >= 0)
		return true;
	if (fd[0] >= 0)
		close(fd[0]);
	return false;
}

/*
 * All threads are busy for a while and idle for a while, so that references
 * drop to none: what goes on then is RCU's, the timers' and the work's.
 */
static void wait_for_a_burst(int round)
{
	struct timespec now;

	usleep(round % 7 * 300);
	clock_gettime(CLOCK_MONOTONIC, &now);
	while (now.tv_nsec / 1000000 % 200 > 60 && !atomic_load(&stop)) {
		usleep(2000);
		clock_gettime(CLOCK_MONOTONIC, &now);
	}
}

/* A pair, some octets, and a RST: TIME-WAIT would keep the module. */
static void *open_and_close(void *arg)
{
	struct endpoint ep = { DOOR_PROTO, arg ? IP6 : IP4 };
	struct linger now = { .l_onoff = 1 };
	int fd[2], round = 0;
	char buf[100] = "";

	while (!atomic_load(&stop)) {
		wait_for_a_burst(round++);
		if (!pair_up(&ep, fd)) {
			atomic_fetch_add(&refused, 1);
			continue;
		}
		atomic_fetch_add(&opened, 1);
		send(fd[0], buf, sizeof(buf), MSG_NOSIGNAL);
		recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT);
		setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd[round & 1]);
		close(fd[!(round & 1)]);
	}
	return NULL;
}

/* Segments for a port that nobody has: they meet the receive path. */
static void *knock(void *arg)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct {
		uint16_t source, dest;
		uint32_t seq, ack;
		uint8_t doff, flags;
		uint16_t window, check, urgent;
	} syn = { htons(7), htons(9), 0, 0, 5 << 4, 2, 1000 };
	int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);

	while (!atomic_load(&stop)) {
		syn.seq++;
		sendto(raw, &syn, sizeof(syn), 0, (struct sockaddr *)&to,
		       sizeof(to));
		usleep(50);
	}
	close(raw);
	return NULL;
}

static bool is_user_mode_kernel(void)
{
	char line[256] = "";
	bool found = false;
	FILE *file = fopen("/proc/cpuinfo", "r");

	while (file && fgets(line, sizeof(line), file))
		found |= !!strstr(line, "User Mode Linux");
	if (file)
		fclose(file);
	return found;
}

static int rounds(void)
{
	const char *text = getenv("UNLOAD_ROUNDS");

	return text ? atoi(text) : 40;
}

static bool gone(void)
{
	return !unload() || errno == ENOENT;
}

static bool is_refused_while_open(void)
{
	struct endpoint ep = { DOOR_PROTO, IP4 };
	int fd = ep_socket(&ep, 0);
	bool right = fd >= 0 && unload() && errno == EAGAIN;

	close(fd);
	return right;
}

FIXTURE(unload) {};
FIXTURE_SETUP(unload) {}
FIXTURE_TEARDOWN(unload) {}

TEST_F_TIMEOUT(unload, RACE_11_unload_and_sockets, 300)
{
	pthread_t thread[3];
	int i, times = 0;

	if (stack_is_native() || !getenv("TCPX_KO"))
		SKIP(return, "no module to load");
	if (is_user_mode_kernel())
		SKIP(return, "user-mode kernel: KASAN's shadow stays");

	signal(SIGPIPE, SIG_IGN);
	EXPECT_TRUE(is_refused_while_open());
	pthread_create(&thread[0], NULL, open_and_close, NULL);
	pthread_create(&thread[1], NULL, open_and_close, &thread);
	pthread_create(&thread[2], NULL, knock, NULL);
	for (i = 0; i < rounds() * 100 && times < rounds(); i++) {
		if (unload()) {
			EXPECT_TRUE(errno == EAGAIN || errno == EBUSY);
			usleep(i % 13 * 200);
			continue;
		}
		times++;
		usleep(i % 3 * 500);
		EXPECT_EQ(0, load());
		usleep(2000);
	}
	atomic_store(&stop, true);
	for (i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	TH_LOG("%d times unloaded, %d pairs, %d refused", times,
	       atomic_load(&opened), atomic_load(&refused));
	EXPECT_LT(0, times);
	EXPECT_LT(0, atomic_load(&opened));
	EXPECT_TRUE(eventually(gone()));
	EXPECT_EQ(0, load());
	EXPECT_TRUE(is_refused_while_open());
}

TEST_HARNESS_MAIN
