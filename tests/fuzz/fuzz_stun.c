/* The scan of a STUN packet, and what libnice makes of those that pass. */
#include "signaling/ice.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct ice_options options = {
		.client = true,
		.local_ufrag = "evtj",
		.local_pwd = "VOkJxbRl1RmTxUk/WvJxBt",
		.remote_ufrag = "h6vY",
		.remote_pwd = "0123456789012345678901",
	};
	struct ice_packet packet;
	struct ice_result result;
	struct ice_agent *agent;
	struct ice ice;
	uint8_t check[ICE_REPLY_MAX];
	struct udp_path path = { 0 };
	if (ice_packet_scan(&packet, data, len)) {
		/* A fingerprint cannot be guessed, so libnice gets the rest as well. */
		if (len < 20 || len > ICE_PACKET_MAX)
			return 0;
		packet = (struct ice_packet){ .kind = data[1] & 0x10 ? ICE_SUCCESS : ICE_REQUEST,
					      .data = data,
					      .len = len,
					      .transaction = data + 8,
					      .ufrag = "evtj",
					      .ufrag_len = 4 };
	}
	if (ice_agent_create(&agent) || addr_set(&path.remote, "127.0.0.1", 1))
		abort();
	if (ice_init(&ice, agent, &options))
		abort();
	ice.candidate = path;
	ice_check(&ice, 1, check);
	ice_receive(&ice, &packet, &path, 2, &result);
	if (result.reply_len > ICE_REPLY_MAX)
		abort();
	ice_finish(&ice);
	ice_agent_destroy(agent);
	return 0;
}
