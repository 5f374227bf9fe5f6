#include "tests/support/rtp_records.h"

#include "server/core/alloc.h"
#include "server/core/bits.h"

#include <stdio.h>
#include <stdlib.h>

uint8_t *test_data_load(const char *name, size_t *len)
{
	const char *folder = getenv("SOUK_TEST_DATA");
	char *path = xasprintf("%s/%s", folder ? folder : "tests/data", name);
	FILE *file = fopen(path, "rb");
	if (!file) {
		fprintf(stderr, "cannot read %s\n", path);
		abort();
	}
	fseek(file, 0, SEEK_END);
	const long size = ftell(file);
	rewind(file);
	uint8_t *data = xcalloc(1, (size_t)size + 1);
	*len = fread(data, 1, (size_t)size, file);
	fclose(file);
	free(path);
	return data;
}

void rtp_records_load(struct rtp_records *records, const char *name)
{
	size_t len;
	*records = (struct rtp_records){ .file = test_data_load(name, &len) };
	struct bits bits;
	bits_init(&bits, records->file, len);
	while (bits_left(&bits) > 0) {
		records->items =
			xrealloc(records->items, (records->count + 1) * sizeof(*records->items));
		struct rtp_record *record = &records->items[records->count++];
		record->arrival_us = bits_be32(&bits);
		record->len = bits_be16(&bits);
		record->data = bits_bytes(&bits, record->len);
	}
	if (!bits_ok(&bits))
		abort();
}

void rtp_records_free(struct rtp_records *records)
{
	free(records->items);
	free(records->file);
	*records = (struct rtp_records){ 0 };
}
