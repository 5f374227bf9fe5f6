#include "server/hls_ticket.h"

#include "server/core/crypto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { END_DIGITS = 8, MAC_BYTES = 16, SUBJECT_MAX = 128 };

static void sign(const uint8_t *key, const char *room, uint32_t end_s, char out[HLS_TICKET_TEXT])
{
	char subject[SUBJECT_MAX];
	uint8_t mac[SHA256_SIZE];
	/* The prefix keeps it apart from what else is signed with this key: a token's signed part
	 * begins with base64url of '{'. */
	const int len = snprintf(subject, sizeof(subject), "hls|%08x|%s", end_s, room);
	crypto_hmac_sha256(key, SHA256_SIZE, subject, (size_t)len, mac);
	snprintf(out, HLS_TICKET_TEXT, "%08x", end_s);
	base64url_encode(mac, MAC_BYTES, out + END_DIGITS);
}

void hls_ticket_make(const uint8_t *key, const char *room, int64_t now_s, char out[HLS_TICKET_TEXT])
{
	sign(key, room, (uint32_t)(now_s + HLS_TICKET_TTL_S), out);
}

bool hls_ticket_valid(const uint8_t *key, const char *room, int64_t now_s, const char *ticket)
{
	char end[END_DIGITS + 1], right[HLS_TICKET_TEXT];
	if (strlen(ticket) != HLS_TICKET_TEXT - 1)
		return false;
	memcpy(end, ticket, END_DIGITS);
	end[END_DIGITS] = '\0';
	if (strspn(end, "0123456789abcdef") != END_DIGITS)
		return false;
	const uint32_t end_s = (uint32_t)strtoul(end, NULL, 16);
	sign(key, room, end_s, right);
	return crypto_equal(right, ticket, HLS_TICKET_TEXT - 1) && now_s < (int64_t)end_s;
}
