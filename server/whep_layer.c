/*
 * WHEP's extension for the choice of a layer (webrtc-http-egress-events §5): which rendition of the
 * picture a viewer is shown. Without a constraint the server chooses, by what the path carries.
 */
#include "media/broadcast.h"
#include "media/rtp/rtp_path.h"
#include "media/rtp/rtp_sender.h"
#include "media/sink.h"
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

static bool is_bound(const struct wish *wish)
{
	return wish->rid || wish->max_width < SIDE_MAX || wish->max_height < SIDE_MAX;
}

/* The member that this rendition does not satisfy, or NULL. */
static const char *unfulfilled(const struct wish *wish, const struct rendition_table *table,
			       unsigned index)
{
	char name[RENDITION_NAME_MAX];
	const struct rendition_info *info = &table->at[index];
	rendition_name(table, index, name);
	if (wish->rid && strcmp(wish->rid, name) != 0)
		return "rid";
	if (info->width > wish->max_width)
		return "maxWidth";
	return info->height > wish->max_height ? "maxHeight" : NULL;
}

/* The largest that will do: its index; -1 and the member that none satisfies. */
static int find(const struct wish *wish, const struct rendition_table *table, uint8_t profile_max,
		const char **member)
{
	for (int i = (int)table->count - 1; i >= 0; i--) {
		if (!rendition_fits(&table->at[i], profile_max))
			continue;
		*member = unfulfilled(wish, table, (unsigned)i);
		if (!*member)
			return i;
	}
	return -1;
}

/* What has to do with the one m-line of the picture; its layers have no parts. */
static const char *misplaced(const struct wish *wish, const struct rtc_session *session)
{
	char line[12];
	snprintf(line, sizeof(line), "%u", session->video_line);
	if (!session->agreement.video.present ||
	    (wish->media_id && strcmp(wish->media_id, line) != 0))
		return "mediaId";
	if (wish->spatial > 0)
		return "spatialLayerId";
	return wish->temporal > 0 ? "temporalLayerId" : NULL;
}

/* The sound goes on alone. */
static bool grant_sound(const struct wish *wish, const struct rtc_session *session,
			char name[RENDITION_NAME_MAX])
{
	if (!wish->rid || strcmp(wish->rid, RENDITION_AUDIO) != 0 ||
	    !session->agreement.audio.present)
		return false;
	snprintf(name, RENDITION_NAME_MAX, "%s", RENDITION_AUDIO);
	rtp_sender_pin(session->sender, PATH_PINS_SOUND);
	return true;
}

/* Shows what is wished for: its name, and NULL; else the member that cannot be satisfied. */
static const char *grant(const struct wish *wish, const struct rtc_session *session,
			 char name[RENDITION_NAME_MAX])
{
	struct rendition_table table;
	const struct sink_picture *picture = &rtp_sender_sink(session->sender)->picture;
	const char *member = NULL;
	if (grant_sound(wish, session, name))
		return NULL;
	broadcast_renditions(session->view->broadcast, &table);
	int index = rendition_table_find(&table, picture->shown);
	if (is_bound(wish)) {
		member = "rid";
		index = find(wish, &table, picture->profile_max, &member);
		/* Before the first picture the source is all that there can be. */
		if (index < 0 && (table.count || (wish->rid && strcmp(wish->rid, "source") != 0)))
			return member;
	}
	if (index >= 0)
		rendition_name(&table, (unsigned)index, name);
	else
		snprintf(name, RENDITION_NAME_MAX, "source");
	rtp_sender_pin(session->sender,
		       is_bound(wish) && index >= 0 ? table.at[index].slot : PATH_PINS_NOTHING);
	return NULL;
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
	char name[RENDITION_NAME_MAX];
	const char *member = misplaced(&wish, session);
	if (!member)
		member = grant(&wish, session, name);
	if (member) {
		snprintf(rtc->member, sizeof(rtc->member), "%s", member);
		rtc_request_refuse(rtc, 404, "not_found", 0);
		return;
	}
	bytes_printf(&rtc->text, "{\"mediaId\":\"%u\",\"rid\":\"%s\"}", session->video_line, name);
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
