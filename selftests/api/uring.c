// SPDX-License-Identifier: GPL-2.0
/* io_uring: the calls of a connection, submitted and completed (API-11). */
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "../lib.h"

ENDPOINT_FIXTURE(uring);

#define ENTRIES 8

struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array;
	unsigned int *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static int ring_open(struct ring *r)
{
	struct io_uring_params p = {};
	size_t size;
	char *sq, *cq;

	r->fd = syscall(__NR_io_uring_setup, ENTRIES, &p);
	if (r->fd < 0)
		return -1;
	size = p.sq_off.array + p.sq_entries * sizeof(unsigned int);
	sq = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		  IORING_OFF_SQ_RING);
	size = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	cq = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		  IORING_OFF_CQ_RING);
	size = p.sq_entries * sizeof(struct io_uring_sqe);
	r->sqes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		       IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || r->sqes == MAP_FAILED)
		return -1;
	r->sq_tail = (void *)(sq + p.sq_off.tail);
	r->sq_mask = (void *)(sq + p.sq_off.ring_mask);
	r->sq_array = (void *)(sq + p.sq_off.array);
	r->cq_head = (void *)(cq + p.cq_off.head);
	r->cq_tail = (void *)(cq + p.cq_off.tail);
	r->cq_mask = (void *)(cq + p.cq_off.ring_mask);
	r->cqes = (void *)(cq + p.cq_off.cqes);
	return 0;
}

/* Submit @sqe; it is told apart by its user_data. */
static int submit(struct ring *r, struct io_uring_sqe sqe)
{
	unsigned int tail = *r->sq_tail, i = tail & *r->sq_mask;

	r->sqes[i] = sqe;
	r->sq_array[i] = i;
	__atomic_store_n(r->sq_tail, tail + 1, __ATOMIC_RELEASE);
	return syscall(__NR_io_uring_enter, r->fd, 1, 0, 0, NULL, 0);
}

static bool is_complete(struct ring *r)
{
	return *r->cq_head != __atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE);
}

/* The next completion: its result, and whose it is. */
static int complete(struct ring *r, uint64_t *whose)
{
	struct io_uring_cqe *cqe;
	int res;

	while (!is_complete(r))
		if (syscall(__NR_io_uring_enter, r->fd, 0, 1,
			    IORING_ENTER_GETEVENTS, NULL, 0) < 0)
			return -errno;
	cqe = &r->cqes[*r->cq_head & *r->cq_mask];
	res = cqe->res;
	if (whose)
		*whose = cqe->user_data;
	__atomic_store_n(r->cq_head, *r->cq_head + 1, __ATOMIC_RELEASE);
	return res;
}

static int run(struct ring *r, struct io_uring_sqe sqe)
{
	return submit(r, sqe) == 1 ? complete(r, NULL) : -1000;
}

#define OP(op, ...) ((struct io_uring_sqe) {				\
	.opcode = IORING_OP_##op, __VA_ARGS__ })
#define BUFFER(buf, size) .addr = (uintptr_t)(buf), .len = (size)

enum { ACCEPT = 1, CONNECT, READ };

/* Linux 6.12 with KASAN as a user-mode kernel dies of any io_uring message. */
static bool is_user_mode_kernel(void)
{
	char line[128];
	bool um = false;
	FILE *f = fopen("/proc/cpuinfo", "r");

	while (f && fgets(line, sizeof(line), f))
		um |= !!strstr(line, "User Mode Linux");
	if (f)
		fclose(f);
	return um;
}

static bool is_disabled(void)
{
	FILE *f = fopen("/proc/sys/kernel/io_uring_disabled", "r");
	int value = 0;

	if (f) {
		if (fscanf(f, "%d", &value) != 1)
			value = 0;
		fclose(f);
	}
	return value == 2;
}

#define SKIP_WITHOUT_URING() do {					\
	if (is_user_mode_kernel())					\
		SKIP(return, "user-mode kernel: no io_uring");		\
	if (is_disabled())						\
		SKIP(return, "io_uring is disabled");			\
} while (0)

