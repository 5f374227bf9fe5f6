#include "signaling/dcep.h"

#include "server/core/bits.h"

#include <errno.h>
#include <string.h>

/* RFC 8832 §8.2.1 */
enum { MESSAGE_ACK = 0x02, MESSAGE_OPEN = 0x03, OPEN_HEADER = 12 };

static bool take_text(struct bits *bits, size_t len, size_t max, char *out)
{
	const uint8_t *text = bits_bytes(bits, len);
	if (!text || len > max || memchr(text, '\0', len))
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

int dcep_parse(struct dcep *out, const void *data, size_t len)
{
	struct dcep message = { .type = DCEP_ACK };
	struct bits bits;
	bits_init(&bits, data, len);
	const unsigned type = bits_u8(&bits);
	if (type == MESSAGE_ACK && len == DCEP_ACK_SIZE) {
		*out = message;
		return 0;
	}
	if (type != MESSAGE_OPEN)
		return -EBADMSG;
	message.type = DCEP_OPEN;
	message.channel = bits_u8(&bits);
	message.priority = bits_be16(&bits);
	message.reliability = bits_be32(&bits);
	const size_t label = bits_be16(&bits);
	const size_t protocol = bits_be16(&bits);
	if (!take_text(&bits, label, DCEP_LABEL_MAX, message.label) ||
	    !take_text(&bits, protocol, DCEP_PROTOCOL_MAX, message.protocol) || bits_left(&bits))
		return -EBADMSG;
	*out = message;
	return 0;
}

size_t dcep_write_open(uint8_t out[DCEP_SIZE_MAX], const char *label)
{
	const size_t len = strlen(label);
	if (len > DCEP_LABEL_MAX)
		return 0;
	memset(out, 0, OPEN_HEADER); /* reliable, ordered, lowest priority, no protocol */
	out[0] = MESSAGE_OPEN;
	out[9] = (uint8_t)len;
	/* The length stands before it: NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
	memcpy(out + OPEN_HEADER, label, len);
	return OPEN_HEADER + len;
}

size_t dcep_write_ack(uint8_t out[DCEP_ACK_SIZE])
{
	out[0] = MESSAGE_ACK;
	return DCEP_ACK_SIZE;
}
