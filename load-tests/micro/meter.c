#include "load-tests/micro/meter.h"

#include "server/core/alloc.h"
#include "server/core/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 9, ROUNDS_QUICK = 3, ROWS_MAX = 256, CALIBRATIONS_MAX = 40, COLUMN = 12 };

static const int64_t ROUND_NS = 20000000, ROUND_QUICK_NS = 1000000;
static const int64_t TRIAL_NS = 3000000000, TRIAL_QUICK_NS = 300000000; /* of a clock on the wall */

struct row {
	const char *group, *name, *column;
	const char *skipped; /* why; NULL: measured, or failed */
	int err;
	unsigned rounds;
	uint64_t operations; /* a round */
	double ns, ns_min, ns_max;
};

struct meter {
	bool quick;
	struct row rows[ROWS_MAX];
	size_t count;
};

static int64_t now_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void stopwatch_start(struct stopwatch *watch)
{
	watch->started_ns = now_ns(watch->clock);
}

void stopwatch_stop(struct stopwatch *watch)
{
	watch->spent_ns += now_ns(watch->clock) - watch->started_ns;
}

void meter_create(struct meter **out, bool quick)
{
	*out = xcalloc(1, sizeof(**out));
	(*out)->quick = quick;
}

bool meter_quick(const struct meter *meter)
{
	return meter->quick;
}

static struct row *add_row(struct meter *meter, const char *group, const char *name,
			   const char *column)
{
	if (meter->count == ROWS_MAX)
		abort(); /* our own table has grown past its cap */
	struct row *row = &meter->rows[meter->count++];
	row->group = group;
	row->name = name;
	row->column = column;
	return row;
}

static int run_once(const struct trial *trial, uint64_t operations, int64_t *spent_ns)
{
	struct stopwatch watch = {
		.clock = trial->all_threads ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_THREAD_CPUTIME_ID,
	};
	const int err = trial->run(trial->arg, operations, &watch);
	*spent_ns = watch.spent_ns;
	return err;
}

/* So many operations that a round takes its time; it warms the caches up, too. */
static int calibrate(const struct trial *trial, int64_t round_ns, uint64_t *operations)
{
	int64_t spent_ns = 0;
	*operations = trial->step;
	for (int i = 0; i < CALIBRATIONS_MAX; i++) {
		const int err = run_once(trial, *operations, &spent_ns);
		if (err)
			return err;
		if (spent_ns >= round_ns / 2)
			break;
		*operations *= spent_ns * 8 < round_ns ? 4 : 2;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

int meter_measure(struct meter *meter, const struct trial *trial)
{
	struct row *row = add_row(meter, trial->group, trial->name, trial->column);
	const unsigned wanted = meter->quick ? ROUNDS_QUICK : ROUNDS;
	const int64_t end_ns = now_ns(CLOCK_MONOTONIC) + (meter->quick ? TRIAL_QUICK_NS : TRIAL_NS);
	double ns[ROUNDS];
	row->err = calibrate(trial, meter->quick ? ROUND_QUICK_NS : ROUND_NS, &row->operations);
	while (!row->err && row->rounds < wanted) {
		int64_t spent_ns = 0;
		row->err = run_once(trial, row->operations, &spent_ns);
		ns[row->rounds++] = (double)spent_ns / (double)row->operations;
		if (row->rounds >= ROUNDS_QUICK && now_ns(CLOCK_MONOTONIC) > end_ns)
			break;
	}
	if (row->err)
		return row->err;
	qsort(ns, row->rounds, sizeof(*ns), compare);
	row->ns = ns[row->rounds / 2];
	row->ns_min = ns[0];
	row->ns_max = ns[row->rounds - 1];
	return 0;
}

void meter_skip(struct meter *meter, const char *group, const char *name, const char *why)
{
	add_row(meter, group, name, "")->skipped = why;
}

bool meter_failed(const struct meter *meter)
{
	for (size_t i = 0; i < meter->count; i++)
		if (meter->rows[i].err)
			return true;
	return false;
}

/* ---- the table ---- */

static bool same_group(const struct row *a, const struct row *b)
{
	return !strcmp(a->group, b->group);
}

/* Columns are those of the group's first name that was measured. */
static void print_head(const struct meter *meter, size_t at, int width, FILE *out)
{
	const struct row *first = &meter->rows[at];
	const struct row *head = NULL;
	fprintf(out, "\n%-*s", width, first->group);
	for (size_t i = at; i < meter->count && same_group(first, &meter->rows[i]); i++) {
		const struct row *row = &meter->rows[i];
		if (row->skipped)
			continue;
		head = head ? head : row;
		if (!strcmp(head->name, row->name))
			fprintf(out, " %*s", COLUMN, row->column);
	}
	fputc('\n', out);
}

static void print_value(const struct row *row, FILE *out)
{
	if (row->skipped)
		fprintf(out, " skipped: %s", row->skipped);
	else if (row->err)
		fprintf(out, " failed: %s", strerror(-row->err));
	else
		fprintf(out, " %*.*f", COLUMN, row->ns < 100 ? 1 : 0, row->ns);
}

void meter_print(const struct meter *meter, FILE *out)
{
	int width = 0;
	for (size_t i = 0; i < meter->count; i++) {
		const int len = (int)strlen(meter->rows[i].name);
		width = len > width ? len : width;
		const int group_len = (int)strlen(meter->rows[i].group);
		width = group_len > width ? group_len : width;
	}
	for (size_t i = 0; i < meter->count; i++) {
		const struct row *row = &meter->rows[i];
		const bool new_group = !i || !same_group(row, row - 1);
		if (new_group)
			print_head(meter, i, width, out);
		if (new_group || strcmp(row->name, (row - 1)->name) != 0)
			fprintf(out, "%s%-*s", new_group ? "" : "\n", width, row->name);
		print_value(row, out);
		if (i + 1 == meter->count || !same_group(row, row + 1))
			fputc('\n', out);
	}
}

static json_t *row_json(const struct row *row)
{
	json_t *object = json_pack("{s:s, s:s}", "group", row->group, "name", row->name);
	if (row->column[0])
		json_object_set_new(object, "column", json_string(row->column));
	if (row->skipped) {
		json_object_set_new(object, "skipped", json_string(row->skipped));
	} else if (row->err) {
		json_object_set_new(object, "failed", json_string(strerror(-row->err)));
	} else {
		json_object_set_new(object, "ns", json_real(row->ns));
		json_object_set_new(object, "ns_min", json_real(row->ns_min));
		json_object_set_new(object, "ns_max", json_real(row->ns_max));
		json_object_set_new(object, "rounds", json_integer(row->rounds));
		json_object_set_new(object, "operations",
				    json_integer((json_int_t)row->operations));
	}
	return object;
}

int meter_write_json(const struct meter *meter, const char *path)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < meter->count; i++)
		json_array_append_new(rows, row_json(&meter->rows[i]));
	FILE *out = fopen(path, "we");
	int err = out ? 0 : -errno;
	if (out && json_dumpf(rows, out, JSON_INDENT(1) | JSON_REAL_PRECISION(6)))
		err = -EIO;
	if (out && (fputc('\n', out) == EOF || fclose(out)))
		err = -EIO;
	json_decref(rows);
	return err;
}

void meter_destroy(struct meter *meter)
{
	free(meter);
}
