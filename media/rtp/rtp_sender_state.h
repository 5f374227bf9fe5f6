/* The inside of struct rtp_sender, for rtp_sender*.c alone. */
#ifndef SOUK_MEDIA_RTP_RTP_SENDER_STATE_H
#define SOUK_MEDIA_RTP_RTP_SENDER_STATE_H

#include "media/rtp/rtp_history.h"
#include "media/rtp/rtp_image.h"
#include "media/rtp/rtp_pacer.h"
#include "media/rtp/rtp_path.h"
#include "media/rtp/rtp_playout.h"
#include "media/rtp/rtp_red.h"
#include "media/rtp/rtp_sender.h"
#include "media/rtp/rtp_sender_hole.h"
#include "media/sink.h"

enum {
	SENDER_RUN = 40, /* packets of one picture in one call of the port: < 64 KiB */
	SENDER_SOUND_MAX = 4, /* waiting sound packets */
	SENDER_JOIN_US = 1000, /* stamps of sound that follows are as exact as this */
	SENDER_LOSSY = 8, /* RFC 3550 §6.4.1: of 256; from 3 % on, and for a while after it */
	SENDER_LOSSY_US = 10000000,
	SENDER_BURST = 64, /* a live frame of more packets goes through the pacer */
	SENDER_KEY_INTERVAL_US = 500000,
	SENDER_HOLE_MAX = 1024, /* Chromium asks for no more */
	SENDER_REPORT_QUICK_US = 200000,
	SENDER_REPORT_QUICK_FOR_US = 3000000,
	SENDER_REPORT_US = 1000000,
	SENDER_GAP_US = SENDER_REPORT_QUICK_US, /* a round trip for each of our reports */
	SENDER_GAP_LOST_US = 1000000, /* it will not be asked for any more */
	SENDER_JOIN_SQUEEZE = 32, /* so much closer than they were are the pictures before a join */
};

/* One SSRC. */
struct sender_stream {
	bool on;
	uint32_t ssrc;
	uint32_t base; /* RTP timestamp of media time 0 */
	int64_t join_us; /* media time of the newest picture at the join; 0: times are true */
	uint16_t seq; /* of the next packet */
	uint8_t header[64];
	uint8_t header_len;
	uint8_t capture_at, playout_at; /* in the header; 0: not there */
	bool started;
	uint32_t packets, octets; /* as sender reports count them */
	uint32_t newest_time; /* of the newest frame sent */
	int64_t newest_media_us;
	int64_t newest_capture_us;
};

/* A number that padding left out: it is asked for at once, and a report comes with that. */
struct sender_gap {
	bool open;
	uint16_t seq;
	int64_t since_us;
};

/* The sound of one send. */
struct sound_turn {
	size_t packets;
	uint8_t payload[SENDER_SOUND_MAX][RTP_PAYLOAD_MAX]; /* of those made for this viewer */
};

struct rtp_sender {
	struct sink sink;
	struct rtp_sender_config config;
	struct sender_stream video, audio;
	struct sender_stream rtx; /* repeats of the picture, and probes; off: not agreed on */
	struct rtp_path path;
	struct rtp_playout playout;
	int pinned; /* slot, or PATH_PINS_… */
	int64_t steered_us; /* 0: not yet */
	uint32_t padding_due; /* bytes, less than a packet */
	struct sender_gap gap;
	bool hushed; /* no picture for now: the path does not carry it */
	bool held; /* nor while its queue drains, */
	int64_t trickled_us; /* when padding goes in place of it now and then */
	uint16_t left_seq; /* what came before this number was given up, */
	int64_t left_us; /* at this time; 0: nothing was */
	struct rtp_pacer pacer;
	struct sender_hole hole;
	bool need_key; /* video is skipped until a keyframe */
	struct frame *sound[SENDER_SOUND_MAX]; /* of this turn, for the next picture's send */
	unsigned sound_count;
	struct frame *former_sound[RED_FORMER_MAX]; /* sent last, where RED is agreed on */
	int64_t lossy_until_us, very_lossy_until_us; /* sound is sent twice, thrice until then */
	int64_t key_asked_us; /* 0: never */
	uint32_t lsr_heard[2]; /* picture, sound: of the newest report that echoed one of ours */
	int64_t first_report_us, next_report_us; /* 0: nothing sent yet */
	struct rtp_sender_stats stats;
	struct rtp_history history; /* last: large, little of it is used for a frame */
};

/* Gives a run to the port: 0 or its error. */
int rtp_sender_run(struct rtp_sender *sender, const struct rtp_packet *run, size_t count);
void rtp_sender_count(struct rtp_sender *sender, struct sender_stream *stream,
		      const struct frame *frame, uint32_t packets, size_t bytes);
uint32_t rtp_sender_frame_time(const struct sender_stream *stream, const struct frame *frame);

void rtp_sender_sound(struct rtp_sender *sender, struct frame *frame);
/* The waiting sound at the end of a run: the last packet may be its shorter end. `turn` holds
 * payloads until they are sent; rtp_sender_drop_sound() follows. */
size_t rtp_sender_fill_sound(struct rtp_sender *sender, struct sound_turn *turn,
			     struct rtp_packet *run);
void rtp_sender_drop_sound(struct rtp_sender *sender, struct sound_turn *turn, bool sent);
void rtp_sender_finish_sound(struct rtp_sender *sender);

/* Sender reports when they are due; called whenever something was sent. */
void rtp_sender_report(struct rtp_sender *sender, int64_t now_us);
/* What the path carries: changes the rendition, stops and resumes the picture. */
void rtp_sender_steer(struct rtp_sender *sender, int64_t now_us);
/* The path's queue drains, or the smaller picture's keyframe is not here yet. */
bool rtp_sender_holds(struct rtp_sender *sender, const struct frame *frame, int64_t now_us);
/* Of pictures that were given up with the path's queue. */
bool rtp_sender_left(const struct rtp_sender *sender, uint16_t seq, int64_t now_us);
/* Whether it was left out while probing; then it comes now. */
bool rtp_sender_close_gap(struct rtp_sender *sender, uint16_t seq);
/* Padding while the path is probed; called whenever something was sent. */
void rtp_sender_probe(struct rtp_sender *sender, int64_t now_us);
void rtp_sender_ask_key(struct rtp_sender *sender, int64_t now_us);
/* Repeats packets that are kept; `judged`: within their limits. False: a keyframe alone helps. */
bool rtp_sender_repeat(struct rtp_sender *sender, const uint16_t *seqs, unsigned count, bool judged,
		       int64_t now_us);

/* How long the viewer holds the picture, in a header of the stream. */
void rtp_sender_set_hold(const struct sender_stream *stream, uint8_t *header, struct rtp_hold hold);

/* The header of packet `piece` of the frame's image, as it was or will be sent under `seq`. */
void rtp_sender_fill(const struct sender_stream *stream, struct rtp_packet *packet,
		     const struct frame *frame, const struct rtp_piece *piece,
		     const uint8_t *payload, uint16_t seq);

#endif
