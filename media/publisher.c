#include "media/publisher.h"

#include "media/frame.h"
#include "server/core/alloc.h"
#include "server/core/mqueue.h"

#include <stdlib.h>

struct key_request {
	struct message message;
	struct publisher *publisher;
	unsigned slot;
};

struct publisher *publisher_create(struct broadcast *broadcast,
				   const struct publisher_params *params)
{
	struct publisher *publisher = xcalloc(1, sizeof(*publisher));
	atomic_init(&publisher->refs, 1);
	publisher->broadcast = broadcast_ref(broadcast);
	publisher->params = *params;
	return publisher;
}

struct publisher *publisher_ref(struct publisher *publisher)
{
	atomic_fetch_add_explicit(&publisher->refs, 1, memory_order_relaxed);
	return publisher;
}

void publisher_unref(struct publisher *publisher)
{
	if (atomic_fetch_sub_explicit(&publisher->refs, 1, memory_order_acq_rel) != 1)
		return;
	media_config_unref(publisher->promised_aac);
	broadcast_unref(publisher->broadcast);
	free(publisher);
}

static void drop_key_request(struct message *message)
{
	struct key_request *request = (struct key_request *)message;
	publisher_unref(request->publisher);
	free(request);
}

static void on_key_request(struct message *message)
{
	const struct key_request *request = (struct key_request *)message;
	const struct publisher *publisher = request->publisher;
	if (!publisher->ended)
		publisher->params.request_key(publisher->params.arg, request->slot);
	drop_key_request(message);
}

void publisher_ask_key(struct publisher *publisher, unsigned slot)
{
	struct key_request *request = xcalloc(1, sizeof(*request));
	request->message.run = on_key_request;
	request->message.drop = drop_key_request;
	request->publisher = publisher;
	request->slot = slot;
	if (mqueue_push(publisher->params.queue, &request->message))
		drop_key_request(&request->message);
}
