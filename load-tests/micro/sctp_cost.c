#include "load-tests/micro/sctp_cost.h"

#include "load-tests/micro/meter.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/loop.h"
#include "signaling/sctp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char GROUP[] = "a text of 200 B over data channels, ns; associations:";

enum { TEXT = 200, DATAGRAM = 1300, WIRE_CAP = 4, OPEN_US = 20000000 };

static const struct {
	size_t associations;
	const char *column;
} sizes[] = { { 1, "1" }, { 100, "100" }, { 1000, "1000" } };

enum { SIZES = sizeof(sizes) / sizeof(*sizes) };

struct datagram {
	size_t len;
	uint8_t data[DATAGRAM];
};

struct link;

/* One end of an association: its slot, and what it has sent that has not been delivered. */
struct end {
	struct link *link;
	struct sctp_slot *slot;
	struct datagram wire[WIRE_CAP];
	unsigned waiting;
	bool open;
	uint16_t stream;
};

struct link {
	struct sctp_trial *trial;
	struct end server, viewer;
};

struct sctp_trial {
	struct clock clock;
	struct loop *loop;
	struct sctp_hub *servers, *viewers; /* two hubs, so that neither sees the other's ports */
	struct link *links;
	size_t count;
	struct buf *text;
	uint64_t arrived, opened, lost;
};

static void on_packet_out(void *arg, const uint8_t *packet, size_t len)
{
	struct end *end = arg;
	if (end->waiting == WIRE_CAP || len > DATAGRAM) {
		end->link->trial->lost++;
		return;
	}
	struct datagram *datagram = &end->wire[end->waiting++];
	memcpy(datagram->data, packet, len);
	datagram->len = len;
}

static void on_open(void *arg, uint16_t stream, const char *label)
{
	struct end *end = arg;
	(void)label;
	end->stream = stream;
	end->open = true;
	end->link->trial->opened++;
}

static void on_message(void *arg, uint16_t stream, const char *text, size_t len)
{
	struct end *end = arg;
	(void)stream;
	(void)text;
	end->link->trial->arrived += len == TEXT;
}

static void on_channel_closed(void *arg, uint16_t stream)
{
	(void)stream;
	((struct end *)arg)->open = false;
}

static void on_closed(void *arg)
{
	((struct end *)arg)->open = false;
}

static const struct sctp_hub_ops ops = {
	.packet_out = on_packet_out,
	.open = on_open,
	.message = on_message,
	.channel_closed = on_channel_closed,
	.closed = on_closed,
};

static bool deliver(struct end *from, struct end *to)
{
	const bool any = from->waiting > 0;
	for (unsigned i = 0; i < from->waiting; i++)
		sctp_hub_feed(to->slot, from->wire[i].data, from->wire[i].len);
	from->waiting = 0;
	return any;
}

static void deliver_all(struct sctp_trial *trial)
{
	loop_poll(trial->loop);
	for (size_t i = 0; i < trial->count; i++)
		while (deliver(&trial->links[i].server, &trial->links[i].viewer) ||
		       deliver(&trial->links[i].viewer, &trial->links[i].server))
			;
}

static void finish(struct sctp_trial *trial)
{
	for (size_t i = 0; i < trial->count; i++) {
		sctp_hub_detach(trial->links[i].server.slot);
		sctp_hub_detach(trial->links[i].viewer.slot);
	}
	sctp_hub_destroy(trial->servers);
	sctp_hub_destroy(trial->viewers);
	loop_destroy(trial->loop);
	buf_unref(trial->text);
	free(trial->links);
	free(trial);
}

static int open_link(struct sctp_trial *trial, struct link *link)
{
	link->trial = trial;
	link->server.link = link;
	link->viewer.link = link;
	int err = sctp_hub_attach(trial->servers, &link->server, &link->server.slot);
	if (!err)
		err = sctp_hub_attach(trial->viewers, &link->viewer, &link->viewer.slot);
	return err ? err : sctp_hub_open(link->viewer.slot, "souk", true);
}

static int start(struct sctp_trial *trial, size_t count)
{
	uint8_t text[TEXT];
	memset(text, 'x', sizeof(text));
	clock_init(&trial->clock);
	trial->text = buf_copy(text, sizeof(text));
	trial->links = xcalloc(count, sizeof(*trial->links));
	int err = loop_create(&trial->loop, &trial->clock);
	if (!err)
		err = sctp_hub_create(&trial->servers, trial->loop, &ops);
	if (!err)
		err = sctp_hub_create(&trial->viewers, trial->loop, &ops);
	for (; trial->count < count && !err; trial->count++)
		err = open_link(trial, &trial->links[trial->count]);
	const int64_t end_us = err ? 0 : loop_now_us(trial->loop) + OPEN_US;
	while (!err && trial->opened < 2 * count) {
		deliver_all(trial);
		if (loop_now_us(trial->loop) > end_us)
			err = -ETIMEDOUT;
	}
	return err;
}

/* What the server does: the message, and the acknowledgement. The viewers' part is not counted. */
static int run(void *arg, uint64_t operations, struct stopwatch *watch)
{
	struct sctp_trial *trial = arg;
	int err = 0;
	for (uint64_t done = 0; done < operations && !err; done += trial->count) {
		const uint64_t wanted = trial->arrived + trial->count;
		stopwatch_start(watch);
		for (size_t i = 0; i < trial->count && !err; i++)
			err = sctp_hub_send_text(trial->links[i].server.slot,
						 trial->links[i].server.stream, trial->text);
		stopwatch_stop(watch);
		for (size_t i = 0; i < trial->count; i++)
			deliver(&trial->links[i].server, &trial->links[i].viewer);
		loop_poll(trial->loop);
		stopwatch_start(watch);
		for (size_t i = 0; i < trial->count; i++)
			deliver(&trial->links[i].viewer, &trial->links[i].server);
		stopwatch_stop(watch);
		deliver_all(trial);
		if (trial->arrived != wanted || trial->lost)
			err = err ? err : -EIO;
	}
	return err;
}

static void measure(struct meter *meter, int size)
{
	static const char name[] = "sent and acknowledged";
	struct sctp_trial *state = xcalloc(1, sizeof(*state));
	const int err = start(state, sizes[size].associations);
	const struct trial trial = {
		.group = GROUP,
		.name = name,
		.column = sizes[size].column,
		.step = sizes[size].associations,
		.run = run,
		.arg = state,
	};
	if (err)
		meter_skip(meter, GROUP, name, strerror(-err));
	else
		meter_measure(meter, &trial);
	finish(state);
}

void sctp_cost(struct meter *meter)
{
	for (int size = 0; size < SIZES; size++)
		if (!meter_quick(meter) || sizes[size].associations <= 100)
			measure(meter, size);
}
