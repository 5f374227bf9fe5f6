/*
 * An engine over a real store in a directory of its own, on a clock that the test turns. ask_…()
 * wait for the answer and keep it until the next one. Events and snapshots are collected.
 */
#ifndef SOUK_TESTS_ENGINE_FIXTURE_H
#define SOUK_TESTS_ENGINE_FIXTURE_H

#include "commerce/engine.h"
#include "commerce/store.h"
#include "server/core/json.h"
#include "tests/support/fake_clock.h"

enum { FIXTURE_EVENTS_MAX = 4096 };

struct engine_fixture {
	struct fake_clock fake;
	struct loop *loop;
	struct store *store; /* given to the engine; fails commits on demand */
	struct store *sqlite;
	struct engine *engine;
	char dir[64];
	bool sync_normal;
	int fail_commits; /* the next ones fail before they are stored */
	bool take_trials; /* but not those of nothing */
	bool hold_commits; /* commits are under way until fixture_settle() */
	bool fail_loads;
	int loads; /* how often it was read whole */
	/* What came out. */
	struct answer answer; /* the last one, with a body of its own */
	json_t *body; /* the last one, parsed; NULL without */
	int answers;
	json_t *events[FIXTURE_EVENTS_MAX];
	int event_count;
	struct room_snapshot *snapshot; /* the last one of any room */
	int snapshots;
	bool gone; /* the last snapshot was that of a room that is gone */
};

void fixture_start(struct engine_fixture *f); /* makes the directory, opens, creates */
void fixture_open(struct engine_fixture *f);
void fixture_close(struct engine_fixture *f); /* as an orderly end */
void fixture_stop(struct engine_fixture *f); /* closes and removes everything */

/* Serves until everything is answered. */
void fixture_settle(struct engine_fixture *f);
void fixture_advance(struct engine_fixture *f, int64_t by_us);

struct engine_reply fixture_reply(struct engine_fixture *f);

/* Each gives the status; the answer stays in f->answer and f->body. */
int ask_room(struct engine_fixture *f, const char *json);
int ask_patch_room(struct engine_fixture *f, const char *room, const char *json);
int ask_product(struct engine_fixture *f, const char *room, const char *json);
int ask_patch(struct engine_fixture *f, const char *room, const char *sku, const char *json);
int ask_remove(struct engine_fixture *f, const char *room, const char *sku);
int ask_pin(struct engine_fixture *f, const char *room, const char *json);
int ask_order(struct engine_fixture *f, const char *room, const char *sub, const char *key,
	      const char *json);
int ask_change(struct engine_fixture *f, enum order_verb verb, const char *id, const char *key,
	       const struct caller *caller);
int ask_get(struct engine_fixture *f, const char *id, const struct caller *caller);
int ask_list(struct engine_fixture *f, const struct caller *caller, const char *after,
	     unsigned limit);
int ask_events(struct engine_fixture *f, const char *room, const char *after, unsigned limit);

struct caller viewer(const char *room, const char *sub);
struct caller host(const char *room, const char *sub);

/* A value in the last body ("price.rev", "items.0.qty"), as text; "" when absent. Lives until the
 * next call. */
const char *body_at(struct engine_fixture *f, const char *path);
const char *json_at(const json_t *value, const char *path);

/* A member of the product as the last snapshot shows it; -1 when it is not there. */
int64_t shown(struct engine_fixture *f, const char *sku, const char *member);

/* The number of collected events of this type; the last one. */
int events_of(struct engine_fixture *f, const char *type);
const json_t *last_event(struct engine_fixture *f, const char *type);

/* Faults that store_check() finds; the first one in `fault` if not NULL. */
int check_faults(const char *dir, char fault[256]);

#endif
