/*
 * What an encoder tells of itself on an RTMP connection: its name, whether it speaks Enhanced RTMP
 * v2, and where connect says that it wants to publish. Untrusted. Any thread.
 */
#ifndef SOUK_MEDIA_RTMP_ENCODER_H
#define SOUK_MEDIA_RTMP_ENCODER_H

#include "media/ingest/rtmp_name.h"
#include "server/core/bits.h"

#include <stdbool.h>

enum { RTMP_ENCODER_MAX = 64 };

struct rtmp_encoder {
	char name[RTMP_ENCODER_MAX + 1]; /* flashVer or onMetaData's encoder; printable */
	struct rtmp_name place; /* app, or the token of tcUrl */
	bool extended; /* speaks E-RTMP: said in connect what it can do */
	bool reconnects; /* understands ReconnectRequest */
};

/* The values of connect behind its transaction. -EPROTO: malformed. */
int rtmp_encoder_read_connect(struct rtmp_encoder *encoder, struct bits *bits)
	__attribute__((warn_unused_result));

/* A data message: of onMetaData only the name is of use, the rest is in the stream. */
void rtmp_encoder_read_data(struct rtmp_encoder *encoder, struct bits *bits);

#endif
