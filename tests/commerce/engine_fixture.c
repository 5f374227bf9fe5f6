#include "tests/commerce/engine_fixture.h"

#include "commerce/check.h"
#include "commerce/store_sqlite.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/bytes.h"
#include "server/core/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A store that does as it is told to go wrong, in front of the real one. */
struct unsure_store {
	struct store store;
	struct engine_fixture *f;
	struct store_commit *refused; /* these wait for the next flush */
	struct store_commit *held;
};

static int unsure_load(struct store *store, const struct row_sink *sink)
{
	struct engine_fixture *f = ((struct unsure_store *)store)->f;
	f->loads++;
	return f->fail_loads ? -EIO : f->sqlite->ops->load(f->sqlite, sink);
}

static void unsure_commit(struct store *store, struct store_commit *commit)
{
	struct unsure_store *unsure = (struct unsure_store *)store;
	if (unsure->f->fail_commits > 0 && (commit->rows->len || !unsure->f->take_trials)) {
		unsure->f->fail_commits--;
		unsure->refused = commit;
		return;
	}
	if (unsure->f->hold_commits) {
		unsure->held = commit;
		return;
	}
	unsure->f->sqlite->ops->commit(unsure->f->sqlite, commit);
}

static void unsure_flush(struct store *store)
{
	struct unsure_store *unsure = (struct unsure_store *)store;
	struct store_commit *refused = unsure->refused;
	struct store_commit *held = unsure->held;
	unsure->refused = NULL;
	unsure->held = NULL;
	if (held)
		unsure->f->sqlite->ops->commit(unsure->f->sqlite, held);
	if (refused)
		refused->done(refused, -EIO);
	unsure->f->sqlite->ops->flush(unsure->f->sqlite);
}

static void unsure_destroy(struct store *store)
{
	free(store);
}

static const struct store_ops unsure_ops = {
	.load = unsure_load,
	.commit = unsure_commit,
	.flush = unsure_flush,
	.destroy = unsure_destroy,
};

static void on_event(void *arg, const struct outlet_event *event)
{
	struct engine_fixture *f = arg;
	json_t *message = json_parse(event->message->data, event->message->len);
	if (!message || f->event_count == FIXTURE_EVENTS_MAX)
		abort();
	f->events[f->event_count++] = message;
}

static const struct outlet_ops outlet_ops = { .event = on_event };

static void on_snapshot(void *arg, const char *room, struct room_snapshot *snapshot)
{
	(void)room;
	struct engine_fixture *f = arg;
	f->snapshots++;
	f->gone = snapshot == NULL;
	if (!snapshot)
		return;
	room_snapshot_unref(f->snapshot);
	f->snapshot = snapshot;
}

void fixture_open(struct engine_fixture *f)
{
	pid_t holder;
	const struct store_sqlite_options store = { .loop = f->loop,
						    .dir = f->dir,
						    .sync_normal = f->sync_normal };
	if (store_sqlite_open(&f->sqlite, &store, &holder))
		abort();
	struct unsure_store *unsure = xcalloc(1, sizeof(*unsure));
	unsure->store.ops = &unsure_ops;
	unsure->f = f;
	f->store = &unsure->store;
	const struct engine_options options = {
		.loop = f->loop,
		.store = f->store,
		.outlet = { .ops = &outlet_ops, .arg = f },
		.on_snapshot = on_snapshot,
		.arg = f,
	};
	if (engine_create(&f->engine, &options))
		abort();
	fixture_settle(f);
}

void fixture_start(struct engine_fixture *f)
{
	*f = (struct engine_fixture){ 0 };
	fake_clock_init(&f->fake);
	snprintf(f->dir, sizeof(f->dir), "/tmp/souk-test-XXXXXX");
	if (!mkdtemp(f->dir) || loop_create(&f->loop, &f->fake.clock))
		abort();
	fixture_open(f);
}

void fixture_close(struct engine_fixture *f)
{
	engine_destroy(f->engine);
	store_destroy(f->store);
	store_destroy(f->sqlite);
	f->engine = NULL;
}

static void forget_answer(struct engine_fixture *f)
{
	answer_finish(&f->answer);
	json_decref(f->body);
	f->body = NULL;
}

