/* The text of a media playlist (RFC 8216bis §4.4). Pure; any thread. */
#ifndef SOUK_MEDIA_HLS_PLAYLIST_H
#define SOUK_MEDIA_HLS_PLAYLIST_H

#include "media/output/hls_window.h"

struct bytes;

struct hls_playlist {
	const char *rendition;
	struct hls_segment *const *segments; /* the listed ones; the last may still grow */
	size_t count;
	size_t whole; /* so many of them are told of as such */
	uint64_t discontinuities; /* before the first of them */
	bool ended;
	const struct hls_others *others;
};

/* How many segments a delta update leaves out; 0: it would be the whole playlist. */
size_t hls_playlist_skips(const struct hls_playlist *playlist);

/* `skipped` 0: the whole. */
void hls_playlist_put(const struct hls_playlist *playlist, size_t skipped, struct bytes *out);

/* That of the transport streams, as RFC 8216 has it: whole segments alone. All are such. */
void hls_playlist_put_ts(const struct hls_playlist *playlist, struct bytes *out);

#endif
