/*
 * A sender and a receiver of ours with a lossy, reordering path between them, in fake time: both
 * halves of the repair at once. (Each half alone is tested against foreign bytes elsewhere.)
 */
#include "media/rtp/rtcp_writer.h"
#include "media/rtp/rtp_receiver.h"
#include "media/rtp/rtp_sender.h"
#include "server/core/alloc.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_rtp_port.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_US = 1000, FLIGHT_MAX = 4096, SHOWN_MAX = 2000, PICTURE_BYTES = 9000 };

struct flight {
	int64_t due_us;
	bool to_sender;
	size_t len;
	uint8_t data[1500];
};

struct path {
	struct fake_clock fake;
	struct fake_rtp_port down, up;
	struct rtp_sender *sender;
	struct rtp_receiver *receiver;
	struct flight *flights;
	size_t flight_count;
	uint32_t random;
	unsigned loss_percent;
	int64_t delay_us, jitter_us;
	bool want_key;
	unsigned shown, keys_shown;
	uint64_t bad; /* frames that came out with other bytes */
	int64_t last_us, longest_gap_us;
	int64_t sent_us[SHOWN_MAX];
	unsigned sent;
};

static struct path p;

static void on_request_key(void *arg)
{
	(void)arg;
	p.want_key = true;
}

/* Each picture carries its index in its bytes 8 to 11. */
static void on_frame(void *arg, struct frame *frame, const struct rtp_times *times)
{
	(void)arg;
	if (frame->codec == CODEC_H264) {
		uint32_t index;
		memcpy(&index, frame->data->data + 8, 4);
		if (frame->data->len != 4 + PICTURE_BYTES || index >= p.sent ||
		    frame->data->data[4 + PICTURE_BYTES - 1] != (uint8_t)index)
			p.bad++;
		if (p.shown > 0 && times->source_us - p.last_us > p.longest_gap_us)
			p.longest_gap_us = times->source_us - p.last_us;
		p.last_us = times->source_us;
		p.shown++;
		p.keys_shown += frame->key;
	}
	frame_unref(frame);
}

static const struct rtp_receiver_events events = { .frame = on_frame };

static void setup(void)
{
	p = (struct path){ .random = 1, .delay_us = 20000 };
	fake_clock_init(&p.fake);
	fake_rtp_port_init(&p.down);
	fake_rtp_port_init(&p.up);
	p.flights = xcalloc(FLIGHT_MAX, sizeof(*p.flights));
	const struct rtp_sender_config sender = {
		.clock = &p.fake.clock,
		.port = p.down.port,
		.video = { .ssrc = 1, .payload_type = 96 },
		.audio = { .ssrc = 2, .payload_type = 111 },
		.cname = "a",
		.request_key = on_request_key,
	};
	const struct rtp_receiver_config receiver = {
		.port = p.up.port,
		.events = &events,
		.ssrc = 3,
		.cname = "b",
		.video_payload_type = 96,
		.audio_payload_type = 111,
	};
	cr_assert(eq(int, rtp_sender_create(&p.sender, &sender), 0));
	cr_assert(eq(int, rtp_receiver_create(&p.receiver, &receiver), 0));
}

static void teardown(void)
{
	rtp_sender_destroy(p.sender);
	rtp_receiver_destroy(p.receiver);
	fake_rtp_port_finish(&p.down);
	fake_rtp_port_finish(&p.up);
	free(p.flights);
}

TestSuite(rtp_round_trip, .init = setup, .fini = teardown);

static uint32_t chance(uint32_t below)
{
	p.random = p.random * 1664525 + 1013904223;
	return (p.random >> 8) % below;
}

static void fly(const struct fake_datagram *datagram, bool to_sender)
{
	if (chance(100) < p.loss_percent)
		return;
	if (p.flight_count == FLIGHT_MAX)
		abort();
	struct flight *flight = &p.flights[p.flight_count++];
	flight->due_us =
		p.fake.now_us + p.delay_us + (p.jitter_us ? chance((uint32_t)p.jitter_us) : 0);
	flight->to_sender = to_sender;
	flight->len = datagram->len;
	memcpy(flight->data, datagram->data, datagram->len);
}

