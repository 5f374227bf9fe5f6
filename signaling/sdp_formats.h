/*
 * The codecs and header extensions that we speak, as SDP names them. Inner part of offers and
 * answers; pure functions, any thread.
 */
#ifndef SOUK_SIGNALING_SDP_FORMATS_H
#define SOUK_SIGNALING_SDP_FORMATS_H

#include "signaling/sdp_agreement.h"

/* Members of struct sdp_extension_ids, as a set. */
enum {
	SDP_EXT_MID = 1 << 0,
	SDP_EXT_RID = 1 << 1,
	SDP_EXT_TRANSPORT_CC = 1 << 2,
	SDP_EXT_PLAYOUT_DELAY = 1 << 3,
	SDP_EXT_ABS_CAPTURE_TIME = 1 << 4,
	SDP_EXT_REPAIRED_RID = 1 << 5,
	SDP_EXT_COUNT = 6,
};

extern const char *const sdp_extension_uris[SDP_EXT_COUNT]; /* index: the bit's number */
uint8_t *sdp_extension_id(struct sdp_extension_ids *ids, unsigned index);

/* The ids under which `media` has the extensions of `wanted`, as far as one-byte headers can carry
 * them. */
void sdp_extensions_select(struct sdp_extension_ids *out, const struct sdp_media *media,
			   unsigned wanted);

/* A parameter of a=fmtp as a number in base 10 or 16; fallback when absent or no number. */
uint32_t sdp_fmtp_number(const struct sdp_codec *codec, const char *key, int base,
			 uint32_t fallback);

bool sdp_is_opus(const struct sdp_codec *codec);
bool sdp_is_h264(const struct sdp_codec *codec);

const struct sdp_codec *sdp_choose_opus(const struct sdp_media *media);

/* The payload type that carries `pt` twice (RFC 2198 §5: fmtp lists what it may hold); 0 when there
 * is none. */
uint8_t sdp_find_red(const struct sdp_media *media, uint8_t pt);

/* The payload type that repairs `pt` (RFC 4588 §8.6: apt); 0 when there is none. */
uint8_t sdp_find_rtx(const struct sdp_media *media, uint8_t pt);

struct sdp_h264_rules {
	bool high; /* allowed */
	bool high_first; /* a decoder of High plays all that we may send */
	bool single_nal; /* packetization-mode 0 will do when there is no 1 */
};

/* Constrained Baseline, then Baseline, then Main; the first of equals in the offer's order. */
const struct sdp_codec *sdp_choose_h264(const struct sdp_media *media,
					const struct sdp_h264_rules *rules);

#endif