TEST_F(uring, API_11_io_uring_connection)
{
	struct address a;
	int listener = ep_listener(self->ep, 4, &a), res, i;
	int fd = ep_socket(self->ep, 0), child = -1;
	struct ring r;
	uint64_t whose;
	char buf[16];

	SKIP_WITHOUT_URING();
	ASSERT_EQ(0, ring_open(&r)) {
		TH_LOG("io_uring: %s", strerror(errno));
	}
	/* The accept waits for the connect. */
	EXPECT_EQ(1, submit(&r, OP(ACCEPT, .fd = listener,
				   .user_data = ACCEPT)));
	EXPECT_FALSE(is_complete(&r));
	EXPECT_EQ(1, submit(&r, OP(CONNECT, .fd = fd, .user_data = CONNECT,
				   .addr = (uintptr_t)&a.sa, .off = a.len)));
	for (i = 0; i < 2; i++) {
		res = complete(&r, &whose);
		if (whose == ACCEPT)
			child = res;
		else
			EXPECT_EQ(0, res);
	}
	ASSERT_LE(0, child);

	/* A read waits for the data. */
	EXPECT_EQ(1, submit(&r, OP(RECV, .fd = child, .user_data = READ,
				   BUFFER(buf, sizeof(buf)))));
	EXPECT_FALSE(is_complete(&r));
	EXPECT_EQ(5, send(fd, "hello", 5, 0));
	EXPECT_EQ(5, complete(&r, &whose));
	EXPECT_EQ(READ, whose);
	EXPECT_EQ(0, memcmp(buf, "hello", 5));

	EXPECT_EQ(3, run(&r, OP(SEND, .fd = child, BUFFER("abc", 3))));
	EXPECT_EQ(3, run(&r, OP(RECV, .fd = fd, BUFFER(buf, 3),
				.msg_flags = MSG_WAITALL)));
	EXPECT_EQ(-EAGAIN, run(&r, OP(RECV, .fd = fd, BUFFER(buf, 3),
				      .msg_flags = MSG_DONTWAIT)));
	EXPECT_EQ(POLLOUT, run(&r, OP(POLL_ADD, .fd = fd,
				      .poll32_events = POLLOUT | POLLIN)));

	/* The end of the stream ends the read that waits for it. */
	EXPECT_EQ(1, submit(&r, OP(RECV, .fd = child,
				   BUFFER(buf, sizeof(buf)))));
	EXPECT_EQ(0, run(&r, OP(SHUTDOWN, .fd = fd, .len = SHUT_WR)));
	EXPECT_EQ(0, complete(&r, NULL));
	close(r.fd);
	close(fd);
	close(child);
	close(listener);
}

TEST_F(uring, API_11_io_uring_errors)
{
	struct address a = ep_loopback(self->ep, 0), to;
	int fd = ep_bound(self->ep, &a), pair[2], i;
	struct ring r;
	uint64_t whose;
	char buf[16];

	SKIP_WITHOUT_URING();
	ASSERT_EQ(0, ring_open(&r));
	a = local_of(fd);
	close(fd);
	fd = ep_socket(self->ep, 0);
	EXPECT_EQ(-ECONNREFUSED, run(&r, OP(CONNECT, .fd = fd, .off = a.len,
					    .addr = (uintptr_t)&a.sa)));
	EXPECT_EQ(0, run(&r, OP(RECV, .fd = fd, BUFFER(buf, 1))));
	EXPECT_EQ(-EPIPE, run(&r, OP(SEND, .fd = fd, BUFFER(buf, 1),
				     .msg_flags = MSG_NOSIGNAL)));
	close(fd);

	/* A reset ends the read that waits. */
	ASSERT_EQ(0, ep_pair(self->ep, pair));
	EXPECT_EQ(1, submit(&r, OP(RECV, .fd = pair[1],
				   BUFFER(buf, sizeof(buf)))));
	setsockopt(pair[0], SOL_SOCKET, SO_LINGER,
		   &(struct linger) { .l_onoff = 1 }, sizeof(struct linger));
	close(pair[0]);
	EXPECT_EQ(-ECONNRESET, complete(&r, NULL));
	close(pair[1]);

	/* A request that nobody will answer can be taken back. */
	ASSERT_LE(0, fd = ep_listener(self->ep, 1, &to));
	EXPECT_EQ(1, submit(&r, OP(ACCEPT, .fd = fd, .user_data = ACCEPT)));
	EXPECT_EQ(1, submit(&r, OP(ASYNC_CANCEL, .addr = ACCEPT)));
	for (i = 0; i < 2; i++) {
		int res = complete(&r, &whose);

		EXPECT_EQ(whose == ACCEPT ? -ECANCELED : 0, res);
	}
	close(fd);
	close(r.fd);
}

/* A ring that goes away with requests in it leaves no socket behind. */
TEST_F(uring, API_11_io_uring_closed_with_requests)
{
	int fd[2], i;
	struct ring r;
	char buf[16];

	SKIP_WITHOUT_URING();
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, ring_open(&r));
		ASSERT_EQ(0, ep_pair(self->ep, fd));
		EXPECT_EQ(1, submit(&r, OP(RECV, .fd = fd[0],
					   BUFFER(buf, 16))));
		EXPECT_EQ(1, submit(&r, OP(POLL_ADD, .fd = fd[1],
					   .poll32_events = POLLIN)));
		close(r.fd);
		close(fd[0]);
		close(fd[1]);
	}
}

TEST_HARNESS_MAIN
