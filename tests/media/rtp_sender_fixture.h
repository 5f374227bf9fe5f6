/* One sender with a clock and a port that remember, for the tests of rtp_sender*. */
#ifndef SOUK_TESTS_RTP_SENDER_FIXTURE_H
#define SOUK_TESTS_RTP_SENDER_FIXTURE_H

#include "media/rtp/rtcp_writer.h"
#include "media/rtp/rtp_pacer.h"
#include "media/rtp/rtp_sender.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_rtp_port.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { VIDEO_SSRC = 0x1111, AUDIO_SSRC = 0x2222, VIEWER_SSRC = 0x3333, JOIN_GOP_MAX = 256 };

struct fixture {
	struct fake_clock fake;
	struct fake_rtp_port port;
	struct rtp_sender_config config;
	struct rtp_sender *sender;
	unsigned keys, ended;
	bool paces;
};

static struct fixture f;

static inline void on_request_key(void *arg)
{
	(void)arg;
	f.keys++;
}

static inline void on_ended(void *arg)
{
	(void)arg;
	f.ended++;
}

static inline void on_pace(void *arg)
{
	(void)arg;
	f.paces = true;
}

static inline void setup(void)
{
	f = (struct fixture){ 0 };
	fake_clock_init(&f.fake);
	fake_rtp_port_init(&f.port);
	f.config = (struct rtp_sender_config){
		.clock = &f.fake.clock,
		.port = f.port.port,
		.video = { .ssrc = VIDEO_SSRC, .payload_type = 102, .playout_delay_id = 5 },
		.audio = { .ssrc = AUDIO_SSRC, .payload_type = 111, .red_payload_type = 63 },
		.cname = "souk",
		.request_key = on_request_key,
		.pace = on_pace,
		.ended = on_ended,
	};
	cr_assert(eq(int, rtp_sender_create(&f.sender, &f.config), 0));
}

static inline void teardown(void)
{
	rtp_sender_destroy(f.sender);
	fake_rtp_port_finish(&f.port);
}

static inline void show(struct frame *frame)
{
	rtp_sender_frame(f.sender, frame);
	frame_unref(frame);
}

/* As a worker does: a tick every five milliseconds while frames wait for their pace, and in any
 * case now and then for the reports. */
static inline void pass_time(int64_t by_us)
{
	const int64_t until_us = f.fake.now_us + by_us;
	while (f.fake.now_us < until_us) {
		f.fake.now_us += f.paces ? PACER_INTERVAL_US : 50000;
		if (f.fake.now_us > until_us)
			f.fake.now_us = until_us;
		f.paces = rtp_sender_tick(f.sender);
	}
}

static inline struct rtp_sender_stats stats(void)
{
	struct rtp_sender_stats out;
	rtp_sender_stats(f.sender, &out);
	return out;
}

static inline void say(const struct rtcp_writer *writer)
{
	rtp_sender_rtcp(f.sender, writer->data, writer->len);
}

static inline void nack(const uint16_t *seqs, unsigned count)
{
	struct rtcp_writer writer;
	rtcp_writer_init(&writer);
	rtcp_write_nack(&writer, VIEWER_SSRC, VIDEO_SSRC, seqs, count);
	say(&writer);
}

static inline void assert_consecutive(size_t from, size_t to)
{
	for (size_t i = from + 1; i < to; i++)
		cr_assert(eq(u16, fake_rtp_port_view(&f.port, i).seq,
			     (uint16_t)(fake_rtp_port_view(&f.port, i - 1).seq + 1)));
}

#endif
