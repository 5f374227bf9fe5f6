/*
 * Where a room's show is pushed to: rtmp://host[:port]/app/key or rtmps://… The last part of the
 * path, with its query, is a secret: whoever knows it can publish there. Untrusted text; values;
 * any thread.
 */
#ifndef SOUK_SERVER_RELAY_URL_H
#define SOUK_SERVER_RELAY_URL_H

#include "server/core/option.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RELAY_URL_MAX = 512,
	RELAY_HOST_MAX = 253, /* RFC 1035 §2.3.4 */
	RELAYS_MAX = 4, /* of one room */
};

struct relay_url {
	char text[RELAY_URL_MAX + 1];
	bool tls;
	char host[RELAY_HOST_MAX + 1]; /* in lower case, without the brackets of IPv6 */
	uint16_t port;
	char tc_url[RELAY_URL_MAX + 1]; /* all before the key */
	char app[RELAY_URL_MAX + 1];
	const char *key; /* within `text` */
};

/* The relays of one room. */
struct relay_list {
	struct relay_url urls[RELAYS_MAX];
	size_t count;
};

/* -EINVAL: not of that form, with a user's name in it, or with other characters than a URL has. */
int relay_url_parse(struct relay_url *out, const char *text) __attribute__((warn_unused_result));

/* `out->key` points into `out` again. */
void relay_url_copy(struct relay_url *out, const struct relay_url *url);

/* On the heap. */
struct relay_list *relay_list_copy(const struct relay_list *list);

/* For logs and for those who may not know the key: "rtmp://host/app/…" */
void relay_url_mask(const struct relay_url *url, char out[RELAY_URL_MAX + 8]);

/* Whether the host is among those listed: a name, an IP, or *.name for all below it. */
bool relay_url_listed(const struct relay_url *url, const struct option_list *hosts);

#endif
