/* Link fields of a WHIP server's answer. */
#include "load-tests/publish/link_header.h"

#include <stdlib.h>
#include <string.h>

enum { SERVERS = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct link_server servers[SERVERS];
	char *field = calloc(1, len + 1);
	memcpy(field, data, len);
	const unsigned count = link_header_read(servers, 0, SERVERS, field);
	free(field);
	if (count > SERVERS)
		abort();
	for (unsigned i = 0; i < count; i++) {
		const struct link_server *server = &servers[i];
		if (!server->port || !server->host[0] ||
		    !memchr(server->host, 0, sizeof(server->host)) ||
		    !memchr(server->username, 0, sizeof(server->username)) ||
		    !memchr(server->credential, 0, sizeof(server->credential)))
			abort();
	}
	return 0;
}
