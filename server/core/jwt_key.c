#include "server/core/alloc.h"
#include "server/core/crypto.h"
#include "server/core/jwt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_SIZE = 44 }; /* 43 digits and a line end */

static int read_key(const char *path, uint8_t key[JWT_KEY_SIZE])
{
	char text[TEXT_SIZE + 2];
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t len = read(fd, text, sizeof(text));
	const int err = len < 0 ? -errno : 0;
	close(fd);
	if (err)
		return err;
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	uint8_t decoded[JWT_KEY_SIZE];
	if (base64url_decode(text, (size_t)len, decoded, sizeof(decoded)) != JWT_KEY_SIZE)
		return -EINVAL;
	memcpy(key, decoded, JWT_KEY_SIZE);
	return 0;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		const ssize_t wrote = write(fd, text, len);
		if (wrote < 0 && errno != EINTR)
			return -errno;
		if (wrote > 0) {
			text += wrote;
			len -= (size_t)wrote;
		}
	}
	return fsync(fd) ? -errno : 0;
}

static void sync_dir(const char *dir)
{
	const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

/* A complete file appears under its name or none does: link() fails if another was first, and then
 * that one's key is the key. */
static int make_key(const char *dir, const char *path)
{
	uint8_t key[JWT_KEY_SIZE];
	char text[TEXT_SIZE + 1];
	crypto_random(key, sizeof(key));
	base64url_encode(key, sizeof(key), text);
	text[TEXT_SIZE - 1] = '\n';
	text[TEXT_SIZE] = '\0';
	explicit_bzero(key, sizeof(key));
	char *draft = xasprintf("%s/jwt.key.XXXXXX", dir);
	const int fd = mkostemp(draft, O_CLOEXEC); /* mode 0600 */
	int err = fd < 0 ? -errno : write_all(fd, text, TEXT_SIZE);
	explicit_bzero(text, sizeof(text));
	if (!err && link(draft, path) && errno != EEXIST)
		err = -errno;
	if (fd >= 0) {
		close(fd);
		unlink(draft);
		sync_dir(dir);
	}
	free(draft);
	return err;
}

int jwt_key_load_or_create(const char *dir, uint8_t key[JWT_KEY_SIZE])
{
	char *path = xasprintf("%s/jwt.key", dir);
	int err = read_key(path, key);
	if (err == -ENOENT) {
		err = mkdir(dir, 0700) && errno != EEXIST ? -errno : make_key(dir, path);
		if (!err)
			err = read_key(path, key);
	}
	free(path);
	return err;
}
