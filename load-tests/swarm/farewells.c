#include "load-tests/swarm/farewells.h"

#include "load-tests/swarm/http_client.h"
#include "server/core/alloc.h"
#include "server/core/loop.h"

#include <stdlib.h>

enum { TIMEOUT_US = 5 * 1000000 };

struct farewell {
	struct list link; // farewells.list
	struct farewells *owner;
	struct http_client *http;
	struct addr server;
};

struct farewells {
	struct loop *loop;
	struct list list; // farewell.link
	unsigned count;
	uint64_t failed;
};

static void farewell_free(struct farewell *farewell)
{
	list_remove(&farewell->link);
	farewell->owner->count--;
	http_client_destroy(farewell->http);
	free(farewell);
}

static void on_done(void *arg, int err)
{
	struct farewell *farewell = arg;
	const int status = http_client_response(farewell->http)->status;
	/* 404: the session has heard of its end by DTLS before. */
	farewell->owner->failed += err || (status / 100 != 2 && status != 404);
	farewell_free(farewell);
}

static const struct http_client_ops ops = { .done = on_done };

void farewells_create(struct farewells **out, struct loop *loop)
{
	struct farewells *farewells = xcalloc(1, sizeof(*farewells));
	farewells->loop = loop;
	list_init(&farewells->list);
	*out = farewells;
}

void farewells_say(struct farewells *farewells, const struct addr *server, const char *path,
		   const char *token)
{
	if (farewells->count == FAREWELLS_MAX)
		return;
	struct farewell *farewell = xcalloc(1, sizeof(*farewell));
	const struct http_request_line request = {
		.method = "DELETE",
		.path = path,
		.token = token,
		.headers = "",
		.timeout_us = TIMEOUT_US,
	};
	farewell->owner = farewells;
	farewell->server = *server;
	list_append(&farewells->list, &farewell->link);
	farewells->count++;
	http_client_create(&farewell->http, farewells->loop, &farewell->server, &ops, farewell);
	http_client_start(farewell->http, &request);
}

uint64_t farewells_failed(const struct farewells *farewells)
{
	return farewells->failed;
}

void farewells_destroy(struct farewells *farewells)
{
	if (!farewells)
		return;
	while (!list_empty(&farewells->list))
		farewell_free(list_entry(farewells->list.next, struct farewell, link));
	free(farewells);
}
