#include "server/data_dir.h"

#include "server/core/alloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 8, REMOVE_FDS = 16, COPY_BYTES = 1 << 24 };

static const struct {
	const char *name;
	bool recordings;
} parts[] = {
	{ "jwt.key", false },
	{ "relays.json", false },
	{ "files", false },
	{ "recordings", true },
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

int data_dir_sync(const char *dir)
{
	const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	const int err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

/* To the end that it has now: a recording may be growing. */
static int copy_bytes(int in, int out)
{
	for (;;) {
		const ssize_t done = sendfile(out, in, NULL, COPY_BYTES);
		if (done == 0)
			return fsync(out) ? -errno : 0;
		if (done < 0 && errno != EINTR)
			return -errno;
	}
}

static int copy_file(const char *from, const char *to, mode_t mode)
{
	const int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (in < 0)
		return -errno;
	const int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	const int err = out < 0 ? -errno : copy_bytes(in, out);
	if (out >= 0)
		close(out);
	close(in);
	return err;
}

static int copy_any(const char *from, const char *to, int depth);

static int copy_entries(DIR *folder, const char *from, const char *to, int depth)
{
	const struct dirent *entry;
	int err = 0;
	while (!err && (entry = readdir(folder))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		char *inner_from = xasprintf("%s/%s", from, entry->d_name);
		char *inner_to = xasprintf("%s/%s", to, entry->d_name);
		err = copy_any(inner_from, inner_to, depth + 1);
		if (err == -ENOENT) /* gone meanwhile: a recording that became too old */
			err = 0;
		free(inner_from);
		free(inner_to);
	}
	return err;
}

static int copy_folder(const char *from, const char *to, int depth)
{
	if (depth >= DEPTH_MAX)
		return -ELOOP;
	if (mkdir(to, 0700))
		return -errno;
	DIR *folder = opendir(from);
	if (!folder)
		return -errno;
	const int err = copy_entries(folder, from, to, depth);
	closedir(folder);
	return err ? err : data_dir_sync(to);
}

/* Sockets, pipes and devices are no part of a shop. */
static int copy_any(const char *from, const char *to, int depth)
{
	struct stat stat;
	if (fstatat(AT_FDCWD, from, &stat, 0))
		return -errno;
	if (S_ISDIR(stat.st_mode))
		return copy_folder(from, to, depth);
	return S_ISREG(stat.st_mode) ? copy_file(from, to, stat.st_mode & 0700) : 0;
}

int data_dir_copy(const char *from, const char *to, bool recordings)
{
	int err = 0;
	for (size_t i = 0; !err && i < PARTS; i++) {
		if (parts[i].recordings && !recordings)
			continue;
		char *part = xasprintf("%s/%s", from, parts[i].name);
		char *copy = xasprintf("%s/%s", to, parts[i].name);
		err = copy_any(part, copy, 0);
		if (err == -ENOENT)
			err = 0;
		free(part);
		free(copy);
	}
	return err ? err : data_dir_sync(to);
}

static int replace_part(const char *fresh, const char *path, bool keep)
{
	const bool there = !access(fresh, F_OK);
	if (!there && keep)
		return 0;
	const int err = data_dir_remove(path);
	return !err && there && rename(fresh, path) ? -errno : err;
}

int data_dir_replace(const char *from, const char *to)
{
	int err = 0;
	for (size_t i = 0; !err && i < PARTS; i++) {
		char *fresh = xasprintf("%s/%s", from, parts[i].name);
		char *path = xasprintf("%s/%s", to, parts[i].name);
		err = replace_part(fresh, path, parts[i].recordings);
		free(fresh);
		free(path);
	}
	return err;
}

bool data_dir_is_empty(const char *dir)
{
	static const char *const nothing[] = { ".", "..", "lock", ".restore", "lost+found" };
	DIR *folder = opendir(dir);
	const struct dirent *entry;
	bool empty = true;
	while (folder && empty && (entry = readdir(folder))) {
		empty = false;
		for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
			empty = empty || !strcmp(entry->d_name, nothing[i]);
	}
	if (folder)
		closedir(folder);
	return empty;
}

static int remove_entry(const char *path, const struct stat *stat, int what, struct FTW *where)
{
	(void)stat;
	(void)what;
	(void)where;
	return remove(path);
}

int data_dir_remove(const char *dir)
{
	const int status = nftw(dir, remove_entry, REMOVE_FDS, FTW_DEPTH | FTW_PHYS);
	return status && errno != ENOENT ? -errno : 0;
}
