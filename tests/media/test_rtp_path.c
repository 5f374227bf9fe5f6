#include "media/rtp/rtp_path.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

/* A path of a given width behind a queue, and a viewer that reports as Chromium does: REMB, of the
 * picture alone, every 200 ms and at once when delays grow; a round trip for each of our reports.
 */
enum {
	REPORT_US = 200000,
	STEP_US = 20000,
	BASE_RTT_US = 50000,
	SECOND = 1000000 / STEP_US,
	OFTEN_US = 200000,
	SELDOM_US = 1000000,
	SRS = 64, /* under way at once */
	SOUND_AGAIN_US = 10000000, /* is sent thrice for so long */
};

struct fixture {
	struct rtp_path path;
	struct rendition_table table;
	struct rtp_path_limits limits;
	int64_t now_us, next_report_us;
	int64_t busy_us; /* the viewer says nothing until then */
	int64_t width_bps; /* 0: no limit */
	int64_t queue_max_bits;
	int64_t key_every_us, key_us;
	double random_loss;
	double queue_bits, lost_bits, sent_bits;
	double got[SECOND]; /* of the picture, by steps */
	double grew_us, remb_bps;
	bool overuse;
	struct {
		int64_t sent_us, rtt_us;
	} sr[SRS];
	unsigned srs, srs_heard;
	int64_t next_sr_us;
	struct {
		uint32_t highest_seq;
		int32_t lost;
	} said;
	bool hushed, mute; /* mute: nothing at all is sent without a picture */
	bool need_key;
	int64_t again_us; /* until when sound is sent thrice */
	int wanted, shown;
	unsigned changes;
	double picture_bits, padding_bits, sound_lost_bits;
};

static struct fixture f;

static void setup(void)
{
	static const uint32_t bps[] = { 200000, 600000, 2000000 };
	f = (struct fixture){ .now_us = 10000000,
			      .limits = { .pinned = -1, .probes = true },
			      .queue_max_bits = INT64_C(64) * 8192,
			      .key_every_us = 100000 };
	rtp_path_init(&f.path);
	f.table.count = 3;
	for (unsigned i = 0; i < 3; i++)
		f.table.at[i] = (struct rendition_info){ .slot = (uint8_t)(2 - i),
							 .running = true,
							 .bps = bps[i] * 2,
							 .mean_bps = bps[i] };
}

TestSuite(rtp_path, .init = setup);

static bool flows(void)
{
	return f.shown >= 0 && !f.need_key;
}

static double picture_bps(void)
{
	const int level = flows() ? rendition_table_find(&f.table, (unsigned)f.shown) : -1;
	return level < 0 ? 0 : f.table.at[level].mean_bps;
}

static double sound_bps(void)
{
	return f.mute && !flows() ? 0 : f.now_us < f.again_us ? 140000 : 60000;
}

static double queue_us(void)
{
	return f.width_bps ? f.queue_bits * 1e6 / (double)f.width_bps : 0;
}

static void carry(double picture_bits, double sound_bits)
{
	const double bits = picture_bits + sound_bits, before_us = queue_us();
	double lost = bits * f.random_loss;
	f.queue_bits += bits - lost;
	double out = f.queue_bits;
	if (f.width_bps && out > (double)f.width_bps * STEP_US / 1e6)
		out = (double)f.width_bps * STEP_US / 1e6;
	f.queue_bits -= out;
	if (f.queue_bits > (double)f.queue_max_bits) {
		lost += f.queue_bits - (double)f.queue_max_bits;
		f.sound_lost_bits += (f.queue_bits - (double)f.queue_max_bits) * sound_bits / bits;
		f.queue_bits = (double)f.queue_max_bits;
	}
	f.sent_bits += bits;
	f.lost_bits += lost;
	/* What comes out is taken for a mixture as what goes in. */
	f.got[f.now_us / STEP_US % SECOND] = bits > 0 ? out * picture_bits / bits : 0;
	f.grew_us = queue_us() > before_us ? f.grew_us + queue_us() - before_us : 0;
}

static double got_bps(void)
{
	double bits = 0;
	for (int i = 0; i < SECOND; i++)
		bits += f.got[i];
	return bits;
}

