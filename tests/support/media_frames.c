#include "tests/support/media_frames.h"

#include <criterion/criterion.h>
#include <string.h>

struct media_config *test_video_config(void)
{
	/* From x264: baseline, level 1.2, 320x180 */
	static const uint8_t avcc[] = { 0x01, 0x42, 0xc0, 0x0c, 0xff, 0xe1, 0x00, 0x04, 0x67, 0x42,
					0xc0, 0x0c, 0x01, 0x00, 0x04, 0x68, 0xce, 0x3c, 0x80 };
	struct media_config *config = media_config_create(CODEC_H264, buf_copy(avcc, sizeof(avcc)));
	config->width = 320;
	config->height = 180;
	config->profile = 66;
	return config;
}

struct media_config *test_audio_config(void)
{
	static const uint8_t asc[] = { 0x11, 0x90 };
	struct media_config *config = media_config_create(CODEC_AAC, buf_copy(asc, sizeof(asc)));
	config->sample_rate = 48000;
	config->channels = 2;
	return config;
}

struct frame *test_video_frame(struct media_config *config, bool key, int64_t at_us, size_t len)
{
	struct buf *data = buf_create(len + 4);
	cr_assert(data && len > 0);
	memset(data->data, 0x55, data->len);
	for (int i = 0; i < 4; i++)
		data->data[i] = (uint8_t)(len >> (24 - 8 * i));
	data->data[4] = key ? 0x65 : 0x41;
	struct frame *frame = frame_create(media_config_ref(config), data);
	frame->key = key;
	frame->media_us = frame->dts_us = at_us;
	return frame;
}

struct frame *test_audio_frame(struct media_config *config, int64_t at_us)
{
	struct buf *data = buf_create(64);
	cr_assert(data != NULL);
	memset(data->data, 0x21, data->len);
	struct frame *frame = frame_create(media_config_ref(config), data);
	frame->media_us = frame->dts_us = at_us;
	frame->duration_us = 21333;
	return frame;
}
