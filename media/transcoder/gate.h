/*
 * As many encoders at work at a time as there are processors, in the order in which their pictures
 * were handed out. More would only take turns, and all be ready late instead of one. Tickets are
 * given out by the decoding thread; lanes enter and leave on theirs.
 */
#ifndef SOUK_MEDIA_TRANSCODER_GATE_H
#define SOUK_MEDIA_TRANSCODER_GATE_H

#include <pthread.h>
#include <stdint.h>

struct gate {
	uint64_t given; /* tickets; the owner's */
	/* Guarded by the lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t left;
	unsigned width;
};

void gate_init(struct gate *gate, unsigned width);

/* Everyone who has a ticket comes, and leaves. */
uint64_t gate_ticket(struct gate *gate);

void gate_enter(struct gate *gate, uint64_t ticket);
void gate_leave(struct gate *gate);

void gate_finish(struct gate *gate);

#endif
