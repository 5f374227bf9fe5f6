/*
 * A data directory as files: what a shop needs beside its store, copied durably. Any thread;
 * blocks. Everything is 0 or -errno.
 */
#ifndef SOUK_SERVER_DATA_DIR_H
#define SOUK_SERVER_DATA_DIR_H

#include <stdbool.h>

/* Keys, relays and images, with `recordings` those, too: of `from`, into `to`, which has none of
 * them. What is not there is left out. Links are followed. */
int data_dir_copy(const char *from, const char *to, bool recordings)
	__attribute__((warn_unused_result));

/* What was copied to `from` takes its place in `to`, on the same file system; what `to` had of it
 * is removed, but not recordings when there are none in `from`. */
int data_dir_replace(const char *from, const char *to) __attribute__((warn_unused_result));

/* Whether it holds nothing but its lock, and what restoring left that was not finished. */
bool data_dir_is_empty(const char *dir);

int data_dir_sync(const char *dir) __attribute__((warn_unused_result)); /* the names in it */
int data_dir_remove(const char *dir); /* with all that is in it; fine if it is not there */

#endif
