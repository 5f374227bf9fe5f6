#include "commerce/engine_turn.h"

#include "commerce/orders.h"
#include "commerce/room.h"
#include "commerce/shelf.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	RETRY_US = 1000000, /* between two attempts to reach a store that failed */
	LOAD_SHARE = 10, /* of the time at most one part goes into loading it again and again */
};

/* Who buys now and then reads at once what came of it; in a rush there are 20 snapshots a second.
 */
#define SNAPSHOT_US INT64_C(50000)
enum { SNAPSHOT_BURST = 20 };

struct engine_op *engine_op_new(engine_decide_fn decide, const char *room,
				struct engine_reply reply)
{
	struct engine_op *op = xcalloc(1, sizeof(*op));
	list_init(&op->link);
	op->decide = decide;
	op->reply = reply;
	snprintf(op->room, sizeof(op->room), "%s", room ? room : "");
	return op;
}

static void op_answer(struct engine_op *op)
{
	list_remove(&op->link);
	if (op->reply.fn)
		op->reply.fn(op->reply.arg, &op->answer);
	answer_finish(&op->answer);
	free(op);
}

void engine_refuse(struct engine_op *op, int status, const char *code, const char *member,
		   const char *detail)
{
	struct problem problem = { .status = status, .code = code };
	snprintf(problem.member, sizeof(problem.member), "%s", member ? member : "");
	snprintf(problem.detail, sizeof(problem.detail), "%s", detail ? detail : "");
	answer_refuse(&op->answer, &problem, NULL);
	op->answer.location[0] = '\0';
	op->answer.replayed = false;
	op->answer.retry_after_s = status == 429 || status == 503 ? 1 : 0;
}

static void op_unavailable(struct engine_op *op)
{
	engine_refuse(op, 503, "store_unavailable", NULL,
		      "the outcome is unknown: repeat with the same Idempotency-Key");
}

struct room *engine_op_room(struct engine *engine, struct engine_op *op)
{
	struct room *room = ledger_room(engine->ledger, op->room);
	if (!room)
		engine_refuse(op, 404, "not_found", NULL, "no such room");
	return room;
}

bool engine_op_events(struct engine *engine, struct engine_op *op, struct room *room,
		      unsigned count)
{
	if (room_take_events(room, count, loop_now_us(engine->options.loop)))
		return true;
	engine_refuse(op, 429, "rate_limited", NULL, "at most 50 events a second in a room");
	return false;
}

static void wake(struct engine *engine)
{
	if (!engine->committing)
		loop_defer(engine->options.loop, &engine->soon);
}

/* At the cap the refusal comes at once: a queue of refusals would grow as well. */
static bool is_refused(struct engine *engine, struct engine_op *op)
{
	if (op->keep || engine->waiting_count < ENGINE_QUEUE_MAX)
		return false;
	engine_refuse(op, 503, "overloaded", NULL, "too many requests wait");
	op_answer(op);
	return true;
}

void engine_write(struct engine *engine, struct engine_op *op)
{
	if (is_refused(engine, op))
		return;
	list_append(&engine->waiting, &op->link);
	engine->waiting_count++;
	wake(engine);
}

void engine_read(struct engine *engine, struct engine_op *op)
{
	if (is_refused(engine, op))
		return;
	list_append(&engine->reads, &op->link);
	engine->waiting_count++;
	wake(engine);
}

static void run_reads(struct engine *engine)
{
	while (!list_empty(&engine->reads)) {
		struct engine_op *op = list_entry(engine->reads.next, struct engine_op, link);
		engine->waiting_count--;
		if (engine->ledger)
			op->decide(engine, op);
		else
			op_unavailable(op);
		op_answer(op);
	}
}

static void arm_tick(struct engine *engine, int64_t due_us)
{
	if (due_us >= 0 && (!timer_active(&engine->tick) || due_us < engine->tick.due_us))
		timer_start_at(&engine->tick, due_us);
}

