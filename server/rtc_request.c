#include "server/rtc_request.h"

#include "commerce/answer.h"
#include "server/call.h"
#include "server/core/alloc.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/worker.h"
#include "signaling/sdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void request_destroy(struct rtc_request *rtc)
{
	free(rtc->query);
	free(rtc->content_type);
	free(rtc->if_match);
	bytes_finish(&rtc->body);
	bytes_finish(&rtc->text);
	free(rtc);
}

static void add_fields(struct reply_headers *headers, const struct sdp_reply *reply)
{
	for (unsigned i = 0; i < reply->header_count; i++)
		reply_add(headers, reply->headers[i].name, reply->headers[i].value);
}

static void reply_refused(struct rtc_request *rtc)
{
	const struct sdp_reply *reply = &rtc->reply;
	struct reply_headers headers = { 0 };
	char retry_after[16];
	char *body = problem_text(reply->status, reply->code, rtc->member, reply->detail);
	reply_add(&headers, "Content-Type", "application/problem+json");
	if (rtc->retry_after_s) {
		snprintf(retry_after, sizeof(retry_after), "%d", rtc->retry_after_s);
		reply_add(&headers, "Retry-After", retry_after);
	}
	add_fields(&headers, reply);
	http_reply(rtc->request, reply->status, headers.list, body, strlen(body));
	free(body);
}

static void send_reply(struct rtc_request *rtc)
{
	struct reply_headers headers = { 0 };
	if (rtc->reply.code) {
		reply_refused(rtc);
		return;
	}
	if (rtc->reply_type)
		reply_add(&headers, "Content-Type", rtc->reply_type);
	add_fields(&headers, &rtc->reply);
	http_reply(rtc->request, rtc->reply.status, headers.list, rtc->text.data, rtc->text.len);
}

static void run_reply(struct message *message)
{
	struct rtc_request *rtc = list_entry(message, struct rtc_request, message);
	if (rtc->answer)
		rtc->answer(rtc);
	else if (rtc->request)
		send_reply(rtc);
	request_destroy(rtc);
}

static void drop(struct message *message)
{
	request_destroy(list_entry(message, struct rtc_request, message));
}

void rtc_request_finish(struct rtc_request *rtc)
{
	rtc->message = (struct message){ .run = run_reply, .drop = drop };
	if (rtc->from == rtc->owner)
		run_reply(&rtc->message);
	else
		worker_note(rtc->from, &rtc->message);
}

void rtc_request_refuse(struct rtc_request *rtc, int status, const char *code, int retry_after_s)
{
	rtc->reply = (struct sdp_reply){ .status = status, .code = code };
	rtc->retry_after_s = retry_after_s;
	sdp_reply_common(&rtc->reply);
	rtc_request_finish(rtc);
}

/* The same request at the other node, marked; false when it does not fit. */
static bool elsewhere(const struct rtc_request *rtc, char out[SDP_REPLY_VALUE])
{
	const int len = snprintf(out, SDP_REPLY_VALUE, "%s/%s/%s?%s%s" RTC_REDIRECTED "=1",
				 rtc->owner->app->config.overflow_url,
				 rtc->kind == SDP_WHIP ? "whip" : "whep", rtc->room,
				 rtc->query ? rtc->query : "", rtc->query ? "&" : "");
	return len > 0 && len < SDP_REPLY_VALUE;
}

void rtc_request_overloaded(struct rtc_request *rtc)
{
	char location[SDP_REPLY_VALUE];
	/* Two full nodes that name each other must not send clients to and fro. */
	if (!rtc->owner->app->config.overflow_url || rtc->redirected || !elsewhere(rtc, location)) {
		rtc_request_refuse(rtc, 503, "overloaded", RTC_RETRY_OVERLOADED_S);
		return;
	}
	sdp_reply_redirect(&rtc->reply, location);
	rtc_request_finish(rtc);
}

static void run_handle(struct message *message)
{
	struct rtc_request *rtc = list_entry(message, struct rtc_request, message);
	rtc->handle(rtc);
}

static void on_request_gone(void *arg)
{
	struct rtc_request *rtc = arg;
	rtc->request = NULL;
}

static char *copy_text(const char *text)
{
	return text && *text ? xstrdup(text) : NULL;
}

/* ?name=1 */
static bool is_set(const struct http_request *request, const char *name)
{
	char value[2];
	return http_query(request, name, value, sizeof(value)) == 1 && value[0] == '1';
}

struct rtc_request *rtc_request_create(struct exchange *exchange)
{
	struct http_request *request = exchange->request;
	struct rtc_request *rtc = xcalloc(1, sizeof(*rtc));
	size_t len;
	const uint8_t *body = http_body(request, &len);
	rtc->from = exchange->worker;
	rtc->request = request;
	rtc->kind = strncmp(http_path(request), "/whip/", 6) ? SDP_WHEP : SDP_WHIP;
	memcpy(rtc->room, exchange->view->snapshot->id, sizeof(rtc->room));
	snprintf(rtc->resource, sizeof(rtc->resource), "%s", exchange->name);
	snprintf(rtc->item, sizeof(rtc->item), "%s", exchange->item);
	rtc->claims = exchange->claims;
	rtc->identified = exchange->identified;
	rtc->counter_offer = is_set(request, "counter-offer");
	rtc->redirected = is_set(request, RTC_REDIRECTED);
	rtc->query = copy_text(http_query_text(request));
	rtc->content_type = copy_text(http_header(request, "Content-Type"));
	const char *if_match = http_header(request, "If-Match");
	rtc->if_match = if_match ? xstrdup(if_match) : NULL;
	bytes_init(&rtc->body, SDP_SIZE_MAX + 1);
	bytes_put(&rtc->body, body, len);
	bytes_init(&rtc->text, RTC_REPLY_MAX);
	return rtc;
}

void rtc_request_carry(struct rtc_request *rtc, struct worker *owner, rtc_request_fn handle)
{
	rtc->owner = owner;
	rtc->handle = handle;
	rtc->message = (struct message){ .run = run_handle, .drop = drop };
	http_on_gone(rtc->request, on_request_gone, rtc);
	if (owner == rtc->from) {
		handle(rtc);
	} else if (mqueue_push(owner->queue, &rtc->message)) {
		rtc->owner = rtc->from;
		rtc_request_refuse(rtc, 503, "overloaded", RTC_RETRY_OVERLOADED_S);
	}
}

void rtc_request_to_owner(struct exchange *exchange, rtc_request_fn handle)
{
	struct app *app = exchange->worker->app;
	char *end;
	const unsigned long owner = strtoul(exchange->name, &end, 10);
	if (end == exchange->name || *end != '-' || owner >= app->worker_count)
		reply_error(exchange->request, 404, "not_found");
	else
		rtc_request_carry(rtc_request_create(exchange), app->workers[owner], handle);
}

struct rtc_session *rtc_request_session(struct rtc_request *rtc)
{
	struct rtc_session *session = rtc_session_find(rtc->owner, rtc->resource);
	if (session && session->kind == rtc->kind &&
	    strcmp(session->view->snapshot->id, rtc->room) == 0)
		return session;
	rtc_request_refuse(rtc, 404, "not_found", 0);
	return NULL;
}

void rtc_url(const struct rtc_session *session, const char *rest, char out[RTC_URL_MAX])
{
	const char *origin = session->worker->app->config.public_url;
	snprintf(out, RTC_URL_MAX, "%s/%s/%s/%s%s", origin ? origin : "",
		 session->kind == SDP_WHIP ? "whip" : "whep", session->view->snapshot->id,
		 session->resource, rest);
}
