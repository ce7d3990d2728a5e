// SPDX-License-Identifier: GPL-2.0
/*
 * Two things at the same time, many times over (the RACE rows): in each round
 * two threads leave a barrier together, one of them a little later than the
 * other, by a different little each time. RACE_ROUNDS (100) rounds each; worth
 * most with two CPUs and on a debug kernel. After them no socket is left over,
 * and the stack works.
 */
#include <linux/ip.h>
#include <pthread.h>
#include <sys/wait.h>

#include "kselftest_harness.h"
#include "../lib.h"

FIXTURE(race) {
	struct endpoint ep;
	struct address to;	/* the listener */
	int listener;
	int fd[2];
	int tun;
};
FIXTURE_VARIANT(race) { struct endpoint ep; };
FIXTURE_VARIANT_ADD(race, ip4) { .ep = { DOOR_FAMILY, IP4 } };
FIXTURE_VARIANT_ADD(race, ip6) { .ep = { DOOR_PROTO, IP6 } };

typedef FIXTURE_DATA(race) race_t;

static int set_knob(const char *name, const char *value)
{
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/sys/net/tcpx/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ret = fd < 0 || write(fd, value, strlen(value)) < 0 ? -1 : 0;
	close(fd);
	return ret;
}

static long counter(const char *name)
{
	FILE *file = fopen("/proc/net/tcpx_snmp", "r");
	long value, found = -1;
	char word[64];

	while (file && fscanf(file, "%63s %ld", word, &value) == 2)
		if (!strcmp(word, name))
			found = value;
	if (file)
		fclose(file);
	return found;
}

FIXTURE_SETUP(race)
{
	self->ep = variant->ep;
	self->fd[0] = self->fd[1] = self->tun = -1;
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, set_knob("tw_timeout", "1"));
	ASSERT_EQ(0, set_knob("fin_timeout", "1"));
	self->listener = ep_listener(&self->ep, 64, &self->to);
	ASSERT_LE(0, self->listener);
	set_nonblock(self->listener);
}

FIXTURE_TEARDOWN(race)
{
	char c = 'x';
	int fd[2];

	close(self->listener);
	ASSERT_EQ(0, ep_pair(&self->ep, fd));
	EXPECT_EQ(1, send(fd[0], &c, 1, 0));
	EXPECT_EQ(1, recv(fd[1], &c, 1, 0));
	close(fd[0]);
	close(fd[1]);
	EXPECT_TRUE(eventually(counter("Sockets") == 0));
	EXPECT_TRUE(eventually(counter("TimeWait") == 0));
	if (self->tun >= 0)
		close(self->tun);
}

static bool pair_up(race_t *self)
{
	self->fd[0] = ep_connected(&self->ep, &self->to);
	if (self->fd[0] < 0 || !wait_for(self->listener, POLLIN, LONG_MS))
		return false;
	self->fd[1] = accept(self->listener, NULL, NULL);
	return self->fd[1] >= 0;
}

