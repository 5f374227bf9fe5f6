#include "server/channels.h"

#include "server/app.h"
#include "server/call.h"
#include "server/control.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/map.h"
#include "server/live_channel.h"
#include "server/worker.h"
#include "signaling/sctp.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define CHANNEL_LABEL "souk"

struct channels {
	struct app *app;
	struct sctp_hub *hub;
	struct map by_id; // id -> struct channel
};

struct channel {
	struct channels *channels;
	struct worker *worker;
	struct sctp_slot *slot;
	uint64_t id;
	uint16_t stream;
	bool open;
};

enum channel_news { NEWS_PACKET, NEWS_OPEN, NEWS_MESSAGE, NEWS_BEHIND, NEWS_CLOSED };

/* To the worker. */
struct news {
	struct message message;
	struct worker *worker;
	uint64_t id;
	enum channel_news kind;
	size_t len;
	uint8_t data[];
};

static void run_news(struct message *message)
{
	struct news *news = list_entry(message, struct news, message);
	struct live_channel *channel = map_get_u64(&news->worker->channels, news->id);
	if (channel) {
		switch (news->kind) {
		case NEWS_PACKET:
			live_channel_packet(channel, news->data, news->len);
			break;
		case NEWS_OPEN:
			live_channel_opened(channel);
			break;
		case NEWS_MESSAGE:
			live_channel_message(channel, (const char *)news->data, news->len);
			break;
		case NEWS_BEHIND:
			live_channel_behind(channel);
			break;
		case NEWS_CLOSED:
			live_channel_closed(channel);
			break;
		}
	}
	free(news);
}

static void tell(struct channel *channel, enum channel_news kind, const void *data, size_t len)
{
	struct news *news = xcalloc(1, sizeof(*news) + len + 1);
	news->message.run = run_news;
	news->worker = channel->worker;
	news->id = channel->id;
	news->kind = kind;
	news->len = len;
	if (len)
		memcpy(news->data, data, len);
	worker_note(channel->worker, &news->message);
}

static void on_packet_out(void *arg, const uint8_t *packet, size_t len)
{
	tell(arg, NEWS_PACKET, packet, len);
}

static void on_open(void *arg, uint16_t stream, const char *label)
{
	struct channel *channel = arg;
	if (channel->open || strcmp(label, CHANNEL_LABEL) != 0)
		return;
	channel->open = true;
	channel->stream = stream;
	tell(channel, NEWS_OPEN, NULL, 0);
}

static void on_message(void *arg, uint16_t stream, const char *text, size_t len)
{
	struct channel *channel = arg;
	if (channel->open && stream == channel->stream)
		tell(channel, NEWS_MESSAGE, text, len);
}

static void on_channel_closed(void *arg, uint16_t stream)
{
	struct channel *channel = arg;
	if (!channel->open || stream != channel->stream)
		return;
	channel->open = false;
	tell(channel, NEWS_CLOSED, NULL, 0);
}

static void remove_channel(struct channel *channel)
{
	map_remove_u64(&channel->channels->by_id, channel->id);
	sctp_hub_detach(channel->slot);
	free(channel);
}

static void on_closed(void *arg)
{
	struct channel *channel = arg;
	tell(channel, NEWS_CLOSED, NULL, 0);
	remove_channel(channel);
}

static const struct sctp_hub_ops hub_ops = {
	.packet_out = on_packet_out,
	.open = on_open,
	.message = on_message,
	.channel_closed = on_channel_closed,
	.closed = on_closed,
};

int channels_create(struct channels **out, struct app *app)
{
	struct channels *channels = xcalloc(1, sizeof(*channels));
	channels->app = app;
	map_init(&channels->by_id);
	const int err = sctp_hub_create(&channels->hub, app->loop, &hub_ops);
	if (err) {
		map_finish(&channels->by_id);
		free(channels);
		return err;
	}
	*out = channels;
	return 0;
}

void channels_stats(const struct channels *channels, struct sctp_hub_stats *out)
{
	sctp_hub_stats(channels->hub, out);
}

