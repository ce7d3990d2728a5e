// SPDX-License-Identifier: GPL-2.0
/*
 * The option parser against a slow one that follows the text of the RFC, on
 * every kind and length at every offset; the builders against the parser.
 */
#include "kselftest_harness.h"

#include <stdlib.h>
#include <string.h>

#include "options.h"

#define MAX	TCPX_OPTIONS_LEN_MAX
#define SYN_ONLY (TCPX_HAS_MSS | TCPX_HAS_WSCALE | TCPX_HAS_SACK_OK | \
		  TCPX_HAS_FASTOPEN)

/* Exactly @len bytes on the heap: ASan sees one byte too much. */
static u8 *exact(const u8 *from, unsigned int len)
{
	u8 *copy = malloc(len ?: 1);

	memcpy(copy, from, len);
	return len ? copy : copy + 1;
}

static void give_back(u8 *copy, unsigned int len)
{
	free(len ? copy : copy - 1);
}

/* What points into the copy points into @from afterwards. */
static void parse(const u8 *from, unsigned int len, bool syn,
		  struct tcpx_options *out)
{
	u8 *copy = exact(from, len);

	memset(out, 0xa5, sizeof(*out));
	tcpx_options_parse(copy, len, syn, out);
	if (out->present & TCPX_HAS_FASTOPEN)
		out->cookie = from + (out->cookie - copy);
	give_back(copy, len);
}

/* RFC 9293 3.1: walk the list; one that is illegal ends it. */
static struct tcpx_options expect(const u8 *o, int len, bool syn)
{
	struct tcpx_options want = {};

	for (int at = 0; at < len; ) {
		int kind = o[at], size;

		if (kind == 0)
			break;
		if (kind == 1) {
			at++;
			continue;
		}
		if (at + 1 == len)
			break;
		size = o[at + 1];
		if (size < 2 || at + size > len)
			break;

		if (kind == 8 && size == 10) {
			want.present |= TCPX_HAS_TS;
			want.tsval = o[at + 2] * 0x1000000U +
				o[at + 3] * 0x10000 + o[at + 4] * 0x100 +
				o[at + 5];
			want.tsecr = o[at + 6] * 0x1000000U +
				o[at + 7] * 0x10000 + o[at + 8] * 0x100 +
				o[at + 9];
		}
		if (kind == 5 && !syn && (size == 10 || size == 18 ||
					  size == 26 || size == 34)) {
			want.present |= TCPX_HAS_SACK;
			want.sack_off = 20 + at;
		}
		if ((kind == 172 || kind == 174) &&
		    (size == 2 || size == 5 || size == 8 || size == 11)) {
			want.present |= TCPX_HAS_ACCECN;
			want.accecn_off = 20 + at;
		}
		if (kind == 2 && size == 4 && syn) {
			want.mss = o[at + 2] * 0x100 + o[at + 3];
			want.present &= ~TCPX_HAS_MSS;
			if (want.mss)
				want.present |= TCPX_HAS_MSS;
		}
		if (kind == 3 && size == 3 && syn) {
			want.present |= TCPX_HAS_WSCALE;
			want.wscale = o[at + 2] > 14 ? 14 : o[at + 2];
		}
		if (kind == 4 && size == 2 && syn)
			want.present |= TCPX_HAS_SACK_OK;
		if (kind == 34 && syn && size % 2 == 0 &&
		    (size == 2 || (size >= 6 && size <= 18))) {
			want.present |= TCPX_HAS_FASTOPEN;
			want.cookie_len = size - 2;
			want.cookie = o + at + 2;
		}
		at += size;
	}
	return want;
}

static bool same(const struct tcpx_options *a, const struct tcpx_options *b)
{
	if (a->present != b->present)
		return false;
	if (a->present & TCPX_HAS_TS &&
	    (a->tsval != b->tsval || a->tsecr != b->tsecr))
		return false;
	if (a->present & TCPX_HAS_SACK && a->sack_off != b->sack_off)
		return false;
	if (a->present & TCPX_HAS_ACCECN && a->accecn_off != b->accecn_off)
		return false;
	if (a->present & TCPX_HAS_MSS && a->mss != b->mss)
		return false;
	if (a->present & TCPX_HAS_FASTOPEN &&
	    (a->cookie_len != b->cookie_len ||
	     memcmp(a->cookie, b->cookie, a->cookie_len)))
		return false;
	return !(a->present & TCPX_HAS_WSCALE) || a->wscale == b->wscale;
}

