#include "media/rtp/rtp_sender.h"

#include "media/fanout.h"
#include "media/rtp/rtp_packet.h"
#include "media/rtp/rtp_sender_state.h"
#include "server/core/alloc.h"
#include "server/core/crypto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* A keyframe goes in turns over all viewers of the worker, so that nobody waits for a
	 * thousand whole keyframes before him (decision 0021). A turn takes as long as so many
	 * packets for all of them together, each send as long as some of its packets. */
	TURN_ALL = 57000,
	TURN_SEND = 27,
	TURN_MIN = 20,
};

static uint32_t video_time(int64_t media_us)
{
	return (uint32_t)(media_us * 9 / 100);
}

static uint32_t audio_time(int64_t media_us)
{
	return (uint32_t)(media_us * 6 / 125);
}

uint32_t rtp_sender_frame_time(const struct sender_stream *stream, const struct frame *frame)
{
	return stream->base + (codec_is_video(frame->codec) ? video_time(frame->media_us)
							    : audio_time(frame->media_us));
}

/* Browsers reckon from all pictures so far when the next is due. Those that a join brings at once
 * would make every live one count as late for half a minute; with their times close to each
 * other they came in time (decision 0016). */
static uint32_t told_time(const struct sender_stream *stream, const struct frame *frame)
{
	const int64_t before_us = stream->join_us - frame->media_us;
	if (before_us <= 0)
		return rtp_sender_frame_time(stream, frame);
	return stream->base + video_time(stream->join_us - before_us / SENDER_JOIN_SQUEEZE);
}

void rtp_sender_fill(const struct sender_stream *stream, struct rtp_packet *packet,
		     const struct frame *frame, const struct rtp_piece *piece,
		     const uint8_t *payload, uint16_t seq)
{
	memcpy(packet->header, stream->header, stream->header_len);
	packet->header_len = stream->header_len;
	rtp_header_patch(packet->header, seq, told_time(stream, frame), piece->marker);
	if (piece->padded)
		rtp_header_set_padding(packet->header);
	if (stream->capture_at)
		rtp_header_set_capture(packet->header, stream->capture_at, frame->capture_us);
	packet->payload = payload + piece->at;
	packet->payload_len = piece->len;
}

void rtp_sender_set_hold(const struct sender_stream *stream, uint8_t *header, struct rtp_hold hold)
{
	if (stream->playout_at)
		rtp_header_set_playout(header, stream->playout_at, hold.min_ms, hold.max_ms);
}

void rtp_sender_count(struct rtp_sender *sender, struct sender_stream *stream,
		      const struct frame *frame, uint32_t packets, size_t bytes)
{
	stream->started = true;
	stream->packets += packets;
	stream->octets += (uint32_t)bytes;
	stream->newest_time = rtp_sender_frame_time(stream, frame);
	stream->newest_media_us = frame->media_us;
	stream->newest_capture_us = frame->capture_us;
	sender->stats.packets += packets;
	sender->stats.bytes += bytes;
}

int rtp_sender_run(struct rtp_sender *sender, const struct rtp_packet *run, size_t count)
{
	if (count == 0)
		return 0;
	const int err = rtp_port_send(&sender->config.port, run, count);
	if (err == -EAGAIN)
		sender->stats.port_full++;
	return err;
}

/* Video goes on at the next keyframe. */
static void lose_picture(struct rtp_sender *sender)
{
	rtp_pacer_clear(&sender->pacer, false);
	sender->need_key = true;
}

/* Sends up to `max` packets of the frame from `from` on; the run that ends the frame (or the
 * pacer's turn) takes waiting sound along. Returns how many went out, or the port's error. A failed
 * run keeps its sequence numbers: some of it may be on the wire, and no number may ever be used for
 * two contents under one key. */
