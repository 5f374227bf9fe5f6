#include "load-tests/swarm/buyers.h"

#include "load-tests/swarm/buyer.h"
#include "load-tests/swarm/http_client.h"
#include "server/core/alloc.h"
#include "server/core/crypto.h"
#include "server/core/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ANSWER_MAX = 64 * 1024,
	RUN_NAME = 8,
	ORDER_TIMEOUT_US = 5 * 1000000,
	TOKEN_MAX = 4096,
};

struct buyers {
	struct scene *scene;
	struct buyer *list;
	size_t count;
	struct list idle; // buyer.link
	struct timer next; /* the next order is due */
	int64_t first_us; /* when the first was due; 0: not begun */
	char run[RUN_NAME + 1]; /* keys of one run are its own */
	char *order;
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
	const bool sent = buyer->ready && buyer->ops->send(buyer->carrier, buyer);
	timer_start(&buyer->retry, sent ? ORDER_TIMEOUT_US : BUYER_AGAIN_US);
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
	timer_stop(&buyer->retry);
	list_append(&buyer->buyers->idle, &buyer->link);
	on_next(buyer->buyers);
}

static void on_acknowledged(struct buyer *buyer, const struct order_answer *answer)
{
	struct buyers *buyers = buyer->buyers;
	const int64_t waited_us = loop_now_us(buyers->scene->loop) - buyer->due_us;
	buyers->figures.acknowledged++;
	buyers->figures.replayed += answer->replayed;
	histogram_add(&buyers->figures.latency, waited_us);
	measure(&buyers->scene->measures, CLIENT_BUYER, MEASURE_ORDER, waited_us);
	if (!answer->id)
		scene_failed(buyers->scene, CLIENT_BUYER, "201 without an order");
	else if (buyers->acks)
		fprintf(buyers->acks, "%s %s\n", buyer->key, answer->id);
	set_idle(buyer);
}

void buyer_answered(struct buyer *buyer, const struct order_answer *answer)
{
	struct order_figures *figures = &buyer->buyers->figures;
	if (!buyer->ordering)
		return;
	figures->statuses[answer->status > 0 && answer->status < BUYERS_STATUSES ? answer->status
										 : 0]++;
	if (answer->status == 201) {
		on_acknowledged(buyer, answer);
	} else if (answer->status == 503 || answer->status == 429) {
		/* Orders that were due while nothing came through come at once: some are too many.
		 */
		timer_start(&buyer->retry, BUYER_AGAIN_US);
	} else {
		if (!figures->refused++)
			scene_failed(buyer->scene, CLIENT_BUYER, "status %d: %.300s",
				     answer->status, answer->detail);
		set_idle(buyer);
	}
}

void buyer_lost(struct buyer *buyer)
{
	buyer->ready = false;
	if (!buyer->ordering)
		return;
	buyer->buyers->figures.lost_connections++;
	timer_start(&buyer->retry, BUYER_AGAIN_US);
}

void buyer_ready(struct buyer *buyer)
{
	struct buyers *buyers = buyer->buyers;
	buyer->ready = true;
	if (buyer->was_ready)
		return;
	buyer->was_ready = true;
	list_append(&buyers->idle, &buyer->link);
	if (++buyers->figures.buyers_ready < buyers->count)
		return;
	buyers->first_us = loop_now_us(buyers->scene->loop);
	timer_start(&buyers->next, 0);
}

const char *buyers_order(const struct buyers *buyers)
{
	return buyers->order;
}

/* ---- tokens ---- */

static void begin_buying(struct buyer *buyer)
{
	buyer->carrier = buyer->ops->create(buyer);
}

static void on_body(void *arg, const uint8_t *data, size_t len)
{
	struct buyer *buyer = arg;
	bytes_put(&buyer->answer, data, len);
}

