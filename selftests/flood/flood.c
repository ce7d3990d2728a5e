// SPDX-License-Identifier: GPL-2.0
/*
 * flood serve STACK ADDRESS PORT		accept all, a byte to each
 * flood bulk  STACK ADDRESS PORT SECONDS	send, print Mbit/s that arrived
 * flood open  STACK ADDRESS PORT COUNT		connect, a byte, close: print how
 *						often and the longest in ms
 * flood syn   DEVICE MAC ADDRESS PORT RATE SECONDS
 *						SYNs, each from another address
 *						and port: print how many
 *
 * STACK is native or tcpx.
 */
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <net/ethernet.h>
#include <netinet/ether.h>

#include "../lib.h"

#define TICK_NS		1000000		/* a burst of SYNs a millisecond */
#define CONNECTIONS	1024

static void __attribute__((noreturn)) fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct endpoint endpoint(const char *stack)
{
	struct endpoint ep = { DOOR_FAMILY, IP4 };

	if (!strcmp(stack, "native"))
		ep.door = DOOR_NATIVE;
	else if (strcmp(stack, "tcpx"))
		fail(stack);
	return ep;
}

/* --- the server ---------------------------------------------------------- */

static void accept_one(struct pollfd *fds, int *nr)
{
	int fd = accept(fds[0].fd, NULL, NULL);

	if (fd < 0)
		return;
	if (*nr == CONNECTIONS || send(fd, "x", 1, MSG_NOSIGNAL) != 1) {
		close(fd);
		return;
	}
	fds[(*nr)++] = (struct pollfd){ .fd = fd, .events = POLLIN };
}

static int serve(const struct endpoint *ep, const struct address *a)
{
	static struct pollfd fds[CONNECTIONS];
	static char buf[256 * 1024];
	int nr = 1, i;

	fds[0].fd = ep_socket(ep, 0);
	fds[0].events = POLLIN;
	if (bind(fds[0].fd, &a->sa, a->len) || listen(fds[0].fd, 128))
		fail("listen");
	for (;;) {
		if (poll(fds, nr, -1) < 0)
			fail("poll");
		if (fds[0].revents)
			accept_one(fds, &nr);
		for (i = nr - 1; i > 0; i--) {
			if (!fds[i].revents ||
			    recv(fds[i].fd, buf, sizeof(buf), 0) > 0)
				continue;
			close(fds[i].fd);
			fds[i] = fds[--nr];
		}
	}
}

/* --- clients ------------------------------------------------------------- */

static int bulk(const struct endpoint *ep, const struct address *a, int seconds)
{
	static char block[64 * 1024];
	uint64_t sent = 0, before;
	int fd = ep_connected(ep, a), queued;
	int64_t start, end;
	ssize_t n;

	if (fd < 0)
		fail("connect");
	/* Not the start, which is the same with a flood and without. */
	for (start = clock_ns(); clock_ns() < start + 1000000000LL; sent += n) {
		n = send(fd, block, sizeof(block), MSG_NOSIGNAL);
		if (n < 0)
			fail("send");
	}
	ioctl(fd, SIOCOUTQ, &queued);
	before = sent - queued;
	start = clock_ns();
	end = start + seconds * 1000000000LL;
	while (clock_ns() < end) {
		n = send(fd, block, sizeof(block), MSG_NOSIGNAL);
		if (n < 0)
			fail("send");
		sent += n;
	}
	ioctl(fd, SIOCOUTQ, &queued);
	end = clock_ns();
	printf("%.3f\n", (sent - queued - before) * 8e3 / (end - start));
	return 0;
}

static int open_some(const struct endpoint *ep, const struct address *a,
		     int count)
{
	int64_t start, longest = 0;
	int i, fd, opened = 0;
	char c;

	for (i = 0; i < count; i++) {
		start = clock_ns();
		fd = ep_connected(ep, a);
		if (fd >= 0 && recv(fd, &c, 1, 0) == 1)
			opened++;
		close(fd);
		if (clock_ns() - start > longest)
			longest = clock_ns() - start;
	}
	printf("%d %lld\n", opened, (long long)longest / 1000000);
	return 0;
}

