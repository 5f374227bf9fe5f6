#include "load-tests/swarm/buyers.h"

#include "load-tests/swarm/http_client.h"
#include "load-tests/swarm/scene.h"
#include "server/core/alloc.h"
#include "server/core/crypto.h"
#include "server/core/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	ANSWER_MAX = 64 * 1024,
	KEY_MAX = 64,
	RUN_NAME = 8,
	RETRY_US = 100000, /* a restarting server is asked ten times a second */
	ORDER_TIMEOUT_US = 5 * 1000000,
	TOKEN_MAX = 4096,
};

struct buyer {
	struct list link; // buyers.idle
	struct buyers *buyers;
	struct http_client *http;
	struct bytes answer;
	struct timer retry;
	char *token; /* NULL: not yet a guest */
	bool ordering;
	int64_t due_us;
	char key[KEY_MAX];
};

struct buyers {
	struct scene *scene;
	struct buyer *list;
	size_t count;
	struct list idle; // buyer.link
	struct timer next; /* the next order is due */
	int64_t first_us; /* when the first was due; 0: not begun */
	char run[RUN_NAME + 1]; /* keys of one run are its own */
	char *path, *order; /* what every order looks like */
	FILE *acks;
	bool stopped;
	struct order_figures figures;
};

/* ---- orders ---- */

static int64_t due_us(const struct buyers *buyers, uint64_t number)
{
	return buyers->first_us +
	       (int64_t)(number * 1000000 / (uint64_t)buyers->scene->options->orders_per_s);
}

static void send_order(struct buyer *buyer)
{
	const struct buyers *buyers = buyer->buyers;
	char headers[KEY_MAX + 64];
	snprintf(headers, sizeof(headers),
		 "Content-Type: application/json\r\nIdempotency-Key: %s\r\n", buyer->key);
	const struct http_request_line request = {
		.method = "POST",
		.path = buyers->path,
		.token = buyer->token,
		.headers = headers,
		.body = buyers->order,
		.body_len = strlen(buyers->order),
		.timeout_us = ORDER_TIMEOUT_US,
	};
	bytes_clear(&buyer->answer);
	http_client_start(buyer->http, &request);
}

static void issue(struct buyers *buyers)
{
	struct buyer *buyer = list_entry(buyers->idle.next, struct buyer, link);
	const uint64_t number = buyers->figures.issued++;
	list_remove(&buyer->link);
	buyer->ordering = true;
	buyer->due_us = due_us(buyers, number);
	snprintf(buyer->key, sizeof(buyer->key), "%s-%llu", buyers->run,
		 (unsigned long long)number);
	send_order(buyer);
}

/* Issues what is due; what finds no idle buyer waits for one, its time running. */
static void on_next(void *arg)
{
	struct buyers *buyers = arg;
	if (buyers->stopped || !buyers->first_us)
		return;
	const int64_t now_us = loop_now_us(buyers->scene->loop);
	while (!list_empty(&buyers->idle) && due_us(buyers, buyers->figures.issued) <= now_us)
		issue(buyers);
	if (!list_empty(&buyers->idle))
		timer_start_at(&buyers->next, due_us(buyers, buyers->figures.issued));
}

static void set_idle(struct buyer *buyer)
{
	buyer->ordering = false;
	list_append(&buyer->buyers->idle, &buyer->link);
	on_next(buyer->buyers);
}

/* ---- answers ---- */

static char *take_member(struct buyer *buyer, const char *member)
{
	json_t *answer = json_parse(buyer->answer.data, buyer->answer.len);
	const char *text = json_string_value(json_object_get(answer, member));
	char *copy = text ? xstrdup(text) : NULL;
	json_decref(answer);
	return copy;
}

static void on_acknowledged(struct buyer *buyer)
{
	struct buyers *buyers = buyer->buyers;
	char value[16];
	char *id = take_member(buyer, "id");
	buyers->figures.acknowledged++;
	if (http_response_header(http_client_response(buyer->http), "Idempotency-Replayed", value,
				 sizeof(value)))
		buyers->figures.replayed++;
	histogram_add(&buyers->figures.latency, loop_now_us(buyers->scene->loop) - buyer->due_us);
	if (!id)
		scene_failed(buyers->scene, "buyer", "201 without an order");
	else if (buyers->acks)
		fprintf(buyers->acks, "%s %s\n", buyer->key, id);
	free(id);
	set_idle(buyer);
}

static void retry_later(struct buyer *buyer)
{
	timer_start(&buyer->retry, RETRY_US);
}

static void on_order_answer(struct buyer *buyer, int err, int status)
{
	struct order_figures *figures = &buyer->buyers->figures;
	if (err) {
		figures->lost_connections++;
		retry_later(buyer);
		return;
	}
	figures->statuses[status < BUYERS_STATUSES ? status : 0]++;
	if (status == 201) {
		on_acknowledged(buyer);
	} else if (status == 503) {
		retry_later(buyer);
	} else {
		if (!figures->refused++)
			scene_failed(buyer->buyers->scene, "buyer", "status %d: %.300s", status,
				     bytes_string(&buyer->answer));
		set_idle(buyer);
	}
}

static void on_ready(struct buyer *buyer)
{
	struct buyers *buyers = buyer->buyers;
	list_append(&buyers->idle, &buyer->link);
	if (++buyers->figures.buyers_ready < buyers->count)
		return;
	buyers->first_us = loop_now_us(buyers->scene->loop);
	timer_start(&buyers->next, 0);
}

