/*
 * ICE servers out of the Link header fields of a WHIP answer (RFC 8288, RFC 9725 §4.6):
 *     <turn:turn.example.net?transport=udp>; rel="ice-server"; username="u"; credential="c"
 * Several links of one field are separated by commas. Pure; any thread.
 */
#ifndef SOUK_LOAD_TESTS_PUBLISH_LINK_HEADER_H
#define SOUK_LOAD_TESTS_PUBLISH_LINK_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINK_HOST_MAX = 255, LINK_TEXT_MAX = 255 };

struct link_server {
	bool relay; /* turn: or turns:, else stun: or stuns: */
	bool tcp; /* ?transport=tcp */
	bool tls; /* turns:, stuns: */
	uint16_t port; /* 3478, or 5349 with tls, when the URI names none */
	char host[LINK_HOST_MAX + 1]; /* name or address, IPv6 without brackets */
	char username[LINK_TEXT_MAX + 1];
	char credential[LINK_TEXT_MAX + 1];
};

/* Appends what `field` holds to the `count` servers that are there and returns the new count, at
 * most `cap`. Links of other relations, or malformed ones, are passed over. */
unsigned link_header_read(struct link_server *servers, unsigned count, unsigned cap,
			  const char *field);

/* "stun:host[:port]", "turn:host[:port][?transport=udp|tcp]" (RFC 7064, RFC 7065). */
bool link_server_parse(struct link_server *out, const char *uri, size_t len);

#endif
