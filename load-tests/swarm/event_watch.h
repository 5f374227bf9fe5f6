/*
 * One viewer's events against its pictures, as a client applies them (docs/api.md section 5.2): at
 * the first picture with capture_us >= at_us, at once when that has passed. The error is how much
 * later than the event its picture was captured: below one frame when the event was in time. Also
 * whether `seq` is gap-free. Zeroed is empty. One owner.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_EVENT_WATCH_H
#define SOUK_LOAD_TESTS_SWARM_EVENT_WATCH_H

#include "load-tests/swarm/message_book.h"

enum { EVENT_WATCH_MAX = 32 };

struct event_watch {
	int64_t capture_us; /* newest picture; 0: none */
	int64_t seq; /* newest event; 0: none yet */
	uint64_t events, gaps;
	unsigned waiting;
	int64_t at_us[EVENT_WATCH_MAX]; /* waiting for their picture */
};

/* Called with each error that became known. */
struct event_report {
	void (*error)(void *arg, int64_t error_us);
	void *arg;
};

void event_watch_item(struct event_watch *watch, const struct live_item *item,
		      const struct event_report *report);
void event_watch_picture(struct event_watch *watch, int64_t capture_us,
			 const struct event_report *report);

#endif
