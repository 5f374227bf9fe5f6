#include "load-tests/swarm/plot.h"

#include <math.h>

enum {
	WIDTH = 720,
	HEIGHT = 220,
	LEFT = 64,
	RIGHT = 16,
	TOP = 12,
	BOTTOM = 32,
	Y_STEPS = 5,
	X_STEPS = 8,
	POINTS_MAX = 600, /* of a line: more than the page has pixels for */
};

/* Where a value is read from a point. */
enum line { LINE_MAX, LINE_P99, LINE_P90, LINE_P50, LINES };
static const char *const line_classes[LINES] = { "max", "p99", "p90", "p50" };

static int64_t value_of(const struct series_point *point, enum line line)
{
	const int64_t values[LINES] = {
		[LINE_MAX] = point->max,
		[LINE_P99] = point->p99,
		[LINE_P90] = point->p90,
		[LINE_P50] = point->p50,
	};
	return values[line];
}

double plot_round_up(double value)
{
	static const double steps[] = { 1, 2, 5 };
	const double power = pow(10, floor(log10(value)));
	for (unsigned i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (steps[i] * power >= value * (1 - 1e-12))
			return steps[i] * power;
	return 10 * power;
}

void plot_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else if (*text == '"')
			fputs("&quot;", out);
		else
			fputc(*text, out);
	}
}

struct frame_of_plot {
	double x_max, y_max;
};

static double x_of(const struct frame_of_plot *frame, double at_s)
{
	return LEFT + at_s / frame->x_max * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct frame_of_plot *frame, double value)
{
	return HEIGHT - BOTTOM - value / frame->y_max * (HEIGHT - TOP - BOTTOM);
}

static void write_axes(const struct plot *plot, const struct frame_of_plot *frame, FILE *out)
{
	for (int i = 0; i <= Y_STEPS; i++) {
		const double value = frame->y_max * i / Y_STEPS;
		const double y = y_of(frame, value);
		fprintf(out, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>",
			LEFT, WIDTH - RIGHT, y, y);
		fprintf(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n",
			LEFT - 6, y + 4, value);
	}
	const double step = plot_round_up(frame->x_max / X_STEPS);
	for (int i = 0; i * step <= frame->x_max; i++) {
		const double at_s = i * step;
		fprintf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.4g%s</text>\n",
			x_of(frame, at_s), HEIGHT - BOTTOM + 16, at_s, i ? "" : " s");
	}
	fprintf(out, "<text x=\"4\" y=\"%d\">", TOP + 4);
	plot_text(plot->unit, out);
	fputs("</text>\n", out);
}

/* Neighbours that share a pixel are one point: the largest of them, so that no peak is lost. */
static void write_line(const struct plot *plot, const struct frame_of_plot *frame, enum line line,
		       FILE *out)
{
	const struct series *series = plot->series;
	const size_t stride = series->count / POINTS_MAX + 1;
	fprintf(out, "<polyline class=\"%s\" points=\"", line_classes[line]);
	for (size_t i = 0; i < series->count; i += stride) {
		int64_t value = 0;
		for (size_t j = i; j < i + stride && j < series->count; j++) {
			const int64_t other = value_of(&series->points[j], line);
			value = other > value ? other : value;
		}
		const double x = x_of(frame, series->points[i].at_s);
		const double y = y_of(frame, (double)value / plot->scale);
		fprintf(out, "%.1f,%.1f ", x, y);
		if (series->count == 1) /* one point alone would not be seen */
			fprintf(out, "%.1f,%.1f ", x - 2, y);
	}
	fputs("\"/>\n", out);
}

static double largest(const struct plot *plot)
{
	int64_t value = 0;
	for (size_t i = 0; i < plot->series->count; i++)
		if (plot->series->points[i].max > value)
			value = plot->series->points[i].max;
	return (double)value / plot->scale;
}

void plot_write(const struct plot *plot, FILE *out)
{
	const double most = largest(plot);
	const struct frame_of_plot frame = {
		.x_max = plot->seconds > 1 ? plot->seconds : 1,
		.y_max = most > 0 ? plot_round_up(most) : 1,
	};
	fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
	plot_text(plot->title, out);
	fputs("\">\n", out);
	write_axes(plot, &frame, out);
	for (int line = 0; line < LINES; line++)
		write_line(plot, &frame, (enum line)line, out);
	fputs("</svg>\n", out);
}
