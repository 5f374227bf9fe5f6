#include "media/rtp/rtp_reorder.h"

#include <stdlib.h>
#include <string.h>

void rtp_reorder_init(struct rtp_reorder *reorder, bool repeated, rtp_unit_fn deliver, void *arg)
{
	memset(reorder, 0, sizeof(*reorder));
	reorder->repeated = repeated;
	reorder->deliver = deliver;
	reorder->arg = arg;
	reorder->repair_us = -1;
}

static struct reorder_slot *slot_of(struct rtp_reorder *reorder, int64_t seq)
{
	return &reorder->slots[(uint64_t)seq % REORDER_WINDOW];
}

static void free_slot(struct reorder_slot *slot)
{
	free(slot->data);
	slot->data = NULL;
	slot->state = SLOT_FREE;
}

void rtp_reorder_finish(struct rtp_reorder *reorder)
{
	for (unsigned i = 0; i < REORDER_WINDOW; i++)
		free_slot(&reorder->slots[i]);
}

static void deliver(struct rtp_reorder *reorder, const struct rtp_unit *unit)
{
	struct rtp_unit copy = *unit;
	copy.after_loss = reorder->lost;
	reorder->lost = false;
	reorder->deliver(reorder->arg, &copy);
}

/* Delivers what is next in order, as far as it is there. */
static void drain(struct rtp_reorder *reorder)
{
	while (reorder->next <= reorder->highest) {
		struct reorder_slot *slot = slot_of(reorder, reorder->next);
		if (slot->state != SLOT_HELD)
			return;
		deliver(reorder, &slot->unit);
		free_slot(slot);
		reorder->next++;
	}
}

static void give_up_next(struct rtp_reorder *reorder)
{
	free_slot(slot_of(reorder, reorder->next));
	reorder->missing--;
	reorder->given_up++;
	reorder->lost = true;
	reorder->next++;
}

static void restart(struct rtp_reorder *reorder, uint16_t seq)
{
	reorder->lost = reorder->started;
	rtp_reorder_finish(reorder);
	reorder->missing = 0;
	reorder->started = true;
	reorder->stray = false;
	reorder->next = seq;
	reorder->highest = reorder->next - 1;
}

/* Far from everything expected: the second in a row is believed. */
static bool believe(struct rtp_reorder *reorder, uint16_t seq)
{
	const bool follows = reorder->stray && seq == (uint16_t)(reorder->stray_seq + 1);
	reorder->stray = true;
	reorder->stray_seq = seq;
	return follows;
}

static bool hold(struct rtp_reorder *reorder, int64_t seq, const struct rtp_unit *unit)
{
	struct reorder_slot *slot = slot_of(reorder, seq);
	uint8_t *data = malloc(unit->len ? unit->len : 1);
	if (!data)
		return false; /* as if lost on the way */
	if (unit->len)
		memcpy(data, unit->data, unit->len);
	slot->data = data;
	slot->unit = *unit;
	slot->unit.data = data;
	slot->state = SLOT_HELD;
	return true;
}

static void note_gap(struct rtp_reorder *reorder, int64_t to, int64_t now_us)
{
	for (int64_t seq = reorder->highest + 1; seq < to; seq++) {
		*slot_of(reorder, seq) =
			(struct reorder_slot){ .state = SLOT_MISSING, .since_us = now_us };
		reorder->missing++;
	}
}

static void note_repair(struct rtp_reorder *reorder, const struct reorder_slot *slot,
			int64_t now_us)
{
	reorder->missing--;
	if (slot->times == 1) /* later ones could answer any of the NACKs */
		reorder->repair_us = now_us - slot->asked_us;
}

enum reorder_result rtp_reorder_push(struct rtp_reorder *reorder, uint16_t seq,
				     const struct rtp_unit *unit)
{
	if (!reorder->started)
		restart(reorder, seq);
	int64_t full = reorder->next + (int16_t)(uint16_t)(seq - (uint16_t)reorder->next);
	if (full >= reorder->next + REORDER_WINDOW || full < reorder->next - REORDER_WINDOW) {
		if (!believe(reorder, seq))
			return REORDER_STRAY;
		restart(reorder, seq);
		full = reorder->next;
	}
	reorder->stray = false;
	if (full < reorder->next)
		return REORDER_LATE;

	enum reorder_result result = REORDER_NEW;
	if (full <= reorder->highest) {
		struct reorder_slot *slot = slot_of(reorder, full);
		if (slot->state == SLOT_HELD)
			return REORDER_DUPLICATE;
		if (slot->times > 0)
			result = REORDER_FILLED;
		note_repair(reorder, slot, unit->arrival_us);
		slot->state = SLOT_FREE;
	} else {
		note_gap(reorder, full, unit->arrival_us);
		reorder->highest = full;
	}
	if (full == reorder->next) {
		deliver(reorder, unit);
		reorder->next++;
		drain(reorder);
	} else if (!hold(reorder, full, unit)) {
		slot_of(reorder, full)->state = SLOT_MISSING;
		slot_of(reorder, full)->since_us = unit->arrival_us;
		reorder->missing++;
	}
	return result;
}

unsigned rtp_reorder_nacks(struct rtp_reorder *reorder, int64_t now_us, int64_t rtt_us,
			   uint16_t *seqs, unsigned cap)
{
	if (reorder->missing == 0 || !reorder->repeated)
		return 0;
	int64_t repeat_us = rtt_us + rtt_us / 4;
	if (repeat_us < NACK_REPEAT_MIN_US)
		repeat_us = NACK_REPEAT_MIN_US;
	unsigned count = 0;
	for (int64_t seq = reorder->next; seq <= reorder->highest && count < cap; seq++) {
		struct reorder_slot *slot = slot_of(reorder, seq);
		if (slot->state != SLOT_MISSING || slot->times >= NACK_TIMES_MAX)
			continue;
		const bool due = slot->times == 0 ? now_us - slot->since_us >= NACK_DELAY_US
						  : now_us - slot->asked_us >= repeat_us;
		if (!due)
			continue;
		slot->times++;
		slot->asked_us = now_us;
		seqs[count++] = (uint16_t)seq;
	}
	return count;
}

void rtp_reorder_expire(struct rtp_reorder *reorder, int64_t now_us, int64_t rtt_us)
{
	int64_t patience_us = 4 * rtt_us;
	if (patience_us < GIVE_UP_MIN_US)
		patience_us = GIVE_UP_MIN_US;
	if (patience_us > GIVE_UP_MAX_US)
		patience_us = GIVE_UP_MAX_US;
	if (!reorder->repeated)
		patience_us = GIVE_UP_UNREPEATED_US;
	while (reorder->missing > 0 && reorder->next <= reorder->highest) {
		const struct reorder_slot *slot = slot_of(reorder, reorder->next);
		if (now_us - slot->since_us < patience_us)
			return;
		give_up_next(reorder);
		drain(reorder);
	}
}
