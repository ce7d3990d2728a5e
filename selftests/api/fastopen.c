// SPDX-License-Identifier: GPL-2.0
/*
 * Fast Open, RFC 7413, as a program sees it: the options and their errors, and
 * text that arrives with the SYN over loopback.
 */
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "../lib.h"

#define CLIENT		1
#define SERVER		2
#define KEY_BYTES	16
#define TEXT		500
#define LARGE		200000

FIXTURE(fastopen) {
	const struct endpoint *ep;
	struct address to;
	int listener;
};
ENDPOINT_VARIANTS(fastopen);

static const char *knob_path(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/%s%s",
		 stack_is_native() ? "ipv4/tcp_" : "tcpx/", name);
	return path;
}

/* 0, or -1 and errno of the write. */
static int write_knob(const char *name, const char *text)
{
	int fd = open(knob_path(name), O_WRONLY | O_CLOEXEC);
	int ret = fd >= 0 && write(fd, text, strlen(text)) ==
			     (ssize_t)strlen(text) ? 0 : -1;
	int err = errno;

	close(fd);
	errno = err;
	return ret;
}

static int read_knob(const char *name, char *text, size_t size)
{
	int fd = open(knob_path(name), O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, text, size - 1);

	close(fd);
	if (len <= 0)
		return -1;
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

/* Cookies are remembered: each test has a namespace of its own. */
FIXTURE_SETUP(fastopen)
{
	self->ep = &variant->ep;
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, loopback_up());
	ASSERT_EQ(0, write_knob("fastopen", "3"));
	self->listener = ep_listener(self->ep, 8, &self->to);
	ASSERT_LE(0, self->listener);
	ASSERT_EQ(0, set_int(self->listener, SOL_TCP, TCP_FASTOPEN, 8));
}

FIXTURE_TEARDOWN(fastopen)
{
	close(self->listener);
}

static struct tcp_info info_of(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len);
	return info;
}

static ssize_t send_first(int fd, const struct address *to, const void *data,
			  size_t len, int flags)
{
	return sendto(fd, data, len, MSG_FASTOPEN | flags, &to->sa, to->len);
}

