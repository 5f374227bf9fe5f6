#include "media/ingest/rtmp_command.h"

#include "media/ingest/amf0.h"
#include "media/ingest/rtmp_chunk.h"

enum { BANDWIDTH_DYNAMIC = 2, /* §5.4.5 */ COMMAND_MAX = 4096 };

static void send_body(struct bytes *out, unsigned chunk_stream, uint8_t type, uint32_t stream_id,
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

void rtmp_command_begin(struct bytes *body, const char *name, double transaction)
{
	bytes_init(body, COMMAND_MAX);
	amf0_put_text(body, name);
	amf0_put_number(body, transaction);
}

void rtmp_command_send(struct bytes *out, unsigned chunk_stream, uint32_t stream_id,
		       struct bytes *body)
{
	send_body(out, chunk_stream, RTMP_COMMAND_AMF0, stream_id, body);
}

void rtmp_control_send(struct bytes *out, uint8_t type, uint32_t value)
{
	struct bytes body;
	bytes_init(&body, 8);
	bytes_be32(&body, value);
	if (type == RTMP_SET_PEER_BANDWIDTH)
		bytes_u8(&body, BANDWIDTH_DYNAMIC);
	send_body(out, RTMP_CS_CONTROL, type, 0, &body);
}

void rtmp_event_send(struct bytes *out, enum rtmp_event event, uint32_t value)
{
	struct bytes body;
	bytes_init(&body, 8);
	bytes_be16(&body, (uint16_t)event);
	bytes_be32(&body, value);
	send_body(out, RTMP_CS_CONTROL, RTMP_USER_CONTROL, 0, &body);
}
