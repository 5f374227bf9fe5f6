#include "media/broadcast.h"

#include "media/bus.h"
#include "media/clock_map.h"
#include "media/publisher.h"
#include "media/waiter.h"
#include "server/core/alloc.h"
#include "server/core/clock.h"
#include "server/core/list.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
	AUDIO_ONLY_US = 1000000,
	PROMISED_US = 5000000, /* a picture that was promised is waited for */
	FOLLOW_MAX_US = 2000000,
	SOUNDS = FRAME_TRACKS - TRACK_AAC,
	/* An encoder of Opus keeps up to a packet, and 312 samples to look ahead; so does the
	 * resampler some. Beyond that there is a packet to come. */
	OPUS_DUE_US = 28000,
	OPUS_LATE_US = 150000,
};

struct sound {
	struct bus *bus;
	/* Guarded by lock. */
	struct media_config *config;
	int64_t end_us; /* media time, of the newest frame */
};

struct broadcast {
	atomic_uint refs;
	const struct clock *clock;
	pthread_mutex_t ops_lock; /* guards ops; held while a callback runs, never with `lock` */
	const struct broadcast_ops *ops;
	void *arg;
	/* Guards everything below but the buses, which guard themselves, and the order of pushes.
	 * Taken before a bus's own lock, never the other way round. */
	pthread_mutex_t lock;
	struct publisher *publisher;
	struct clock_map map;
	int64_t epoch_began_us; /* media time */
	struct renditions video;
	unsigned told; /* waiters know of this change of the renditions */
	struct sound sound[SOUNDS];
	unsigned readers[FRAME_TRACKS];
	struct list waiters; // broadcast_waiter.link
	unsigned ends;
	int64_t newest_capture_us;
	int64_t former_gap_us; /* of the epoch before this one, for transcoded latecomers */
	bool pushed;
	struct broadcast_stats stats;
};

static struct sound *sound_of(struct broadcast *broadcast, enum codec codec)
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
	for (int i = 0; !err && i < SOUNDS; i++)
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
	for (int i = 0; i < SOUNDS; i++) {
		bus_destroy(broadcast->sound[i].bus);
		media_config_unref(broadcast->sound[i].config);
	}
	pthread_mutex_destroy(&broadcast->lock);
	pthread_mutex_destroy(&broadcast->ops_lock);
	free(broadcast);
}

static void lock(struct broadcast *broadcast)
{
	pthread_mutex_lock(&broadcast->lock);
}

static void unlock(struct broadcast *broadcast)
{
	pthread_mutex_unlock(&broadcast->lock);
}

void broadcast_detach(struct broadcast *broadcast)
{
	static const struct broadcast_ops no_ops;
	pthread_mutex_lock(&broadcast->ops_lock);
	broadcast->ops = &no_ops;
	pthread_mutex_unlock(&broadcast->ops_lock);
}

int broadcast_publish_begin(struct broadcast *broadcast, const struct publisher_params *params,
			    struct publisher **out)
{
	struct publisher *publisher = publisher_create(broadcast, params);
	lock(broadcast);
	broadcast->publisher = publisher;
	broadcast->former_gap_us = broadcast->map.gap_us;
	publisher->epoch = clock_map_begin(&broadcast->map, params->epoch);
	renditions_restart(&broadcast->video);
	for (int i = 0; i < SOUNDS; i++) {
		media_config_unref(broadcast->sound[i].config);
		broadcast->sound[i].config = NULL;
	}
	unlock(broadcast);
	*out = publisher;
	return 0;
}

uint32_t publisher_epoch(const struct publisher *publisher)
{
	return publisher->epoch;
}

void broadcast_publish_end(struct publisher *publisher)
{
	if (!publisher)
		return;
	struct broadcast *broadcast = publisher->broadcast;
	lock(broadcast);
	if (broadcast->publisher == publisher)
		broadcast->publisher = NULL;
	unlock(broadcast);
	publisher->ended = true;
	publisher_unref(publisher);
}

void broadcast_promise(struct publisher *publisher, enum codec codec, struct media_config *config)
{
	struct broadcast *broadcast = publisher->broadcast;
	lock(broadcast);
	*(codec_is_video(codec) ? &publisher->promised_video : &publisher->promised_audio) = true;
	if (codec == CODEC_AAC && config)
		(void)media_config_keep(&publisher->promised_aac, config);
	unlock(broadcast);
}

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
		sound_of(broadcast, frame->codec)->end_us = frame->media_us + frame->duration_us;
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
	return media_config_keep(&sound_of(broadcast, frame->codec)->config, frame->config);
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
	lock(broadcast);
	const struct pushed pushed = push_locked(publisher, frame);
	unlock(broadcast);
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
	lock(broadcast);
	if (broadcast->publisher == publisher)
		clock_map_sender_report(&broadcast->map, host_us, source_us, arrival_us, rtt_us);
	unlock(broadcast);
}

int broadcast_push_made(struct broadcast *broadcast, struct frame *frame)
{
	lock(broadcast);
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
	unlock(broadcast);
	if (stale)
		frame_unref(frame);
	return stale ? -ESTALE : 0;
}

void broadcast_offer(struct broadcast *broadcast, unsigned slot,
		     const struct rendition_offer *offer)
{
	lock(broadcast);
	renditions_offer(&broadcast->video, slot, offer);
	tell(broadcast, 0);
	unlock(broadcast);
	if (!offer)
		bus_clear(broadcast_bus(broadcast, (enum track)slot));
}

