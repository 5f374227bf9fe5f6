/*
 * A recorded show as HLS: one playlist of all its files, with the timeline; its chapters, what was
 * pinned when, and its thumbnails as WebVTT. Pure; any thread.
 */
#ifndef SOUK_MEDIA_HLS_REPLAY_H
#define SOUK_MEDIA_HLS_REPLAY_H

#include "media/record_index.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hls_replay_file {
	int64_t begin_us; /* names it */
	struct record_index index;
};

struct hls_replay {
	int64_t show_us;
	const char *prefix; /* of URIs */
	const struct hls_replay_file *files; /* in order */
	size_t count;
	bool over; /* else more will come */
};

void hls_replay_put(const struct hls_replay *replay, struct bytes *out);
void hls_replay_put_chapters(const struct hls_replay *replay, struct bytes *out);

/* A WebVTT track of small pictures for a seek bar: each cue names the still of a keyframe. */
void hls_replay_put_thumbnails(const struct hls_replay *replay, struct bytes *out);

#endif
