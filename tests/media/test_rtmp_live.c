/* Real encoders over loopback TCP: what they send and what they say of our answers. */
#include "media/frame.h"
#include "media/ingest/rtmp_session.h"
#include "server/core/addr.h"
#include "server/core/listener.h"
#include "server/core/loop.h"
#include "server/core/stream.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_US = 30 * 1000 * 1000, LINE = 1024 };

struct fixture {
	struct clock clock;
	struct loop *loop;
	struct listener *listener;
	struct stream *stream;
	struct rtmp_session *session;
	struct deferred finish;
	struct timer give_up;
	char port[8];
	char room[80], token[80];
	bool refuse;
	unsigned video, audio, keys;
	bool unpublished, closed;
	enum rtmp_end why;
	pid_t encoder;
	int messages; /* the encoder's stderr */
};

static struct fixture f;

static void on_output(void *arg, const void *data, size_t len)
{
	(void)arg;
	(void)stream_write(f.stream, data, len);
}

static void on_publish(void *arg, const char *room, const char *token)
{
	(void)arg;
	snprintf(f.room, sizeof(f.room), "%s", room);
	snprintf(f.token, sizeof(f.token), "%s", token);
	if (f.refuse)
		rtmp_session_refuse(f.session, RTMP_REFUSE_BAD_NAME);
	else
		rtmp_session_accept(f.session);
}

static void on_frame(void *arg, struct frame *frame)
{
	(void)arg;
	*(codec_is_video(frame->codec) ? &f.video : &f.audio) += 1;
	f.keys += codec_is_video(frame->codec) && frame->key;
	frame_unref(frame);
}

static void on_unpublish(void *arg)
{
	(void)arg;
	f.unpublished = true;
}

static void on_end(void *arg, enum rtmp_end why)
{
	(void)arg;
	f.why = why;
	loop_defer(f.loop, &f.finish);
}

static void finish(void *arg)
{
	(void)arg;
	stream_finish(f.stream);
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
	(void)arg;
	rtmp_session_feed(f.session, data, len);
}

static void on_closed(void *arg, int err)
{
	(void)arg;
	(void)err;
	f.closed = true;
	loop_stop(f.loop);
}

static void on_accept(int fd, const struct addr *peer, void *arg)
{
	static const struct stream_ops stream_ops = { .data = on_data, .closed = on_closed };
	static const struct rtmp_session_ops session_ops = { .output = on_output,
							     .publish = on_publish,
							     .frame = on_frame,
							     .unpublish = on_unpublish,
							     .end = on_end };
	(void)peer;
	(void)arg;
	cr_assert(f.stream == NULL);
	cr_assert(eq(int, stream_create(&f.stream, f.loop, fd, NULL, &stream_ops, NULL), 0));
	cr_assert(eq(int, rtmp_session_create(&f.session, f.loop, &session_ops, NULL), 0));
}

static void give_up(void *arg)
{
	(void)arg;
	loop_stop(f.loop);
}

static void setup(void)
{
	struct addr addr;
	f = (struct fixture){ 0 };
	clock_init(&f.clock);
	cr_assert(eq(int, loop_create(&f.loop, &f.clock), 0));
	cr_assert(eq(int, addr_parse(&addr, "127.0.0.1:0"), 0));
	cr_assert(eq(int, listener_create(&f.listener, f.loop, &addr, false, on_accept, NULL), 0));
	snprintf(f.port, sizeof(f.port), "%u", addr_port(listener_addr(f.listener)));
	deferred_init(&f.finish, finish, NULL);
	timer_init(&f.give_up, f.loop, give_up, NULL);
	timer_start(&f.give_up, WAIT_US);
}

static void teardown(void)
{
	timer_stop(&f.give_up);
	deferred_cancel(&f.finish);
	rtmp_session_destroy(f.session);
	stream_destroy(f.stream);
	listener_destroy(f.listener);
	loop_destroy(f.loop);
}