static void send_notices(struct engine *engine)
{
	const struct outlet *outlet = &engine->options.outlet;
	list_for_each (link, &engine->tx.notices) {
		const struct notice *notice = list_entry(link, struct notice, link);
		const struct outlet_event event = {
			.room = notice->room->id,
			.seq = notice->seq,
			.at_us = notice->at_us,
			.type = notice->type,
			.message = notice->message,
		};
		engine->stats.events += notice->seq != 0;
		if (outlet->ops)
			outlet->ops->event(outlet->arg, &event);
	}
}

static void give_snapshot(struct engine *engine, struct room *room, int64_t now_us)
{
	/* A room made anew under this id must not be taken for gone. */
	const bool known = !room->deleted || room->snapshot;
	room_snapshot_unref(room->snapshot);
	room->snapshot = room->deleted ? NULL : room_render(room);
	list_remove(&room->changed);
	room->urgent = false;
	room->published_us += SNAPSHOT_US;
	if (room->published_us > now_us)
		room->published_us = now_us;
	if (room->published_us < now_us - SNAPSHOT_BURST * SNAPSHOT_US)
		room->published_us = now_us - SNAPSHOT_BURST * SNAPSHOT_US;
	if (known && engine->options.on_snapshot)
		engine->options.on_snapshot(engine->options.arg, room->id,
					    room->snapshot ? room_snapshot_ref(room->snapshot)
							   : NULL);
}

/* Renders and hands out what readers may see now. The monotonic time of the next, or -1. */
static int64_t publish(struct engine *engine)
{
	const int64_t now_us = loop_now_us(engine->options.loop);
	int64_t next_us = -1;
	list_for_each_safe (link, &engine->ledger->changed) {
		struct room *room = list_entry(link, struct room, changed);
		const int64_t due_us = room->published_us + SNAPSHOT_US;
		if (room->urgent || !room->snapshot || room->deleted || now_us >= due_us)
			give_snapshot(engine, room, now_us);
		else if (next_us < 0 || due_us < next_us)
			next_us = due_us;
	}
	return next_us;
}

static int load(struct engine *engine)
{
	struct loop *loop = engine->options.loop;
	const int64_t began_us = loop_now_us(loop);
	const int err = ledger_load(&engine->ledger, engine->options.store, loop_utc_us(loop));
	engine->load_us = loop_now_us(loop) - began_us;
	if (err)
		return err;
	list_for_each (link, &engine->ledger->all_rooms) {
		struct room *room = list_entry(link, struct room, link);
		if (!room->deleted)
			list_append(&engine->ledger->changed, &room->changed);
	}
	log_info(&engine->log, "store loaded rooms=%zu orders=%zu", engine->ledger->rooms.count,
		 engine->ledger->orders.count);
	return 0;
}

/* What was never stored is taken over from the memory that is thrown away. */
static void keep_transient(struct ledger *to, const struct ledger *from)
{
	struct map_cursor cursor = { 0 };
	void *value;
	while (from && map_next(&from->rooms, &cursor, NULL, NULL, &value)) {
		const struct room *before = value;
		struct room *room = ledger_room(to, before->id);
		if (!room)
			continue;
		room->viewers = before->viewers;
		room->unseen = before->unseen;
		room->newest_capture_us = before->newest_capture_us;
		room->clock_err_us = before->clock_err_us;
	}
}

static void reload(struct engine *engine)
{
	struct ledger *before = engine->ledger;
	engine->ledger = NULL;
	transaction_clear(&engine->tx);
	const int err = load(engine);
	if (err) {
		log_error(&engine->log, "store cannot be loaded error=%d", -err);
	} else {
		keep_transient(engine->ledger, before);
		arm_tick(engine, publish(engine));
	}
	ledger_destroy(before);
}

static void requeue_kept(struct engine *engine)
{
	struct list *last = engine->turn.prev;
	while (last != &engine->turn) {
		struct engine_op *op = list_entry(last, struct engine_op, link);
		last = last->prev;
		if (!op->keep)
			continue;
		list_remove(&op->link);
		answer_finish(&op->answer);
		list_prepend(&engine->waiting, &op->link);
		engine->waiting_count++;
	}
}

static void on_retry(void *arg);