static int send_pieces(struct rtp_sender *sender, struct frame *frame,
		       const struct rtp_image *image, uint32_t from, uint32_t max)
{
	struct rtp_packet run[SENDER_RUN + SENDER_SOUND_MAX];
	_Static_assert(SENDER_RUN + SENDER_SOUND_MAX <= RTP_RUN_MAX, "a run fits the port");
	const uint32_t left = image->count - from;
	const uint32_t count = left < max ? left : max;
	size_t bytes = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct rtp_piece *piece = &image->pieces[from + i];
		rtp_sender_fill(&sender->video, &run[i], frame, piece, image->data,
				sender->video.seq++);
		bytes += piece->len;
	}
	struct sound_turn turn;
	const bool with_sound = count == left;
	const size_t sound = with_sound ? rtp_sender_fill_sound(sender, &turn, run + count) : 0;
	const int err = rtp_sender_run(sender, run, count + sound);
	if (with_sound)
		rtp_sender_drop_sound(sender, &turn, err == 0);
	if (err < 0)
		return err;
	rtp_history_sent(&sender->history, count, bytes);
	rtp_sender_count(sender, &sender->video, frame, count, bytes);
	return (int)count;
}

/* Its packets tell how long it is held, and so do their repetitions: a number has one content. */
static void begin_picture(struct rtp_sender *sender, struct frame *frame, int64_t now_us)
{
	struct sender_stream *video = &sender->video;
	const struct rtp_hold hold = rtp_playout_tell(&sender->playout);
	rtp_sender_set_hold(video, video->header, hold);
	rtp_history_begin(&sender->history, frame, video->seq, hold, now_us);
}

static void send_picture(struct rtp_sender *sender, struct frame *frame,
			 const struct rtp_image *image, int64_t now_us)
{
	begin_picture(sender, frame, now_us);
	for (uint32_t at = 0; at < image->count;) {
		const int sent = send_pieces(sender, frame, image, at, SENDER_RUN);
		if (sent < 0) {
			lose_picture(sender);
			rtp_sender_ask_key(sender, now_us);
			return;
		}
		at += (uint32_t)sent;
	}
	sender->stats.frames++;
	rtp_pacer_spend(&sender->pacer, image->len);
}

/* How many packets of a large picture may go before the other viewers have had their turn: it is
 * cut evenly. */
static uint32_t turn_packets(const struct rtp_sender *sender, const struct rtp_image *image)
{
	const size_t viewers = fanout_audience(&sender->sink);
	const size_t share = TURN_ALL / (viewers ? viewers : 1);
	const size_t least = TURN_SEND + TURN_MIN;
	const size_t most = (share > least ? share : least) - TURN_SEND;
	if (!image || image->count <= most)
		return (uint32_t)most;
	const size_t turns = (image->count + most - 1) / most;
	return (uint32_t)((image->count + turns - 1) / turns);
}

/* Sends from the queue what the pace allows, one turn of it. */
static void pump(struct rtp_sender *sender, int64_t now_us)
{
	struct rtp_pacer *pacer = &sender->pacer;
	bool allowed = rtp_pacer_refill(pacer, now_us);
	uint32_t turn =
		pacer->count ? turn_packets(sender, rtp_image_of(rtp_pacer_head(pacer))) : 0;
	while (allowed && pacer->count > 0) {
		struct frame *frame = rtp_pacer_head(pacer);
		const struct rtp_image *image = rtp_image_of(frame);
		if (!image) {
			rtp_pacer_pop(pacer);
			continue;
		}
		if (pacer->next_piece == 0)
			begin_picture(sender, frame, now_us);
		const uint32_t tokens = (uint32_t)(pacer->tokens / RTP_PAYLOAD_MAX) + 1;
		const uint32_t packets = tokens < turn ? tokens : turn;
		const int sent = send_pieces(sender, frame, image, pacer->next_piece,
					     packets < SENDER_RUN ? packets : SENDER_RUN);
		if (sent < 0) {
			lose_picture(sender);
			rtp_sender_ask_key(sender, now_us);
			return;
		}
		size_t bytes = 0;
		for (int i = 0; i < sent; i++)
			bytes += image->pieces[pacer->next_piece++].len;
		rtp_pacer_spend(pacer, bytes);
		turn -= (uint32_t)sent;
		if (pacer->next_piece == image->count) {
			sender->stats.frames++;
			rtp_pacer_pop(pacer);
		}
		allowed = pacer->tokens > 0 && turn > 0;
	}
}

static void enqueue(struct rtp_sender *sender, struct frame *frame, int64_t now_us)
{
	/* What is still waiting before a keyframe would only delay it. */
	if (frame->key)
		rtp_pacer_clear(&sender->pacer, true);
	if (!rtp_pacer_push(&sender->pacer, frame)) {
		sender->stats.frames_skipped += sender->pacer.count;
		lose_picture(sender);
		rtp_sender_ask_key(sender, now_us);
	} else if (sender->pacer.count == 1 && sender->config.pace) {
		sender->config.pace(sender->config.arg);
	}
}

