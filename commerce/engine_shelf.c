/* Verbs on the shelf: add, change, remove, pin; and the stock that is told while it sells. */
#include "commerce/engine_turn.h"
#include "commerce/room.h"
#include "commerce/shelf.h"
#include "server/core/buf.h"
#include "server/core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* At most ten a second for one SKU (design section 5). */
#define STOCK_EVENT_US INT64_C(100000)
/* A card may be announced this long before its frame. */
#define PIN_AHEAD_US INT64_C(3600000000)

static json_t *sku_json(const struct product *product)
{
	json_t *data = json_object();
	json_object_set_new(data, "sku", json_string(product->sku));
	return data;
}

static json_t *card_json(const struct product *product)
{
	const struct price_rev *rev = product_price(product);
	json_t *data = sku_json(product);
	json_object_set_new(data, "title", json_string(product->title));
	json_object_set_new(data, "image",
			    product->image[0] ? json_string(product->image) : json_null());
	json_object_set_new(data, "price", price_json(&rev->price, rev->rev));
	json_object_set_new(data, "left", json_integer(product->left));
	return data;
}

static struct buf *event(struct engine *engine, struct room *room, const char *type, json_t *data)
{
	room->urgent = true;
	return timeline_append(&engine->tx, room, type, engine->tx.now_us, data);
}

static struct product *op_product(struct engine *engine, struct engine_op *op, const char *member)
{
	struct room *room = engine_op_room(engine, op);
	struct product *product = room ? room_product(room, op->name) : NULL;
	if (room && !product)
		engine_refuse(op, 404, "not_found", member, "no such product");
	return product;
}

static void give_text(struct answer *answer, int status, const struct buf *text)
{
	answer->status = status;
	answer->body = strndup((const char *)text->data, text->len);
	answer->body_len = text->len;
	if (!answer->body)
		abort();
}

/* Old price revisions must not come to mean another price. */
static int64_t last_rev(const struct room *room, const char *sku)
{
	int64_t rev = 0;
	list_for_each (link, &room->products) {
		const struct product *product = list_entry(link, struct product, link);
		if (strcmp(product->sku, sku) == 0 && product_price(product)->rev > rev)
			rev = product_price(product)->rev;
	}
	return rev;
}

static void decide_add(struct engine *engine, struct engine_op *op)
{
	struct room *room = engine_op_room(engine, op);
	if (!room)
		return;
	if (room_product(room, op->add_product.sku)) {
		engine_refuse(op, 409, "exists", NULL, "there is a product of this SKU");
		return;
	}
	if (room->shelf.count >= ROOM_PRODUCTS_MAX) {
		engine_refuse(op, 409, "limit_reached", NULL, "at most 500 products in a room");
		return;
	}
	if (!engine_op_events(engine, op, room, 1))
		return;
	struct product *product = product_create(&engine->tx, room, &op->add_product,
						 last_rev(room, op->add_product.sku));
	map_set_str(&room->shelf, product->sku, product);
	event(engine, room, "product.add", product_json(product));
	give_text(&op->answer, 201, product_rendering(product));
	snprintf(op->answer.location, sizeof(op->answer.location), "/api/rooms/%s/products/%s",
		 room->id, product->sku);
}

void engine_add_product(struct engine *engine, const char *room,
			const struct product_request *request, struct engine_reply reply)
{
	struct engine_op *op = engine_op_new(decide_add, room, reply);
	op->add_product = *request;
	engine_write(engine, op);
}

static void patch_card(struct product *product, const struct product_patch *patch)
{
	if (patch->has_title)
		memcpy(product->title, patch->title, sizeof(product->title));
	if (patch->has_image)
		memcpy(product->image, patch->image, sizeof(product->image));
	if (patch->has_limit)
		product->limit = patch->limit;
}

static void decide_patch(struct engine *engine, struct engine_op *op)
{
	const struct product_patch *patch = &op->patch_product;
	struct product *product = op_product(engine, op, NULL);
	if (!product)
		return;
	struct room *room = product->room;
	if (product->left + patch->restock < 0) {
		engine_refuse(op, 409, "bad_state", "restock", "more than is left");
		return;
	}
	if (patch->restock > 0 &&
	    product->initial + product->restocked + patch->restock > STOCK_MAX) {
		engine_refuse(op, 409, "bad_state", "restock", "a stock ends at 10^9");
		return;
	}
	const bool card = patch->has_title || patch->has_image || patch->has_limit;
	if (!engine_op_events(engine, op, room, (unsigned)card + patch->has_price))
		return;
	if (patch->restock)
		product_move(&engine->tx, product, MOVEMENT_RESTOCK, patch->restock, NULL);
	const bool repriced =
		patch->has_price && product_set_price(&engine->tx, product, &patch->price);
	if (card) {
		patch_card(product, patch);
		transaction_product(&engine->tx, product);
		event(engine, room, "product.update", product_json(product));
	}
	if (repriced) {
		const struct price_rev *rev = product_price(product);
		json_t *data = sku_json(product);
		json_object_set_new(data, "price", price_json(&rev->price, rev->rev));
		event(engine, room, "price", data);
	}
	room->urgent = true;
	give_text(&op->answer, 200, product_rendering(product));
}

