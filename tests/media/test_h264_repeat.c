#include "media/codec/h264.h"
#include "media/codec/h264_repeat.h"
#include "media/frame.h"
#include "server/core/bytes.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <string.h>

/* The parameter sets of what x264 wrote, and how its newest picture begins. */
struct source {
	const char *sps, *pps, *slice;
	size_t sps_len, pps_len, slice_len;
};

#define BYTES(name, text) .name = (text), .name##_len = sizeof(text) - 1

static const struct source baseline = {
	BYTES(sps, "\x67\x42\xc0\x0d\xd9\x01\x41\x9f\x9f\x01\x10\x00\x00\x03\x00\x10\x00\x00\x03"
		   "\x03\x28\xf1\x42\xa4\x80"),
	BYTES(pps, "\x68\xcb\x8c\xb2"),
	BYTES(slice, "\x41\x9b\x20\x21\xd7\xa9\x56\x48"),
};

static const struct source high = {
	BYTES(sps, "\x67\x64\x00\x0d\xac\xb2\x02\xa3\x3c\x44\xd8\x08\x80\x00\x00\x03\x00\x80\x00"
		   "\x00\x19\x07\x8a\x15\x24"),
	BYTES(pps, "\x68\xeb\xc3\xcb\x22\xc0"),
	BYTES(slice, "\x41\x9b\x32\x78\x43\xc9\x94\xc0"),
};

static struct media_config *config_of(const struct source *source)
{
	const struct h264_nal sps = { (const uint8_t *)source->sps, source->sps_len };
	const struct h264_nal pps = { (const uint8_t *)source->pps, source->pps_len };
	return h264_config_create(&sps, 1, &pps, 1);
}

static struct buf *picture_of(const char *slice, size_t len)
{
	struct bytes bytes;
	bytes_init(&bytes, 64);
	bytes_be32(&bytes, (uint32_t)len);
	bytes_put(&bytes, slice, len);
	struct buf *picture = buf_from_bytes(&bytes);
	bytes_finish(&bytes);
	return picture;
}

/* ffmpeg decodes these, behind the pictures that the sources are of, to the same samples, and what
 * follows them to the same as without them. */
static const struct {
	const struct source *source;
	const char *made;
	size_t made_len;
} rows[] = {
	{ &baseline, BYTES(made, "\x01\x9b\x58\x19\x20\x1e\x30") }, /* CAVLC, 240 macroblocks */
	{ &high, BYTES(made, "\x01\x9b\x5b\x20\xe1\x7f\x00\x49\xc0") }, /* CABAC, weights */
};

ParameterizedTestParameters(h264_repeat, skips_every_macroblock)
{
	static size_t i[] = { 0, 1 };
	return cr_make_param_array(size_t, i, 2);
}

ParameterizedTest(size_t *i, h264_repeat, skips_every_macroblock)
{
	const struct source *source = rows[*i].source;
	struct media_config *config = config_of(source);
	struct buf *last = picture_of(source->slice, source->slice_len);
	struct buf *made = h264_repeat(config, last);
	struct buf *wanted = picture_of(rows[*i].made, rows[*i].made_len);
	cr_assert(made != NULL);
	cr_assert(eq(sz, made->len, wanted->len));
	cr_assert(eq(int, memcmp(made->data, wanted->data, wanted->len), 0));
	buf_unref(wanted);
	buf_unref(made);
	buf_unref(last);
	media_config_unref(config);
}

Test(h264_repeat, is_not_made_of_what_reorders_or_does_not_parse)
{
	static const char *const slices[] = { "\x06", "\x41", "\x41\x9b" };
	struct media_config *config = config_of(&high);
	for (size_t i = 0; i < sizeof(slices) / sizeof(*slices); i++) {
		struct buf *bad = picture_of(slices[i], strlen(slices[i]));
		cr_assert(eq(ptr, h264_repeat(config, bad), NULL));
		buf_unref(bad);
	}
	struct buf *last = picture_of(high.slice, high.slice_len);
	config->reorders = true;
	cr_assert(eq(ptr, h264_repeat(config, last), NULL));
	buf_unref(last);
	media_config_unref(config);
}
