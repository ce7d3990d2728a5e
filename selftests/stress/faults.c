// SPDX-License-Identifier: GPL-2.0
/*
 * ING-12: every allocation of a connection's life fails once. For each call,
 * /proc/thread-self/fail-nth fails the first, then the second, ... fault site
 * that the kernel passes in it, until the call passes fewer than that. The call
 * fails with an errno or works; what the connection does after it, it does as
 * if nothing had happened: all bytes and the end of them arrive.
 */
#include <sys/mount.h>

#include "kselftest_harness.h"
#include "../lib.h"

#define SENT 100000
#define SITES_MAX 200		/* a call passes far fewer */

FIXTURE(faults) {
	const struct endpoint *ep;
	struct address to;
	int listener;
	int fd[2];		/* connecting, accepted */
	int fail_nth;		/* a file */
};
ENDPOINT_VARIANTS(faults);

static unsigned char out[SENT], in[SENT];

FIXTURE_SETUP(faults)
{
	self->ep = &variant->ep;
	signal(SIGPIPE, SIG_IGN);
	pattern_fill(out, SENT, 1, 0);
	self->listener = ep_listener(self->ep, 8, &self->to);
	ASSERT_LE(0, self->listener);
}

FIXTURE_TEARDOWN(faults)
{
	close(self->listener);
}

/* Allocations that may sleep fail only when asked to. */
static bool sleepers_fail(const char *injector)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/ignore-gfp-wait",
		 injector);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "N", 1) == 1 && !close(fd);
}

static int fail_nth(int fd, int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	return pwrite(fd, text, len, 0) == len ? 0 : -1;
}

/* Was the site reached since fail_nth()? Nothing fails any more. */
static bool has_failed(int fd)
{
	char text[16] = "";
	bool reached;

	reached = pread(fd, text, sizeof(text) - 1, 0) > 0 && !atoi(text);
	fail_nth(fd, 0);
	return reached;
}

/* The calls of a connection's life, in this order. */
enum call {
	CALL_SOCKET, CALL_BIND, CALL_CONNECT, CALL_ACCEPT, CALL_SETSOCKOPT,
	CALL_SEND, CALL_RECV, CALL_SHUTDOWN, CALL_CLOSE, CALL_NR
};

static const char * const call_names[] = {
	"socket", "bind", "connect", "accept", "setsockopt", "send", "recv",
	"shutdown", "close",
};

static ssize_t do_call(FIXTURE_DATA(faults) *self, enum call call)
{
	struct address any = ep_loopback(self->ep, 0);

	switch (call) {
	case CALL_SOCKET:
		return self->fd[0] = ep_socket(self->ep, SOCK_NONBLOCK);
	case CALL_BIND:
		return bind(self->fd[0], &any.sa, any.len);
	case CALL_CONNECT:
		if (!connect(self->fd[0], &self->to.sa, self->to.len) ||
		    errno == EINPROGRESS || errno == EISCONN)
			return 0;
		return -1;
	case CALL_ACCEPT:
		return self->fd[1] = accept(self->listener, NULL, NULL);
	case CALL_SETSOCKOPT:
		return setsockopt(self->fd[0], SOL_TCP, TCP_CONGESTION, "reno", 4);
	case CALL_SEND:
		return send(self->fd[0], out, 1000, 0);
	case CALL_RECV:
		return recv(self->fd[1], in, 1000, 0);
	case CALL_SHUTDOWN:
		return shutdown(self->fd[0], SHUT_WR);
	case CALL_CLOSE:
		return close(self->fd[1]);
	default:
		return -1;
	}
}

/* As in native TCP, a bind() that cannot note the port calls it taken. */
static bool is_lack_of_memory(enum call call, int err)
{
	if (err == EADDRINUSE)
		return call == CALL_BIND;
	return err == ENOMEM || err == ENOBUFS || err == ENFILE ||
	       err == EAGAIN || err == EFAULT;
}

/* The rest of the data, @sent and @got bytes of it already; 0 if all is right. */
static int transfer(FIXTURE_DATA(faults) *self, size_t sent, size_t got)
{
	ssize_t n;

	while (got < SENT) {
		n = send(self->fd[0], out + sent, SENT - sent, MSG_DONTWAIT);
		if (n > 0)
			sent += n;
		if (wait_for(self->fd[1], POLLIN, 60 * LONG_MS) <= 0)
			return -1;
		n = recv(self->fd[1], in + got, SENT - got, MSG_DONTWAIT);
		if (n <= 0)
			return -1;
		got += n;
	}
	return memcmp(in, out, SENT);
}

/*
 * One life of a connection in which site @nth of @call fails. Returns whether
 * there is such a site, -1 for a failure of the test, told by @self.
 */