/* Whether the viewer's decoder can use this frame. */
static bool decodable(struct rtp_sender *sender, const struct frame *frame)
{
	if (!sender->need_key)
		return true;
	const bool newer =
		!sender->video.started || frame->media_us > sender->video.newest_media_us;
	if (!frame->key || !newer) {
		sender->stats.frames_skipped++;
		return false;
	}
	sender->need_key = false;
	return true;
}

/* The most packets of a picture that need not go through the pacer. */
static uint32_t at_once(const struct rtp_sender *sender, const struct frame *frame)
{
	if (!frame->key)
		return SENDER_BURST;
	const uint32_t turn = turn_packets(sender, NULL);
	const uint32_t burst = (uint32_t)(sender->pacer.burst / RTP_PAYLOAD_MAX);
	return turn < burst ? turn : burst;
}

static void on_picture(struct rtp_sender *sender, struct frame *frame, int64_t now_us)
{
	if (sender->hushed || rtp_sender_holds(sender, frame, now_us))
		return;
	if (!decodable(sender, frame)) {
		rtp_sender_ask_key(sender, now_us);
		return;
	}
	const struct rtp_image *image = rtp_image_of(frame);
	if (!image) {
		lose_picture(sender);
		rtp_sender_ask_key(sender, now_us);
		return;
	}
	if (frame->key) {
		rtp_sender_hole_end(sender);
		rtp_pacer_trust(&sender->pacer, image->len, now_us);
	}
	if (sender->pacer.count == 0 && image->count <= at_once(sender, frame) &&
	    !sender->pacer.narrow) {
		rtp_pacer_refill(&sender->pacer, now_us);
		send_picture(sender, frame, image, now_us);
		return;
	}
	enqueue(sender, frame, now_us);
	pump(sender, now_us);
}

/* A viewer that cannot be told to hold no picture would play the joint slowly. */
static void begin_join(struct rtp_sender *sender, struct frame *const *frames, size_t count)
{
	if (sender->video.started || !sender->video.playout_at)
		return;
	for (size_t i = 0; i < count; i++) {
		if (codec_is_video(frames[i]->codec))
			sender->video.join_us = frames[i]->media_us;
	}
	sender->rtx.join_us = sender->video.join_us;
}

void rtp_sender_start(struct rtp_sender *sender, struct frame *const *frames, size_t count)
{
	if (!sender->video.on)
		return;
	const int64_t now_us = clock_mono_us(sender->config.clock);
	sender->need_key = true;
	begin_join(sender, frames, count);
	rtp_pacer_clear(&sender->pacer, true);
	rtp_pacer_reserve(&sender->pacer, count);
	for (size_t i = 0; i < count; i++) {
		if (codec_is_video(frames[i]->codec) && decodable(sender, frames[i]))
			enqueue(sender, frames[i], now_us);
	}
	pump(sender, now_us);
	rtp_sender_report(sender, now_us);
}

void rtp_sender_frame(struct rtp_sender *sender, struct frame *frame)
{
	const int64_t now_us = clock_mono_us(sender->config.clock);
	if (frame->codec == CODEC_H264 && sender->video.on)
		on_picture(sender, frame, now_us);
	else if (frame->codec == CODEC_OPUS && sender->audio.on)
		rtp_sender_sound(sender, frame);
	if (sender->path.probe.since_us)
		rtp_sender_probe(sender, now_us);
	if (now_us >= sender->next_report_us)
		rtp_sender_report(sender, now_us);
}

bool rtp_sender_tick(struct rtp_sender *sender)
{
	const int64_t now_us = clock_mono_us(sender->config.clock);
	if (sender->pacer.count > 0)
		pump(sender, now_us);
	rtp_sender_hole_fill(sender, now_us);
	if (sender->next_report_us > 0 && now_us >= sender->next_report_us)
		rtp_sender_report(sender, now_us);
	rtp_sender_steer(sender, now_us);
	return sender->pacer.count > 0 || sender->hole.seqs;
}

uint32_t rtp_sender_time(const struct rtp_sender *sender, enum codec codec, int64_t media_us)
{
	return codec_is_video(codec) ? sender->video.base + video_time(media_us)
				     : sender->audio.base + audio_time(media_us);
}

