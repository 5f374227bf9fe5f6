/* Orders as live messages: what WebSocket and data channel share (docs/api.md section 5.5). */
#include "load-tests/swarm/buyer.h"
#include "server/core/alloc.h"
#include "server/core/json.h"

#include <string.h>

char *buyer_place_message(const struct buyer *buyer)
{
	return xasprintf("{\"v\":1,\"type\":\"order.place\",\"data\":{\"key\":\"%s\",%s}}",
			 buyer->key, buyers_order(buyer->buyers));
}

/* Results go to all sessions of a `sub`: only the key under way counts. */
static void read_message(struct buyer *buyer, const json_t *message)
{
	const char *type = json_string_value(json_object_get(message, "type"));
	const json_t *data = json_object_get(message, "data");
	const char *key = json_string_value(json_object_get(data, "key"));
	if (!type || strcmp(type, "order.result") != 0 || !key || !buyer->ordering ||
	    strcmp(key, buyer->key) != 0)
		return;
	const json_t *body = json_object_get(data, "body");
	const char *code = json_string_value(json_object_get(body, "code"));
	const struct order_answer answer = {
		.status = (int)json_integer_value(json_object_get(data, "status")),
		.id = json_string_value(json_object_get(body, "id")),
		.detail = code ? code : "",
	};
	buyer_answered(buyer, &answer);
}

void buyer_read_messages(struct buyer *buyer, const char *text, size_t len)
{
	static const char sign[] = "order.result";
	if (!memmem(text, len, sign, sizeof(sign) - 1))
		return;
	json_t *value = json_parse(text, len);
	for (size_t i = 0; i < json_array_size(value); i++)
		read_message(buyer, json_array_get(value, i));
	if (json_is_object(value))
		read_message(buyer, value);
	json_decref(value);
}