static int live(struct __test_metadata *_metadata,
		FIXTURE_DATA(faults) *self, enum call which, int nth)
{
	size_t sent = 0;
	bool reached = false;
	enum call call;
	ssize_t n;

	for (call = CALL_SOCKET; call < CALL_NR; call++) {
		if (call == CALL_ACCEPT) {
			EXPECT_LT(0, wait_for(self->fd[0], POLLOUT, 60 * LONG_MS));
			EXPECT_EQ(0, so_error(self->fd[0]));
			EXPECT_LT(0, wait_for(self->listener, POLLIN, LONG_MS));
		}
		if (call == CALL_RECV)
			EXPECT_LT(0, wait_for(self->fd[1], POLLIN, LONG_MS));
		if (call == which)
			ASSERT_EQ(0, fail_nth(self->fail_nth, nth));
		n = do_call(self, call);
		if (call == which) {
			int err = errno;

			reached = has_failed(self->fail_nth);
			if (n < 0) {
				EXPECT_TRUE(reached);
				EXPECT_TRUE(is_lack_of_memory(call, err)) {
					TH_LOG("%s, site %d: %s", call_names[call],
					       nth, strerror(err));
				}
				n = do_call(self, call);	/* again */
			}
		}
		EXPECT_LE(0, n) {
			TH_LOG("%s after site %d of %s: %s", call_names[call],
			       nth, call_names[which], strerror(errno));
			return -1;
		}
		if (call == CALL_SEND)
			sent = n;
		if (call == CALL_RECV)
			EXPECT_EQ(0, transfer(self, sent, n));
		if (call == CALL_SHUTDOWN) {
			EXPECT_LT(0, wait_for(self->fd[1], POLLIN, 60 * LONG_MS));
			EXPECT_EQ(0, recv(self->fd[1], in, 1, 0));
		}
	}
	EXPECT_LT(0, wait_for(self->fd[0], POLLIN, 60 * LONG_MS));
	EXPECT_EQ(0, recv(self->fd[0], in, 1, 0));
	close(self->fd[0]);
	return reached;
}

TEST_F_TIMEOUT(faults, ING_12_each_site_of_each_call, 3600)
{
	int reached, nth;
	enum call call;

	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	if (!sleepers_fail("failslab") || !sleepers_fail("fail_page_alloc"))
		SKIP(return, "the kernel has no failslab");
	self->fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fail_nth);
	for (call = CALL_SOCKET; call < CALL_NR; call++) {
		for (nth = 1; nth < SITES_MAX; nth++) {
			reached = live(_metadata, self, call, nth);
			ASSERT_LE(0, reached);
			if (!reached)
				break;
		}
		TH_LOG("%s: %d sites", call_names[call], nth - 1);
		EXPECT_LT(nth, SITES_MAX);
	}
	close(self->fail_nth);
}

/*
 * Fast Open: site @nth of the call that opens and sends at once. It works, takes
 * nothing, or fails and can be made again; all bytes arrive, once.
 */
static int open_fast(struct __test_metadata *_metadata,
		     FIXTURE_DATA(faults) *self, int nth)
{
	struct address *to = &self->to;
	bool reached;
	ssize_t n;

	self->fd[0] = ep_socket(self->ep, SOCK_NONBLOCK);
	ASSERT_EQ(0, fail_nth(self->fail_nth, nth));
	n = sendto(self->fd[0], out, 1000, MSG_FASTOPEN, &to->sa, to->len);
	if (n < 0) {
		int err = errno;

		reached = has_failed(self->fail_nth);
		EXPECT_TRUE(reached);
		EXPECT_TRUE(err == EINPROGRESS ||
			    is_lack_of_memory(CALL_SEND, err)) {
			TH_LOG("site %d: %s", nth, strerror(err));
		}
		if (err != EINPROGRESS)
			n = sendto(self->fd[0], out, 1000, MSG_FASTOPEN,
				   &to->sa, to->len);
		EXPECT_TRUE(n > 0 || err == EINPROGRESS) {
			TH_LOG("after site %d: %s", nth, strerror(errno));
		}
	} else {
		reached = has_failed(self->fail_nth);
	}
	EXPECT_LT(0, wait_for(self->fd[0], POLLOUT, 60 * LONG_MS));
	EXPECT_EQ(0, so_error(self->fd[0]));
	EXPECT_LT(0, wait_for(self->listener, POLLIN, LONG_MS));
	self->fd[1] = accept(self->listener, NULL, NULL);
	EXPECT_EQ(0, transfer(self, n > 0 ? n : 0, 0));
	close(self->fd[1]);
	close(self->fd[0]);
	return reached;
}

TEST_F_TIMEOUT(faults, ING_12_RFC_7413_3_each_site_of_fast_open, 3600)
{
	int reached, nth;
	FILE *knob;

	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	if (!sleepers_fail("failslab") || !sleepers_fail("fail_page_alloc"))
		SKIP(return, "the kernel has no failslab");
	knob = fopen(stack_is_native() ? "/proc/sys/net/ipv4/tcp_fastopen" :
		     "/proc/sys/net/tcpx/fastopen", "w");
	ASSERT_NE(NULL, knob);
	/* Both ends, without cookies: each SYN has text. */
	fprintf(knob, "%d\n", 0x207);
	ASSERT_EQ(0, fclose(knob));
	ASSERT_EQ(0, set_int(self->listener, SOL_TCP, TCP_FASTOPEN, 8));
	self->fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fail_nth);
	for (nth = 1; nth < SITES_MAX; nth++) {
		reached = open_fast(_metadata, self, nth);
		if (!reached)
			break;
	}
	TH_LOG("%d sites", nth - 1);
	EXPECT_LT(nth, SITES_MAX);
	close(self->fail_nth);
}

TEST_HARNESS_MAIN
