/*
 * The inside of the fan-out, shared by fanout.c (batches, turns, starts), fanout_picture.c (who is
 * shown which rendition) and fanout_wait.c (what is not read yet); for nobody else.
 */
#ifndef SOUK_MEDIA_FANOUT_STATE_H
#define SOUK_MEDIA_FANOUT_STATE_H

#include "media/bus.h"
#include "media/fanout.h"
#include "media/rendition.h"
#include "media/sink.h"
#include "server/core/list.h"
#include "server/core/loop.h"

#include <stdbool.h>

struct event;

enum {
	TRACK_BATCH = 32, /* frames of one track taken at once */
	BATCH_MAX = FRAME_TRACKS * TRACK_BATCH,
	GOP_MAX = BUS_FRAMES_MAX + BUS_AUDIO_TAIL,
	CLOCK_EVERY = 8, /* sinks between two looks at the clock */
	TABLE_US = 500000, /* between two looks at the renditions' rates */
};

/* What this worker has of one broadcast, for the sinks that take it alike: with this sound, and
 * gathering for so long or not at all. A sink stands in one list: it waits for a decodable start
 * (joining), lacks the batch (todo), or has everything up to the cursors (done). */
struct fanout_channel {
	struct list link;
	struct fanout *fanout;
	struct broadcast *broadcast;
	struct broadcast_waiter *waiter;
	uint64_t cursor[FRAME_TRACKS];
	struct rendition_table table;
	unsigned changed; /* the table is as of this change, */
	int64_t table_us; /* its rates of this time */
	size_t wanting[FRAME_TRACKS]; /* sinks; what nobody wants is not read and wakes nobody */
	struct frame *batch[BATCH_MAX];
	size_t batch_count;
	unsigned batch_tracks; /* a bit for each it has frames of */
	struct list joining; // sink.link
	struct list todo; // sink.link
	struct list done; // sink.link
	/* Which of the sinks begins next time; NULL: not chosen. Chosen in the middle of the walk,
	 * so that the order turns quickly. */
	struct list *next_first;
	size_t sinks;
	size_t walked; /* of this batch */
	enum codec audio; /* as its sinks, like the next two */
	bool gathers;
	int64_t batch_us;
	struct timer wait; /* something stays in the buses */
	int64_t wait_until_us; /* 0: nothing does */
	int64_t sound_late_us; /* when a picture waited for it in vain; 0: never */
	int64_t picture_us; /* when a picture was read last; 0: never */
	bool opus_passed_on; /* the newest was as its host made it */
	unsigned ends; /* of the show, as far as the sinks know */
	int64_t woken_us; /* when the batch began */
	bool dirty;
};

struct fanout {
	struct loop *loop;
	int wake_fd;
	struct event *wake;
	struct deferred more;
	bool walking; /* the last slice was over before the walk */
	struct list channels; // fanout_channel.link
	size_t channel_count;
	struct frame *gop[GOP_MAX]; /* for the sink that starts just now */
	int64_t second_us; /* this second of the measure began */
	int64_t worked_us; /* of it */
	struct fanout_stats stats;
};

void fanout_wait_init(struct fanout_channel *channel);
/* A bit for each track that has unread frames whose time has come; looks again by itself when that
 * of others will have. */
unsigned fanout_ready(struct fanout_channel *channel);

/* Frames of this track are read and wake this worker while somebody here wants them. */
void fanout_subscribe(struct fanout_channel *channel, enum track track);
void fanout_unsubscribe(struct fanout_channel *channel, enum track track);
void fanout_wait_for_wanted(struct fanout_channel *channel);

/* A new sink: which rendition it begins with. */
void fanout_begin_picture(struct fanout_channel *channel, struct sink *sink);
void fanout_end_picture(struct fanout_channel *channel, struct sink *sink);
/* The table, the reader's wish or what runs has changed. */
void fanout_choose(struct fanout_channel *channel, struct sink *sink);
/* Looks whether the broadcast has other renditions now, and sometimes at their rates. */
void fanout_refresh_table(struct fanout_channel *channel);
/* Gives a picture to a sink, if it is of its rendition. */
void fanout_deliver_picture(struct fanout_channel *channel, struct sink *sink, struct frame *frame);

#endif
