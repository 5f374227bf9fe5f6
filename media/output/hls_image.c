#include "media/output/hls_image.h"

#include "media/rendition.h"
#include "server/core/bytes.h"

#include <stdlib.h>
#include <string.h>

/* What transcoders make: constrained baseline, at most 1280x720 at 30 (level 3.1). */
#define RUNG_CODEC "avc1.42c01f"

enum { SOUND_BPS = 160000 };

struct hls_image *hls_image_ref(struct hls_image *image)
{
	atomic_fetch_add_explicit(&image->refs, 1, memory_order_relaxed);
	return image;
}

void hls_segment_unref(struct hls_segment *segment)
{
	if (!segment || atomic_fetch_sub_explicit(&segment->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < segment->part_count; i++)
		buf_unref(segment->parts[i].data);
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
	return msn < image->next_msn;
}

bool hls_image_playable(const struct hls_image *image)
{
	return image->segment_count && image->segments[0]->whole;
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

void hls_multivariant_begin(struct bytes *out)
{
	bytes_text(out, "#EXTM3U\n#EXT-X-VERSION:9\n");
}

void hls_multivariant_put(struct bytes *out, const struct hls_image *image, const char *prefix)
{
	bytes_printf(out, "#EXT-X-STREAM-INF:BANDWIDTH=%u,CODECS=\"%s\"", image->bandwidth,
		     image->codecs);
	if (image->video)
		bytes_printf(out, ",RESOLUTION=%ux%u", image->width, image->height);
	bytes_printf(out, "\n%s%s.m3u8\n", prefix, image->rendition);
}

void hls_multivariant_put_offer(struct bytes *out, const struct hls_image *source,
				const struct rendition_info *info, const char *name,
				const char *prefix)
{
	const char *sound = strstr(source->codecs, "mp4a");
	/* Peaks are higher than the rate that the encoder keeps to. */
	const uint32_t bps = info->bps + info->bps / 2 + SOUND_BPS;
	bytes_printf(out, "#EXT-X-STREAM-INF:BANDWIDTH=%u,CODECS=\"" RUNG_CODEC "%s%s\"", bps,
		     sound ? "," : "", sound ? sound : "");
	bytes_printf(out, ",RESOLUTION=%ux%u\n%s%s.m3u8\n", info->width, info->height, prefix,
		     name);
}
