/*
 * Answers to HLS requests out of the images that a worker has of a room: playlists, maps, segments
 * and parts, each with its rule for caches (RFC 8216bis). Worker's thread.
 */
#ifndef SOUK_SERVER_HLS_ANSWER_H
#define SOUK_SERVER_HLS_ANSWER_H

#include <stdbool.h>

struct hls_ask;
struct http_request;
struct room_view;

/* False: what is asked for is still to come, and nothing was answered. */
bool hls_answer(struct room_view *view, struct http_request *request, const struct hls_ask *ask);

#endif