static void report(void)
{
	/* chromium-viewer.md §5: rises by 8 % a second up to 1.5 times what comes; falls to what
	 * comes when the delay grows. */
	if (f.overuse && f.remb_bps > got_bps() * 0.85)
		f.remb_bps = got_bps() * 0.85;
	else if (!f.overuse && flows() && f.remb_bps < got_bps() * 1.5)
		f.remb_bps *= 1.016;
	/* Another stream is reported on while there is no picture. */
	if (f.hushed != (f.wanted < 0)) {
		f.hushed = f.wanted < 0;
		rtp_path_restart_reports(&f.path);
	}
	f.said.highest_seq += (uint32_t)(f.sent_bits / 1000);
	f.said.lost += (int32_t)(f.lost_bits / 1000);
	if (f.lost_bits > f.sent_bits * 0.15 && !rtp_path_is_full(&f.path, f.now_us))
		f.again_us = f.now_us + SOUND_AGAIN_US;
	if (f.mute && f.sent_bits == 0)
		return;
	const unsigned heard = f.srs_heard;
	while (f.srs_heard < f.srs &&
	       f.now_us >= f.sr[f.srs_heard % SRS].sent_us + f.sr[f.srs_heard % SRS].rtt_us)
		f.srs_heard++;
	const unsigned newest = (f.srs_heard - 1) % SRS;
	if (f.srs_heard > heard)
		rtp_path_rtt(&f.path, f.sr[newest].sent_us, f.sr[newest].rtt_us, f.now_us);
	rtp_path_report(&f.path, f.said.highest_seq, f.said.lost, f.now_us);
	if (f.remb_bps > 0)
		rtp_path_remb(&f.path, (uint64_t)f.remb_bps, f.now_us);
	f.sent_bits = f.lost_bits = 0;
}

static void say(void)
{
	const int64_t pause_us = rtp_path_is_watched(&f.path, f.now_us) ? OFTEN_US : SELDOM_US;
	if (f.next_sr_us > f.now_us + pause_us)
		f.next_sr_us = f.now_us + pause_us;
	if (f.now_us < f.next_sr_us && f.path.drain.since_us != f.now_us)
		return;
	f.next_sr_us = f.now_us + pause_us;
	f.sr[f.srs % SRS].sent_us = f.now_us;
	f.sr[f.srs % SRS].rtt_us = BASE_RTT_US + (int64_t)queue_us();
	f.srs++;
}

/* As the sender does. */
static void show(void)
{
	f.limits.shown = flows() ? f.shown : -1;
	f.wanted = rtp_path_choose(&f.path, &f.table, &f.limits, f.now_us);
	const bool key = f.now_us % f.key_every_us == f.key_us;
	const int before = f.shown;
	if (key || f.wanted < 0)
		f.shown = f.wanted;
	f.need_key |= f.shown < 0;
	if (f.path.drain.since_us || f.wanted < 0)
		f.again_us = 0;
	if (path_drain_holds(&f.path.drain, f.shown != f.wanted, f.now_us))
		f.need_key = true;
	else if (key && f.shown >= 0)
		f.need_key = false;
	f.changes += f.shown != before;
}

static void run(int64_t for_us)
{
	const int64_t until_us = f.now_us + for_us;
	for (; f.now_us < until_us; f.now_us += STEP_US) {
		const double padding = 8.0 * rtp_path_padding(&f.path, &f.table, f.now_us);
		f.padding_bits += padding;
		carry(picture_bps() * STEP_US / 1e6 + padding, sound_bps() * STEP_US / 1e6);
		f.picture_bits += picture_bps() * STEP_US / 1e6;
		rtp_path_sent(&f.path, (uint32_t)(f.picture_bits / 8), f.now_us);
		const bool former = f.overuse;
		f.overuse = f.grew_us > 150000 || (former && queue_us() > 30000 && f.grew_us > 0);
		if (f.now_us >= f.busy_us &&
		    (f.now_us >= f.next_report_us || (f.overuse && !former))) {
			f.next_report_us = f.now_us + REPORT_US;
			report();
		}
		show();
		say();
	}
}

static void begin(void)
{
	f.limits.shown = -1;
	f.shown = f.wanted = rtp_path_choose(&f.path, &f.table, &f.limits, f.now_us);
	f.remb_bps = picture_bps() * 0.85;
	for (int i = 0; i < SECOND; i++)
		f.got[i] = picture_bps() / SECOND;
}

Test(rtp_path, begins_with_the_best_and_stays_on_a_free_path)
{
	begin();
	cr_assert(eq(int, f.shown, 0));
	run(60000000);
	cr_assert(eq(uint, f.changes, 0));
	cr_assert(zero(f.padding_bits));
}

struct narrowing {
	int64_t from_bps, bps;
	int slot;
};

