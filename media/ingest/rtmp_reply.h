/*
 * The messages that a publish server sends, appended to a buffer as chunks. No state; one thread.
 */
#ifndef SOUK_MEDIA_RTMP_REPLY_H
#define SOUK_MEDIA_RTMP_REPLY_H

#include "server/core/bytes.h"

#include <stdbool.h>
#include <stdint.h>

/* Window, bandwidth and chunk size, then _result NetConnection.Connect.Success; with what we can do
 * of E-RTMP v2 for those who speak it. */
void rtmp_reply_connected(struct bytes *out, double transaction, bool extended);
/* _error NetConnection.Connect.Rejected. */
void rtmp_reply_rejected(struct bytes *out, double transaction);

/* _result with null, and with a stream id for createStream. */
void rtmp_reply_done(struct bytes *out, double transaction);
void rtmp_reply_stream_created(struct bytes *out, double transaction, uint32_t stream);

/* onStatus on a media stream, and StreamBegin before Publish.Start. */
void rtmp_reply_publish_started(struct bytes *out, uint32_t stream);
enum rtmp_level { RTMP_STATUS, RTMP_WARNING, RTMP_ERROR };
void rtmp_reply_status(struct bytes *out, uint32_t stream, enum rtmp_level level, const char *code,
		       const char *description);

/* onStatus NetConnection.Connect.ReconnectRequest (E-RTMP v2); tc_url may be NULL. */
void rtmp_reply_reconnect(struct bytes *out, const char *tc_url);

void rtmp_reply_acknowledgement(struct bytes *out, uint32_t received);
void rtmp_reply_pong(struct bytes *out, uint32_t timestamp);

#endif
