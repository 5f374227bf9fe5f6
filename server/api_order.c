#include "server/api.h"

#include "server/control.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/write.h"

#include <string.h>

static int parse_place(struct write *write, const json_t *body, struct problem *problem)
{
	const int err = order_request_parse(&write->body.order, body, problem);
	memcpy(write->body.order.room, write->room, sizeof(write->room));
	memcpy(write->body.order.key, write->key, sizeof(write->key));
	return err;
}

static void place(struct write *write, struct engine *engine, struct engine_reply reply)
{
	engine_place_order(engine, &write->body.order, &write->caller, reply);
}

void api_order_place(struct exchange *exchange)
{
	static const struct write_kind kind = {
		.parse = parse_place, .perform = place, .keyed = true, .is_order = true
	};
	const bool guest = !strncmp(exchange->claims.sub, GUEST_PREFIX, strlen(GUEST_PREFIX));
	if (guest && !exchange->view->snapshot->settings.guest_orders)
		reply_refusal(exchange->request, 403, "forbidden",
			      "guests do not order in this room");
	else
		write_request(exchange, &kind);
}

static void list(struct write *write, struct engine *engine, struct engine_reply reply)
{
	/* A token for all rooms says with ?room= which one it means. */
	if (write->room[0])
		memcpy(write->caller.room, write->room, sizeof(write->caller.room));
	engine_list_orders(engine, &write->body.page, &write->caller, reply);
}

void api_order_list(struct exchange *exchange)
{
	static const struct write_kind kind = { .perform = list, .paged = true, .reads = true };
	char room[NAME_MAX_LEN + 1];
	bool bad = false;
	if (exchange_query(exchange, "room", room, sizeof(room), &bad)) {
		exchange->view = room_view_find(exchange->worker, room);
		if (!exchange->view)
			reply_error(exchange->request, 404, "not_found");
		else if (exchange_allowed(exchange, room, JWT_VIEWER))
			write_request(exchange, &kind);
	} else if (!bad) {
		write_request(exchange, &kind);
	}
}

static void get(struct write *write, struct engine *engine, struct engine_reply reply)
{
	engine_get_order(engine, write->name, &write->caller, reply);
}

void api_order_get(struct exchange *exchange)
{
	static const struct write_kind kind = { .perform = get, .reads = true };
	write_request(exchange, &kind);
}

static void change(struct write *write, struct engine *engine, struct engine_reply reply)
{
	write->body.change.verb = write->kind->verb;
	memcpy(write->body.change.id, write->name, sizeof(write->name));
	memcpy(write->body.change.key, write->key, sizeof(write->key));
	engine_change_order(engine, &write->body.change, &write->caller, reply);
}

void api_order_cancel(struct exchange *exchange)
{
	static const struct write_kind kind = { .perform = change,
						.look = get,
						.verb = ORDER_CANCEL,
						.empty_body = true,
						.keyed = true };
	write_request(exchange, &kind);
}
