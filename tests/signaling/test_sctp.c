#include "server/core/buf.h"
#include "server/core/loop.h"
#include "signaling/sctp.h"
#include "signaling/sctp_crc32c.h"
#include "tests/signaling/peer_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIRE = 4096, MESSAGE_KEPT = 256 };

struct datagram {
	size_t len;
	uint8_t data[1300];
};

/* One end of an association; both hubs live in this process, on one thread. */
struct end {
	struct sctp_slot *slot;
	struct datagram *wire; /* what it sent */
	unsigned sent, delivered;
	unsigned lose_each; /* every n-th packet vanishes */
	bool cut; /* all packets vanish */
	int vanished;
	int opened, messages, channels_closed, closed;
	uint16_t stream;
	char label[80];
	char last[MESSAGE_KEPT];
	size_t last_len;
	bool detach_on_message;
	struct buf *echo; /* sent back inside of message() */
};

static struct jump_clock jump;
static struct loop *loop;
static struct sctp_hub *hubs[2];
static struct end viewer, server;

static void on_packet_out(void *arg, const uint8_t *packet, size_t len)
{
	struct end *end = arg;
	if (end->cut) {
		end->vanished++;
		return;
	}
	struct datagram *datagram = &end->wire[end->sent++ % WIRE];
	cr_assert(le(sz, len, sizeof(datagram->data)));
	memcpy(datagram->data, packet, len);
	datagram->len = len;
}

static void on_open(void *arg, uint16_t stream, const char *label)
{
	struct end *end = arg;
	end->opened++;
	end->stream = stream;
	snprintf(end->label, sizeof(end->label), "%s", label);
}

static void on_message(void *arg, uint16_t stream, const char *text, size_t len)
{
	struct end *end = arg;
	end->messages++;
	end->last_len = len;
	memcpy(end->last, text, len < MESSAGE_KEPT ? len : MESSAGE_KEPT);
	if (end->echo)
		cr_assert(eq(int, sctp_hub_send_text(end->slot, stream, end->echo), 0));
	if (end->detach_on_message) {
		sctp_hub_detach(end->slot);
		end->slot = NULL;
	}
}

static void on_channel_closed(void *arg, uint16_t stream)
{
	(void)stream;
	((struct end *)arg)->channels_closed++;
}

static void on_closed(void *arg)
{
	((struct end *)arg)->closed++;
}

static const struct sctp_hub_ops ops = {
	.packet_out = on_packet_out,
	.open = on_open,
	.message = on_message,
	.channel_closed = on_channel_closed,
	.closed = on_closed,
};

static void setup(void)
{
	jump_clock_init(&jump);
	cr_assert(eq(int, loop_create(&loop, &jump.clock), 0));
	for (int i = 0; i < 2; i++)
		cr_assert(eq(int, sctp_hub_create(&hubs[i], loop, &ops), 0));
	viewer = (struct end){ .wire = calloc(WIRE, sizeof(struct datagram)) };
	server = (struct end){ .wire = calloc(WIRE, sizeof(struct datagram)) };
	cr_assert(eq(int, sctp_hub_attach(hubs[0], &viewer, &viewer.slot), 0));
	cr_assert(eq(int, sctp_hub_attach(hubs[1], &server, &server.slot), 0));
}

static void teardown(void)
{
	sctp_hub_detach(viewer.slot);
	sctp_hub_detach(server.slot);
	for (int i = 0; i < 2; i++)
		sctp_hub_destroy(hubs[i]);
	loop_destroy(loop);
	free(viewer.wire);
	free(server.wire);
}

TestSuite(sctp, .init = setup, .fini = teardown);

static bool deliver(struct end *from, struct end *to)
{
	if (from->delivered == from->sent)
		return false;
	const unsigned at = from->delivered++;
	const bool lost = from->lose_each && at % from->lose_each == from->lose_each - 1;
	if (!lost && to->slot)
		sctp_hub_feed(to->slot, from->wire[at % WIRE].data, from->wire[at % WIRE].len);
	return true;
}

static void serve(void)
{
	loop_poll(loop);
	while (deliver(&viewer, &server) || deliver(&server, &viewer))
		;
}

/* Time passes by itself: usrsctp mixes our ticks with the machine's clock. */
static bool wait_for(const int *counter, int want)
{
	const int64_t end_us = loop_now_us(loop) + 10000000;
	while (*counter < want && loop_now_us(loop) < end_us)
		serve();
	return *counter >= want;
}

