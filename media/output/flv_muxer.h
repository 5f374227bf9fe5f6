/*
 * FLV (Adobe FLV 10.1, annex E) from frames. A frame's tag is built once and shared by all its
 * readers. Any thread.
 */
#ifndef SOUK_MEDIA_FLV_MUXER_H
#define SOUK_MEDIA_FLV_MUXER_H

#include "media/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLV_TAG_AUDIO = 8, FLV_TAG_VIDEO = 9, FLV_TAG_SCRIPT = 18 };

/* "FLV", version 1, audio and video flagged, and the first (zero) previous tag size. */
struct buf *flv_file_header(void) __attribute__((warn_unused_result));

/* What players are told in onMetaData (stamped 0, or ffmpeg takes it for subtitles). A track is
 * absent, present, or present with its configuration yet to come: players that wait for both must
 * know of an absent one. */
struct flv_metadata {
	bool has_video, has_audio;
	const struct media_config *video, *audio; /* NULL: not known yet */
};
struct buf *flv_metadata_tag(const struct flv_metadata *metadata)
	__attribute__((warn_unused_result));

/* AVC or AAC sequence header. */
struct buf *flv_config_tag(const struct media_config *config, uint32_t at_ms)
	__attribute__((warn_unused_result));

/* The tag of an H.264 or AAC frame with the time SEI where the frame asks for it, built by whoever
 * comes first and kept by the frame: the reference is the frame's. NULL when memory is short. */
struct buf *flv_frame_tag(struct frame *frame) __attribute__((warn_unused_result));

/* Script tag `onSouk` whose value is the message (JSON text) as a string. One for all readers. */
struct buf *flv_script_tag(const char *text, size_t len, uint32_t at_ms)
	__attribute__((warn_unused_result));

/* What a tag of this moment is stamped with: media_us - gap_us in ms, modulo 2^32. */
uint32_t flv_time_ms(int64_t media_us, int64_t gap_us);

#endif
