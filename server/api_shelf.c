#include "server/api.h"

#include "server/core/bytes.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/write.h"

enum { LIST_MAX = 1024 * 1024 };

void api_product_list(struct exchange *exchange)
{
	struct page_request page;
	if (exchange_page(exchange, &page))
		return;
	struct bytes list;
	bytes_init(&list, LIST_MAX);
	if (room_snapshot_products(exchange->view->snapshot, &page, &list))
		reply_problem(exchange->request,
			      &(struct problem_text){ .status = 400,
						      .code = "bad_request",
						      .member = "after",
						      .detail = "not on the shelf: begin again" });
	else
		reply_json_text(exchange->request, 200, bytes_string(&list), list.len);
	bytes_finish(&list);
}

static int parse_add(struct write *write, const json_t *body, struct problem *problem)
{
	return product_parse(&write->body.product, body, problem);
}

static void add(struct write *write, struct engine *engine, struct engine_reply reply)
{
	engine_add_product(engine, write->room, &write->body.product, reply);
}

void api_product_add(struct exchange *exchange)
{
	static const struct write_kind kind = { .parse = parse_add, .perform = add };
	write_request(exchange, &kind);
}

static int parse_patch(struct write *write, const json_t *body, struct problem *problem)
{
	return product_patch_parse(&write->body.product_patch, body, problem);
}

static void patch(struct write *write, struct engine *engine, struct engine_reply reply)
{
	engine_patch_product(engine, write->room, write->name, &write->body.product_patch, reply);
}

void api_product_patch(struct exchange *exchange)
{
	static const struct write_kind kind = { .parse = parse_patch, .perform = patch };
	write_request(exchange, &kind);
}

static void remove_product(struct write *write, struct engine *engine, struct engine_reply reply)
{
	engine_remove_product(engine, write->room, write->name, reply);
}

void api_product_remove(struct exchange *exchange)
{
	static const struct write_kind kind = { .perform = remove_product };
	write_request(exchange, &kind);
}

static int parse_pin(struct write *write, const json_t *body, struct problem *problem)
{
	return pin_parse(&write->body.pin, body, problem);
}

static void pin(struct write *write, struct engine *engine, struct engine_reply reply)
{
	engine_pin(engine, write->room, &write->body.pin, reply);
}

void api_pin(struct exchange *exchange)
{
	static const struct write_kind kind = { .parse = parse_pin, .perform = pin };
	write_request(exchange, &kind);
}

static void unpin(struct write *write, struct engine *engine, struct engine_reply reply)
{
	engine_unpin(engine, write->room, reply);
}

void api_unpin(struct exchange *exchange)
{
	static const struct write_kind kind = { .perform = unpin };
	write_request(exchange, &kind);
}
