#include "commerce/room.h"

#include "commerce/shelf.h"
#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "server/core/bytes.h"
#include "server/core/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STATE_TEXT_MAX = 8 << 20, /* far above ROOM_PRODUCTS_MAX products */
	STATE_MESSAGE_MAX = 16000, /* what any carrier takes at once */
	STATE_MESSAGE_REST = 512, /* of it for what is no product */
};

static struct room *room_new(void)
{
	struct room *room = xcalloc(1, sizeof(*room));
	list_init(&room->link);
	list_init(&room->dirty);
	list_init(&room->changed);
	list_init(&room->products);
	map_init(&room->shelf);
	return room;
}

struct room *room_create(const struct room_request *request, int64_t rid, int64_t now_us)
{
	struct room *room = room_new();
	room->rid = rid;
	memcpy(room->id, request->id, sizeof(room->id));
	room->settings = request->settings;
	room->created_us = now_us;
	return room;
}

struct room *room_from_row(const struct room_row *row)
{
	struct room *room = room_new();
	room->rid = row->rid;
	snprintf(room->id, sizeof(room->id), "%s", row->id);
	snprintf(room->settings.title, sizeof(room->settings.title), "%s", row->title);
	room->settings.token_access = row->token_access != 0;
	room->settings.guest_orders = row->guest_orders != 0;
	room->settings.high_profile = row->high_profile != 0;
	room->settings.record = row->record != 0;
	room->settings.price_grace_ms = row->price_grace_ms;
	room->settings.hold_s = row->hold_s;
	room->settings.host_grace_s = row->host_grace_s;
	room->state = (enum room_state)row->state;
	room->epoch = (uint32_t)row->epoch;
	room->timeline.seq = (uint64_t)row->seq;
	room->created_us = row->created_us;
	room->deleted = row->deleted != 0;
	return room;
}

void room_to_row(const struct room *room, struct room_row *row)
{
	*row = (struct room_row){
		.rid = room->rid,
		.id = room->id,
		.title = room->settings.title,
		.pinned = room->pinned ? room->pinned->sku : NULL,
		.token_access = room->settings.token_access,
		.guest_orders = room->settings.guest_orders,
		.high_profile = room->settings.high_profile,
		.record = room->settings.record,
		.price_grace_ms = room->settings.price_grace_ms,
		.hold_s = room->settings.hold_s,
		.host_grace_s = room->settings.host_grace_s,
		.state = room->state,
		.epoch = room->epoch,
		.seq = (int64_t)room->timeline.seq,
		.created_us = room->created_us,
		.deleted = room->deleted,
	};
}

void room_apply(struct room *room, const struct room_patch *patch)
{
	struct room_settings *settings = &room->settings;
	if (patch->has_title)
		memcpy(settings->title, patch->settings.title, sizeof(settings->title));
	if (patch->has_access)
		settings->token_access = patch->settings.token_access;
	if (patch->has_guest_orders)
		settings->guest_orders = patch->settings.guest_orders;
	if (patch->has_high_profile)
		settings->high_profile = patch->settings.high_profile;
	if (patch->has_record)
		settings->record = patch->settings.record;
	if (patch->has_price_grace_ms)
		settings->price_grace_ms = patch->settings.price_grace_ms;
	if (patch->has_hold_s)
		settings->hold_s = patch->settings.hold_s;
	if (patch->has_host_grace_s)
		settings->host_grace_s = patch->settings.host_grace_s;
}

struct product *room_product(const struct room *room, const char *sku)
{
	return map_get_str(&room->shelf, sku);
}

bool room_take_events(struct room *room, unsigned count, int64_t now_us)
{
	const struct token_bucket before = room->events;
	while (count--) {
		if (token_bucket_take(&room->events, ROOM_EVENTS_PER_S, ROOM_EVENTS_PER_S,
				      now_us)) {
			room->events = before;
			return false;
		}
	}
	return true;
}

static json_t *pinned_json(const struct room *room)
{
	return room->pinned ? json_string(room->pinned->sku) : json_null();
}

json_t *room_json(const struct room *room)
{
	const struct room_settings *settings = &room->settings;
	json_t *object = json_object();
	json_object_set_new(object, "id", json_string(room->id));
	json_object_set_new(object, "title", json_string(settings->title));
	json_object_set_new(object, "access",
			    json_string(settings->token_access ? "token" : "public"));
	json_object_set_new(object, "price_grace_ms", json_integer(settings->price_grace_ms));
	json_object_set_new(object, "hold_s", json_integer(settings->hold_s));
	json_object_set_new(object, "host_grace_s", json_integer(settings->host_grace_s));
	json_object_set_new(object, "guest_orders", json_boolean(settings->guest_orders));
	json_object_set_new(object, "high_profile", json_boolean(settings->high_profile));
	json_object_set_new(object, "record", json_boolean(settings->record));
	json_object_set_new(object, "state", json_string(room_state_name(room->state)));
	json_object_set_new(object, "epoch", json_integer(room->epoch));
	json_object_set_new(object, "viewers", json_integer(room->viewers));
	json_object_set_new(object, "pinned", pinned_json(room));
	if (room->unseen)
		json_object_set_new(object, "warnings", json_pack("[s]", "unsupported_source"));
	return object;
}

