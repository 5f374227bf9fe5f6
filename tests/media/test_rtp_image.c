#include "media/codec/h264.h"
#include "media/rtp/rtp_image.h"
#include "tests/support/fake_rtp_port.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static const uint8_t *payload(const struct rtp_image *image, size_t index)
{
	return image->data + image->pieces[index].at;
}

Test(rtp_image, a_small_picture_is_one_packet)
{
	struct frame *frame = fake_picture(false, 500, 0);
	const struct rtp_image *image = rtp_image_of(frame);
	cr_assert(eq(u32, image->count, 1));
	cr_assert(eq(u16, image->pieces[0].len, 500));
	cr_assert(image->pieces[0].marker);
	cr_assert(eq(int, memcmp(payload(image, 0), frame->data->data + 4, 500), 0));
	cr_assert(eq(ptr, (void *)rtp_image_of(frame), (void *)image)); /* made once */
	frame_unref(frame);
}

Test(rtp_image, a_keyframe_brings_its_parameter_sets)
{
	struct frame *frame = fake_picture(true, 100, 0);
	const struct rtp_image *image = rtp_image_of(frame);
	cr_assert(eq(u32, image->count, 2));
	const uint8_t *stap = payload(image, 0);
	/* RFC 6184 §5.7.1: type 24, then each unit behind its length. */
	cr_assert(eq(u8, stap[0], 0x78));
	cr_assert(eq(u8, stap[1], 0));
	cr_assert(eq(u8, stap[2], 23));
	cr_assert(eq(u8, stap[3], 0x67));
	cr_assert(eq(u8, stap[3 + 23 + 1], 4));
	cr_assert(eq(u8, stap[3 + 23 + 2], 0x68));
	cr_assert(eq(u16, image->pieces[0].len, 1 + 2 + 23 + 2 + 4));
	cr_assert(not(image->pieces[0].marker));
	cr_assert(image->pieces[1].marker);
	frame_unref(frame);
}

/* The slice again, out of its fragments (RFC 6184 §5.8). */
static size_t reassemble(const struct rtp_image *image, uint8_t *out)
{
	size_t len = 0;
	for (uint32_t i = 0; i < image->count; i++) {
		const uint8_t *part = payload(image, i);
		size_t part_len = image->pieces[i].len;
		if (image->pieces[i].padded)
			part_len -= part[part_len - 1];
		cr_assert(eq(u8, part[0] & 0x1f, 28));
		cr_assert(eq(int, (part[1] & 0x80) != 0, i == 0));
		cr_assert(eq(int, (part[1] & 0x40) != 0, i + 1 == image->count));
		cr_assert(eq(int, image->pieces[i].marker, i + 1 == image->count));
		if (i == 0)
			out[len++] = (uint8_t)((part[0] & 0xe0) | (part[1] & 0x1f));
		memcpy(out + len, part + 2, part_len - 2);
		len += part_len - 2;
	}
	return len;
}

Test(rtp_image, large_units_become_equal_fragments)
{
	static uint8_t out[200000];
	for (size_t len = RTP_PAYLOAD_MAX + 1; len < 150000; len += 977) {
		struct frame *frame = fake_picture(false, len, 0);
		const struct rtp_image *image = rtp_image_of(frame);
		for (uint32_t i = 0; i < image->count; i++) {
			cr_assert(eq(u16, image->pieces[i].len, image->pieces[0].len));
			cr_assert(le(u16, image->pieces[i].len, RTP_PAYLOAD_MAX));
		}
		cr_assert(eq(sz, image->count,
			     (len - 1 + RTP_PAYLOAD_MAX - 3) / (RTP_PAYLOAD_MAX - 2)));
		cr_assert(eq(sz, reassemble(image, out), len));
		cr_assert(eq(int, memcmp(out, frame->data->data + 4, len), 0));
		frame_unref(frame);
	}
}

Test(rtp_image, a_giant_unit_is_cut_too)
{
	static uint8_t out[4 << 20];
	struct frame *frame = fake_picture(false, (4 << 20) - 5, 0);
	const struct rtp_image *image = rtp_image_of(frame);
	cr_assert(eq(sz, reassemble(image, out), (4 << 20) - 5));
	frame_unref(frame);
}

static struct frame *picture_of(const uint8_t *data, size_t len)
{
	struct frame *like = fake_picture(false, 10, 0);
	struct frame *frame = frame_create(media_config_ref(like->config), buf_copy(data, len));
	frame_unref(like);
	return frame;
}

Test(rtp_image, what_browsers_do_not_need_stays_behind)
{
	/* AUD, SEI, two slices. */
	static const uint8_t data[] = { 0, 0, 0, 2, 0x09, 0xf0, 0, 0, 0, 3, 6, 5,    0,
					0, 0, 0, 3, 0x41, 9,    9, 0, 0, 0, 2, 0x41, 8 };
	struct frame *frame = picture_of(data, sizeof(data));
	const struct rtp_image *image = rtp_image_of(frame);
	cr_assert(eq(u32, image->count, 2));
	cr_assert(eq(u32, image->len, 5));
	cr_assert(not(image->pieces[0].marker));
	cr_assert(image->pieces[1].marker);
	frame_unref(frame);
}

Test(rtp_image, nothing_to_send_has_no_image)
{
	static const uint8_t cut_off[] = { 0, 0, 0, 9, 0x41, 1 };
	static const uint8_t sei_alone[] = { 0, 0, 0, 2, 6, 5 };
	struct frame *frames[] = { picture_of(cut_off, sizeof(cut_off)),
				   picture_of(sei_alone, sizeof(sei_alone)), picture_of(NULL, 0),
				   fake_sound(1401, 0) };
	for (size_t i = 0; i < 4; i++) {
		cr_assert(eq(ptr, (void *)rtp_image_of(frames[i]), NULL), "frame %zu", i);
		frame_unref(frames[i]);
	}
}

Test(rtp_image, sound_is_one_packet_without_marker)
{
	struct frame *frame = fake_sound(160, 0);
	const struct rtp_image *image = rtp_image_of(frame);
	cr_assert(eq(u32, image->count, 1));
	cr_assert(eq(u16, image->pieces[0].len, 160));
	cr_assert(not(image->pieces[0].marker));
	frame_unref(frame);
}