/* Once at once: most faults are gone by then. */
static void plan_retry(struct engine *engine)
{
	const int64_t now_us = loop_now_us(engine->options.loop);
	const int64_t rest_us = engine->rest_until_us - now_us;
	if (!engine->ledger)
		timer_start(&engine->retry, RETRY_US);
	else if (rest_us > 0)
		timer_start(&engine->retry, rest_us);
	else
		on_retry(engine);
	engine->rest_until_us =
		now_us + (rest_us > 0 ? rest_us : 0) + RETRY_US + LOAD_SHARE * engine->load_us;
}

static void fail_turn(struct engine *engine)
{
	engine->refusing = true;
	engine->stats.failed_turns++;
	engine->stats.failed_us = loop_now_us(engine->options.loop);
	requeue_kept(engine);
	list_for_each (link, &engine->turn) {
		struct engine_op *op = list_entry(link, struct engine_op, link);
		answer_finish(&op->answer);
		op_unavailable(op);
	}
	reload(engine);
	plan_retry(engine);
}

static void finish_turn(struct engine *engine, int err)
{
	if (err) {
		log_error(&engine->log, "turn not stored error=%d", -err);
		fail_turn(engine);
	} else {
		send_notices(engine);
		transaction_clear(&engine->tx);
		arm_tick(engine, publish(engine));
	}
	while (!list_empty(&engine->turn))
		op_answer(list_entry(engine->turn.next, struct engine_op, link));
	run_reads(engine);
	if (!list_empty(&engine->waiting) || engine->overdue)
		wake(engine);
	engine->overdue = false;
}

static void on_committed(struct store_commit *commit, int err)
{
	struct engine *engine = list_entry(commit, struct engine, commit);
	engine->committing = false;
	if (!err) {
		engine->stats.turns++;
		engine->stats.failed_us = 0;
	}
	finish_turn(engine, err);
}

static void on_tried(struct store_commit *commit, int err)
{
	struct engine *engine = list_entry(commit, struct engine, commit);
	engine->committing = false;
	engine->refusing = err != 0;
	if (err) {
		engine->stats.failed_us = loop_now_us(engine->options.loop);
		timer_start(&engine->retry, RETRY_US);
	} else {
		log_info(&engine->log, "store takes writes again");
	}
	if (err == -ESTALE) /* what failed is stored after all */
		reload(engine);
	wake(engine);
}

/* A commit of nothing tells whether the store works again: while it does not, memory stays. */
static void on_retry(void *arg)
{
	struct engine *engine = arg;
	if (!engine->ledger)
		reload(engine);
	if (!engine->ledger) {
		timer_start(&engine->retry, RETRY_US);
		return;
	}
	engine->committing = true;
	engine->commit = (struct store_commit){ .rows = &engine->tx.rows,
						.at_us = loop_utc_us(engine->options.loop),
						.done = on_tried };
	engine->options.store->ops->commit(engine->options.store, &engine->commit);
}

static void decide_waiting(struct engine *engine)
{
	for (int i = 0; i < ENGINE_TURN_MAX && !list_empty(&engine->waiting); i++) {
		struct engine_op *op = list_entry(engine->waiting.next, struct engine_op, link);
		list_remove(&op->link);
		engine->waiting_count--;
		list_append(&engine->turn, &op->link);
		op->decide(engine, op);
	}
}

static void refuse_waiting(struct engine *engine)
{
	struct list *link = engine->waiting.next;
	while (link != &engine->waiting) {
		struct engine_op *op = list_entry(link, struct engine_op, link);
		link = link->next;
		if (op->keep)
			continue;
		list_remove(&op->link);
		engine->waiting_count--;
		op_unavailable(op);
		list_append(&engine->turn, &op->link);
	}
	while (!list_empty(&engine->turn))
		op_answer(list_entry(engine->turn.next, struct engine_op, link));
	if (engine->ledger)
		arm_tick(engine, publish(engine));
}

