#include "signaling/udp_hello.h"

#include "server/core/alloc.h"
#include "server/core/bits.h"
#include "server/core/buf.h"
#include "signaling/udp_key.h"

#include <stdlib.h>

/* RFC 6347 §4.1, §4.3.2 */
enum { RECORD_HANDSHAKE = 22, RECORD_HEADER = 13, CLIENT_HELLO = 1, HELLO_MAX = 1500 };

struct hello {
	struct list link;
	struct udp_key key;
	int64_t since_us;
	struct buf *datagrams[UDP_HELLO_DATAGRAMS];
	size_t count;
};

void udp_hellos_init(struct udp_hellos *hellos)
{
	map_init(&hellos->by_addr);
	list_init(&hellos->by_age);
}

static void forget(struct udp_hellos *hellos, struct hello *hello)
{
	map_remove(&hellos->by_addr, hello->key.bytes, hello->key.len);
	list_remove(&hello->link);
	for (size_t i = 0; i < hello->count; i++)
		buf_unref(hello->datagrams[i]);
	free(hello);
}

void udp_hellos_finish(struct udp_hellos *hellos)
{
	while (!list_empty(&hellos->by_age))
		forget(hellos, list_entry(hellos->by_age.next, struct hello, link));
	map_finish(&hellos->by_addr);
}

static bool is_client_hello(const uint8_t *data, size_t len)
{
	struct bits bits;
	bits_init(&bits, data, len);
	const unsigned type = bits_u8(&bits);
	const unsigned version = bits_u8(&bits);
	const unsigned minor = bits_u8(&bits);
	const unsigned epoch = bits_be16(&bits);
	bits_skip(&bits, RECORD_HEADER - 5);
	const unsigned message = bits_u8(&bits);
	return bits_ok(&bits) && len <= HELLO_MAX && type == RECORD_HANDSHAKE && version == 0xfe &&
	       minor >= 0xfc && epoch == 0 && message == CLIENT_HELLO;
}

bool udp_hellos_keep(struct udp_hellos *hellos, const struct addr *from, const uint8_t *data,
		     size_t len, int64_t now_us)
{
	if (!is_client_hello(data, len))
		return false;
	udp_hellos_expire(hellos, now_us);
	const struct udp_key key = udp_key_of(from);
	struct hello *hello = map_get(&hellos->by_addr, key.bytes, key.len);
	if (!hello) {
		if (hellos->by_addr.count == UDP_HELLO_ADDRS)
			forget(hellos, list_entry(hellos->by_age.next, struct hello, link));
		hello = xcalloc(1, sizeof(*hello));
		hello->key = key;
		hello->since_us = now_us;
		map_set(&hellos->by_addr, key.bytes, key.len, hello);
		list_append(&hellos->by_age, &hello->link);
	}
	if (hello->count == UDP_HELLO_DATAGRAMS)
		return false;
	struct buf *datagram = buf_copy(data, len);
	if (!datagram)
		return false;
	hello->datagrams[hello->count++] = datagram;
	return true;
}

size_t udp_hellos_take(struct udp_hellos *hellos, const struct addr *from, int64_t now_us,
		       struct buf *out[UDP_HELLO_DATAGRAMS])
{
	udp_hellos_expire(hellos, now_us);
	const struct udp_key key = udp_key_of(from);
	struct hello *hello = map_get(&hellos->by_addr, key.bytes, key.len);
	if (!hello)
		return 0;
	const size_t count = hello->count;
	for (size_t i = 0; i < count; i++)
		out[i] = hello->datagrams[i];
	hello->count = 0;
	forget(hellos, hello);
	return count;
}

void udp_hellos_expire(struct udp_hellos *hellos, int64_t now_us)
{
	while (!list_empty(&hellos->by_age)) {
		struct hello *oldest = list_entry(hellos->by_age.next, struct hello, link);
		if (now_us - oldest->since_us < UDP_HELLO_US)
			break;
		forget(hellos, oldest);
	}
}
