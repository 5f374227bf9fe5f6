/*
 * A worker: one thread, one loop, its own listeners on the shared ports, one UDP port, and
 * everything that its viewers need. Members belong to the worker's thread unless it is said
 * otherwise.
 */
#ifndef SOUK_SERVER_WORKER_H
#define SOUK_SERVER_WORKER_H

#include "server/admission.h"
#include "server/app.h"
#include "server/auth.h"
#include "server/core/list.h"
#include "server/core/loop.h"
#include "server/core/map.h"
#include "server/gauges.h"
#include "server/whep_quality.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct fanout;
struct page_share;
struct http_server;
struct listener;
struct rate_limit;
struct resolver;
struct tls_context;
struct transcode_pool;
struct udp_port;

enum {
	WORKER_QUEUE_MAX = 65536, /* messages from control */
	WORKER_GREET_US =
		20000, /* how soon after its first frame an FLV reader is told the state */
	WORKER_CLOCK_US = 200000, /* how soon a clock that went astray is told */
	WORKER_SECOND_US = 1000000,
	WORKER_REPORT_S = 10, /* viewers are told again, whatever was lost */
	WORKER_SOCKETS_MAX = 20000, /* WebSockets: 503 */
	/* Connections; beyond, the oldest that does not publish goes, or else the newest. */
	WORKER_RTMP_MAX = 1000,
	/* Descriptors that clients do not get: the store, health, recordings, transcoders. 503. */
	WORKER_DESCRIPTORS_SPARE = 128,
	WORKER_READS_MAX = 256, /* reads under way on control: 503, so that orders have room */
};

struct worker {
	struct app *app;
	unsigned index;
	pthread_t thread;
	bool started; /* control's thread */
	struct loop *loop;
	struct mqueue *queue; /* pushed to by any thread */
	struct log log;
	struct http_server *http;
	struct listener *http_listener, *https_listener, *rtmp_listener, *rtmps_listener;
	struct tls_context *tls;
	struct udp_port *udp;
	struct fanout *fanout;
	struct page_share *pages; /* of FLV viewers */
	struct rate_limit *guests; /* by address; NULL: without limit */
	struct resolver *resolver; /* NULL: nothing was asked yet */
	struct transcode_pool *transcoders; /* NULL: no room has its home here yet */
	struct auth_cache auth;
	struct map rooms; // id -> struct room_view
	struct map rtc_sessions; // resource id -> struct rtc_session
	struct map channels; // id -> struct live_channel
	struct map costs; // room id -> struct room_cost
	struct list rtc; // rtc_session.link
	struct list rtc_pacing; // rtc_session.pacing
	struct list whep_streams; // whep_stream.all
	struct map whep_readers; // number -> struct whep_reader
	struct list flv; // flv_viewer.link
	struct list flv_new; // flv_viewer.link: not yet told the room's state
	struct list rtmp; // rtmp_publisher.link
	struct list sockets; // live_socket.link
	struct list stills; // still_home.link: rooms with a child for stills
	int64_t still_us; /* when the last such child began */
	unsigned rtmp_count, socket_count;
	unsigned reads; /* under way on control */
	size_t replay_bytes; /* of recordings, on their way to clients */
	struct map replay_clients; // by address: struct replay_client
	struct timer greet; /* while flv_new has any */
	struct timer pace; /* while rtc_pacing has any */
	struct timer clocks;
	struct timer second;
	unsigned seconds;
	struct admission admission;
	int64_t joins_us; /* spent on requests of sessions so far */
	struct worker_gauges gauges;
	struct whep_quality whep_left; /* of viewers who are no longer there */
	unsigned hls_viewers; /* players of the rooms whose home is here */
	atomic_uint viewers; /* media sessions; read by all workers to choose the least loaded */
	_Atomic int64_t seen_us; /* when the loop was last seen turning; read by control */
};

/* Makes loop and queue and opens the sockets with ports from the options; for workers after the
 * first the addresses are those the first one got. */
int worker_create(struct worker **out, struct app *app, unsigned index)
	__attribute__((warn_unused_result));
int worker_start(struct worker *worker) __attribute__((warn_unused_result));

/* Whether one more viewer has room here; a refusal is counted. */
bool worker_admits(const struct worker *worker) __attribute__((warn_unused_result));

/* What the thread does before and after its loop; for who turns the loop without one. */
void worker_open(struct worker *worker);
void worker_close(struct worker *worker);

/* Any thread: no new connections; live sessions are told to come again, encoders too. */
void worker_drain(struct worker *worker);

/* Any thread: connections from now on use this certificate. */
void worker_set_tls(struct worker *worker, struct tls_context *tls);

/* Ends the thread, if it was started, and what is connected to it. Control's thread. */
void worker_stop(struct worker *worker);

/* What is left of a stopped one, or of one that was never started. Takes NULL. */
void worker_destroy(struct worker *worker);

/* Names of other servers; NULL when there is no memory for it. */
struct resolver *worker_resolver(struct worker *worker);

/* UTC seconds, as tokens count. */
int64_t worker_now_s(const struct worker *worker);

#endif
