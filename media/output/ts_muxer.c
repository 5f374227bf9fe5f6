#include "media/output/ts_muxer.h"

#include "media/codec/aac.h"
#include "media/codec/h264.h"
#include "server/core/buf.h"
#include "server/core/bytes.h"

#include <string.h>

enum {
	HEADER_LEN = 4,
	CLOCK_LEN = 7, /* flags and a clock reference */
	SECTION_MAX = 64,
	STAMP_MAX = 256,
	SOUND_MAX = 0xff00, /* the length of such a unit has 16 bits */
	SYNC = 0x47,
	UNIT_START = 0x40,
	HAS_PAYLOAD = 0x10,
	HAS_FIELD = 0x20,
	/* §2.4.3.4 */
	DISCONTINUITY = 0x80,
	RANDOM_ACCESS = 0x40,
	HAS_CLOCK = 0x10,
	PROGRAM = 1,
	/* Table 2-34 */
	STREAM_H264 = 0x1b,
	STREAM_ADTS = 0x0f,
	/* Table 2-22 */
	PES_VIDEO = 0xe0,
	PES_AUDIO = 0xc0,
	PES_HEAD_MAX = 19,
	ADTS_LEN = 7,
	ADTS_FRAME_MAX = 0x1fff,
};

#define TIME_MASK (((uint64_t)1 << 33) - 1)

enum stream { STREAM_PAT, STREAM_PMT, STREAM_VIDEO, STREAM_AUDIO };

static const uint16_t pids[] = { 0, TS_PMT_PID, TS_VIDEO_PID, TS_AUDIO_PID };

uint32_t ts_crc32(const void *data, size_t len)
{
	const uint8_t *at = data;
	uint32_t crc = 0xffffffff;
	for (size_t i = 0; i < len; i++) {
		crc ^= (uint32_t)at[i] << 24;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 0x80000000 ? crc << 1 ^ 0x04c11db7 : crc << 1;
	}
	return crc;
}

void ts_muxer_init(struct ts_muxer *ts)
{
	*ts = (struct ts_muxer){ .pictures = false };
}

static bool take_sound(struct ts_muxer *ts, const struct media_config *config)
{
	struct aac_config aac;
	if (config->codec != CODEC_AAC ||
	    aac_config_parse(&aac, config->header->data, config->header->len) || aac.short_frames ||
	    aac_config_build(ts->adts, aac.sample_rate, aac.channels))
		return false;
	ts->object_type = aac.object_type;
	ts->sample_rate = config->sample_rate;
	return true;
}

void ts_muxer_tracks(struct ts_muxer *ts, const struct cmaf_tracks *tracks)
{
	ts->pictures = tracks->video != NULL;
	ts->sound = tracks->audio && take_sound(ts, tracks->audio);
	ts->version = ts->began ? (ts->version + 1) & 0x1f : 0;
	ts->jumps = ts->began;
	ts->began = true;
}

/* What is cut into packets: a table, or a packet of an elementary stream (PES). */
struct unit {
	enum stream stream;
	const uint8_t *data;
	size_t len;
	/* In the adaptation field of its first packet. */
	bool has_clock, key;
	uint64_t clock; /* 90 kHz */
};

/* That field behind its length byte, without stuffing. Returns its length. */
static size_t put_field(struct ts_muxer *ts, uint8_t *out, const struct unit *unit)
{
	out[0] = unit->key ? RANDOM_ACCESS : 0;
	if (!unit->has_clock)
		return 1;
	out[0] |= HAS_CLOCK | (ts->jumps ? DISCONTINUITY : 0);
	ts->jumps = false;
	out[1] = (uint8_t)(unit->clock >> 25);
	out[2] = (uint8_t)(unit->clock >> 17);
	out[3] = (uint8_t)(unit->clock >> 9);
	out[4] = (uint8_t)(unit->clock >> 1);
	out[5] = (uint8_t)((unit->clock & 1) << 7 | 0x7e); /* reserved; no extension */
	out[6] = 0;
	return CLOCK_LEN;
}

