#include "media/output/hls_window.h"

#include "media/output/hls_playlist.h"
#include "server/core/alloc.h"
#include "server/core/bytes.h"
#include "server/core/gzip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PLAYLIST_MAX = 4 * 1024 * 1024,
	MAPS_MAX = 64,
	BANDWIDTH_SPARE_PERCENT = 110, /* a peak that is still to come */
	BANDWIDTH_STEP = 50000,
};

struct hls_window {
	char rendition[HLS_RENDITION_NAME];
	struct hls_segment *segments[HLS_SEGMENTS_MAX]; /* the last one may still grow */
	size_t count;
	size_t listed; /* index of the first in the playlist */
	uint64_t next_msn; /* of the next segment to begin */
	uint64_t discontinuities; /* before the first listed segment */
	uint64_t discontinuity; /* the newest that a segment has */
	uint64_t next_discontinuity; /* of the next segment to begin */
	struct hls_map maps[MAPS_MAX];
	size_t map_count;
	size_t bytes;
	struct cmaf_tracks tracks; /* a reference each */
	bool ended;
	bool any; /* a segment has begun since creation */
};

int hls_window_create(struct hls_window **out, const char *rendition, uint64_t msn)
{
	struct hls_window *window = xcalloc(1, sizeof(*window));
	snprintf(window->rendition, sizeof(window->rendition), "%s", rendition);
	window->next_msn = msn;
	*out = window;
	return 0;
}

static struct hls_segment *last(const struct hls_window *window)
{
	return window->count ? window->segments[window->count - 1] : NULL;
}

static bool uses_map(const struct hls_window *window, uint64_t number)
{
	for (size_t i = 0; i < window->count; i++)
		if (window->segments[i]->map == number)
			return true;
	return false;
}

static void drop_map(struct hls_window *window)
{
	buf_unref(window->maps[0].header);
	window->map_count--;
	memmove(window->maps, window->maps + 1, window->map_count * sizeof(*window->maps));
}

void hls_window_map(struct hls_window *window, const struct cmaf_tracks *tracks, struct buf *header)
{
	hls_window_segment(window);
	media_config_unref(window->tracks.video);
	media_config_unref(window->tracks.audio);
	window->tracks.video = tracks->video ? media_config_ref(tracks->video) : NULL;
	window->tracks.audio = tracks->audio ? media_config_ref(tracks->audio) : NULL;
	while (window->map_count &&
	       (window->map_count == MAPS_MAX || !uses_map(window, window->maps[0].number)))
		drop_map(window);
	/* Named after the segment that it comes with. */
	window->maps[window->map_count++] =
		(struct hls_map){ .number = window->next_msn, .header = buf_ref(header) };
}

void hls_window_discontinuity(struct hls_window *window, uint64_t number)
{
	window->next_discontinuity = number;
}

static int64_t duration_from(const struct hls_window *window, size_t from)
{
	int64_t sum_us = 0;
	for (size_t i = from; i < window->count; i++)
		sum_us += window->segments[i]->duration_us;
	return sum_us;
}

static void drop_oldest(struct hls_window *window)
{
	if (window->listed)
		window->listed--;
	else
		window->discontinuities += window->segments[0]->discontinuities;
	window->bytes -= window->segments[0]->bytes + window->segments[0]->ts_bytes;
	hls_segment_unref(window->segments[0]);
	window->count--;
	memmove(window->segments, window->segments + 1,
		window->count * sizeof(struct hls_segment *));
}

static bool is_listed_no_more(const struct hls_window *window)
{
	if (window->listed + 1 >= window->count)
		return false;
	const bool regular = window->segments[window->listed]->duration_us >= HLS_REGULAR_US;
	return duration_from(window, window->listed + 1) >=
	       (regular ? HLS_LISTED_US : HLS_LISTED_LEAST_US);
}

static void trim(struct hls_window *window)
{
	while (is_listed_no_more(window))
		window->discontinuities += window->segments[window->listed++]->discontinuities;
	while (window->count > 1 &&
	       (window->bytes > HLS_BYTES_MAX || window->count == HLS_SEGMENTS_MAX ||
		(window->listed && duration_from(window, 1) >= HLS_KEPT_US)))
		drop_oldest(window);
}

static struct hls_segment *segment_create(const struct hls_segment *from)
{
	struct hls_segment *segment =
		xcalloc(1, sizeof(*segment) + (from->part_count + 1) * sizeof(*segment->parts));
	memcpy(segment, from, sizeof(*segment) + from->part_count * sizeof(*segment->parts));
	atomic_init(&segment->refs, 1);
	for (size_t i = 0; i < segment->part_count; i++) {
		buf_ref(segment->parts[i].data);
		if (segment->parts[i].ts)
			buf_ref(segment->parts[i].ts);
	}
	return segment;
}

