// SPDX-License-Identifier: GPL-2.0
/* TCP_INFO: native's layout, and every field that is filled tells the truth. */
#include "kselftest_harness.h"
#include "../lib.h"

PAIR_FIXTURE(info);

static struct tcp_info info_of(int fd)
{
	struct tcp_info info = {};
	socklen_t len = sizeof(info);

	getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len);
	return info;
}

/* @total bytes from @from to @to, all acknowledged. */
static bool transfer(int from, int to, size_t total)
{
	static char buf[65536];
	size_t sent = 0, got = 0;
	ssize_t n;
	int outq;

	set_nonblock(from);
	while (got < total) {
		n = total - sent < sizeof(buf) ? total - sent : sizeof(buf);
		n = n ? send(from, buf, n, 0) : 0;
		sent += n > 0 ? n : 0;
		if (!wait_for(to, POLLIN, LONG_MS))
			return false;
		n = recv(to, buf, sizeof(buf), 0);
		if (n <= 0)
			return false;
		got += n;
	}
	return eventually(!ioctl(from, SIOCOUTQ, &outq) && !outq);
}

TEST_F(info, layout)
{
	unsigned char buf[1024];
	socklen_t len = sizeof(buf);

	memset(buf, 0xaa, sizeof(buf));
	EXPECT_EQ(0, getsockopt(self->fd[0], SOL_TCP, TCP_INFO, buf, &len));
	EXPECT_LE(sizeof(struct tcp_info), len);
	EXPECT_GT(sizeof(buf), len);
	EXPECT_EQ(TCP_ESTABLISHED, buf[0]);
	EXPECT_EQ(0xaa, buf[len]);
	/* API-02: a short one is a prefix. */
	len = 8;
	memset(buf, 0xaa, sizeof(buf));
	EXPECT_EQ(0, getsockopt(self->fd[0], SOL_TCP, TCP_INFO, buf, &len));
	EXPECT_EQ(8, len);
	EXPECT_EQ(TCP_ESTABLISHED, buf[0]);
	EXPECT_EQ(0xaa, buf[8]);
	EXPECT_ERRNO(ENOPROTOOPT, setsockopt(self->fd[0], SOL_TCP, TCP_INFO,
					     buf, 4));
}

TEST_F(info, fresh_connection)
{
	struct tcp_info i = info_of(self->fd[0]);

	EXPECT_EQ(TCP_ESTABLISHED, i.tcpi_state);
	EXPECT_EQ(0, i.tcpi_ca_state);
	EXPECT_EQ(0, i.tcpi_retransmits);
	EXPECT_EQ(0, i.tcpi_probes);
	EXPECT_EQ(0, i.tcpi_backoff);
	EXPECT_EQ(0, i.tcpi_unacked);
	EXPECT_EQ(0, i.tcpi_lost);
	EXPECT_EQ(0, i.tcpi_total_retrans);
	/* RFC 6928: ten segments, unless they are large. */
	EXPECT_LE(2, i.tcpi_snd_cwnd);
	EXPECT_GE(10, i.tcpi_snd_cwnd);
	EXPECT_LT(500, i.tcpi_snd_mss);
	EXPECT_LE(i.tcpi_snd_mss, i.tcpi_pmtu);
	EXPECT_LE(65535, i.tcpi_pmtu);
	EXPECT_LT(0, i.tcpi_rcv_space);
	EXPECT_EQ(TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE,
		  i.tcpi_options & (TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK |
				    TCPI_OPT_WSCALE));
	EXPECT_TRUE(i.tcpi_snd_wscale > 0);
	EXPECT_TRUE(i.tcpi_rcv_wscale > 0);
	/* The deadline of the retransmission timer, bounded by the RFC. */
	EXPECT_LE(200000, i.tcpi_rto);
	EXPECT_GE(1000000, i.tcpi_rto);
}

TEST_F(info, counts_bytes)
{
	const size_t total = 1000000;
	struct tcp_info snd, rcv;

	ASSERT_TRUE(transfer(self->fd[0], self->fd[1], total));
	snd = info_of(self->fd[0]);
	rcv = info_of(self->fd[1]);
	/* Native counts the SYN among the acknowledged bytes. */
	EXPECT_LE(total, snd.tcpi_bytes_acked);
	EXPECT_GE(total + 1, snd.tcpi_bytes_acked);
	EXPECT_EQ(total, rcv.tcpi_bytes_received);
	EXPECT_EQ(0, snd.tcpi_bytes_received);
	EXPECT_EQ(total, snd.tcpi_bytes_sent - snd.tcpi_bytes_retrans);
	EXPECT_EQ(0, snd.tcpi_unacked);
	EXPECT_EQ(0, snd.tcpi_notsent_bytes);
	EXPECT_LT(0, snd.tcpi_segs_out);
	EXPECT_LT(0, rcv.tcpi_segs_in);
	EXPECT_LT(0, snd.tcpi_data_segs_out);
	EXPECT_EQ(0, rcv.tcpi_data_segs_out);
	EXPECT_LT(0, rcv.tcpi_data_segs_in);
}

