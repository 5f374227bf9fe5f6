/*
 * No picture is sent until the queue on the path is gone, which one that was far too much has left;
 * sound goes on. A report leaves behind the last picture: when its echo is here, so has everything
 * before it come through, and how long that took tells how narrow the path is. One owner.
 */
#ifndef SOUK_MEDIA_RTP_PATH_DRAIN_H
#define SOUK_MEDIA_RTP_PATH_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

struct path_drain {
	int64_t since_us; /* 0: pictures are sent */
	int64_t unheard_us; /* a report that was sent then has not come through; 0: it has */
	uint64_t sent_bps; /* had been, with sound */
	bool light; /* too little for a queue to be full of it; */
	bool stilled; /* else one keyframe is shown meanwhile */
	int64_t queue_us; /* how long the queue was, when it is known to be gone; 0: not yet */
	int64_t emptied_us; /* the last time that it was; 0: never */
};

/* Pictures of so many bits a second were sent. `queued`: behind a queue that they have not made. */
void path_drain_begin(struct path_drain *drain, uint64_t picture_bps, bool queued, int64_t now_us);

/* A round trip by a report that we sent at `sent_us` was measured, so much longer than without a
 * queue. */
void path_drain_rtt(struct path_drain *drain, int64_t sent_us, int64_t queue_us, int64_t now_us);

/* No picture is to be sent now. `changing`: the one that was chosen has not begun. */
bool path_drain_holds(struct path_drain *drain, bool changing, int64_t now_us);

/* But a keyframe may, once: it stands still until the queue is gone. */
bool path_drain_takes_still(struct path_drain *drain, int64_t now_us);

/* What the path carries beside sound, by what is known of it so far. `base_us`: a round trip
 * without a queue. */
uint64_t path_drain_carried_bps(const struct path_drain *drain, int64_t base_us, int64_t now_us);

#endif
