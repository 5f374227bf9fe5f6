#include "media/ingest/amf0.h"
#include "server/core/bytes.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct bits reader_of(const struct bytes *bytes)
{
	struct bits bits;
	bits_init(&bits, bytes->data, bytes->len);
	return bits;
}

Test(amf0, reads_the_connect_command_of_ffmpeg)
{
	/* Captured: "connect", 1, {app: "live", type: "nonprivate"} */
	static const uint8_t captured[] = "\x02\x00\x07"
					  "connect\x00\x3f\xf0\x00\x00\x00\x00\x00\x00\x03\x00\x03"
					  "app\x02\x00\x04live\x00\x04type\x02\x00\x0a"
					  "nonprivate\x00\x00\x09";
	struct bits bits;
	struct amf0_text text;
	double number;
	bits_init(&bits, captured, sizeof(captured) - 1);
	cr_assert(eq(int, amf0_string(&bits, &text), 0));
	cr_assert(amf0_text_is(&text, "connect"));
	cr_assert(eq(int, amf0_number(&bits, &number), 0));
	cr_assert(epsilon_eq(dbl, number, 1.0, 0));
	cr_assert(eq(int, amf0_enter(&bits), 0));
	cr_assert(eq(int, amf0_key(&bits, &text), 1));
	cr_assert(amf0_text_is(&text, "app"));
	cr_assert(eq(int, amf0_string(&bits, &text), 0));
	cr_assert(amf0_text_is(&text, "live"));
	cr_assert(eq(int, amf0_key(&bits, &text), 1));
	cr_assert(eq(int, amf0_skip(&bits), 0));
	cr_assert(eq(int, amf0_key(&bits, &text), 0));
	cr_assert(eq(int, amf0_peek(&bits), -1));
}

Test(amf0, another_type_does_not_move_the_reader)
{
	static const uint8_t data[] = { 1, 1 };
	struct bits bits;
	double number;
	struct amf0_text text;
	bool value = false;
	bits_init(&bits, data, sizeof(data));
	cr_assert(eq(int, amf0_number(&bits, &number), -EINVAL));
	cr_assert(eq(int, amf0_string(&bits, &text), -EINVAL));
	cr_assert(eq(int, amf0_boolean(&bits, &value), 0));
	cr_assert(value);
}

static void put_everything(struct bytes *out)
{
	amf0_put_object(out);
	amf0_put_key(out, "number");
	amf0_put_number(out, -2.5);
	amf0_put_key(out, "flag");
	amf0_put_boolean(out, true);
	amf0_put_key(out, "nothing");
	amf0_put_null(out);
	amf0_put_key(out, "array");
	amf0_put_ecma_array(out, 77); /* counts are not to be trusted */
	amf0_put_key(out, "text");
	amf0_put_text(out, "x");
	amf0_put_end(out);
	amf0_put_key(out, "strict");
	bytes_put(out, "\x0a\x00\x00\x00\x02\x05\x06", 7);
	amf0_put_key(out, "date");
	bytes_put(out, "\x0b\0\0\0\0\0\0\0\0\0\0", 11);
	amf0_put_key(out, "typed");
	bytes_put(out, "\x10\x00\x01T\x00\x00\x09", 7);
	amf0_put_key(out, "xml");
	bytes_put(out, "\x0f\x00\x00\x00\x02<>", 7);
	amf0_put_end(out);
}

Test(amf0, skips_every_type_whole)
{
	struct bytes out;
	bytes_init(&out, 1024);
	put_everything(&out);
	amf0_put_text(&out, "after");
	struct bits bits = reader_of(&out);
	struct amf0_text text;
	cr_assert(eq(int, amf0_skip(&bits), 0));
	cr_assert(eq(int, amf0_string(&bits, &text), 0));
	cr_assert(amf0_text_is(&text, "after"));
	bytes_finish(&out);
}

Test(amf0, cut_off_values_are_refused)
{
	struct bytes out;
	bytes_init(&out, 1024);
	put_everything(&out);
	for (size_t len = 0; len < out.len; len++) {
		uint8_t *copy = malloc(len + 1);
		struct bits bits;
		memcpy(copy, out.data, len);
		bits_init(&bits, copy, len);
		cr_assert(eq(int, amf0_skip(&bits), -EINVAL), "at %zu", len);
		free(copy);
	}
	bytes_finish(&out);
}

static int skip_nested(unsigned depth)
{
	struct bytes out;
	bytes_init(&out, 4096);
	for (unsigned i = 0; i < depth; i++) {
		amf0_put_object(&out);
		amf0_put_key(&out, "o");
	}
	amf0_put_null(&out);
	for (unsigned i = 0; i < depth; i++)
		amf0_put_end(&out);
	struct bits bits = reader_of(&out);
	const int err = amf0_skip(&bits);
	bytes_finish(&out);
	return err;
}

Test(amf0, depth_has_a_cap)
{
	cr_assert(eq(int, skip_nested(AMF0_DEPTH_MAX - 1), 0));
	cr_assert(eq(int, skip_nested(AMF0_DEPTH_MAX), -EINVAL));
}

Test(amf0, long_texts_become_long_strings)
{
	const size_t len = 70000;
	char *text = malloc(len);
	memset(text, 'a', len);
	struct bytes out;
	struct amf0_text back;
	bytes_init(&out, 100000);
	amf0_put_string(&out, text, len);
	struct bits bits = reader_of(&out);
	cr_assert(eq(int, amf0_peek(&bits), AMF0_LONG_STRING));
	cr_assert(eq(int, amf0_string(&bits, &back), 0));
	cr_assert(eq(sz, back.len, len));
	bytes_finish(&out);
	free(text);
}
