/* Stands in for crypto_ipsec_mb.c where the library is not. */
#include "load-tests/micro/crypto_cost.h"

static const char WHY[] = "built without libipsec-mb-dev (x86 only)";

const struct crypto_backend crypto_ipsec_mb[2] = {
	{ .name = "GCM-128, ipsec-mb", .missing = WHY },
	{ .name = "CM-SHA1-80, ipsec-mb jobs", .missing = WHY },
};
