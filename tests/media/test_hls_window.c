#include "media/output/hls_window.h"

#include "media/output/hls_events.h"
#include "media/rendition.h"
#include "server/core/bytes.h"
#include "tests/support/media_frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PART_US = 320000, FIRST_MSN = 1000, FIRST_DISCONTINUITY = 50 };

struct fixture {
	struct hls_window *window;
	struct hls_events events;
	struct hls_image *image;
	struct media_config *video;
	struct buf *header;
	int64_t at_us;
	uint64_t discontinuity; /* of the newest map */
	bool ts; /* parts come as transport stream, too */
};

static struct fixture f;

static void map(void)
{
	const struct cmaf_tracks tracks = { .video = f.video };
	hls_window_map(f.window, &tracks, f.header);
	hls_window_discontinuity(f.window, f.discontinuity++);
}

static void setup(void)
{
	f = (struct fixture){ .video = test_video_config(),
			      .header = buf_copy("moov", 4),
			      .discontinuity = FIRST_DISCONTINUITY };
	hls_events_init(&f.events);
	cr_assert(eq(int, hls_window_create(&f.window, "source", FIRST_MSN), 0));
	map();
}

static void teardown(void)
{
	hls_image_unref(f.image);
	hls_window_destroy(f.window);
	hls_events_finish(&f.events);
	media_config_unref(f.video);
	buf_unref(f.header);
}

TestSuite(hls_window, .init = setup, .fini = teardown);

static void part_of(bool starts, int64_t duration_us)
{
	struct buf *data = buf_copy("0123456789", 10);
	const struct cmaf_part content = { .data = data,
					   .starts_segment = starts,
					   .independent = starts,
					   .capture_us = 1795226035000000 + f.at_us,
					   .duration_us = duration_us };
	hls_window_part(f.window, &content, f.ts ? data : NULL);
	f.at_us += duration_us;
	buf_unref(data);
}

static void part(bool starts)
{
	part_of(starts, PART_US);
}

static void segments(size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (int n = 0; n < 6; n++)
			part(n == 0);
		hls_window_segment(f.window);
	}
}

static const struct hls_image *look(void)
{
	const struct hls_others others = { .events = &f.events };
	hls_image_unref(f.image);
	f.image = hls_window_image(f.window, &others);
	cr_assert(f.image != NULL);
	return f.image;
}

static const char *text_of(const struct buf *buf)
{
	static char text[1 << 16];
	cr_assert(lt(sz, buf->len, sizeof(text)));
	memcpy(text, buf->data, buf->len);
	text[buf->len] = '\0';
	return text;
}

static const char *playlist(void)
{
	return text_of(look()->playlist);
}

static bool has(const char *text, const char *what)
{
	return strstr(text, what);
}

static size_t count_of(const char *text, const char *what)
{
	size_t count = 0;
	for (; (text = strstr(text, what)); text++)
		count++;
	return count;
}

Test(hls_window, nothing_is_no_image)
{
	const struct hls_others others = { .events = &f.events };
	cr_assert(eq(ptr, hls_window_image(f.window, &others), NULL));
}

Test(hls_window, a_part_is_listed_and_the_next_one_hinted)
{
	part(true);
	const char *text = playlist();
	cr_assert(has(text, "#EXT-X-MEDIA-SEQUENCE:1000\n"));
	cr_assert(has(text, "#EXT-X-MAP:URI=\"source-i1000.mp4\"\n"));
	cr_assert(has(text, "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T01:53:55.000Z\n"));
	cr_assert(has(text, "#EXT-X-PART:DURATION=0.32000,URI=\"source-1000.0.m4s\","
			    "INDEPENDENT=YES\n"));
	cr_assert(has(text, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"source-1000.1.m4s\"\n"));
	cr_assert(eq(sz, count_of(text, "#EXTINF"), 0));
	hls_window_segment(f.window);
	text = playlist();
	cr_assert(has(text, "#EXTINF:0.32000,\nsource-1000.m4s\n"));
	cr_assert(has(text, "URI=\"source-1001.0.m4s\"\n"));
}

