#include "server/command.h"

#include "commerce/store_backup.h"
#include "commerce/store_lock.h"
#include "server/core/alloc.h"
#include "server/core/option.h"
#include "server/data_dir.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct restore_options {
	char *data, *from;
	bool force;
};

#define AT(member) offsetof(struct restore_options, member)

static const struct option_row rows[] = {
	{ "data", OPTION_STRING, 1, 4096, "souk-data", "DIR",
	  "Data directory to fill; made if missing.", AT(data), NULL },
	{ "from", OPTION_STRING, 1, 4096, NULL, "DIR", "What soukd backup has made.", AT(from),
	  NULL },
	{ "force", OPTION_BOOL, 0, 0, NULL, NULL,
	  "Replaces the shop that is there; recordings stay if the backup has none.", AT(force),
	  NULL },
};

static const struct option_table table = {
	.usage = "soukd restore --data DIR --from DIR [--force]",
	.about =
		"Makes a data directory of a backup, which stays as it is. No server may run on\n"
		"the directory. The copy is checked (soukd check) before it takes its place; when\n"
		"that was cut short, run it again.",
	.rows = rows,
	.count = sizeof(rows) / sizeof(*rows),
};

static int fail(const char *path, int err)
{
	fprintf(stderr, "soukd restore: %s: %s\n", path,
		err == -ENOENT    ? "no backup is there"
		: err == -EUCLEAN ? "not a store of this program, or of a newer one"
				  : strerror(-err));
	return err;
}

/* The store comes last: with it the shop is the one of the backup. */
static int install(const struct restore_options *options, const char *draft)
{
	int err = data_dir_replace(draft, options->data);
	if (!err)
		err = store_replace(draft, options->data);
	if (!err)
		err = data_dir_sync(options->data);
	return err ? fail(options->data, err) : 0;
}

static int restore(const struct restore_options *options)
{
	char *draft = xasprintf("%s/.restore", options->data);
	int err = data_dir_remove(draft);
	if (!err && mkdir(draft, 0700))
		err = -errno;
	if (err) {
		fail(draft, err);
		goto done;
	}
	err = store_backup(options->from, draft);
	if (!err)
		err = data_dir_copy(options->from, draft, true);
	if (err) {
		fail(options->from, err);
		goto done;
	}
	err = command_prove("soukd restore", draft) ? -EUCLEAN : install(options, draft);
done:
	data_dir_remove(draft);
	free(draft);
	return err;
}

static int run(const void *arg)
{
	const struct restore_options *options = arg;
	if (!options->from)
		return command_usage("restore", "--from is needed");
	pid_t holder = 0;
	char *store = xasprintf("%s/souk.db", options->from);
	const bool there = !access(store, R_OK);
	free(store);
	if (!there) {
		fail(options->from, -ENOENT);
		return 1;
	}
	const int lock = store_lock_acquire(options->data, &holder);
	int err = lock < 0 ? lock : 0;
	if (err == -EBUSY)
		fprintf(stderr, "soukd restore: %s: is in use by process %ld; end it first\n",
			options->data, (long)holder);
	else if (err)
		fail(options->data, err);
	if (!err && !options->force && !data_dir_is_empty(options->data)) {
		fprintf(stderr, "soukd restore: %s: is not empty; --force replaces the shop\n",
			options->data);
		err = -EEXIST;
	}
	if (!err)
		err = restore(options);
	if (lock >= 0)
		close(lock);
	if (!err)
		printf("%s is what %s holds\n", options->data, options->from);
	return err ? 1 : 0;
}

int command_restore(int argc, char **argv)
{
	struct restore_options options = { 0 };
	return command_main(&(struct command){ "restore", &table, run }, &options, argc, argv);
}
