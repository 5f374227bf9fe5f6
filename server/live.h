/*
 * One live session: the commerce channel of a viewer, host or assistant, whatever carries it
 * (WebSocket or data channel). Greets, takes messages, sends what the room says. Worker's thread.
 */
#ifndef SOUK_SERVER_LIVE_H
#define SOUK_SERVER_LIVE_H

#include "commerce/rate_limit.h"
#include "server/core/crypto.h"
#include "server/core/jwt.h"
#include "server/live_names.h"
#include "server/live_text.h"
#include "server/room_view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LIVE_SID_MIN = 8,
	LIVE_SID_MAX = 32,
	LIVE_CHAT_MAX = 500, /* bytes */
	LIVE_LIKES_MAX = 100, /* a message */
	LIVE_MESSAGES_S = 50, /* from one client; beyond, with the burst: 4429 */
	LIVE_MESSAGES_BURST = 100,
	LIVE_BEHIND_S = 10, /* then it is too slow */
	LIVE_CLOCK_S = 5, /* from one `clock` to the next */
	/* Close codes, docs/api.md section 5.1. */
	LIVE_BAD_MESSAGE = 4400,
	LIVE_BAD_TOKEN = 4401,
	LIVE_NO_ROOM = 4404,
	LIVE_TOO_SLOW = 4408,
	LIVE_RATE = 4429,
	LIVE_DRAIN = 1001,
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
	/* Says goodbye and ends; live_finish() follows from the carrier, never inside this call. */
	void (*end)(void *carrier, int code, const char *reason);
	/* The clock of the media that this carrier itself brings; NULL if it brings none. */
	bool (*clock)(void *carrier, const struct broadcast_clock *line, struct live_clock *out);
};

struct live {
	struct feed_reader reader;
	struct room_view *view;
	const struct live_carrier_ops *ops;
	void *carrier;
	char id[UUID_TEXT];
	char sid[LIVE_SID_MAX + 1]; /* empty: none named */
	struct live_name names[LIVE_NAMES]; /* in room_view.names */
	struct jwt_claims claims;
	bool identified; /* claims are valid */
	bool behind; /* messages were dropped: a `state` is due */
	unsigned behind_s; /* for so long */
	unsigned age_s;
	bool ended;
	struct token_bucket messages;
};

/* Of a link in room_view.lives. */
static inline struct live *live_of_reader(struct list *link)
{
	return list_entry(list_entry(link, struct feed_reader, link), struct live, reader);
}

/* `claims` NULL: anonymous. Does not greet yet. */
void live_init(struct live *live, struct room_view *view, const struct jwt_claims *claims,
	       const struct live_carrier_ops *ops, void *carrier);

/* hello, clock, state. */
void live_greet(struct live *live);

/* A message from the client, which may end the session. */
void live_receive(struct live *live, const char *text, size_t len);

/* The room's present batch. A session that cannot take it gets a `state` once it can again. */
void live_deliver(struct feed_reader *reader, struct room_view *view);
void live_fall_behind(struct live *live);

/* To this session alone. */
void live_send(struct live *live, const char *text, size_t len);

void live_send_clock(struct live *live);

/* Once a second: tokens expire, who fell behind gets its `state`, and all now and then the clock.
 */
void live_tick(struct live *live, int64_t now_s);

void live_end(struct live *live, int code, const char *reason);

/* `drain`: the server is going away, come again soon. */
void live_send_drain(struct live *live);

/* The carrier is gone. */
void live_finish(struct live *live);

/* All WebSockets of the worker, at its end (live_socket.c). */
void live_socket_end_all(struct worker *worker);

#endif
