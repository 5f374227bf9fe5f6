#include "server/whep_stream.h"

#include "server/call.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/http_server.h"
#include "server/reply.h"
#include "server/rtc_request.h"
#include "server/whep_events.h"
#include "server/worker.h"

#include <stdlib.h>
#include <string.h>

static const char comment[] = ":\n\n";

struct whep_reader {
	struct worker *worker, *owner;
	uint64_t id;
	struct http_request *request;
	char resource[RTC_RESOURCE_SIZE], stream[RTC_RESOURCE_SIZE];
};

struct whep_note {
	struct message message;
	struct worker *worker; /* where it runs */
	uint64_t reader;
	struct buf *text; /* NULL: the end */
	char resource[RTC_RESOURCE_SIZE], stream[RTC_RESOURCE_SIZE];
};

static void note_destroy(struct whep_note *note)
{
	buf_unref(note->text);
	free(note);
}

static void note_drop(struct message *message)
{
	note_destroy(list_entry(message, struct whep_note, message));
}

static struct whep_note *note_create(struct worker *worker, uint64_t reader,
				     void (*run)(struct message *message))
{
	struct whep_note *note = xcalloc(1, sizeof(*note));
	note->message = (struct message){ .run = run, .drop = note_drop };
	note->worker = worker;
	note->reader = reader;
	return note;
}

static void run_detach(struct message *message)
{
	struct whep_note *note = list_entry(message, struct whep_note, message);
	whep_stream_detach(note->worker, note->resource, note->stream, note->reader);
	note_destroy(note);
}

static void tell_owner(struct worker *owner, uint64_t reader, const char *resource,
		       const char *stream)
{
	struct whep_note *note = note_create(owner, reader, run_detach);
	memcpy(note->resource, resource, sizeof(note->resource));
	memcpy(note->stream, stream, sizeof(note->stream));
	worker_note(owner, &note->message);
}

static void reader_destroy(struct whep_reader *reader)
{
	map_remove_u64(&reader->worker->whep_readers, reader->id);
	free(reader);
}

static void on_gone(void *arg)
{
	struct whep_reader *reader = arg;
	tell_owner(reader->owner, reader->id, reader->resource, reader->stream);
	reader_destroy(reader);
}

/* Cuts off who is too far behind. The reader may be gone afterwards, or before. */
static void reader_write(struct worker *worker, uint64_t id, const void *text, size_t len)
{
	struct whep_reader *reader = map_get_u64(&worker->whep_readers, id);
	if (!reader)
		return;
	if (http_stream_backlog(reader->request) + len <= WHEP_BACKLOG_MAX &&
	    !http_stream_write(reader->request, text, len))
		return;
	reader = map_get_u64(&worker->whep_readers, id);
	if (!reader)
		return;
	struct http_request *request = reader->request;
	metric_add(worker->app->counters.events_too_slow, 1);
	on_gone(reader);
	http_stream_abort(request);
}

static void run_send(struct message *message)
{
	struct whep_note *note = list_entry(message, struct whep_note, message);
	reader_write(note->worker, note->reader, note->text->data, note->text->len);
	note_destroy(note);
}

static void run_end(struct message *message)
{
	struct whep_note *note = list_entry(message, struct whep_note, message);
	struct whep_reader *reader = map_get_u64(&note->worker->whep_readers, note->reader);
	if (reader) {
		struct http_request *request = reader->request;
		reader_destroy(reader);
		http_stream_end(request);
	}
	note_destroy(note);
}

void whep_reader_send(struct worker *worker, uint64_t reader, struct buf *text)
{
	struct whep_note *note = note_create(worker, reader, run_send);
	note->text = buf_ref(text);
	worker_note(worker, &note->message);
}

void whep_reader_end(struct worker *worker, uint64_t reader)
{
	worker_note(worker, &note_create(worker, reader, run_end)->message);
}

void whep_reader_begin(struct rtc_request *rtc)
{
	static const struct http_stream_ops ops = { .gone = on_gone };
	if (!rtc->request) {
		tell_owner(rtc->owner, rtc->reader, rtc->resource, rtc->item);
		return;
	}
	struct whep_reader *reader = xcalloc(1, sizeof(*reader));
	reader->worker = rtc->from;
	reader->owner = rtc->owner;
	reader->id = rtc->reader;
	reader->request = rtc->request;
	memcpy(reader->resource, rtc->resource, sizeof(reader->resource));
	memcpy(reader->stream, rtc->item, sizeof(reader->stream));
	map_set_u64(&reader->worker->whep_readers, reader->id, reader);
	struct reply_headers headers = { 0 };
	reply_add(&headers, "Content-Type", "text/event-stream");
	reply_add(&headers, "Cache-Control", "no-store");
	reply_add(&headers, "X-Accel-Buffering", "no"); /* nginx would hold events back */
	reply_add_cors(&headers);
	http_stream_begin(reader->request, 200, headers.list, HTTP_CHUNKED, &ops, reader);
	/* A comment, so that the client sees at once that it is open. */
	reader_write(rtc->from, rtc->reader, comment, sizeof(comment) - 1);
	if (rtc->text.len)
		reader_write(rtc->from, rtc->reader, rtc->text.data, rtc->text.len);
}

void whep_readers_second(struct worker *worker)
{
	struct map_cursor cursor = { 0 };
	void *value;
	if (worker->seconds % WHEP_ALIVE_S)
		return;
	while (map_next(&worker->whep_readers, &cursor, NULL, NULL, &value)) {
		const struct whep_reader *reader = value;
		reader_write(worker, reader->id, comment, sizeof(comment) - 1);
	}
}
