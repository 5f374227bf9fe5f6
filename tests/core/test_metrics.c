#include "server/core/metrics.h"

#include "server/core/bytes.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

Test(metrics, renders_groups_sorted_by_name)
{
	struct metrics *metrics;
	struct bytes out;
	cr_assert(eq(int, metrics_create(&metrics), 0));
	bytes_init(&out, 10000);
	struct metric *gauge = metrics_add(metrics, METRIC_GAUGE, "souk_viewers", "Now", NULL);
	struct metric *two =
		metrics_add(metrics, METRIC_COUNTER, "souk_frames_total", "Frames", "worker=\"1\"");
	struct metric *one =
		metrics_add(metrics, METRIC_COUNTER, "souk_frames_total", "Frames", "worker=\"0\"");
	metric_set(gauge, -3);
	metric_add(one, 5);
	metric_add(one, 2);
	metric_add(two, INT64_C(1) << 40);
	metrics_render(metrics, &out);
	cr_assert(eq(str, (char *)bytes_string(&out),
		     "# HELP souk_frames_total Frames\n"
		     "# TYPE souk_frames_total counter\n"
		     "souk_frames_total{worker=\"0\"} 7\n"
		     "souk_frames_total{worker=\"1\"} 1099511627776\n"
		     "# HELP souk_viewers Now\n"
		     "# TYPE souk_viewers gauge\n"
		     "souk_viewers -3\n"));
	bytes_finish(&out);
	metrics_destroy(metrics);
	metrics_destroy(NULL);
}
