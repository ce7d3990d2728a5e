// SPDX-License-Identifier: GPL-2.0
/*
 * API-01 and API-02: every option number with every odd length and pointer, in
 * every state that a program can reach. There is one answer that is never
 * right: a crash. What can be asserted beside it is that a value comes back in
 * no more bytes than were offered and that the socket still works.
 */
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "../lib.h"

ENDPOINT_FIXTURE(matrix);

enum { CLOSED, BOUND, LISTENING, SYN_SENT, ESTABLISHED, FIN_WAIT_2, CLOSE_WAIT,
       BOTH_ENDED, RESET, STATES };

static int tun = -1;

/* A socket in @state; its peer, if any, in *@peer. */
static int socket_in(const struct endpoint *ep, int state, int *peer)
{
	struct address to = ep_address(ep, "10.99.0.2", "fd99::2", 9);
	struct linger now = { .l_onoff = 1 };
	struct address a = ep_loopback(ep, 0);
	int fd[2];
	char c;

	*peer = -1;
	switch (state) {
	case CLOSED:
		return ep_socket(ep, 0);
	case BOUND:
		return ep_bound(ep, &a);
	case LISTENING:
		return ep_listener(ep, 1, &a);
	case SYN_SENT:
		fd[0] = ep_socket(ep, SOCK_NONBLOCK);
		connect(fd[0], &to.sa, to.len);
		return fd[0];
	}
	if (ep_pair(ep, fd))
		return -1;
	*peer = fd[1];
	if (state == FIN_WAIT_2 || state == BOTH_ENDED)
		shutdown(fd[0], SHUT_WR);
	if (state == CLOSE_WAIT || state == BOTH_ENDED) {
		shutdown(fd[1], SHUT_WR);
		recv(fd[0], &c, 1, 0);
	}
	if (state == RESET) {
		setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(fd[1]);
		*peer = -1;
		wait_for(fd[0], POLLIN, LONG_MS);
	}
	return fd[0];
}

/* Options that reach beyond the socket, or whose wait is not bounded. */
static bool too_wide(int level, int name)
{
	return level == SOL_SOCKET &&
	       (name == SO_MARK || name == SO_BUSY_POLL ||
		name == SO_BINDTODEVICE || name == SO_BINDTOIFINDEX);
}

static const socklen_t lengths[] = {
	-1, 0, 1, 3, 4, 5, 8, 64, 4096, INT32_MAX,
};

#define NR_LENGTHS (sizeof(lengths) / sizeof(*lengths))

static void try_option(struct __test_metadata *_metadata, int fd, int level,
		       int name, void *at, int length)
{
	socklen_t len = length;

	setsockopt(fd, level, name, at, len);
	if (getsockopt(fd, level, name, at, &len))
		return;
	EXPECT_GE((unsigned int)length, len) {
		TH_LOG("level %d option %d length %d", level, name, length);
	}
}

static void try_options(struct __test_metadata *_metadata, int fd, int level)
{
	long page = sysconf(_SC_PAGESIZE);
	/* A page, then nothing: writing beyond the end faults. */
	unsigned char *area = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *readonly = mmap(NULL, page, PROT_READ, MAP_PRIVATE |
				       MAP_ANONYMOUS, -1, 0);
	void *bad[] = { NULL, (void *)1, readonly, area + 2 * page - 2 };
	unsigned int i;
	int name;

	ASSERT_NE(MAP_FAILED, area);
	munmap(area + 2 * page, page);
	for (name = 0; name < 256; name++) {
		if (too_wide(level, name))
			continue;
		for (i = 0; i < NR_LENGTHS; i++)
			try_option(_metadata, fd, level, name, area,
				   lengths[i]);
		for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
			try_option(_metadata, fd, level, name, bad[i], 4);
		memset(area, name, 16);
	}
	munmap(area, 2 * page);
	munmap(readonly, page);
}

static void check_options(struct __test_metadata *_metadata,
			  const struct endpoint *ep, int level)
{
	int state, fd, peer;

	/* SO_LINGER and time limits: the closes below must not wait. */
	tun = blackhole_up();
	ASSERT_LE(0, tun);
	for (state = CLOSED; state < STATES; state++) {
		struct linger now = { .l_onoff = 1 };

		fd = socket_in(ep, state, &peer);
		ASSERT_LE(0, fd);
		try_options(_metadata, fd, level);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		EXPECT_EQ(0, close(fd));
		close(peer);
	}
	close(tun);
	/* The stack is alive. */
	fd = socket_in(ep, ESTABLISHED, &peer);
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	EXPECT_EQ(1, recv(peer, &state, 1, 0));
	close(fd);
	close(peer);
}

TEST_F_TIMEOUT(matrix, API_01_tcp_options, 120)
{
	check_options(_metadata, self->ep, SOL_TCP);
}

TEST_F_TIMEOUT(matrix, API_01_socket_options, 120)
{
	check_options(_metadata, self->ep, SOL_SOCKET);
}

TEST_F_TIMEOUT(matrix, API_01_ip_options, 120)
{
	check_options(_metadata, self->ep,
		      self->ep->ip == IP4 ? SOL_IP : SOL_IPV6);
}

