#include "server/core/http1.h"

#include "server/core/http_list.h"
#include "server/core/percent.h"

#include <string.h>
#include <strings.h>

enum state {
	IN_HEAD,
	HEAD_TOLD, /* HTTP1_HEAD was returned, the body is next */
	IN_BODY,
	CHUNK_SIZE,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	TRAILERS,
	COMPLETE,
	FAILED,
};

enum { METHOD_MAX = 16, LENGTH_DIGITS = 15, CHUNK_DIGITS = 8 };

static const char body_too_large[] = "the body is larger than is taken here";
static const char bad_chunk[] = "malformed chunk, or long extensions";
static const char bad_line[] = "lines end with CR LF, and hold no CR, LF or NUL";

void http1_init(struct http1 *http)
{
	memset(http, 0, sizeof(*http));
	bytes_init(&http->head, HTTP1_HEAD_MAX);
	bytes_init(&http->body, HTTP1_BODY_MAX);
	bytes_init(&http->trailer, HTTP1_TRAILERS_MAX);
	http->in_request_line = true;
}

void http1_finish(struct http1 *http)
{
	bytes_finish(&http->head);
	bytes_finish(&http->body);
	bytes_finish(&http->trailer);
}

void http1_reset(struct http1 *http)
{
	http1_finish(http); /* thousands of idle connections keep no buffers */
	http1_init(http);
}

void http1_set_body_cap(struct http1 *http, size_t cap)
{
	http->body_cap = cap < HTTP1_BODY_MAX ? cap : HTTP1_BODY_MAX;
}

bool http1_idle(const struct http1 *http)
{
	return http->state == IN_HEAD && !http->head.len && !http->after_cr;
}

static int because(struct http1 *http, int status, const char *why)
{
	http->why = why;
	return status;
}

static enum http1_event fail(struct http1 *http, int status, const char *why)
{
	http->state = FAILED;
	http->status = because(http, status, why);
	return HTTP1_FAILED;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 9110 §5.6.2 */
static bool is_token(const char *text, size_t max)
{
	size_t len = 0;
	for (; text[len]; len++)
		if (!is_alnum(text[len]) && !strchr("!#$%&'*+-.^_`|~", text[len]))
			return false;
	return len > 0 && len <= max;
}

/* What two parties may read as different paths is refused: encoded separators, dot segments, empty
 * segments, control characters. */
static bool decode_path(char *path)
{
	for (const char *c = path; *c; c++)
		if (*c == '\\' || !strncasecmp(c, "%2f", 3) || !strncasecmp(c, "%5c", 3))
			return false;
	const long len = percent_decode(path, strlen(path), false, path);
	if (len < 0)
		return false;
	path[len] = '\0';
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
		const size_t part = strcspn(slash + 1, "/");
		const bool last = slash[1 + part] == '\0';
		if ((part == 0 && !last) || (part == 1 && slash[1] == '.') ||
		    (part == 2 && slash[1] == '.' && slash[2] == '.'))
			return false;
	}
	return true;
}

/* RFC 9110 §7.2, narrowed to what a host and port can be made of. */
static bool is_authority(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(text[i]) && !(text[i] && strchr("-._~:[]", text[i])))
			return false;
	return len > 0;
}

/* The path in an absolute-form target (RFC 9112 §3.2.2), NULL if it is none of ours. */
static char *strip_origin(char *target)
{
	char *authority = !strncasecmp(target, "http://", 7)    ? target + 7
			  : !strncasecmp(target, "https://", 8) ? target + 8
								: NULL;
	if (!authority)
		return NULL;
	const size_t len = strcspn(authority, "/?");
	if (!is_authority(authority, len))
		return NULL;
	if (authority[len] == '/')
		return authority + len;
	/* "http://host?q" and "http://host": the authority is done with. */
	authority[len - 1] = '/';
	return authority + len - 1;
}

static bool parse_target(struct http1 *http, char *target)
{
	for (const char *c = target; *c; c++)
		if (*c < 0x21 || *c > 0x7e || strchr("\"#<>", *c))
			return false;
	http->query = "";
	if (!strcmp(target, "*")) {
		http->path = target;
		return !strcmp(http->method, "OPTIONS");
	}
	if (target[0] != '/')
		target = strip_origin(target);
	if (!target)
		return false;
	char *mark = strchr(target, '?');
	if (mark) {
		*mark = '\0';
		http->query = mark + 1;
	}
	http->path = target;
	return decode_path(target);
}