static void open_channel(void)
{
	cr_assert(eq(int, sctp_hub_open(viewer.slot, "souk", true), 0));
	cr_assert(wait_for(&server.opened, 1));
	cr_assert(wait_for(&viewer.opened, 1));
}

static int send_text(struct end *end, const char *text, size_t len)
{
	struct buf *buf = buf_copy(text, len);
	const int err = sctp_hub_send_text(end->slot, end->stream, buf);
	buf_unref(buf);
	return err;
}

Test(sctp, opens_a_channel_with_its_label_on_a_stream_of_the_right_parity)
{
	open_channel();
	cr_assert(eq(str, server.label, "souk"));
	cr_assert(eq(str, viewer.label, "souk"));
	cr_assert(eq(int, viewer.stream, 0));
	cr_assert(eq(int, sctp_hub_open(viewer.slot, "second", true), 0));
	cr_assert(wait_for(&viewer.opened, 2));
	cr_assert(eq(int, viewer.stream, 2));
	cr_assert(eq(int, sctp_hub_open(server.slot, "ours", false), 0));
	cr_assert(wait_for(&server.opened, 3));
	cr_assert(eq(int, server.stream, 1));
	cr_assert(eq(str, viewer.label, "ours"));
}

Test(sctp, carries_text_both_ways)
{
	open_channel();
	server.echo = buf_copy("pong", 4);
	cr_assert(eq(int, send_text(&viewer, "ping", 4), 0));
	cr_assert(wait_for(&viewer.messages, 1));
	cr_assert(eq(int, memcmp(server.last, "ping", 4), 0));
	cr_assert(eq(int, memcmp(viewer.last, "pong", 4), 0));
	buf_unref(server.echo);
	server.echo = NULL;
	cr_assert(eq(int, send_text(&viewer, "", 0), 0));
	cr_assert(wait_for(&server.messages, 2));
	cr_assert(eq(sz, server.last_len, 0));
}

Test(sctp, largest_message_arrives_whole)
{
	static char text[SCTP_MESSAGE_OUT_MAX + 1];
	memset(text, 'x', sizeof(text));
	open_channel();
	cr_assert(eq(int, send_text(&server, text, SCTP_MESSAGE_OUT_MAX), 0));
	cr_assert(wait_for(&viewer.messages, 1));
	cr_assert(eq(sz, viewer.last_len, SCTP_MESSAGE_OUT_MAX));
	cr_assert(eq(int, send_text(&server, text, SCTP_MESSAGE_OUT_MAX + 1), -EMSGSIZE));
}

Test(sctp, nothing_is_lost_at_10_percent_loss)
{
	open_channel();
	viewer.lose_each = 10;
	server.lose_each = 9;
	for (int i = 0; i < 200; i++) {
		while (sctp_hub_queued(server.slot) >= SCTP_QUEUE_MAX / 2)
			serve();
		char text[300];
		memset(text, 'y', sizeof(text));
		cr_assert(eq(int, send_text(&server, text, sizeof(text)), 0));
		serve();
	}
	cr_assert(wait_for(&viewer.messages, 200));
}

Test(sctp, slow_viewer_is_bounded_and_reported)
{
	char text[1000];
	memset(text, 'z', sizeof(text));
	open_channel();
	viewer.cut = server.cut = true;
	int sent = 0;
	while (send_text(&server, text, sizeof(text)) == 0)
		sent++;
	cr_assert(eq(int, send_text(&server, text, sizeof(text)), -ENOBUFS));
	cr_assert(le(int, sent, SCTP_QUEUE_MAX + 32));
	cr_assert(eq(sz, sctp_hub_queued(server.slot), SCTP_QUEUE_MAX));
	sctp_hub_drop_queue(server.slot);
	cr_assert(eq(sz, sctp_hub_queued(server.slot), 0));
	cr_assert(eq(int, send_text(&server, "state", 5), 0));
	viewer.cut = server.cut = false;
	cr_assert(wait_for(&viewer.messages, sent - SCTP_QUEUE_MAX + 1));
	cr_assert(eq(int, memcmp(viewer.last, "state", 5), 0));
}

