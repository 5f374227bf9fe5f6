/*
 * What a join's handshake costs the server: the cryptography of DTLS 1.2 with ECDSA P-256 and
 * X25519 alone, the handshake by OpenSSL as it comes, and by signaling/dtls. Clients are in the
 * same thread and not counted. One thread.
 */
#ifndef SOUK_LOAD_TESTS_MICRO_DTLS_COST_H
#define SOUK_LOAD_TESTS_MICRO_DTLS_COST_H

struct meter;

void dtls_cost(struct meter *meter);

#endif
