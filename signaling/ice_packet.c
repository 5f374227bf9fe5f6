#include "signaling/ice_packet.h"

#include "server/core/bits.h"

#include <errno.h>
#include <string.h>

/* RFC 8489 §18.2, §18.3 and RFC 8445 §16.1 */
enum {
	METHOD_BINDING = 1,
	ATTR_USERNAME = 0x0006,
	ATTR_MESSAGE_INTEGRITY = 0x0008,
	ATTR_USE_CANDIDATE = 0x0025,
	ATTR_FINGERPRINT = 0x8028,
	HEADER_SIZE = 20,
	/* A check carries about nine; libnice walks the list once for each it looks for. */
	ATTRIBUTES_MAX = 32,
	INTEGRITY_SIZE = 20,
};

static const uint32_t MAGIC_COOKIE = 0x2112a442;
static const uint32_t FINGERPRINT_XOR = 0x5354554e; /* RFC 8489 §14.7 */

/* CRC-32 of ISO 3309, a nibble at a time: packets are short and the table stays in one line. */
static uint32_t crc32(const uint8_t *data, size_t len)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = 0xffffffff;
	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

struct scan {
	struct ice_packet *packet;
	bool integrity;
	bool fingerprint;
	bool bad;
};

static void take_username(struct scan *scan, const uint8_t *value, size_t len)
{
	const uint8_t *colon = value ? memchr(value, ':', len) : NULL;
	if (!colon || colon == value || colon - value > ICE_UFRAG_MAX || scan->packet->ufrag) {
		scan->bad = true;
		return;
	}
	scan->packet->ufrag = (const char *)value;
	scan->packet->ufrag_len = (size_t)(colon - value);
}

static void take_attribute(struct scan *scan, unsigned type, const uint8_t *value, size_t len)
{
	struct ice_packet *packet = scan->packet;
	/* RFC 8489 §14.5: what follows MESSAGE-INTEGRITY is not protected and means nothing. */
	if (scan->integrity && type != ATTR_FINGERPRINT)
		return;
	switch (type) {
	case ATTR_USERNAME:
		take_username(scan, value, len);
		break;
	case ATTR_MESSAGE_INTEGRITY:
		scan->integrity = true;
		scan->bad |= len != INTEGRITY_SIZE;
		break;
	case ATTR_USE_CANDIDATE:
		packet->use_candidate = true;
		break;
	case ATTR_FINGERPRINT: {
		struct bits crc;
		bits_init(&crc, value, len);
		const uint32_t want = bits_be32(&crc);
		const size_t covered = (size_t)(value - packet->data) - 4;
		scan->bad |= len != 4 || covered + 8 != packet->len ||
			     (crc32(packet->data, covered) ^ FINGERPRINT_XOR) != want;
		scan->fingerprint = true;
		break;
	}
	default:
		break;
	}
}

static bool scan_attributes(struct ice_packet *packet, struct bits *bits)
{
	struct scan scan = { .packet = packet };
	for (int count = 0; bits_left(bits) && !scan.bad; count++) {
		const unsigned type = bits_be16(bits);
		const size_t len = bits_be16(bits);
		const uint8_t *value = bits_bytes(bits, len);
		bits_skip(bits, (4 - len % 4) % 4);
		if (!bits_ok(bits) || count == ATTRIBUTES_MAX)
			return false;
		take_attribute(&scan, type, value, len);
	}
	return !scan.bad && scan.integrity && scan.fingerprint;
}

/* The class bits lie between those of the method: M11..M7 C1 M6..M4 C0 M3..M0. */
static bool take_type(struct ice_packet *packet, unsigned type)
{
	const unsigned method = (type & 0x3e00) >> 2 | (type & 0x00e0) >> 1 | (type & 0x000f);
	packet->kind = (enum ice_packet_kind)((type & 0x0100) >> 7 | (type & 0x0010) >> 4);
	return type < 0x4000 && method == METHOD_BINDING;
}

int ice_packet_scan(struct ice_packet *out, const void *data, size_t len)
{
	struct ice_packet packet = { .data = data, .len = len };
	struct bits bits;
	bits_init(&bits, data, len);
	const unsigned type = bits_be16(&bits);
	const size_t body = bits_be16(&bits);
	const uint32_t cookie = bits_be32(&bits);
	packet.transaction = bits_bytes(&bits, ICE_TRANSACTION);
	if (!bits_ok(&bits) || len > ICE_PACKET_MAX || cookie != MAGIC_COOKIE ||
	    body + HEADER_SIZE != len || !take_type(&packet, type))
		return -EBADMSG;
	if (!scan_attributes(&packet, &bits))
		return -EBADMSG;
	if (packet.kind == ICE_REQUEST && !packet.ufrag)
		return -EBADMSG;
	*out = packet;
	return 0;
}
