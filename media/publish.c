#include "media/publish.h"

#include "media/broadcast_state.h"
#include "media/bus.h"
#include "media/waiter.h"
#include "server/core/alloc.h"
#include "server/core/clock.h"
#include "server/core/mqueue.h"

#include <errno.h>
#include <stdlib.h>

enum { FOLLOW_MAX_US = 2000000 };

/* ---- the publisher ---- */

struct key_request {
	struct message message;
	struct publisher *publisher;
	unsigned slot;
};

static struct publisher *publisher_create(struct broadcast *broadcast,
					  const struct publisher_params *params)
{
	struct publisher *publisher = xcalloc(1, sizeof(*publisher));
	atomic_init(&publisher->refs, 1);
	publisher->broadcast = broadcast_ref(broadcast);
	publisher->params = *params;
	return publisher;
}

struct publisher *publisher_ref(struct publisher *publisher)
{
	atomic_fetch_add_explicit(&publisher->refs, 1, memory_order_relaxed);
	return publisher;
}

static void publisher_unref(struct publisher *publisher)
{
	if (atomic_fetch_sub_explicit(&publisher->refs, 1, memory_order_acq_rel) != 1)
		return;
	media_config_unref(publisher->promised_aac);
	broadcast_unref(publisher->broadcast);
	free(publisher);
}

static void drop_key_request(struct message *message)
{
	struct key_request *request = (struct key_request *)message;
	publisher_unref(request->publisher);
	free(request);
}

static void on_key_request(struct message *message)
{
	const struct key_request *request = (struct key_request *)message;
	const struct publisher *publisher = request->publisher;
	if (!publisher->ended)
		publisher->params.request_key(publisher->params.arg, request->slot);
	drop_key_request(message);
}

void publisher_ask_key(struct publisher *publisher, unsigned slot)
{
	struct key_request *request = xcalloc(1, sizeof(*request));
	request->message.run = on_key_request;
	request->message.drop = drop_key_request;
	request->publisher = publisher;
	request->slot = slot;
	if (mqueue_push(publisher->params.queue, &request->message))
		drop_key_request(&request->message);
}

int broadcast_publish_begin(struct broadcast *broadcast, const struct publisher_params *params,
			    struct publisher **out)
{
	struct publisher *publisher = publisher_create(broadcast, params);
	broadcast_lock(broadcast);
	broadcast->publisher = publisher;
	broadcast->former_gap_us = broadcast->map.gap_us;
	publisher->epoch = clock_map_begin(&broadcast->map, params->epoch);
	renditions_restart(&broadcast->video);
	for (int i = 0; i < BROADCAST_SOUNDS; i++) {
		media_config_unref(broadcast->sound[i].config);
		broadcast->sound[i].config = NULL;
	}
	broadcast_unlock(broadcast);
	*out = publisher;
	return 0;
}

void broadcast_publish_end(struct publisher *publisher)
{
	if (!publisher)
		return;
	struct broadcast *broadcast = publisher->broadcast;
	broadcast_lock(broadcast);
	if (broadcast->publisher == publisher)
		broadcast->publisher = NULL;
	broadcast_unlock(broadcast);
	publisher->ended = true;
	publisher_unref(publisher);
}

void broadcast_promise(struct publisher *publisher, enum codec codec, struct media_config *config)
{
	struct broadcast *broadcast = publisher->broadcast;
	broadcast_lock(broadcast);
	*(codec_is_video(codec) ? &publisher->promised_video : &publisher->promised_audio) = true;
	if (codec == CODEC_AAC && config)
		(void)media_config_keep(&publisher->promised_aac, config);
	broadcast_unlock(broadcast);
}

/* ---- frames ---- */

static void stamp(struct broadcast *broadcast, struct frame *frame)
{
	frame->gap_us = broadcast->map.gap_us;
	if (frame->capture_us > broadcast->newest_capture_us)
		broadcast->newest_capture_us = frame->capture_us;
}

/* What nobody waits for may still be what somebody would rather have. */
static void tell(struct broadcast *broadcast, unsigned tracks)
{
	const unsigned changed = broadcast_renditions_changed(broadcast);
	waiters_tell(&broadcast->waiters, changed == broadcast->told ? tracks : ~0u);
	broadcast->told = changed;
}

static void share(struct broadcast *broadcast, struct frame *frame)
{
	const enum track track = frame_track(frame);
	const bool video = track_is_video(track);
	broadcast->stats.bytes += frame->data->len;
	broadcast->pushed = true;
	if (video)
		renditions_frame(&broadcast->video, frame);
	else
		broadcast_sound(broadcast, frame->codec)->end_us =
			frame->media_us + frame->duration_us;
	*(video ? &broadcast->stats.video_frames : &broadcast->stats.audio_frames) += 1;
	broadcast->stats.keyframes += video && frame->key;
	bus_push(broadcast_bus(broadcast, track), frame);
	tell(broadcast, 1u << track);
}

/* Keeps a frame's configuration; true when it is another one. */
static bool take_config(struct broadcast *broadcast, struct frame *frame)
{
	if (codec_is_video(frame->codec))
		return renditions_take_config(&broadcast->video, frame->config, frame->rendition);
	return media_config_keep(&broadcast_sound(broadcast, frame->codec)->config, frame->config);
}

struct pushed {
	int err;
	bool new_epoch;
	bool new_config;
};

