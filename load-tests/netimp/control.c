#include "load-tests/netimp/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum member { MEMBER_INT, MEMBER_REAL };

static const struct key {
	const char *name;
	enum member member;
	size_t offset;
	double max; /* 0 is the least */
	double scale; /* from the line's unit to the profile's */
	const char *text;
} keys[] = {
#define AT(member) offsetof(struct profile, member)
	{ "delay", MEMBER_INT, AT(delay_us), 60000, 1000, "ms that every packet takes" },
	{ "jitter", MEMBER_INT, AT(jitter_us), 60000, 1000,
	  "ms at most on top, uniform in 0..jitter, drawn anew every 20 ms; order is kept" },
	{ "loss", MEMBER_REAL, AT(loss), 1, 1,
	  "share (0.1: 10 %) of each 1000 packets, at random places" },
	{ "p", MEMBER_REAL, AT(p), 1, 1, "burst loss: probability good -> bad at each packet" },
	{ "r", MEMBER_REAL, AT(r), 1, 1, "burst loss: probability bad -> good at each packet" },
	{ "good", MEMBER_REAL, AT(good), 1, 1, "burst loss: loss in the good state" },
	{ "bad", MEMBER_REAL, AT(bad), 1, 1, "burst loss: loss in the bad state, 1 unless set" },
	{ "duplicate", MEMBER_REAL, AT(duplicate), 1, 1, "probability that a packet comes twice" },
	{ "reorder", MEMBER_REAL, AT(reorder), 1, 1, "probability that a packet skips the delay" },
	{ "rate", MEMBER_INT, AT(rate_bps), 100e6, 1000, "kbit/s of IP packets; 0: no limit" },
	{ "q", MEMBER_INT, AT(queue_bytes), 1048576, 1024,
	  "KiB that wait for the rate, 64 unless set; what comes then is dropped" },
	{ "down", MEMBER_INT, AT(down), 1, 1,
	  "1: outage, drops what comes and what waits for the rate" },
#undef AT
};

enum { KEYS = sizeof(keys) / sizeof(*keys), NUMBER_MAX = 24 };

static int fault(char error[CONTROL_ERROR], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int fault(char error[CONTROL_ERROR], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(error, CONTROL_ERROR, format, args);
	va_end(args);
	/* The answer is one line, whatever was in the question. */
	for (char *at = error; *at; at++)
		if ((unsigned char)*at < ' ' || (unsigned char)*at >= 0x7f)
			*at = '?';
	return -EINVAL;
}

struct word {
	const char *at;
	size_t len;
};

/* The next word between blanks; len 0 at the end of the line. */
static struct word next_word(const char **at, const char *end)
{
	while (*at < end && (**at == ' ' || **at == '\t' || **at == '\r'))
		++*at;
	struct word word = { *at, 0 };
	while (*at < end && **at != ' ' && **at != '\t' && **at != '\r')
		++*at;
	word.len = (size_t)(*at - word.at);
	return word;
}

static bool is(struct word word, const char *text)
{
	return word.len == strlen(text) && !memcmp(word.at, text, word.len);
}

/* Digits with at most one point: strtod() alone would take "nan", "0x1p3" and blanks. */
static bool take_number(struct word word, double *out)
{
	char text[NUMBER_MAX + 1];
	size_t points = 0;
	if (!word.len || word.len > NUMBER_MAX)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		points += word.at[i] == '.';
		if (word.at[i] != '.' && (word.at[i] < '0' || word.at[i] > '9'))
			return false;
	}
	if (points > 1 || points == word.len)
		return false;
	memcpy(text, word.at, word.len);
	text[word.len] = '\0';
	*out = strtod(text, NULL);
	return true;
}

static int take_trace(struct control *control, struct word value, char error[CONTROL_ERROR])
{
	if (!value.len || value.len >= CONTROL_PATH || memchr(value.at, '\0', value.len))
		return fault(error, "trace: a path of at most %d bytes, 5g or off",
			     CONTROL_PATH - 1);
	memcpy(control->trace, value.at, value.len);
	control->trace[value.len] = '\0';
	control->has_trace = true;
	return 0;
}

