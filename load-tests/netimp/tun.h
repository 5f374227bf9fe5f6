/*
 * One end of the impaired link: a TUN device in a network namespace, with a point-to-point address,
 * up and ready. It goes away with its descriptor. One thread: opening moves the calling thread into
 * the namespace and back.
 */
#ifndef SOUK_LOAD_TESTS_NETIMP_TUN_H
#define SOUK_LOAD_TESTS_NETIMP_TUN_H

#include <net/if.h>
#include <stdint.h>

enum { TUN_ERROR = 200 };

struct tun_config {
	const char *netns; /* a name as "ip netns" has it, or a path such as /proc/1/ns/net */
	const char *device;
	const char *address; /* IPv4 */
	const char *peer; /* IPv4 of the other end */
	int64_t mtu;
};

struct tun {
	int fd; /* a read or a write is one IP packet; does not block */
	int counters_fd; /* the namespace's table of devices */
	char device[IFNAMSIZ];
};

/* On failure nothing is left open. -EPERM: the privilege is missing. */
int tun_open(struct tun *out, const struct tun_config *config, char error[TUN_ERROR])
	__attribute__((warn_unused_result));

/* Packets that the kernel dropped because nobody read them in time; -1: unknown. */
int64_t tun_dropped(const struct tun *tun);

void tun_close(struct tun *tun);

#endif
