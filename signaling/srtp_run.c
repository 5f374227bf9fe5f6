#include "signaling/srtp_run.h"

#include "signaling/srtp.h"
#include "signaling/udp_port.h"

#include <errno.h>
#include <string.h>

enum { PACKET_MAX = 1500 }; /* before protection */

void srtp_run_init(struct srtp_run *run, struct srtp_tx *tx, struct udp_port *port,
		   const struct udp_path *path)
{
	*run = (struct srtp_run){
		.tx = tx, .port = port, .path = path, .buffer = udp_port_buffer(port)
	};
}

int srtp_run_flush(struct srtp_run *run)
{
	if (!run->len)
		return 0;
	const int err =
		udp_port_send_run(run->port, run->path, run->buffer, run->len, run->segment);
	run->len = run->count = 0;
	run->ended = false;
	return err;
}

/* Sees that there is room for one more packet of `len` bytes. */
static int make_room(struct srtp_run *run, size_t len)
{
	if (len > PACKET_MAX)
		return -EMSGSIZE;
	const bool full = run->count == UDP_RUN_SEGMENTS ||
			  run->len + len + SRTP_OVERHEAD_MAX > UDP_RUN_BYTES;
	return run->ended || full ? srtp_run_flush(run) : 0;
}

/* The packet stands behind the others. */
static int append(struct srtp_run *run, size_t size)
{
	int err = 0;
	if (run->count && size > run->segment) {
		/* Too long for this run: it becomes the first of the next. */
		const uint8_t *packet = run->buffer + run->len;
		err = srtp_run_flush(run);
		memmove(run->buffer, packet, size);
	}
	if (!run->count)
		run->segment = size;
	run->ended = size < run->segment;
	run->len += size;
	run->count++;
	return err;
}

int srtp_run_rtp(struct srtp_run *run, const struct iovec *header, const struct iovec *payload)
{
	const int err = make_room(run, header->iov_len + payload->iov_len);
	if (err)
		return err;
	const long size = srtp_tx_rtp(run->tx, run->buffer + run->len, header->iov_base,
				      header->iov_len, payload->iov_base, payload->iov_len);
	return size < 0 ? (int)size : append(run, (size_t)size);
}

int srtp_run_rtcp(struct srtp_run *run, const uint8_t *packet, size_t len)
{
	const int err = make_room(run, len);
	if (err)
		return err;
	const long size = srtp_tx_rtcp(run->tx, run->buffer + run->len, packet, len);
	return size < 0 ? (int)size : append(run, (size_t)size);
}
