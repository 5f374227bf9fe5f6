#include "server/core/json.h"

#include <stdio.h>
#include <string.h>

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

json_t *json_parse(const void *data, size_t len)
{
	if (!depth_ok(data, len))
		return NULL;
	json_error_t error;
	return json_loadb(data, len, JSON_REJECT_DUPLICATES, &error);
}

char *json_text(const json_t *value)
{
	return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_PRESERVE_ORDER);
}

void json_reader_init(struct json_reader *reader, const json_t *object)
{
	*reader = (struct json_reader){ .object = object, .bad = !json_is_object(object) };
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

void json_fault(struct json_reader *reader, const char *member)
{
	if (reader->bad)
		return;
	reader->bad = true;
	snprintf(reader->member, sizeof(reader->member), "%s", member);
}

static int64_t take_int(struct json_reader *reader, const char *member, int64_t min, int64_t max)
{
	const json_t *value = get(reader, member);
	const int64_t number = json_integer_value(value);
	if (json_is_integer(value) && number >= min && number <= max)
		return number;
	json_fault(reader, member);
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
		json_fault(reader, member);
	return json_is_true(value);
}

const char *json_string_of(struct json_reader *reader, const char *member, size_t min, size_t max)
{
	const json_t *value = get(reader, member);
	const size_t len = json_string_length(value);
	if (json_is_string(value) && len >= min && len <= max)
		return json_string_value(value);
	json_fault(reader, member);
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
		json_fault(reader, member);
	json_reader_init(&inner, value);
	return inner;
}

void json_leave(struct json_reader *reader, const struct json_reader *inner, const char *member)
{
	if (!inner->bad || reader->bad)
		return;
	char path[sizeof(reader->member)];
	snprintf(path, sizeof(path), "%.30s.%.30s", member, inner->member);
	json_fault(reader, path);
}