static void begin_segment(struct hls_window *window, const struct cmaf_part *part)
{
	if (!window->any)
		window->discontinuity = window->discontinuities = window->next_discontinuity;
	const struct hls_segment fresh = {
		.msn = window->next_msn++,
		.map = window->maps[window->map_count - 1].number,
		.discontinuities = (unsigned)(window->next_discontinuity - window->discontinuity),
		.ts = true,
		.capture_us = part->capture_us,
	};
	trim(window);
	window->discontinuity = window->next_discontinuity;
	window->any = true;
	window->segments[window->count++] = segment_create(&fresh);
}

void hls_window_part(struct hls_window *window, const struct cmaf_part *part, struct buf *ts)
{
	if (!window->map_count || window->ended)
		return;
	if (!window->count || last(window)->whole)
		begin_segment(window, part);
	/* Images have the old one. */
	struct hls_segment *old = last(window), *grown = segment_create(old);
	grown->parts[grown->part_count++] =
		(struct hls_segment_part){ .data = buf_ref(part->data),
					   .ts = ts ? buf_ref(ts) : NULL,
					   .duration_us = part->duration_us,
					   .independent = part->independent };
	grown->duration_us += part->duration_us;
	grown->bytes += part->data->len;
	grown->ts = grown->ts && ts;
	grown->ts_bytes += ts ? ts->len : 0;
	window->bytes += part->data->len + (ts ? ts->len : 0);
	window->segments[window->count - 1] = grown;
	hls_segment_unref(old);
	trim(window);
}

void hls_window_segment(struct hls_window *window)
{
	struct hls_segment *old = last(window);
	if (!old || old->whole)
		return;
	struct hls_segment *whole = segment_create(old);
	whole->whole = true;
	window->segments[window->count - 1] = whole;
	hls_segment_unref(old);
}

void hls_window_end(struct hls_window *window)
{
	hls_window_segment(window);
	window->ended = true;
}

/* So many, of all that are there, are told of as whole. */
static size_t whole_count(const struct hls_window *window)
{
	const struct hls_segment *newest = last(window);
	if (!newest || window->ended)
		return window->count;
	const int64_t part_us = newest->parts[newest->part_count - 1].duration_us;
	const bool later = newest->part_count > 1 && part_us < HLS_SHORT_PART_US;
	return newest->whole && !later ? window->count : window->count - 1;
}

int64_t hls_window_first_us(const struct hls_window *window)
{
	return window->count ? window->segments[window->listed]->capture_us : 0;
}

uint64_t hls_window_next_msn(const struct hls_window *window)
{
	return window->next_msn;
}

bool hls_window_report(const struct hls_window *window, struct hls_report *out)
{
	const struct hls_segment *newest = last(window);
	if (!newest)
		return false;
	*out = (struct hls_report){ .rendition = window->rendition,
				    .msn = newest->msn,
				    .part = newest->part_count - 1 };
	return true;
}

/* The peak rate of a segment, rounded up. */
static uint32_t bandwidth(const struct hls_window *window, bool ts)
{
	uint64_t peak = 0;
	for (size_t i = window->listed; i < window->count; i++) {
		const struct hls_segment *segment = window->segments[i];
		if (segment->duration_us <= 0 || (!segment->whole && window->count > 1))
			continue;
		const uint64_t bytes = ts ? segment->ts_bytes : segment->bytes;
		const uint64_t rate = bytes * 8 * 1000000 / (uint64_t)segment->duration_us;
		peak = rate > peak ? rate : peak;
	}
	peak = peak * BANDWIDTH_SPARE_PERCENT / 100;
	const uint64_t steps = peak / BANDWIDTH_STEP + 1;
	return (uint32_t)(steps * BANDWIDTH_STEP > UINT32_MAX ? UINT32_MAX
							      : steps * BANDWIDTH_STEP);
}

static struct buf *render(const struct hls_playlist *playlist, size_t skipped, bool ts)
{
	struct bytes text;
	bytes_init(&text, PLAYLIST_MAX);
	if (ts)
		hls_playlist_put_ts(playlist, &text);
	else
		hls_playlist_put(playlist, skipped, &text);
	struct buf *buf = bytes_ok(&text) ? buf_from_bytes(&text) : NULL;
	bytes_finish(&text);
	return buf;
}

