#include "media/output/hls_replay.h"

#include "media/output/hls_events.h"
#include "media/output/hls_window.h"
#include "server/core/buf.h"
#include "server/core/json.h"

#include <string.h>

enum {
	/* From one thumbnail to the next: a hundred of a show, within these. */
	THUMBNAILS = 100,
	THUMBNAIL_MIN_US = 2000000,
	THUMBNAIL_MAX_US = 30000000,
};

/* Calls for each segment: `first` of `count` parts. */
static void each_segment(const struct hls_replay *replay,
			 void (*see)(void *arg, const struct hls_replay_file *file,
				     const struct record_part *first, size_t count),
			 void *arg)
{
	for (size_t i = 0; i < replay->count; i++) {
		const struct record_index *index = &replay->files[i].index;
		for (size_t from = 0, to; from < index->part_count; from = to) {
			for (to = from + 1;
			     to < index->part_count && !index->parts[to].starts_segment;)
				to++;
			/* The very last may still grow. */
			const bool last = i + 1 == replay->count && to == index->part_count;
			if (!last || replay->over)
				see(arg, &replay->files[i], &index->parts[from], to - from);
		}
	}
}

static int64_t duration_of(const struct record_part *first, size_t count)
{
	int64_t sum_us = 0;
	for (size_t i = 0; i < count; i++)
		sum_us += first[i].duration_us;
	return sum_us;
}

struct writing {
	const struct hls_replay *replay;
	struct bytes *out;
	const struct hls_replay_file *file; /* of the last segment */
	/* Of thumbnails: */
	int64_t at_us; /* playlist time so far */
	int64_t step_us;
	const struct hls_replay_file *still_file; /* of the one at hand */
	const struct record_part *still; /* NULL: none yet */
	int64_t still_us;
};

static void put_uri(const struct writing *writing, const struct hls_replay_file *file,
		    uint64_t offset, uint64_t len)
{
	bytes_printf(writing->out, "%sreplay-%lld-%lld-%llu-%llu", writing->replay->prefix,
		     (long long)writing->replay->show_us, (long long)file->begin_us,
		     (unsigned long long)offset, (unsigned long long)len);
}

static void put_segment(void *arg, const struct hls_replay_file *file,
			const struct record_part *first, size_t count)
{
	struct writing *writing = arg;
	char date[HLS_DATE_TEXT];
	const struct record_part *last = &first[count - 1];
	const bool begins = !writing->file || writing->file != file;
	if (begins && writing->file)
		bytes_text(writing->out, "#EXT-X-DISCONTINUITY\n");
	if (begins) {
		bytes_text(writing->out, "#EXT-X-MAP:URI=\"");
		put_uri(writing, file, 0, file->index.track.header_len);
		bytes_text(writing->out, ".mp4\"\n");
	}
	writing->file = file;
	hls_date_text(first->capture_us, date);
	bytes_printf(writing->out, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:%.5f,\n", date,
		     (double)duration_of(first, count) / 1000000.0);
	put_uri(writing, file, first->offset, last->offset + last->len - first->offset);
	bytes_text(writing->out, ".m4s\n");
}

static void put_events(const struct hls_replay *replay, struct bytes *out)
{
	for (size_t i = 0; i < replay->count; i++) {
		const struct record_index *index = &replay->files[i].index;
		for (size_t n = 0; n < index->event_count; n++) {
			struct hls_event event;
			if (hls_event_make(&event, index->events[n]) || !event.line)
				continue;
			bytes_put(out, event.line->data, event.line->len);
			buf_unref(event.line);
		}
	}
}

void hls_replay_put(const struct hls_replay *replay, struct bytes *out)
{
	struct writing writing = { .replay = replay, .out = out };
	bytes_printf(out,
		     "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%d\n"
		     "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:%s\n",
		     HLS_TARGET_S, replay->over ? "VOD" : "EVENT");
	each_segment(replay, put_segment, &writing);
	put_events(replay, out);
	if (replay->over)
		bytes_text(out, "#EXT-X-ENDLIST\n");
}

/* Where a capture time stands in the playlist's own time. */
struct search {
	int64_t capture_us;
	int64_t at_us; /* playlist time so far */
	int64_t found_us; /* -1: not yet */
};

static void look(void *arg, const struct hls_replay_file *file, const struct record_part *first,
		 size_t count)
{
	struct search *search = arg;
	(void)file;
	for (size_t i = 0; i < count; i++) {
		const int64_t into_us = search->capture_us - first[i].capture_us;
		if (search->found_us < 0 && into_us < first[i].duration_us)
			search->found_us = search->at_us + (into_us > 0 ? into_us : 0);
		search->at_us += first[i].duration_us;
	}
}

