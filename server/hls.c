#include "server/hls.h"

#include "media/output/hls_window.h"
#include "server/api.h"
#include "server/core/addr.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/bytes.h"
#include "server/hls_home.h"
#include "server/hls_name.h"
#include "server/hls_players.h"
#include "server/hls_ticket.h"
#include "server/hls_watch.h"
#include "server/live.h"
#include "server/replay.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MULTIVARIANT_MAX = 16 * 1024,
	RETRY_S = 2,
	SID_LEN = 12,
	ASKED = 2 * HLS_RENDITIONS_MAX, /* with and without transport streams */
};

/* What somebody wants, in full: it may have to wait. */
struct hls_ask {
	struct hls_name name;
	bool blocks; /* _HLS_msn: until that segment, or */
	bool by_part; /* _HLS_part: that part of it, is there */
	uint64_t msn, part;
	bool delta; /* _HLS_skip */
	bool gzip; /* Accept-Encoding */
	bool closed; /* not for shared caches */
	char prefix[HLS_TICKET_TEXT + 1]; /* of the URIs in the index */
	char sid[LIVE_SID_MAX + 1]; /* of the player; empty: it has none */
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

static struct hls_image *find_image(const struct hls_view *hls, const char *rendition)
{
	for (size_t i = 0; i < hls->count; i++)
		if (!strcmp(hls->images[i]->rendition, rendition))
			return hls->images[i];
	return NULL;
}

static bool is_index(const struct hls_ask *ask)
{
	return ask->name.kind == HLS_INDEX || ask->name.kind == HLS_TS_INDEX;
}

static bool is_live(const struct room_view *view)
{
	return view->snapshot->state == ROOM_LIVE || view->snapshot->state == ROOM_LOST;
}

/* All URIs but playlists name bytes that never change. Playlists that were waited for neither,
 * until nobody asks for them (RFC 8216bis, appendix on caching); the others are of this moment. */
static const char *cache_rule(const struct hls_ask *ask, bool lasts)
{
	if (!lasts)
		return "no-cache";
	if (ask->name.kind == HLS_PLAYLIST)
		return ask->closed ? "private, max-age=24" : "public, max-age=24";
	return ask->closed ? "private, max-age=3600, immutable" : "public, max-age=3600, immutable";
}

static void add_headers(struct reply_headers *headers, const struct hls_ask *ask, const char *type,
			bool lasts)
{
	reply_add(headers, "Content-Type", type);
	reply_add(headers, "Cache-Control", cache_rule(ask, lasts));
	reply_add_cors(headers);
}

static void reply_text(struct http_request *request, const struct hls_ask *ask, struct buf *plain,
		       struct buf *gzip)
{
	struct reply_headers headers = { 0 };
	add_headers(&headers, ask, "application/vnd.apple.mpegurl", ask->blocks);
	reply_add(&headers, "Vary", "Accept-Encoding");
	if (ask->gzip && gzip)
		reply_add(&headers, "Content-Encoding", "gzip");
	http_reply_buf(request, 200, headers.list, ask->gzip && gzip ? gzip : plain);
}

static void reply_media(struct room_view *view, struct http_request *request,
			const struct hls_ask *ask, struct buf *const *bufs, size_t count)
{
	struct reply_headers headers = { 0 };
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += bufs[i]->len;
	metric_add(view->worker->app->counters.hls_bytes, (int64_t)bytes);
	const struct hls_image *image = find_image(&view->hls, ask->name.rendition);
	const char *type = image && image->video ? "video/mp4" : "audio/mp4";
	add_headers(&headers, ask, ask->name.kind == HLS_TS_SEGMENT ? "video/mp2t" : type, true);
	http_reply_ranges(request, headers.list, bufs, count);
}

static bool not_found(struct http_request *request)
{
	reply_error(request, 404, "not_found");
	return true;
}

/* Each of the following answers, or returns false: what is wanted is still to come. */

/* Behind the pictures: players that choose for themselves begin with the first they like. */
static void put_sound_alone(struct bytes *out, const struct hls_view *hls,
			    const struct hls_image *source, const struct hls_uri *uri)
{
	const struct hls_image *image = find_image(hls, RENDITION_AUDIO);
	if (!source->video)
		return;
	if (image && !image->ended && (!uri->ts || image->ts_playlist))
		hls_multivariant_put(out, image, uri);
	else
		hls_multivariant_put_sound(out, source, RENDITION_AUDIO, uri);
}

/* The source, and the room's other pictures whether somebody watches them or not. */
static bool answer_index(struct room_view *view, struct http_request *request,
			 const struct hls_ask *ask)
{
	const struct hls_image *source = find_image(&view->hls, HLS_SOURCE);
	const bool ts = ask->name.kind == HLS_TS_INDEX;
	struct rendition_table table;
	struct bytes text;
	char query[LIVE_SID_MAX + 8];
	/* A show that is over is not begun with. */
	if (!source || source->ended ||
	    !(ts ? source->ts_playlist != NULL : hls_image_playable(source)))
		return false;
	snprintf(query, sizeof(query), "?sid=%s", ask->sid);
	const struct hls_uri uri = { .prefix = ask->prefix, .ts = ts, .query = query };
	bytes_init(&text, MULTIVARIANT_MAX);
	hls_multivariant_begin(&text, &uri);
	hls_multivariant_put(&text, source, &uri);
	broadcast_renditions(view->broadcast, &table);
	for (unsigned i = table.count; i > 0; i--) {
		char name[RENDITION_NAME_MAX];
		rendition_name(&table, i - 1, name);
		const struct hls_image *image = find_image(&view->hls, name);
		if (!strcmp(name, HLS_SOURCE) || rendition_table_named(&table, name) != (int)i - 1)
			continue;
		if (image && !image->ended && (!ts || image->ts_playlist))
			hls_multivariant_put(&text, image, &uri);
		else
			hls_multivariant_put_offer(&text, source, &table.at[i - 1], name, &uri);
	}
	put_sound_alone(&text, &view->hls, source, &uri);
	struct buf *buf = bytes_ok(&text) ? buf_from_bytes(&text) : NULL;
	bytes_finish(&text);
	if (buf)
		reply_text(request, ask, buf, NULL);
	else
		reply_error(request, 503, "overloaded");
	buf_unref(buf);
	return true;
}

/* RFC 8216bis §6.2.5.2: asked for so far ahead, the client is mistaken. */
static bool is_too_far(const struct hls_image *image, const struct hls_ask *ask)
{
	const uint64_t ahead = ask->msn > image->next_msn ? ask->msn - image->next_msn : 0;
	/* The newest whole segment is the one before next_msn. */
	if (ahead + 1 > HLS_ADVANCE_SEGMENTS)
		return true;
	const size_t have = ahead ? 0 : image->next_part;
	return ask->by_part && ask->msn >= image->next_msn && ask->part >= have + HLS_ADVANCE_PARTS;
}

static bool answer_playlist(struct room_view *view, const struct hls_image *image,
			    struct http_request *request, const struct hls_ask *ask)
{
	(void)view;
	if (!hls_image_playable(image))
		return false;
	if (ask->blocks && !image->ended) {
		if (is_too_far(image, ask)) {
			reply_problem(request, &(struct problem_text){ .status = 400,
								       .code = "bad_request",
								       .member = "_HLS_msn" });
			return true;
		}
		if (ask->by_part ? !hls_image_has_part(image, ask->msn, ask->part)
				 : !hls_image_has_segment(image, ask->msn))
			return false;
	}
	reply_text(request, ask, ask->delta ? image->delta : image->playlist,
		   ask->delta ? image->delta_gzip : image->playlist_gzip);
	return true;
}

static bool answer_map(struct room_view *view, const struct hls_image *image,
		       struct http_request *request, const struct hls_ask *ask)
{
	struct buf *header = hls_image_map(image, ask->name.number);
	if (!header)
		return not_found(request);
	reply_media(view, request, ask, &header, 1);
	return true;
}

static bool answer_segment(struct room_view *view, const struct hls_image *image,
			   struct http_request *request, const struct hls_ask *ask)
{
	const struct hls_segment *segment = hls_image_segment(image, ask->name.number);
	struct buf *parts[CMAF_SEGMENT_PARTS_MAX];
	size_t count = 0;
	if (!segment || !segment->whole)
		return not_found(request);
	const bool ts = ask->name.kind == HLS_TS_SEGMENT;
	if (ts && !segment->ts)
		return not_found(request);
	for (; count < segment->part_count && count < CMAF_SEGMENT_PARTS_MAX; count++)
		parts[count] = ts ? segment->parts[count].ts : segment->parts[count].data;
	reply_media(view, request, ask, parts, count);
	return true;
}

static bool answer_ts_playlist(struct room_view *view, const struct hls_image *image,
			       struct http_request *request, const struct hls_ask *ask)
{
	(void)view;
	if (!image->ts_playlist)
		return false;
	reply_text(request, ask, image->ts_playlist, image->ts_gzip);
	return true;
}

/* The part to come is hinted at in the playlist, so it may be asked for already. */
static bool answer_part(struct room_view *view, const struct hls_image *image,
			struct http_request *request, const struct hls_ask *ask)
{
	const struct hls_name *name = &ask->name;
	const struct hls_segment *segment = hls_image_segment(image, name->number);
	if (segment && name->part < segment->part_count) {
		struct buf *data = segment->parts[name->part].data;
		reply_media(view, request, ask, &data, 1);
		return true;
	}
	if (!image->ended && name->number == image->next_msn && name->part == image->next_part)
		return false;
	return not_found(request);
}

static bool answer(struct room_view *view, struct http_request *request, const struct hls_ask *ask)
{
	static bool (*const answers[])(struct room_view * view, const struct hls_image *image,
				       struct http_request *request, const struct hls_ask *ask) = {
		[HLS_PLAYLIST] = answer_playlist,       [HLS_MAP] = answer_map,
		[HLS_SEGMENT] = answer_segment,         [HLS_PART] = answer_part,
		[HLS_TS_PLAYLIST] = answer_ts_playlist, [HLS_TS_SEGMENT] = answer_segment,
	};
	struct hls_view *hls = &view->hls;
	if (is_index(ask))
		return answer_index(view, request, ask);
	const struct hls_image *image = find_image(hls, ask->name.rendition);
	return image && answers[ask->name.kind](view, image, request, ask);
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
	const bool index = is_index(&wait->ask);
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
	timer_start(&wait->limit, is_index(ask) ? HLS_START_US : HLS_BLOCK_US);
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
		if (answer(view, wait->request, &wait->ask))
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

/* A number in the query; false with the fault answered. */
static bool query_number(struct exchange *exchange, const char *name, bool *given, uint64_t *out)
{
	char text[32];
	bool bad = false;
	const char *at = exchange_query(exchange, name, text, sizeof(text), &bad);
	if (bad)
		return false;
	*given = at;
	if (!at || (hls_number_parse(&at, out) == 0 && !*at))
		return true;
	reply_problem(
		exchange->request,
		&(struct problem_text){ .status = 400, .code = "bad_request", .member = name });
	return false;
}

/* Delivery directives (§6.2.5). False with the fault answered. */
static bool parse_directives(struct exchange *exchange, struct hls_ask *ask)
{
	char skip[8];
	bool bad = false;
	if (!query_number(exchange, "_HLS_msn", &ask->blocks, &ask->msn) ||
	    !query_number(exchange, "_HLS_part", &ask->by_part, &ask->part))
		return false;
	const char *member = NULL;
	const char *given = exchange_query(exchange, "_HLS_skip", skip, sizeof(skip), &bad);
	if (bad)
		return false;
	if (ask->by_part && !ask->blocks)
		member = "_HLS_part";
	else if (given && strcmp(skip, "YES") != 0 && strcmp(skip, "v2") != 0)
		member = "_HLS_skip";
	ask->delta = given;
	if (member)
		reply_problem(exchange->request, &(struct problem_text){ .status = 400,
									 .code = "bad_request",
									 .member = member });
	return !member;
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
	if (!strcmp(name, HLS_SOURCE) || find_image(&view->hls, name))
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

/* What the player calls itself, or was called in the index. False with the fault answered. */
static bool take_sid(struct exchange *exchange, struct hls_ask *ask)
{
	bool bad = false;
	const char *given = exchange_query(exchange, "sid", ask->sid, sizeof(ask->sid), &bad);
	if (bad)
		return false;
	if (given && (strlen(ask->sid) < LIVE_SID_MIN || !name_valid(ask->sid))) {
		reply_problem(exchange->request, &(struct problem_text){ .status = 400,
									 .code = "bad_request",
									 .member = "sid" });
		return false;
	}
	if (!given)
		ask->sid[0] = '\0';
	if (!given && is_index(ask))
		random_token(ask->sid, SID_LEN);
	return true;
}

/* Players ask for playlists as long as they play. */
static void count_player(const struct exchange *exchange, const struct hls_ask *ask)
{
	if (ask->name.kind != HLS_PLAYLIST && ask->name.kind != HLS_TS_PLAYLIST)
		return;
	const struct http_request *request = exchange->request;
	struct addr client;
	http_client(request, &client);
	hls_watch_see(exchange->view, hls_player_number(ask->sid[0] ? ask->sid : NULL, &client,
							http_header(request, "User-Agent")));
}

static void serve(struct exchange *exchange, bool closed, const char *prefix)
{
	struct http_request *request = exchange->request;
	struct room_view *view = exchange->view;
	struct hls_ask ask = { .closed = closed,
			       .gzip = http_accepts(request, "Accept-Encoding", "gzip") };
	if (!strncmp(exchange->name, "replay-", 7)) {
		replay_serve(exchange, exchange->name, prefix);
		return;
	}
	if (hls_name_parse(&ask.name, exchange->name)) {
		not_found(request);
		return;
	}
	if (!take_sid(exchange, &ask) ||
	    (ask.name.kind == HLS_PLAYLIST && !parse_directives(exchange, &ask)))
		return;
	if (!is_live(view) && (is_index(&ask) || !view->hls.count)) {
		reply_not_live(request);
		return;
	}
	const struct hls_wish wish = { .rendition =
					       is_index(&ask) ? HLS_SOURCE : ask.name.rendition,
				       .ts = ask.name.kind >= HLS_TS_INDEX };
	if (!has_rendition(view, wish.rendition)) {
		not_found(request);
		return;
	}
	snprintf(ask.prefix, sizeof(ask.prefix), "%s", prefix);
	tell_home(view, &wish);
	/* Players look at all variants, and at this one only for a moment, as a rule. */
	if (is_index(&ask) && broadcast_has_video(view->broadcast) &&
	    broadcast_has_audio(view->broadcast))
		tell_home(view, &(struct hls_wish){ .rendition = RENDITION_AUDIO, .ts = wish.ts });
	count_player(exchange, &ask);
	if (!answer(view, request, &ask))
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
