/* Byte sequences written from the text of Enhanced RTMP v2, sections "Enhanced Audio" and "Enhanced
 * Video". */
#include "media/ingest/flv_extended.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	AVC1 = 0x61766331,
	HVC1 = 0x68766331,
	MP4A = 0x6d703461,
};

struct row {
	const char *tag;
	size_t len;
	int err;
	enum flv_extended_kind kind;
	uint32_t fourcc;
	const char *body; /* NULL: none */
};

#define TAG(text) text, sizeof(text) - 1

static const struct row video[] = {
	/* SequenceStart, CodedFrames, CodedFramesX of a keyframe */
	{ TAG("\x90"
	      "avc1cfg"),
	  0, FLV_EXTENDED_CONFIG, AVC1, "cfg" },
	{ TAG("\x91"
	      "avc1\0\0\5nal"),
	  0, FLV_EXTENDED_FRAMES, AVC1, NULL },
	{ TAG("\x93"
	      "avc1nal"),
	  0, FLV_EXTENDED_FRAMES_X, AVC1, "nal" },
	{ TAG("\x93"
	      "hvc1nal"),
	  0, FLV_EXTENDED_FRAMES_X, HVC1, "nal" },
	/* SequenceEnd, Metadata, MPEG2TSSequenceStart, a type of a later text */
	{ TAG("\x92"
	      "avc1"),
	  0, FLV_EXTENDED_OTHER, AVC1, NULL },
	{ TAG("\x94"
	      "avc1meta"),
	  0, FLV_EXTENDED_OTHER, AVC1, NULL },
	{ TAG("\x95"
	      "avc1ts"),
	  0, FLV_EXTENDED_OTHER, AVC1, NULL },
	{ TAG("\x9f"
	      "avc1new"),
	  0, FLV_EXTENDED_OTHER, AVC1, NULL },
	/* A command frame has one byte and no FourCC; as metadata it has one */
	{ TAG("\xd1\0"), 0, FLV_EXTENDED_OTHER, 0, NULL },
	{ TAG("\xd4"
	      "avc1meta"),
	  0, FLV_EXTENDED_OTHER, AVC1, NULL },
	/* ModEx: 3 bytes of nanoseconds; two of them; one of 256 bytes' form (here 2) */
	{ TAG("\x97\x02\0\1\2\x03"
	      "avc1nal"),
	  0, FLV_EXTENDED_FRAMES_X, AVC1, "nal" },
	{ TAG("\x97\x02\0\1\2\x07\x00\1\x13"
	      "avc1nal"),
	  0, FLV_EXTENDED_FRAMES_X, AVC1, "nal" },
	{ TAG("\x97\xff\0\1ab\x03"
	      "avc1nal"),
	  0, FLV_EXTENDED_FRAMES_X, AVC1, "nal" },
	/* OneTrack: track 0 and track 1 */
	{ TAG("\x96\x03"
	      "avc1\0nal"),
	  0, FLV_EXTENDED_FRAMES_X, AVC1, "nal" },
	{ TAG("\x96\x03"
	      "avc1\1nal"),
	  0, FLV_EXTENDED_OTHER, AVC1, NULL },
	/* ManyTracks: 1, then 0 */
	{ TAG("\x96\x13"
	      "avc1\1\0\0\2xx\0\0\0\3nal"),
	  0, FLV_EXTENDED_FRAMES_X, AVC1, "nal" },
	{ TAG("\x96\x13"
	      "avc1\1\0\0\2xx\2\0\0\3nal"),
	  0, FLV_EXTENDED_OTHER, AVC1, NULL },
	/* ManyTracksManyCodecs: what another track's codec is does not matter */
	{ TAG("\x96\x23"
	      "hvc1\1\0\0\1xavc1\0\0\0\3nal"),
	  0, FLV_EXTENDED_FRAMES_X, AVC1, "nal" },
	/* A multitrack type of a later text */
	{ TAG("\x96\x33"
	      "avc1\0nal"),
	  0, FLV_EXTENDED_OTHER, AVC1, NULL },
	/* Cut off */
	{ TAG("\x90"), -EINVAL, 0, 0, NULL },
	{ TAG("\x90"
	      "avc"),
	  -EINVAL, 0, 0, NULL },
	{ TAG("\x97"), -EINVAL, 0, 0, NULL },
	{ TAG("\x97\x10\0\1"), -EINVAL, 0, 0, NULL },
	{ TAG("\x97\xff\xff\xff"
	      "avc1"),
	  -EINVAL, 0, 0, NULL },
	{ TAG("\x96"), -EINVAL, 0, 0, NULL },
	{ TAG("\x96\x03"
	      "av"),
	  -EINVAL, 0, 0, NULL },
	{ TAG("\x96\x13"
	      "avc1\0\0\0\4nal"),
	  -EINVAL, 0, 0, NULL },
	{ TAG("\x96\x13"
	      "avc1\0\xff\xff\xffnal"),
	  -EINVAL, 0, 0, NULL },
	{ TAG("\x96\x23"
	      "av"),
	  -EINVAL, 0, 0, NULL },
};

