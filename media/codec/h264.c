#include "media/codec/h264.h"

#include "media/frame.h"
#include "server/core/bits.h"
#include "server/core/buf.h"
#include "server/core/bytes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const uint8_t h264_time_uuid[16] = { 0x73, 0x6f, 0x75, 0x6b, 0x6c, 0x69, 0x49, 0x76,
				     0x85, 0x63, 0x6c, 0x6f, 0x63, 0x6b, 0x30, 0x31 };

void h264_read_avcc(struct h264_reader *reader, const void *data, size_t len, unsigned length_size)
{
	*reader = (struct h264_reader){ .at = data,
					.end = (const uint8_t *)data + len,
					.length_size = length_size };
}

static bool next_avcc(struct h264_reader *reader, struct h264_nal *nal)
{
	struct bits bits;
	bits_init(&bits, reader->at, (size_t)(reader->end - reader->at));
	while (bits_left(&bits)) {
		const uint32_t len = bits_u(&bits, reader->length_size * 8);
		const uint8_t *data = bits_bytes(&bits, len);
		if (!bits_ok(&bits))
			break;
		reader->at = bits.at;
		if (!len)
			continue;
		*nal = (struct h264_nal){ .data = data, .len = len };
		return true;
	}
	reader->bad = !bits_ok(&bits);
	reader->at = reader->end;
	return false;
}

/* The next 00 00 01, or the end. */
static const uint8_t *start_code(const uint8_t *at, const uint8_t *end)
{
	while (end - at >= 3) {
		if (at[2] > 1)
			at += 3;
		else if (at[0] == 0 && at[1] == 0 && at[2] == 1)
			return at;
		else
			at++;
	}
	return end;
}

void h264_read_annexb(struct h264_reader *reader, const void *data, size_t len)
{
	const uint8_t *end = (const uint8_t *)data + len;
	*reader = (struct h264_reader){ .at = start_code(data, end), .end = end };
}

static bool next_annexb(struct h264_reader *reader, struct h264_nal *nal)
{
	while (reader->end - reader->at > 3) {
		const uint8_t *from = reader->at + 3;
		const uint8_t *next = start_code(from, reader->end);
		const uint8_t *to = next;
		/* trailing_zero_8bits, and the first byte of a 4-byte start code (§B.1.1) */
		while (to > from && to[-1] == 0)
			to--;
		reader->at = next;
		if (to == from)
			continue;
		*nal = (struct h264_nal){ .data = from, .len = (size_t)(to - from) };
		return true;
	}
	return false;
}

bool h264_next(struct h264_reader *reader, struct h264_nal *nal)
{
	return reader->length_size ? next_avcc(reader, nal) : next_annexb(reader, nal);
}

bool h264_nal_belongs_to_frame(const struct h264_nal *nal)
{
	const enum h264_nal_type type = h264_nal_type(nal);
	return type >= H264_NAL_SLICE && type <= H264_NAL_SEI;
}

size_t h264_unescape(uint8_t *out, size_t cap, const uint8_t *data, size_t len)
{
	size_t written = 0;
	unsigned zeros = 0;
	for (size_t i = 0; i < len && written < cap; i++) {
		if (zeros >= 2 && data[i] == 3) {
			zeros = 0;
			continue;
		}
		zeros = data[i] ? 0 : zeros + 1;
		out[written++] = data[i];
	}
	return written;
}

void h264_escape(struct bytes *out, const uint8_t *data, size_t len)
{
	unsigned zeros = 0;
	for (size_t i = 0; i < len; i++) {
		if (zeros >= 2 && data[i] <= 3) {
			bytes_u8(out, 3);
			zeros = 0;
		}
		zeros = data[i] ? 0 : zeros + 1;
		bytes_u8(out, data[i]);
	}
}

/* §7.3.2.1.1.1 */
static void skip_scaling_list(struct bits *bits, unsigned size)
{
	int32_t last = 8;
	int32_t next = 8;
	for (unsigned i = 0; i < size && bits_ok(bits); i++) {
		const int32_t delta = next ? bits_se(bits) : 0;
		if (delta < -128 || delta > 127) /* §7.4.2.1.1.1 */
			bits->bad = true;
		else if (next)
			next = (last + delta + 256) & 0xff;
		last = next ? next : last;
	}
}

