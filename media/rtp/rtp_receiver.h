/*
 * One publisher's incoming RTP: puts packets in order, has the missing ones repeated, takes frames
 * out of them and brings picture and sound onto one source timeline; sends back RR, NACK, PLI and
 * bandwidth feedback. Knows no socket and no clock: fed with authenticated packets and their
 * arrival times, driven by tick(). Belongs to the worker that owns the publisher's transport.
 */
#ifndef SOUK_MEDIA_RTP_RTP_RECEIVER_H
#define SOUK_MEDIA_RTP_RTP_RECEIVER_H

#include "media/frame.h"
#include "media/rtp/rtp_track.h"
#include "media/rtp_port.h"

struct rtp_receiver;

enum { RTP_RID_MAX = 16 }; /* RFC 8852 §3.1: a one-byte header extension holds no more */

struct rtp_times {
	/* Capture on the source's timeline, the same for picture and sound: the RTP timestamp
	 * unwrapped, in microseconds, with an origin of our choice. Monotonic up to a jump. */
	int64_t source_us;
	int64_t arrival_us; /* monotonic arrival of the frame's first packet */
	/* The source's clock jumped or the stream was replaced: the next epoch starts here. */
	bool jumped;
};

/* A sender report, brought onto the source timeline, for the capture clock. */
struct rtp_sender_report {
	enum rtp_track track;
	int64_t source_us; /* the instant the report speaks of */
	int64_t host_utc_us; /* that instant by the host's own clock; never taken as UTC */
	int64_t arrival_us;
	int64_t rtt_us; /* -1: not known */
};

struct rtp_receiver_events {
	/* A whole frame, epoch and media times not yet set, frame->rendition its layer; the callee
	 * owns the reference. Each layer begins with a keyframe and after a loss goes on at one. */
	void (*frame)(void *arg, struct frame *frame, const struct rtp_times *times);
	void (*sender_report)(void *arg, const struct rtp_sender_report *report); /* may be NULL */
	void (*bye)(void *arg); /* all streams said BYE; may be NULL */
};

struct rtp_receiver_config {
	struct rtp_port port; /* send_rtcp alone is used */
	const struct rtp_receiver_events *events;
	void *arg;
	uint32_t ssrc; /* our own, in RTCP */
	char cname[33];
	uint8_t video_payload_type; /* H.264, packetization-mode 1 or 0; 0: none */
	uint8_t video_rtx_payload_type; /* RFC 4588 repair of it; 0: not negotiated */
	uint8_t audio_payload_type; /* Opus; 0: none */
	uint8_t audio_channels; /* 0: 2 */
	/* Simulcast: the layers by their rids, told apart by the header extensions. */
	char rids[RTP_LAYERS_MAX][RTP_RID_MAX + 1];
	unsigned rid_count; /* 0: one layer, without a rid */
	uint8_t rid_id, repaired_rid_id; /* header extension ids; the second 0: not negotiated */
	uint8_t transport_cc_id; /* header extension id; 0: not negotiated, REMB instead */
	uint64_t max_bps; /* what the publisher may send at most; 0: 8 Mbit/s */
};

struct rtp_receiver_stats {
	uint64_t packets, bytes, frames, keys;
	uint64_t nacks, recovered, lost, strays;
	uint64_t frames_dropped, plis, malformed;
	int64_t rtt_us; /* -1: not known */
	uint64_t bps; /* received, mean of the last second */
};

int rtp_receiver_create(struct rtp_receiver **out, const struct rtp_receiver_config *config)
	__attribute__((warn_unused_result));

/* One authenticated datagram, RTP or RTCP. Callbacks fire inside; they must not destroy it. Returns
 * when tick() is due. */
int64_t rtp_receiver_packet(struct rtp_receiver *receiver, const void *data, size_t len,
			    int64_t now_us);

/* Repeats NACKs, gives up what does not come, sends reports. Returns when it is due again. */
int64_t rtp_receiver_tick(struct rtp_receiver *receiver, int64_t now_us);

/* PLI, at most one per 500 ms and layer; one asked for too early is sent as soon as allowed. */
void rtp_receiver_request_key(struct rtp_receiver *receiver, unsigned layer, int64_t now_us);

void rtp_receiver_stats(const struct rtp_receiver *receiver, struct rtp_receiver_stats *out);
void rtp_receiver_destroy(struct rtp_receiver *receiver); /* takes NULL */

#endif
