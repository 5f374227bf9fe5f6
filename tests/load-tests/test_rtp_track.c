#include "load-tests/swarm/histogram.h"
#include "load-tests/swarm/rtp_track.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { RATE = 90000 };

static void receive(struct rtp_track *track, uint16_t seq, int64_t now_us)
{
	const struct rtp_fixed header = { .seq = seq, .ssrc = 7, .timestamp = (uint32_t)now_us };
	rtp_track_packet(track, &header, RATE, now_us);
}

Test(rtp_track, counts_what_is_missing_over_the_wrap)
{
	struct rtp_track track = { 0 };
	for (uint32_t seq = 65000; seq < 65000 + 1000; seq++)
		if (seq % 100)
			receive(&track, (uint16_t)seq, seq * 1000ll);
	/* 65000 itself came late to nobody: the first packet that came is where counting begins. */
	cr_assert(eq(u64, rtp_track_lost(&track), 9));
	cr_assert(eq(u64, track.repeated, 0));
}

Test(rtp_track, late_packets_are_not_lost_and_repeats_not_counted)
{
	static const uint16_t order[] = { 10, 13, 11, 12, 12, 14, 10 };
	struct rtp_track track = { 0 };
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		receive(&track, order[i], (int64_t)i * 1000);
	cr_assert(eq(u64, rtp_track_lost(&track), 0));
	cr_assert(eq(u64, track.repeated, 2));
	cr_assert(eq(u64, track.reception.received, 5));
}

Test(rtp_track, numbers_are_unwrapped_and_a_new_source_begins_anew)
{
	struct rtp_track track = { 0 };
	struct rtp_fixed header = { .seq = 65535, .ssrc = 7 };
	cr_assert(eq(i64, rtp_track_next(&track, 7), -1));
	const int64_t first = rtp_track_packet(&track, &header, RATE, 0);
	header.seq = 0;
	cr_assert(eq(i64, rtp_track_next(&track, 7), first + 1));
	cr_assert(eq(i64, rtp_track_packet(&track, &header, RATE, 0), first + 1));
	cr_assert(eq(i64, rtp_track_packet(&track, &header, RATE, 0), -1));
	header.ssrc = 8;
	cr_assert(eq(i64, rtp_track_next(&track, 8), -1));
	cr_assert(ge(i64, rtp_track_packet(&track, &header, RATE, 0), 0));
	cr_assert(eq(u64, rtp_track_expected(&track), 1));
}

Test(rtp_track, a_long_gap_is_filled_once)
{
	struct rtp_track track = { 0 };
	receive(&track, 1000, 0);
	receive(&track, 1400, 0);
	cr_assert(eq(u64, rtp_track_lost(&track), 399));
	for (uint16_t seq = 1001; seq < 1400; seq++)
		receive(&track, seq, 0);
	for (uint16_t seq = 1001; seq < 1400; seq++)
		receive(&track, seq, 0);
	cr_assert(eq(u64, rtp_track_lost(&track), 0));
	cr_assert(eq(u64, track.repeated, 399));
}

Test(rtp_fixed, is_read_without_touching_the_payload)
{
	static const uint8_t packet[] = { 0xb0, 0xe6, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8, 0xff };
	struct rtp_fixed header;
	cr_assert(rtp_fixed_read(&header, packet, sizeof(packet)));
	cr_assert(header.marker);
	cr_assert(eq(u8, header.payload_type, 0x66));
	cr_assert(eq(u16, header.seq, 0x1234));
	cr_assert(eq(u32, header.timestamp, 0x01020304));
	cr_assert(eq(u32, header.ssrc, 0x05060708));
	cr_assert(not(rtp_fixed_read(&header, packet, 11)));
	cr_assert(not(rtp_fixed_read(&header, (const uint8_t[12]){ 0x40 }, 12)));
}

Test(histogram, percentiles_are_within_two_percent)
{
	static struct histogram histogram;
	for (int64_t us = 1; us <= 100000; us++)
		histogram_add(&histogram, us * 10);
	cr_assert(eq(i64, histogram.max_us, 1000000));
	const int64_t p50 = histogram_percentile(&histogram, 50);
	const int64_t p99 = histogram_percentile(&histogram, 99);
	cr_assert(ge(i64, p50, 500000));
	cr_assert(le(i64, p50, 510000));
	cr_assert(ge(i64, p99, 990000));
	cr_assert(le(i64, p99, 1000000));
	cr_assert(eq(i64, histogram_percentile(&histogram, 100), 1000000));
}

Test(histogram, takes_nothing_zero_and_the_absurd)
{
	static struct histogram histogram;
	cr_assert(eq(i64, histogram_percentile(&histogram, 99), 0));
	histogram_add(&histogram, -5);
	cr_assert(eq(i64, histogram_percentile(&histogram, 99), 0));
	histogram_add(&histogram, INT64_MAX);
	cr_assert(eq(i64, histogram.max_us, INT64_MAX));
	cr_assert(gt(i64, histogram_percentile(&histogram, 99), 1ll << 36));
}
