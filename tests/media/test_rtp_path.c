#include "media/rtp/rtp_path.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

/* A path of a given width behind a queue of 300 ms, and a viewer that reports as Chromium does:
 * every 220 ms, REMB with it. */
enum { REPORT_US = 220000, STEP_US = 20000, QUEUE_MAX_US = 300000, BASE_RTT_US = 30000 };

struct fixture {
	struct rtp_path path;
	struct rendition_table table;
	struct rtp_path_limits limits;
	int64_t now_us, next_report_us;
	int64_t width_bps; /* 0: no limit */
	double random_loss;
	double queue_bits, lost_bits, sent_bits;
	double remb_bps;
	struct {
		uint32_t highest_seq;
		int32_t lost;
	} said;
	bool hushed, mute; /* mute: nothing at all is sent without a picture */
	int shown;
	unsigned changes;
	double padding_bits;
};

static struct fixture f;

static void setup(void)
{
	static const uint32_t bps[] = { 200000, 600000, 2000000 };
	f = (struct fixture){ .now_us = 10000000, .limits = { .pinned = -1, .probes = true } };
	rtp_path_init(&f.path);
	f.table.count = 3;
	for (unsigned i = 0; i < 3; i++)
		f.table.at[i] = (struct rendition_info){ .slot = (uint8_t)(2 - i),
							 .running = true,
							 .bps = bps[i] };
}

TestSuite(rtp_path, .init = setup);

static double sent_bps(void)
{
	const int level = f.shown < 0 ? -1 : rendition_table_find(&f.table, (unsigned)f.shown);
	if (level < 0 && f.mute)
		return 0;
	return PATH_SOUND_BPS + (level < 0 ? 0 : f.table.at[level].bps);
}

static void carry(double bits)
{
	f.sent_bits += bits;
	f.lost_bits += bits * f.random_loss;
	f.queue_bits += bits * (1 - f.random_loss);
	if (!f.width_bps) {
		f.queue_bits = 0;
		return;
	}
	f.queue_bits -= (double)f.width_bps * STEP_US / 1e6;
	const double most = (double)f.width_bps * QUEUE_MAX_US / 1e6;
	if (f.queue_bits > most) {
		f.lost_bits += f.queue_bits - most;
		f.queue_bits = most;
	}
	if (f.queue_bits < 0)
		f.queue_bits = 0;
}

static void report(void)
{
	const double queue_us = f.width_bps ? f.queue_bits * 1e6 / (double)f.width_bps : 0;
	const double loss = f.sent_bits ? f.lost_bits / f.sent_bits : 0;
	const double got = f.sent_bits * (1 - loss) * 1e6 / REPORT_US;
	/* chromium-viewer.md §5: rises by 8 % a second up to 1.5 times what comes; falls to what
	 * comes when the delay grows. */
	f.remb_bps *= 1.017;
	if (f.remb_bps > got * 1.5)
		f.remb_bps = got * 1.5;
	if (queue_us > 50000 && f.remb_bps > got * 0.9)
		f.remb_bps = got * 0.9;
	/* Another stream is reported on while there is no picture. */
	if (f.hushed != (f.shown < 0)) {
		f.hushed = f.shown < 0;
		rtp_path_restart_reports(&f.path);
	}
	f.said.highest_seq += (uint32_t)(f.sent_bits / 1000);
	f.said.lost += (int32_t)(f.lost_bits / 1000);
	if (!f.mute || f.sent_bits > 0)
		rtp_path_rtt(&f.path, BASE_RTT_US + (int64_t)queue_us, f.now_us);
	if (!f.mute || f.sent_bits > 0)
		rtp_path_report(&f.path, f.said.highest_seq, f.said.lost, f.now_us);
	rtp_path_remb(&f.path, (uint64_t)f.remb_bps, f.now_us);
	f.sent_bits = f.lost_bits = 0;
}

static void run(int64_t for_us)
{
	const int64_t until_us = f.now_us + for_us;
	for (; f.now_us < until_us; f.now_us += STEP_US) {
		const double padding = 8.0 * rtp_path_padding(&f.path, &f.table, f.now_us);
		f.padding_bits += padding;
		carry(sent_bps() * STEP_US / 1e6 + padding);
		if (f.now_us >= f.next_report_us) {
			f.next_report_us = f.now_us + REPORT_US;
			report();
		}
		const int shown = rtp_path_choose(&f.path, &f.table, &f.limits, f.now_us);
		f.changes += shown != f.shown;
		f.shown = shown;
	}
}

static void begin(void)
{
	f.shown = rtp_path_choose(&f.path, &f.table, &f.limits, f.now_us);
	f.remb_bps = sent_bps() * 0.85;
}

Test(rtp_path, begins_with_the_best_and_stays_on_a_free_path)
{
	begin();
	cr_assert(eq(int, f.shown, 0));
	run(60000000);
	cr_assert(eq(uint, f.changes, 0));
	cr_assert(zero(f.padding_bits));
}

