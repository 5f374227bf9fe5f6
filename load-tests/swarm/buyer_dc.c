/* Orders over the data channel of a WebRTC session, whose picture is not looked at. */
#include "load-tests/swarm/buyer.h"
#include "load-tests/swarm/rtc_client.h"
#include "server/core/alloc.h"

#include <stdlib.h>
#include <string.h>

struct dc_carrier {
	struct buyer *buyer;
	struct rtc_client *client;
	struct timer again;
};

static void on_connected(void *arg)
{
	(void)arg; /* the channel follows */
}

static void on_opened(void *arg)
{
	const struct dc_carrier *carrier = arg;
	buyer_ready(carrier->buyer);
}

static void on_message(void *arg, const char *text, size_t len)
{
	const struct dc_carrier *carrier = arg;
	buyer_read_messages(carrier->buyer, text, len);
}

static void on_ended(void *arg, const char *why)
{
	struct dc_carrier *carrier = arg;
	if (!carrier->buyer->was_ready)
		scene_failed(carrier->buyer->scene, CLIENT_BUYER, "data channel: %s", why);
	buyer_lost(carrier->buyer);
	timer_start(&carrier->again, BUYER_AGAIN_US);
}

static const struct rtc_client_ops client_ops = {
	.connected = on_connected,
	.channel_opened = on_opened,
	.message = on_message,
	.ended = on_ended,
};

static void on_again(void *arg)
{
	struct dc_carrier *carrier = arg;
	const struct buyer *buyer = carrier->buyer;
	char *path = xasprintf("/whep/%s", buyer->room);
	const struct rtc_client_options options = {
		.offer = { .role = SDP_OFFER_VIEWER },
		.server = &buyer->place.target->http,
		.path = path,
		.token = buyer->token,
		.raw_rtp = true,
		.ops = &client_ops,
		.arg = carrier,
	};
	rtc_client_destroy(carrier->client, RTC_LEAVE_CLOSE);
	rtc_client_create(&carrier->client, buyer->scene, &options);
	free(path);
}

static void *create(struct buyer *buyer)
{
	struct dc_carrier *carrier = xcalloc(1, sizeof(*carrier));
	carrier->buyer = buyer;
	timer_init(&carrier->again, buyer->scene->loop, on_again, carrier);
	on_again(carrier);
	return carrier;
}

static bool place(void *arg, const struct buyer *buyer)
{
	struct dc_carrier *carrier = arg;
	char *text = buyer_place_message(buyer);
	const int err = rtc_client_send_text(carrier->client, text, strlen(text));
	free(text);
	return !err;
}

static void destroy(void *arg)
{
	struct dc_carrier *carrier = arg;
	timer_stop(&carrier->again);
	rtc_client_destroy(carrier->client, RTC_LEAVE_CLOSE);
	free(carrier);
}

const struct buyer_carrier buyer_dc = { .create = create, .send = place, .destroy = destroy };
