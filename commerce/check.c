#include "commerce/check.h"

#include "commerce/audit.h"
#include "commerce/store_reader.h"
#include "commerce/store_schema.h"
#include "server/core/alloc.h"
#include "server/core/crypto.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAULT_TEXT = 256 };

/* Chained rows of one commit, as they were found. */
struct found {
	int64_t rows;
	uint8_t sums[ROW_SUM_SIZE];
};

struct checking {
	struct store_check *check;
	struct audit audit;
	struct found *found; /* by the commit's number */
	size_t found_size;
	int64_t last_n;
	int64_t next_n;
	uint8_t hash[SHA256_SIZE];
};

static void report(struct store_check *check, const char *text)
{
	check->faults++;
	if (check->report)
		check->report(check->arg, text);
}

__attribute__((format(printf, 2, 3))) static void on_fault(void *arg, const char *format, ...)
{
	const struct checking *checking = arg;
	char text[FAULT_TEXT];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	report(checking->check, text);
}

static void on_finding(void *arg, const char *finding)
{
	on_fault(arg, "the file is damaged: %s", finding);
}

static void describe(const struct stored_row *row, char out[FAULT_TEXT])
{
	const struct row_info *info = row_info(row->table);
	const struct row_column *first = &info->columns[0];
	if (first->text) {
		const char *text = row_text(row->row, first);
		snprintf(out, FAULT_TEXT, "%s %s=%.64s", info->name, first->name, text ? text : "");
	} else {
		snprintf(out, FAULT_TEXT, "%s %s=%" PRId64, info->name, first->name,
			 row_int(row->row, first));
	}
}

static int on_row(void *arg, const struct stored_row *row)
{
	struct checking *checking = arg;
	char name[FAULT_TEXT];
	describe(row, name);
	if (row->damaged)
		on_fault(checking, "%.160s: damaged: the row does not fit its sum", name);
	if (row->commit < 1 || row->commit > checking->last_n) {
		on_fault(checking, "%.160s: its commit is missing", name);
	} else if (row_info(row->table)->chained) {
		struct found *found = &checking->found[row->commit];
		found->rows++;
		for (int i = 0; i < ROW_SUM_SIZE; i++)
			found->sums[i] ^= row->sum[i];
	}
	struct store_check *check = checking->check;
	check->orders += row->table == ROW_ORDER;
	check->products += row->table == ROW_PRODUCT;
	check->movements += row->table == ROW_MOVEMENT;
	check->events += row->table == ROW_EVENT;
	audit_row(&checking->audit, row->table, row->row);
	return 0;
}

static int on_commit(void *arg, const struct stored_commit *commit)
{
	struct checking *checking = arg;
	checking->check->commits++;
	if (commit->n != checking->next_n)
		on_fault(checking, "commits n=%" PRId64 ": one before it is missing", commit->n);
	checking->next_n = commit->n + 1;
	if (commit->n < 1 || commit->n > checking->last_n)
		return 0;
	const struct found *found = &checking->found[commit->n];
	schema_chain(checking->hash, commit->n, found->rows, found->sums);
	if (commit->rows != found->rows || !commit->hash ||
	    memcmp(commit->hash, checking->hash, SHA256_SIZE) != 0)
		on_fault(checking, "commits n=%" PRId64 ": its rows are not those it was made of",
			 commit->n);
	/* One damaged commit is one fault, not one for each that follows. */
	if (commit->hash)
		memcpy(checking->hash, commit->hash, SHA256_SIZE);
	return 0;
}

static int read_all(struct checking *checking, struct store_reader *reader)
{
	checking->last_n = store_reader_last_commit(reader);
	if (checking->last_n < 0)
		return -EIO;
	checking->found = calloc((size_t)checking->last_n + 1, sizeof(*checking->found));
	if (!checking->found)
		return -EIO;
	int err = store_reader_integrity(reader, on_finding, checking);
	for (int table = 0; !err && table < ROW_TABLES; table++)
		err = store_reader_rows(reader, table, on_row, checking);
	return err ? err : store_reader_commits(reader, on_commit, checking);
}

static const char *unread(int err)
{
	if (err == -EUCLEAN)
		return "not a store of this program, or of a newer one";
	if (err == -EFBIG)
		return "its server has written 1 GB meanwhile: check a backup of it";
	return "the store cannot be read to its end";
}

int store_check(struct store_check *check, const char *dir)
{
	struct checking checking = { .check = check, .next_n = 1 };
	struct store_reader *reader = NULL;
	int err = store_reader_open(&reader, dir, true);
	if (err == -ENOENT || err == -EACCES)
		return err;
	if (!err)
		store_reader_bound(reader, dir);
	audit_init(&checking.audit);
	checking.audit.fault = on_fault;
	checking.audit.arg = &checking;
	if (!err)
		err = read_all(&checking, reader);
	if (err)
		report(check, unread(err));
	else
		audit_end(&checking.audit);
	audit_finish(&checking.audit);
	free(checking.found);
	store_reader_close(reader);
	return err ? -EIO : 0;
}
