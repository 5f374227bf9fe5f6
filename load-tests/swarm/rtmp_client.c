#include "load-tests/swarm/rtmp_client.h"

#include "load-tests/swarm/tcp.h"
#include "media/ingest/amf0.h"
#include "media/ingest/rtmp_chunk.h"
#include "media/ingest/rtmp_handshake.h"
#include "server/core/addr.h"
#include "server/core/alloc.h"
#include "server/core/bits.h"
#include "server/core/crypto.h"
#include "server/core/loop.h"
#include "server/core/stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHUNK_SIZE = 65536,
	CS_CONTROL = 2,
	CS_COMMAND = 3,
	CS_MEDIA = 5,
	MESSAGE_MAX = RTMP_MESSAGE_MAX + 256 * 1024, /* with the heads of its chunks */
	COMMAND_MAX = 8192,
	BACKLOG_MAX = 8 * 1024 * 1024,
	START_TIMEOUT_US = 10 * 1000000,
	S0_S1_S2 = 1 + 2 * RTMP_HANDSHAKE_SIZE,
	CONNECT = 1, /* transactions, §7.2.1 */
	CREATE_STREAM = 4,
	EVENT_PING = 6,
	EVENT_PONG = 7,
};

struct rtmp_client {
	struct loop *loop;
	const struct rtmp_client_ops *ops;
	void *arg;
	struct stream *stream; /* NULL: no connection */
	struct rtmp_chunk_reader reader;
	struct bytes handshake; /* S0, S1, S2 as they come */
	struct bytes out;
	struct timer limit; /* until it publishes */
	struct deferred failing; /* tells an error found inside create() */
	char *key;
	char tc_url[ADDR_TEXT + 32];
	int err;
	uint32_t stream_id;
	bool shaken, publishing, ended;
};

static void end(struct rtmp_client *client, const char *why)
{
	if (client->ended)
		return;
	client->ended = true;
	client->publishing = false;
	timer_stop(&client->limit);
	stream_destroy(client->stream);
	client->stream = NULL;
	client->ops->ended(client->arg, why);
}

/* ---- what we say ---- */

static int flush(struct rtmp_client *client)
{
	const int err = !bytes_ok(&client->out) ? -EMSGSIZE
			: !client->stream
				? -ENOTCONN
				: stream_write(client->stream, client->out.data, client->out.len);
	bytes_clear(&client->out);
	return err;
}

static void put_message(struct rtmp_client *client, unsigned chunk_stream,
			const struct rtmp_message *message)
{
	rtmp_chunk_write(&client->out, chunk_stream, message, CHUNK_SIZE);
}

static void put_command(struct rtmp_client *client, uint32_t stream_id, struct bytes *body)
{
	const struct rtmp_message message = {
		.type = RTMP_COMMAND_AMF0,
		.stream_id = stream_id,
		.data = body->data,
		.len = body->len,
	};
	put_message(client, CS_COMMAND, &message);
	bytes_finish(body);
}

static void begin_command(struct bytes *body, const char *name, double transaction)
{
	bytes_init(body, COMMAND_MAX);
	amf0_put_text(body, name);
	amf0_put_number(body, transaction);
}

/* Set chunk size goes with its own, still the first, size. */
static void put_connect(struct rtmp_client *client)
{
	struct bytes body;
	uint8_t size[4] = { 0, (uint8_t)(CHUNK_SIZE >> 16), 0, 0 };
	const struct rtmp_message message = {
		.type = RTMP_SET_CHUNK_SIZE,
		.data = size,
		.len = sizeof(size),
	};
	put_message(client, CS_CONTROL, &message);
	begin_command(&body, "connect", CONNECT);
	amf0_put_object(&body);
	amf0_put_pair(&body, "app", "live");
	amf0_put_pair(&body, "type", "nonprivate");
	amf0_put_pair(&body, "flashVer", "FMLE/3.0 (compatible; souk-swarm)");
	amf0_put_pair(&body, "tcUrl", client->tc_url);
	amf0_put_end(&body);
	put_command(client, 0, &body);
}

