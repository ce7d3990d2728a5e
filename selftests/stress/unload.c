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

/* A pair, some octets, one of three ends; any of it may find no module. */
static void *open_and_close(void *arg)
{
	struct endpoint ep = { DOOR_PROTO, arg ? IP6 : IP4 };
	struct linger now = { .l_onoff = 1 };
	int fd[2], round = 0;
	char buf[100] = "";

	while (!atomic_load(&stop)) {
		usleep(round++ % 7 * 300);
		if (ep_pair(&ep, fd)) {
			atomic_fetch_add(&refused, 1);
			continue;
		}
		atomic_fetch_add(&opened, 1);
		send(fd[0], buf, sizeof(buf), MSG_NOSIGNAL);
		recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT);
		if (round % 3 == 0)
			setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &now,
				   sizeof(now));
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

/* TIME-WAIT keeps the module, and a loaded one has the default of a minute. */
static void abort_all(void)
{
	int fd = open("/proc/sys/net/tcpx/abort_all", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		perror("abort_all");
	close(fd);
}

static bool gone(void)
{
	abort_all();
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
	pthread_t thread[4];
	int i, times = 0;

	if (stack_is_native() || !getenv("TCPX_KO"))
		SKIP(return, "no module to load");
	if (is_user_mode_kernel())
		SKIP(return, "user-mode kernel: KASAN's shadow stays");

	signal(SIGPIPE, SIG_IGN);
	EXPECT_TRUE(is_refused_while_open());
	pthread_create(&thread[0], NULL, open_and_close, NULL);
	pthread_create(&thread[1], NULL, open_and_close, &thread);
	pthread_create(&thread[2], NULL, open_and_close, NULL);
	pthread_create(&thread[3], NULL, knock, NULL);
	for (i = 0; i < rounds() * 100 && times < rounds(); i++) {
		abort_all();
		if (unload()) {
			EXPECT_TRUE(errno == EAGAIN || errno == EBUSY);
			usleep(i % 13 * 500);
			continue;
		}
		times++;
		usleep(i % 3 * 500);
		EXPECT_EQ(0, load());
		usleep(2000);
	}
	atomic_store(&stop, true);
	for (i = 0; i < 4; i++)
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
