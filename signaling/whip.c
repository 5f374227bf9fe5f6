#include "signaling/whip.h"

#include "signaling/sdp_answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The customary names of layers: f, h, q of libwebrtc's own demos; l, m, h; high, mid, low. `h` is
 * the middle of the first kind and the best of the second. */
static int rank_by_name(const char *id)
{
	static const struct {
		const char *name;
		int rank;
	} names[] = {
		{ "f", 4 },    { "full", 4 }, { "high", 4 }, { "hi", 4 },      { "h", 3 },
		{ "half", 3 }, { "m", 2 },    { "mid", 2 },  { "medium", 2 },  { "l", 1 },
		{ "lo", 1 },   { "low", 1 },  { "q", 1 },    { "quarter", 1 },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(id, names[i].name) == 0)
			return names[i].rank;
	return 0;
}

/* OBS counts its layers from the best, 0, 1, 2. */
static int rank_by_number(const char *id)
{
	char *end;
	const long number = strtol(id, &end, 10);
	return *end || end == id || number < 0 || number > 99 ? 0 : (int)(100 - number);
}

/*
 * SDP does not say which layer is the best: RFC 8853 §5.2 orders by preference, Chromium writes
 * the encodings in the page's order, lowest first. So: declared size, else names all known, else
 * numbers, else the last one.
 */
static const struct sdp_rid *best_layer(const struct sdp_media *media)
{
	const struct sdp_rid *best = NULL;
	int64_t best_rank = -1;
	for (unsigned i = 0; i < media->rid_count; i++) {
		const struct sdp_rid *rid = &media->rids[i];
		if (!rid->send)
			continue;
		int64_t rank = rid->pixels ? (int64_t)rid->pixels * 1000 : rank_by_name(rid->id);
		if (!rank)
			rank = rank_by_number(rid->id);
		if (rank > best_rank || (rank == 0 && best_rank == 0)) {
			best = rid;
			best_rank = rank;
		}
	}
	return best;
}

int whip_answer(struct sdp_agreement *out, struct bytes *answer, const struct sdp *offer,
		const struct sdp_local *local, struct sdp_error *error)
{
	const struct sdp_answer_rules rules = {
		.sends = false,
		.audio_feedback = SDP_FB_TRANSPORT_CC,
		.video_feedback = SDP_FB_NACK | SDP_FB_PLI | SDP_FB_FIR | SDP_FB_TRANSPORT_CC,
		/* Browsers probe the path with packets of this stream: without it their estimate
		 * hardly grows beyond what they send. */
		.repair = true,
		/* Chromium begins with 300 kbit/s and 320x180, and needs 16 s to 720p on a free
		 * path; from here it needs 8 s, and a narrow path still pulls it down at once. */
		.start_kbps = 1000,
		.audio_extensions = SDP_EXT_MID | SDP_EXT_TRANSPORT_CC | SDP_EXT_ABS_CAPTURE_TIME,
		.video_extensions =
			SDP_EXT_MID | SDP_EXT_RID | SDP_EXT_TRANSPORT_CC | SDP_EXT_ABS_CAPTURE_TIME,
		.h264 = { .high = local->high_profile, .single_nal = true },
		.choose_layer = best_layer,
	};
	return sdp_answer(out, answer, offer, local, &rules, error);
}
