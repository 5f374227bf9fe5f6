/* Compresses text that many readers get (RFC 1952). Pure; any thread. */
#ifndef SOUK_CORE_GZIP_H
#define SOUK_CORE_GZIP_H

#include <stddef.h>

struct buf;

/* NULL when memory is short. */
struct buf *gzip_buf(const struct buf *plain) __attribute__((warn_unused_result));

#endif
