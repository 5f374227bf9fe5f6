/*
 * H.264 as containers see it: NAL units in both framings, parameter sets, the decoder
 * configuration record and SEI. Everything reads what strangers send: bounded, no state of its own,
 * any thread.
 */
#ifndef SOUK_MEDIA_H264_H
#define SOUK_MEDIA_H264_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct bytes;
struct media_config;

/* ITU-T H.264 table 7-1 */
enum h264_nal_type {
	H264_NAL_SLICE = 1,
	H264_NAL_PARTITION_A = 2,
	H264_NAL_IDR = 5,
	H264_NAL_SEI = 6,
	H264_NAL_SPS = 7,
	H264_NAL_PPS = 8,
	H264_NAL_AUD = 9,
	H264_NAL_END_OF_SEQUENCE = 10,
	H264_NAL_END_OF_STREAM = 11,
	H264_NAL_FILLER = 12,
};

/* A parameter set longer than this is refused, and so is a larger picture. */
enum { H264_PARAMETER_SET_MAX = 1024, H264_SIDE_MAX = 8192, H264_SETS_MAX = 8 };

struct h264_nal {
	const uint8_t *data; /* header byte first, in the reader's memory */
	size_t len; /* >= 1 */
};

static inline enum h264_nal_type h264_nal_type(const struct h264_nal *nal)
{
	return (enum h264_nal_type)(nal->data[0] & 0x1f);
}

/* Walks NAL units. Zero-length units are skipped; false at the end. A length that leaves the data
 * sets `bad` and ends the walk. */
struct h264_reader {
	const uint8_t *at;
	const uint8_t *end;
	unsigned length_size; /* 1, 2 or 4: AVCC; 0: Annex B start codes */
	bool bad;
};
void h264_read_avcc(struct h264_reader *reader, const void *data, size_t len, unsigned length_size);
void h264_read_annexb(struct h264_reader *reader, const void *data, size_t len);
bool h264_next(struct h264_reader *reader, struct h264_nal *nal);

/* True for what belongs into frame->data: slices and SEI; not parameter sets, AUD, filler, ends. */
bool h264_nal_belongs_to_frame(const struct h264_nal *nal);

struct h264_sps {
	uint8_t profile, constraints, level;
	uint16_t width, height; /* after cropping */
	/* max_num_reorder_frames (§E.2.1), or what the profile and POC type imply when the VUI does
	 * not say: false for baseline and POC type 2. `reorders_known` tells which. */
	bool reorders;
	bool reorders_known;
	/* What a slice header is read and written by. */
	uint8_t frame_num_bits, order_count_type, order_count_bits;
	uint8_t chroma; /* ChromaArrayType */
	bool separate_planes, frames_only;
	uint32_t reference_frames; /* 0: every picture stands alone */
	uint32_t macroblocks;
};
/* `nal` with its header byte. -EINVAL: malformed or beyond the caps. */
int h264_sps_parse(struct h264_sps *out, const struct h264_nal *nal)
	__attribute__((warn_unused_result));

/* slice_type modulo 5 (§7.4.3: 0 P, 1 B, 2 I, 3 SP, 4 SI) of a slice unit, or -EINVAL. */
int h264_slice_type(const struct h264_nal *nal);

/* AVCDecoderConfigurationRecord, ISO 14496-15 §5.3.3. The units point into `data`. */
struct h264_avcc {
	unsigned length_size;
	size_t sps_count, pps_count;
	struct h264_nal sps[H264_SETS_MAX];
	struct h264_nal pps[H264_SETS_MAX];
};
int h264_avcc_parse(struct h264_avcc *out, const void *data, size_t len)
	__attribute__((warn_unused_result));

/* Builds the record (4-byte lengths) from parameter sets; NULL when there is no SPS or a set is too
 * long. */
struct buf *h264_avcc_build(const struct h264_nal *sps, size_t sps_count,
			    const struct h264_nal *pps, size_t pps_count)
	__attribute__((warn_unused_result));

/* A media_config from parameter sets; NULL when the first SPS does not parse. `reorders` is set
 * only where the SPS says so for certain; ingest sets it as well when it sees B-frames. */
struct media_config *h264_config_create(const struct h264_nal *sps, size_t sps_count,
					const struct h264_nal *pps, size_t pps_count)
	__attribute__((warn_unused_result));

/* RBSP from a NAL unit's payload: removes emulation prevention (§7.4.1). Returns the length; at
 * most `cap` bytes are written. */
size_t h264_unescape(uint8_t *out, size_t cap, const uint8_t *data, size_t len);

/* Appends bytes with emulation prevention put in. */
void h264_escape(struct bytes *out, const uint8_t *data, size_t len);

enum { H264_SEI_USER_DATA_UNREGISTERED = 5, H264_SEI_RECOVERY_POINT = 6, H264_SEI_WECHAT = 242 };
extern const uint8_t h264_time_uuid[16]; /* 736f756b-6c69-4976-8563-6c6f636b3031, "souklive" */

/* True for an SEI unit that starts with a time of this form: a host's own is not passed on. */
bool h264_sei_is_time(const struct h264_nal *nal);

/* True for an SEI unit that says that decoding may begin with its picture (§D.2.8): a keyframe of
 * an open group, or where a picture begins to be refreshed part by part. */
bool h264_sei_recovers(const struct h264_nal *nal);

/* Appends the capture time in both forms that players forward (design section 10), as two NAL units
 * with 4-byte lengths: type 5 with our UUID, and type 242, each with the text {"t":capture_ms}. */
void h264_time_sei_put(struct bytes *out, int64_t capture_us);

#endif