static void on_guest_answer(struct buyer *buyer, int err, int status)
{
	buyer->token = !err && status == 201 ? take_member(buyer, "token") : NULL;
	if (buyer->token)
		on_ready(buyer);
	else if (err || status >= 500)
		retry_later(buyer);
	else
		scene_failed(buyer->buyers->scene, "buyer", "no guest: status %d: %.300s", status,
			     bytes_string(&buyer->answer));
}

static void on_body(void *arg, const uint8_t *data, size_t len)
{
	struct buyer *buyer = arg;
	bytes_put(&buyer->answer, data, len);
}

static void on_done(void *arg, int err)
{
	struct buyer *buyer = arg;
	const int status = http_client_response(buyer->http)->status;
	if (buyer->ordering)
		on_order_answer(buyer, err, status);
	else
		on_guest_answer(buyer, err, status);
}

static const struct http_client_ops http_ops = { .body = on_body, .done = on_done };

/* ---- tokens ---- */

static void ask_guest(struct buyer *buyer)
{
	char *body = xasprintf("{\"room\":\"%s\"}", buyer->buyers->scene->options->room);
	const struct http_request_line request = {
		.method = "POST",
		.path = "/api/guest",
		.headers = "Content-Type: application/json\r\n",
		.body = body,
		.body_len = strlen(body),
		.timeout_us = ORDER_TIMEOUT_US,
	};
	bytes_clear(&buyer->answer);
	http_client_start(buyer->http, &request);
	free(body);
}

static void on_retry(void *arg)
{
	struct buyer *buyer = arg;
	if (!buyer->ordering) {
		ask_guest(buyer);
		return;
	}
	buyer->buyers->figures.sent_again++;
	send_order(buyer);
}

/* -EINVAL when the file has fewer lines than there are buyers. */
static int read_tokens(struct buyers *buyers, const char *path)
{
	char line[TOKEN_MAX];
	size_t i = 0;
	FILE *file = fopen(path, "r");
	if (!file)
		return -errno;
	while (i < buyers->count && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\r\n")] = '\0';
		buyers->list[i++].token = xstrdup(line);
	}
	fclose(file);
	return i == buyers->count ? 0 : -EINVAL;
}

static void init_buyer(struct buyer *buyer, struct buyers *buyers)
{
	struct scene *scene = buyers->scene;
	buyer->buyers = buyers;
	list_init(&buyer->link);
	bytes_init(&buyer->answer, ANSWER_MAX);
	timer_init(&buyer->retry, scene->loop, on_retry, buyer);
	http_client_create(&buyer->http, scene->loop, &scene->options->server, &http_ops, buyer);
}

static int open_files(struct buyers *buyers)
{
	const struct swarm_options *options = buyers->scene->options;
	if (options->acks) {
		buyers->acks = fopen(options->acks, "a");
		if (!buyers->acks)
			return -errno;
		/* A line is written before anybody can hear of the order. */
		setvbuf(buyers->acks, NULL, _IOLBF, 0);
	}
	return options->tokens ? read_tokens(buyers, options->tokens) : 0;
}

int buyers_create(struct buyers **out, struct scene *scene)
{
	struct buyers *buyers = xcalloc(1, sizeof(*buyers));
	buyers->scene = scene;
	buyers->count = (size_t)scene->options->buyers;
	buyers->list = xcalloc(buyers->count, sizeof(*buyers->list));
	buyers->path = xasprintf("/api/rooms/%s/orders", scene->options->room);
	buyers->order = xasprintf("{\"sku\":\"%s\",\"qty\":1}", scene->options->sku);
	random_token(buyers->run, RUN_NAME);
	list_init(&buyers->idle);
	timer_init(&buyers->next, scene->loop, on_next, buyers);
	for (size_t i = 0; i < buyers->count; i++)
		init_buyer(&buyers->list[i], buyers);
	const int err = open_files(buyers);
	if (err) {
		buyers_destroy(buyers);
		return err;
	}
	for (size_t i = 0; i < buyers->count; i++) {
		if (buyers->list[i].token)
			on_ready(&buyers->list[i]);
		else
			ask_guest(&buyers->list[i]);
	}
	*out = buyers;
	return 0;
}

void buyers_stop(struct buyers *buyers)
{
	buyers->stopped = true;
	timer_stop(&buyers->next);
}

bool buyers_idle(const struct buyers *buyers)
{
	const struct order_figures *figures = &buyers->figures;
	return figures->issued == figures->acknowledged + figures->refused;
}

const struct order_figures *buyers_figures(const struct buyers *buyers)
{
	return &buyers->figures;
}

void buyers_destroy(struct buyers *buyers)
{
	if (!buyers)
		return;
	timer_stop(&buyers->next);
	for (size_t i = 0; i < buyers->count; i++) {
		struct buyer *buyer = &buyers->list[i];
		timer_stop(&buyer->retry);
		http_client_destroy(buyer->http);
		bytes_finish(&buyer->answer);
		free(buyer->token);
	}
	if (buyers->acks)
		fclose(buyers->acks);
	free(buyers->list);
	free(buyers->path);
	free(buyers->order);
	free(buyers);
}
