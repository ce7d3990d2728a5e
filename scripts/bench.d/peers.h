/* SPDX-License-Identifier: GPL-2.0 */
/* A server and a client in two network namespaces, and the time. */
#ifndef _BENCH_PEERS_H
#define _BENCH_PEERS_H

#include <sys/types.h>

void enter_netns(const char *name);
double now_ns(void);
/* A process that serves @count; it listens when this returns. */
pid_t start_server(const char *netns, int (*open_listener)(void),
		   void (*serve)(int listener, long count), long count);

#endif /* _BENCH_PEERS_H */