/* All of @len bytes of the pattern, then nothing. */
static bool receive_all(int fd, size_t len)
{
	static unsigned char in[LARGE];
	size_t got = 0;
	ssize_t n;

	while (got < len) {
		n = recv(fd, in + got, len - got, 0);
		if (n <= 0)
			return false;
		got += n;
	}
	return pattern_check(in, len, 1, 0) == len &&
	       recv(fd, in, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN;
}

/* One connection that opens with @len bytes; whether they went with the SYN. */
static int open_with_text(FIXTURE_DATA(fastopen) *self, size_t len)
{
	static unsigned char out[LARGE];
	int fd = ep_socket(self->ep, 0), child;
	int on_syn = -1;

	pattern_fill(out, len, 1, 0);
	if (send_first(fd, &self->to, out, len, 0) == (ssize_t)len) {
		child = accept(self->listener, NULL, NULL);
		if (receive_all(child, len) &&
		    !(info_of(fd).tcpi_options & TCPI_OPT_SYN_DATA) ==
		    !(info_of(child).tcpi_options & TCPI_OPT_SYN_DATA))
			on_syn = !!(info_of(fd).tcpi_options &
				    TCPI_OPT_SYN_DATA);
		close(child);
	}
	close(fd);
	return on_syn;
}

TEST_F(fastopen, RFC_7413_4_cookie_first_then_text_on_the_syn)
{
	EXPECT_EQ(0, open_with_text(self, TEXT));
	EXPECT_EQ(1, open_with_text(self, TEXT));
	EXPECT_EQ(1, open_with_text(self, 1));
	EXPECT_EQ(1, open_with_text(self, LARGE));
}

TEST_F(fastopen, RFC_7413_4_another_key_another_cookie)
{
	unsigned char key[KEY_BYTES] = "another key";

	EXPECT_EQ(0, open_with_text(self, TEXT));
	EXPECT_EQ(1, open_with_text(self, TEXT));
	EXPECT_EQ(0, setsockopt(self->listener, SOL_TCP, TCP_FASTOPEN_KEY,
				key, sizeof(key)));
	EXPECT_EQ(0, open_with_text(self, TEXT));
	EXPECT_EQ(1, open_with_text(self, TEXT));
}

TEST_F(fastopen, RFC_7413_3_only_who_asks_for_it)
{
	int fd, child;

	EXPECT_EQ(0, open_with_text(self, TEXT));
	fd = ep_connected(self->ep, &self->to);
	ASSERT_LE(0, fd);
	EXPECT_EQ(1, send(fd, "x", 1, 0));
	child = accept(self->listener, NULL, NULL);
	EXPECT_EQ(0, info_of(fd).tcpi_options & TCPI_OPT_SYN_DATA);
	EXPECT_EQ(0, info_of(child).tcpi_options & TCPI_OPT_SYN_DATA);
	close(child);
	close(fd);

	EXPECT_EQ(0, set_int(self->listener, SOL_TCP, TCP_FASTOPEN, 0));
	EXPECT_EQ(0, open_with_text(self, TEXT));
}

TEST_F(fastopen, RFC_7413_3_connect_waits_for_text)
{
	int fd = ep_socket(self->ep, SOCK_NONBLOCK), child;

	EXPECT_EQ(0, open_with_text(self, TEXT));
	EXPECT_EQ(0, set_int(fd, SOL_TCP, TCP_FASTOPEN_CONNECT, 1));
	EXPECT_EQ(1, get_int(fd, SOL_TCP, TCP_FASTOPEN_CONNECT));
	EXPECT_EQ(0, connect(fd, &self->to.sa, self->to.len));
	EXPECT_EQ(TCP_SYN_SENT, tcp_state(fd));
	EXPECT_EQ(POLLOUT, wait_for(fd, POLLIN | POLLOUT, 0));
	EXPECT_EQ(0, wait_for(self->listener, POLLIN, 50));
	EXPECT_ERRNO(EISCONN, connect(fd, &self->to.sa, self->to.len));
	EXPECT_EQ(5, write(fd, "hello", 5));
	EXPECT_EQ(POLLIN, wait_for(self->listener, POLLIN, LONG_MS));
	child = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, child);
	EXPECT_NE(0, info_of(child).tcpi_options & TCPI_OPT_SYN_DATA);
	EXPECT_NE(0, info_of(fd).tcpi_options & TCPI_OPT_SYN_DATA);
	EXPECT_EQ(POLLOUT, wait_for(fd, POLLOUT, LONG_MS));
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(fd));
	close(child);
	close(fd);
}

/* Nobody sends, the SYN never goes: the ends that there are. */
TEST_F(fastopen, RFC_7413_3_connect_that_waits_ends)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	int fd;

	EXPECT_EQ(0, open_with_text(self, TEXT));
	fd = ep_socket(self->ep, 0);
	set_int(fd, SOL_TCP, TCP_FASTOPEN_CONNECT, 1);
	EXPECT_EQ(0, connect(fd, &self->to.sa, self->to.len));
	close(fd);

	fd = ep_socket(self->ep, 0);
	set_int(fd, SOL_TCP, TCP_FASTOPEN_CONNECT, 1);
	EXPECT_EQ(0, connect(fd, &self->to.sa, self->to.len));
	EXPECT_EQ(0, connect(fd, &unspec, sizeof(unspec)));
	so_error(fd);
	EXPECT_EQ(TCP_CLOSE, tcp_state(fd));
	EXPECT_EQ(0, connect(fd, &self->to.sa, self->to.len));
	EXPECT_EQ(0, shutdown(fd, SHUT_WR));
	EXPECT_EQ(TCP_CLOSE, tcp_state(fd));
	close(fd);
	EXPECT_EQ(0, wait_for(self->listener, POLLIN, 50));
}

