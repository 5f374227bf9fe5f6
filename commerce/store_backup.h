/*
 * Copies of an SQLite store: taken beside the server that owns it, and put in its place again. A
 * copy is one file without a log beside it. Any thread; blocks.
 */
#ifndef SOUK_COMMERCE_STORE_BACKUP_H
#define SOUK_COMMERCE_STORE_BACKUP_H

/* The last committed state of the store in `from`, durable as the store of `to` (a directory
 * without one). -ENOENT without a store, -EUCLEAN for a foreign or newer one, -ENOSPC, -EIO. */
int store_backup(const char *from, const char *to) __attribute__((warn_unused_result));

/* The copy in `from` becomes the store of `to`, on the same file system; whoever calls holds the
 * lock of `to`. At each instant there is the old store or the new one. */
int store_replace(const char *from, const char *to) __attribute__((warn_unused_result));

#endif
