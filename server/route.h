/*
 * From a request to its handler: one table of method, path, role. The checks that all routes share
 * run here in the contract's order (docs/api.md section 1.1): token 401, existence 404, role 403.
 * Handlers judge the body and the rest. Worker's thread.
 */
#ifndef SOUK_SERVER_ROUTE_H
#define SOUK_SERVER_ROUTE_H

#include "commerce/request.h"
#include "server/core/http_server.h"
#include "server/core/json.h"
#include "server/core/jwt.h"
#include "server/live.h"

#include <stdbool.h>

struct room_view;
struct worker;

/* One request on its way; lives on the stack of the dispatcher. */
struct exchange {
	struct http_request *request;
	struct worker *worker;
	const char *name; /* the path's second variable: SKU, order id, resource */
	const char *item; /* the third: what belongs to that */
	struct jwt_claims claims;
	bool identified;
	struct room_view *view; /* NULL where the route has no room */
	bool missing; /* the path's SKU is not on the shelf */
};

enum route_access {
	ROUTE_OPEN, /* nobody is asked for a token; a bad one is still refused */
	ROUTE_VIEW, /* viewer: a token only in rooms with access `token` */
	ROUTE_TOKEN, /* always a token, with the row's role in the room, if there is one */
};

struct route {
	const char *method;
	const char *path; /* "/api/rooms/{room}/products/{sku}"; {room} must exist */
	enum route_access access;
	enum jwt_role role;
	void (*handle)(struct exchange *exchange);
	bool token_in_query; /* where a header cannot be set */
};

/* The request handler of a worker's HTTP server. */
void route_request(struct http_request *request, void *arg);

/* Body cap by path: SDP is smaller than JSON. */
size_t route_body_cap(const char *method, const char *path, void *arg);

/* The JSON body, an object; an empty one counts as {} where `may_be_empty`. On a fault answers 400
 * and returns NULL. The caller drops the reference. */
json_t *exchange_json(struct exchange *exchange, bool may_be_empty);

/* Query parameter as text of at most size-1 bytes; NULL when absent. A malformed or too long one
 * answers 400 and sets *bad. */
const char *exchange_query(struct exchange *exchange, const char *name, char *out, size_t size,
			   bool *bad);

/* ?sid= of a media URL, empty when absent. False with the refusal sent. */
bool exchange_sid(struct exchange *exchange, char out[LIVE_SID_MAX + 1]);

/* A fault that a parser of commerce found. */
void exchange_problem(struct exchange *exchange, const struct problem *problem);

/* ?after= and ?limit=; -EINVAL with the fault answered. */
int exchange_page(struct exchange *exchange, struct page_request *page)
	__attribute__((warn_unused_result));

/* Whether the caller's token gives `role` in `room`; answers 401 or 403 itself if not. */
bool exchange_allowed(struct exchange *exchange, const char *room, enum jwt_role role);

#endif
