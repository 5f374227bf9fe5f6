/*
 * HLS readers of one worker: GET /hls/{room}/…. Answers from the images that the room's home sends
 * (hls_home.h); what is not there yet waits for the next one. Worker's thread.
 */
#ifndef SOUK_SERVER_HLS_H
#define SOUK_SERVER_HLS_H

#include "media/output/hls_image.h"
#include "server/core/list.h"

#include <stddef.h>
#include <stdint.h>

struct hls_watch;
struct room_view;

#define HLS_SOURCE "source" /* the largest picture */

enum {
	HLS_RENDITIONS_MAX = 5, /* of the picture, and the sound alone */
	HLS_ASK_US = 5000000, /* readers are reported to the home as often */
	HLS_START_US = 10000000, /* the first request waits so long for a picture */
};

/* Part of struct room_view. Those who wait are no more than the HTTP server's connections. */
struct hls_view {
	struct hls_image *images[HLS_RENDITIONS_MAX]; /* a reference each */
	size_t count;
	struct list waits; // hls_wait.link
	struct hls_watch *watch; /* NULL: nobody asked for a playlist yet */
	/* What the home was last told that there are readers of. */
	struct hls_asked {
		char rendition[HLS_RENDITION_NAME];
		bool ts;
		int64_t at_us; /* 0: never */
	} asked[2 * HLS_RENDITIONS_MAX];
};

void hls_view_init(struct hls_view *hls);

/* The newest of a rendition, NULL: there is none. */
struct hls_image *hls_view_image(const struct hls_view *hls, const char *rendition);

/* From the home: takes the place of the rendition's last one. */
void hls_view_show(struct room_view *view, struct hls_image *image);
/* It is not made any more; "": none is. */
void hls_view_clear(struct room_view *view, const char *rendition);

/* The room is gone: who waits is told. */
void hls_view_end(struct room_view *view);
void hls_view_finish(struct room_view *view); /* nobody waits any more */

#endif
