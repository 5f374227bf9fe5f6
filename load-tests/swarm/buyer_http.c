/* Orders by POST /api/rooms/{room}/orders, over one connection that is kept. */
#include "load-tests/swarm/buyer.h"
#include "load-tests/swarm/http_client.h"
#include "server/core/alloc.h"
#include "server/core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX = 64 * 1024, TIMEOUT_US = 5 * 1000000 };

struct http_carrier {
	struct buyer *buyer;
	struct http_client *http;
	struct bytes answer;
	char *path, *order;
};

static void on_body(void *arg, const uint8_t *data, size_t len)
{
	struct http_carrier *carrier = arg;
	bytes_put(&carrier->answer, data, len);
}

static void on_done(void *arg, int err)
{
	struct http_carrier *carrier = arg;
	const struct http_response *response = http_client_response(carrier->http);
	char value[16];
	if (err) {
		buyer_lost(carrier->buyer);
		buyer_ready(carrier->buyer); /* the next order makes the next connection */
		return;
	}
	json_t *body = json_parse(carrier->answer.data, carrier->answer.len);
	const struct order_answer answer = {
		.status = response->status,
		.replayed = http_response_header(response, "Idempotency-Replayed", value,
						 sizeof(value)),
		.id = json_string_value(json_object_get(body, "id")),
		.detail = bytes_string(&carrier->answer),
	};
	buyer_answered(carrier->buyer, &answer);
	json_decref(body);
}

static const struct http_client_ops http_ops = { .body = on_body, .done = on_done };

static void *create(struct buyer *buyer)
{
	struct http_carrier *carrier = xcalloc(1, sizeof(*carrier));
	carrier->buyer = buyer;
	carrier->path = xasprintf("/api/rooms/%s/orders", buyer->room);
	carrier->order = xasprintf("{%s}", buyers_order(buyer->buyers));
	bytes_init(&carrier->answer, ANSWER_MAX);
	http_client_create(&carrier->http, buyer->scene->loop, &buyer->place.target->http,
			   &http_ops, carrier);
	buyer_ready(buyer);
	return carrier;
}

static bool place(void *arg, const struct buyer *buyer)
{
	struct http_carrier *carrier = arg;
	char headers[BUYER_KEY_MAX + 64];
	snprintf(headers, sizeof(headers),
		 "Content-Type: application/json\r\nIdempotency-Key: %s\r\n", buyer->key);
	const struct http_request_line request = {
		.method = "POST",
		.path = carrier->path,
		.token = buyer->token,
		.headers = headers,
		.body = carrier->order,
		.body_len = strlen(carrier->order),
		.timeout_us = TIMEOUT_US,
	};
	if (http_client_busy(carrier->http))
		return false;
	bytes_clear(&carrier->answer);
	http_client_start(carrier->http, &request);
	return true;
}

static void destroy(void *arg)
{
	struct http_carrier *carrier = arg;
	http_client_destroy(carrier->http);
	bytes_finish(&carrier->answer);
	free(carrier->path);
	free(carrier->order);
	free(carrier);
}

const struct buyer_carrier buyer_http = { .create = create, .send = place, .destroy = destroy };
