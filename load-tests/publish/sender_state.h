/* The inside of struct sender, shared by sender.c (frames, packets) and sender_feedback.c (RTCP);
 * for nobody else. */
#ifndef SOUK_LOAD_TESTS_PUBLISH_SENDER_STATE_H
#define SOUK_LOAD_TESTS_PUBLISH_SENDER_STATE_H

#include "load-tests/publish/pacer.h"
#include "load-tests/publish/sender.h"
#include "media/rtp/twcc_sent.h"

/* One SSRC. */
struct sender_stream {
	bool on;
	uint32_t ssrc;
	uint32_t base; /* RTP timestamp of monotonic time 0 */
	uint32_t rate; /* Hz */
	uint16_t seq; /* of the next packet */
	uint8_t header[RTP_HEADER_MAX]; /* template */
	uint8_t header_len;
	size_t capture_at, transport_at; /* in it; 0: not there */
	uint32_t packets, octets;
};

struct sender {
	struct sender_config config;
	struct sdp_agreement agreement;
	struct sender_stream video, audio, repair;
	struct pacer pacer;
	struct out_packet *history[SENDER_HISTORY]; /* of the video, by sequence number */
	struct twcc_sent sent;
	struct bandwidth bandwidth;
	bool numbered; /* transport-wide feedback was agreed on */
	bool need_key; /* pictures are left out until a keyframe */
	int64_t repeat_budget; /* bytes */
	int64_t key_asked_us; /* 0: never */
	int64_t first_report_us, next_report_us; /* 0: nothing sent yet */
	struct sender_stats stats;
};

void sender_ask_key(struct sender *sender, int64_t now_us);
/* Sender reports when they are due. */
void sender_report(struct sender *sender, int64_t now_us);
/* Queues a repetition of a packet of the video, if it is kept and may be repeated. */
void sender_repeat(struct sender *sender, uint16_t seq, int64_t now_us);

#endif
