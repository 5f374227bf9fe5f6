#include "tests/media/fanout_fixture.h"

/* A room's media time begins at a second. */
enum { AAC_US = 21333, OPUS_US = 20000, ROOM_US = 1000000 };

static void push_opus(int64_t at_us)
{
	push_opus_as(true, at_us);
}

TestSuite(fanout_wait, .init = setup, .fini = teardown);

Test(fanout_wait, who_gathers_is_called_once_a_picture_and_nobody_else_waits_for_that)
{
	f.viewers[0].sink.gathers = true;
	push_video(true, 0);
	join(0, 2);
	settle();
	push_audio(10000);
	push_audio(31000);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 0));
	cr_assert(eq(uint, f.viewers[1].audio, 2));
	push_video(false, FRAME);
	settle();
	for (int i = 0; i < 2; i++) {
		cr_assert(eq(uint, f.viewers[i].audio, 2));
		cr_assert(eq(uint, f.viewers[i].video, 2));
		cr_assert(eq(uint, f.viewers[i].disordered, 0));
	}
	cr_assert(eq(uint, f.viewers[0].flushes, 1));
}

Test(fanout_wait, sound_without_pictures_does_not_wait_for_them_long)
{
	f.viewers[0].sink.gathers = true;
	push_video(true, 0);
	join(0, 1);
	settle();
	push_audio(10000);
	settle();
	fake_clock_advance(&f.fake, f.loop, FANOUT_GATHER_US - 1);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 0));
	fake_clock_advance(&f.fake, f.loop, 1);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 1));
}

Test(fanout_wait, pictures_gather_until_a_batch_is_full)
{
	enum { COUNT = 13 }; /* the first is due at once */
	f.viewers[0].sink.gathers = f.viewers[1].sink.gathers = true;
	f.viewers[0].sink.batch_us = (int64_t)FRAME * 2 + FRAME / 2; /* every third */
	push_video(true, 0);
	join(0, 2);
	settle();
	for (int i = 1; i <= COUNT; i++) {
		fake_clock_advance(&f.fake, f.loop, FRAME);
		push_video(false, (int64_t)i * FRAME);
		push_audio((int64_t)i * FRAME + 10);
		settle();
	}
	cr_assert(eq(uint, f.viewers[0].flushes, 1 + COUNT / 3));
	cr_assert(eq(uint, f.viewers[0].video, 1 + COUNT));
	cr_assert(eq(uint, f.viewers[0].disordered, 0));
	cr_assert(eq(uint, f.viewers[1].flushes, COUNT));
}

Test(fanout_wait, who_joins_while_others_gather_misses_nothing)
{
	f.viewers[0].sink.gathers = f.viewers[1].sink.gathers = true;
	f.viewers[0].sink.batch_us = f.viewers[1].sink.batch_us = (int64_t)FRAME * 3;
	push_video(true, 0);
	join(0, 1);
	settle();
	for (int i = 1; i < 11; i++) {
		fake_clock_advance(&f.fake, f.loop, FRAME);
		push_video(false, (int64_t)i * FRAME);
		if (i == 5)
			join(1, 2);
		settle();
	}
	cr_assert(eq(uint, f.viewers[0].video, 11));
	cr_assert(eq(uint, f.viewers[1].video, 11));
	cr_assert(eq(uint, f.viewers[1].disordered, 0));
}

Test(fanout_wait, opus_waits_for_the_next_picture_but_not_long)
{
	f.viewers[0].sink.audio = CODEC_OPUS;
	push_video(true, 0);
	join(0, 1);
	settle();
	push_video(false, FRAME);
	settle();
	push_opus(60000);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 0));
	push_video(false, 2 * FRAME);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 1));
	cr_assert(eq(uint, f.viewers[0].flushes, 2)); /* one turn took both */
	push_opus(100000);
	settle();
	fake_clock_advance(&f.fake, f.loop, FANOUT_SOUND_WAIT_US / 2);
	push_opus(120000); /* does not make the first wait longer */
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 1));
	fake_clock_advance(&f.fake, f.loop, FANOUT_SOUND_WAIT_US / 2);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 3));
	cr_assert(eq(uint, f.viewers[0].flushes, 3));
}

Test(fanout_wait, opus_of_the_host_goes_at_once)
{
	f.viewers[0].sink.audio = CODEC_OPUS;
	push_video(true, 0);
	join(0, 1);
	settle();
	push_video(false, FRAME);
	push_opus_as(false, FRAME); /* whose it is shows with the first */
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 1));
	push_opus_as(false, FRAME + 20000);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 2));
}

