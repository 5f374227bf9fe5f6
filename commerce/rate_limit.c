#include "commerce/rate_limit.h"

#include "server/core/alloc.h"
#include "server/core/map.h"

#include <errno.h>
#include <stdlib.h>

struct rate_limit {
	struct map buckets; /* name to struct token_bucket */
	unsigned rate;
	unsigned burst;
	int64_t next_sweep_us;
};

enum { SWEEP_US = 1000000 };

int rate_limit_create(struct rate_limit **out, unsigned rate, unsigned burst)
{
	if (!rate || !burst)
		return -EINVAL;
	struct rate_limit *limit = xcalloc(1, sizeof(*limit));
	map_init(&limit->buckets);
	limit->rate = rate;
	limit->burst = burst;
	*out = limit;
	return 0;
}

/* The level is the time at which all that was taken will have flowed off: `burst` tokens may be
 * ahead of now. */
int64_t token_bucket_take(struct token_bucket *bucket, unsigned rate, unsigned burst,
			  int64_t now_us)
{
	const int64_t step_us = 1000000 / (int64_t)rate;
	const int64_t level_us = bucket->level_us > now_us ? bucket->level_us : now_us;
	const int64_t wait_us = level_us + step_us - now_us - (int64_t)burst * step_us;
	if (wait_us > 0)
		return wait_us;
	bucket->level_us = level_us + step_us;
	return 0;
}

static void forget_full(struct rate_limit *limit, int64_t now_us)
{
	if (now_us < limit->next_sweep_us)
		return;
	limit->next_sweep_us = now_us + SWEEP_US;
	struct map_cursor cursor = { 0 };
	const void *key;
	size_t len;
	void *value;
	while (map_next(&limit->buckets, &cursor, &key, &len, &value)) {
		struct token_bucket *bucket = value;
		if (bucket->level_us > now_us)
			continue;
		map_remove(&limit->buckets, key, len);
		free(bucket);
	}
}

int64_t rate_limit_take(struct rate_limit *limit, const char *name, int64_t now_us)
{
	struct token_bucket *bucket = map_get_str(&limit->buckets, name);
	if (!bucket) {
		if (limit->buckets.count >= RATE_LIMIT_NAMES_MAX / 2)
			forget_full(limit, now_us);
		if (limit->buckets.count >= RATE_LIMIT_NAMES_MAX)
			return SWEEP_US;
		bucket = xcalloc(1, sizeof(*bucket));
		map_set_str(&limit->buckets, name, bucket);
	}
	return token_bucket_take(bucket, limit->rate, limit->burst, now_us);
}

size_t rate_limit_names(const struct rate_limit *limit)
{
	return limit->buckets.count;
}

void rate_limit_destroy(struct rate_limit *limit)
{
	if (!limit)
		return;
	map_free(&limit->buckets);
	free(limit);
}
