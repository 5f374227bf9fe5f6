#include "media/output/hls_image.h"

#include "media/output/cmaf_cutter.h"
#include "media/rendition.h"
#include "server/core/bytes.h"

#include <stdlib.h>
#include <string.h>

enum { SOUND_BPS = 160000, HLS_VERSION = 9, HLS_TS_VERSION = 3 };

struct hls_image *hls_image_ref(struct hls_image *image)
{
	atomic_fetch_add_explicit(&image->refs, 1, memory_order_relaxed);
	return image;
}

void hls_segment_unref(struct hls_segment *segment)
{
	if (!segment || atomic_fetch_sub_explicit(&segment->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < segment->part_count; i++) {
		buf_unref(segment->parts[i].data);
		buf_unref(segment->parts[i].ts);
	}
	free(segment);
}

void hls_image_unref(struct hls_image *image)
{
	if (!image || atomic_fetch_sub_explicit(&image->refs, 1, memory_order_acq_rel) != 1)
		return;
	buf_unref(image->playlist);
	buf_unref(image->playlist_gzip);
	buf_unref(image->delta);
	buf_unref(image->delta_gzip);
	buf_unref(image->ts_playlist);
	buf_unref(image->ts_gzip);
	for (size_t i = 0; i < image->map_count; i++)
		buf_unref(image->maps[i].header);
	for (size_t i = 0; i < image->segment_count; i++)
		hls_segment_unref(image->segments[i]);
	free(image->maps);
	free(image->segments);
	free(image);
}

const struct hls_segment *hls_image_segment(const struct hls_image *image, uint64_t msn)
{
	if (!image->segment_count || msn < image->segments[0]->msn)
		return NULL;
	const uint64_t at = msn - image->segments[0]->msn;
	return at < image->segment_count ? image->segments[at] : NULL;
}

struct buf *hls_image_map(const struct hls_image *image, uint64_t number)
{
	for (size_t i = 0; i < image->map_count; i++)
		if (image->maps[i].number == number)
			return image->maps[i].header;
	return NULL;
}

bool hls_image_has_segment(const struct hls_image *image, uint64_t msn)
{
	return msn < image->whole_msn;
}

bool hls_image_playable(const struct hls_image *image)
{
	const size_t wanted = image->ended ? 1 : CMAF_HURRY_SEGMENTS;
	return image->segment_count >= wanted &&
	       hls_image_has_segment(image, image->segments[wanted - 1]->msn);
}

bool hls_image_has_part(const struct hls_image *image, uint64_t msn, uint64_t part)
{
	const struct hls_segment *segment = hls_image_segment(image, msn);
	if (msn >= image->next_msn)
		return msn == image->next_msn && part < image->next_part;
	if (!segment || part < segment->part_count)
		return true;
	return msn + 1 < image->next_msn || image->next_part > 0;
}

static void put_uri(struct bytes *out, const char *rendition, const struct hls_uri *uri)
{
	bytes_printf(out, "\n%s%s%s.m3u8%s\n", uri->prefix, rendition, uri->ts ? "-ts" : "",
		     uri->query);
}

void hls_multivariant_begin(struct bytes *out, const struct hls_uri *uri)
{
	bytes_printf(out, "#EXTM3U\n#EXT-X-VERSION:%d\n", uri->ts ? HLS_TS_VERSION : HLS_VERSION);
}

void hls_multivariant_put(struct bytes *out, const struct hls_image *image,
			  const struct hls_uri *uri)
{
	bytes_printf(out, "#EXT-X-STREAM-INF:BANDWIDTH=%u,CODECS=\"%s\"",
		     uri->ts ? image->ts_bandwidth : image->bandwidth, image->codecs);
	if (image->video)
		bytes_printf(out, ",RESOLUTION=%ux%u", image->width, image->height);
	put_uri(out, image->rendition, uri);
}

/* ITU-T H.264 table A-1: the least level that holds such pictures, 30 a second, at that rate. */
static unsigned level_of(const struct rendition_info *info)
{
	static const struct {
		unsigned level, blocks, kbps;
	} rows[] = { { 13, 396, 768 },    { 20, 396, 2000 },   { 21, 660, 4000 },
		     { 22, 675, 4000 },   { 30, 1350, 10000 }, { 31, 3600, 14000 },
		     { 32, 5120, 20000 }, { 40, 8192, 20000 }, { 50, 19660, 135000 } };
	enum { LAST = sizeof(rows) / sizeof(*rows) - 1 };
	const unsigned blocks = (info->width + 15u) / 16 * ((info->height + 15u) / 16);
	size_t row = 0;
	while (row < LAST && (rows[row].blocks < blocks || rows[row].kbps < info->bps / 1000))
		row++;
	return rows[row].level;
}

void hls_multivariant_put_sound(struct bytes *out, const struct hls_image *source, const char *name,
				const struct hls_uri *uri)
{
	const char *sound = strstr(source->codecs, "mp4a");
	if (!sound)
		return;
	bytes_printf(out, "#EXT-X-STREAM-INF:BANDWIDTH=%u,CODECS=\"%s\"", SOUND_BPS, sound);
	put_uri(out, name, uri);
}

void hls_multivariant_put_offer(struct bytes *out, const struct hls_image *source,
				const struct rendition_info *info, const char *name,
				const struct hls_uri *uri)
{
	const char *sound = strstr(source->codecs, "mp4a");
	/* Peaks are higher than the rate that the encoder keeps to. */
	const uint32_t bps = info->bps + info->bps / 2 + SOUND_BPS;
	bytes_printf(out, "#EXT-X-STREAM-INF:BANDWIDTH=%u,CODECS=\"avc1.", bps);
	if (info->level)
		bytes_printf(out, "%02x%02x%02x", info->profile, info->constraints, info->level);
	else /* what transcoders make: constrained baseline */
		bytes_printf(out, "42c0%02x", level_of(info));
	bytes_printf(out, "%s%s\",RESOLUTION=%ux%u", sound ? "," : "", sound ? sound : "",
		     info->width, info->height);
	put_uri(out, name, uri);
}
