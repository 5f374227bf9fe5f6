/* Socket addresses as text and back. Values; any thread. Never resolves names. */
#ifndef SOUK_CORE_ADDR_H
#define SOUK_CORE_ADDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { ADDR_TEXT = 64 };

struct addr {
	struct sockaddr_storage ss;
	socklen_t len;
};

/* "127.0.0.1:8080" or "[::1]:8080"; port 0..65535. -EINVAL otherwise. */
int addr_parse(struct addr *out, const char *text) __attribute__((warn_unused_result));
/* A bare IP and a port. */
int addr_set(struct addr *out, const char *ip, uint16_t port) __attribute__((warn_unused_result));

void addr_format(const struct addr *addr, char out[ADDR_TEXT]); /* ip:port */
void addr_format_ip(const struct addr *addr, char out[ADDR_TEXT]); /* ip alone, no brackets */
/* Of one customer, who has an IPv4 address or a /64 of IPv6: "192.0.2.7", "2001:db8::/64". */
void addr_format_site(const struct addr *addr, char out[ADDR_TEXT]);
uint16_t addr_port(const struct addr *addr);
void addr_set_port(struct addr *addr, uint16_t port);
bool addr_equal(const struct addr *a, const struct addr *b); /* family, ip and port */
bool addr_is_any(const struct addr *addr); /* 0.0.0.0 or :: */
bool addr_is_loopback(const struct addr *addr); /* 127/8 or ::1 */

/* Of the public internet, as far as its number tells (IANA special-purpose registries, RFC 6890):
 * not this machine, a private network, link-local, multicast, or IPv4 of that kind within IPv6. */
bool addr_is_public(const struct addr *addr);

/* A socket on :: sees IPv4 as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). Into IPv4 if it is that, and
 * back; other addresses stay. */
void addr_unmap(struct addr *addr);
void addr_map(struct addr *addr);

#endif
