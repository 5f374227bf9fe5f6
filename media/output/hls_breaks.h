/*
 * Which number a discontinuity has: one place decides for all renditions of a room, since players
 * take the same number for the same moment (RFC 8216bis §6.2.4). Renditions begin anew at different
 * times and not all for the same reasons; each time they ask here. One owner thread.
 */
#ifndef SOUK_MEDIA_HLS_BREAKS_H
#define SOUK_MEDIA_HLS_BREAKS_H

#include <stdbool.h>
#include <stdint.h>

/* Of the room. All zero at first. */
struct hls_breaks {
	uint64_t number; /* of the newest discontinuity that any rendition has */
	uint32_t epoch; /* the newest that any has */
	bool any;
};

/* How far a rendition is. All zero when it starts. */
struct hls_breaks_place {
	uint64_t number;
	uint32_t epoch;
	bool any;
};

/* No rendition runs, and one is about to: what comes is behind a discontinuity, with a number of
 * at least this. */
void hls_breaks_begin(struct hls_breaks *breaks, uint64_t number);

/* A rendition begins anew with frames of this epoch; its number is in `place` then. True: the
 * others do not come to that by themselves, hls_breaks_lacks() says which. */
bool hls_breaks_next(struct hls_breaks *breaks, struct hls_breaks_place *place, uint32_t epoch);

/* It has had frames of this epoch, or later, without what the room has had meanwhile. */
bool hls_breaks_lacks(const struct hls_breaks *breaks, const struct hls_breaks_place *place,
		      uint32_t epoch);

#endif
