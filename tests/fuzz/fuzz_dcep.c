#include "signaling/dcep.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct dcep message, again;
	uint8_t wire[DCEP_SIZE_MAX];
	if (dcep_parse(&message, data, len) || message.type != DCEP_OPEN)
		return 0;
	/* A label that was read can be written and read again. */
	const size_t size = dcep_write_open(wire, message.label);
	if (!size || dcep_parse(&again, wire, size) || strcmp(again.label, message.label) != 0)
		abort();
	return 0;
}
