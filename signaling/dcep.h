/*
 * Data Channel Establishment Protocol (RFC 8832): the OPEN and ACK messages. Pure; any thread.
 */
#ifndef SOUK_SIGNALING_DCEP_H
#define SOUK_SIGNALING_DCEP_H

#include <stddef.h>
#include <stdint.h>

/* Payload protocol identifiers, RFC 8831 §8 and RFC 8832 §8.1. */
enum {
	DCEP_PPID = 50,
	DCEP_PPID_TEXT = 51,
	DCEP_PPID_BINARY = 53,
	DCEP_PPID_TEXT_EMPTY = 56,
	DCEP_PPID_BINARY_EMPTY = 57,
};

enum {
	DCEP_LABEL_MAX = 64,
	DCEP_PROTOCOL_MAX = 64,
	DCEP_SIZE_MAX = 12 + 64 + 64,
	DCEP_ACK_SIZE = 1
};

enum dcep_type { DCEP_ACK, DCEP_OPEN };

struct dcep {
	enum dcep_type type;
	uint8_t channel; /* RFC 8832 §8.2.2; 0: reliable and ordered */
	uint16_t priority;
	uint32_t reliability;
	char label[DCEP_LABEL_MAX + 1];
	char protocol[DCEP_PROTOCOL_MAX + 1];
};

/* -EBADMSG: malformed, unknown type, or names longer than ours. */
int dcep_parse(struct dcep *out, const void *data, size_t len) __attribute__((warn_unused_result));

/* An OPEN of a reliable, ordered channel. Returns its size, or 0 when the label is too long. */
size_t dcep_write_open(uint8_t out[DCEP_SIZE_MAX], const char *label);
size_t dcep_write_ack(uint8_t out[DCEP_ACK_SIZE]);

#endif
