#include "media/rtp/rtp_depay.h"

#include "media/frame.h"
#include "server/core/bits.h"

#include <string.h>

/* RFC 6184 §5.2, §5.7.1, §5.8 */
enum { NAL_STAP_A = 24, NAL_FU_A = 28, NAL_TYPE_MASK = 0x1f, FU_START = 0x80, FU_END = 0x40 };

void rtp_depay_init(struct rtp_depay *depay, const struct rtp_depay_events *events, void *arg)
{
	memset(depay, 0, sizeof(*depay));
	depay->events = events;
	depay->arg = arg;
	depay->waiting_key = true;
	bytes_init(&depay->unit, DEPAY_FRAME_MAX);
}

void rtp_depay_finish(struct rtp_depay *depay)
{
	bytes_finish(&depay->unit);
	media_config_unref(depay->config);
	depay->config = NULL;
}

static void reset_frame(struct rtp_depay *depay)
{
	bytes_clear(&depay->unit);
	depay->open = false;
	depay->broken = false;
	depay->picture = false;
	depay->idr = false;
	depay->sets_here = false;
	depay->in_fragment = false;
	depay->active_pps = -1;
}

static void lose(struct rtp_depay *depay)
{
	depay->waiting_key = true;
	depay->events->need_key(depay->arg);
}

static struct h264_nal nal_of(const struct parameter_set *set)
{
	return (struct h264_nal){ .data = set->data, .len = set->len };
}

/* pic_parameter_set_id and seq_parameter_set_id of a PPS (H.264 §7.3.2.2). */
static void read_pps_ids(const struct parameter_set *pps, int *id, int *sps_id)
{
	struct bits bits;
	bits_init(&bits, pps->data + 1, pps->len - 1u);
	*id = (int)bits_ue(&bits);
	*sps_id = bits_ok(&bits) ? (int)bits_ue(&bits) : -1;
	if (!bits_ok(&bits))
		*id = *sps_id = -1;
}

static int read_sps_id(const struct parameter_set *sps)
{
	struct bits bits;
	bits_init(&bits, sps->data + 1, sps->len - 1u);
	bits_skip(&bits, 3); /* profile, constraints, level */
	const int id = (int)bits_ue(&bits);
	return bits_ok(&bits) ? id : -1;
}

/* The beginning of a slice header (H.264 §7.3.3). A picture's first slice starts at macroblock 0:
 * else its beginning was lost before anything of it was seen. */
static void begin_picture(struct rtp_depay *depay, const struct h264_nal *nal)
{
	struct bits bits;
	bits_init(&bits, nal->data + 1, nal->len - 1);
	const uint32_t first_macroblock = bits_ue(&bits);
	bits_ue(&bits); /* slice_type */
	depay->active_pps = (int)bits_ue(&bits);
	depay->picture = true;
	if (!bits_ok(&bits) || first_macroblock != 0)
		depay->broken = true;
}

/* The SPS in use first: an encoder may send those of several sizes. */
static void order_sps(const struct rtp_depay *depay, struct h264_nal *sps)
{
	int active = -1;
	for (unsigned i = 0; i < depay->pps_count; i++) {
		int id, sps_id;
		read_pps_ids(&depay->pps[i], &id, &sps_id);
		if (id >= 0 && id == depay->active_pps)
			active = sps_id;
	}
	for (unsigned i = 1; i < depay->sps_count; i++) {
		if (active < 0 || read_sps_id(&depay->sps[i]) != active)
			continue;
		const struct h264_nal first = sps[0];
		sps[0] = sps[i];
		sps[i] = first;
		return;
	}
}

/* The configuration of a keyframe; the old object as long as its content is the same. */
static void update_config(struct rtp_depay *depay)
{
	struct h264_nal sps[H264_SETS_MAX], pps[H264_SETS_MAX];
	for (unsigned i = 0; i < depay->sps_count; i++)
		sps[i] = nal_of(&depay->sps[i]);
	for (unsigned i = 0; i < depay->pps_count; i++)
		pps[i] = nal_of(&depay->pps[i]);
	if (depay->sps_count == 0 || depay->pps_count == 0)
		return;
	order_sps(depay, sps);
	struct media_config *config =
		h264_config_create(sps, depay->sps_count, pps, depay->pps_count);
	if (!config)
		return;
	const struct buf *was = depay->config ? depay->config->header : NULL;
	if (was && was->len == config->header->len &&
	    memcmp(was->data, config->header->data, was->len) == 0) {
		media_config_unref(config);
		return;
	}
	media_config_unref(depay->config);
	depay->config = config;
}

static void emit(struct rtp_depay *depay)
{
	struct buf *data = buf_from_bytes(&depay->unit);
	if (!data) {
		depay->dropped++;
		lose(depay);
		return;
	}
	struct frame *frame = frame_create(media_config_ref(depay->config), data);
	frame->key = depay->idr;
	depay->waiting_key = false;
	depay->frames++;
	depay->keys += depay->idr;
	depay->events->frame(depay->arg, frame, depay->timestamp, depay->arrival_us);
}

static void finish_frame(struct rtp_depay *depay)
{
	if (!depay->open)
		return;
	const bool whole = !depay->broken && !depay->in_fragment && bytes_ok(&depay->unit);
	if (whole && depay->idr)
		update_config(depay);
	const bool usable = !depay->waiting_key || (depay->idr && depay->config);
	/* Parameter sets or SEI alone are no frame; the sets wait for their picture. */
	if (whole && depay->picture && usable) {
		emit(depay);
	} else if (!whole || depay->picture) {
		depay->dropped++;
		lose(depay);
	}
	reset_frame(depay);
}

