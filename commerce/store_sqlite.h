/*
 * The embedded store: one SQLite file in WAL mode, written by a thread of its own that commits in
 * groups, checkpointed by another. The data directory has one owner (flock).
 */
#ifndef SOUK_COMMERCE_STORE_SQLITE_H
#define SOUK_COMMERCE_STORE_SQLITE_H

#include <stdbool.h>
#include <sys/types.h>

struct log;
struct loop;
struct store;

#define STORE_FILE "souk.db"

struct store_sqlite_options {
	struct loop *loop; /* done() is called here */
	const char *dir; /* made if missing */
	/* DANGEROUS: synchronous=NORMAL loses acknowledged orders at a power cut. It exists so that
	 * the power-cut test can show that it would notice. */
	bool sync_normal;
	const struct log *log; /* may be NULL */
};

/* -EBUSY when another process owns the directory: `*holder` is its pid (0 if unknown). -EUCLEAN
 * when the file is not ours or of a newer schema. */
int store_sqlite_open(struct store **out, const struct store_sqlite_options *options, pid_t *holder)
	__attribute__((warn_unused_result));

#endif
