#include "load-tests/swarm/h264_units.h"

#include "media/codec/h264.h"
#include "server/core/bits.h"

enum {
	STAP_A = 24, /* RFC 6184 §5.2 */
	FU_A = 28,
	TYPE = 0x1f,
	REF_IDC = 0x60,
	FU_START = 0x80,
	FU_END = 0x40,
	FORBIDDEN = 0x80,
	SLICE_HEAD = 32, /* bytes that hold a slice header's first fields */
	PROFILE_HIGH = 100,
	CHROMA_444 = 3,
};

void h264_units_init(struct h264_units *units,
		     void (*picture)(void *arg, const struct h264_picture *picture), void *arg)
{
	*units = (struct h264_units){ .picture = picture, .arg = arg };
}

/* §7.4.3: frame_num follows the newest reference picture, and starts from 0 at an IDR picture. */
static void check_number(struct h264_units *units)
{
	if (!units->number_bits) { /* nothing can be decoded before an SPS */
		units->chained = false;
		return;
	}
	const uint32_t mask = (1u << units->number_bits) - 1;
	if (units->key) {
		units->chained = true;
		units->number_gaps += units->number != 0;
	} else if (units->chained && units->number != ((units->reference + 1) & mask)) {
		units->number_gaps++;
		units->chained = false;
	}
	if (units->is_reference)
		units->reference = units->number;
}

static void close_unit(struct h264_units *units)
{
	if (!units->open)
		return;
	units->open = false;
	if (units->in_fragment)
		units->lost = true;
	units->in_fragment = false;
	if (units->lost) {
		units->broken++;
		units->chained = false;
		return;
	}
	if (!units->slices)
		return; /* parameter sets or SEI on their own */
	check_number(units);
	units->pictures++;
	units->keyframes += units->key;
	units->undecodable += !units->chained;
	const struct h264_picture picture = {
		.timestamp = units->timestamp,
		.key = units->key,
	};
	if (units->picture)
		units->picture(units->arg, &picture);
}

static void open_unit(struct h264_units *units, uint32_t timestamp)
{
	units->open = true;
	units->timestamp = timestamp;
	units->lost = units->slices = units->key = units->is_reference = units->in_fragment = false;
}

static void fault(struct h264_units *units)
{
	units->malformed++;
	units->lost = true;
}

/* §7.3.2.1.1 up to log2_max_frame_num. */
static void read_sps(struct h264_units *units, const uint8_t *data, size_t len)
{
	uint8_t rbsp[H264_PARAMETER_SET_MAX];
	struct bits bits;
	bits_init(&bits, rbsp, h264_unescape(rbsp, sizeof(rbsp), data + 1, len - 1));
	const uint8_t profile = bits_u8(&bits);
	bits_skip(&bits, 2);
	bits_ue(&bits);
	units->separate_planes = false;
	if (profile >= PROFILE_HIGH || profile == 44 || profile == 83 || profile == 86) {
		if (bits_ue(&bits) == CHROMA_444)
			units->separate_planes = bits_u(&bits, 1);
		bits_ue(&bits);
		bits_ue(&bits);
		bits_u(&bits, 1);
		if (bits_u(&bits, 1)) { /* scaling lists: no encoder for live shows sends them */
			fault(units);
			return;
		}
	}
	const uint32_t number_bits = bits_ue(&bits) + 4;
	if (!bits_ok(&bits) || number_bits > 16)
		fault(units);
	else
		units->number_bits = number_bits;
}

