#include "server/core/json.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char missing[] = "is missing";

static bool depth_ok(const char *text, size_t len)
{
	unsigned depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < len; i++) {
		const char c = text[i];
		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH_MAX)
				return false;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return true;
}

/* Length of the number, if nobody can hold it; else 0. */
static size_t overflow_len(const char *number)
{
	char *end, *end_of_real;
	errno = 0;
	(void)strtoll(number, &end, 10);
	const bool too_large = errno == ERANGE;
	const double real = strtod(number, &end_of_real);
	if (end_of_real > end)
		return isinf(real) ? (size_t)(end_of_real - number) : 0;
	return too_large ? (size_t)(end - number) : 0;
}

/* A number that nobody can hold is of the wrong type wherever it stands. With an empty array in its
 * place readers name its member, or pass over one that they do not know. */
static void blank_overflows(char *text)
{
	bool quoted = false;
	for (char *at = text; *at; at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (quoted && *at == '\\' && at[1])
			at++;
		if (quoted || !isdigit((unsigned char)at[*at == '-']))
			continue;
		const size_t len = overflow_len(at);
		if (len) {
			memset(at, ' ', len);
			at[0] = '[';
			at[1] = ']';
		}
		at += (len ? len : strspn(at, "+-.0123456789eE")) - 1;
	}
}

static json_t *load(const void *data, size_t len, json_error_t *error)
{
	json_t *value = json_loadb(data, len, JSON_REJECT_DUPLICATES, error);
	if (value || json_error_code(error) != json_error_numeric_overflow)
		return value;
	char *text = strndup(data, len);
	if (text && strlen(text) == len) {
		blank_overflows(text);
		value = json_loadb(text, len, JSON_REJECT_DUPLICATES, error);
	}
	free(text);
	return value;
}

json_t *json_parse_why(const void *data, size_t len, char why[JSON_WHY_SIZE])
{
	if (!depth_ok(data, len)) {
		snprintf(why, JSON_WHY_SIZE, "more than %d levels", JSON_DEPTH_MAX);
		return NULL;
	}
	json_error_t error;
	json_t *value = load(data, len, &error);
	if (value)
		return value;
	/* What is quoted of the input may be no text. */
	char *near = strstr(error.text, " near '");
	if (near)
		*near = '\0';
	snprintf(why, JSON_WHY_SIZE, "line %d, column %d: %.80s", error.line, error.column,
		 error.text);
	return NULL;
}

json_t *json_parse(const void *data, size_t len)
{
	char why[JSON_WHY_SIZE];
	return json_parse_why(data, len, why);
}

char *json_text(const json_t *value)
{
	return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_PRESERVE_ORDER);
}

void json_reader_init(struct json_reader *reader, const json_t *object)
{
	*reader = (struct json_reader){ .object = object, .bad = !json_is_object(object) };
	if (reader->bad)
		snprintf(reader->why, sizeof(reader->why), "must be an object");
}

static json_t *get(const struct json_reader *reader, const char *member)
{
	json_t *value = reader->bad ? NULL : json_object_get(reader->object, member);
	return json_is_null(value) ? NULL : value;
}

bool json_has(const struct json_reader *reader, const char *member)
{
	return get(reader, member) != NULL;
}

void json_fault(struct json_reader *reader, const char *member, const char *why)
{
	if (reader->bad)
		return;
	reader->bad = true;
	snprintf(reader->member, sizeof(reader->member), "%s", member);
	snprintf(reader->why, sizeof(reader->why), "%s", why);
}

static int64_t take_int(struct json_reader *reader, const char *member, int64_t min, int64_t max)
{
	const json_t *value = get(reader, member);
	const int64_t number = json_integer_value(value);
	if (json_is_integer(value) && number >= min && number <= max)
		return number;
	char why[JSON_WHY_SIZE];
	if (max == INT64_MAX)
		snprintf(why, sizeof(why), "must be an integer from %" PRId64 " on", min);
	else
		snprintf(why, sizeof(why), "must be an integer, %" PRId64 " to %" PRId64, min, max);
	json_fault(reader, member, value ? why : missing);
	return 0;
}

int64_t json_int(struct json_reader *reader, const char *member, int64_t min, int64_t max)
{
	return take_int(reader, member, min, max);
}

int64_t json_int_or(struct json_reader *reader, const char *member, int64_t min, int64_t max,
		    int64_t fallback)
{
	return json_has(reader, member) ? take_int(reader, member, min, max) : fallback;
}

bool json_bool_or(struct json_reader *reader, const char *member, bool fallback)
{
	const json_t *value = get(reader, member);
	if (!value)
		return fallback;
	if (!json_is_boolean(value))
		json_fault(reader, member, "must be true or false");
	return json_is_true(value);
}

const char *json_string_of(struct json_reader *reader, const char *member, size_t min, size_t max)
{
	const json_t *value = get(reader, member);
	const size_t len = json_string_length(value);
	if (json_is_string(value) && len >= min && len <= max)
		return json_string_value(value);
	char why[JSON_WHY_SIZE];
	if (max == SIZE_MAX)
		snprintf(why, sizeof(why), "must be a string");
	else
		snprintf(why, sizeof(why), "must be a string of %zu to %zu bytes", min, max);
	json_fault(reader, member, value ? why : missing);
	return NULL;
}

const char *json_string_or(struct json_reader *reader, const char *member, size_t max,
			   const char *fallback)
{
	return json_has(reader, member) ? json_string_of(reader, member, 0, max) : fallback;
}

struct json_reader json_enter(struct json_reader *reader, const char *member)
{
	struct json_reader inner;
	const json_t *value = get(reader, member);
	if (!json_is_object(value))
		json_fault(reader, member, value ? "must be an object" : missing);
	json_reader_init(&inner, value);
	return inner;
}

void json_leave(struct json_reader *reader, const struct json_reader *inner, const char *member)
{
	if (!inner->bad || reader->bad)
		return;
	char path[sizeof(reader->member)];
	snprintf(path, sizeof(path), "%.30s.%.30s", member, inner->member);
	json_fault(reader, path, inner->why);
}
