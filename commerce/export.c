#include "commerce/export.h"

#include "commerce/ledger.h"
#include "commerce/room.h"
#include "commerce/shelf.h"
#include "commerce/store.h"
#include "commerce/store_reader.h"
#include "server/core/buf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A store that is only loaded from. */
struct snapshot_store {
	struct store store;
	struct store_reader *reader;
};

static int load(struct store *store, const struct row_sink *sink)
{
	return store_reader_load(((struct snapshot_store *)store)->reader, sink);
}

static const struct store_ops snapshot_ops = { .load = load };

/* The snapshot ends with the reading: who writes beside it must not wait for whom we print to. */
static int load_ledger(struct ledger **out, const char *dir)
{
	struct snapshot_store snapshot = { .store.ops = &snapshot_ops };
	int err = store_reader_open(&snapshot.reader, dir, false);
	if (err)
		return err;
	store_reader_bound(snapshot.reader, dir);
	err = ledger_load(out, &snapshot.store, INT64_MAX); /* no key is still of use */
	store_reader_close(snapshot.reader);
	return err;
}

static void put_json(json_t *value, FILE *out)
{
	char *text = json_text(value);
	fprintf(out, "%s\n", text);
	free(text);
	json_decref(value);
}

/* What a spreadsheet would take for a formula gets a quote in front. */
static void put_field(const char *text, FILE *out)
{
	const bool formula = *text && strchr("=+-@\t\r", *text);
	const bool quoted = formula || strpbrk(text, "\",\r\n");
	fputs(quoted ? "\"" : "", out);
	fputs(formula ? "'" : "", out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputs(quoted ? "\"," : ",", out);
}

static void put_time(int64_t at_us, FILE *out)
{
	const time_t at = (time_t)(at_us / 1000000);
	struct tm parts;
	char text[32] = "";
	if (gmtime_r(&at, &parts))
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	fprintf(out, "%s.%06dZ,", text, (int)(at_us % 1000000));
}

static void put_rows(const struct order *order, FILE *out)
{
	for (unsigned i = 0; i < order->count; i++) {
		const struct order_item *item = &order->items[i];
		put_field(order->id, out);
		put_time(order->at_us, out);
		put_field(order->room->id, out);
		put_field(order->buyer->sub, out);
		put_field(order_state_name(order->state), out);
		put_field(item->product->sku, out);
		fprintf(out, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",", item->qty,
			item->minor, item->rev, order->total);
		put_field(order->cur, out);
		fprintf(out, "%" PRId64 ",", order->at_us);
		if (order->shown_us >= 0)
			fprintf(out, "%" PRId64, order->shown_us);
		fputs("\r\n", out);
	}
}

static bool asked_for(const struct export_request *request, const struct room *room)
{
	return !request->room || !strcmp(request->room, room->id);
}

static void put_orders(const struct export_request *request, const struct ledger *ledger, FILE *out)
{
	if (request->csv)
		fputs("id,at,room,sub,state,sku,qty,price_minor,price_rev,total_minor,cur,at_us,"
		      "shown_us\r\n",
		      out);
	for (size_t i = 0; i < ledger->all_orders.count; i++) {
		const struct order *order = ledger->all_orders.at[i];
		if (!asked_for(request, order->room))
			continue;
		if (request->csv)
			put_rows(order, out);
		else
			put_json(order_json(order, order->state), out);
	}
}

static void put_products(const struct room *room, FILE *out)
{
	list_for_each (link, &room->products) {
		const struct product *product = list_entry(link, struct product, link);
		json_t *object = product_json(product);
		json_object_set_new(object, "room", json_string(room->id));
		json_object_set_new(object, "removed", json_boolean(product->removed));
		put_json(object, out);
	}
}

static void put_events(const struct room *room, FILE *out)
{
	const struct timeline *timeline = &room->timeline;
	for (uint64_t seq = timeline->seq - timeline->count + 1; seq <= timeline->seq; seq++) {
		const struct buf *message = timeline_message(timeline, seq);
		if (message)
			fprintf(out, "%.*s\n", (int)message->len, (const char *)message->data);
	}
}

int store_export(const struct export_request *request, const char *dir, FILE *out)
{
	struct ledger *ledger = NULL;
	bool found = !request->room;
	const int err = load_ledger(&ledger, dir);
	if (err)
		return err;
	list_for_each (link, &ledger->all_rooms) {
		const struct room *room = list_entry(link, struct room, link);
		if (!asked_for(request, room))
			continue;
		found = true;
		if (request->what == EXPORT_PRODUCTS)
			put_products(room, out);
		else if (request->what == EXPORT_EVENTS)
			put_events(room, out);
	}
	if (found && request->what == EXPORT_ORDERS)
		put_orders(request, ledger, out);
	ledger_destroy(ledger);
	if (!found)
		return -ESRCH;
	return fflush(out) || ferror(out) ? -EIO : 0;
}