/* "GET /path HTTP/1.1" with single spaces; 0 or the status to fail with. */
static int parse_request_line(struct http1 *http, char *line)
{
	static const char line_form[] = "the first line is not METHOD TARGET HTTP/1.1";
	char *target = strchr(line, ' ');
	char *version = target ? strchr(target + 1, ' ') : NULL;
	if (!version)
		return because(http, 400, line_form);
	*target++ = '\0';
	*version++ = '\0';
	if (strlen(version) != 8 || strncmp(version, "HTTP/", 5) != 0 || !is_digit(version[5]) ||
	    version[6] != '.' || !is_digit(version[7]))
		return because(http, 400, line_form);
	if (version[5] != '1' || version[7] > '1')
		return because(http, 505, "HTTP/1.1 and HTTP/1.0 are spoken here");
	http->version_1_0 = version[7] == '0';
	http->method = line;
	if (!is_token(line, METHOD_MAX))
		return because(http, 400, "the method is not a token of at most 16");
	if (!parse_target(http, target))
		return because(http, 400,
			       "the target is no path that everybody reads alike: UTF-8 in %XX, no "
			       "dot or empty segments, no encoded slashes");
	return 0;
}

static bool parse_field(char *line, struct http_header *out)
{
	char *colon = strchr(line, ':');
	if (!colon)
		return false;
	*colon = '\0';
	/* Covers "Name :" and folded lines (RFC 9112 §5.1, §5.2): neither is a token. */
	if (!is_token(line, HTTP1_HEAD_MAX))
		return false;
	char *value = colon + 1 + strspn(colon + 1, " \t");
	size_t len = strlen(value);
	while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	value[len] = '\0';
	for (const char *c = value; *c; c++)
		if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
			return false;
	*out = (struct http_header){ line, value };
	return true;
}

static bool parse_header(struct http1 *http, char *line)
{
	if (!parse_field(line, &http->headers[http->header_count]))
		return false;
	http->header_count++;
	return true;
}

/* The only value of a header that must not come twice. false if it does. */
static bool only(const struct http1 *http, const char *name, const char **out)
{
	*out = NULL;
	for (size_t i = 0; i < http->header_count; i++) {
		if (strcasecmp(http->headers[i].name, name) != 0)
			continue;
		if (*out)
			return false;
		*out = http->headers[i].value;
	}
	return true;
}

static bool parse_length(const char *text, uint64_t *out)
{
	const size_t len = strlen(text);
	uint64_t value = 0;
	if (len == 0 || len > LENGTH_DIGITS || strspn(text, "0123456789") != len)
		return false;
	for (size_t i = 0; i < len; i++)
		value = value * 10 + (uint64_t)(text[i] - '0');
	*out = value;
	return true;
}

/* How the body is framed (RFC 9112 §6), and what the head says about the connection. */
static int parse_framing(struct http1 *http)
{
	const char *host;
	const char *length;
	const char *coding;
	const char *expect;
	if (!only(http, "Host", &host) || !only(http, "Content-Length", &length) ||
	    !only(http, "Transfer-Encoding", &coding) || !only(http, "Expect", &expect))
		return because(
			http, 400,
			"Host, Content-Length, Transfer-Encoding or Expect stands there twice");
	if ((!host && !http->version_1_0) || (host && !is_authority(host, strlen(host))))
		return because(http, 400, "Host is missing or not HOST[:PORT]");
	if (coding && (length || http->version_1_0 || strcasecmp(coding, "chunked") != 0))
		return because(http, 400,
			       "Transfer-Encoding is chunked alone, without Content-Length");
	if (length && !parse_length(length, &http->left))
		return because(http, 400, "Content-Length is not a number");
	http->chunked = coding != NULL;
	http->keep_alive = !http->version_1_0 && !http1_header_has(http, "Connection", "close");
	if (expect && strcasecmp(expect, "100-continue") != 0)
		return because(http, 417, "only 100-continue may be expected");
	http->expects_continue = expect && !http->version_1_0;
	return 0;
}

