#include "load-tests/publish/publisher_state.h"

#include "media/frame.h"

#include <glib-unix.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	TICK_MS = 5,
	WATCH_MS = 100,
	STATS_MS = 1000,
	DRAIN_US = 1000000, /* what is queued at the end may take so long */
	ENCODER_RAISE_US = 500000, /* upwards only so often: each change costs the encoder bits */
	ENCODER_STEP_PERCENT = 3,
	LINES_CAP = 128 * 1024,
	COMMAND_MAX = 256,
};

int64_t publisher_now_us(const struct publisher *publisher)
{
	return clock_mono_us(&publisher->clock);
}

/* ---- the end ---- */

static void over(struct publisher *publisher)
{
	publisher->state = PUBLISHER_OVER;
	g_main_loop_quit(publisher->loop);
}

static void say_goodbye(struct publisher *publisher)
{
	if (publisher->sender)
		sender_bye(publisher->sender);
	whip_delete(publisher->whip);
}

/* `drain`: what is queued still goes out. */
static void end(struct publisher *publisher, bool drain)
{
	if (publisher->state >= PUBLISHER_ENDING)
		return;
	drain = drain && publisher->state == PUBLISHER_LIVE;
	publisher->state = PUBLISHER_ENDING;
	publisher->ending_us = drain ? publisher_now_us(publisher) : 0;
	if (!drain)
		say_goodbye(publisher);
}

