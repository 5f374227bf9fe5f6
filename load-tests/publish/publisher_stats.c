#include "load-tests/publish/publisher_state.h"

#include "server/core/json.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const states[] = {
	[PUBLISHER_LOADING] = "loading", [PUBLISHER_GATHERING] = "gathering",
	[PUBLISHER_OFFERED] = "offered", [PUBLISHER_CONNECTING] = "connecting",
	[PUBLISHER_LIVE] = "live",       [PUBLISHER_ENDING] = "ending",
	[PUBLISHER_OVER] = "over",
};

static void set(json_t *line, const char *name, int64_t value)
{
	json_object_set_new(line, name, json_integer(value));
}

void publisher_print_stats(struct publisher *publisher)
{
	struct sender_stats now = { .rtt_us = -1 };
	char local[ADDR_TEXT] = "";
	char remote[ADDR_TEXT] = "";
	json_t *line = json_object();
	if (publisher->sender)
		sender_stats(publisher->sender, &now);
	if (publisher->peer)
		client_peer_pair(publisher->peer, local, remote);
	set(line, "utc_us", clock_utc_us(&publisher->clock));
	json_object_set_new(line, "state", json_string(states[publisher->state]));
	set(line, "target_kbps", now.target_bps / 1000);
	set(line, "encoder_kbps", publisher->video_bps / 1000);
	/* The line is printed once a second. */
	set(line, "sent_kbps", (int64_t)(now.bytes - publisher->last.bytes) * 8 / 1000);
	set(line, "arriving_kbps", now.arriving_bps / 1000);
	set(line, "rtt_ms", now.rtt_us < 0 ? -1 : now.rtt_us / 1000);
	json_object_set_new(line, "loss", json_real(now.fraction_lost / 256.0));
	set(line, "queue_ms", now.queue_us / 1000);
	set(line, "packets", (int64_t)now.packets);
	set(line, "frames", (int64_t)now.frames);
	set(line, "keyframes", (int64_t)now.keyframes);
	set(line, "skipped", (int64_t)now.frames_skipped);
	set(line, "nacks", (int64_t)now.nacks);
	set(line, "repeats", (int64_t)now.repeats);
	set(line, "plis", (int64_t)now.plis);
	set(line, "feedbacks", (int64_t)now.feedbacks);
	set(line, "restarts", publisher->restarts);
	json_object_set_new(line, "local", json_string(local));
	json_object_set_new(line, "remote", json_string(remote));
	char *text = json_text(line);
	puts(text);
	fflush(stdout);
	free(text);
	json_decref(line);
	publisher->last = now;
}
