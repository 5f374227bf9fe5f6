#include "load-tests/swarm/ws_client.h"

#include "load-tests/swarm/http_client.h"
#include "load-tests/swarm/ws_reader.h"
#include "server/core/alloc.h"
#include "server/core/crypto.h"
#include "server/core/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES = 16, OPEN_TIMEOUT_US = 10 * 1000000, FRAME_MAX = 80 * 1024, WHY_MAX = 128 };

struct ws_client {
	struct loop *loop;
	const struct ws_client_ops *ops;
	void *arg;
	struct http_client *http;
	struct ws_reader reader;
	struct timer limit; /* until it is open */
	bool reset, open, ended;
};

static void end(struct ws_client *client, const char *why)
{
	if (client->ended)
		return;
	client->ended = true;
	client->open = false;
	timer_stop(&client->limit);
	client->ops->ended(client->arg, why);
}

static int send_frame(struct ws_client *client, enum ws_opcode opcode, const void *data, size_t len)
{
	struct bytes frame;
	bytes_init(&frame, FRAME_MAX);
	ws_frame_write(&frame, opcode, data, len);
	const int err = bytes_ok(&frame) && len <= UINT16_MAX
				? http_client_send(client->http, frame.data, frame.len)
				: -EMSGSIZE;
	bytes_finish(&frame);
	return err;
}

static void on_message(void *arg, enum ws_opcode opcode, const uint8_t *data, size_t len)
{
	struct ws_client *client = arg;
	char why[WHY_MAX];
	if (client->ended)
		return;
	if (opcode == WS_PING && send_frame(client, WS_PONG, data, len)) {
		end(client, "pong could not be sent");
	} else if (opcode == WS_CLOSE) {
		const int code = len >= 2 ? data[0] << 8 | data[1] : 1005; /* RFC 6455 §7.1.5 */
		snprintf(why, sizeof(why), "closed with %d", code);
		end(client, why);
	} else if (opcode == WS_TEXT) {
		client->ops->message(client->arg, (const char *)data, len);
	}
}

static void take_open(struct ws_client *client)
{
	client->open = true;
	timer_stop(&client->limit);
	client->ops->opened(client->arg);
}

static void on_head(void *arg)
{
	struct ws_client *client = arg;
	if (http_client_response(client->http)->status == 101)
		take_open(client);
}

static void on_body(void *arg, const uint8_t *data, size_t len)
{
	struct ws_client *client = arg;
	if (!client->open)
		return;
	ws_reader_feed(&client->reader, data, len);
	if (client->reader.bad)
		end(client, "against RFC 6455");
}

static void on_done(void *arg, int err)
{
	struct ws_client *client = arg;
	char why[WHY_MAX];
	const int status = http_client_response(client->http)->status;
	if (err)
		snprintf(why, sizeof(why), "%s", strerror(-err));
	else
		snprintf(why, sizeof(why), status == 101 ? "connection ended" : "status %d",
			 status);
	end(client, why);
}

static const struct http_client_ops http_ops = {
	.head = on_head,
	.body = on_body,
	.done = on_done,
};

static void on_limit(void *arg)
{
	struct ws_client *client = arg;
	end(client, "not open in time");
}

void ws_client_create(struct ws_client **out, struct loop *loop,
		      const struct ws_client_options *options)
{
	struct ws_client *client = xcalloc(1, sizeof(*client));
	uint8_t random[KEY_BYTES];
	char key[KEY_BYTES * 2];
	crypto_random(random, sizeof(random));
	base64_encode(random, sizeof(random), key);
	char *path = xasprintf("/ws/%s", options->room);
	char *headers = xasprintf("Connection: Upgrade\r\nUpgrade: websocket\r\n"
				  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
				  "Sec-WebSocket-Protocol: souk.v1\r\n",
				  key);
	const struct http_request_line request = {
		.method = "GET",
		.path = path,
		.token = options->token,
		.headers = headers,
	};
	client->loop = loop;
	client->ops = options->ops;
	client->arg = options->arg;
	client->reset = options->reset;
	ws_reader_init(&client->reader, on_message, client);
	timer_init(&client->limit, loop, on_limit, client);
	http_client_create(&client->http, loop, options->server, &http_ops, client);
	if (options->reset)
		http_client_reset_at_end(client->http);
	http_client_start(client->http, &request);
	timer_start(&client->limit, OPEN_TIMEOUT_US);
	free(headers);
	free(path);
	*out = client;
}

int ws_client_send(struct ws_client *client, const char *text, size_t len)
{
	return client->open ? send_frame(client, WS_TEXT, text, len) : -ENOTCONN;
}

void ws_client_destroy(struct ws_client *client)
{
	static const uint8_t normal[] = { 1000 >> 8, 1000 & 0xff };
	if (!client)
		return;
	if (client->open && !client->reset && send_frame(client, WS_CLOSE, normal, sizeof(normal)))
		client->open = false; /* it is going away in any case */
	timer_stop(&client->limit);
	http_client_destroy(client->http);
	ws_reader_finish(&client->reader);
	free(client);
}
