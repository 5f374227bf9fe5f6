#include "load-tests/publish/whip.h"

#include "server/core/alloc.h"
#include "server/core/json.h"
#include "server/core/list.h"
#include "signaling/sdp_resource.h"

#include <errno.h>
#include <libsoup/soup.h>
#include <stdlib.h>
#include <string.h>

enum whip_verb { WHIP_POST, WHIP_TRICKLE, WHIP_RESTART, WHIP_DELETE };

struct request {
	struct list link; // whip.waiting
	enum whip_verb verb;
	char *body;
};

struct whip {
	SoupSession *session;
	GCancellable *cancel;
	GUri *endpoint;
	GUri *resource; /* NULL: no session */
	char *token;
	char *etag; /* NULL: the server does neither trickle nor restart */
	bool insecure;
	bool no_trickle; /* it was refused */
	unsigned redirects;
	struct list waiting; // request.link
	unsigned waiting_count;
	struct request *current;
	SoupMessage *message; /* of the current request */
	struct link_server servers[WHIP_SERVERS_MAX];
	unsigned server_count;
	const struct whip_ops *ops;
	void *arg;
};

static void request_destroy(struct request *request)
{
	if (!request)
		return;
	list_remove(&request->link);
	free(request->body);
	free(request);
}

static void next(struct whip *whip);

/* ---- answers ---- */

/* "403 Forbidden: detail", of problem+json where there is one. The caller frees. */
static char *complaint(SoupMessage *message, const char *body, size_t len)
{
	const guint status = soup_message_get_status(message);
	const char *phrase = soup_message_get_reason_phrase(message);
	const char *type = soup_message_headers_get_content_type(
		soup_message_get_response_headers(message), NULL);
	json_t *problem = type && strcmp(type, "application/problem+json") == 0
				  ? json_parse(body, len)
				  : NULL;
	const char *code = json_string_value(json_object_get(problem, "code"));
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	char *text = xasprintf("%u %s%s%s%s%s", status, phrase ? phrase : "", code ? ": " : "",
			       code ? code : "", detail ? ": " : "", detail ? detail : "");
	json_decref(problem);
	return text;
}

static void take_etag(struct whip *whip, SoupMessageHeaders *headers)
{
	const char *etag = soup_message_headers_get_one(headers, "ETag");
	free(whip->etag);
	whip->etag = etag ? xstrdup(etag) : NULL;
}

static void on_created(struct whip *whip, SoupMessage *message, const char *body, size_t len)
{
	SoupMessageHeaders *headers = soup_message_get_response_headers(message);
	const char *location = soup_message_headers_get_one(headers, "Location");
	/* RFC 9725 §4.2: a Location is required, and may be relative. */
	whip->resource = location ? g_uri_parse_relative(soup_message_get_uri(message), location,
							 SOUP_HTTP_URI_FLAGS, NULL)
				  : NULL;
	if (!whip->resource) {
		whip->ops->refused(whip->arg, "the answer has no usable Location");
		return;
	}
	take_etag(whip, headers);
	const char *links = soup_message_headers_get_list(headers, "Link");
	if (links)
		whip->server_count = link_header_read(whip->servers, 0, WHIP_SERVERS_MAX, links);
	whip->ops->created(whip->arg, body, len);
}

/* RFC 9725 §4.5: 307 repeats the POST elsewhere. Never from https down to http, where the token
 * could be read. */
static bool redirect(struct whip *whip, SoupMessage *message, const char *offer)
{
	const guint status = soup_message_get_status(message);
	const char *location = soup_message_headers_get_one(
		soup_message_get_response_headers(message), "Location");
	if ((status != 307 && status != 308) || !location || ++whip->redirects > WHIP_REDIRECTS_MAX)
		return false;
	GUri *to = g_uri_parse_relative(whip->endpoint, location, SOUP_HTTP_URI_FLAGS, NULL);
	if (!to)
		return false;
	const bool downgrade = strcmp(g_uri_get_scheme(whip->endpoint), "https") == 0 &&
			       strcmp(g_uri_get_scheme(to), "https") != 0;
	if (downgrade) {
		g_uri_unref(to);
		return false;
	}
	g_uri_unref(whip->endpoint);
	whip->endpoint = to;
	whip_post(whip, offer);
	return true;
}

