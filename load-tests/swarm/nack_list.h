/*
 * Which packets of one stream are missing and when to ask for them (RFC 4585 §6.2.1). Holds what a
 * header tells, so it serves viewers that decrypt nothing. Zeroed is empty. One owner.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_NACK_LIST_H
#define SOUK_LOAD_TESTS_SWARM_NACK_LIST_H

#include <stdint.h>

enum {
	NACK_LIST_MAX = 128, /* more missing at once: the oldest are given up */
	NACK_LIST_DELAY_US = 5000, /* what was merely reordered needs no NACK */
	NACK_LIST_REPEAT_US = 40000,
	NACK_LIST_TIMES = 10,
};

struct nack_list {
	unsigned count;
	uint64_t asked, repaired, given_up;
	struct nack_entry {
		int64_t seq; /* unwrapped */
		int64_t due_us;
		unsigned times;
	} entries[NACK_LIST_MAX]; /* oldest first */
};

/* Packets from..to-1 did not come before `to`. */
void nack_list_miss(struct nack_list *list, int64_t from, int64_t to, int64_t now_us);
void nack_list_arrived(struct nack_list *list, int64_t seq);
/* The numbers to ask for now; they count as asked. */
unsigned nack_list_due(struct nack_list *list, int64_t now_us, uint16_t *seqs, unsigned cap);

#endif
