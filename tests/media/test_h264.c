#include "media/codec/h264.h"
#include "media/frame.h"
#include "server/core/bytes.h"
#include "tests/support/flv_file.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The AVC sequence header of a file that ffmpeg wrote. */
static void read_record(const char *name, struct flv_file *file, struct flv_tag *tag)
{
	flv_file_open(file, name);
	while (flv_file_next(file, tag)) {
		if (tag->type == 9 && tag->body[1] == 0) {
			tag->body += 5;
			tag->len -= 5;
			return;
		}
	}
	cr_fail("no sequence header");
}

/* What ffmpeg's trace_headers says of the same files. */
static const struct {
	const char *file;
	uint8_t profile, constraints, level;
	uint16_t width, height;
	bool reorders;
} sources[] = {
	{ "bframes.flv", 100, 0x00, 13, 322, 182, true },
	{ "zerolatency.flv", 66, 0xc0, 13, 320, 180, false },
};

ParameterizedTestParameters(h264, reads_what_x264_wrote)
{
	static size_t i[] = { 0, 1 };
	return cr_make_param_array(size_t, i, 2);
}

ParameterizedTest(size_t *i, h264, reads_what_x264_wrote)
{
	struct flv_file file;
	struct flv_tag tag;
	struct h264_avcc avcc;
	struct h264_sps sps;
	read_record(sources[*i].file, &file, &tag);
	cr_assert(eq(int, h264_avcc_parse(&avcc, tag.body, tag.len), 0));
	cr_assert(eq(uint, avcc.length_size, 4));
	cr_assert(eq(sz, avcc.sps_count, 1));
	cr_assert(eq(sz, avcc.pps_count, 1));
	cr_assert(eq(int, h264_sps_parse(&sps, &avcc.sps[0]), 0));
	cr_assert(eq(u8, sps.profile, sources[*i].profile));
	cr_assert(eq(u8, sps.constraints, sources[*i].constraints));
	cr_assert(eq(u8, sps.level, sources[*i].level));
	cr_assert(eq(u16, sps.width, sources[*i].width));
	cr_assert(eq(u16, sps.height, sources[*i].height));
	cr_assert(sps.reorders_known);
	cr_assert(eq(int, sps.reorders, sources[*i].reorders));
	flv_file_close(&file);
}

ParameterizedTestParameters(h264, builds_the_record_that_ffmpeg_wrote)
{
	static size_t i[] = { 0, 1 };
	return cr_make_param_array(size_t, i, 2);
}

ParameterizedTest(size_t *i, h264, builds_the_record_that_ffmpeg_wrote)
{
	struct flv_file file;
	struct flv_tag tag;
	struct h264_avcc avcc;
	read_record(sources[*i].file, &file, &tag);
	cr_assert(eq(int, h264_avcc_parse(&avcc, tag.body, tag.len), 0));
	struct media_config *config =
		h264_config_create(avcc.sps, avcc.sps_count, avcc.pps, avcc.pps_count);
	cr_assert(config != NULL);
	cr_assert(eq(sz, config->header->len, tag.len));
	cr_assert(eq(int, memcmp(config->header->data, tag.body, tag.len), 0));
	cr_assert(eq(u16, config->width, sources[*i].width));
	media_config_unref(config);
	flv_file_close(&file);
}

Test(h264, finds_the_same_units_in_both_framings)
{
	size_t len;
	uint8_t *annexb = test_data_read("zerolatency.h264", &len);
	struct h264_reader reader;
	struct h264_nal nal;
	struct bytes avcc;
	bytes_init(&avcc, 1 << 20);
	unsigned types[32] = { 0 };
	h264_read_annexb(&reader, annexb, len);
	while (h264_next(&reader, &nal)) {
		types[h264_nal_type(&nal)]++;
		bytes_be32(&avcc, (uint32_t)nal.len);
		bytes_put(&avcc, nal.data, nal.len);
	}
	/* 10 pictures: one IDR with its parameter sets and x264's SEI, nine others */
	cr_assert(eq(uint, types[H264_NAL_SPS], 1));
	cr_assert(eq(uint, types[H264_NAL_PPS], 1));
	cr_assert(eq(uint, types[H264_NAL_SEI], 1));
	cr_assert(eq(uint, types[H264_NAL_IDR], 1));
	cr_assert(eq(uint, types[H264_NAL_SLICE], 9));
	unsigned again = 0;
	h264_read_avcc(&reader, avcc.data, avcc.len, 4);
	while (h264_next(&reader, &nal))
		again++;
	cr_assert(not(reader.bad));
	cr_assert(eq(uint, again, 13));
	bytes_finish(&avcc);
	free(annexb);
}

Test(h264, tells_slice_types)
{
	size_t len;
	uint8_t *annexb = test_data_read("zerolatency.h264", &len);
	struct h264_reader reader;
	struct h264_nal nal;
	h264_read_annexb(&reader, annexb, len);
	while (h264_next(&reader, &nal)) {
		if (h264_nal_type(&nal) == H264_NAL_IDR)
			cr_assert(eq(int, h264_slice_type(&nal), 2));
		else if (h264_nal_type(&nal) == H264_NAL_SLICE)
			cr_assert(eq(int, h264_slice_type(&nal), 0));
		else
			cr_assert(eq(int, h264_slice_type(&nal), -EINVAL));
	}
	free(annexb);
}