static bool parses_as_expected(const u8 *from, unsigned int len)
{
	struct tcpx_options got, want;

	for (int syn = 0; syn < 2; syn++) {
		want = expect(from, len, syn);
		parse(from, len, syn, &got);
		if (!same(&got, &want)) {
			printf("# syn %d, length %u, present %#x, want %#x:",
			       syn, len, got.present, want.present);
			for (unsigned int i = 0; i < len; i++)
				printf(" %02x", from[i]);
			printf("\n");
			return false;
		}
	}
	return true;
}

static void fill(u8 *o, int seed)
{
	for (int i = 0; i < MAX; i++)
		o[i] = seed * 7 + i * 29;
}

TEST(SEC_25_every_kind_and_length_at_every_offset)
{
	u8 o[MAX];

	for (int at = 0; at < MAX; at++) {
		for (int kind = 0; kind < 256; kind++) {
			for (int size = 0; size < 256; size++) {
				fill(o, kind + size);
				memset(o, TCPX_OPT_NOP, at);
				o[at] = kind;
				if (at + 1 < MAX)
					o[at + 1] = size;
				ASSERT_TRUE(parses_as_expected(o, MAX));
			}
		}
	}
}

TEST(SEC_25_every_truncation)
{
	static const u8 kinds[] = { 0, 1, 2, 3, 4, 5, 6, 8, 34, 253, 255 };
	u8 o[MAX];

	for (int len = 0; len <= MAX; len++) {
		for (int at = 0; at < len; at++) {
			for (int k = 0; k < sizeof(kinds); k++) {
				for (int size = 0; size <= 44; size++) {
					fill(o, size);
					memset(o, TCPX_OPT_NOP, at);
					o[at] = kinds[k];
					if (at + 1 < MAX)
						o[at + 1] = size;
					ASSERT_TRUE(parses_as_expected(o,
								       len));
				}
			}
		}
	}
}

/* Pairs: the second one is parsed wherever the first one ends. */
TEST(every_pair_of_known_kinds)
{
	static const u8 kinds[] = { 0, 1, 2, 3, 4, 5, 8, 30, 34, 254 };
	static const u8 sizes[] = { 0, 1, 2, 3, 4, 9, 10, 11, 18, 26, 34 };
	u8 o[MAX];

	for (int a = 0; a < sizeof(kinds) * sizeof(sizes); a++) {
		for (int b = 0; b < sizeof(kinds) * sizeof(sizes); b++) {
			int size = sizes[a % sizeof(sizes)];
			int next = size < 2 ? 2 : size;

			fill(o, a + b);
			o[0] = kinds[a / sizeof(sizes)];
			o[1] = size;
			o[next] = kinds[b / sizeof(sizes)];
			o[next + 1] = sizes[b % sizeof(sizes)];
			ASSERT_TRUE(parses_as_expected(o, MAX));
		}
	}
}

TEST(random_bytes)
{
	u8 o[MAX];

	srandom(1);
	for (int i = 0; i < 300000; i++) {
		for (int at = 0; at < MAX; at++)
			o[at] = random() % (random() % 2 ? 256 : 12);
		ASSERT_TRUE(parses_as_expected(o, random() % (MAX + 1)));
	}
}

TEST(aligned_timestamps_are_as_any)
{
	u8 o[24] = { 1, 1, 8, 10, 1, 2, 3, 4, 0xff, 6, 7, 8,
		     1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9 };
	struct tcpx_options got;

	for (int syn = 0; syn < 2; syn++) {
		parse(o, 12, syn, &got);
		ASSERT_EQ(got.present, TCPX_HAS_TS);
		ASSERT_EQ(got.tsval, 0x01020304);
		ASSERT_EQ(got.tsecr, 0xff060708);
	}

	parse(o, 24, false, &got);
	ASSERT_EQ(got.present, TCPX_HAS_TS | TCPX_HAS_SACK);
	ASSERT_EQ(got.sack_off, TCPX_HDR_LEN + 14);

	parse(o, 11, false, &got);
	ASSERT_EQ(got.present, 0);
}

