/*
 * What a request for HLS asks for, in full, since it may have to wait: the name, the delivery
 * directives (RFC 8216bis §6.2.5) and whose player it is. A plain value, read on a worker's thread.
 */
#ifndef SOUK_SERVER_HLS_ASK_H
#define SOUK_SERVER_HLS_ASK_H

#include "server/hls_name.h"
#include "server/hls_ticket.h"
#include "server/live.h"

#include <stdbool.h>
#include <stdint.h>

struct exchange;

struct hls_ask {
	struct hls_name name;
	bool blocks; /* _HLS_msn: until that segment, or */
	bool by_part; /* _HLS_part: that part of it, is there */
	uint64_t msn, part;
	bool delta; /* _HLS_skip */
	bool gzip; /* Accept-Encoding */
	bool closed; /* not for shared caches */
	char prefix[HLS_TICKET_TEXT + 1]; /* of the URIs in the index */
	char sid[LIVE_SID_MAX + 1]; /* of the player; empty: it has none */
};

/* From the path's name, the query and the headers; `closed` and `prefix` are the caller's. False:
 * the fault has been answered. */
bool hls_ask_read(struct hls_ask *out, struct exchange *exchange);

bool hls_ask_is_index(const struct hls_ask *ask); /* of whatever the room has */
bool hls_ask_is_ts(const struct hls_ask *ask); /* of transport streams */

#endif
