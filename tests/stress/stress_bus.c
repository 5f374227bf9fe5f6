/*
 * One publisher of two layers and one transcoder push, two workers fan out to viewers that come, go
 * and want the other layer, a third thread asks for keyframes and reads the clock, one layer stops
 * now and then, and the show ends: every viewer must get whole groups in order and change at a
 * keyframe, and nothing may be raced for.
 */
#include "media/broadcast.h"
#include "media/fanout.h"
#include "media/output/flv_muxer.h"
#include "media/publish.h"
#include "media/sink.h"
#include "server/core/loop.h"
#include "server/core/mqueue.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WORKERS = 2,
	VIEWERS = 50,
	FRAMES = 20000,
	GROUP = 60,
	FRAME_US = 10000,
	LAYERS = 2,
	PAUSE = 600,
	TURNS = 20, /* of each worker while so many frames are pushed, at least */
};

struct viewer {
	struct sink sink;
	struct worker *worker;
	int64_t next_us; /* decoding time that must come; 0: any keyframe */
	uint64_t frames;
	unsigned wrong, changes;
	uint8_t rendition;
	bool joined;
};

struct worker {
	pthread_t thread;
	struct clock clock;
	struct loop *loop;
	struct fanout *fanout;
	struct broadcast *broadcast;
	struct viewer viewers[VIEWERS];
	struct timer turn; /* somebody comes or goes; the first viewer stays */
	atomic_uint turns;
	unsigned ended;
};

static atomic_bool done;

static void take(struct viewer *viewer, struct frame *frame)
{
	if (!codec_is_video(frame->codec))
		return;
	viewer->frames++;
	/* A frame that does not follow must be a keyframe. */
	if (frame->dts_us != viewer->next_us && !frame->key)
		viewer->wrong++;
	const bool change = frame->rendition != viewer->rendition;
	viewer->wrong += change && !frame->key;
	viewer->changes += change;
	viewer->rendition = frame->rendition;
	viewer->next_us = frame->dts_us + FRAME_US;
	if (!flv_frame_tag(frame))
		viewer->wrong++;
}

static void on_start(struct sink *sink, struct frame *const *gop, size_t count)
{
	struct viewer *viewer = (struct viewer *)sink;
	viewer->wrong += !gop[0]->key;
	for (size_t i = 0; i < count; i++)
		take(viewer, gop[i]);
}

static void on_frame(struct sink *sink, struct frame *frame)
{
	take((struct viewer *)sink, frame);
}

static void on_ended(struct sink *sink)
{
	struct viewer *viewer = (struct viewer *)sink;
	struct worker *worker = viewer->worker;
	fanout_remove(worker->fanout, sink);
	viewer->joined = false;
	worker->ended++;
}

static const struct sink_ops sink_ops = { .start = on_start, .frame = on_frame, .ended = on_ended };

static void come_or_go(struct worker *worker, struct viewer *viewer)
{
	if (viewer->joined)
		fanout_remove(worker->fanout, &viewer->sink);
	else if (fanout_add(worker->fanout, worker->broadcast, &viewer->sink))
		abort();
	viewer->joined = !viewer->joined;
}

static void on_turn(void *arg)
{
	struct worker *worker = arg;
	const unsigned turns = atomic_fetch_add(&worker->turns, 1);
	come_or_go(worker, &worker->viewers[turns == 0 ? 0 : 1 + turns * 7 % (VIEWERS - 1)]);
	fanout_want(&worker->viewers[turns * 3 % VIEWERS].sink, (int)(turns % 3) - 1);
	if (atomic_load(&done) && worker->ended)
		loop_stop(worker->loop);
	else
		timer_start(&worker->turn, 300);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	timer_init(&worker->turn, worker->loop, on_turn, worker);
	timer_start(&worker->turn, 0);
	loop_run(worker->loop);
	for (int i = 0; i < VIEWERS; i++)
		fanout_remove(worker->fanout, &worker->viewers[i].sink);
	timer_stop(&worker->turn);
	return NULL;
}

static void *observe(void *arg)
{
	struct broadcast *broadcast = arg;
	while (!atomic_load(&done)) {
		struct broadcast_clock clock;
		struct rendition_table table;
		broadcast_clock(broadcast, &clock);
		broadcast_renditions(broadcast, &table);
		broadcast_request_key(broadcast, 0);
		media_config_unref(broadcast_video_config(broadcast));
		sched_yield();
	}
	return NULL;
}

