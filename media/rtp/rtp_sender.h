/*
 * One viewer's outgoing picture and sound: stamps the shared images of frames with the viewer's own
 * RTP headers and hands them to its rtp_port in runs that leave in one system call. It paces the
 * cached GOP of a join, repeats what the viewer NACKs (identical bytes, from the frames
 * themselves), sends SR and DLRR so that captureTime appears, and asks for a keyframe when nothing
 * else helps. Belongs to the worker that owns the port; nothing is allocated, locked or logged per
 * frame.
 */
#ifndef SOUK_MEDIA_RTP_RTP_SENDER_H
#define SOUK_MEDIA_RTP_RTP_SENDER_H

#include "media/frame.h"
#include "media/rtp_port.h"
#include "server/core/clock.h"

#include <stdbool.h>

struct rtp_sender;
struct sink;

/* What was negotiated for one of the two media sections. */
struct rtp_sender_track {
	uint32_t ssrc;
	uint8_t payload_type; /* 0: this kind is not sent at all */
	uint8_t rtx_payload_type; /* picture: RFC 4588, under rtx_ssrc; 0: repeats are the same
				     packets */
	uint32_t rtx_ssrc;
	uint8_t red_payload_type; /* sound: RFC 2198, for viewers that lose packets; 0: never */
	uint16_t packet_ms; /* sound: what waits together comes as one packet of up to so long */
	uint8_t playout_delay_id; /* header extension ids, 1..14; 0: not negotiated */
	uint8_t abs_capture_id;
	uint8_t mid_id;
	uint8_t rid_id; /* a publisher's: this is one layer of several */
	char mid[9];
	char rid[9];
};

struct rtp_sender_config {
	const struct clock *clock; /* outlives the sender */
	struct rtp_port port;
	struct rtp_sender_track video, audio;
	uint8_t profile_max; /* H.264 profile_idc that the viewer decodes, without reordering; 0:
				any */
	char cname[33]; /* one for both, so that the browser synchronises them */
	/* The viewer cannot go on without a keyframe; at most once per 500 ms. Called from frame(),
	 * rtcp() and tick(); must not destroy the sender. */
	void (*request_key)(void *arg);
	/* Frames have begun to wait for their pace: tick() every PACER_INTERVAL_US until it says
	 * that none does. Called from start() and frame(); may be NULL. */
	void (*pace)(void *arg);
	void (*ended)(void *arg); /* the show is over (sink_ops); may be NULL */
	void *arg;
};

struct rtp_sender_stats {
	uint64_t packets, bytes; /* payloads, without retransmissions */
	uint64_t frames, frames_skipped; /* skipped: waiting for a keyframe */
	uint64_t nacks, rtx_packets, rtx_refused; /* packets asked for, repeated, or not */
	uint64_t padding_packets; /* probes of the path */
	uint64_t red_packets; /* sound that also brought the sound before it */
	uint64_t port_full; /* runs that met -EAGAIN */
	uint64_t plis; /* requests for a keyframe */
	int64_t rtt_us; /* -1: not known yet */
	uint64_t remb_bps; /* 0: none yet */
	uint8_t fraction_lost; /* of 256, newest report about the video */
	int32_t lost;
	uint32_t queued; /* frames waiting for the pacer */
	bool sound_alone; /* the path does not carry any picture */
};

int rtp_sender_create(struct rtp_sender **out, const struct rtp_sender_config *config)
	__attribute__((warn_unused_result));

/* The sender as a reader of a broadcast: for fanout_add(), which then drives start() and frame().
 * Removed from the fan-out by the owner before the sender is destroyed. */
struct sink *rtp_sender_sink(struct rtp_sender *sender);

/* The cached GOP at a join, oldest first, `frames[0]` a keyframe: sent at about 20 Mbit/s, live
 * frames wait behind; to viewers with playout-delay with timestamps close to the newest one's
 * (decision 0016), to others with the original ones. Again later (a change of rendition): frames
 * that are not newer than what was sent are left out, up to the next keyframe. Of sound only the
 * live frames are sent: a burst of it would merely be thrown away. Takes own references. */
void rtp_sender_start(struct rtp_sender *sender, struct frame *const *frames, size_t count);

/* One live frame, H.264 or Opus; others are ignored. Until the first keyframe video is skipped (and
 * a key requested). Sound waits for the next picture or for flush(), to share a send. Takes own
 * references. */
void rtp_sender_frame(struct rtp_sender *sender, struct frame *frame);
void rtp_sender_flush(struct rtp_sender *sender); /* after the frames of one turn */

/* One authenticated RTCP datagram of the viewer. */
void rtp_sender_rtcp(struct rtp_sender *sender, const void *data, size_t len);

/* The viewer insists on one rendition, or PATH_PINS_…: on sound alone, or nothing (what its path
 * carries). */
void rtp_sender_pin(struct rtp_sender *sender, int slot);

/* Pacing, and the sender reports that no frame has taken along: about once a second. True while
 * frames wait for their pace. */
bool rtp_sender_tick(struct rtp_sender *sender);

/* The RTP timestamp on this viewer's wire of a media time (message `clock`, member rtp). */
uint32_t rtp_sender_time(const struct rtp_sender *sender, enum codec codec, int64_t media_us);
/* capture_us of the newest picture sent, 0 before the first. */
int64_t rtp_sender_capture_us(const struct rtp_sender *sender);
void rtp_sender_stats(const struct rtp_sender *sender, struct rtp_sender_stats *out);

/* Tells the viewer BYE (RFC 3550 §6.6). */
void rtp_sender_bye(struct rtp_sender *sender);
void rtp_sender_destroy(struct rtp_sender *sender); /* takes NULL */

#endif
