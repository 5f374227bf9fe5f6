/*
 * Token buckets, one a name (a `sub`): `rate` a second with a burst. Time is an argument. One
 * thread. Buckets that are full again are forgotten; at the cap of names a new one is refused only
 * if none can be forgotten.
 */
#ifndef SOUK_COMMERCE_RATE_LIMIT_H
#define SOUK_COMMERCE_RATE_LIMIT_H

#include <stddef.h>
#include <stdint.h>

enum { RATE_LIMIT_NAMES_MAX = 100000 };

struct rate_limit;

int rate_limit_create(struct rate_limit **out, unsigned rate, unsigned burst)
	__attribute__((warn_unused_result));

/* 0: taken. Otherwise the microseconds after which one will be free. */
int64_t rate_limit_take(struct rate_limit *limit, const char *name, int64_t now_us);

size_t rate_limit_names(const struct rate_limit *limit);
void rate_limit_destroy(struct rate_limit *limit); /* takes NULL */

/* One bucket, for who keeps it in its own object. */
struct token_bucket {
	int64_t level_us; /* the time at which it was, or will be, empty of debts */
};
int64_t token_bucket_take(struct token_bucket *bucket, unsigned rate, unsigned burst,
			  int64_t now_us);

#endif
