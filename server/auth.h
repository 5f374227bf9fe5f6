/*
 * Who is asking: the token of a request, verified once and then remembered by its hash. One cache a
 * worker; worker's thread.
 */
#ifndef SOUK_SERVER_AUTH_H
#define SOUK_SERVER_AUTH_H

#include "server/core/jwt.h"
#include "server/core/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_request;

enum { AUTH_CACHE_MAX = 10000 }; /* tokens; when full the cache starts afresh */

struct auth_cache {
	const struct jwt_keys *keys;
	struct map claims; // SHA-256 of the token -> struct jwt_claims
};

void auth_init(struct auth_cache *cache, const struct jwt_keys *keys);
void auth_finish(struct auth_cache *cache);

/* 0, or -EACCES when it is bad in any way or not valid now. */
int auth_verify(struct auth_cache *cache, const char *token, size_t len, int64_t now_s,
		struct jwt_claims *out) __attribute__((warn_unused_result));

/* The token of `Authorization: Bearer`, or of `?token=` where `query_too`. 1 and claims; 0: there
 * is none; -EACCES: there is one and it is bad. */
int auth_of_request(struct auth_cache *cache, const struct http_request *request, bool query_too,
		    int64_t now_s, struct jwt_claims *out) __attribute__((warn_unused_result));

#endif
