#include "load-tests/swarm/report.h"

#include "load-tests/swarm/crowd.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static double ms(int64_t us)
{
	return (double)us / 1000;
}

static size_t put(char *out, size_t size, size_t at, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static size_t put(char *out, size_t size, size_t at, const char *format, ...)
{
	va_list args;
	if (at + 1 >= size)
		return at;
	va_start(args, format);
	const int len = vsnprintf(out + at, size - at, format, args);
	va_end(args);
	return len > 0 ? at + (size_t)len : at;
}

void report_line(const struct report *now, const struct report *before, char *out, size_t size)
{
	const double seconds = now->seconds - before->seconds;
	size_t at = put(out, size, 0, "%4.0f s", now->seconds);
	for (int kind = 0; kind < REPORT_CROWDS; kind++) {
		const struct viewer_figures *new = &now->viewers[kind],
					    *old = &before->viewers[kind];
		const size_t seats = now->crowds[kind] ? crowd_seats(now->crowds[kind]) : 0;
		if (!seats)
			continue;
		const uint64_t gone = crowd_left(now->crowds[kind]) + new->ended;
		at = put(out, size, at, " | %s %lld/%zu %.0f/s %.1f Mbit/s", client_names[kind],
			 (long long)(new->joined - gone), seats,
			 (double)(new->units - old->units) / seconds,
			 (double)(new->bytes - old->bytes) * 8 / 1e6 / seconds);
		if (kind != CLIENT_WS)
			at = put(out, size, at, " lost %llu", (unsigned long long)new->lost);
		if (new->freezes)
			at = put(out, size, at, " freezes %llu", (unsigned long long)new->freezes);
		if (new->refused)
			at = put(out, size, at, " refused %llu", (unsigned long long)new->refused);
		if (new->ended)
			at = put(out, size, at, " ended %llu", (unsigned long long)new->ended);
	}
	if (now->hosts.wanted)
		at = put(out, size, at, " | hosts %llu/%llu", (unsigned long long)now->hosts.live,
			 (unsigned long long)now->hosts.wanted);
	if (now->orders)
		at = put(out, size, at, " | orders %llu/%llu p99 %.1f ms",
			 (unsigned long long)now->orders->acknowledged,
			 (unsigned long long)now->orders->issued,
			 ms(histogram_percentile(&now->orders->latency, 99)));
	put(out, size, at, " | cpu %.0f %%",
	    (double)(now->cpu_us - before->cpu_us) / 1e4 / seconds);
}

/* ---- limits ---- */

static double worst_p99_ms(const struct report *report, enum measure what, bool *measured)
{
	double worst = 0;
	for (int kind = 0; kind < CLIENT_KINDS; kind++) {
		const struct histogram *whole = &report->scene->measures.of[kind][what].whole;
		*measured |= whole->count > 0;
		worst = fmax(worst, ms(histogram_percentile(whole, 99)));
	}
	return worst;
}

/* With churn those count who have asked and not left too early; else all seats. */
static double joined_percent(const struct report *report, bool *measured)
{
	double worst = 100;
	for (int kind = 0; kind < REPORT_CROWDS; kind++) {
		const struct viewer_figures *figures = &report->viewers[kind];
		const uint64_t seats = report->crowds[kind] ? crowd_seats(report->crowds[kind]) : 0;
		const uint64_t wanted =
			report->scene->options->stay_s ? figures->asked - figures->waiting : seats;
		if (!seats)
			continue;
		*measured = true;
		worst = fmin(worst, wanted ? 100.0 * (double)figures->joined / (double)wanted : 0);
	}
	return worst;
}

static double loss_percent(const struct report *report, bool *measured)
{
	uint64_t lost = 0, expected = 0;
	for (int kind = 0; kind < REPORT_CROWDS; kind++) {
		lost += report->viewers[kind].lost;
		expected += report->viewers[kind].expected;
	}
	*measured = expected > 0;
	return expected ? 100.0 * (double)lost / (double)expected : 0;
}

static double freeze_percent(const struct report *report, bool *measured)
{
	double frozen_us = 0, watched_us = 0;
	for (int kind = 0; kind < REPORT_CROWDS; kind++) {
		frozen_us += (double)report->viewers[kind].frozen_us;
		watched_us += (double)report->viewers[kind].watched_us;
	}
	*measured = watched_us > 0;
	return watched_us > 0 ? 100 * frozen_us / watched_us : 0;
}

static double event_gaps(const struct report *report, bool *measured)
{
	uint64_t gaps = 0;
	for (int kind = 0; kind < REPORT_CROWDS; kind++) {
		gaps += report->viewers[kind].event_gaps;
		*measured |= report->viewers[kind].events > 0;
	}
	return (double)gaps;
}

static double failures(const struct report *report, bool *measured)
{
	*measured = true;
	return (double)(report->scene->failures + report->viewers[CLIENT_FLV].misordered +
			report->farewells_failed);
}

/* Buyers that never came to order leave none unanswered, which is no success. */
static double unacked(const struct report *report, bool *measured)
{
	const struct order_figures *orders = report->orders;
	*measured = orders != NULL;
	if (!orders)
		return 0;
	const uint64_t wanted = (uint64_t)swarm_options_buyers(report->scene->options);
	const uint64_t missing = wanted - orders->buyers_ready;
	const uint64_t none = orders->issued ? 0 : 1;
	return (double)(orders->issued - orders->acknowledged - orders->refused + missing + none);
}

static double figure_of(const struct report *report, enum limit_id id, bool *measured)
{
	switch (id) {
	case LIMIT_JOINED:
		return joined_percent(report, measured);
	case LIMIT_FAILURES:
		return failures(report, measured);
	case LIMIT_LOSS:
		return loss_percent(report, measured);
	case LIMIT_FREEZE:
		return freeze_percent(report, measured);
	case LIMIT_JOIN_P99:
		return worst_p99_ms(report, MEASURE_JOIN, measured);
	case LIMIT_SPREAD_P99:
		return worst_p99_ms(report, MEASURE_SPREAD, measured);
	case LIMIT_AGE_P99:
		return worst_p99_ms(report, MEASURE_AGE, measured);
	case LIMIT_EVENT_P99:
		return worst_p99_ms(report, MEASURE_EVENT, measured);
	case LIMIT_EVENT_GAPS:
		return event_gaps(report, measured);
	case LIMIT_ORDER_P99:
		return worst_p99_ms(report, MEASURE_ORDER, measured);
	case LIMIT_UNACKED:
		return unacked(report, measured);
	case LIMIT_REFUSED:
		*measured = report->orders != NULL;
		return report->orders ? (double)report->orders->refused : 0;
	default:
		return 0;
	}
}

struct limit_verdict report_judge(const struct report *report, enum limit_id id)
{
	const char *text = report->scene->options->limits[id];
	bool set = false, measured = false;
	double bound = 0;
	if (!text || limit_parse(text, &set, &bound) || !set)
		return (struct limit_verdict){ .held = true };
	const double figure = figure_of(report, id, &measured);
	return measured ? limit_judge(id, bound, figure) : (struct limit_verdict){ .held = true };
}

bool report_bottleneck(const struct report *report)
{
	return own_load_too_much(report->load) || report->viewers[CLIENT_WHEP].receive_drops > 0;
}

enum report_status report_status(const struct report *report)
{
	if (report_bottleneck(report))
		return REPORT_BOTTLENECK;
	for (int id = 0; id < LIMITS; id++)
		if (!report_judge(report, (enum limit_id)id).held)
			return REPORT_BROKEN;
	return REPORT_HELD;
}

void report_verdict(const struct report *report)
{
	for (int id = 0; id < LIMITS; id++) {
		const struct limit_verdict verdict = report_judge(report, (enum limit_id)id);
		const struct limit_name *name = &limit_names[id];
		if (verdict.checked)
			fprintf(stderr, "%-6s %s: %.4g%s%s (%s %.4g)\n",
				verdict.held ? "held" : "BROKEN", name->option, verdict.figure,
				name->unit[0] ? " " : "", name->unit,
				name->at_least ? "at least" : "at most", verdict.bound);
	}
	const struct report_proof proof = report_proof(report);
	if (proof.viewers)
		fprintf(stderr,
			"cheap counting against full, %llu viewers: loss differs by %.3f %%, frames "
			"by %.3f %%, freeze by %.3f %% at most\n",
			(unsigned long long)proof.viewers, proof.loss, proof.frames, proof.freeze);
	if (report_bottleneck(report))
		fprintf(stderr,
			"the swarm was the bottleneck, this run does not count: busiest second %.0f %% "
			"of a core, loop p99 %.1f ms late, %llu packets dropped by its own sockets\n",
			report->load->busiest_percent,
			ms(histogram_percentile(&report->load->lag.whole, 99)),
			(unsigned long long)report->viewers[CLIENT_WHEP].receive_drops);
}

/* ---- proof ---- */

static double apart(double a, double b, double whole)
{
	return whole > 0 ? 100 * fabs(a - b) / whole : 0;
}

struct report_proof report_proof(const struct report *report)
{
	struct report_proof out = { 0 };
	struct viewer_proof cheap, full;
	size_t at = 0;
	const struct crowd *crowd = report->crowds[CLIENT_WHEP];
	while (crowd && crowd_proof(crowd, &at, &cheap, &full)) {
		const double watched_us = (double)full.watched_us;
		out.viewers++;
		out.cheap_frames += cheap.frames;
		out.full_frames += full.frames;
		out.loss = fmax(out.loss,
				apart((double)cheap.lost, (double)full.lost, (double)full.packets));
		out.frames = fmax(out.frames, apart((double)cheap.frames, (double)full.frames,
						    (double)full.frames));
		out.freeze = fmax(out.freeze, apart((double)cheap.frozen_us, (double)full.frozen_us,
						    watched_us));
	}
	return out;
}
