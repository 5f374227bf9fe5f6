#include "media/output/hls_playlist.h"

#include "media/output/hls_events.h"
#include "server/core/bytes.h"

static double seconds(int64_t us)
{
	return (double)us / 1000000.0;
}

/* What is behind segment `from`'s beginning. */
static int64_t rest_us(const struct hls_playlist *playlist, size_t from)
{
	int64_t sum_us = 0;
	for (size_t i = from; i < playlist->count; i++)
		sum_us += playlist->segments[i]->duration_us;
	return sum_us;
}

size_t hls_playlist_skips(const struct hls_playlist *playlist)
{
	size_t skipped = 0;
	/* Up to a discontinuity and no farther: players differ in what they make of one that they
	 * are not shown. */
	while (skipped < playlist->whole &&
	       (!skipped || !playlist->segments[skipped]->discontinuities) &&
	       rest_us(playlist, skipped + 1) >= (int64_t)HLS_SKIP_S * 1000000)
		skipped++;
	return playlist->ended ? 0 : skipped;
}

static void put_part(struct bytes *out, const struct hls_playlist *playlist,
		     const struct hls_segment *segment, size_t index)
{
	const struct hls_segment_part *part = &segment->parts[index];
	/* §4.4.4.9: never more than the target; a picture that stood still may have been. */
	const int64_t duration_us =
		part->duration_us > CMAF_PART_US ? CMAF_PART_US : part->duration_us;
	bytes_printf(out, "#EXT-X-PART:DURATION=%.5f,URI=\"%s-%llu.%zu.m4s\"%s\n",
		     seconds(duration_us), playlist->rendition, (unsigned long long)segment->msn,
		     index, part->independent ? ",INDEPENDENT=YES" : "");
}

static void put_discontinuities(struct bytes *out, const struct hls_segment *segment)
{
	for (unsigned i = 0; i < segment->discontinuities; i++)
		bytes_text(out, "#EXT-X-DISCONTINUITY\n");
}

static void put_segment(struct bytes *out, const struct hls_playlist *playlist, size_t index,
			bool with_map)
{
	const struct hls_segment *segment = playlist->segments[index];
	char date[HLS_DATE_TEXT];
	put_discontinuities(out, segment);
	if (with_map)
		bytes_printf(out, "#EXT-X-MAP:URI=\"%s-i%llu.mp4\"\n", playlist->rendition,
			     (unsigned long long)segment->map);
	hls_date_text(segment->capture_us, date);
	bytes_printf(out, "#EXT-X-PROGRAM-DATE-TIME:%s\n", date);
	const bool parts = !playlist->ended && rest_us(playlist, index + 1) < HLS_PARTS_US;
	for (size_t i = 0; parts && i < segment->part_count; i++)
		put_part(out, playlist, segment, i);
	if (index < playlist->whole)
		bytes_printf(out, "#EXTINF:%.5f,\n%s-%llu.m4s\n", seconds(segment->duration_us),
			     playlist->rendition, (unsigned long long)segment->msn);
}

static void put_tail(struct bytes *out, const struct hls_playlist *playlist)
{
	const struct hls_segment *last = playlist->segments[playlist->count - 1];
	const struct hls_others *others = playlist->others;
	hls_events_put(others->events, out);
	if (playlist->ended) {
		bytes_text(out, "#EXT-X-ENDLIST\n");
		return;
	}
	bytes_printf(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%s-%llu.%zu.m4s\"\n",
		     playlist->rendition, (unsigned long long)last->msn + last->whole,
		     last->whole ? 0 : last->part_count);
	for (size_t i = 0; i < others->report_count; i++) {
		const struct hls_report *report = &others->reports[i];
		bytes_printf(
			out,
			"#EXT-X-RENDITION-REPORT:URI=\"%s.m3u8\",LAST-MSN=%llu,LAST-PART=%zu\n",
			report->rendition, (unsigned long long)report->msn, report->part);
	}
}

/* §4.4.2.1: only where it is true of each segment. */
static bool all_independent(const struct hls_playlist *playlist)
{
	for (size_t i = 0; i < playlist->count; i++)
		if (!playlist->segments[i]->parts[0].independent)
			return false;
	return true;
}

void hls_playlist_put(const struct hls_playlist *playlist, size_t skipped, struct bytes *out)
{
	bytes_printf(out,
		     "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:%d\n"
		     "#EXT-X-PART-INF:PART-TARGET=%.3f\n"
		     "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=%.3f,"
		     "CAN-SKIP-UNTIL=%d.0\n#EXT-X-MEDIA-SEQUENCE:%llu\n"
		     "#EXT-X-DISCONTINUITY-SEQUENCE:%llu\n",
		     HLS_TARGET_S, seconds(CMAF_PART_US), 3 * seconds(CMAF_PART_US), HLS_SKIP_S,
		     (unsigned long long)playlist->segments[0]->msn,
		     (unsigned long long)playlist->discontinuities);
	if (all_independent(playlist))
		bytes_text(out, "#EXT-X-INDEPENDENT-SEGMENTS\n");
	if (skipped)
		bytes_printf(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%zu\n", skipped);
	for (size_t i = skipped; i < playlist->count; i++)
		put_segment(out, playlist, i,
			    i == skipped ||
				    playlist->segments[i]->map != playlist->segments[i - 1]->map);
	put_tail(out, playlist);
}

void hls_playlist_put_ts(const struct hls_playlist *playlist, struct bytes *out)
{
	bytes_printf(out,
		     "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:%d\n"
		     "#EXT-X-MEDIA-SEQUENCE:%llu\n#EXT-X-DISCONTINUITY-SEQUENCE:%llu\n",
		     HLS_TARGET_S, (unsigned long long)playlist->segments[0]->msn,
		     (unsigned long long)playlist->discontinuities);
	for (size_t i = 0; i < playlist->count; i++) {
		const struct hls_segment *segment = playlist->segments[i];
		char date[HLS_DATE_TEXT];
		put_discontinuities(out, segment);
		hls_date_text(segment->capture_us, date);
		bytes_printf(out, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:%.5f,\n%s-%llu.ts\n", date,
			     seconds(segment->duration_us), playlist->rendition,
			     (unsigned long long)segment->msn);
	}
	hls_events_put(playlist->others->events, out);
	if (playlist->ended)
		bytes_text(out, "#EXT-X-ENDLIST\n");
}
