/*
 * The viewers of one kind: seats that are taken at the ramp's pace, left after a while and taken
 * again. Figures of those who left are kept. Owner thread: the scene's loop.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_CROWD_H
#define SOUK_LOAD_TESTS_SWARM_CROWD_H

#include "load-tests/swarm/viewer.h"

struct crowd;

struct crowd_options {
	struct scene *scene;
	const struct viewer_ops *ops;
	size_t seats;
	size_t decrypt; /* of them: the first, spread over the ramp as it comes */
	const struct target *targets;
	size_t target_count;
};

void crowd_create(struct crowd **out, const struct crowd_options *options);

size_t crowd_seats(const struct crowd *crowd);
size_t crowd_begun(const struct crowd *crowd); /* seats taken for the first time */
/* Lets the next one in. */
void crowd_admit(struct crowd *crowd);

/* Once a second: figures of the second, seats of those who ended. */
void crowd_second(struct crowd *crowd);
/* All who were and are here. */
void crowd_figures(const struct crowd *crowd, struct viewer_figures *out);
/* Of each viewer that decrypts, in turn: `*at` starts at 0; false at the end. */
bool crowd_proof(const struct crowd *crowd, size_t *at, struct viewer_proof *cheap,
		 struct viewer_proof *full);
/* Nobody comes or goes from now on. */
void crowd_stop(struct crowd *crowd);
uint64_t crowd_left(const struct crowd *crowd); /* by their own will */
uint64_t crowd_vanished(const struct crowd *crowd); /* of them without a word */

void crowd_destroy(struct crowd *crowd); /* takes NULL */

#endif