static struct buf *buf_of(struct bytes *text)
{
	struct buf *buf = bytes_ok(text) ? buf_from_bytes(text) : NULL;
	if (!buf)
		abort();
	bytes_finish(text);
	return buf;
}

static struct buf *render_room(const struct room *room)
{
	json_t *object = room_json(room);
	char *text = json_text(object);
	json_decref(object);
	struct buf *buf = text ? buf_copy(text, strlen(text)) : NULL;
	free(text);
	if (!buf)
		abort();
	return buf;
}

static void put_product(struct bytes *text, const struct snapshot_product *product, bool first)
{
	if (!first)
		bytes_u8(text, ',');
	bytes_put(text, product->json->data, product->json->len);
}

/* The first `count` products, and what is pinned in any case. */
static void put_products(struct bytes *text, const struct room_snapshot *snapshot, size_t count)
{
	bytes_text(text, ",\"products\":[");
	for (size_t i = 0; i < count; i++)
		put_product(text, &snapshot->products[i], i == 0);
	for (size_t i = count; i < snapshot->product_count; i++)
		if (strcmp(snapshot->products[i].sku, snapshot->pinned) == 0)
			put_product(text, &snapshot->products[i], count == 0);
	bytes_text(text, "],\"sales\":[]");
	if (count < snapshot->product_count)
		bytes_printf(text, ",\"more\":\"%s\"",
			     count ? snapshot->products[count - 1].sku : "");
}

static void put_data(struct bytes *text, const struct room *room,
		     const struct room_snapshot *snapshot, size_t count)
{
	bytes_printf(text, "{\"seq\":%" PRIu64 ",\"state\":\"%s\",\"pinned\":", snapshot->seq,
		     room_state_name(room->state));
	if (room->pinned)
		bytes_printf(text, "\"%s\"", room->pinned->sku);
	else
		bytes_text(text, "null");
	if (room->pinned && room->pinned_at_us)
		bytes_printf(text, ",\"pinned_at_us\":%" PRId64, room->pinned_at_us);
	put_products(text, snapshot, count);
	if (room->unseen)
		bytes_text(text, ",\"warnings\":[\"unsupported_source\"]");
	bytes_printf(text, ",\"viewers\":%" PRIu32 "}", room->viewers);
}

static struct buf *render_data(const struct room *room, const struct room_snapshot *snapshot)
{
	struct bytes text;
	bytes_init(&text, STATE_TEXT_MAX);
	put_data(&text, room, snapshot, snapshot->product_count);
	return buf_of(&text);
}

/* How many products fit into a message beside all the rest and what is pinned. */
static size_t fitting(const struct room_snapshot *snapshot)
{
	const struct snapshot_product *pinned = room_snapshot_product(snapshot, snapshot->pinned);
	size_t count = 0, len = STATE_MESSAGE_REST + (pinned ? pinned->json->len : 0);
	while (count < snapshot->product_count) {
		len += snapshot->products[count].json->len + 1;
		if (len > STATE_MESSAGE_MAX)
			break;
		count++;
	}
	return count;
}

static struct buf *render_message(const struct room *room, const struct room_snapshot *snapshot)
{
	struct bytes text;
	bytes_init(&text, STATE_TEXT_MAX);
	bytes_text(&text, "{\"v\":1,\"type\":\"state\",\"data\":");
	if (snapshot->data->len + STATE_MESSAGE_REST <= STATE_MESSAGE_MAX)
		bytes_put(&text, snapshot->data->data, snapshot->data->len);
	else
		put_data(&text, room, snapshot, fitting(snapshot));
	bytes_u8(&text, '}');
	return buf_of(&text);
}

struct room_snapshot *room_render(struct room *room)
{
	struct room_snapshot *snapshot =
		xcalloc(1, sizeof(*snapshot) + room->shelf.count * sizeof(struct snapshot_product));
	atomic_init(&snapshot->refs, 1);
	memcpy(snapshot->id, room->id, sizeof(snapshot->id));
	snapshot->settings = room->settings;
	snapshot->state = room->state;
	snapshot->epoch = room->epoch;
	snapshot->viewers = room->viewers;
	snapshot->seq = room->timeline.seq;
	if (room->pinned)
		memcpy(snapshot->pinned, room->pinned->sku, sizeof(snapshot->pinned));
	list_for_each (link, &room->products) {
		struct product *product = list_entry(link, struct product, link);
		if (product->removed)
			continue;
		struct snapshot_product *shown = &snapshot->products[snapshot->product_count++];
		memcpy(shown->sku, product->sku, sizeof(shown->sku));
		shown->json = buf_ref(product_rendering(product));
	}
	snapshot->room = render_room(room);
	snapshot->data = render_data(room, snapshot);
	snapshot->message = render_message(room, snapshot);
	return snapshot;
}

void room_destroy(struct room *room)
{
	if (!room)
		return;
	while (!list_empty(&room->products))
		product_destroy(list_entry(room->products.next, struct product, link));
	map_finish(&room->shelf);
	order_list_finish(&room->orders);
	timeline_finish(&room->timeline);
	room_snapshot_unref(room->snapshot);
	list_remove(&room->link);
	list_remove(&room->dirty);
	list_remove(&room->changed);
	free(room);
}
