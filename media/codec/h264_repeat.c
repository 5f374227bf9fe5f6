#include "media/codec/h264_repeat.h"

#include "media/codec/h264.h"
#include "media/frame.h"
#include "server/core/bits.h"
#include "server/core/bytes.h"

enum {
	SLICE_HEAD_MAX = 32, /* as far as it is read */
	SLICE_MAX = 8192, /* of the largest picture there is */
	PPS_ID_MAX = 255,
	QP_LEAST = -36, /* of 14 bits a sample */
	SLICE_TYPE_P = 5, /* all slices of the picture are P (table 7-6) */
	/* §9.3.1.1 with m 23, n 33 of mb_skip_flag (table 9-13) at this QP */
	SKIP_QP = 51,
	SKIP_STATE = 42,
	SKIP_STATE_MAX = 62,
};

/* §7.3.2.2, as far as slice headers depend on it. */
struct pps {
	uint32_t id;
	bool cabac, order_in_frame, weighted, deblocking, redundant;
	int32_t qp;
};

/* §7.3.3 */
struct head {
	uint32_t pps, frame_num, order_count;
	bool reference;
};

static bool read_pps(const struct h264_nal *nal, struct pps *out)
{
	uint8_t rbsp[H264_PARAMETER_SET_MAX];
	struct bits bits;
	bits_init(&bits, rbsp, h264_unescape(rbsp, sizeof(rbsp), nal->data + 1, nal->len - 1));
	out->id = bits_ue(&bits);
	bits_ue(&bits); /* seq_parameter_set_id */
	out->cabac = bits_u(&bits, 1);
	out->order_in_frame = bits_u(&bits, 1);
	const uint32_t slice_groups = bits_ue(&bits);
	bits_ue(&bits); /* num_ref_idx_l0_default_active_minus1 */
	bits_ue(&bits);
	out->weighted = bits_u(&bits, 1);
	bits_u(&bits, 2); /* weighted_bipred_idc */
	const int32_t qp = bits_se(&bits); /* pic_init_qp_minus26 */
	bits_se(&bits); /* pic_init_qs_minus26 */
	bits_se(&bits); /* chroma_qp_index_offset */
	out->deblocking = bits_u(&bits, 1);
	bits_u(&bits, 1); /* constrained_intra_pred_flag */
	out->redundant = bits_u(&bits, 1);
	if (!bits_ok(&bits) || slice_groups || out->id > PPS_ID_MAX || qp < QP_LEAST - 26 ||
	    qp > SKIP_QP - 26)
		return false;
	out->qp = 26 + qp;
	return true;
}

static bool read_head(const struct h264_nal *nal, const struct h264_sps *sps, struct head *out)
{
	uint8_t rbsp[SLICE_HEAD_MAX];
	struct bits bits;
	bits_init(&bits, rbsp, h264_unescape(rbsp, sizeof(rbsp), nal->data + 1, nal->len - 1));
	bits_ue(&bits); /* first_mb_in_slice */
	bits_ue(&bits); /* slice_type */
	out->pps = bits_ue(&bits);
	out->frame_num = bits_u(&bits, sps->frame_num_bits);
	if (h264_nal_type(nal) == H264_NAL_IDR)
		bits_ue(&bits); /* idr_pic_id */
	out->order_count = bits_u(&bits, sps->order_count_bits);
	out->reference = nal->data[0] & 0x60;
	return bits_ok(&bits);
}

static bool find_slice(const struct buf *picture, struct h264_nal *nal)
{
	struct h264_reader reader;
	h264_read_avcc(&reader, picture->data, picture->len, 4);
	while (h264_next(&reader, nal))
		if (h264_nal_type(nal) == H264_NAL_SLICE || h264_nal_type(nal) == H264_NAL_IDR)
			return true;
	return false;
}

static bool find_pps(const struct h264_avcc *avcc, uint32_t id, struct pps *out)
{
	for (size_t i = 0; i < avcc->pps_count; i++)
		if (read_pps(&avcc->pps[i], out) && out->id == id)
			return true;
	return false;
}

struct writer {
	struct bytes bytes;
	uint8_t byte;
	unsigned count; /* bits in it */
};

static void put_bit(struct writer *out, unsigned bit)
{
	out->byte = (uint8_t)(out->byte << 1 | bit);
	if (++out->count < 8)
		return;
	bytes_u8(&out->bytes, out->byte);
	out->count = 0;
}

static void put_u(struct writer *out, uint32_t value, unsigned count)
{
	while (count--)
		put_bit(out, value >> count & 1);
}

static void put_ue(struct writer *out, uint32_t value)
{
	unsigned zeros = 0;
	while ((value + 1) >> (zeros + 1))
		zeros++;
	put_u(out, 0, zeros);
	put_u(out, value + 1, zeros + 1);
}

static void put_se(struct writer *out, int32_t value)
{
	put_ue(out, value > 0 ? 2 * (uint32_t)value - 1 : 2 * (uint32_t)-value);
}