static void take_off(void)
{
	for (size_t i = 0; i < p.down.packet_count; i++)
		fly(&p.down.packets[i], false);
	for (size_t i = 0; i < p.down.rtcp_count; i++)
		fly(&p.down.rtcp[i], false);
	for (size_t i = 0; i < p.up.rtcp_count; i++)
		fly(&p.up.rtcp[i], true);
	fake_rtp_port_clear(&p.down);
	fake_rtp_port_clear(&p.up);
}

static void land(void)
{
	size_t kept = 0;
	for (size_t i = 0; i < p.flight_count; i++) {
		struct flight *flight = &p.flights[i];
		if (flight->due_us > p.fake.now_us) {
			if (kept != i)
				p.flights[kept] = *flight;
			kept++;
		} else if (flight->to_sender) {
			rtp_sender_rtcp(p.sender, flight->data, flight->len);
		} else {
			rtp_receiver_packet(p.receiver, flight->data, flight->len, p.fake.now_us);
		}
	}
	p.flight_count = kept;
}

static void send_picture(void)
{
	const bool key = p.sent % 60 == 0 || p.want_key;
	p.want_key = false;
	struct frame *frame = fake_picture(key, PICTURE_BYTES, p.sent * 33333LL);
	memcpy(frame->data->data + 8, &p.sent, 4);
	frame->data->data[4 + PICTURE_BYTES - 1] = (uint8_t)p.sent;
	p.sent_us[p.sent++] = p.fake.now_us;
	rtp_sender_frame(p.sender, frame);
	frame_unref(frame);
}

static void run(unsigned pictures)
{
	int64_t next_us = p.fake.now_us;
	int64_t end_us = INT64_MAX;
	while (p.fake.now_us < end_us) {
		p.fake.now_us += STEP_US;
		land();
		if (end_us == INT64_MAX && p.fake.now_us >= next_us) {
			next_us += 33333;
			send_picture();
			if (p.sent >= pictures)
				end_us = p.fake.now_us + 1500000;
		}
		rtp_sender_tick(p.sender);
		rtp_receiver_tick(p.receiver, p.fake.now_us);
		take_off();
	}
}

Test(rtp_round_trip, a_clean_path_shows_everything)
{
	run(300);
	cr_assert(eq(uint, p.shown, 300));
	cr_assert(eq(u64, p.bad, 0));
	struct rtp_sender_stats stats;
	rtp_sender_stats(p.sender, &stats);
	cr_assert(eq(u64, stats.nacks, 0));
	cr_assert(lt(i64, llabs(stats.rtt_us - 40000), 2000));
	struct rtp_receiver_stats received;
	rtp_receiver_stats(p.receiver, &received);
	cr_assert(lt(i64, llabs(received.rtt_us - 40000), 5000));
}

Test(rtp_round_trip, jitter_shows_everything_in_order)
{
	p.jitter_us = 15000;
	run(300);
	cr_assert(eq(uint, p.shown, 300));
	cr_assert(eq(u64, p.bad, 0));
}

Test(rtp_round_trip, three_percent_loss_is_repaired)
{
	p.loss_percent = 3;
	run(900);
	cr_assert(eq(u64, p.bad, 0));
	cr_assert(ge(uint, p.shown, 890));
	struct rtp_receiver_stats stats;
	rtp_receiver_stats(p.receiver, &stats);
	cr_assert(gt(u64, stats.recovered, 150));
	cr_assert(lt(i64, p.longest_gap_us, 400000));
}

Test(rtp_round_trip, a_bad_path_goes_on_at_keyframes)
{
	p.loss_percent = 20;
	p.jitter_us = 10000;
	run(900);
	/* Nothing broken is ever shown, and it never stops for good. */
	cr_assert(eq(u64, p.bad, 0));
	cr_assert(gt(uint, p.shown, 100));
	cr_assert(gt(uint, p.keys_shown, 5));
	cr_assert(lt(i64, p.longest_gap_us, 5000000));
}

Test(rtp_round_trip, an_outage_ends_with_a_keyframe_not_with_a_flood)
{
	run(100);
	const unsigned before = p.shown;
	p.loss_percent = 100;
	p.sent = 100;
	run(160); /* 2 s and the end of the run: nothing passes */
	cr_assert(eq(uint, p.shown, before));
	p.loss_percent = 0;
	run(260);
	cr_assert(ge(uint, p.shown, before + 60));
	cr_assert(eq(u64, p.bad, 0));
	struct rtp_sender_stats stats;
	rtp_sender_stats(p.sender, &stats);
	cr_assert(lt(u64, stats.rtx_packets, 150));
}
