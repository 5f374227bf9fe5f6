/*
 * WebSocket, server side (RFC 6455), over libwslay for what comes in. Frames that go out are
 * written straight to the stream, shared payloads by reference. No extensions, so reserved bits are
 * refused. Protocol faults close with 1002, binary messages with 1003, bad UTF-8 with 1007,
 * oversize with 1009. A ping goes out each 20 s; two without a pong end the connection. Owner
 * thread: the loop's.
 */
#ifndef SOUK_CORE_WEBSOCKET_H
#define SOUK_CORE_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct http_request;
struct websocket;

enum {
	WEBSOCKET_MESSAGE_MAX = 16 * 1024, /* from the client: 1009 */
	WEBSOCKET_FRAGMENTS_MAX = 64, /* of one message: 1009 */
	/* Frames from one ping of ours to the next, and control frames of them: 1008. */
	WEBSOCKET_FRAMES_MAX = 2000,
	WEBSOCKET_CONTROLS_MAX = 200,
	WEBSOCKET_BACKLOG_CAP = 1024 * 1024, /* to the client: -ENOBUFS */
	WEBSOCKET_PING_S = 20,
	/* Close codes (RFC 6455 §7.4.1); 4000…4999 are the application's. */
	WEBSOCKET_NORMAL = 1000,
	WEBSOCKET_GOING_AWAY = 1001,
	WEBSOCKET_PROTOCOL = 1002,
	WEBSOCKET_UNSUPPORTED = 1003,
	WEBSOCKET_LOST = 1006, /* never on the wire: the connection just ended */
};

/* From the loop, never from inside a call below. Each may call websocket_destroy(). */
struct websocket_ops {
	void (*message)(void *arg, const char *text, size_t len); /* UTF-8; NUL behind it */
	void (*drained)(void *arg); /* backlog went to 0; may be NULL */
	/* The connection is over; once; `code` is the first close code sent or received. The owner
	 * destroys the websocket, here or later. */
	void (*closed)(void *arg, int code);
};

/* Whether the request wants a WebSocket at all (Upgrade: websocket). */
bool websocket_asked(const struct http_request *request);
/* Whether it offers this subprotocol. */
bool websocket_offers(const struct http_request *request, const char *subprotocol);

/* Answers 101 and takes the connection; `subprotocol` NULL: none is confirmed. When the handshake
 * is not valid, answers 400 or 426 and returns -EPROTO. Either way the request is finished. Origin
 * is the caller's to judge before. `ops` must outlive the websocket. */
int websocket_accept(struct websocket **out, struct http_request *request, const char *subprotocol,
		     const struct websocket_ops *ops, void *arg)
	__attribute__((warn_unused_result));

/* 0, -ENOBUFS at the backlog cap, -ENOTCONN once closing. */
int websocket_send_text(struct websocket *ws, const char *text, size_t len);
/* One binary message whose payload is these buffers in order. */
int websocket_send_binary_bufs(struct websocket *ws, struct buf *const *bufs, size_t count);

/* A text message framed once and sent to many. */
struct buf *websocket_text_frame(const char *text, size_t len) __attribute__((warn_unused_result));
int websocket_send_frame(struct websocket *ws, struct buf *frame);

size_t websocket_backlog(const struct websocket *ws);

/* Says goodbye after what waits, then ends; `closed` follows. Reason: at most 123 bytes. */
void websocket_close(struct websocket *ws, int code, const char *reason);

/* At once, without goodbye and without callback. Takes NULL. */
void websocket_destroy(struct websocket *ws);

#endif
