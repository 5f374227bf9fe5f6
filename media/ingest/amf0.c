#include "media/ingest/amf0.h"

#include "server/core/bytes.h"

#include <errno.h>
#include <string.h>

int amf0_peek(const struct bits *bits)
{
	struct bits ahead = *bits;
	const uint8_t type = bits_u8(&ahead);
	return bits_ok(&ahead) ? type : -1;
}

/* Moves `bits` to where `ahead` has come if that was well. */
static int take(struct bits *bits, const struct bits *ahead)
{
	if (!bits_ok(ahead))
		return -EINVAL;
	*bits = *ahead;
	return 0;
}

int amf0_number(struct bits *bits, double *out)
{
	struct bits ahead = *bits;
	if (bits_u8(&ahead) != AMF0_NUMBER)
		return -EINVAL;
	const uint64_t raw = bits_be64(&ahead);
	if (take(bits, &ahead))
		return -EINVAL;
	memcpy(out, &raw, sizeof(*out));
	return 0;
}

int amf0_boolean(struct bits *bits, bool *out)
{
	struct bits ahead = *bits;
	if (bits_u8(&ahead) != AMF0_BOOLEAN)
		return -EINVAL;
	const bool value = bits_u8(&ahead) != 0;
	if (take(bits, &ahead))
		return -EINVAL;
	*out = value;
	return 0;
}

int amf0_string(struct bits *bits, struct amf0_text *out)
{
	struct bits ahead = *bits;
	const uint8_t type = bits_u8(&ahead);
	if (type != AMF0_STRING && type != AMF0_LONG_STRING)
		return -EINVAL;
	const size_t len = type == AMF0_STRING ? bits_be16(&ahead) : bits_be32(&ahead);
	const uint8_t *data = bits_bytes(&ahead, len);
	if (take(bits, &ahead))
		return -EINVAL;
	*out = (struct amf0_text){ .data = (const char *)data, .len = len };
	return 0;
}

int amf0_enter(struct bits *bits)
{
	struct bits ahead = *bits;
	const uint8_t type = bits_u8(&ahead);
	if (type == AMF0_ECMA_ARRAY)
		bits_skip(&ahead, 4); /* a count that senders do not keep to (§2.10) */
	else if (type == AMF0_TYPED_OBJECT)
		bits_skip(&ahead, bits_be16(&ahead));
	else if (type != AMF0_OBJECT)
		return -EINVAL;
	return take(bits, &ahead);
}

int amf0_key(struct bits *bits, struct amf0_text *key)
{
	struct bits ahead = *bits;
	const size_t len = bits_be16(&ahead);
	const uint8_t *data = bits_bytes(&ahead, len);
	if (!bits_ok(&ahead))
		return -EINVAL;
	if (!len && amf0_peek(&ahead) == AMF0_OBJECT_END) {
		bits_skip(&ahead, 1);
		*bits = ahead;
		return 0;
	}
	*bits = ahead;
	*key = (struct amf0_text){ .data = (const char *)data, .len = len };
	return 1;
}

static int skip(struct bits *bits, unsigned depth);

static int skip_pairs(struct bits *bits, unsigned depth)
{
	struct amf0_text key;
	int more;
	while ((more = amf0_key(bits, &key)) == 1) {
		if (skip(bits, depth))
			return -EINVAL;
	}
	return more;
}

static int skip_strict_array(struct bits *bits, unsigned depth)
{
	bits_skip(bits, 1);
	const uint32_t count = bits_be32(bits);
	for (uint32_t i = 0; i < count && bits_ok(bits); i++) {
		if (skip(bits, depth))
			return -EINVAL;
	}
	return bits_ok(bits) ? 0 : -EINVAL;
}

/* The bytes of a value of fixed size after its marker, or -1. */
static int fixed_size(int type)
{
	switch (type) {
	case AMF0_NUMBER:
		return 8;
	case AMF0_BOOLEAN:
		return 1;
	case AMF0_NULL:
	case AMF0_UNDEFINED:
	case AMF0_UNSUPPORTED:
		return 0;
	case AMF0_REFERENCE:
		return 2;
	case AMF0_DATE:
		return 10;
	default:
		return -1;
	}
}

static int skip(struct bits *bits, unsigned depth)
{
	const int type = amf0_peek(bits);
	const int size = fixed_size(type);
	if (type < 0 || depth >= AMF0_DEPTH_MAX)
		return -EINVAL;
	if (size >= 0) {
		bits_skip(bits, 1 + (size_t)size);
		return bits_ok(bits) ? 0 : -EINVAL;
	}
	struct amf0_text text;
	if (!amf0_string(bits, &text))
		return 0;
	if (!amf0_enter(bits))
		return skip_pairs(bits, depth + 1);
	if (type == AMF0_STRICT_ARRAY)
		return skip_strict_array(bits, depth + 1);
	if (type == AMF0_XML) {
		bits_skip(bits, 1);
		bits_skip(bits, bits_be32(bits));
		return bits_ok(bits) ? 0 : -EINVAL;
	}
	return -EINVAL;
}

int amf0_skip(struct bits *bits)
{
	return skip(bits, 0);
}

bool amf0_text_is(const struct amf0_text *text, const char *with)
{
	return text->data && text->len == strlen(with) && !memcmp(text->data, with, text->len);
}

void amf0_put_number(struct bytes *out, double value)
{
	uint64_t raw;
	memcpy(&raw, &value, sizeof(raw));
	bytes_u8(out, AMF0_NUMBER);
	bytes_be64(out, raw);
}

void amf0_put_boolean(struct bytes *out, bool value)
{
	bytes_u8(out, AMF0_BOOLEAN);
	bytes_u8(out, value);
}

void amf0_put_string(struct bytes *out, const char *text, size_t len)
{
	bytes_u8(out, len > UINT16_MAX ? AMF0_LONG_STRING : AMF0_STRING);
	if (len > UINT16_MAX)
		bytes_be32(out, (uint32_t)len);
	else
		bytes_be16(out, (uint16_t)len);
	bytes_put(out, text, len);
}

void amf0_put_text(struct bytes *out, const char *text)
{
	amf0_put_string(out, text, strlen(text));
}

void amf0_put_null(struct bytes *out)
{
	bytes_u8(out, AMF0_NULL);
}

void amf0_put_object(struct bytes *out)
{
	bytes_u8(out, AMF0_OBJECT);
}

void amf0_put_ecma_array(struct bytes *out, uint32_t count)
{
	bytes_u8(out, AMF0_ECMA_ARRAY);
	bytes_be32(out, count);
}

void amf0_put_strict_array(struct bytes *out, uint32_t count)
{
	bytes_u8(out, AMF0_STRICT_ARRAY);
	bytes_be32(out, count);
}

void amf0_put_key(struct bytes *out, const char *key)
{
	bytes_be16(out, (uint16_t)strlen(key));
	bytes_text(out, key);
}

void amf0_put_pair(struct bytes *out, const char *key, const char *text)
{
	amf0_put_key(out, key);
	amf0_put_text(out, text);
}

void amf0_put_end(struct bytes *out)
{
	bytes_be24(out, AMF0_OBJECT_END);
}
