#include "media/ingest/rtmp_session.h"

#include "media/frame.h"
#include "media/ingest/amf0.h"
#include "media/ingest/flv_ingest.h"
#include "media/ingest/rtmp_chunk.h"
#include "media/ingest/rtmp_command.h"
#include "media/ingest/rtmp_encoder.h"
#include "media/ingest/rtmp_handshake.h"
#include "media/ingest/rtmp_reply.h"
#include "server/core/alloc.h"
#include "server/core/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OUTPUT_MAX = 64 * 1024, /* our answers to what one read brought */
	WINDOW_MIN = 64 * 1024, /* a smaller one would make us answer every packet */
	FOURCC_FIRST = 256, /* smaller ones are FLV's own numbers */
};

enum state {
	SHAKING,
	SHAKEN, /* waits for connect */
	ASKED_CONNECT,
	CONNECTED,
	ASKED_PUBLISH,
	PUBLISHING,
	LEAVING, /* FCUnpublish came */
	ENDED,
};

/* A command that came. */
struct call {
	double transaction;
	uint32_t stream; /* of the message */
	struct bits values; /* those behind the transaction */
};

struct rtmp_session {
	struct loop *loop;
	const struct rtmp_session_ops *ops;
	void *arg;
	enum state state;
	bool feeding; /* within rtmp_session_feed() */
	struct rtmp_handshake handshake;
	struct bytes early; /* input that the handshake has not taken */
	struct rtmp_chunk_reader reader;
	struct flv_ingest ingest;
	struct bytes out;
	struct timer patience;
	int64_t heard_us; /* when the last bytes came */
	double transaction; /* of the connect that waits for its answer */
	struct rtmp_encoder encoder;
	uint32_t streams; /* made by createStream: 1 to this */
	uint32_t stream; /* the one that is published on */
	bool known; /* was let in once */
	bool unheard; /* the owner knows of sound that is not taken */
	uint32_t window; /* bytes between two acknowledgements */
	uint64_t acknowledged;
	struct rtmp_stats stats;
};

static void flush(struct rtmp_session *session)
{
	if (!session->out.len)
		return;
	session->ops->output(session->arg, session->out.data, session->out.len);
	bytes_clear(&session->out);
}

static void end(struct rtmp_session *session, enum rtmp_end why)
{
	if (session->state == ENDED)
		return;
	session->state = ENDED;
	timer_stop(&session->patience);
	flush(session);
	session->ops->end(session->arg, why);
}

static void on_ingest_frame(void *arg, struct frame *frame)
{
	struct rtmp_session *session = arg;
	*(codec_is_video(frame->codec) ? &session->stats.video_frames
				       : &session->stats.audio_frames) += 1;
	session->ops->frame(session->arg, frame);
}

/* The show is over, the connection is not: relays publish the next one on it. Its media begins
 * anew.
 */
static void unpublish(struct rtmp_session *session)
{
	session->state = CONNECTED;
	session->unheard = false;
	timer_start(&session->patience, RTMP_UNKNOWN_US);
	flv_ingest_finish(&session->ingest);
	flv_ingest_init(&session->ingest, on_ingest_frame, session);
	rtmp_reply_status(&session->out, session->stream, RTMP_STATUS,
			  "NetStream.Unpublish.Success", "bye");
	session->ops->unpublish(session->arg);
}

static void on_patience(void *arg)
{
	struct rtmp_session *session = arg;
	const int64_t quiet_us = loop_now_us(session->loop) - session->heard_us;
	if (session->state == LEAVING) {
		unpublish(session);
		flush(session);
	} else if (session->state == PUBLISHING && quiet_us < RTMP_IDLE_US) {
		timer_start(&session->patience, RTMP_IDLE_US - quiet_us);
	} else {
		end(session, RTMP_END_TIMEOUT);
	}
}

static bool asking(const struct rtmp_session *session)
{
	return session->state == ASKED_CONNECT || session->state == ASKED_PUBLISH;
}

