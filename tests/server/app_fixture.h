/*
 * A whole server in one thread: control and workers as in the process, but their loops are turned
 * by the test. Time is the machine's and what the test adds to it.
 */
#ifndef SOUK_TESTS_APP_FIXTURE_H
#define SOUK_TESTS_APP_FIXTURE_H

#include "server/app.h"
#include "server/live.h"
#include "server/room_view.h"
#include "server/worker.h"
#include "tests/support/loopback_client.h"

#include <stdbool.h>
#include <stdint.h>

struct app_fixture {
	struct app app;
	struct worker *worker; /* the first one */
	char dir[64];
	/* The last reply. */
	int status;
	char *head, *body;
};

/* With a room `demo` that sells A1, 100 pieces at 199.00. */
void app_fixture_start(struct app_fixture *f, const char *workers);
void app_fixture_stop(struct app_fixture *f);

/* Some turns of all loops. */
void app_fixture_turn(struct app_fixture *f);
/* Until control and workers have nothing to say to each other. */
void app_fixture_settle(struct app_fixture *f);
/* The time goes on, and everybody notices. */
void app_fixture_advance(struct app_fixture *f, int64_t by_us);

/* A token for the room, from now on for a minute; lives until the next call. */
const char *app_fixture_token(struct app_fixture *f, const char *room, enum jwt_role role,
			      const char *sub);

/* One request on a connection of its own; `fields` are complete lines. Returns the status. */
int app_fixture_request(struct app_fixture *f, const char *method, const char *path,
			const char *fields, const char *body);
/* The same with the token of a host of `demo`. */
int app_fixture_host(struct app_fixture *f, const char *method, const char *path, const char *body);
bool head_has(const struct app_fixture *f, const char *text);
bool body_has(const struct app_fixture *f, const char *text);

/* A live session whose carrier keeps what it is given. */
enum { CARRIER_TEXTS = 512 };
struct fake_carrier {
	struct live live;
	char *texts[CARRIER_TEXTS];
	size_t count;
	int answer; /* of send() */
	int code; /* of end(); 0: goes on */
	char reason[128];
};
void fake_carrier_open(struct fake_carrier *carrier, struct room_view *view, const char *sub);
void fake_carrier_receive(struct fake_carrier *carrier, const char *text);
/* How often it stands in what came. */
size_t fake_carrier_saw(const struct fake_carrier *carrier, const char *text);
void fake_carrier_forget(struct fake_carrier *carrier);
void fake_carrier_close(struct fake_carrier *carrier);

#endif
