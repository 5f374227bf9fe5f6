#include "media/transcode_still.h"

#include "media/transcode_child.h"
#include "media/transcode_pool.h"
#include "server/core/buf.h"
#include "server/core/clock.h"
#include "server/core/log.h"
#include "server/core/loop.h"
#include "tests/media/transcoder/pictures.h"
#include "tests/support/foreign.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_US = 30 * 1000000 };

struct fixture {
	struct clock clock;
	struct log log;
	struct loop *loop;
	struct transcode_pool *pool;
	struct transcode_still *still;
	struct pictures source;
	struct timer guard;
	struct buf *jpeg;
	bool done;
};

static struct fixture f;

static void on_done(struct buf *jpeg, void *arg)
{
	(void)arg;
	f.jpeg = jpeg ? buf_ref(jpeg) : NULL;
	f.done = true;
	loop_stop(f.loop);
}

static void on_guard(void *arg)
{
	(void)arg;
	loop_stop(f.loop);
}

static void begin(const char *size, const char *encoder)
{
	const struct transcode_program program = { .path = SOUK_TRANSCODER };
	cr_assert(getenv("SOUK_TEST_DATA") != NULL, "run by ctest");
	f = (struct fixture){ .done = false };
	clock_init(&f.clock);
	cr_assert(eq(int, loop_create(&f.loop, &f.clock), 0));
	cr_assert(eq(int, transcode_pool_create(&f.pool, f.loop, &program, &f.log), 0));
	timer_init(&f.guard, f.loop, on_guard, NULL);
	cr_assert(eq(int, transcode_still_create(&f.still, f.pool, on_done, NULL), 0));
	pictures_make(&f.source, size, 25, 10, encoder);
}

static void end(void)
{
	transcode_still_destroy(f.still);
	transcode_pool_destroy(f.pool);
	pictures_finish(&f.source);
	loop_destroy(f.loop);
}

/* What comes of that picture; the caller's reference, NULL: nothing. */
static struct buf *make(struct buf *picture, uint16_t side)
{
	f.done = false;
	cr_assert(
		eq(int,
		   transcode_still_ask(f.still, f.source.frames[0]->config->header, picture, side),
		   0));
	timer_start(&f.guard, WAIT_US);
	loop_run(f.loop);
	timer_stop(&f.guard);
	cr_assert(f.done, "no answer");
	return f.jpeg;
}

/* "mjpeg,160,90" by ffprobe; decoded without a word. */
static void check(const struct buf *jpeg, const char *wanted)
{
	char path[] = "/tmp/souk-still-XXXXXX", said[4096];
	cr_assert(jpeg != NULL);
	const int fd = mkstemp(path);
	cr_assert(fd >= 0);
	cr_assert(eq(sz, (size_t)write(fd, jpeg->data, jpeg->len), jpeg->len));
	close(fd);
	foreign_run("ffprobe -v error -f mjpeg -show_entries stream=codec_name,width,height "
		    "-of csv=p=0 %s 2>&1",
		    path, said, sizeof(said));
	cr_assert(eq(str, strtok(said, "\n"), (char *)wanted));
	unlink(path);
}

Test(transcode_still, a_keyframe_becomes_a_small_jpeg)
{
	/* With B-frames a decoder holds its first picture back. */
	begin("320x180", "-c:v libx264 -preset veryfast -bf 2 -profile:v high");
	for (int i = 0; i < 3; i++) {
		struct buf *jpeg = make(f.source.frames[0]->data, 160);
		check(jpeg, "mjpeg,160,90");
		buf_unref(jpeg);
	}
	end();
}

Test(transcode_still, an_upright_picture_keeps_its_shape_and_is_never_enlarged)
{
	begin("90x160", "-c:v libx264 -preset ultrafast");
	struct buf *jpeg = make(f.source.frames[0]->data, 80);
	check(jpeg, "mjpeg,44,80");
	buf_unref(jpeg);
	jpeg = make(f.source.frames[0]->data, 640);
	check(jpeg, "mjpeg,90,160");
	buf_unref(jpeg);
	end();
}

Test(transcode_still, of_what_nobody_can_decode_there_is_none_and_the_next_one_is)
{
	begin("320x180", "-c:v libx264 -preset ultrafast");
	uint8_t noise[2000] = { 0, 0, 7, 200, 0x65 };
	for (size_t i = 5; i < sizeof(noise); i++)
		noise[i] = (uint8_t)(i * 7919 >> 3);
	struct buf *broken = buf_copy(noise, sizeof(noise));
	struct buf *none = make(broken, 160);
	struct buf *truncated = buf_copy(f.source.frames[0]->data->data, 6);
	buf_unref(none); /* perhaps a grey one */
	none = make(truncated, 160);
	buf_unref(none);
	struct buf *jpeg = make(f.source.frames[0]->data, 160);
	check(jpeg, "mjpeg,160,90");
	buf_unref(jpeg);
	buf_unref(broken);
	buf_unref(truncated);
	end();
}

Test(transcode_still, one_at_a_time)
{
	begin("320x180", "-c:v libx264 -preset ultrafast");
	struct buf *header = f.source.frames[0]->config->header;
	struct buf *picture = f.source.frames[0]->data;
	cr_assert(eq(int, transcode_still_ask(f.still, header, picture, 160), 0));
	cr_assert(eq(int, transcode_still_ask(f.still, header, picture, 160), -EBUSY));
	end();
}
