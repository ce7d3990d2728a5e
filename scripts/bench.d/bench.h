/* SPDX-License-Identifier: GPL-2.0 */
/* What the rows of bench have in common; see the top of bench.c. */
#ifndef _BENCH_H
#define _BENCH_H

#include <stdbool.h>
#include <stddef.h>

/* One kind of measurement. Without @serve it has both ends in one process. */
struct row {
	const char *name;
	void (*serve)(int listener, long count);
	/* The value, in the unit that bench.c names. */
	double (*measure)(long count);
};

extern const struct row stream_rows[], rtt_rows[], conn_rows[], mem_rows[];

extern const char *server_netns, *client_netns;
extern size_t size;		/* of a write, a request, a burst */
extern int connections;		/* at a time */
extern char buffer[];
#define BUFFER_SIZE	(1 << 20)

int open_listener(void);
int open_connection(void);
/* To the @n-th of several listeners, which have ports of their own. */
int open_nth_listener(int n);
int open_nth_connection(int n);
int accept_connection(int listener);
void send_bytes(int fd, size_t len);
/* False at the end of the stream. */
bool receive_bytes(int fd, size_t len);
void set_option(int fd, int level, int name, int value);
void set_nonblocking(int fd);
void allow_descriptors(long count);
/* The addresses of a segment that nobody answers: ports in host order. */
int server_port(void);
unsigned int server_ipv4(void);
/* What else a row has to say: "value-NAME VALUE". */
void also(const char *name, double value);
/* How long this CPU has been idle since it started, ns. */
double idle_ns(void);

#endif /* _BENCH_H */
