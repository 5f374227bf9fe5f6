/* Orders over a WebSocket of the buyer's own. */
#include "load-tests/swarm/buyer.h"
#include "load-tests/swarm/ws_client.h"
#include "server/core/alloc.h"

#include <stdlib.h>
#include <string.h>

struct ws_carrier {
	struct buyer *buyer;
	struct ws_client *client;
	struct timer again;
};

static void on_opened(void *arg)
{
	const struct ws_carrier *carrier = arg;
	buyer_ready(carrier->buyer);
}

static void on_message(void *arg, const char *text, size_t len)
{
	const struct ws_carrier *carrier = arg;
	buyer_read_messages(carrier->buyer, text, len);
}

static void on_ended(void *arg, const char *why)
{
	(void)why;
	struct ws_carrier *carrier = arg;
	buyer_lost(carrier->buyer);
	timer_start(&carrier->again, BUYER_AGAIN_US);
}

static const struct ws_client_ops client_ops = {
	.opened = on_opened,
	.message = on_message,
	.ended = on_ended,
};

static void on_again(void *arg)
{
	struct ws_carrier *carrier = arg;
	const struct ws_client_options options = {
		.server = &carrier->buyer->place.target->http,
		.room = carrier->buyer->room,
		.token = carrier->buyer->token,
		.ops = &client_ops,
		.arg = carrier,
	};
	ws_client_destroy(carrier->client);
	ws_client_create(&carrier->client, carrier->buyer->scene->loop, &options);
}

static void *create(struct buyer *buyer)
{
	struct ws_carrier *carrier = xcalloc(1, sizeof(*carrier));
	carrier->buyer = buyer;
	timer_init(&carrier->again, buyer->scene->loop, on_again, carrier);
	on_again(carrier);
	return carrier;
}

static bool place(void *arg, const struct buyer *buyer)
{
	struct ws_carrier *carrier = arg;
	char *text = buyer_place_message(buyer);
	const int err = ws_client_send(carrier->client, text, strlen(text));
	free(text);
	return !err;
}

static void destroy(void *arg)
{
	struct ws_carrier *carrier = arg;
	timer_stop(&carrier->again);
	ws_client_destroy(carrier->client);
	free(carrier);
}

const struct buyer_carrier buyer_ws = { .create = create, .send = place, .destroy = destroy };
