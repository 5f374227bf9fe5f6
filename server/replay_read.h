/* Reads recordings for replay.c. Blocks; on the replay's thread. */
#ifndef SOUK_SERVER_REPLAY_READ_H
#define SOUK_SERVER_REPLAY_READ_H

#include <stdbool.h>
#include <stdint.h>

struct buf;

enum replay_kind {
	REPLAY_LIST,
	REPLAY_PLAYLIST,
	REPLAY_CHAPTERS,
	REPLAY_THUMBNAILS,
	REPLAY_BYTES,
	REPLAY_STILL, /* what a JPEG of the first picture of these bytes is made of */
	REPLAY_CLIP,
};

struct replay_ask {
	enum replay_kind kind;
	char room[65];
	char prefix[80]; /* of URIs in playlists */
	const char *origin; /* of those in lists: --public-url or "" */
	int64_t show_us, file_us; /* of which show and file */
	uint64_t offset, len; /* REPLAY_BYTES, REPLAY_STILL */
	int64_t from_us, to_us; /* REPLAY_CLIP */
};

struct replay_answer {
	int status; /* 200, or that of a problem: */
	const char *code;
	const char *type; /* media type */
	bool lasts; /* may be cached */
	struct buf *body; /* of a still: a keyframe as in struct frame */
	struct buf *header; /* of a still: its AVCDecoderConfigurationRecord; else NULL */
};

void replay_read(const char *dir, const struct replay_ask *ask, struct replay_answer *answer);

#endif