/* The whole head is in http->head, each line ended by CRLF, the last one empty. */
static enum http1_event parse_head(struct http1 *http)
{
	char *line = (char *)http->head.data;
	char *end = strstr(line, "\r\n");
	*end = '\0';
	int status = parse_request_line(http, line);
	for (line = end + 2; !status; line = end + 2) {
		end = strstr(line, "\r\n");
		if (end == line)
			break;
		*end = '\0';
		if (http->header_count == HTTP1_HEADERS_MAX)
			status = because(http, 431, "more than 100 header fields");
		else if (!parse_header(http, line))
			status =
				because(http, 400, "a header field is not of the form Name: value");
	}
	if (!status)
		status = parse_framing(http);
	if (status)
		return fail(http, status, http->why);
	http->state = HEAD_TOLD;
	return HTTP1_HEAD;
}

/* A line of the head ended. */
static enum http1_event end_line(struct http1 *http)
{
	const bool empty = http->head.len == http->line_at + 2;
	http->line_at = http->head.len;
	if (!empty) {
		http->in_request_line = false;
		return HTTP1_MORE;
	}
	if (!http->in_request_line) {
		(void)bytes_string(&http->head); /* ends with NUL */
		return parse_head(http);
	}
	if (http->blank) /* RFC 9112 §2.2 wants at least one empty line before a request ignored */
		return fail(http, 400, "more than one empty line before the request");
	http->blank = true;
	bytes_clear(&http->head);
	http->line_at = 0;
	return HTTP1_MORE;
}

static enum http1_event take_head_byte(struct http1 *http, uint8_t byte)
{
	/* CR only before LF, LF only behind CR: a bare one is a line's end to some (RFC 9112 §2.2).
	 */
	if (byte == 0 || http->after_cr != (byte == '\n'))
		return fail(http, 400, bad_line);
	http->after_cr = byte == '\r';
	bytes_u8(&http->head, byte);
	if (!bytes_ok(&http->head))
		return fail(http, http->in_request_line ? 414 : 431, "the head exceeds 8 KiB");
	return byte == '\n' ? end_line(http) : HTTP1_MORE;
}

static enum http1_event take_body(struct http1 *http, const uint8_t **data, size_t *len)
{
	const size_t part = *len < http->left ? *len : (size_t)http->left;
	bytes_put(&http->body, *data, part);
	*data += part;
	*len -= part;
	http->left -= part;
	if (!bytes_ok(&http->body))
		return fail(http, 413, body_too_large);
	return HTTP1_MORE;
}

static enum http1_event begin_body(struct http1 *http)
{
	if (http->left > http->body_cap)
		return fail(http, 413, body_too_large);
	http->state = http->chunked ? CHUNK_SIZE : http->left ? IN_BODY : COMPLETE;
	return HTTP1_MORE;
}

/* RFC 9112 §7.1.1: what is not known is ignored, but it must be bounded. Parsers differ on a line's
 * end within it, so that CR LF alone is one, and nothing else below a space but a tab is taken. */
static enum http1_event skip_extension(struct http1 *http, uint8_t byte)
{
	http->in_extension = byte != '\r';
	if (byte == '\r')
		http->state = CHUNK_SIZE_LF;
	else if ((byte < ' ' && byte != '\t') || byte > '~' ||
		 ++http->extensions > HTTP1_EXTENSIONS_MAX)
		return fail(http, 400, bad_chunk);
	return HTTP1_MORE;
}

static enum http1_event take_chunk_size(struct http1 *http, uint8_t byte)
{
	if (http->in_extension || (byte == ';' && http->digits))
		return skip_extension(http, byte);
	if (byte == '\r' && http->digits) {
		http->state = CHUNK_SIZE_LF;
		return HTTP1_MORE;
	}
	const int digit = hex_value((char)byte);
	if (digit < 0 || ++http->digits > CHUNK_DIGITS)
		return fail(http, 400, bad_chunk);
	http->left = http->left << 4 | (unsigned)digit;
	return HTTP1_MORE;
}

/* What changes how a request is framed, routed, allowed or read must stand in front of the body
 * (RFC 9110 §6.5.1): who puts it behind means it for somebody who merges. */
