/* The load client's view of a server: HTTP/1.1 responses, and the FLV stream in their bodies. */
#include "load-tests/swarm/flv_reader.h"
#include "load-tests/swarm/http_response.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void on_message(void *arg, const char *text, size_t len)
{
	(void)arg;
	for (size_t i = 0; i < len; i++) /* all of it can be read */
		(void)*(volatile const char *)(text + i);
}

static const struct flv_reader_ops reader_ops = { .message = on_message };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct http_response response;
	struct flv_reader reader;
	char value[64];
	/* The first byte says how the rest is cut. */
	const size_t step = len ? data[0] + 1u : 1;
	const uint8_t *at = len ? data + 1 : data;
	size_t left = len ? len - 1 : 0;
	enum http_response_event event = HTTP_RESPONSE_MORE;
	http_response_init(&response);
	flv_reader_init(&reader, &reader_ops, NULL);
	while (left && event != HTTP_RESPONSE_FAILED) {
		size_t part = left < step ? left : step;
		left -= part;
		do {
			event = http_response_feed(&response, &at, &part);
			if (event == HTTP_RESPONSE_BODY)
				flv_reader_feed(&reader, response.piece, response.piece_len);
			if (event == HTTP_RESPONSE_HEAD)
				http_response_header(&response, "Location", value, sizeof(value));
			if (event == HTTP_RESPONSE_DONE)
				http_response_reset(&response);
		} while (part && event != HTTP_RESPONSE_FAILED);
	}
	flv_reader_finish(&reader);
	http_response_finish(&response);
	return 0;
}
