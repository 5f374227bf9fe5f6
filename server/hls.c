#include "server/hls.h"

#include "media/output/hls_window.h"
#include "server/api.h"
#include "server/core/addr.h"
#include "server/core/alloc.h"
#include "server/hls_answer.h"
#include "server/hls_ask.h"
#include "server/hls_home.h"
#include "server/hls_players.h"
#include "server/hls_watch.h"
#include "server/replay.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RETRY_S = 2,
	ASKED = 2 * HLS_RENDITIONS_MAX, /* with and without transport streams */
};

struct hls_wait {
	struct list link; // hls_view.waits
	struct room_view *view;
	struct http_request *request;
	struct hls_ask ask;
	struct timer limit;
};

void hls_view_init(struct hls_view *hls)
{
	*hls = (struct hls_view){ 0 };
	list_init(&hls->waits);
}

struct hls_image *hls_view_image(const struct hls_view *hls, const char *rendition)
{
	for (size_t i = 0; i < hls->count; i++)
		if (!strcmp(hls->images[i]->rendition, rendition))
			return hls->images[i];
	return NULL;
}

static bool is_live(const struct room_view *view)
{
	return view->snapshot->state == ROOM_LIVE || view->snapshot->state == ROOM_LOST;
}

static void wait_destroy(struct hls_wait *wait)
{
	timer_stop(&wait->limit);
	list_remove(&wait->link);
	room_view_leave(wait->view, false);
	free(wait);
}

static void on_gone(void *arg)
{
	wait_destroy(arg);
}

static void reply_not_live(struct http_request *request)
{
	reply_problem(request, &(struct problem_text){ .status = 404,
						       .code = "not_live",
						       .retry_after_s = RETRY_S });
}

static void on_limit(void *arg)
{
	struct hls_wait *wait = arg;
	struct http_request *request = wait->request;
	const bool index = hls_ask_is_index(&wait->ask);
	wait_destroy(wait);
	if (index)
		reply_not_live(request);
	else
		reply_problem(request, &(struct problem_text){ .status = 503,
							       .code = "overloaded",
							       .retry_after_s = RETRY_S });
}

static void wait_for(struct room_view *view, struct http_request *request,
		     const struct hls_ask *ask)
{
	struct hls_wait *wait = xcalloc(1, sizeof(*wait));
	wait->view = view;
	wait->request = request;
	wait->ask = *ask;
	list_append(&view->hls.waits, &wait->link);
	timer_init(&wait->limit, view->worker->loop, on_limit, wait);
	timer_start(&wait->limit, hls_ask_is_index(ask) ? HLS_START_US : HLS_BLOCK_US);
	room_view_join(view, false);
	http_on_gone(request, on_gone, wait);
}

void hls_view_show(struct room_view *view, struct hls_image *image)
{
	struct hls_view *hls = &view->hls;
	size_t at = 0;
	while (at < hls->count && strcmp(hls->images[at]->rendition, image->rendition) != 0)
		at++;
	if (at == HLS_RENDITIONS_MAX)
		return;
	if (at == hls->count)
		hls->count++;
	else
		hls_image_unref(hls->images[at]);
	hls->images[at] = hls_image_ref(image);
	list_for_each_safe (link, &hls->waits) {
		struct hls_wait *wait = list_entry(link, struct hls_wait, link);
		if (hls_answer(view, wait->request, &wait->ask))
			wait_destroy(wait);
	}
}

void hls_view_clear(struct room_view *view, const char *rendition)
{
	struct hls_view *hls = &view->hls;
	size_t kept = 0;
	for (size_t i = 0; i < hls->count; i++) {
		if (rendition[0] && strcmp(hls->images[i]->rendition, rendition) != 0)
			hls->images[kept++] = hls->images[i];
		else
			hls_image_unref(hls->images[i]);
	}
	hls->count = kept;
	for (size_t i = 0; i < ASKED; i++)
		if (!rendition[0] || !strcmp(hls->asked[i].rendition, rendition))
			hls->asked[i] = (struct hls_asked){ .at_us = 0 };
}

void hls_view_finish(struct room_view *view)
{
	hls_view_clear(view, "");
	hls_watch_destroy(view->hls.watch);
	view->hls.watch = NULL;
}

void hls_view_end(struct room_view *view)
{
	hls_view_clear(view, "");
	while (!list_empty(&view->hls.waits)) {
		struct hls_wait *wait = list_entry(view->hls.waits.next, struct hls_wait, link);
		struct http_request *request = wait->request;
		wait_destroy(wait);
		reply_error(request, 404, "not_found");
	}
}

