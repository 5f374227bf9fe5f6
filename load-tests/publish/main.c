/* souk-publish: a WHIP publisher. */
#include "load-tests/publish/options.h"
#include "load-tests/publish/publisher.h"

#include <stdio.h>
#include <stdlib.h>

enum { EXIT_USAGE = 2 };

int main(int argc, char **argv)
{
	struct publish_options options;
	struct option_error error;
	int status = EXIT_SUCCESS;
	switch (publish_options_parse(&options, argc, argv, &error)) {
	case OPTION_RUN:
		status = publisher_run(&options);
		break;
	case OPTION_HELP:
		publish_options_help(stdout);
		break;
	case OPTION_VERSION:
		puts("souk-publish " SOUK_VERSION);
		break;
	default:
		fprintf(stderr, "souk-publish: %s\n", error.text);
		status = EXIT_USAGE;
	}
	publish_options_finish(&options);
	return status;
}
