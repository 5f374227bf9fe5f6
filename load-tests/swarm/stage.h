/*
 * What must be there before a crowd comes, made with the admin token: rooms in which guests may
 * order, and the product; then the pins of a host at work. Owner thread: the scene's loop.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_STAGE_H
#define SOUK_LOAD_TESTS_SWARM_STAGE_H

struct scene;
struct stage;

/* `set` is called once all is there (at once from the loop without an admin token). */
void stage_create(struct stage **out, struct scene *scene, void (*set)(void *arg), void *arg);
/* Pins the product in each room in turn, every --pin-every. */
void stage_pin(struct stage *stage);
void stage_destroy(struct stage *stage); /* takes NULL */

#endif