void fixture_stop(struct engine_fixture *f)
{
	static const char *const files[] = { "souk.db", "souk.db-wal", "souk.db-shm", "lock" };
	if (f->engine)
		fixture_close(f);
	loop_destroy(f->loop);
	forget_answer(f);
	for (int i = 0; i < f->event_count; i++)
		json_decref(f->events[i]);
	room_snapshot_unref(f->snapshot);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *path = xasprintf("%s/%s", f->dir, files[i]);
		unlink(path);
		free(path);
	}
	rmdir(f->dir);
}

void fixture_settle(struct engine_fixture *f)
{
	do {
		loop_poll(f->loop);
		f->store->ops->flush(f->store);
		loop_poll(f->loop);
	} while (!engine_idle(f->engine) && !f->fail_loads);
}

void fixture_advance(struct engine_fixture *f, int64_t by_us)
{
	while (by_us > 0) {
		const int64_t step_us = by_us < 10000 ? by_us : 10000;
		f->fake.now_us += step_us;
		by_us -= step_us;
		loop_run_due(f->loop);
		fixture_settle(f);
	}
}

static void on_reply(void *arg, const struct answer *answer)
{
	struct engine_fixture *f = arg;
	forget_answer(f);
	f->answer = *answer;
	f->answer.body = answer->body ? xstrdup(answer->body) : NULL;
	f->body = answer->body ? json_parse(answer->body, answer->body_len) : NULL;
	f->answers++;
}

struct engine_reply fixture_reply(struct engine_fixture *f)
{
	return (struct engine_reply){ .fn = on_reply, .arg = f };
}

static int wait_answer(struct engine_fixture *f)
{
	fixture_settle(f);
	return f->answer.status;
}

/* Refused by a parser: as the server would answer. */
static int refused(struct engine_fixture *f, const struct problem *problem)
{
	forget_answer(f);
	answer_refuse(&f->answer, problem, NULL);
	f->body = json_parse(f->answer.body, f->answer.body_len);
	return problem->status;
}

#define PARSE_AND_ASK(type, parse, call) \
	do { \
		struct problem problem = { 0 }; \
		struct type request; \
		json_t *body = json_parse(json, strlen(json)); \
		const int err = parse(&request, body, &problem); \
		json_decref(body); \
		if (err) \
			return refused(f, &problem); \
		call; \
		return wait_answer(f); \
	} while (0)

int ask_room(struct engine_fixture *f, const char *json)
{
	PARSE_AND_ASK(room_request, room_parse,
		      engine_create_room(f->engine, &request, fixture_reply(f)));
}

int ask_patch_room(struct engine_fixture *f, const char *room, const char *json)
{
	PARSE_AND_ASK(room_patch, room_patch_parse,
		      engine_patch_room(f->engine, room, &request, fixture_reply(f)));
}

int ask_product(struct engine_fixture *f, const char *room, const char *json)
{
	PARSE_AND_ASK(product_request, product_parse,
		      engine_add_product(f->engine, room, &request, fixture_reply(f)));
}

int ask_patch(struct engine_fixture *f, const char *room, const char *sku, const char *json)
{
	PARSE_AND_ASK(product_patch, product_patch_parse,
		      engine_patch_product(f->engine, room, sku, &request, fixture_reply(f)));
}

int ask_remove(struct engine_fixture *f, const char *room, const char *sku)
{
	engine_remove_product(f->engine, room, sku, fixture_reply(f));
	return wait_answer(f);
}

int ask_pin(struct engine_fixture *f, const char *room, const char *json)
{
	PARSE_AND_ASK(pin_request, pin_parse,
		      engine_pin(f->engine, room, &request, fixture_reply(f)));
}

static void place(struct engine_fixture *f, struct order_request *request, const char *room,
		  const char *sub, const char *key)
{
	const struct caller caller = viewer(room, sub);
	snprintf(request->room, sizeof(request->room), "%s", room);
	snprintf(request->key, sizeof(request->key), "%s", key);
	engine_place_order(f->engine, request, &caller, fixture_reply(f));
}

