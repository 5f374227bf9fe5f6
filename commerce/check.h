/*
 * Proof that a store keeps its promises: each row's sum, the hash chain over the commits, and the
 * invariants (stock adds up and never fell below 0, one order a key, limits kept, orders consistent
 * with their history, timelines without gaps). Reads one snapshot, also beside a running server;
 * changes nothing. Any thread; blocks.
 */
#ifndef SOUK_COMMERCE_CHECK_H
#define SOUK_COMMERCE_CHECK_H

#include <stdint.h>

struct store_check {
	/* One sentence a fault, naming the row; called as they are found. May be NULL. */
	void (*report)(void *arg, const char *fault);
	void *arg;
	/* Results. */
	uint64_t faults;
	uint64_t commits;
	uint64_t orders;
	uint64_t products;
	uint64_t movements;
	uint64_t events;
};

/* 0 when it could be read to the end (then see `faults`); -ENOENT without a store in `dir`,
 * -EACCES; -EIO when it cannot be read (reported, counted as a fault). */
int store_check(struct store_check *check, const char *dir) __attribute__((warn_unused_result));

#endif