/* API-03: ioctl numbers around the known ones. */
TEST_F(matrix, API_03_ioctls)
{
	char buf[4096] = {};
	int state, fd, peer;
	unsigned int cmd;

	tun = blackhole_up();
	ASSERT_LE(0, tun);
	for (state = CLOSED; state < STATES; state++) {
		fd = socket_in(self->ep, state, &peer);
		ASSERT_LE(0, fd);
		for (cmd = 0x8905; cmd < 0x8910; cmd++)
			ioctl(fd, cmd, buf);
		for (cmd = SIOCPROTOPRIVATE; cmd < SIOCPROTOPRIVATE + 16; cmd++)
			EXPECT_EQ(-1, ioctl(fd, cmd, buf));
		ioctl(fd, SIOCINQ, buf);
		ioctl(fd, SIOCOUTQNSD, buf);
		EXPECT_ERRNO(EFAULT, ioctl(fd, SIOCATMARK, NULL));
		close(fd);
		close(peer);
	}
	close(tun);
}

enum { BIND, LISTEN, CONNECT, DISCONNECT, ACCEPT, SHUT_READ, SHUT_WRITE,
       SHUT_BOTH, SEND, RECV, RECV_OOB, SEND_OOB, SOCKNAME, PEERNAME, CALLS };

static const char *const call_names[] = {
	"bind", "listen", "connect", "disconnect", "accept", "shutdown read",
	"shutdown write", "shutdown both", "send", "recv", "recv MSG_OOB",
	"send MSG_OOB", "getsockname", "getpeername",
};

/* What @call on @fd returns, the @nth time: 0 or more, or -errno. */
static int make_call(const struct endpoint *ep, int fd, int call, int nth,
		     const struct address *to)
{
	struct address none = { .sa.sa_family = AF_UNSPEC, .len = 16 };
	struct address a = ep_loopback(ep, 0);
	char buf[16] = "";
	int ret = -1;

	switch (call) {
	case BIND:
		ret = bind(fd, &a.sa, a.len);
		break;
	case LISTEN:
		ret = listen(fd, nth ? INT32_MAX : -1);
		break;
	case CONNECT:
		ret = connect(fd, &to->sa, to->len);
		break;
	case DISCONNECT:
		ret = connect(fd, &none.sa, none.len);
		break;
	case ACCEPT:
		ret = accept(fd, NULL, NULL);
		break;
	case SHUT_READ:
	case SHUT_WRITE:
	case SHUT_BOTH:
		ret = shutdown(fd, SHUT_RD + call - SHUT_READ);
		break;
	case SEND:
		ret = send(fd, buf, 16, MSG_NOSIGNAL);
		break;
	case RECV:
		ret = recv(fd, buf, 16, 0);
		break;
	case RECV_OOB:
		ret = recv(fd, buf, 1, MSG_OOB);
		break;
	case SEND_OOB:
		ret = send(fd, buf, 1, MSG_OOB | MSG_NOSIGNAL);
		break;
	case SOCKNAME:
		ret = getsockname(fd, &a.sa, &a.len);
		break;
	case PEERNAME:
		ret = getpeername(fd, &a.sa, &a.len);
	}
	return ret < 0 ? -errno : ret;
}

struct outcome { int first, second, state; };

static struct outcome outcome_of(const struct endpoint *ep, int state, int call,
				 const struct address *to)
{
	struct outcome o = { -1000 };
	int peer, fd = socket_in(ep, state, &peer);

	if (fd < 0)
		return o;
	set_nonblock(fd);
	o.first = make_call(ep, fd, call, 0, to);
	/* On loopback a connect() is through at once, or it is not. */
	if (call == CONNECT)
		wait_for(fd, POLLOUT, 20);
	o.second = make_call(ep, fd, call, 1, to);
	o.state = tcp_state(fd);
	/* Native delays the acknowledgment of a FIN. */
	if (o.state == TCP_FIN_WAIT2)
		o.state = TCP_FIN_WAIT1;
	if (close(fd))
		o.state = -1;
	close(peer);
	return o;
}

/*
 * API-07: every call in every state, twice: nothing hangs, and the table of
 * errnos is native's.
 */
TEST_F(matrix, API_07_calls_in_wrong_states)
{
	const struct endpoint native = { DOOR_NATIVE, self->ep->ip };
	struct address to, native_to;
	int listener = ep_listener(self->ep, 128, &to);
	int native_listener = ep_listener(&native, 128, &native_to);
	int state, call;

	ASSERT_LE(0, listener);
	ASSERT_LE(0, native_listener);
	tun = blackhole_up();
	ASSERT_LE(0, tun);
	for (state = CLOSED; state < STATES; state++)
	for (call = 0; call < CALLS; call++) {
		struct outcome ours = outcome_of(self->ep, state, call, &to);
		struct outcome theirs = outcome_of(&native, state, call,
						   &native_to);

		/* A socket whose connection ended keeps its port until close(). */
		if (call == BIND && (state == BOTH_ENDED || state == RESET))
			theirs.first = theirs.second;
		EXPECT_EQ(0, memcmp(&ours, &theirs, sizeof(ours))) {
			TH_LOG("%s in state %d: %d then %d, state %d; native: "
			       "%d then %d, state %d", call_names[call], state,
			       ours.first, ours.second, ours.state,
			       theirs.first, theirs.second, theirs.state);
		}
	}
	close(tun);
	close(listener);
	close(native_listener);
}

TEST_HARNESS_MAIN
