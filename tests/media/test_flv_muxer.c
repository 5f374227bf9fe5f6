#include "media/output/flv_muxer.h"

#include "media/codec/h264.h"
#include "media/ingest/amf0.h"
#include "tests/support/flv_file.h"
#include "tests/support/media_frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

/* The tag in one buffer, checked for its sizes. */
static struct flv_tag parse(const struct buf *buf)
{
	static uint8_t bytes[1 << 16];
	static const uint8_t header[13] = { 'F', 'L', 'V', 1, 5, 0, 0, 0, 9 };
	struct flv_file file;
	struct flv_tag tag;
	memcpy(bytes, header, sizeof(header));
	memcpy(bytes + sizeof(header), buf->data, buf->len);
	flv_file_wrap(&file, bytes, sizeof(header) + buf->len);
	cr_assert(flv_file_next(&file, &tag));
	cr_assert(eq(sz, file.at, file.len));
	return tag;
}

Test(flv_muxer, file_header_announces_both_tracks)
{
	struct buf *header = flv_file_header();
	cr_assert(eq(sz, header->len, 13));
	cr_assert(eq(int, memcmp(header->data, "FLV\x01\x05\0\0\0\x09\0\0\0\0", 13), 0));
	buf_unref(header);
}

Test(flv_muxer, video_tag_has_decoding_time_and_composition_time)
{
	struct media_config *config = test_video_config();
	struct frame *frame = test_video_frame(config, true, 0, 10);
	frame->dts_us = 0x01234567LL * 1000 + 999;
	frame->media_us = frame->dts_us + 80000;
	const struct flv_tag tag = parse(flv_frame_tag(frame));
	cr_assert(eq(u8, tag.type, 9));
	cr_assert(eq(u32, tag.at_ms, 0x01234567));
	cr_assert(eq(int, memcmp(tag.body, "\x17\x01\x00\x00\x50\x00\x00\x00\x0a\x65", 10), 0));
	frame_unref(frame);
	media_config_unref(config);
}

Test(flv_muxer, negative_composition_time_is_kept)
{
	struct media_config *config = test_video_config();
	struct frame *frame = test_video_frame(config, false, 0, 10);
	frame->dts_us = 5000000;
	frame->media_us = 4999000;
	const struct flv_tag tag = parse(flv_frame_tag(frame));
	cr_assert(eq(int, memcmp(tag.body, "\x27\x01\xff\xff\xff", 5), 0));
	frame_unref(frame);
	media_config_unref(config);
}

Test(flv_muxer, gaps_between_epochs_are_left_out)
{
	cr_assert(eq(u32, flv_time_ms(9000000, 7000000), 2000));
	cr_assert(eq(u32, flv_time_ms(1999, 0), 1));
	cr_assert(eq(u32, flv_time_ms(0, 1), 0xffffffff));
}

Test(flv_muxer, a_stamped_frame_starts_with_the_capture_time)
{
	struct media_config *config = test_video_config();
	struct frame *frame = test_video_frame(config, true, 1000000, 10);
	frame->stamp = true;
	frame->capture_us = 1795226035123456;
	const struct flv_tag tag = parse(flv_frame_tag(frame));
	struct h264_reader reader;
	struct h264_nal nal;
	h264_read_avcc(&reader, tag.body + 5, tag.len - 5, 4);
	cr_assert(h264_next(&reader, &nal));
	cr_assert(h264_sei_is_time(&nal));
	cr_assert(eq(int, memcmp(nal.data + 19, "{\"t\":1795226035123}", 19), 0));
	cr_assert(h264_next(&reader, &nal));
	cr_assert(h264_sei_is_time(&nal));
	cr_assert(h264_next(&reader, &nal));
	cr_assert(eq(int, h264_nal_type(&nal), H264_NAL_IDR));
	cr_assert(not(h264_next(&reader, &nal)));
	frame_unref(frame);
	media_config_unref(config);
}

Test(flv_muxer, a_frame_is_packaged_once)
{
	struct media_config *config = test_audio_config();
	struct frame *frame = test_audio_frame(config, 1000000);
	struct buf *tag = flv_frame_tag(frame);
	cr_assert(eq(ptr, flv_frame_tag(frame), tag));
	const struct flv_tag parsed = parse(tag);
	cr_assert(eq(int, memcmp(parsed.body, "\xaf\x01\x21", 3), 0));
	frame_unref(frame);
	media_config_unref(config);
}

Test(flv_muxer, sequence_headers_hold_the_configuration)
{
	struct media_config *video = test_video_config();
	struct media_config *audio = test_audio_config();
	struct buf *tag = flv_config_tag(video, 77);
	struct flv_tag parsed = parse(tag);
	cr_assert(eq(u32, parsed.at_ms, 77));
	cr_assert(eq(int, memcmp(parsed.body, "\x17\0\0\0\0\x01\x42", 7), 0));
	buf_unref(tag);
	tag = flv_config_tag(audio, 77);
	parsed = parse(tag);
	cr_assert(eq(sz, parsed.len, 4));
	cr_assert(eq(int, memcmp(parsed.body, "\xaf\0\x11\x90", 4), 0));
	buf_unref(tag);
	media_config_unref(video);
	media_config_unref(audio);
}

Test(flv_muxer, a_script_tag_carries_the_message_as_a_string)
{
	static const char text[] = "{\"v\":1,\"type\":\"chat\"}";
	struct buf *tag = flv_script_tag(text, strlen(text), 1234);
	const struct flv_tag parsed = parse(tag);
	struct bits bits;
	struct amf0_text name, value;
	bits_init(&bits, parsed.body, parsed.len);
	cr_assert(eq(u8, parsed.type, 18));
	cr_assert(eq(u32, parsed.at_ms, 1234));
	cr_assert(eq(int, amf0_string(&bits, &name), 0));
	cr_assert(amf0_text_is(&name, "onSouk"));
	cr_assert(eq(int, amf0_string(&bits, &value), 0));
	cr_assert(amf0_text_is(&value, text));
	cr_assert(eq(int, amf0_peek(&bits), -1));
	buf_unref(tag);
}

Test(flv_muxer, metadata_names_an_absent_track)
{
	struct media_config *video = test_video_config();
	const struct flv_metadata metadata = { .has_video = true, .video = video };
	struct buf *tag = flv_metadata_tag(&metadata);
	const struct flv_tag parsed = parse(tag);
	struct bits bits;
	struct amf0_text key;
	bool has_audio = true;
	unsigned pairs = 0;
	bits_init(&bits, parsed.body, parsed.len);
	cr_assert(eq(int, amf0_string(&bits, &key), 0));
	cr_assert(amf0_text_is(&key, "onMetaData"));
	cr_assert(eq(int, amf0_enter(&bits), 0));
	while (amf0_key(&bits, &key) == 1) {
		pairs++;
		if (!amf0_text_is(&key, "hasAudio") || amf0_boolean(&bits, &has_audio))
			cr_assert(eq(int, amf0_skip(&bits), 0));
	}
	cr_assert(not(has_audio));
	cr_assert(eq(uint, pairs, 6));
	cr_assert(eq(u8, parsed.body[13 + 4], 6)); /* and the array says so */
	buf_unref(tag);
	media_config_unref(video);
}
