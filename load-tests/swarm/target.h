/* Where a run goes: one node that serves rooms, by IP address. A value; one thread. */
#ifndef SOUK_LOAD_TESTS_SWARM_TARGET_H
#define SOUK_LOAD_TESTS_SWARM_TARGET_H

#include "server/core/addr.h"

#include <stdbool.h>
#include <stddef.h>

enum { TARGET_PATH_MAX = 256, TARGET_RTMP_PORT = 1935 };

struct target {
	struct addr http;
	struct addr rtmp;
	/* Of --whep-url: the endpoint as it is, whatever the room. Empty: /whep/ROOM. */
	char whep_path[TARGET_PATH_MAX];
	bool janus; /* of --janus-url: whep_path is that of Janus' API */
};

/* "http://IP[:PORT][/PATH]", localhost taken for 127.0.0.1; a path only where `path` is not NULL.
 * -EINVAL otherwise. */
int target_parse_url(const char *url, struct addr *addr, char *path, size_t size)
	__attribute__((warn_unused_result));

/* The address that the system would send from towards `to`, port 0. Nothing is sent. */
int target_local(const struct addr *to, struct addr *out) __attribute__((warn_unused_result));

#endif
