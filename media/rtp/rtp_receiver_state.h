/* The inside of struct rtp_receiver, shared by rtp_receiver.c (media) and rtp_receiver_feedback.c
 * (RTCP); for nobody else. */
#ifndef SOUK_MEDIA_RTP_RTP_RECEIVER_STATE_H
#define SOUK_MEDIA_RTP_RTP_RECEIVER_STATE_H

#include "media/rtp/rtp_depay.h"
#include "media/rtp/rtp_receiver.h"
#include "media/rtp/rtp_reception.h"
#include "media/rtp/rtp_reorder.h"
#include "media/rtp/rtp_timeline.h"
#include "media/rtp/twcc.h"

enum {
	RECEIVER_SILENCE_US = 1000000, /* then another SSRC may take the stream over */
	RECEIVER_KEY_INTERVAL_US = 500000,
	RECEIVER_TWCC_US = 60000,
	RECEIVER_REPORT_US = 1000000,
	RECEIVER_GAP_TICK_US = 5000,
	RECEIVER_RTT_GUESS_US = 50000,
	RECEIVER_NACKS_MAX = 256, /* numbers in one round */
	RECEIVER_MAX_BPS = 8000000,
	RECEIVER_MIN_BPS = 300000,
};

struct receiver_stream {
	struct rtp_receiver *receiver;
	enum rtp_track track;
	bool on;
	bool bye;
	bool replaced; /* the next frame is another source's first */
	uint32_t ssrc;
	uint32_t repair_ssrc; /* of a layer: told by its rid extension; 0: not yet */
	int64_t heard_us;
	struct rtp_reception reception;
	struct rtp_reorder reorder;
	struct rtp_depay depay; /* of a layer */
	bool key_wanted;
	int64_t key_asked_us; /* 0: never */
};

struct rtp_receiver {
	struct rtp_receiver_config config;
	const struct rtp_receiver_events *events;
	int64_t now_us; /* of the call in progress */
	struct receiver_stream stream[RTP_TRACKS];
	struct rtp_timeline timeline;
	struct twcc_recorder twcc;
	struct media_config *opus;
	int64_t next_report_us, next_twcc_us;
	bool rtt_by_report; /* stats.rtt_us comes from DLRR */
	uint64_t remb_bps;
	uint64_t second_bytes;
	int64_t second_us;
	struct rtp_receiver_stats stats;
};

void rtp_receiver_rtcp(struct rtp_receiver *receiver, const void *data, size_t len);

/* Sends what is due by receiver->now_us; returns when something will be due next. */
int64_t rtp_receiver_feedback(struct rtp_receiver *receiver);

/* Known or assumed. */
int64_t rtp_receiver_rtt_us(const struct rtp_receiver *receiver);

#endif