static void *transcode(void *arg)
{
	struct broadcast *broadcast = arg;
	struct media_config *config = media_config_create(CODEC_OPUS, NULL);
	for (int64_t i = 0; !atomic_load(&done); i++) {
		struct frame *frame = frame_create(media_config_ref(config), buf_copy("opus", 4));
		frame->epoch = broadcast_epoch(broadcast);
		frame->media_us = frame->dts_us = 1000000 + i * 20;
		(void)broadcast_push_made(broadcast, frame);
		sched_yield();
	}
	media_config_unref(config);
	return NULL;
}

/* However busy the machine is, viewers come and go in every part of the show. */
static bool behind(struct worker *workers, int frames)
{
	const unsigned due = 1 + (unsigned)frames * TURNS / PAUSE;
	for (int i = 0; i < WORKERS; i++)
		if (atomic_load(&workers[i].turns) < due)
			return true;
	return false;
}

static void publish(struct broadcast *broadcast, struct loop *loop, struct mqueue *queue,
		    struct worker *workers)
{
	const struct publisher_params params = { 0 };
	struct publisher *publisher;
	struct media_config *configs[LAYERS];
	for (uint16_t layer = 0; layer < LAYERS; layer++) {
		configs[layer] = media_config_create(CODEC_H264, buf_copy("avcC", 4));
		configs[layer]->width = configs[layer]->height = (uint16_t)(layer + 1);
	}
	if (broadcast_publish_begin(broadcast, &params, &publisher))
		abort();
	for (int i = 0; i < FRAMES; i++) {
		const bool both = i / PAUSE % 2 == 0;
		for (int layer = 0; layer < (both ? LAYERS : 1); layer++) {
			struct frame *frame =
				frame_create(media_config_ref(configs[layer]), buf_copy("pic", 3));
			frame->rendition = (uint8_t)layer;
			frame->key = i % GROUP == 0;
			frame->media_us = frame->dts_us = (int64_t)i * FRAME_US;
			(void)broadcast_push(publisher, frame);
		}
		while (i % PAUSE == 0 && behind(workers, i))
			sched_yield();
		if (i % 8 == 0) {
			mqueue_run(queue);
			loop_poll(loop);
			sched_yield();
		}
	}
	broadcast_publish_end(publisher);
	for (int layer = 0; layer < LAYERS; layer++)
		media_config_unref(configs[layer]);
}

static int worker_init(struct worker *worker, struct broadcast *broadcast)
{
	clock_init(&worker->clock);
	worker->broadcast = broadcast;
	for (int i = 0; i < VIEWERS; i++) {
		worker->viewers[i].sink.ops = &sink_ops;
		worker->viewers[i].sink.audio = i % 2 ? CODEC_OPUS : CODEC_AAC;
		worker->viewers[i].worker = worker;
	}
	return loop_create(&worker->loop, &worker->clock) ||
	       fanout_create(&worker->fanout, worker->loop);
}

int main(void)
{
	struct clock clock;
	struct loop *loop;
	struct mqueue *queue;
	struct broadcast *broadcast;
	pthread_t observer, transcoder;
	struct worker *workers = calloc(WORKERS, sizeof(*workers));
	clock_init(&clock);
	if (!workers || loop_create(&loop, &clock) || mqueue_create(&queue, loop, 64) ||
	    broadcast_create(&broadcast, &clock, NULL, NULL))
		return 1;
	for (int i = 0; i < WORKERS; i++) {
		if (worker_init(&workers[i], broadcast) ||
		    pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return 1;
	}
	if (pthread_create(&observer, NULL, observe, broadcast) ||
	    pthread_create(&transcoder, NULL, transcode, broadcast))
		return 1;
	publish(broadcast, loop, queue, workers);
	broadcast_end(broadcast);
	atomic_store(&done, true);
	pthread_join(observer, NULL);
	pthread_join(transcoder, NULL);
	uint64_t frames = 0;
	unsigned wrong = 0, changes = 0;
	for (int i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		for (int v = 0; v < VIEWERS; v++) {
			frames += workers[i].viewers[v].frames;
			wrong += workers[i].viewers[v].wrong;
			changes += workers[i].viewers[v].changes;
		}
		fanout_destroy(workers[i].fanout);
		loop_destroy(workers[i].loop);
	}
	broadcast_unref(broadcast);
	mqueue_destroy(queue);
	loop_destroy(loop);
	free(workers);
	printf("frames=%llu changes=%u wrong=%u\n", (unsigned long long)frames, changes, wrong);
	return frames > FRAMES && changes > VIEWERS && !wrong ? 0 : 1;
}
