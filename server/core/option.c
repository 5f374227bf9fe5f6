#include "server/core/option.h"

#include "server/core/addr.h"
#include "server/core/alloc.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Where a value came from; a later one replaces an earlier one. */
enum source { FROM_DEFAULT, FROM_FILE, FROM_COMMAND_LINE };

struct parse {
	const struct option_table *table;
	char *target;
	struct option_error *error;
	enum source *sources; /* of each row */
	enum source source; /* being read */
	const char *file;
	int line;
	bool failed;
};

/* Keeps the first fault. */
static int fault(struct parse *parse, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fault(struct parse *parse, const char *name, const char *format, ...)
{
	if (parse->failed)
		return -EINVAL;
	parse->failed = true;
	char reason[160];
	va_list args;
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	const size_t size = sizeof(parse->error->text);
	if (parse->source == FROM_FILE)
		snprintf(parse->error->text, size, "%.60s:%d: %s%s%s", parse->file, parse->line,
			 name, name[0] ? ": " : "", reason);
	else
		snprintf(parse->error->text, size, "--%.60s: %s", name, reason);
	return -EINVAL;
}

static bool parse_number(const char *text, int64_t *out, const char **rest)
{
	char *end;
	errno = 0;
	*out = strtoll(text, &end, 10);
	*rest = end;
	const char first = text[0] == '-' ? text[1] : text[0];
	return !errno && first >= '0' && first <= '9';
}

static int set_int(struct parse *parse, const struct option_row *row, const char *value)
{
	int64_t number;
	const char *rest;
	if (!parse_number(value, &number, &rest) || *rest)
		return fault(parse, row->name, "'%s' is not a number", value);
	if (number < row->min || number > row->max)
		return fault(parse, row->name, "%" PRId64 " is not within %" PRId64 "..%" PRId64,
			     number, row->min, row->max);
	*(int64_t *)(parse->target + row->offset) = number;
	return 0;
}

static int64_t unit_seconds(const char *unit)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = { { "", 1 }, { "s", 1 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(unit, units[i].unit))
			return units[i].seconds;
	return 0;
}

static int set_duration(struct parse *parse, const struct option_row *row, const char *value)
{
	int64_t number;
	const char *unit;
	int64_t seconds;
	if (!parse_number(value, &number, &unit) || !unit_seconds(unit) ||
	    __builtin_mul_overflow(number, unit_seconds(unit), &seconds))
		return fault(parse, row->name, "'%s' is not a time such as 90s, 5m or 1h", value);
	if (seconds < row->min || seconds > row->max)
		return fault(parse, row->name, "%s is not within %" PRId64 "..%" PRId64 " s", value,
			     row->min, row->max);
	*(int64_t *)(parse->target + row->offset) = seconds;
	return 0;
}

static int set_bool(struct parse *parse, const struct option_row *row, const char *value)
{
	const bool on = !strcmp(value, "true");
	if (!on && strcmp(value, "false") != 0)
		return fault(parse, row->name, "'%s' is neither true nor false", value);
	*(bool *)(parse->target + row->offset) = on;
	return 0;
}

static int check_length(struct parse *parse, const struct option_row *row, const char *value)
{
	const int64_t len = (int64_t)strlen(value);
	if (row->max && (len < row->min || len > row->max))
		return fault(parse, row->name,
			     "'%s' is not of %" PRId64 " to %" PRId64 " characters", value,
			     row->min, row->max);
	return 0;
}

static int set_string(struct parse *parse, const struct option_row *row, const char *value)
{
	char **member = (char **)(void *)(parse->target + row->offset);
	if (check_length(parse, row, value))
		return -EINVAL;
	free(*member);
	*member = xstrdup(value);
	return 0;
}

static int set_addr(struct parse *parse, const struct option_row *row, const char *value)
{
	if (addr_parse((struct addr *)(void *)(parse->target + row->offset), value))
		return fault(parse, row->name,
			     "'%s' is not ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080",
			     value);
	return 0;
}

static void list_clear(struct option_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct option_list){ 0 };
}

static int add_to_list(struct parse *parse, const struct option_row *row, const char *value)
{
	struct option_list *list = (struct option_list *)(void *)(parse->target + row->offset);
	if (check_length(parse, row, value))
		return -EINVAL;
	if (parse->sources[row - parse->table->rows] != parse->source)
		list_clear(list);
	if (list->count == OPTION_LIST_MAX)
		return fault(parse, row->name, "more than %d values", OPTION_LIST_MAX);
	list->items = xrealloc(list->items, (list->count + 1) * sizeof(char *));
	list->items[list->count++] = xstrdup(value);
	return 0;
}

static int set_enum(struct parse *parse, const struct option_row *row, const char *value)
{
	char known[120] = "";
	for (int i = 0; row->choices[i]; i++) {
		if (!strcmp(value, row->choices[i])) {
			*(int *)(void *)(parse->target + row->offset) = i;
			return 0;
		}
		const size_t len = strlen(known);
		snprintf(known + len, sizeof(known) - len, "%s%s", i ? ", " : "", row->choices[i]);
	}
	return fault(parse, row->name, "'%.20s' is none of %s", value, known);
}