TEST(mss_by_the_catalogue)
{
	static const u8 first[] = { 2, 4, 5, 0xb4, 3, 3, 7, 0 };
	static const u8 last[] = { 1, 3, 3, 7, 2, 4, 5, 0xb4 };
	static const u8 nops[] = { 1, 1, 1, 2, 4, 5, 0xb4, 0 };
	static const u8 after_eol[] = { 0, 2, 4, 5, 0xb4, 0, 0, 0 };
	static const u8 zero[] = { 2, 4, 0, 0, 2, 3, 5, 0 };
	struct tcpx_options got;

	parse(first, 8, true, &got);
	ASSERT_EQ(got.mss, 1460);
	parse(last, 8, true, &got);
	ASSERT_EQ(got.mss, 1460);
	parse(nops, 8, true, &got);
	ASSERT_EQ(got.mss, 1460);
	parse(first, 8, false, &got);
	ASSERT_EQ(got.present, 0);
	parse(after_eol, 8, true, &got);
	ASSERT_EQ(got.present, 0);
	parse(zero, 8, true, &got);
	ASSERT_EQ(got.present, 0);
}

TEST(wscale_above_14_is_14)
{
	u8 o[4] = { 1, 3, 3, 0 };
	struct tcpx_options got;

	for (int shift = 0; shift < 256; shift++) {
		o[3] = shift;
		parse(o, 4, true, &got);
		ASSERT_EQ(got.present, TCPX_HAS_WSCALE);
		ASSERT_EQ(got.wscale, shift < 14 ? shift : 14);
	}
}

/* MUST-68: what is built has legal lengths, fills words and ends there. */
static bool is_strictly_legal(const u8 *o, unsigned int len)
{
	unsigned int at = 0;

	while (at < len) {
		if (o[at] == TCPX_OPT_NOP) {
			at++;
			continue;
		}
		if (o[at] == TCPX_OPT_EOL || at + 1 >= len || o[at + 1] < 2)
			return false;
		at += o[at + 1];
	}
	return at == len && len % 4 == 0 && len <= MAX;
}

TEST(syn_options_round_trip)
{
	struct tcpx_options in = {
		.tsval = 0x89abcdef, .tsecr = 0x01020304, .mss = 1460,
	}, out;
	static const u8 has[] = { TCPX_HAS_TS, TCPX_HAS_MSS, TCPX_HAS_WSCALE,
				  TCPX_HAS_SACK_OK };

	for (int set = 0; set < 16; set++) {
		for (in.wscale = 0; in.wscale <= 14; in.wscale++) {
			unsigned int size;
			__be32 *o;

			in.present = 0;
			for (int i = 0; i < 4; i++)
				if (set >> i & 1)
					in.present |= has[i];

			size = tcpx_options_syn_size(&in);
			o = malloc(size ?: 1);
			ASSERT_EQ(tcpx_options_build_syn(o, &in), size);
			ASSERT_TRUE(is_strictly_legal((u8 *)o, size));
			parse((u8 *)o, size, true, &out);
			ASSERT_TRUE(same(&in, &out));
			free(o);
		}
	}
	in.present = (SYN_ONLY | TCPX_HAS_TS) & ~TCPX_HAS_FASTOPEN;
	ASSERT_EQ(tcpx_options_syn_size(&in), 20);
}

/* Beside all the others the longest cookie fits exactly. */
TEST(RFC_7413_1_fastopen_round_trip)
{
	static const u8 cookie[] = "0123456789abcdef";
	struct tcpx_options in = {
		.tsval = 1, .tsecr = 2, .mss = 1460, .wscale = 7,
		.present = SYN_ONLY | TCPX_HAS_TS, .cookie = cookie,
	}, out;

	for (int len = 0; len <= TCPX_TFO_COOKIE_MAX; len += 2) {
		unsigned int size;
		__be32 *o;

		if (len && len < TCPX_TFO_COOKIE_MIN)
			continue;
		in.cookie_len = len;
		size = tcpx_options_syn_size(&in);
		o = malloc(size);
		ASSERT_EQ(tcpx_options_build_syn(o, &in), size);
		ASSERT_TRUE(is_strictly_legal((u8 *)o, size));
		parse((u8 *)o, size, true, &out);
		ASSERT_TRUE(same(&in, &out));
		free(o);
	}
	ASSERT_EQ(tcpx_options_syn_size(&in), MAX);
}

