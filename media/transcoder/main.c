/*
 * souk-transcoder: decodes what strangers send, on behalf of soukd. Loads everything, proves that
 * it works, locks itself in and then answers on the socket it was given until that is closed.
 */
#include "media/transcoder/encoder.h"
#include "media/transcoder/outbox.h"
#include "media/transcoder/protocol.h"
#include "media/transcoder/sandbox.h"
#include "media/transcoder/sandbox_files.h"
#include "media/transcoder/session.h"
#include "media/transcoder/stage.h"
#include "media/transcoder/still.h"
#include "media/transcoder/video.h"
#include "media/transcoder/warm_up.h"

#include <errno.h>
#include <getopt.h>
#include <gst/gst.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { READ_LEN = 64 * 1024 };

struct transcoder {
	const char *encoder;
	const char *preset;
	bool devices; /* the sandbox that hardware encoders need */
	struct session *session; /* NULL before the first CONFIG */
	struct video *video; /* NULL: the encoder is of no use here */
	struct bytes in;
	struct outbox out;
	struct protocol_progress progress;
};

static const char usage[] =
	"usage: souk-transcoder [--encoder ELEMENT] [--preset NAME] [--devices]\n"
	"\n"
	"Gives sound out in another codec (AAC, Opus), pictures in other sizes (H.264), and stills\n"
	"of them (JPEG). soukd starts it with a socket as descriptor 3; it is of no use by hand.\n"
	"\n"
	"  --encoder ELEMENT  GStreamer's encoder: x264enc (default), openh264enc, vah264enc,\n"
	"                     vah264lpenc, nvh264enc, qsvh264enc\n"
	"  --preset NAME      speed of x264enc (default: superfast)\n"
	"  --devices          the sandbox of encoders in hardware for any encoder\n";

static void on_frame(const struct protocol_frame *frame, void *arg)
{
	struct transcoder *transcoder = arg;
	const struct protocol_message message = { .type = PROTOCOL_FRAME, .frame = *frame };
	/* A parent that is gone shows at the next read. */
	(void)!outbox_put(&transcoder->out, &message);
}

static void on_rung(const struct protocol_message *message, void *arg)
{
	struct transcoder *transcoder = arg;
	if (!outbox_put(&transcoder->out, message))
		(void)!outbox_flush(&transcoder->out);
}

/* In place of the one before, whose time line it must not run back over. */
static int start_session(struct transcoder *transcoder, const struct protocol_config *config)
{
	const struct session_params params = {
		.config = config,
		.not_before_us =
			transcoder->session ? session_end_us(transcoder->session) : INT64_MIN,
		.progress = &transcoder->progress,
		.fn = on_frame,
		.arg = transcoder,
	};
	session_destroy(transcoder->session);
	transcoder->session = NULL;
	return session_create(&transcoder->session, &params);
}

static int send_progress(struct transcoder *transcoder)
{
	struct timespec cpu;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	transcoder->progress.cpu_us = (uint64_t)cpu.tv_sec * 1000000 + (uint64_t)cpu.tv_nsec / 1000;
	const struct protocol_message progress = {
		.type = PROTOCOL_PROGRESS,
		.progress = transcoder->progress,
	};
	return outbox_put(&transcoder->out, &progress);
}

static int on_video_message(struct transcoder *transcoder, const struct protocol_message *message)
{
	struct video *video = transcoder->video;
	if (message->type == PROTOCOL_PICTURE) {
		const int err = video ? video_push(video, &message->picture) : 0;
		return err ? err : send_progress(transcoder);
	}
	/* The parent may ask before it has heard that we cannot. */
	if (!video)
		return 0;
	if (message->type == PROTOCOL_VIDEO)
		return video_configure(video, &message->avcc);
	video_set_rungs(video, &message->rungs);
	return 0;
}

/* Of a keyframe that nobody can decode there is an empty one. */
static int on_still(struct transcoder *transcoder, const struct protocol_still *still)
{
	struct protocol_message answer = { .type = PROTOCOL_JPEG };
	struct bytes jpeg;
	bytes_init(&jpeg, PROTOCOL_JPEG_MAX);
	if (still_make(still, &jpeg, &answer.jpeg))
		transcoder->progress.decode_errors++;
	transcoder->progress.frames_in++;
	const int err = outbox_put(&transcoder->out, &answer);
	bytes_finish(&jpeg);
	return err ? err : send_progress(transcoder);
}

static int on_message(struct transcoder *transcoder, const struct protocol_message *message)
{
	switch (message->type) {
	case PROTOCOL_CONFIG:
		return start_session(transcoder, &message->config);
	case PROTOCOL_FRAME: {
		if (!transcoder->session)
			return -EPROTO;
		const int err = session_push(transcoder->session, &message->frame);
		return err ? err : send_progress(transcoder);
	}
	case PROTOCOL_VIDEO:
	case PROTOCOL_RUNGS:
	case PROTOCOL_PICTURE:
		return on_video_message(transcoder, message);
	case PROTOCOL_STILL:
		return on_still(transcoder, &message->still);
	default:
		return -EPROTO;
	}
}

