#include "server/write.h"

#include "server/control.h"
#include "server/core/alloc.h"
#include "server/live.h"
#include "server/reply.h"
#include "server/room_view.h"
#include "server/route.h"
#include "server/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_caller(struct caller *caller, const struct jwt_claims *claims)
{
	memcpy(caller->sub, claims->sub, sizeof(caller->sub));
	memcpy(caller->room, claims->room, sizeof(caller->room));
	caller->role = (enum role)claims->role; /* both run from viewer to admin */
}

static void keep_answer(struct answer *kept, const struct answer *answer)
{
	*kept = *answer;
	if (answer->body)
		kept->body = xstrndup(answer->body, answer->body_len);
}

static void on_reply(void *arg, const struct answer *answer)
{
	struct write *write = arg;
	if (write->fault.code && !answer->code)
		answer_refuse(&write->answer, &write->fault, NULL);
	else
		keep_answer(&write->answer, answer);
	call_return(&write->call);
}

static void refuse_for_rate(struct answer *answer, int wait_s)
{
	answer_refuse(answer, &(struct problem){ .status = 429, .code = "rate_limited" }, NULL);
	answer->retry_after_s = wait_s;
}

static void on_control(struct call *call)
{
	struct write *write = list_entry(call, struct write, call);
	struct control *control = call->app->control;
	const int wait_s = write->kind->is_order
				   ? control_admit_order(control, write->room, write->caller.sub)
				   : 0;
	if (wait_s) {
		refuse_for_rate(&write->answer, wait_s);
		call_return(call);
		return;
	}
	const struct engine_reply reply = { .fn = on_reply, .arg = write };
	if (write->fault.code)
		write->kind->look(write, control_engine(control), reply);
	else
		write->kind->perform(write, control_engine(control), reply);
}

static void reply_answer(struct http_request *request, const struct answer *answer,
			 const char *origin)
{
	struct reply_headers headers = { 0 };
	char retry_after[16], location[CONFIG_URL_MAX + sizeof(answer->location)];
	if (answer->body)
		reply_add(&headers, "Content-Type",
			  answer->code ? "application/problem+json" : "application/json");
	reply_add(&headers, "Cache-Control", "no-store");
	reply_add_cors(&headers);
	snprintf(location, sizeof(location), "%s%s", origin ? origin : "", answer->location);
	if (answer->location[0])
		reply_add(&headers, "Location", location);
	if (answer->replayed)
		reply_add(&headers, "Idempotency-Replayed", "true");
	if (answer->status == 429 || answer->status == 503) {
		snprintf(retry_after, sizeof(retry_after), "%d",
			 answer->retry_after_s ? answer->retry_after_s : 1);
		reply_add(&headers, "Retry-After", retry_after);
	}
	http_reply(request, answer->status, headers.list, answer->body, answer->body_len);
}

static void discard(struct write *write)
{
	answer_finish(&write->answer);
	free(write);
}

static void on_worker(struct call *call)
{
	struct write *write = list_entry(call, struct write, call);
	call->worker->reads -= write->kind->reads;
	if (write->request && !call->lost)
		reply_answer(write->request, &write->answer, call->app->config.public_url);
	discard(write);
}

static void on_request_gone(void *arg)
{
	struct write *write = arg;
	write->request = NULL;
}

static struct write *create(const struct exchange *exchange, const struct write_kind *kind)
{
	struct write *write = xcalloc(1, sizeof(*write));
	write->request = exchange->request;
	write->kind = kind;
	write->call.on_control = on_control;
	write->call.on_worker = on_worker;
	if (exchange->identified)
		set_caller(&write->caller, &exchange->claims);
	if (exchange->view)
		memcpy(write->room, exchange->view->snapshot->id, sizeof(write->room));
	snprintf(write->name, sizeof(write->name), "%s", exchange->name);
	return write;
}

/* 0, or -EINVAL with the fault answered. */
static int read_parameters(struct exchange *exchange, struct write *write)
{
	struct problem problem = { 0 };
	int err = 0;
	if (write->kind->keyed)
		err = idempotency_key_parse(
			write->key, http_header(exchange->request, "Idempotency-Key"), &problem);
	if (err && write->kind->look) {
		write->fault = problem;
		return 0;
	}
	if (err)
		exchange_problem(exchange, &problem);
	else if (write->kind->paged)
		err = exchange_page(exchange, &write->body.page);
	return err;
}

static int read_body(struct exchange *exchange, struct write *write)
{
	struct problem problem = { 0 };
	if (!write->kind->parse && !write->kind->empty_body)
		return 0;
	json_t *body = exchange_json(exchange, write->kind->empty_body);
	if (!body)
		return -EINVAL;
	const int err = write->kind->parse ? write->kind->parse(write, body, &problem) : 0;
	json_decref(body);
	if (err)
		exchange_problem(exchange, &problem);
	return err;
}

static void refuse_overloaded(struct http_request *request)
{
	reply_problem(request, &(struct problem_text){
				       .status = 503, .code = "overloaded", .retry_after_s = 1 });
}

void write_request(struct exchange *exchange, const struct write_kind *kind)
{
	struct worker *worker = exchange->worker;
	if (strlen(exchange->name) > NAME_MAX_LEN) { /* nothing has such a name */
		reply_error(exchange->request, 404, "not_found");
		return;
	}
	if (kind->reads && worker->reads >= WORKER_READS_MAX) {
		metric_add(worker->app->counters.reads_refused, 1);
		refuse_overloaded(exchange->request);
		return;
	}
	struct write *write = create(exchange, kind);
	if (read_parameters(exchange, write) || read_body(exchange, write)) {
		discard(write);
		return;
	}
	http_on_gone(exchange->request, on_request_gone, write);
	if (call_start(&write->call, worker) == 0) {
		worker->reads += kind->reads;
		return;
	}
	http_on_gone(exchange->request, NULL, NULL);
	refuse_overloaded(exchange->request);
	discard(write);
}

/* The result goes by the subject's sessions, so nothing comes back here. */
struct live_order {
	struct message message;
	struct app *app;
	struct caller caller;
	struct order_request request;
};

static void on_order_reply(void *arg, const struct answer *answer)
{
	struct live_order *order = arg;
	struct app *app = order->app;
	control_order_result(app->control, order->request.room, order->caller.sub,
			     order->request.key, answer);
	free(order);
	atomic_fetch_sub(&app->calls, 1);
}

static void run_live_order(struct message *message)
{
	struct live_order *order = list_entry(message, struct live_order, message);
	struct control *control = order->app->control;
	const int wait_s = control_admit_order(control, order->request.room, order->caller.sub);
	if (wait_s) {
		struct answer answer = { 0 };
		refuse_for_rate(&answer, wait_s);
		on_order_reply(order, &answer);
		answer_finish(&answer);
		return;
	}
	engine_place_order(control_engine(control), &order->request, &order->caller,
			   (struct engine_reply){ .fn = on_order_reply, .arg = order });
}

int write_live_order(struct live *live, const struct order_request *request)
{
	struct live_order *order = xcalloc(1, sizeof(*order));
	order->message.run = run_live_order;
	order->app = live->view->worker->app;
	order->request = *request;
	set_caller(&order->caller, &live->claims);
	atomic_fetch_add(&order->app->calls, 1);
	const int err = mqueue_push(order->app->control_queue, &order->message);
	if (err) {
		metric_add(order->app->counters.calls_refused, 1);
		atomic_fetch_sub(&order->app->calls, 1);
		free(order);
	}
	return err;
}
