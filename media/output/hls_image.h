/*
 * What a rendition's HLS readers see at one moment: its playlists, rendered and compressed once for
 * all, and the segments that they may still ask for. Immutable and reference counted; any thread
 * may ref, unref and read.
 */
#ifndef SOUK_MEDIA_HLS_IMAGE_H
#define SOUK_MEDIA_HLS_IMAGE_H

#include "server/core/buf.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes;
struct rendition_info;

enum { HLS_RENDITION_NAME = 16, HLS_CODECS_TEXT = 80 };

struct hls_segment_part {
	struct buf *data;
	struct buf *ts; /* the same as transport stream; NULL: not made */
	int64_t duration_us;
	bool independent;
};

/* Immutable once an image has it: the one that grows is copied for each. */
struct hls_segment {
	atomic_uint refs;
	uint64_t msn; /* media sequence number */
	uint64_t map; /* number of its header */
	unsigned discontinuities; /* 0: it continues the one before; more than 1: others had them */
	bool whole;
	bool ts; /* all of it is there as transport stream, too */
	int64_t capture_us; /* of its first picture */
	int64_t duration_us; /* so far */
	size_t bytes, ts_bytes;
	size_t part_count;
	struct hls_segment_part parts[];
};

struct hls_map {
	uint64_t number;
	struct buf *header;
};

struct hls_image {
	atomic_uint refs;
	char rendition[HLS_RENDITION_NAME];
	/* The part to come: one past the newest. */
	uint64_t next_msn;
	size_t next_part;
	uint64_t whole_msn; /* the first segment that the playlist does not call whole */
	bool ended; /* EXT-X-ENDLIST */
	bool video;
	struct buf *playlist, *playlist_gzip; /* application/vnd.apple.mpegurl */
	struct buf *delta, *delta_gzip; /* without what every reader has */
	struct buf *ts_playlist, *ts_gzip; /* NULL: no whole segment is there as such */
	/* For the multivariant playlist. */
	char codecs[HLS_CODECS_TEXT];
	uint16_t width, height;
	uint32_t bandwidth, ts_bandwidth; /* bits a second, at most */
	size_t map_count;
	struct hls_map *maps;
	size_t segment_count; /* by msn, without holes */
	struct hls_segment **segments;
};

struct hls_image *hls_image_ref(struct hls_image *image);
void hls_image_unref(struct hls_image *image); /* takes NULL */

/* NULL: not there, or no more. */
const struct hls_segment *hls_image_segment(const struct hls_image *image, uint64_t msn);
struct buf *hls_image_map(const struct hls_image *image, uint64_t number);

/* Whether part `part` of segment `msn` is there (RFC 8216bis §6.2.5.2: a part behind the last one
 * of a whole segment is the first of the next). */
bool hls_image_has_part(const struct hls_image *image, uint64_t msn, uint64_t part);
bool hls_image_has_segment(const struct hls_image *image, uint64_t msn); /* whole */
/* Players begin with a whole segment, some with no less than CMAF_HURRY_SEGMENTS. */
bool hls_image_playable(const struct hls_image *image);

/* What the URIs of a multivariant playlist have around the rendition's name. */
struct hls_uri {
	const char *prefix; /* a ticket and a slash, or "" */
	bool ts; /* of the transport streams */
	const char *query; /* "?sid=…", or "" */
};

/* The multivariant playlist: a variant each. */
void hls_multivariant_begin(struct bytes *out, const struct hls_uri *uri);
void hls_multivariant_put(struct bytes *out, const struct hls_image *image,
			  const struct hls_uri *uri);
/* One that is made once somebody asks for it, with the sound of the source. */
void hls_multivariant_put_offer(struct bytes *out, const struct hls_image *source,
				const struct rendition_info *info, const char *name,
				const struct hls_uri *uri);
/* The sound of the source without its picture; nothing for a source without sound. */
void hls_multivariant_put_sound(struct bytes *out, const struct hls_image *source, const char *name,
				const struct hls_uri *uri);

void hls_segment_unref(struct hls_segment *segment); /* takes NULL */

#endif
