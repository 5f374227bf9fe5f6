#include "media/broadcast.h"

#include "media/bus.h"
#include "media/clock_map.h"
#include "server/core/alloc.h"
#include "server/core/clock.h"
#include "server/core/list.h"
#include "server/core/mqueue.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

enum { STAMP_US = 1000000, AUDIO_ONLY_US = 1000000, AUDIO_CODECS = 2 };

/* Two owners: its user until broadcast_publish_end(), and a keyframe request on its way. */
struct publisher {
	atomic_uint refs;
	struct broadcast *broadcast;
	struct publisher_params params;
	uint32_t epoch;
	bool ended; /* publisher's thread */
	bool began; /* it has pushed */
	bool keyed; /* its video began */
};

struct key_request {
	struct message message;
	struct publisher *publisher;
};

struct broadcast_waiter {
	struct list link;
	pthread_t thread;
	int fd;
	void (*soon)(void *arg);
	void *arg;
	atomic_uint codecs; /* bits 1 << codec */
	atomic_bool told; /* the fd was written since the reader looked */
};

struct audio {
	struct bus *bus;
	struct media_config *config; /* guarded by lock */
	unsigned readers; /* guarded by lock */
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
	struct bus *video;
	struct media_config *video_config;
	struct audio audio[AUDIO_CODECS];
	struct list waiters; // broadcast_waiter.link
	unsigned ends;
	int64_t stamped_us; /* capture time went into this frame's packages last */
	int64_t newest_capture_us;
	int64_t former_gap_us; /* of the epoch before this one, for transcoded latecomers */
	int64_t key_asked_us;
	bool pushed;
	struct broadcast_stats stats;
};

