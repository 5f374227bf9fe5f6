#include "media/rtp/rtp_receiver.h"

#include "media/codec/opus.h"
#include "media/rtp/rtp_depay.h"
#include "media/rtp/rtp_packet.h"
#include "media/rtp/rtp_receiver_state.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { VIDEO_RATE = 90000, BPS_WINDOW_US = 1000000 };

static void give_out(struct receiver_stream *stream, struct frame *frame, uint32_t timestamp,
		     int64_t arrival_us)
{
	struct rtp_receiver *receiver = stream->receiver;
	struct rtp_times times = { .arrival_us = arrival_us };
	times.source_us = rtp_timeline_frame(&receiver->timeline, stream->track, timestamp,
					     arrival_us, &times.jumped);
	times.jumped |= stream->replaced;
	stream->replaced = false;
	frame->media_us = times.source_us;
	frame->dts_us = times.source_us;
	receiver->stats.frames++;
	receiver->events->frame(receiver->config.arg, frame, &times);
}

static void on_picture(void *arg, struct frame *frame, uint32_t timestamp, int64_t arrival_us)
{
	struct receiver_stream *stream = arg;
	frame->rendition = (uint8_t)(stream->track - RTP_VIDEO);
	if (frame->key) {
		stream->receiver->stats.keys++;
		stream->key_wanted = false;
	}
	give_out(stream, frame, timestamp, arrival_us);
}

static void on_need_key(void *arg)
{
	struct receiver_stream *stream = arg;
	rtp_receiver_request_key(stream->receiver, stream->track - RTP_VIDEO,
				 stream->receiver->now_us);
}

static const struct rtp_depay_events depay_events = {
	.frame = on_picture,
	.need_key = on_need_key,
};

static void on_video_unit(void *arg, const struct rtp_unit *unit)
{
	struct receiver_stream *stream = arg;
	rtp_depay_push(&stream->depay, unit);
}

static void on_audio_unit(void *arg, const struct rtp_unit *unit)
{
	struct receiver_stream *stream = arg;
	struct rtp_receiver *receiver = stream->receiver;
	if (unit->len == 0)
		return;
	struct buf *data = unit->len <= OPUS_PACKET_MAX ? buf_copy(unit->data, unit->len) : NULL;
	if (!data) {
		receiver->stats.malformed++;
		return;
	}
	struct frame *frame = frame_create(media_config_ref(receiver->opus), data);
	frame->duration_us = opus_packet_us(unit->data, unit->len);
	give_out(stream, frame, unit->timestamp, unit->arrival_us);
}

static void stream_begin(struct receiver_stream *stream, uint32_t ssrc)
{
	struct rtp_receiver *receiver = stream->receiver;
	const bool video = stream->track != RTP_AUDIO;
	if (stream->on) {
		rtp_reorder_finish(&stream->reorder);
		rtp_timeline_restart(&receiver->timeline, stream->track);
		stream->replaced = true;
	}
	if (stream->on && video) {
		rtp_depay_finish(&stream->depay);
		rtp_depay_init(&stream->depay, &depay_events, stream);
	}
	stream->on = true;
	stream->bye = false;
	stream->ssrc = ssrc;
	rtp_reception_init(&stream->reception, video ? VIDEO_RATE : OPUS_RATE);
	rtp_reorder_init(&stream->reorder, video, video ? on_video_unit : on_audio_unit, stream);
}

/* The layer that the extension of this id names; NULL when it stands not there or names none. */
static struct receiver_stream *layer_named(struct rtp_receiver *receiver,
					   const struct rtp_view *view, uint8_t id)
{
	struct bits value;
	if (!id || !rtp_extension(view, id, &value))
		return NULL;
	const size_t len = bits_left(&value);
	const uint8_t *name = bits_bytes(&value, len);
	for (unsigned i = 0; name && i < receiver->config.rid_count; i++) {
		const char *rid = receiver->config.rids[i];
		if (strlen(rid) == len && memcmp(rid, name, len) == 0)
			return &receiver->stream[RTP_VIDEO + i];
	}
	return NULL;
}

