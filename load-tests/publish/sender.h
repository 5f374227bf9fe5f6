/*
 * A publisher's outgoing picture and sound: cuts frames into RTP packets, paces them, numbers them
 * for the whole transport, repeats what is NACKed, reports, and follows the path's bandwidth.
 * Knows no socket and no encoder. Belongs to the thread that makes it.
 */
#ifndef SOUK_LOAD_TESTS_PUBLISH_SENDER_H
#define SOUK_LOAD_TESTS_PUBLISH_SENDER_H

#include "media/rtp/bandwidth.h"
#include "media/rtp_port.h"
#include "server/core/clock.h"
#include "signaling/sdp_agreement.h"

struct frame;
struct sender;

enum {
	SENDER_HISTORY = 2048, /* pictures' packets that can be repeated */
	SENDER_REPEATS_MAX = 5, /* of one packet */
	SENDER_REPEAT_SHARE = 4, /* at most a quarter of what was sent */
	SENDER_WAIT_MAX_US = 1000000, /* more waits in the pacer: pictures are left out… */
	SENDER_WAIT_AGAIN_US = 200000, /* …until it has come down to this */
	SENDER_KEY_INTERVAL_US = 500000,
};

struct sender_config {
	const struct clock *clock; /* outlives the sender */
	struct rtp_port port;
	const struct sdp_agreement *agreement; /* copied */
	uint32_t video_ssrc, audio_ssrc, repair_ssrc;
	const char *cname; /* copied, at most 32 characters are used */
	struct bandwidth_config bandwidth;
	void (*request_key)(void *arg);
	void *arg;
};

struct sender_stats {
	uint64_t packets, bytes; /* first transmissions, payload bytes */
	uint64_t frames, keyframes, frames_skipped;
	uint64_t nacks, repeats, repeats_refused; /* packets asked for, sent again, refused */
	uint64_t plis; /* and FIRs */
	uint64_t feedbacks; /* transport-wide */
	uint64_t port_full;
	int64_t rtt_us; /* -1: not known yet */
	int64_t target_bps, arriving_bps;
	int64_t queue_us; /* what waits in the pacer */
	uint8_t fraction_lost; /* of 256 */
	int32_t lost; /* by the newest receiver report */
};

int sender_create(struct sender **out, const struct sender_config *config)
	__attribute__((warn_unused_result));

/* H.264 or Opus, captured at `capture_us` (monotonic). Keeps references of its own. */
void sender_frame(struct sender *sender, struct frame *frame, int64_t capture_us);
/* One authenticated RTCP datagram. */
void sender_rtcp(struct sender *sender, const void *data, size_t len);
/* Every few milliseconds. */
void sender_tick(struct sender *sender);
/* The path is another one: nothing that was learnt about the old one counts. */
void sender_path_changed(struct sender *sender);

/* What the picture's encoder may make, sound and overhead taken off. */
int64_t sender_video_bps(const struct sender *sender);
void sender_stats(const struct sender *sender, struct sender_stats *out);

void sender_bye(struct sender *sender);
void sender_destroy(struct sender *sender); /* takes NULL */

#endif