/* Encoders that do not wait for the answer lose nothing: what they send next does. */
static void ask(struct rtmp_session *session, enum state question)
{
	session->state = question;
	rtmp_chunk_hold(&session->reader);
}

static int on_connect(struct rtmp_session *session, struct call *call)
{
	if (session->state != SHAKEN || rtmp_encoder_read_connect(&session->encoder, &call->values))
		return -EPROTO;
	ask(session, ASKED_CONNECT);
	session->transaction = call->transaction;
	if (session->ops->connect && session->encoder.place.token[0])
		session->ops->connect(session->arg, session->encoder.place.token);
	else
		rtmp_session_accept(session);
	return 0;
}

static int on_release_stream(struct rtmp_session *session, struct call *call)
{
	/* GStreamer sends transaction 0: no answer wanted. */
	if (call->transaction > 0)
		rtmp_reply_done(&session->out, call->transaction);
	return 0;
}

static int on_create_stream(struct rtmp_session *session, struct call *call)
{
	rtmp_reply_stream_created(&session->out, call->transaction, ++session->streams);
	return 0;
}

/* Not every encoder puts the right number everywhere: it counts where it made several streams. */
static bool is_published(const struct rtmp_session *session, uint32_t stream)
{
	return session->streams <= 1 || stream == session->stream;
}

static int on_publish(struct rtmp_session *session, struct call *call)
{
	struct amf0_text text;
	struct rtmp_name name = { 0 };
	if (amf0_skip(&call->values) || amf0_string(&call->values, &text)) /* the first is null */
		return -EPROTO;
	if (session->state == LEAVING)
		unpublish(session);
	if (session->state != CONNECTED) { /* the show that it has goes on */
		rtmp_reply_status(&session->out, call->stream, RTMP_ERROR,
				  "NetStream.Publish.BadName", "this connection publishes already");
		return 0;
	}
	session->stream = call->stream ? call->stream : 1;
	ask(session, ASKED_PUBLISH);
	const int err = rtmp_name_parse(&name, text.data, text.len);
	const struct rtmp_name *place = &session->encoder.place;
	const char *room = name.room[0] ? name.room : place->room;
	const char *token = name.token[0] ? name.token : place->token;
	if (err || !room[0])
		rtmp_session_refuse(session, RTMP_REFUSE_NO_NAME);
	else
		session->ops->publish(session->arg, room, token);
	return 0;
}

/* Viewers watch by other means; a player shall not wait for its own time-out. */
static int on_play(struct rtmp_session *session, struct call *call)
{
	rtmp_reply_status(&session->out, call->stream, RTMP_ERROR, "NetStream.Play.StreamNotFound",
			  "nothing is played over RTMP");
	if (session->state < PUBLISHING)
		end(session, RTMP_END_REFUSED);
	return 0;
}

/* FCUnpublish goes before deleteStream, or alone. */
static int on_leave(struct rtmp_session *session, struct call *call)
{
	(void)call;
	if (session->state == PUBLISHING) {
		session->state = LEAVING;
		timer_start(&session->patience, RTMP_LEAVE_US);
	}
	return 0;
}

static int on_close_stream(struct rtmp_session *session, struct call *call)
{
	const bool publishes = session->state == PUBLISHING || session->state == LEAVING;
	if (publishes && is_published(session, call->stream))
		unpublish(session);
	return 0;
}

/* As before, but the stream is named by a value: null, number. */
static int on_delete_stream(struct rtmp_session *session, struct call *call)
{
	double stream;
	call->stream = session->stream; /* some name none */
	if (!amf0_skip(&call->values) && !amf0_number(&call->values, &stream))
		call->stream = stream >= 0 && stream <= UINT32_MAX ? (uint32_t)stream : 0;
	return on_close_stream(session, call);
}

