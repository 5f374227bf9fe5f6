#include "media/output/cmaf_sample.h"

#include "media/output/cmaf.h"
#include "media/output/mp4_box.h"
#include "server/core/bits.h"
#include "server/core/buf.h"

#include <string.h>

enum {
	/* ISO 14496-12 §12.1.3: fields of a sample entry before its boxes */
	AVC1_FIELDS = 78,
	STSD_FIELDS = 8,
	TRUN_OFFSET = 0x000001,
	TRUN_DURATION = 0x000100,
	TRUN_SIZE = 0x000200,
};

/* The content of the next box, whose type is given out; false at the end, or when it is cut off. */
static bool next_box(struct bits *bits, char type[5], struct bits *content)
{
	if (bits_left(bits) < MP4_BOX_HEAD)
		return false;
	const uint32_t size = bits_be32(bits);
	memcpy(type, bits_bytes(bits, 4), 4);
	type[4] = '\0';
	if (size < MP4_BOX_HEAD || size - MP4_BOX_HEAD > bits_left(bits))
		return false;
	*content = bits_sub(bits, size - MP4_BOX_HEAD);
	return true;
}

/* The first box of that type. */
static bool find_box(struct bits bits, const char *wanted, struct bits *content)
{
	char type[5];
	while (next_box(&bits, type, content))
		if (!strcmp(type, wanted))
			return true;
	return false;
}

static struct buf *copy_rest(struct bits *bits)
{
	const size_t len = bits_left(bits);
	return len ? buf_copy(bits_bytes(bits, len), len) : NULL;
}

static struct buf *avcc_of_track(struct bits trak)
{
	static const char *const path[] = { "mdia", "minf", "stbl", "stsd" };
	struct bits box = trak, inner;
	for (size_t i = 0; i < sizeof(path) / sizeof(*path); i++) {
		if (!find_box(box, path[i], &inner))
			return NULL;
		box = inner;
	}
	bits_skip(&box, STSD_FIELDS);
	if (!find_box(box, "avc1", &inner))
		return NULL;
	bits_skip(&inner, AVC1_FIELDS);
	struct bits avcc;
	return find_box(inner, "avcC", &avcc) ? copy_rest(&avcc) : NULL;
}

struct buf *cmaf_find_avcc(const void *header, size_t len)
{
	struct bits bits, moov, trak;
	char type[5];
	struct buf *avcc = NULL;
	bits_init(&bits, header, len);
	if (!find_box(bits, "moov", &moov))
		return NULL;
	while (!avcc && next_box(&moov, type, &trak))
		if (!strcmp(type, "trak"))
			avcc = avcc_of_track(trak);
	return avcc;
}

/* Where the first sample stands, counted from the moof, and how long it is. */
struct place {
	uint32_t offset, size;
};

/* §8.8.8 */
static bool read_run(struct bits trun, struct place *out)
{
	const uint32_t flags = bits_be32(&trun) & 0xffffff;
	const uint32_t count = bits_be32(&trun);
	if (!(flags & TRUN_OFFSET) || !(flags & TRUN_SIZE))
		return false;
	out->offset = bits_be32(&trun);
	if (flags & TRUN_DURATION)
		bits_be32(&trun);
	out->size = bits_be32(&trun);
	return count && bits_ok(&trun);
}

static bool place_in(struct bits moof, struct place *out)
{
	struct bits traf, tfhd, trun;
	char type[5];
	while (next_box(&moof, type, &traf)) {
		if (strcmp(type, "traf") != 0 || !find_box(traf, "tfhd", &tfhd))
			continue;
		bits_be32(&tfhd); /* version, flags */
		if (bits_be32(&tfhd) == CMAF_VIDEO_TRACK && bits_ok(&tfhd))
			return find_box(traf, "trun", &trun) && read_run(trun, out);
	}
	return false;
}

struct buf *cmaf_first_picture(const void *fragment, size_t len)
{
	struct bits bits, moof;
	struct place place = { 0 };
	bits_init(&bits, fragment, len);
	if (!find_box(bits, "moof", &moof))
		return NULL;
	const size_t begin = (size_t)(moof.at - MP4_BOX_HEAD - (const uint8_t *)fragment);
	if (!place_in(moof, &place) || !place.size || begin + place.offset > len ||
	    place.size > len - begin - place.offset)
		return NULL;
	return buf_copy((const uint8_t *)fragment + begin + place.offset, place.size);
}
