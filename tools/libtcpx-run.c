// SPDX-License-Identifier: GPL-2.0
/*
 * Preload library of tcpx-run: a program's TCP sockets become tcpx sockets.
 *
 * socket(AF_INET or AF_INET6, SOCK_STREAM, 0 or IPPROTO_TCP) tries the second
 * door (IPPROTO_TCPX) first, because such a socket was asked for as AF_INET in
 * every respect, then the family, and then native TCP, unless strict.
 *
 * State is atomic and nothing is locked, so the calls are safe in threads,
 * after fork() and in signal handlers. tcpx-run hands over its options in the
 * environment, which children inherit.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <netinet/in.h>

#include "../module/uapi/tcpx.h"

#define EXPORT		__attribute__((visibility("default")))
#define SOCK_TYPE_MASK	0xf

/* What SO_PROTOCOL says of a tcpx socket; on the wire it is its low byte. */
#define TCPX_SK_PROTOCOL	0x206

static bool is_verbose, is_strict;
static int tcpx_family = AF_TCPX;
static pid_t started_pid;		/* the process that tcpx-run became */

static _Atomic pid_t counted_pid;	/* whose sockets the counters count */
static atomic_uint num_sockets, num_tcpx;
static atomic_bool is_closed[2];	/* both doors refused: IPv4, IPv6 */
static atomic_bool has_warned, has_reported;

static void say(const char *text)
{
	int saved = errno;
	char line[256];
	int len;

	len = snprintf(line, sizeof(line), "tcpx-run: %s (pid %d, %s)\n", text,
		       (int)getpid(), program_invocation_short_name);
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	if (write(STDERR_FILENO, line, len) < 0)
		len = 0;	/* a program without stderr runs all the same */
	errno = saved;
}

/*
 * Once per process; not by a vfork() child that failed to exec, which still
 * has its parent's counters. Children that opened no socket stay silent.
 */
static void report(void)
{
	unsigned int all = atomic_load(&num_sockets);
	pid_t pid = getpid();
	char text[96];

	if (!is_verbose || pid != atomic_load(&counted_pid))
		return;
	if (!all && pid != started_pid)
		return;
	if (atomic_exchange(&has_reported, true))
		return;

	snprintf(text, sizeof(text), "%u of %u stream sockets over tcpx",
		 atomic_load(&num_tcpx), all);
	say(text);
}

static void tcpx_run_forked(void)
{
	atomic_store(&num_sockets, 0);
	atomic_store(&num_tcpx, 0);
	atomic_store(&has_reported, false);
	atomic_store(&counted_pid, getpid());
}

static void tcpx_run_terminated(int sig)
{
	report();
	raise(sig);	/* SA_RESETHAND: this time the default action */
}

/* Servers usually end by SIGTERM: report then too, unless they handle it. */
static void report_when_terminated(int sig)
{
	struct sigaction action;

	if (sigaction(sig, NULL, &action) || action.sa_handler != SIG_DFL)
		return;
	memset(&action, 0, sizeof(action));
	action.sa_handler = tcpx_run_terminated;
	action.sa_flags = SA_RESETHAND | SA_NODEFER;
	sigaction(sig, &action, NULL);
}

static int env_int(const char *name, int otherwise)
{
	const char *value = getenv(name);

	return value && *value ? atoi(value) : otherwise;
}

__attribute__((constructor)) static void tcpx_run_init(void)
{
	is_verbose = env_int("TCPX_RUN_VERBOSE", 0);
	is_strict = env_int("TCPX_RUN_STRICT", 0);
	started_pid = env_int("TCPX_RUN_PID", 0);
	tcpx_family = env_int("TCPX_RUN_FAMILY", AF_TCPX);
	atomic_store(&counted_pid, getpid());
	pthread_atfork(NULL, NULL, tcpx_run_forked);
	if (is_verbose) {
		report_when_terminated(SIGTERM);
		report_when_terminated(SIGHUP);
	}
}

__attribute__((destructor)) static void tcpx_run_exit(void)
{
	report();
}

EXPORT void _exit(int status)
{
	report();
	for (;;)
		syscall(SYS_exit_group, status);
}

EXPORT void _Exit(int status)
{
	_exit(status);
}

static int native_socket(int family, int type, int protocol)
{
	static int (*_Atomic next)(int, int, int);

	if (!next)
		next = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
	return next(family, type, protocol);
}

static bool is_refusal(int error)
{
	return error == EPROTONOSUPPORT || error == EAFNOSUPPORT ||
	       error == ESOCKTNOSUPPORT;
}

static int tcpx_socket(int family, int type)
{
	int fd;

	fd = native_socket(family, type, IPPROTO_TCPX);
	if (fd >= 0 || !is_refusal(errno))
		return fd;
	fd = native_socket(tcpx_family, type, family == AF_INET6 ?
			   TCPXPROTO_TCP6 : TCPXPROTO_TCP);
	if (fd < 0 && is_refusal(errno))
		errno = EPROTONOSUPPORT;
	return fd;
}

static bool is_native_tcp(int family, int type, int protocol)
{
	return (family == AF_INET || family == AF_INET6) &&
	       (type & SOCK_TYPE_MASK) == SOCK_STREAM &&
	       (protocol == 0 || protocol == IPPROTO_TCP);
}

EXPORT int socket(int family, int type, int protocol)
{
	atomic_bool *closed = &is_closed[family == AF_INET6];
	int fd = -1;

	if (!is_native_tcp(family, type, protocol))
		return native_socket(family, type, protocol);

	errno = EPROTONOSUPPORT;
	if (!atomic_load(closed))
		fd = tcpx_socket(family, type);
	if (fd >= 0) {
		atomic_fetch_add(&num_sockets, 1);
		atomic_fetch_add(&num_tcpx, 1);
		return fd;
	}
	if (!is_refusal(errno))
		return fd;

	atomic_store(closed, true);
	if (!is_strict) {
		fd = native_socket(family, type, protocol);
		if (fd < 0)
			return fd;
	}
	atomic_fetch_add(&num_sockets, 1);
	if (!atomic_exchange(&has_warned, true))
		say(is_strict ?
		    "no tcpx socket to be had, is the module loaded? refused" :
		    "no tcpx socket to be had, is the module loaded? using native TCP");
	return fd;
}

/* Programs that ask a descriptor what it is are told what they asked for. */
EXPORT int getsockopt(int fd, int level, int name, void *value,
		      socklen_t *len)
{
	static int (*_Atomic next)(int, int, int, void *, socklen_t *);
	int protocol, error;

	if (!next)
		next = (int (*)(int, int, int, void *, socklen_t *))
			dlsym(RTLD_NEXT, "getsockopt");
	error = next(fd, level, name, value, len);
	if (error || level != SOL_SOCKET || name != SO_PROTOCOL ||
	    *len != sizeof(protocol))
		return error;

	memcpy(&protocol, value, sizeof(protocol));
	if (protocol == TCPX_SK_PROTOCOL || protocol == IPPROTO_TCPX) {
		protocol = IPPROTO_TCP;
		memcpy(value, &protocol, sizeof(protocol));
	}
	return 0;
}
