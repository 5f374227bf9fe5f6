/*
 * WHEP's extension for the choice of a layer (webrtc-http-egress-events §5): which one a viewer is
 * shown. There is one, the source; what asks for it or constrains nothing is granted.
 */
#include "media/broadcast.h"
#include "server/api.h"
#include "server/core/json.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/rtc_request.h"
#include "server/whep_events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE_MAX = 65535 };

struct wish {
	const char *media_id, *rid;
	int64_t spatial, temporal, max_width, max_height; /* the first two -1: any */
};

static void read_wish(struct wish *wish, struct json_reader *reader)
{
	wish->media_id = json_string_or(reader, "mediaId", SDP_TOKEN_MAX, NULL);
	wish->rid = json_string_or(reader, "rid", SDP_TOKEN_MAX, NULL);
	wish->spatial = json_int_or(reader, "spatialLayerId", 0, SIDE_MAX, -1);
	wish->temporal = json_int_or(reader, "temporalLayerId", 0, SIDE_MAX, -1);
	/* There is only layer 0 of each, which no maximum excludes. */
	(void)json_int_or(reader, "maxSpatialLayerId", 0, SIDE_MAX, SIDE_MAX);
	(void)json_int_or(reader, "maxTemporalLayerId", 0, SIDE_MAX, SIDE_MAX);
	wish->max_width = json_int_or(reader, "maxWidth", 0, SIDE_MAX, SIDE_MAX);
	wish->max_height = json_int_or(reader, "maxHeight", 0, SIDE_MAX, SIDE_MAX);
}

/* The member that the source does not satisfy, or NULL. */
static const char *unfulfilled(const struct wish *wish, const struct rtc_session *session)
{
	char line[12];
	snprintf(line, sizeof(line), "%u", session->video_line);
	if (wish->media_id && strcmp(wish->media_id, line) != 0)
		return "mediaId";
	if (wish->rid && strcmp(wish->rid, WHEP_LAYER) != 0)
		return "rid";
	if (wish->spatial > 0)
		return "spatialLayerId";
	if (wish->temporal > 0)
		return "temporalLayerId";
	struct media_config *video = broadcast_video_config(session->view->broadcast);
	const char *member = NULL;
	if (video && video->width > wish->max_width)
		member = "maxWidth";
	else if (video && video->height > wish->max_height)
		member = "maxHeight";
	media_config_unref(video);
	return member;
}

static void judge(struct rtc_request *rtc, const struct rtc_session *session, const json_t *body)
{
	struct json_reader reader;
	struct wish wish;
	json_reader_init(&reader, body);
	read_wish(&wish, &reader);
	if (reader.bad) {
		snprintf(rtc->member, sizeof(rtc->member), "%s", reader.member);
		rtc_request_refuse(rtc, 400, "bad_request", 0);
		return;
	}
	const char *member =
		session->agreement.video.present ? unfulfilled(&wish, session) : "mediaId";
	if (member) {
		snprintf(rtc->member, sizeof(rtc->member), "%s", member);
		rtc_request_refuse(rtc, 404, "not_found", 0);
		return;
	}
	bytes_printf(&rtc->text, "{\"mediaId\":\"%u\",\"rid\":\"" WHEP_LAYER "\"}",
		     session->video_line);
	rtc->reply = (struct sdp_reply){ .status = 200 };
	sdp_reply_common(&rtc->reply);
	rtc->reply_type = "application/json";
	rtc_request_finish(rtc);
}

static void handle_layer(struct rtc_request *rtc)
{
	struct rtc_session *session = rtc_request_session(rtc);
	if (!session)
		return;
	if (!sdp_reply_check_json(&rtc->reply, rtc->content_type)) {
		rtc_request_finish(rtc);
		return;
	}
	json_t *body = json_parse(rtc->body.data, rtc->body.len);
	judge(rtc, session, body);
	json_decref(body);
}

void whep_layer_post(struct exchange *exchange)
{
	rtc_request_to_owner(exchange, handle_layer);
}
