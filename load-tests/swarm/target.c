#include "load-tests/swarm/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PORT_DEFAULT = 80 };

static int parse_host(const char *text, struct addr *addr)
{
	char loopback[ADDR_TEXT + 16];
	if (!addr_parse(addr, text))
		return 0;
	if (!strncmp(text, "localhost:", 10)) {
		snprintf(loopback, sizeof(loopback), "127.0.0.1%s", text + 9);
		return addr_parse(addr, loopback);
	}
	return addr_set(addr, strcmp(text, "localhost") != 0 ? text : "127.0.0.1", PORT_DEFAULT);
}

int target_parse_url(const char *url, struct addr *addr, char *path, size_t size)
{
	char host[ADDR_TEXT];
	if (strncmp(url, "http://", 7) != 0)
		return -EINVAL;
	url += 7;
	const size_t len = strcspn(url, "/");
	const char *rest = url + len;
	if (len >= sizeof(host))
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)len, url);
	if (path) {
		if (strlen(rest) >= size || !rest[0])
			return -EINVAL;
		snprintf(path, size, "%s", rest);
	} else if (rest[0] && rest[1]) {
		return -EINVAL;
	}
	return parse_host(host, addr);
}

int target_local(const struct addr *to, struct addr *out)
{
	int err = 0;
	const int fd = socket(to->ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Connecting a UDP socket sends nothing. */
	out->len = sizeof(out->ss);
	if (connect(fd, (const struct sockaddr *)&to->ss, to->len) ||
	    getsockname(fd, (struct sockaddr *)&out->ss, &out->len))
		err = -errno;
	close(fd);
	if (!err)
		addr_set_port(out, 0);
	return err;
}
