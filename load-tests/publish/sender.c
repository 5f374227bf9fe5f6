#include "load-tests/publish/sender_state.h"

#include "media/frame.h"
#include "media/rtp/rtp_image.h"
#include "media/rtp/rtp_packet.h"
#include "server/core/alloc.h"
#include "server/core/crypto.h"

#include <stdlib.h>
#include <string.h>

enum {
	VIDEO_RATE = 90000,
	AUDIO_RATE = 48000,
	REPEAT_BUDGET_MAX = 64 * 1024,
	REPEAT_BUDGET_START = 8 * 1024,
	REPEAT_INTERVAL_MIN_US = 10000,
	OSN_LEN = 2, /* RFC 4588 §4: the original sequence number */
	AUDIO_BPS = 80000, /* Opus with its headers */
	VIDEO_PERCENT = 92, /* of the rest; headers and repeats take the other part */
	VIDEO_MIN_BPS = 50000,
};

/* ---- streams ---- */

static void open_stream(struct sender_stream *stream, const struct sdp_track *track, uint8_t pt,
			uint32_t ssrc, uint32_t rate)
{
	const struct rtp_header header = {
		.payload_type = pt,
		.ssrc = ssrc,
		.mid_id = track->ids.mid,
		.mid = track->mid,
		.abs_capture_id = track->ids.abs_capture_time,
		.transport_cc_id = track->ids.transport_cc,
	};
	stream->on = track->present && pt;
	stream->ssrc = ssrc;
	stream->rate = rate;
	stream->header_len = (uint8_t)rtp_header_write(stream->header, &header);
	stream->capture_at = rtp_header_capture_at(&header);
	stream->transport_at = rtp_header_transport_at(&header);
	crypto_random(&stream->base, sizeof(stream->base));
	crypto_random(&stream->seq, sizeof(stream->seq));
	stream->seq &= 0x7fff; /* RFC 3711 §3.3.1: no rollover before the other side has begun */
}

int sender_create(struct sender **out, const struct sender_config *config)
{
	struct sender *sender = xcalloc(1, sizeof(*sender));
	const struct sdp_agreement *agreement = config->agreement;
	sender->config = *config;
	sender->agreement = *agreement;
	sender->config.agreement = &sender->agreement;
	open_stream(&sender->video, &agreement->video, agreement->video.pt, config->video_ssrc,
		    VIDEO_RATE);
	open_stream(&sender->audio, &agreement->audio, agreement->audio.pt, config->audio_ssrc,
		    AUDIO_RATE);
	open_stream(&sender->repair, &agreement->video, agreement->video.rtx_pt,
		    config->repair_ssrc, VIDEO_RATE);
	sender->numbered = agreement->video.ids.transport_cc != 0;
	sender->need_key = true;
	sender->repeat_budget = REPEAT_BUDGET_START;
	sender->stats.rtt_us = -1;
	pacer_init(&sender->pacer);
	twcc_sent_init(&sender->sent);
	bandwidth_init(&sender->bandwidth, &config->bandwidth);
	pacer_set_rate(&sender->pacer, bandwidth_target_bps(&sender->bandwidth));
	*out = sender;
	return 0;
}

static uint32_t stream_time(const struct sender_stream *stream, int64_t mono_us)
{
	return stream->base + (uint32_t)(mono_us * (stream->rate / 1000) / 1000);
}

/* ---- packets leave ---- */

static void remember(struct sender *sender, struct out_packet *packet)
{
	struct out_packet **slot = &sender->history[packet->seq % SENDER_HISTORY];
	if (*slot && (int16_t)((*slot)->seq - packet->seq) > 0) {
		out_packet_destroy(packet); /* a late repetition; its place is taken */
		return;
	}
	out_packet_destroy(*slot);
	*slot = packet;
}

