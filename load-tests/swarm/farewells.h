/*
 * DELETE requests of sessions that have ended: whoever leaves a WHIP or WHEP session in good order
 * says so (RFC 9725 §4.2), but does not wait. One thread.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_FAREWELLS_H
#define SOUK_LOAD_TESTS_SWARM_FAREWELLS_H

#include <stdint.h>

struct addr;
struct farewells;
struct loop;

enum { FAREWELLS_MAX = 1000 }; /* under way at once; further ones are left unsaid */

void farewells_create(struct farewells **out, struct loop *loop);
void farewells_say(struct farewells *farewells, const struct addr *server, const char *path,
		   const char *token);
/* Answers other than 2xx and 404, and requests without an answer. */
uint64_t farewells_failed(const struct farewells *farewells);
void farewells_destroy(struct farewells *farewells); /* takes NULL */

#endif
