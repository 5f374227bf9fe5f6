/* The sound of a sender: packets of one turn share a send with the picture or among themselves, and
 * a viewer that loses packets gets each twice. */
#include "media/rtp/rtp_red.h"
#include "media/rtp/rtp_sender_state.h"
#include "server/core/alloc.h"

#include <stdlib.h>

/* Puts the former packet's sound into this one. Where that cannot be done it stays as it is. */
static void make_redundant(struct rtp_sender *sender, struct rtp_packet *packet,
			   const struct frame *frame, struct frame *former, unsigned at)
{
	const struct rtp_image *image = former ? rtp_image_of(former) : NULL;
	if (!image || former->epoch != frame->epoch)
		return;
	if (!sender->red)
		sender->red = xcalloc(SENDER_SOUND_MAX, RTP_PAYLOAD_MAX);
	const struct red_block older = { image->data, image->pieces[0].len };
	const struct red_block newest = { packet->payload, packet->payload_len };
	const uint32_t age = rtp_sender_frame_time(&sender->audio, frame) -
			     rtp_sender_frame_time(&sender->audio, former);
	uint8_t *out = sender->red + (size_t)at * RTP_PAYLOAD_MAX;
	const size_t len = rtp_red_write(out, RTP_PAYLOAD_MAX, sender->config.audio.payload_type,
					 &older, age, &newest);
	if (!len)
		return;
	packet->header[1] =
		(uint8_t)((packet->header[1] & 0x80) | sender->config.audio.red_payload_type);
	packet->payload = out;
	packet->payload_len = len;
	sender->stats.red_packets++;
}

size_t rtp_sender_fill_sound(struct rtp_sender *sender, struct rtp_packet *run)
{
	const bool twice = sender->lossy_until_us && sender->config.audio.red_payload_type &&
			   clock_mono_us(sender->config.clock) < sender->lossy_until_us;
	struct frame *former = sender->former_sound;
	size_t count = 0;
	for (unsigned i = 0; i < sender->sound_count; i++) {
		struct frame *frame = sender->sound[i];
		const struct rtp_image *image = rtp_image_of(frame);
		if (!image)
			continue;
		rtp_sender_fill(&sender->audio, &run[count], frame, &image->pieces[0], image->data,
				sender->audio.seq++);
		if (twice)
			make_redundant(sender, &run[count], frame, former, i);
		former = frame;
		count++;
	}
	return count;
}

static void remember(struct rtp_sender *sender, struct frame *frame)
{
	frame_unref(sender->former_sound);
	sender->former_sound = frame_ref(frame);
}

void rtp_sender_drop_sound(struct rtp_sender *sender, bool sent)
{
	for (unsigned i = 0; i < sender->sound_count; i++) {
		struct frame *frame = sender->sound[i];
		const struct rtp_image *image = sent ? rtp_image_of(frame) : NULL;
		if (image) {
			rtp_sender_count(sender, &sender->audio, frame, 1, image->len);
			if (sender->config.audio.red_payload_type)
				remember(sender, frame);
		}
		frame_unref(frame);
	}
	sender->sound_count = 0;
}

static void send_sound(struct rtp_sender *sender)
{
	struct rtp_packet run[SENDER_SOUND_MAX];
	const size_t count = rtp_sender_fill_sound(sender, run);
	rtp_sender_drop_sound(sender, rtp_sender_run(sender, run, count) == 0);
}

void rtp_sender_sound(struct rtp_sender *sender, struct frame *frame)
{
	sender->playout.sound_is_late = frame->made;
	sender->sound[sender->sound_count++] = frame_ref(frame);
	if (sender->sound_count == SENDER_SOUND_MAX)
		send_sound(sender);
}

void rtp_sender_flush(struct rtp_sender *sender)
{
	if (sender->sound_count > 0)
		send_sound(sender);
}

void rtp_sender_finish_sound(struct rtp_sender *sender)
{
	rtp_sender_drop_sound(sender, false);
	frame_unref(sender->former_sound);
	free(sender->red);
}
