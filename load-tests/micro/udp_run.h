/* Packets of equal length to one peer by one call, cut by the kernel (UDP_SEGMENT, udp(7)). */
#ifndef SOUK_LOAD_TESTS_MICRO_UDP_RUN_H
#define SOUK_LOAD_TESTS_MICRO_UDP_RUN_H

#include <stddef.h>
#include <stdint.h>

struct addr;

/* `len` bytes, less than 64 KiB of them. 0 or negative errno. */
int udp_run_send(int fd, const struct addr *to, const void *data, size_t len, uint16_t packet_len);

#endif
