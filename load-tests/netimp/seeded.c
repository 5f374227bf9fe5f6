#include "load-tests/netimp/seeded.h"

static uint64_t next(struct seeded *seeded)
{
	/* Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (OOPSLA 2014), mix64.
	 */
	uint64_t z = seeded->state += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void seeded_init(struct seeded *seeded, uint64_t seed, uint64_t stream)
{
	seeded->state = stream;
	seeded->state = next(seeded) ^ seed;
	/* Neighbouring seeds shall not start with neighbouring states. */
	seeded->state = next(seeded);
}

double seeded_unit(struct seeded *seeded)
{
	return (double)(next(seeded) >> 11) * 0x1p-53;
}
