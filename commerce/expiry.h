/* Reserved orders by the time their hold ends: a binary heap. Control thread. */
#ifndef SOUK_COMMERCE_EXPIRY_H
#define SOUK_COMMERCE_EXPIRY_H

#include <stddef.h>
#include <stdint.h>

struct order;

struct expiry {
	struct order **heap;
	size_t count;
	size_t size;
};

void expiry_add(struct expiry *expiry, struct order *order);
void expiry_remove(struct expiry *expiry, struct order *order); /* also when it is not in it */
struct order *expiry_first(const struct expiry *expiry); /* NULL when empty */
void expiry_finish(struct expiry *expiry);

#endif
