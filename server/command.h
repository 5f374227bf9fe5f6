/* Commands beside the server; argv[0] is the command's name. Exit 0, 1 on failure, 2 on bad usage.
 */
#ifndef SOUK_SERVER_COMMAND_H
#define SOUK_SERVER_COMMAND_H

struct option_table;

int command_token(int argc, char **argv);
int command_check(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_restore(int argc, char **argv);
int command_export(int argc, char **argv);

struct command {
	const char *name;
	const struct option_table *table;
	int (*run)(const void *options); /* its exit status */
};

/* What all of them do: reads the options into `options` (zeroed, as the table has it), then runs,
 * helps, or says what is wrong. The exit status. */
int command_main(const struct command *command, void *options, int argc, char **argv);

/* Says what is wrong with the options of the command; 2. */
int command_usage(const char *name, const char *text);

/* Prints what soukd check says of `dir`; its exit status. `who` begins what goes to stderr. */
int command_prove(const char *who, const char *dir);

#endif
