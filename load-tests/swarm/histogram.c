#include "load-tests/swarm/histogram.h"

enum { PART_BITS = 6 };

/* Below 64 us each has its own bucket; above, the power of two and the six bits behind its top. */
static unsigned bucket_of(uint64_t us)
{
	if (us < HISTOGRAM_PARTS)
		return (unsigned)us;
	const unsigned shift = 63u - (unsigned)__builtin_clzll(us) - PART_BITS;
	const unsigned bucket =
		(shift + 1) * HISTOGRAM_PARTS + (unsigned)(us >> shift) - HISTOGRAM_PARTS;
	return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

static int64_t upper_end(unsigned bucket)
{
	if (bucket < HISTOGRAM_PARTS)
		return bucket;
	const unsigned shift = bucket / HISTOGRAM_PARTS - 1;
	return (int64_t)(bucket % HISTOGRAM_PARTS + HISTOGRAM_PARTS + 1) << shift;
}

void histogram_add(struct histogram *histogram, int64_t us)
{
	us = us < 0 ? 0 : us;
	histogram->count++;
	histogram->max_us = us > histogram->max_us ? us : histogram->max_us;
	histogram->buckets[bucket_of((uint64_t)us)]++;
}

int64_t histogram_percentile(const struct histogram *histogram, double percent)
{
	const double wanted = (double)histogram->count * percent / 100;
	uint64_t seen = 0;
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (histogram->buckets[i] && (double)seen >= wanted) {
			const int64_t end = upper_end(i);
			return end < histogram->max_us ? end : histogram->max_us;
		}
	}
	return 0;
}