static void put_named(struct rtmp_client *client, const char *name, double transaction)
{
	struct bytes body;
	begin_command(&body, name, transaction);
	amf0_put_null(&body);
	amf0_put_text(&body, client->key);
	put_command(client, 0, &body);
}

static void put_create_stream(struct rtmp_client *client)
{
	struct bytes body;
	put_named(client, "releaseStream", 2);
	put_named(client, "FCPublish", 3);
	begin_command(&body, "createStream", CREATE_STREAM);
	amf0_put_null(&body);
	put_command(client, 0, &body);
}

static void put_publish(struct rtmp_client *client)
{
	struct bytes body;
	begin_command(&body, "publish", CREATE_STREAM + 1);
	amf0_put_null(&body);
	amf0_put_text(&body, client->key);
	amf0_put_text(&body, "live");
	put_command(client, client->stream_id, &body);
}

static void put_goodbye(struct rtmp_client *client)
{
	struct bytes body;
	put_named(client, "FCUnpublish", 6);
	begin_command(&body, "deleteStream", 7);
	amf0_put_null(&body);
	amf0_put_number(&body, client->stream_id);
	put_command(client, 0, &body);
}

/* ---- what we hear ---- */

static int on_result(struct rtmp_client *client, double transaction, struct bits *bits)
{
	double id;
	if (transaction == CONNECT) {
		put_create_stream(client);
	} else if (transaction == CREATE_STREAM) {
		if (amf0_skip(bits) || amf0_number(bits, &id))
			return -EPROTO;
		client->stream_id = (uint32_t)id;
		put_publish(client);
	}
	return 0;
}

/* The member "code" of the information object. */
static void read_code(struct bits *bits, char *out, size_t size)
{
	struct amf0_text key, value;
	out[0] = '\0';
	if (amf0_skip(bits) || amf0_enter(bits))
		return;
	while (amf0_key(bits, &key) == 1) {
		if (amf0_text_is(&key, "code") && !amf0_string(bits, &value)) {
			snprintf(out, size, "%.*s", (int)value.len, value.data);
			return;
		}
		if (amf0_skip(bits))
			return;
	}
}

static void on_status(struct rtmp_client *client, struct bits *bits)
{
	char code[64];
	read_code(bits, code, sizeof(code));
	if (!strcmp(code, "NetStream.Publish.Start")) {
		client->publishing = true;
		timer_stop(&client->limit);
		client->ops->publishing(client->arg);
	} else if (!client->publishing) {
		end(client, code);
	}
}

static int on_command(struct rtmp_client *client, const struct rtmp_message *message)
{
	struct bits bits;
	struct amf0_text name;
	double transaction;
	bits_init(&bits, message->data, message->len);
	if (amf0_string(&bits, &name) || amf0_number(&bits, &transaction))
		return -EPROTO;
	if (amf0_text_is(&name, "_result"))
		return on_result(client, transaction, &bits);
	if (amf0_text_is(&name, "onStatus") || amf0_text_is(&name, "_error"))
		on_status(client, &bits);
	return 0;
}

static int on_message(void *arg, const struct rtmp_message *message)
{
	struct rtmp_client *client = arg;
	if (client->ended)
		return -ECANCELED;
	if (message->type == RTMP_COMMAND_AMF0)
		return on_command(client, message);
	if (message->type == RTMP_USER_CONTROL && message->len == 6 &&
	    message->data[1] == EVENT_PING) {
		uint8_t pong[6] = { 0, EVENT_PONG };
		memcpy(pong + 2, message->data + 2, 4);
		const struct rtmp_message answer = {
			.type = RTMP_USER_CONTROL,
			.data = pong,
			.len = sizeof(pong),
		};
		put_message(client, CS_CONTROL, &answer);
	}
	return 0;
}