TestSuite(rtmp_live, .init = setup, .fini = teardown, .timeout = 60);

/* Runs a command of the shell in which $URL is our address; ends with the process. Returns its
 * status; what it wrote to stderr stands in `text`. */
static int run(const char *command, const char *name, char text[LINE])
{
	char url[128];
	int pipe_fds[2];
	snprintf(url, sizeof(url), "rtmp://127.0.0.1:%s/live/%s", f.port, name);
	cr_assert(eq(int, pipe(pipe_fds), 0));
	const pid_t child = fork();
	cr_assert(child >= 0);
	if (child == 0) {
		dup2(pipe_fds[1], STDERR_FILENO);
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		setenv("URL", url, 1);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	close(pipe_fds[1]);
	loop_run(f.loop);
	if (!f.closed)
		kill(child, SIGKILL);
	int status = 0;
	waitpid(child, &status, 0);
	size_t len = 0;
	ssize_t got;
	while ((got = read(pipe_fds[0], text + len, LINE - 1 - len)) > 0)
		len += (size_t)got;
	text[len] = '\0';
	close(pipe_fds[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char ffmpeg_show[] =
	"exec ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi "
	"-i sine=frequency=440:sample_rate=44100 -t 3 -c:v libx264 -preset ultrafast -g 25 "
	"-threads 1 -c:a aac -f flv \"$URL\"";

Test(rtmp_live, ffmpeg_publishes_and_leaves_in_good_order)
{
	char text[LINE];
	cr_assert(eq(int, run(ffmpeg_show, "demo?token=abc.def", text), 0), "%s", text);
	cr_assert(eq(str, text, ""));
	cr_assert(eq(str, f.room, "demo"));
	cr_assert(eq(str, f.token, "abc.def"));
	cr_assert(eq(uint, f.video, 75));
	cr_assert(eq(uint, f.keys, 3));
	cr_assert(gt(uint, f.audio, 125));
	cr_assert(f.unpublished);
}

Test(rtmp_live, ffmpeg_hears_that_the_room_is_taken)
{
	char text[LINE];
	f.refuse = true;
	cr_assert(ne(int, run(ffmpeg_show, "demo?token=x", text), 0));
	cr_assert(strstr(text, "the room is taken") != NULL, "%s", text);
	cr_assert(eq(int, f.why, RTMP_END_REFUSED));
}

/* A player checks the digests of S1 and S2, a publisher does not. */
Test(rtmp_live, ffmpeg_finds_our_digests_right)
{
	char text[LINE];
	run("exec ffmpeg -hide_banner -nostdin -v debug -i \"$URL\" -f null - 2>&1 | "
	    "grep -iE 'server version|validat|signature|server error' >&2",
	    "demo", text);
	cr_assert(strstr(text, "Server version 3.5.1.1") != NULL, "%s", text);
	cr_assert(strstr(text, "validating failed") == NULL, "%s", text);
	cr_assert(strstr(text, "Signature mismatch") == NULL, "%s", text);
	/* it got as far as to ask for the show */
	cr_assert(strstr(text, "Server error: nothing is played over RTMP") != NULL, "%s", text);
}

Test(rtmp_live, gstreamer_publishes)
{
	char text[LINE];
	/* its sink calls it an error when the server closes first, so the status says nothing */
	run("exec gst-launch-1.0 -q -e videotestsrc num-buffers=50 ! "
	    "video/x-raw,format=I420,width=320,height=180,framerate=25/1 ! "
	    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 threads=1 ! "
	    "h264parse ! "
	    "flvmux name=mux streamable=true ! rtmp2sink location=\"$URL\" "
	    "audiotestsrc num-buffers=80 ! avenc_aac ! aacparse ! mux.",
	    "demo?token=gst", text);
	cr_assert(eq(str, f.token, "gst"), "%s", text);
	cr_assert(eq(uint, f.video, 50), "%s", text);
	cr_assert(ge(uint, f.audio, 70));
	cr_assert(f.unpublished);
}
