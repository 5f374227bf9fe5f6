#include "media/output/rtmp_push.h"

#include "media/ingest/amf0.h"
#include "media/ingest/rtmp_chunk.h"
#include "media/ingest/rtmp_command.h"
#include "media/ingest/rtmp_handshake.h"
#include "media/output/flv_muxer.h"
#include "server/core/alloc.h"
#include "server/core/bits.h"
#include "server/core/bytes.h"

#include <errno.h>
#include <stdlib.h>

enum {
	OUTPUT_MAX = 64 * 1024,
	FLV_TAG_TRAILER = 4, /* Adobe FLV 10.1 §E.3: behind each tag stands its size */
	STREAM_NONE = 0,
	CS_AUDIO = 4,
	CS_VIDEO = 6,
};

/* Transactions: the peer's answers are told apart by them. */
enum { ASK_CONNECT = 1, ASK_RELEASE = 2, ASK_FC_PUBLISH = 3, ASK_STREAM = 4, ASK_PUBLISH = 5 };

enum state { SHAKING, CONNECTING, CREATING, ASKING, PUBLISHING, ENDED };

struct rtmp_push {
	struct rtmp_push_target target;
	const struct rtmp_push_ops *ops;
	void *arg;
	enum state state;
	struct bytes early; /* input that the handshake has not taken */
	struct rtmp_chunk_reader reader;
	struct bytes out;
	uint32_t stream_id;
	uint32_t window; /* bytes between two acknowledgements */
	uint64_t received, acknowledged;
	bool timed; /* first_ms is set */
	uint32_t first_ms; /* of the first picture or sound */
};

static void flush(struct rtmp_push *push)
{
	if (push->out.len)
		push->ops->output(push->arg, push->out.data, push->out.len);
	bytes_clear(&push->out);
}

static void refuse(struct rtmp_push *push, const struct amf0_text *code)
{
	char text[RTMP_PUSH_CODE_MAX + 1];
	size_t len = 0;
	if (push->state == ENDED)
		return;
	push->state = ENDED;
	for (; code && len < code->len && len < RTMP_PUSH_CODE_MAX; len++)
		text[len] = code->data[len] > ' ' && code->data[len] < 0x7f ? code->data[len] : '?';
	text[len] = '\0';
	push->ops->refused(push->arg, text);
}

static void ask_connect(struct rtmp_push *push)
{
	struct bytes body;
	rtmp_control_send(&push->out, RTMP_SET_CHUNK_SIZE, RTMP_OUR_CHUNK_SIZE);
	rtmp_command_begin(&body, "connect", ASK_CONNECT);
	amf0_put_object(&body);
	amf0_put_pair(&body, "app", push->target.app);
	amf0_put_pair(&body, "type", "nonprivate");
	amf0_put_pair(&body, "flashVer", "FMLE/3.0 (compatible; souk)");
	amf0_put_pair(&body, "tcUrl", push->target.tc_url);
	amf0_put_end(&body);
	rtmp_command_send(&push->out, RTMP_CS_COMMAND, STREAM_NONE, &body);
	push->state = CONNECTING;
}

static void say(struct rtmp_push *push, const char *name, double transaction)
{
	struct bytes body;
	rtmp_command_begin(&body, name, transaction);
	amf0_put_null(&body);
	amf0_put_text(&body, push->target.key);
	rtmp_command_send(&push->out, RTMP_CS_COMMAND, STREAM_NONE, &body);
}

/* releaseStream and FCPublish are in no text, but some servers wait for them. */
static void ask_stream(struct rtmp_push *push)
{
	struct bytes body;
	say(push, "releaseStream", ASK_RELEASE);
	say(push, "FCPublish", ASK_FC_PUBLISH);
	rtmp_command_begin(&body, "createStream", ASK_STREAM);
	amf0_put_null(&body);
	rtmp_command_send(&push->out, RTMP_CS_COMMAND, STREAM_NONE, &body);
	push->state = CREATING;
}

static void ask_publish(struct rtmp_push *push)
{
	struct bytes body;
	rtmp_command_begin(&body, "publish", ASK_PUBLISH);
	amf0_put_null(&body);
	amf0_put_text(&body, push->target.key);
	amf0_put_text(&body, "live");
	rtmp_command_send(&push->out, RTMP_CS_MEDIA, push->stream_id, &body);
	push->state = ASKING;
}

