/*
 * A room's ordered log of events with gap-free numbers. Keeps the last 10,000 events, and older
 * ones never more than a day after their time. Control thread.
 */
#ifndef SOUK_COMMERCE_TIMELINE_H
#define SOUK_COMMERCE_TIMELINE_H

#include "commerce/row.h"
#include "server/core/json.h"

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct room;
struct transaction;

enum { TIMELINE_EVENTS_MAX = 10000 };
#define TIMELINE_KEEP_US (INT64_C(24) * 3600 * 1000000)

struct timeline_event {
	int64_t stored_us;
	struct buf *message; /* complete live message */
};

struct timeline {
	uint64_t seq; /* of the last event ever; 0 when none */
	struct timeline_event *ring; /* by seq modulo size */
	size_t size; /* a power of two */
	size_t count; /* kept: seq - count + 1 … seq */
};

/* Appends an event of the type (a literal) that applies at `at_us`; takes the reference of `data`.
 * It is stored with the transaction and sent after it. The message belongs to the timeline. */
struct buf *timeline_append(struct transaction *tx, struct room *room, const char *type,
			    int64_t at_us, json_t *data);

/* Loading: rows come in the order of their seq. -EUCLEAN when there is a gap. */
int timeline_load(struct timeline *timeline, const char *room, const struct event_row *row);

/* The event, or NULL if it is not kept. */
struct buf *timeline_message(const struct timeline *timeline, uint64_t seq);

/* Whether all events after this one are kept. */
bool timeline_covers(const struct timeline *timeline, uint64_t after);

void timeline_finish(struct timeline *timeline);

#endif