static void abort_fd(int fd)
{
	struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

/* --- two threads --------------------------------------------------------- */

struct side {
	pthread_barrier_t *start, *end;
	void (*act)(race_t *self, int round);
	race_t *self;
	int rounds, cpu, late;
};

static void *run_side(void *arg)
{
	struct side *side = arg;
	volatile int wait;
	cpu_set_t cpus;
	int round;

	CPU_ZERO(&cpus);
	CPU_SET(side->cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	for (round = 0; round < side->rounds; round++) {
		pthread_barrier_wait(side->start);
		for (wait = round * 37 % side->late; wait > 0; wait--)
			;
		side->act(side->self, round);
		pthread_barrier_wait(side->end);
	}
	return NULL;
}

static int rounds(void)
{
	const char *text = getenv("RACE_ROUNDS");

	return text ? atoi(text) : 100;
}

/* @prepare before each round, @a beside @b, @check after it; both may fail. */
static bool race(race_t *self, int count, bool (*prepare)(race_t *self),
		 void (*a)(race_t *self, int round),
		 void (*b)(race_t *self, int round), bool (*check)(race_t *self))
{
	pthread_barrier_t start, end;
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct side side[2] = {
		{ &start, &end, a, self, count, 0, 3000 },
		{ &start, &end, b, self, count, 1 % cpus, 5000 },
	};
	pthread_t thread[2];
	bool ok = true;
	int i;

	pthread_barrier_init(&start, NULL, 3);
	pthread_barrier_init(&end, NULL, 3);
	for (i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, run_side, &side[i]);
	for (i = 0; i < count; i++) {
		ok &= !prepare || prepare(self);
		pthread_barrier_wait(&start);
		pthread_barrier_wait(&end);
		ok &= !check || check(self);
	}
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	return ok;
}

/* One that is closed already is EBADF. */
static bool close_both(race_t *self)
{
	close(self->fd[0]);
	close(self->fd[1]);
	return true;
}

/* --- the rows ------------------------------------------------------------ */

static char block[30000];

/* Data, then its end, in one of four ways. */
static void send_and_end(race_t *self, int round)
{
	send(self->fd[0], block, round % 5 * 7000, MSG_DONTWAIT);
	switch (round % 4) {
	case 0:
		shutdown(self->fd[0], SHUT_WR);
		break;
	case 1:
		close(self->fd[0]);
		break;
	case 2:
		abort_fd(self->fd[0]);
		break;
	}
}

static void close_second(race_t *self, int round)
{
	if (round % 3)
		close(self->fd[1]);
	else
		abort_fd(self->fd[1]);
}

TEST_F_TIMEOUT(race, RACE_01_close_and_segments, 300)
{
	EXPECT_TRUE(race(self, rounds(), pair_up, send_and_end, close_second,
			 close_both));
}

/* The delayed ACK's timer and the retransmission's are 1 ms. */
static bool open_and_send(race_t *self)
{
	struct address nowhere = ep_address(&self->ep, "10.99.0.9", "fd99::9", 9);

	if (!pair_up(self))
		return false;
	set_int(self->fd[1], SOL_SOCKET, SO_KEEPALIVE, 1);
	close(self->fd[0]);
	self->fd[0] = ep_socket(&self->ep, SOCK_NONBLOCK);
	connect(self->fd[0], &nowhere.sa, nowhere.len);
	return true;
}

static void sleep_some(race_t *self, int round)
{
	usleep(round % 8 * 200);
	close(self->fd[1]);
}

static void close_some(race_t *self, int round)
{
	usleep(900 + round % 10 * 25);
	close(self->fd[0]);
}

TEST_F_TIMEOUT(race, RACE_02_ING_13_close_and_timers, 300)
{
	self->tun = blackhole_up();
	ASSERT_LE(0, self->tun);
	ASSERT_EQ(0, set_knob("delack_ms", "1"));
	ASSERT_EQ(0, set_knob("rto_min_us", "1000"));
	ASSERT_EQ(0, set_knob("rto_initial_us", "1000"));
	/* A CPU of a slow machine may stand still for longer than 127 ms. */
	ASSERT_EQ(0, set_knob("syn_retries", "14"));
	ASSERT_EQ(0, set_knob("synack_retries", "14"));
	EXPECT_TRUE(race(self, rounds(), open_and_send, sleep_some, close_some,
			 NULL));
}

/* Paced: a timer for each piece, some 20 us, armed by either CPU. */
static bool paced_pair(race_t *self)
{
	if (!pair_up(self))
		return false;
	set_nonblock(self->fd[0]);
	set_nonblock(self->fd[1]);
	set_int(self->fd[0], SOL_TCP, TCP_NODELAY, 1);
	return !set_int(self->fd[0], SOL_SOCKET, SO_MAX_PACING_RATE, 25000000);
}

static void send_pieces(race_t *self, int round)
{
	char got[20000];
	int i;

	for (i = 0; i < 100; i++) {
		send(self->fd[0], block, 500, 0);
		recv(self->fd[1], got, sizeof(got), 0);
	}
}

TEST_F_TIMEOUT(race, RACE_02_timer_that_fires_and_is_armed, 300)
{
	EXPECT_TRUE(race(self, rounds(), paced_pair, send_pieces, send_pieces,
			 close_both));
}

static void connect_to_it(race_t *self, int round)
{
	int fd = ep_socket(&self->ep, SOCK_NONBLOCK);

	connect(fd, &self->to.sa, self->to.len);
	send(fd, block, 100, MSG_DONTWAIT);
	close(fd);
}

static void listen_anew(race_t *self, int round)
{
	close(self->listener);
	self->listener = ep_socket(&self->ep, SOCK_NONBLOCK);
	set_int(self->listener, SOL_SOCKET, SO_REUSEADDR, 1);
	bind(self->listener, &self->to.sa, self->to.len);
	listen(self->listener, round % 4);
}

static bool is_listening(race_t *self)
{
	return get_int(self->listener, SOL_SOCKET, SO_ACCEPTCONN) == 1;
}

TEST_F_TIMEOUT(race, RACE_03_listener_close_and_final_ack, 300)
{
	self->to = ep_loopback(&self->ep, 20003);
	listen_anew(self, 0);
	EXPECT_TRUE(race(self, 4 * rounds(), NULL, connect_to_it, listen_anew,
			 is_listening));
}

static int waiting[3];

/* With nobody who accepts, a request stays; its SYN,ACK is due every ms. */
static bool fill_listener(race_t *self)
{
	int i;

	listen_anew(self, 0);
	for (i = 0; i < 3; i++) {
		waiting[i] = ep_socket(&self->ep, SOCK_NONBLOCK);
		connect(waiting[i], &self->to.sa, self->to.len);
	}
	return is_listening(self);
}

static void close_listener(race_t *self, int round)
{
	usleep(900 + round % 20 * 50);
	close(self->listener);
}

static bool close_waiting(race_t *self)
{
	int i;

	for (i = 0; i < 3; i++)
		abort_fd(waiting[i]);
	return true;
}

TEST_F_TIMEOUT(race, RACE_03_listener_close_and_syn_ack_timer, 300)
{
	self->to = ep_loopback(&self->ep, 20004);
	ASSERT_EQ(0, set_knob("rto_initial_us", "1000"));
	EXPECT_TRUE(race(self, 4 * rounds(), fill_listener, close_listener,
			 connect_to_it, close_waiting));
	listen_anew(self, 0);
}

static bool client_up(race_t *self)
{
	self->fd[0] = ep_connected(&self->ep, &self->to);
	return self->fd[0] >= 0;
}

static void reset_it(race_t *self, int round)
{
	abort_fd(self->fd[0]);
}

/* A connection that was reset while it waited may be gone, or be accepted. */
static void accept_it(race_t *self, int round)
{
	int fd = accept(self->listener, NULL, NULL);
	char c;

	if (fd < 0)
		return;
	recv(fd, &c, 1, MSG_DONTWAIT);
	close(fd);
}

static bool drain_listener(race_t *self)
{
	int fd;

	while ((fd = accept(self->listener, NULL, NULL)) >= 0)
		close(fd);
	return errno == EAGAIN;
}

TEST_F_TIMEOUT(race, RACE_04_accept_and_reset, 300)
{
	EXPECT_TRUE(race(self, rounds(), client_up, reset_it, accept_it,
			 drain_listener));
}

/* The same few objects are freed and taken again by both. */
static void come_and_go(race_t *self, int round)
{
	int fd[2];

	if (ep_pair(&self->ep, fd))
		return;
	send(fd[0], block, sizeof(block), MSG_DONTWAIT);
	if (round % 2) {
		abort_fd(fd[1]);
		close(fd[0]);
	} else {
		close(fd[0]);
		close(fd[1]);
	}
}

TEST_F_TIMEOUT(race, RACE_05_lookup_and_free, 300)
{
	EXPECT_TRUE(race(self, rounds(), NULL, come_and_go, come_and_go, NULL));
}

/* fd[0] closes first from a port of its own: that is in TIME-WAIT for 1 s. */
static bool time_wait_up(race_t *self)
{
	struct address a = ep_loopback(&self->ep, 0);
	int fd = ep_bound(&self->ep, &a), child;

	if (fd < 0 || connect(fd, &self->to.sa, self->to.len))
		return false;
	if (!wait_for(self->listener, POLLIN, LONG_MS))
		return false;
	child = accept(self->listener, NULL, NULL);
	self->fd[0] = port_of((a = local_of(fd), &a));
	close(fd);
	close(child);
	usleep(980 * 1000);
	return true;
}

static void take_the_port(race_t *self, int round)
{
	struct address a = ep_loopback(&self->ep, self->fd[0]);
	int i;

	for (i = 0; i < 300; i++) {
		int fd = ep_bound(&self->ep, &a);

		usleep(200);

		if (fd >= 0 && !connect(fd, &self->to.sa, self->to.len))
			abort_fd(fd);
		else
			close(fd);
		accept_it(self, round);		/* or the queue fills */
	}
}

TEST_F_TIMEOUT(race, RACE_06_port_reuse_and_time_wait_expiry, 300)
{
	EXPECT_TRUE(race(self, rounds() / 25, time_wait_up, take_the_port,
			 take_the_port, drain_listener));
}

static bool opener(race_t *self)
{
	self->fd[0] = ep_socket(&self->ep, SOCK_NONBLOCK);
	return self->fd[0] >= 0;
}

static void open_it(race_t *self, int round)
{
	connect(self->fd[0], &self->to.sa, self->to.len);
}

static void shut_it(race_t *self, int round)
{
	shutdown(self->fd[0], round % 3);
}

static bool close_opener(race_t *self)
{
	close(self->fd[0]);
	return drain_listener(self);
}

TEST_F_TIMEOUT(race, RACE_07_shutdown_and_handshake, 300)
{
	EXPECT_TRUE(race(self, rounds(), opener, open_it, shut_it, close_opener));
}

static bool small_pair(race_t *self)
{
	if (!pair_up(self))
		return false;
	set_int(self->fd[0], SOL_SOCKET, SO_SNDBUF, 4608);
	set_int(self->fd[1], SOL_SOCKET, SO_RCVBUF, 2304);
	return true;
}

/* Sleeps for room, until the other end or the other thread ends it. */
static void send_much(race_t *self, int round)
{
	while (send(self->fd[0], block, sizeof(block), 0) > 0)
		;
}

static void end_the_sender(race_t *self, int round)
{
	usleep(round % 7 * 100);
	if (round % 2)
		shutdown(self->fd[0], SHUT_RDWR);
	else
		abort_fd(self->fd[1]);
}

TEST_F_TIMEOUT(race, RACE_08_waiting_sender_and_end, 300)
{
	EXPECT_TRUE(race(self, rounds(), small_pair, send_much, end_the_sender,
			 close_both));
}

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

/* What was handed over is the program's again at once. */
static void send_and_scribble(race_t *self, int round)
{
	static char own[9000];
	int i;

	for (i = 0; i < 3; i++) {
		memset(own, 'a', sizeof(own));
		send(self->fd[0], own, sizeof(own),
		     MSG_ZEROCOPY | MSG_DONTWAIT);
		memset(own, 'b', sizeof(own));
	}
}

static void end_either(race_t *self, int round)
{
	switch (round % 4) {
	case 0:
		abort_fd(self->fd[1]);
		break;
	case 1:
		shutdown(self->fd[0], SHUT_WR);
		break;
	case 2:
		recv(self->fd[1], (char[1]) {}, 1, MSG_DONTWAIT | MSG_PEEK);
		break;
	}
}

static bool first_octets_came(race_t *self)
{
	bool right = true;
	char buf[9000];
	ssize_t n;

	/* No completion is reported, as none was promised. */
	right &= recv(self->fd[0], buf, 1, MSG_ERRQUEUE | MSG_DONTWAIT) < 0;
	while ((n = recv(self->fd[1], buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		right &= !memchr(buf, 'b', n);
	close_both(self);
	return right;
}

TEST_F_TIMEOUT(race, RACE_14_zerocopy_flag_and_close, 300)
{
	EXPECT_TRUE(race(self, rounds(), pair_up, send_and_scribble,
			 end_either, first_octets_came));
}

static bool bytes_are_right;

static void transfer(race_t *self, int round)
{
	char got[4096];
	size_t sent = 0, received = 0, i;
	ssize_t n;

	while (received < sizeof(block)) {
		n = send(self->fd[0], block + sent, sizeof(block) - sent,
			 MSG_DONTWAIT);
		sent += n > 0 ? n : 0;
		n = recv(self->fd[1], got, sizeof(got), 0);
		if (n <= 0)
			break;
		for (i = 0; i < (size_t)n; i++)
			if (got[i] != block[received + i])
				bytes_are_right = false;
		received += n;
	}
	if (received != sizeof(block))
		bytes_are_right = false;
}

static void change_options(race_t *self, int round)
{
	char name[16] = "reno";
	socklen_t len = sizeof(name);
	int i;

	for (i = 0; i < 20; i++) {
		int fd = self->fd[i % 2];

		getsockopt(fd, SOL_TCP, TCP_CONGESTION, name, &len);
		setsockopt(fd, SOL_TCP, TCP_CONGESTION, name, strlen(name));
		set_int(fd, SOL_IP, IP_TOS, i * 4);
		set_int(fd, SOL_SOCKET, SO_SNDBUF, 5000 * i);
		set_int(fd, SOL_SOCKET, SO_RCVBUF, 5000 * (20 - i));
		set_int(fd, SOL_TCP, TCP_NODELAY, i & 1);
		set_int(fd, SOL_TCP, TCP_CORK, 0);
	}
}

TEST_F_TIMEOUT(race, RACE_09_options_and_data, 300)
{
	pattern_fill(block, sizeof(block), 3, 0);
	bytes_are_right = true;
	EXPECT_TRUE(race(self, rounds(), pair_up, transfer, change_options,
			 close_both));
	EXPECT_TRUE(bytes_are_right);
}

/* A namespace ends with SYNs, TIME-WAIT, requests and data in it. */
static void short_namespace(race_t *self, int round)
{
	struct address nowhere = ep_address(&self->ep, "10.99.0.9", "fd99::9", 9);
	pid_t child = fork();
	int fd[2], i;

	if (child) {
		waitpid(child, NULL, 0);
		return;
	}
	if (unshare(CLONE_NEWNET) || loopback_up() || blackhole_up() < 0)
		_exit(1);
	set_knob("rto_initial_us", "1000");
	set_knob("tw_timeout", "1");
	for (i = 0; i < 4; i++) {
		fd[0] = ep_socket(&self->ep, SOCK_NONBLOCK);
		connect(fd[0], &nowhere.sa, nowhere.len);
		if (ep_pair(&self->ep, fd))
			_exit(1);
		send(fd[0], block, sizeof(block), MSG_DONTWAIT);
		if (i & 1)
			close(fd[0]);
	}
	usleep(round % 5 * 300);
	_exit(0);
}

TEST_F_TIMEOUT(race, RACE_10_ING_13_namespace_end_and_timers, 300)
{
	EXPECT_TRUE(race(self, rounds() / 10, NULL, short_namespace,
			 short_namespace, NULL));
}

static uint16_t icmp_checksum(const void *data, size_t len)
{
	const uint16_t *p = data;
	uint32_t sum = 0;

	for (; len > 1; len -= 2)
		sum += *p++;
	sum = (sum >> 16) + (sum & 0xffff);
	return ~(sum + (sum >> 16));
}

/* Errors that quote a segment of fd[0], of any sequence number. */
static void send_errors(race_t *self, int round)
{
	static const struct { uint8_t type, code; } kinds[] = {
		{ 3, 1 }, { 3, 3 }, { 3, 4 }, { 11, 0 }, { 12, 0 },
	};
	struct {
		uint8_t type, code;
		uint16_t checksum, unused, mtu;
		struct iphdr ip;
		uint16_t sport, dport;
		uint32_t seq;
	} __attribute__((packed)) error = {};
	struct address a = local_of(self->fd[0]), b = peer_of(self->fd[0]);
	int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	int flush = open("/proc/sys/net/ipv4/route/flush", O_WRONLY | O_CLOEXEC);
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int i;

	error.ip.ihl = 5;
	error.ip.version = 4;
	error.ip.tot_len = htons(1500);
	error.ip.protocol = IPPROTO_TCP;
	error.ip.saddr = error.ip.daddr = htonl(INADDR_LOOPBACK);
	error.sport = htons(port_of(&a));
	error.dport = htons(port_of(&b));
	for (i = 0; i < 20; i++) {
		error.type = kinds[i % 5].type;
		error.code = kinds[i % 5].code;
		error.mtu = htons(600 + i);
		error.seq = random();
		error.checksum = 0;
		error.checksum = icmp_checksum(&error, sizeof(error));
		sendto(raw, &error, sizeof(error), 0, (void *)&to, sizeof(to));
		if (flush >= 0 && write(flush, "1", 1) != 1)
			break;
	}
	close(raw);
	close(flush);
}

static void transfer_and_close(race_t *self, int round)
{
	transfer(self, round);
	if (round % 2)
		close(self->fd[1]);
}

TEST_F_TIMEOUT(race, RACE_12_icmp_and_route_flush_and_close, 300)
{
	pattern_fill(block, sizeof(block), 4, 0);
	bytes_are_right = true;
	EXPECT_TRUE(race(self, rounds(), pair_up, transfer_and_close, send_errors,
			 close_both));
	EXPECT_TRUE(bytes_are_right);
}

TEST_HARNESS_MAIN
