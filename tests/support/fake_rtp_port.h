/* A viewer's (or publisher's) transport that keeps what it is given, and frames to give it. */
#ifndef SOUK_TESTS_FAKE_RTP_PORT_H
#define SOUK_TESTS_FAKE_RTP_PORT_H

#include "media/frame.h"
#include "media/rtp/rtp_packet.h"
#include "media/rtp_port.h"

enum { FAKE_PORT_PACKETS = 8192, FAKE_PORT_RTCP = 1024, FAKE_PORT_BYTES = 1500 };

struct fake_datagram {
	size_t len;
	size_t run; /* which call of send() it came with */
	uint8_t data[FAKE_PORT_BYTES];
};

struct fake_rtp_port {
	struct rtp_port port;
	struct fake_datagram *packets;
	size_t packet_count;
	struct fake_datagram *rtcp;
	size_t rtcp_count;
	size_t runs;
	int err; /* answer of send() */
};

void fake_rtp_port_init(struct fake_rtp_port *fake);
void fake_rtp_port_clear(struct fake_rtp_port *fake);
void fake_rtp_port_finish(struct fake_rtp_port *fake);

/* The packet, parsed; ends the test when it is not one. */
struct rtp_view fake_rtp_port_view(const struct fake_rtp_port *fake, size_t index);

/* How many RTCP packets (not datagrams) of this type and count/format were sent. */
size_t fake_rtp_port_rtcp(const struct fake_rtp_port *fake, uint8_t type, int format);

/* A picture with one slice of `len` bytes that begins as a real one does, or a sound packet. */
struct frame *fake_picture(bool key, size_t len, int64_t media_us);
struct frame *fake_sound(size_t len, int64_t media_us);

#endif
