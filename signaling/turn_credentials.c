#include "signaling/turn_credentials.h"

#include "server/core/crypto.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void turn_credentials_make(struct turn_credentials *out, const char *secret, const char *user,
			   int64_t expiry_s)
{
	uint8_t mac[SHA1_SIZE];
	snprintf(out->username, sizeof(out->username), "%" PRId64 ":%.*s", expiry_s, TURN_USER_MAX,
		 user);
	crypto_hmac_sha1(secret, strlen(secret), out->username, strlen(out->username), mac);
	base64_encode(mac, sizeof(mac), out->credential);
}
