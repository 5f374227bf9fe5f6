#include "server/auth.h"

#include "server/core/addr.h"
#include "server/core/http_server.h"
#include "server/core/loop.h"
#include "tests/support/fake_clock.h"
#include "tests/support/loopback_client.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW_S = 1767225600 };

static struct fixture {
	uint8_t key[JWT_KEY_SIZE];
	struct jwt_keys *keys;
	struct auth_cache cache;
	bool query_too;
	/* What the server's handler found. */
	int found;
	struct jwt_claims claims;
} f;

static void setup(void)
{
	memset(&f, 0, sizeof(f));
	memset(f.key, 7, sizeof(f.key));
	cr_assert(eq(int, jwt_keys_create(&f.keys), 0));
	cr_assert(eq(int, jwt_keys_add_hs256(f.keys, f.key), 0));
	auth_init(&f.cache, f.keys);
}

static void teardown(void)
{
	auth_finish(&f.cache);
	jwt_keys_destroy(f.keys);
}

TestSuite(auth, .init = setup, .fini = teardown);

static char *token(const char *sub, int64_t nbf_s, int64_t exp_s)
{
	struct jwt_claims claims = { .room = "demo", .nbf_s = nbf_s, .exp_s = exp_s };
	snprintf(claims.sub, sizeof(claims.sub), "%s", sub);
	char *text = jwt_sign(f.key, &claims);
	cr_assert(ne(ptr, text, NULL));
	return text;
}

static int verify(const char *text, int64_t now_s)
{
	return auth_verify(&f.cache, text, strlen(text), now_s, &f.claims);
}

Test(auth, a_token_is_verified_once_and_expires_all_the_same)
{
	char *text = token("bob", 0, NOW_S + 60);
	cr_expect(eq(int, verify(text, NOW_S), 0));
	cr_expect(eq(sz, f.cache.claims.count, 1));
	cr_expect(eq(int, verify(text, NOW_S + 60), 0));
	cr_expect_str_eq(f.claims.sub, "bob");
	cr_expect(eq(sz, f.cache.claims.count, 1));
	cr_expect(eq(int, verify(text, NOW_S + 60 + JWT_LEEWAY_S), -EACCES));
	free(text);
}

Test(auth, a_remembered_token_is_not_valid_before_its_time)
{
	char *text = token("bob", NOW_S, NOW_S + 60);
	cr_expect(eq(int, verify(text, NOW_S), 0));
	cr_expect(eq(int, verify(text, NOW_S - JWT_LEEWAY_S - 1), -EACCES));
	free(text);
}

Test(auth, what_is_bad_is_not_remembered)
{
	char *text = token("bob", 0, NOW_S + 60);
	text[strlen(text) - 2] ^= 1;
	cr_expect(eq(int, verify(text, NOW_S), -EACCES));
	cr_expect(eq(int, verify("", NOW_S), -EACCES));
	cr_expect(eq(sz, f.cache.claims.count, 0));
	free(text);
	char giant[JWT_TOKEN_MAX + 2];
	memset(giant, 'a', sizeof(giant));
	cr_expect(eq(int, auth_verify(&f.cache, giant, sizeof(giant), NOW_S, &f.claims), -EACCES));
}

Test(auth, a_full_cache_starts_afresh)
{
	char name[32];
	for (int i = 0; i <= AUTH_CACHE_MAX; i++) {
		snprintf(name, sizeof(name), "viewer-%d", i);
		char *text = token(name, 0, NOW_S + 60);
		cr_assert(eq(int, verify(text, NOW_S), 0));
		free(text);
	}
	cr_expect(eq(sz, f.cache.claims.count, 1));
}

static void on_request(struct http_request *request, void *arg)
{
	(void)arg;
	f.found = auth_of_request(&f.cache, request, f.query_too, NOW_S, &f.claims);
	http_reply(request, 204, NULL, NULL, 0);
}

/* What auth_of_request() says about a request with this target and field. */
static int of_request(const char *target, const char *field)
{
	struct fake_clock fake;
	struct loop *loop;
	struct http_server *server;
	struct loopback_client client;
	char request[2048];
	const struct addr peer = { 0 };
	const struct http_server_opts opts = { .on_request = on_request };
	fake_clock_init(&fake);
	cr_assert(eq(int, loop_create(&loop, &fake.clock), 0));
	cr_assert(eq(int, http_server_create(&server, loop, &opts), 0));
	http_server_accept(server, loopback_client_open(&client), &peer, NULL);
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", target, field);
	f.found = -1000;
	loopback_client_text(&client, request);
	cr_assert(loopback_client_wait(&client, loop, "204"));
	loopback_client_close(&client);
	http_server_destroy(server);
	loop_destroy(loop);
	return f.found;
}

Test(auth, the_header_wins_and_the_query_counts_only_where_it_may)
{
	char *text = token("bob", 0, NOW_S + 60);
	char bearer[1024], spaced[1024], target[1024];
	snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s\r\n", text);
	snprintf(spaced, sizeof(spaced), "Authorization: bearer   %s\r\n", text);
	snprintf(target, sizeof(target), "/x?token=%s", text);
	cr_expect(eq(int, of_request("/x", ""), 0));
	cr_expect(eq(int, of_request("/x", bearer), 1));
	cr_expect(eq(int, of_request("/x", spaced), 1));
	cr_expect(eq(int, of_request(target, ""), 0), "not a place for tokens");
	f.query_too = true;
	cr_expect(eq(int, of_request(target, ""), 1));
	cr_expect_str_eq(f.claims.sub, "bob");
	cr_expect(eq(int, of_request("/x?token=bad", ""), -EACCES));
	cr_expect(eq(int, of_request("/x?token=", ""), -EACCES));
	cr_expect(eq(int, of_request("/x?token=bad", bearer), 1));
	cr_expect(eq(int, of_request(target, "Authorization: Bearer bad\r\n"), -EACCES));
	cr_expect(eq(int, of_request(target, "Authorization: Basic eDp5\r\n"), -EACCES));
	free(text);
}
