#include "load-tests/swarm/http_response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LINE_MAX_LEN = 1024, CHUNK_DIGITS_MAX = 15 };

enum state {
	IN_HEAD,
	HEAD_TOLD, /* decides what kind of body follows */
	IN_BODY,
	UNTIL_CLOSE,
	CHUNK_SIZE,
	CHUNK_DATA,
	CHUNK_END,
	TRAILER,
	DONE,
	FAILED,
};

void http_response_init(struct http_response *response)
{
	memset(response, 0, sizeof(*response));
	bytes_init(&response->head, HTTP_RESPONSE_HEAD_MAX);
	bytes_init(&response->line, LINE_MAX_LEN);
}

void http_response_finish(struct http_response *response)
{
	bytes_finish(&response->head);
	bytes_finish(&response->line);
}

void http_response_reset(struct http_response *response)
{
	struct bytes head = response->head, line = response->line;
	bytes_clear(&head);
	bytes_clear(&line);
	*response = (struct http_response){ .head = head, .line = line };
}

/* The value of a header and its length without the space around it. */
static const char *find_header(const struct http_response *response, const char *name, size_t *len)
{
	const char *text = (const char *)response->head.data;
	const char *end = text + response->head.len;
	const size_t name_len = strlen(name);
	while (text < end) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));
		if (!line_end)
			break;
		const size_t line_len = (size_t)(line_end - text);
		if (line_len > name_len && text[name_len] == ':' &&
		    !strncasecmp(text, name, name_len)) {
			const char *value = text + name_len + 1;
			while (value < line_end && (*value == ' ' || *value == '\t'))
				value++;
			while (line_end > value && strchr(" \t\r", line_end[-1]))
				line_end--;
			*len = (size_t)(line_end - value);
			return value;
		}
		text = line_end + 1;
	}
	return NULL;
}

bool http_response_header(const struct http_response *response, const char *name, char *out,
			  size_t size)
{
	size_t len;
	const char *value = find_header(response, name, &len);
	if (!value || len >= size)
		return false;
	memcpy(out, value, len);
	out[len] = '\0';
	return true;
}

static bool parse_digits(const char *text, uint64_t base, uint64_t *out)
{
	static const char digits[] = "0123456789abcdef";
	size_t count = 0;
	*out = 0;
	for (; *text && *text != ';' && *text != ' '; text++) {
		const char lower = *text >= 'A' && *text <= 'F' ? (char)(*text + 32) : *text;
		const char *digit = memchr(digits, lower, base);
		if (!digit || ++count > CHUNK_DIGITS_MAX)
			return false;
		*out = *out * base + (uint64_t)(digit - digits);
	}
	return count > 0;
}

static bool parse_head(struct http_response *response)
{
	char value[32];
	const char *text = (const char *)response->head.data;
	if (response->head.len < 13 || strncmp(text, "HTTP/1.", 7) != 0 || text[8] != ' ')
		return false;
	for (int i = 9; i < 12; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		response->status = response->status * 10 + (text[i] - '0');
	}
	response->keep_alive = text[7] == '1';
	if (http_response_header(response, "Connection", value, sizeof(value)) &&
	    !strcasecmp(value, "close"))
		response->keep_alive = false;
	if (http_response_header(response, "Transfer-Encoding", value, sizeof(value))) {
		response->chunked = !strcasecmp(value, "chunked");
		return response->chunked;
	}
	response->has_length =
		http_response_header(response, "Content-Length", value, sizeof(value));
	return !response->has_length || parse_digits(value, 10, &response->left);
}

/* Appends up to and with the next LF; true when the line is whole. */
static bool take_line(struct bytes *line, const uint8_t **data, size_t *len)
{
	const uint8_t *end = memchr(*data, '\n', *len);
	const size_t taken = end ? (size_t)(end - *data) + 1 : *len;
	bytes_put(line, *data, taken);
	*data += taken;
	*len -= taken;
	return end != NULL;
}

static bool head_is_whole(const struct bytes *head)
{
	return head->len >= 4 && !memcmp(head->data + head->len - 4, "\r\n\r\n", 4);
}

static int body_state(const struct http_response *response)
{
	/* RFC 9110 §7.8: from here on another protocol. */
	if (response->status == 101)
		return UNTIL_CLOSE;
	/* RFC 9110 §15.3.5, §15.4.5: no body whatever the headers say. */
	if (response->status == 204 || response->status == 304 || response->status < 200)
		return DONE;
	if (response->chunked)
		return CHUNK_SIZE;
	if (!response->has_length)
		return UNTIL_CLOSE;
	return response->left ? IN_BODY : DONE;
}

static void take_piece(struct http_response *response, const uint8_t **data, size_t *len)
{
	size_t part = *len;
	if (response->state != UNTIL_CLOSE) {
		part = response->left < part ? (size_t)response->left : part;
		response->left -= part;
	}
	response->piece = *data;
	response->piece_len = part;
	*data += part;
	*len -= part;
}

/* A line of the chunked coding is whole: what comes next. RFC 9112 §7.1 */
static int after_line(struct http_response *response)
{
	const char *text = bytes_string(&response->line);
	const size_t len = response->line.len;
	const bool empty = len == 2 && text[0] == '\r';
	int next = FAILED;
	if (len < 2 || text[len - 2] != '\r' || !bytes_ok(&response->line))
		return FAILED;
	response->line.data[len - 2] = '\0';
	if (response->state == CHUNK_SIZE && parse_digits(text, 16, &response->left))
		next = response->left ? CHUNK_DATA : TRAILER;
	else if (response->state == CHUNK_END && empty)
		next = CHUNK_SIZE;
	else if (response->state == TRAILER)
		next = empty ? DONE : TRAILER;
	bytes_clear(&response->line);
	return next;
}

static void feed_head(struct http_response *response, const uint8_t **data, size_t *len)
{
	const bool line = take_line(&response->head, data, len);
	if (!bytes_ok(&response->head))
		response->state = FAILED;
	else if (line && head_is_whole(&response->head))
		response->state = parse_head(response) ? HEAD_TOLD : FAILED;
}

enum http_response_event http_response_feed(struct http_response *response, const uint8_t **data,
					    size_t *len)
{
	if (response->state == HEAD_TOLD) {
		response->state = body_state(response);
		response->until_close = response->state == UNTIL_CLOSE;
	}
	while (*len && response->state < DONE) {
		if (response->state == IN_HEAD) {
			feed_head(response, data, len);
			if (response->state == HEAD_TOLD)
				return HTTP_RESPONSE_HEAD;
		} else if (response->state == IN_BODY || response->state == CHUNK_DATA ||
			   response->state == UNTIL_CLOSE) {
			take_piece(response, data, len);
			if (response->state != UNTIL_CLOSE && !response->left)
				response->state = response->state == IN_BODY ? DONE : CHUNK_END;
			return HTTP_RESPONSE_BODY;
		} else if (take_line(&response->line, data, len)) {
			response->state = after_line(response);
		} else if (!bytes_ok(&response->line)) {
			response->state = FAILED;
		}
	}
	if (response->state == DONE)
		return HTTP_RESPONSE_DONE;
	return response->state == FAILED ? HTTP_RESPONSE_FAILED : HTTP_RESPONSE_MORE;
}
