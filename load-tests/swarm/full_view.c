#include "load-tests/swarm/full_view.h"

#include "media/rtp/rtp_packet.h"
#include "server/core/alloc.h"

#include <stdlib.h>

static void on_picture(void *arg, const struct h264_picture *picture)
{
	struct full_view *view = arg;
	if (picture->key && !view->first_key_us)
		view->first_key_us = view->now_us;
	freeze_frame(&view->freeze, view->now_us);
}

static void on_unit(void *arg, const struct rtp_unit *unit)
{
	struct full_view *view = arg;
	const struct h264_payload payload = {
		.data = unit->data,
		.len = unit->len,
		.timestamp = unit->timestamp,
		.marker = unit->marker,
		.after_loss = unit->after_loss,
	};
	h264_units_push(&view->units, &payload);
}

void full_view_create(struct full_view **out)
{
	struct full_view *view = xcalloc(1, sizeof(*view));
	rtp_reorder_init(&view->reorder, true, on_unit, view);
	h264_units_init(&view->units, on_picture, view);
	*out = view;
}

void full_view_packet(struct full_view *view, const uint8_t *packet, size_t len, int64_t now_us)
{
	struct rtp_view rtp;
	view->now_us = now_us;
	if (rtp_parse(&rtp, packet, len))
		return;
	const struct rtp_unit unit = {
		.data = rtp.payload,
		.len = rtp.payload_len,
		.timestamp = rtp.timestamp,
		.marker = rtp.marker,
		.arrival_us = now_us,
	};
	rtp_reorder_push(&view->reorder, rtp.seq, &unit);
}

void full_view_tick(struct full_view *view, int64_t now_us)
{
	view->now_us = now_us;
	rtp_reorder_expire(&view->reorder, now_us, GIVE_UP_MAX_US);
}

uint64_t full_view_lost(const struct full_view *view)
{
	return view->reorder.given_up + view->reorder.missing;
}

void full_view_destroy(struct full_view *view)
{
	if (!view)
		return;
	rtp_reorder_finish(&view->reorder);
	free(view);
}
