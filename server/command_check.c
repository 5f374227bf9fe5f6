#include "server/command.h"

#include "commerce/check.h"
#include "server/core/option.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct check_options {
	char *data;
};

static const struct option_row rows[] = {
	{ "data", OPTION_STRING, 1, 4096, "souk-data", "DIR", "Data directory to check.",
	  offsetof(struct check_options, data), NULL },
};

static const struct option_table table = {
	.usage = "soukd check --data DIR",
	.about = "Proves the store's invariants; changes nothing, works beside a running server.",
	.rows = rows,
	.count = sizeof(rows) / sizeof(*rows),
};

static void report(void *arg, const char *fault)
{
	(void)arg;
	printf("fault: %s\n", fault);
}

static int run(const char *dir)
{
	struct store_check check = { .report = report };
	const int err = store_check(&check, dir);
	if (err) {
		fprintf(stderr, "soukd check: %s: %s\n", dir, strerror(-err));
		return 1;
	}
	printf("%" PRIu64 " commits, %" PRIu64 " orders, %" PRIu64 " products, %" PRIu64
	       " movements, %" PRIu64 " events: %" PRIu64 " faults\n",
	       check.commits, check.orders, check.products, check.movements, check.events,
	       check.faults);
	return check.faults ? 1 : 0;
}

int command_check(int argc, char **argv)
{
	struct check_options options = { 0 };
	struct option_error error;
	int status = 0;
	switch (options_parse(&table, &options, argc, argv, &error)) {
	case OPTION_RUN:
		status = run(options.data);
		break;
	case OPTION_HELP:
	case OPTION_VERSION:
		options_help(&table, stdout);
		break;
	default:
		fprintf(stderr, "soukd check: %s\n", error.text);
		status = 2;
	}
	options_free(&table, &options);
	return status;
}