/* The profiles whose SPS describes its chroma, §7.3.2.1.1 */
static bool describes_chroma(uint8_t profile)
{
	static const uint8_t profiles[] = { 100, 110, 122, 244, 44,  83, 86,
					    118, 128, 138, 139, 134, 135 };
	return memchr(profiles, profile, sizeof(profiles)) != NULL;
}

static void read_chroma(struct bits *bits, struct h264_sps *sps)
{
	const uint32_t format = bits_ue(bits);
	if (format > 3)
		bits->bad = true;
	sps->separate_planes = format == 3 && bits_u(bits, 1);
	sps->chroma = sps->separate_planes ? 0 : (uint8_t)format;
	bits_ue(bits); /* bit_depth_luma_minus8 */
	bits_ue(bits);
	bits_u(bits, 1); /* qpprime_y_zero_transform_bypass_flag */
	if (bits_u(bits, 1)) {
		for (unsigned i = 0; i < (format == 3 ? 12 : 8); i++) {
			if (bits_u(bits, 1))
				skip_scaling_list(bits, i < 6 ? 16 : 64);
		}
	}
}

/* log2_max_frame_num_minus4, log2_max_pic_order_cnt_lsb_minus4: at most 12 (§7.4.2.1.1) */
static uint8_t read_counter(struct bits *bits)
{
	const uint32_t log2 = bits_ue(bits);
	if (log2 > 12)
		bits->bad = true;
	return (uint8_t)(4 + log2);
}

static void read_order_count(struct bits *bits, struct h264_sps *sps)
{
	const uint32_t type = bits_ue(bits);
	if (type == 0) {
		sps->order_count_bits = read_counter(bits);
	} else if (type == 1) {
		bits_u(bits, 1);
		bits_se(bits);
		bits_se(bits);
		const uint32_t count = bits_ue(bits);
		if (count > 255) /* num_ref_frames_in_pic_order_cnt_cycle */
			bits->bad = true;
		for (uint32_t i = 0; i < count && bits_ok(bits); i++)
			bits_se(bits);
	}
	sps->order_count_type = (uint8_t)type;
}

static void skip_hrd(struct bits *bits)
{
	const uint32_t count = bits_ue(bits);
	if (count > 31) /* cpb_cnt_minus1, §E.2.2 */
		bits->bad = true;
	bits_u(bits, 8);
	for (uint32_t i = 0; i <= count && bits_ok(bits); i++) {
		bits_ue(bits);
		bits_ue(bits);
		bits_u(bits, 1);
	}
	bits_u(bits, 20);
}

/* §E.1.1, for max_num_reorder_frames near its end. */
static void read_vui(struct bits *bits, struct h264_sps *sps)
{
	if (bits_u(bits, 1) && bits_u(bits, 8) == 255) /* Extended_SAR */
		bits_u(bits, 32);
	if (bits_u(bits, 1)) /* overscan */
		bits_u(bits, 1);
	if (bits_u(bits, 1)) { /* video_signal_type */
		bits_u(bits, 4);
		if (bits_u(bits, 1))
			bits_u(bits, 24);
	}
	if (bits_u(bits, 1)) { /* chroma_loc */
		bits_ue(bits);
		bits_ue(bits);
	}
	if (bits_u(bits, 1)) { /* timing */
		bits_u(bits, 32);
		bits_u(bits, 32);
		bits_u(bits, 1);
	}
	const bool nal_hrd = bits_u(bits, 1);
	if (nal_hrd)
		skip_hrd(bits);
	const bool vcl_hrd = bits_u(bits, 1);
	if (vcl_hrd)
		skip_hrd(bits);
	if (nal_hrd || vcl_hrd)
		bits_u(bits, 1);
	bits_u(bits, 1); /* pic_struct_present_flag */
	if (!bits_u(bits, 1))
		return;
	bits_u(bits, 1);
	for (int i = 0; i < 4; i++)
		bits_ue(bits);
	const uint32_t reorder_frames = bits_ue(bits);
	if (bits_ok(bits)) {
		sps->reorders = reorder_frames > 0;
		sps->reorders_known = true;
	}
}

