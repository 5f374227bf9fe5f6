#include "media/ingest/rtmp_handshake.h"

#include "server/core/bytes.h"
#include "server/core/crypto.h"
#include "tests/support/flv_file.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = RTMP_HANDSHAKE_SIZE };

struct fixture {
	struct rtmp_handshake handshake;
	struct bytes in, out;
};

static struct fixture f;

static void setup(void)
{
	rtmp_handshake_init(&f.handshake);
	bytes_init(&f.in, 8192);
	bytes_init(&f.out, 8192);
}

static void teardown(void)
{
	bytes_finish(&f.in);
	bytes_finish(&f.out);
}

TestSuite(rtmp_handshake, .init = setup, .fini = teardown);

static int feed(const void *data, size_t len)
{
	bytes_put(&f.in, data, len);
	return rtmp_handshake_feed(&f.handshake, &f.in, &f.out);
}

Test(rtmp_handshake, plain_is_answered_by_an_echo)
{
	uint8_t c1[SIZE];
	crypto_random(c1, SIZE);
	memset(c1 + 4, 0, 4);
	cr_assert(eq(int, feed("\x03", 1), 0));
	cr_assert(eq(int, feed(c1, SIZE - 1), 0));
	cr_assert(eq(sz, f.out.len, 0));
	cr_assert(eq(int, feed(c1 + SIZE - 1, 1), 0));
	cr_assert(eq(sz, f.out.len, 1 + 2 * SIZE));
	cr_assert(eq(u8, f.out.data[0], 3));
	cr_assert(eq(int, memcmp(f.out.data + 1 + SIZE, c1, SIZE), 0));
	cr_assert(not(f.handshake.digest));
	cr_assert(eq(int, feed(c1, SIZE), 0));
	cr_assert(eq(int, f.handshake.state, RTMP_HANDSHAKE_DONE));
}

Test(rtmp_handshake, leaves_what_follows_in_the_buffer)
{
	uint8_t all[1 + 2 * SIZE + 3] = { 3 };
	memcpy(all + 1 + 2 * SIZE, "abc", 3);
	cr_assert(eq(int, feed(all, sizeof(all)), 0));
	cr_assert(eq(int, f.handshake.state, RTMP_HANDSHAKE_DONE));
	cr_assert(eq(sz, f.in.len, 3));
	cr_assert(eq(int, memcmp(f.in.data, "abc", 3), 0));
}

Test(rtmp_handshake, other_versions_are_refused)
{
	cr_assert(eq(int, feed("\x06", 1), -EPROTO)); /* RTMPE */
}

Test(rtmp_handshake, an_http_request_is_refused_at_once)
{
	cr_assert(eq(int, feed("GET / HTTP/1.1\r\n", 16), -EPROTO));
}

/* As the player checks it: the digest of S1 with the first 36 bytes of the server's key, and the
 * signature of S2 with a key derived from the client's digest. */
static void check_answer(const uint8_t *client_digest, unsigned scheme)
{
	static const char key[] =
		"Genuine Adobe Flash Media Server 001"
		"\xf0\xee\xc2\x4a\x80\x68\xbe\xe8\x2e\x00\xd0\xd1\x02\x9e\x7e\x57"
		"\x6e\xec\x5d\x2d\x29\x80\x6f\xab\x93\xb8\xe6\x36\xcf\xeb\x31\xae";
	const uint8_t *s1 = f.out.data + 1;
	const uint8_t *s2 = s1 + SIZE;
	const size_t at = rtmp_digest_offset(s1, scheme);
	uint8_t rest[SIZE - 32], digest[32], signing_key[32];
	memcpy(rest, s1, at);
	memcpy(rest + at, s1 + at + 32, SIZE - 32 - at);
	crypto_hmac_sha256(key, 36, rest, sizeof(rest), digest);
	cr_assert(eq(int, memcmp(digest, s1 + at, 32), 0));
	crypto_hmac_sha256(key, 68, client_digest, 32, signing_key);
	crypto_hmac_sha256(signing_key, 32, s2, SIZE - 32, digest);
	cr_assert(eq(int, memcmp(digest, s2 + SIZE - 32, 32), 0));
}

ParameterizedTestParameters(rtmp_handshake, digest_is_answered_with_a_digest)
{
	static unsigned scheme[] = { 0, 1 };
	return cr_make_param_array(unsigned, scheme, 2);
}

ParameterizedTest(unsigned *scheme, rtmp_handshake, digest_is_answered_with_a_digest, .init = setup,
		  .fini = teardown)
{
	uint8_t c1[SIZE];
	crypto_random(c1, SIZE);
	memcpy(c1 + 4, "\x80\x00\x07\x02", 4);
	rtmp_client_digest(c1, *scheme);
	cr_assert(eq(int, feed("\x03", 1), 0));
	cr_assert(eq(int, feed(c1, SIZE), 0));
	cr_assert(f.handshake.digest);
	check_answer(c1 + rtmp_digest_offset(c1, *scheme), *scheme);
}

Test(rtmp_handshake, recognizes_the_digest_of_ffmpeg)
{
	size_t len;
	uint8_t *recorded = test_data_read("ffmpeg-5.1-bframes.rtmp", &len);
	cr_assert(eq(int, feed(recorded, 1 + SIZE), 0));
	cr_assert(f.handshake.digest);
	free(recorded);
}

Test(rtmp_handshake, gstreamer_shakes_hands_plainly)
{
	size_t len;
	uint8_t *recorded = test_data_read("gstreamer-1.22.rtmp", &len);
	cr_assert(eq(int, feed(recorded, 1 + 2 * SIZE), 0));
	cr_assert(not(f.handshake.digest));
	cr_assert(eq(int, f.handshake.state, RTMP_HANDSHAKE_DONE));
	free(recorded);
}