static void arm_for_next(struct engine *engine, int64_t stock_due_us)
{
	const int64_t now_us = loop_now_us(engine->options.loop);
	const struct order *first = expiry_first(&engine->ledger->expiry);
	if (first) {
		const int64_t wait_us = first->expires_us - loop_utc_us(engine->options.loop);
		arm_tick(engine, now_us + (wait_us > 0 ? wait_us : 0));
	}
	arm_tick(engine, stock_due_us);
}

static void run_turn(struct engine *engine)
{
	struct loop *loop = engine->options.loop;
	transaction_begin(&engine->tx, engine->ledger, loop_utc_us(loop));
	orders_expire(&engine->tx, ENGINE_EXPIRE_MAX);
	decide_waiting(engine);
	const int64_t stock_due_us = engine_announce_stock(engine, loop_now_us(loop));
	arm_for_next(engine, stock_due_us);
	if (!transaction_seal(&engine->tx)) {
		finish_turn(engine, 0);
		return;
	}
	if (!bytes_ok(&engine->tx.rows)) {
		finish_turn(engine, -E2BIG);
		return;
	}
	engine->committing = true;
	engine->commit = (struct store_commit){ .rows = &engine->tx.rows,
						.at_us = engine->tx.now_us,
						.done = on_committed };
	engine->options.store->ops->commit(engine->options.store, &engine->commit);
}

static void on_soon(void *arg)
{
	struct engine *engine = arg;
	if (engine->committing)
		return;
	run_reads(engine);
	if (engine->ledger && !engine->refusing)
		run_turn(engine);
	else
		refuse_waiting(engine);
}

static void on_tick(void *arg)
{
	struct engine *engine = arg;
	if (engine->committing) {
		engine->overdue = true;
		return;
	}
	wake(engine);
}

int engine_create(struct engine **out, const struct engine_options *options)
{
	struct engine *engine = xcalloc(1, sizeof(*engine));
	engine->options = *options;
	log_init(&engine->log, options->log, "engine");
	list_init(&engine->waiting);
	list_init(&engine->turn);
	list_init(&engine->reads);
	transaction_init(&engine->tx);
	deferred_init(&engine->soon, on_soon, engine);
	timer_init(&engine->tick, options->loop, on_tick, engine);
	timer_init(&engine->retry, options->loop, on_retry, engine);
	const int err = load(engine);
	if (err) {
		engine_destroy(engine);
		return err == -EUCLEAN ? err : -EIO;
	}
	engine_rooms_lost(engine);
	/* Known to its owner before it tells of the rooms: that may lead to a call. */
	*out = engine;
	arm_tick(engine, publish(engine));
	wake(engine);
	return 0;
}

void engine_stats(const struct engine *engine, struct engine_stats *out)
{
	*out = engine->stats;
	out->loaded = engine->ledger != NULL;
	out->rooms = engine->ledger ? engine->ledger->rooms.count : 0;
	out->waiting = engine->waiting_count;
}

bool engine_idle(const struct engine *engine)
{
	/* While it refuses, what waits is ours and waits for the store. */
	return !engine->committing && list_empty(&engine->reads) &&
	       (engine->refusing || list_empty(&engine->waiting));
}

static void give_up(struct list *ops)
{
	while (!list_empty(ops)) {
		struct engine_op *op = list_entry(ops->next, struct engine_op, link);
		answer_finish(&op->answer);
		op_unavailable(op);
		op_answer(op);
	}
}

static void on_committed_at_end(struct store_commit *commit, int err)
{
	(void)err;
	struct engine *engine = list_entry(commit, struct engine, commit);
	engine->committing = false;
}

void engine_destroy(struct engine *engine)
{
	if (!engine)
		return;
	engine->commit.done = on_committed_at_end;
	if (engine->committing)
		engine->options.store->ops->flush(engine->options.store);
	assert(!engine->committing);
	timer_stop(&engine->tick);
	timer_stop(&engine->retry);
	deferred_cancel(&engine->soon);
	give_up(&engine->waiting);
	give_up(&engine->turn);
	give_up(&engine->reads);
	transaction_finish(&engine->tx);
	ledger_destroy(engine->ledger);
	free(engine);
}
