#include "server/poster.h"

#include "media/broadcast.h"
#include "server/api.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/stills.h"
#include "server/worker.h"

#include <stdio.h>
#include <stdlib.h>

enum { RETRY_S = 2, LASTS_S = POSTER_US / 1000000 };

struct poster {
	struct room_view *view;
	struct buf *jpeg; /* NULL: there is none */
	int64_t made_us;
	uint32_t epoch; /* of that */
	bool asked; /* one is on its way */
	struct list waits; // poster_wait.link
	struct timer limit; /* of the oldest of them */
};

/* No more than the HTTP server's connections. */
struct poster_wait {
	struct list link; // poster.waits
	struct http_request *request;
	struct poster *poster;
};

struct poster_ask {
	struct still_ask ask;
	uint32_t epoch;
};

static void wait_destroy(struct poster_wait *wait)
{
	struct room_view *view = wait->poster->view;
	list_remove(&wait->link);
	free(wait);
	room_view_leave(view, false);
}

static void on_gone(void *arg)
{
	wait_destroy(arg);
}

static bool is_old(const struct poster *poster, int64_t than_us)
{
	const struct room_view *view = poster->view;
	return !poster->jpeg || poster->epoch != view->snapshot->epoch ||
	       loop_now_us(view->worker->loop) - poster->made_us >= than_us;
}

static void reply(const struct poster *poster, struct http_request *request)
{
	struct reply_headers headers = { 0 };
	char cache[48];
	if (is_old(poster, POSTER_OLD_US)) {
		reply_problem(request, &(struct problem_text){ .status = 503,
							       .code = "overloaded",
							       .retry_after_s = RETRY_S });
		return;
	}
	snprintf(cache, sizeof(cache), "%s, max-age=%d",
		 poster->view->snapshot->settings.token_access ? "private" : "public", LASTS_S);
	reply_add(&headers, "Content-Type", "image/jpeg");
	reply_add(&headers, "Cache-Control", cache);
	reply_add_cors(&headers);
	http_reply_buf(request, 200, headers.list, poster->jpeg);
}

/* Who waits gets what there is now. */
static void answer_all(struct poster *poster)
{
	poster->view->users++; /* it stays until the last reply */
	while (!list_empty(&poster->waits)) {
		struct poster_wait *wait = list_entry(poster->waits.next, struct poster_wait, link);
		struct http_request *request = wait->request;
		wait_destroy(wait);
		reply(poster, request);
	}
	timer_stop(&poster->limit);
	room_view_leave(poster->view, false);
}

static void on_limit(void *arg)
{
	answer_all(arg);
}

static void free_ask(struct still_ask *ask)
{
	still_ask_finish(ask);
	free(list_entry(ask, struct poster_ask, ask));
}

static void on_done(struct still_ask *ask)
{
	const struct poster_ask *own = list_entry(ask, struct poster_ask, ask);
	struct room_view *view = room_view_find(ask->worker, ask->room);
	struct poster *poster = view ? view->poster : NULL;
	if (poster && ask->jpeg) {
		buf_unref(poster->jpeg);
		poster->jpeg = buf_ref(ask->jpeg);
		poster->made_us = loop_now_us(ask->worker->loop);
		poster->epoch = own->epoch;
	}
	free_ask(ask);
	if (!poster)
		return;
	poster->asked = false;
	answer_all(poster);
}

static void order(struct poster *poster)
{
	struct poster_ask *own = xcalloc(1, sizeof(*own));
	own->ask.side = POSTER_SIDE;
	own->ask.done = on_done;
	own->ask.drop = free_ask;
	own->epoch = poster->view->snapshot->epoch;
	snprintf(own->ask.room, sizeof(own->ask.room), "%s", poster->view->snapshot->id);
	poster->asked = true;
	stills_ask(poster->view->worker, &own->ask);
}

static void wait_for(struct poster *poster, struct http_request *request)
{
	struct poster_wait *wait = xcalloc(1, sizeof(*wait));
	wait->poster = poster;
	wait->request = request;
	list_append(&poster->waits, &wait->link);
	if (!timer_active(&poster->limit))
		timer_start(&poster->limit, POSTER_WAIT_US);
	room_view_join(poster->view, false);
	http_on_gone(request, on_gone, wait);
	if (!poster->asked)
		order(poster);
}

static struct poster *poster_of(struct room_view *view)
{
	struct poster *poster = view->poster;
	if (poster)
		return poster;
	poster = xcalloc(1, sizeof(*poster));
	poster->view = view;
	list_init(&poster->waits);
	timer_init(&poster->limit, view->worker->loop, on_limit, poster);
	view->poster = poster;
	return poster;
}

void poster_get(struct exchange *exchange)
{
	struct room_view *view = exchange->view;
	struct http_request *request = exchange->request;
	const enum room_state state = view->snapshot->state;
	if (state != ROOM_LIVE && state != ROOM_LOST) {
		reply_problem(request, &(struct problem_text){ .status = 404,
							       .code = "not_live",
							       .retry_after_s = RETRY_S });
		return;
	}
	if (broadcast_audio_only(view->broadcast)) {
		reply_error(request, 404, "not_found");
		return;
	}
	struct poster *poster = poster_of(view);
	if (is_old(poster, POSTER_US))
		wait_for(poster, request);
	else
		reply(poster, request);
}

void poster_end(struct poster *poster)
{
	if (!poster)
		return;
	buf_unref(poster->jpeg);
	poster->jpeg = NULL;
	answer_all(poster);
}

void poster_destroy(struct poster *poster)
{
	if (!poster)
		return;
	timer_stop(&poster->limit);
	buf_unref(poster->jpeg);
	free(poster);
}
