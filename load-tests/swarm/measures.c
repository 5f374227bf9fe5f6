#include "load-tests/swarm/measures.h"

const struct measure_name measure_names[MEASURES] = {
	[MEASURE_JOIN] = { "join_ms", "Join time", false },
	[MEASURE_LOSS] = { "loss_percent", "Loss", true },
	[MEASURE_FREEZE] = { "freeze_percent", "Freeze", true },
	[MEASURE_SPREAD] = { "frame_spread_ms", "Frame spread", false },
	[MEASURE_WHOLE_SPREAD] = { "whole_spread_ms", "Spread of whole frames", false },
	[MEASURE_AGE] = { "frame_age_ms", "Frame age", false },
	[MEASURE_ADDED] = { "added_ms", "Host's last packet of a frame to the viewer's", false },
	[MEASURE_EVENT] = { "event_error_ms", "Stream-time error of events", false },
	[MEASURE_EVENT_DELAY] = { "event_delay_ms", "Delay of events", false },
	[MEASURE_ORDER] = { "order_latency_ms", "Order latency", false },
	[MEASURE_CONNECT] = { "connect_ms", "Request to DTLS done", false },
	[MEASURE_FRAME] = { "first_frame_ms", "Request to first whole frame", false },
	[MEASURE_REFUSAL] = { "refusal_ms", "Request to 503", false },
};

const char *const client_names[CLIENT_KINDS] = {
	[CLIENT_WHEP] = "whep",    [CLIENT_FLV] = "flv",    [CLIENT_WS] = "ws",
	[CLIENT_BUYER] = "buyers", [CLIENT_HOST] = "hosts",
};

void measures_turn(struct measures *measures, double at_s)
{
	for (int kind = 0; kind < CLIENT_KINDS; kind++)
		for (int what = 0; what < MEASURES; what++)
			series_turn(&measures->of[kind][what], at_s);
}

void measures_finish(struct measures *measures)
{
	for (int kind = 0; kind < CLIENT_KINDS; kind++)
		for (int what = 0; what < MEASURES; what++)
			series_finish(&measures->of[kind][what]);
}
