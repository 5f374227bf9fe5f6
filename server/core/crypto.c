#include "server/core/crypto.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The generator takes as long for one byte as for these. */
enum { TOKEN_BLOCK = 32 };

static void must(bool worked)
{
	if (!worked)
		abort();
}

void crypto_random(void *out, size_t len)
{
	must(RAND_bytes(out, (int)len) == 1);
}

void crypto_sha256(const void *data, size_t len, uint8_t out[SHA256_SIZE])
{
	must(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1);
}

void crypto_sha1(const void *data, size_t len, uint8_t out[SHA1_SIZE])
{
	must(EVP_Digest(data, len, out, NULL, EVP_sha1(), NULL) == 1);
}

void crypto_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
			uint8_t out[SHA256_SIZE])
{
	must(HMAC(EVP_sha256(), key, (int)key_len, data, len, out, NULL) != NULL);
}

void crypto_hmac_sha1(const void *key, size_t key_len, const void *data, size_t len,
		      uint8_t out[SHA1_SIZE])
{
	must(HMAC(EVP_sha1(), key, (int)key_len, data, len, out, NULL) != NULL);
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char plain_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t encode(const uint8_t *in, size_t len, const char *digits, char *out)
{
	size_t at = 0;
	unsigned held = 0;
	unsigned bits = 0;
	for (size_t i = 0; i < len; i++) {
		held = held << 8 | in[i];
		for (bits += 8; bits >= 6; bits -= 6)
			out[at++] = digits[held >> (bits - 6) & 63];
	}
	if (bits)
		out[at++] = digits[held << (6 - bits) & 63];
	return at;
}

static long decode(const char *text, size_t len, const char *digits, uint8_t *out, size_t cap)
{
	size_t at = 0;
	unsigned held = 0;
	unsigned bits = 0;
	if (len % 4 == 1)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
		if (!digit)
			return -EINVAL;
		held = held << 6 | (unsigned)(digit - digits);
		bits += 6;
		if (bits < 8)
			continue;
		if (at == cap)
			return -EINVAL;
		bits -= 8;
		out[at++] = (uint8_t)(held >> bits);
	}
	if (held & ((1U << bits) - 1)) /* one spelling for one value */
		return -EINVAL;
	return (long)at;
}

void base64url_encode(const void *data, size_t len, char *out)
{
	out[encode(data, len, url_digits, out)] = '\0';
}

long base64url_decode(const char *text, size_t len, uint8_t *out, size_t cap)
{
	return decode(text, len, url_digits, out, cap);
}

void base64_encode(const void *data, size_t len, char *out)
{
	size_t at = encode(data, len, plain_digits, out);
	while (at % 4)
		out[at++] = '=';
	out[at] = '\0';
}

long base64_decode(const char *text, size_t len, uint8_t *out, size_t cap)
{
	if (len % 4)
		return -EINVAL;
	for (int i = 0; i < 2 && len && text[len - 1] == '='; i++)
		len--;
	return decode(text, len, plain_digits, out, cap);
}

void hex_encode(const void *data, size_t len, char *out)
{
	const uint8_t *in = data;
	for (size_t i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", in[i]);
	out[2 * len] = '\0';
}

void uuid7(int64_t utc_us, char out[UUID_TEXT])
{
	uint8_t id[16];
	const uint64_t ms = (uint64_t)utc_us / 1000;
	crypto_random(id, sizeof(id));
	for (int i = 0; i < 6; i++)
		id[i] = (uint8_t)(ms >> (8 * (5 - i)));
	id[6] = (uint8_t)(0x70 | (id[6] & 0x0f));
	id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
	char hex[33];
	hex_encode(id, sizeof(id), hex);
	snprintf(out, UUID_TEXT, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
		 hex + 20);
}

void random_token(char *out, size_t len)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	uint8_t bytes[TOKEN_BLOCK];
	size_t left = 0;
	for (size_t i = 0; i < len;) {
		if (!left) {
			crypto_random(bytes, sizeof(bytes));
			left = sizeof(bytes);
		}
		const uint8_t byte = bytes[--left];
		if (byte < 248) /* 4 * 62: every letter equally likely */
			out[i++] = letters[byte % 62];
	}
	OPENSSL_cleanse(bytes, sizeof(bytes));
	out[len] = '\0';
}
