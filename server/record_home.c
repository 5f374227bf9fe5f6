#include "server/record_home.h"

#include "media/broadcast.h"
#include "media/fanout.h"
#include "media/output/cmaf_cutter.h"
#include "media/sink.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/record.h"
#include "server/room_view.h"
#include "server/worker.h"

#include <stdio.h>
#include <stdlib.h>

struct record_home {
	struct sink sink;
	struct room_view *view;
	struct worker *worker;
	struct cmaf_cutter *cutter; /* NULL: not running */
	struct record_file *file; /* NULL: begins with the next part */
	/* What the next file begins with. */
	struct buf *header;
	struct record_track track;
	int64_t show_us; /* 0: begins with the next file */
	bool resumes; /* the show was under way when this process began */
	int64_t failed_us; /* when the disk did not take it; 0: it does */
};

static struct cmaf_expected expected(void *arg)
{
	const struct record_home *record = arg;
	struct broadcast *broadcast = record->view->broadcast;
	struct broadcast_expected source;
	broadcast_expected(broadcast, &source);
	return (struct cmaf_expected){ source.video, source.audio, source.aac };
}

static void close_file(struct record_home *record, bool over)
{
	if (record->file)
		record_close(record->file, over);
	record->file = NULL;
	if (!over)
		return;
	record->show_us = 0;
	record->resumes = false;
}

static void on_map(void *arg, const struct cmaf_tracks *tracks, struct buf *header)
{
	struct record_home *record = arg;
	char video[CMAF_CODEC_TEXT] = "", audio[CMAF_CODEC_TEXT] = "";
	close_file(record, false);
	buf_unref(record->header);
	record->header = buf_ref(header);
	record->track = (struct record_track){
		.video = tracks->video != NULL,
		.sample_rate = tracks->audio ? tracks->audio->sample_rate : 0,
	};
	if (tracks->video)
		cmaf_codec_text(tracks->video, video);
	if (tracks->audio)
		cmaf_codec_text(tracks->audio, audio);
	snprintf(record->track.codecs, sizeof(record->track.codecs), "%s%s%s", video,
		 video[0] && audio[0] ? "," : "", audio);
}

static void open_file(struct record_home *record, const struct cmaf_part *part)
{
	if (!record->show_us)
		record->show_us = part->capture_us;
	const struct record_opening opening = {
		.room = record->view->snapshot->id,
		.show_us = record->show_us,
		.resumes = record->resumes,
		.begin_us = part->capture_us,
		.track = &record->track,
		.header = record->header,
	};
	record->file = record_open(record->worker->app->recorder, &opening);
}

/* A file that failed is given up; another one begins with a keyframe, some time later. */
static bool has_file(struct record_home *record, const struct cmaf_part *part)
{
	const int64_t now_us = loop_now_us(record->worker->loop);
	if (record->file && record_failed(record->file)) {
		close_file(record, false);
		record->failed_us = now_us;
	}
	if (record->file)
		return true;
	const bool waits =
		record->failed_us && now_us - record->failed_us < (int64_t)RECORD_RETRY_S * 1000000;
	if (waits || !part->starts_segment || !part->independent)
		return false;
	record->failed_us = 0;
	open_file(record, part);
	return true;
}

static void on_part(void *arg, const struct cmaf_part *part)
{
	struct record_home *record = arg;
	if (!has_file(record, part))
		return;
	const struct record_part entry = { .media_us = part->media_us,
					   .capture_us = part->capture_us,
					   .duration_us = part->duration_us,
					   .starts_segment = part->starts_segment,
					   .independent = part->independent };
	record_append(record->file, part->data, &entry);
}

static void on_segment(void *arg)
{
	(void)arg; /* parts say where the next one begins */
}

static const struct cmaf_cutter_ops cutter_ops = { expected, on_map, on_part, on_segment };

static void on_frame(struct sink *sink, struct frame *frame)
{
	struct record_home *record = list_entry(sink, struct record_home, sink);
	cmaf_cutter_push(record->cutter, frame, loop_now_us(record->worker->loop));
	if (codec_is_video(frame->codec) && cmaf_cutter_wants_key(record->cutter))
		broadcast_request_key(record->view->broadcast, frame->rendition);
}

static void on_start(struct sink *sink, struct frame *const *gop, size_t count)
{
	for (size_t i = 0; i < count; i++)
		on_frame(sink, gop[i]);
}

static void on_ended(struct sink *sink)
{
	struct record_home *record = list_entry(sink, struct record_home, sink);
	cmaf_cutter_flush(record->cutter);
	close_file(record, true);
}

static const struct sink_ops sink_ops = { .start = on_start, .frame = on_frame, .ended = on_ended };

static void start(struct record_home *record)
{
	if (cmaf_cutter_create(&record->cutter, &cutter_ops, record))
		return;
	record->sink.ops = &sink_ops;
	record->sink.audio = CODEC_AAC;
	if (fanout_add(record->worker->fanout, record->view->broadcast, &record->sink) == 0)
		return;
	cmaf_cutter_destroy(record->cutter);
	record->cutter = NULL;
}

static void stop(struct record_home *record, bool over)
{
	if (!record->cutter)
		return;
	fanout_remove(record->worker->fanout, &record->sink);
	cmaf_cutter_flush(record->cutter);
	cmaf_cutter_destroy(record->cutter);
	record->cutter = NULL;
	close_file(record, over);
}

void record_home_update(struct room_view *view)
{
	const struct room_snapshot *snapshot = view->snapshot;
	const bool live = snapshot->state == ROOM_LIVE || snapshot->state == ROOM_LOST;
	const bool wanted = snapshot->settings.record && live;
	if (!view->record && !wanted)
		return;
	if (!view->record) {
		struct record_home *record = xcalloc(1, sizeof(*record));
		record->view = view;
		record->worker = view->worker;
		record->resumes = snapshot->state == ROOM_LOST;
		view->record = record;
	}
	if (wanted && !view->record->cutter)
		start(view->record);
	else if (!wanted)
		stop(view->record, !live);
}

void record_home_event(struct room_view *view, struct buf *message)
{
	if (view->record && view->record->file)
		record_event(view->record->file, message);
}

void record_home_destroy(struct record_home *record)
{
	if (!record)
		return;
	stop(record, false);
	buf_unref(record->header);
	free(record);
}