/* A lesser rendition follows the clock of the best one. */
static enum clock_map_verdict follow(const struct broadcast *broadcast, const struct frame *frame)
{
	const struct clock_map *map = &broadcast->map;
	const int64_t ahead_us = clock_map_media_us(map, frame->dts_us) - map->end_us;
	return map->running && llabs(ahead_us) < FOLLOW_MAX_US ? CLOCK_MAP_OK : CLOCK_MAP_STRAY;
}

static enum clock_map_verdict judge(struct publisher *publisher, struct frame *frame)
{
	struct broadcast *broadcast = publisher->broadcast;
	const bool video = codec_is_video(frame->codec);
	const unsigned bit = 1u << frame->rendition;
	struct clock_map_sample sample = {
		.video = video,
		.dts_us = frame->dts_us,
		.pts_us = frame->media_us,
		.duration_us = frame->duration_us,
		.arrival_us = clock_utc_us(broadcast->clock),
	};
	if (!video)
		return clock_map_frame(&broadcast->map, &sample);
	if (!(publisher->keyed & bit) && !frame->key)
		return CLOCK_MAP_STRAY;
	publisher->keyed |= bit;
	const bool lead = frame->rendition == broadcast->video.best || !broadcast->video.running;
	if (!lead)
		return follow(broadcast, frame);
	const enum clock_map_verdict verdict = clock_map_frame(&broadcast->map, &sample);
	frame->dts_us = sample.dts_us;
	frame->media_us = sample.pts_us;
	return verdict;
}

/* What to do with a frame; on success it has been shared. */
static struct pushed push_locked(struct publisher *publisher, struct frame *frame)
{
	struct broadcast *broadcast = publisher->broadcast;
	struct pushed pushed = { 0 };
	if (broadcast->publisher != publisher) {
		pushed.err = -ESTALE;
		return pushed;
	}
	const int64_t gap_us = broadcast->map.gap_us;
	const enum clock_map_verdict verdict = judge(publisher, frame);
	if (verdict == CLOCK_MAP_STRAY) {
		broadcast->stats.stray_frames++;
		pushed.err = -EAGAIN;
		return pushed;
	}
	if (verdict == CLOCK_MAP_NEW_EPOCH) {
		broadcast->former_gap_us = gap_us;
		pushed.new_epoch = true;
	}
	frame->epoch = broadcast->map.epoch;
	frame->dts_us = clock_map_media_us(&broadcast->map, frame->dts_us);
	frame->media_us = clock_map_media_us(&broadcast->map, frame->media_us);
	frame->capture_us = clock_map_capture_us(&broadcast->map, frame->media_us);
	if (publisher->epoch != frame->epoch || !publisher->began) {
		publisher->began = true;
		broadcast->epoch_began_us = frame->dts_us;
	}
	publisher->epoch = frame->epoch;
	stamp(broadcast, frame);
	if (codec_is_video(frame->codec) && broadcast->video.slot[frame->rendition].offered)
		renditions_offer(&broadcast->video, frame->rendition, NULL);
	pushed.new_config = take_config(broadcast, frame);
	share(broadcast, frame);
	return pushed;
}

static void tell_owner(struct broadcast *broadcast, const struct pushed *pushed, uint32_t epoch,
		       enum codec codec)
{
	pthread_mutex_lock(&broadcast->ops_lock);
	if (pushed->new_epoch && broadcast->ops->epoch)
		broadcast->ops->epoch(broadcast->arg, epoch);
	if (pushed->new_config && broadcast->ops->config)
		broadcast->ops->config(broadcast->arg, codec);
	pthread_mutex_unlock(&broadcast->ops_lock);
}

int broadcast_push(struct publisher *publisher, struct frame *frame)
{
	struct broadcast *broadcast = publisher->broadcast;
	const enum codec codec = frame->codec;
	broadcast_lock(broadcast);
	const struct pushed pushed = push_locked(publisher, frame);
	broadcast_unlock(broadcast);
	if (pushed.err)
		frame_unref(frame);
	if (pushed.new_epoch || pushed.new_config)
		tell_owner(broadcast, &pushed, publisher->epoch, codec);
	return pushed.err;
}

void broadcast_sender_report(struct publisher *publisher, int64_t host_us, int64_t source_us,
			     int64_t arrival_us, int64_t rtt_us)
{
	struct broadcast *broadcast = publisher->broadcast;
	broadcast_lock(broadcast);
	if (broadcast->publisher == publisher)
		clock_map_sender_report(&broadcast->map, host_us, source_us, arrival_us, rtt_us);
	broadcast_unlock(broadcast);
}

int broadcast_push_made(struct broadcast *broadcast, struct frame *frame)
{
	broadcast_lock(broadcast);
	const uint32_t epoch = broadcast->map.epoch;
	const bool withdrawn =
		codec_is_video(frame->codec) && !broadcast->video.slot[frame->rendition].offered;
	const bool stale = withdrawn || (frame->epoch != epoch && frame->epoch + 1 != epoch);
	if (!stale) {
		frame->gap_us =
			frame->epoch == epoch ? broadcast->map.gap_us : broadcast->former_gap_us;
		frame->made = true;
		(void)take_config(broadcast, frame);
		share(broadcast, frame);
	}
	broadcast_unlock(broadcast);
	if (stale)
		frame_unref(frame);
	return stale ? -ESTALE : 0;
}

void broadcast_offer(struct broadcast *broadcast, unsigned slot,
		     const struct rendition_offer *offer)
{
	broadcast_lock(broadcast);
	renditions_offer(&broadcast->video, slot, offer);
	tell(broadcast, 0);
	broadcast_unlock(broadcast);
	if (!offer)
		bus_clear(broadcast_bus(broadcast, (enum track)slot));
}
