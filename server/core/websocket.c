#include "server/core/websocket.h"

#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/bytes.h"
#include "server/core/crypto.h"
#include "server/core/http_server.h"
#include "server/core/http_status.h"
#include "server/core/loop.h"
#include "server/core/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

enum {
	PING_US = WEBSOCKET_PING_S * 1000 * 1000,
	PINGS_UNANSWERED_MAX = 2,
	KEY_SIZE = 16, /* RFC 6455 §4.1 */
	FRAME_HEAD_MAX = 10,
	REASON_MAX = 123, /* §5.5: 125 with the code */
	FIN = 0x80,
};

struct websocket {
	struct loop *loop;
	struct stream *stream; /* NULL once it is gone */
	wslay_event_context_ptr wslay; /* reads frames and makes pong and close */
	const struct websocket_ops *ops;
	void *arg;
	const uint8_t *input; /* what wslay may take now */
	size_t input_len;
	struct bytes early; /* came with the handshake */
	struct deferred early_turn;
	struct timer ping;
	unsigned unanswered;
	unsigned fragments; /* of the message being received */
	unsigned frames, controls; /* since our last ping; the latter among the former */
	unsigned busy; /* callbacks on the stack */
	int code; /* the first close code; 0 while open */
	bool told;
	bool destroyed;
};

static void websocket_free(struct websocket *ws)
{
	wslay_event_context_free(ws->wslay);
	bytes_finish(&ws->early);
	free(ws);
}

static bool leave(struct websocket *ws)
{
	ws->busy--;
	if (!ws->destroyed)
		return true;
	if (!ws->busy)
		websocket_free(ws);
	return false;
}

static void drop_stream(struct websocket *ws)
{
	timer_stop(&ws->ping);
	deferred_cancel(&ws->early_turn);
	stream_destroy(ws->stream);
	ws->stream = NULL;
	ws->input_len = 0;
}

/* The end: tells the owner. The caller must not touch the websocket afterwards unless it is busy.
 */
static void tell_closed(struct websocket *ws)
{
	drop_stream(ws);
	if (ws->told)
		return;
	ws->told = true;
	ws->busy++;
	ws->ops->closed(ws->arg, ws->code ? ws->code : WEBSOCKET_LOST);
	leave(ws);
}

static void begin_closing(struct websocket *ws, int code)
{
	if (!ws->code)
		ws->code = code;
	timer_stop(&ws->ping);
	stream_finish(ws->stream);
}

