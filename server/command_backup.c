#include "server/command.h"

#include "commerce/store_backup.h"
#include "server/core/alloc.h"
#include "server/core/option.h"
#include "server/data_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct backup_options {
	char *data, *to;
	bool recordings, force;
};

#define AT(member) offsetof(struct backup_options, member)

static const struct option_row rows[] = {
	{ "data", OPTION_STRING, 1, 4096, "souk-data", "DIR", "Data directory to copy.", AT(data),
	  NULL },
	{ "to", OPTION_STRING, 1, 4096, NULL, "DIR",
	  "Where the backup is to be; its parent is there, it itself is not, or is empty.", AT(to),
	  NULL },
	{ "recordings", OPTION_BOOL, 0, 0, NULL, NULL, "Copies the recordings, too.",
	  AT(recordings), NULL },
	{ "force", OPTION_BOOL, 0, 0, NULL, NULL, "Replaces the backup that is there.", AT(force),
	  NULL },
};

static const struct option_table table = {
	.usage = "soukd backup --data DIR --to DIR [--recordings] [--force]",
	.about =
		"Copies a shop as it is now: store, key, relays, images. Works beside a running\n"
		"server. The copy is checked (soukd check) and on the disk before it has its name;\n"
		"what a crash leaves behind is DIR.XXXXXX, which may be deleted. It holds the key\n"
		"that signs tokens: keep it as safe as the shop. Back with soukd restore.",
	.rows = rows,
	.count = sizeof(rows) / sizeof(*rows),
};

static int fail(const char *path, int err)
{
	fprintf(stderr, "soukd backup: %s: %s\n", path,
		err == -EUCLEAN ? "not a store of this program, or of a newer one"
				: strerror(-err));
	return err;
}

/* A store and nobody's lock: what this command makes, and no shop. */
static bool is_backup(const char *dir)
{
	char *store = xasprintf("%s/souk.db", dir);
	char *lock = xasprintf("%s/lock", dir);
	const bool is = !access(store, F_OK) && access(lock, F_OK);
	free(store);
	free(lock);
	return is;
}

static int fill(const struct backup_options *options, const char *draft)
{
	int err = store_backup(options->data, draft);
	if (!err)
		err = data_dir_copy(options->data, draft, options->recordings);
	if (err)
		return fail(options->data, err);
	return command_prove("soukd backup", draft) ? -EUCLEAN : 0;
}

/* rename() replaces an empty directory alone. The old backup then has the draft's name. */
static int give_name(const struct backup_options *options, const char *draft)
{
	int err = rename(draft, options->to) ? -errno : 0;
	if ((err == -ENOTEMPTY || err == -EEXIST) && options->force && is_backup(options->to))
		err = renameat2(AT_FDCWD, draft, AT_FDCWD, options->to, RENAME_EXCHANGE) ? -errno
											 : 0;
	char *path = xstrdup(options->to);
	if (!err)
		err = data_dir_sync(dirname(path));
	free(path);
	return err ? fail(options->to, err) : 0;
}

/* Said before the work is done; give_name() is what prevents it. */
static bool may_write(const struct backup_options *options)
{
	if (!data_dir_is_empty(options->to) && !options->force)
		fprintf(stderr, "soukd backup: %s: is there already; --force replaces a backup\n",
			options->to);
	else if (!data_dir_is_empty(options->to) && !is_backup(options->to))
		fprintf(stderr, "soukd backup: %s: is not a backup, and is not replaced\n",
			options->to);
	else
		return true;
	return false;
}

static int run(const void *arg)
{
	const struct backup_options *options = arg;
	if (!options->to)
		return command_usage("backup", "--to is needed");
	for (size_t len = strlen(options->to); len > 1 && options->to[len - 1] == '/'; len--)
		options->to[len - 1] = '\0';
	if (!may_write(options))
		return 1;
	char *draft = xasprintf("%s.XXXXXX", options->to);
	int err = mkdtemp(draft) ? 0 : -errno; /* mode 0700 */
	if (err) {
		fail(draft, err);
	} else {
		err = fill(options, draft);
		if (!err)
			err = give_name(options, draft);
		data_dir_remove(draft);
	}
	free(draft);
	if (!err)
		printf("backup of %s is in %s\n", options->data, options->to);
	return err ? 1 : 0;
}

int command_backup(int argc, char **argv)
{
	struct backup_options options = { 0 };
	return command_main(&(struct command){ "backup", &table, run }, &options, argc, argv);
}