/* The code in an information object, and whether its level is "error". */
static bool read_info(struct bits *bits, struct amf0_text *code)
{
	struct amf0_text key;
	bool error = false;
	*code = (struct amf0_text){ 0 };
	if (amf0_skip(bits) || amf0_enter(bits)) /* before it stands the command object */
		return false;
	while (amf0_key(bits, &key) == 1) {
		struct amf0_text value = { 0 };
		struct bits ahead = *bits;
		if (!amf0_string(&ahead, &value) && amf0_text_is(&key, "code"))
			*code = value;
		else if (amf0_text_is(&key, "level"))
			error = amf0_text_is(&value, "error");
		if (amf0_skip(bits))
			break;
	}
	return error;
}

static void on_result(struct rtmp_push *push, double transaction, struct bits *bits)
{
	double id = 0;
	if (push->state == CONNECTING && transaction == ASK_CONNECT) {
		ask_stream(push);
	} else if (push->state == CREATING && transaction == ASK_STREAM) {
		/* Written so that it is false for a NaN. */
		const bool fits =
			!amf0_skip(bits) && !amf0_number(bits, &id) && id >= 1 && id <= UINT32_MAX;
		if (!fits) {
			refuse(push, NULL);
			return;
		}
		push->stream_id = (uint32_t)id;
		ask_publish(push);
	}
}

static void on_error(struct rtmp_push *push, double transaction, struct bits *bits)
{
	struct amf0_text code;
	(void)read_info(bits, &code);
	/* That there is nothing to release is no reason to go. */
	if (transaction != ASK_RELEASE && transaction != ASK_FC_PUBLISH)
		refuse(push, &code);
}

static void on_status(struct rtmp_push *push, struct bits *bits)
{
	struct amf0_text code;
	const bool error = read_info(bits, &code);
	if (error) {
		refuse(push, &code);
	} else if (push->state == ASKING && amf0_text_is(&code, "NetStream.Publish.Start")) {
		push->state = PUBLISHING;
		flush(push);
		push->ops->ready(push->arg);
	}
}

static int on_command(struct rtmp_push *push, const struct rtmp_message *message)
{
	struct bits bits;
	struct amf0_text name;
	double transaction;
	bits_init(&bits, message->data, message->len);
	if (message->type == RTMP_COMMAND_AMF3)
		bits_skip(&bits, 1);
	if (amf0_string(&bits, &name))
		return -EPROTO;
	if (amf0_number(&bits, &transaction))
		return 0; /* nothing that we know */
	if (amf0_text_is(&name, "_result"))
		on_result(push, transaction, &bits);
	else if (amf0_text_is(&name, "_error"))
		on_error(push, transaction, &bits);
	else if (amf0_text_is(&name, "onStatus"))
		on_status(push, &bits);
	return 0;
}

static int on_message(void *arg, const struct rtmp_message *message)
{
	struct rtmp_push *push = arg;
	struct bits bits;
	int err = 0;
	bits_init(&bits, message->data, message->len);
	if (message->type == RTMP_COMMAND_AMF0 || message->type == RTMP_COMMAND_AMF3) {
		err = on_command(push, message);
	} else if (message->type == RTMP_WINDOW_ACK_SIZE) {
		const uint32_t window = bits_be32(&bits);
		if (bits_ok(&bits) && window)
			push->window = window;
	} else if (message->type == RTMP_USER_CONTROL) {
		const uint16_t event = bits_be16(&bits);
		const uint32_t value = bits_be32(&bits);
		if (bits_ok(&bits) && event == RTMP_EVENT_PING_REQUEST)
			rtmp_event_send(&push->out, RTMP_EVENT_PING_RESPONSE, value);
	}
	return push->state == ENDED ? -ESHUTDOWN : err;
}

static int shake(struct rtmp_push *push, const void *data, size_t len)
{
	bytes_put(&push->early, data, len);
	if (!bytes_ok(&push->early))
		return -ENOBUFS;
	const int done = rtmp_handshake_answer(&push->early, &push->out);
	if (done <= 0)
		return done;
	ask_connect(push);
	const int err = rtmp_chunk_feed(&push->reader, push->early.data, push->early.len);
	bytes_finish(&push->early);
	return err;
}