static int read_size(struct bits *bits, struct h264_sps *sps)
{
	const uint64_t width = 16 * ((uint64_t)bits_ue(bits) + 1);
	const uint64_t map_height = 16 * ((uint64_t)bits_ue(bits) + 1);
	const bool frames_only = sps->frames_only = bits_u(bits, 1);
	if (!frames_only)
		bits_u(bits, 1);
	bits_u(bits, 1); /* direct_8x8_inference_flag */
	const uint64_t height = map_height * (frames_only ? 1 : 2);
	uint64_t crop[4] = { 0 };
	if (bits_u(bits, 1)) {
		for (int i = 0; i < 4; i++)
			crop[i] = bits_ue(bits);
	}
	/* CropUnitX and CropUnitY, equations 7-19 to 7-22 */
	const unsigned unit_x = sps->chroma == 1 || sps->chroma == 2 ? 2 : 1;
	const unsigned unit_y = (sps->chroma == 1 ? 2 : 1) * (frames_only ? 1 : 2);
	const uint64_t cut_x = unit_x * (crop[0] + crop[1]);
	const uint64_t cut_y = unit_y * (crop[2] + crop[3]);
	if (!bits_ok(bits) || width > H264_SIDE_MAX || height > H264_SIDE_MAX || cut_x >= width ||
	    cut_y >= height)
		return -EINVAL;
	sps->width = (uint16_t)(width - cut_x);
	sps->height = (uint16_t)(height - cut_y);
	sps->macroblocks = (uint32_t)(width / 16 * (height / 16));
	return 0;
}

int h264_sps_parse(struct h264_sps *out, const struct h264_nal *nal)
{
	if (nal->len < 4 || nal->len > H264_PARAMETER_SET_MAX || h264_nal_type(nal) != H264_NAL_SPS)
		return -EINVAL;
	uint8_t rbsp[H264_PARAMETER_SET_MAX];
	const size_t len = h264_unescape(rbsp, sizeof(rbsp), nal->data + 1, nal->len - 1);
	struct bits bits;
	bits_init(&bits, rbsp, len);
	struct h264_sps sps = { .profile = bits_u8(&bits), .chroma = 1 };
	sps.constraints = bits_u8(&bits);
	sps.level = bits_u8(&bits);
	bits_ue(&bits); /* seq_parameter_set_id */
	if (describes_chroma(sps.profile))
		read_chroma(&bits, &sps);
	sps.frame_num_bits = read_counter(&bits);
	read_order_count(&bits, &sps);
	sps.reference_frames = bits_ue(&bits);
	bits_u(&bits, 1);
	const int err = read_size(&bits, &sps);
	if (err)
		return err;
	/* Baseline has no B slices (§A.2.1); with POC type 2 output order is decoding order. */
	if (sps.profile == 66 || sps.order_count_type == 2)
		sps.reorders_known = true;
	/* A VUI that is cut off does not make the picture unusable. */
	if (bits_u(&bits, 1) && bits_ok(&bits) && !sps.reorders_known)
		read_vui(&bits, &sps);
	*out = sps;
	return 0;
}

int h264_slice_type(const struct h264_nal *nal)
{
	const enum h264_nal_type type = h264_nal_type(nal);
	if (type != H264_NAL_SLICE && type != H264_NAL_IDR && type != H264_NAL_PARTITION_A)
		return -EINVAL;
	uint8_t head[16]; /* two Exp-Golomb codes */
	struct bits bits;
	bits_init(&bits, head, h264_unescape(head, sizeof(head), nal->data + 1, nal->len - 1));
	bits_ue(&bits); /* first_mb_in_slice */
	const uint32_t slice_type = bits_ue(&bits);
	return bits_ok(&bits) && slice_type <= 9 ? (int)(slice_type % 5) : -EINVAL;
}

