/*
 * Data channels of all viewers over one usrsctp socket ("many" form): a viewer is a slot, which is
 * a remote port that we write into the SCTP header on its way in and out. Packets come from and go
 * to DTLS. The hub and all its slots belong to one thread (the server's control thread): usrsctp
 * has one state for the process, so all hubs of a process must live on that same thread.
 *
 * Events are delivered after the library has returned: callbacks but packet_out may call anything
 * here, sctp_hub_detach() included.
 */
#ifndef SOUK_SIGNALING_SCTP_H
#define SOUK_SIGNALING_SCTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct loop;
struct sctp_hub;
struct sctp_slot;

enum {
	SCTP_STREAMS = 16, /* in each direction */
	SCTP_MESSAGE_IN_MAX = 65536, /* longer ones from a client end its association */
	SCTP_MESSAGE_OUT_MAX = 16384, /* what the send buffer takes at once */
	SCTP_QUEUE_MAX = 64, /* messages that wait for one slow viewer */
	SCTP_SLOTS_MAX = 65535,
};

struct sctp_hub_ops {
	/* One SCTP packet for the DTLS of this slot; must not call back into the hub. */
	void (*packet_out)(void *arg, const uint8_t *packet, size_t len);
	/* A data channel is open: the viewer opened it, or answered ours. */
	void (*open)(void *arg, uint16_t stream, const char *label);
	/* One whole text message (UTF-8 is not checked, not NUL-terminated). */
	void (*message)(void *arg, uint16_t stream, const char *text, size_t len);
	/* The viewer closed this channel. */
	void (*channel_closed)(void *arg, uint16_t stream);
	/* The association is gone; call sctp_hub_detach() here or later. */
	void (*closed)(void *arg);
};

/* `ops` is kept by reference; callbacks get the arg of the slot. */
int sctp_hub_create(struct sctp_hub **out, struct loop *loop, const struct sctp_hub_ops *ops)
	__attribute__((warn_unused_result));

/* A viewer whose DTLS is up. Waits 1 s for its INIT, then sends ours. -ENOBUFS: all slots taken. */
int sctp_hub_attach(struct sctp_hub *hub, void *arg, struct sctp_slot **out)
	__attribute__((warn_unused_result));

/* Client mode: connects at once and opens an ordered, reliable channel. Stream ids are even for
 * the DTLS client and odd for the server (RFC 8832 §6). open() follows when it is answered. */
int sctp_hub_open(struct sctp_slot *slot, const char *label, bool dtls_client)
	__attribute__((warn_unused_result));

/* A packet out of the slot's DTLS. Bad ones are dropped. */
void sctp_hub_feed(struct sctp_slot *slot, const uint8_t *packet, size_t len);

/* Keeps a reference while the message waits. -ENOTCONN: channel not open; -EMSGSIZE;
 * -ENOBUFS: the viewer is SCTP_QUEUE_MAX behind (the caller may replace the queue by one `state`:
 * sctp_hub_drop_queue(), then send). */
int sctp_hub_send_text(struct sctp_slot *slot, uint16_t stream, struct buf *text);
size_t sctp_hub_queued(const struct sctp_slot *slot);
/* Forgets messages that usrsctp has not taken yet. */
void sctp_hub_drop_queue(struct sctp_slot *slot);

struct sctp_hub_stats {
	uint64_t packets_in, packets_out, packets_bad;
	uint64_t messages_in, messages_out;
	uint64_t refused; /* sends with -ENOBUFS */
	uint64_t slots; /* now */
};
void sctp_hub_stats(const struct sctp_hub *hub, struct sctp_hub_stats *out);

/* Aborts the association and frees the slot; no callback comes after this. Takes NULL. */
void sctp_hub_detach(struct sctp_slot *slot);

/* All slots must have been detached. Takes NULL. */
void sctp_hub_destroy(struct sctp_hub *hub);

#endif
