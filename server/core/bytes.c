#include "server/core/bytes.h"

#include "server/core/alloc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 256 };

void bytes_init(struct bytes *bytes, size_t cap)
{
	assert(cap > 0);
	*bytes = (struct bytes){ .cap = cap };
}

void bytes_finish(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){ .cap = bytes->cap };
}

static bool reserve(struct bytes *bytes, size_t len)
{
	if (bytes->full || len > bytes->cap - bytes->len) {
		bytes->full = true;
		return false;
	}
	const size_t need = bytes->len + len + 1; /* one for bytes_string() */
	if (need <= bytes->size)
		return true;
	size_t size = bytes->size ? bytes->size : FIRST_SIZE;
	while (size < need)
		size *= 2;
	uint8_t *data = realloc(bytes->data, size);
	if (!data) {
		bytes->full = true;
		return false;
	}
	bytes->data = data;
	bytes->size = size;
	return true;
}

uint8_t *bytes_extend(struct bytes *bytes, size_t len)
{
	if (!reserve(bytes, len))
		return NULL;
	uint8_t *start = bytes->data + bytes->len;
	bytes->len += len;
	return start;
}

void bytes_put(struct bytes *bytes, const void *data, size_t len)
{
	uint8_t *to = bytes_extend(bytes, len);
	if (to && len)
		memcpy(to, data, len);
}

static void put_big_endian(struct bytes *bytes, uint64_t value, size_t len)
{
	uint8_t *to = bytes_extend(bytes, len);
	for (size_t i = 0; to && i < len; i++)
		to[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
}

void bytes_u8(struct bytes *bytes, uint8_t value)
{
	put_big_endian(bytes, value, 1);
}

void bytes_be16(struct bytes *bytes, uint16_t value)
{
	put_big_endian(bytes, value, 2);
}

void bytes_be24(struct bytes *bytes, uint32_t value)
{
	put_big_endian(bytes, value, 3);
}

void bytes_be32(struct bytes *bytes, uint32_t value)
{
	put_big_endian(bytes, value, 4);
}

void bytes_be64(struct bytes *bytes, uint64_t value)
{
	put_big_endian(bytes, value, 8);
}

void bytes_le32(struct bytes *bytes, uint32_t value)
{
	bytes_be32(bytes, __builtin_bswap32(value));
}

void bytes_text(struct bytes *bytes, const char *text)
{
	bytes_put(bytes, text, strlen(text));
}

void bytes_printf(struct bytes *bytes, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *text = NULL;
	const int len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		bytes->full = true;
		return;
	}
	bytes_put(bytes, text, (size_t)len);
	free(text);
}

void bytes_consume(struct bytes *bytes, size_t len)
{
	if (len > bytes->len)
		len = bytes->len;
	bytes->len -= len;
	if (bytes->len)
		memmove(bytes->data, bytes->data + len, bytes->len);
}

void bytes_clear(struct bytes *bytes)
{
	bytes->len = 0;
	bytes->full = false;
}

const char *bytes_string(struct bytes *bytes)
{
	if (!bytes->data)
		return "";
	bytes->data[bytes->len] = '\0';
	return (const char *)bytes->data;
}
