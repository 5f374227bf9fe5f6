#include "media/rtp/rtp_image.h"

#include "media/codec/h264.h"
#include "media/frame.h"

#include <stdlib.h>
#include <string.h>

/* RFC 6184 §5.2: packet types beside single NAL units. */
enum { NAL_STAP_A = 24, NAL_FU_A = 28, FU_OVERHEAD = 2, FU_START = 0x80, FU_END = 0x40 };
enum { NAL_TYPE_MASK = 0x1f, NAL_REF_MASK = 0x60, PADDING_MAX = 255 };

/* RFC 6716 §3.2: 3 frames of 1,275 bytes are possible; a packet that would not pass a path is not
 * sent at all. */
enum { OPUS_MAX = 1400 };

/* The same walk counts (image NULL), then writes. */
struct cutter {
	struct rtp_image *image;
	uint8_t *data;
	size_t len;
	size_t count;
};

/* The next packet's place: NULL while counting. */
static uint8_t *add_piece(struct cutter *cutter, size_t len, bool padded)
{
	uint8_t *place = NULL;
	if (cutter->image) {
		cutter->image->pieces[cutter->count] = (struct rtp_piece){
			.at = (uint32_t)cutter->len, .len = (uint16_t)len, .padded = padded
		};
		place = cutter->data + cutter->len;
	}
	cutter->len += len;
	cutter->count++;
	return place;
}

static void cut_fragments(struct cutter *cutter, const struct h264_nal *nal)
{
	const size_t len = nal->len - 1; /* the header byte travels in the FU header */
	const size_t room = RTP_PAYLOAD_MAX - FU_OVERHEAD;
	const size_t size = (len + (len + room - 1) / room - 1) / ((len + room - 1) / room);
	for (size_t at = 0; at < len; at += size) {
		const bool last = len - at <= size;
		const size_t part = last ? len - at : size;
		/* Equal segments leave in one call, and a sound packet may follow as the shorter
		 * one. */
		const size_t padding = size - part <= PADDING_MAX ? size - part : 0;
		uint8_t *place = add_piece(cutter, FU_OVERHEAD + part + padding, padding > 0);
		if (!place)
			continue;
		place[0] = (uint8_t)((nal->data[0] & ~NAL_TYPE_MASK) | NAL_FU_A);
		place[1] = (uint8_t)((nal->data[0] & NAL_TYPE_MASK) | (at == 0 ? FU_START : 0) |
				     (last ? FU_END : 0));
		memcpy(place + FU_OVERHEAD, nal->data + 1 + at, part);
		if (padding) {
			memset(place + FU_OVERHEAD + part, 0, padding - 1);
			place[FU_OVERHEAD + part + padding - 1] = (uint8_t)padding;
		}
	}
}

static void cut_nal(struct cutter *cutter, const struct h264_nal *nal)
{
	if (nal->len > RTP_PAYLOAD_MAX) {
		cut_fragments(cutter, nal);
		return;
	}
	uint8_t *place = add_piece(cutter, nal->len, false);
	if (place)
		memcpy(place, nal->data, nal->len);
}

static void put_aggregate(uint8_t *place, const struct h264_nal *units, size_t count)
{
	uint8_t ref = 0;
	size_t at = 1;
	for (size_t i = 0; i < count; i++) {
		const uint8_t unit_ref = units[i].data[0] & NAL_REF_MASK;
		ref = unit_ref > ref ? unit_ref : ref; /* RFC 6184 §5.7: the highest NRI */
		place[at] = (uint8_t)(units[i].len >> 8);
		place[at + 1] = (uint8_t)units[i].len;
		memcpy(place + at + 2, units[i].data, units[i].len);
		at += 2 + units[i].len;
	}
	place[0] = ref | NAL_STAP_A;
}

/* Each keyframe is decodable on its own: joins, switches and losses need no other help. */
static void cut_parameter_sets(struct cutter *cutter, const struct buf *header)
{
	struct h264_avcc avcc;
	if (!header || h264_avcc_parse(&avcc, header->data, header->len) < 0)
		return;
	struct h264_nal units[2 * H264_SETS_MAX];
	size_t count = 0;
	for (size_t i = 0; i < avcc.sps_count; i++)
		units[count++] = avcc.sps[i];
	for (size_t i = 0; i < avcc.pps_count; i++)
		units[count++] = avcc.pps[i];
	size_t len = 1;
	for (size_t i = 0; i < count; i++)
		len += 2 + units[i].len;
	if (count > 1 && len <= RTP_PAYLOAD_MAX) {
		uint8_t *place = add_piece(cutter, len, false);
		if (place)
			put_aggregate(place, units, count);
		return;
	}
	for (size_t i = 0; i < count; i++)
		cut_nal(cutter, &units[i]);
}

static bool travels(const struct h264_nal *nal)
{
	return h264_nal_belongs_to_frame(nal) && h264_nal_type(nal) != H264_NAL_SEI;
}

static bool cut_h264(struct cutter *cutter, const struct frame *frame)
{
	if (frame->key)
		cut_parameter_sets(cutter, frame->config->header);
	const size_t before = cutter->count;
	struct h264_reader reader;
	h264_read_avcc(&reader, frame->data->data, frame->data->len, 4);
	struct h264_nal nal;
	while (h264_next(&reader, &nal)) {
		if (travels(&nal))
			cut_nal(cutter, &nal);
	}
	if (reader.bad || cutter->count == before)
		return false;
	if (cutter->image)
		cutter->image->pieces[cutter->count - 1].marker = true;
	return true;
}

static bool cut_opus(struct cutter *cutter, const struct frame *frame)
{
	if (frame->data->len == 0 || frame->data->len > OPUS_MAX)
		return false;
	uint8_t *place = add_piece(cutter, frame->data->len, false);
	if (place)
		memcpy(place, frame->data->data, frame->data->len);
	return true;
}

static bool cut(struct cutter *cutter, const struct frame *frame)
{
	switch (frame->codec) {
	case CODEC_H264:
		return cut_h264(cutter, frame);
	case CODEC_OPUS:
		return cut_opus(cutter, frame);
	case CODEC_AAC:
		break;
	}
	return false;
}

static struct rtp_image *build(const struct frame *frame)
{
	struct cutter cutter = { 0 };
	if (!frame->data || !cut(&cutter, frame))
		return NULL;
	const size_t head = sizeof(struct rtp_image) + cutter.count * sizeof(struct rtp_piece);
	struct rtp_image *image = malloc(head + cutter.len);
	if (!image)
		return NULL;
	cutter = (struct cutter){ .image = image, .data = (uint8_t *)image + head };
	cut(&cutter, frame);
	image->data = cutter.data;
	image->len = (uint32_t)cutter.len;
	image->count = (uint32_t)cutter.count;
	return image;
}

const struct rtp_image *rtp_image_of(struct frame *frame)
{
	struct rtp_image *image = atomic_load_explicit(&frame->rtp, memory_order_acquire);
	if (image)
		return image;
	struct rtp_image *made = build(frame);
	if (!made)
		return NULL;
	if (atomic_compare_exchange_strong_explicit(&frame->rtp, &image, made, memory_order_acq_rel,
						    memory_order_acquire))
		return made;
	rtp_image_destroy(made); /* another thread was first */
	return image;
}

void rtp_image_destroy(struct rtp_image *image)
{
	free(image);
}