/* §5.2: C2 repeats S1; S2 is not checked, as no encoder does. */
static void take_handshake(struct rtmp_client *client, const uint8_t **data, size_t *len)
{
	const size_t want = S0_S1_S2 - client->handshake.len;
	const size_t part = *len < want ? *len : want;
	bytes_put(&client->handshake, *data, part);
	*data += part;
	*len -= part;
	if (client->handshake.len < S0_S1_S2)
		return;
	client->shaken = true;
	bytes_put(&client->out, client->handshake.data + 1, RTMP_HANDSHAKE_SIZE);
	bytes_finish(&client->handshake);
	put_connect(client);
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
	struct rtmp_client *client = arg;
	if (!client->shaken)
		take_handshake(client, &data, &len);
	const int err = len ? rtmp_chunk_feed(&client->reader, data, len) : 0;
	if (client->ended)
		return;
	if (err)
		end(client, "the server's messages cannot be read");
	else if (client->out.len && flush(client))
		end(client, "connection lost");
}

static void on_closed(void *arg, int err)
{
	struct rtmp_client *client = arg;
	end(client, err ? strerror(-err) : "the server closed the connection");
}

static const struct stream_ops stream_ops = { .data = on_data, .closed = on_closed };

static void on_limit(void *arg)
{
	end(arg, "not publishing in time");
}

static void on_failing(void *arg)
{
	struct rtmp_client *client = arg;
	end(client, strerror(-client->err));
}

/* ---- life ---- */

static int open_connection(struct rtmp_client *client, const struct addr *server)
{
	const int fd = tcp_connect(server);
	if (fd < 0)
		return fd;
	const int err = stream_create(&client->stream, client->loop, fd, NULL, &stream_ops, client);
	if (!err)
		stream_set_backlog_cap(client->stream, BACKLOG_MAX);
	return err;
}

/* C0 and C1: version, time 0, zero, random. */
static void put_hello(struct rtmp_client *client)
{
	bytes_u8(&client->out, RTMP_VERSION);
	uint8_t *block = bytes_extend(&client->out, RTMP_HANDSHAKE_SIZE);
	crypto_random(block, RTMP_HANDSHAKE_SIZE);
	memset(block, 0, 8);
}

void rtmp_client_create(struct rtmp_client **out, struct loop *loop,
			const struct rtmp_client_options *options)
{
	struct rtmp_client *client = xcalloc(1, sizeof(*client));
	char server[ADDR_TEXT];
	client->loop = loop;
	client->ops = options->ops;
	client->arg = options->arg;
	client->key = xstrdup(options->key);
	addr_format(options->server, server);
	snprintf(client->tc_url, sizeof(client->tc_url), "rtmp://%s/live", server);
	rtmp_chunk_reader_init(&client->reader, on_message, client);
	bytes_init(&client->handshake, S0_S1_S2);
	bytes_init(&client->out, MESSAGE_MAX);
	timer_init(&client->limit, loop, on_limit, client);
	deferred_init(&client->failing, on_failing, client);
	put_hello(client);
	client->err = open_connection(client, options->server);
	if (!client->err)
		client->err = flush(client);
	if (client->err)
		loop_defer(loop, &client->failing);
	else
		timer_start(&client->limit, START_TIMEOUT_US);
	*out = client;
}

int rtmp_client_send(struct rtmp_client *client, uint8_t type, uint32_t at_ms, const uint8_t *data,
		     size_t len)
{
	const struct rtmp_message message = {
		.type = type,
		.stream_id = client->stream_id,
		.timestamp = at_ms,
		.data = data,
		.len = len,
	};
	if (!client->publishing)
		return -ENOTCONN;
	put_message(client, CS_MEDIA, &message);
	return flush(client);
}

void rtmp_client_destroy(struct rtmp_client *client)
{
	if (!client)
		return;
	if (client->publishing) {
		put_goodbye(client);
		client->publishing = flush(client) == 0; /* said, or it does not matter any more */
	}
	timer_stop(&client->limit);
	deferred_cancel(&client->failing);
	stream_destroy(client->stream);
	rtmp_chunk_reader_finish(&client->reader);
	bytes_finish(&client->handshake);
	bytes_finish(&client->out);
	free(client->key);
	free(client);
}