static ssize_t on_wslay_recv(wslay_event_context_ptr wslay, uint8_t *out, size_t len, int flags,
			     void *arg)
{
	(void)flags;
	struct websocket *ws = arg;
	const size_t part = len < ws->input_len ? len : ws->input_len;
	if (!part) {
		wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(out, ws->input, part);
	ws->input += part;
	ws->input_len -= part;
	return (ssize_t)part;
}

static ssize_t on_wslay_send(wslay_event_context_ptr wslay, const uint8_t *data, size_t len,
			     int flags, void *arg)
{
	(void)flags;
	const struct websocket *ws = arg;
	if (ws->stream && !stream_write(ws->stream, data, len))
		return (ssize_t)len;
	wslay_event_set_error(wslay, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static void refuse_input(wslay_event_context_ptr wslay, uint16_t code)
{
	wslay_event_queue_close(wslay, code, NULL, 0);
	wslay_event_shutdown_read(wslay);
}

static void on_frame(wslay_event_context_ptr wslay,
		     const struct wslay_event_on_frame_recv_start_arg *frame, void *arg)
{
	struct websocket *ws = arg;
	if (frame->opcode == WSLAY_CONNECTION_CLOSE && frame->payload_length == 1)
		refuse_input(wslay, WSLAY_CODE_PROTOCOL_ERROR); /* §5.5.1: two bytes or none */
	const bool control = wslay_is_ctrl_frame(frame->opcode);
	/* Each ping is worth a pong, which costs many times its bytes while it waits. */
	ws->controls += control;
	if (++ws->frames > WEBSOCKET_FRAMES_MAX || ws->controls > WEBSOCKET_CONTROLS_MAX)
		refuse_input(wslay, WSLAY_CODE_POLICY_VIOLATION);
	if (control)
		return;
	if (frame->opcode != WSLAY_CONTINUATION_FRAME)
		ws->fragments = 0;
	if (++ws->fragments > WEBSOCKET_FRAGMENTS_MAX)
		refuse_input(wslay, WSLAY_CODE_MESSAGE_TOO_BIG);
}

static void on_message(wslay_event_context_ptr wslay,
		       const struct wslay_event_on_msg_recv_arg *message, void *arg)
{
	struct websocket *ws = arg;
	ws->unanswered = 0;
	if (ws->destroyed || !wslay_event_get_read_enabled(wslay))
		return;
	if (message->opcode == WSLAY_BINARY_FRAME)
		refuse_input(wslay, WSLAY_CODE_UNSUPPORTED_DATA);
	if (message->opcode != WSLAY_TEXT_FRAME || message->msg_length > WEBSOCKET_MESSAGE_MAX)
		return;
	char text[WEBSOCKET_MESSAGE_MAX + 1];
	if (message->msg_length)
		memcpy(text, message->msg, message->msg_length);
	text[message->msg_length] = '\0';
	ws->ops->message(ws->arg, text, message->msg_length);
}

/* Sends wslay's own frames and follows its verdict. */
static void settle(struct websocket *ws, int result)
{
	if (result == 0 && wslay_event_want_write(ws->wslay))
		result = wslay_event_send(ws->wslay);
	if (!ws->stream) {
		tell_closed(ws);
		return;
	}
	if (result) { /* no frame at all: wslay would leave without a code */
		static const uint8_t goodbye[] = { FIN | WSLAY_CONNECTION_CLOSE, 2,
						   WEBSOCKET_PROTOCOL >> 8,
						   WEBSOCKET_PROTOCOL & 0xff };
		stream_write(ws->stream, goodbye, sizeof(goodbye));
		begin_closing(ws, WEBSOCKET_PROTOCOL);
		return;
	}
	if (wslay_event_get_close_received(ws->wslay))
		begin_closing(ws, wslay_event_get_status_code_received(ws->wslay));
	else if (!wslay_event_get_read_enabled(ws->wslay))
		begin_closing(ws, wslay_event_get_status_code_sent(ws->wslay));
}

/* Its caller holds the object by `busy`. */
static void take(struct websocket *ws, const uint8_t *data, size_t len)
{
	ws->input = data;
	ws->input_len = len;
	const int result = wslay_event_recv(ws->wslay);
	if (!ws->destroyed)
		settle(ws, result);
}

static void take_early(struct websocket *ws)
{
	struct bytes early = ws->early;
	bytes_init(&ws->early, 1);
	take(ws, early.data, early.len);
	bytes_finish(&early);
}

static void on_early_turn(void *arg)
{
	struct websocket *ws = arg;
	ws->busy++;
	take_early(ws);
	leave(ws);
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
	struct websocket *ws = arg;
	ws->busy++;
	if (ws->early.len) {
		deferred_cancel(&ws->early_turn);
		take_early(ws);
	}
	if (!ws->destroyed && ws->stream && !ws->code)
		take(ws, data, len);
	leave(ws);
}

static void on_drained(void *arg)
{
	struct websocket *ws = arg;
	if (ws->ops->drained && !ws->code)
		ws->ops->drained(ws->arg);
}

static void on_closed(void *arg, int err)
{
	(void)err;
	tell_closed(arg);
}

static void on_ping(void *arg)
{
	struct websocket *ws = arg;
	static const uint8_t ping[] = { FIN | WSLAY_PING, 0 };
	if (ws->unanswered >= PINGS_UNANSWERED_MAX) {
		tell_closed(ws);
		return;
	}
	ws->unanswered++;
	ws->frames = ws->controls = 0;
	timer_start(&ws->ping, PING_US);
	/* A refused ping goes unanswered, which is what a peer with a full backlog deserves. */
	stream_write(ws->stream, ping, sizeof(ping));
}

bool websocket_asked(const struct http_request *request)
{
	return http_header_has(request, "Upgrade", "websocket");
}

bool websocket_offers(const struct http_request *request, const char *subprotocol)
{
	return http_header_has(request, "Sec-WebSocket-Protocol", subprotocol);
}

/* RFC 6455 §4.2.1; 0 or the status to answer. */
static int check_handshake(const struct http_request *request)
{
	const char *version = http_header(request, "Sec-WebSocket-Version");
	const char *key = http_header(request, "Sec-WebSocket-Key");
	uint8_t nonce[KEY_SIZE];
	if (strcmp(http_method(request), "GET") != 0 || !websocket_asked(request) ||
	    !http_header_has(request, "Connection", "Upgrade") || !key ||
	    base64_decode(key, strlen(key), nonce, sizeof(nonce)) != KEY_SIZE)
		return 400;
	return version && !strcmp(version, "13") ? 0 : 426;
}

static void refuse(struct http_request *request, int status)
{
	/* RFC 6455 §4.2.2, RFC 9110 §15.5.22: say what would be spoken */
	static const struct http_header headers[] = {
		{ "Content-Type", "application/problem+json" },
		{ "Sec-WebSocket-Version", "13" },
		{ "Upgrade", "websocket" },
		{ "Connection", "Upgrade" }, /* RFC 9110 §7.8 */
		{ NULL, NULL },
	};
	char body[160];
	const int len =
		snprintf(body, sizeof(body),
			 "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,"
			 "\"code\":\"bad_request\",\"detail\":\"not a WebSocket handshake\"}",
			 http_reason(status), status);
	http_reply(request, status, headers, body, (size_t)len);
}

static void accept_key(const char *key, char out[32])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 §1.3 */
	char text[64];
	uint8_t hash[SHA1_SIZE];
	const int len = snprintf(text, sizeof(text), "%s%s", key, guid);
	crypto_sha1(text, (size_t)len, hash);
	base64_encode(hash, sizeof(hash), out);
}

static void write_handshake(struct stream *stream, const char *accept, const char *subprotocol)
{
	struct bytes head;
	bytes_init(&head, 1024);
	bytes_printf(&head,
		     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
		     accept);
	if (subprotocol)
		bytes_printf(&head, "Sec-WebSocket-Protocol: %s\r\n", subprotocol);
	bytes_text(&head, "\r\n");
	stream_write(stream, head.data, head.len);
	bytes_finish(&head);
}

int websocket_accept(struct websocket **out, struct http_request *request, const char *subprotocol,
		     const struct websocket_ops *ops, void *arg)
{
	static const struct stream_ops stream_ops = { on_data, on_drained, on_closed };
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = on_wslay_recv,
		.send_callback = on_wslay_send,
		.on_frame_recv_start_callback = on_frame,
		.on_msg_recv_callback = on_message,
	};
	const int status = check_handshake(request);
	if (status) {
		refuse(request, status);
		return -EPROTO;
	}
	char accept[32];
	accept_key(http_header(request, "Sec-WebSocket-Key"), accept);
	struct websocket *ws = xcalloc(1, sizeof(*ws));
	ws->loop = http_loop(request);
	ws->ops = ops;
	ws->arg = arg;
	timer_init(&ws->ping, ws->loop, on_ping, ws);
	deferred_init(&ws->early_turn, on_early_turn, ws);
	if (wslay_event_context_server_init(&ws->wslay, &callbacks, ws))
		abort(); /* a small fixed allocation */
	wslay_event_config_set_max_recv_msg_length(ws->wslay, WEBSOCKET_MESSAGE_MAX);
	ws->stream = http_upgrade(request, &ws->early);
	stream_set_ops(ws->stream, &stream_ops, ws);
	stream_set_backlog_cap(ws->stream, WEBSOCKET_BACKLOG_CAP);
	stream_set_unsent_cap(ws->stream, HTTP_UNSENT_CAP);
	stream_resume(ws->stream);
	write_handshake(ws->stream, accept, subprotocol);
	if (ws->early.len)
		loop_defer(ws->loop, &ws->early_turn);
	timer_start(&ws->ping, PING_US);
	*out = ws;
	return 0;
}

/* RFC 6455 §5.2, unmasked as servers send; its length. */
static size_t frame_head(uint8_t head[FRAME_HEAD_MAX], enum wslay_opcode opcode, size_t len)
{
	head[0] = (uint8_t)(FIN | opcode);
	const size_t more = len < 126 ? 0 : len <= 0xffff ? 2 : 8;
	head[1] = (uint8_t)(more == 0 ? len : more == 2 ? 126 : 127);
	for (size_t i = 0; i < more; i++)
		head[2 + i] = (uint8_t)((uint64_t)len >> (8 * (more - 1 - i)));
	return 2 + more;
}

static bool is_open(const struct websocket *ws)
{
	return ws->stream && !ws->code;
}

int websocket_send_text(struct websocket *ws, const char *text, size_t len)
{
	uint8_t head[FRAME_HEAD_MAX];
	if (!is_open(ws))
		return -ENOTCONN;
	const struct stream_frame frame = {
		.head = head,
		.head_len = frame_head(head, WSLAY_TEXT_FRAME, len),
		.tail = text,
		.tail_len = len,
	};
	return stream_write_framed(ws->stream, &frame, NULL, 0);
}

int websocket_send_binary_bufs(struct websocket *ws, struct buf *const *bufs, size_t count)
{
	uint8_t head[FRAME_HEAD_MAX];
	if (!is_open(ws))
		return -ENOTCONN;
	size_t len = 0;
	for (size_t i = 0; i < count; i++)
		len += bufs[i]->len;
	const struct stream_frame frame = {
		.head = head,
		.head_len = frame_head(head, WSLAY_BINARY_FRAME, len),
	};
	return stream_write_framed(ws->stream, &frame, bufs, count);
}

struct buf *websocket_text_frame(const char *text, size_t len)
{
	uint8_t head[FRAME_HEAD_MAX];
	const size_t head_len = frame_head(head, WSLAY_TEXT_FRAME, len);
	struct buf *frame = buf_create(head_len + len);
	if (!frame)
		return NULL;
	memcpy(frame->data, head, head_len);
	memcpy(frame->data + head_len, text, len);
	return frame;
}

int websocket_send_frame(struct websocket *ws, struct buf *frame)
{
	return is_open(ws) ? stream_write_bufs(ws->stream, &frame, 1) : -ENOTCONN;
}

size_t websocket_backlog(const struct websocket *ws)
{
	return ws->stream ? stream_backlog(ws->stream) : 0;
}

void websocket_close(struct websocket *ws, int code, const char *reason)
{
	if (!is_open(ws))
		return;
	const size_t len = reason ? strlen(reason) : 0;
	wslay_event_queue_close(ws->wslay, (uint16_t)code, (const uint8_t *)reason,
				len < REASON_MAX ? len : REASON_MAX);
	wslay_event_shutdown_read(ws->wslay);
	/* No room for the goodbye: the stream's own end says enough. */
	(void)!wslay_event_send(ws->wslay);
	begin_closing(ws, code);
}

void websocket_destroy(struct websocket *ws)
{
	if (!ws || ws->destroyed)
		return;
	ws->destroyed = true;
	drop_stream(ws);
	wslay_event_shutdown_read(ws->wslay);
	if (!ws->busy)
		websocket_free(ws);
}
