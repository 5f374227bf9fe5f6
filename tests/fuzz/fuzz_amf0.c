#include "media/ingest/amf0.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void abort_if_outside(const struct amf0_text *text, const uint8_t *data, size_t len)
{
	const uint8_t *at = (const uint8_t *)text->data;
	if (at < data || text->len > len || at + text->len > data + len)
		abort();
}

/* Every value in turn, entered where that is possible. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bits bits;
	bits_init(&bits, data, len);
	while (bits_left(&bits)) {
		struct bits inside = bits;
		struct amf0_text text;
		double number;
		bool value;
		if (!amf0_enter(&inside)) {
			while (amf0_key(&inside, &text) == 1 && !amf0_skip(&inside))
				;
		}
		inside = bits;
		(void)!amf0_number(&inside, &number);
		(void)!amf0_boolean(&inside, &value);
		if (!amf0_string(&inside, &text))
			abort_if_outside(&text, data, len);
		if (amf0_skip(&bits))
			break;
	}
	return 0;
}
