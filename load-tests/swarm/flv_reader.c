#include "load-tests/swarm/flv_reader.h"

#include "server/core/bits.h"

#include <string.h>

enum { TAG_AUDIO = 8, TAG_VIDEO = 9, TAG_SCRIPT = 18, KEYFRAME = 1, AVC_NALU = 1, BACK_SIZE = 4 };

void flv_reader_init(struct flv_reader *reader)
{
	memset(reader, 0, sizeof(*reader));
	reader->want = FLV_READER_HEADER;
}

static void take_time(struct flv_reader *reader, unsigned kind, uint32_t ms)
{
	const int32_t step = (int32_t)(ms - reader->last_ms[kind]);
	if (reader->timed[kind] && step < 0)
		reader->backward++;
	if (reader->timed[kind] && !kind && step > FLV_READER_GAP_MS)
		reader->gaps++;
	reader->timed[kind] = true;
	reader->last_ms[kind] = ms;
}

static void take_video(struct flv_reader *reader, struct bits *body, uint32_t ms)
{
	const uint8_t kind = bits_u8(body) >> 4;
	if (bits_u8(body) != AVC_NALU)
		return;
	if (!reader->video)
		reader->began_with_key = kind == KEYFRAME;
	reader->video++;
	reader->keyframes += kind == KEYFRAME;
	take_time(reader, 0, ms);
}

/* The tag's header and the first two bytes of its body are there. */
static void take_tag(struct flv_reader *reader)
{
	struct bits bits;
	bits_init(&bits, reader->head, reader->have);
	const uint8_t type = bits_u8(&bits) & 0x1f;
	const uint32_t size = bits_be24(&bits);
	uint32_t ms = bits_be24(&bits);
	ms |= (uint32_t)bits_u8(&bits) << 24;
	bits_skip(&bits, 3);
	if (size < FLV_READER_PEEK ||
	    (type != TAG_AUDIO && type != TAG_VIDEO && type != TAG_SCRIPT)) {
		reader->bad = true;
	} else if (type == TAG_VIDEO) {
		take_video(reader, &bits, ms);
	} else if (type == TAG_AUDIO) {
		reader->audio++;
		take_time(reader, 1, ms);
	} else {
		reader->script++;
	}
	reader->skip = size - FLV_READER_PEEK + BACK_SIZE;
	reader->have = 0;
}

static void take_head(struct flv_reader *reader)
{
	if (reader->headed) {
		take_tag(reader);
		return;
	}
	/* E.2: signature, version 1, flags, header size, then the size of the tag before: 0. */
	reader->bad = memcmp(reader->head, "FLV\1", 4) != 0;
	reader->headed = true;
	reader->have = 0;
	reader->want = FLV_READER_TAG + FLV_READER_PEEK;
}

void flv_reader_feed(struct flv_reader *reader, const uint8_t *data, size_t len)
{
	while (len && !reader->bad) {
		size_t part = reader->want - reader->have;
		if (reader->skip) {
			part = reader->skip < len ? reader->skip : len;
			reader->skip -= (uint32_t)part;
		} else {
			part = part < len ? part : len;
			memcpy(reader->head + reader->have, data, part);
			reader->have += part;
		}
		data += part;
		len -= part;
		if (reader->have == reader->want)
			take_head(reader);
	}
}
