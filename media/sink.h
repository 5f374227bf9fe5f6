/*
 * One reader of a broadcast: the media side of a viewer (RTP sender, FLV muxer, …) or of a
 * transcoder. A member of the object it serves, registered with fanout_add() on the thread of the
 * worker that owns it; all calls come on that thread and the object removes the sink before it
 * dies. A sink may be removed, but not freed, inside its own calls (loop_defer()).
 */
#ifndef SOUK_MEDIA_SINK_H
#define SOUK_MEDIA_SINK_H

#include "media/frame.h"
#include "media/sink_picture.h"
#include "server/core/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

struct sink;
struct fanout_channel;

struct sink_ops {
	/* Once, before the first frame(), when a decodable start exists: the cached GOP, video and
	 * audio interleaved in order of decoding time, the first a keyframe. Of a source without
	 * video, or for a sink that skips video: the newest audio frame. References stay the
	 * caller's. */
	void (*start)(struct sink *sink, struct frame *const *gop, size_t count);
	/* Live, in order of decoding time, video and wanted audio interleaved. A worker that fell
	 * behind continues at a keyframe; another publisher's video and another rendition start
	 * with one. */
	void (*frame)(struct sink *sink, struct frame *frame);
	/* After the last frame() of a turn: what waited for company goes out. May be NULL. */
	void (*flush)(struct sink *sink);
	/* The show is over. The sink stays registered until it is removed. */
	void (*ended)(struct sink *sink);
};

enum { SINK_WARM_MAX = 5 };

struct sink {
	/* The fan-out's. */
	struct list link;
	struct fanout_channel *channel; /* NULL: not registered */
	bool started;
	/* Set by the owner before fanout_add(). */
	bool skip_video;
	bool skip_audio;
	bool gathers; /* gets sound with the next picture (FANOUT_GATHER_US at most), */
	int64_t batch_us; /* and then pictures only that long after the former */
	/* CODEC_AAC or CODEC_OPUS. Pictures may wait for Opus that is being made, those for readers
	 * of AAC never do. */
	enum codec audio;
	const struct sink_ops *ops;
	/* What frame() works on, wherever it lies: of thousands of viewers none is in the cache
	 * when its turn comes, so it is fetched while the one before is served. May be empty. */
	struct iovec warm[SINK_WARM_MAX];
	unsigned warm_count;
	struct sink_picture picture;
};

#endif
