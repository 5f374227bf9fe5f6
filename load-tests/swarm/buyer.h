/*
 * One buyer and the carrier that takes its orders to the server: HTTP, WebSocket or data channel.
 * The carrier says when it is ready, answered, or lost; the buyer decides what is sent again. Owner
 * thread: the scene's loop.
 */
#ifndef SOUK_LOAD_TESTS_SWARM_BUYER_H
#define SOUK_LOAD_TESTS_SWARM_BUYER_H

#include "load-tests/swarm/scene.h"
#include "server/core/bytes.h"
#include "server/core/list.h"

enum { BUYER_KEY_MAX = 64, BUYER_AGAIN_US = 100000 /* a restarting server is asked so often */ };

struct buyer;
struct buyers;
struct http_client;

struct buyer_carrier {
	/* The buyer has its token. buyer_ready() follows, perhaps from inside. */
	void *(*create)(struct buyer *buyer);
	/* One order at a time; an answer or a loss follows, never from inside. False: it could not
	 * be sent. */
	bool (*send)(void *carrier, const struct buyer *buyer);
	void (*destroy)(void *carrier);
};

extern const struct buyer_carrier buyer_http, buyer_ws, buyer_dc;

struct buyer {
	struct list link; // buyers.idle
	struct buyers *buyers;
	struct scene *scene;
	const struct buyer_carrier *ops;
	void *carrier; /* NULL: no token yet */
	struct place place;
	char *room, *token;
	struct http_client *guest; /* asks for the token */
	struct bytes answer; /* of the guest request */
	struct timer retry;
	bool ready, was_ready, ordering;
	int64_t due_us;
	char key[BUYER_KEY_MAX];
};

struct order_answer {
	int status;
	bool replayed;
	const char *id; /* of the order; NULL: none */
	const char *detail; /* for people */
};

/* What a carrier tells. */
void buyer_ready(struct buyer *buyer);
void buyer_answered(struct buyer *buyer, const struct order_answer *answer);
/* No way to order until buyer_ready() comes again; an order under way has an unknown outcome. */
void buyer_lost(struct buyer *buyer);

/* The order as a JSON object's members, without braces: what all carriers send. */
const char *buyers_order(const struct buyers *buyers);

/* Looks for this buyer's `order.result` in live messages and tells it. */
void buyer_read_messages(struct buyer *buyer, const char *text, size_t len);
/* `order.place` of the order under way; the caller frees it. */
char *buyer_place_message(const struct buyer *buyer);

#endif
