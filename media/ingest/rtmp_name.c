#include "media/ingest/rtmp_name.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes (RFC 3986 §2.1); a NUL or a broken escape is refused. */
static int decode(char *out, size_t cap, const char *text, size_t len)
{
	size_t written = 0;
	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)text[i];
		if (c == '%') {
			if (len - i < 3)
				return -EINVAL;
			const int high = hex_digit(text[i + 1]);
			const int low = hex_digit(text[i + 2]);
			c = high < 0 || low < 0 ? 0 : high * 16 + low;
			i += 2;
		}
		if (c == 0 || written == cap)
			return -EINVAL;
		out[written++] = (char)c;
	}
	out[written] = '\0';
	return 0;
}

static int parse_query(struct rtmp_name *name, const char *query, size_t len)
{
	static const char key[] = "token=";
	const size_t key_len = sizeof(key) - 1;
	const char *end = query + len;
	while (query < end) {
		const char *next = memchr(query, '&', (size_t)(end - query));
		const size_t part = (size_t)((next ? next : end) - query);
		if (part >= key_len && !memcmp(query, key, key_len))
			return decode(name->token, RTMP_TOKEN_MAX, query + key_len, part - key_len);
		query += part + 1;
	}
	return 0;
}

static int parse_room(struct rtmp_name *name, const char *path, size_t len)
{
	while (len && path[len - 1] == '/')
		len--;
	const char *slash = memrchr(path, '/', len);
	if (slash) {
		len -= (size_t)(slash + 1 - path);
		path = slash + 1;
	}
	if (len > RTMP_ROOM_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)path[i]) && path[i] != '_' && path[i] != '-')
			return -EINVAL;
	}
	memcpy(name->room, path, len);
	name->room[len] = '\0';
	return 0;
}

int rtmp_name_parse(struct rtmp_name *out, const char *text, size_t len)
{
	out->room[0] = out->token[0] = '\0';
	const char *query = len ? memchr(text, '?', len) : NULL;
	const size_t path_len = query ? (size_t)(query - text) : len;
	const int err = query ? parse_query(out, query + 1, len - path_len - 1) : 0;
	if (err || !path_len)
		return err;
	return parse_room(out, text, path_len);
}