static int64_t playlist_us(const struct hls_replay *replay, int64_t capture_us)
{
	struct search search = { .capture_us = capture_us, .found_us = -1 };
	each_segment(replay, look, &search);
	return search.found_us < 0 ? search.at_us : search.found_us;
}

/* W3C WebVTT §3.3: a cue's text has no "-->", "<" or "&" of its own, and no empty line. */
static void put_text(struct bytes *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			bytes_text(out, "&lt;");
		else if (*text == '>')
			bytes_text(out, "&gt;");
		else if (*text == '&')
			bytes_text(out, "&amp;");
		else
			bytes_u8(out, *text == '\n' || *text == '\r' ? ' ' : (uint8_t)*text);
	}
}

static void put_time(struct bytes *out, int64_t us)
{
	const long long ms = us / 1000;
	bytes_printf(out, "%02lld:%02lld:%02lld.%03lld", ms / 3600000, ms / 60000 % 60,
		     ms / 1000 % 60, ms % 1000);
}

struct chapter {
	char title[256];
	int64_t at_us; /* playlist time */
	bool open;
};

static void end_chapter(struct chapter *chapter, int64_t at_us, struct bytes *out)
{
	if (chapter->open && at_us > chapter->at_us) {
		put_time(out, chapter->at_us);
		bytes_text(out, " --> ");
		put_time(out, at_us);
		bytes_text(out, "\n");
		put_text(out, chapter->title);
		bytes_text(out, "\n\n");
	}
	chapter->open = false;
}

static void take_event(const struct hls_replay *replay, struct chapter *chapter,
		       const struct buf *message, struct bytes *out)
{
	json_t *value = json_parse(message->data, message->len);
	struct json_reader reader;
	json_reader_init(&reader, value);
	const char *type = json_string_of(&reader, "type", 1, 64);
	const int64_t at_us = json_int(&reader, "at_us", 0, RECORD_TIME_MAX_US);
	struct json_reader data = json_enter(&reader, "data");
	const char *title = json_string_or(&data, "title", sizeof(chapter->title) - 1, NULL);
	const bool pin = !reader.bad && !strcmp(type, "product.pin") && title;
	if (pin || (!reader.bad && !strcmp(type, "product.unpin")))
		end_chapter(chapter, playlist_us(replay, at_us), out);
	if (pin) {
		memcpy(chapter->title, title, strlen(title) + 1);
		chapter->at_us = playlist_us(replay, at_us);
		chapter->open = true;
	}
	json_decref(value);
}

void hls_replay_put_chapters(const struct hls_replay *replay, struct bytes *out)
{
	struct chapter chapter = { .open = false };
	bytes_text(out, "WEBVTT\n\n");
	for (size_t i = 0; i < replay->count; i++)
		for (size_t n = 0; n < replay->files[i].index.event_count; n++)
			take_event(replay, &chapter, replay->files[i].index.events[n], out);
	end_chapter(&chapter, playlist_us(replay, RECORD_TIME_MAX_US), out);
}

static void end_thumbnail(struct writing *writing)
{
	const struct record_part *still = writing->still;
	if (!still || writing->at_us <= writing->still_us)
		return;
	put_time(writing->out, writing->still_us);
	bytes_text(writing->out, " --> ");
	put_time(writing->out, writing->at_us);
	bytes_text(writing->out, "\n");
	put_uri(writing, writing->still_file, still->offset, still->len);
	bytes_text(writing->out, ".jpg\n\n");
}

static void see_thumbnail(void *arg, const struct hls_replay_file *file,
			  const struct record_part *first, size_t count)
{
	struct writing *writing = arg;
	const bool due = !writing->still || writing->at_us - writing->still_us >= writing->step_us;
	if (first->independent && file->index.track.video && due) {
		end_thumbnail(writing);
		writing->still = first;
		writing->still_file = file;
		writing->still_us = writing->at_us;
	}
	writing->at_us += duration_of(first, count);
}

void hls_replay_put_thumbnails(const struct hls_replay *replay, struct bytes *out)
{
	struct writing writing = { .replay = replay, .out = out };
	writing.step_us = playlist_us(replay, RECORD_TIME_MAX_US) / THUMBNAILS;
	if (writing.step_us < THUMBNAIL_MIN_US)
		writing.step_us = THUMBNAIL_MIN_US;
	if (writing.step_us > THUMBNAIL_MAX_US)
		writing.step_us = THUMBNAIL_MAX_US;
	bytes_text(out, "WEBVTT\n\n");
	each_segment(replay, see_thumbnail, &writing);
	end_thumbnail(&writing);
}
