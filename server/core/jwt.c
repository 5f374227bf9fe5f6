#include "server/core/jwt.h"

#include "server/core/alloc.h"
#include "server/core/bytes.h"
#include "server/core/crypto.h"
#include "server/core/crypto_es256.h"
#include "server/core/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEADER_MAX = 1024 };

/* 9999-12-31; keeps sums with the leeway far from overflow */
static const int64_t time_max_s = INT64_C(253402300799);

struct jwt_keys {
	uint8_t hs256[JWT_KEYS_MAX][JWT_KEY_SIZE];
	size_t hs256_count;
	struct es256_key *es256[JWT_KEYS_MAX];
	size_t es256_count;
};

static const char *const role_names[] = {
	[JWT_VIEWER] = "viewer", [JWT_MODERATOR] = "moderator", [JWT_ASSISTANT] = "assistant",
	[JWT_HOST] = "host",     [JWT_ADMIN] = "admin",
};

const char *jwt_role_name(enum jwt_role role)
{
	return role_names[role];
}

static int parse_role(const char *name, enum jwt_role *out)
{
	for (size_t i = 0; i < sizeof(role_names) / sizeof(role_names[0]); i++) {
		if (strcmp(name, role_names[i]) != 0)
			continue;
		*out = (enum jwt_role)i;
		return 0;
	}
	return -EINVAL;
}

static bool is_name(const char *text, const char *extra)
{
	size_t len = 0;
	for (; text[len]; len++) {
		const char c = text[len];
		const bool alnum =
			(c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!alnum && !strchr(extra, c))
			return false;
	}
	return len > 0 && len < JWT_NAME_SIZE;
}

bool jwt_room_valid(const char *room)
{
	return is_name(room, "_-");
}

bool jwt_sub_valid(const char *sub)
{
	return is_name(sub, "_.:-");
}

bool jwt_allows_room(const struct jwt_claims *claims, const char *room)
{
	const bool everywhere = !strcmp(claims->room, "*") && claims->role == JWT_ADMIN;
	return everywhere || !strcmp(claims->room, room);
}

int jwt_keys_create(struct jwt_keys **out)
{
	*out = xcalloc(1, sizeof(**out));
	return 0;
}

int jwt_keys_add_hs256(struct jwt_keys *keys, const uint8_t key[JWT_KEY_SIZE])
{
	if (keys->hs256_count == JWT_KEYS_MAX)
		return -ENOBUFS;
	memcpy(keys->hs256[keys->hs256_count++], key, JWT_KEY_SIZE);
	return 0;
}

int jwt_keys_add_es256(struct jwt_keys *keys, const char *pem, size_t len)
{
	if (keys->es256_count == JWT_KEYS_MAX)
		return -ENOBUFS;
	const int err = es256_key_create(&keys->es256[keys->es256_count], pem, len);
	if (!err)
		keys->es256_count++;
	return err;
}

void jwt_keys_destroy(struct jwt_keys *keys)
{
	if (!keys)
		return;
	for (size_t i = 0; i < keys->es256_count; i++)
		es256_key_destroy(keys->es256[i]);
	explicit_bzero(keys->hs256, sizeof(keys->hs256));
	free(keys);
}

enum algorithm { NO_ALGORITHM, HS256, ES256 };

/* RFC 8725 §3.1: the algorithm is ours to allow; keys are never fetched or taken from the token
 * (§3.5), and an extension marked critical is one that we do not know (RFC 7515 §4.1.11). */
static enum algorithm read_header(const char *text, size_t len)
{
	static const char *const refused[] = { "crit", "jku", "jwk", "x5u", "x5c" };
	uint8_t decoded[HEADER_MAX];
	const long decoded_len = base64url_decode(text, len, decoded, sizeof(decoded));
	json_t *header = decoded_len > 0 ? json_parse(decoded, (size_t)decoded_len) : NULL;
	const char *name = json_string_value(json_object_get(header, "alg"));
	const json_t *type = json_object_get(header, "typ");
	enum algorithm algorithm = NO_ALGORITHM;
	if (name && !strcmp(name, "HS256"))
		algorithm = HS256;
	else if (name && !strcmp(name, "ES256"))
		algorithm = ES256;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (json_object_get(header, refused[i]))
			algorithm = NO_ALGORITHM;
	if (type && (!json_is_string(type) || strcasecmp(json_string_value(type), "JWT") != 0))
		algorithm = NO_ALGORITHM;
	json_decref(header);
	return algorithm;
}

static bool verified(const struct jwt_keys *keys, enum algorithm algorithm, const char *token,
		     size_t signed_len, const uint8_t *signature, size_t signature_len)
{
	bool valid = false;
	if (algorithm == HS256 && signature_len == SHA256_SIZE) {
		for (size_t i = 0; i < keys->hs256_count; i++) {
			uint8_t expected[SHA256_SIZE];
			crypto_hmac_sha256(keys->hs256[i], JWT_KEY_SIZE, token, signed_len,
					   expected);
			valid |= crypto_equal(expected, signature, SHA256_SIZE);
		}
	}
	if (algorithm == ES256 && signature_len == ES256_SIGNATURE_SIZE)
		for (size_t i = 0; i < keys->es256_count && !valid; i++)
			valid = es256_verify(keys->es256[i], token, signed_len, signature);
	return valid;
}

