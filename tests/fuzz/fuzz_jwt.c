/*
 * Tokens. The input is judged as it is, and again as header and payload under a good signature, so
 * that the fuzzer gets past the MAC. What passes must have claims in form.
 */
#include "server/core/crypto.h"
#include "server/core/jwt.h"

#include <stdlib.h>
#include <string.h>

enum { NOW_S = 1800000000, PART_MAX = 1500 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct jwt_claims *claims)
{
	const bool everywhere = !strcmp(claims->room, "*");
	if (!jwt_sub_valid(claims->sub) || (!everywhere && !jwt_room_valid(claims->room)) ||
	    (everywhere && claims->role != JWT_ADMIN) || claims->exp_s + JWT_LEEWAY_S <= NOW_S)
		abort();
}

static size_t sign(const uint8_t *data, size_t len, const uint8_t key[JWT_KEY_SIZE], char *token)
{
	const uint8_t *split = memchr(data, '\n', len);
	const size_t header_len = split ? (size_t)(split - data) : 0;
	const uint8_t *payload = split ? split + 1 : data;
	base64url_encode(data, header_len, token);
	strcat(token, ".");
	base64url_encode(payload, (size_t)(data + len - payload), token + strlen(token));
	uint8_t mac[SHA256_SIZE];
	crypto_hmac_sha256(key, JWT_KEY_SIZE, token, strlen(token), mac);
	strcat(token, ".");
	base64url_encode(mac, sizeof(mac), token + strlen(token));
	return strlen(token);
}

/* Reading a PEM key costs as much as a thousand tokens: the keys are made once. */
static struct jwt_keys *keys_of(const uint8_t key[JWT_KEY_SIZE])
{
	static const char pem[] =
		"-----BEGIN PUBLIC KEY-----\n"
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
		"6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
		"-----END PUBLIC KEY-----\n";
	static struct jwt_keys *keys;
	if (keys)
		return keys;
	if (jwt_keys_create(&keys) || jwt_keys_add_hs256(keys, key) ||
	    jwt_keys_add_es256(keys, pem, strlen(pem)))
		abort();
	return keys;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t key[JWT_KEY_SIZE] = { 7 };
	const struct jwt_keys *keys = keys_of(key);
	struct jwt_claims claims;
	if (!jwt_verify(keys, (const char *)data, len, NOW_S, &claims))
		check(&claims);
	if (len <= PART_MAX) {
		char token[PART_MAX * 2 + 100];
		const size_t token_len = sign(data, len, key, token);
		if (!jwt_verify(keys, token, token_len, NOW_S, &claims))
			check(&claims);
	}
	return 0;
}