void channels_destroy(struct channels *channels)
{
	if (!channels)
		return;
	struct map_cursor cursor = { 0 };
	void *channel;
	while (map_next(&channels->by_id, &cursor, NULL, NULL, &channel))
		remove_channel(channel);
	map_finish(&channels->by_id);
	sctp_hub_destroy(channels->hub);
	free(channels);
}

/* From the worker. */
struct channel_note {
	struct message message;
	struct worker *worker;
	bool counted; /* in app.channel_notes; else it must not be refused */
	uint64_t id;
	struct buf *text;
	size_t len;
	uint8_t packet[];
};

static void drop_note(struct message *message)
{
	struct channel_note *note = list_entry(message, struct channel_note, message);
	if (note->counted)
		atomic_fetch_sub(&note->worker->app->channel_notes, 1);
	buf_unref(note->text);
	free(note);
}

static struct channel_note *note_create(struct worker *worker, uint64_t id, size_t len,
					void (*run)(struct message *message))
{
	struct channel_note *note = xcalloc(1, sizeof(*note) + len);
	note->message.run = run;
	note->message.drop = drop_note;
	note->worker = worker;
	note->id = id;
	note->len = len;
	return note;
}

static struct channels *note_channels(const struct channel_note *note)
{
	return control_channels(note->worker->app->control);
}

/* -ENOBUFS and the note gone, when too many wait. */
static int push_counted(struct channel_note *note)
{
	struct app *app = note->worker->app;
	const bool fits = atomic_fetch_add(&app->channel_notes, 1) < CHANNEL_NOTES_MAX;
	note->counted = true;
	if (fits) {
		control_note(app, &note->message);
		return 0;
	}
	metric_add(app->counters.channel_refused, 1);
	drop_note(&note->message);
	return -ENOBUFS;
}

static void run_attach(struct message *message)
{
	struct channel_note *note = list_entry(message, struct channel_note, message);
	struct channels *channels = note_channels(note);
	struct channel *channel = xcalloc(1, sizeof(*channel));
	channel->channels = channels;
	channel->worker = note->worker;
	channel->id = note->id;
	if (sctp_hub_attach(channels->hub, channel, &channel->slot) == 0)
		map_set_u64(&channels->by_id, channel->id, channel);
	else
		free(channel);
	drop_note(message);
}

void channel_note_attach(struct worker *worker, uint64_t id)
{
	control_note(worker->app, &note_create(worker, id, 0, run_attach)->message);
}

static void run_packet(struct message *message)
{
	struct channel_note *note = list_entry(message, struct channel_note, message);
	struct channel *channel = map_get_u64(&note_channels(note)->by_id, note->id);
	if (channel)
		sctp_hub_feed(channel->slot, note->packet, note->len);
	drop_note(message);
}

void channel_note_packet(struct worker *worker, uint64_t id, const uint8_t *packet, size_t len)
{
	struct channel_note *note = note_create(worker, id, len, run_packet);
	memcpy(note->packet, packet, len);
	(void)push_counted(note);
}

static void run_send(struct message *message)
{
	struct channel_note *note = list_entry(message, struct channel_note, message);
	struct channel *channel = map_get_u64(&note_channels(note)->by_id, note->id);
	if (channel && channel->open &&
	    sctp_hub_send_text(channel->slot, channel->stream, note->text) == -ENOBUFS) {
		sctp_hub_drop_queue(channel->slot);
		tell(channel, NEWS_BEHIND, NULL, 0);
	}
	drop_note(message);
}

int channel_note_send(struct worker *worker, uint64_t id, struct buf *text)
{
	struct channel_note *note = note_create(worker, id, 0, run_send);
	note->text = buf_ref(text);
	return push_counted(note);
}

static void run_detach(struct message *message)
{
	struct channel_note *note = list_entry(message, struct channel_note, message);
	struct channel *channel = map_get_u64(&note_channels(note)->by_id, note->id);
	if (channel)
		remove_channel(channel);
	drop_note(message);
}

void channel_note_detach(struct worker *worker, uint64_t id)
{
	control_note(worker->app, &note_create(worker, id, 0, run_detach)->message);
}
