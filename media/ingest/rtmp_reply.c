#include "media/ingest/rtmp_reply.h"

#include "media/ingest/amf0.h"
#include "media/ingest/rtmp_chunk.h"
#include "media/ingest/rtmp_command.h"

/* E-RTMP v2, "Enhancing NetConnection connect Command" */
enum { CAN_DECODE = 1, CAN_FORWARD = 4, CAPS_RECONNECT = 1, CAPS_MODEX = 4 };

static void put_info(struct bytes *body, const char *level, const char *code,
		     const char *description)
{
	amf0_put_object(body);
	amf0_put_pair(body, "level", level);
	amf0_put_pair(body, "code", code);
	amf0_put_pair(body, "description", description);
}

static void put_number(struct bytes *body, const char *key, double value)
{
	amf0_put_key(body, key);
	amf0_put_number(body, value);
}

static void put_codecs(struct bytes *body, const char *map, const char *const *codecs, size_t count)
{
	amf0_put_key(body, map);
	amf0_put_object(body);
	for (size_t i = 0; i < count; i++)
		put_number(body, codecs[i], CAN_DECODE | CAN_FORWARD);
	amf0_put_end(body);
}

/* Of several tracks we take one, so that multitrack is not among them. */
static void put_capabilities(struct bytes *body)
{
	static const char *const codecs[] = { "avc1", "mp4a", "Opus" };
	amf0_put_key(body, "fourCcList");
	amf0_put_strict_array(body, 3);
	for (size_t i = 0; i < 3; i++)
		amf0_put_text(body, codecs[i]);
	put_codecs(body, "videoFourCcInfoMap", codecs, 1);
	put_codecs(body, "audioFourCcInfoMap", codecs + 1, 2);
	put_number(body, "capsEx", CAPS_RECONNECT | CAPS_MODEX);
}

void rtmp_reply_connected(struct bytes *out, double transaction, bool extended)
{
	rtmp_control_send(out, RTMP_WINDOW_ACK_SIZE, RTMP_OUR_WINDOW);
	rtmp_control_send(out, RTMP_SET_PEER_BANDWIDTH, RTMP_OUR_WINDOW);
	rtmp_control_send(out, RTMP_SET_CHUNK_SIZE, RTMP_OUR_CHUNK_SIZE);
	struct bytes body;
	rtmp_command_begin(&body, "_result", transaction);
	amf0_put_object(&body);
	amf0_put_pair(&body, "fmsVer",
		      "FMS/3,0,1,123"); /* encoders look for the form, not the name */
	put_number(&body, "capabilities", 31);
	if (extended)
		put_capabilities(&body);
	amf0_put_end(&body);
	put_info(&body, "status", "NetConnection.Connect.Success", "connected");
	put_number(&body, "objectEncoding", 0); /* AMF0, whatever the encoder can */
	amf0_put_end(&body);
	rtmp_command_send(out, RTMP_CS_COMMAND, 0, &body);
}

void rtmp_reply_rejected(struct bytes *out, double transaction)
{
	struct bytes body;
	rtmp_command_begin(&body, "_error", transaction);
	amf0_put_null(&body);
	put_info(&body, "error", "NetConnection.Connect.Rejected", "the token was not accepted");
	amf0_put_end(&body);
	rtmp_command_send(out, RTMP_CS_COMMAND, 0, &body);
}

void rtmp_reply_done(struct bytes *out, double transaction)
{
	struct bytes body;
	rtmp_command_begin(&body, "_result", transaction);
	amf0_put_null(&body);
	rtmp_command_send(out, RTMP_CS_COMMAND, 0, &body);
}

void rtmp_reply_stream_created(struct bytes *out, double transaction, uint32_t stream)
{
	struct bytes body;
	rtmp_command_begin(&body, "_result", transaction);
	amf0_put_null(&body);
	amf0_put_number(&body, stream);
	rtmp_command_send(out, RTMP_CS_COMMAND, 0, &body);
}

void rtmp_reply_status(struct bytes *out, uint32_t stream, enum rtmp_level level, const char *code,
		       const char *description)
{
	static const char *const levels[] = { "status", "warning", "error" };
	struct bytes body;
	rtmp_command_begin(&body, "onStatus", 0);
	amf0_put_null(&body);
	put_info(&body, levels[level], code, description);
	amf0_put_end(&body);
	rtmp_command_send(out, RTMP_CS_MEDIA, stream, &body);
}

void rtmp_reply_publish_started(struct bytes *out, uint32_t stream)
{
	rtmp_event_send(out, RTMP_EVENT_STREAM_BEGIN, stream);
	rtmp_reply_status(out, stream, RTMP_STATUS, "NetStream.Publish.Start", "publishing");
}

void rtmp_reply_reconnect(struct bytes *out, const char *tc_url)
{
	struct bytes body;
	rtmp_command_begin(&body, "onStatus", 0);
	amf0_put_null(&body);
	put_info(&body, "status", "NetConnection.Connect.ReconnectRequest", "draining");
	if (tc_url)
		amf0_put_pair(&body, "tcUrl", tc_url);
	amf0_put_end(&body);
	rtmp_command_send(out, RTMP_CS_COMMAND, 0, &body);
}

void rtmp_reply_acknowledgement(struct bytes *out, uint32_t received)
{
	rtmp_control_send(out, RTMP_ACKNOWLEDGEMENT, received);
}

void rtmp_reply_pong(struct bytes *out, uint32_t timestamp)
{
	rtmp_event_send(out, RTMP_EVENT_PING_RESPONSE, timestamp);
}