/* One packet with the unit's bytes from `at` on. Returns how many it took. */
static size_t put_packet(struct ts_muxer *ts, struct bytes *out, const struct unit *unit, size_t at)
{
	uint8_t *packet = bytes_extend(out, TS_PACKET_LEN);
	if (!packet)
		return unit->len - at;
	memset(packet, 0xff, TS_PACKET_LEN);
	uint8_t *field = packet + HEADER_LEN; /* its length, flags, stuffing */
	size_t field_len = 0;
	if (!at && (unit->has_clock || unit->key))
		field_len = 1 + put_field(ts, field + 1, unit);
	const size_t space = TS_PACKET_LEN - HEADER_LEN - field_len;
	const size_t take = unit->len - at < space ? unit->len - at : space;
	if (!field_len && take + 2 <= space)
		field[1] = 0;
	field_len += space - take;
	const uint16_t pid = pids[unit->stream];
	uint8_t *counter = &ts->counters[unit->stream];
	packet[0] = SYNC;
	packet[1] = (uint8_t)((at ? 0 : UNIT_START) | pid >> 8);
	packet[2] = (uint8_t)pid;
	packet[3] = (uint8_t)((field_len ? HAS_FIELD : 0) | HAS_PAYLOAD | *counter);
	*counter = (*counter + 1) & 0xf;
	if (field_len)
		field[0] = (uint8_t)(field_len - 1);
	memcpy(field + field_len, unit->data + at, take);
	return take;
}

static void put_unit(struct ts_muxer *ts, struct bytes *out, const struct unit *unit)
{
	for (size_t at = 0; at < unit->len;)
		at += put_packet(ts, out, unit, at);
}

/* A section of one packet: §2.4.4.1 says that a pointer stands before it. It is stuffed behind its
 * end. */
static void put_section(struct ts_muxer *ts, struct bytes *out, enum stream stream,
			const struct bytes *section)
{
	uint8_t packet[TS_PACKET_LEN - HEADER_LEN];
	memset(packet, 0xff, sizeof(packet));
	packet[0] = 0;
	memcpy(packet + 1, section->data, section->len);
	const struct unit unit = { .stream = stream, .data = packet, .len = sizeof(packet) };
	put_unit(ts, out, &unit);
}

/* §2.4.4.3, §2.4.4.8: what both tables begin with; `body` bytes follow before the checksum. */
static void begin_section(struct bytes *section, uint8_t table, size_t body, uint8_t version)
{
	bytes_init(section, SECTION_MAX);
	bytes_u8(section, table);
	bytes_be16(section, (uint16_t)(0xb000 | (5 + body + 4)));
	bytes_be16(section, 1); /* the stream's, the program's number */
	bytes_u8(section, (uint8_t)(0xc1 | version << 1)); /* in force */
	bytes_be16(section, 0); /* the only section */
}

static void end_section(struct ts_muxer *ts, struct bytes *out, enum stream stream,
			struct bytes *section)
{
	bytes_be32(section, ts_crc32(section->data, section->len));
	put_section(ts, out, stream, section);
	bytes_finish(section);
}

static void put_stream(struct bytes *section, uint8_t type, uint16_t pid)
{
	bytes_u8(section, type);
	bytes_be16(section, 0xe000 | pid);
	bytes_be16(section, 0xf000); /* no descriptors */
}

static void put_tables(struct ts_muxer *ts, struct bytes *out)
{
	struct bytes section;
	begin_section(&section, 0, 4, 0);
	bytes_be16(&section, PROGRAM);
	bytes_be16(&section, 0xe000 | TS_PMT_PID);
	end_section(ts, out, STREAM_PAT, &section);
	begin_section(&section, 2, 4 + 5 * ((size_t)ts->pictures + ts->sound), ts->version);
	bytes_be16(&section, 0xe000 | (ts->pictures ? TS_VIDEO_PID : TS_AUDIO_PID)); /* clock */
	bytes_be16(&section, 0xf000);
	if (ts->pictures)
		put_stream(&section, STREAM_H264, TS_VIDEO_PID);
	if (ts->sound)
		put_stream(&section, STREAM_ADTS, TS_AUDIO_PID);
	end_section(ts, out, STREAM_PMT, &section);
}

