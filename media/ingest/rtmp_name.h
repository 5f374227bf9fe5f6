/*
 * What an encoder was told to publish to: `room?token=…`, as it stands in the stream key or at the
 * end of an app or URL. Untrusted; any thread.
 */
#ifndef SOUK_MEDIA_RTMP_NAME_H
#define SOUK_MEDIA_RTMP_NAME_H

#include "media/ingest/rtmp_session.h"

struct rtmp_name {
	char room[RTMP_ROOM_MAX + 1]; /* last part of the path; "" when there is none */
	char token[RTMP_TOKEN_MAX + 1]; /* value of `token` in the query, decoded; "" if absent */
};

/* -EINVAL: a room with other characters than [A-Za-z0-9_-], or something too long. */
int rtmp_name_parse(struct rtmp_name *out, const char *text, size_t len)
	__attribute__((warn_unused_result));

#endif
