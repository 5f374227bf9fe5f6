#include "media/output/hls_events.h"

#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/bytes.h"
#include "server/core/crypto.h"
#include "server/core/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ID_MAX = 64 };

void hls_events_init(struct hls_events *events)
{
	*events = (struct hls_events){ 0 };
}

void hls_events_finish(struct hls_events *events)
{
	for (size_t i = 0; i < events->count; i++)
		buf_unref(events->list[i].line);
	events->count = 0;
}

void hls_date_text(int64_t utc_us, char out[HLS_DATE_TEXT])
{
	const time_t seconds = (time_t)(utc_us / 1000000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	const size_t len = strftime(out, HLS_DATE_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + len, HLS_DATE_TEXT - len, ".%03dZ", (int)(utc_us / 1000 % 1000));
}

/* RFC 8216 §4.2: an attribute's quoted text holds neither quotes nor line ends, JSON does. */
static struct buf *make_line(const struct hls_event *event, const char *id,
			     const struct buf *message)
{
	char date[HLS_DATE_TEXT];
	char *base64 = xcalloc(1, base64_len(message->len) + 1);
	base64_encode(message->data, message->len, base64);
	hls_date_text(event->at_us, date);
	char *text =
		xasprintf("#EXT-X-DATERANGE:ID=\"%s\",CLASS=\"souk.timeline\",START-DATE=\"%s\","
			  "X-SOUK-TYPE=\"%s\",X-SOUK-MESSAGE=\"%s\"\n",
			  id, date, event->type, base64);
	struct buf *line = buf_copy(text, strlen(text));
	free(text);
	free(base64);
	return line;
}

static int parse(struct hls_event *out, char id[ID_MAX], const struct buf *message)
{
	json_t *value = json_parse(message->data, message->len);
	struct json_reader reader;
	json_reader_init(&reader, value);
	const char *type = json_string_of(&reader, "type", 1, HLS_EVENT_TYPE_MAX - 1);
	const char *name = json_string_of(&reader, "id", 1, ID_MAX - 1);
	*out = (struct hls_event){
		.seq = (uint64_t)json_int(&reader, "seq", 1, INT64_MAX),
		.at_us = json_int(&reader, "at_us", 0, INT64_MAX),
	};
	if (!reader.bad) {
		snprintf(out->type, sizeof(out->type), "%s", type);
		snprintf(id, ID_MAX, "%s", name);
	}
	json_decref(value);
	/* Both stand in quoted attributes. */
	return reader.bad || strpbrk(id, "\"\r\n") || strpbrk(out->type, "\"\r\n") ? -EINVAL : 0;
}

int hls_event_make(struct hls_event *out, const struct buf *message)
{
	char id[ID_MAX];
	const int err = parse(out, id, message);
	if (!err)
		out->line = make_line(out, id, message);
	return err;
}

static bool is_stock(const struct hls_event *event)
{
	return !strcmp(event->type, "stock");
}

static bool has_room(const struct hls_events *events, const struct hls_event *event)
{
	size_t stocks = 0;
	for (size_t i = 0; i < events->count; i++)
		stocks += is_stock(&events->list[i]);
	return events->count < HLS_EVENTS_MAX && (!is_stock(event) || stocks < HLS_STOCKS_MAX);
}

static bool knows(const struct hls_events *events, uint64_t seq)
{
	for (size_t i = 0; i < events->count; i++)
		if (events->list[i].seq == seq)
			return true;
	return false;
}

int hls_events_add(struct hls_events *events, const struct buf *message, struct hls_event *out)
{
	char id[ID_MAX];
	const int err = parse(out, id, message);
	if (err || knows(events, out->seq) || !has_room(events, out))
		return err;
	struct hls_event *listed = &events->list[events->count];
	*listed = *out;
	listed->line = make_line(out, id, message);
	events->count += listed->line != NULL;
	return 0;
}

static bool is_pin(const struct hls_event *event)
{
	return !strcmp(event->type, "product.pin") || !strcmp(event->type, "product.unpin");
}

void hls_events_trim(struct hls_events *events, int64_t first_capture_us)
{
	size_t pin = events->count; /* the newest that applies at the first date */
	for (size_t i = 0; i < events->count; i++)
		if (is_pin(&events->list[i]) && events->list[i].at_us < first_capture_us)
			pin = i;
	size_t kept = 0;
	for (size_t i = 0; i < events->count; i++) {
		if (i == pin || events->list[i].at_us >= first_capture_us)
			events->list[kept++] = events->list[i];
		else
			buf_unref(events->list[i].line);
	}
	events->count = kept;
}

void hls_events_put(const struct hls_events *events, struct bytes *out)
{
	for (size_t i = 0; i < events->count; i++)
		bytes_put(out, events->list[i].line->data, events->list[i].line->len);
}
