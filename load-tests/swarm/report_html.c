/* The page: one file, no script, nothing from the network; well-formed XML as well as HTML. */
#include "load-tests/swarm/crowd.h"
#include "load-tests/swarm/plot.h"
#include "load-tests/swarm/report.h"

#include <errno.h>
#include <stdio.h>

static const char head[] =
	"<!DOCTYPE html>\n"
	"<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
	"<meta charset=\"utf-8\"/>\n"
	"<meta name=\"viewport\" content=\"width=device-width\"/>\n"
	"<title>souk-swarm</title>\n<style>\n"
	"body { font: 15px/1.45 system-ui, sans-serif; max-width: 760px; margin: 2em auto;"
	" padding: 0 1em; color: #222; }\n"
	"table { border-collapse: collapse; } td, th { padding: .15em .8em .15em 0;"
	" text-align: right; } td:first-child, th:first-child { text-align: left; }\n"
	"h2 { margin: 1.6em 0 .2em; font-size: 1.15em; }\n"
	".held { color: #17703a; } .broken { color: #b3261e; font-weight: bold; }\n"
	"svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: #555; }\n"
	".grid { stroke: #ddd; } polyline { fill: none; stroke-width: 1.6; }\n"
	".p50 { stroke: #1b6ac9; color: #1b6ac9; } .p90 { stroke: #2f9e63; color: #2f9e63; }\n"
	".p99 { stroke: #d9822b; color: #d9822b; }"
	" .max { stroke: #bbb; stroke-width: 1; color: #888; }\n"
	"</style>\n</head>\n<body>\n<h1>souk-swarm</h1>\n";

static const char *unit_of(bool share)
{
	return share ? "%" : "ms";
}

static void write_summary(const struct report *report, FILE *out)
{
	const struct swarm_options *options = report->scene->options;
	fputs("<p>", out);
	if (options->scenario) {
		fputs("Scenario <code>", out);
		plot_text(options->scenario, out);
		fputs("</code>. ", out);
	}
	fprintf(out, "%.0f seconds, room <code>", report->seconds);
	plot_text(options->room, out);
	fprintf(out,
		"</code>. The swarm used %.0f %% of a core, %.0f %% in its busiest second; its "
		"loop was at most %.1f ms late.</p>\n",
		(double)report->cpu_us / 1e4 / report->seconds, report->load->busiest_percent,
		(double)report->load->lag.whole.max_us / 1000);
	if (report_bottleneck(report))
		fputs("<p class=\"broken\">The swarm was the bottleneck: this run does not count."
		      "</p>\n",
		      out);
}

static void write_limits(const struct report *report, FILE *out)
{
	fputs("<h2>Limits</h2>\n<table>\n<tr><th>limit</th><th>figure</th><th>bound</th>"
	      "<th></th></tr>\n",
	      out);
	for (int id = 0; id < LIMITS; id++) {
		const struct limit_verdict verdict = report_judge(report, (enum limit_id)id);
		const struct limit_name *name = &limit_names[id];
		if (!verdict.checked)
			continue;
		fprintf(out,
			"<tr><td>%s</td><td>%.4g %s</td><td>%s %.4g</td><td class=\"%s\">%s</td>"
			"</tr>\n",
			name->option, verdict.figure, name->unit,
			name->at_least ? "at least" : "at most", verdict.bound,
			verdict.held ? "held" : "broken", verdict.held ? "held" : "broken");
	}
	fputs("</table>\n", out);
}

static void write_crowds(const struct report *report, FILE *out)
{
	fputs("<h2>Clients</h2>\n<table>\n<tr><th>kind</th><th>seats</th><th>sessions</th>"
	      "<th>joined</th><th>left</th><th>failed</th><th>lost</th><th>freezes</th></tr>\n",
	      out);
	for (int kind = 0; kind < REPORT_CROWDS; kind++) {
		const struct viewer_figures *figures = &report->viewers[kind];
		const struct crowd *crowd = report->crowds[kind];
		if (crowd)
			fprintf(out,
				"<tr><td>%s</td><td>%zu</td><td>%llu</td><td>%llu</td><td>%llu</td>"
				"<td>%llu</td><td>%llu</td><td>%llu</td></tr>\n",
				client_names[kind], crowd_seats(crowd),
				(unsigned long long)figures->asked,
				(unsigned long long)figures->joined,
				(unsigned long long)crowd_left(crowd),
				(unsigned long long)report->scene->failed[kind],
				(unsigned long long)figures->lost,
				(unsigned long long)figures->freezes);
	}
	fputs("</table>\n", out);
	if (report->orders)
		fprintf(out,
			"<p>Orders: %llu issued, %llu acknowledged, %llu refused, %llu sent "
			"again under their key.</p>\n",
			(unsigned long long)report->orders->issued,
			(unsigned long long)report->orders->acknowledged,
			(unsigned long long)report->orders->refused,
			(unsigned long long)report->orders->sent_again);
}

