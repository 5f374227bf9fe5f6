/*
 * H.264 access units out of RTP payloads that come in order (RFC 6184: single units, STAP-A, FU-A).
 * A marker or another timestamp ends a frame. Parameter sets are taken out of band: together with
 * the picture that uses them they make the frame's configuration. A frame that lost a packet, and
 * all that follow it, are dropped until the next keyframe. One owner.
 */
#ifndef SOUK_MEDIA_RTP_RTP_DEPAY_H
#define SOUK_MEDIA_RTP_RTP_DEPAY_H

#include "media/codec/h264.h"
#include "media/rtp/rtp_reorder.h"
#include "server/core/bytes.h"

enum { DEPAY_FRAME_MAX = 4 * 1024 * 1024 };

struct frame;

struct rtp_depay_events {
	/* The callee owns the frame; `timestamp` is its RTP time. */
	void (*frame)(void *arg, struct frame *frame, uint32_t timestamp, int64_t arrival_us);
	void (*need_key)(void *arg); /* nothing comes out before the next keyframe */
};

struct parameter_set {
	uint16_t len;
	uint8_t data[H264_PARAMETER_SET_MAX];
};

struct rtp_depay {
	const struct rtp_depay_events *events;
	void *arg;
	struct bytes unit; /* the frame so far, 4-byte lengths */
	bool open; /* a frame has begun */
	bool broken; /* and something of it is missing */
	bool picture; /* it has a slice */
	bool idr;
	bool sets_here; /* it brought an SPS */
	bool in_fragment;
	size_t fragment_at; /* of its length field in `unit` */
	uint32_t timestamp;
	int64_t arrival_us;
	int active_pps; /* that its first slice names; -1: none yet */
	bool waiting_key;
	struct media_config *config; /* of the newest keyframe */
	struct parameter_set sps[H264_SETS_MAX], pps[H264_SETS_MAX];
	unsigned sps_count, pps_count;
	uint64_t frames, keys, dropped, malformed;
};

void rtp_depay_init(struct rtp_depay *depay, const struct rtp_depay_events *events, void *arg);
void rtp_depay_finish(struct rtp_depay *depay);
void rtp_depay_push(struct rtp_depay *depay, const struct rtp_unit *unit);

#endif
