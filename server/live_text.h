/* A text for many live sessions: as it is, and framed for WebSockets by the first who needs it.
 * Worker's thread. */
#ifndef SOUK_SERVER_LIVE_TEXT_H
#define SOUK_SERVER_LIVE_TEXT_H

#include "server/core/buf.h"

struct live_text {
	struct buf *text;
	struct buf *frame; /* NULL until made */
};

static inline void live_text_finish(struct live_text *text)
{
	buf_unref(text->text);
	buf_unref(text->frame);
	text->text = NULL;
	text->frame = NULL;
}

#endif
