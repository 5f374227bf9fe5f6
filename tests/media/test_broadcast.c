#include "media/broadcast.h"

#include "media/bus.h"
#include "media/publish.h"
#include "server/core/loop.h"
#include "server/core/mqueue.h"
#include "tests/support/fake_clock.h"
#include "tests/support/media_frames.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { FRAME = 40000, SECOND = 1000000 };

struct fixture {
	struct fake_clock fake;
	struct loop *loop;
	struct mqueue *queue;
	struct broadcast *broadcast;
	struct media_config *video, *audio, *opus;
	struct publisher *publisher;
	unsigned keys_asked, edges, epochs, configs;
	uint32_t last_epoch;
};

static struct fixture f;

static void on_readers(void *arg, enum track track)
{
	(void)arg;
	f.edges += track == TRACK_OPUS;
}

static void on_epoch(void *arg, uint32_t epoch)
{
	(void)arg;
	f.epochs++;
	f.last_epoch = epoch;
}

static void on_config(void *arg, enum codec codec)
{
	(void)arg;
	(void)codec;
	f.configs++;
}

static void on_request_key(void *arg, unsigned slot)
{
	(void)arg;
	(void)slot;
	f.keys_asked++;
}

static void begin(void)
{
	const struct publisher_params params = { .queue = f.queue, .request_key = on_request_key };
	cr_assert(eq(int, broadcast_publish_begin(f.broadcast, &params, &f.publisher), 0));
}

static void setup(void)
{
	static const struct broadcast_ops ops = { .readers = on_readers,
						  .epoch = on_epoch,
						  .config = on_config };
	f = (struct fixture){ 0 };
	fake_clock_init(&f.fake);
	f.video = test_video_config();
	f.audio = test_audio_config();
	f.opus = media_config_create(CODEC_OPUS, NULL);
	cr_assert(eq(int, loop_create(&f.loop, &f.fake.clock), 0));
	cr_assert(eq(int, mqueue_create(&f.queue, f.loop, 16), 0));
	cr_assert(eq(int, broadcast_create(&f.broadcast, &f.fake.clock, &ops, NULL), 0));
	begin();
}

static void teardown(void)
{
	broadcast_publish_end(f.publisher);
	mqueue_destroy(f.queue);
	broadcast_unref(f.broadcast);
	loop_destroy(f.loop);
	media_config_unref(f.video);
	media_config_unref(f.audio);
	media_config_unref(f.opus);
}

TestSuite(broadcast, .init = setup, .fini = teardown);

static int push_video(bool key, int64_t at_us)
{
	return broadcast_push(f.publisher, test_video_frame(f.video, key, at_us, 10));
}

static int push_audio(int64_t at_us)
{
	return broadcast_push(f.publisher, test_audio_frame(f.audio, at_us));
}

/* The newest video frame; the caller lets it go. */
static struct frame *newest(void)
{
	struct frame *frame;
	struct bus *bus = broadcast_bus(f.broadcast, TRACK_VIDEO);
	cr_assert(eq(sz, bus_read_since(bus, bus_head(bus), INT64_MIN, &frame, 1), 1));
	return frame;
}

Test(broadcast, frames_get_room_time_capture_time_and_epoch)
{
	cr_assert(eq(int, push_video(true, 70 * SECOND), 0));
	struct frame *frame = newest();
	cr_assert(eq(i64, frame->media_us, SECOND));
	cr_assert(eq(i64, frame->capture_us, clock_utc_us(&f.fake.clock)));
	cr_assert(eq(u32, frame->epoch, 1));
	frame_unref(frame);
}

Test(broadcast, begins_with_a_keyframe)
{
	cr_assert(eq(int, push_video(false, 0), -EAGAIN));
	cr_assert(eq(int, push_audio(0), 0));
	cr_assert(eq(int, push_video(true, FRAME), 0));
	cr_assert(eq(int, push_video(false, 2 * FRAME), 0));
}

Test(broadcast, stamps_keyframes_and_one_frame_a_second)
{
	unsigned stamped = 0;
	for (int i = 0; i < 100; i++) {
		push_video(i == 0, (int64_t)i * FRAME);
		struct frame *frame = newest();
		stamped += frame->stamp;
		cr_assert(frame->stamp || !frame->key);
		frame_unref(frame);
	}
	cr_assert(eq(uint, stamped, 4));
}

