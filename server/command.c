#include "server/command.h"

#include "server/core/option.h"

#include <stdio.h>

int command_usage(const char *name, const char *text)
{
	fprintf(stderr, "soukd %s: %s\n", name, text);
	return 2;
}

int command_main(const struct command *command, void *options, int argc, char **argv)
{
	struct option_error error;
	int status = 0;
	switch (options_parse(command->table, options, argc, argv, &error)) {
	case OPTION_RUN:
		status = command->run(options);
		break;
	case OPTION_HELP:
	case OPTION_VERSION:
		options_help(command->table, stdout);
		break;
	default:
		status = command_usage(command->name, error.text);
	}
	options_free(command->table, options);
	return status;
}