static void write_plot(const struct report *report, const struct measure_name *name,
		       const char *who, const struct series *series, FILE *out)
{
	const double scale = name->share ? 1e4 : 1e3;
	const struct histogram *whole = &series->whole;
	const char *unit = unit_of(name->share);
	const struct plot plot = {
		.title = name->title,
		.unit = unit,
		.series = series,
		.scale = scale,
		.seconds = report->seconds,
	};
	fprintf(out,
		"<h2>%s, %s</h2>\n<p><span class=\"p50\">p50 %.4g</span>, "
		"<span class=\"p90\">p90 %.4g</span>, <span class=\"p99\">p99 %.4g</span>, "
		"<span class=\"max\">max %.4g</span> %s, of %llu</p>\n",
		name->title, who, (double)histogram_percentile(whole, 50) / scale,
		(double)histogram_percentile(whole, 90) / scale,
		(double)histogram_percentile(whole, 99) / scale, (double)whole->max_us / scale,
		unit, (unsigned long long)whole->count);
	plot_write(&plot, out);
}

static void write_plots(const struct report *report, FILE *out)
{
	static const struct measure_name cpu = { "", "CPU of the swarm", true };
	static const struct measure_name lag = { "", "Loop's delay", false };
	for (int what = 0; what < MEASURES; what++) {
		for (int kind = 0; kind < CLIENT_KINDS; kind++) {
			const struct series *series = &report->scene->measures.of[kind][what];
			if (series->count)
				write_plot(report, &measure_names[what], client_names[kind], series,
					   out);
		}
	}
	write_plot(report, &cpu, "of one core", &report->load->cpu, out);
	write_plot(report, &lag, "swarm", &report->load->lag, out);
}

static void write_proof(const struct report *report, FILE *out)
{
	const struct report_proof sum = report_proof(report);
	struct viewer_proof cheap, full;
	size_t at = 0;
	if (!sum.viewers)
		return;
	fprintf(out,
		"<h2>Cheap counting against full</h2>\n<p>%llu viewers decrypt all and read its "
		"H.264. At most apart: loss %.3f %%, frames %.3f %%, freeze %.3f %%.</p>\n"
		"<details><summary>each</summary>\n<table>\n<tr><th>packets</th><th>lost</th>"
		"<th>full</th><th>frames</th><th>full</th><th>keyframes</th><th>frozen ms</th>"
		"<th>full</th></tr>\n",
		(unsigned long long)sum.viewers, sum.loss, sum.frames, sum.freeze);
	while (crowd_proof(report->crowds[CLIENT_WHEP], &at, &cheap, &full))
		fprintf(out,
			"<tr><td>%llu</td><td>%llu</td><td>%llu</td><td>%llu</td><td>%llu</td>"
			"<td>%llu</td><td>%.0f</td><td>%.0f</td></tr>\n",
			(unsigned long long)full.packets, (unsigned long long)cheap.lost,
			(unsigned long long)full.lost, (unsigned long long)cheap.frames,
			(unsigned long long)full.frames, (unsigned long long)full.keyframes,
			(double)cheap.frozen_us / 1000, (double)full.frozen_us / 1000);
	fputs("</table>\n</details>\n", out);
}

int report_write_html(const struct report *report, const char *path)
{
	FILE *out = fopen(path, "we");
	if (!out)
		return -errno;
	fputs(head, out);
	write_summary(report, out);
	write_limits(report, out);
	write_crowds(report, out);
	write_plots(report, out);
	write_proof(report, out);
	fputs("</body>\n</html>\n", out);
	const int failed = ferror(out);
	return fclose(out) || failed ? -EIO : 0;
}
