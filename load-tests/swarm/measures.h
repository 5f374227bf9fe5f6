/*
 * What a run measures, by the kind of client that saw it. The tables of names are what the report
 * and the plots are made from. One thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_MEASURES_H
#define SOUK_LOAD_TESTS_SWARM_MEASURES_H

#include "load-tests/swarm/series.h"

#include <stdbool.h>

enum client_kind { CLIENT_WHEP, CLIENT_FLV, CLIENT_WS, CLIENT_BUYER, CLIENT_HOST, CLIENT_KINDS };

enum measure {
	MEASURE_JOIN, /* request to first picture */
	MEASURE_LOSS, /* share of packets that never came, by viewer and second */
	MEASURE_FREEZE, /* share of the second that a viewer's picture stood still */
	MEASURE_SPREAD, /* of one frame: first to last viewer, when it begins to come, */
	MEASURE_WHOLE_SPREAD, /* and when all of it is there */
	MEASURE_AGE, /* of a frame: capture to arrival of its last packet */
	MEASURE_ADDED, /* host's last packet of it to the viewer's last */
	MEASURE_EVENT, /* capture time of the picture that an event came with, less its own */
	MEASURE_EVENT_DELAY, /* how long after its time an event was here */
	MEASURE_ORDER, /* due to acknowledged */
	MEASURE_CONNECT, /* request to DTLS done */
	MEASURE_FRAME, /* request to first whole frame */
	MEASURE_REFUSAL, /* request to 503 */
	MEASURES
};

struct measure_name {
	const char *id; /* of the JSON member */
	const char *title;
	bool share; /* parts per million, shown as percent; else time, shown in ms */
};
extern const struct measure_name measure_names[MEASURES];
extern const char *const client_names[CLIENT_KINDS]; /* "whep", … */

struct measures {
	struct series of[CLIENT_KINDS][MEASURES];
};

static inline void measure(struct measures *measures, enum client_kind kind, enum measure what,
			   int64_t value)
{
	series_add(&measures->of[kind][what], value);
}

void measures_turn(struct measures *measures, double at_s);
void measures_finish(struct measures *measures);

#endif