TEST_F(fastopen, RFC_7413_3_no_cookie_on_either_side)
{
	int fd = ep_socket(self->ep, 0), child;

	EXPECT_EQ(0, set_int(self->listener, SOL_TCP, TCP_FASTOPEN_NO_COOKIE,
			     1));
	EXPECT_EQ(1, get_int(self->listener, SOL_TCP, TCP_FASTOPEN_NO_COOKIE));
	EXPECT_EQ(0, set_int(fd, SOL_TCP, TCP_FASTOPEN_NO_COOKIE, 1));
	EXPECT_EQ(3, send_first(fd, &self->to, "abc", 3, 0));
	child = accept(self->listener, NULL, NULL);
	EXPECT_NE(0, info_of(child).tcpi_options & TCPI_OPT_SYN_DATA);
	close(child);
	close(fd);
}

TEST_F(fastopen, RFC_7413_4_nothing_to_send_and_nonblocking)
{
	int fd = ep_socket(self->ep, SOCK_NONBLOCK), child;

	/* No cookie yet: it is a connect(), and took nothing. */
	EXPECT_ERRNO(EINPROGRESS, send_first(fd, &self->to, "x", 1, 0));
	EXPECT_EQ(POLLOUT, wait_for(fd, POLLOUT, LONG_MS));
	EXPECT_EQ(1, (int)info_of(fd).tcpi_fastopen_client_fail);
	child = accept(self->listener, NULL, NULL);
	ASSERT_LE(0, child);
	EXPECT_ERRNO(EAGAIN, recv(child, &fd, 1, MSG_DONTWAIT));
	close(child);
	close(fd);

	fd = ep_socket(self->ep, 0);
	EXPECT_EQ(0, send_first(fd, &self->to, NULL, 0, 0));
	EXPECT_EQ(TCP_ESTABLISHED, tcp_state(fd));
	EXPECT_EQ(0, info_of(fd).tcpi_options & TCPI_OPT_SYN_DATA);
	child = accept(self->listener, NULL, NULL);
	close(child);
	close(fd);

	fd = ep_socket(self->ep, SOCK_NONBLOCK);
	EXPECT_EQ(3, send_first(fd, &self->to, "abc", 3, 0));
	EXPECT_EQ(POLLOUT, wait_for(fd, POLLOUT, LONG_MS));
	EXPECT_EQ(3, send(fd, "def", 3, 0));
	EXPECT_EQ(POLLIN, wait_for(self->listener, POLLIN, LONG_MS));
	child = accept(self->listener, NULL, NULL);
	EXPECT_TRUE(eventually(get_int(child, SOL_SOCKET, SO_ERROR) == 0 &&
			       recv(child, &(char [6]){}, 6, MSG_PEEK |
				    MSG_DONTWAIT) == 6));
	close(child);
	close(fd);
}

TEST_F(fastopen, API_04_addresses_and_states)
{
	struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	int fd = ep_socket(self->ep, 0), other;

	EXPECT_ERRNO(EOPNOTSUPP, sendto(fd, "x", 1, MSG_FASTOPEN, &unspec,
					sizeof(unspec)));
	EXPECT_ERRNO(EINVAL, send(fd, "x", 1, MSG_FASTOPEN));
	EXPECT_ERRNO(EINVAL, sendto(fd, "x", 1, MSG_FASTOPEN, &self->to.sa, 1));
	EXPECT_ERRNO(EINVAL, sendto(fd, "x", 1, MSG_FASTOPEN, &self->to.sa,
				    7));
	EXPECT_ERRNO(EISCONN, send_first(self->listener, &self->to, "x", 1,
					 0));
	EXPECT_EQ(TCP_LISTEN, tcp_state(self->listener));
	EXPECT_EQ(1, send_first(fd, &self->to, "x", 1, 0));
	EXPECT_ERRNO(EISCONN, send_first(fd, &self->to, "x", 1, 0));
	other = accept(self->listener, NULL, NULL);
	EXPECT_ERRNO(EISCONN, send_first(other, &self->to, "x", 1, 0));
	close(other);
	close(fd);

	/* Nobody listens: with a cookie, and the text on its way. */
	close(self->listener);
	fd = ep_socket(self->ep, 0);
	EXPECT_ERRNO(ECONNREFUSED, send_first(fd, &self->to, "x", 1, 0));
	EXPECT_EQ(0, so_error(fd));
	EXPECT_EQ(TCP_CLOSE, tcp_state(fd));
	close(fd);
}

