/*
 * AMF0 (amf0-file-format-specification.pdf), the value encoding of RTMP commands and FLV script
 * data. The reader is a cursor over untrusted bytes: bounded, depth capped, it builds no tree. A
 * caller takes what it expects and skips the rest. Any thread.
 */
#ifndef SOUK_MEDIA_AMF0_H
#define SOUK_MEDIA_AMF0_H

#include "server/core/bits.h"

#include <stdbool.h>
#include <stddef.h>

struct bytes;

enum amf0_type {
	AMF0_NUMBER = 0,
	AMF0_BOOLEAN = 1,
	AMF0_STRING = 2,
	AMF0_OBJECT = 3,
	AMF0_NULL = 5,
	AMF0_UNDEFINED = 6,
	AMF0_REFERENCE = 7,
	AMF0_ECMA_ARRAY = 8,
	AMF0_OBJECT_END = 9,
	AMF0_STRICT_ARRAY = 10,
	AMF0_DATE = 11,
	AMF0_LONG_STRING = 12,
	AMF0_UNSUPPORTED = 13,
	AMF0_XML = 15,
	AMF0_TYPED_OBJECT = 16,
};

enum { AMF0_DEPTH_MAX = 16 };

struct amf0_text {
	const char *data; /* not terminated; NULL: absent */
	size_t len;
};

/* The type of the next value, or -1 at the end. */
int amf0_peek(const struct bits *bits);

/* 0, or -EINVAL when the next value is of another type (the reader does not move) or cut off. */
int amf0_number(struct bits *bits, double *out) __attribute__((warn_unused_result));
int amf0_boolean(struct bits *bits, bool *out) __attribute__((warn_unused_result));
int amf0_string(struct bits *bits, struct amf0_text *out) __attribute__((warn_unused_result));

/* Any value with all that it contains. */
int amf0_skip(struct bits *bits) __attribute__((warn_unused_result));

/* Enters an object or ECMA array: then amf0_key() before each value, until it answers 0. */
int amf0_enter(struct bits *bits) __attribute__((warn_unused_result));
/* 1: a key, its value follows; 0: the end of the object, consumed; -EINVAL. */
int amf0_key(struct bits *bits, struct amf0_text *key) __attribute__((warn_unused_result));

bool amf0_text_is(const struct amf0_text *text, const char *with);

/* Writing. Strings of more than 65,535 bytes become long strings; keys may not be that long. */
void amf0_put_number(struct bytes *out, double value);
void amf0_put_boolean(struct bytes *out, bool value);
void amf0_put_string(struct bytes *out, const char *text, size_t len);
void amf0_put_text(struct bytes *out, const char *text);
void amf0_put_null(struct bytes *out);
void amf0_put_object(struct bytes *out); /* then key and value in turn, then amf0_put_end() */
void amf0_put_ecma_array(struct bytes *out, uint32_t count);
void amf0_put_strict_array(struct bytes *out, uint32_t count); /* so many values follow */
void amf0_put_key(struct bytes *out, const char *key);
void amf0_put_pair(struct bytes *out, const char *key, const char *text);
void amf0_put_end(struct bytes *out);

#endif