/* Works off the messages that are complete. */
static int parse(struct transcoder *transcoder)
{
	size_t at = 0;
	int err = 0;
	while (!err) {
		struct protocol_message message;
		const int len =
			protocol_parse(transcoder->in.data + at, transcoder->in.len - at, &message);
		if (len <= 0) {
			err = len;
			break;
		}
		err = on_message(transcoder, &message);
		at += (size_t)len;
	}
	bytes_consume(&transcoder->in, at);
	return err;
}

/* 0 at the end of the connection. */
static int serve(struct transcoder *transcoder)
{
	for (;;) {
		int err = parse(transcoder);
		if (!err)
			err = outbox_flush(&transcoder->out);
		uint8_t data[READ_LEN];
		const ssize_t got = err ? 0 : read(PROTOCOL_FD, data, sizeof(data));
		if (got == 0)
			return err;
		if (got < 0 && errno == ECONNRESET)
			return 0;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			bytes_put(&transcoder->in, data, (size_t)got);
	}
}

static int prepare_sound(void)
{
	static const char *const plugins[] = { "coreelements", "audioconvert", "audioresample",
					       "opus", "libav" };
	int err = 0;
	for (size_t i = 0; !err && i < G_N_ELEMENTS(plugins); i++)
		err = stage_load_plugin(plugins[i]);
	return err ? err : warm_up_sound();
}

static bool has_device(const struct transcoder *transcoder)
{
	const struct encoder_kind *kind = encoder_kind(transcoder->encoder);
	return transcoder->devices || (kind && encoder_has_device(kind));
}

/* Starts the lanes' threads, so before the sandbox. */
static int prepare_video(struct transcoder *transcoder)
{
	const struct encoder_kind *kind = encoder_kind(transcoder->encoder);
	const struct video_params params = {
		.kind = kind,
		.preset = transcoder->preset,
		.progress = &transcoder->progress,
		.out = on_rung,
		.arg = transcoder,
	};
	int err = kind ? encoder_load_plugins(kind) : -ENOENT;
	if (!err)
		err = stage_load_plugin("jpeg");
	if (!err)
		err = warm_up_video(kind, transcoder->preset);
	/* Before the lanes: it holds for the threads that are started later. */
	if (!err && has_device(transcoder))
		err = sandbox_files_to_devices();
	return err ? err : video_create(&transcoder->video, &params);
}

static int prepare(struct transcoder *transcoder)
{
	/* Loads just the plugins it is told to, and compiles nothing at run time. */
	setenv("GST_REGISTRY_DISABLE", "yes", 1);
	setenv("ORC_CODE", "backup", 1);
	/* Each further one reserves 64 MiB of the address space that the sandbox limits. */
	mallopt(M_ARENA_MAX, 2);
	gst_init(NULL, NULL);
	int err = prepare_sound();
	if (err)
		return err;
	/* Without pictures it still serves sound. */
	err = prepare_video(transcoder);
	if (err)
		fprintf(stderr, "souk-transcoder: encoder %s of no use: %s\n", transcoder->encoder,
			strerror(-err));
	const bool devices = transcoder->video && has_device(transcoder);
	return sandbox_enter(PROTOCOL_FD, devices ? SANDBOX_DEVICES : SANDBOX_CLOSED);
}

static int run(struct transcoder *transcoder)
{
	bytes_init(&transcoder->in, PROTOCOL_MESSAGE_MAX + READ_LEN);
	outbox_init(&transcoder->out, PROTOCOL_FD);
	const int err = prepare(transcoder);
	const struct protocol_message hello = {
		.type = PROTOCOL_HELLO,
		.hello = { .version = PROTOCOL_VERSION, .video = transcoder->video != NULL },
	};
	if (err || outbox_put(&transcoder->out, &hello))
		return err;
	return serve(transcoder);
}

/* What getopt_long gives for our options, or 0 at their end. */
static int next_option(int argc, char **argv)
{
	static const struct option options[] = {
		{ "encoder", required_argument, NULL, 'e' },
		{ "preset", required_argument, NULL, 'p' },
		{ "devices", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const int option = getopt_long(argc, argv, "h", options, NULL);
	return option < 0 ? 0 : option;
}

/* It becomes part of a description of elements. */
static bool plain(const char *name)
{
	return name[0] && name[strspn(name, "abcdefghijklmnopqrstuvwxyz")] == '\0';
}

int main(int argc, char **argv)
{
	struct transcoder transcoder = { .encoder = "x264enc", .preset = "superfast" };
	bool understood = true;
	for (int option; (option = next_option(argc, argv));) {
		if (option == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (option == 'e')
			transcoder.encoder = optarg;
		else if (option == 'd')
			transcoder.devices = true;
		else if (option == 'p' && plain(optarg))
			transcoder.preset = optarg;
		else
			understood = false;
	}
	struct stat status;
	if (!understood || optind < argc || fstat(PROTOCOL_FD, &status) ||
	    !S_ISSOCK(status.st_mode)) {
		fputs(usage, stderr);
		return 2;
	}
	const int err = run(&transcoder);
	if (err)
		fprintf(stderr, "souk-transcoder: %s\n", strerror(-err));
	/* Without the handlers of exit(): what they tidy up is not worth a call that the sandbox
	 * refuses. */
	_exit(err ? 1 : 0);
}