static size_t read_sets(struct bits *bits, size_t count, struct h264_nal *sets,
			enum h264_nal_type type)
{
	size_t kept = 0;
	for (size_t i = 0; i < count && bits_ok(bits); i++) {
		const size_t len = bits_be16(bits);
		const struct h264_nal nal = { .data = bits_bytes(bits, len), .len = len };
		if (!bits_ok(bits) || !len)
			continue;
		if (h264_nal_type(&nal) == type && kept < H264_SETS_MAX)
			sets[kept++] = nal;
	}
	return kept;
}

int h264_avcc_parse(struct h264_avcc *out, const void *data, size_t len)
{
	struct bits bits;
	bits_init(&bits, data, len);
	struct h264_avcc avcc = { 0 };
	const uint8_t version = bits_u8(&bits);
	bits_skip(&bits, 3); /* profile, compatibility, level: repeated in the SPS */
	avcc.length_size = (bits_u8(&bits) & 3) + 1U;
	avcc.sps_count = read_sets(&bits, bits_u8(&bits) & 0x1f, avcc.sps, H264_NAL_SPS);
	avcc.pps_count = read_sets(&bits, bits_u8(&bits), avcc.pps, H264_NAL_PPS);
	if (!bits_ok(&bits) || version != 1 || avcc.length_size == 3 || !avcc.sps_count ||
	    !avcc.pps_count)
		return -EINVAL;
	*out = avcc;
	return 0;
}

static bool fits(const struct h264_nal *sets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!sets[i].len || sets[i].len > H264_PARAMETER_SET_MAX)
			return false;
	}
	return count <= H264_SETS_MAX;
}

static void put_sets(struct bytes *out, const struct h264_nal *sets, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bytes_be16(out, (uint16_t)sets[i].len);
		bytes_put(out, sets[i].data, sets[i].len);
	}
}

/* The chroma description that profiles above extended append (§5.3.3.1.2). */
static void put_chroma(struct bytes *out, const struct h264_nal *sps)
{
	uint8_t rbsp[64];
	struct bits bits;
	bits_init(&bits, rbsp, h264_unescape(rbsp, sizeof(rbsp), sps->data + 4, sps->len - 4));
	bits_ue(&bits);
	const uint32_t format = bits_ue(&bits);
	if (format == 3)
		bits_u(&bits, 1);
	const uint32_t luma = bits_ue(&bits);
	const uint32_t chroma = bits_ue(&bits);
	bytes_u8(out, (uint8_t)(0xfc | (format & 3)));
	bytes_u8(out, (uint8_t)(0xf8 | (luma & 7)));
	bytes_u8(out, (uint8_t)(0xf8 | (chroma & 7)));
	bytes_u8(out, 0);
}

struct buf *h264_avcc_build(const struct h264_nal *sps, size_t sps_count,
			    const struct h264_nal *pps, size_t pps_count)
{
	if (!sps_count || !fits(sps, sps_count) || !fits(pps, pps_count) || sps[0].len < 4)
		return NULL;
	struct bytes out;
	bytes_init(&out, 32 + 2 * H264_SETS_MAX * (2 + H264_PARAMETER_SET_MAX));
	bytes_u8(&out, 1);
	bytes_put(&out, sps[0].data + 1, 3);
	bytes_u8(&out, 0xff); /* 4-byte lengths */
	bytes_u8(&out, (uint8_t)(0xe0 | sps_count));
	put_sets(&out, sps, sps_count);
	bytes_u8(&out, (uint8_t)pps_count);
	put_sets(&out, pps, pps_count);
	const uint8_t profile = sps[0].data[1];
	if (profile == 100 || profile == 110 || profile == 122 || profile == 144)
		put_chroma(&out, &sps[0]);
	struct buf *record = bytes_ok(&out) ? buf_from_bytes(&out) : NULL;
	bytes_finish(&out);
	return record;
}

