/*
 * A worker: one thread, one loop, its own listeners on the shared ports, one UDP port, and
 * everything that its viewers need. Members belong to the worker's thread unless it is said
 * otherwise.
 */
#ifndef SOUK_SERVER_WORKER_H
#define SOUK_SERVER_WORKER_H

#include "server/app.h"
#include "server/auth.h"
#include "server/core/list.h"
#include "server/core/loop.h"
#include "server/core/map.h"

#include <pthread.h>
#include <stdatomic.h>

struct fanout;
struct http_server;
struct listener;
struct tls_context;
struct udp_port;

enum {
	WORKER_QUEUE_MAX = 65536, /* messages from control */
	WORKER_TICK_US = 20000, /* greetings */
	WORKER_RTC_TICK_US = 5000, /* reports, paced joins, waiting sound, repeats */
	WORKER_SECOND_US = 1000000,
	WORKER_CLOCK_S = 5, /* `clock` messages */
};

struct worker {
	struct app *app;
	unsigned index;
	pthread_t thread;
	struct loop *loop;
	struct mqueue *queue; /* pushed to by any thread */
	struct log log;
	struct http_server *http;
	struct listener *http_listener, *https_listener, *rtmp_listener;
	struct tls_context *tls;
	struct udp_port *udp;
	struct fanout *fanout;
	struct auth_cache auth;
	struct map rooms; // id -> struct room_view
	struct map rtc_sessions; // resource id -> struct rtc_session
	struct map channels; // id -> struct live_channel
	struct list rtc; // rtc_session.link
	struct list flv; // flv_viewer.link
	struct list rtmp; // rtmp_publisher.link
	struct list sockets; // live_socket.link
	struct timer tick;
	struct timer second;
	unsigned seconds;
	atomic_uint viewers; /* media sessions; read by all workers to choose the least loaded */
};

/* Makes loop and queue and opens the sockets with ports from the options; for workers after the
 * first the addresses are those the first one got. */
int worker_create(struct worker **out, struct app *app, unsigned index)
	__attribute__((warn_unused_result));
int worker_start(struct worker *worker) __attribute__((warn_unused_result));

/* Any thread: no new connections; live sessions are told to come again. */
void worker_drain(struct worker *worker);

/* Any thread: connections from now on use this certificate. */
void worker_set_tls(struct worker *worker, struct tls_context *tls);

/* Ends the thread and what is connected to it. Control's thread. */
void worker_stop(struct worker *worker);

/* What is left of a stopped one, or of one that was never started. Takes NULL. */
void worker_destroy(struct worker *worker);

/* UTC seconds, as tokens count. */
int64_t worker_now_s(const struct worker *worker);

#endif