int64_t rtp_sender_capture_us(const struct rtp_sender *sender)
{
	return sender->video.newest_capture_us;
}

void rtp_sender_stats(const struct rtp_sender *sender, struct rtp_sender_stats *out)
{
	*out = sender->stats;
	out->queued = sender->pacer.count;
	out->sound_alone = sender->hushed;
}

static void on_sink_start(struct sink *sink, struct frame *const *gop, size_t count)
{
	rtp_sender_start(list_entry(sink, struct rtp_sender, sink), gop, count);
}

static void on_sink_frame(struct sink *sink, struct frame *frame)
{
	rtp_sender_frame(list_entry(sink, struct rtp_sender, sink), frame);
}

static void on_sink_flush(struct sink *sink)
{
	rtp_sender_flush(list_entry(sink, struct rtp_sender, sink));
}

static void on_sink_ended(struct sink *sink)
{
	struct rtp_sender *sender = list_entry(sink, struct rtp_sender, sink);
	if (sender->config.ended)
		sender->config.ended(sender->config.arg);
}

static const struct sink_ops sink_ops = {
	.start = on_sink_start,
	.frame = on_sink_frame,
	.flush = on_sink_flush,
	.ended = on_sink_ended,
};

struct sink *rtp_sender_sink(struct rtp_sender *sender)
{
	return &sender->sink;
}

static void stream_init(struct sender_stream *stream, const struct rtp_sender_track *track)
{
	if (track->payload_type == 0)
		return;
	const struct rtp_header header = {
		.payload_type = track->payload_type,
		.ssrc = track->ssrc,
		.playout_delay_id = track->playout_delay_id,
		.mid_id = track->mid_id,
		.mid = track->mid,
		.rid_id = track->rid_id,
		.rid = track->rid,
		.abs_capture_id = track->abs_capture_id,
	};
	stream->on = true;
	stream->ssrc = track->ssrc;
	stream->header_len = (uint8_t)rtp_header_write(stream->header, &header);
	stream->capture_at = (uint8_t)rtp_header_capture_at(&header);
	stream->playout_at = (uint8_t)rtp_header_playout_at(&header);
	/* RFC 3550 §5.1: random starts. SRTP receivers guess the rollover counter from the first
	 * number, so it begins in the lower half (RFC 3711 §3.3.1). */
	crypto_random(&stream->base, sizeof(stream->base));
	crypto_random(&stream->seq, sizeof(stream->seq));
	stream->seq &= 0x7fff;
}

static void init_rtx(struct rtp_sender *sender)
{
	const struct rtp_sender_track rtx = {
		.ssrc = sender->config.video.rtx_ssrc,
		.payload_type = sender->config.video.rtx_payload_type,
	};
	stream_init(&sender->rtx, &rtx);
	sender->rtx.base = sender->video.base; /* RFC 4588 §4: the timestamp is the original's */
}

int rtp_sender_create(struct rtp_sender **out, const struct rtp_sender_config *config)
{
	if (config->video.payload_type == 0 && config->audio.payload_type == 0)
		return -EINVAL;
	struct rtp_sender *sender = xcalloc(1, sizeof(*sender));
	sender->config = *config;
	stream_init(&sender->video, &config->video);
	stream_init(&sender->audio, &config->audio);
	init_rtx(sender);
	rtp_path_init(&sender->path);
	sender->pinned = PATH_PINS_NOTHING;
	rtp_history_init(&sender->history);
	rtp_pacer_init(&sender->pacer);
	sender->need_key = true;
	sender->stats.rtt_us = -1;
	sender->sink.ops = &sink_ops;
	sender->sink.audio = CODEC_OPUS;
	sender->sink.picture.begins_low = true;
	sender->sink.picture.profile_max = config->profile_max;
	sender->sink.skip_video = !sender->video.on;
	sender->sink.skip_audio = !sender->audio.on;
	sender->sink.warm[0] = (struct iovec){ sender, offsetof(struct rtp_sender, history.ring) };
	sender->sink.warm_count = 1;
	list_init(&sender->sink.link);
	*out = sender;
	return 0;
}

void rtp_sender_destroy(struct rtp_sender *sender)
{
	if (!sender)
		return;
	rtp_sender_finish_sound(sender);
	rtp_sender_hole_end(sender);
	rtp_pacer_finish(&sender->pacer);
	rtp_history_finish(&sender->history);
	free(sender);
}
