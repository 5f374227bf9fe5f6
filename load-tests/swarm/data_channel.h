/* A viewer's data channel "souk": opened by us, what comes is counted. Owner thread: the hub's. */
#ifndef SOUK_LOAD_TESTS_SWARM_DATA_CHANNEL_H
#define SOUK_LOAD_TESTS_SWARM_DATA_CHANNEL_H

#include "signaling/sctp.h"

struct peer;

struct data_channel {
	struct peer *peer;
	struct sctp_slot *slot; /* NULL: closed */
	bool open;
	uint64_t messages;
};

/* The hub that all channels of the scene need. */
int data_channel_hub(struct sctp_hub **out, struct loop *loop) __attribute__((warn_unused_result));

/* The DTLS of `peer` is up. */
int data_channel_open(struct data_channel *channel, struct sctp_hub *hub, struct peer *peer,
		      bool dtls_client) __attribute__((warn_unused_result));
void data_channel_feed(struct data_channel *channel, const uint8_t *packet, size_t len);
void data_channel_close(struct data_channel *channel); /* also of one that was never opened */

#endif
