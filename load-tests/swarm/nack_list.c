#include "load-tests/swarm/nack_list.h"

#include <string.h>

static void remove_at(struct nack_list *list, unsigned at)
{
	list->count--;
	memmove(&list->entries[at], &list->entries[at + 1],
		(list->count - at) * sizeof(list->entries[0]));
}

void nack_list_miss(struct nack_list *list, int64_t from, int64_t to, int64_t now_us)
{
	if (to - from > NACK_LIST_MAX) {
		list->given_up += (uint64_t)(to - from - NACK_LIST_MAX);
		from = to - NACK_LIST_MAX;
	}
	for (int64_t seq = from; seq < to; seq++) {
		if (list->count == NACK_LIST_MAX) {
			list->given_up++;
			remove_at(list, 0);
		}
		list->entries[list->count++] = (struct nack_entry){
			.seq = seq,
			.due_us = now_us + NACK_LIST_DELAY_US,
		};
	}
}

void nack_list_arrived(struct nack_list *list, int64_t seq)
{
	for (unsigned i = 0; i < list->count; i++) {
		if (list->entries[i].seq != seq)
			continue;
		list->repaired += list->entries[i].times > 0;
		remove_at(list, i);
		return;
	}
}

unsigned nack_list_due(struct nack_list *list, int64_t now_us, uint16_t *seqs, unsigned cap)
{
	unsigned due = 0;
	for (unsigned i = 0; i < list->count && due < cap;) {
		struct nack_entry *entry = &list->entries[i];
		if (entry->times == NACK_LIST_TIMES && entry->due_us <= now_us) {
			list->given_up++;
			remove_at(list, i);
			continue;
		}
		if (entry->due_us <= now_us) {
			seqs[due++] = (uint16_t)entry->seq;
			entry->times++;
			entry->due_us = now_us + NACK_LIST_REPEAT_US;
		}
		i++;
	}
	list->asked += due;
	return due;
}
