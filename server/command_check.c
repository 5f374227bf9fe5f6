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

int command_prove(const char *who, const char *dir)
{
	struct store_check check = { .report = report };
	const int err = store_check(&check, dir);
	if (err) {
		fprintf(stderr, "%s: %s: %s\n", who, dir, strerror(-err));
		return 1;
	}
	printf("%" PRIu64 " commits, %" PRIu64 " orders, %" PRIu64 " products, %" PRIu64
	       " movements, %" PRIu64 " events: %" PRIu64 " faults\n",
	       check.commits, check.orders, check.products, check.movements, check.events,
	       check.faults);
	return check.faults ? 1 : 0;
}

static int run(const void *arg)
{
	const struct check_options *options = arg;
	return command_prove("soukd check", options->data);
}

int command_check(int argc, char **argv)
{
	struct check_options options = { 0 };
	return command_main(&(struct command){ "check", &table, run }, &options, argc, argv);
}
