#include "load-tests/publish/link_header.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PORT = 3478, PORT_TLS = 5349, NAME_MAX_LEN = 32 };

static const struct {
	const char *name;
	bool relay, tls;
} schemes[] = {
	{ "stun:", false, false },
	{ "stuns:", false, true },
	{ "turn:", true, false },
	{ "turns:", true, true },
};

/* A bounded cursor: every read looks at `end` first. */
struct cursor {
	const char *at;
	const char *end;
};

static void skip_space(struct cursor *cursor)
{
	while (cursor->at < cursor->end && (*cursor->at == ' ' || *cursor->at == '\t'))
		cursor->at++;
}

static bool take(struct cursor *cursor, char c)
{
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

/* Up to one of `stops`, which is not taken. */
static size_t span(const struct cursor *cursor, const char *stops)
{
	const char *at = cursor->at;
	while (at < cursor->end && !strchr(stops, *at))
		at++;
	return (size_t)(at - cursor->at);
}

static bool parse_port(struct cursor *cursor, uint16_t *port)
{
	uint32_t value = 0;
	const char *from = cursor->at;
	while (cursor->at < cursor->end && isdigit((unsigned char)*cursor->at) &&
	       value <= UINT16_MAX)
		value = value * 10 + (uint32_t)(*cursor->at++ - '0');
	*port = (uint16_t)value;
	return cursor->at > from && value > 0 && value <= UINT16_MAX;
}

static bool parse_host(struct cursor *cursor, struct link_server *out)
{
	const bool literal = take(cursor, '[');
	const size_t len = span(cursor, literal ? "]" : ":?");
	if (!len || len > LINK_HOST_MAX)
		return false;
	memcpy(out->host, cursor->at, len);
	cursor->at += len;
	return !literal || take(cursor, ']');
}

bool link_server_parse(struct link_server *out, const char *uri, size_t len)
{
	struct link_server server = { 0 };
	struct cursor cursor = { uri, uri + len };
	size_t scheme = 0;
	while (scheme < sizeof(schemes) / sizeof(schemes[0]) &&
	       (strlen(schemes[scheme].name) > len ||
		strncasecmp(uri, schemes[scheme].name, strlen(schemes[scheme].name)) != 0))
		scheme++;
	if (scheme == sizeof(schemes) / sizeof(schemes[0]))
		return false;
	cursor.at += strlen(schemes[scheme].name);
	server.relay = schemes[scheme].relay;
	server.tls = schemes[scheme].tls;
	server.port = server.tls ? PORT_TLS : PORT;
	if (!parse_host(&cursor, &server) ||
	    (take(&cursor, ':') && !parse_port(&cursor, &server.port)))
		return false;
	static const char tcp[] = "?transport=tcp";
	const size_t left = (size_t)(cursor.end - cursor.at);
	server.tcp = left == sizeof(tcp) - 1 && memcmp(cursor.at, tcp, left) == 0;
	if (left && *cursor.at != '?')
		return false;
	*out = server;
	return true;
}

/* A token or a quoted string (RFC 9110 §5.6), cut at the size of `out`; false when malformed. */
static bool read_value(struct cursor *cursor, char *out, size_t size)
{
	size_t len = 0;
	const bool quoted = take(cursor, '"');
	while (cursor->at < cursor->end) {
		char c = *cursor->at;
		if (quoted ? c == '"' : strchr(" \t;,", c) != NULL)
			break;
		cursor->at++;
		if (quoted && c == '\\' && cursor->at < cursor->end)
			c = *cursor->at++;
		if (len + 1 < size)
			out[len++] = c;
	}
	out[len] = '\0';
	return !quoted || take(cursor, '"');
}

/* Relations are a list separated by spaces. */
static bool is_ice_server(const char *relations)
{
	static const char name[] = "ice-server";
	const size_t len = sizeof(name) - 1;
	for (const char *at = relations; (at = strcasestr(at, name)); at += len)
		if ((at == relations || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
	return false;
}

/* The parameters behind a link's URI; true when they are well-formed and say ice-server. */
static bool read_parameters(struct cursor *cursor, struct link_server *server)
{
	bool wanted = false;
	for (skip_space(cursor); take(cursor, ';'); skip_space(cursor)) {
		char name[NAME_MAX_LEN];
		char value[LINK_TEXT_MAX + 1] = "";
		skip_space(cursor);
		const size_t len = span(cursor, " \t=;,");
		snprintf(name, sizeof(name), "%.*s", (int)len, cursor->at);
		cursor->at += len;
		skip_space(cursor);
		if (take(cursor, '=')) {
			skip_space(cursor);
			if (!read_value(cursor, value, sizeof(value)))
				return false;
		}
		if (strcasecmp(name, "rel") == 0)
			wanted = is_ice_server(value);
		else if (strcasecmp(name, "username") == 0)
			memcpy(server->username, value, sizeof(value));
		else if (strcasecmp(name, "credential") == 0)
			memcpy(server->credential, value, sizeof(value));
	}
	return wanted;
}

unsigned link_header_read(struct link_server *servers, unsigned count, unsigned cap,
			  const char *field)
{
	struct cursor cursor = { field, field + strlen(field) };
	while (cursor.at < cursor.end && count < cap) {
		struct link_server server = { 0 };
		skip_space(&cursor);
		if (take(&cursor, ',') || cursor.at == cursor.end)
			continue;
		if (!take(&cursor, '<'))
			return count;
		const size_t len = span(&cursor, ">");
		const bool known = link_server_parse(&server, cursor.at, len);
		cursor.at += len;
		if (!take(&cursor, '>'))
			return count;
		if (read_parameters(&cursor, &server) && known)
			servers[count++] = server;
		if (cursor.at < cursor.end && *cursor.at != ',')
			return count;
	}
	return count;
}
