#include "media/broadcast.h"

#include "media/broadcast_state.h"
#include "media/bus.h"
#include "media/waiter.h"
#include "server/core/alloc.h"
#include "server/core/clock.h"

#include <stdlib.h>

enum {
	AUDIO_ONLY_US = 1000000,
	PROMISED_US = 5000000, /* a picture that was promised is waited for */
	/* An encoder of Opus keeps up to a packet, and 312 samples to look ahead; so does the
	 * resampler some. Beyond that there is a packet to come. */
	OPUS_DUE_US = 28000,
	OPUS_LATE_US = 150000,
};

struct sound *broadcast_sound(struct broadcast *broadcast, enum codec codec)
{
	return &broadcast->sound[sound_track(codec) - TRACK_AAC];
}

struct bus *broadcast_bus(struct broadcast *broadcast, enum track track)
{
	return track_is_video(track) ? broadcast->video.slot[track].bus
				     : broadcast->sound[track - TRACK_AAC].bus;
}

int broadcast_create(struct broadcast **out, const struct clock *clock,
		     const struct broadcast_ops *ops, void *arg)
{
	static const struct broadcast_ops no_ops;
	struct broadcast *broadcast = xcalloc(1, sizeof(*broadcast));
	atomic_init(&broadcast->refs, 1);
	pthread_mutex_init(&broadcast->lock, NULL);
	pthread_mutex_init(&broadcast->ops_lock, NULL);
	list_init(&broadcast->waiters);
	clock_map_init(&broadcast->map);
	broadcast->clock = clock;
	broadcast->ops = ops ? ops : &no_ops;
	broadcast->arg = arg;
	int err = renditions_init(&broadcast->video);
	for (int i = 0; !err && i < BROADCAST_SOUNDS; i++)
		err = bus_create(&broadcast->sound[i].bus, BUS_AUDIO_TAIL);
	if (err) {
		broadcast_unref(broadcast);
		return err;
	}
	*out = broadcast;
	return 0;
}

struct broadcast *broadcast_ref(struct broadcast *broadcast)
{
	atomic_fetch_add_explicit(&broadcast->refs, 1, memory_order_relaxed);
	return broadcast;
}

void broadcast_unref(struct broadcast *broadcast)
{
	if (!broadcast || atomic_fetch_sub_explicit(&broadcast->refs, 1, memory_order_acq_rel) != 1)
		return;
	renditions_finish(&broadcast->video);
	for (int i = 0; i < BROADCAST_SOUNDS; i++) {
		bus_destroy(broadcast->sound[i].bus);
		media_config_unref(broadcast->sound[i].config);
	}
	pthread_mutex_destroy(&broadcast->lock);
	pthread_mutex_destroy(&broadcast->ops_lock);
	free(broadcast);
}

void broadcast_detach(struct broadcast *broadcast)
{
	static const struct broadcast_ops no_ops;
	pthread_mutex_lock(&broadcast->ops_lock);
	broadcast->ops = &no_ops;
	pthread_mutex_unlock(&broadcast->ops_lock);
}

unsigned broadcast_best(struct broadcast *broadcast)
{
	broadcast_lock(broadcast);
	const unsigned best = broadcast->video.best;
	broadcast_unlock(broadcast);
	return best;
}

unsigned broadcast_renditions_changed(const struct broadcast *broadcast)
{
	return atomic_load_explicit(&broadcast->video.changed, memory_order_acquire);
}

void broadcast_renditions(struct broadcast *broadcast, struct rendition_table *out)
{
	broadcast_lock(broadcast);
	renditions_table(&broadcast->video, out);
	broadcast_unlock(broadcast);
}

void broadcast_end(struct broadcast *broadcast)
{
	broadcast_lock(broadcast);
	broadcast->ends++;
	waiters_tell(&broadcast->waiters, ~0u);
	broadcast_unlock(broadcast);
	for (int i = 0; i < FRAME_TRACKS; i++)
		bus_clear(broadcast_bus(broadcast, (enum track)i));
}

/* A rung is its transcoder's business, everything else the publisher's. */
static void ask_rung_key(struct broadcast *broadcast, unsigned slot)
{
	pthread_mutex_lock(&broadcast->ops_lock);
	if (broadcast->ops->rung_key)
		broadcast->ops->rung_key(broadcast->arg, slot);
	pthread_mutex_unlock(&broadcast->ops_lock);
}

void broadcast_request_key(struct broadcast *broadcast, unsigned slot)
{
	struct rendition *rendition = &broadcast->video.slot[slot];
	struct publisher *publisher = NULL;
	broadcast_lock(broadcast);
	const int64_t now_us = clock_mono_us(broadcast->clock);
	const bool may_ask = broadcast->publisher && broadcast->publisher->params.queue;
	const bool rung = rendition->offered;
	const bool due =
		(may_ask || rung) && now_us - rendition->key_asked_us >= BROADCAST_KEY_INTERVAL_US;
	if (due) {
		rendition->key_asked_us = now_us;
		broadcast->stats.key_requests++;
	}
	if (due && !rung)
		publisher = publisher_ref(broadcast->publisher);
	broadcast_unlock(broadcast);
	if (publisher)
		publisher_ask_key(publisher, slot);
	else if (due)
		ask_rung_key(broadcast, slot);
}

static struct media_config *config_ref(struct broadcast *broadcast, struct media_config **kept)
{
	broadcast_lock(broadcast);
	struct media_config *config = *kept ? media_config_ref(*kept) : NULL;
	broadcast_unlock(broadcast);
	return config;
}

struct media_config *broadcast_video_config(struct broadcast *broadcast)
{
	return config_ref(broadcast, &broadcast->video.slot[broadcast_best(broadcast)].config);
}

