#include "media/ingest/flv_extended.h"

#include <errno.h>

enum {
	VIDEO_COMMAND = 5, /* frame type: a byte that tells players to seek, no picture */
	/* AvMultitrackType */
	ONE_TRACK = 0,
	MANY_TRACKS_MANY_CODECS = 2,
	OUR_TRACK = 0,
	PACKET_TYPES = 16,
};

/* VideoPacketType and AudioPacketType: most numbers agree, but not where these two stand. */
struct form {
	enum flv_extended_kind kinds[PACKET_TYPES];
	unsigned modifier, multitrack;
	bool has_commands;
	unsigned metadata;
};

static const struct form video_form = {
	.kinds = { [0] = FLV_EXTENDED_CONFIG,
		   [1] = FLV_EXTENDED_FRAMES,
		   [3] = FLV_EXTENDED_FRAMES_X },
	.modifier = 7,
	.multitrack = 6,
	.has_commands = true,
	.metadata = 4,
};

static const struct form audio_form = {
	.kinds = { [0] = FLV_EXTENDED_CONFIG, [1] = FLV_EXTENDED_FRAMES },
	.modifier = 7,
	.multitrack = 5,
};

/* ModEx: data of one size byte + 1 (256: of two more) that changes nothing for us, then the type of
 * the modifier and the packet type that it stands before. */
static unsigned skip_modifiers(const struct form *form, unsigned packet, struct bits *bits)
{
	while (packet == form->modifier && bits_ok(bits)) {
		size_t size = (size_t)bits_u8(bits) + 1;
		if (size == 256)
			size = (size_t)bits_be16(bits) + 1;
		bits_skip(bits, size);
		packet = bits_u8(bits) & 0x0f;
	}
	return packet;
}

/* The tracks follow one another, each with its size unless it is the only one. */
static int pick_track(struct flv_extended *out, unsigned multitrack, struct bits *bits)
{
	const enum flv_extended_kind kind = out->kind;
	out->kind = FLV_EXTENDED_OTHER;
	while (bits_left(bits)) {
		const uint32_t fourcc =
			multitrack == MANY_TRACKS_MANY_CODECS ? bits_be32(bits) : out->fourcc;
		const uint8_t track = bits_u8(bits);
		const size_t size = multitrack == ONE_TRACK ? bits_left(bits) : bits_be24(bits);
		const struct bits body = bits_sub(bits, size);
		if (!bits_ok(bits))
			return -EINVAL;
		if (track != OUR_TRACK)
			continue;
		*out = (struct flv_extended){ .kind = kind, .fourcc = fourcc, .body = body };
		return 0;
	}
	return bits_ok(bits) ? 0 : -EINVAL;
}

static int read_header(struct flv_extended *out, const struct form *form, uint8_t first,
		       struct bits *bits)
{
	unsigned packet = skip_modifiers(form, first & 0x0f, bits);
	*out = (struct flv_extended){ .kind = FLV_EXTENDED_OTHER };
	if (!bits_ok(bits))
		return -EINVAL;
	if (form->has_commands && (first >> 4 & 7) == VIDEO_COMMAND && packet != form->metadata)
		return 0;
	const bool several = packet == form->multitrack;
	unsigned multitrack = ONE_TRACK;
	if (several) {
		const uint8_t types = bits_u8(bits);
		multitrack = types >> 4;
		packet = types & 0x0f;
	}
	if (!several || multitrack != MANY_TRACKS_MANY_CODECS)
		out->fourcc = bits_be32(bits);
	if (!bits_ok(bits))
		return -EINVAL;
	if (multitrack > MANY_TRACKS_MANY_CODECS) /* its layout is not known yet */
		return 0;
	out->kind = form->kinds[packet];
	out->body = *bits;
	return several ? pick_track(out, multitrack, bits) : 0;
}

int flv_extended_video(struct flv_extended *out, uint8_t first, struct bits *bits)
{
	return read_header(out, &video_form, first, bits);
}

int flv_extended_audio(struct flv_extended *out, uint8_t first, struct bits *bits)
{
	return read_header(out, &audio_form, first, bits);
}
