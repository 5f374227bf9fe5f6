/*
 * souk-transcoder: decodes what strangers send, on behalf of soukd. Loads everything, proves that
 * it works, locks itself in and then answers on the socket it was given until that is closed.
 */
#include "media/transcoder/protocol.h"
#include "media/transcoder/sandbox.h"
#include "media/transcoder/session.h"
#include "media/transcoder/stage.h"

#include <errno.h>
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_LEN = 64 * 1024 };

struct transcoder {
	struct session *session; /* NULL before the first CONFIG */
	struct bytes in;
	struct bytes out;
	struct protocol_progress progress;
	uint64_t warm_frames; /* that came out while warming up */
};

static const char usage[] =
	"usage: souk-transcoder\n"
	"\n"
	"Gives sound out in another codec (AAC, Opus). soukd starts it with a socket as descriptor 3;\n"
	"it is of no use by hand.\n";

static int flush(struct transcoder *transcoder)
{
	size_t at = 0;
	while (at < transcoder->out.len) {
		const ssize_t len =
			write(PROTOCOL_FD, transcoder->out.data + at, transcoder->out.len - at);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		at += (size_t)len;
	}
	bytes_clear(&transcoder->out);
	return 0;
}

static int send_message(struct transcoder *transcoder, const struct protocol_message *message)
{
	int err = protocol_write(&transcoder->out, message);
	if (err != -ENOBUFS)
		return err;
	err = flush(transcoder);
	return err ? err : protocol_write(&transcoder->out, message);
}

static void on_frame(const struct protocol_frame *frame, void *arg)
{
	const struct protocol_message message = { .type = PROTOCOL_FRAME, .frame = *frame };
	/* A parent that is gone shows at the next read. */
	if (send_message(arg, &message))
		bytes_clear(&((struct transcoder *)arg)->out);
}

/* In place of the one before, whose time line it must not run back over. */
static int start_session(struct transcoder *transcoder, const struct protocol_config *config,
			 session_fn fn)
{
	const struct session_params params = {
		.config = config,
		.not_before_us =
			transcoder->session ? session_end_us(transcoder->session) : INT64_MIN,
		.progress = &transcoder->progress,
		.fn = fn,
		.arg = transcoder,
	};
	session_destroy(transcoder->session);
	transcoder->session = NULL;
	return session_create(&transcoder->session, &params);
}

static int on_message(struct transcoder *transcoder, const struct protocol_message *message)
{
	if (message->type == PROTOCOL_CONFIG)
		return start_session(transcoder, &message->config, on_frame);
	if (message->type != PROTOCOL_FRAME || !transcoder->session)
		return -EPROTO;
	const int err = session_push(transcoder->session, &message->frame);
	if (err)
		return err;
	const struct protocol_message progress = {
		.type = PROTOCOL_PROGRESS,
		.progress = transcoder->progress,
	};
	return send_message(transcoder, &progress);
}

/* 0 at the end of the connection. */
static int serve(struct transcoder *transcoder)
{
	for (;;) {
		struct protocol_message message;
		const int len = protocol_parse(transcoder->in.data, transcoder->in.len, &message);
		int err = len > 0 ? on_message(transcoder, &message) : len;
		if (err)
			return err;
		if (len > 0) {
			bytes_consume(&transcoder->in, (size_t)len);
			continue;
		}
		err = flush(transcoder);
		uint8_t data[READ_LEN / 4];
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

/* AudioSpecificConfig (ISO 14496-3 §1.6.2.1): AAC LC, 48 kHz, stereo. */
static const uint8_t warm_asc[] = { 0x11, 0x90 };

static void on_warm_frame(const struct protocol_frame *frame, void *arg)
{
	(void)frame;
	((struct transcoder *)arg)->warm_frames++;
}

/* Runs each decoder and encoder once: what they load or compute at first use needs no sandbox then.
 */
static int warm_up(struct transcoder *transcoder, const struct protocol_config *config,
		   const uint8_t *packet, size_t len)
{
	int err = start_session(transcoder, config, on_warm_frame);
	transcoder->warm_frames = 0;
	for (int64_t i = 0; !err && i < 8; i++) {
		const struct protocol_frame frame = {
			.media_us = i * 20000,
			.duration_us = 20000,
			.data = packet,
			.len = len,
		};
		err = session_push(transcoder->session, &frame);
	}
	session_destroy(transcoder->session);
	transcoder->session = NULL;
	transcoder->progress = (struct protocol_progress){ 0 };
	return err ? err : transcoder->warm_frames ? 0 : -ENODATA;
}

static int warm_up_both(struct transcoder *transcoder)
{
	/* Silence: an empty Opus packet of 20 ms stereo (RFC 6716 §3.1), and an AAC frame of one
	 * channel pair element without spectral data. */
	static const uint8_t opus[] = { 0xfc, 0xff, 0xfe };
	static const uint8_t aac[] = { 0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c };
	const struct protocol_config from_opus = { .from = PROTOCOL_OPUS, .to = PROTOCOL_AAC };
	const struct protocol_config from_aac = {
		.from = PROTOCOL_AAC,
		.to = PROTOCOL_OPUS,
		.sample_rate = 44100,
		.channels = 2,
		.asc = warm_asc,
		.asc_len = sizeof(warm_asc),
	};
	const int err = warm_up(transcoder, &from_opus, opus, sizeof(opus));
	return err ? err : warm_up(transcoder, &from_aac, aac, sizeof(aac));
}

static int prepare(struct transcoder *transcoder)
{
	/* Loads just the plugins it is told to, and compiles nothing at run time. */
	setenv("GST_REGISTRY_DISABLE", "yes", 1);
	setenv("ORC_CODE", "backup", 1);
	gst_init(NULL, NULL);
	int err = stage_load_plugins();
	if (!err)
		err = warm_up_both(transcoder);
	if (!err)
		err = sandbox_enter(PROTOCOL_FD);
	return err;
}

int main(int argc, char **argv)
{
	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		return 0;
	}
	struct stat status;
	if (argc != 1 || fstat(PROTOCOL_FD, &status) || !S_ISSOCK(status.st_mode)) {
		fputs(usage, stderr);
		return 2;
	}
	struct transcoder transcoder = { 0 };
	bytes_init(&transcoder.in, READ_LEN);
	bytes_init(&transcoder.out, READ_LEN);
	const struct protocol_message hello = { .type = PROTOCOL_HELLO,
						.version = PROTOCOL_VERSION };
	int err = prepare(&transcoder);
	if (!err)
		err = send_message(&transcoder, &hello);
	if (!err)
		err = serve(&transcoder);
	if (err)
		fprintf(stderr, "souk-transcoder: %s\n", strerror(-err));
	/* Without the handlers of exit(): what they tidy up is not worth a call that the sandbox
	 * refuses. */
	_exit(err ? 1 : 0);
}