struct media_config *broadcast_audio_config(struct broadcast *broadcast, enum codec codec)
{
	return config_ref(broadcast, &broadcast_sound(broadcast, codec)->config);
}

bool broadcast_has_video(struct broadcast *broadcast)
{
	broadcast_lock(broadcast);
	const bool video = broadcast->video.slot[broadcast->video.best].config != NULL;
	broadcast_unlock(broadcast);
	return video;
}

bool broadcast_opus_due(struct broadcast *broadcast)
{
	broadcast_lock(broadcast);
	const int64_t aac_us = broadcast_sound(broadcast, CODEC_AAC)->end_us;
	const int64_t opus_us = broadcast_sound(broadcast, CODEC_OPUS)->end_us;
	broadcast_unlock(broadcast);
	return aac_us - opus_us >= OPUS_DUE_US && aac_us - opus_us < OPUS_LATE_US;
}

static bool has_audio(struct broadcast *broadcast)
{
	return broadcast_sound(broadcast, CODEC_AAC)->config ||
	       broadcast_sound(broadcast, CODEC_OPUS)->config;
}

bool broadcast_has_audio(struct broadcast *broadcast)
{
	broadcast_lock(broadcast);
	const bool audio = has_audio(broadcast);
	broadcast_unlock(broadcast);
	return audio;
}

static bool is_audio_only(const struct broadcast *broadcast)
{
	const struct publisher *publisher = broadcast->publisher;
	const int64_t wait_us =
		publisher && publisher->promised_video ? PROMISED_US : AUDIO_ONLY_US;
	return broadcast->pushed && !broadcast->video.slot[broadcast->video.best].config &&
	       broadcast->map.end_us - broadcast->epoch_began_us >= wait_us;
}

bool broadcast_audio_only(struct broadcast *broadcast)
{
	broadcast_lock(broadcast);
	const bool audio_only = is_audio_only(broadcast);
	broadcast_unlock(broadcast);
	return audio_only;
}

void broadcast_expected(struct broadcast *broadcast, struct broadcast_expected *out)
{
	broadcast_lock(broadcast);
	const struct publisher *publisher = broadcast->publisher;
	const bool video = broadcast->video.slot[broadcast->video.best].config;
	struct media_config *aac = broadcast_sound(broadcast, CODEC_AAC)->config;
	if (!aac && publisher)
		aac = publisher->promised_aac;
	*out = (struct broadcast_expected){
		.video = video ||
			 (publisher && publisher->promised_video && !is_audio_only(broadcast)),
		.audio = has_audio(broadcast) || (publisher && publisher->promised_audio),
		.aac = aac ? media_config_ref(aac) : NULL,
	};
	broadcast_unlock(broadcast);
}

uint32_t broadcast_epoch(struct broadcast *broadcast)
{
	broadcast_lock(broadcast);
	const uint32_t epoch = broadcast->map.epoch;
	broadcast_unlock(broadcast);
	return epoch;
}

unsigned broadcast_readers(struct broadcast *broadcast, enum track track)
{
	broadcast_lock(broadcast);
	const unsigned readers = broadcast->readers[track];
	broadcast_unlock(broadcast);
	return readers;
}

bool broadcast_clock(struct broadcast *broadcast, struct broadcast_clock *out)
{
	broadcast_lock(broadcast);
	const struct clock_map *map = &broadcast->map;
	*out = (struct broadcast_clock){
		.epoch = map->epoch,
		.media_us = map->anchor_media_us,
		.capture_us = map->anchor_capture_us,
		.rate_ppm = map->rate_ppm,
		.err_us = map->err_us,
		.gap_us = map->gap_us,
		.newest_capture_us = broadcast->newest_capture_us,
	};
	const bool pushed = broadcast->pushed;
	broadcast_unlock(broadcast);
	return pushed;
}

void broadcast_stats(struct broadcast *broadcast, struct broadcast_stats *out)
{
	broadcast_lock(broadcast);
	*out = broadcast->stats;
	broadcast_unlock(broadcast);
}

struct broadcast_waiter *broadcast_wait(struct broadcast *broadcast, int fd,
					void (*soon)(void *arg), void *arg)
{
	struct broadcast_waiter *waiter = waiter_create(fd, soon, arg);
	broadcast_lock(broadcast);
	list_append(&broadcast->waiters, &waiter->link);
	broadcast_unlock(broadcast);
	return waiter;
}

void broadcast_unwait(struct broadcast *broadcast, struct broadcast_waiter *waiter)
{
	broadcast_lock(broadcast);
	list_remove(&waiter->link);
	broadcast_unlock(broadcast);
	free(waiter);
}

static void count_reader(struct broadcast *broadcast, enum track track, int by)
{
	broadcast_lock(broadcast);
	const bool edge = broadcast->readers[track] == (by > 0 ? 0 : 1);
	broadcast->readers[track] += (unsigned)by;
	broadcast_unlock(broadcast);
	if (!edge)
		return;
	pthread_mutex_lock(&broadcast->ops_lock);
	if (broadcast->ops->readers)
		broadcast->ops->readers(broadcast->arg, track);
	pthread_mutex_unlock(&broadcast->ops_lock);
}

void broadcast_reader_add(struct broadcast *broadcast, enum track track)
{
	count_reader(broadcast, track, 1);
}

void broadcast_reader_remove(struct broadcast *broadcast, enum track track)
{
	count_reader(broadcast, track, -1);
}

unsigned broadcast_ends(struct broadcast *broadcast)
{
	broadcast_lock(broadcast);
	const unsigned ends = broadcast->ends;
	broadcast_unlock(broadcast);
	return ends;
}
