/* A client's data channel "souk", opened by us. Owner thread: the hub's. */
#ifndef SOUK_LOAD_TESTS_SWARM_DATA_CHANNEL_H
#define SOUK_LOAD_TESTS_SWARM_DATA_CHANNEL_H

#include "signaling/sctp.h"

struct peer;

struct data_channel {
	void (*opened)(void *arg);
	void (*message)(void *arg, const char *text, size_t len);
	void *arg;
	struct peer *peer;
	struct sctp_slot *slot; /* NULL: closed */
	bool open;
	uint16_t stream;
	uint64_t messages;
};

/* The hub that all channels of the scene need. */
int data_channel_hub(struct sctp_hub **out, struct loop *loop) __attribute__((warn_unused_result));

/* The DTLS of `peer` is up. */
int data_channel_open(struct data_channel *channel, struct sctp_hub *hub, struct peer *peer,
		      bool dtls_client) __attribute__((warn_unused_result));
void data_channel_feed(struct data_channel *channel, const uint8_t *packet, size_t len);
/* -ENOTCONN when it is not open; else as sctp_hub_send_text(). */
int data_channel_send(struct data_channel *channel, const char *text, size_t len)
	__attribute__((warn_unused_result));
void data_channel_close(struct data_channel *channel); /* also of one that was never opened */

/* As closing, but the peer hears nothing of it. */
void data_channel_vanish(struct data_channel *channel);

#endif