static bool is_misplaced(const char *name)
{
	static const char *const names[] = {
		"Transfer-Encoding",
		"Content-Length",
		"Host",
		"Connection",
		"Expect",
		"Upgrade",
		"TE",
		"Trailer",
		"Authorization",
		"Content-Type",
		"Content-Encoding",
		"Content-Range",
		"If-Match",
		"Idempotency-Key",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcasecmp(name, names[i]))
			return true;
	return false;
}

static enum http1_event end_trailer(struct http1 *http)
{
	struct http_header field;
	if (!http->trailer.len) {
		http->state = COMPLETE;
		return HTTP1_MORE;
	}
	(void)bytes_string(&http->trailer); /* ends with NUL */
	if (!parse_field((char *)http->trailer.data, &field) || is_misplaced(field.name))
		return fail(http, 400,
			    "a trailer field that is malformed or belongs into the head");
	bytes_clear(&http->trailer);
	return HTTP1_MORE;
}

/* RFC 9112 §7.1.2 lets us discard trailers. They are looked at all the same, so that everybody sees
 * the request end where we do. */
static enum http1_event take_trailer_byte(struct http1 *http, uint8_t byte)
{
	if (byte == 0 || http->after_cr != (byte == '\n'))
		return fail(http, 400, bad_line);
	http->after_cr = byte == '\r';
	if (++http->trailers > HTTP1_TRAILERS_MAX)
		return fail(http, 431, "the trailers exceed 1 KiB");
	if (byte == '\n')
		return end_trailer(http);
	if (byte != '\r')
		bytes_u8(&http->trailer, byte);
	return HTTP1_MORE;
}

/* CR and LF at the fixed places of the chunked coding. */
static enum http1_event take_line_end(struct http1 *http, uint8_t byte)
{
	if (byte != (http->state == CHUNK_DATA_CR ? '\r' : '\n'))
		return fail(http, 400, bad_chunk);
	switch (http->state) {
	case CHUNK_SIZE_LF:
		if (http->left > http->body_cap - http->body.len)
			return fail(http, 413, body_too_large);
		http->state = http->left ? CHUNK_DATA : TRAILERS;
		break;
	case CHUNK_DATA_CR:
		http->state = CHUNK_DATA_LF;
		break;
	default:
		http->state = CHUNK_SIZE;
		http->digits = 0;
		break;
	}
	return HTTP1_MORE;
}

/* One byte of framing. */
static enum http1_event take_byte(struct http1 *http, uint8_t byte)
{
	if (http->state == IN_HEAD)
		return take_head_byte(http, byte);
	if (http->state == CHUNK_SIZE)
		return take_chunk_size(http, byte);
	if (http->state == TRAILERS)
		return take_trailer_byte(http, byte);
	return take_line_end(http, byte);
}

enum http1_event http1_feed(struct http1 *http, const uint8_t **data, size_t *len)
{
	enum http1_event event = HTTP1_MORE;
	if (http->state == HEAD_TOLD)
		event = begin_body(http);
	while (event == HTTP1_MORE && *len && http->state < COMPLETE) {
		if (http->state == IN_BODY || http->state == CHUNK_DATA) {
			event = take_body(http, data, len);
			if (event == HTTP1_MORE && !http->left)
				http->state = http->state == IN_BODY ? COMPLETE : CHUNK_DATA_CR;
			continue;
		}
		event = take_byte(http, **data);
		++*data;
		--*len;
	}
	if (http->state == FAILED)
		return HTTP1_FAILED;
	return http->state == COMPLETE ? HTTP1_DONE : event;
}

const char *http1_header(const struct http1 *http, const char *name)
{
	for (size_t i = 0; i < http->header_count; i++)
		if (!strcasecmp(http->headers[i].name, name))
			return http->headers[i].value;
	return NULL;
}

bool http1_header_has(const struct http1 *http, const char *name, const char *token)
{
	for (size_t i = 0; i < http->header_count; i++)
		if (!strcasecmp(http->headers[i].name, name) &&
		    http_list_has(http->headers[i].value, token))
			return true;
	return false;
}

bool http1_accepts(const struct http1 *http, const char *name, const char *token)
{
	const char *list = http1_header(http, name);
	return list && http_list_accepts(list, token);
}
