/*
 * Access tokens: JSON Web Tokens (RFC 7519, 8725), strictly. A key has exactly one algorithm, HS256
 * or ES256; what the token's header says only selects among keys of that algorithm. Any thread; a
 * key set is not changed once shared.
 */
#ifndef SOUK_CORE_JWT_H
#define SOUK_CORE_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	JWT_TOKEN_MAX = 4 * 1024,
	JWT_KEY_SIZE = 32,
	JWT_KEYS_MAX = 4, /* two during a rotation, of each kind */
	JWT_NAME_SIZE = 65,
	JWT_LEEWAY_S = 30,
};

/* Each includes those before it. */
enum jwt_role { JWT_VIEWER, JWT_MODERATOR, JWT_ASSISTANT, JWT_HOST, JWT_ADMIN };

const char *jwt_role_name(enum jwt_role role);

struct jwt_claims {
	char room[JWT_NAME_SIZE]; /* [A-Za-z0-9_-]{1,64}, or "*" for an admin */
	char sub[JWT_NAME_SIZE]; /* [A-Za-z0-9_.:-]{1,64} */
	enum jwt_role role;
	int64_t exp_s; /* UTC seconds */
	int64_t nbf_s; /* 0 when absent */
};

/* Whether the claims reach into this room. */
bool jwt_allows_room(const struct jwt_claims *claims, const char *room);
bool jwt_room_valid(const char *room); /* [A-Za-z0-9_-]{1,64} */
bool jwt_sub_valid(const char *sub);

struct jwt_keys;

int jwt_keys_create(struct jwt_keys **out) __attribute__((warn_unused_result));
/* -ENOBUFS when full; ES256: -EINVAL unless it is a PEM public key on P-256. */
int jwt_keys_add_hs256(struct jwt_keys *keys, const uint8_t key[JWT_KEY_SIZE])
	__attribute__((warn_unused_result));
int jwt_keys_add_es256(struct jwt_keys *keys, const char *pem, size_t len)
	__attribute__((warn_unused_result));
void jwt_keys_destroy(struct jwt_keys *keys); /* takes NULL */

/* 0; -EBADMSG malformed or claims out of form, -EACCES no key verifies it, -ETIME not valid now.
 * All of them are 401 to a client. */
int jwt_verify(const struct jwt_keys *keys, const char *token, size_t len, int64_t now_s,
	       struct jwt_claims *out) __attribute__((warn_unused_result));

/* HS256 token, the caller frees; NULL when the claims are out of form. */
char *jwt_sign(const uint8_t key[JWT_KEY_SIZE], const struct jwt_claims *claims)
	__attribute__((warn_unused_result));

/* DIR/jwt.key: 32 random bytes in base64url, mode 0600, made if missing; of several processes that
 * make it at once all get the same. -EINVAL when its content is not a key. */
int jwt_key_load_or_create(const char *dir, uint8_t key[JWT_KEY_SIZE])
	__attribute__((warn_unused_result));

#endif
