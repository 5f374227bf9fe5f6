/*
 * What a viewer that decrypts sees: packets put in order, access units read to their slice headers,
 * and the same figures as the cheap counting by headers has (loss, frames, freezes), so that a run
 * proves the one by the other. One owner.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_FULL_VIEW_H
#define SOUK_LOAD_TESTS_SWARM_FULL_VIEW_H

#include "load-tests/swarm/freeze.h"
#include "load-tests/swarm/h264_units.h"
#include "media/rtp/rtp_reorder.h"

struct full_view {
	struct rtp_reorder reorder;
	struct h264_units units;
	struct freeze freeze;
	int64_t now_us;
	int64_t first_key_us; /* when the first keyframe was whole; 0: not yet */
};

void full_view_create(struct full_view **out);
/* A decrypted packet of the video. */
void full_view_packet(struct full_view *view, const uint8_t *packet, size_t len, int64_t now_us);
/* Gives up what has been missing for too long. */
void full_view_tick(struct full_view *view, int64_t now_us);
/* Packets given up or still missing. */
uint64_t full_view_lost(const struct full_view *view);
void full_view_destroy(struct full_view *view); /* takes NULL */

#endif
