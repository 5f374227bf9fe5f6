/*
 * A WHIP or WHEP request on its way: the worker that parsed it carries it to the worker that owns
 * (or, for a POST, will own) the session, and the reply back. One owner at a time: whose thread the
 * function runs on.
 */
#ifndef SOUK_SERVER_RTC_REQUEST_H
#define SOUK_SERVER_RTC_REQUEST_H

#include "server/config.h"
#include "server/control.h"
#include "server/core/bytes.h"
#include "server/core/jwt.h"
#include "server/core/mqueue.h"
#include "server/rtc_session.h"
#include "signaling/sdp_resource.h"

#include <stdbool.h>

struct exchange;
struct http_request;
struct rtc_request;
struct worker;

#define RTC_REDIRECTED "redirected" /* query parameter of a request after a 307 */

enum {
	RTC_RETRY_NOT_LIVE_S = 2,
	RTC_RETRY_OVERLOADED_S = 5,
	RTC_RETRY_RATE_S = 1,
	RTC_REPLY_MAX = 32 * 1024,
	RTC_PATH_MAX = 192, /* of everything that belongs to a session */
	RTC_URL_MAX = CONFIG_URL_MAX + RTC_PATH_MAX, /* with --public-url before it */
};

typedef void (*rtc_request_fn)(struct rtc_request *rtc);

struct rtc_request {
	struct message message;
	struct worker *from, *owner;
	struct http_request *request; /* NULL once the client has gone */
	enum sdp_resource kind;
	rtc_request_fn handle; /* on the owner's thread */
	/* On the thread of `from`, in place of an ordinary reply; `request` may be NULL. Does not
	 * free. */
	rtc_request_fn answer;
	char room[NAME_MAX_LEN + 1];
	char sid[LIVE_SID_MAX + 1]; /* WHEP; empty: none */
	char resource[RTC_RESOURCE_SIZE];
	char item[RTC_RESOURCE_SIZE]; /* an event stream of the session */
	struct jwt_claims claims;
	bool identified;
	bool counter_offer; /* WHEP: asked for */
	bool redirected; /* another node was full and sent the client here */
	char *query, *content_type, *if_match; /* NULL: none */
	struct bytes body;
	/* The answer. */
	struct sdp_reply reply;
	const char *reply_type;
	char member[64]; /* at fault; empty: none */
	int retry_after_s;
	struct bytes text;
	/* A publisher's way through control. */
	struct claim claim;
	char session[RTC_RESOURCE_SIZE];
	uint64_t reader; /* of an event stream */
};

struct rtc_request *rtc_request_create(struct exchange *exchange);

/* On to the owner, whose thread runs `handle`; that ends in rtc_request_finish() or _refuse(). */
void rtc_request_carry(struct rtc_request *rtc, struct worker *owner, rtc_request_fn handle);
/* To the owner of the session that the path names; 404 if it cannot be one. */
void rtc_request_to_owner(struct exchange *exchange, rtc_request_fn handle);

/* The session, if it is of this room and kind; else the request is answered with 404. */
struct rtc_session *rtc_request_session(struct rtc_request *rtc);

/* `reply` is complete: back with it. */
void rtc_request_finish(struct rtc_request *rtc);
void rtc_request_refuse(struct rtc_request *rtc, int status, const char *code, int retry_after_s);
/* A POST finds no room here: 307 to another node, if there is one, else 503. */
void rtc_request_overloaded(struct rtc_request *rtc);

/* Absolute with --public-url; the path is "/whep/demo/3-x" and `rest`. */
void rtc_url(const struct rtc_session *session, const char *rest, char out[RTC_URL_MAX]);

#endif