int ask_order(struct engine_fixture *f, const char *room, const char *sub, const char *key,
	      const char *json)
{
	PARSE_AND_ASK(order_request, order_request_parse, place(f, &request, room, sub, key));
}

int ask_change(struct engine_fixture *f, enum order_verb verb, const char *id, const char *key,
	       const struct caller *caller)
{
	struct order_change change = { .verb = verb };
	snprintf(change.id, sizeof(change.id), "%s", id);
	snprintf(change.key, sizeof(change.key), "%s", key);
	engine_change_order(f->engine, &change, caller, fixture_reply(f));
	return wait_answer(f);
}

int ask_get(struct engine_fixture *f, const char *id, const struct caller *caller)
{
	engine_get_order(f->engine, id, caller, fixture_reply(f));
	return wait_answer(f);
}

int ask_list(struct engine_fixture *f, const struct caller *caller, const char *after,
	     unsigned limit)
{
	struct page_request page = { .limit = limit };
	snprintf(page.after, sizeof(page.after), "%s", after);
	engine_list_orders(f->engine, &page, caller, fixture_reply(f));
	return wait_answer(f);
}

int ask_events(struct engine_fixture *f, const char *room, const char *after, unsigned limit)
{
	struct page_request page = { .limit = limit };
	snprintf(page.after, sizeof(page.after), "%s", after);
	engine_list_events(f->engine, room, &page, fixture_reply(f));
	return wait_answer(f);
}

static struct caller caller_of(const char *room, const char *sub, enum role role)
{
	struct caller caller = { .role = role };
	snprintf(caller.room, sizeof(caller.room), "%s", room);
	snprintf(caller.sub, sizeof(caller.sub), "%s", sub);
	return caller;
}

struct caller viewer(const char *room, const char *sub)
{
	return caller_of(room, sub, ROLE_VIEWER);
}

struct caller host(const char *room, const char *sub)
{
	return caller_of(room, sub, strcmp(room, "*") == 0 ? ROLE_ADMIN : ROLE_HOST);
}

const char *json_at(const json_t *value, const char *path)
{
	static char text[1024];
	char part[64];
	while (value && *path) {
		const size_t len = strcspn(path, ".");
		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		value = json_is_array(value) ? json_array_get(value, strtoul(part, NULL, 10))
					     : json_object_get(value, part);
		path += len + (path[len] == '.');
	}
	if (json_is_string(value))
		snprintf(text, sizeof(text), "%s", json_string_value(value));
	else if (json_is_integer(value))
		snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		snprintf(text, sizeof(text), "%s", json_is_true(value) ? "true" : "false");
	else
		snprintf(text, sizeof(text), "%s", json_is_null(value) ? "null" : "");
	return text;
}

const char *body_at(struct engine_fixture *f, const char *path)
{
	return json_at(f->body, path);
}

int64_t shown(struct engine_fixture *f, const char *sku, const char *member)
{
	const struct snapshot_product *product =
		f->snapshot ? room_snapshot_product(f->snapshot, sku) : NULL;
	if (!product)
		return -1;
	json_t *object = json_parse(product->json->data, product->json->len);
	const json_t *value = json_object_get(object, member);
	const int64_t number = json_is_integer(value) ? json_integer_value(value) : -1;
	json_decref(object);
	return number;
}

int events_of(struct engine_fixture *f, const char *type)
{
	int count = 0;
	for (int i = 0; i < f->event_count; i++)
		count += strcmp(json_at(f->events[i], "type"), type) == 0;
	return count;
}

const json_t *last_event(struct engine_fixture *f, const char *type)
{
	for (int i = f->event_count; i-- > 0;)
		if (strcmp(json_at(f->events[i], "type"), type) == 0)
			return f->events[i];
	return NULL;
}

static void on_fault(void *arg, const char *fault)
{
	char *first = arg;
	if (first && !first[0])
		snprintf(first, 256, "%s", fault);
}

int check_faults(const char *dir, char fault[256])
{
	if (fault)
		fault[0] = '\0';
	struct store_check check = { .report = on_fault, .arg = fault };
	return store_check(&check, dir) == -ENOENT ? -1 : (int)check.faults;
}