static void on_guest(void *arg, int err)
{
	struct buyer *buyer = arg;
	const int status = http_client_response(buyer->guest)->status;
	json_t *answer = err ? NULL : json_parse(buyer->answer.data, buyer->answer.len);
	const char *token = json_string_value(json_object_get(answer, "token"));
	if (token && status == 201) {
		buyer->token = xstrdup(token);
		http_client_destroy(buyer->guest);
		buyer->guest = NULL;
		begin_buying(buyer);
	} else if (err || status >= 500 || status == 429) {
		timer_start(&buyer->retry, BUYER_AGAIN_US);
	} else {
		scene_failed(buyer->scene, CLIENT_BUYER, "no guest: status %d: %.300s", status,
			     bytes_string(&buyer->answer));
	}
	json_decref(answer);
}

static const struct http_client_ops guest_ops = { .body = on_body, .done = on_guest };

static void ask_guest(struct buyer *buyer)
{
	char *body = xasprintf("{\"room\":\"%s\"}", buyer->room);
	const struct http_request_line request = {
		.method = "POST",
		.path = "/api/guest",
		.headers = "Content-Type: application/json\r\n",
		.body = body,
		.body_len = strlen(body),
		.timeout_us = ORDER_TIMEOUT_US,
	};
	bytes_clear(&buyer->answer);
	http_client_start(buyer->guest, &request);
	free(body);
}

static void on_retry(void *arg)
{
	struct buyer *buyer = arg;
	if (!buyer->carrier) {
		ask_guest(buyer);
	} else if (buyer->ordering) {
		buyer->buyers->figures.sent_again += buyer->ready;
		send_order(buyer);
	}
}

/* -EINVAL when the file has fewer lines than there are buyers. */
static int read_tokens(struct buyers *buyers, const char *path)
{
	char line[TOKEN_MAX];
	size_t i = 0;
	FILE *file = fopen(path, "re");
	if (!file)
		return -errno;
	while (i < buyers->count && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\r\n")] = '\0';
		buyers->list[i++].token = xstrdup(line);
	}
	fclose(file);
	return i == buyers->count ? 0 : -EINVAL;
}

/* ---- life ---- */

static void init_buyer(struct buyer *buyer, struct buyers *buyers, size_t number)
{
	struct scene *scene = buyers->scene;
	const struct swarm_options *options = scene->options;
	const size_t target = number % options->target_count;
	const size_t by_http = (size_t)options->buyers;
	buyer->buyers = buyers;
	buyer->scene = scene;
	buyer->ops = number < by_http                                ? &buyer_http
		     : number < by_http + (size_t)options->buyers_ws ? &buyer_ws
								     : &buyer_dc;
	buyer->room = swarm_options_room(options, number / options->target_count);
	buyer->place = (struct place){
		.target = &options->targets[target],
		.room = buyer->room,
	};
	list_init(&buyer->link);
	bytes_init(&buyer->answer, ANSWER_MAX);
	timer_init(&buyer->retry, scene->loop, on_retry, buyer);
}

static int open_files(struct buyers *buyers)
{
	const struct swarm_options *options = buyers->scene->options;
	if (options->acks) {
		buyers->acks = fopen(options->acks, "ae");
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
	buyers->count = (size_t)swarm_options_buyers(scene->options);
	buyers->list = xcalloc(buyers->count, sizeof(*buyers->list));
	buyers->order = xasprintf("\"sku\":\"%s\",\"qty\":1", scene->options->sku);
	random_token(buyers->run, RUN_NAME);
	list_init(&buyers->idle);
	timer_init(&buyers->next, scene->loop, on_next, buyers);
	for (size_t i = 0; i < buyers->count; i++)
		init_buyer(&buyers->list[i], buyers, i);
	const int err = open_files(buyers);
	if (err) {
		buyers_destroy(buyers);
		return err;
	}
	for (size_t i = 0; i < buyers->count; i++) {
		struct buyer *buyer = &buyers->list[i];
		if (buyer->token) {
			begin_buying(buyer);
			continue;
		}
		http_client_create(&buyer->guest, scene->loop, &buyer->place.target->http,
				   &guest_ops, buyer);
		ask_guest(buyer);
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
		if (buyer->carrier)
			buyer->ops->destroy(buyer->carrier);
		http_client_destroy(buyer->guest);
		bytes_finish(&buyer->answer);
		free(buyer->room);
		free(buyer->token);
	}
	if (buyers->acks)
		fclose(buyers->acks);
	free(buyers->list);
	free(buyers->order);
	free(buyers);
}
