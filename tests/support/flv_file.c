#include "tests/support/flv_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_HEADER = 9, TAG_HEADER = 11, PREVIOUS = 4 };

uint8_t *test_data_read(const char *name, size_t *len)
{
	char path[512];
	const char *folder = getenv("SOUK_TEST_DATA");
	snprintf(path, sizeof(path), "%s/media/%s", folder ? folder : "tests/data", name);
	FILE *in = fopen(path, "rb");
	cr_assert(in != NULL, "cannot read %s", path);
	fseek(in, 0, SEEK_END);
	*len = (size_t)ftell(in);
	rewind(in);
	uint8_t *data = malloc(*len + 1);
	cr_assert(data && fread(data, 1, *len, in) == *len);
	fclose(in);
	return data;
}

void flv_file_wrap(struct flv_file *file, const uint8_t *data, size_t len)
{
	cr_assert(len >= FILE_HEADER + PREVIOUS && !memcmp(data, "FLV\1", 4));
	*file = (struct flv_file){ .data = (uint8_t *)data,
				   .len = len,
				   .at = FILE_HEADER + PREVIOUS };
}

void flv_file_open(struct flv_file *file, const char *name)
{
	size_t len;
	uint8_t *data = test_data_read(name, &len);
	flv_file_wrap(file, data, len);
}

static uint32_t be24(const uint8_t *at)
{
	return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

bool flv_file_next(struct flv_file *file, struct flv_tag *tag)
{
	if (file->at == file->len)
		return false;
	cr_assert(file->len - file->at > TAG_HEADER + PREVIOUS);
	const uint8_t *at = file->data + file->at;
	tag->type = at[0];
	tag->len = be24(at + 1);
	tag->at_ms = be24(at + 4) | (uint32_t)at[7] << 24;
	tag->body = at + TAG_HEADER;
	const size_t whole = TAG_HEADER + tag->len;
	cr_assert(file->len - file->at >= whole + PREVIOUS);
	const uint8_t *previous = at + whole;
	cr_assert(previous[0] == 0 && be24(previous + 1) == whole, "previous tag size");
	file->at += whole + PREVIOUS;
	return true;
}

void flv_file_close(struct flv_file *file)
{
	free(file->data);
	file->data = NULL;
}
