/*
 * What all threads share, and how the threads are made, started and ended. Members are set by
 * app_create() and do not change while the workers run, unless it is said otherwise. The functions
 * belong to the control thread, which is the one that calls app_create() and runs `loop`.
 */
#ifndef SOUK_SERVER_APP_H
#define SOUK_SERVER_APP_H

#include "server/config.h"
#include "server/core/clock.h"
#include "server/core/jwt.h"
#include "server/core/log.h"
#include "server/counters.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct control;
struct dtls_context;
struct files;
struct loop;
struct metrics;
struct mqueue;
struct recorder;
struct replay_desk;
struct tls_context;
struct worker;

enum { APP_WORKERS_MAX = 64, APP_ADDRESSES_MAX = 16 };

struct app {
	struct config config;
	struct clock clock;
	struct logger *logger;
	struct log log;
	struct metrics *metrics;
	struct counters counters; /* any thread counts */
	uint8_t jwt_key[JWT_KEY_SIZE];
	struct jwt_keys *jwt_keys;
	struct tls_context *tls; /* the newest; control thread. NULL without https and rtmps */
	struct tls_context *relay_tls; /* whom relays trust */
	struct dtls_context *dtls;
	struct files *files; /* web apps and images */
	struct recorder *recorder; /* any thread */
	struct replay_desk *replay; /* any thread */
	/* What ICE candidates name, ports not yet set. */
	struct addr addresses[APP_ADDRESSES_MAX];
	unsigned address_count;

	struct loop *loop; /* of the control thread */
	struct mqueue *control_queue;
	struct control *control; /* control thread only */
	struct worker *workers[APP_WORKERS_MAX];
	unsigned worker_count;

	_Atomic uint64_t next_id; /* publishers, channels */
	atomic_uint calls; /* of workers to control, on their way there or back */
	/* Packets and messages of data channels that wait for control: their own cap, so that calls
	 * find room in the queue. */
	atomic_uint channel_notes;
	atomic_bool draining;
};

/* Opens and loads everything; nothing runs yet. `config` has been filled. app_destroy() in every
 * case. The reason of an error is in the log. */
int app_create(struct app *app) __attribute__((warn_unused_result));

/* Starts the workers. */
int app_start(struct app *app) __attribute__((warn_unused_result));

/* Any thread. Never 0. */
uint64_t app_next_id(struct app *app);

/* Reads the configuration file again: --log-level is taken from it, what else changed is told; and
 * the certificate: connections from now on use it. */
void app_reload(struct app *app);

/* No new connections; who is connected is told. */
void app_drain(struct app *app);

/* All that was asked is answered: the process may end. */
bool app_settled(const struct app *app);

/* Ends the workers, then everything else. */
void app_destroy(struct app *app);

#endif
