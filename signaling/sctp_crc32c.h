/* CRC32c of SCTP packets (RFC 9260 §6.8, appendix A). Pure; any thread. */
#ifndef SOUK_SIGNALING_SCTP_CRC32C_H
#define SOUK_SIGNALING_SCTP_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* With the processor's instruction where it has one. */
uint32_t sctp_crc32c(const void *data, size_t len);

/* The same without it. */
uint32_t sctp_crc32c_portable(const void *data, size_t len);

#endif