static void tell_home(struct room_view *view, const struct hls_wish *wish)
{
	const int64_t now_us = loop_now_us(view->worker->loop);
	struct hls_asked *oldest = &view->hls.asked[0];
	for (size_t i = 0; i < ASKED; i++) {
		struct hls_asked *asked = &view->hls.asked[i];
		const bool same =
			asked->ts == wish->ts && !strcmp(asked->rendition, wish->rendition);
		if (same && asked->at_us && now_us - asked->at_us < HLS_ASK_US)
			return;
		if (same || asked->at_us < oldest->at_us)
			oldest = asked;
		if (same)
			break;
	}
	snprintf(oldest->rendition, sizeof(oldest->rendition), "%s", wish->rendition);
	oldest->ts = wish->ts;
	oldest->at_us = now_us;
	hls_home_ask(view->worker->app, view->snapshot->id, wish, view->worker->index);
}

/* Whether the room has it, be it that nobody watches it now. */
static bool has_rendition(const struct room_view *view, const char *name)
{
	struct rendition_table table;
	if (!strcmp(name, HLS_SOURCE) || hls_view_image(&view->hls, name))
		return true;
	if (!strcmp(name, RENDITION_AUDIO))
		return broadcast_has_audio(view->broadcast);
	broadcast_renditions(view->broadcast, &table);
	return rendition_table_named(&table, name) >= 0;
}

/* Who brought a token to a closed room gets URIs with a ticket. */
static void make_prefix(const struct exchange *exchange, char out[HLS_TICKET_TEXT + 1])
{
	const struct room_view *view = exchange->view;
	char ticket[HLS_TICKET_TEXT];
	out[0] = '\0';
	if (!exchange->identified || !view->snapshot->settings.token_access)
		return;
	hls_ticket_make(view->worker->app->jwt_key, view->snapshot->id, worker_now_s(view->worker),
			ticket);
	snprintf(out, HLS_TICKET_TEXT + 1, "%s/", ticket);
}

/* Players ask for playlists as long as they play. */
static void count_player(const struct exchange *exchange, const struct hls_ask *ask)
{
	if (ask->name.kind != HLS_PLAYLIST && ask->name.kind != HLS_TS_PLAYLIST)
		return;
	const struct http_request *request = exchange->request;
	struct addr client;
	http_client(request, &client);
	hls_watch_see(exchange->view,
		      hls_player_number(ask->sid[0] ? ask->sid : NULL, &client,
					http_header(request, "User-Agent")),
		      ask->name.rendition);
}

static void serve(struct exchange *exchange, bool closed, const char *prefix)
{
	struct http_request *request = exchange->request;
	struct room_view *view = exchange->view;
	struct hls_ask ask;
	if (!strncmp(exchange->name, "replay-", 7)) {
		replay_serve(exchange, exchange->name, prefix);
		return;
	}
	if (!hls_ask_read(&ask, exchange))
		return;
	const bool index = hls_ask_is_index(&ask);
	if (!is_live(view) && (index || !view->hls.count)) {
		reply_not_live(request);
		return;
	}
	const struct hls_wish wish = { .rendition = index ? HLS_SOURCE : ask.name.rendition,
				       .ts = hls_ask_is_ts(&ask) };
	if (!has_rendition(view, wish.rendition)) {
		reply_error(request, 404, "not_found");
		return;
	}
	ask.closed = closed;
	snprintf(ask.prefix, sizeof(ask.prefix), "%s", prefix);
	tell_home(view, &wish);
	/* Players look at all variants, and at this one only for a moment, as a rule. */
	if (index && broadcast_has_video(view->broadcast) && broadcast_has_audio(view->broadcast))
		tell_home(view, &(struct hls_wish){ .rendition = RENDITION_AUDIO, .ts = wish.ts });
	count_player(exchange, &ask);
	if (!hls_answer(view, request, &ask))
		wait_for(view, request, &ask);
}

void hls_get(struct exchange *exchange)
{
	char prefix[HLS_TICKET_TEXT + 1];
	make_prefix(exchange, prefix);
	serve(exchange, exchange->view->snapshot->settings.token_access, prefix);
}

void hls_get_by_ticket(struct exchange *exchange)
{
	const struct worker *worker = exchange->worker;
	if (!hls_ticket_valid(worker->app->jwt_key, exchange->view->snapshot->id,
			      worker_now_s(worker), exchange->item)) {
		reply_error(exchange->request, 401, "bad_token");
		return;
	}
	serve(exchange, true, "");
}