/* Each answer to an open would be one more message that waits. */
Test(sctp, who_takes_no_answers_opens_no_channels)
{
	char text[1000];
	memset(text, 'z', sizeof(text));
	open_channel();
	server.cut = true;
	int sent = 0;
	while (send_text(&server, text, sizeof(text)) == 0)
		sent++;
	cr_assert(eq(int, sctp_hub_open(viewer.slot, "second", true), 0));
	serve();
	cr_assert(eq(u32, viewer.delivered, viewer.sent));
	cr_assert(eq(sz, sctp_hub_queued(server.slot), SCTP_QUEUE_MAX));
	cr_assert(eq(int, server.opened, 1));
	server.cut = false;
	cr_assert(wait_for(&viewer.messages, sent));
	cr_assert(eq(int, sctp_hub_open(viewer.slot, "third", true), 0));
	cr_assert(wait_for(&server.opened, 2));
	cr_assert(eq(str, server.label, "third"));
}

Test(sctp, server_connects_after_a_second_without_init)
{
	/* Neither side was told to open: the hub's own patience makes the association. */
	cr_assert(eq(int, send_text(&server, "x", 1), -ENOTCONN));
	serve();
	cr_assert(eq(u32, server.sent, 0));
	jump.ahead_us += 1000000;
	while (!server.sent)
		serve();
	cr_assert(eq(int, sctp_hub_open(viewer.slot, "souk", true), 0));
	cr_assert(wait_for(&viewer.opened, 1), "an INIT collision is harmless");
}

/* ICE gives a path up after 30 s: until then what was sent is tried again. */
Test(sctp, what_was_sent_during_an_outage_arrives_after_it)
{
	enum { TRIES = 14, RTO_US = 5000000 };
	open_channel();
	viewer.cut = true;
	cr_assert(eq(int, send_text(&viewer, "order", 5), 0));
	for (int tries = 1; tries <= TRIES; tries++) {
		cr_assert(wait_for(&viewer.vanished, tries), "%d", tries);
		jump.ahead_us += RTO_US;
	}
	viewer.cut = false;
	cr_assert(wait_for(&server.messages, 1));
	cr_assert(zero(viewer.closed));
}

Test(sctp, detach_tells_the_other_end_and_may_happen_in_a_callback)
{
	open_channel();
	server.detach_on_message = true;
	cr_assert(eq(int, send_text(&viewer, "bye", 3), 0));
	cr_assert(wait_for(&viewer.closed, 1));
	cr_assert(zero(ptr, server.slot));
	cr_assert(eq(int, send_text(&viewer, "x", 1), -ENOTCONN));
	struct sctp_hub_stats stats;
	sctp_hub_stats(hubs[1], &stats);
	cr_assert(eq(u64, stats.slots, 0));
}

Test(sctp, slot_is_usable_again_after_a_viewer_left)
{
	for (int i = 0; i < 70; i++) {
		open_channel();
		sctp_hub_detach(viewer.slot);
		while (deliver(&viewer, &server))
			;
		cr_assert(eq(int, server.closed, 1));
		sctp_hub_detach(server.slot);
		server.opened = viewer.opened = server.closed = 0;
		server.delivered = server.sent;
		cr_assert(eq(int, sctp_hub_attach(hubs[0], &viewer, &viewer.slot), 0));
		cr_assert(eq(int, sctp_hub_attach(hubs[1], &server, &server.slot), 0));
	}
}

Test(sctp, bad_packets_are_dropped)
{
	open_channel();
	struct datagram junk = { .len = 100 };
	struct sctp_hub_stats before, after;
	sctp_hub_stats(hubs[1], &before);
	memset(junk.data, 3, sizeof(junk.data));
	for (size_t len = 0; len <= junk.len; len += 4)
		sctp_hub_feed(server.slot, junk.data, len);
	sctp_hub_stats(hubs[1], &after);
	cr_assert(eq(u64, after.packets_bad - before.packets_bad, 26));
	cr_assert(eq(int, send_text(&viewer, "x", 1), 0));
	cr_assert(wait_for(&server.messages, 1));
}

Test(sctp, crc32c_has_the_check_value_and_both_forms_agree)
{
	uint8_t data[300];
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 31);
	cr_assert(eq(u32, sctp_crc32c("123456789", 9), 0xe3069283));
	cr_assert(eq(u32, sctp_crc32c_portable("123456789", 9), 0xe3069283));
	for (size_t len = 0; len < sizeof(data); len++)
		cr_assert(eq(u32, sctp_crc32c(data, len), sctp_crc32c_portable(data, len)));
}
