#include "load-tests/swarm/janus_signalling.h"

#include "load-tests/swarm/http_client.h"
#include "server/core/alloc.h"
#include "server/core/json.h"
#include "signaling/sdp_answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TIMEOUT_US = 10 * 1000000,
	BODY_MAX = 64 * 1024,
	EVENTS_MAX = 16, /* others that may come before the offer */
	MOUNTPOINT = 1,
	WHY_MAX = 160,
};

enum step { CREATE, ATTACH, WATCH, POLL, OFFERED, START, DONE };

struct janus_signalling {
	const struct janus_signalling_ops *ops;
	void *arg;
	enum step step;
	char *path; /* of the API, later of the session, then of the handle */
	char *session_path;
	struct http_client *http;
	struct bytes body;
	unsigned events;
};

static void fail(struct janus_signalling *signalling, const char *what)
{
	char why[WHY_MAX];
	snprintf(why, sizeof(why), "Janus: %s: %.100s", what, bytes_string(&signalling->body));
	signalling->step = DONE;
	signalling->ops->failed(signalling->arg, why);
}

static void request(struct janus_signalling *signalling, const char *method, const char *path,
		    json_t *body)
{
	char *text = body ? json_text(body) : NULL;
	const struct http_request_line line = {
		.method = method,
		.path = path,
		.headers = body ? "Content-Type: application/json\r\n" : "",
		.body = text,
		.body_len = text ? strlen(text) : 0,
		.timeout_us = TIMEOUT_US,
	};
	json_decref(body);
	bytes_clear(&signalling->body);
	http_client_start(signalling->http, &line);
	free(text);
}

static void post(struct janus_signalling *signalling, json_t *body)
{
	/* Answers come in order on our one connection, so the name of a transaction says nothing.
	 */
	json_object_set_new(body, "transaction", json_string("souk"));
	request(signalling, "POST", signalling->path, body);
}

static void poll_events(struct janus_signalling *signalling)
{
	char *path = xasprintf("%s?maxev=1", signalling->session_path);
	signalling->step = POLL;
	request(signalling, "GET", path, NULL);
	free(path);
}

/* ---- answers ---- */

/* Sessions and handles are random numbers of 53 bits, which are a further step of the path. */
static bool descend(struct janus_signalling *signalling, const json_t *answer)
{
	const json_t *id = json_object_get(json_object_get(answer, "data"), "id");
	if (!json_is_integer(id))
		return false;
	char *path = xasprintf("%s/%lld", signalling->path, (long long)json_integer_value(id));
	free(signalling->path);
	signalling->path = path;
	return true;
}

static void on_session(struct janus_signalling *signalling, const json_t *answer)
{
	if (!descend(signalling, answer)) {
		fail(signalling, "no session");
		return;
	}
	signalling->session_path = xstrdup(signalling->path);
	signalling->step = ATTACH;
	post(signalling,
	     json_pack("{s:s, s:s}", "janus", "attach", "plugin", "janus.plugin.streaming"));
}

static void on_handle(struct janus_signalling *signalling, const json_t *answer)
{
	if (!descend(signalling, answer)) {
		fail(signalling, "no handle");
		return;
	}
	signalling->step = WATCH;
	post(signalling, json_pack("{s:s, s:{s:s, s:i}}", "janus", "message", "body", "request",
				   "watch", "id", MOUNTPOINT));
}

static void on_event(struct janus_signalling *signalling, const json_t *event)
{
	const json_t *jsep = json_object_get(event, "jsep");
	const json_t *sdp = json_object_get(jsep, "sdp");
	if (json_is_string(sdp)) {
		signalling->step = OFFERED;
		signalling->ops->offer(signalling->arg, json_string_value(sdp),
				       json_string_length(sdp));
		return;
	}
	const json_t *said = json_object_get(
		json_object_get(json_object_get(event, "plugindata"), "data"), "error");
	if (said || ++signalling->events == EVENTS_MAX)
		fail(signalling, "no offer");
	else
		poll_events(signalling);
}

static void on_answer(struct janus_signalling *signalling, const json_t *answer)
{
	switch (signalling->step) {
	case CREATE:
		on_session(signalling, answer);
		break;
	case ATTACH:
		on_handle(signalling, answer);
		break;
	case WATCH:
		poll_events(signalling);
		break;
	case POLL:
		on_event(signalling, answer);
		break;
	case START:
		signalling->step = DONE;
		http_client_destroy(signalling->http);
		signalling->http = NULL;
		break;
	case OFFERED:
	case DONE:
		break;
	}
}

static void on_http_body(void *arg, const uint8_t *data, size_t len)
{
	struct janus_signalling *signalling = arg;
	bytes_put(&signalling->body, data, len);
}

static void on_http_done(void *arg, int err)
{
	struct janus_signalling *signalling = arg;
	struct bytes *body = &signalling->body;
	json_t *answer = bytes_ok(body) ? json_parse(body->data, body->len) : NULL;
	const char *kind = json_string_value(json_object_get(answer, "janus"));
	if (err || http_client_response(signalling->http)->status != 200)
		fail(signalling, err ? strerror(-err) : "not status 200");
	else if (!kind || !strcmp(kind, "error"))
		fail(signalling, "refused");
	else
		on_answer(signalling, answer);
	json_decref(answer);
}

static const struct http_client_ops http_ops = { .body = on_http_body, .done = on_http_done };

void janus_signalling_create(struct janus_signalling **out, struct loop *loop,
			     const struct addr *server, const char *path,
			     const struct janus_signalling_ops *ops, void *arg)
{
	struct janus_signalling *signalling = xcalloc(1, sizeof(*signalling));
	*out = signalling;
	signalling->ops = ops;
	signalling->arg = arg;
	signalling->path = xstrdup(path);
	bytes_init(&signalling->body, BODY_MAX);
	http_client_create(&signalling->http, loop, server, &http_ops, signalling);
	post(signalling, json_pack("{s:s}", "janus", "create"));
}

void janus_signalling_answer(struct janus_signalling *signalling, const char *sdp)
{
	if (signalling->step != OFFERED)
		return;
	signalling->step = START;
	post(signalling, json_pack("{s:s, s:{s:s}, s:{s:s, s:s}}", "janus", "message", "body",
				   "request", "start", "jsep", "type", "answer", "sdp", sdp));
}

void janus_signalling_destroy(struct janus_signalling *signalling)
{
	if (!signalling)
		return;
	http_client_destroy(signalling->http);
	bytes_finish(&signalling->body);
	free(signalling->session_path);
	free(signalling->path);
	free(signalling);
}

int janus_signalling_agree(struct sdp_agreement *out, struct bytes *answer, const char *offer,
			   size_t len, const struct sdp_local *local, struct sdp_error *error)
{
	const struct sdp_answer_rules rules = {
		.client = true,
		.video_feedback = SDP_FB_NACK | SDP_FB_PLI | SDP_FB_REMB,
		.video_extensions = SDP_EXT_ABS_CAPTURE_TIME,
		.h264 = { .high = local->high_profile },
	};
	struct sdp *parsed = NULL;
	int err = sdp_parse(&parsed, offer, len, error);
	if (!err)
		err = sdp_answer(out, answer, parsed, local, &rules, error);
	sdp_destroy(parsed);
	return err;
}
