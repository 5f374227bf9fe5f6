/* The sound of a sender: packets of one turn share a send with the picture or among themselves, and
 * a viewer that loses packets gets each twice, or three times. */
#include "media/codec/opus.h"
#include "media/rtp/rtp_sender_state.h"

#include <stdlib.h>
#include <string.h>

/* Puts the sound of the packets before it into this one. Where that cannot be done it stays as it
 * is. `former`: the newest first. */
static void make_redundant(struct rtp_sender *sender, struct rtp_packet *packet,
			   const struct frame *frame, struct frame *const *former, unsigned count,
			   uint8_t *out)
{
	struct red_block older[RED_FORMER_MAX];
	unsigned blocks = 0;
	for (unsigned i = count; i-- > 0;) {
		const struct rtp_image *image = former[i] ? rtp_image_of(former[i]) : NULL;
		if (!image || former[i]->epoch != frame->epoch)
			continue;
		const uint32_t age = rtp_sender_frame_time(&sender->audio, frame) -
				     rtp_sender_frame_time(&sender->audio, former[i]);
		if (age <= RED_AGE_MAX)
			older[blocks++] =
				(struct red_block){ image->data, image->pieces[0].len, age };
	}
	const struct red_block newest = { packet->payload, packet->payload_len, 0 };
	const size_t len = rtp_red_write(out, RTP_PAYLOAD_MAX, sender->config.audio.payload_type,
					 older, blocks, &newest);
	if (!len)
		return;
	packet->header[1] =
		(uint8_t)((packet->header[1] & 0x80) | sender->config.audio.red_payload_type);
	packet->payload = out;
	packet->payload_len = (uint16_t)len;
	sender->stats.red_packets++;
}

/* How many packets bring the same sound again. */
static unsigned redundancy(const struct rtp_sender *sender)
{
	if (!sender->config.audio.red_payload_type || !sender->lossy_until_us)
		return 0;
	const int64_t now_us = clock_mono_us(sender->config.clock);
	if (now_us >= sender->lossy_until_us)
		return 0;
	return now_us < sender->very_lossy_until_us ? RED_FORMER_MAX : 1;
}

/* Whether `next` goes on where `frame`, which sounds so long, ends. */
static bool follows(const struct frame *frame, int64_t long_us, const struct frame *next)
{
	const int64_t gap_us = next->media_us - frame->media_us - long_us;
	return next->epoch == frame->epoch && llabs(gap_us) <= SENDER_JOIN_US;
}

/* What waits together leaves as one: of the segments of a send only the last may be shorter, so a
 * second packet of sound would cost a send of its own. Returns how many of the `count` frames are
 * in the packet, which holds the first one already. */
static unsigned join(struct rtp_packet *packet, struct frame *const *frames, unsigned count,
		     int64_t packet_max_us, uint8_t *out)
{
	struct opus_packet parts[SENDER_SOUND_MAX] = { { packet->payload, packet->payload_len } };
	const int64_t long_us = opus_packet_us(packet->payload, packet->payload_len);
	unsigned joined = 1;
	while (joined < count && (joined + 1) * long_us <= packet_max_us &&
	       follows(frames[joined - 1], long_us, frames[joined])) {
		const struct rtp_image *image = rtp_image_of(frames[joined]);
		if (!image)
			break;
		parts[joined++] = (struct opus_packet){ image->data, image->len };
	}
	for (; joined > 1; joined--) {
		const size_t len = opus_join(out, RTP_PAYLOAD_MAX, parts, joined);
		if (!len)
			continue;
		packet->payload = out;
		packet->payload_len = (uint16_t)len;
		break;
	}
	return joined;
}

/* The newest goes first, the oldest is forgotten. */
static void push(struct frame **former, struct frame *frame)
{
	for (unsigned i = RED_FORMER_MAX - 1; i > 0; i--)
		former[i] = former[i - 1];
	former[0] = frame;
}

size_t rtp_sender_fill_sound(struct rtp_sender *sender, struct sound_turn *turn,
			     struct rtp_packet *run)
{
	const struct rtp_sender_track *track = &sender->config.audio;
	const unsigned again = redundancy(sender);
	const int64_t longest_us = track->packet_ms * INT64_C(1000);
	struct frame *former[RED_FORMER_MAX];
	memcpy(former, sender->former_sound, sizeof(former));
	turn->packets = 0;
	unsigned joined = 1;
	for (unsigned i = 0; i < sender->sound_count; i += joined) {
		struct frame *frame = sender->sound[i];
		const struct rtp_image *image = rtp_image_of(frame);
		joined = 1;
		if (!image)
			continue;
		struct rtp_packet *packet = &run[turn->packets];
		uint8_t *payload = turn->payload[turn->packets++];
		rtp_sender_fill(&sender->audio, packet, frame, &image->pieces[0], image->data,
				sender->audio.seq++);
		if (again)
			make_redundant(sender, packet, frame, former, again, payload);
		else
			joined = join(packet, &sender->sound[i], sender->sound_count - i,
				      longest_us, payload);
		push(former, frame);
	}
	return turn->packets;
}

static void remember(struct rtp_sender *sender, struct frame *frame)
{
	frame_unref(sender->former_sound[RED_FORMER_MAX - 1]);
	push(sender->former_sound, frame_ref(frame));
}

static void forget_sound(struct rtp_sender *sender)
{
	for (unsigned i = 0; i < sender->sound_count; i++)
		frame_unref(sender->sound[i]);
	sender->sound_count = 0;
}

void rtp_sender_drop_sound(struct rtp_sender *sender, struct sound_turn *turn, bool sent)
{
	for (unsigned i = 0; sent && i < sender->sound_count; i++) {
		struct frame *frame = sender->sound[i];
		const struct rtp_image *image = rtp_image_of(frame);
		if (!image)
			continue;
		const uint32_t packets = turn->packets > 0 ? 1 : 0;
		turn->packets -= packets;
		rtp_sender_count(sender, &sender->audio, frame, packets, image->len);
		if (sender->config.audio.red_payload_type)
			remember(sender, frame);
	}
	forget_sound(sender);
}

static void send_sound(struct rtp_sender *sender)
{
	struct rtp_packet run[SENDER_SOUND_MAX];
	struct sound_turn turn;
	const size_t count = rtp_sender_fill_sound(sender, &turn, run);
	rtp_sender_drop_sound(sender, &turn, rtp_sender_run(sender, run, count) == 0);
}

void rtp_sender_sound(struct rtp_sender *sender, struct frame *frame)
{
	sender->playout.sound_max_ms = frame->made ? PLAYOUT_SOUND_MADE_MS : PLAYOUT_SOUND_OWN_MS;
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
	forget_sound(sender);
	for (unsigned i = 0; i < RED_FORMER_MAX; i++)
		frame_unref(sender->former_sound[i]);
}
