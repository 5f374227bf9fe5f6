#include "media/transcode_still.h"

#include "media/transcode_pool.h"
#include "media/transcode_seat.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"

#include <errno.h>
#include <stdlib.h>

enum {
	HANG_US = 2000000, /* without an answer to a keyframe */
	PATIENCE_US = 5000000, /* while there is no child */
};

struct transcode_still {
	struct transcode_seat seat;
	transcode_still_fn done;
	void *arg;
	/* Under way; NULL: nothing is. */
	struct buf *header, *picture;
	uint16_t side;
	bool sent;
	struct timer patience;
};

/* Last: the transcoder may be gone afterwards. */
static void finish(struct transcode_still *still, struct buf *jpeg)
{
	timer_stop(&still->patience);
	buf_unref(still->header);
	buf_unref(still->picture);
	still->header = still->picture = NULL;
	still->sent = false;
	still->done(jpeg, still->arg);
}

static void send_it(struct transcode_still *still)
{
	const struct protocol_message message = {
		.type = PROTOCOL_STILL,
		.still = { .side = still->side,
			   .avcc = still->header->data,
			   .avcc_len = still->header->len,
			   .data = still->picture->data,
			   .len = still->picture->len },
	};
	still->sent = transcode_seat_send(&still->seat, &message) == 0;
}

static void on_taken(void *arg)
{
	struct transcode_still *still = arg;
	if (still->picture)
		send_it(still);
}

static int on_message(const struct protocol_message *message, void *arg)
{
	struct transcode_still *still = arg;
	if (message->type != PROTOCOL_JPEG || !still->sent)
		return -EPROTO;
	struct buf *jpeg =
		message->jpeg.len ? buf_copy(message->jpeg.data, message->jpeg.len) : NULL;
	finish(still, jpeg);
	buf_unref(jpeg);
	return 0;
}

/* What it died of is not given to another one. */
static void on_lost(unsigned in_flight, void *arg)
{
	struct transcode_still *still = arg;
	(void)in_flight;
	if (still->sent)
		finish(still, NULL);
}

static void on_patience(void *arg)
{
	finish(arg, NULL);
}

static const struct transcode_seat_ops seat_ops = { on_taken, on_message, on_lost };

int transcode_still_create(struct transcode_still **out, struct transcode_pool *pool,
			   transcode_still_fn done, void *arg)
{
	struct transcode_still *still = xcalloc(1, sizeof(*still));
	still->done = done;
	still->arg = arg;
	timer_init(&still->patience, transcode_pool_loop(pool), on_patience, still);
	transcode_seat_open(&still->seat, pool, &seat_ops, still, HANG_US);
	*out = still;
	return 0;
}

int transcode_still_ask(struct transcode_still *still, struct buf *header, struct buf *picture,
			uint16_t side)
{
	if (still->picture)
		return -EBUSY;
	if (!header->len || header->len > PROTOCOL_AVCC_MAX || !picture->len ||
	    picture->len > PROTOCOL_PICTURE_MAX)
		return -EINVAL;
	still->header = buf_ref(header);
	still->picture = buf_ref(picture);
	still->side = side;
	timer_start(&still->patience, PATIENCE_US);
	send_it(still);
	return 0;
}

void transcode_still_destroy(struct transcode_still *still)
{
	if (!still)
		return;
	timer_stop(&still->patience);
	transcode_seat_close(&still->seat);
	buf_unref(still->header);
	buf_unref(still->picture);
	free(still);
}
