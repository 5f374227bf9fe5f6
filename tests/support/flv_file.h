/* A real FLV file for a test: its tags in turn. Written apart from the code under test. */
#ifndef SOUK_TESTS_FLV_FILE_H
#define SOUK_TESTS_FLV_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flv_file {
	uint8_t *data;
	size_t len;
	size_t at;
};

struct flv_tag {
	uint8_t type;
	uint32_t at_ms;
	const uint8_t *body;
	size_t len;
};

/* tests/data/media/<name>, whole. The test fails when it is not there. */
uint8_t *test_data_read(const char *name, size_t *len);

void flv_file_open(struct flv_file *file, const char *name);
/* Over bytes in memory, which stay the caller's and must outlive it. */
void flv_file_wrap(struct flv_file *file, const uint8_t *data, size_t len);
/* False at the end. Fails the test when the sizes of the tags do not fit. */
bool flv_file_next(struct flv_file *file, struct flv_tag *tag);
void flv_file_close(struct flv_file *file); /* of flv_file_open() */

#endif
