/*
 * A WebSocket of the live channel (docs/api.md section 5.1): upgrade with subprotocol souk.v1,
 * text messages both ways, pings answered. Owner thread: the loop's.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_WS_CLIENT_H
#define SOUK_LOAD_TESTS_SWARM_WS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct addr;
struct loop;
struct ws_client;

struct ws_client_ops {
	void (*opened)(void *arg);
	void (*message)(void *arg, const char *text, size_t len);
	/* Never opened, or over: `why` for people. Once. */
	void (*ended)(void *arg, const char *why);
};

/* Begins at once. `server` and `ops` must outlive it. `reset`: its end will be a TCP reset. */
struct ws_client_options {
	const struct addr *server;
	const char *room;
	const char *token; /* NULL: none */
	bool reset;
	const struct ws_client_ops *ops;
	void *arg;
};
void ws_client_create(struct ws_client **out, struct loop *loop,
		      const struct ws_client_options *options);

/* -ENOTCONN before it is open. */
int ws_client_send(struct ws_client *client, const char *text, size_t len)
	__attribute__((warn_unused_result));

/* Says goodbye unless it is to be reset, and closes; no callback follows. Not inside one. Takes
 * NULL. */
void ws_client_destroy(struct ws_client *client);

#endif
