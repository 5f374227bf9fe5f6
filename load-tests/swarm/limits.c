#include "load-tests/swarm/limits.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct limit_name limit_names[LIMITS] = {
	[LIMIT_JOINED] = { "limit.joined", "%", true },
	[LIMIT_FAILURES] = { "limit.failures", "", false },
	[LIMIT_LOSS] = { "limit.loss", "%", false },
	[LIMIT_FREEZE] = { "limit.freeze", "%", false },
	[LIMIT_JOIN_P99] = { "limit.join-p99-ms", "ms", false },
	[LIMIT_SPREAD_P99] = { "limit.spread-p99-ms", "ms", false },
	[LIMIT_AGE_P99] = { "limit.age-p99-ms", "ms", false },
	[LIMIT_EVENT_P99] = { "limit.event-error-p99-ms", "ms", false },
	[LIMIT_EVENT_GAPS] = { "limit.event-gaps", "", false },
	[LIMIT_ORDER_P99] = { "limit.order-p99-ms", "ms", false },
	[LIMIT_UNACKED] = { "limit.unacked", "", false },
	[LIMIT_REFUSED] = { "limit.refused", "", false },
};

int limit_parse(const char *text, bool *set, double *value)
{
	char *end;
	*set = strcmp(text, "off") != 0;
	if (!*set)
		return 0;
	*value = strtod(text, &end);
	return end == text || *end || !isfinite(*value) || *value < 0 ? -EINVAL : 0;
}

struct limit_verdict limit_judge(enum limit_id id, double bound, double figure)
{
	/* What was computed in floating point meets a bound that was typed in decimals. */
	const double slack = 1e-9;
	return (struct limit_verdict){
		.checked = true,
		.held = limit_names[id].at_least ? figure >= bound - slack
						 : figure <= bound + slack,
		.bound = bound,
		.figure = figure,
	};
}
