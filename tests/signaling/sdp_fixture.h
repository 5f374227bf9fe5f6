/*
 * What the tests of session descriptions share: the real offers of tests/data/sdp, our side of a
 * negotiation, and comparison with golden files (SOUK_GOLDEN_UPDATE=1 writes them anew).
 */
#ifndef SOUK_TESTS_SIGNALING_SDP_FIXTURE_H
#define SOUK_TESTS_SIGNALING_SDP_FIXTURE_H

#include "server/core/bytes.h"
#include "signaling/sdp_agreement.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline FILE *sdp_file(const char *name, const char *mode)
{
	char path[512];
	const char *data = getenv("SOUK_TEST_DATA");
	snprintf(path, sizeof(path), "%s/sdp/%s", data ? data : "tests/data", name);
	FILE *file = fopen(path, mode);
	cr_assert(ne(ptr, file, NULL), "%s", path);
	return file;
}

/* The text of a file, NUL-terminated; the caller frees. */
static inline char *sdp_load(const char *name)
{
	char *text = calloc(1, SDP_SIZE_MAX + 1);
	FILE *file = sdp_file(name, "r");
	cr_assert(gt(sz, fread(text, 1, SDP_SIZE_MAX, file), 0));
	fclose(file);
	return text;
}

static inline struct sdp *sdp_must_parse(const char *text)
{
	struct sdp_error error;
	struct sdp *sdp = NULL;
	cr_assert(eq(int, sdp_parse(&sdp, text, strlen(text), &error), 0), "%s", error.detail);
	return sdp;
}

static inline struct sdp *sdp_load_parsed(const char *name)
{
	char *text = sdp_load(name);
	struct sdp *sdp = sdp_must_parse(text);
	free(text);
	return sdp;
}

/* The text with the first `from` replaced by `to`; the caller frees. */
static inline char *sdp_replace(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	cr_assert(ne(ptr, (void *)at, NULL), "no %s", from);
	char *out = calloc(1, strlen(text) + strlen(to) + 1);
	sprintf(out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	return out;
}

static inline struct sdp_local sdp_test_local(void)
{
	static struct addr candidates[2];
	cr_assert(eq(int, addr_set(&candidates[0], "127.0.0.1", 40000), 0));
	cr_assert(eq(int, addr_set(&candidates[1], "2001:db8::1", 40000), 0));
	struct sdp_local local = {
		.id = 4611686018427387904u,
		.ufrag = "srvUfrag",
		.video_ssrc = 1001,
		.repair_ssrc = 1002,
		.pwd = "serverPasswordOf24Chars+",
		.candidates = candidates,
		.candidate_count = 2,
	};
	for (unsigned i = 0; i < SHA256_SIZE; i++)
		local.fingerprint[i] = (uint8_t)(i * 7);
	return local;
}

static inline void sdp_assert_golden(struct bytes *text, const char *name)
{
	cr_assert(bytes_ok(text));
	if (getenv("SOUK_GOLDEN_UPDATE")) {
		FILE *file = sdp_file(name, "w");
		fwrite(text->data, 1, text->len, file);
		fclose(file);
	}
	char *golden = sdp_load(name);
	cr_assert(eq(str, (char *)bytes_string(text), golden), "%s", name);
	free(golden);
}

#endif
