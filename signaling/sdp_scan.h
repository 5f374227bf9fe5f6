/*
 * Bounded reader over the lines and words of a text that it may write to: what it hands out is
 * terminated in place, so that strings need no copies. The text has one byte behind its end that
 * may be written. A failed read yields "" or 0 and sets `bad` for good. Owns nothing; any thread.
 */
#ifndef SOUK_SIGNALING_SDP_SCAN_H
#define SOUK_SIGNALING_SDP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sdp_scan {
	char *at;
	char *end;
	bool bad;
};

void sdp_scan_init(struct sdp_scan *scan, char *text, size_t len);

/* The next line without its LF or CRLF and blanks before them; false at the end of the text. A NUL
 * or a CR elsewhere makes both readers bad. */
bool sdp_scan_line(struct sdp_scan *scan, struct sdp_scan *line);

/* Up to `until` (skipped) or the end; bad when empty. */
const char *sdp_scan_word(struct sdp_scan *scan, char until);
/* Likewise one to ten digits, at most max. */
uint32_t sdp_scan_number(struct sdp_scan *scan, char until, uint32_t max);
const char *sdp_scan_rest(struct sdp_scan *scan); /* may be empty */

static inline size_t sdp_scan_left(const struct sdp_scan *scan)
{
	return (size_t)(scan->end - scan->at);
}

#endif
