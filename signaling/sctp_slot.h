/*
 * Inside of the SCTP hub: one viewer's slot, shared by sctp.c (packets and events), sctp_queue.c
 * (what waits for the association) and sctp_channel.c (channels and messages). Owned by the hub's
 * thread.
 */
#ifndef SOUK_SIGNALING_SCTP_SLOT_H
#define SOUK_SIGNALING_SCTP_SLOT_H

#include "server/core/bytes.h"
#include "server/core/list.h"
#include "server/core/loop.h"
#include "signaling/sctp.h"
#include "signaling/sctp_library.h"

enum slot_state { SLOT_NEW, SLOT_UP, SLOT_GONE };

struct sctp_slot {
	struct sctp_hub *hub;
	void *arg;
	uint16_t id; /* the remote port that usrsctp sees, as it stands in memory */
	enum slot_state state;
	uint32_t association; /* usrsctp's id of it */
	bool connecting; /* we sent INIT */
	uint16_t open; /* bit per stream */
	uint16_t opening; /* we sent, or will send, OPEN */
	char *labels[SCTP_STREAMS]; /* of `opening` */
	int64_t since_us;
	struct list wait_link; // hub.waiting
	struct list queue; // entry.link
	size_t queued;
	struct bytes partial; /* a message that comes in pieces */
	uint16_t partial_stream;
};

struct sctp_hub {
	struct loop *loop;
	const struct sctp_hub_ops *ops;
	struct socket *socket;
	struct timer tick;
	struct sctp_slot **slots; /* by id; NULL: free */
	size_t size;
	size_t next; /* where the search for a free id goes on: late reuse */
	struct list waiting; // sctp_slot.wait_link, oldest first
	struct list inbox; // event.link
	bool draining;
	struct sctp_hub_stats stats;
};

struct sockaddr_conn sctp_slot_address(const struct sctp_slot *slot);
void sctp_slot_connect(struct sctp_slot *slot);

/* Gives the message to usrsctp, or keeps a reference until there is room. */
int sctp_queue_put(struct sctp_slot *slot, struct buf *buf, uint16_t stream, uint32_t ppid);
/* After each packet of the slot: the library does not say which association got room. */
void sctp_queue_pump(struct sctp_slot *slot);
void sctp_queue_clear(struct sctp_slot *slot);

/* The association is up: opens what was asked for meanwhile. */
void sctp_channel_up(struct sctp_slot *slot);
/* One whole message. The slot may be gone afterwards. */
void sctp_channel_data(struct sctp_slot *slot, uint16_t stream, uint32_t ppid,
		       const struct buf *data);
void sctp_channel_reset(struct sctp_slot *slot, uint16_t stream);
void sctp_channel_finish(struct sctp_slot *slot);

#endif
