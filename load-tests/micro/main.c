/* souk-micro: what the parts of a fan-out cost on this machine. */
#include "load-tests/micro/burst_cost.h"
#include "load-tests/micro/crypto_cost.h"
#include "load-tests/micro/dtls_cost.h"
#include "load-tests/micro/loop_cost.h"
#include "load-tests/micro/meter.h"
#include "load-tests/micro/sctp_cost.h"
#include "load-tests/micro/stream_cost.h"
#include "load-tests/micro/udp_cost.h"
#include "load-tests/micro/wake_cost.h"
#include "server/core/option.h"

#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, PATH_LEN_MAX = 4096 };

struct micro_options {
	int only; /* index into parts */
	bool quick;
	char *json;
};

static const char *const parts[] = { "all",  "crypto", "udp",  "burst", "stream",
				     "loop", "sctp",   "dtls", NULL };

static const struct option_row rows[] = {
	{ "only", OPTION_ENUM, 0, 0, "all", NULL, "One of the tables.",
	  offsetof(struct micro_options, only), parts },
	{ "quick", OPTION_BOOL, 0, 0, NULL, NULL,
	  "Whether it works at all: short rounds, small crowds; the figures mean little.",
	  offsetof(struct micro_options, quick), NULL },
	{ "json", OPTION_STRING, 1, PATH_LEN_MAX, NULL, "FILE", "Writes all rows here, too.",
	  offsetof(struct micro_options, json), NULL },
};

static const struct option_table table = {
	.usage = "souk-micro [options]",
	.about =
		"CPU time of single operations, nanoseconds, the median of some rounds: SRTP by several crypto "
		"libraries, ways to send UDP on loopback, a picture to a thousand, a stream to two thousand, the event loop, data channels, handshakes. Prints tables. Exit "
		"status 0: all measured or skipped for a reason that is printed; 1: something failed; 2: bad "
		"usage.",
	.rows = rows,
	.count = sizeof(rows) / sizeof(*rows),
};

static void loop_and_wake(struct meter *meter)
{
	loop_cost(meter);
	wake_cost(meter);
}

static int run(const struct micro_options *options)
{
	static void (*const costs[])(struct meter *) = { NULL,       crypto_cost, udp_cost,
							 burst_cost, stream_cost, loop_and_wake,
							 sctp_cost,  dtls_cost };
	struct meter *meter;
	int err = 0;
	meter_create(&meter, options->quick);
	for (int i = 1; parts[i]; i++)
		if (!options->only || options->only == i)
			costs[i](meter);
	meter_print(meter, stdout);
	if (options->json) {
		err = meter_write_json(meter, options->json);
		if (err)
			fprintf(stderr, "souk-micro: %s: %s\n", options->json, strerror(-err));
	}
	const int status = err || meter_failed(meter) ? EXIT_FAILURE : EXIT_SUCCESS;
	meter_destroy(meter);
	return status;
}

int main(int argc, char **argv)
{
	struct micro_options options = { 0 };
	struct option_error error;
	int status = EXIT_SUCCESS;
	switch (options_parse(&table, &options, argc, argv, &error)) {
	case OPTION_RUN:
		status = run(&options);
		break;
	case OPTION_HELP:
		options_help(&table, stdout);
		break;
	case OPTION_VERSION:
		puts("souk-micro " SOUK_VERSION);
		break;
	default:
		fprintf(stderr, "souk-micro: %s\n", error.text);
		status = EXIT_USAGE;
	}
	options_free(&table, &options);
	return status;
}
