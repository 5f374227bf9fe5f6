#include "signaling/sdp_resource.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct sdp_ice remote = { .ufrag = "EsAw", .pwd = "P2uYro0UCOQ4zxjKXaWCBui1" };
	const struct sdp_patch_request request = { .content_type = SDP_FRAGMENT_TYPE,
						   .if_match = "*",
						   .body = (const char *)data,
						   .body_len = len,
						   .etag = "\"x\"",
						   .remote = &remote };
	struct sdp_reply reply;
	struct sdp_fragment fragment;
	const enum sdp_patch patch = sdp_patch_judge(&reply, &fragment, &request);
	if ((patch == SDP_PATCH_REFUSED) != (reply.status >= 400))
		abort();
	if (patch == SDP_PATCH_RESTART && !fragment.has_ice)
		abort();
	return 0;
}
