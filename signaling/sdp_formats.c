#include "signaling/sdp_formats.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const sdp_extension_uris[SDP_EXT_COUNT] = {
	"urn:ietf:params:rtp-hdrext:sdes:mid",
	"urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
	"http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
	"http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
	"http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
	"urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
};

enum { ONE_BYTE_ID_MAX = 14 }; /* RFC 8285 §4.2 */

/* RFC 6184 §8.1: without the parameter Baseline at level 1. */
enum { H264_PROFILE_DEFAULT = 0x42000a };

uint8_t *sdp_extension_id(struct sdp_extension_ids *ids, unsigned index)
{
	uint8_t *const members[SDP_EXT_COUNT] = {
		&ids->mid,
		&ids->rid,
		&ids->transport_cc,
		&ids->playout_delay,
		&ids->abs_capture_time,
		&ids->repaired_rid,
	};
	assert(index < SDP_EXT_COUNT);
	return members[index];
}

void sdp_extensions_select(struct sdp_extension_ids *out, const struct sdp_media *media,
			   unsigned wanted)
{
	*out = (struct sdp_extension_ids){ 0 };
	for (unsigned i = 0; i < media->extension_count; i++) {
		const struct sdp_extension *extension = &media->extensions[i];
		if (extension->id > ONE_BYTE_ID_MAX)
			continue;
		for (unsigned known = 0; known < SDP_EXT_COUNT; known++)
			if ((wanted & 1u << known) &&
			    strcmp(extension->uri, sdp_extension_uris[known]) == 0)
				*sdp_extension_id(out, known) = extension->id;
	}
}

uint32_t sdp_fmtp_number(const struct sdp_codec *codec, const char *key, int base,
			 uint32_t fallback)
{
	const size_t len = strlen(key);
	for (const char *at = codec->fmtp; at && *at; at = strchr(at, ';')) {
		at += strspn(at, "; ");
		if (strncasecmp(at, key, len) != 0 || at[len] != '=')
			continue;
		char *end;
		const unsigned long value = strtoul(at + len + 1, &end, base);
		const bool whole = end != at + len + 1 && (!*end || *end == ';' || *end == ' ');
		return whole && value <= UINT32_MAX ? (uint32_t)value : fallback;
	}
	return fallback;
}

bool sdp_is_opus(const struct sdp_codec *codec)
{
	/* RFC 7587 §7: always 48000 and 2, whatever the number of channels sent. */
	return strcasecmp(codec->name, "opus") == 0 && codec->clock == 48000 &&
	       codec->channels == 2;
}

bool sdp_is_h264(const struct sdp_codec *codec)
{
	return strcasecmp(codec->name, "H264") == 0 && codec->clock == 90000;
}

const struct sdp_codec *sdp_choose_opus(const struct sdp_media *media)
{
	for (unsigned i = 0; i < media->codec_count; i++)
		if (sdp_is_opus(&media->codecs[i]))
			return &media->codecs[i];
	return NULL;
}

uint8_t sdp_find_red(const struct sdp_media *media, uint8_t pt)
{
	char wanted[sizeof("127/127")];
	snprintf(wanted, sizeof(wanted), "%u/%u", pt, pt);
	for (unsigned i = 0; i < media->codec_count; i++) {
		const struct sdp_codec *codec = &media->codecs[i];
		if (strcasecmp(codec->name, "red") == 0 && codec->clock == 48000 && codec->fmtp &&
		    strcmp(codec->fmtp, wanted) == 0)
			return codec->pt;
	}
	return 0;
}

uint8_t sdp_find_rtx(const struct sdp_media *media, uint8_t pt)
{
	for (unsigned i = 0; i < media->codec_count; i++) {
		const struct sdp_codec *codec = &media->codecs[i];
		if (strcasecmp(codec->name, "rtx") == 0 &&
		    sdp_fmtp_number(codec, "apt", 10, UINT32_MAX) == pt)
			return codec->pt;
	}
	return 0;
}

/* 0: not acceptable; else the higher the better. profile-level-id is profile_idc, profile_iop,
 * level_idc (RFC 6184 §8.1); iop bit 0x40 is constraint_set1, the constrained form of Baseline. */
static int h264_rank(const struct sdp_codec *codec, const struct sdp_h264_rules *rules)
{
	const uint32_t id = sdp_fmtp_number(codec, "profile-level-id", 16, H264_PROFILE_DEFAULT);
	const uint32_t mode = sdp_fmtp_number(codec, "packetization-mode", 10, 0);
	if (mode > 1 || (mode == 0 && !rules->single_nal) || id > 0xffffff)
		return 0;
	int rank = 0;
	switch (id >> 16) {
	case 0x42:
		rank = id & 0x4000 ? 4 : 3;
		break;
	case 0x4d:
		rank = id & 0x8000 ? 4 : 2;
		break;
	case 0x64:
		rank = rules->high ? (rules->high_first ? 5 : 1) : 0;
		break;
	default:
		break;
	}
	return rank && mode == 1 ? rank + 8 : rank;
}

const struct sdp_codec *sdp_choose_h264(const struct sdp_media *media,
					const struct sdp_h264_rules *rules)
{
	const struct sdp_codec *best = NULL;
	int best_rank = 0;
	for (unsigned i = 0; i < media->codec_count; i++) {
		if (!sdp_is_h264(&media->codecs[i]))
			continue;
		const int rank = h264_rank(&media->codecs[i], rules);
		if (rank > best_rank) {
			best = &media->codecs[i];
			best_rank = rank;
		}
	}
	return best;
}
