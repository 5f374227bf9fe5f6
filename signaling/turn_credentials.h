/*
 * Time-limited credentials of a TURN server (coturn's `use-auth-secret`): the user name begins with
 * the time at which it ends, the password is a MAC of the user name, so that the TURN server needs
 * nothing but the secret that it shares with us. Pure functions; any thread.
 */
#ifndef SOUK_SIGNALING_TURN_CREDENTIALS_H
#define SOUK_SIGNALING_TURN_CREDENTIALS_H

#include <stdint.h>

/* As long as a show may last: an allocation is refreshed with them until then. */
enum { TURN_CREDENTIALS_S = 86400, TURN_USER_MAX = 64 };

struct turn_credentials {
	char username[TURN_USER_MAX + 24]; /* "1795226335:bob" */
	char credential[32]; /* base64 of HMAC-SHA1 */
};

/* Good until `expiry_s` (UTC). A longer `user` is cut. */
void turn_credentials_make(struct turn_credentials *out, const char *secret, const char *user,
			   int64_t expiry_s);

#endif