static const struct row audio[] = {
	{ TAG("\x90"
	      "mp4a\x12\x10"),
	  0, FLV_EXTENDED_CONFIG, MP4A, "\x12\x10" },
	{ TAG("\x91"
	      "mp4araw"),
	  0, FLV_EXTENDED_FRAMES, MP4A, "raw" },
	{ TAG("\x92"
	      "mp4a"),
	  0, FLV_EXTENDED_OTHER, MP4A, NULL },
	{ TAG("\x94"
	      "mp4a\0\2"),
	  0, FLV_EXTENDED_OTHER, MP4A, NULL },
	{ TAG("\x95\x01"
	      "mp4a\0raw"),
	  0, FLV_EXTENDED_FRAMES, MP4A, "raw" },
	{ TAG("\x95\x01"
	      "mp4a\7raw"),
	  0, FLV_EXTENDED_OTHER, MP4A, NULL },
	{ TAG("\x97\x02\0\1\2\x01"
	      "mp4araw"),
	  0, FLV_EXTENDED_FRAMES, MP4A, "raw" },
	{ TAG("\x95"), -EINVAL, 0, 0, NULL },
	{ TAG("\x91"
	      "mp"),
	  -EINVAL, 0, 0, NULL },
};

static void check(const struct row *row,
		  int (*read)(struct flv_extended *out, uint8_t first, struct bits *bits))
{
	/* A copy of its own, so that a sanitizer sees what is read beyond it. */
	char *tag = malloc(row->len);
	memcpy(tag, row->tag, row->len);
	struct bits bits;
	struct flv_extended out;
	bits_init(&bits, tag, row->len);
	const uint8_t first = bits_u8(&bits);
	cr_assert(eq(int, read(&out, first, &bits), row->err));
	if (!row->err) {
		cr_assert(eq(int, (int)out.kind, (int)row->kind));
		cr_assert(eq(u32, out.fourcc, row->fourcc));
	}
	if (row->body) {
		cr_assert(eq(sz, bits_left(&out.body), strlen(row->body)));
		cr_assert(memcmp(out.body.at, row->body, strlen(row->body)) == 0);
	}
	free(tag);
}

Test(flv_extended, video_headers_are_read_as_the_text_says)
{
	for (size_t i = 0; i < sizeof(video) / sizeof(*video); i++) {
		cr_log_info("row %zu", i);
		check(&video[i], flv_extended_video);
	}
}

Test(flv_extended, audio_headers_are_read_as_the_text_says)
{
	for (size_t i = 0; i < sizeof(audio) / sizeof(*audio); i++) {
		cr_log_info("row %zu", i);
		check(&audio[i], flv_extended_audio);
	}
}