void engine_patch_product(struct engine *engine, const char *room, const char *sku,
			  const struct product_patch *patch, struct engine_reply reply)
{
	struct engine_op *op = engine_op_new(decide_patch, room, reply);
	snprintf(op->name, sizeof(op->name), "%s", sku);
	op->patch_product = *patch;
	engine_write(engine, op);
}

static void unpin(struct engine *engine, struct room *room)
{
	json_t *data = sku_json(room->pinned);
	room->pinned = NULL;
	event(engine, room, "product.unpin", data);
}

static void decide_remove(struct engine *engine, struct engine_op *op)
{
	struct product *product = op_product(engine, op, NULL);
	if (!product ||
	    !engine_op_events(engine, op, product->room, product->room->pinned == product ? 2 : 1))
		return;
	struct room *room = product->room;
	if (room->pinned == product)
		unpin(engine, room);
	product->removed = true;
	map_remove_str(&room->shelf, product->sku);
	list_remove(&product->announce);
	transaction_product(&engine->tx, product);
	event(engine, room, "product.remove", sku_json(product));
	answer_give(&op->answer, 204, NULL);
}

void engine_remove_product(struct engine *engine, const char *room, const char *sku,
			   struct engine_reply reply)
{
	struct engine_op *op = engine_op_new(decide_remove, room, reply);
	snprintf(op->name, sizeof(op->name), "%s", sku);
	engine_write(engine, op);
}

static void decide_pin(struct engine *engine, struct engine_op *op)
{
	const int64_t now_us = engine->tx.now_us;
	struct product *product = op_product(engine, op, "sku");
	if (!product)
		return;
	struct room *room = product->room;
	if (op->pin.at_us > now_us + PIN_AHEAD_US) {
		engine_refuse(op, 400, "bad_request", "at_us", "more than an hour ahead");
		return;
	}
	if (!engine_op_events(engine, op, room, 1))
		return;
	room->pinned = product;
	room->urgent = true;
	const int64_t at_us = op->pin.at_us > now_us ? op->pin.at_us : now_us;
	room->pinned_at_us = at_us;
	const struct buf *message =
		timeline_append(&engine->tx, room, "product.pin", at_us, card_json(product));
	give_text(&op->answer, 200, message);
}

void engine_pin(struct engine *engine, const char *room, const struct pin_request *request,
		struct engine_reply reply)
{
	struct engine_op *op = engine_op_new(decide_pin, room, reply);
	memcpy(op->name, request->sku, sizeof(op->name));
	op->pin = *request;
	engine_write(engine, op);
}

static void decide_unpin(struct engine *engine, struct engine_op *op)
{
	struct room *room = engine_op_room(engine, op);
	if (!room || (room->pinned && !engine_op_events(engine, op, room, 1)))
		return;
	if (room->pinned)
		unpin(engine, room);
	answer_give(&op->answer, 204, NULL);
}

void engine_unpin(struct engine *engine, const char *room, struct engine_reply reply)
{
	engine_write(engine, engine_op_new(decide_unpin, room, reply));
}

/* Social proof, not a timeline event: nobody replays it. */
static void send_order_sum(struct engine *engine, struct product *product)
{
	json_t *data = sku_json(product);
	json_object_set_new(data, "sold", json_integer(product_ordered(product)));
	json_t *message = json_pack("{s:i, s:s, s:o}", "v", 1, "type", "order.sum", "data", data);
	char *text = json_text(message);
	json_decref(message);
	struct buf *buf = text ? buf_copy(text, strlen(text)) : NULL;
	free(text);
	if (!buf)
		abort();
	transaction_notice(&engine->tx, product->room, "order.sum", 0, 0, buf);
}

static void announce(struct engine *engine, struct product *product, int64_t now_us)
{
	product->announced_us = now_us;
	if (product->left != product->announced_left) {
		json_t *data = sku_json(product);
		json_object_set_new(data, "left", json_integer(product->left));
		timeline_append(&engine->tx, product->room, "stock", engine->tx.now_us, data);
	}
	if (product_ordered(product) != product->announced_ordered)
		send_order_sum(engine, product);
	product->announced_left = product->left;
	product->announced_ordered = product_ordered(product);
}

int64_t engine_announce_stock(struct engine *engine, int64_t now_us)
{
	int64_t next_us = -1;
	list_for_each_safe (link, &engine->ledger->announcing) {
		struct product *product = list_entry(link, struct product, announce);
		struct room *room = product->room;
		int64_t due_us = product->announced_us + STOCK_EVENT_US;
		if (product->removed || room->deleted ||
		    (product->left == product->announced_left &&
		     product_ordered(product) == product->announced_ordered)) {
			list_remove(link);
			continue;
		}
		if (now_us >= due_us)
			due_us = now_us + token_bucket_take(&room->events, ROOM_EVENTS_PER_S,
							    ROOM_EVENTS_PER_S - ROOM_HOST_EVENTS,
							    now_us);
		if (now_us >= due_us) {
			list_remove(link);
			announce(engine, product, now_us);
		} else if (next_us < 0 || due_us < next_us) {
			next_us = due_us;
		}
	}
	return next_us;
}