/* RFC 8852 §3: senders may leave the name out once they know that it has been heard. */
static struct receiver_stream *layer_of(struct rtp_receiver *receiver, const struct rtp_view *view)
{
	const struct rtp_receiver_config *config = &receiver->config;
	if (!config->rid_count)
		return &receiver->stream[RTP_VIDEO];
	for (unsigned i = 0; i < config->rid_count; i++) {
		struct receiver_stream *stream = &receiver->stream[RTP_VIDEO + i];
		if (stream->on && stream->ssrc == view->ssrc)
			return stream;
	}
	return layer_named(receiver, view, config->rid_id);
}

/* Which stream a packet belongs to; NULL when it is none of the negotiated ones, or of a second
 * source while the first still sends. */
static struct receiver_stream *stream_of(struct rtp_receiver *receiver, const struct rtp_view *view)
{
	struct receiver_stream *stream = NULL;
	if (view->payload_type == 0)
		return NULL;
	if (view->payload_type == receiver->config.video_payload_type)
		stream = layer_of(receiver, view);
	else if (view->payload_type == receiver->config.audio_payload_type)
		stream = &receiver->stream[RTP_AUDIO];
	if (!stream)
		return NULL;
	if (!stream->on ||
	    (stream->ssrc != view->ssrc &&
	     (stream->bye || receiver->now_us - stream->heard_us > RECEIVER_SILENCE_US)))
		stream_begin(stream, view->ssrc);
	return stream->ssrc == view->ssrc ? stream : NULL;
}

/* The layer that a repair stream belongs to; NULL when that is not known yet. */
static struct receiver_stream *repaired(struct rtp_receiver *receiver, const struct rtp_view *view)
{
	const struct rtp_receiver_config *config = &receiver->config;
	if (!config->rid_count)
		return &receiver->stream[RTP_VIDEO];
	struct receiver_stream *named = layer_named(receiver, view, config->repaired_rid_id);
	if (named)
		named->repair_ssrc = view->ssrc;
	for (unsigned i = 0; !named && i < config->rid_count; i++)
		if (receiver->stream[RTP_VIDEO + i].repair_ssrc == view->ssrc)
			named = &receiver->stream[RTP_VIDEO + i];
	return named;
}

static void count_result(struct rtp_receiver *receiver, enum reorder_result result)
{
	switch (result) {
	case REORDER_FILLED:
		receiver->stats.recovered++;
		break;
	case REORDER_STRAY:
		receiver->stats.strays++;
		break;
	case REORDER_DUPLICATE:
	case REORDER_LATE:
	case REORDER_NEW:
		break;
	}
}

static void push(struct rtp_receiver *receiver, struct receiver_stream *stream, uint16_t seq,
		 const struct rtp_unit *unit)
{
	count_result(receiver, rtp_reorder_push(&stream->reorder, seq, unit));
	if (stream->reorder.repair_us < 0)
		return;
	/* The echo of a reference time is exact; a repair is the next best measure. */
	if (!receiver->rtt_by_report)
		receiver->stats.rtt_us = stream->reorder.repair_us;
	stream->reorder.repair_us = -1;
}

/* RFC 4588 §4: the payload of a repair begins with the number that it had. */
static void on_repair(struct rtp_receiver *receiver, const struct rtp_view *view)
{
	struct receiver_stream *stream = repaired(receiver, view);
	struct bits bits;
	bits_init(&bits, view->payload, view->payload_len);
	const uint16_t seq = bits_be16(&bits);
	if (!stream || !stream->on || !bits_ok(&bits) || bits_left(&bits) == 0)
		return; /* padding that probes the path */
	const size_t len = bits_left(&bits);
	const struct rtp_unit unit = {
		.data = bits_bytes(&bits, len),
		.len = len,
		.timestamp = view->timestamp,
		.marker = view->marker,
		.arrival_us = receiver->now_us,
	};
	push(receiver, stream, seq, &unit);
}

static void count_bytes(struct rtp_receiver *receiver, size_t len)
{
	receiver->stats.packets++;
	receiver->stats.bytes += len;
	receiver->second_bytes += len;
	const int64_t passed_us = receiver->now_us - receiver->second_us;
	if (passed_us < BPS_WINDOW_US)
		return;
	if (receiver->second_us != 0)
		receiver->stats.bps = receiver->second_bytes * 8000000 / (uint64_t)passed_us;
	receiver->second_us = receiver->now_us;
	receiver->second_bytes = 0;
}

