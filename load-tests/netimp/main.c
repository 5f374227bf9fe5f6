/* souk-netimp: a bad network between two network namespaces. */
#include "load-tests/netimp/netimp.h"
#include "load-tests/netimp/trace.h"

#include <stdio.h>
#include <stdlib.h>

static int print_trace(int64_t seed)
{
	struct trace *trace;
	trace_make_5g(&trace, (uint64_t)seed);
	trace_print(trace, stdout);
	trace_destroy(trace);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct netimp_options options;
	struct option_error error;
	int status = EXIT_SUCCESS;
	switch (netimp_options_parse(&options, argc, argv, &error)) {
	case OPTION_RUN:
		status = options.print_trace ? print_trace(options.seed) : netimp_run(&options);
		break;
	case OPTION_HELP:
		netimp_options_help(stdout);
		break;
	case OPTION_VERSION:
		puts("souk-netimp " SOUK_VERSION);
		break;
	default:
		fprintf(stderr, "souk-netimp: %s\n", error.text);
		status = NETIMP_USAGE;
	}
	netimp_options_finish(&options);
	return status;
}