Test(hls_window, an_image_stays_as_it_was)
{
	part(true);
	struct hls_image *before = hls_image_ref((struct hls_image *)look());
	segments(60);
	cr_assert(eq(sz, hls_image_segment(before, FIRST_MSN)->part_count, 1));
	cr_assert(eq(sz, before->segment_count, 1));
	cr_assert(has(text_of(before->playlist), "source-1000.1.m4s"));
	hls_image_unref(before);
}

Test(hls_window, the_playlist_holds_32_s_and_memory_as_much_again)
{
	segments(60);
	const char *text = playlist();
	cr_assert(eq(sz, count_of(text, "#EXTINF"), 17)); /* of 1.92 s */
	cr_assert(has(text, "#EXT-X-MEDIA-SEQUENCE:1043\n"));
	cr_assert(eq(sz, count_of(text, "#EXT-X-PROGRAM-DATE-TIME"), 17));
	/* Parts within three target durations. */
	cr_assert(eq(sz, count_of(text, "#EXT-X-PART:"), 7 * 6));
	cr_assert(f.image->segments[0]->msn <= 1043 - 18);
	cr_assert(eq(ptr, (void *)hls_image_segment(f.image, FIRST_MSN), NULL));
	cr_assert(hls_image_segment(f.image, 1059) != NULL);
	cr_assert(eq(ptr, (void *)hls_image_segment(f.image, 1060), NULL));
}

/* Players that come back reckon two seconds for each number. */
Test(hls_window, the_short_segments_of_the_beginning_are_soon_not_listed)
{
	for (int i = 0; i < 3; i++) {
		part(i == 0);
		hls_window_segment(f.window);
	}
	segments(5);
	cr_assert(has(playlist(), "#EXT-X-MEDIA-SEQUENCE:1000\n"));
	segments(2);
	cr_assert(has(playlist(), "#EXT-X-MEDIA-SEQUENCE:1003\n"));
	cr_assert(hls_image_segment(look(), FIRST_MSN) != NULL);
}

Test(hls_window, a_delta_update_leaves_out_what_is_older_than_24_s)
{
	segments(60);
	const char *text = text_of(look()->delta);
	cr_assert(has(text, "#EXT-X-SKIP:SKIPPED-SEGMENTS=4\n"));
	cr_assert(has(text, "#EXT-X-MEDIA-SEQUENCE:1043\n"));
	cr_assert(eq(sz, count_of(text, "#EXTINF"), 13));
	cr_assert(eq(sz, count_of(text, "#EXT-X-MAP"), 1));
	cr_assert(has(text, "source-1047.m4s"));
	cr_assert(not(has(text, "source-1046.m4s")));
}

Test(hls_window, a_short_playlist_has_no_delta)
{
	segments(3);
	const struct hls_image *image = look();
	cr_assert(eq(ptr, image->delta, image->playlist));
}

Test(hls_window, a_map_begins_a_discontinuity_that_is_counted_when_it_leaves)
{
	segments(2);
	part(true);
	map(); /* in the middle of a segment */
	segments(2);
	const char *text = playlist();
	cr_assert(has(text, "#EXT-X-DISCONTINUITY-SEQUENCE:50\n"));
	cr_assert(eq(sz, count_of(text, "#EXT-X-DISCONTINUITY\n"), 1));
	cr_assert(has(text, "source-1002.m4s\n#EXT-X-DISCONTINUITY\n"
			    "#EXT-X-MAP:URI=\"source-i1003.mp4\"\n"));
	segments(60);
	text = playlist();
	cr_assert(has(text, "#EXT-X-DISCONTINUITY-SEQUENCE:51\n"));
	cr_assert(eq(sz, count_of(text, "#EXT-X-DISCONTINUITY\n"), 0));
	cr_assert(hls_image_map(f.image, 1003) != NULL);
}

Test(hls_window, a_discontinuity_stands_for_those_that_others_had,
     .description = "RFC 8216bis 6.2.4")
{
	segments(3);
	f.discontinuity++;
	map();
	segments(2);
	const char *text = playlist();
	cr_assert(has(text,
		      "source-1002.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP"));
	cr_assert(eq(sz, count_of(text, "#EXT-X-DISCONTINUITY\n"), 2));
	map();
	segments(60);
	cr_assert(has(playlist(), "#EXT-X-DISCONTINUITY-SEQUENCE:53\n"));
}