static void on_trickled(struct whip *whip, SoupMessage *message)
{
	const guint status = soup_message_get_status(message);
	/* 412: a restart has overtaken these candidates. Others: this server does not trickle. */
	if (status != 412 && status / 100 != 2)
		whip->no_trickle = true;
}

static void on_restart_answer(struct whip *whip, SoupMessage *message, const char *body, size_t len)
{
	const guint status = soup_message_get_status(message);
	if (status == 200) {
		take_etag(whip, soup_message_get_response_headers(message));
		whip->ops->restarted(whip->arg, body, len);
		return;
	}
	char *why = complaint(message, body, len);
	whip->ops->restart_refused(whip->arg, status == 404 || status == 410, why);
	free(why);
}

static void answer(struct whip *whip, const struct request *request, SoupMessage *message,
		   GBytes *bytes)
{
	size_t len = 0;
	const char *body = g_bytes_get_data(bytes, &len);
	switch (request->verb) {
	case WHIP_POST:
		if (soup_message_get_status(message) == 201) {
			on_created(whip, message, body, len);
		} else if (!redirect(whip, message, request->body)) {
			char *why = complaint(message, body, len);
			whip->ops->refused(whip->arg, why);
			free(why);
		}
		break;
	case WHIP_TRICKLE:
		on_trickled(whip, message);
		break;
	case WHIP_RESTART:
		on_restart_answer(whip, message, body, len);
		break;
	case WHIP_DELETE:
		whip->ops->deleted(whip->arg);
		break;
	}
}

/* No answer came at all. */
static void fail(struct whip *whip, const struct request *request, const char *why)
{
	if (request->verb == WHIP_POST)
		whip->ops->refused(whip->arg, why);
	else if (request->verb == WHIP_RESTART)
		whip->ops->restart_refused(whip->arg, false, why);
	else if (request->verb == WHIP_DELETE)
		whip->ops->deleted(whip->arg);
}

static void on_answer(GObject *source, GAsyncResult *result, gpointer arg)
{
	struct whip *whip = arg;
	GError *error = NULL;
	GBytes *body = soup_session_send_and_read_finish(SOUP_SESSION(source), result, &error);
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
		g_error_free(error); /* whip may be gone */
		return;
	}
	struct request *request = whip->current;
	SoupMessage *message = whip->message;
	whip->current = NULL;
	whip->message = NULL;
	if (error)
		fail(whip, request, error->message);
	else if (g_bytes_get_size(body) > WHIP_BODY_MAX)
		fail(whip, request, "the answer is too long");
	else
		answer(whip, request, message, body);
	g_clear_error(&error);
	g_clear_pointer(&body, g_bytes_unref);
	g_object_unref(message);
	request_destroy(request);
	next(whip);
}

/* ---- requests ---- */

static gboolean accept_any(SoupMessage *message, GTlsCertificate *certificate,
			   GTlsCertificateFlags errors, gpointer arg)
{
	(void)message;
	(void)certificate;
	(void)errors;
	(void)arg;
	return TRUE;
}

static const struct {
	const char *method;
	const char *type; /* of the body; NULL: none */
} verbs[] = {
	[WHIP_POST] = { "POST", SDP_TYPE },
	[WHIP_TRICKLE] = { "PATCH", SDP_FRAGMENT_TYPE },
	[WHIP_RESTART] = { "PATCH", SDP_FRAGMENT_TYPE },
	[WHIP_DELETE] = { "DELETE", NULL },
};

static void start(struct whip *whip, struct request *request)
{
	GUri *uri = request->verb == WHIP_POST ? whip->endpoint : whip->resource;
	SoupMessage *message = soup_message_new_from_uri(verbs[request->verb].method, uri);
	SoupMessageHeaders *headers = soup_message_get_request_headers(message);
	soup_message_add_flags(message, SOUP_MESSAGE_NO_REDIRECT);
	if (whip->insecure)
		g_signal_connect(message, "accept-certificate", G_CALLBACK(accept_any), NULL);
	if (whip->token) {
		char *value = xasprintf("Bearer %s", whip->token);
		soup_message_headers_replace(headers, "Authorization", value);
		free(value);
	}
	/* The connection that was kept may lead over the path that is gone. */
	if (request->verb == WHIP_RESTART)
		soup_message_add_flags(message, SOUP_MESSAGE_NEW_CONNECTION);
	/* RFC 9725 §4.3.2: trickle names the ICE session; §4.3.3: a restart says any. */
	if (request->verb == WHIP_TRICKLE)
		soup_message_headers_replace(headers, "If-Match", whip->etag);
	else if (request->verb == WHIP_RESTART)
		soup_message_headers_replace(headers, "If-Match", "*");
	if (request->body) {
		GBytes *body = g_bytes_new(request->body, strlen(request->body));
		soup_message_set_request_body_from_bytes(message, verbs[request->verb].type, body);
		g_bytes_unref(body);
	}
	whip->current = request;
	whip->message = message;
	soup_session_send_and_read_async(whip->session, message, G_PRIORITY_DEFAULT, whip->cancel,
					 on_answer, whip);
}