void publisher_fail(struct publisher *publisher, const char *format, ...)
{
	va_list args;
	if (publisher->state >= PUBLISHER_ENDING)
		return;
	va_start(args, format);
	fputs("souk-publish: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	publisher->status = EXIT_FAILURE;
	end(publisher, false);
}

/* ---- the encoder follows ---- */

static void request_key(void *arg)
{
	const struct publisher *publisher = arg;
	source_request_key(publisher->source);
}

static void adapt_encoder(struct publisher *publisher, int64_t now_us)
{
	const int64_t bps = sender_video_bps(publisher->sender);
	const int64_t step = publisher->video_bps * ENCODER_STEP_PERCENT / 100;
	const bool down = bps < publisher->video_bps - step;
	const bool up = bps > publisher->video_bps + step &&
			now_us - publisher->encoder_us >= ENCODER_RAISE_US;
	if (!down && !up)
		return;
	publisher->video_bps = bps;
	publisher->encoder_us = now_us;
	source_set_bitrate(publisher->source, bps);
}

/* ---- peer ---- */

static int send_rtp(void *arg, const struct rtp_packet *packets, size_t count)
{
	const struct publisher *publisher = arg;
	int err = 0;
	for (size_t i = 0; i < count && !err; i++) {
		const struct iovec header = { (uint8_t *)packets[i].header, packets[i].header_len };
		const struct iovec payload = { (uint8_t *)packets[i].payload,
					       packets[i].payload_len };
		err = client_peer_send_rtp(publisher->peer, &header, &payload);
	}
	return err;
}

static int send_rtcp(void *arg, const uint8_t *packet, size_t len)
{
	const struct publisher *publisher = arg;
	return client_peer_send_rtcp(publisher->peer, packet, len);
}

static const struct rtp_port_ops port_ops = { .send = send_rtp, .send_rtcp = send_rtcp };

static void on_connected(void *arg)
{
	struct publisher *publisher = arg;
	const struct publish_options *options = publisher->options;
	const struct sender_config config = {
		.clock = &publisher->clock,
		.port = { &port_ops, publisher },
		.agreement = &publisher->agreement,
		.video_ssrc = publisher->offer.video_ssrc,
		.audio_ssrc = publisher->offer.audio_ssrc,
		.repair_ssrc = publisher->offer.repair_ssrc,
		.cname = "souk",
		.bandwidth = { .min_bps = options->min_kbps * 1000,
			       .max_bps = options->max_kbps * 1000,
			       .start_bps = options->bitrate_kbps * 1000 },
		.request_key = request_key,
		.arg = publisher,
	};
	if (publisher->state != PUBLISHER_CONNECTING)
		return;
	if (sender_create(&publisher->sender, &config)) {
		publisher_fail(publisher, "no memory");
		return;
	}
	publisher->state = PUBLISHER_LIVE;
	publisher->live_us = publisher->heard_us = publisher_now_us(publisher);
	publisher->restart_tries = 0;
	log_info(&publisher->log, "connected");
	source_start(publisher->source);
}

static void on_restarted(void *arg)
{
	struct publisher *publisher = arg;
	char local[ADDR_TEXT] = "";
	char remote[ADDR_TEXT] = "";
	publisher->restarts++;
	publisher->heard_us = publisher_now_us(publisher);
	client_peer_pair(publisher->peer, local, remote);
	log_info(&publisher->log, "ice restarted local=%s remote=%s", local, remote);
	if (publisher->sender)
		sender_path_changed(publisher->sender);
}

static void on_lost(void *arg)
{
	struct publisher *publisher = arg;
	log_warn(&publisher->log, "path lost");
	/* While a restart is under way its own time limit decides. */
	if (!publisher->restart_tries)
		publisher_restart(publisher);
}

static void on_rtcp(void *arg, const uint8_t *packet, size_t len)
{
	const struct publisher *publisher = arg;
	if (publisher->sender)
		sender_rtcp(publisher->sender, packet, len);
}

static void on_closed(void *arg, enum peer_reason reason)
{
	publisher_fail(arg, "the connection has ended: %s", peer_reason_text(reason));
}

static void on_candidate(void *arg, const char *line)
{
	publisher_candidate(arg, line);
}

static void on_gathered(void *arg)
{
	publisher_gathered(arg);
}

static const struct client_peer_ops peer_ops = {
	.candidate = on_candidate,
	.gathered = on_gathered,
	.connected = on_connected,
	.restarted = on_restarted,
	.lost = on_lost,
	.rtcp = on_rtcp,
	.closed = on_closed,
};

/* ---- WHIP ---- */

static void on_created(void *arg, const char *answer, size_t len)
{
	publisher_answer(arg, answer, len);
}

static void on_refused(void *arg, const char *why)
{
	publisher_fail(arg, "publishing was refused: %s", why);
}

static void on_restart_answer(void *arg, const char *fragment, size_t len)
{
	publisher_restarted(arg, fragment, len);
}

static void on_restart_refused(void *arg, bool gone, const char *why)
{
	publisher_restart_refused(arg, gone, why);
}

static void on_deleted(void *arg)
{
	over(arg);
}

static const struct whip_ops whip_ops = {
	.created = on_created,
	.refused = on_refused,
	.restarted = on_restart_answer,
	.restart_refused = on_restart_refused,
	.deleted = on_deleted,
};

/* ---- source ---- */

static void on_source_ready(void *arg, bool video, bool audio)
{
	publisher_offer(arg, video, audio);
}

static void on_frame(void *arg, struct frame *frame, int64_t capture_us)
{
	struct publisher *publisher = arg;
	if (publisher->state == PUBLISHER_LIVE)
		sender_frame(publisher->sender, frame, capture_us);
	frame_unref(frame);
}

static void on_source_ended(void *arg, const char *error)
{
	if (error)
		publisher_fail(arg, "source: %s", error);
	else
		end(arg, true);
}

static const struct source_ops source_ops = {
	.ready = on_source_ready,
	.frame = on_frame,
	.ended = on_source_ended,
};

/* ---- time and commands ---- */

static gboolean on_tick(gpointer arg)
{
	struct publisher *publisher = arg;
	const int64_t now_us = publisher_now_us(publisher);
	client_peer_tick(publisher->peer, now_us);
	if (publisher->sender) {
		sender_tick(publisher->sender);
		adapt_encoder(publisher, now_us);
	}
	if (publisher->state == PUBLISHER_ENDING && publisher->ending_us) {
		struct sender_stats stats;
		sender_stats(publisher->sender, &stats);
		if (!stats.queue_us || now_us - publisher->ending_us > DRAIN_US) {
			publisher->ending_us = 0;
			say_goodbye(publisher);
		}
	}
	return G_SOURCE_CONTINUE;
}

static gboolean on_watch(gpointer arg)
{
	struct publisher *publisher = arg;
	const int64_t limit_us = publisher->options->duration_s * 1000000;
	publisher_watch(publisher);
	if (publisher->state == PUBLISHER_LIVE && limit_us &&
	    publisher_now_us(publisher) - publisher->live_us >= limit_us)
		end(publisher, true);
	return G_SOURCE_CONTINUE;
}

static gboolean on_stats(gpointer arg)
{
	publisher_print_stats(arg);
	return G_SOURCE_CONTINUE;
}

static gboolean on_restart_signal(gpointer arg)
{
	publisher_restart(arg);
	return G_SOURCE_CONTINUE;
}

/* Before anything was published it is a failure; a second one does not wait for the server. */
static gboolean on_end_signal(gpointer arg)
{
	struct publisher *publisher = arg;
	if (publisher->state >= PUBLISHER_ENDING) {
		over(publisher);
		return G_SOURCE_CONTINUE;
	}
	if (!publisher->sender)
		publisher->status = EXIT_FAILURE;
	end(publisher, false);
	return G_SOURCE_CONTINUE;
}

static gboolean on_command(GIOChannel *channel, GIOCondition condition, gpointer arg)
{
	struct publisher *publisher = arg;
	char line[COMMAND_MAX];
	(void)condition;
	if (!fgets(line, sizeof(line), stdin))
		return G_SOURCE_REMOVE;
	(void)channel;
	line[strcspn(line, "\r\n")] = '\0';
	if (strcmp(line, "restart") == 0)
		publisher_restart(publisher);
	else if (strcmp(line, "key") == 0)
		source_request_key(publisher->source);
	else if (strcmp(line, "quit") == 0)
		end(publisher, true);
	else
		fprintf(stderr, "souk-publish: unknown command: %s\n", line);
	return G_SOURCE_CONTINUE;
}

/* ---- making it ---- */

/* libnice leaves the loopback out by itself. */
static void choose_bind(struct publisher *publisher)
{
	const char *host = whip_host(publisher->whip);
	const char *loopback = NULL;
	if (publisher->options->bind.len) {
		publisher->bind = publisher->options->bind;
		return;
	}
	if (strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0)
		loopback = "127.0.0.1";
	else if (strcmp(host, "::1") == 0)
		loopback = "::1";
	if (loopback && addr_set(&publisher->bind, loopback, 0))
		publisher->bind.len = 0;
}

static int make_peer(struct publisher *publisher)
{
	choose_bind(publisher);
	ice_servers_add(&publisher->servers, publisher->options->servers,
			publisher->options->server_count);
	const struct client_peer_options peer = {
		.dtls = publisher->dtls,
		.servers = publisher->servers.servers,
		.server_count = publisher->servers.count,
		.bind = publisher->bind.len ? &publisher->bind : NULL,
		.ops = &peer_ops,
		.arg = publisher,
	};
	return client_peer_create(&publisher->peer, &peer);
}

static int make_parts(struct publisher *publisher)
{
	const struct publish_options *options = publisher->options;
	const struct whip_options whip = {
		.url = options->url,
		.token = options->token,
		.insecure = options->insecure,
		.ops = &whip_ops,
		.arg = publisher,
	};
	const struct source_options source = {
		.file = options->file,
		.pipeline = options->pipeline,
		.video_bps = options->bitrate_kbps * 1000,
		.key_interval_s = options->key_interval_s,
		.ops = &source_ops,
		.arg = publisher,
	};
	char *error = NULL;
	if (whip_create(&publisher->whip, &whip)) {
		fprintf(stderr, "souk-publish: --url: not an http or https URL\n");
		return -1;
	}
	int err = dtls_context_create(&publisher->dtls);
	if (!err)
		err = make_peer(publisher);
	if (err) {
		fprintf(stderr, "souk-publish: %s\n", strerror(-err));
		return -1;
	}
	publisher->video_bps = source.video_bps;
	if (source_create(&publisher->source, &source, &error)) {
		fprintf(stderr, "souk-publish: %s: %s\n", options->file ? "--file" : "--pipeline",
			error);
		free(error);
		return -1;
	}
	return 0;
}

static void add_sources(struct publisher *publisher)
{
	g_timeout_add_full(G_PRIORITY_HIGH, TICK_MS, on_tick, publisher, NULL);
	g_timeout_add(WATCH_MS, on_watch, publisher);
	if (publisher->options->stats)
		g_timeout_add(STATS_MS, on_stats, publisher);
	g_unix_signal_add(SIGUSR1, on_restart_signal, publisher);
	g_unix_signal_add(SIGINT, on_end_signal, publisher);
	g_unix_signal_add(SIGTERM, on_end_signal, publisher);
	if (publisher->options->control) {
		GIOChannel *channel = g_io_channel_unix_new(STDIN_FILENO);
		setvbuf(stdin, NULL, _IONBF, 0); /* nothing may wait unseen in a buffer */
		g_io_add_watch(channel, G_IO_IN | G_IO_HUP, on_command, publisher);
		g_io_channel_unref(channel);
	}
}

static void finish(struct publisher *publisher)
{
	while (g_source_remove_by_user_data(publisher))
		;
	source_destroy(publisher->source);
	client_peer_close(publisher->peer);
	whip_destroy(publisher->whip);
	sender_destroy(publisher->sender);
	while (g_main_context_iteration(NULL, FALSE))
		;
	dtls_context_destroy(publisher->dtls);
	bytes_finish(&publisher->lines);
	g_main_loop_unref(publisher->loop);
	logger_destroy(publisher->logger);
}

int publisher_run(const struct publish_options *options)
{
	struct publisher publisher = { .options = options, .status = EXIT_SUCCESS };
	clock_init(&publisher.clock);
	publisher.loop = g_main_loop_new(NULL, FALSE);
	bytes_init(&publisher.lines, LINES_CAP);
	if (logger_create(&publisher.logger, STDERR_FILENO, LOG_LEVEL_INFO) == 0)
		log_init_root(&publisher.log, publisher.logger);
	if (make_parts(&publisher)) {
		publisher.status = 2;
	} else {
		add_sources(&publisher);
		if (publisher.state != PUBLISHER_OVER)
			g_main_loop_run(publisher.loop);
		if (options->stats)
			publisher_print_stats(&publisher);
	}
	finish(&publisher);
	return publisher.status;
}