static void narrow(const struct narrowing *row, int64_t key_every_us, int64_t key_us,
		   int64_t within_us)
{
	setup();
	f.key_every_us = key_every_us;
	f.key_us = key_us;
	f.width_bps = row->from_bps;
	begin();
	run(15000000);
	f.width_bps = row->bps;
	run(within_us);
	const long to = (long)row->bps, key = (long)key_us;
	cr_assert(flows(), "%ld, keyframe at %ld", to, key);
	cr_assert(eq(int, f.shown, row->slot), "%ld, keyframe at %ld", to, key);
}

Test(rtp_path, narrow_paths_get_what_they_carry_within_three_seconds)
{
	static const struct narrowing rows[] = {
		{ 5000000, 1000000, 1 }, { 5000000, 400000, 2 }, { 5000000, 300000, 2 },
		{ 1000000, 300000, 2 },  { 2500000, 800000, 1 }, { 5000000, 4000000, 0 },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		narrow(&rows[i], 100000, 0, 3000000);
}

/* It makes keyframes every two seconds and not when asked. */
Test(rtp_path, sources_that_make_keyframes_when_they_like_take_one_more)
{
	static const struct narrowing step[] = { { 5000000, 1000000, 1 }, { 1000000, 300000, 2 } };
	static const struct narrowing leap[] = { { 5000000, 400000, 2 }, { 2500000, 800000, 1 } };
	for (int64_t key_us = 0; key_us < 2000000; key_us += 100000) {
		for (size_t i = 0; i < sizeof(step) / sizeof(*step); i++)
			narrow(&step[i], 2000000, key_us, 3000000);
		for (size_t i = 0; i < sizeof(leap) / sizeof(*leap); i++)
			narrow(&leap[i], 2000000, key_us, 5000000);
	}
}

/* 200 kbit/s and sound of 60 into 300: behind each probe a little of a queue stays for seconds. */
Test(rtp_path, a_picture_that_just_fits_is_kept_and_sound_beside_it)
{
	f.width_bps = 5000000;
	begin();
	run(15000000);
	f.width_bps = 1000000;
	run(15000000);
	f.width_bps = 300000;
	run(3000000);
	double flowed = 0, sound_bits = 0;
	for (int i = 0; i < 600; i++) {
		run(100000);
		flowed += flows() && f.shown == 2;
		sound_bits += sound_bps() * 0.1;
	}
	cr_assert(gt(dbl, flowed, 550));
	cr_assert(lt(dbl, f.sound_lost_bits, sound_bits * 0.01));
}

/* Padding has filled the queue by the time that a busy viewer tells of it. */
static void narrow_under_a_probe(int64_t ramp_us, int64_t key_us)
{
	setup();
	f.key_every_us = 2000000;
	f.key_us = key_us;
	f.width_bps = 1000000;
	begin();
	run(10000000);
	while (f.path.level != 1 || f.path.probe.ramp_us < ramp_us)
		run(STEP_US);
	f.width_bps = 300000;
	f.busy_us = f.now_us + 1000000;
	run(6000000);
	int flowed = 0;
	for (int i = 0; i < 150; i++) {
		run(100000);
		flowed += flows() && f.shown == 2;
	}
	cr_assert(gt(int, flowed, 145), "%ld, keyframe at %ld", (long)ramp_us, (long)key_us);
}

Test(rtp_path, a_path_that_becomes_narrow_under_a_probe_still_gets_the_smallest_picture)
{
	for (int64_t key_us = 0; key_us < 2000000; key_us += 100000)
		for (int64_t ramp_us = 100000; ramp_us <= 700000; ramp_us += 100000)
			narrow_under_a_probe(ramp_us, key_us);
}

/* What a full queue lost is told a round trip after it was sent. */
Test(rtp_path, late_losses_are_not_those_of_the_smaller_picture)
{
	f.limits.probes = false;
	f.table.count = 1;
	begin();
	run(5000000);
	for (int i = 0; i < 40; i++, f.now_us += OFTEN_US) {
		const bool former = f.now_us - 1700000 < f.path.said.flows_us;
		f.said.highest_seq += 30;
		f.said.lost += former ? 20 : 0;
		rtp_path_rtt(&f.path, f.now_us - 1700000, 1700000, f.now_us);
		rtp_path_report(&f.path, f.said.highest_seq, f.said.lost, f.now_us);
		show();
		cr_assert(rtp_path_is_full(&f.path, f.now_us));
		cr_assert(eq(int, f.wanted, 2));
	}
}

/* While pictures are held REMB falls to nothing, and is far below what is sent for long. */
Test(rtp_path, remb_that_has_not_risen_yet_is_no_reason_to_give_the_smallest_picture_up)
{
	f.width_bps = 300000;
	f.table.count = 1; /* and so no probes */
	begin();
	for (int i = 0; i < 40; i++) {
		f.remb_bps = 50000;
		run(100000);
	}
	/* a keyframe */
	f.queue_bits += 90000;
	f.remb_bps *= 0.8;
	run(3000000);
	cr_assert(eq(int, f.wanted, 2));
	run(10000000);
	cr_assert(eq(int, f.wanted, 2));
	cr_assert(flows());
}

/* Behind a probe that failed REMB is compared with nothing for a while. */
Test(rtp_path, a_smallest_picture_that_is_far_too_much_is_given_up_soon)
{
	static const uint32_t bps[] = { 600000, 1200000, 2000000 };
	for (unsigned i = 0; i < 3; i++)
		f.table.at[i].mean_bps = bps[i];
	f.width_bps = 1000000;
	begin();
	run(10000000);
	while (!f.path.probe.since_us)
		run(STEP_US);
	while (f.path.probe.since_us)
		run(STEP_US);
	cr_assert(eq(int, f.path.level, 0));
	f.width_bps = 300000;
	run(2500000);
	cr_assert(eq(int, f.wanted, PATH_NO_PICTURE));
}

/* REMB falls to 85 % of what comes whenever receivers believe in a queue. */
Test(rtp_path, a_false_alarm_changes_nothing)
{
	begin();
	run(10000000);
	f.remb_bps = picture_bps() * 0.85;
	run(10000000);
	cr_assert(eq(uint, f.changes, 0));
}

Test(rtp_path, a_queue_that_stands_behind_the_smallest_picture_is_drained)
{
	f.width_bps = 280000;
	begin();
	run(20000000);
	cr_assert(eq(int, f.shown, 2));
	f.queue_bits = 200000;
	run(12000000);
	cr_assert(eq(int, f.shown, 2));
	cr_assert(flows());
	cr_assert(lt(dbl, queue_us(), 300000));
}

Test(rtp_path, pictures_are_paced_on_narrow_paths_alone)
{
	begin();
	run(5000000);
	cr_assert(zero(rtp_path_pace(&f.path, &f.table, f.now_us)));
	f.width_bps = 400000;
	run(10000000);
	const uint32_t bytes = rtp_path_pace(&f.path, &f.table, f.now_us);
	cr_assert(ge(u32, bytes, 200000 / 8));
	cr_assert(le(u32, bytes, 300000 / 8));
}

Test(rtp_path, goes_up_again_within_fifteen_seconds)
{
	for (int i = 0; i < 20; i++) {
		setup();
		f.key_every_us = 2000000;
		f.key_us = (int64_t)i * 100000;
		begin();
		run(10000000);
		f.width_bps = 300000;
		run(INT64_C(30000000) + (int64_t)i * 230000);
		cr_assert(eq(int, f.shown, 2));
		cr_assert(flows());
		f.width_bps = 5000000;
		run(15000000);
		cr_assert(eq(int, f.shown, 0), "%d", i);
	}
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
	f.table.at[0].mean_bps = 1200000;
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
		rtp_path_rtt(&f.path, f.now_us - 250000, 250000, f.now_us);
		rtp_path_report(&f.path, f.said.highest_seq, f.said.lost, f.now_us);
		(void)rtp_path_padding(&f.path, &f.table, f.now_us);
		show();
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

Test(rtp_path, who_pins_the_sound_is_shown_no_picture_and_sent_no_probes)
{
	begin();
	f.limits.pinned = PATH_PINS_SOUND;
	run(10000000);
	cr_assert(eq(int, f.shown, PATH_NO_PICTURE));
	cr_assert(zero(f.padding_bits));
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
	bool fits = false;
	for (int i = 0; i < 40; i++) {
		run(100000);
		fits |= flows() && f.shown == 2;
	}
	cr_assert(fits);
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
			rtp_path_rtt(&f.path, f.now_us - 400000, 400000, f.now_us);
		rtp_path_report(&f.path, f.said.highest_seq, f.said.lost, f.now_us);
		f.shown = rtp_path_choose(&f.path, &f.table, &f.limits, f.now_us);
	}
	cr_assert(eq(int, f.shown, 0));
	cr_assert(rtp_path_is_watched(&f.path, f.now_us));
}