static int on_command(struct rtmp_session *session, const struct rtmp_message *message)
{
	static const struct {
		const char *name;
		int (*run)(struct rtmp_session *session, struct call *call);
	} commands[] = {
		{ "connect", on_connect },
		{ "releaseStream", on_release_stream },
		{ "FCPublish", on_release_stream },
		{ "createStream", on_create_stream },
		{ "publish", on_publish },
		{ "FCUnpublish", on_leave },
		{ "deleteStream", on_delete_stream },
		{ "closeStream", on_close_stream },
		{ "play", on_play },
	};
	struct call call = { .stream = message->stream_id };
	struct amf0_text name;
	bits_init(&call.values, message->data, message->len);
	if (message->type == RTMP_COMMAND_AMF3)
		bits_skip(&call.values, 1); /* the values are AMF0 all the same */
	if (amf0_string(&call.values, &name))
		return -EPROTO;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!amf0_text_is(&name, commands[i].name))
			continue;
		const bool first = commands[i].run == on_connect;
		if (amf0_number(&call.values, &call.transaction) ||
		    (!first && session->state < CONNECTED))
			return -EPROTO;
		return commands[i].run(session, &call);
	}
	return 0; /* getStreamLength, _checkbw and the like need no answer */
}

/* A picture that no viewer could see: better said than shown to nobody. */
static void refuse_video(struct rtmp_session *session)
{
	const uint32_t codec = session->ingest.refused_video;
	char name[16] = "", text[96];
	if (codec < FOURCC_FIRST)
		snprintf(name, sizeof(name), "number %u", (unsigned)codec);
	for (unsigned i = 0; i < 4 && codec >= FOURCC_FIRST; i++) {
		const uint8_t letter = (uint8_t)(codec >> (24 - 8 * i));
		name[i] = letter > ' ' && letter < 0x7f ? (char)letter : '?';
		name[i + 1] = '\0';
	}
	snprintf(text, sizeof(text), "video codec %s is not taken here, send H.264 (avc1)", name);
	rtmp_reply_status(&session->out, session->stream, RTMP_ERROR, "NetStream.Publish.Rejected",
			  text);
	end(session, RTMP_END_CODEC);
}

static void tell_config(struct rtmp_session *session, struct media_config *config,
			const struct media_config *before)
{
	if (config && config != before && session->ops->config)
		session->ops->config(session->arg, config);
}

static void take_audio(struct rtmp_session *session, uint32_t timestamp, const struct bits *body)
{
	const int err = flv_ingest_audio(&session->ingest, timestamp, body->at, bits_left(body));
	if (err != -ENOTSUP || session->unheard)
		return;
	session->unheard = true;
	if (session->ops->unheard)
		session->ops->unheard(session->arg);
}

static void on_media(struct rtmp_session *session, uint8_t type, uint32_t timestamp,
		     const struct bits *body)
{
	if (session->state != PUBLISHING) /* within an aggregate the state may change */
		return;
	const struct media_config *video = session->ingest.video, *audio = session->ingest.audio;
	if (type == RTMP_AUDIO)
		take_audio(session, timestamp, body);
	else if (type == RTMP_VIDEO && flv_ingest_video(&session->ingest, timestamp, body->at,
							bits_left(body)) == -ENOTSUP)
		refuse_video(session);
	tell_config(session, session->ingest.video, video);
	tell_config(session, session->ingest.audio, audio);
}

/* §7.1.6: FLV tags in one message; their times are shifted to the message's. */
static int on_aggregate(struct rtmp_session *session, const struct rtmp_message *message)
{
	struct bits bits;
	uint32_t shift = 0;
	bool first = true;
	bits_init(&bits, message->data, message->len);
	while (bits_left(&bits)) {
		const uint8_t type = bits_u8(&bits);
		const uint32_t len = bits_be24(&bits);
		uint32_t timestamp = bits_be24(&bits);
		timestamp |= (uint32_t)bits_u8(&bits) << 24;
		bits_skip(&bits, 3);
		const struct bits body = bits_sub(&bits, len);
		bits_skip(&bits, 4);
		if (!bits_ok(&bits))
			return -EPROTO;
		if (first)
			shift = message->timestamp - timestamp;
		first = false;
		on_media(session, type, timestamp + shift, &body);
	}
	return 0;
}

