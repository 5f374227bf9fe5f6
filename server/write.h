/*
 * A request that only the engine may answer: carried to control, and its answer brought back to the
 * HTTP request, or to the buyer's live sessions. Worker's thread.
 */
#ifndef SOUK_SERVER_WRITE_H
#define SOUK_SERVER_WRITE_H

#include "commerce/engine.h"
#include "server/call.h"

struct exchange;
struct http_request;
struct live;

struct write;

/* What sets one request apart from another. */
struct write_kind {
	/* Body to `write->body`; -EINVAL with the problem. NULL: there is no body. */
	int (*parse)(struct write *write, const json_t *body, struct problem *problem);
	/* Calls one verb of the engine. Control thread. */
	void (*perform)(struct write *write, struct engine *engine, struct engine_reply reply);
	/* Answers 404 where `perform` would, else 200: comes before a bad key is told (docs/api.md
	 * section 1.1). NULL: what the path names is known to exist. Control thread. */
	void (*look)(struct write *write, struct engine *engine, struct engine_reply reply);
	enum order_verb verb; /* of changes of an order */
	bool empty_body; /* nothing counts as {} */
	bool paged; /* ?after= and ?limit= into body.page */
	bool reads; /* changes nothing, and so has to make room for what does */
	bool keyed; /* Idempotency-Key is required */
	bool is_order; /* counts against the order budget of the caller */
};

struct write {
	struct call call;
	struct http_request *request; /* NULL once the client has gone */
	const struct write_kind *kind;
	struct caller caller;
	char room[NAME_MAX_LEN + 1];
	char name[NAME_MAX_LEN + 1]; /* SKU or order id from the path */
	char key[NAME_MAX_LEN + 1];
	union {
		struct room_request room;
		struct room_patch room_patch;
		struct product_request product;
		struct product_patch product_patch;
		struct pin_request pin;
		struct order_request order;
		struct order_change change;
		struct page_request page;
	} body;
	struct problem fault; /* of the key, told if `look` finds something; no code: none */
	struct answer answer;
};

/* Reads what the kind wants of the request, then carries it to the engine; or answers the fault. */
void write_request(struct exchange *exchange, const struct write_kind *kind);

/* `order.place` of a live session, whose result goes to all sessions of its subject. -ENOBUFS. */
int write_live_order(struct live *live, const struct order_request *request)
	__attribute__((warn_unused_result));

#endif
