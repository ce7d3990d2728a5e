// SPDX-License-Identifier: GPL-2.0
/*
 * connections [-s STACK] [-4|-6] [-n NUMBER]: opens NUMBER connections over
 * loopback, keeps all open at once, sends a line both ways on each, closes all.
 */
#include <sys/resource.h>

#include "../lib.h"

static void __attribute__((noreturn)) fail(const char *what, int i)
{
	fprintf(stderr, "connection %d: %s: %s\n", i, what, strerror(errno));
	exit(1);
}

/* A number unlike its neighbours, to notice a mix-up. */
static void exchange(int from, int to, int i)
{
	uint64_t word = pattern_word(5, i), back = 0;

	if (send(from, &word, sizeof(word), MSG_NOSIGNAL) != sizeof(word))
		fail("send", i);
	if (recv(to, &back, sizeof(back), MSG_WAITALL) != sizeof(back))
		fail("recv", i);
	if (word != back)
		fail("somebody else's data", i);
}

int main(int argc, char **argv)
{
	struct endpoint ep = { DOOR_FAMILY, IP4 };
	int n = 5000, opt, listener, i, *client, *server;
	struct rlimit limit;
	struct address a;

	while ((opt = getopt(argc, argv, "s:46n:")) != -1) {
		if (opt == 's' && !strcmp(optarg, "native"))
			ep.door = DOOR_NATIVE;
		else if (opt == '6')
			ep.ip = IP6;
		else if (opt == 'n')
			n = atoi(optarg);
	}
	limit.rlim_cur = limit.rlim_max = 2 * n + 64;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		fail("setrlimit", 0);
	client = calloc(n, sizeof(int));
	server = calloc(n, sizeof(int));
	listener = ep_listener(&ep, 128, &a);
	if (listener < 0)
		fail("listen", 0);
	for (i = 0; i < n; i++) {
		client[i] = ep_connected(&ep, &a);
		if (client[i] < 0)
			fail("connect", i);
		server[i] = accept(listener, NULL, NULL);
		if (server[i] < 0)
			fail("accept", i);
	}
	for (i = 0; i < n; i++)
		exchange(client[i], server[i], i);
	for (i = n - 1; i >= 0; i--)
		exchange(server[i], client[i], i);
	for (i = 0; i < n; i++) {
		char c;

		/* Either side first, so that both have TIME-WAITs. */
		close(i & 1 ? client[i] : server[i]);
		if (recv(i & 1 ? server[i] : client[i], &c, 1, 0))
			fail("end of stream", i);
		close(i & 1 ? server[i] : client[i]);
	}
	return 0;
}
