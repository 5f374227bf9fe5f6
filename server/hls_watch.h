/*
 * Who watches a room by HLS, as one worker hears of it: once a second it tells the room's home,
 * which counts them over all workers, and hears what they read (hls_home.h). Worker's thread.
 */
#ifndef SOUK_SERVER_HLS_WATCH_H
#define SOUK_SERVER_HLS_WATCH_H

#include <stdint.h>

struct hls_watch;
struct room_view;

/* Of room_view.hls.watch; made by its first player. */
void hls_watch_see(struct room_view *view, uint64_t number, const char *rendition);
void hls_watch_destroy(struct hls_watch *watch); /* takes NULL */

#endif
