/*
 * One access unit of one rendition, immutable and reference counted: made once at ingest or by the
 * transcoder, packaged at most once for each wire format, sent to thousands. Any thread may ref,
 * unref and read; only the creator writes, before the frame is shared.
 */
#ifndef SOUK_MEDIA_FRAME_H
#define SOUK_MEDIA_FRAME_H

#include "server/core/buf.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum codec { CODEC_H264, CODEC_AAC, CODEC_OPUS };

enum { RENDITIONS_MAX = 4 }; /* of one room's picture */

/* What a broadcast keeps apart: its renditions of the picture by slot, and sound by codec. */
enum track { TRACK_VIDEO, TRACK_AAC = TRACK_VIDEO + RENDITIONS_MAX, TRACK_OPUS, FRAME_TRACKS };

static inline bool codec_is_video(enum codec codec)
{
	return codec == CODEC_H264;
}

static inline enum track sound_track(enum codec codec)
{
	return codec == CODEC_OPUS ? TRACK_OPUS : TRACK_AAC;
}

static inline bool track_is_video(enum track track)
{
	return track < TRACK_AAC;
}

/* What a decoder must know before the first frame. Immutable, reference counted. */
struct media_config {
	atomic_uint refs;
	enum codec codec;
	struct buf *header; /* avcC (ISO 14496-15 §5.3.3) or AudioSpecificConfig; NULL for Opus */
	uint16_t width, height; /* video, after cropping */
	uint8_t profile, constraints, level; /* H.264 profile_idc, constraint flags, level_idc */
	/* B-frames: presentation order differs from decoding order. Or groups that begin without an
	 * IDR picture: WebRTC takes neither. */
	bool reorders;
	uint32_t sample_rate; /* audio */
	uint8_t channels;
};

/* Takes over the caller's reference to `header` (which may be NULL). */
struct media_config *media_config_create(enum codec codec, struct buf *header);
struct media_config *media_config_ref(struct media_config *config);
void media_config_unref(struct media_config *config); /* takes NULL */
/* Keeps the newest configuration of a track; true when it is another one. */
bool media_config_keep(struct media_config **kept, struct media_config *config);

struct rtp_image; /* media/rtp/rtp_image.h */

struct frame {
	atomic_uint refs;
	enum codec codec;
	bool key; /* decodable on its own; always true for audio */
	uint8_t rendition; /* of a picture: its slot in the broadcast; else 0 */
	uint32_t epoch;
	int64_t media_us; /* presentation on the room's media time */
	int64_t dts_us; /* decoding, the same scale; == media_us without B-frames */
	int64_t capture_us; /* server UTC of the capture of this frame */
	int64_t duration_us; /* 0 when unknown */
	/* The gaps between epochs so far, each but for one frame: formats that cannot have a hole
	 * (FLV) show media_us - gap_us. */
	int64_t gap_us;
	bool made; /* by a transcoder: it came later than what the source sent */
	bool stamp; /* formats that carry SEI put the capture time in: keyframes, once a second */
	struct media_config *config;
	/* H.264: NAL units with 4-byte lengths, parameter sets and AUD left out (they are in
	 * config). AAC: one raw frame without ADTS. Opus: one packet. */
	struct buf *data;
	/* Packaged forms, made by whoever needs one first: build, compare-and-swap in, throw
	 * the own one away when another thread was first. */
	_Atomic(struct rtp_image *) rtp;
	_Atomic(struct buf *) flv;
};

static inline enum track frame_track(const struct frame *frame)
{
	return codec_is_video(frame->codec) ? (enum track)(TRACK_VIDEO + frame->rendition)
					    : sound_track(frame->codec);
}

/* Takes over the caller's references to both. The times are the caller's to set before sharing. */
struct frame *frame_create(struct media_config *config, struct buf *data);
struct frame *frame_ref(struct frame *frame);
void frame_unref(struct frame *frame); /* takes NULL */

#endif