Test(hls_window, a_map_that_nothing_followed_counts_with_the_next_one)
{
	segments(1);
	map();
	map();
	segments(1);
	cr_assert(eq(sz, count_of(playlist(), "#EXT-X-DISCONTINUITY\n"), 2));
}

Test(hls_window, the_end_is_marked)
{
	segments(2);
	part(true);
	hls_window_end(f.window);
	const char *text = playlist();
	cr_assert(has(text, "#EXT-X-ENDLIST\n"));
	cr_assert(eq(sz, count_of(text, "#EXTINF"), 3));
	cr_assert(eq(sz, count_of(text, "PRELOAD-HINT"), 0));
	cr_assert(f.image->ended);
}

Test(hls_window, a_part_behind_the_last_of_a_segment_is_the_next_one_s_first)
{
	segments(1);
	const struct hls_image *image = look();
	cr_assert(hls_image_has_segment(image, FIRST_MSN));
	cr_assert(hls_image_has_part(image, FIRST_MSN, 5));
	cr_assert(not(hls_image_has_part(image, FIRST_MSN, 6)));
	cr_assert(not(hls_image_has_part(image, FIRST_MSN + 1, 0)));
	part(true);
	image = look();
	cr_assert(hls_image_has_part(image, FIRST_MSN, 6));
	cr_assert(hls_image_has_part(image, FIRST_MSN + 1, 0));
	cr_assert(not(hls_image_has_part(image, FIRST_MSN + 1, 1)));
	cr_assert(not(hls_image_has_segment(image, FIRST_MSN + 1)));
	cr_assert(hls_image_has_part(image, 3, 0)); /* long gone: at once */
}

/* hls.js takes a whole segment for loaded that it has but for less than 0.2 s, if it hears of the
 * whole while it loads the part before the last. */
Test(hls_window, a_segment_is_whole_behind_a_short_last_part_once_another_follows)
{
	segments(1);
	part(true);
	part_of(false, 80000);
	hls_window_segment(f.window);
	const char *text = playlist();
	cr_assert(eq(sz, count_of(text, "#EXTINF"), 1));
	cr_assert(has(text, "URI=\"source-1001.1.m4s\"\n"));
	cr_assert(has(text, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"source-1002.0.m4s\"\n"));
	cr_assert(has(text_of(f.image->delta), "source-1001.1.m4s"));
	cr_assert(hls_image_has_part(f.image, FIRST_MSN + 1, 1));
	cr_assert(not(hls_image_has_segment(f.image, FIRST_MSN + 1)));
	part(true);
	text = playlist();
	cr_assert(has(text, "#EXTINF:0.40000,\nsource-1001.m4s\n"));
	cr_assert(hls_image_has_segment(f.image, FIRST_MSN + 1));
	cr_assert(hls_image_has_part(f.image, FIRST_MSN + 1, 2));
	part_of(false, 80000);
	hls_window_end(f.window);
	cr_assert(eq(sz, count_of(playlist(), "#EXTINF"), 3));
}

Test(hls_window, players_begin_with_what_the_playlist_calls_whole)
{
	segments(2);
	part(true);
	part_of(false, 80000);
	hls_window_segment(f.window);
	cr_assert(not(hls_image_playable(look())));
	part(true);
	cr_assert(hls_image_playable(look()));
}

Test(hls_window, segments_that_begin_without_a_keyframe_are_not_called_independent)
{
	segments(1);
	cr_assert(has(playlist(), "#EXT-X-INDEPENDENT-SEGMENTS\n"));
	part(false);
	cr_assert(not(has(playlist(), "#EXT-X-INDEPENDENT-SEGMENTS\n")));
}

Test(hls_window, other_renditions_are_reported)
{
	part(true);
	const struct hls_report report = { .rendition = "720p", .msn = 77, .part = 3 };
	const struct hls_others others = { .events = &f.events,
					   .reports = &report,
					   .report_count = 1 };
	f.image = hls_window_image(f.window, &others);
	cr_assert(has(text_of(f.image->playlist), "#EXT-X-RENDITION-REPORT:URI=\"720p.m3u8\","
						  "LAST-MSN=77,LAST-PART=3\n"));
}