/* --- the flood ----------------------------------------------------------- */

struct frame {
	struct ether_header eth;
	struct iphdr ip;
	struct {
		uint16_t sport, dport;
		uint32_t seq, ack;
		uint8_t offset, flags;
		uint16_t wnd, checksum, urp;
	} tcp;
} __attribute__((packed));

static uint32_t add(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (; len > 1; len -= 2, p += 2)
		sum += p[0] << 8 | p[1];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

/* The n-th SYN: from 10.64.0.0/10, which the server routes back here. */
static void make_syn(struct frame *f, uint32_t n)
{
	uint32_t random = n * 2654435761U;

	f->ip.saddr = htonl(0x0a400000 | (random >> 10));
	f->ip.check = 0;
	f->ip.check = fold(add(0, &f->ip, sizeof(f->ip)));
	f->tcp.sport = htons(1024 + random % 60000);
	f->tcp.seq = htonl(random);
	f->tcp.checksum = 0;
	f->tcp.checksum = fold(add(add(IPPROTO_TCP + sizeof(f->tcp),
				       &f->ip.saddr, 8),
				   &f->tcp, sizeof(f->tcp)));
}

static void init_frame(struct frame *f, const char *mac, const char *to,
		       int port)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->eth.ether_dhost, ether_aton(mac), ETH_ALEN);
	f->eth.ether_shost[0] = 2;
	f->eth.ether_type = htons(ETHERTYPE_IP);
	f->ip.version = 4;
	f->ip.ihl = 5;
	f->ip.ttl = 64;
	f->ip.protocol = IPPROTO_TCP;
	f->ip.tot_len = htons(sizeof(f->ip) + sizeof(f->tcp));
	inet_pton(AF_INET, to, &f->ip.daddr);
	f->tcp.dport = htons(port);
	f->tcp.offset = sizeof(f->tcp) / 4 << 4;
	f->tcp.flags = 2;
	f->tcp.wnd = htons(64240);
}

static int flood(const char *device, const char *mac, const char *to, int port,
		 int rate, int seconds)
{
	struct sockaddr_ll ll = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = if_nametoindex(device),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	int64_t start = clock_ns(), due, now;
	struct timespec until;
	struct frame f;
	uint32_t n = 0;

	if (fd < 0 || bind(fd, (struct sockaddr *)&ll, sizeof(ll)))
		fail("packet socket");
	init_frame(&f, mac, to, port);
	for (due = start; due < start + seconds * 1000000000LL; due += TICK_NS) {
		until.tv_sec = due / 1000000000;
		until.tv_nsec = due % 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		now = clock_ns();
		/* What is late is sent now, for the rate to be the rate. */
		while (n < (now - start) / 1000 * rate / 1000000) {
			make_syn(&f, n++);
			if (send(fd, &f, sizeof(f), 0) != sizeof(f))
				fail("send");
		}
	}
	printf("%u\n", n);
	return 0;
}

int main(int argc, char **argv)
{
	struct endpoint ep;
	struct address a;

	if (argc == 8 && !strcmp(argv[1], "syn"))
		return flood(argv[2], argv[3], argv[4], atoi(argv[5]),
			     atoi(argv[6]), atoi(argv[7]));
	if (argc < 5) {
		fprintf(stderr, "usage: see the head of flood.c\n");
		return 2;
	}
	ep = endpoint(argv[2]);
	a = ep_address(&ep, argv[3], NULL, atoi(argv[4]));
	if (!strcmp(argv[1], "serve"))
		return serve(&ep, &a);
	if (!strcmp(argv[1], "bulk") && argc == 6)
		return bulk(&ep, &a, atoi(argv[5]));
	if (!strcmp(argv[1], "open") && argc == 6)
		return open_some(&ep, &a, atoi(argv[5]));
	fprintf(stderr, "usage: see the head of flood.c\n");
	return 2;
}
