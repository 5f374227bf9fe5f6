#include "server/core/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	json_t *value = json_parse(data, len);
	struct json_reader reader;
	json_reader_init(&reader, value);
	json_int_or(&reader, "qty", 1, 999, 1);
	struct json_reader price = json_enter(&reader, "price");
	json_string_of(&price, "cur", 3, 3);
	json_leave(&reader, &price, "price");
	if (value)
		free(json_text(value));
	json_decref(value);
	return 0;
}