TEST_F(fastopen, RFC_7413_3_off_is_refused_as_native_does)
{
	int fd = ep_socket(self->ep, 0);

	ASSERT_EQ(0, write_knob("fastopen", "0"));
	EXPECT_ERRNO(EOPNOTSUPP, send_first(fd, &self->to, "x", 1, 0));
	EXPECT_EQ(TCP_CLOSE, tcp_state(fd));
	EXPECT_ERRNO(EOPNOTSUPP, set_int(fd, SOL_TCP, TCP_FASTOPEN_CONNECT, 1));
	EXPECT_ERRNO(EINVAL, set_int(fd, SOL_TCP, TCP_FASTOPEN_CONNECT, 2));
	EXPECT_EQ(0, get_int(fd, SOL_TCP, TCP_FASTOPEN_CONNECT));
	/* These are kept until it is on. */
	EXPECT_EQ(0, set_int(fd, SOL_TCP, TCP_FASTOPEN, 5));
	EXPECT_EQ(5, get_int(fd, SOL_TCP, TCP_FASTOPEN));
	EXPECT_EQ(0, set_int(fd, SOL_TCP, TCP_FASTOPEN_NO_COOKIE, 1));
	EXPECT_EQ(0, connect(fd, &self->to.sa, self->to.len));
	close(fd);
}

TEST_F(fastopen, API_options_by_value_and_state)
{
	int fd = ep_socket(self->ep, 0);
	int most;
	FILE *f;

	f = fopen("/proc/sys/net/core/somaxconn", "r");
	ASSERT_NE(NULL, f);
	ASSERT_EQ(1, fscanf(f, "%d", &most));
	fclose(f);
	EXPECT_EQ(0, get_int(fd, SOL_TCP, TCP_FASTOPEN));
	EXPECT_ERRNO(EINVAL, set_int(fd, SOL_TCP, TCP_FASTOPEN, -1));
	EXPECT_EQ(0, set_int(fd, SOL_TCP, TCP_FASTOPEN, 7));
	EXPECT_EQ(7, get_int(fd, SOL_TCP, TCP_FASTOPEN));
	EXPECT_EQ(0, set_int(fd, SOL_TCP, TCP_FASTOPEN, INT32_MAX));
	EXPECT_EQ(most, get_int(fd, SOL_TCP, TCP_FASTOPEN));
	EXPECT_ERRNO(EINVAL, set_int(fd, SOL_TCP, TCP_FASTOPEN_CONNECT, -1));
	EXPECT_ERRNO(EINVAL, set_int(fd, SOL_TCP, TCP_FASTOPEN_NO_COOKIE, 2));
	EXPECT_ERRNO(EINVAL, set_int(self->listener, SOL_TCP,
				     TCP_FASTOPEN_CONNECT, 1));

	EXPECT_EQ(0, connect(fd, &self->to.sa, self->to.len));
	EXPECT_ERRNO(EINVAL, set_int(fd, SOL_TCP, TCP_FASTOPEN, 7));
	EXPECT_ERRNO(EINVAL, set_int(fd, SOL_TCP, TCP_FASTOPEN_CONNECT, 1));
	EXPECT_ERRNO(EINVAL, set_int(fd, SOL_TCP, TCP_FASTOPEN_NO_COOKIE, 1));
	close(fd);
}

