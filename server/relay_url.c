#include "server/relay_url.h"

#include "server/core/alloc.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { RTMP_PORT = 1935, RTMPS_PORT = 443 };

/* RFC 3986 §2: what may stand in a URL. */
static bool has_url_characters(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || strchr("<>\"\\^`{|}#", *text))
			return false;
	return true;
}

static bool is_host(const char *host, bool bracketed)
{
	for (const char *at = host; *at; at++) {
		const bool fits = bracketed ? isxdigit((unsigned char)*at) || strchr(":.", *at)
					    : isalnum((unsigned char)*at) || strchr("-._", *at);
		if (!fits)
			return false;
	}
	return host[0] != '\0';
}

/* "host", "host:port" or "[v6]:port" of `len` bytes. */
static int read_authority(struct relay_url *out, const char *text, size_t len)
{
	char authority[RELAY_HOST_MAX + 16];
	if (!len || len >= sizeof(authority))
		return -EINVAL;
	memcpy(authority, text, len);
	authority[len] = '\0';
	const bool bracketed = authority[0] == '[';
	char *host = authority + bracketed;
	char *end = bracketed ? strchr(host, ']') : host + strcspn(host, ":");
	if (!end)
		return -EINVAL;
	const char *port = end + bracketed;
	if (*port && *port != ':')
		return -EINVAL;
	if (*port) {
		char *rest;
		const unsigned long number = strtoul(port + 1, &rest, 10);
		if (!isdigit((unsigned char)port[1]) || *rest || !number || number > UINT16_MAX)
			return -EINVAL;
		out->port = (uint16_t)number;
	}
	*end = '\0';
	if (strlen(host) > RELAY_HOST_MAX || !is_host(host, bracketed))
		return -EINVAL;
	for (size_t i = 0; host[i]; i++)
		out->host[i] = (char)tolower((unsigned char)host[i]);
	return 0;
}

int relay_url_parse(struct relay_url *out, const char *text)
{
	*out = (struct relay_url){ .port = RTMP_PORT };
	if (strlen(text) > RELAY_URL_MAX || !has_url_characters(text))
		return -EINVAL;
	snprintf(out->text, sizeof(out->text), "%s", text);
	const char *at = out->text;
	if (!strncasecmp(at, "rtmps://", 8)) {
		out->tls = true;
		out->port = RTMPS_PORT;
		at += 8;
	} else if (!strncasecmp(at, "rtmp://", 7)) {
		at += 7;
	} else {
		return -EINVAL;
	}
	const char *path = at + strcspn(at, "/?");
	if (*path != '/' || read_authority(out, at, (size_t)(path - at)))
		return -EINVAL;
	/* The key is what follows the last slash; a query may have slashes of its own. */
	const char *query = path + strcspn(path, "?");
	const char *slash = query;
	while (*slash != '/')
		slash--;
	out->key = slash + 1;
	if (slash == path || out->key == query)
		return -EINVAL;
	memcpy(out->tc_url, out->text, (size_t)(slash - out->text));
	memcpy(out->app, path + 1, (size_t)(slash - path - 1));
	return 0;
}

void relay_url_copy(struct relay_url *out, const struct relay_url *url)
{
	*out = *url;
	out->key = out->text + (url->key - url->text);
}

struct relay_list *relay_list_copy(const struct relay_list *list)
{
	struct relay_list *copy = xcalloc(1, sizeof(*copy));
	for (; copy->count < list->count; copy->count++)
		relay_url_copy(&copy->urls[copy->count], &list->urls[copy->count]);
	return copy;
}

void relay_url_mask(const struct relay_url *url, char out[RELAY_URL_MAX + 8])
{
	snprintf(out, RELAY_URL_MAX + 8, "%s/***", url->tc_url);
}

bool relay_url_listed(const struct relay_url *url, const struct option_list *hosts)
{
	const size_t len = strlen(url->host);
	for (size_t i = 0; i < hosts->count; i++) {
		const char *host = hosts->items[i];
		const bool below = !strncmp(host, "*.", 2);
		const size_t tail = below ? strlen(host + 1) : 0;
		if (below ? len > tail && !strcasecmp(url->host + len - tail, host + 1)
			  : !strcasecmp(url->host, host))
			return true;
	}
	return false;
}
