#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/http_connection.h"
#include "server/core/http_range.h"
#include "server/core/http_status.h"
#include "server/core/metrics.h"
#include "server/core/percent.h"
#include "server/core/proxy.h"
#include "server/core/stream.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPLY_HEAD_MAX = 16 * 1024, REFUSALS_US = 1000 * 1000 };

const char *http_method(const struct http_request *request)
{
	return request->connection->http.method;
}

const char *http_path(const struct http_request *request)
{
	return request->connection->http.path;
}

const char *http_query_text(const struct http_request *request)
{
	return request->connection->http.query;
}

size_t http_segments(struct http_request *request, const char *out[HTTP_SEGMENTS_MAX])
{
	const char *path = http_path(request);
	if (path[0] != '/' || !path[1])
		return 0;
	free(request->segments);
	request->segments = xstrdup(path + 1);
	size_t count = 0;
	for (char *at = request->segments; at; count++) {
		if (count == HTTP_SEGMENTS_MAX)
			return HTTP_SEGMENTS_MAX + 1;
		out[count] = at;
		at = strchr(at, '/');
		if (at)
			*at++ = '\0';
	}
	return count;
}

long http_query(const struct http_request *request, const char *name, char *out, size_t size)
{
	return percent_query(http_query_text(request), name, out, size);
}

const char *http_header(const struct http_request *request, const char *name)
{
	return http1_header(&request->connection->http, name);
}

bool http_header_has(const struct http_request *request, const char *name, const char *token)
{
	return http1_header_has(&request->connection->http, name, token);
}

bool http_accepts(const struct http_request *request, const char *name, const char *token)
{
	return http1_accepts(&request->connection->http, name, token);
}

const uint8_t *http_body(const struct http_request *request, size_t *len)
{
	const struct bytes *body = &request->connection->http.body;
	*len = body->len;
	return body->data ? body->data : (const uint8_t *)"";
}

void http_client(const struct http_request *request, struct addr *out)
{
	const struct http_connection *connection = request->connection;
	proxies_find_client(connection->server->opts.proxies, &connection->peer, &connection->http,
			    out);
}

bool http_is_tls(const struct http_request *request)
{
	return request->connection->tls;
}

struct loop *http_loop(const struct http_request *request)
{
	return request->connection->server->loop;
}

void http_on_gone(struct http_request *request, void (*gone)(void *arg), void *arg)
{
	request->gone = gone;
	request->arg = arg;
}

void http_on_sent(struct http_request *request, void (*sent)(void *arg), void *arg)
{
	request->connection->sent = sent;
	request->connection->sent_arg = arg;
}

/* RFC 9110 §5.6.7; by hand, because strftime() follows the locale. */
static void put_date(struct bytes *head, int64_t utc_us)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	const time_t now = (time_t)(utc_us / 1000000);
	struct tm tm;
	gmtime_r(&now, &tm);
	bytes_printf(head, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[tm.tm_wday],
		     tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
		     tm.tm_sec);
}

/* Those that somebody outside may make without end: one line a second, and how many it stands for.
 * Of the path only what is no secret. */
static void note_refusal(struct http_request *request, int status)
{
	struct http_server *server = request->connection->server;
	const int64_t now_us = loop_now_us(server->loop);
	struct addr client;
	char ip[ADDR_TEXT];
	if (status != 401 && status != 403 && status != 429 && status < 500)
		return;
	server->refusals++;
	if (now_us < server->refusal_told_us + REFUSALS_US)
		return;
	http_client(request, &client);
	addr_format_ip(&client, ip);
	const char *path = http_path(request) + 1;
	log_info(&server->log, "refused status=%d from=%s method=%s to=/%.*s count=%u", status, ip,
		 http_method(request), (int)strspn(path, "abcdefghijklmnopqrstuvwxyz"), path,
		 server->refusals);
	server->refusal_told_us = now_us;
	server->refusals = 0;
}

static void begin_head(struct bytes *head, struct http_request *request, int status,
		       const struct http_header *headers)
{
	struct metric *counter = request->connection->server->replies[status / 100 - 2];
	if (counter)
		metric_add(counter, 1);
	if (request->connection->http.status == 0)
		note_refusal(request, status);
	bytes_init(head, REPLY_HEAD_MAX);
	bytes_printf(head, "HTTP/1.1 %d %s\r\n", status, http_reason(status));
	put_date(head, loop_utc_us(request->connection->server->loop));
	for (; headers && headers->name; headers++)
		/* A value that came from outside must not start a line of its own. */
		if (!strpbrk(headers->value, "\r\n"))
			bytes_printf(head, "%s: %s\r\n", headers->name, headers->value);
}