static void on_control(struct rtmp_session *session, const struct rtmp_message *message)
{
	struct bits bits;
	bits_init(&bits, message->data, message->len);
	if (message->type == RTMP_WINDOW_ACK_SIZE) {
		const uint32_t window = bits_be32(&bits);
		if (bits_ok(&bits))
			session->window = window < WINDOW_MIN ? WINDOW_MIN : window;
	} else if (message->type == RTMP_USER_CONTROL) {
		const uint16_t event = bits_be16(&bits);
		const uint32_t timestamp = bits_be32(&bits);
		if (bits_ok(&bits) && event == RTMP_EVENT_PING_REQUEST)
			rtmp_reply_pong(&session->out, timestamp);
	}
}

static int on_message(void *arg, const struct rtmp_message *message)
{
	struct rtmp_session *session = arg;
	int err = 0;
	struct bits body;
	session->stats.messages_in++;
	switch (message->type) {
	case RTMP_COMMAND_AMF0:
	case RTMP_COMMAND_AMF3:
		err = on_command(session, message);
		break;
	case RTMP_DATA_AMF0:
		bits_init(&body, message->data, message->len);
		rtmp_encoder_read_data(&session->encoder, &body);
		break;
	case RTMP_AUDIO:
	case RTMP_VIDEO:
		bits_init(&body, message->data, message->len);
		if (is_published(session, message->stream_id))
			on_media(session, message->type, message->timestamp, &body);
		break;
	case RTMP_AGGREGATE:
		if (is_published(session, message->stream_id))
			err = on_aggregate(session, message);
		break;
	default:
		on_control(session, message);
	}
	if (session->state == ENDED)
		return -ESHUTDOWN;
	return err;
}

static void acknowledge(struct rtmp_session *session)
{
	if (session->state <= SHAKING || session->state == ENDED ||
	    session->stats.bytes_in - session->acknowledged < session->window)
		return;
	session->acknowledged = session->stats.bytes_in;
	rtmp_reply_acknowledgement(&session->out, (uint32_t)session->stats.bytes_in);
}

static int shake(struct rtmp_session *session, const void *data, size_t len)
{
	bytes_put(&session->early, data, len);
	if (!bytes_ok(&session->early))
		return -ENOBUFS;
	const int err = rtmp_handshake_feed(&session->handshake, &session->early, &session->out);
	if (err || session->handshake.state != RTMP_HANDSHAKE_DONE)
		return err;
	session->state = SHAKEN;
	const int answer =
		rtmp_chunk_feed(&session->reader, session->early.data, session->early.len);
	bytes_finish(&session->early);
	return answer;
}

static void finish_feeding(struct rtmp_session *session, int err)
{
	if (err || !bytes_ok(&session->out))
		end(session, RTMP_END_PROTOCOL);
	else
		flush(session);
}

void rtmp_session_feed(struct rtmp_session *session, const void *data, size_t len)
{
	if (session->state == ENDED)
		return;
	session->heard_us = loop_now_us(session->loop);
	session->stats.bytes_in += len;
	session->feeding = true;
	int err;
	if (!session->known && session->stats.bytes_in > RTMP_UNKNOWN_BYTES_MAX)
		err = -ENOBUFS;
	else if (session->state == SHAKING)
		err = shake(session, data, len);
	else
		err = rtmp_chunk_feed(&session->reader, data, len);
	session->feeding = false;
	acknowledge(session);
	finish_feeding(session, err);
}

int rtmp_session_create(struct rtmp_session **out, struct loop *loop,
			const struct rtmp_session_ops *ops, void *arg)
{
	struct rtmp_session *session = xcalloc(1, sizeof(*session));
	session->loop = loop;
	session->ops = ops;
	session->arg = arg;
	session->window = RTMP_OUR_WINDOW;
	session->heard_us = loop_now_us(loop);
	rtmp_handshake_init(&session->handshake);
	bytes_init(&session->early, RTMP_UNKNOWN_BYTES_MAX);
	bytes_init(&session->out, OUTPUT_MAX);
	rtmp_chunk_reader_init(&session->reader, on_message, session);
	session->reader.memory_max = RTMP_UNKNOWN_BYTES_MAX;
	flv_ingest_init(&session->ingest, on_ingest_frame, session);
	timer_init(&session->patience, loop, on_patience, session);
	timer_start(&session->patience, RTMP_UNKNOWN_US);
	*out = session;
	return 0;
}