static bool claims_valid(const struct jwt_claims *claims)
{
	if (!jwt_sub_valid(claims->sub))
		return false;
	if (!strcmp(claims->room, "*"))
		return claims->role == JWT_ADMIN;
	return jwt_room_valid(claims->room);
}

/* RFC 7519 §2, NumericDate: it may have a fraction, as Python's time.time() has. */
static int64_t read_date(struct json_reader *reader, const json_t *payload, const char *name)
{
	const json_t *value = json_object_get(payload, name);
	const double seconds = json_real_value(value);
	if (!json_is_real(value))
		return json_int_or(reader, name, 0, time_max_s, 0);
	reader->bad = reader->bad || seconds < 0 || seconds > (double)time_max_s;
	return reader->bad ? 0 : (int64_t)seconds;
}

static int read_claims(const char *text, size_t len, struct jwt_claims *out)
{
	uint8_t decoded[JWT_TOKEN_MAX];
	const long decoded_len = base64url_decode(text, len, decoded, sizeof(decoded));
	json_t *payload = decoded_len > 0 ? json_parse(decoded, (size_t)decoded_len) : NULL;
	struct json_reader reader;
	json_reader_init(&reader, payload);
	struct jwt_claims claims = { .exp_s = read_date(&reader, payload, "exp"),
				     .nbf_s = read_date(&reader, payload, "nbf") };
	const char *room = json_string_of(&reader, "room", 1, JWT_NAME_SIZE - 1);
	const char *sub = json_string_of(&reader, "sub", 1, JWT_NAME_SIZE - 1);
	const char *role = json_string_of(&reader, "role", 1, JWT_NAME_SIZE - 1);
	int err = -EBADMSG;
	if (!reader.bad && claims.exp_s && room && sub && role && !parse_role(role, &claims.role)) {
		memcpy(claims.room, room, strlen(room) + 1); /* fits: json_string_of() */
		memcpy(claims.sub, sub, strlen(sub) + 1);
		err = claims_valid(&claims) ? 0 : -EBADMSG;
	}
	json_decref(payload);
	if (!err)
		*out = claims;
	return err;
}

int jwt_verify(const struct jwt_keys *keys, const char *token, size_t len, int64_t now_s,
	       struct jwt_claims *out)
{
	if (len > JWT_TOKEN_MAX)
		return -EBADMSG;
	const char *payload = memchr(token, '.', len);
	if (!payload)
		return -EBADMSG;
	payload++;
	const char *mark = memchr(payload, '.', len - (size_t)(payload - token));
	if (!mark)
		return -EBADMSG;
	const size_t signed_len = (size_t)(mark - token);
	uint8_t signature[ES256_SIGNATURE_SIZE];
	const long signature_len =
		base64url_decode(mark + 1, len - signed_len - 1, signature, sizeof(signature));
	if (signature_len < 0)
		return -EBADMSG;
	const enum algorithm algorithm = read_header(token, (size_t)(payload - 1 - token));
	if (!verified(keys, algorithm, token, signed_len, signature, (size_t)signature_len))
		return -EACCES;
	struct jwt_claims claims;
	const int err = read_claims(payload, (size_t)(mark - payload), &claims);
	if (err)
		return err;
	if (now_s >= claims.exp_s + JWT_LEEWAY_S || now_s < claims.nbf_s - JWT_LEEWAY_S)
		return -ETIME;
	*out = claims;
	return 0;
}

static void put_base64url(struct bytes *out, const void *data, size_t len)
{
	char text[1024];
	base64url_encode(data, len, text);
	bytes_text(out, text);
}

char *jwt_sign(const uint8_t key[JWT_KEY_SIZE], const struct jwt_claims *claims)
{
	static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	if (!claims_valid(claims) || claims->exp_s < 1 || claims->exp_s > time_max_s)
		return NULL;
	/* The names need no escaping: claims_valid() has seen to that. */
	struct bytes payload;
	bytes_init(&payload, 512);
	bytes_printf(&payload, "{\"room\":\"%s\",\"role\":\"%s\",\"sub\":\"%s\",\"exp\":%" PRId64,
		     claims->room, jwt_role_name(claims->role), claims->sub, claims->exp_s);
	if (claims->nbf_s)
		bytes_printf(&payload, ",\"nbf\":%" PRId64, claims->nbf_s);
	bytes_text(&payload, "}");
	struct bytes token;
	bytes_init(&token, JWT_TOKEN_MAX);
	put_base64url(&token, header, sizeof(header) - 1);
	bytes_text(&token, ".");
	put_base64url(&token, payload.data, payload.len);
	uint8_t mac[SHA256_SIZE];
	crypto_hmac_sha256(key, JWT_KEY_SIZE, token.data, token.len, mac);
	bytes_text(&token, ".");
	put_base64url(&token, mac, sizeof(mac));
	char *text = xstrdup(bytes_string(&token));
	bytes_finish(&payload);
	bytes_finish(&token);
	return text;
}