Test(hls_window, the_multivariant_playlist_names_codecs_size_and_rate)
{
	struct bytes out;
	bytes_init(&out, 4096);
	segments(1);
	const struct hls_image *image = look();
	struct rendition_info offer = { .width = 640, .height = 360, .bps = 600000 };
	const struct hls_uri uri = { .prefix = "TICKET/", .query = "?sid=player01" };
	hls_multivariant_begin(&out, &uri);
	hls_multivariant_put(&out, image, &uri);
	hls_multivariant_put_offer(&out, image, &offer, "360p", &uri);
	cr_assert(has(bytes_string(&out),
		      "#EXT-X-STREAM-INF:BANDWIDTH=1060000,CODECS=\"avc1.42c01e"
		      "\",RESOLUTION=640x360\nTICKET/360p.m3u8?sid=player01\n"));
	cr_assert(has(bytes_string(&out), "#EXT-X-STREAM-INF:BANDWIDTH=50000,CODECS=\"avc1."
					  "42"));
	cr_assert(has(bytes_string(&out),
		      "\",RESOLUTION=320x180\nTICKET/source.m3u8?sid=player01\n"));
	/* One whose parameter sets are known: a layer of the host's. */
	offer.profile = 77;
	offer.constraints = 0x40;
	offer.level = 30;
	bytes_clear(&out);
	hls_multivariant_put_offer(&out, image, &offer, "360p", &uri);
	cr_assert(has(bytes_string(&out), "CODECS=\"avc1.4d401e\""));
	bytes_finish(&out);
}

Test(hls_window, segments_that_are_there_as_transport_stream_have_a_playlist_of_their_own)
{
	segments(3);
	cr_assert(eq(ptr, look()->ts_playlist, NULL));
	part(true); /* the stream begins in the middle of a segment: that one is not there */
	f.ts = true;
	part(false);
	hls_window_segment(f.window);
	cr_assert(eq(ptr, look()->ts_playlist, NULL));
	segments(2);
	part(true); /* still grows */
	const char *text = text_of(look()->ts_playlist);
	cr_assert(eq(str, (char *)text,
		     "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n"
		     "#EXT-X-MEDIA-SEQUENCE:1004\n#EXT-X-DISCONTINUITY-SEQUENCE:50\n"
		     "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T01:54:01.400Z\n"
		     "#EXTINF:1.92000,\nsource-1004.ts\n"
		     "#EXT-X-PROGRAM-DATE-TIME:2026-11-21T01:54:03.320Z\n"
		     "#EXTINF:1.92000,\nsource-1005.ts\n"));
	cr_assert(eq(ptr, hls_image_segment(f.image, 1004)->parts[0].ts,
		     hls_image_segment(f.image, 1004)->parts[0].data));
	cr_assert(gt(u32, f.image->ts_bandwidth, 0));
}

Test(hls_window, a_transport_stream_that_was_not_made_for_a_while_begins_anew)
{
	f.ts = true;
	segments(2);
	f.ts = false;
	segments(1);
	map();
	segments(1);
	cr_assert(eq(ptr, look()->ts_playlist, NULL));
	f.ts = true;
	map();
	segments(2);
	const char *text = text_of(look()->ts_playlist);
	cr_assert(has(text, "#EXT-X-MEDIA-SEQUENCE:1004\n#EXT-X-DISCONTINUITY-SEQUENCE:51\n"
			    "#EXT-X-DISCONTINUITY\n"));
	hls_window_end(f.window);
	cr_assert(has(text_of(look()->ts_playlist), "source-1005.ts\n#EXT-X-ENDLIST\n"));
}

Test(hls_window, hours_of_segments_and_maps_stay_bounded)
{
	for (int i = 0; i < 600; i++) {
		if (i % 3 == 0)
			map();
		segments(1);
	}
	const struct hls_image *image = look();
	cr_assert(lt(sz, image->segment_count, 50));
	cr_assert(lt(sz, image->map_count, 20));
	for (size_t i = 0; i < image->segment_count; i++)
		cr_assert(hls_image_map(image, image->segments[i]->map) != NULL);
}
