#include "media/output/flv_sink.h"

#include "media/broadcast.h"
#include "media/output/flv_muxer.h"
#include "server/core/alloc.h"
#include "server/core/loop.h"

#include <errno.h>
#include <stdlib.h>

enum {
	HELD_MAX = 64, /* frames of one turn that share a write */
	HELD_USUALLY = 4,
	RUN_MAX = 1000, /* tags handed to the port at once: a whole group, as a rule */
	MARKS = 128,
};

/* When the byte `end` of this connection's stream was handed over. */
struct mark {
	uint64_t end;
	int64_t at_us;
};

/* What each frame touches stands together in front: with thousands of readers each line of it is
 * read from far away. */
struct flv_sink {
	struct sink sink;
	struct byte_port port;
	struct loop *loop;
	struct media_config *video, *audio; /* what the reader was told; a reference each */
	size_t held_count;
	uint64_t sent; /* bytes handed to the port */
	uint64_t start_end; /* where the cached group ends in the stream */
	size_t first_mark, mark_count;
	bool retell[2]; /* of sound, of the picture: what was told did not get out */
	bool skipping; /* until a keyframe */
	bool closing;
	struct flv_sink_stats stats;
	struct frame *held[HELD_MAX]; /* of this turn; a reference each */
	struct mark marks[MARKS]; /* a ring of what may still be on its way, oldest first */
	struct broadcast *broadcast;
};

/* Tags collected for one write. */
struct run {
	struct buf *bufs[RUN_MAX];
	bool owned[RUN_MAX]; /* a reference to let go after sending */
	size_t count;
	bool tells; /* a configuration is among them */
};

/* The arrays stay as they are: this is done for each frame. */
static void begin_run(struct run *run)
{
	run->count = 0;
	run->tells = false;
}

/* After something was handed over: remembers when, unless the kernel has it all. */
static void put_mark(struct flv_sink *flv)
{
	if (!flv->port.ops->backlog(flv->port.arg)) {
		flv->first_mark = flv->mark_count = 0; /* the same place again, which is near */
		return;
	}
	if (flv->mark_count == MARKS) { /* coarser: the newest stands for both */
		flv->marks[(flv->first_mark + MARKS - 1) % MARKS].end = flv->sent;
		return;
	}
	flv->marks[(flv->first_mark + flv->mark_count++) % MARKS] =
		(struct mark){ .end = flv->sent, .at_us = loop_now_us(flv->loop) };
}

static void send_run(struct flv_sink *flv, struct run *run)
{
	int err = 0;
	if (run->count && !flv->closing)
		err = flv->port.ops->send(flv->port.arg, run->bufs, run->count);
	/* A port that is full has taken nothing: the same as being behind, and told nothing new. */
	if (err == -ENOBUFS)
		flv->skipping = true;
	else if (err)
		flv->closing = true;
	if (err && run->tells)
		flv->retell[0] = flv->retell[1] = true;
	for (size_t i = 0; i < run->count; i++) {
		flv->sent += err ? 0 : run->bufs[i]->len;
		if (run->owned[i])
			buf_unref(run->bufs[i]);
	}
	if (run->count && !err && !flv->closing)
		put_mark(flv);
	run->count = 0;
}

static void add(struct flv_sink *flv, struct run *run, struct buf *buf, bool owned)
{
	if (!buf)
		return;
	if (run->count == RUN_MAX)
		send_run(flv, run);
	run->bufs[run->count] = buf;
	run->owned[run->count++] = owned;
}

static void add_frame(struct flv_sink *flv, struct run *run, struct frame *frame)
{
	const uint32_t at_ms = flv_time_ms(frame->dts_us, frame->gap_us);
	const bool video = codec_is_video(frame->codec);
	struct media_config **told = video ? &flv->video : &flv->audio;
	if (*told != frame->config || flv->retell[video]) {
		run->tells = true;
		flv->retell[video] = false;
		add(flv, run, flv_config_tag(frame->config, at_ms), true);
		media_config_unref(*told);
		*told = media_config_ref(frame->config);
	}
	add(flv, run, flv_frame_tag(frame), false);
	flv->stats.frames++;
	flv->stats.last_ms = at_ms;
	flv->stats.last_capture_us = frame->capture_us;
	if (!flv->stats.first_capture_us)
		flv->stats.first_capture_us = frame->capture_us;
}

/* After the run was sent: its tags live as long as their frames. */
static void drop_held(struct flv_sink *flv)
{
	for (size_t i = 0; i < flv->held_count; i++)
		frame_unref(flv->held[i]);
	flv->held_count = 0;
}

struct lag {
	size_t bytes; /* without what is left of the cached group */
	int64_t us; /* how long the oldest byte has been waiting */
};

static struct lag measure(struct flv_sink *flv)
{
	if (!flv->mark_count)
		return (struct lag){ 0 };
	const size_t backlog = flv->port.ops->backlog(flv->port.arg);
	const uint64_t taken = backlog < flv->sent ? flv->sent - backlog : 0;
	while (flv->mark_count && flv->marks[flv->first_mark].end <= taken) {
		flv->first_mark = (flv->first_mark + 1) % MARKS;
		flv->mark_count--;
	}
	const uint64_t group_left = taken < flv->start_end ? flv->start_end - taken : 0;
	struct lag lag = { .bytes = group_left < backlog ? backlog - (size_t)group_left : 0 };
	if (flv->mark_count)
		lag.us = loop_now_us(flv->loop) - flv->marks[flv->first_mark].at_us;
	return lag;
}