/* §2.4.3.7: 33 bits in five bytes */
static void put_time(struct bytes *out, uint8_t prefix, uint64_t ticks)
{
	bytes_u8(out, (uint8_t)(prefix << 4 | (ticks >> 29 & 0xe) | 1));
	bytes_be16(out, (uint16_t)((ticks >> 14 & 0xfffe) | 1));
	bytes_be16(out, (uint16_t)((ticks << 1 & 0xfffe) | 1));
}

struct times {
	uint64_t shown, decoded;
};

/* `len` bytes follow; 0: pictures need not say. */
static void put_head(struct bytes *out, uint8_t id, size_t len, const struct times *times)
{
	const bool both = times->shown != times->decoded;
	const uint8_t fields = both ? 10 : 5;
	bytes_be24(out, 1);
	bytes_u8(out, id);
	bytes_be16(out, (uint16_t)(len ? 3 + fields + len : 0));
	bytes_u8(out, 0x84); /* a unit begins with it */
	bytes_u8(out, both ? 0xc0 : 0x80);
	bytes_u8(out, fields);
	put_time(out, both ? 3 : 2, times->shown);
	if (both)
		put_time(out, 1, times->decoded);
}

static void put_nal(struct bytes *out, const void *data, size_t len)
{
	bytes_be32(out, 1);
	bytes_put(out, data, len);
}

static void put_nals(struct bytes *out, const void *data, size_t len)
{
	struct h264_reader reader;
	struct h264_nal nal;
	h264_read_avcc(&reader, data, len, 4);
	while (h264_next(&reader, &nal))
		put_nal(out, nal.data, nal.len);
}

static void put_sets(struct bytes *out, const struct buf *header)
{
	struct h264_avcc avcc;
	if (h264_avcc_parse(&avcc, header->data, header->len))
		return;
	for (size_t i = 0; i < avcc.sps_count; i++)
		put_nal(out, avcc.sps[i].data, avcc.sps[i].len);
	for (size_t i = 0; i < avcc.pps_count; i++)
		put_nal(out, avcc.pps[i].data, avcc.pps[i].len);
}

static void put_picture(struct ts_muxer *ts, struct bytes *out, const struct frame *frame)
{
	static const uint8_t delimiter[] = { H264_NAL_AUD, 0xf0 }; /* any kind of slices */
	const struct times times = {
		.shown = cmaf_ticks(frame->media_us, CMAF_VIDEO_TIMESCALE) & TIME_MASK,
		.decoded = cmaf_ticks(frame->dts_us, CMAF_VIDEO_TIMESCALE) & TIME_MASK,
	};
	struct bytes pes, stamp;
	bytes_init(&pes, TS_PART_MAX);
	put_head(&pes, PES_VIDEO, 0, &times);
	put_nal(&pes, delimiter, sizeof(delimiter));
	if (frame->key)
		put_sets(&pes, frame->config->header);
	if (frame->stamp) {
		bytes_init(&stamp, STAMP_MAX);
		h264_time_sei_put(&stamp, frame->capture_us);
		put_nals(&pes, stamp.data, stamp.len);
		bytes_finish(&stamp);
	}
	put_nals(&pes, frame->data->data, frame->data->len);
	const struct unit unit = { .stream = STREAM_VIDEO,
				   .data = pes.data,
				   .len = pes.len,
				   .has_clock = true,
				   .key = frame->key,
				   .clock = (times.decoded - TS_LEAD_TICKS) & TIME_MASK };
	if (bytes_ok(&pes))
		put_unit(ts, out, &unit);
	bytes_finish(&pes);
}