unsigned broadcast_best(struct broadcast *broadcast)
{
	lock(broadcast);
	const unsigned best = broadcast->video.best;
	unlock(broadcast);
	return best;
}

unsigned broadcast_renditions_changed(const struct broadcast *broadcast)
{
	return atomic_load_explicit(&broadcast->video.changed, memory_order_acquire);
}

void broadcast_renditions(struct broadcast *broadcast, struct rendition_table *out)
{
	lock(broadcast);
	renditions_table(&broadcast->video, out);
	unlock(broadcast);
}

void broadcast_end(struct broadcast *broadcast)
{
	lock(broadcast);
	broadcast->ends++;
	waiters_tell(&broadcast->waiters, ~0u);
	unlock(broadcast);
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
	lock(broadcast);
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
	unlock(broadcast);
	if (publisher)
		publisher_ask_key(publisher, slot);
	else if (due)
		ask_rung_key(broadcast, slot);
}

static struct media_config *config_ref(struct broadcast *broadcast, struct media_config **kept)
{
	lock(broadcast);
	struct media_config *config = *kept ? media_config_ref(*kept) : NULL;
	unlock(broadcast);
	return config;
}

struct media_config *broadcast_video_config(struct broadcast *broadcast)
{
	return config_ref(broadcast, &broadcast->video.slot[broadcast_best(broadcast)].config);
}

struct media_config *broadcast_audio_config(struct broadcast *broadcast, enum codec codec)
{
	return config_ref(broadcast, &sound_of(broadcast, codec)->config);
}

bool broadcast_live(struct broadcast *broadcast)
{
	lock(broadcast);
	const bool live = broadcast->publisher != NULL;
	unlock(broadcast);
	return live;
}

bool broadcast_has_video(struct broadcast *broadcast)
{
	lock(broadcast);
	const bool video = broadcast->video.slot[broadcast->video.best].config != NULL;
	unlock(broadcast);
	return video;
}

bool broadcast_opus_due(struct broadcast *broadcast)
{
	lock(broadcast);
	const int64_t aac_us = sound_of(broadcast, CODEC_AAC)->end_us;
	const int64_t opus_us = sound_of(broadcast, CODEC_OPUS)->end_us;
	unlock(broadcast);
	return aac_us - opus_us >= OPUS_DUE_US && aac_us - opus_us < OPUS_LATE_US;
}

static bool has_audio(struct broadcast *broadcast)
{
	return sound_of(broadcast, CODEC_AAC)->config || sound_of(broadcast, CODEC_OPUS)->config;
}

bool broadcast_has_audio(struct broadcast *broadcast)
{
	lock(broadcast);
	const bool audio = has_audio(broadcast);
	unlock(broadcast);
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
	lock(broadcast);
	const bool audio_only = is_audio_only(broadcast);
	unlock(broadcast);
	return audio_only;
}

void broadcast_expected(struct broadcast *broadcast, struct broadcast_expected *out)
{
	lock(broadcast);
	const struct publisher *publisher = broadcast->publisher;
	const bool video = broadcast->video.slot[broadcast->video.best].config;
	struct media_config *aac = sound_of(broadcast, CODEC_AAC)->config;
	if (!aac && publisher)
		aac = publisher->promised_aac;
	*out = (struct broadcast_expected){
		.video = video ||
			 (publisher && publisher->promised_video && !is_audio_only(broadcast)),
		.audio = has_audio(broadcast) || (publisher && publisher->promised_audio),
		.aac = aac ? media_config_ref(aac) : NULL,
	};
	unlock(broadcast);
}

uint32_t broadcast_epoch(struct broadcast *broadcast)
{
	lock(broadcast);
	const uint32_t epoch = broadcast->map.epoch;
	unlock(broadcast);
	return epoch;
}

unsigned broadcast_readers(struct broadcast *broadcast, enum track track)
{
	lock(broadcast);
	const unsigned readers = broadcast->readers[track];
	unlock(broadcast);
	return readers;
}

bool broadcast_clock(struct broadcast *broadcast, struct broadcast_clock *out)
{
	lock(broadcast);
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
	unlock(broadcast);
	return pushed;
}

void broadcast_stats(struct broadcast *broadcast, struct broadcast_stats *out)
{
	lock(broadcast);
	*out = broadcast->stats;
	unlock(broadcast);
}

struct broadcast_waiter *broadcast_wait(struct broadcast *broadcast, int fd,
					void (*soon)(void *arg), void *arg)
{
	struct broadcast_waiter *waiter = waiter_create(fd, soon, arg);
	lock(broadcast);
	list_append(&broadcast->waiters, &waiter->link);
	unlock(broadcast);
	return waiter;
}

void broadcast_unwait(struct broadcast *broadcast, struct broadcast_waiter *waiter)
{
	lock(broadcast);
	list_remove(&waiter->link);
	unlock(broadcast);
	free(waiter);
}

static void count_reader(struct broadcast *broadcast, enum track track, int by)
{
	lock(broadcast);
	const bool edge = broadcast->readers[track] == (by > 0 ? 0 : 1);
	broadcast->readers[track] += (unsigned)by;
	unlock(broadcast);
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
	lock(broadcast);
	const unsigned ends = broadcast->ends;
	unlock(broadcast);
	return ends;
}