static int take_setting(struct control *control, struct word word, char error[CONTROL_ERROR])
{
	const char *equals = memchr(word.at, '=', word.len);
	if (!equals)
		return fault(error, "'%.*s' is not KEY=VALUE", (int)word.len, word.at);
	const struct word name = { word.at, (size_t)(equals - word.at) };
	const struct word value = { equals + 1, word.len - name.len - 1 };
	if (is(name, "trace"))
		return take_trace(control, value, error);
	size_t key = 0;
	while (key < KEYS && !is(name, keys[key].name))
		key++;
	if (key == KEYS)
		return fault(error, "unknown setting '%.*s'", (int)name.len, name.at);
	struct control_setting *setting = &control->settings[control->count];
	if (control->count == CONTROL_SETTINGS_MAX)
		return fault(error, "more than %d settings", CONTROL_SETTINGS_MAX);
	if (!take_number(value, &setting->value) || setting->value > keys[key].max)
		return fault(error, "%s: '%.*s' is not a number within 0..%.0f", keys[key].name,
			     (int)value.len, value.at, keys[key].max);
	setting->key = key;
	control->count++;
	return 0;
}

static int take_direction(struct control *control, struct word word, char error[CONTROL_ERROR])
{
	if (is(word, "both"))
		control->direction = CONTROL_BOTH;
	else if (is(word, "a->b"))
		control->direction = CONTROL_A_TO_B;
	else if (is(word, "b->a"))
		control->direction = CONTROL_B_TO_A;
	else
		return fault(error, "'%.*s' is none of a->b, b->a, both", (int)word.len, word.at);
	return 0;
}

static int take_verb(struct control *control, struct word word, char error[CONTROL_ERROR])
{
	static const char *const verbs[] = { [CONTROL_SET] = "set",
					     [CONTROL_CLEAR] = "clear",
					     [CONTROL_STATS] = "stats",
					     [CONTROL_QUIT] = "quit" };
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (is(word, verbs[i])) {
			control->verb = (enum control_verb)i;
			return 0;
		}
	}
	return fault(error, "'%.*s' is none of set, clear, stats, quit", (int)word.len, word.at);
}

int control_parse(struct control *out, const char *line, size_t len, char error[CONTROL_ERROR])
{
	struct control control = { 0 };
	const char *at = line;
	const char *end = line + len;
	if (len > CONTROL_LINE_MAX)
		return fault(error, "a line of more than %d bytes", CONTROL_LINE_MAX);
	int err = take_verb(&control, next_word(&at, end), error);
	const bool directed = control.verb == CONTROL_SET || control.verb == CONTROL_CLEAR;
	if (!err && directed)
		err = take_direction(&control, next_word(&at, end), error);
	struct word word = { NULL, 0 };
	while (!err && (word = next_word(&at, end)).len) {
		if (control.verb == CONTROL_SET)
			err = take_setting(&control, word, error);
		else
			err = fault(error, "'%.*s' is too much", (int)word.len, word.at);
	}
	if (!err && control.verb == CONTROL_SET && !control.count && !control.has_trace)
		err = fault(error, "set needs KEY=VALUE");
	if (!err)
		*out = control;
	return err;
}

void control_apply(const struct control *control, struct profile *profile)
{
	if (control->verb == CONTROL_CLEAR)
		*profile = profile_clean();
	for (size_t i = 0; i < control->count; i++) {
		const struct key *key = &keys[control->settings[i].key];
		const double value = control->settings[i].value * key->scale;
		void *member = (char *)profile + key->offset;
		if (key->member == MEMBER_REAL)
			*(double *)member = value;
		else
			*(int64_t *)member = (int64_t)(value + 0.5);
	}
}

void control_help(FILE *out)
{
	fputs("\nLines on standard input, each answered by \"ok\" or \"error: ...\" (stats: by JSON):\n"
	      "  set DIRECTION KEY=VALUE...   changes these, leaves the others\n"
	      "  clear DIRECTION              a perfect wire again\n"
	      "  stats                        counters of both directions, own CPU time\n"
	      "  quit                         so does the end of the input\n"
	      "DIRECTION is a->b, b->a or both. Keys, all 0 in the beginning unless said:\n",
	      out);
	for (size_t i = 0; i < KEYS; i++)
		fprintf(out, "  %-10s %s (0..%.0f)\n", keys[i].name, keys[i].text, keys[i].max);
	fputs("  trace      FILE of lines \"KBIT_PER_S [SLOTS]\" (slots of 20 ms, 0: a gap in which\n"
	      "             packets wait), 5g (made from the seed) or off; stands in for rate\n"
	      "Delay, jitter and rate may have decimals. Order of things: down, loss, duplicate, rate\n"
	      "and q, delay and jitter.\n",
	      out);
}