static void take_set(struct rtp_depay *depay, const struct h264_nal *nal)
{
	const bool is_sps = h264_nal_type(nal) == H264_NAL_SPS;
	if (nal->len < 4 || nal->len > H264_PARAMETER_SET_MAX) {
		depay->malformed++;
		return;
	}
	if (is_sps && !depay->sets_here) {
		/* The sets of a keyframe replace all that were known. */
		depay->sps_count = depay->pps_count = 0;
		depay->sets_here = true;
	}
	struct parameter_set *sets = is_sps ? depay->sps : depay->pps;
	unsigned *count = is_sps ? &depay->sps_count : &depay->pps_count;
	for (unsigned i = 0; i < *count; i++) {
		if (sets[i].len == nal->len && memcmp(sets[i].data, nal->data, nal->len) == 0)
			return;
	}
	if (*count == H264_SETS_MAX)
		return;
	sets[*count].len = (uint16_t)nal->len;
	memcpy(sets[*count].data, nal->data, nal->len);
	(*count)++;
}

/* The unit that begins with its length field at `at` is complete. */
static void finish_nal(struct rtp_depay *depay, size_t at)
{
	if (!bytes_ok(&depay->unit))
		return;
	uint8_t *start = depay->unit.data + at;
	const size_t len = depay->unit.len - at - 4;
	const struct h264_nal nal = { .data = start + 4, .len = len };
	const enum h264_nal_type type = h264_nal_type(&nal);
	if (!h264_nal_belongs_to_frame(&nal)) {
		if (type == H264_NAL_SPS || type == H264_NAL_PPS)
			take_set(depay, &nal);
		depay->unit.len = at;
		return;
	}
	start[0] = (uint8_t)(len >> 24);
	start[1] = (uint8_t)(len >> 16);
	start[2] = (uint8_t)(len >> 8);
	start[3] = (uint8_t)len;
	if (type != H264_NAL_IDR && type != H264_NAL_SLICE)
		return;
	if (!depay->picture)
		begin_picture(depay, &nal);
	if (type == H264_NAL_IDR)
		depay->idr = true;
}

static void add_nal(struct rtp_depay *depay, const uint8_t *data, size_t len)
{
	if (len == 0)
		return;
	const size_t at = depay->unit.len;
	bytes_be32(&depay->unit, 0);
	bytes_put(&depay->unit, data, len);
	finish_nal(depay, at);
}

static void break_frame(struct rtp_depay *depay)
{
	depay->broken = true;
	depay->malformed++;
}

static void take_fragment(struct rtp_depay *depay, struct bits *bits)
{
	const uint8_t indicator = bits_u8(bits);
	const uint8_t header = bits_u8(bits);
	const size_t len = bits_left(bits);
	const uint8_t *data = bits_bytes(bits, len);
	/* RFC 6184 §5.8: start and end in one fragment must not be. */
	if (!bits_ok(bits) || (header & (FU_START | FU_END)) == (FU_START | FU_END)) {
		break_frame(depay);
		return;
	}
	const bool start = header & FU_START;
	if (start == depay->in_fragment) {
		break_frame(depay); /* a start within a unit, or a part without its start */
		depay->in_fragment = false;
		return;
	}
	if (start) {
		depay->fragment_at = depay->unit.len;
		bytes_be32(&depay->unit, 0);
		bytes_u8(&depay->unit,
			 (uint8_t)((indicator & ~NAL_TYPE_MASK) | (header & NAL_TYPE_MASK)));
		depay->in_fragment = true;
	}
	bytes_put(&depay->unit, data, len);
	if (header & FU_END) {
		depay->in_fragment = false;
		finish_nal(depay, depay->fragment_at);
	}
}

static void take_aggregate(struct rtp_depay *depay, struct bits *bits)
{
	bits_skip(bits, 1);
	while (bits_left(bits) > 0) {
		const size_t len = bits_be16(bits);
		const uint8_t *data = bits_bytes(bits, len);
		if (!bits_ok(bits)) {
			break_frame(depay);
			return;
		}
		add_nal(depay, data, len);
	}
}

static void take_payload(struct rtp_depay *depay, const struct rtp_unit *unit)
{
	struct bits bits;
	bits_init(&bits, unit->data, unit->len);
	const unsigned type = unit->data[0] & NAL_TYPE_MASK;
	if (type == NAL_FU_A) {
		take_fragment(depay, &bits);
		return;
	}
	if (depay->in_fragment) {
		break_frame(depay);
		depay->in_fragment = false;
	}
	if (type == NAL_STAP_A)
		take_aggregate(depay, &bits);
	else if (type >= 1 && type < NAL_STAP_A)
		add_nal(depay, unit->data, unit->len);
	else
		break_frame(depay); /* interleaved modes are never negotiated */
}

void rtp_depay_push(struct rtp_depay *depay, const struct rtp_unit *unit)
{
	if (unit->after_loss) {
		/* Whether the lost packets belonged to this frame or to one before it: what comes
		 * refers to something that is not there. */
		if (depay->open)
			depay->broken = true;
		finish_frame(depay);
		lose(depay);
	}
	if (unit->len == 0)
		return;
	if (depay->open && unit->timestamp != depay->timestamp)
		finish_frame(depay);
	if (!depay->open) {
		depay->open = true;
		depay->timestamp = unit->timestamp;
		depay->arrival_us = unit->arrival_us;
	}
	take_payload(depay, unit);
	if (unit->marker)
		finish_frame(depay);
}