/* A packet gets its numbers when it leaves, so that what is dropped before leaves no hole. */
static void complete(struct sender *sender, struct out_packet *packet)
{
	struct sender_stream *stream = packet->stream;
	memcpy(packet->header, stream->header, stream->header_len);
	packet->header_len = stream->header_len;
	packet->seq = stream->seq++;
	rtp_header_patch(packet->header, packet->seq, packet->timestamp, packet->marker);
	if (packet->padded)
		rtp_header_set_padding(packet->header);
	if (stream->capture_at)
		rtp_header_set_capture(packet->header, stream->capture_at, packet->capture_us);
	if (stream->transport_at)
		rtp_header_set_transport(packet->header, stream->transport_at,
					 twcc_sent_add(&sender->sent,
						       (uint32_t)out_packet_size(packet),
						       clock_mono_us(sender->config.clock)));
}

static void send_packet(struct sender *sender, struct out_packet *packet, int64_t now_us)
{
	struct rtp_packet wire = { .payload_len = packet->payload_len, .payload = packet->payload };
	const bool first = !packet->header_len;
	/* Without a repair stream a repetition must be the same bytes, transport-wide number and
	 * all: under AES-GCM other content under an old number would give the key away. */
	if (first)
		complete(sender, packet);
	memcpy(wire.header, packet->header, packet->header_len);
	wire.header_len = packet->header_len;
	packet->sent_us = now_us;
	if (rtp_port_send(&sender->config.port, &wire, 1))
		sender->stats.port_full++; /* as good as lost on the way */
	if (first) {
		packet->stream->packets++;
		packet->stream->octets += packet->payload_len;
	}
	if (first && packet->stream != &sender->repair) {
		sender->stats.packets++;
		sender->stats.bytes += packet->payload_len;
	}
	if (packet->stream == &sender->video && first) {
		sender->repeat_budget += packet->payload_len / SENDER_REPEAT_SHARE;
		if (sender->repeat_budget > REPEAT_BUDGET_MAX)
			sender->repeat_budget = REPEAT_BUDGET_MAX;
	}
	if (packet->stream == &sender->video)
		remember(sender, packet);
	else
		out_packet_destroy(packet);
}

void sender_tick(struct sender *sender)
{
	const int64_t now_us = clock_mono_us(sender->config.clock);
	struct out_packet *packet;
	pacer_set_rate(&sender->pacer, bandwidth_target_bps(&sender->bandwidth));
	while ((packet = pacer_next(&sender->pacer, now_us)))
		send_packet(sender, packet, now_us);
	sender_report(sender, now_us);
}

/* ---- repeats ---- */

/* RFC 4588 §4: the original number in front of the original payload. */
static struct out_packet *repair_of(struct sender *sender, const struct out_packet *packet)
{
	const uint16_t len = (uint16_t)(OSN_LEN + packet->payload_len);
	uint8_t *payload = xcalloc(1, len);
	payload[0] = (uint8_t)(packet->seq >> 8);
	payload[1] = (uint8_t)packet->seq;
	memcpy(payload + OSN_LEN, packet->payload, packet->payload_len);
	struct out_packet *repair = out_packet_create(NULL, payload, len);
	repair->stream = &sender->repair;
	repair->timestamp = packet->timestamp;
	repair->marker = packet->marker;
	repair->padded = packet->padded;
	repair->capture_us = packet->capture_us;
	return repair;
}

/* The very packet once more; it leaves the history until it has been sent. */
static struct out_packet *take_back(struct sender *sender, struct out_packet *packet)
{
	sender->history[packet->seq % SENDER_HISTORY] = NULL;
	return packet;
}

void sender_repeat(struct sender *sender, uint16_t seq, int64_t now_us)
{
	struct out_packet *packet = sender->history[seq % SENDER_HISTORY];
	const int64_t rtt_us = sender->stats.rtt_us;
	sender->stats.nacks++;
	if (!packet || packet->seq != seq)
		return;
	const int64_t apart_us = rtt_us > REPEAT_INTERVAL_MIN_US ? rtt_us : REPEAT_INTERVAL_MIN_US;
	if (packet->repeats && now_us - packet->sent_us < apart_us)
		return;
	if (packet->repeats >= SENDER_REPEATS_MAX || sender->repeat_budget < packet->payload_len) {
		sender->stats.repeats_refused++;
		return;
	}
	packet->repeats++;
	packet->sent_us = now_us;
	sender->repeat_budget -= packet->payload_len;
	struct out_packet *again =
		sender->repair.on ? repair_of(sender, packet) : take_back(sender, packet);
	if (pacer_push(&sender->pacer, PACER_REPEAT, again))
		sender->stats.repeats++;
}