static void on_rtp(struct rtp_receiver *receiver, const void *data, size_t len)
{
	struct rtp_view view;
	if (rtp_parse(&view, data, len) < 0) {
		receiver->stats.malformed++;
		return;
	}
	count_bytes(receiver, len);
	struct bits extension;
	if (receiver->config.transport_cc_id &&
	    rtp_extension(&view, receiver->config.transport_cc_id, &extension) &&
	    bits_left(&extension) >= 2)
		twcc_arrived(&receiver->twcc, bits_be16(&extension), receiver->now_us);
	const uint8_t rtx = receiver->config.video_rtx_payload_type;
	if (rtx && view.payload_type == rtx) {
		on_repair(receiver, &view);
		return;
	}
	struct receiver_stream *stream = stream_of(receiver, &view);
	if (!stream) {
		receiver->stats.strays++;
		return;
	}
	stream->heard_us = receiver->now_us;
	const struct rtp_unit unit = {
		.data = view.payload,
		.len = view.payload_len,
		.timestamp = view.timestamp,
		.marker = view.marker,
		.arrival_us = receiver->now_us,
	};
	rtp_reception_packet(&stream->reception, view.seq, view.timestamp, receiver->now_us);
	push(receiver, stream, view.seq, &unit);
}

int64_t rtp_receiver_packet(struct rtp_receiver *receiver, const void *data, size_t len,
			    int64_t now_us)
{
	receiver->now_us = now_us;
	if (rtp_is_rtcp(data, len))
		rtp_receiver_rtcp(receiver, data, len);
	else
		on_rtp(receiver, data, len);
	return rtp_receiver_feedback(receiver);
}

int64_t rtp_receiver_tick(struct rtp_receiver *receiver, int64_t now_us)
{
	receiver->now_us = now_us;
	for (int track = 0; track < RTP_TRACKS; track++) {
		struct receiver_stream *stream = &receiver->stream[track];
		if (stream->on)
			rtp_reorder_expire(&stream->reorder, now_us, rtp_receiver_rtt_us(receiver));
	}
	return rtp_receiver_feedback(receiver);
}

void rtp_receiver_stats(const struct rtp_receiver *receiver, struct rtp_receiver_stats *out)
{
	*out = receiver->stats;
	for (int track = 0; track < RTP_TRACKS; track++) {
		const struct receiver_stream *stream = &receiver->stream[track];
		out->lost += stream->reorder.given_up;
		out->frames_dropped += stream->depay.dropped;
		out->malformed += stream->depay.malformed;
	}
}

int rtp_receiver_create(struct rtp_receiver **out, const struct rtp_receiver_config *config)
{
	if (config->video_payload_type == 0 && config->audio_payload_type == 0)
		return -EINVAL;
	struct rtp_receiver *receiver = xcalloc(1, sizeof(*receiver));
	receiver->config = *config;
	receiver->events = config->events;
	if (receiver->config.max_bps == 0)
		receiver->config.max_bps = RECEIVER_MAX_BPS;
	receiver->remb_bps = receiver->config.max_bps;
	receiver->stats.rtt_us = -1;
	receiver->opus =
		opus_media_config_create(config->audio_channels ? config->audio_channels : 2);
	rtp_timeline_init(&receiver->timeline);
	for (int track = 0; track < RTP_TRACKS; track++) {
		receiver->stream[track].receiver = receiver;
		receiver->stream[track].track = (enum rtp_track)track;
		rtp_depay_init(&receiver->stream[track].depay, &depay_events,
			       &receiver->stream[track]);
	}
	twcc_init(&receiver->twcc);
	*out = receiver;
	return 0;
}

void rtp_receiver_destroy(struct rtp_receiver *receiver)
{
	if (!receiver)
		return;
	for (int track = 0; track < RTP_TRACKS; track++) {
		if (receiver->stream[track].on)
			rtp_reorder_finish(&receiver->stream[track].reorder);
		rtp_depay_finish(&receiver->stream[track].depay);
	}
	media_config_unref(receiver->opus);
	free(receiver);
}