TEST_F(fastopen, API_key_option)
{
	unsigned char keys[3 * KEY_BYTES], got[3 * KEY_BYTES];
	int fd = ep_socket(self->ep, 0);
	socklen_t len = sizeof(got);
	unsigned int i;

	for (i = 0; i < sizeof(keys); i++)
		keys[i] = i + 1;
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_FASTOPEN_KEY, got, &len));
	EXPECT_EQ(0, len);
	for (i = 0; i <= sizeof(keys); i++) {
		if (i == KEY_BYTES || i == 2 * KEY_BYTES)
			continue;
		EXPECT_ERRNO(EINVAL, setsockopt(fd, SOL_TCP, TCP_FASTOPEN_KEY,
						keys, i));
	}
	EXPECT_ERRNO(EFAULT, setsockopt(fd, SOL_TCP, TCP_FASTOPEN_KEY,
					(void *)8, KEY_BYTES));
	for (i = KEY_BYTES; i <= 2 * KEY_BYTES; i += KEY_BYTES) {
		EXPECT_EQ(0, setsockopt(fd, SOL_TCP, TCP_FASTOPEN_KEY, keys,
					i));
		len = sizeof(got);
		EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_FASTOPEN_KEY, got,
					&len));
		EXPECT_EQ(i, len);
		EXPECT_EQ(0, memcmp(keys, got, i));
	}
	len = 5;
	memset(got, 0xee, sizeof(got));
	EXPECT_EQ(0, getsockopt(fd, SOL_TCP, TCP_FASTOPEN_KEY, got, &len));
	EXPECT_EQ(5, len);
	EXPECT_EQ(0, memcmp(keys, got, 5));
	EXPECT_EQ(0xee, got[5]);
	close(fd);
}

TEST_F(fastopen, API_key_knob)
{
	static const char * const bad[] = {
		"", "x", "1-2-3", "1-2-3-", "1-2-3-4-5", "1-2-3-4,", ",1-2-3-4",
		"1-2-3-4,5-6-7-8,9-a-b-c", "1-2-3-4 5", "1-2-3-4,5-6-7",
	};
	char first[128], text[128];
	struct stat st;
	unsigned int i;

	EXPECT_EQ(0, stat(knob_path("fastopen_key"), &st));
	EXPECT_EQ(0600, st.st_mode & 0777);
	ASSERT_EQ(0, read_knob("fastopen_key", first, sizeof(first)));
	EXPECT_EQ(35, strlen(first));

	EXPECT_EQ(0, write_knob("fastopen_key", "1-22-333-4444\n"));
	read_knob("fastopen_key", text, sizeof(text));
	EXPECT_STREQ("00000001-00000022-00000333-00004444", text);
	EXPECT_EQ(0, write_knob("fastopen_key", "a-b-c-d,1-2-3-fffffffe\n"));
	read_knob("fastopen_key", text, sizeof(text));
	EXPECT_STREQ("0000000a-0000000b-0000000c-0000000d,"
		     "00000001-00000002-00000003-fffffffe", text);

	if (stack_is_native())
		SKIP(return, "native's parser takes what follows a key");
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char now[128];

		if (*bad[i])
			EXPECT_ERRNO(EINVAL, write_knob("fastopen_key",
							bad[i]));
		read_knob("fastopen_key", now, sizeof(now));
		EXPECT_STREQ(text, now);
	}
	/* Random, another one in each namespace. */
	EXPECT_STRNE("00000000-00000000-00000000-00000000", first);
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	read_knob("fastopen_key", text, sizeof(text));
	EXPECT_STRNE(first, text);
	EXPECT_EQ(35, strlen(text));
	read_knob("fastopen", text, sizeof(text));
	EXPECT_STREQ("0", text);
	read_knob("fastopen_blackhole_timeout_sec", text, sizeof(text));
	EXPECT_STREQ("0", text);
}

TEST_F(fastopen, API_knobs_refuse_nonsense)
{
	char text[32];

	if (stack_is_native())
		SKIP(return, "native takes any number");
	EXPECT_ERRNO(EINVAL, write_knob("fastopen", "-1"));
	EXPECT_ERRNO(EINVAL, write_knob("fastopen", "4096"));
	EXPECT_ERRNO(EINVAL, write_knob("fastopen", "x"));
	EXPECT_ERRNO(EINVAL, write_knob("fastopen_blackhole_timeout_sec",
					"-1"));
	read_knob("fastopen", text, sizeof(text));
	EXPECT_STREQ("3", text);
	EXPECT_EQ(0, write_knob("fastopen_blackhole_timeout_sec", "3600"));
	read_knob("fastopen_blackhole_timeout_sec", text, sizeof(text));
	EXPECT_STREQ("3600", text);
}

TEST_HARNESS_MAIN