Test(h264, length_beyond_the_data_is_bad)
{
	static const uint8_t data[] = { 0, 0, 0, 2, 0x41, 1, 0, 0, 0, 9, 0x41 };
	struct h264_reader reader;
	struct h264_nal nal;
	h264_read_avcc(&reader, data, sizeof(data), 4);
	cr_assert(h264_next(&reader, &nal));
	cr_assert(eq(sz, nal.len, 2));
	cr_assert(not(h264_next(&reader, &nal)));
	cr_assert(reader.bad);
}

Test(h264, emulation_prevention_goes_and_comes_back)
{
	/* §7.4.1: 00 00 00, 00 00 01, 00 00 02 and 00 00 03 may not stand in a unit */
	static const uint8_t raw[] = { 0, 0, 0, 0, 0, 1, 7, 0, 0, 2, 0, 0, 3, 0, 0 };
	static const uint8_t escaped[] = {
		0, 0, 3, 0, 0, 0, 3, 1, 7, 0, 0, 3, 2, 0, 0, 3, 3, 0, 0
	};
	struct bytes out;
	bytes_init(&out, 64);
	h264_escape(&out, raw, sizeof(raw));
	uint8_t back[32];
	const size_t len = h264_unescape(back, sizeof(back), out.data, out.len);
	cr_assert(eq(sz, len, sizeof(raw)));
	cr_assert(eq(int, memcmp(back, raw, len), 0));
	for (size_t i = 2; i < out.len; i++)
		cr_assert(not(out.data[i - 2] == 0 && out.data[i - 1] == 0 && out.data[i] < 3));
	cr_assert(eq(sz, h264_unescape(back, sizeof(back), escaped, sizeof(escaped)), 15));
	bytes_finish(&out);
}

Test(h264, cut_off_parameter_sets_are_refused)
{
	struct flv_file file;
	struct flv_tag tag;
	struct h264_avcc avcc;
	struct h264_sps sps;
	read_record("bframes.flv", &file, &tag);
	for (size_t len = 0; len < tag.len - 4; len++) {
		uint8_t *copy = malloc(len + 1);
		memcpy(copy, tag.body, len);
		cr_assert(eq(int, h264_avcc_parse(&avcc, copy, len), -EINVAL));
		free(copy);
	}
	cr_assert(eq(int, h264_avcc_parse(&avcc, tag.body, tag.len), 0));
	struct h264_nal cut = avcc.sps[0];
	for (cut.len = 0; cut.len < 10; cut.len++)
		cr_assert(eq(int, h264_sps_parse(&sps, &cut), -EINVAL));
	flv_file_close(&file);
}

Test(h264, too_large_a_picture_is_refused)
{
	/* baseline, ue(0) ids, width 16 * 1023 + 16: 8192 is the most */
	static const uint8_t sps[] = { 0x67, 66, 0xc0, 30, 0xf8, 0x00, 0x80, 0x08, 0x00, 0x80 };
	const struct h264_nal nal = { .data = sps, .len = sizeof(sps) };
	struct h264_sps out;
	cr_assert(eq(int, h264_sps_parse(&out, &nal), -EINVAL));
}

Test(h264, time_sei_has_both_forms_with_the_same_text)
{
	static const uint8_t head[] = { 0x06, 5, 16 + 19 };
	struct bytes out;
	struct h264_reader reader;
	struct h264_nal nal;
	bytes_init(&out, 256);
	h264_time_sei_put(&out, 1795226035123456);
	h264_read_avcc(&reader, out.data, out.len, 4);
	cr_assert(h264_next(&reader, &nal));
	cr_assert(eq(int, memcmp(nal.data, head, sizeof(head)), 0));
	cr_assert(eq(int,
		     memcmp(nal.data + 3,
			    "soukliIv\x85"
			    "clock01",
			    16),
		     0));
	cr_assert(eq(int, memcmp(nal.data + 19, "{\"t\":1795226035123}\x80", 20), 0));
	cr_assert(h264_sei_is_time(&nal));
	cr_assert(h264_next(&reader, &nal));
	cr_assert(eq(int, memcmp(nal.data, "\x06\xf2\x13{\"t\":1795226035123}\x80", 23), 0));
	cr_assert(h264_sei_is_time(&nal));
	cr_assert(not(h264_next(&reader, &nal)));
	bytes_finish(&out);
}

Test(h264, an_encoders_own_sei_is_not_a_time)
{
	size_t len;
	uint8_t *annexb = test_data_read("zerolatency.h264", &len);
	struct h264_reader reader;
	struct h264_nal nal;
	h264_read_annexb(&reader, annexb, len);
	while (h264_next(&reader, &nal))
		cr_assert(not(h264_sei_is_time(&nal)));
	free(annexb);
}
