/*
 * One live session: the commerce channel of a viewer, host or assistant, whatever carries it
 * (WebSocket or data channel). Greets, takes messages, sends what the room says. Worker's thread.
 */
#ifndef SOUK_SERVER_LIVE_H
#define SOUK_SERVER_LIVE_H

#include "commerce/rate_limit.h"
#include "server/core/crypto.h"
#include "server/core/jwt.h"
#include "server/core/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct broadcast_clock;
struct buf;
struct live;
struct room_view;

enum {
	LIVE_SID_MIN = 8,
	LIVE_SID_MAX = 32,
	LIVE_CHAT_MAX = 500, /* bytes */
	LIVE_LIKES_MAX = 100, /* a message */
	LIVE_MESSAGES_S = 50, /* from one client; beyond, with the burst: 4429 */
	LIVE_MESSAGES_BURST = 100,
	/* Close codes, docs/api.md section 5.1. */
	LIVE_BAD_MESSAGE = 4400,
	LIVE_BAD_TOKEN = 4401,
	LIVE_NO_ROOM = 4404,
	LIVE_TOO_SLOW = 4408,
	LIVE_RATE = 4429,
	LIVE_DRAIN = 1001,
};

/* A text for many: as it is, and framed for WebSockets by the first who needs it. */
struct live_text {
	struct buf *text;
	struct buf *frame; /* NULL until made */
};

/* What a media session knows of its own clock, for `clock`. */
struct live_clock {
	bool has_rtp;
	uint32_t rtp; /* at the line's media_us */
	int64_t first_sent_capture_us; /* 0: nothing sent yet */
	int64_t egress_delay_us; /* -1: not known */
	int64_t shift_us; /* carrier's stamps show media_us - shift_us */
};

struct live_carrier_ops {
	/* 0, -ENOBUFS when the peer is too far behind, -ENOTCONN. */
	int (*send)(void *carrier, struct live_text *text);
	/* Says goodbye and ends; live_close() follows from the carrier, never inside this call. */
	void (*end)(void *carrier, int code, const char *reason);
	/* The clock of the media that this carrier itself brings; NULL if it brings none. */
	bool (*clock)(void *carrier, const struct broadcast_clock *line, struct live_clock *out);
};

struct live {
	struct list link; // room_view.lives
	struct room_view *view;
	const struct live_carrier_ops *ops;
	void *carrier;
	char id[UUID_TEXT];
	char sid[LIVE_SID_MAX + 1]; /* empty: none named */
	struct jwt_claims claims;
	bool identified; /* claims are valid */
	bool behind; /* messages were dropped: a `state` is due */
	bool ended;
	struct token_bucket messages;
};

/* `claims` NULL: anonymous. Does not greet yet. */
void live_init(struct live *live, struct room_view *view, const struct jwt_claims *claims,
	       const struct live_carrier_ops *ops, void *carrier);

/* hello, clock, state. */
void live_greet(struct live *live);

/* A message from the client, which may end the session. */
void live_receive(struct live *live, const char *text, size_t len);

/* The room's messages. A session that cannot take them gets a `state` once it can again. */
void live_deliver(struct live *live, struct live_text *text);

/* To this session alone. */
void live_send(struct live *live, const char *text, size_t len);

void live_send_clock(struct live *live);

/* Once a second: tokens expire, who fell behind gets its `state`. */
void live_tick(struct live *live, int64_t now_s);

void live_end(struct live *live, int code, const char *reason);

struct worker;
/* All WebSockets of the worker, at its end (live_socket.c). */
void live_socket_end_all(struct worker *worker);

/* The carrier is gone. */
void live_finish(struct live *live);

#endif