static int set_value(struct parse *parse, const struct option_row *row, const char *value)
{
	static int (*const setters[])(struct parse *, const struct option_row *, const char *) = {
		[OPTION_BOOL] = set_bool,         [OPTION_INT] = set_int,
		[OPTION_DURATION] = set_duration, [OPTION_STRING] = set_string,
		[OPTION_ADDR] = set_addr,         [OPTION_LIST] = add_to_list,
		[OPTION_ENUM] = set_enum,
	};
	const int err = setters[row->type](parse, row, value);
	parse->sources[row - parse->table->rows] = parse->source;
	return err;
}

static const struct option_row *find_row(const struct option_table *table, const char *name,
					 size_t len)
{
	for (size_t i = 0; i < table->count; i++)
		if (strlen(table->rows[i].name) == len && !memcmp(table->rows[i].name, name, len))
			return &table->rows[i];
	return NULL;
}

static bool names_file(const struct option_table *table, const char *name)
{
	return !strcmp(name, table->file_option ? table->file_option : "config");
}

static int set_defaults(struct parse *parse)
{
	for (size_t i = 0; i < parse->table->count; i++) {
		const struct option_row *row = &parse->table->rows[i];
		if (row->fallback && set_value(parse, row, row->fallback))
			return -EINVAL;
	}
	return 0;
}

/* inih's handler gets no line number and its lines are cut at a fixed length, so the reader counts
 * and measures. */
struct line_reader {
	FILE *file;
	struct parse *parse;
};

static char *read_line(char *out, int size, void *arg)
{
	struct line_reader *reader = arg;
	reader->parse->line++;
	if (!fgets(out, size, reader->file))
		return NULL;
	if (!strchr(out, '\n') && strlen(out) + 1 >= (size_t)size)
		fault(reader->parse, "", "line is too long");
	return out;
}

static int on_line(void *arg, const char *section, const char *name, const char *value)
{
	struct parse *parse = ((struct line_reader *)arg)->parse;
	const struct option_row *row = find_row(parse->table, name, strlen(name));
	if (section[0])
		return !fault(parse, name, "there are no sections");
	if (!row || names_file(parse->table, name))
		return !fault(parse, "", "unknown option '%.60s'", name);
	if (row->type != OPTION_LIST && parse->sources[row - parse->table->rows] == FROM_FILE)
		return !fault(parse, name, "given twice");
	return !set_value(parse, row, value);
}

static int read_file(struct parse *parse, const char *path)
{
	parse->source = FROM_FILE;
	parse->file = path;
	parse->line = 0;
	struct line_reader reader = { .file = fopen(path, "re"), .parse = parse };
	if (!reader.file) {
		parse->source = FROM_COMMAND_LINE;
		return fault(parse,
			     parse->table->file_option ? parse->table->file_option : "config",
			     "%s: %s", path, strerror(errno));
	}
	const int bad_line = ini_parse_stream(read_line, &reader, on_line, &reader);
	fclose(reader.file);
	if (bad_line && !parse->failed) {
		parse->line = bad_line;
		fault(parse, "", "not of the form 'name = value'");
	}
	return parse->failed ? -EINVAL : 0;
}

/* One "--name[=value]" and its value. */
struct argument {
	const struct option_row *row;
	const char *value;
	enum option_result result;
};

/* The argument at argv[*at]; moves *at to the last word it used. */
static int read_argument(struct parse *parse, int argc, char *const *argv, int *at,
			 struct argument *out)
{
	const char *word = argv[*at];
	*out = (struct argument){ .result = OPTION_RUN };
	if (!strcmp(word, "-h")) {
		out->result = OPTION_HELP;
		return 0;
	}
	if (strncmp(word, "--", 2) != 0 || !word[2]) {
		parse->failed = true;
		snprintf(parse->error->text, sizeof(parse->error->text),
			 "'%.100s' is not an option, see --help", word);
		return -EINVAL;
	}
	const char *name = word + 2;
	const size_t len = strcspn(name, "=");
	if (!strcmp(name, "help") || !strcmp(name, "version")) {
		out->result = name[0] == 'h' ? OPTION_HELP : OPTION_VERSION;
		return 0;
	}
	out->row = find_row(parse->table, name, len);
	if (!out->row)
		return fault(parse, name, "unknown option");
	if (name[len])
		out->value = name + len + 1;
	else if (out->row->type == OPTION_BOOL)
		out->value = "true";
	else if (*at + 1 < argc)
		out->value = argv[++*at];
	else
		return fault(parse, out->row->name, "needs a value");
	return 0;
}

