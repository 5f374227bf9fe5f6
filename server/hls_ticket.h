/*
 * The right to watch a closed room by HLS, in the path of its URIs: players follow those with
 * neither header nor query. Made for who brought a token, checked without memory. Any thread.
 */
#ifndef SOUK_SERVER_HLS_TICKET_H
#define SOUK_SERVER_HLS_TICKET_H

#include <stdbool.h>
#include <stdint.h>

enum {
	HLS_TICKET_TEXT = 8 + 22 + 1, /* end in hexadecimal, 128 bits of HMAC, NUL */
	HLS_TICKET_TTL_S = 12 * 3600,
};

/* `key` is the server's own of SHA256_SIZE bytes. */
void hls_ticket_make(const uint8_t *key, const char *room, int64_t now_s,
		     char out[HLS_TICKET_TEXT]);
bool hls_ticket_valid(const uint8_t *key, const char *room, int64_t now_s, const char *ticket);

#endif
