/*
 * Bounded reader for wire data, by bytes (big endian unless named otherwise) and by bits (MSB
 * first, Exp-Golomb as ITU-T H.264 §9.1). Reading past the end yields zeros and sets `bad` for
 * good, so that a parser reads a whole structure and checks bits_ok() once. Owns nothing; any
 * thread.
 */
#ifndef SOUK_CORE_BITS_H
#define SOUK_CORE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bits {
	const uint8_t *at;
	const uint8_t *end;
	unsigned bit; /* bits of *at already taken, 0..7 */
	bool bad;
};

void bits_init(struct bits *bits, const void *data, size_t len);

/* Whole bytes. A byte read in the middle of a byte is an error of ours: the reader must be aligned.
 */
uint8_t bits_u8(struct bits *bits);
uint16_t bits_be16(struct bits *bits);
uint32_t bits_be24(struct bits *bits);
uint32_t bits_be32(struct bits *bits);
uint64_t bits_be64(struct bits *bits);
uint32_t bits_le32(struct bits *bits);

/* The next `len` bytes in place and moves past them; NULL and bad if there are fewer. */
const uint8_t *bits_bytes(struct bits *bits, size_t len);

/* A reader of its own over the next `len` bytes; bad (and empty) if there are fewer. */
struct bits bits_sub(struct bits *bits, size_t len);

void bits_skip(struct bits *bits, size_t len);
size_t bits_left(const struct bits *bits); /* whole bytes not yet touched */

/* Single bits, count 0..32. */
uint32_t bits_u(struct bits *bits, unsigned count);
uint32_t bits_ue(struct bits *bits);
int32_t bits_se(struct bits *bits);

static inline bool bits_ok(const struct bits *bits)
{
	return !bits->bad;
}

#endif
