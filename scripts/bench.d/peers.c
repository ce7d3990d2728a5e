// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "peers.h"

#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

void enter_netns(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		err(1, "%s", path);
	close(fd);
}

double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

pid_t start_server(const char *netns, int (*open_listener)(void),
		   void (*serve)(int listener, long count), long count)
{
	int ready[2], listener;
	pid_t pid;
	char c;

	if (pipe(ready))
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		enter_netns(netns);
		listener = open_listener();
		close(ready[0]);
		close(ready[1]);
		serve(listener, count);
		exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1))	/* ends when it listens, or failed */
		err(1, "read");
	close(ready[0]);
	return pid;
}
