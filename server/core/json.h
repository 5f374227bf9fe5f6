/*
 * Bounded JSON input over jansson, and typed access that names the member at fault. Values follow
 * jansson's reference counting; one thread at a time.
 */
#ifndef SOUK_CORE_JSON_H
#define SOUK_CORE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Deeper input is refused before it is parsed. */
enum { JSON_DEPTH_MAX = 16, JSON_WHY_SIZE = 120 };

/* One value (object or array), nothing behind it, UTF-8, no duplicate keys, no NUL in strings; NULL
 * if it is not. A number beyond int64 or double reads as an empty array. The caller owns the
 * reference. */
json_t *json_parse(const void *data, size_t len) __attribute__((warn_unused_result));
/* The same, and why not: "line 1, column 12: duplicate object key". */
json_t *json_parse_why(const void *data, size_t len, char why[JSON_WHY_SIZE])
	__attribute__((warn_unused_result));

/* Compact text, members in the order they were set; NUL-terminated, the caller frees. */
char *json_text(const json_t *value) __attribute__((warn_unused_result));

/*
 * Members of an object. A reader remembers the first fault; later reads are then harmless.
 * `fallback` stands for an absent (or null) member; a member of another type or outside its range
 * is a fault.
 */
struct json_reader {
	const json_t *object;
	char member[64]; /* the member at fault ("price.minor"); empty when none */
	char why[JSON_WHY_SIZE]; /* for people: "must be 1 to 999" */
	bool bad;
};

void json_reader_init(struct json_reader *reader, const json_t *object); /* non-object: bad */
bool json_has(const struct json_reader *reader, const char *member); /* present and not null */
void json_fault(struct json_reader *reader, const char *member, const char *why);
int64_t json_int(struct json_reader *reader, const char *member, int64_t min, int64_t max);
int64_t json_int_or(struct json_reader *reader, const char *member, int64_t min, int64_t max,
		    int64_t fallback);
bool json_bool_or(struct json_reader *reader, const char *member, bool fallback);
/* Text of min..max bytes, owned by the object. NULL on a fault. */
const char *json_string_of(struct json_reader *reader, const char *member, size_t min, size_t max);
const char *json_string_or(struct json_reader *reader, const char *member, size_t max,
			   const char *fallback);
/* A reader for a member that is an object; merge its fault back with json_leave(). */
struct json_reader json_enter(struct json_reader *reader, const char *member);
void json_leave(struct json_reader *reader, const struct json_reader *inner, const char *member);

#endif
