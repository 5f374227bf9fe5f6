#include "media/transcoder/protocol.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What was read is written again as the same bytes: the parser lets nothing by that it cannot say.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes wire;
	bytes_init(&wire, PROTOCOL_MESSAGE_MAX);
	for (size_t at = 0; at < len;) {
		struct protocol_message message;
		const int got = protocol_parse(data + at, len - at, &message);
		if (got <= 0)
			break;
		bytes_clear(&wire);
		if ((size_t)got > len - at || protocol_write(&wire, &message) ||
		    wire.len != (size_t)got || memcmp(wire.data, data + at, wire.len))
			abort();
		at += (size_t)got;
	}
	bytes_finish(&wire);
	return 0;
}
