#include "server/hls_name.h"

#include <errno.h>
#include <string.h>

enum { NUMBER_DIGITS = 15, TIME_DIGITS = 18 };

static int parse_digits(const char **at, size_t most, uint64_t *out)
{
	const size_t digits = strspn(*at, "0123456789");
	if (!digits || digits > most)
		return -EINVAL;
	*out = 0;
	for (size_t i = 0; i < digits; i++)
		*out = *out * 10 + (uint64_t)(*(*at)++ - '0');
	return 0;
}

int hls_number_parse(const char **at, uint64_t *out)
{
	return parse_digits(at, NUMBER_DIGITS, out);
}

int hls_time_parse(const char **at, uint64_t *out)
{
	return parse_digits(at, TIME_DIGITS, out);
}

/* What stands behind the rendition and a dash. */
static int parse_numbers(struct hls_name *out, const char *at)
{
	if (!strcmp(at, "ts.m3u8")) {
		out->kind = strcmp(out->rendition, "index") ? HLS_TS_PLAYLIST : HLS_TS_INDEX;
		return 0;
	}
	const bool map = *at == 'i';
	at += map;
	if (hls_number_parse(&at, &out->number))
		return -ENOENT;
	out->kind = map ? HLS_MAP : HLS_SEGMENT;
	if (!map && !strcmp(at, ".ts")) {
		out->kind = HLS_TS_SEGMENT;
		return 0;
	}
	if (!map && at[0] == '.' && at[1] != 'm') {
		at++;
		if (hls_number_parse(&at, &out->part))
			return -ENOENT;
		out->kind = HLS_PART;
	}
	return strcmp(at, map ? ".mp4" : ".m4s") ? -ENOENT : 0;
}

int hls_name_parse(struct hls_name *out, const char *text)
{
	const size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789");
	*out = (struct hls_name){ .kind = HLS_PLAYLIST };
	if (!len || len >= sizeof(out->rendition))
		return -ENOENT;
	memcpy(out->rendition, text, len);
	if (text[len] == '-')
		return parse_numbers(out, text + len + 1);
	if (strcmp(text + len, ".m3u8") != 0)
		return -ENOENT;
	if (!strcmp(out->rendition, "index"))
		out->kind = HLS_INDEX;
	return 0;
}