/* §7.3.3: the first fields. `data` begins behind the unit's header. */
static void read_slice(struct h264_units *units, uint8_t head, const uint8_t *data, size_t len)
{
	uint8_t rbsp[SLICE_HEAD];
	struct bits bits;
	const bool key = (head & TYPE) == H264_NAL_IDR;
	len = len < SLICE_HEAD ? len : SLICE_HEAD;
	bits_init(&bits, rbsp, h264_unescape(rbsp, sizeof(rbsp), data, len));
	const uint32_t first_block = bits_ue(&bits);
	const uint32_t type = bits_ue(&bits);
	bits_ue(&bits); /* pic_parameter_set_id */
	if (units->separate_planes)
		bits_u(&bits, 2);
	const uint32_t number = bits_u(&bits, units->number_bits);
	if (!bits_ok(&bits) || type > 9) {
		fault(units);
		return;
	}
	/* The first slice of a picture covers its first macroblock (without ASO, which nobody
	 * sends); all slices of a picture are of one kind and number. */
	if (!units->slices && first_block != 0)
		units->lost = true;
	if (units->slices && (units->key != key || units->number != number))
		fault(units);
	units->slices = true;
	units->key = key;
	units->number = number;
	units->is_reference = head & REF_IDC;
}

/* The beginning of a unit; of a fragmented one only its first part is there. */
static void take_unit(struct h264_units *units, uint8_t head, const uint8_t *data, size_t len)
{
	const uint8_t type = head & TYPE;
	/* Types 24 and up are RFC 6184's own and do not nest. */
	if (head & FORBIDDEN || !len || type == 0 || type > 23) {
		fault(units);
	} else if (type == H264_NAL_SLICE || type == H264_NAL_IDR) {
		read_slice(units, head, data, len);
	} else if (type == H264_NAL_SPS) {
		/* Its header byte stands in front of it, whether it came alone or in a STAP-A. */
		read_sps(units, data - 1, len + 1);
	}
}

static void take_aggregate(struct h264_units *units, struct bits *bits)
{
	while (bits_left(bits) > 0) {
		const uint16_t size = bits_be16(bits);
		const uint8_t *unit = bits_bytes(bits, size);
		if (!bits_ok(bits) || size < 2) {
			fault(units);
			return;
		}
		take_unit(units, unit[0], unit + 1, size - 1u);
	}
}

/* RFC 6184 §5.8. `indicator` carries what the unit's header would, but for the type. */
static void take_fragment(struct h264_units *units, uint8_t indicator, struct bits *bits)
{
	const uint8_t head = bits_u8(bits);
	const size_t left = bits_left(bits);
	const uint8_t *data = bits_bytes(bits, left);
	const uint8_t type = head & TYPE;
	const bool start = head & FU_START, end = head & FU_END;
	if (!bits_ok(bits) || (start && end) || !left) {
		fault(units);
		return;
	}
	if (start == units->in_fragment || (!start && type != units->fragment_type)) {
		units->lost = true; /* its beginning, or the end of the one before, is missing */
		units->in_fragment = start;
	}
	if (start) {
		units->fragment_type = type;
		if (type == H264_NAL_SPS)
			fault(units); /* never larger than a packet */
		else
			take_unit(units, (uint8_t)((indicator & ~TYPE) | type), data, left);
	}
	units->in_fragment = !end;
}

static void take_payload(struct h264_units *units, const struct h264_payload *payload)
{
	struct bits bits;
	bits_init(&bits, payload->data, payload->len);
	const uint8_t head = bits_u8(&bits);
	const uint8_t type = head & TYPE;
	if (type != FU_A && units->in_fragment) {
		units->lost = true;
		units->in_fragment = false;
	}
	if (type == FU_A)
		take_fragment(units, head, &bits);
	else if (type == STAP_A)
		take_aggregate(units, &bits);
	else
		take_unit(units, head, payload->data + 1, payload->len - 1);
}

void h264_units_push(struct h264_units *units, const struct h264_payload *payload)
{
	if (units->open && units->timestamp != payload->timestamp) {
		/* The marker of the unit before is missing. */
		units->lost |= payload->after_loss;
		close_unit(units);
	}
	if (!payload->len && !payload->after_loss)
		return;
	if (!units->open)
		open_unit(units, payload->timestamp);
	units->lost |= payload->after_loss;
	if (payload->len)
		take_payload(units, payload);
	if (payload->marker)
		close_unit(units);
}
