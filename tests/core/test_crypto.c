#include "server/core/crypto.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>

Test(crypto, sha256_of_abc_is_the_published_one)
{
	uint8_t digest[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	crypto_sha256("abc", 3, digest); /* FIPS 180-2 B.1 */
	hex_encode(digest, sizeof(digest), hex);
	cr_assert(eq(str, hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

Test(crypto, hmac_sha256_is_rfc_4231_case_2)
{
	uint8_t mac[SHA256_SIZE];
	char hex[2 * SHA256_SIZE + 1];
	crypto_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac);
	hex_encode(mac, sizeof(mac), hex);
	cr_assert(eq(str, hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
}

static const struct {
	const char *plain, *padded, *url;
} rows[] = {
	/* RFC 4648 §10, and two bytes that need the other alphabet */
	{ "", "", "" },
	{ "f", "Zg==", "Zg" },
	{ "fo", "Zm8=", "Zm8" },
	{ "foo", "Zm9v", "Zm9v" },
	{ "foob", "Zm9vYg==", "Zm9vYg" },
	{ "\xfb\xff", "+/8=", "-_8" },
};

Test(crypto, base64_of_both_alphabets_there_and_back)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[16];
		uint8_t back[16];
		const size_t len = strlen(rows[i].plain);
		base64_encode(rows[i].plain, len, text);
		cr_assert(eq(str, text, (char *)rows[i].padded));
		cr_assert(eq(long, base64_decode(text, strlen(text), back, 16), (long)len));
		base64url_encode(rows[i].plain, len, text);
		cr_assert(eq(str, text, (char *)rows[i].url));
		cr_assert(eq(long, base64url_decode(text, strlen(text), back, 16), (long)len));
		cr_assert(eq(int, memcmp(back, rows[i].plain, len), 0));
	}
}

Test(crypto, base64url_has_one_spelling_a_value)
{
	uint8_t out[8];
	cr_assert(eq(long, base64url_decode("Zh", 2, out, 8), -EINVAL), "spare bits set");
	cr_assert(eq(long, base64url_decode("Zg==", 4, out, 8), -EINVAL), "padding");
	cr_assert(eq(long, base64url_decode("Z", 1, out, 8), -EINVAL), "impossible length");
	cr_assert(eq(long, base64url_decode("Zm9v", 4, out, 2), -EINVAL),
		  "too long for the caller");
	cr_assert(eq(long, base64url_decode("Zm\0v", 4, out, 8), -EINVAL), "NUL");
}

Test(crypto, tokens_are_of_letters_and_digits_each_as_likely_as_the_others)
{
	enum { LEN = 62 * 500 };
	static char token[LEN + 1];
	int count[256] = { 0 };
	random_token(token, LEN);
	cr_assert(eq(sz, strlen(token), LEN));
	for (size_t i = 0; i < LEN; i++)
		count[(uint8_t)token[i]]++;
	int kinds = 0;
	for (int letter = 0; letter < 256; letter++) {
		kinds += count[letter] > 0;
		cr_assert(eq(int, count[letter] > 0, isalnum(letter) != 0));
		/* 500 on average, a deviation of 22: never by chance */
		if (count[letter])
			cr_assert(count[letter] > 250 && count[letter] < 750);
	}
	cr_assert(eq(int, kinds, 62));
}

Test(crypto, tokens_of_any_length_end_where_they_should)
{
	char token[80];
	for (size_t len = 0; len < sizeof(token) - 1; len++) {
		memset(token, 0x21, sizeof(token));
		random_token(token, len);
		cr_assert(eq(sz, strlen(token), len));
		cr_assert(eq(int, token[len + 1], (int)0x21));
	}
}

Test(crypto, uuid7_carries_its_time_and_version)
{
	char id[UUID_TEXT];
	uuid7(0x0192f3a0b1c2 * 1000LL, id);
	cr_assert(eq(int, strncmp(id, "0192f3a0-b1c2-7", 15), 0));
	cr_assert(strchr("89ab", id[19]) != NULL);
}
