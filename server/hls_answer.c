#include "server/hls_answer.h"

#include "media/output/hls_window.h"
#include "server/core/buf.h"
#include "server/core/bytes.h"
#include "server/hls.h"
#include "server/hls_ask.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/worker.h"

#include <stdio.h>
#include <string.h>

enum { MULTIVARIANT_MAX = 16 * 1024 };

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
	const struct hls_image *image = hls_view_image(&view->hls, ask->name.rendition);
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
	const struct hls_image *image = hls_view_image(hls, RENDITION_AUDIO);
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
	const struct hls_image *source = hls_view_image(&view->hls, HLS_SOURCE);
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
		const struct hls_image *image = hls_view_image(&view->hls, name);
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

bool hls_answer(struct room_view *view, struct http_request *request, const struct hls_ask *ask)
{
	static bool (*const answers[])(struct room_view * view, const struct hls_image *image,
				       struct http_request *request, const struct hls_ask *ask) = {
		[HLS_PLAYLIST] = answer_playlist,       [HLS_MAP] = answer_map,
		[HLS_SEGMENT] = answer_segment,         [HLS_PART] = answer_part,
		[HLS_TS_PLAYLIST] = answer_ts_playlist, [HLS_TS_SEGMENT] = answer_segment,
	};
	struct hls_view *hls = &view->hls;
	if (hls_ask_is_index(ask))
		return answer_index(view, request, ask);
	const struct hls_image *image = hls_view_image(hls, ask->name.rendition);
	return image && answers[ask->name.kind](view, image, request, ask);
}
