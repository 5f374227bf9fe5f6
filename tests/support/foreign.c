#include "tests/support/foreign.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t foreign_run(const char *format, const char *path, char *out, size_t size)
{
	char command[1024];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(command, sizeof(command), format, path);
#pragma GCC diagnostic pop
	FILE *pipe = popen(command, "r");
	cr_assert(pipe != NULL);
	const size_t len = fread(out, 1, size - 1, pipe);
	out[len] = '\0';
	cr_assert(eq(int, pclose(pipe), 0), "%s: %s", command, out);
	return len;
}

size_t foreign_lines(const char *text)
{
	size_t count = 0;
	for (; *text; text++)
		count += *text == '\n';
	return count;
}

size_t foreign_check_times(const char *path, char track, long long step)
{
	static char text[1 << 20];
	char format[256];
	size_t count = 0;
	snprintf(
		format, sizeof(format),
		"ffprobe -v error -select_streams %c -show_entries packet=dts -of csv=p=0 %%s 2>&1",
		track);
	foreign_run(format, path, text, sizeof(text));
	long long last = -1;
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (!*line)
			continue; /* of a packet with side data */
		const long long dts = atoll(line);
		cr_assert(dts > last, "%c: %lld after %lld", track, dts, last);
		if (step && last >= 0)
			cr_assert(eq(llong, dts - last, step));
		last = dts;
		count++;
	}
	return count;
}
