#include "commerce/store_lock.h"

#include "server/core/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static pid_t read_pid(int fd)
{
	char text[24] = { 0 };
	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static int write_pid(int fd)
{
	char text[24];
	const int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)len, 0) != len)
		return -EIO;
	return 0;
}

/* A directory that is not durable is no place for durable files. */
static int make_dir(const char *dir)
{
	if (mkdir(dir, 0700))
		return errno == EEXIST ? 0 : -errno;
	char *parent = xasprintf("%s/..", dir);
	const int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(parent);
	if (fd < 0)
		return -errno;
	const int err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

int store_lock_acquire(const char *dir, pid_t *holder)
{
	int err = make_dir(dir);
	if (err)
		return err;
	char *path = xasprintf("%s/lock", dir);
	const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	free(path);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
		*holder = read_pid(fd);
	} else {
		err = write_pid(fd);
	}
	if (!err)
		return fd;
	close(fd);
	return err;
}

bool store_lock_is_in(int fd, const char *dir)
{
	struct stat held, there;
	char *path = xasprintf("%s/lock", dir);
	const bool same = !fstat(fd, &held) && !stat(path, &there) && held.st_dev == there.st_dev &&
			  held.st_ino == there.st_ino;
	free(path);
	return same;
}