static struct audio *audio_of(struct broadcast *broadcast, enum codec codec)
{
	return &broadcast->audio[codec == CODEC_OPUS];
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
	broadcast->key_asked_us = -BROADCAST_KEY_INTERVAL_US;
	int err = bus_create(&broadcast->video, BUS_TAIL);
	for (int i = 0; !err && i < AUDIO_CODECS; i++)
		err = bus_create(&broadcast->audio[i].bus, BUS_AUDIO_TAIL);
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
	bus_destroy(broadcast->video);
	media_config_unref(broadcast->video_config);
	for (int i = 0; i < AUDIO_CODECS; i++) {
		bus_destroy(broadcast->audio[i].bus);
		media_config_unref(broadcast->audio[i].config);
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

static void publisher_unref(struct publisher *publisher)
{
	if (atomic_fetch_sub_explicit(&publisher->refs, 1, memory_order_acq_rel) != 1)
		return;
	broadcast_unref(publisher->broadcast);
	free(publisher);
}

int broadcast_publish_begin(struct broadcast *broadcast, const struct publisher_params *params,
			    struct publisher **out)
{
	struct publisher *publisher = xcalloc(1, sizeof(*publisher));
	atomic_init(&publisher->refs, 1);
	publisher->broadcast = broadcast_ref(broadcast);
	publisher->params = *params;
	lock(broadcast);
	broadcast->publisher = publisher;
	broadcast->former_gap_us = broadcast->map.gap_us;
	publisher->epoch = clock_map_begin(&broadcast->map, params->epoch);
	media_config_unref(broadcast->video_config);
	broadcast->video_config = NULL;
	for (int i = 0; i < AUDIO_CODECS; i++) {
		media_config_unref(broadcast->audio[i].config);
		broadcast->audio[i].config = NULL;
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

static void tell_waiters(struct broadcast *broadcast, unsigned codecs)
{
	list_for_each (link, &broadcast->waiters) {
		struct broadcast_waiter *waiter = list_entry(link, struct broadcast_waiter, link);
		if (!(atomic_load_explicit(&waiter->codecs, memory_order_relaxed) & codecs))
			continue;
		if (atomic_exchange_explicit(&waiter->told, true, memory_order_acq_rel))
			continue;
		if (pthread_equal(waiter->thread, pthread_self()))
			waiter->soon(waiter->arg);
		else
			eventfd_write(waiter->fd, 1);
	}
}

/* Keeps the newest configuration of a track; true when it is another one. */
static bool keep_config(struct media_config **kept, struct media_config *config)
{
	if (*kept == config)
		return false;
	media_config_unref(*kept);
	*kept = media_config_ref(config);
	return true;
}

static void stamp(struct broadcast *broadcast, struct frame *frame)
{
	frame->gap_us = broadcast->map.gap_us;
	if (frame->capture_us > broadcast->newest_capture_us)
		broadcast->newest_capture_us = frame->capture_us;
	if (!codec_is_video(frame->codec))
		return;
	frame->stamp = frame->key || frame->dts_us - broadcast->stamped_us >= STAMP_US;
	if (frame->stamp)
		broadcast->stamped_us = frame->dts_us;
}

static void share(struct broadcast *broadcast, struct frame *frame)
{
	const bool video = codec_is_video(frame->codec);
	broadcast->stats.bytes += frame->data->len;
	broadcast->stats.keyframes += video && frame->key;
	*(video ? &broadcast->stats.video_frames : &broadcast->stats.audio_frames) += 1;
	broadcast->pushed = true;
	bus_push(video ? broadcast->video : audio_of(broadcast, frame->codec)->bus, frame);
	tell_waiters(broadcast, 1u << frame->codec);
}

struct pushed {
	int err;
	bool new_epoch;
	bool new_config;
};

/* What to do with a frame; on success it has been shared. */
static struct pushed push_locked(struct publisher *publisher, struct frame *frame)
{
	struct broadcast *broadcast = publisher->broadcast;
	struct pushed pushed = { 0 };
	const bool video = codec_is_video(frame->codec);
	if (broadcast->publisher != publisher) {
		pushed.err = -ESTALE;
		return pushed;
	}
	publisher->keyed = publisher->keyed || (video && frame->key);
	const struct clock_map_sample sample = {
		.video = video,
		.dts_us = frame->dts_us,
		.pts_us = frame->media_us,
		.duration_us = frame->duration_us,
		.arrival_us = clock_utc_us(broadcast->clock),
	};
	const int64_t gap_us = broadcast->map.gap_us;
	enum clock_map_verdict verdict = CLOCK_MAP_STRAY;
	if (!video || publisher->keyed)
		verdict = clock_map_frame(&broadcast->map, &sample);
	if (verdict == CLOCK_MAP_STRAY) {
		broadcast->stats.stray_frames++;
		pushed.err = -EAGAIN;
		return pushed;
	}
	if (verdict == CLOCK_MAP_NEW_EPOCH) {
		broadcast->former_gap_us = gap_us;
		pushed.new_epoch = true;
	}
	if (publisher->epoch != broadcast->map.epoch || !publisher->began) {
		publisher->began = true;
		broadcast->epoch_began_us = clock_map_media_us(&broadcast->map, sample.dts_us);
	}
	publisher->epoch = broadcast->map.epoch;
	frame->epoch = broadcast->map.epoch;
	frame->dts_us = clock_map_media_us(&broadcast->map, frame->dts_us);
	frame->media_us = clock_map_media_us(&broadcast->map, frame->media_us);
	frame->capture_us = clock_map_capture_us(&broadcast->map, frame->media_us);
	stamp(broadcast, frame);
	struct media_config **kept =
		video ? &broadcast->video_config : &audio_of(broadcast, frame->codec)->config;
	pushed.new_config = keep_config(kept, frame->config);
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

int broadcast_push_audio(struct broadcast *broadcast, struct frame *frame)
{
	lock(broadcast);
	const uint32_t epoch = broadcast->map.epoch;
	const bool stale = frame->epoch != epoch && frame->epoch + 1 != epoch;
	if (!stale) {
		frame->gap_us =
			frame->epoch == epoch ? broadcast->map.gap_us : broadcast->former_gap_us;
		keep_config(&audio_of(broadcast, frame->codec)->config, frame->config);
		share(broadcast, frame);
	}
	unlock(broadcast);
	if (stale)
		frame_unref(frame);
	return stale ? -ESTALE : 0;
}

void broadcast_end(struct broadcast *broadcast)
{
	lock(broadcast);
	broadcast->ends++;
	tell_waiters(broadcast, ~0u);
	unlock(broadcast);
	bus_clear(broadcast->video);
	for (int i = 0; i < AUDIO_CODECS; i++)
		bus_clear(broadcast->audio[i].bus);
}

static void on_key_request(struct message *message)
{
	struct key_request *request = (struct key_request *)message;
	struct publisher *publisher = request->publisher;
	if (!publisher->ended)
		publisher->params.request_key(publisher->params.arg);
	publisher_unref(publisher);
	free(request);
}

static void drop_key_request(struct message *message)
{
	struct key_request *request = (struct key_request *)message;
	publisher_unref(request->publisher);
	free(request);
}

void broadcast_request_key(struct broadcast *broadcast)
{
	struct publisher *publisher = NULL;
	lock(broadcast);
	const int64_t now_us = clock_mono_us(broadcast->clock);
	if (broadcast->publisher && broadcast->publisher->params.queue &&
	    now_us - broadcast->key_asked_us >= BROADCAST_KEY_INTERVAL_US) {
		publisher = broadcast->publisher;
		atomic_fetch_add_explicit(&publisher->refs, 1, memory_order_relaxed);
		broadcast->key_asked_us = now_us;
		broadcast->stats.key_requests++;
	}
	unlock(broadcast);
	if (!publisher)
		return;
	struct key_request *request = xcalloc(1, sizeof(*request));
	request->message.run = on_key_request;
	request->message.drop = drop_key_request;
	request->publisher = publisher;
	if (mqueue_push(publisher->params.queue, &request->message))
		drop_key_request(&request->message);
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
	return config_ref(broadcast, &broadcast->video_config);
}

struct media_config *broadcast_audio_config(struct broadcast *broadcast, enum codec codec)
{
	return config_ref(broadcast, &audio_of(broadcast, codec)->config);
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
	const bool video = broadcast->video_config != NULL;
	unlock(broadcast);
	return video;
}

bool broadcast_audio_only(struct broadcast *broadcast)
{
	lock(broadcast);
	const bool audio_only = broadcast->pushed && !broadcast->video_config &&
				broadcast->map.end_us - broadcast->epoch_began_us >= AUDIO_ONLY_US;
	unlock(broadcast);
	return audio_only;
}

uint32_t broadcast_epoch(struct broadcast *broadcast)
{
	lock(broadcast);
	const uint32_t epoch = broadcast->map.epoch;
	unlock(broadcast);
	return epoch;
}

unsigned broadcast_readers(struct broadcast *broadcast, enum codec codec)
{
	lock(broadcast);
	const unsigned readers = audio_of(broadcast, codec)->readers;
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
	struct broadcast_waiter *waiter = xcalloc(1, sizeof(*waiter));
	waiter->thread = pthread_self();
	waiter->fd = fd;
	waiter->soon = soon;
	waiter->arg = arg;
	atomic_init(&waiter->codecs, 0);
	atomic_init(&waiter->told, false);
	lock(broadcast);
	list_append(&broadcast->waiters, &waiter->link);
	unlock(broadcast);
	return waiter;
}

void broadcast_wait_for(struct broadcast_waiter *waiter, unsigned codecs)
{
	atomic_store_explicit(&waiter->codecs, codecs, memory_order_relaxed);
}

bool broadcast_wait_clear(struct broadcast_waiter *waiter)
{
	/* A read-modify-write, so that what was pushed before the last telling is seen after it. */
	return atomic_exchange_explicit(&waiter->told, false, memory_order_acq_rel);
}

void broadcast_unwait(struct broadcast *broadcast, struct broadcast_waiter *waiter)
{
	lock(broadcast);
	list_remove(&waiter->link);
	unlock(broadcast);
	free(waiter);
}

struct bus *broadcast_video_bus(struct broadcast *broadcast)
{
	return broadcast->video;
}

struct bus *broadcast_audio_bus(struct broadcast *broadcast, enum codec codec)
{
	return audio_of(broadcast, codec)->bus;
}

static void count_reader(struct broadcast *broadcast, enum codec codec, int by)
{
	lock(broadcast);
	struct audio *audio = audio_of(broadcast, codec);
	const bool edge = audio->readers == (by > 0 ? 0 : 1);
	audio->readers += (unsigned)by;
	unlock(broadcast);
	if (!edge)
		return;
	pthread_mutex_lock(&broadcast->ops_lock);
	if (broadcast->ops->readers)
		broadcast->ops->readers(broadcast->arg, codec);
	pthread_mutex_unlock(&broadcast->ops_lock);
}

void broadcast_reader_add(struct broadcast *broadcast, enum codec codec)
{
	count_reader(broadcast, codec, 1);
}

void broadcast_reader_remove(struct broadcast *broadcast, enum codec codec)
{
	count_reader(broadcast, codec, -1);
}

unsigned broadcast_ends(struct broadcast *broadcast)
{
	lock(broadcast);
	const unsigned ends = broadcast->ends;
	unlock(broadcast);
	return ends;
}
