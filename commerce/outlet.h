/*
 * How commerce reaches the outside: the server implements this table and passes it down. Calls are
 * made on the control thread.
 */
#ifndef SOUK_COMMERCE_OUTLET_H
#define SOUK_COMMERCE_OUTLET_H

#include <stdint.h>

struct buf;

/* One durable timeline event, rendered once as a complete live message (docs/api.md). Messages that
 * are no timeline events (order.sum) have neither seq nor at_us. Everything is valid during the
 * call; keep the message with buf_ref(). */
struct outlet_event {
	const char *room;
	uint64_t seq; /* 0: not a timeline event */
	int64_t at_us; /* capture time at which it applies; 0: at once */
	const char *type; /* "product.pin" */
	struct buf *message;
};

struct outlet_ops {
	void (*event)(void *arg, const struct outlet_event *event);
};

struct outlet {
	const struct outlet_ops *ops;
	void *arg;
};

#endif
