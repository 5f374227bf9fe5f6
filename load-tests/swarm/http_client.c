#include "load-tests/swarm/http_client.h"

#include "load-tests/swarm/tcp.h"
#include "server/core/alloc.h"
#include "server/core/loop.h"
#include "server/core/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { REQUEST_MAX = 64 * 1024 };

struct http_client {
	struct loop *loop;
	const struct addr *server;
	const struct http_client_ops *ops;
	void *arg;
	struct stream *stream; /* NULL: not connected */
	struct http_response response;
	struct timer limit;
	struct deferred failing; /* tells an error found inside http_client_start() */
	int err;
	bool busy;
	bool reset; /* connections end with RST */
};

static void disconnect(struct http_client *client)
{
	stream_destroy(client->stream);
	client->stream = NULL;
}

static void finish(struct http_client *client, int err)
{
	if (err || !client->response.keep_alive)
		disconnect(client);
	timer_stop(&client->limit);
	deferred_cancel(&client->failing);
	if (!client->busy)
		return;
	client->busy = false;
	client->ops->done(client->arg, err);
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
	struct http_client *client = arg;
	enum http_response_event event = HTTP_RESPONSE_HEAD;
	if (!client->busy) { /* nothing was asked */
		disconnect(client);
		return;
	}
	while (event == HTTP_RESPONSE_HEAD || event == HTTP_RESPONSE_BODY) {
		event = http_response_feed(&client->response, &data, &len);
		if (event == HTTP_RESPONSE_HEAD && client->ops->head)
			client->ops->head(client->arg);
		else if (event == HTTP_RESPONSE_BODY && client->ops->body)
			client->ops->body(client->arg, client->response.piece,
					  client->response.piece_len);
	}
	if (event == HTTP_RESPONSE_DONE)
		finish(client, len ? -EPROTO : 0);
	else if (event == HTTP_RESPONSE_FAILED)
		finish(client, -EPROTO);
}

static void on_closed(void *arg, int err)
{
	struct http_client *client = arg;
	if (!err && !client->response.until_close)
		err = -ECONNRESET;
	if (!client->busy)
		disconnect(client);
	else
		finish(client, err);
}

static const struct stream_ops stream_ops = { .data = on_data, .closed = on_closed };

static void on_limit(void *arg)
{
	finish(arg, -ETIMEDOUT);
}

static void on_failing(void *arg)
{
	struct http_client *client = arg;
	finish(client, client->err);
}

void http_client_create(struct http_client **out, struct loop *loop, const struct addr *server,
			const struct http_client_ops *ops, void *arg)
{
	struct http_client *client = xcalloc(1, sizeof(*client));
	client->loop = loop;
	client->server = server;
	client->ops = ops;
	client->arg = arg;
	http_response_init(&client->response);
	timer_init(&client->limit, loop, on_limit, client);
	deferred_init(&client->failing, on_failing, client);
	*out = client;
}

static int open_connection(struct http_client *client)
{
	const int fd = tcp_connect(client->server);
	if (fd < 0)
		return fd;
	if (client->reset) {
		const struct linger linger = { .l_onoff = 1 };
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	}
	return stream_create(&client->stream, client->loop, fd, NULL, &stream_ops, client);
}

void http_client_reset_at_end(struct http_client *client)
{
	client->reset = true;
}

static void write_request(struct bytes *out, const struct http_client *client,
			  const struct http_request_line *request)
{
	char host[ADDR_TEXT];
	addr_format(client->server, host);
	bytes_printf(out, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", request->method, request->path, host,
		     request->headers);
	if (request->token)
		bytes_printf(out, "Authorization: Bearer %s\r\n", request->token);
	if (request->body)
		bytes_printf(out, "Content-Length: %zu\r\n", request->body_len);
	bytes_text(out, "\r\n");
	bytes_put(out, request->body, request->body_len);
}

void http_client_start(struct http_client *client, const struct http_request_line *request)
{
	struct bytes text;
	client->busy = true;
	client->err = 0;
	http_response_reset(&client->response);
	if (!client->stream)
		client->err = open_connection(client);
	bytes_init(&text, REQUEST_MAX);
	write_request(&text, client, request);
	if (!bytes_ok(&text))
		client->err = -EMSGSIZE;
	if (!client->err)
		client->err = stream_write(client->stream, text.data, text.len);
	bytes_finish(&text);
	if (client->err)
		loop_defer(client->loop, &client->failing);
	else if (request->timeout_us)
		timer_start(&client->limit, request->timeout_us);
}

int http_client_send(struct http_client *client, const void *data, size_t len)
{
	return client->stream ? stream_write(client->stream, data, len) : -ENOTCONN;
}

bool http_client_busy(const struct http_client *client)
{
	return client->busy;
}

const struct http_response *http_client_response(const struct http_client *client)
{
	return &client->response;
}

void http_client_destroy(struct http_client *client)
{
	if (!client)
		return;
	disconnect(client);
	timer_stop(&client->limit);
	deferred_cancel(&client->failing);
	http_response_finish(&client->response);
	free(client);
}
