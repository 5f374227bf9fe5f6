#include "server/core/alloc.h"
#include "server/core/buf.h"
#include "signaling/dcep.h"
#include "signaling/sctp_slot.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

/* What waits for room in usrsctp's send buffer. */
struct entry {
	struct list link;
	struct buf *buf;
	uint16_t stream;
	uint32_t ppid;
};

static void entry_free(struct sctp_slot *slot, struct entry *entry)
{
	list_remove(&entry->link);
	slot->queued--;
	buf_unref(entry->buf);
	free(entry);
}

static int give(const struct sctp_slot *slot, const struct buf *buf, uint16_t stream, uint32_t ppid)
{
	struct sockaddr_conn to = sctp_slot_address(slot);
	struct sctp_sendv_spa spa = {
		.sendv_flags = SCTP_SEND_SNDINFO_VALID,
		.sendv_sndinfo = { .snd_sid = stream, .snd_ppid = htonl(ppid) },
	};
	if (usrsctp_sendv(slot->hub->socket, buf->data, buf->len, (struct sockaddr *)&to, 1, &spa,
			  sizeof(spa), SCTP_SENDV_SPA, 0) >= 0)
		return 0;
	return errno == EWOULDBLOCK || errno == EAGAIN || errno == ENOBUFS ? -EAGAIN : -EIO;
}

void sctp_queue_pump(struct sctp_slot *slot)
{
	while (slot->state == SLOT_UP && !list_empty(&slot->queue)) {
		struct entry *entry = list_entry(slot->queue.next, struct entry, link);
		if (give(slot, entry->buf, entry->stream, entry->ppid) == -EAGAIN)
			return;
		entry_free(slot, entry);
	}
}

int sctp_queue_put(struct sctp_slot *slot, struct buf *buf, uint16_t stream, uint32_t ppid)
{
	if (list_empty(&slot->queue)) {
		const int err = give(slot, buf, stream, ppid);
		if (err != -EAGAIN)
			return err;
	}
	struct entry *entry = xcalloc(1, sizeof(*entry));
	entry->buf = buf_ref(buf);
	entry->stream = stream;
	entry->ppid = ppid;
	list_append(&slot->queue, &entry->link);
	slot->queued++;
	return 0;
}

size_t sctp_hub_queued(const struct sctp_slot *slot)
{
	return slot->queued;
}

void sctp_hub_drop_queue(struct sctp_slot *slot)
{
	list_for_each_safe (link, &slot->queue) {
		struct entry *entry = list_entry(link, struct entry, link);
		if (entry->ppid != DCEP_PPID)
			entry_free(slot, entry);
	}
}

void sctp_queue_clear(struct sctp_slot *slot)
{
	while (!list_empty(&slot->queue))
		entry_free(slot, list_entry(slot->queue.next, struct entry, link));
}
