/*
 * Growable byte buffer with a cap, for building messages and for collecting input. Exceeding the
 * cap sets `full` for good and drops what did not fit, so that a writer checks bytes_ok() once at
 * the end. One owner, one thread. bytes_init with cap 0 is an error of ours: each buffer names its
 * cap.
 */
#ifndef SOUK_CORE_BYTES_H
#define SOUK_CORE_BYTES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
	uint8_t *data;
	size_t len;
	size_t size; /* allocated */
	size_t cap;
	bool full;
};

void bytes_init(struct bytes *bytes, size_t cap);
void bytes_finish(struct bytes *bytes);

void bytes_put(struct bytes *bytes, const void *data, size_t len);
void bytes_u8(struct bytes *bytes, uint8_t value);
void bytes_be16(struct bytes *bytes, uint16_t value);
void bytes_be24(struct bytes *bytes, uint32_t value);
void bytes_be32(struct bytes *bytes, uint32_t value);
void bytes_be64(struct bytes *bytes, uint64_t value);
void bytes_le32(struct bytes *bytes, uint32_t value);
void bytes_text(struct bytes *bytes, const char *text); /* without its NUL */
void bytes_printf(struct bytes *bytes, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Room for `len` bytes at the end, counted as written; NULL and full if it exceeds the cap. */
uint8_t *bytes_extend(struct bytes *bytes, size_t len);

/* Forgets the first `len` bytes (at most all). Keeps the memory. */
void bytes_consume(struct bytes *bytes, size_t len);
void bytes_clear(struct bytes *bytes); /* empty and not full; keeps the memory */

/* The content as a NUL-terminated string owned by the buffer, valid until the next call. */
const char *bytes_string(struct bytes *bytes);

static inline bool bytes_ok(const struct bytes *bytes)
{
	return !bytes->full;
}

#endif