static void close_soon(struct flv_sink *flv)
{
	if (!flv->closing)
		flv->port.ops->close(flv->port.arg);
	flv->closing = true;
}

/* Looks how far the reader is before it gets more; true when that is too far. */
static bool is_behind(struct flv_sink *flv)
{
	const struct lag lag = measure(flv);
	if (lag.us >= FLV_BACKLOG_CLOSE_US) {
		flv->stats.too_slow = true;
		close_soon(flv);
	}
	const bool behind = lag.us >= FLV_BACKLOG_US || lag.bytes >= FLV_BACKLOG_BYTES;
	flv->stats.skips += behind && !flv->skipping;
	flv->skipping = flv->skipping || behind;
	return behind;
}

/* True when this frame is left out. A keyframe, or any frame of a show without pictures, ends that
 * once there is room. */
static bool skips(struct flv_sink *flv, const struct frame *frame, bool behind)
{
	const bool entry = codec_is_video(frame->codec) ? frame->key : !flv->video;
	if (entry && !behind)
		flv->skipping = false;
	flv->stats.skipped_frames += flv->skipping;
	return flv->skipping;
}

static void on_flush(struct sink *sink)
{
	struct flv_sink *flv = (struct flv_sink *)sink;
	if (!flv->held_count)
		return;
	const bool behind = is_behind(flv);
	struct run run;
	begin_run(&run);
	for (size_t i = 0; i < flv->held_count; i++)
		if (!skips(flv, flv->held[i], behind))
			add_frame(flv, &run, flv->held[i]);
	send_run(flv, &run);
	drop_held(flv);
}

static void on_frame(struct sink *sink, struct frame *frame)
{
	struct flv_sink *flv = (struct flv_sink *)sink;
	if (flv->closing)
		return;
	flv->held[flv->held_count++] = frame_ref(frame);
	if (flv->held_count == HELD_MAX)
		on_flush(sink);
}

static void on_start(struct sink *sink, struct frame *const *gop, size_t count)
{
	struct flv_sink *flv = (struct flv_sink *)sink;
	struct flv_metadata metadata = { 0 };
	for (size_t i = 0; i < count; i++) {
		if (codec_is_video(gop[i]->codec))
			metadata.video = metadata.video ? metadata.video : gop[i]->config;
		else
			metadata.audio = metadata.audio ? metadata.audio : gop[i]->config;
	}
	metadata.has_video = metadata.video != NULL;
	metadata.has_audio = metadata.audio || broadcast_has_audio(flv->broadcast);
	struct run run;
	begin_run(&run);
	add(flv, &run, flv_file_header(), true);
	add(flv, &run, flv_metadata_tag(&metadata), true);
	for (size_t i = 0; i < count; i++)
		add_frame(flv, &run, gop[i]);
	send_run(flv, &run);
	if (flv->skipping) /* without the file's header nothing can follow */
		close_soon(flv);
	flv->start_end = flv->sent;
}

static void on_ended(struct sink *sink)
{
	close_soon((struct flv_sink *)sink);
}

int flv_sink_create(struct flv_sink **out, struct loop *loop, struct broadcast *broadcast,
		    const struct byte_port *port)
{
	static const struct sink_ops ops = {
		.start = on_start,
		.frame = on_frame,
		.flush = on_flush,
		.ended = on_ended,
	};
	struct flv_sink *flv = xcalloc(1, sizeof(*flv));
	flv->sink.ops = &ops;
	flv->sink.audio = CODEC_AAC;
	flv->sink.gathers = true;
	flv->loop = loop;
	flv->broadcast = broadcast_ref(broadcast);
	flv->port = *port;
	/* With the port's state, of which a line is enough. */
	flv->sink.warm[0] =
		(struct iovec){ &flv->sink.picture, (size_t)((char *)(flv->held + HELD_USUALLY) -
							     (char *)&flv->sink.picture) };
	flv->sink.warm[1] = (struct iovec){ port->arg, 1 };
	flv->sink.warm_count = 2;
	*out = flv;
	return 0;
}

void flv_sink_batch(struct flv_sink *flv, int64_t batch_us)
{
	flv->sink.batch_us = batch_us;
}

void flv_sink_sound_alone(struct flv_sink *flv)
{
	flv->sink.skip_video = true;
}

void flv_sink_target(struct flv_sink *flv, const void *target)
{
	flv->sink.warm[flv->sink.warm_count++] = (struct iovec){ (void *)target, 1 };
}

struct sink *flv_sink_sink(struct flv_sink *flv)
{
	return &flv->sink;
}

void flv_sink_event(struct flv_sink *flv, struct buf *tag)
{
	if (!flv->sink.started || flv->skipping || flv->closing)
		return;
	struct run run;
	begin_run(&run);
	add(flv, &run, tag, false);
	send_run(flv, &run);
}

void flv_sink_stats(const struct flv_sink *flv, struct flv_sink_stats *out)
{
	*out = flv->stats;
}

void flv_sink_destroy(struct flv_sink *flv)
{
	if (!flv)
		return;
	drop_held(flv);
	media_config_unref(flv->video);
	media_config_unref(flv->audio);
	broadcast_unref(flv->broadcast);
	free(flv);
}
