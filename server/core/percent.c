#include "server/core/percent.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

enum { QUERY_NAME_MAX = 64 };

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* RFC 3629, without overlong forms, surrogates and what lies beyond U+10FFFF. */
static bool is_utf8(const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		const uint8_t lead = text[i++];
		if (lead < 0x80)
			continue;
		if (lead < 0xc2 || lead > 0xf4)
			return false;
		const unsigned more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
		if (len - i < more)
			return false;
		const uint8_t second = text[i];
		if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
		    (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f))
			return false;
		for (unsigned k = 0; k < more; k++)
			if ((text[i++] & 0xc0) != 0x80)
				return false;
	}
	return true;
}

long percent_decode(const char *text, size_t len, bool plus, char *out)
{
	size_t at = 0;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c == '+' && plus) {
			c = ' ';
		} else if (c == '%') {
			if (len - i < 3 || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)
				return -EINVAL;
			c = (char)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
			i += 2;
		}
		if (!c)
			return -EINVAL;
		out[at++] = c;
	}
	return is_utf8((const uint8_t *)out, at) ? (long)at : -EINVAL;
}

static bool named(const char *text, size_t len, const char *name)
{
	char decoded[QUERY_NAME_MAX];
	if (len > sizeof(decoded))
		return false;
	const long decoded_len = percent_decode(text, len, true, decoded);
	return decoded_len == (long)strlen(name) && !memcmp(decoded, name, (size_t)decoded_len);
}

long percent_query(const char *query, const char *name, char *out, size_t size)
{
	for (const char *at = query; *at;) {
		const size_t len = strcspn(at, "&");
		const char *equals = memchr(at, '=', len);
		const size_t name_len = equals ? (size_t)(equals - at) : len;
		if (!named(at, name_len, name)) {
			at += len + (at[len] == '&');
			continue;
		}
		const size_t value_len = equals ? len - name_len - 1 : 0;
		if (value_len >= size) /* by the encoded length: a bound, not a promise */
			return -E2BIG;
		const long decoded = percent_decode(equals ? equals + 1 : "", value_len, true, out);
		if (decoded >= 0)
			out[decoded] = '\0';
		return decoded;
	}
	return -ENOENT;
}
