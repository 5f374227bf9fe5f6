#include "server/replay.h"

#include "server/api.h"
#include "server/app.h"
#include "server/core/addr.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/list.h"
#include "server/core/mqueue.h"
#include "server/disk_thread.h"
#include "server/hls_name.h"
#include "server/replay_read.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/stills.h"
#include "server/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct replay_desk {
	struct app *app;
	struct disk_thread disk;
	char *dir;
};

/* To the desk and back; in between the request may go away. */
struct replay_job {
	struct message message;
	struct replay_desk *desk;
	struct worker *worker;
	struct http_request *request; /* NULL: gone. Worker's thread */
	bool closed; /* not for shared caches */
	struct replay_ask ask;
	struct replay_answer answer;
	struct still_ask still; /* made of the answer, where that is wanted */
};

enum { STILL_SIDE = 240 }; /* pixels of the longer side of a thumbnail */

static struct replay_job *job_of(struct message *message)
{
	return list_entry(message, struct replay_job, message);
}

static void drop_job(struct message *message)
{
	struct replay_job *job = job_of(message);
	buf_unref(job->answer.body);
	buf_unref(job->answer.header);
	free(job);
}

static void on_gone(void *arg)
{
	struct replay_job *job = arg;
	job->request = NULL;
}

static const char *cache_rule(const struct replay_job *job)
{
	if (!job->answer.lasts)
		return "no-cache";
	return job->closed ? "private, max-age=3600, immutable" : "public, max-age=3600, immutable";
}

/* Who has not taken all of its answers yet. */
struct replay_client {
	struct worker *worker;
	unsigned answers;
	size_t bytes;
	char site[ADDR_TEXT];
};

struct replay_held {
	struct replay_client *client;
	size_t len;
};

static void on_sent(void *arg)
{
	struct replay_held *held = arg;
	struct replay_client *client = held->client;
	client->worker->replay_bytes -= held->len;
	client->bytes -= held->len;
	if (--client->answers == 0) {
		map_remove_str(&client->worker->replay_clients, client->site);
		free(client);
	}
	free(held);
}

/* Each answer is memory of its own, which a client that reads slowly keeps. False: it, or all of
 * them, keep too much already. */
static bool hold(const struct replay_job *job)
{
	struct worker *worker = job->worker;
	const size_t len = job->answer.body->len;
	struct addr addr;
	char site[ADDR_TEXT];
	http_client(job->request, &addr);
	addr_format_site(&addr, site);
	struct replay_client *client = map_get_str(&worker->replay_clients, site);
	if (worker->replay_bytes + len > REPLAY_UNSENT_MAX ||
	    (client && client->bytes + len > REPLAY_CLIENT_MAX))
		return false;
	if (!client) {
		client = xcalloc(1, sizeof(*client));
		client->worker = worker;
		memcpy(client->site, site, sizeof(client->site));
		map_set_str(&worker->replay_clients, client->site, client);
	}
	struct replay_held *held = xcalloc(1, sizeof(*held));
	held->client = client;
	held->len = len;
	client->answers++;
	client->bytes += len;
	worker->replay_bytes += len;
	http_on_sent(job->request, on_sent, held);
	return true;
}

static void refuse_overloaded(struct worker *worker, struct http_request *request)
{
	metric_add(worker->app->counters.reads_refused, 1);
	reply_problem(request, &(struct problem_text){
				       .status = 503, .code = "overloaded", .retry_after_s = 1 });
}

static void reply(const struct replay_job *job)
{
	const struct replay_answer *answer = &job->answer;
	if (job->request && answer->status == 200 && !hold(job)) {
		refuse_overloaded(job->worker, job->request);
	} else if (job->request && answer->status == 200) {
		struct reply_headers headers = { 0 };
		reply_add(&headers, "Content-Type", answer->type);
		reply_add(&headers, "Cache-Control", cache_rule(job));
		reply_add_cors(&headers);
		http_reply_ranges(job->request, headers.list, &answer->body, 1);
	} else if (job->request) {
		reply_problem(job->request,
			      &(struct problem_text){ .status = answer->status,
						      .code = answer->code,
						      .retry_after_s = answer->status == 503 });
	}
}

static struct replay_job *job_of_still(struct still_ask *still)
{
	return list_entry(still, struct replay_job, still);
}

static void drop_still(struct still_ask *still)
{
	struct replay_job *job = job_of_still(still);
	still_ask_finish(still);
	drop_job(&job->message);
}

static void on_still(struct still_ask *still)
{
	struct replay_job *job = job_of_still(still);
	struct replay_answer *answer = &job->answer;
	if (still->jpeg)
		answer->body = buf_ref(still->jpeg);
	else
		*answer = (struct replay_answer){ .status = 503, .code = "overloaded" };
	reply(job);
	drop_still(still);
}

static void order_still(struct replay_job *job)
{
	struct replay_answer *answer = &job->answer;
	struct still_ask *still = &job->still;
	still->side = STILL_SIDE;
	still->header = answer->header;
	still->picture = answer->body;
	still->done = on_still;
	still->drop = drop_still;
	snprintf(still->room, sizeof(still->room), "%s", job->ask.room);
	answer->header = answer->body = NULL;
	answer->type = "image/jpeg";
	stills_ask(job->worker, still);
}