/* ---- frames ---- */

void sender_ask_key(struct sender *sender, int64_t now_us)
{
	if (sender->key_asked_us && now_us - sender->key_asked_us < SENDER_KEY_INTERVAL_US)
		return;
	sender->key_asked_us = now_us;
	sender->config.request_key(sender->config.arg);
}

/* Whether this picture goes out; after one that did not only a keyframe does. */
static bool admit(struct sender *sender, const struct frame *frame, int64_t now_us)
{
	const int64_t wait_us = pacer_wait_us(&sender->pacer);
	if (wait_us > SENDER_WAIT_MAX_US)
		sender->need_key = true;
	if (sender->need_key && (!frame->key || wait_us > SENDER_WAIT_AGAIN_US)) {
		sender->stats.frames_skipped++;
		if (wait_us <= SENDER_WAIT_AGAIN_US)
			sender_ask_key(sender, now_us);
		return false;
	}
	sender->need_key = false;
	return true;
}

void sender_frame(struct sender *sender, struct frame *frame, int64_t capture_us)
{
	const int64_t now_us = clock_mono_us(sender->config.clock);
	const bool picture = codec_is_video(frame->codec);
	struct sender_stream *stream = picture ? &sender->video : &sender->audio;
	if (!stream->on || (picture && !admit(sender, frame, now_us)))
		return;
	const struct rtp_image *image = rtp_image_of(frame);
	if (!image)
		return;
	sender->stats.frames += picture;
	sender->stats.keyframes += picture && frame->key;
	for (uint32_t i = 0; i < image->count; i++) {
		const struct rtp_piece *piece = &image->pieces[i];
		struct out_packet *packet =
			out_packet_create(frame, image->data + piece->at, piece->len);
		packet->stream = stream;
		packet->marker = piece->marker;
		packet->padded = piece->padded;
		packet->timestamp = stream_time(stream, capture_us);
		packet->capture_us = capture_us + sender->config.clock->utc_offset_us;
		pacer_push(&sender->pacer, picture ? PACER_PICTURE : PACER_SOUND, packet);
	}
	if (!sender->next_report_us)
		sender->first_report_us = sender->next_report_us = now_us;
	sender_tick(sender);
}

/* ---- figures and end ---- */

void sender_path_changed(struct sender *sender)
{
	bandwidth_blackout(&sender->bandwidth);
	sender->stats.rtt_us = -1;
	sender_ask_key(sender, clock_mono_us(sender->config.clock));
}

int64_t sender_video_bps(const struct sender *sender)
{
	int64_t bps = bandwidth_target_bps(&sender->bandwidth);
	bps -= sender->audio.on ? AUDIO_BPS : 0;
	bps = bps * VIDEO_PERCENT / 100;
	return bps > VIDEO_MIN_BPS ? bps : VIDEO_MIN_BPS;
}

void sender_stats(const struct sender *sender, struct sender_stats *out)
{
	*out = sender->stats;
	out->target_bps = bandwidth_target_bps(&sender->bandwidth);
	out->arriving_bps = bandwidth_arriving_bps(&sender->bandwidth);
	out->queue_us = pacer_wait_us(&sender->pacer);
	out->fraction_lost = sender->bandwidth.fraction_lost;
}

void sender_destroy(struct sender *sender)
{
	if (!sender)
		return;
	for (unsigned i = 0; i < SENDER_HISTORY; i++)
		out_packet_destroy(sender->history[i]);
	pacer_finish(&sender->pacer);
	free(sender);
}
