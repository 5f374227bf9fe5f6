#include "media/ingest/rtmp_handshake.h"

#include "server/core/bytes.h"
#include "server/core/crypto.h"

#include <errno.h>
#include <string.h>

/* The digests are not in Adobe's text; this is how Flash Media Server and Player did it and what
 * encoders kept. Two halves of 764 bytes follow the time and the version; either holds the digest,
 * at a place that four bytes of that half tell. */
enum {
	HALF = 764,
	DIGEST_PLACES = 728,
	CLIENT_KEY_TEXT = 30,
	SERVER_KEY_TEXT = 36,
	KEY_TAIL = 32,
};

static const char client_key[] = "Genuine Adobe Flash Player 001";
static const char server_key[] = "Genuine Adobe Flash Media Server 001";
static const uint8_t key_tail[KEY_TAIL] = { 0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe, 0xe8,
					    0x2e, 0x00, 0xd0, 0xd1, 0x02, 0x9e, 0x7e, 0x57,
					    0x6e, 0xec, 0x5d, 0x2d, 0x29, 0x80, 0x6f, 0xab,
					    0x93, 0xb8, 0xe6, 0x36, 0xcf, 0xeb, 0x31, 0xae };

void rtmp_handshake_init(struct rtmp_handshake *handshake)
{
	*handshake = (struct rtmp_handshake){ .state = RTMP_WAIT_C0C1 };
}

size_t rtmp_digest_offset(const uint8_t block[RTMP_HANDSHAKE_SIZE], unsigned scheme)
{
	const size_t half = scheme ? 8 + HALF : 8;
	const size_t sum =
		(size_t)block[half] + block[half + 1] + block[half + 2] + block[half + 3];
	return half + 4 + sum % DIGEST_PLACES;
}

/* Over the block without the digest's own bytes. */
static void compute_digest(const uint8_t block[RTMP_HANDSHAKE_SIZE], size_t at, const char *key,
			   size_t key_len, uint8_t out[SHA256_SIZE])
{
	uint8_t rest[RTMP_HANDSHAKE_SIZE - SHA256_SIZE];
	memcpy(rest, block, at);
	memcpy(rest + at, block + at + SHA256_SIZE, sizeof(rest) - at);
	crypto_hmac_sha256(key, key_len, rest, sizeof(rest), out);
}

void rtmp_client_digest(uint8_t block[RTMP_HANDSHAKE_SIZE], unsigned scheme)
{
	const size_t at = rtmp_digest_offset(block, scheme);
	compute_digest(block, at, client_key, CLIENT_KEY_TEXT, block + at);
}

/* The scheme whose digest is right, or -1: a plain handshake. */
static int find_scheme(const uint8_t block[RTMP_HANDSHAKE_SIZE])
{
	for (unsigned scheme = 0; scheme < 2; scheme++) {
		const size_t at = rtmp_digest_offset(block, scheme);
		uint8_t digest[SHA256_SIZE];
		compute_digest(block, at, client_key, CLIENT_KEY_TEXT, digest);
		if (crypto_equal(digest, block + at, SHA256_SIZE))
			return (int)scheme;
	}
	return -1;
}

/* S2 of the digest handshake: random, signed with a key made from the client's digest. */
static void sign_answer(uint8_t s2[RTMP_HANDSHAKE_SIZE], const uint8_t *client_digest)
{
	uint8_t key[SERVER_KEY_TEXT + KEY_TAIL];
	uint8_t signing_key[SHA256_SIZE];
	memcpy(key, server_key, SERVER_KEY_TEXT);
	memcpy(key + SERVER_KEY_TEXT, key_tail, KEY_TAIL);
	crypto_hmac_sha256(key, sizeof(key), client_digest, SHA256_SIZE, signing_key);
	crypto_random(s2, RTMP_HANDSHAKE_SIZE - SHA256_SIZE);
	crypto_hmac_sha256(signing_key, sizeof(signing_key), s2, RTMP_HANDSHAKE_SIZE - SHA256_SIZE,
			   s2 + RTMP_HANDSHAKE_SIZE - SHA256_SIZE);
}

static void answer(struct rtmp_handshake *handshake, const uint8_t c1[RTMP_HANDSHAKE_SIZE],
		   struct bytes *out)
{
	static const uint8_t digest_version[] = { 3, 5, 1, 1 };
	uint8_t s1[RTMP_HANDSHAKE_SIZE];
	uint8_t s2[RTMP_HANDSHAKE_SIZE];
	crypto_random(s1, sizeof(s1));
	memset(s1, 0, 8); /* time and, in the plain form, zeros (§5.2.3) */
	const int scheme = find_scheme(c1);
	handshake->digest = scheme >= 0;
	if (handshake->digest) {
		memcpy(s1 + 4, digest_version, sizeof(digest_version));
		const size_t at = rtmp_digest_offset(s1, (unsigned)scheme);
		compute_digest(s1, at, server_key, SERVER_KEY_TEXT, s1 + at);
		sign_answer(s2, c1 + rtmp_digest_offset(c1, (unsigned)scheme));
	} else {
		memcpy(s2, c1, sizeof(s2)); /* §5.2.4: the echo */
	}
	bytes_u8(out, RTMP_VERSION);
	bytes_put(out, s1, sizeof(s1));
	bytes_put(out, s2, sizeof(s2));
}

int rtmp_handshake_feed(struct rtmp_handshake *handshake, struct bytes *in, struct bytes *out)
{
	if (handshake->state == RTMP_WAIT_C0C1) {
		if (in->len && in->data[0] != RTMP_VERSION)
			return -EPROTO;
		if (in->len < 1 + RTMP_HANDSHAKE_SIZE)
			return 0;
		answer(handshake, in->data + 1, out);
		bytes_consume(in, 1 + RTMP_HANDSHAKE_SIZE);
		handshake->state = RTMP_WAIT_C2;
	}
	/* C2 is not compared: several encoders send something else than the echo. */
	if (handshake->state == RTMP_WAIT_C2 && in->len >= RTMP_HANDSHAKE_SIZE) {
		bytes_consume(in, RTMP_HANDSHAKE_SIZE);
		handshake->state = RTMP_HANDSHAKE_DONE;
	}
	return 0;
}

void rtmp_handshake_hello(struct bytes *out)
{
	uint8_t c1[RTMP_HANDSHAKE_SIZE];
	crypto_random(c1, sizeof(c1));
	memset(c1, 0, 8); /* §5.2.3: time and zeros */
	bytes_u8(out, RTMP_VERSION);
	bytes_put(out, c1, sizeof(c1));
}

int rtmp_handshake_answer(struct bytes *in, struct bytes *out)
{
	if (in->len && in->data[0] != RTMP_VERSION)
		return -EPROTO;
	if (in->len < 1 + 2 * RTMP_HANDSHAKE_SIZE)
		return 0;
	bytes_put(out, in->data + 1, RTMP_HANDSHAKE_SIZE); /* §5.2.4: the echo of S1 */
	bytes_consume(in, 1 + 2 * RTMP_HANDSHAKE_SIZE);
	return 1;
}
