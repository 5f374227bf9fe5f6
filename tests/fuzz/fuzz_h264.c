/* Both framings, parameter sets, records and slice headers of whatever comes. */
#include "media/codec/aac.h"
#include "media/codec/h264.h"
#include "media/codec/h264_repeat.h"
#include "media/frame.h"
#include "server/core/buf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void look_at(const struct h264_nal *nal)
{
	struct h264_sps sps;
	if (!h264_sps_parse(&sps, nal) && (!sps.width || !sps.height))
		abort();
	(void)h264_slice_type(nal);
	(void)h264_sei_is_time(nal);
	media_config_unref(h264_config_create(nal, 1, nal, 1));
}

/* The picture that follows two units, its parameter sets. */
static void repeat(const uint8_t *data, size_t len)
{
	struct h264_reader reader;
	struct h264_nal sets[2];
	h264_read_avcc(&reader, data, len, 4);
	if (!h264_next(&reader, &sets[0]) || !h264_next(&reader, &sets[1]) ||
	    reader.at == reader.end)
		return;
	struct media_config *config = h264_config_create(&sets[0], 1, &sets[1], 1);
	struct buf *picture = buf_copy(reader.at, (size_t)(reader.end - reader.at));
	if (config)
		buf_unref(h264_repeat(config, picture));
	buf_unref(picture);
	media_config_unref(config);
}

static void walk(struct h264_reader *reader)
{
	struct h264_nal nal;
	while (h264_next(reader, &nal)) {
		if (!nal.len)
			abort();
		look_at(&nal);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct h264_reader reader;
	struct h264_avcc avcc;
	h264_read_annexb(&reader, data, len);
	walk(&reader);
	for (unsigned length_size = 1; length_size <= 4; length_size *= 2) {
		h264_read_avcc(&reader, data, len, length_size);
		walk(&reader);
	}
	if (!h264_avcc_parse(&avcc, data, len))
		media_config_unref(
			h264_config_create(avcc.sps, avcc.sps_count, avcc.pps, avcc.pps_count));
	repeat(data, len);
	media_config_unref(aac_media_config_create(data, len));
	return 0;
}
