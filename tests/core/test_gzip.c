#include "server/core/gzip.h"

#include "server/core/buf.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>
#include <zlib.h>

static void check(size_t len)
{
	static char plain[100000], back[100001];
	for (size_t i = 0; i < len; i++)
		plain[i] = (char)('a' + i * i % 23);
	struct buf *in = buf_copy(plain, len);
	struct buf *out = gzip_buf(in);
	cr_assert(out != NULL);
	cr_assert(eq(int, memcmp(out->data, "\x1f\x8b", 2), 0));
	z_stream z = { .next_in = out->data,
		       .avail_in = (uInt)out->len,
		       .next_out = (Bytef *)back,
		       .avail_out = sizeof(back) };
	cr_assert(eq(int, inflateInit2(&z, 15 + 16), Z_OK));
	cr_assert(eq(int, inflate(&z, Z_FINISH), Z_STREAM_END));
	cr_assert(eq(sz, z.total_out, len));
	cr_assert(eq(int, memcmp(plain, back, len), 0));
	inflateEnd(&z);
	buf_unref(in);
	buf_unref(out);
}

Test(gzip, others_read_it)
{
	check(0);
	check(1);
	check(100000);
}
