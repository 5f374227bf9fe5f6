/*
 * Buyers who place orders at a total rate that does not wait for the server: an order's time counts
 * from the moment it was due. An order whose outcome is unknown is sent again under its key until
 * it is acknowledged. How an order travels is the carrier's (buyer.h). Owner thread: the scene's
 * loop.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_BUYERS_H
#define SOUK_LOAD_TESTS_SWARM_BUYERS_H

#include "load-tests/swarm/histogram.h"

#include <stdbool.h>

struct buyers;
struct scene;

enum { BUYERS_STATUSES = 600 };

struct order_figures {
	uint64_t issued; /* keys */
	uint64_t acknowledged; /* 201 */
	uint64_t refused; /* another final status */
	uint64_t sent_again;
	uint64_t replayed; /* 201 with Idempotency-Replayed; HTTP alone tells */
	uint64_t lost_connections; /* outcome unknown */
	uint64_t buyers_ready; /* have a token and a way to order */
	uint64_t statuses[BUYERS_STATUSES]; /* of orders, by HTTP status */
	struct histogram latency; /* of the acknowledged */
};

/* Reads the options' tokens or asks for guests at once; the first order is due when all buyers are
 * ready. -errno when a file cannot be opened. */
int buyers_create(struct buyers **out, struct scene *scene) __attribute__((warn_unused_result));

/* No new orders; those under way go on. */
void buyers_stop(struct buyers *buyers);
bool buyers_idle(const struct buyers *buyers); /* none is under way */

const struct order_figures *buyers_figures(const struct buyers *buyers);
void buyers_destroy(struct buyers *buyers); /* takes NULL */

#endif
