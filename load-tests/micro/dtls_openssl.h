/* OpenSSL by itself: what signaling/dtls is compared with. One thread. */
#ifndef SOUK_LOAD_TESTS_MICRO_DTLS_OPENSSL_H
#define SOUK_LOAD_TESTS_MICRO_DTLS_OPENSSL_H

#include <stdint.h>

struct dtls_openssl;
struct stopwatch;

int dtls_openssl_create(struct dtls_openssl **out) __attribute__((warn_unused_result));
void dtls_openssl_destroy(struct dtls_openssl *bare);

/* Trials (load-tests/micro/meter.h) with a struct dtls_openssl. */
int dtls_openssl_agree(void *arg, uint64_t operations, struct stopwatch *watch);
int dtls_openssl_sign(void *arg, uint64_t operations, struct stopwatch *watch);
int dtls_openssl_verify(void *arg, uint64_t operations, struct stopwatch *watch);
int dtls_openssl_all(void *arg, uint64_t operations, struct stopwatch *watch);
int dtls_openssl_handshake(void *arg, uint64_t operations, struct stopwatch *watch);

#endif
