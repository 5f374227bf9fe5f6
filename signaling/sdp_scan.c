#include "signaling/sdp_scan.h"

#include <string.h>

void sdp_scan_init(struct sdp_scan *scan, char *text, size_t len)
{
	*scan = (struct sdp_scan){ .at = text, .end = text + len };
}

bool sdp_scan_line(struct sdp_scan *scan, struct sdp_scan *line)
{
	const size_t left = sdp_scan_left(scan);
	if (!left || scan->bad)
		return false;
	char *feed = memchr(scan->at, '\n', left);
	size_t len = feed ? (size_t)(feed - scan->at) : left;
	sdp_scan_init(line, scan->at, len);
	scan->at += feed ? len + 1 : len;
	if (len && line->at[len - 1] == '\r')
		line->end--;
	/* Pion writes "a=rtcp-fb:96 nack " where a parameter could stand. */
	while (sdp_scan_left(line) && (line->end[-1] == ' ' || line->end[-1] == '\t'))
		line->end--;
	len = sdp_scan_left(line);
	if (memchr(line->at, '\r', len) || memchr(line->at, '\0', len)) {
		scan->bad = true;
		line->bad = true;
	}
	*line->end = '\0';
	return true;
}

const char *sdp_scan_word(struct sdp_scan *scan, char until)
{
	const size_t left = sdp_scan_left(scan);
	char *word = scan->at;
	char *stop = left ? memchr(word, until, left) : NULL;
	const size_t len = stop ? (size_t)(stop - word) : left;
	scan->at += stop ? len + 1 : len;
	if (!len || scan->bad) {
		scan->bad = true;
		return "";
	}
	word[len] = '\0';
	return word;
}

uint32_t sdp_scan_number(struct sdp_scan *scan, char until, uint32_t max)
{
	const char *word = sdp_scan_word(scan, until);
	uint64_t value = 0;
	const size_t len = strlen(word);
	for (size_t i = 0; i < len && i <= 10; i++) {
		if (word[i] < '0' || word[i] > '9')
			scan->bad = true;
		value = value * 10 + (uint64_t)(word[i] - '0');
	}
	if (len > 10 || value > max)
		scan->bad = true;
	return scan->bad ? 0 : (uint32_t)value;
}

const char *sdp_scan_rest(struct sdp_scan *scan)
{
	const char *rest = scan->bad ? "" : scan->at;
	scan->at = scan->end;
	return rest;
}