struct media_config *h264_config_create(const struct h264_nal *sps, size_t sps_count,
					const struct h264_nal *pps, size_t pps_count)
{
	struct h264_sps parsed;
	if (!sps_count || h264_sps_parse(&parsed, &sps[0]))
		return NULL;
	struct buf *record = h264_avcc_build(sps, sps_count, pps, pps_count);
	if (!record)
		return NULL;
	struct media_config *config = media_config_create(CODEC_H264, record);
	config->width = parsed.width;
	config->height = parsed.height;
	config->profile = parsed.profile;
	config->constraints = parsed.constraints;
	config->level = parsed.level;
	config->reorders = parsed.reorders;
	return config;
}

/* One SEI NAL unit of one message: header byte first, no length. */
static void put_sei(struct bytes *out, unsigned payload_type, const uint8_t *payload, size_t len)
{
	struct bytes body;
	bytes_init(&body, len + len / 255 + payload_type / 255 + 8);
	/* §7.3.2.3.1: both numbers in bytes of 255 and a rest */
	for (; payload_type >= 255; payload_type -= 255)
		bytes_u8(&body, 255);
	bytes_u8(&body, (uint8_t)payload_type);
	size_t left = len;
	for (; left >= 255; left -= 255)
		bytes_u8(&body, 255);
	bytes_u8(&body, (uint8_t)left);
	bytes_put(&body, payload, len);
	bytes_u8(&body, 0x80); /* rbsp_trailing_bits */
	bytes_u8(out, H264_NAL_SEI);
	h264_escape(out, body.data, body.len);
	bytes_finish(&body);
}

static void put_with_length(struct bytes *out, unsigned type, const uint8_t *payload, size_t len)
{
	struct bytes nal;
	bytes_init(&nal, 512);
	put_sei(&nal, type, payload, len);
	bytes_be32(out, (uint32_t)nal.len);
	bytes_put(out, nal.data, nal.len);
	bytes_finish(&nal);
}

void h264_time_sei_put(struct bytes *out, int64_t capture_us)
{
	uint8_t payload[sizeof(h264_time_uuid) + 32];
	char text[32];
	const int text_len =
		snprintf(text, sizeof(text), "{\"t\":%lld}", (long long)(capture_us / 1000));
	memcpy(payload, h264_time_uuid, sizeof(h264_time_uuid));
	memcpy(payload + sizeof(h264_time_uuid), text, (size_t)text_len);
	put_with_length(out, H264_SEI_USER_DATA_UNREGISTERED, payload,
			sizeof(h264_time_uuid) + (size_t)text_len);
	put_with_length(out, H264_SEI_WECHAT, (const uint8_t *)text, (size_t)text_len);
}

bool h264_sei_is_time(const struct h264_nal *nal)
{
	if (h264_nal_type(nal) != H264_NAL_SEI)
		return false;
	uint8_t head[2 + sizeof(h264_time_uuid)];
	const size_t len = h264_unescape(head, sizeof(head), nal->data + 1, nal->len - 1);
	if (len && head[0] == H264_SEI_WECHAT)
		return true;
	return len == sizeof(head) && head[0] == H264_SEI_USER_DATA_UNREGISTERED &&
	       !memcmp(head + 2, h264_time_uuid, sizeof(h264_time_uuid));
}

/* §7.3.2.3.1: bytes of 255 and a rest */
static uint32_t read_sei_number(struct bits *bits)
{
	uint32_t number = 0;
	uint8_t byte;
	do {
		byte = bits_u8(bits);
		number += byte;
	} while (byte == 255 && bits_ok(bits));
	return number;
}

bool h264_sei_recovers(const struct h264_nal *nal)
{
	enum { TRAILING = 1 }; /* the stop bit's byte */
	if (h264_nal_type(nal) != H264_NAL_SEI)
		return false;
	uint8_t rbsp[H264_PARAMETER_SET_MAX];
	struct bits bits;
	bits_init(&bits, rbsp, h264_unescape(rbsp, sizeof(rbsp), nal->data + 1, nal->len - 1));
	while (bits_left(&bits) > TRAILING) {
		const uint32_t type = read_sei_number(&bits);
		const uint32_t len = read_sei_number(&bits);
		if (type == H264_SEI_RECOVERY_POINT)
			return bits_ok(&bits);
		bits_skip(&bits, len);
		if (!bits_ok(&bits))
			break;
	}
	return false;
}