void rtmp_push_feed(struct rtmp_push *push, const void *data, size_t len)
{
	if (push->state == ENDED)
		return;
	push->received += len;
	const int err = push->state == SHAKING ? shake(push, data, len)
					       : rtmp_chunk_feed(&push->reader, data, len);
	if (push->received - push->acknowledged >= push->window) {
		push->acknowledged = push->received;
		rtmp_control_send(&push->out, RTMP_ACKNOWLEDGEMENT, (uint32_t)push->received);
	}
	if (err || !bytes_ok(&push->out))
		refuse(push, NULL);
	else
		flush(push);
}

int rtmp_push_create(struct rtmp_push **out, const struct rtmp_push_target *target,
		     const struct rtmp_push_ops *ops, void *arg)
{
	struct rtmp_push *push = xcalloc(1, sizeof(*push));
	push->target = *target;
	push->ops = ops;
	push->arg = arg;
	push->window = RTMP_OUR_WINDOW;
	bytes_init(&push->early, RTMP_PUSH_MEMORY_MAX);
	bytes_init(&push->out, OUTPUT_MAX);
	rtmp_chunk_reader_init(&push->reader, on_message, push);
	push->reader.memory_max = RTMP_PUSH_MEMORY_MAX;
	*out = push;
	return 0;
}

void rtmp_push_begin(struct rtmp_push *push)
{
	rtmp_handshake_hello(&push->out);
	flush(push);
}

/* From the first picture or sound on; what is decoded before it stays at 0. */
static uint32_t time_of(struct rtmp_push *push, uint8_t type, uint32_t at_ms)
{
	if (type == FLV_TAG_SCRIPT)
		return 0;
	if (!push->timed)
		push->first_ms = at_ms;
	push->timed = true;
	const uint32_t since_ms = at_ms - push->first_ms;
	return since_ms <= INT32_MAX ? since_ms : 0;
}

/* A server takes metadata to keep only as what a "@setDataFrame" sets. */
static void put_script(struct rtmp_message *message, struct bytes *out)
{
	struct bytes body;
	bytes_init(&body, message->len + 32);
	amf0_put_text(&body, "@setDataFrame");
	bytes_put(&body, message->data, message->len);
	message->data = body.data;
	message->len = body.len;
	rtmp_chunk_write(out, RTMP_CS_MEDIA, message, RTMP_OUR_CHUNK_SIZE);
	bytes_finish(&body);
}

static void put_tag(struct rtmp_push *push, const struct buf *tag, struct bytes *out)
{
	struct bits bits;
	bits_init(&bits, tag->data, tag->len);
	const uint8_t type = bits_u8(&bits);
	const uint32_t len = bits_be24(&bits);
	uint32_t at_ms = bits_be24(&bits);
	at_ms |= (uint32_t)bits_u8(&bits) << 24;
	bits_skip(&bits, 3);
	struct rtmp_message message = { .type = type, .stream_id = push->stream_id, .len = len };
	message.data = bits_bytes(&bits, len);
	if (!bits_ok(&bits) || bits_left(&bits) != FLV_TAG_TRAILER)
		return; /* the file's header */
	message.timestamp = time_of(push, type, at_ms);
	if (type == FLV_TAG_SCRIPT)
		put_script(&message, out);
	else
		rtmp_chunk_write(out, type == FLV_TAG_AUDIO ? CS_AUDIO : CS_VIDEO, &message,
				 RTMP_OUR_CHUNK_SIZE);
}

void rtmp_push_tags(struct rtmp_push *push, struct buf *const *tags, size_t count,
		    struct bytes *out)
{
	for (size_t i = 0; i < count; i++)
		put_tag(push, tags[i], out);
}

void rtmp_push_goodbye(struct rtmp_push *push)
{
	struct bytes body;
	if (push->state != PUBLISHING)
		return;
	push->state = ENDED;
	say(push, "FCUnpublish", 0);
	rtmp_command_begin(&body, "deleteStream", 0);
	amf0_put_null(&body);
	amf0_put_number(&body, push->stream_id);
	rtmp_command_send(&push->out, RTMP_CS_COMMAND, STREAM_NONE, &body);
	flush(push);
}

void rtmp_push_destroy(struct rtmp_push *push)
{
	if (!push)
		return;
	rtmp_chunk_reader_finish(&push->reader);
	bytes_finish(&push->early);
	bytes_finish(&push->out);
	free(push);
}