Test(fanout_wait, opus_of_a_busy_worker_waits_for_the_picture)
{
	for (int i = 0; i < VIEWERS; i++) {
		f.viewers[i].sink.audio = CODEC_OPUS;
		f.viewers[i].cost_us = FRAME / 2 / VIEWERS;
	}
	push_video(true, 0);
	join(0, VIEWERS);
	settle();
	for (int i = 1; i < 60; i++) {
		fake_clock_advance(&f.fake, f.loop, FRAME / 2);
		push_video(false, (int64_t)i * FRAME);
		settle();
	}
	push_opus(60 * FRAME);
	settle();
	fake_clock_advance(&f.fake, f.loop, FANOUT_SOUND_WAIT_US);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 0));
	push_video(false, 60 * FRAME);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 1));
	struct fanout_stats stats;
	fanout_stats(f.fanout, &stats);
	cr_assert(stats.busy);
	for (int i = 61; i < 120; i++) { /* most have left */
		for (int k = 1; k < VIEWERS; k++)
			fanout_remove(f.fanout, &f.viewers[k].sink);
		fake_clock_advance(&f.fake, f.loop, FRAME);
		push_video(false, (int64_t)i * FRAME);
		settle();
	}
	fanout_stats(f.fanout, &stats);
	cr_assert(not(stats.busy));
}

Test(fanout_wait, opus_without_pictures_goes_at_once)
{
	f.viewers[0].sink.audio = CODEC_OPUS;
	push_video(true, 0);
	join(0, 1);
	settle();
	f.fake.now_us += FANOUT_SOUND_ALONE_US + 1;
	push_opus(20000);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 1));
}

/* One hears Opus, the other AAC. Of two frames that came with the first picture one packet is made,
 * the rest is not enough for another. */
static void begin_made_opus(void)
{
	f.viewers[0].sink.audio = CODEC_OPUS;
	push_video(true, 0);
	push_audio(0);
	push_audio(AAC_US);
	join(0, 2);
	settle();
	push_opus(ROOM_US);
	fake_clock_advance(&f.fake, f.loop, FANOUT_SOUND_WAIT_US);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 1));
}

Test(fanout_wait, a_picture_waits_for_the_opus_that_is_being_made_of_its_sound)
{
	begin_made_opus();
	push_audio(2 * AAC_US);
	push_audio(3 * AAC_US);
	push_video(false, FRAME);
	settle();
	cr_assert(eq(uint, f.viewers[0].video, 1));
	cr_assert(eq(uint, f.viewers[1].video, 2)); /* who hears AAC waits for nothing */
	push_opus(ROOM_US + OPUS_US);
	settle();
	cr_assert(eq(uint, f.viewers[0].video, 1)); /* another packet is to come */
	push_opus(ROOM_US + 2 * OPUS_US);
	settle();
	cr_assert(eq(uint, f.viewers[0].video, 2));
	cr_assert(eq(uint, f.viewers[0].audio, 3));
	cr_assert(eq(uint, f.viewers[0].flushes, 2)); /* one turn took it all */
	push_video(false, 2 * FRAME);
	settle();
	cr_assert(eq(uint, f.viewers[0].video, 3)); /* no sound came with it */
}

Test(fanout_wait, a_picture_does_not_wait_for_late_opus_long_and_the_next_not_at_all)
{
	begin_made_opus();
	push_audio(2 * AAC_US);
	push_audio(3 * AAC_US);
	push_video(false, FRAME);
	settle();
	fake_clock_advance(&f.fake, f.loop, FANOUT_PICTURE_WAIT_US - 1);
	settle();
	cr_assert(eq(uint, f.viewers[0].video, 1));
	fake_clock_advance(&f.fake, f.loop, 1);
	settle();
	cr_assert(eq(uint, f.viewers[0].video, 2));
	push_video(false, 2 * FRAME);
	settle();
	cr_assert(eq(uint, f.viewers[0].video, 3));
	f.fake.now_us += FANOUT_SOUND_LATE_US;
	push_video(false, 3 * FRAME);
	settle();
	cr_assert(eq(uint, f.viewers[0].video, 3));
}

Test(fanout_wait, sound_that_waits_already_is_not_kept_longer_by_a_picture)
{
	begin_made_opus();
	push_video(false, FRAME / 2); /* there are pictures to wait for */
	settle();
	push_audio(2 * AAC_US);
	push_audio(3 * AAC_US);
	push_opus(ROOM_US + OPUS_US);
	settle();
	fake_clock_advance(&f.fake, f.loop, FANOUT_SOUND_WAIT_US - FANOUT_PICTURE_WAIT_US / 2);
	push_video(false, FRAME);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 1));
	fake_clock_advance(&f.fake, f.loop, FANOUT_PICTURE_WAIT_US / 2);
	settle();
	cr_assert(eq(uint, f.viewers[0].audio, 2));
	cr_assert(eq(uint, f.viewers[0].video, 3));
}
