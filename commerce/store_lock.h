/* The one owner of a data directory: flock on DIR/lock, which holds the owner's pid. */
#ifndef SOUK_COMMERCE_STORE_LOCK_H
#define SOUK_COMMERCE_STORE_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

/* Makes the directory (mode 0700) if missing. A descriptor that holds the lock until it is closed,
 * by the end of the process too; -EBUSY with the holder's pid (0 if unknown); other -errno. */
int store_lock_acquire(const char *dir, pid_t *holder) __attribute__((warn_unused_result));

/* Whether DIR still is the directory that it was acquired in. */
bool store_lock_is_in(int fd, const char *dir);

#endif