/* ISO 14496-3 §1.A.2.2, without a checksum */
static void put_adts(const struct ts_muxer *ts, struct bytes *out, const struct buf *frame)
{
	const size_t len = ADTS_LEN + frame->len;
	const unsigned rate = (ts->adts[0] & 7u) << 1 | ts->adts[1] >> 7;
	const unsigned channels = ts->adts[1] >> 3 & 0xf;
	if (len > ADTS_FRAME_MAX)
		return;
	bytes_be16(out, 0xfff1);
	bytes_u8(out, (uint8_t)((ts->object_type - 1) << 6 | rate << 2 | channels >> 2));
	bytes_u8(out, (uint8_t)((channels & 3) << 6 | len >> 11));
	bytes_u8(out, (uint8_t)(len >> 3));
	bytes_u8(out, (uint8_t)((len & 7) << 5 | 0x1f)); /* variable rate */
	bytes_u8(out, 0xfc);
	bytes_put(out, frame->data, frame->len);
}

static uint64_t sound_ticks(const struct ts_muxer *ts, const struct cmaf_run *run, size_t index)
{
	const uint64_t samples = run->begin + (uint64_t)index * run->step;
	const uint64_t seconds = samples / ts->sample_rate, rest = samples % ts->sample_rate;
	return seconds * CMAF_VIDEO_TIMESCALE +
	       (rest * CMAF_VIDEO_TIMESCALE + ts->sample_rate / 2) / ts->sample_rate;
}

static void put_sound(struct ts_muxer *ts, struct bytes *out, const struct cmaf_run *run,
		      size_t from, size_t count)
{
	const uint64_t at = sound_ticks(ts, run, from) & TIME_MASK;
	struct bytes frames, pes;
	bytes_init(&frames, SOUND_MAX);
	bytes_init(&pes, SOUND_MAX + PES_HEAD_MAX);
	for (size_t i = from; i < from + count; i++)
		put_adts(ts, &frames, run->frames[i]->data);
	put_head(&pes, PES_AUDIO, frames.len, &(struct times){ .shown = at, .decoded = at });
	bytes_put(&pes, frames.data, frames.len);
	const struct unit unit = { .stream = STREAM_AUDIO,
				   .data = pes.data,
				   .len = pes.len,
				   .has_clock = !ts->pictures,
				   .key = !ts->pictures,
				   .clock = (at - TS_LEAD_TICKS) & TIME_MASK };
	if (frames.len && bytes_ok(&frames) && bytes_ok(&pes))
		put_unit(ts, out, &unit);
	bytes_finish(&frames);
	bytes_finish(&pes);
}

/* In order of decoding, the sound some frames ahead. */
static void put_runs(struct ts_muxer *ts, struct bytes *out, const struct cmaf_fragment *fragment)
{
	const struct cmaf_run *video = &fragment->video, *audio = &fragment->audio;
	const size_t pictures = ts->pictures ? video->count : 0;
	const size_t sounds = ts->sound ? audio->count : 0;
	size_t picture = 0, sound = 0;
	while (picture < pictures || sound < sounds) {
		const uint64_t shown_at =
			picture < pictures
				? cmaf_ticks(video->frames[picture]->dts_us, CMAF_VIDEO_TIMESCALE)
				: UINT64_MAX;
		if (sound == sounds || shown_at < sound_ticks(ts, audio, sound)) {
			put_picture(ts, out, video->frames[picture++]);
			continue;
		}
		const size_t left = sounds - sound;
		const size_t count = left < TS_SOUND_FRAMES ? left : TS_SOUND_FRAMES;
		put_sound(ts, out, audio, sound, count);
		sound += count;
	}
}

struct buf *ts_muxer_part(struct ts_muxer *ts, const struct cmaf_fragment *fragment)
{
	struct bytes out;
	bytes_init(&out, TS_PART_MAX);
	if (fragment->starts_segment)
		put_tables(ts, &out);
	put_runs(ts, &out, fragment);
	struct buf *part = bytes_ok(&out) && out.len ? buf_from_bytes(&out) : NULL;
	bytes_finish(&out);
	return part;
}
