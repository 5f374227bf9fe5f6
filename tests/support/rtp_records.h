/* Recorded datagrams of tests/data/rtp (see its README.md) and the units of an Annex B file. */
#ifndef SOUK_TESTS_RTP_RECORDS_H
#define SOUK_TESTS_RTP_RECORDS_H

#include <stddef.h>
#include <stdint.h>

struct rtp_record {
	int64_t arrival_us;
	const uint8_t *data;
	size_t len;
};

struct rtp_records {
	uint8_t *file;
	struct rtp_record *items;
	size_t count;
};

/* Both end the test when the file is not there. */
void rtp_records_load(struct rtp_records *records, const char *name);
uint8_t *test_data_load(const char *name, size_t *len); /* the caller frees */
void rtp_records_free(struct rtp_records *records);

#endif
