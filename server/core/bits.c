#include "server/core/bits.h"

#include <assert.h>

void bits_init(struct bits *bits, const void *data, size_t len)
{
	if (!data) /* so that no arithmetic is done with NULL */
		data = "";
	*bits = (struct bits){ .at = data, .end = (const uint8_t *)data + len };
}

size_t bits_left(const struct bits *bits)
{
	const size_t left = (size_t)(bits->end - bits->at);
	return bits->bit && left ? left - 1 : left;
}

const uint8_t *bits_bytes(struct bits *bits, size_t len)
{
	assert(bits->bit == 0);
	if (bits->bad || len > (size_t)(bits->end - bits->at)) {
		bits->bad = true;
		bits->at = bits->end;
		return NULL;
	}
	const uint8_t *start = bits->at;
	bits->at += len;
	return start;
}

struct bits bits_sub(struct bits *bits, size_t len)
{
	struct bits sub;
	const uint8_t *start = bits_bytes(bits, len);
	bits_init(&sub, start ? start : bits->end, start ? len : 0);
	sub.bad = !start;
	return sub;
}

void bits_skip(struct bits *bits, size_t len)
{
	bits_bytes(bits, len);
}

static uint64_t big_endian(struct bits *bits, size_t len)
{
	const uint8_t *start = bits_bytes(bits, len);
	uint64_t value = 0;
	for (size_t i = 0; start && i < len; i++)
		value = value << 8 | start[i];
	return value;
}

uint8_t bits_u8(struct bits *bits)
{
	return (uint8_t)big_endian(bits, 1);
}

uint16_t bits_be16(struct bits *bits)
{
	return (uint16_t)big_endian(bits, 2);
}

uint32_t bits_be24(struct bits *bits)
{
	return (uint32_t)big_endian(bits, 3);
}

uint32_t bits_be32(struct bits *bits)
{
	return (uint32_t)big_endian(bits, 4);
}

uint64_t bits_be64(struct bits *bits)
{
	return big_endian(bits, 8);
}

uint32_t bits_le32(struct bits *bits)
{
	return __builtin_bswap32(bits_be32(bits));
}

uint32_t bits_u(struct bits *bits, unsigned count)
{
	assert(count <= 32);
	uint32_t value = 0;
	while (count--) {
		if (bits->bad || bits->at == bits->end) {
			bits->bad = true;
			return 0;
		}
		value = value << 1 | (*bits->at >> (7 - bits->bit) & 1);
		if (++bits->bit == 8) {
			bits->bit = 0;
			bits->at++;
		}
	}
	return value;
}

uint32_t bits_ue(struct bits *bits)
{
	unsigned zeros = 0;
	while (bits_ok(bits) && !bits_u(bits, 1))
		zeros++;
	if (zeros > 31)
		bits->bad = true;
	if (!bits_ok(bits))
		return 0;
	return (uint32_t)((1ULL << zeros) - 1 + bits_u(bits, zeros));
}

int32_t bits_se(struct bits *bits)
{
	const uint32_t code = bits_ue(bits);
	const int32_t magnitude = (int32_t)(code / 2 + (code & 1));
	return code & 1 ? magnitude : -magnitude;
}
