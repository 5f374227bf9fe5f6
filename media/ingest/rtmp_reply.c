#include "media/ingest/rtmp_reply.h"

#include "media/ingest/amf0.h"
#include "media/ingest/rtmp_chunk.h"

enum {
	CS_CONTROL = 2, /* §5.4 */
	CS_COMMAND = 3,
	CS_MEDIA = 5,
	/* §7.1.7 */
	EVENT_STREAM_BEGIN = 0,
	EVENT_PING_RESPONSE = 7,
	BANDWIDTH_DYNAMIC = 2, /* §5.4.5 */
	COMMAND_MAX = 4096,
};

static void send_message(struct bytes *out, unsigned chunk_stream, uint8_t type, uint32_t stream_id,
			 struct bytes *body)
{
	const struct rtmp_message message = {
		.type = type,
		.stream_id = stream_id,
		.data = body->data,
		.len = body->len,
	};
	rtmp_chunk_write(out, chunk_stream, &message, RTMP_OUR_CHUNK_SIZE);
	bytes_finish(body);
}

static void send_control(struct bytes *out, uint8_t type, uint32_t value)
{
	struct bytes body;
	bytes_init(&body, 8);
	bytes_be32(&body, value);
	if (type == RTMP_SET_PEER_BANDWIDTH)
		bytes_u8(&body, BANDWIDTH_DYNAMIC);
	send_message(out, CS_CONTROL, type, 0, &body);
}

static void send_event(struct bytes *out, uint16_t event, uint32_t value)
{
	struct bytes body;
	bytes_init(&body, 8);
	bytes_be16(&body, event);
	bytes_be32(&body, value);
	send_message(out, CS_CONTROL, RTMP_USER_CONTROL, 0, &body);
}

static void begin_command(struct bytes *body, const char *name, double transaction)
{
	bytes_init(body, COMMAND_MAX);
	amf0_put_text(body, name);
	amf0_put_number(body, transaction);
}

static void put_info(struct bytes *body, const char *level, const char *code,
		     const char *description)
{
	amf0_put_object(body);
	amf0_put_pair(body, "level", level);
	amf0_put_pair(body, "code", code);
	amf0_put_pair(body, "description", description);
}

void rtmp_reply_connected(struct bytes *out, double transaction)
{
	send_control(out, RTMP_WINDOW_ACK_SIZE, RTMP_OUR_WINDOW);
	send_control(out, RTMP_SET_PEER_BANDWIDTH, RTMP_OUR_WINDOW);
	send_control(out, RTMP_SET_CHUNK_SIZE, RTMP_OUR_CHUNK_SIZE);
	struct bytes body;
	begin_command(&body, "_result", transaction);
	amf0_put_object(&body);
	amf0_put_pair(&body, "fmsVer",
		      "FMS/3,0,1,123"); /* encoders look for the form, not the name */
	amf0_put_key(&body, "capabilities");
	amf0_put_number(&body, 31);
	amf0_put_end(&body);
	put_info(&body, "status", "NetConnection.Connect.Success", "connected");
	amf0_put_key(&body, "objectEncoding");
	amf0_put_number(&body, 0);
	amf0_put_end(&body);
	send_message(out, CS_COMMAND, RTMP_COMMAND_AMF0, 0, &body);
}

void rtmp_reply_rejected(struct bytes *out, double transaction)
{
	struct bytes body;
	begin_command(&body, "_error", transaction);
	amf0_put_null(&body);
	put_info(&body, "error", "NetConnection.Connect.Rejected", "the token was not accepted");
	amf0_put_end(&body);
	send_message(out, CS_COMMAND, RTMP_COMMAND_AMF0, 0, &body);
}

void rtmp_reply_done(struct bytes *out, double transaction)
{
	struct bytes body;
	begin_command(&body, "_result", transaction);
	amf0_put_null(&body);
	send_message(out, CS_COMMAND, RTMP_COMMAND_AMF0, 0, &body);
}

void rtmp_reply_stream_created(struct bytes *out, double transaction)
{
	struct bytes body;
	begin_command(&body, "_result", transaction);
	amf0_put_null(&body);
	amf0_put_number(&body, RTMP_MEDIA_STREAM);
	send_message(out, CS_COMMAND, RTMP_COMMAND_AMF0, 0, &body);
}

void rtmp_reply_status(struct bytes *out, bool error, const char *code, const char *description)
{
	struct bytes body;
	begin_command(&body, "onStatus", 0);
	amf0_put_null(&body);
	put_info(&body, error ? "error" : "status", code, description);
	amf0_put_end(&body);
	send_message(out, CS_MEDIA, RTMP_COMMAND_AMF0, RTMP_MEDIA_STREAM, &body);
}

void rtmp_reply_publish_started(struct bytes *out)
{
	send_event(out, EVENT_STREAM_BEGIN, RTMP_MEDIA_STREAM);
	rtmp_reply_status(out, false, "NetStream.Publish.Start", "publishing");
}

void rtmp_reply_reconnect(struct bytes *out, const char *tc_url)
{
	struct bytes body;
	begin_command(&body, "onStatus", 0);
	amf0_put_null(&body);
	put_info(&body, "status", "NetConnection.Connect.ReconnectRequest", "draining");
	if (tc_url)
		amf0_put_pair(&body, "tcUrl", tc_url);
	amf0_put_end(&body);
	send_message(out, CS_COMMAND, RTMP_COMMAND_AMF0, 0, &body);
}

void rtmp_reply_acknowledgement(struct bytes *out, uint32_t received)
{
	send_control(out, RTMP_ACKNOWLEDGEMENT, received);
}

void rtmp_reply_pong(struct bytes *out, uint32_t timestamp)
{
	send_event(out, EVENT_PING_RESPONSE, timestamp);
}
