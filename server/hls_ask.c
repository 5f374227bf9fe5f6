#include "server/hls_ask.h"

#include "server/core/crypto.h"
#include "server/reply.h"
#include "server/route.h"

#include <string.h>

enum { SID_LEN = 12 };

bool hls_ask_is_index(const struct hls_ask *ask)
{
	return ask->name.kind == HLS_INDEX || ask->name.kind == HLS_TS_INDEX;
}

bool hls_ask_is_ts(const struct hls_ask *ask)
{
	return ask->name.kind >= HLS_TS_INDEX;
}

/* A number in the query; false with the fault answered. */
static bool query_number(struct exchange *exchange, const char *name, bool *given, uint64_t *out)
{
	char text[32];
	bool bad = false;
	const char *at = exchange_query(exchange, name, text, sizeof(text), &bad);
	if (bad)
		return false;
	*given = at;
	if (!at || (hls_number_parse(&at, out) == 0 && !*at))
		return true;
	reply_problem(
		exchange->request,
		&(struct problem_text){ .status = 400, .code = "bad_request", .member = name });
	return false;
}

/* Delivery directives (§6.2.5). False with the fault answered. */
static bool parse_directives(struct exchange *exchange, struct hls_ask *ask)
{
	char skip[8];
	bool bad = false;
	if (!query_number(exchange, "_HLS_msn", &ask->blocks, &ask->msn) ||
	    !query_number(exchange, "_HLS_part", &ask->by_part, &ask->part))
		return false;
	const char *member = NULL;
	const char *given = exchange_query(exchange, "_HLS_skip", skip, sizeof(skip), &bad);
	if (bad)
		return false;
	if (ask->by_part && !ask->blocks)
		member = "_HLS_part";
	else if (given && strcmp(skip, "YES") != 0 && strcmp(skip, "v2") != 0)
		member = "_HLS_skip";
	ask->delta = given;
	if (member)
		reply_problem(exchange->request, &(struct problem_text){ .status = 400,
									 .code = "bad_request",
									 .member = member });
	return !member;
}

/* What the player calls itself, or was called in the index. False with the fault answered. */
static bool take_sid(struct exchange *exchange, struct hls_ask *ask)
{
	bool bad = false;
	const char *given = exchange_query(exchange, "sid", ask->sid, sizeof(ask->sid), &bad);
	if (bad)
		return false;
	if (given && (strlen(ask->sid) < LIVE_SID_MIN || !name_valid(ask->sid))) {
		reply_problem(exchange->request, &(struct problem_text){ .status = 400,
									 .code = "bad_request",
									 .member = "sid" });
		return false;
	}
	if (!given)
		ask->sid[0] = '\0';
	if (!given && hls_ask_is_index(ask))
		random_token(ask->sid, SID_LEN);
	return true;
}

bool hls_ask_read(struct hls_ask *out, struct exchange *exchange)
{
	*out = (struct hls_ask){
		.gzip = http_accepts(exchange->request, "Accept-Encoding", "gzip"),
	};
	if (hls_name_parse(&out->name, exchange->name)) {
		reply_error(exchange->request, 404, "not_found");
		return false;
	}
	return take_sid(exchange, out) &&
	       (out->name.kind != HLS_PLAYLIST || parse_directives(exchange, out));
}