TEST_F(info, measures_the_path)
{
	struct tcp_info i;
	int n;

	for (n = 0; n < 4; n++) {
		ASSERT_TRUE(transfer(self->fd[0], self->fd[1], 1000));
		ASSERT_TRUE(transfer(self->fd[1], self->fd[0], 1000));
	}
	i = info_of(self->fd[0]);
	EXPECT_LT(0, i.tcpi_rtt);
	EXPECT_GT(1000000, i.tcpi_rtt);
	EXPECT_LT(0, i.tcpi_rttvar);
	EXPECT_LT(0, i.tcpi_min_rtt);
	EXPECT_GE(i.tcpi_rtt * 2, i.tcpi_min_rtt);
	EXPECT_LE(200000, i.tcpi_rto);
	EXPECT_LT(0, i.tcpi_rcv_mss);
	EXPECT_GT(60000, i.tcpi_last_data_sent);
	EXPECT_GT(60000, i.tcpi_last_ack_recv);
}

/* The window grows with what is acknowledged (MUST-19, slow start). */
TEST_F(info, MUST_19_window_grows)
{
	struct tcp_info before, after;
	struct address a;
	int listener = ep_listener(self->ep, 1, &a);
	int fd = ep_socket(self->ep, 0), child;

	/* Small segments: it is the first limit that is met. */
	ASSERT_EQ(0, set_int(fd, SOL_TCP, TCP_MAXSEG, 1000));
	ASSERT_EQ(0, connect(fd, &a.sa, a.len));
	child = accept(listener, NULL, NULL);
	ASSERT_LE(0, child);
	before = info_of(fd);
	EXPECT_EQ(10, before.tcpi_snd_cwnd);
	ASSERT_TRUE(transfer(fd, child, 8 << 20));
	after = info_of(fd);
	EXPECT_LT(2 * before.tcpi_snd_cwnd, after.tcpi_snd_cwnd);
	EXPECT_LT(before.tcpi_snd_cwnd, after.tcpi_snd_ssthresh);
	close(fd);
	close(child);
	close(listener);
}

TEST_F(info, unsent_and_unacked)
{
	static char buf[1 << 20];
	struct tcp_info i;
	int outq = 0, unsent = 0;

	set_nonblock(self->fd[0]);
	while (send(self->fd[0], buf, sizeof(buf), 0) > 0)
		;
	EXPECT_TRUE(eventually(info_of(self->fd[0]).tcpi_unacked == 0));
	i = info_of(self->fd[0]);
	ioctl(self->fd[0], SIOCOUTQ, &outq);
	ioctl(self->fd[0], SIOCOUTQNSD, &unsent);
	EXPECT_EQ(outq, unsent);
	EXPECT_EQ(unsent, i.tcpi_notsent_bytes);
}

/* Retransmissions of a SYN to nowhere are counted. */
TEST_F(info, MUST_22_syn_retransmits)
{
	struct address to = ep_address(self->ep, "10.99.0.2", "fd99::2", 9);
	unsigned int rto = 300000;
	struct tcp_info i;
	int tun, fd;

	if (knob_in_new_namespace("rto_initial_us", rto))
		rto = 1000000;
	tun = blackhole_up();
	ASSERT_LE(0, tun);
	fd = ep_socket(self->ep, SOCK_NONBLOCK);
	connect(fd, &to.sa, to.len);
	i = info_of(fd);
	EXPECT_EQ(TCP_SYN_SENT, i.tcpi_state);
	EXPECT_EQ(0, i.tcpi_retransmits);
	EXPECT_EQ(rto, i.tcpi_rto);
	EXPECT_TRUE(eventually(info_of(fd).tcpi_retransmits == 1));
	i = info_of(fd);
	EXPECT_EQ(1, i.tcpi_total_retrans);
	/* Native repeats its first four at the same distance. */
	EXPECT_EQ(stack_is_native() ? 0 : 1, i.tcpi_backoff);
	EXPECT_EQ(stack_is_native() ? rto : rto * 2, i.tcpi_rto);
	close(fd);
	close(tun);
}

TEST_F(info, of_a_fresh_socket)
{
	int fd = ep_socket(self->ep, 0);

	EXPECT_EQ(TCP_CLOSE, info_of(fd).tcpi_state);
	EXPECT_EQ(0, info_of(fd).tcpi_bytes_acked);
	close(fd);
}

TEST_HARNESS_MAIN