static void put_head(struct writer *out, const struct h264_sps *sps, const struct pps *pps,
		     const struct head *last)
{
	put_ue(out, 0); /* first_mb_in_slice */
	put_ue(out, SLICE_TYPE_P);
	put_ue(out, pps->id);
	/* §7.4.3: of a picture that is none to refer to, as of the next that is. */
	put_u(out, last->frame_num + last->reference, sps->frame_num_bits);
	put_u(out, last->order_count + 1, sps->order_count_bits);
	if (pps->order_in_frame && !sps->order_count_type)
		put_se(out, 0);
	if (pps->redundant)
		put_ue(out, 0);
	put_u(out, 1, 1); /* num_ref_idx_active_override_flag: one */
	put_ue(out, 0);
	put_u(out, 0, 1); /* ref_pic_list_modification_flag_l0 */
	if (pps->weighted) {
		put_ue(out, 0); /* luma_log2_weight_denom */
		if (sps->chroma)
			put_ue(out, 0);
		put_u(out, 0, sps->chroma ? 2 : 1); /* no weights */
	}
	if (pps->cabac)
		put_ue(out, 0); /* cabac_init_idc */
	put_se(out, SKIP_QP - pps->qp);
	if (pps->deblocking)
		put_ue(out, 1); /* disable_deblocking_filter_idc */
}

/* §9.3.4 */
struct cabac {
	uint32_t low, range, outstanding;
	bool began;
};

static void put_code(struct writer *out, struct cabac *cabac, unsigned bit)
{
	if (cabac->began)
		put_bit(out, bit);
	cabac->began = true;
	for (; cabac->outstanding; cabac->outstanding--)
		put_bit(out, !bit);
}

static void renormalize(struct writer *out, struct cabac *cabac)
{
	for (; cabac->range < 256; cabac->range <<= 1, cabac->low <<= 1) {
		if (cabac->low < 256) {
			put_code(out, cabac, 0);
		} else if (cabac->low >= 512) {
			cabac->low -= 512;
			put_code(out, cabac, 1);
		} else {
			cabac->low -= 256;
			cabac->outstanding++;
		}
	}
}

/* Each flag is the likeliest value of its state; the last ends the slice. */
static void put_cabac_skips(struct writer *out, uint32_t macroblocks)
{
	/* rangeTabLPS (table 9-44) from SKIP_STATE on */
	static const uint8_t lps[][4] = {
		{ 16, 20, 23, 27 }, { 15, 19, 22, 25 }, { 14, 18, 21, 24 }, { 14, 17, 20, 23 },
		{ 13, 16, 19, 22 }, { 12, 15, 18, 21 }, { 12, 14, 17, 20 }, { 11, 14, 16, 19 },
		{ 11, 13, 15, 18 }, { 10, 12, 15, 17 }, { 10, 12, 14, 16 }, { 9, 11, 13, 15 },
		{ 9, 11, 12, 14 },  { 8, 10, 12, 14 },  { 8, 9, 11, 13 },   { 7, 9, 11, 12 },
		{ 7, 9, 10, 12 },   { 7, 8, 10, 11 },   { 6, 8, 9, 11 },    { 6, 7, 9, 10 },
		{ 6, 7, 8, 9 },
	};
	struct cabac cabac = { .range = 510 };
	unsigned state = SKIP_STATE;
	while (out->count)
		put_bit(out, 1); /* cabac_alignment_one_bit */
	for (uint32_t i = 0; i < macroblocks; i++) {
		renormalize(out, &cabac);
		cabac.range -= lps[state - SKIP_STATE][cabac.range >> 6 & 3];
		state += state < SKIP_STATE_MAX;
		renormalize(out, &cabac);
		cabac.range -= 2; /* end_of_slice_flag */
	}
	/* §9.3.4.5: EncodeFlush; its last bit is the stop bit */
	cabac.low += cabac.range;
	cabac.range = 2;
	renormalize(out, &cabac);
	put_code(out, &cabac, cabac.low >> 9 & 1);
	put_u(out, (cabac.low >> 7 & 3) | 1, 2);
}

static struct buf *to_picture(const struct writer *slice)
{
	struct bytes nal, picture;
	bytes_init(&nal, SLICE_MAX);
	bytes_init(&picture, SLICE_MAX + 4);
	bytes_u8(&nal, H264_NAL_SLICE); /* nal_ref_idc 0 */
	h264_escape(&nal, slice->bytes.data, slice->bytes.len);
	bytes_be32(&picture, (uint32_t)nal.len);
	bytes_put(&picture, nal.data, nal.len);
	const bool ok = bytes_ok(&slice->bytes) && bytes_ok(&nal);
	struct buf *buf = ok ? buf_from_bytes(&picture) : NULL;
	bytes_finish(&nal);
	bytes_finish(&picture);
	return buf;
}

struct buf *h264_repeat(const struct media_config *config, const struct buf *picture)
{
	struct h264_avcc avcc;
	struct h264_sps sps;
	struct h264_nal nal;
	struct head last;
	struct pps pps;
	if (config->reorders || h264_avcc_parse(&avcc, config->header->data, config->header->len) ||
	    avcc.sps_count != 1 || h264_sps_parse(&sps, &avcc.sps[0]) || !sps.frames_only ||
	    !sps.reference_frames || sps.separate_planes || sps.order_count_type == 1 ||
	    !find_slice(picture, &nal) || !read_head(&nal, &sps, &last) ||
	    !find_pps(&avcc, last.pps, &pps))
		return NULL;
	struct writer slice = { .count = 0 };
	bytes_init(&slice.bytes, SLICE_MAX);
	put_head(&slice, &sps, &pps, &last);
	if (pps.cabac) {
		put_cabac_skips(&slice, sps.macroblocks);
	} else {
		put_ue(&slice, sps.macroblocks); /* mb_skip_run */
		put_u(&slice, 1, 1); /* rbsp_stop_one_bit */
	}
	while (slice.count)
		put_bit(&slice, 0);
	struct buf *made = to_picture(&slice);
	bytes_finish(&slice.bytes);
	return made;
}