static bool put_playlists(struct hls_image *image, const struct hls_window *window,
			  const struct hls_others *others)
{
	const struct hls_playlist playlist = {
		.rendition = window->rendition,
		.segments = window->segments + window->listed,
		.count = window->count - window->listed,
		.whole = whole_count(window) - window->listed,
		.discontinuities = window->discontinuities,
		.ended = window->ended,
		.others = others,
	};
	const size_t skipped = hls_playlist_skips(&playlist);
	image->playlist = render(&playlist, 0, false);
	image->playlist_gzip = image->playlist ? gzip_buf(image->playlist) : NULL;
	if (!image->playlist_gzip)
		return false;
	if (!skipped) {
		image->delta = buf_ref(image->playlist);
		image->delta_gzip = buf_ref(image->playlist_gzip);
		return true;
	}
	image->delta = render(&playlist, skipped, false);
	image->delta_gzip = image->delta ? gzip_buf(image->delta) : NULL;
	return image->delta_gzip;
}

/* The listed segments that are there as transport stream, as far back as there is none without. */
static bool put_ts_playlist(struct hls_image *image, const struct hls_window *window,
			    const struct hls_others *others)
{
	size_t end = window->count;
	if (end && !window->segments[end - 1]->whole)
		end--;
	size_t from = end;
	while (from > window->listed && window->segments[from - 1]->ts)
		from--;
	if (from == end)
		return true;
	struct hls_playlist playlist = {
		.rendition = window->rendition,
		.segments = window->segments + from,
		.count = end - from,
		.whole = end - from,
		.discontinuities = window->discontinuities,
		.ended = window->ended,
		.others = others,
	};
	for (size_t i = window->listed; i < from; i++)
		playlist.discontinuities += window->segments[i]->discontinuities;
	image->ts_playlist = render(&playlist, 0, true);
	image->ts_gzip = image->ts_playlist ? gzip_buf(image->ts_playlist) : NULL;
	return image->ts_gzip;
}

static void put_tracks(struct hls_image *image, const struct cmaf_tracks *tracks)
{
	char video[CMAF_CODEC_TEXT] = "", audio[CMAF_CODEC_TEXT] = "";
	if (tracks->video) {
		cmaf_codec_text(tracks->video, video);
		image->video = true;
		image->width = tracks->video->width;
		image->height = tracks->video->height;
	}
	if (tracks->audio)
		cmaf_codec_text(tracks->audio, audio);
	snprintf(image->codecs, sizeof(image->codecs), "%s%s%s", video,
		 video[0] && audio[0] ? "," : "", audio);
}

static void put_data(struct hls_image *image, const struct hls_window *window)
{
	image->maps = xcalloc(window->map_count, sizeof(*image->maps));
	for (; image->map_count < window->map_count; image->map_count++) {
		image->maps[image->map_count] = window->maps[image->map_count];
		buf_ref(image->maps[image->map_count].header);
	}
	image->segments = xcalloc(window->count, sizeof(struct hls_segment *));
	for (; image->segment_count < window->count; image->segment_count++) {
		struct hls_segment *segment = window->segments[image->segment_count];
		atomic_fetch_add_explicit(&segment->refs, 1, memory_order_relaxed);
		image->segments[image->segment_count] = segment;
	}
}

struct hls_image *hls_window_image(const struct hls_window *window, const struct hls_others *others)
{
	const struct hls_segment *newest = last(window);
	if (!newest)
		return NULL;
	struct hls_image *image = xcalloc(1, sizeof(*image));
	atomic_init(&image->refs, 1);
	memcpy(image->rendition, window->rendition, sizeof(image->rendition));
	image->next_msn = newest->msn + newest->whole;
	image->next_part = newest->whole ? 0 : newest->part_count;
	image->whole_msn = window->segments[0]->msn + whole_count(window);
	image->ended = window->ended;
	image->bandwidth = bandwidth(window, false);
	image->ts_bandwidth = bandwidth(window, true);
	put_tracks(image, &window->tracks);
	put_data(image, window);
	if (put_playlists(image, window, others) && put_ts_playlist(image, window, others))
		return image;
	hls_image_unref(image);
	return NULL;
}

void hls_window_destroy(struct hls_window *window)
{
	if (!window)
		return;
	for (size_t i = 0; i < window->count; i++)
		hls_segment_unref(window->segments[i]);
	while (window->map_count)
		drop_map(window);
	media_config_unref(window->tracks.video);
	media_config_unref(window->tracks.audio);
	free(window);
}