Test(broadcast, another_publisher_takes_over_with_the_next_epoch)
{
	struct publisher *first = f.publisher;
	push_video(true, 0);
	fake_clock_advance(&f.fake, NULL, 3 * SECOND);
	begin();
	cr_assert(eq(int, broadcast_push(first, test_video_frame(f.video, true, FRAME, 10)),
		     -ESTALE));
	cr_assert(eq(int, push_video(true, 500 * SECOND), 0));
	struct frame *frame = newest();
	cr_assert(eq(u32, frame->epoch, 2));
	cr_assert(eq(i64, frame->media_us, 4 * SECOND));
	cr_assert(eq(i64, frame->gap_us, 3 * SECOND - 33333));
	frame_unref(frame);
	broadcast_publish_end(first);
	cr_assert(eq(int, push_video(false, 501 * SECOND), 0));
	cr_assert(eq(u32, broadcast_epoch(f.broadcast), 2));
}

Test(broadcast, a_jump_of_the_clock_tells_the_owner)
{
	push_video(true, 0);
	push_video(false, 100 * SECOND);
	cr_assert(eq(uint, f.epochs, 1));
	cr_assert(eq(u32, f.last_epoch, 2));
	cr_assert(eq(u32, broadcast_epoch(f.broadcast), 2));
}

Test(broadcast, configurations_are_those_of_the_present_source)
{
	cr_assert(broadcast_video_config(f.broadcast) == NULL);
	push_video(true, 0);
	push_audio(0);
	struct media_config *config = broadcast_video_config(f.broadcast);
	cr_assert(eq(ptr, config, f.video));
	media_config_unref(config);
	config = broadcast_audio_config(f.broadcast, CODEC_AAC);
	cr_assert(eq(ptr, config, f.audio));
	media_config_unref(config);
	cr_assert(eq(uint, f.configs, 2));
	struct publisher *first = f.publisher;
	begin();
	cr_assert(not(broadcast_has_video(f.broadcast)));
	cr_assert(not(broadcast_has_audio(f.broadcast)));
	push_audio(0);
	cr_assert(broadcast_has_audio(f.broadcast));
	broadcast_publish_end(first);
}

Test(broadcast, keyframe_requests_are_throttled_and_reach_the_publisher)
{
	for (int i = 0; i < 5; i++)
		broadcast_request_key(f.broadcast, 0);
	loop_poll(f.loop);
	cr_assert(eq(uint, f.keys_asked, 1));
	fake_clock_advance(&f.fake, NULL, BROADCAST_KEY_INTERVAL_US);
	broadcast_request_key(f.broadcast, 0);
	loop_poll(f.loop);
	cr_assert(eq(uint, f.keys_asked, 2));
}

Test(broadcast, a_keyframe_request_outlives_its_publisher_harmlessly)
{
	broadcast_request_key(f.broadcast, 0);
	broadcast_publish_end(f.publisher);
	f.publisher = NULL;
	loop_poll(f.loop);
	cr_assert(eq(uint, f.keys_asked, 0));
	broadcast_request_key(f.broadcast, 0);
}

Test(broadcast, first_and_last_reader_of_a_codec_are_told)
{
	broadcast_reader_add(f.broadcast, TRACK_OPUS);
	broadcast_reader_add(f.broadcast, TRACK_OPUS);
	cr_assert(eq(uint, f.edges, 1));
	cr_assert(eq(uint, broadcast_readers(f.broadcast, TRACK_OPUS), 2));
	broadcast_reader_remove(f.broadcast, TRACK_OPUS);
	cr_assert(eq(uint, f.edges, 1));
	broadcast_reader_remove(f.broadcast, TRACK_OPUS);
	cr_assert(eq(uint, f.edges, 2));
	broadcast_detach(f.broadcast);
	broadcast_reader_add(f.broadcast, TRACK_OPUS);
	cr_assert(eq(uint, f.edges, 2));
}

Test(broadcast, transcoded_audio_of_a_former_epoch_is_refused)
{
	push_video(true, 0);
	struct frame *frame = frame_create(media_config_ref(f.opus), buf_copy("x", 1));
	frame->epoch = 1;
	cr_assert(eq(int, broadcast_push_made(f.broadcast, frame), 0));
	for (int i = 0; i < 2; i++) {
		struct publisher *before = f.publisher;
		begin();
		broadcast_publish_end(before);
	}
	frame = frame_create(media_config_ref(f.opus), buf_copy("x", 1));
	frame->epoch = 1;
	cr_assert(eq(int, broadcast_push_made(f.broadcast, frame), -ESTALE));
	cr_assert(eq(u64, bus_head(broadcast_bus(f.broadcast, TRACK_OPUS)), 1));
}