/* Kind 34, length 2 or even 6 to 18, of a SYN; nothing else. */
TEST(RFC_7413_1_fastopen_lengths)
{
	u8 o[MAX] = { 34 };
	struct tcpx_options got;

	for (int size = 0; size < 256; size++) {
		bool legal = size == 2 || size == 6 || size == 8 ||
			     size == 10 || size == 12 || size == 14 ||
			     size == 16 || size == 18;

		o[1] = size;
		parse(o, MAX, true, &got);
		ASSERT_EQ(!!(got.present & TCPX_HAS_FASTOPEN), legal);
		parse(o, MAX, false, &got);
		ASSERT_EQ(got.present & TCPX_HAS_FASTOPEN, 0);
		/* The experimental form is an unknown option. */
		o[0] = 254;
		o[2] = 0xf9;
		o[3] = 0x89;
		parse(o, MAX, true, &got);
		ASSERT_EQ(got.present & TCPX_HAS_FASTOPEN, 0);
		memset(o, 0, sizeof(o));
		o[0] = 34;
	}
}

TEST(data_options_round_trip)
{
	struct tcpx_sack_block in[TCPX_SACK_MAX], out[TCPX_SACK_MAX];

	for (int i = 0; i < TCPX_SACK_MAX; i++) {
		in[i].start = 0xfffffff0 + i * 1000;
		in[i].end = in[i].start + 500;
	}

	for (int ts = 0; ts < 2; ts++) {
		unsigned int room = tcpx_options_sack_room(ts);

		for (unsigned int nr = 0; nr <= room; nr++) {
			unsigned int size = tcpx_options_size(ts, nr);
			u8 *th = malloc(20 + size);
			__be32 *o = (__be32 *)(th + 20);
			struct tcpx_options got;
			unsigned int found;

			if (ts)
				o = tcpx_options_build_ts(o, 5, 0xfffffffe);
			o = tcpx_options_build_sack(o, nr, in);
			ASSERT_EQ((u8 *)o, th + 20 + size);
			ASSERT_TRUE(is_strictly_legal(th + 20, size));

			parse(th + 20, size, false, &got);
			ASSERT_EQ(got.present, (ts ? TCPX_HAS_TS : 0) |
				  (nr ? TCPX_HAS_SACK : 0));
			if (ts) {
				ASSERT_EQ(got.tsval, 5);
				ASSERT_EQ(got.tsecr, 0xfffffffe);
			}
			if (nr) {
				found = tcpx_options_sack(th, 20 + size,
							  got.sack_off, out);
				ASSERT_EQ(found, nr);
				ASSERT_FALSE(memcmp(in, out,
						    nr * sizeof(*in)));
			}
			free(th);
		}

		/* and one more block would not fit */
		ASSERT_LE(tcpx_options_size(ts, room), MAX);
		ASSERT_GT(tcpx_options_size(ts, room + 1), MAX);
	}
}

/* Whatever the offset and the length octet, nothing outside is read. */
TEST(sack_reader_stays_inside)
{
	struct tcpx_sack_block blocks[TCPX_SACK_MAX];
	u8 o[TCPX_HDR_LEN_MAX];

	for (int len = 20; len <= 60; len += 4) {
		for (int off = 20; off < 64; off++) {
			for (int size = 0; size < 256; size++) {
				unsigned int nr, want;
				u8 *th;

				memset(o, size, sizeof(o));
				th = exact(o, len);
				nr = tcpx_options_sack(th, len, off, blocks);
				want = (size - 2) / 8;
				if (off + 2 > len || off + size > len ||
				    size < 10 || (size - 2) % 8)
					want = 0;
				ASSERT_EQ(nr, want);
				ASSERT_LE(nr, TCPX_SACK_MAX);
				give_back(th, len);
			}
		}
	}
}

