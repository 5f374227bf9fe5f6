/* souk-swarm: many viewers and buyers against one server. */
#include "load-tests/swarm/swarm.h"

#include <stdio.h>
#include <stdlib.h>

enum { EXIT_USAGE = 2 };

int main(int argc, char **argv)
{
	struct swarm_options options;
	struct option_error error;
	int status = EXIT_SUCCESS;
	switch (swarm_options_parse(&options, argc, argv, &error)) {
	case OPTION_RUN:
		status = swarm_run(&options);
		break;
	case OPTION_HELP:
		swarm_options_help(stdout);
		break;
	case OPTION_VERSION:
		puts("souk-swarm " SOUK_VERSION);
		break;
	default:
		fprintf(stderr, "souk-swarm: %s\n", error.text);
		status = EXIT_USAGE;
	}
	swarm_options_finish(&options);
	return status;
}