static void run_answer(struct message *message)
{
	struct replay_job *job = job_of(message);
	const bool wants_still = job->ask.kind == REPLAY_STILL && job->answer.status == 200;
	if (wants_still && job->request) {
		order_still(job);
		return;
	}
	reply(job);
	drop_job(message);
}

/* On the desk's thread. */
static void run_ask(struct message *message)
{
	struct replay_job *job = job_of(message);
	replay_read(job->desk->dir, &job->ask, &job->answer);
	job->message = (struct message){ .run = run_answer, .drop = drop_job };
	mqueue_push_always(job->worker->queue, &job->message);
}

static void ask_desk(struct exchange *exchange, const struct replay_ask *ask)
{
	struct replay_job *job = xcalloc(1, sizeof(*job));
	job->message = (struct message){ .run = run_ask, .drop = drop_job };
	job->worker = exchange->worker;
	job->desk = exchange->worker->app->replay;
	job->request = exchange->request;
	job->closed = exchange->view->snapshot->settings.token_access;
	job->ask = *ask;
	const char *origin = exchange->worker->app->config.public_url;
	job->ask.origin = origin ? origin : "";
	snprintf(job->ask.room, sizeof(job->ask.room), "%s", exchange->view->snapshot->id);
	http_on_gone(exchange->request, on_gone, job);
	if (mqueue_push(job->desk->disk.queue, &job->message) == 0)
		return;
	free(job);
	http_on_gone(exchange->request, NULL, NULL);
	refuse_overloaded(exchange->worker, exchange->request);
}

static bool ends(const char *at, const char *one, const char *other)
{
	return !strcmp(at, one) || !strcmp(at, other);
}

/* "replay-SHOW.m3u8", "replay-SHOW.vtt", "replay-SHOW.thumbs.vtt", "replay-SHOW-FILE-OFFSET-LEN"
 * and ".m4s", ".mp4" or ".jpg" */
static int parse_name(struct replay_ask *ask, const char *name)
{
	uint64_t numbers[4];
	size_t count = 0;
	const char *at = name + strlen("replay");
	while (count < 4 && *at == '-') {
		at++;
		if (hls_time_parse(&at, &numbers[count++]))
			return -ENOENT;
	}
	ask->show_us = (int64_t)(count ? numbers[0] : 0);
	const bool still = !strcmp(at, ".jpg");
	if (count == 4 && (still || ends(at, ".m4s", ".mp4"))) {
		ask->kind = still ? REPLAY_STILL : REPLAY_BYTES;
		ask->file_us = (int64_t)numbers[1];
		ask->offset = numbers[2];
		ask->len = numbers[3];
		return 0;
	}
	if (!strcmp(at, ".thumbs.vtt"))
		ask->kind = REPLAY_THUMBNAILS;
	else
		ask->kind = !strcmp(at, ".vtt") ? REPLAY_CHAPTERS : REPLAY_PLAYLIST;
	return count == 1 && (ask->kind == REPLAY_THUMBNAILS || ends(at, ".vtt", ".m3u8"))
		       ? 0
		       : -ENOENT;
}

void replay_serve(struct exchange *exchange, const char *name, const char *prefix)
{
	struct replay_ask ask = { 0 };
	if (parse_name(&ask, name)) {
		reply_error(exchange->request, 404, "not_found");
		return;
	}
	snprintf(ask.prefix, sizeof(ask.prefix), "%s", prefix);
	ask_desk(exchange, &ask);
}

void api_room_recordings(struct exchange *exchange)
{
	ask_desk(exchange, &(struct replay_ask){ .kind = REPLAY_LIST });
}

/* A time in the query; false with the fault answered. */
static bool query_time(struct exchange *exchange, const char *name, int64_t *out)
{
	char text[32];
	bool bad = false;
	uint64_t value = 0;
	const char *at = exchange_query(exchange, name, text, sizeof(text), &bad);
	if (bad)
		return false;
	if (!at || hls_time_parse(&at, &value) || *at) {
		reply_problem(exchange->request, &(struct problem_text){ .status = 400,
									 .code = "bad_request",
									 .member = name });
		return false;
	}
	*out = (int64_t)value;
	return true;
}

void api_room_clip(struct exchange *exchange)
{
	struct replay_ask ask = { .kind = REPLAY_CLIP };
	if (!query_time(exchange, "from_us", &ask.from_us) ||
	    !query_time(exchange, "to_us", &ask.to_us))
		return;
	if (ask.to_us <= ask.from_us || ask.to_us - ask.from_us > REPLAY_CLIP_US) {
		reply_problem(exchange->request, &(struct problem_text){ .status = 400,
									 .code = "bad_request",
									 .member = "to_us" });
		return;
	}
	ask_desk(exchange, &ask);
}

int replay_desk_create(struct replay_desk **out, struct app *app)
{
	struct replay_desk *desk = xcalloc(1, sizeof(*desk));
	desk->app = app;
	desk->dir = xasprintf("%s/recordings", app->config.data_dir);
	const int err = disk_thread_start(&desk->disk, &app->clock, REPLAY_QUEUE_MAX);
	if (err) {
		replay_desk_destroy(desk);
		return err;
	}
	*out = desk;
	return 0;
}

void replay_desk_stop(struct replay_desk *desk)
{
	if (desk)
		disk_thread_stop(&desk->disk);
}

void replay_desk_destroy(struct replay_desk *desk)
{
	if (!desk)
		return;
	disk_thread_stop(&desk->disk);
	disk_thread_finish(&desk->disk);
	free(desk->dir);
	free(desk);
}
