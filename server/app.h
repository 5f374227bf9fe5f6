/*
 * The process: what all threads share and how they are started and ended. Members are set before
 * the workers start and do not change afterwards, unless it is said otherwise.
 */
#ifndef SOUK_SERVER_APP_H
#define SOUK_SERVER_APP_H

#include "server/config.h"
#include "server/core/clock.h"
#include "server/core/jwt.h"
#include "server/core/log.h"

#include <stdatomic.h>
#include <stdint.h>

struct control;
struct dtls_context;
struct files;
struct loop;
struct metrics;
struct mqueue;
struct tls_context;
struct worker;

enum { APP_WORKERS_MAX = 64, APP_ADDRESSES_MAX = 16 };

struct app {
	struct config config;
	struct clock clock;
	struct logger *logger;
	struct log log;
	struct metrics *metrics;
	uint8_t jwt_key[JWT_KEY_SIZE];
	struct jwt_keys *jwt_keys;
	struct tls_context *tls; /* as read at start; NULL without https */
	struct dtls_context *dtls;
	struct files *files; /* web apps and images */
	/* What ICE candidates name, ports not yet set. */
	struct addr addresses[APP_ADDRESSES_MAX];
	unsigned address_count;

	struct loop *loop; /* of the control thread, which is the one that runs main() */
	struct mqueue *control_queue;
	struct control *control; /* control thread only */
	struct worker *workers[APP_WORKERS_MAX];
	unsigned worker_count;

	_Atomic uint64_t next_id; /* publishers, channels */
	atomic_bool draining;
};

/* Any thread. Never 0. */
uint64_t app_next_id(struct app *app);

/* Starts everything, prints the `ready` line, serves until SIGTERM or SIGINT, ends everything. The
 * exit status of the process. */
int app_run(struct app *app);

#endif