/* What came behind the question. */
static void read_on(struct rtmp_session *session)
{
	if (session->feeding) { /* the answer came at once: the reader goes on by itself */
		session->reader.held = false;
		return;
	}
	session->feeding = true;
	const int err = rtmp_chunk_resume(&session->reader);
	session->feeding = false;
	finish_feeding(session, err);
}

void rtmp_session_accept(struct rtmp_session *session)
{
	if (!asking(session))
		return;
	if (session->state == ASKED_CONNECT) {
		session->state = CONNECTED;
		rtmp_reply_connected(&session->out, session->transaction,
				     session->encoder.extended);
	} else {
		session->state = PUBLISHING;
		session->known = true;
		session->reader.memory_max = RTMP_MEMORY_MAX;
		rtmp_reply_publish_started(&session->out, session->stream);
		timer_start(&session->patience, RTMP_IDLE_US);
	}
	flush(session);
	read_on(session);
}

void rtmp_session_refuse(struct rtmp_session *session, enum rtmp_refuse why)
{
	static const char *const descriptions[] = {
		[RTMP_REFUSE_DENIED] = "the token is missing, expired or not good for this room",
		[RTMP_REFUSE_NO_ROOM] = "there is no such room",
		[RTMP_REFUSE_NO_NAME] = "the stream key is not of the form ROOM?token=TOKEN",
		[RTMP_REFUSE_OVERLOADED] = "the server has too much to do or is ending",
		[RTMP_REFUSE_BAD_NAME] = "the room is taken",
	};
	if (!asking(session))
		return;
	if (session->state == ASKED_CONNECT)
		rtmp_reply_rejected(&session->out, session->transaction);
	else
		rtmp_reply_status(&session->out, session->stream, RTMP_ERROR,
				  why == RTMP_REFUSE_BAD_NAME ? "NetStream.Publish.BadName"
							      : "NetStream.Publish.Denied",
				  descriptions[why]);
	end(session, RTMP_END_REFUSED);
}

bool rtmp_session_publishing(const struct rtmp_session *session)
{
	return session->state == PUBLISHING;
}

bool rtmp_session_leaving(const struct rtmp_session *session)
{
	return session->state == LEAVING;
}

void rtmp_session_stop(struct rtmp_session *session)
{
	if (session->state == PUBLISHING)
		rtmp_reply_status(&session->out, session->stream, RTMP_ERROR,
				  "NetStream.Publish.Denied",
				  "the show has ended or was taken over");
	end(session, RTMP_END_REFUSED);
}

void rtmp_session_warn(struct rtmp_session *session, const char *description)
{
	if (session->state != PUBLISHING)
		return;
	rtmp_reply_status(&session->out, session->stream, RTMP_WARNING, "NetStream.Publish.Warning",
			  description);
	if (!session->feeding)
		flush(session);
}

bool rtmp_session_ask_reconnect(struct rtmp_session *session, const char *tc_url)
{
	if (!session->encoder.reconnects || session->state != PUBLISHING)
		return false;
	rtmp_reply_reconnect(&session->out, tc_url);
	flush(session);
	return true;
}

void rtmp_session_stats(const struct rtmp_session *session, struct rtmp_stats *out)
{
	*out = session->stats;
	out->skipped = session->ingest.skipped;
	out->encoder = session->encoder.name;
}

void rtmp_session_destroy(struct rtmp_session *session)
{
	if (!session)
		return;
	timer_stop(&session->patience);
	flv_ingest_finish(&session->ingest);
	rtmp_chunk_reader_finish(&session->reader);
	bytes_finish(&session->early);
	bytes_finish(&session->out);
	free(session);
}