Test(broadcast, a_show_without_video_is_known_after_a_second)
{
	for (int i = 0; i < 40; i++)
		push_audio((int64_t)i * 21333);
	cr_assert(not(broadcast_audio_only(f.broadcast)));
	for (int i = 40; i < 60; i++)
		push_audio((int64_t)i * 21333);
	cr_assert(broadcast_audio_only(f.broadcast));
	push_video(true, 60LL * 21333);
	cr_assert(not(broadcast_audio_only(f.broadcast)));
}

Test(broadcast, a_picture_that_was_promised_is_waited_for)
{
	struct broadcast_expected expected;
	broadcast_promise(f.publisher, CODEC_H264, f.video);
	broadcast_promise(f.publisher, CODEC_AAC, f.audio);
	for (int i = 0; i < 200; i++)
		push_audio((int64_t)i * 21333);
	cr_assert(not(broadcast_audio_only(f.broadcast)));
	broadcast_expected(f.broadcast, &expected);
	cr_assert(expected.video);
	media_config_unref(expected.aac);
	for (int i = 200; i < 240; i++)
		push_audio((int64_t)i * 21333);
	cr_assert(broadcast_audio_only(f.broadcast));
	broadcast_expected(f.broadcast, &expected);
	cr_assert(not(expected.video));
	media_config_unref(expected.aac);
}

Test(broadcast, a_promise_is_its_publishers)
{
	struct broadcast_expected expected;
	broadcast_promise(f.publisher, CODEC_AAC, f.audio);
	broadcast_expected(f.broadcast, &expected);
	cr_assert(expected.audio);
	cr_assert(eq(ptr, expected.aac, f.audio));
	media_config_unref(expected.aac);
	struct publisher *before = f.publisher;
	begin();
	broadcast_publish_end(before);
	broadcast_expected(f.broadcast, &expected);
	cr_assert(not(expected.audio));
	cr_assert(zero(ptr, expected.aac));
}

Test(broadcast, clock_is_a_line_through_the_frames)
{
	struct broadcast_clock clock;
	cr_assert(not(broadcast_clock(f.broadcast, &clock)));
	push_video(true, 0);
	fake_clock_advance(&f.fake, NULL, 2 * SECOND);
	push_video(false, 2 * SECOND);
	cr_assert(broadcast_clock(f.broadcast, &clock));
	struct frame *frame = newest();
	const int64_t since_us = frame->media_us - clock.media_us;
	cr_assert(eq(i64, frame->capture_us,
		     clock.capture_us + since_us + since_us * clock.rate_ppm / 1000000));
	cr_assert(eq(i64, clock.newest_capture_us, frame->capture_us));
	cr_assert(eq(u32, clock.epoch, 1));
	frame_unref(frame);
}

static void count_soon(void *arg)
{
	++*(int *)arg;
}

static void *push_one(void *arg)
{
	push_video(false, *(const int64_t *)arg);
	return NULL;
}

static void push_elsewhere(int64_t at_us)
{
	pthread_t thread;
	cr_assert(eq(int, pthread_create(&thread, NULL, push_one, &at_us), 0));
	pthread_join(thread, NULL);
}

Test(broadcast, waiters_are_woken_once_until_they_look)
{
	const int fd = eventfd(0, EFD_NONBLOCK);
	int soon = 0;
	struct broadcast_waiter *waiter = broadcast_wait(f.broadcast, fd, count_soon, &soon);
	push_video(true, 0);
	cr_assert(not(broadcast_wait_clear(waiter))); /* it waits for nothing yet */
	broadcast_wait_for(waiter, 1u << TRACK_VIDEO);
	push_elsewhere(FRAME / 2);
	push_elsewhere(FRAME);
	eventfd_t value = 0;
	cr_assert(eq(int, eventfd_read(fd, &value), 0));
	cr_assert(eq(u64, value, 1));
	cr_assert(broadcast_wait_clear(waiter));
	cr_assert(not(broadcast_wait_clear(waiter)));
	push_elsewhere(2 * FRAME);
	cr_assert(eq(int, eventfd_read(fd, &value), 0));
	cr_assert(eq(int, soon, 0));
	broadcast_unwait(f.broadcast, waiter);
	close(fd);
}

Test(broadcast, a_waiter_on_the_publishers_thread_needs_no_fd)
{
	int soon = 0;
	struct broadcast_waiter *waiter = broadcast_wait(f.broadcast, -1, count_soon, &soon);
	broadcast_wait_for(waiter, 1u << TRACK_VIDEO);
	push_video(true, 0);
	push_video(false, FRAME);
	cr_assert(eq(int, soon, 1));
	cr_assert(broadcast_wait_clear(waiter));
	push_video(false, 2 * FRAME);
	cr_assert(eq(int, soon, 2));
	broadcast_unwait(f.broadcast, waiter);
}
