#include "server/auth.h"

#include "server/core/alloc.h"
#include "server/core/crypto.h"
#include "server/core/http_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void auth_init(struct auth_cache *cache, const struct jwt_keys *keys)
{
	cache->keys = keys;
	map_init(&cache->claims);
}

void auth_finish(struct auth_cache *cache)
{
	map_free(&cache->claims);
}

static bool valid_now(const struct jwt_claims *claims, int64_t now_s)
{
	return now_s < claims->exp_s + JWT_LEEWAY_S && now_s >= claims->nbf_s - JWT_LEEWAY_S;
}

static void remember(struct auth_cache *cache, const uint8_t *hash, const struct jwt_claims *claims)
{
	if (cache->claims.count >= AUTH_CACHE_MAX) {
		const struct jwt_keys *keys = cache->keys;
		auth_finish(cache);
		auth_init(cache, keys);
	}
	struct jwt_claims *kept = xcalloc(1, sizeof(*kept));
	*kept = *claims;
	free(map_set(&cache->claims, hash, SHA256_SIZE, kept));
}

int auth_verify(struct auth_cache *cache, const char *token, size_t len, int64_t now_s,
		struct jwt_claims *out)
{
	uint8_t hash[SHA256_SIZE];
	if (len > JWT_TOKEN_MAX)
		return -EACCES;
	crypto_sha256(token, len, hash);
	const struct jwt_claims *known = map_get(&cache->claims, hash, sizeof(hash));
	if (known) {
		*out = *known;
		return valid_now(known, now_s) ? 0 : -EACCES;
	}
	if (jwt_verify(cache->keys, token, len, now_s, out))
		return -EACCES;
	remember(cache, hash, out);
	return 0;
}

int auth_of_request(struct auth_cache *cache, const struct http_request *request, bool query_too,
		    int64_t now_s, struct jwt_claims *out)
{
	static const char scheme[] = "Bearer ";
	char query[JWT_TOKEN_MAX + 1];
	const char *token = NULL;
	const char *header = http_header(request, "Authorization");
	if (header) {
		if (strncasecmp(header, scheme, sizeof(scheme) - 1) != 0)
			return -EACCES;
		token = header + sizeof(scheme) - 1;
		token += strspn(token, " "); /* RFC 9110 §11.4: one or more */
	} else if (query_too) {
		const long len = http_query(request, "token", query, sizeof(query));
		if (len == -ENOENT)
			return 0;
		if (len < 0)
			return -EACCES;
		token = query;
	}
	if (!token)
		return 0;
	return auth_verify(cache, token, strlen(token), now_s, out) ? -EACCES : 1;
}