static void end_head(struct bytes *head, bool keep_alive)
{
	bytes_text(head, keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
}

/* RFC 9110 §8.6: no Content-Length and no body on these. */
static bool has_body(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

/* Bytes that are copied, or shared ones, or none. */
struct body {
	const void *data;
	size_t len; /* of all of it */
	struct buf *const *bufs;
	size_t count;
	const char *fields; /* lines of the head; NULL: none */
	bool endless; /* nobody knows how long it will be */
};

static void reply(struct http_request *request, int status, const struct http_header *headers,
		  const struct body *body)
{
	struct http_connection *connection = request->connection;
	if (connection->phase != HTTP_HANDLING)
		return;
	const bool keep_alive = connection_keeps(connection);
	struct bytes head;
	begin_head(&head, request, status, headers);
	if (has_body(status) && !body->endless)
		bytes_printf(&head, "Content-Length: %zu\r\n", body->len);
	if (body->fields)
		bytes_text(&head, body->fields);
	end_head(&head, keep_alive);
	const bool sends_body = has_body(status) && !request->is_head;
	const struct stream_frame frame = {
		.head = head.data,
		.head_len = head.len,
		.tail = sends_body ? body->data : NULL,
		.tail_len = sends_body && body->data ? body->len : 0,
	};
	const int err = bytes_ok(&head)
				? stream_write_framed(connection->stream, &frame, body->bufs,
						      sends_body ? body->count : 0)
				: -ENOBUFS;
	bytes_finish(&head);
	if (err && err != -ENOTCONN) /* a client must not take half a reply for a whole one */
		connection_end(connection);
	else
		connection_replied(connection, keep_alive);
}

void http_reply(struct http_request *request, int status, const struct http_header *headers,
		const void *body, size_t len)
{
	reply(request, status, headers, &(struct body){ .data = body, .len = body ? len : 0 });
}

void http_reply_head(struct http_request *request, const struct http_header *headers)
{
	assert(request->is_head);
	reply(request, 200, headers, &(struct body){ .endless = true });
}

void http_reply_buf(struct http_request *request, int status, const struct http_header *headers,
		    struct buf *body)
{
	reply(request, status, headers,
	      &(struct body){ .bufs = &body, .count = 1, .len = body->len });
}

static struct buf *copy_part(const struct body *body, size_t first, size_t count)
{
	struct buf *part = buf_create(count);
	size_t done = 0;
	for (size_t i = 0; part && i < body->count && done < count; i++) {
		const size_t len = body->bufs[i]->len;
		const size_t skip = first < len ? first : len;
		const size_t take = len - skip < count - done ? len - skip : count - done;
		memcpy(part->data + done, body->bufs[i]->data + skip, take);
		first -= skip;
		done += take;
	}
	return part;
}

static void reply_part(struct http_request *request, const struct http_header *headers,
		       const struct body *body, size_t first, size_t count)
{
	char fields[128];
	struct buf *part = copy_part(body, first, count);
	if (!part) { /* a client may be given more than it asked for */
		reply(request, 200, headers, body);
		return;
	}
	snprintf(fields, sizeof(fields),
		 "Accept-Ranges: bytes\r\nContent-Range: bytes %zu-%zu/%zu\r\n", first,
		 first + count - 1, body->len);
	reply(request, 206, headers,
	      &(struct body){ .bufs = &part, .count = 1, .len = count, .fields = fields });
	buf_unref(part);
}

static void refuse_range(struct http_request *request, size_t len)
{
	static const struct http_header headers[] = {
		{ "Content-Type", "application/problem+json" },
		{ "Cache-Control", "no-store" },
		{ "Access-Control-Allow-Origin", "*" },
		{ NULL, NULL },
	};
	static const char text[] =
		"{\"type\":\"about:blank\",\"title\":\"Range Not Satisfiable\",\"status\":416,"
		"\"code\":\"bad_request\",\"member\":\"Range\"}";
	char fields[64];
	snprintf(fields, sizeof(fields), "Content-Range: bytes */%zu\r\n", len);
	reply(request, 416, headers,
	      &(struct body){ .data = text, .len = sizeof(text) - 1, .fields = fields });
}

void http_reply_ranges(struct http_request *request, const struct http_header *headers,
		       struct buf *const *bufs, size_t count)
{
	struct body body = { .bufs = bufs, .count = count, .fields = "Accept-Ranges: bytes\r\n" };
	size_t first = 0, part = 0;
	for (size_t i = 0; i < count; i++)
		body.len += bufs[i]->len;
	/* RFC 9110 §14.2: GET alone. §13.1.5: there are no validators that If-Range could name. */
	const bool asked = !request->is_head && !http_header(request, "If-Range");
	const enum http_range range = http_range_parse(asked ? http_header(request, "Range") : NULL,
						       body.len, &first, &part);
	if (range == HTTP_RANGE_PART)
		reply_part(request, headers, &body, first, part);
	else if (range == HTTP_RANGE_OUTSIDE)
		refuse_range(request, body.len);
	else
		reply(request, 200, headers, &body);
}

void http_stream_begin(struct http_request *request, int status, const struct http_header *headers,
		       enum http_framing framing, const struct http_stream_ops *ops, void *arg)
{
	struct http_connection *connection = request->connection;
	if (connection->phase != HTTP_HANDLING)
		return;
	request->stream_ops = ops;
	request->arg = arg;
	request->chunked = framing == HTTP_CHUNKED && !connection->http.version_1_0;
	connection->http.keep_alive = request->chunked && connection_keeps(connection);
	connection->phase = HTTP_STREAMING;
	struct bytes head;
	begin_head(&head, request, status, headers);
	if (request->chunked)
		bytes_text(&head, "Transfer-Encoding: chunked\r\n");
	end_head(&head, connection->http.keep_alive);
	stream_write(connection->stream, head.data, head.len);
	bytes_finish(&head);
	if (!request->chunked) { /* nothing that still comes is read as a request */
		bytes_clear(&connection->waiting);
		stream_resume(connection->stream);
	}
}

struct stream *http_stream_direct(const struct http_request *request)
{
	const struct http_connection *connection = request->connection;
	const bool bare = connection->phase == HTTP_STREAMING && !request->chunked;
	return bare && !request->is_head ? connection->stream : NULL;
}

/* RFC 9112 §7.1 */
static int write_chunk(struct http_request *request, const struct stream_frame *data,
		       struct buf *const *bufs, size_t count)
{
	size_t len = data->head_len;
	for (size_t i = 0; i < count; i++)
		len += bufs[i]->len;
	if (!len) /* would be the last chunk */
		return 0;
	char size[24];
	const int size_len = snprintf(size, sizeof(size), "%zx\r\n", len);
	struct stream_frame frame = {
		.head = size,
		.head_len = (size_t)size_len,
		.tail = "\r\n",
		.tail_len = 2,
	};
	if (count)
		return stream_write_framed(request->connection->stream, &frame, bufs, count);
	struct bytes chunk;
	bytes_init(&chunk, len + sizeof(size) + 2);
	bytes_put(&chunk, size, (size_t)size_len);
	bytes_put(&chunk, data->head, len);
	bytes_text(&chunk, "\r\n");
	const int err = bytes_ok(&chunk)
				? stream_write(request->connection->stream, chunk.data, chunk.len)
				: -ENOBUFS;
	bytes_finish(&chunk);
	return err;
}

static int write_stream(struct http_request *request, const struct stream_frame *data,
			struct buf *const *bufs, size_t count)
{
	const struct http_connection *connection = request->connection;
	if (connection->phase != HTTP_STREAMING)
		return -ENOTCONN;
	if (request->is_head)
		return 0;
	if (request->chunked)
		return write_chunk(request, data, bufs, count);
	return stream_write_framed(connection->stream, data, bufs, count);
}

int http_stream_write(struct http_request *request, const void *data, size_t len)
{
	const struct stream_frame frame = { .head = data, .head_len = len };
	return write_stream(request, &frame, NULL, 0);
}

int http_stream_write_bufs(struct http_request *request, struct buf *const *bufs, size_t count)
{
	const struct stream_frame none = { 0 };
	return write_stream(request, &none, bufs, count);
}

size_t http_stream_backlog(const struct http_request *request)
{
	const struct stream *stream = request->connection->stream;
	return stream ? stream_backlog(stream) : 0;
}

void http_stream_end(struct http_request *request)
{
	struct http_connection *connection = request->connection;
	if (connection->phase != HTTP_STREAMING)
		return;
	/* A reader so slow that the last chunk finds no room sees a truncated reply, as it should.
	 */
	if (request->chunked && !request->is_head &&
	    stream_write(connection->stream, "0\r\n\r\n", 5) == -ENOBUFS)
		connection_end(connection);
	else
		connection_replied(connection,
				   connection->http.keep_alive && connection_keeps(connection));
}

void http_stream_abort(struct http_request *request)
{
	connection_end(request->connection);
}

struct stream *http_upgrade(struct http_request *request, struct bytes *rest)
{
	struct http_connection *connection = request->connection;
	if (connection->phase != HTTP_HANDLING)
		return NULL;
	struct stream *stream = connection->stream;
	connection->stream = NULL;
	*rest = connection->waiting;
	bytes_init(&connection->waiting, 1);
	connection_end(connection);
	return stream;
}
