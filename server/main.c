/* soukd: the server, and the commands that work on its data directory. */
#include "server/app.h"
#include "server/command.h"
#include "server/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "token", command_token },     { "check", command_check },   { "backup", command_backup },
	{ "restore", command_restore }, { "export", command_export },
};

static int serve(int argc, char **argv)
{
	static struct app app; /* zeroed, and too large for the stack of a careful reader */
	struct option_error error;
	int status = EXIT_SUCCESS;
	switch (config_parse(&app.config, argc, argv, &error)) {
	case OPTION_RUN:
		status = process_run(&app);
		break;
	case OPTION_HELP:
		config_help(stdout);
		break;
	case OPTION_VERSION:
		puts("soukd " SOUK_VERSION);
		break;
	default:
		fprintf(stderr, "soukd: %s\n", error.text);
		status = EXIT_USAGE;
	}
	config_finish(&app.config);
	return status;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	return serve(argc, argv);
}
