/*
 * Reads the structure of H.264 access units out of RTP payloads in order (RFC 6184: single units,
 * STAP-A, FU-A) down to the slice headers: which pictures are whole, which are keyframes, whether
 * frame_num goes on (ITU-T H.264 §7.4.3). Written apart from the server's depacketiser, which it
 * checks. Copies nothing but parameter sets. One owner.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_H264_UNITS_H
#define SOUK_LOAD_TESTS_SWARM_H264_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct h264_picture {
	uint32_t timestamp;
	bool key; /* IDR */
};

struct h264_units {
	/* A whole access unit: its last packet was here. May be NULL. */
	void (*picture)(void *arg, const struct h264_picture *picture);
	void *arg;

	uint64_t pictures; /* whole access units */
	uint64_t keyframes;
	uint64_t undecodable; /* whole, but their references are not */
	uint64_t broken; /* access units that lost something */
	uint64_t number_gaps; /* frame_num that does not follow */
	uint64_t malformed; /* payloads against RFC 6184, units against H.264 */

	/* private */
	unsigned number_bits; /* log2_max_frame_num; 0: no SPS yet */
	bool separate_planes; /* separate_colour_plane_flag */
	bool chained; /* references are whole */
	uint32_t reference; /* frame_num of the newest reference picture */
	bool open; /* an access unit has begun */
	uint32_t timestamp;
	bool lost; /* something of it is missing or malformed */
	bool slices, key, is_reference;
	bool in_fragment; /* an FU-A has begun and not ended */
	uint8_t fragment_type;
	uint32_t number;
};

struct h264_payload {
	const uint8_t *data;
	size_t len; /* 0: padding alone */
	uint32_t timestamp;
	bool marker;
	bool after_loss; /* packets in front of it are missing */
};

void h264_units_init(struct h264_units *units,
		     void (*picture)(void *arg, const struct h264_picture *picture), void *arg);
void h264_units_push(struct h264_units *units, const struct h264_payload *payload);

#endif