TEST(RFC_9768_7_accecn_round_trip)
{
	struct tcpx_accecn_option in = {
		.ceb = 0x1010203, .e0b = 0xfffffffe, .e1b = 1,
	}, out;
	u8 th[20 + 12];

	for (int is_one = 0; is_one < 2; is_one++) {
		for (int size = 8; size <= 12; size += 4) {
			int off = size == 12 ? 21 : 20;

			tcpx_options_build_accecn((__be32 *)(th + 20), size,
						  is_one, &in);
			ASSERT_TRUE(is_strictly_legal(th + 20, size));
			ASSERT_EQ(th[off], is_one ? 174 : 172);
			ASSERT_EQ(th[off + 1], size == 12 ? 11 : 8);
			ASSERT_TRUE(tcpx_options_accecn(th, 20 + size, off,
							&out));
			ASSERT_EQ(out.ceb, 0x010203);
			ASSERT_EQ(out.fields, size == 12 ? 7 : is_one ?
				  TCPX_ACCECN_CEB | TCPX_ACCECN_E1B :
				  TCPX_ACCECN_CEB | TCPX_ACCECN_E0B);
			if (out.fields & TCPX_ACCECN_E0B)
				ASSERT_EQ(out.e0b, 0xfffffe);
			if (out.fields & TCPX_ACCECN_E1B)
				ASSERT_EQ(out.e1b, 1);
		}
	}
}

TEST(RFC_9768_7_accecn_on_a_full_syn_ack)
{
	static const u8 cookie[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct tcpx_accecn_option counters;
	struct tcpx_options in = {
		.present = TCPX_HAS_MSS | TCPX_HAS_WSCALE | TCPX_HAS_SACK_OK |
			   TCPX_HAS_TS | TCPX_HAS_FASTOPEN,
		.mss = 1460, .wscale = 7, .tsval = 1, .tsecr = 2,
		.cookie = cookie, .cookie_len = sizeof(cookie),
		.accecn_len = TCPX_OPTLEN_ACCECN_SHORT,
	}, out;
	u8 th[TCPX_HDR_LEN_MAX] = { 0 };
	unsigned int size = tcpx_options_syn_size(&in);

	ASSERT_EQ(size, TCPX_OPTIONS_LEN_MAX);
	ASSERT_EQ(tcpx_options_build_syn((__be32 *)(th + 20), &in), size);
	tcpx_options_parse(th + 20, size, true, &out);
	EXPECT_EQ(out.present, in.present | TCPX_HAS_ACCECN);
	EXPECT_EQ(memcmp(out.cookie, cookie, sizeof(cookie)), 0);
	ASSERT_TRUE(tcpx_options_accecn(th, sizeof(th), out.accecn_off,
					&counters));
	EXPECT_EQ(counters.fields, TCPX_ACCECN_CEB | TCPX_ACCECN_E0B);
	EXPECT_EQ(counters.ceb, 0);
	EXPECT_EQ(counters.e0b, 1);
}

TEST(RFC_9768_7_accecn_reader_stays_inside)
{
	struct tcpx_accecn_option out;
	u8 o[TCPX_HDR_LEN_MAX];

	for (int len = 20; len <= 60; len += 4) {
		for (int off = 20; off < 64; off++) {
			for (int size = 0; size < 256; size++) {
				bool legal = size == 2 || size == 5 ||
					     size == 8 || size == 11;
				u8 *th;

				memset(o, size, sizeof(o));
				if (off < sizeof(o))
					o[off] = 172;
				th = exact(o, len);
				ASSERT_EQ(tcpx_options_accecn(th, len, off,
							      &out),
					  legal && off + 2 <= len &&
					  off + size <= len);
				give_back(th, len);
			}
		}
	}
}

TEST(header_fields)
{
	u8 th[20] = { 0 };

	for (int high = 0; high < 256; high++) {
		for (int low = 0; low < 256; low++) {
			th[12] = high;
			th[13] = low;
			ASSERT_EQ(tcpx_wire_flags(th), (high & 1) << 8 | low);
			ASSERT_EQ(tcpx_wire_hdr_len(th), high / 16 * 4);
		}
	}
	ASSERT_EQ(tcpx_wire_syn_fin(TCPX_FLAG_SYN | TCPX_FLAG_FIN), 2);
	ASSERT_EQ(tcpx_wire_syn_fin(TCPX_FLAG_FIN | TCPX_FLAG_ACK), 1);
	ASSERT_EQ(tcpx_wire_syn_fin(TCPX_FLAG_RST), 0);
}

TEST(segment_fits_into_the_control_buffer)
{
	ASSERT_LE(sizeof(struct tcpx_seg), 48);
}

TEST_HARNESS_MAIN
