/*
 * Seeded random numbers (splitmix64): the same seed and stream give the same numbers on every
 * machine. Each decision about packets draws from a stream of its own, so that switching one
 * impairment on does not change what another does. A value; one thread.
 */
#ifndef SOUK_LOAD_TESTS_NETIMP_SEEDED_H
#define SOUK_LOAD_TESTS_NETIMP_SEEDED_H

#include <stdbool.h>
#include <stdint.h>

struct seeded {
	uint64_t state;
};

void seeded_init(struct seeded *seeded, uint64_t seed, uint64_t stream);
double seeded_unit(struct seeded *seeded); /* 0 <= x < 1 */

/* Draws in every case: the n-th packet's fate does not depend on earlier settings. */
static inline bool seeded_chance(struct seeded *seeded, double probability)
{
	return seeded_unit(seeded) < probability;
}

#endif