/* Whether the request can still be made. */
static bool possible(struct whip *whip, const struct request *request)
{
	switch (request->verb) {
	case WHIP_POST:
		return true;
	case WHIP_TRICKLE:
		return whip->resource && whip->etag && !whip->no_trickle;
	case WHIP_RESTART:
		if (whip->resource && whip->etag)
			return true;
		whip->ops->restart_refused(whip->arg, false,
					   "the server has no entity tag: it does not restart ICE");
		return false;
	case WHIP_DELETE:
		if (whip->resource)
			return true;
		whip->ops->deleted(whip->arg);
		return false;
	}
	return false;
}

static void next(struct whip *whip)
{
	while (!whip->current && !list_empty(&whip->waiting)) {
		struct request *request = list_entry(whip->waiting.next, struct request, link);
		list_remove(&request->link);
		whip->waiting_count--;
		if (possible(whip, request))
			start(whip, request);
		else
			request_destroy(request);
	}
}

static void ask(struct whip *whip, enum whip_verb verb, const char *body)
{
	struct request *request = xcalloc(1, sizeof(*request));
	list_init(&request->link);
	request->verb = verb;
	request->body = body ? xstrdup(body) : NULL;
	list_append(&whip->waiting, &request->link);
	whip->waiting_count++;
	next(whip);
}

void whip_post(struct whip *whip, const char *offer)
{
	ask(whip, WHIP_POST, offer);
}

void whip_trickle(struct whip *whip, const char *fragment)
{
	if (whip->waiting_count < WHIP_WAITING_MAX)
		ask(whip, WHIP_TRICKLE, fragment);
}

void whip_restart(struct whip *whip, const char *fragment)
{
	ask(whip, WHIP_RESTART, fragment);
}

void whip_delete(struct whip *whip)
{
	list_for_each_safe (link, &whip->waiting)
		request_destroy(list_entry(link, struct request, link));
	whip->waiting_count = 0;
	ask(whip, WHIP_DELETE, NULL);
}

/* ---- life ---- */

int whip_create(struct whip **out, const struct whip_options *options)
{
	GUri *uri = g_uri_parse(options->url, SOUP_HTTP_URI_FLAGS, NULL);
	const char *scheme = uri ? g_uri_get_scheme(uri) : "";
	if (!uri || !g_uri_get_host(uri) ||
	    (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
		g_clear_pointer(&uri, g_uri_unref);
		return -EINVAL;
	}
	struct whip *whip = xcalloc(1, sizeof(*whip));
	whip->endpoint = uri;
	whip->token = options->token ? xstrdup(options->token) : NULL;
	whip->insecure = options->insecure;
	whip->ops = options->ops;
	whip->arg = options->arg;
	whip->cancel = g_cancellable_new();
	whip->session = soup_session_new_with_options("timeout", (guint)WHIP_TIMEOUT_S,
						      "user-agent", "souk-publish", NULL);
	list_init(&whip->waiting);
	*out = whip;
	return 0;
}

const struct link_server *whip_servers(const struct whip *whip, unsigned *count)
{
	*count = whip->server_count;
	return whip->servers;
}

const char *whip_host(const struct whip *whip)
{
	return g_uri_get_host(whip->endpoint);
}

void whip_destroy(struct whip *whip)
{
	if (!whip)
		return;
	g_cancellable_cancel(whip->cancel);
	list_for_each_safe (link, &whip->waiting)
		request_destroy(list_entry(link, struct request, link));
	request_destroy(whip->current);
	g_clear_object(&whip->message);
	g_clear_object(&whip->session);
	g_clear_object(&whip->cancel);
	g_uri_unref(whip->endpoint);
	g_clear_pointer(&whip->resource, g_uri_unref);
	free(whip->token);
	free(whip->etag);
	free(whip);
}