Test(rtp_path, narrow_paths_get_what_they_carry_within_three_seconds)
{
	static const struct {
		int64_t bps;
		int slot;
	} rows[] = { { 1000000, 1 }, { 400000, 2 }, { 4000000, 0 } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		setup();
		begin();
		run(10000000);
		f.width_bps = rows[i].bps;
		run(3000000);
		cr_assert(eq(int, f.shown, rows[i].slot), "%zu: %d", i, f.shown);
	}
}

Test(rtp_path, goes_up_again_within_fifteen_seconds)
{
	begin();
	run(10000000);
	f.width_bps = 330000;
	run(60000000);
	cr_assert(eq(int, f.shown, 2));
	f.width_bps = 5000000;
	run(15000000);
	cr_assert(eq(int, f.shown, 0));
}

Test(rtp_path, a_path_between_two_pictures_is_probed_without_showing_the_larger_one)
{
	begin();
	f.width_bps = 1200000;
	run(10000000);
	cr_assert(eq(int, f.shown, 1));
	const unsigned changes = f.changes;
	run(60000000);
	cr_assert(eq(uint, f.changes, changes));
	/* Probes stop when they begin to hurt: far less than the larger picture would have cost. */
	cr_assert(gt(dbl, f.padding_bits, 0));
	cr_assert(lt(dbl, f.padding_bits, 60 * 1400000 * 0.15));
}

Test(rtp_path, losses_that_are_no_congestion_change_nothing)
{
	begin();
	f.random_loss = 0.1;
	run(60000000);
	cr_assert(eq(uint, f.changes, 0));
}

Test(rtp_path, sound_goes_on_alone_where_no_picture_gets_through_and_the_picture_comes_back)
{
	begin();
	run(10000000);
	f.width_bps = 150000;
	run(10000000);
	cr_assert(eq(int, f.shown, PATH_NO_PICTURE));
	f.width_bps = 5000000;
	run(20000000);
	cr_assert(eq(int, f.shown, 0));
}

/* A show without sound: without a picture nothing is left to report on but probes. */
Test(rtp_path, a_silent_picture_comes_back_too)
{
	f.mute = true;
	f.table.count = 1;
	f.table.at[0].bps = 1200000;
	begin();
	run(5000000);
	f.width_bps = 300000;
	run(15000000);
	cr_assert(eq(int, f.shown, PATH_NO_PICTURE));
	f.width_bps = 5000000;
	run(15000000);
	cr_assert(eq(int, f.shown, 2));
}

Test(rtp_path, a_longer_way_is_not_taken_for_a_queue_for_ever)
{
	begin();
	run(10000000);
	for (int i = 0; i < 200; i++, f.now_us += REPORT_US) {
		f.said.highest_seq += 40;
		rtp_path_rtt(&f.path, 250000, f.now_us);
		rtp_path_report(&f.path, f.said.highest_seq, f.said.lost, f.now_us);
		(void)rtp_path_padding(&f.path, &f.table, f.now_us);
		f.shown = rtp_path_choose(&f.path, &f.table, &f.limits, f.now_us);
	}
	cr_assert(eq(int, f.shown, 0));
}

Test(rtp_path, a_pinned_rendition_is_kept_whatever_happens)
{
	f.limits.pinned = 0;
	begin();
	f.width_bps = 300000;
	run(10000000);
	cr_assert(eq(int, f.shown, 0));
}

Test(rtp_path, a_picture_that_cannot_be_decoded_is_passed_over)
{
	f.limits.profile_max = 99;
	f.table.at[2].profile = 100;
	begin();
	cr_assert(eq(int, f.shown, 1));
	run(20000000);
	cr_assert(eq(int, f.shown, 1));
	cr_assert(zero(f.padding_bits));
}

Test(rtp_path, a_rendition_that_stops_is_left_and_one_that_starts_is_found)
{
	begin();
	run(5000000);
	f.table.count = 2;
	run(1000000);
	cr_assert(eq(int, f.shown, 1));
	f.table.count = 3;
	run(10000000);
	cr_assert(eq(int, f.shown, 0));
}

Test(rtp_path, without_probes_the_picture_itself_is_the_probe)
{
	f.limits.probes = false;
	begin();
	run(5000000);
	f.width_bps = 400000;
	run(5000000);
	cr_assert(eq(int, f.shown, 2));
	f.width_bps = 0;
	run(15000000);
	cr_assert(eq(int, f.shown, 0));
	cr_assert(zero(f.padding_bits));
}

/* With each NACK comes a report, of a handful of packets and the same echo. */
Test(rtp_path, many_reports_in_a_row_are_one)
{
	begin();
	run(5000000);
	for (int i = 0; i < 50; i++, f.now_us += 3000) {
		f.said.highest_seq += 2;
		f.said.lost += i % 20 == 0;
		if (i == 0)
			rtp_path_rtt(&f.path, 400000, f.now_us);
		rtp_path_report(&f.path, f.said.highest_seq, f.said.lost, f.now_us);
		f.shown = rtp_path_choose(&f.path, &f.table, &f.limits, f.now_us);
	}
	cr_assert(eq(int, f.shown, 0));
	cr_assert(rtp_path_is_watched(&f.path, f.now_us));
}
