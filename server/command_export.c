#include "server/command.h"

#include "commerce/export.h"
#include "server/core/option.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct export_options {
	char *data, *room;
	int what, format;
};

enum { FORMAT_JSONL, FORMAT_CSV };

static const char *const whats[] = { "orders", "products", "events", NULL };
static const char *const formats[] = { "jsonl", "csv", NULL };

#define AT(member) offsetof(struct export_options, member)

static const struct option_row rows[] = {
	{ "data", OPTION_STRING, 1, 4096, "souk-data", "DIR", "Data directory to read.", AT(data),
	  NULL },
	{ "room", OPTION_STRING, 1, 64, NULL, "ROOM", "Of this room alone.", AT(room), NULL },
	{ "what", OPTION_ENUM, 0, 0, "orders", NULL,
	  "Orders, oldest first; products, removed ones too; events that are kept.", AT(what),
	  whats },
	{ "format", OPTION_ENUM, 0, 0, "jsonl", NULL,
	  "A JSON object a line, as the API gives it; or of orders a row for each item.",
	  AT(format), formats },
};

static const struct option_table table = {
	.usage = "soukd export --data DIR [--room R] [--what orders|products|events] "
		 "[--format jsonl|csv]",
	.about = "Prints what the store holds at this moment; changes nothing, works beside a\n"
		 "running server.",
	.rows = rows,
	.count = sizeof(rows) / sizeof(*rows),
};

static int run(const void *arg)
{
	const struct export_options *options = arg;
	const struct export_request request = {
		.room = options->room,
		.what = (enum export_what)options->what,
		.csv = options->format == FORMAT_CSV,
	};
	if (request.csv && request.what != EXPORT_ORDERS)
		return command_usage("export", "--format: csv is for --what orders alone");
	const int err = store_export(&request, options->data, stdout);
	if (!err)
		return 0;
	fprintf(stderr, "soukd export: %s: %s\n", options->data,
		err == -ESRCH     ? "no such room"
		: err == -EUCLEAN ? "damaged, or not a store of this program, or of a newer one"
		: err == -EFBIG   ? "its server has written 1 GB meanwhile: export from a backup"
				  : strerror(-err));
	return 1;
}

int command_export(int argc, char **argv)
{
	struct export_options options = { 0 };
	return command_main(&(struct command){ "export", &table, run }, &options, argc, argv);
}
