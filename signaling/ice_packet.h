/*
 * A bounded look at a STUN packet (RFC 8489 §5, §14) before any library sees it: is it well
 * formed, is it a binding, whose ufrag does it name. Pure; any thread.
 */
#ifndef SOUK_SIGNALING_ICE_PACKET_H
#define SOUK_SIGNALING_ICE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ICE_TRANSACTION = 12, ICE_PACKET_MAX = 1280, ICE_UFRAG_MAX = 256 };

enum ice_packet_kind { ICE_REQUEST, ICE_INDICATION, ICE_SUCCESS, ICE_ERROR };

struct ice_packet {
	enum ice_packet_kind kind;
	const uint8_t *data; /* the whole packet; the rest points into it */
	size_t len;
	const uint8_t *transaction;
	const char *ufrag; /* receiver's part of USERNAME, not NUL-terminated; NULL if none */
	size_t ufrag_len;
	bool use_candidate;
};

/*
 * -EBADMSG unless the packet is a binding message whose attributes fill it exactly, with
 * MESSAGE-INTEGRITY, a correct FINGERPRINT at its end, and (a request) USERNAME "ours:theirs".
 */
int ice_packet_scan(struct ice_packet *out, const void *data, size_t len)
	__attribute__((warn_unused_result));

#endif