/* Two walks over the words: the first only looks for --help and the file, which lies beneath. */
static int read_words(struct parse *parse, int argc, char *const *argv, const char **config)
{
	parse->source = FROM_COMMAND_LINE;
	for (int i = 1; i < argc; i++) {
		struct argument argument;
		const int err = read_argument(parse, argc, argv, &i, &argument);
		if (err || argument.result != OPTION_RUN)
			return err ? err : (int)argument.result;
		if (config && names_file(parse->table, argument.row->name))
			*config = argument.value;
		else if (!config && set_value(parse, argument.row, argument.value))
			return -EINVAL;
	}
	return OPTION_RUN;
}

int options_parse(const struct option_table *table, void *target, int argc, char *const *argv,
		  struct option_error *error)
{
	struct parse parse = {
		.table = table,
		.target = target,
		.error = error,
		.sources = xcalloc(table->count + 1, sizeof(enum source)),
	};
	const char *config = NULL;
	error->text[0] = '\0';
	int result = set_defaults(&parse);
	if (!result)
		result = read_words(&parse, argc, argv, &config);
	if (!result && config)
		result = read_file(&parse, config);
	if (!result)
		result = read_words(&parse, argc, argv, NULL);
	free(parse.sources);
	return result;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same_list(const struct option_list *a, const struct option_list *b)
{
	bool same = a->count == b->count;
	for (size_t i = 0; same && i < a->count; i++)
		same = same_text(a->items[i], b->items[i]);
	return same;
}

static bool same_addr(const struct addr *a, const struct addr *b)
{
	return a->len == b->len && (!a->len || addr_equal(a, b));
}

static bool same_value(enum option_type type, const void *a, const void *b)
{
	switch (type) {
	case OPTION_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case OPTION_INT:
	case OPTION_DURATION:
		return *(const int64_t *)a == *(const int64_t *)b;
	case OPTION_STRING:
		return same_text(*(char *const *)a, *(char *const *)b);
	case OPTION_ADDR:
		return same_addr(a, b);
	case OPTION_LIST:
		return same_list(a, b);
	default:
		return *(const int *)a == *(const int *)b;
	}
}

void options_compare(const struct option_table *table, const void *a, const void *b,
		     void (*fn)(void *arg, const char *name), void *arg)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct option_row *row = &table->rows[i];
		if (!same_value(row->type, (const char *)a + row->offset,
				(const char *)b + row->offset))
			fn(arg, row->name);
	}
}

static const char *value_name(const struct option_row *row)
{
	static const char *const names[] = {
		[OPTION_INT] = "N",        [OPTION_DURATION] = "TIME", [OPTION_STRING] = "TEXT",
		[OPTION_ADDR] = "IP:PORT", [OPTION_LIST] = "TEXT",
	};
	if (row->type == OPTION_BOOL || row->type == OPTION_ENUM)
		return "";
	return row->unit ? row->unit : names[row->type];
}

static void put_choices(const struct option_row *row, FILE *out)
{
	for (int i = 0; row->type == OPTION_ENUM && row->choices[i]; i++)
		fprintf(out, "%s%s", i ? "|" : "", row->choices[i]);
}

static bool has_range(const struct option_row *row)
{
	return row->type == OPTION_INT || row->type == OPTION_DURATION;
}

void options_help(const struct option_table *table, FILE *out)
{
	fprintf(out, "Usage: %s\n\n%s\n\nOptions:\n", table->usage, table->about);
	for (size_t i = 0; i < table->count; i++) {
		const struct option_row *row = &table->rows[i];
		const char *value = value_name(row);
		fprintf(out, "  --%s%s%s", row->name, row->type == OPTION_BOOL ? "" : " ", value);
		put_choices(row, out);
		fprintf(out, "%s\n        %s", row->type == OPTION_LIST ? " (repeatable)" : "",
			row->text);
		if (has_range(row))
			fprintf(out, " %" PRId64 "..%" PRId64 ".", row->min, row->max);
		if (row->fallback)
			fprintf(out, " Default: %s.", row->fallback);
		fputc('\n', out);
	}
	fputs("  --help\n        Shows this text.\n  --version\n        Shows the version.\n", out);
}

void options_manual(const struct option_table *table, FILE *out)
{
	fputs("| option | value | default | what |\n| --- | --- | --- | --- |\n", out);
	for (size_t i = 0; i < table->count; i++) {
		const struct option_row *row = &table->rows[i];
		fprintf(out, "| `%s` | %s", row->name, value_name(row));
		put_choices(row, out);
		if (row->type == OPTION_BOOL)
			fputs("true\\|false", out);
		if (has_range(row))
			fprintf(out, " %" PRId64 "..%" PRId64, row->min, row->max);
		fprintf(out, " | %s | %s |\n", row->fallback ? row->fallback : "", row->text);
	}
}

void options_free(const struct option_table *table, void *target)
{
	for (size_t i = 0; i < table->count; i++) {
		void *member = (char *)target + table->rows[i].offset;
		if (table->rows[i].type == OPTION_STRING) {
			free(*(char **)member);
			*(char **)member = NULL;
		} else if (table->rows[i].type == OPTION_LIST) {
			list_clear(member);
		}
	}
}
