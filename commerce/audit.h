/*
 * The invariants of a store, proved by reading every row once, table by table in the order of enum
 * row_table, and following each order and each movement of stock from the first to the last. One
 * thread.
 */
#ifndef SOUK_COMMERCE_AUDIT_H
#define SOUK_COMMERCE_AUDIT_H

#include "commerce/row.h"
#include "server/core/map.h"

struct audit {
	void (*fault)(void *arg, const char *format, ...) __attribute__((format(printf, 2, 3)));
	void *arg;
	struct map rooms; /* rid to struct audit_room */
	struct map products; /* pid to struct audit_product */
	struct map orders; /* id to struct audit_order */
	struct map tallies; /* "pid sub" to int64_t: pieces that count against a limit */
	struct map keys; /* "room sub key" to int64_t: time it was bound */
	int64_t movements;
};

void audit_init(struct audit *audit);
void audit_row(struct audit *audit, enum row_table table, const void *row);
/* What can be said only when all rows were read. */
void audit_end(struct audit *audit);
void audit_finish(struct audit *audit);

#endif
